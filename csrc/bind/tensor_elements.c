/* tensor_elements.c - tensors from numbers, tables and bytes, and back. */
#include "bind.h"

#include <math.h>
#include <string.h>

/* ---- making tensors ---- */

/* Pushes a tensor filled with a value, of the shape at arg. */
static int push_filled(lua_State *L, const char *operation, double value, int arg) {
  mb_size shape[MB_MAX_RANK];
  const int rank = bind_read_shape(L, operation, arg, shape, 0);
  Tensor *y = bind_new_tensor(L, operation, rank, shape);
  mb_fill(y->data, (mb_real)value, y->count);
  return 1;
}

/* core.full(value, shape...), core.zeros(shape...), core.ones(shape...) */
static int full(lua_State *L) {
  return push_filled(L, "full", bind_number(L, "full", "value", 1), 2);
}

static int zeros(lua_State *L) {
  return push_filled(L, "zeros", 0, 1);
}

static int ones(lua_State *L) {
  return push_filled(L, "ones", 1, 1);
}

/* core.arange(first, step, count) */
static int arange(lua_State *L) {
  const mb_size count = bind_size(L, "arange", "count", 3, 1, INT32_MAX);
  Tensor *y = bind_new_tensor(L, "arange", 1, &count);
  mb_arange(y->data, bind_number(L, "arange", "first", 1), bind_number(L, "arange", "step", 2), count);
  return 1;
}

/* Follows the first elements of nested tables at index to find the shape; returns the rank. */
static int table_shape(lua_State *L, int index, mb_size *shape) {
  int rank = 0;
  lua_pushvalue(L, index);
  while (lua_type(L, -1) == LUA_TTABLE) {
    if (rank == MB_MAX_RANK) bind_error(L, "tensor: tables nested more than %d deep", MB_MAX_RANK);
    shape[rank] = (mb_size)lua_rawlen(L, -1);
    if (shape[rank] == 0) bind_error(L, "tensor: got an empty table");
    rank++;
    lua_rawgeti(L, -1, 1);
    lua_remove(L, -2);
  }
  lua_pop(L, 1);
  return rank;
}

/* Pushes the place in nested tables that the first numbers of path lead to. */
static const char *push_place(lua_State *L, const mb_size *path, int depth) {
  mb_shape place = {.rank = depth};
  memcpy(place.shape, path, sizeof place.shape);
  return bind_push_shape(L, &place);
}

/* Raises unless the value at the top of the stack is a table of so many values. */
static void check_row(lua_State *L, mb_size size, const mb_size *path, int depth) {
  const int value = lua_gettop(L);
  if (lua_type(L, value) != LUA_TTABLE)
    bind_error(L, "tensor: expected a table of %I values at %s, got %s", (LUAI_UACINT)size,
               push_place(L, path, depth), bind_push_shown(L, value));
  if ((mb_size)lua_rawlen(L, value) != size)
    bind_error(L, "tensor: ragged table: expected %I values at %s, got %I", (LUAI_UACINT)size,
               push_place(L, path, depth), (LUAI_UACINT)lua_rawlen(L, value));
}

/* Copies the nested tables at the top of the stack to data; path names the place for messages. */
static mb_real *read_table(lua_State *L, mb_real *data, const mb_shape *shape, int dimension, mb_size *path) {
  const mb_size size = shape->shape[dimension];
  const bool is_last =
      dimension == shape->rank - 1 || dimension == MB_MAX_RANK - 1; /* as the compiler sees */
  check_row(L, size, path, dimension);
  for (mb_size i = 0; i < size; i++) {
    const int type = lua_rawgeti(L, -1, i + 1), value = lua_gettop(L);
    path[dimension] = i + 1;
    if (!is_last)
      data = read_table(L, data, shape, dimension + 1, path);
    else if (type == LUA_TNUMBER)
      *data++ = (mb_real)lua_tonumber(L, -1);
    else
      bind_error(L, "tensor: expected a number at %s, got %s", push_place(L, path, shape->rank),
                 bind_push_shown(L, value));
    lua_pop(L, 1);
  }
  return data;
}

/* core.tensor(nested table) */
static int from_table(lua_State *L) {
  mb_size path[MB_MAX_RANK] = {0}, shape[MB_MAX_RANK];
  if (lua_type(L, 1) != LUA_TTABLE)
    bind_type_error(L, "tensor", "values", 1, "a table of numbers or of tables");
  const int rank = table_shape(L, 1, shape);
  Tensor *y = bind_new_tensor(L, "tensor", rank, shape);
  lua_pushvalue(L, 1);
  read_table(L, y->data, &y->shape, 0, path);
  lua_pop(L, 1);
  return 1;
}

/* core.copy(x) */
static int copy(lua_State *L) {
  const Tensor *x = bind_tensor(L, "copy", "x", 1);
  Tensor *y = bind_new_like(L, "copy", x);
  memcpy(y->data, x->data, (size_t)x->count * sizeof(mb_real));
  return 1;
}

