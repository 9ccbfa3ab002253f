/* copy.c - transposed, picked, joined and cut tensors. */
#include "bind.h"

/* core.transpose(x, d1, d2) */
static int transpose(lua_State *L) {
  Args a = bind_args(L, "transpose");
  const Tensor *x = next_tensor(&a, "x");
  const int d1 = (int)next_index(&a, "first dimension", x->shape.rank);
  const int d2 = (int)next_index(&a, "second dimension", x->shape.rank);
  mb_shape shape = x->shape;
  shape.shape[d1] = x->shape.shape[d2];
  shape.shape[d2] = x->shape.shape[d1];
  Tensor *y = push_tensor(&a, shape.rank, shape.shape);
  mb_transpose(y->data, x->data, &x->shape, d1, d2);
  return 1;
}

/* core.index(x, rows): the rows with these numbers, a tensor or table of integers */
static int gather(lua_State *L) {
  Args a = bind_args(L, "index");
  const Tensor *x = next_tensor(&a, "x");
  mb_shape shape = x->shape;
  const mb_size *rows = next_indices(&a, "rows", x->shape.shape[0], &shape.shape[0]);
  Tensor *y = push_tensor(&a, shape.rank, shape.shape);
  mb_gather(y->data, x->data, rows, shape.shape[0], x->count / x->shape.shape[0]);
  return 1;
}

