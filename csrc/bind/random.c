/* random.c - random generators as userdata: numbers and tensors drawn as NumPy's Generator draws them. */
#include "bind.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

mb_rng *bind_rng(lua_State *L, const char *operation, const char *name, int arg) {
  mb_rng *rng = luaL_testudata(L, arg, RNG_TYPE);
  if (rng == NULL) bind_type_error(L, operation, name, arg, "a generator, as mb.rng(seed) makes it");
  return rng;
}

static mb_rng *push_rng(lua_State *L) {
  mb_rng *rng = lua_newuserdatauv(L, sizeof *rng, 0);
  luaL_setmetatable(L, RNG_TYPE);
  return rng;
}

static mb_rng *self(lua_State *L, const char *operation) {
  return bind_rng(L, operation, "self", 1);
}

/* ---- seeds ---- */

/* Appends the seed at arg as 32-bit words, at least one and at most two; returns the new end. */
static uint32_t *append_seed(lua_State *L, uint32_t *words, int arg) {
  const uint64_t seed = (uint64_t)bind_size(L, "rng", "seed", arg, 0, INT64_MAX);
  *words++ = (uint32_t)seed;
  if (seed >> 32) *words++ = (uint32_t)(seed >> 32);
  return words;
}

/* core.rng(seed): seed is an integer, a table of integers, or nil for entropy from the system */
static int new_rng(lua_State *L) {
  uint32_t words[4];
  if (lua_isnoneornil(L, 1)) {
    if (getentropy(words, sizeof words) != 0) bind_error(L, "rng: the system gives no entropy; pass a seed");
    mb_rng_seed(push_rng(L), words, 4);
  } else if (lua_type(L, 1) == LUA_TTABLE) {
    const lua_Integer count = (lua_Integer)lua_rawlen(L, 1);
    if (count == 0) bind_error(L, "rng: seed: got an empty table");
    uint32_t *all = lua_newuserdatauv(L, (size_t)count * 2 * sizeof *all, 0), *end = all;
    for (lua_Integer i = 1; i <= count; i++) {
      lua_rawgeti(L, 1, i);
      end = append_seed(L, end, lua_gettop(L));
      lua_pop(L, 1);
    }
    mb_rng_seed(push_rng(L), all, end - all);
  } else {
    const uint32_t *end = append_seed(L, words, 1);
    mb_rng_seed(push_rng(L), words, end - words);
  }
  return 1;
}

/* ---- numbers, or tensors where a shape is asked for ---- */

/* Reads the shape from arg on, as sizes or a table; rank 0 where there is none: a plain number. */
static int read_shape(lua_State *L, const char *operation, int arg, mb_size *shape) {
  const bool absent = lua_gettop(L) < arg || (lua_gettop(L) == arg && lua_isnil(L, arg));
  return absent ? 0 : bind_read_shape(L, operation, arg, shape, 0);
}

static double number_or(lua_State *L, const char *operation, const char *name, int arg, double otherwise) {
  if (lua_isnoneornil(L, arg)) return otherwise;
  const double value = bind_number(L, operation, name, arg);
  if (!isfinite(value)) bind_type_error(L, operation, name, arg, "a finite number");
  return value;
}

static double non_negative_or(lua_State *L, const char *operation, const char *name, int arg,
                              double otherwise) {
  const double value = number_or(L, operation, name, arg, otherwise);
  if (value < 0) bind_type_error(L, operation, name, arg, "a number of at least 0");
  return value;
}

typedef double (*Draw)(mb_rng *rng, double a, double b);

static int push_draws(lua_State *L, const char *operation, int shape_arg, Draw draw, double a, double b) {
  mb_size shape[MB_MAX_RANK];
  mb_rng *rng = self(L, operation);
  const int rank = read_shape(L, operation, shape_arg, shape);
  if (rank == 0) {
    lua_pushnumber(L, draw(rng, a, b));
  } else {
    Tensor *y = bind_new_tensor(L, operation, rank, shape);
    for (mb_size i = 0; i < y->count; i++) y->data[i] = (mb_real)draw(rng, a, b);
  }
  return 1;
}