/* ---- elements, one by one and as tables ---- */

/* The offset of the element whose indices are the arguments from 2 on. */
static mb_size element_offset(lua_State *L, const char *operation, const Tensor *x) {
  mb_size offset = 0;
  for (int d = 0; d < x->shape.rank; d++)
    offset = offset * x->shape.shape[d] + bind_index_in(L, operation, "index", 2 + d, x->shape.shape[d]);
  return offset;
}

/* core.get(x, i, j, ...) */
static int get(lua_State *L) {
  const Tensor *x = bind_tensor(L, "get", "x", 1);
  const int given = lua_gettop(L) - 1;
  if (given != x->shape.rank)
    bind_error(L, "get: expected %d indices for shape %s, got %d", x->shape.rank,
               bind_push_shape(L, &x->shape), given);
  lua_pushnumber(L, x->data[element_offset(L, "get", x)]);
  return 1;
}

/* core.set(x, i, j, ..., value) */
static int set(lua_State *L) {
  Tensor *x = bind_tensor(L, "set", "x", 1);
  const int value_arg = 2 + x->shape.rank, given = lua_gettop(L) - 1;
  if (given != x->shape.rank + 1)
    bind_error(L, "set: expected %d indices and a value for shape %s, got %d arguments", x->shape.rank,
               bind_push_shape(L, &x->shape), given);
  const mb_size offset = element_offset(L, "set", x);
  x->data[offset] = (mb_real)bind_number(L, "set", "value", value_arg);
  bind_touch(x);
  return 0;
}

/* core.fill(x, value) */
static int fill(lua_State *L) {
  Tensor *x = bind_tensor(L, "fill", "x", 1);
  mb_fill(x->data, (mb_real)bind_number(L, "fill", "value", 2), x->count);
  bind_touch(x);
  lua_settop(L, 1);
  return 1;
}

/* core.copy_from(x, source): the elements of source, of the same count, into x */
static int copy_from(lua_State *L) {
  Tensor *x = bind_tensor(L, "copy_from", "x", 1);
  const Tensor *source = bind_tensor(L, "copy_from", "source", 2);
  if (source->count != x->count) {
    const char *from = bind_push_shape(L, &source->shape);
    bind_error(L, "copy_from: shape %s does not fit into shape %s", from, bind_push_shape(L, &x->shape));
  }
  memmove(x->data, source->data, (size_t)x->count * sizeof(mb_real));
  bind_touch(x);
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
  const Tensor *x = bind_tensor(L, "totable", "x", 1);
  luaL_checkstack(L, MB_MAX_RANK + 2, "totable");
  push_table(L, x->data, &x->shape, 0);
  return 1;
}

/* ---- all of them ---- */

/* core.allclose(a, b, relative, absolute): same shape and |a - b| <= absolute + relative |b|
 * everywhere. NaN is close to nothing. Second result: the largest |a - b|. */
static int allclose(lua_State *L) {
  const Tensor *a = bind_tensor(L, "allclose", "a", 1), *b = bind_tensor(L, "allclose", "b", 2);
  const double relative = bind_number(L, "allclose", "relative", 3);
  const double absolute = bind_number(L, "allclose", "absolute", 4);
  double largest = 0;
  bool close = bind_same_shape(a, b);
  if (close) {
    for (mb_size i = 0; i < a->count; i++) {
      const double x = (double)a->data[i], y = (double)b->data[i], difference = x == y ? 0 : fabs(x - y);
      close = close && difference <= absolute + relative * fabs(y);
      largest = difference > largest || isnan(difference) ? difference : largest;
    }
  }
  lua_pushboolean(L, close);
  lua_pushnumber(L, bind_same_shape(a, b) ? largest : (double)INFINITY);
  return 2;
}

/* core.tobytes(x) -> the elements as little-endian floats, row by row */
static int tobytes(lua_State *L) {
  const Tensor *x = bind_tensor(L, "tobytes", "x", 1);
  lua_pushlstring(L, (const char *)x->data, (size_t)x->count * sizeof(mb_real));
  return 1;
}

/* core.frombytes(bytes, shape...) */
static int frombytes(lua_State *L) {
  size_t bytes;
  mb_size shape[MB_MAX_RANK];
  if (lua_type(L, 1) != LUA_TSTRING) bind_type_error(L, "frombytes", "bytes", 1, "a string");
  const char *data = lua_tolstring(L, 1, &bytes);
  const int rank = bind_read_shape(L, "frombytes", 2, shape, 0);
  mb_size count = 1;
  for (int d = 0; d < rank; d++) count *= shape[d];
  if ((size_t)count * sizeof(mb_real) != bytes)
    bind_error(L, "frombytes: expected %I bytes for the shape, got %I",
               (LUAI_UACINT)((size_t)count * sizeof(mb_real)), (LUAI_UACINT)bytes);
  memcpy(bind_new_tensor(L, "frombytes", rank, shape)->data, data, bytes);
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
