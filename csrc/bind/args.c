/* args.c - reads arguments; an unexpected one raises. */
#include "bind.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- raising ---- */

int args_error(const Args *a, const char *format, ...) {
  va_list arguments;
  luaL_checkstack(a->L, 10, "too many nested calls");
  va_start(arguments, format);
  const char *message = lua_pushvfstring(a->L, format, arguments);
  va_end(arguments);
  bind_error(a->L, "%s: %s", a->operation, message);
}

int args_type_error(const Args *a, const char *name, const char *expected) {
  bind_type_error(a->L, a->operation, name, a->next - 1, expected);
}

void args_check(const Args *a, mb_status status) {
  if (status != MB_OK) args_error(a, "%s", mb_reason());
}

void args_check_rank(const Args *a, const char *name, const Tensor *x, int rank) {
  if (x->shape.rank != rank)
    args_error(a, "%s: expected a tensor with %d dimensions, got shape %s", name, rank,
               bind_push_shape(a->L, &x->shape));
}

int args_count_error(const Args *a, const char *name, const Tensor *x, mb_size count) {
  args_error(a, "%s: expected %I elements, got shape %s", name, (LUAI_UACINT)count,
             bind_push_shape(a->L, &x->shape));
}

/* ---- numbers ---- */

double next_number(Args *a, const char *name) {
  const int arg = a->next++;
  if (lua_type(a->L, arg) != LUA_TNUMBER) args_type_error(a, name, "a number");
  return lua_tonumber(a->L, arg);
}

mb_real next_real(Args *a, const char *name) {
  return (mb_real)next_number(a, name);
}

mb_real next_real_or(Args *a, const char *name, mb_real otherwise) {
  return next_is_nil(a) ? otherwise : next_real(a, name);
}

/* Apart from next_integer, which then needs no room on the stack. */
static int range_error(const Args *a, const char *name, mb_size low, mb_size high)
    __attribute__((noreturn, noinline));
static int range_error(const Args *a, const char *name, mb_size low, mb_size high) {
  char expected[80];
  if (high == PTRDIFF_MAX)
    snprintf(expected, sizeof expected, "an integer of at least %td", low);
  else
    snprintf(expected, sizeof expected, "an integer from %td to %td", low, high);
  args_type_error(a, name, expected);
}

mb_size next_integer(Args *a, const char *name, mb_size low, mb_size high) {
  int is_integer = 0;
  const int arg = a->next++;
  const lua_Integer value = lua_type(a->L, arg) == LUA_TNUMBER ? lua_tointegerx(a->L, arg, &is_integer) : 0;
  if (!is_integer || value < low || value > high) range_error(a, name, low, high);
  return (mb_size)value;
}

mb_size next_count(Args *a, const char *name) {
  return next_integer(a, name, 1, INT32_MAX);
}

mb_size next_index(Args *a, const char *name, mb_size size) {
  return next_integer(a, name, 1, size) - 1;
}

void push_index(lua_State *L, mb_size index) {
  lua_pushinteger(L, index + 1);
}

bool next_boolean(Args *a) {
  return lua_toboolean(a->L, a->next++);
}

/* ---- text ---- */

const char *next_string(Args *a, const char *name, const char *expected, size_t *length) {
  const int arg = a->next++;
  if (lua_type(a->L, arg) != LUA_TSTRING) args_type_error(a, name, expected);
  return lua_tolstring(a->L, arg, length);
}

const char *next_part(Args *a, size_t *length) {
  const char *text = next_string(a, "text", "a string", length);
  const mb_size whole = (mb_size)*length;
  const mb_size first = next_is_nil(a) ? 1 : next_integer(a, "first", 1, whole + 1);
  const mb_size last = next_is_nil(a) ? whole : next_integer(a, "last", first - 1, whole);
  *length = (size_t)(last - first + 1);
  return text + first - 1;
}

/* "'a', 'b' or 'c'", cut short if there is no room. */
static const char *list_names(char *text, size_t room, const char *const *names) {
  size_t length = 0;
  for (int i = 0; names[i] != NULL && length < room; i++) {
    const char *before = i == 0 ? "" : names[i + 1] == NULL ? " or " : ", ";
    length += (size_t)snprintf(text + length, room - length, "%s'%s'", before, names[i]);
  }
  return text;
}

int next_option(Args *a, const char *name, const char *const *names) {
  char expected[200];
  const int arg = a->next++;
  if (lua_type(a->L, arg) == LUA_TSTRING)
    for (int i = 0; names[i] != NULL; i++)
      if (strcmp(lua_tostring(a->L, arg), names[i]) == 0) return i;
  args_type_error(a, name, list_names(expected, sizeof expected, names));
}

/* ---- tensors ---- */

Tensor *next_tensor_unread(Args *a, const char *name) {
  return bind_tensor_unread(a->L, a->operation, name, a->next++);
}

Tensor *next_tensor_or_nil(Args *a, const char *name) {
  return next_is_nil(a) ? NULL : next_tensor(a, name);
}

Tensor *next_tensor_rank(Args *a, const char *name, int rank) {
  Tensor *x = next_tensor(a, name);
  args_check_rank(a, name, x, rank);
  return x;
}

/* ---- lists ---- */

/* The first key of the table at arg that is not 1..size, as text; NULL: there is none. */
static const char *push_stray_key(lua_State *L, int arg, mb_size size) {
  for (lua_pushnil(L); lua_next(L, arg) != 0; lua_pop(L, 1)) {
    const lua_Integer key = lua_isinteger(L, -2) ? lua_tointeger(L, -2) : 0;
    if (key < 1 || key > size) return luaL_tolstring(L, -2, NULL);
  }
  return NULL;
}