static double draw_random(mb_rng *rng, double a, double b) {
  (void)a, (void)b;
  return mb_rng_random(rng);
}

static double draw_normal(mb_rng *rng, double mean, double sd) {
  return mean + sd * mb_rng_normal(rng);
}

static double draw_exponential(mb_rng *rng, double scale, double b) {
  (void)b;
  return scale * mb_rng_exponential(rng);
}

static double draw_gamma(mb_rng *rng, double shape, double scale) {
  return scale * mb_rng_gamma(rng, shape);
}

/* core.rng_random(rng, shape...) */
static int rng_random(lua_State *L) {
  return push_draws(L, "rng:random", 2, draw_random, 0, 0);
}

/* core.rand(rng, shape...), core.randn(rng, shape...) */
static int uniform_tensor(lua_State *L) {
  return push_draws(L, "rand", 2, draw_random, 0, 0);
}

static int normal_tensor(lua_State *L) {
  return push_draws(L, "randn", 2, draw_normal, 0, 1);
}

/* core.rng_uniform(rng, low, high, shape...) */
static int rng_uniform(lua_State *L) {
  const double low = number_or(L, "rng:uniform", "low", 2, 0),
               high = number_or(L, "rng:uniform", "high", 3, 1);
  if (low > high) bind_error(L, "rng:uniform: expected low <= high, got %f and %f", low, high);
  if (!isfinite(high - low)) bind_error(L, "rng:uniform: high - low is too large: %f and %f", low, high);
  return push_draws(L, "rng:uniform", 4, mb_rng_uniform, low, high);
}

/* core.rng_normal(rng, mean, sd, shape...) */
static int rng_normal(lua_State *L) {
  const double mean = number_or(L, "rng:normal", "mean", 2, 0);
  return push_draws(L, "rng:normal", 4, draw_normal, mean, non_negative_or(L, "rng:normal", "sd", 3, 1));
}

/* core.rng_exponential(rng, scale, shape...) */
static int rng_exponential(lua_State *L) {
  const double scale = non_negative_or(L, "rng:exponential", "scale", 2, 1);
  return push_draws(L, "rng:exponential", 3, draw_exponential, scale, 0);
}

/* core.rng_gamma(rng, shape_parameter, scale, shape...) */
static int rng_gamma(lua_State *L) {
  bind_number(L, "rng:gamma", "shape parameter", 2);
  const double shape = non_negative_or(L, "rng:gamma", "shape parameter", 2, 0);
  return push_draws(L, "rng:gamma", 4, draw_gamma, shape, non_negative_or(L, "rng:gamma", "scale", 3, 1));
}

static double draw_poisson(mb_rng *rng, double mean, double b) {
  (void)b;
  return mb_rng_poisson(rng, mean);
}

/* core.rng_poisson(rng, mean, shape...) */
static int rng_poisson(lua_State *L) {
  const double mean = non_negative_or(L, "rng:poisson", "mean", 2, 1);
  if (mean > 1e15) bind_error(L, "rng:poisson: mean: expected at most 1e15, got %f", mean);
  return push_draws(L, "rng:poisson", 3, draw_poisson, mean, 0);
}

static int64_t read_integer(lua_State *L, const char *name, int arg) {
  return bind_size(L, "rng:integers", name, arg, INT64_MIN, INT64_MAX);
}

