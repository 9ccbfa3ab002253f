/* random.c - random generators as userdata: numbers and tensors drawn as NumPy's Generator draws them. */
#include "bind.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

mb_rng *next_rng(Args *a, const char *name) {
  mb_rng *rng = luaL_testudata(a->L, next_arg(a), RNG_TYPE);
  if (rng == NULL) args_type_error(a, name, "a generator, as mb.rng(seed) makes it");
  return rng;
}

static mb_rng *push_rng(lua_State *L) {
  mb_rng *rng = lua_newuserdatauv(L, sizeof *rng, 0);
  luaL_setmetatable(L, RNG_TYPE);
  return rng;
}

/* ---- seeds ---- */

/* Appends the next seed as 32-bit words, at least one and at most two; returns the new end. */
static uint32_t *append_seed(Args *a, uint32_t *words) {
  const uint64_t seed = (uint64_t)next_integer(a, "seed", 0, INT64_MAX);
  *words++ = (uint32_t)seed;
  if (seed >> 32) *words++ = (uint32_t)(seed >> 32);
  return words;
}

/* Pushes a generator of the seeds in the list at index. */
static void push_rng_of_list(const Args *a, int index) {
  lua_State *L = a->L;
  const mb_size count = args_list_size(a, "seed", index);
  if (count == 0) args_error(a, "seed: got an empty table");
  uint32_t *all = lua_newuserdatauv(L, (size_t)count * 2 * sizeof *all, 0), *end = all;
  for (mb_size i = 1; i <= count; i++) {
    lua_rawgeti(L, index, i);
    Args element = bind_top(a);
    end = append_seed(&element, end);
    lua_pop(L, 1);
  }
  mb_rng_seed(push_rng(L), all, end - all);
}

/* core.rng(seed): seed is an integer, a table of integers, or nil for entropy from the system */
static int new_rng(lua_State *L) {
  uint32_t words[4];
  Args a = bind_args(L, "rng");
  if (next_is_nil(&a)) {
    if (getentropy(words, sizeof words) != 0) args_error(&a, "the system gives no entropy; pass a seed");
    mb_rng_seed(push_rng(L), words, 4);
  } else if (lua_type(L, a.next) == LUA_TTABLE) {
    push_rng_of_list(&a, a.next);
  } else {
    const uint32_t *end = append_seed(&a, words);
    mb_rng_seed(push_rng(L), words, end - words);
  }
  return 1;
}

/* ---- numbers, or tensors if a shape follows ---- */

/* The remaining arguments as a shape, sizes or a table; of rank 0 if there are none: a plain number. */
static mb_shape shape_or_none(Args *a) {
  const int top = lua_gettop(a->L);
  const bool absent = top < a->next || (top == a->next && lua_isnil(a->L, top));
  if (absent) return (mb_shape){.rank = 0};
  return last_shape(a, 0);
}

static double finite_or(Args *a, const char *name, double otherwise) {
  if (next_is_nil(a)) return otherwise;
  const double value = next_number(a, name);
  if (!isfinite(value)) args_type_error(a, name, "a finite number");
  return value;
}

static double non_negative_or(Args *a, const char *name, double otherwise) {
  const double value = finite_or(a, name, otherwise);
  if (value < 0) args_type_error(a, name, "a number of at least 0");
  return value;
}

typedef double (*Draw)(mb_rng *rng, double p, double q);

/* Pushes a number, or a tensor of the shape that comes next, of draws with parameters p and q. */
static int push_draws(Args *a, mb_rng *rng, Draw draw, double p, double q) {
  const mb_shape shape = shape_or_none(a);
  if (shape.rank == 0) {
    lua_pushnumber(a->L, draw(rng, p, q));
  } else {
    Tensor *y = push_tensor(a, shape.rank, shape.shape);
    for (mb_size i = 0; i < y->count; i++) y->data[i] = (mb_real)draw(rng, p, q);
  }
  return 1;
}

static double draw_random(mb_rng *rng, double p, double q) {
  (void)p, (void)q;
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
  Args a = bind_args(L, "rng:random");
  mb_rng *rng = next_rng(&a, "self");
  return push_draws(&a, rng, draw_random, 0, 0);
}

