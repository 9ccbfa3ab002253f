/* tensor_elements.c - tensors from numbers, tables and bytes, and back. */
#include "bind.h"

#include <math.h>
#include <string.h>

/* ---- making tensors ---- */

static int push_filled(Args *a, mb_real value) {
  const mb_shape shape = last_shape(a, 0);
  Tensor *y = push_tensor(a, shape.rank, shape.shape);
  mb_fill(y->data, value, y->count);
  return 1;
}

/* core.full(value, shape...), core.zeros(shape...), core.ones(shape...) */
static int full(lua_State *L) {
  Args a = bind_args(L, "full");
  const mb_real value = next_real(&a, "value");
  return push_filled(&a, value);
}

static int zeros(lua_State *L) {
  Args a = bind_args(L, "zeros");
  return push_filled(&a, 0);
}

static int ones(lua_State *L) {
  Args a = bind_args(L, "ones");
  return push_filled(&a, 1);
}

/* core.arange(first, step, count) */
static int arange(lua_State *L) {
  Args a = bind_args(L, "arange");
  const double first = next_number(&a, "first"), step = next_number(&a, "step");
  Tensor *y = push_vector(&a, next_count(&a, "count"));
  mb_arange(y->data, first, step, y->count);
  return 1;
}

/* ---- from tables ---- */

/* Follows the first elements of nested tables at index to find the shape. */
static mb_shape table_shape(const Args *a, int index) {
  lua_State *L = a->L;
  mb_shape shape = {.rank = 0};
  lua_pushvalue(L, index);
  while (lua_type(L, -1) == LUA_TTABLE) {
    if (shape.rank == MB_MAX_RANK) args_error(a, "tables nested more than %d deep", MB_MAX_RANK);
    const mb_size size = (mb_size)lua_rawlen(L, -1);
    if (size == 0) args_error(a, "got an empty table");
    shape.shape[shape.rank++] = size;
    lua_rawgeti(L, -1, 1);
    lua_remove(L, -2);
  }
  lua_pop(L, 1);
  return shape;
}

/* Pushes the place in nested tables that the first numbers of path lead to. */
static const char *push_place(lua_State *L, const mb_size *path, int depth) {
  mb_shape place = {.rank = depth};
  memcpy(place.shape, path, sizeof place.shape);
  return bind_push_shape(L, &place);
}

/* Raises unless the value at the top of the stack is a table of size values. */
static void check_row(const Args *a, mb_size size, const mb_size *path, int depth) {
  lua_State *L = a->L;
  const int value = lua_gettop(L);
  if (lua_type(L, value) != LUA_TTABLE)
    args_error(a, "expected a table of %I values at %s, got %s", (LUAI_UACINT)size,
               push_place(L, path, depth), bind_push_shown(L, value));
  const mb_size found = args_list_size(a, depth == 0 ? "values" : "a row of values", value);
  if (found != size)
    args_error(a, "ragged table: expected %I values at %s, got %I", (LUAI_UACINT)size,
               push_place(L, path, depth), (LUAI_UACINT)found);
}

/* Copies the nested tables at the top of the stack to data; path names the place for messages. */
static mb_real *read_table(const Args *a, mb_real *data, const mb_shape *shape, int dimension,
                           mb_size *path) {
  lua_State *L = a->L;
  const mb_size size = shape->shape[dimension];
  const bool is_last = dimension == shape->rank - 1 || dimension == MB_MAX_RANK - 1; /* for gcc's bounds */
  check_row(a, size, path, dimension);
  for (mb_size i = 0; i < size; i++) {
    const int type = lua_rawgeti(L, -1, i + 1), value = lua_gettop(L);
    path[dimension] = i + 1;
    if (!is_last)
      data = read_table(a, data, shape, dimension + 1, path);
    else if (type == LUA_TNUMBER)
      *data++ = (mb_real)lua_tonumber(L, -1);
    else
      args_error(a, "expected a number at %s, got %s", push_place(L, path, shape->rank),
                 bind_push_shown(L, value));
    lua_pop(L, 1);
  }
  return data;
}

/* core.tensor(nested table) */
static int from_table(lua_State *L) {
  Args a = bind_args(L, "tensor");
  mb_size path[MB_MAX_RANK] = {0};
  const int values = next_arg(&a);
  if (lua_type(L, values) != LUA_TTABLE) args_type_error(&a, "values", "a table of numbers or of tables");
  const mb_shape shape = table_shape(&a, values);
  Tensor *y = push_tensor(&a, shape.rank, shape.shape);
  lua_pushvalue(L, values);
  read_table(&a, y->data, &y->shape, 0, path);
  lua_pop(L, 1);
  return 1;
}

/* core.copy(x) */
static int copy(lua_State *L) {
  Args a = bind_args(L, "copy");
  const Tensor *x = next_tensor(&a, "x");
  Tensor *y = push_like(&a, x);
  memcpy(y->data, x->data, (size_t)x->count * sizeof(mb_real));
  return 1;
}

/* ---- elements, one by one and as tables ---- */

/* The offset of the element whose indices come next. */
static mb_size next_offset(Args *a, const Tensor *x) {
  mb_size offset = 0;
  for (int d = 0; d < x->shape.rank; d++)
    offset = offset * x->shape.shape[d] + next_index(a, "index", x->shape.shape[d]);
  return offset;
}