/* core.rng_integers(rng, low, high, endpoint, shape or nil) */
static int rng_integers(lua_State *L) {
  mb_size shape[MB_MAX_RANK];
  mb_rng *rng = self(L, "rng:integers");
  const int64_t low = read_integer(L, "low", 2), high = read_integer(L, "high", 3);
  const bool endpoint = bind_flag(L, 4);
  if (endpoint ? low > high : low >= high)
    bind_error(L, "rng:integers: expected low %s high, got %I and %I", endpoint ? "<=" : "<",
               (LUAI_UACINT)low, (LUAI_UACINT)high);
  const int64_t last = endpoint ? high : high - 1;
  const int rank = read_shape(L, "rng:integers", 5, shape);
  if (rank == 0) {
    lua_pushinteger(L, mb_rng_integer(rng, low, last));
    return 1;
  }
  if (low < -BIND_EXACT || last > BIND_EXACT)
    bind_error(L, "rng:integers: a tensor holds integers up to %I exactly, asked for %I to %I",
               (LUAI_UACINT)BIND_EXACT, (LUAI_UACINT)low, (LUAI_UACINT)last);
  Tensor *y = bind_new_tensor(L, "rng:integers", rank, shape);
  for (mb_size i = 0; i < y->count; i++) y->data[i] = (mb_real)mb_rng_integer(rng, low, last);
  return 1;
}

/* ---- permutations ---- */

static mb_size *push_permutation(lua_State *L, mb_rng *rng, mb_size count) {
  mb_size *index = lua_newuserdatauv(L, (size_t)count * sizeof *index, 0);
  for (mb_size i = 0; i < count; i++) index[i] = i;
  mb_rng_shuffle(rng, index, count);
  return index;
}

/* Pushes the rows of x with these indices; shape is that of the index array. */
static Tensor *push_rows(lua_State *L, const char *operation, const Tensor *x, const mb_size *index, int rank,
                         const mb_size *shape) {
  mb_size y_shape[2 * MB_MAX_RANK], rows = 1;
  int y_rank = 0;
  for (int d = 0; d < rank; d++) rows *= y_shape[y_rank++] = shape[d];
  for (int d = 1; d < x->shape.rank; d++) y_shape[y_rank++] = x->shape.shape[d];
  Tensor *y = bind_new_tensor(L, operation, y_rank, y_shape);
  mb_gather(y->data, x->data, index, rows, x->count / x->shape.shape[0]);
  return y;
}

/* Pushes a tensor of indices, counted from 1. */
static void push_indices(lua_State *L, const char *operation, const mb_size *index, int rank,
                         const mb_size *shape) {
  Tensor *y = bind_new_tensor(L, operation, rank, shape);
  for (mb_size i = 0; i < y->count; i++) y->data[i] = (mb_real)(index[i] + 1);
}

/* core.rng_permutation(rng, n or tensor) */
static int rng_permutation(lua_State *L) {
  mb_rng *rng = self(L, "rng:permutation");
  if (lua_type(L, 2) == LUA_TNUMBER) {
    const mb_size count = bind_size(L, "rng:permutation", "n", 2, 1, BIND_EXACT);
    push_indices(L, "rng:permutation", push_permutation(L, rng, count), 1, &count);
  } else {
    const Tensor *x = bind_tensor(L, "rng:permutation", "n or tensor", 2);
    const mb_size *index = push_permutation(L, rng, x->shape.shape[0]);
    push_rows(L, "rng:permutation", x, index, 1, x->shape.shape);
  }
  return 1;
}

static void shuffle_table(lua_State *L, mb_rng *rng) {
  for (mb_size i = luaL_len(L, 2) - 1; i > 0; i--) {
    const mb_size j = mb_rng_interval(rng, i);
    lua_geti(L, 2, i + 1);
    lua_geti(L, 2, j + 1);
    lua_seti(L, 2, i + 1);
    lua_seti(L, 2, j + 1);
  }
}

/* core.rng_shuffle(rng, table or tensor) */
static int rng_shuffle(lua_State *L) {
  mb_rng *rng = self(L, "rng:shuffle");
  if (lua_type(L, 2) == LUA_TTABLE) {
    shuffle_table(L, rng);
    return 0;
  }
  Tensor *x = bind_tensor(L, "rng:shuffle", "tensor or table", 2);
  if (x->tracked) bind_error(L, "rng:shuffle: the tape follows this tensor; shuffle a copy of it");
  const mb_size *index = push_permutation(L, rng, x->shape.shape[0]);
  const Tensor *rows = push_rows(L, "rng:shuffle", x, index, 1, x->shape.shape);
  memcpy(x->data, rows->data, (size_t)x->count * sizeof(mb_real));
  bind_touch(x);
  return 0;
}