/* core.rand(rng, shape...), core.randn(rng, shape...) */
static int uniform_tensor(lua_State *L) {
  Args a = bind_args(L, "rand");
  mb_rng *rng = next_rng(&a, "self");
  return push_draws(&a, rng, draw_random, 0, 0);
}

static int normal_tensor(lua_State *L) {
  Args a = bind_args(L, "randn");
  mb_rng *rng = next_rng(&a, "self");
  return push_draws(&a, rng, draw_normal, 0, 1);
}

/* core.rng_uniform(rng, low, high, shape...) */
static int rng_uniform(lua_State *L) {
  Args a = bind_args(L, "rng:uniform");
  mb_rng *rng = next_rng(&a, "self");
  const double low = finite_or(&a, "low", 0), high = finite_or(&a, "high", 1);
  if (low > high) args_error(&a, "expected low <= high, got %f and %f", low, high);
  if (!isfinite(high - low)) args_error(&a, "high - low is too large: %f and %f", low, high);
  return push_draws(&a, rng, mb_rng_uniform, low, high);
}

/* core.rng_normal(rng, mean, sd, shape...) */
static int rng_normal(lua_State *L) {
  Args a = bind_args(L, "rng:normal");
  mb_rng *rng = next_rng(&a, "self");
  const double mean = finite_or(&a, "mean", 0), sd = non_negative_or(&a, "sd", 1);
  return push_draws(&a, rng, draw_normal, mean, sd);
}

/* core.rng_exponential(rng, scale, shape...) */
static int rng_exponential(lua_State *L) {
  Args a = bind_args(L, "rng:exponential");
  mb_rng *rng = next_rng(&a, "self");
  return push_draws(&a, rng, draw_exponential, non_negative_or(&a, "scale", 1), 0);
}

/* core.rng_gamma(rng, shape_parameter, scale, shape...) */
static int rng_gamma(lua_State *L) {
  Args a = bind_args(L, "rng:gamma");
  mb_rng *rng = next_rng(&a, "self");
  if (next_is_nil(&a)) args_type_error(&a, "shape parameter", "a number");
  const double shape = non_negative_or(&a, "shape parameter", 0), scale = non_negative_or(&a, "scale", 1);
  return push_draws(&a, rng, draw_gamma, shape, scale);
}

static double draw_poisson(mb_rng *rng, double mean, double b) {
  (void)b;
  return mb_rng_poisson(rng, mean);
}

/* core.rng_poisson(rng, mean, shape...) */
static int rng_poisson(lua_State *L) {
  Args a = bind_args(L, "rng:poisson");
  mb_rng *rng = next_rng(&a, "self");
  const double mean = non_negative_or(&a, "mean", 1);
  if (mean > 1e15) args_error(&a, "mean: expected at most 1e15, got %f", mean);
  return push_draws(&a, rng, draw_poisson, mean, 0);
}

