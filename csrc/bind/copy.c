/* copy.c - transposed, picked, joined and cut tensors. */
#include "bind.h"

/* core.transpose(x, d1, d2) */
static int transpose(lua_State *L) {
  const Tensor *x = bind_tensor(L, "transpose", "x", 1);
  const int d1 = (int)bind_index_in(L, "transpose", "first dimension", 2, x->shape.rank);
  const int d2 = (int)bind_index_in(L, "transpose", "second dimension", 3, x->shape.rank);
  mb_shape shape = x->shape;
  shape.shape[d1] = x->shape.shape[d2];
  shape.shape[d2] = x->shape.shape[d1];
  Tensor *y = bind_new_tensor(L, "transpose", shape.rank, shape.shape);
  mb_transpose(y->data, x->data, &x->shape, d1, d2);
  return 1;
}

/* core.index(x, rows): the rows with these numbers, a tensor or table of integers */
static int gather(lua_State *L) {
  const Tensor *x = bind_tensor(L, "index", "x", 1);
  mb_shape shape = x->shape;
  const mb_size *rows = bind_indices(L, "index", "rows", 2, x->shape.shape[0], &shape.shape[0]);
  Tensor *y = bind_new_tensor(L, "index", shape.rank, shape.shape);
  mb_gather(y->data, x->data, rows, shape.shape[0], x->count / x->shape.shape[0]);
  return 1;
}

/* core.index_backward(dy, shape, rows) -> dx */
static int gather_backward(lua_State *L) {
  const Tensor *dy = bind_tensor(L, "index", "dy", 1);
  const mb_shape shape = bind_shape(L, "index", 2);
  mb_size count;
  const mb_size *rows = bind_indices(L, "index", "rows", 3, shape.shape[0], &count);
  const mb_size width = mb_shape_count(&shape) / shape.shape[0];
  if (dy->count != count * width) bind_error(L, "index: dy does not fit");
  Tensor *dx = bind_new_tensor(L, "index", shape.rank, shape.shape);
  mb_gather_backward(dx->data, dy->data, rows, count, shape.shape[0], width);
  return 1;
}

/* The blocks that a dimension splits a tensor into, and their width. */
static void split_at(const Tensor *x, int dimension, mb_size *outer, mb_size *width) {
  *outer = 1;
  for (int d = 0; d < dimension; d++) *outer *= x->shape.shape[d];
  *width = x->count / *outer;
}

static bool fits_beside(const mb_shape *a, const mb_shape *b, int dimension) {
  bool fits = a->rank == b->rank;
  for (int d = 0; fits && d < a->rank; d++) fits = d == dimension || a->shape[d] == b->shape[d];
  return fits;
}

/* core.concat({tensors}, dimension) */
static int concat(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  const int count = (int)lua_rawlen(L, 1);
  if (count == 0) bind_error(L, "concat: got no tensors");
  lua_rawgeti(L, 1, 1);
  const Tensor *first = bind_tensor(L, "concat", "tensor 1", lua_gettop(L));
  const int dimension = (int)bind_index_in(L, "concat", "dimension", 2, first->shape.rank);
  mb_shape shape = first->shape;
  shape.shape[dimension] = 0;
  for (int i = 1; i <= count; i++) {
    lua_rawgeti(L, 1, i);
    const Tensor *part = bind_tensor(L, "concat", "tensors", lua_gettop(L));
    if (!fits_beside(&first->shape, &part->shape, dimension)) {
      const char *a = bind_push_shape(L, &first->shape);
      bind_error(L, "concat: tensor %d has shape %s, which does not fit beside %s along dimension %d", i,
                 bind_push_shape(L, &part->shape), a, dimension + 1);
    }
    shape.shape[dimension] += part->shape.shape[dimension];
    lua_pop(L, 1);
  }
  Tensor *y = bind_new_tensor(L, "concat", shape.rank, shape.shape);
  mb_size outer, y_width, width, offset = 0;
  split_at(y, dimension, &outer, &y_width);
  for (int i = 1; i <= count; i++, offset += width) {
    lua_rawgeti(L, 1, i);
    const Tensor *part = lua_touserdata(L, -1);
    split_at(part, dimension, &outer, &width);
    mb_copy_blocks(y->data + offset, y_width, part->data, width, outer, width);
    lua_pop(L, 1);
  }
  return 1;
}

/* core.slice(x, dimension, first, count): a copy of count entries along a dimension */
static int slice(lua_State *L) {
  const Tensor *x = bind_tensor(L, "slice", "x", 1);
  const int dimension = (int)bind_index_in(L, "slice", "dimension", 2, x->shape.rank);
  const mb_size size = x->shape.shape[dimension];
  const mb_size first = bind_index_in(L, "slice", "first", 3, size);
  mb_shape shape = x->shape;
  shape.shape[dimension] = bind_size(L, "slice", "count", 4, 1, size - first);
  Tensor *y = bind_new_tensor(L, "slice", shape.rank, shape.shape);
  mb_size outer, x_width, y_width;
  split_at(x, dimension, &outer, &x_width);
  split_at(y, dimension, &outer, &y_width);
  mb_copy_blocks(y->data, y_width, x->data + first * (x_width / size), x_width, outer, y_width);
  return 1;
}

/* core.slice_backward(dy, shape, dimension, first) -> dx, zero outside the slice */
static int slice_backward(lua_State *L) {
  const Tensor *dy = bind_tensor(L, "slice", "dy", 1);
  const mb_shape shape = bind_shape(L, "slice", 2);
  const int dimension = (int)bind_index_in(L, "slice", "dimension", 3, shape.rank);
  const mb_size size = shape.shape[dimension], first = bind_index_in(L, "slice", "first", 4, size);
  if (!fits_beside(&dy->shape, &shape, dimension) || first + dy->shape.shape[dimension] > size)
    bind_error(L, "slice: dy does not fit");
  Tensor *dx = bind_new_tensor(L, "slice", shape.rank, shape.shape);
  mb_size outer, x_width, y_width;
  split_at(dx, dimension, &outer, &x_width);
  split_at(dy, dimension, &outer, &y_width);
  mb_fill(dx->data, 0, dx->count);
  mb_copy_blocks(dx->data + first * (x_width / size), x_width, dy->data, y_width, outer, y_width);
  return 1;
}

static const luaL_Reg functions[] = {{"concat", concat},
                                     {"index", gather},
                                     {"index_backward", gather_backward},
                                     {"slice", slice},
                                     {"slice_backward", slice_backward},
                                     {"transpose", transpose},
                                     {NULL, NULL}};

void bind_open_copy(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