/* ---- samples ---- */

/* Pushes the probabilities at arg, a table or tensor of count numbers, with room for as many more. */
static double *push_probabilities(lua_State *L, int arg, mb_size count, double *tolerance) {
  const Tensor *tensor = luaL_testudata(L, arg, TENSOR_TYPE);
  if (tensor == NULL && lua_type(L, arg) != LUA_TTABLE)
    bind_type_error(L, "rng:choice", "p", arg, "a tensor or table of probabilities");
  if (tensor != NULL) tensor = bind_tensor(L, "rng:choice", "p", arg);
  const mb_size given = tensor != NULL ? tensor->count : (mb_size)lua_rawlen(L, arg);
  if (given != count)
    bind_error(L, "rng:choice: p: expected %I probabilities, got %I", (LUAI_UACINT)count, (LUAI_UACINT)given);
  double *p = lua_newuserdatauv(L, (size_t)count * 2 * sizeof *p, 0);
  for (mb_size i = 0; i < count; i++) {
    if (tensor != NULL) {
      p[i] = tensor->data[i];
    } else {
      lua_rawgeti(L, arg, i + 1);
      p[i] = bind_number(L, "rng:choice", "p", lua_gettop(L));
      lua_pop(L, 1);
    }
  }
  *tolerance = sqrt(tensor != NULL && sizeof(mb_real) == sizeof(float) ? FLT_EPSILON : DBL_EPSILON);
  return p;
}

/* Pushes size indices out of population, drawn with or without replacement, by probabilities at p_arg. */
static const mb_size *push_choice(lua_State *L, mb_rng *rng, mb_size population, mb_size size, bool replace,
                                  int p_arg, bool shuffle) {
  mb_size *index = lua_newuserdatauv(L, (size_t)size * sizeof *index, 0);
  if (!replace && size > population)
    bind_error(L, "rng:choice: cannot choose %I out of %I without replacement", (LUAI_UACINT)size,
               (LUAI_UACINT)population);
  if (!lua_isnoneornil(L, p_arg)) {
    double tolerance, *p = push_probabilities(L, p_arg, population, &tolerance);
    bind_status(L, "rng:choice",
                mb_rng_choice_weighted(rng, index, p + population, p, population, size, replace, tolerance));
    lua_pop(L, 1);
  } else if (replace) {
    for (mb_size i = 0; i < size; i++) index[i] = mb_rng_integer(rng, 0, population - 1);
  } else {
    const size_t scratch = (size_t)mb_rng_choice_scratch(population, size);
    mb_rng_choice(rng, index, lua_newuserdatauv(L, scratch * sizeof *index, 0), population, size, shuffle);
    lua_pop(L, 1);
  }
  return index;
}

/* core.rng_choice(rng, n or tensor, size or nil, replace, p or nil, shuffle) */
static int rng_choice(lua_State *L) {
  mb_rng *rng = self(L, "rng:choice");
  const bool is_number = lua_type(L, 2) == LUA_TNUMBER, single = lua_isnoneornil(L, 3);
  const Tensor *from = is_number ? NULL : bind_tensor(L, "rng:choice", "n or tensor", 2);
  const mb_size population =
      is_number ? bind_size(L, "rng:choice", "n", 2, 1, BIND_EXACT) : from->shape.shape[0];
  mb_shape shape = {.rank = 0};
  if (lua_type(L, 3) == LUA_TTABLE)
    shape = bind_shape(L, "rng:choice", 3);
  else if (!single)
    shape = (mb_shape){1, {bind_size(L, "rng:choice", "size", 3, 1, INT32_MAX)}};
  if (!is_number && shape.rank + from->shape.rank - 1 > MB_MAX_RANK)
    bind_error(L, "rng:choice: size: the result would have %d dimensions, expected at most %d",
               shape.rank + from->shape.rank - 1, MB_MAX_RANK);
  const mb_size size = mb_shape_count(&shape);
  const mb_size *index = push_choice(L, rng, population, size, bind_flag(L, 4), 5, bind_flag(L, 6));
  if (!is_number && single && from->shape.rank == 1)
    lua_pushnumber(L, from->data[index[0]]);
  else if (!is_number)
    push_rows(L, "rng:choice", from, index, shape.rank, shape.shape);
  else if (single)
    bind_index_out(L, index[0]);
  else
    push_indices(L, "rng:choice", index, shape.rank, shape.shape);
  return 1;
}