mb_size args_list_size(const Args *a, const char *name, int arg) {
  const mb_size size = (mb_size)lua_rawlen(a->L, arg);
  luaL_checkstack(a->L, 4, "too many nested calls");
  const char *key = push_stray_key(a->L, arg, size);
  if (key != NULL) args_error(a, "%s: expected a list, got an entry [%s]", name, key);
  return size;
}

const mb_size *next_indices(Args *a, const char *name, mb_size size, mb_size *count) {
  lua_State *L = a->L;
  const int arg = a->next++;
  const Tensor *tensor = bind_test_tensor(L, arg);
  if (tensor == NULL && lua_type(L, arg) != LUA_TTABLE)
    args_type_error(a, name, "a tensor or table of integers");
  if (tensor != NULL) tensor = bind_tensor(L, a->operation, name, arg);
  *count = tensor != NULL ? tensor->count : args_list_size(a, name, arg);
  if (*count == 0) args_error(a, "%s: got an empty table", name);
  mb_size *indices = lua_newuserdatauv(L, (size_t)*count * sizeof(mb_size), 0);
  for (mb_size i = 0; i < *count; i++) {
    if (tensor != NULL)
      lua_pushnumber(L, tensor->data[i]);
    else
      lua_rawgeti(L, arg, i + 1);
    Args element = bind_top(a);
    indices[i] = next_index(&element, name, size);
    lua_pop(L, 1);
  }
  return indices;
}

double *next_numbers(Args *a, const char *name, mb_size *count) {
  lua_State *L = a->L;
  const int arg = a->next++;
  if (lua_type(L, arg) != LUA_TTABLE) args_type_error(a, name, "a table of numbers");
  *count = args_list_size(a, name, arg);
  double *numbers = lua_newuserdatauv(L, (size_t)(*count + 1) * sizeof *numbers, 0);
  for (mb_size i = 0; i < *count; i++) {
    lua_rawgeti(L, arg, i + 1);
    Args element = bind_top(a);
    numbers[i] = next_number(&element, name);
    lua_pop(L, 1);
  }
  return numbers;
}

double *next_numbers_count(Args *a, const char *name, mb_size count) {
  mb_size got;
  double *numbers = next_numbers(a, name, &got);
  if (got != count)
    args_error(a, "%s: expected %I numbers, got %I", name, (LUAI_UACINT)count, (LUAI_UACINT)got);
  return numbers;
}

/* ---- shapes ---- */

static mb_size read_size(Args *a, mb_size infer, mb_size known, bool may_infer) {
  const mb_size size = next_integer(a, "shape", infer ? -1 : 1, INT32_MAX);
  if (size == -1 ? !may_infer : size < 1)
    args_error(a, "shape: sizes must be positive, and one at most may be -1");
  if (size > BIND_MAX_COUNT / known) args_error(a, "the tensor would have too many elements");
  return size;
}

/* The sizes in the table at first, or in the arguments from there on. */
static mb_shape read_shape(const Args *a, int first, mb_size infer) {
  lua_State *L = a->L;
  const bool is_table = lua_type(L, first) == LUA_TTABLE;
  const lua_Integer rank = is_table ? args_list_size(a, "shape", first) : lua_gettop(L) - first + 1;
  int unknown = -1;
  mb_size known = 1;
  if (rank < 1 || rank > MB_MAX_RANK)
    args_error(a, "shape: expected 1 to %d dimensions, got %I", MB_MAX_RANK, (LUAI_UACINT)rank);
  mb_shape shape = {.rank = (int)rank};
  for (int d = 0; d < shape.rank; d++) {
    if (is_table) lua_rawgeti(L, first, d + 1);
    Args size = is_table ? bind_top(a) : (Args){L, a->operation, first + d};
    shape.shape[d] = read_size(&size, infer, known, unknown < 0);
    if (shape.shape[d] == -1)
      unknown = d;
    else
      known *= shape.shape[d];
    if (is_table) lua_pop(L, 1);
  }
  if (unknown >= 0 && infer % known != 0)
    args_error(a, "shape: the sizes beside -1 hold %I elements, which do not divide %I", (LUAI_UACINT)known,
               (LUAI_UACINT)infer);
  if (unknown >= 0) shape.shape[unknown] = infer / known;
  return shape;
}

mb_shape next_shape(Args *a) {
  const int arg = a->next++;
  if (lua_type(a->L, arg) != LUA_TTABLE) args_type_error(a, "shape", "a table of sizes");
  return read_shape(a, arg, 0);
}

mb_shape last_shape(Args *a, mb_size infer) {
  const int first = a->next;
  if (lua_type(a->L, first) == LUA_TTABLE && !lua_isnoneornil(a->L, first + 1))
    args_error(a, "shape: expected nothing behind a table of sizes, got %s",
               bind_push_shown(a->L, first + 1));
  return read_shape(a, first, infer);
}

Cut next_cut(Args *a, const mb_shape *x) {
  Cut cut = {.dimension = (int)next_index(a, "dimension", x->rank), .outer = 1, .inner = 1};
  cut.D = x->shape[cut.dimension];
  for (int d = 0; d < cut.dimension; d++) cut.outer *= x->shape[d];
  for (int d = cut.dimension + 1; d < x->rank; d++) cut.inner *= x->shape[d];
  return cut;
}