/* core.rng_integers(rng, low, high, endpoint, shape or nil) */
static int rng_integers(lua_State *L) {
  Args a = bind_args(L, "rng:integers");
  mb_rng *rng = next_rng(&a, "self");
  const int64_t low = next_integer(&a, "low", INT64_MIN, INT64_MAX);
  const int64_t high = next_integer(&a, "high", INT64_MIN, INT64_MAX);
  const bool endpoint = next_boolean(&a);
  if (endpoint ? low > high : low >= high)
    args_error(&a, "expected low %s high, got %I and %I", endpoint ? "<=" : "<", (LUAI_UACINT)low,
               (LUAI_UACINT)high);
  const int64_t last = endpoint ? high : high - 1;
  const mb_shape shape = shape_or_none(&a);
  if (shape.rank == 0) {
    lua_pushinteger(L, mb_rng_integer(rng, low, last));
    return 1;
  }
  if (low < -BIND_EXACT || last > BIND_EXACT)
    args_error(&a, "a tensor holds integers up to %I exactly, asked for %I to %I", (LUAI_UACINT)BIND_EXACT,
               (LUAI_UACINT)low, (LUAI_UACINT)last);
  Tensor *y = push_tensor(&a, shape.rank, shape.shape);
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

/* Pushes the rows of x with these indices; shape is the shape of the index array. */
static Tensor *push_rows(const Args *a, const Tensor *x, const mb_size *index, mb_shape shape) {
  mb_size y_shape[2 * MB_MAX_RANK];
  int rank = 0;
  for (int d = 0; d < shape.rank; d++) y_shape[rank++] = shape.shape[d];
  for (int d = 1; d < x->shape.rank; d++) y_shape[rank++] = x->shape.shape[d];
  Tensor *y = push_tensor(a, rank, y_shape);
  mb_gather(y->data, x->data, index, mb_shape_count(&shape), x->count / x->shape.shape[0]);
  return y;
}

/* Pushes a tensor of indices, counted from 1. */
static void push_indices(const Args *a, const mb_size *index, mb_shape shape) {
  Tensor *y = push_tensor(a, shape.rank, shape.shape);
  for (mb_size i = 0; i < y->count; i++) y->data[i] = (mb_real)(index[i] + 1);
}

/* core.rng_permutation(rng, n or tensor) */
static int rng_permutation(lua_State *L) {
  Args a = bind_args(L, "rng:permutation");
  mb_rng *rng = next_rng(&a, "self");
  if (lua_type(L, a.next) == LUA_TNUMBER) {
    const mb_size count = next_integer(&a, "n", 1, BIND_EXACT);
    push_indices(&a, push_permutation(L, rng, count), (mb_shape){1, {count}});
  } else {
    const Tensor *x = next_tensor(&a, "n or tensor");
    const mb_size rows = x->shape.shape[0], *index = push_permutation(L, rng, rows);
    push_rows(&a, x, index, (mb_shape){1, {rows}});
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
  Args a = bind_args(L, "rng:shuffle");
  mb_rng *rng = next_rng(&a, "self");
  if (lua_type(L, a.next) == LUA_TTABLE) {
    shuffle_table(L, rng);
    return 0;
  }
  Tensor *x = next_tensor(&a, "tensor or table");
  if (x->tracked) args_error(&a, "the tape follows this tensor; shuffle a copy of it");
  const mb_size count = x->shape.shape[0], *index = push_permutation(L, rng, count);
  const Tensor *rows = push_rows(&a, x, index, (mb_shape){1, {count}});
  memcpy(x->data, rows->data, (size_t)x->count * sizeof(mb_real));
  bind_mark_changed(x);
  return 0;
}

/* ---- samples ---- */

/* Pushes the probabilities that come next, a table or tensor of count numbers, with room for as many more. */
static double *next_probabilities(Args *a, mb_size count, double *tolerance) {
  lua_State *L = a->L;
  const int arg = next_arg(a);
  const Tensor *tensor = bind_test_tensor(L, arg);
  if (tensor == NULL && lua_type(L, arg) != LUA_TTABLE)
    args_type_error(a, "p", "a tensor or table of probabilities");
  if (tensor != NULL) tensor = bind_tensor(L, a->operation, "p", arg);
  const mb_size given = tensor != NULL ? tensor->count : args_list_size(a, "p", arg);
  if (given != count)
    args_error(a, "p: expected %I probabilities, got %I", (LUAI_UACINT)count, (LUAI_UACINT)given);
  double *p = lua_newuserdatauv(L, (size_t)count * 2 * sizeof *p, 0);
  for (mb_size i = 0; i < count; i++) {
    if (tensor != NULL) {
      p[i] = tensor->data[i];
    } else {
      lua_rawgeti(L, arg, i + 1);
      Args element = bind_top(a);
      p[i] = next_number(&element, "p");
      lua_pop(L, 1);
    }
  }
  *tolerance = sqrt(tensor != NULL && sizeof(mb_real) == sizeof(float) ? FLT_EPSILON : DBL_EPSILON);
  return p;
}

/* Pushes size indices out of population. Reads three arguments: true for replacement, the probabilities (nil:
 * equal ones), and true to shuffle. */
static const mb_size *next_choice(Args *a, mb_rng *rng, mb_size population, mb_size size) {
  lua_State *L = a->L;
  const bool replace = next_boolean(a), is_weighted = !lua_isnoneornil(L, a->next);
  mb_size *index = lua_newuserdatauv(L, (size_t)size * sizeof *index, 0);
  if (!replace && size > population)
    args_error(a, "cannot choose %I out of %I without replacement", (LUAI_UACINT)size,
               (LUAI_UACINT)population);
  if (is_weighted) {
    double tolerance, *p = next_probabilities(a, population, &tolerance);
    args_check(a,
               mb_rng_choice_weighted(rng, index, p + population, p, population, size, replace, tolerance));
    lua_pop(L, 1);
  } else if (replace) {
    for (mb_size i = 0; i < size; i++) index[i] = mb_rng_integer(rng, 0, population - 1);
  } else {
    next_arg(a);
    void *scratch = lua_newuserdatauv(L, mb_rng_choice_scratch_bytes(population, size), 0);
    mb_rng_choice(rng, index, scratch, population, size, next_boolean(a));
    lua_pop(L, 1);
  }
  return index;
}

/* A table of sizes or a number of draws; of rank 0 for nil: one draw. */
static mb_shape next_size(Args *a) {
  if (next_is_nil(a)) return (mb_shape){.rank = 0};
  if (lua_type(a->L, a->next) == LUA_TTABLE) return next_shape(a);
  return (mb_shape){1, {next_count(a, "size")}};
}

/* core.rng_choice(rng, n or tensor, size or nil, replace, p or nil, shuffle) */
static int rng_choice(lua_State *L) {
  Args a = bind_args(L, "rng:choice");
  lua_settop(L, 6);
  mb_rng *rng = next_rng(&a, "self");
  const bool is_number = lua_type(L, a.next) == LUA_TNUMBER;
  const mb_size n = is_number ? next_integer(&a, "n", 1, BIND_EXACT) : 0;
  const Tensor *from = is_number ? NULL : next_tensor(&a, "n or tensor");
  const mb_shape shape = next_size(&a);
  const bool single = shape.rank == 0;
  if (!is_number && shape.rank + from->shape.rank - 1 > MB_MAX_RANK)
    args_error(&a, "size: the result would have %d dimensions, expected at most %d",
               shape.rank + from->shape.rank - 1, MB_MAX_RANK);
  const mb_size population = is_number ? n : from->shape.shape[0];
  const mb_size *index = next_choice(&a, rng, population, mb_shape_count(&shape));
  if (!is_number && single && from->shape.rank == 1)
    lua_pushnumber(L, from->data[index[0]]);
  else if (!is_number)
    push_rows(&a, from, index, shape);
  else if (single)
    push_index(L, index[0]);
  else
    push_indices(&a, index, shape);
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
  Args a = bind_args(L, "rng:state");
  format_state(text, next_rng(&a, "self"));
  lua_pushstring(L, text);
  return 1;
}

/* core.rng_set_state(rng, string) */
static int rng_set_state(lua_State *L) {
  static const char expected[] = "a string that rng:state() gave";
  Args a = bind_args(L, "rng:set_state");
  mb_rng *rng = next_rng(&a, "self"), read = {0};
  char text[STATE_LENGTH + 1];
  int kept = 0;
  const char *given = next_string(&a, "state", expected, NULL);
  sscanf(given, "pcg64:%16" SCNx64 "%16" SCNx64 ":%16" SCNx64 "%16" SCNx64 ":%d:%8" SCNx32, &read.state[1],
         &read.state[0], &read.increment[1], &read.increment[0], &kept, &read.uinteger);
  read.has_uint32 = kept != 0;
  format_state(text, &read);
  if (strcmp(text, given) != 0 || read.increment[0] % 2 == 0) /* not one that we wrote */
    args_type_error(&a, "state", expected);
  *rng = read;
  return 0;
}

/* core.rng_copy(rng) */
static int rng_copy(lua_State *L) {
  Args a = bind_args(L, "rng:copy");
  const mb_rng *rng = next_rng(&a, "self");
  *push_rng(L) = *rng;
  return 1;
}

static int rng_tostring(lua_State *L) {
  char text[STATE_LENGTH + 1];
  Args a = bind_args(L, "tostring");
  format_state(text, next_rng(&a, "self"));
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

/* random.lua fills this table of methods; tensor.lua fills the one of tensors. */
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