/* core.get(x, i, j, ...) */
static int get(lua_State *L) {
  Args a = bind_args(L, "get");
  const int given = lua_gettop(L) - 1;
  const Tensor *x = next_tensor(&a, "x");
  if (given != x->shape.rank)
    args_error(&a, "expected %d indices for shape %s, got %d", x->shape.rank, bind_push_shape(L, &x->shape),
               given);
  lua_pushnumber(L, x->data[next_offset(&a, x)]);
  return 1;
}

/* core.set(x, i, j, ..., value) */
static int set(lua_State *L) {
  Args a = bind_args(L, "set");
  const int given = lua_gettop(L) - 1;
  Tensor *x = next_tensor(&a, "x");
  if (given != x->shape.rank + 1)
    args_error(&a, "expected %d indices and a value for shape %s, got %d arguments", x->shape.rank,
               bind_push_shape(L, &x->shape), given);
  const mb_size offset = next_offset(&a, x);
  x->data[offset] = next_real(&a, "value");
  bind_mark_changed(x);
  return 0;
}

/* core.fill(x, value) -> x */
static int fill(lua_State *L) {
  Args a = bind_args(L, "fill");
  Tensor *x = next_tensor(&a, "x");
  mb_fill(x->data, next_real(&a, "value"), x->count);
  bind_mark_changed(x);
  lua_settop(L, 1);
  return 1;
}

/* core.copy_from(x, source) -> x with the elements of source, of the same count */
static int copy_from(lua_State *L) {
  Args a = bind_args(L, "copy_from");
  Tensor *x = next_tensor(&a, "x");
  const Tensor *source = next_tensor(&a, "source");
  if (source->count != x->count) {
    const char *from = bind_push_shape(L, &source->shape);
    args_error(&a, "shape %s does not fit into shape %s", from, bind_push_shape(L, &x->shape));
  }
  memmove(x->data, source->data, (size_t)x->count * sizeof(mb_real));
  bind_mark_changed(x);
  lua_settop(L, 1);
  return 1;
}

static const mb_real *push_table(lua_State *L, const mb_real *data, const mb_shape *shape, int dimension) {
  lua_createtable(L, (int)shape->shape[dimension], 0);
  for (mb_size i = 0; i < shape->shape[dimension]; i++) {
    if (dimension == shape->rank - 1 || dimension == MB_MAX_RANK - 1) /* the second: for gcc's array-bounds */
      lua_pushnumber(L, *data++);
    else
      data = push_table(L, data, shape, dimension + 1);
    lua_rawseti(L, -2, i + 1);
  }
  return data;
}

/* core.totable(x) -> nested tables */
static int totable(lua_State *L) {
  Args a = bind_args(L, "totable");
  const Tensor *x = next_tensor(&a, "x");
  luaL_checkstack(L, MB_MAX_RANK + 2, "totable");
  push_table(L, x->data, &x->shape, 0);
  return 1;
}

/* ---- all of them ---- */

/* core.allclose(a, b, relative, absolute): same shape and |a - b| <= absolute + relative |b|
 * everywhere. Infinity is close to itself alone, NaN to nothing. Second result: the largest |a - b|. */
static int allclose(lua_State *L) {
  Args args = bind_args(L, "allclose");
  const Tensor *a = next_tensor(&args, "a"), *b = next_tensor(&args, "b");
  const double relative = next_number(&args, "relative"), absolute = next_number(&args, "absolute");
  double largest = 0;
  bool close = bind_same_shape(a, b);
  if (close) {
    for (mb_size i = 0; i < a->count; i++) {
      const double x = (double)a->data[i], y = (double)b->data[i], difference = x == y ? 0 : fabs(x - y);
      close = close && isfinite(difference) && difference <= absolute + relative * fabs(y);
      largest = difference > largest || isnan(difference) ? difference : largest;
    }
  }
  lua_pushboolean(L, close);
  lua_pushnumber(L, bind_same_shape(a, b) ? largest : (double)INFINITY);
  return 2;
}

/* core.tobytes(x) -> the elements as little-endian floats, row by row */
static int tobytes(lua_State *L) {
  Args a = bind_args(L, "tobytes");
  const Tensor *x = next_tensor(&a, "x");
  lua_pushlstring(L, (const char *)x->data, (size_t)x->count * sizeof(mb_real));
  return 1;
}

/* core.frombytes(bytes, shape...) */
static int frombytes(lua_State *L) {
  size_t bytes;
  Args a = bind_args(L, "frombytes");
  const char *data = next_string(&a, "bytes", "a string", &bytes);
  const mb_shape shape = last_shape(&a, 0);
  const size_t needed = (size_t)mb_shape_count(&shape) * sizeof(mb_real);
  if (needed != bytes)
    args_error(&a, "expected %I bytes for the shape, got %I", (LUAI_UACINT)needed, (LUAI_UACINT)bytes);
  memcpy(push_tensor(&a, shape.rank, shape.shape)->data, data, bytes);
  return 1;
}

static const luaL_Reg functions[] = {
    {"allclose", allclose}, {"arange", arange},       {"copy", copy},       {"copy_from", copy_from},
    {"fill", fill},         {"frombytes", frombytes}, {"full", full},       {"get", get},
    {"set", set},           {"tensor", from_table},   {"tobytes", tobytes}, {"totable", totable},
    {"zeros", zeros},       {"ones", ones},           {NULL, NULL},
};

void bind_open_tensor_elements(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