/* core.index_backward(dy, shape, rows) -> dx */
static int gather_backward(lua_State *L) {
  Args a = bind_args(L, "index");
  const Tensor *dy = next_tensor(&a, "dy");
  const mb_shape shape = next_shape(&a);
  mb_size count;
  const mb_size *rows = next_indices(&a, "rows", shape.shape[0], &count);
  const mb_size width = mb_shape_count(&shape) / shape.shape[0];
  if (dy->count != count * width) args_error(&a, "dy does not fit");
  Tensor *dx = push_tensor(&a, shape.rank, shape.shape);
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

/* Reads tensor i of the list at the first argument, which keeps it. */
static const Tensor *part(const Args *a, int i) {
  lua_rawgeti(a->L, 1, i);
  Args element = bind_top(a);
  const Tensor *x = next_tensor(&element, "tensors");
  lua_pop(a->L, 1);
  return x;
}

/* The shape of count tensors that are joined along a dimension. */
static mb_shape joined_shape(const Args *a, int count, int dimension) {
  const mb_shape first = part(a, 1)->shape;
  mb_shape shape = first;
  for (int i = 2; i <= count; i++) {
    const mb_shape next = part(a, i)->shape;
    if (!fits_beside(&first, &next, dimension)) {
      const char *shown = bind_push_shape(a->L, &first);
      args_error(a, "tensor %d has shape %s, which does not fit beside %s along dimension %d", i,
                 bind_push_shape(a->L, &next), shown, dimension + 1);
    }
    shape.shape[dimension] += next.shape[dimension];
  }
  return shape;
}

/* core.concat({tensors}, dimension) */
static int concat(lua_State *L) {
  Args a = bind_args(L, "concat");
  const int list = next_arg(&a);
  if (lua_type(L, list) != LUA_TTABLE) args_type_error(&a, "tensors", "a table of tensors");
  const int count = (int)lua_rawlen(L, list);
  if (count == 0) args_error(&a, "got no tensors");
  const int dimension = (int)next_index(&a, "dimension", part(&a, 1)->shape.rank);
  const mb_shape shape = joined_shape(&a, count, dimension);
  Tensor *y = push_tensor(&a, shape.rank, shape.shape);
  mb_size outer, y_width, width, offset = 0;
  split_at(y, dimension, &outer, &y_width);
  for (int i = 1; i <= count; i++, offset += width) {
    const Tensor *x = part(&a, i);
    split_at(x, dimension, &outer, &width);
    mb_copy_blocks(y->data + offset, y_width, x->data, width, outer, width);
  }
  return 1;
}

/* core.slice(x, dimension, first, count): a copy of count entries along a dimension */
static int slice(lua_State *L) {
  Args a = bind_args(L, "slice");
  const Tensor *x = next_tensor(&a, "x");
  const int dimension = (int)next_index(&a, "dimension", x->shape.rank);
  const mb_size size = x->shape.shape[dimension], first = next_index(&a, "first", size);
  mb_shape shape = x->shape;
  shape.shape[dimension] = next_integer(&a, "count", 1, size - first);
  Tensor *y = push_tensor(&a, shape.rank, shape.shape);
  mb_size outer, x_width, y_width;
  split_at(x, dimension, &outer, &x_width);
  split_at(y, dimension, &outer, &y_width);
  mb_copy_blocks(y->data, y_width, x->data + first * (x_width / size), x_width, outer, y_width);
  return 1;
}

/* core.slice_backward(dy, shape, dimension, first) -> dx, zero outside the slice */
static int slice_backward(lua_State *L) {
  Args a = bind_args(L, "slice");
  const Tensor *dy = next_tensor(&a, "dy");
  const mb_shape shape = next_shape(&a);
  const int dimension = (int)next_index(&a, "dimension", shape.rank);
  const mb_size size = shape.shape[dimension], first = next_index(&a, "first", size);
  if (!fits_beside(&dy->shape, &shape, dimension) || first + dy->shape.shape[dimension] > size)
    args_error(&a, "dy does not fit");
  Tensor *dx = push_tensor(&a, shape.rank, shape.shape);
  mb_size outer, x_width, y_width;
  split_at(dx, dimension, &outer, &x_width);
  split_at(dy, dimension, &outer, &y_width);
  mb_fill(dx->data, 0, dx->count);
  mb_copy_blocks(dx->data + first * (x_width / size), x_width, dy->data, y_width, outer, y_width);
  return 1;
}

/* Reads positions of 1..D along the dimension, in a tensor that has the other sizes of x. */
static const Tensor *next_positions(Args *a, const mb_shape *x, const Cut *c) {
  const Tensor *at = next_tensor(a, "positions");
  bool fits = at->shape.rank == x->rank;
  for (int d = 0; fits && d < x->rank; d++) fits = d == c->dimension || at->shape.shape[d] == x->shape[d];
  if (!fits) {
    const char *expected = bind_push_shape(a->L, x);
    args_error(a, "positions: expected the shape %s but for dimension %d, got %s", expected, c->dimension + 1,
               bind_push_shape(a->L, &at->shape));
  }
  for (mb_size i = 0; i < at->count; i++)
    if (!(at->data[i] >= 1 && at->data[i] <= (mb_real)c->D && at->data[i] == (mb_real)(mb_size)at->data[i]))
      args_error(a, "positions: expected whole numbers from 1 to %I, got %f", (LUAI_UACINT)c->D,
                 (double)at->data[i]);
  return at;
}

/* core.pick(x, dimension, positions) */
static int pick(lua_State *L) {
  Args a = bind_args(L, "gather");
  const Tensor *x = next_tensor(&a, "x");
  const Cut c = next_cut(&a, &x->shape);
  const Tensor *at = next_positions(&a, &x->shape, &c);
  Tensor *y = push_like(&a, at);
  mb_pick(y->data, x->data, at->data, c.outer, c.D, at->shape.shape[c.dimension], c.inner);
  return 1;
}

/* core.pick_backward(dy, shape, dimension, positions) -> dx */
static int pick_backward(lua_State *L) {
  Args a = bind_args(L, "gather");
  const Tensor *dy = next_tensor(&a, "dy");
  const mb_shape shape = next_shape(&a);
  const Cut c = next_cut(&a, &shape);
  const Tensor *at = next_positions(&a, &shape, &c);
  args_check_count(&a, "dy", dy, at->count);
  Tensor *dx = push_tensor(&a, shape.rank, shape.shape);
  mb_pick_backward(dx->data, dy->data, at->data, c.outer, c.D, at->shape.shape[c.dimension], c.inner);
  return 1;
}

/* core.take(x, dimension, rows): the entries with these numbers along a dimension */
static int take(lua_State *L) {
  Args a = bind_args(L, "index");
  const Tensor *x = next_tensor(&a, "x");
  const Cut c = next_cut(&a, &x->shape);
  mb_shape shape = x->shape;
  const mb_size *rows = next_indices(&a, "rows", c.D, &shape.shape[c.dimension]);
  Tensor *y = push_tensor(&a, shape.rank, shape.shape);
  mb_take(y->data, x->data, rows, c.outer, c.D, shape.shape[c.dimension], c.inner);
  return 1;
}

/* core.take_backward(dy, shape, dimension, rows) -> dx */
static int take_backward(lua_State *L) {
  Args a = bind_args(L, "index");
  const Tensor *dy = next_tensor(&a, "dy");
  const mb_shape shape = next_shape(&a);
  const Cut c = next_cut(&a, &shape);
  mb_size count;
  const mb_size *rows = next_indices(&a, "rows", c.D, &count);
  args_check_count(&a, "dy", dy, c.outer * count * c.inner);
  Tensor *dx = push_tensor(&a, shape.rank, shape.shape);
  mb_take_backward(dx->data, dy->data, rows, c.outer, c.D, count, c.inner);
  return 1;
}

static const luaL_Reg functions[] = {{"concat", concat},
                                     {"index", gather},
                                     {"index_backward", gather_backward},
                                     {"pick", pick},
                                     {"pick_backward", pick_backward},
                                     {"slice", slice},
                                     {"slice_backward", slice_backward},
                                     {"take", take},
                                     {"take_backward", take_backward},
                                     {"transpose", transpose},
                                     {NULL, NULL}};

void bind_open_copy(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