/* ---- state ---- */

#define STATE_FORMAT "pcg64:%016" PRIx64 "%016" PRIx64 ":%016" PRIx64 "%016" PRIx64 ":%d:%08" PRIx32
#define STATE_LENGTH (6 + 32 + 1 + 32 + 1 + 1 + 1 + 8)

static void format_state(char text[STATE_LENGTH + 1], const mb_rng *rng) {
  snprintf(text, STATE_LENGTH + 1, STATE_FORMAT, rng->state[1], rng->state[0], rng->increment[1],
           rng->increment[0], rng->has_uint32, rng->uinteger);
}

/* core.rng_state(rng) */
static int rng_state(lua_State *L) {
  char text[STATE_LENGTH + 1];
  format_state(text, self(L, "rng:state"));
  lua_pushstring(L, text);
  return 1;
}

/* core.rng_set_state(rng, string) */
static int rng_set_state(lua_State *L) {
  mb_rng *rng = self(L, "rng:set_state"), read = {0};
  char text[STATE_LENGTH + 1];
  int kept = 0;
  if (lua_type(L, 2) != LUA_TSTRING)
    bind_type_error(L, "rng:set_state", "state", 2, "a string that rng:state() gave");
  sscanf(lua_tostring(L, 2), "pcg64:%16" SCNx64 "%16" SCNx64 ":%16" SCNx64 "%16" SCNx64 ":%d:%8" SCNx32,
         &read.state[1], &read.state[0], &read.increment[1], &read.increment[0], &kept, &read.uinteger);
  read.has_uint32 = kept != 0;
  format_state(text, &read);
  if (strcmp(text, lua_tostring(L, 2)) != 0 || read.increment[0] % 2 == 0) /* not one that we wrote */
    bind_type_error(L, "rng:set_state", "state", 2, "a string that rng:state() gave");
  *rng = read;
  return 0;
}

/* core.rng_copy(rng) */
static int rng_copy(lua_State *L) {
  const mb_rng *rng = self(L, "rng:copy");
  *push_rng(L) = *rng;
  return 1;
}

static int rng_tostring(lua_State *L) {
  char text[STATE_LENGTH + 1];
  format_state(text, self(L, "tostring"));
  lua_pushfstring(L, "generator (%s)", text);
  return 1;
}

static const luaL_Reg functions[] = {
    {"rng", new_rng},
    {"rng_choice", rng_choice},
    {"rng_copy", rng_copy},
    {"rng_exponential", rng_exponential},
    {"rng_gamma", rng_gamma},
    {"rng_integers", rng_integers},
    {"rng_normal", rng_normal},
    {"rng_permutation", rng_permutation},
    {"rng_poisson", rng_poisson},
    {"rng_random", rng_random},
    {"rand", uniform_tensor},
    {"randn", normal_tensor},
    {"rng_set_state", rng_set_state},
    {"rng_shuffle", rng_shuffle},
    {"rng_state", rng_state},
    {"rng_uniform", rng_uniform},
    {NULL, NULL},
};

/* The methods are Lua's to fill (random.lua), as those of tensors are. */
void bind_open_random(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
  if (luaL_newmetatable(L, RNG_TYPE)) {
    lua_pushcfunction(L, rng_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_newtable(L);
    lua_setfield(L, -2, "__index");
  }
  lua_getfield(L, -1, "__index");
  lua_setfield(L, -3, "rng_methods");
  lua_pop(L, 1);
}
