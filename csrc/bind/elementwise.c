/* elementwise.c - elementwise operations, reductions, matrix products and copies on tensors. */
#include "bind.h"

#include <string.h>

/* ---- elementwise ---- */

static const char *const binary_names[] = {
    [MB_ADD] = "add",         [MB_SUB] = "sub",     [MB_MUL] = "mul",
    [MB_DIV] = "div",         [MB_POW] = "pow",     [MB_MAXIMUM] = "maximum",
    [MB_MINIMUM] = "minimum", [MB_EQ] = "eq",       [MB_NE] = "ne",
    [MB_LT] = "lt",           [MB_LE] = "le",       [MB_GT] = "gt",
    [MB_GE] = "ge",           [MB_CHAIN] = "chain", [MB_CHAIN_DIV] = "chain_div",
};

typedef struct {
  const mb_real *data;
  mb_shape shape;
  mb_real number;
} Operand;

/* A tensor or a number, which stands for a tensor of one element. */
static void read_operand(lua_State *L, const char *operation, const char *name, int arg, Operand *operand) {
  if (lua_type(L, arg) == LUA_TNUMBER) {
    operand->number = (mb_real)lua_tonumber(L, arg);
    operand->data = &operand->number;
    operand->shape = (mb_shape){.rank = 1, .shape = {1}};
  } else if (bind_test_tensor(L, arg) != NULL) {
    const Tensor *tensor = bind_tensor(L, operation, name, arg);
    operand->data = tensor->data;
    operand->shape = tensor->shape;
  } else {
    bind_type_error(L, operation, name, arg, "a tensor or a number");
  }
}

/* core.add(a, b) and its like; a or b may be a number. Upvalue 1: the operation. */
static int binary(lua_State *L) {
  const mb_binary_op op = (mb_binary_op)lua_tointeger(L, lua_upvalueindex(1));
  const char *name = binary_names[op];
  Operand a, b;
  mb_shape shape;
  read_operand(L, name, "left operand", 1, &a);
  read_operand(L, name, "right operand", 2, &b);
  bind_status(L, name, mb_broadcast_shape(&shape, &a.shape, &b.shape));
  Tensor *y = bind_new_tensor(L, name, shape.rank, shape.shape);
  mb_binary(y->data, op, a.data, &a.shape, b.data, &b.shape, &y->shape);
  return 1;
}

/* core.broadcast_from(x, y) -> the shape of x, which was broadcast to y; nil where it was not */
static int broadcast_from(lua_State *L) {
  if (lua_type(L, 1) == LUA_TNUMBER) return 0;
  const Tensor *x = bind_tensor(L, "broadcast_from", "x", 1), *y = bind_tensor(L, "broadcast_from", "y", 2);
  if (bind_same_shape(x, y)) return 0;
  bind_push_sizes(L, &x->shape);
  return 1;
}

/* core.sum_to(y, shape): y summed over the dimensions along which that shape was broadcast */
static int sum_to(lua_State *L) {
  const Tensor *y = bind_tensor(L, "sum_to", "y", 1);
  const mb_shape to = bind_shape(L, "sum_to", 2);
  mb_shape both;
  bind_status(L, "sum_to", mb_broadcast_shape(&both, &y->shape, &to));
  if (mb_shape_count(&both) != y->count) bind_error(L, "sum_to: the shape is larger than y");
  Tensor *x = bind_new_tensor(L, "sum_to", to.rank, to.shape);
  mb_sum_to(x->data, &x->shape, y->data, &y->shape);
  return 1;
}

static const char *const unary_names[MB_UNARY_COUNT] = {
    [MB_NEG] = "neg",         [MB_EXP] = "exp",   [MB_LOG] = "log",           [MB_SQRT] = "sqrt",
    [MB_ABS] = "abs",         [MB_TANH] = "tanh", [MB_SIN] = "sin",           [MB_COS] = "cos",
    [MB_SIGMOID] = "sigmoid", [MB_RELU] = "relu", [MB_ELU] = "elu",           [MB_LEAKY_RELU] = "leaky_relu",
    [MB_GELU] = "gelu",       [MB_SELU] = "selu", [MB_SOFTPLUS] = "softplus",
};

/* core.exp(x [, p]) and its like; p is the slope or scale of leaky_relu and elu. Upvalue 1: the operation. */
static int unary(lua_State *L) {
  const mb_unary_op op = (mb_unary_op)lua_tointeger(L, lua_upvalueindex(1));
  const Tensor *x = bind_tensor(L, unary_names[op], "x", 1);
  const mb_real p = lua_isnoneornil(L, 2) ? 0 : (mb_real)bind_number(L, unary_names[op], "alpha", 2);
  Tensor *y = bind_new_like(L, unary_names[op], x);
  mb_unary(y->data, op, p, x->data, x->count);
  return 1;
}

/* core.exp_keeps_result() and its like: does the backward pass read y = exp(x) and not x? */
static int unary_keeps(lua_State *L) {
  lua_pushboolean(L, mb_unary_keeps_result((mb_unary_op)lua_tointeger(L, lua_upvalueindex(1))));
  return 1;
}

/* core.exp_backward(dy, x or y [, p]) -> dx, which may be dy overwritten */
static int unary_backward(lua_State *L) {
  const mb_unary_op op = (mb_unary_op)lua_tointeger(L, lua_upvalueindex(1));
  const Tensor *dy = bind_tensor(L, unary_names[op], "dy", 1);
  const Tensor *kept = bind_tensor_count(L, unary_names[op], "x", 2, dy->count);
  const mb_real p = lua_isnoneornil(L, 3) ? 0 : (mb_real)bind_number(L, unary_names[op], "alpha", 3);
  Tensor *dx = bind_own_or_new(L, unary_names[op], 1);
  mb_unary_backward(dx->data, op, p, dy->data, kept->data, kept->count);
  return 1;
}

/* core.add_activate(a, b, slope): a + b of one shape, what is negative times slope */
static int add_activate(lua_State *L) {
  const Tensor *a = bind_tensor(L, "add", "left operand", 1), *b = bind_tensor(L, "add", "right operand", 2);
  const mb_real slope = (mb_real)bind_number(L, "add", "slope", 3);
  if (!bind_same_shape(a, b)) bind_error(L, "add: expected two tensors of one shape");
  Tensor *y = bind_new_like(L, "add", a);
  mb_add_activate(y->data, slope, a->data, b->data, y->count);
  return 1;
}

/* core.add_into(y, x [, scale]): y += scale x in place */
static int add_into(lua_State *L) {
  Tensor *y = bind_tensor(L, "add_into", "y", 1);
  const Tensor *x = bind_tensor_count(L, "add_into", "x", 2, y->count);
  mb_add_scaled(y->data, lua_isnoneornil(L, 3) ? 1 : (mb_real)bind_number(L, "add_into", "scale", 3), x->data,
                x->count);
  bind_touch(y);
  lua_settop(L, 1);
  return 1;
}

/* ---- reductions ---- */

static const char *const reduce_names[] = {
    [MB_SUM] = "sum", [MB_MEAN] = "mean", [MB_VAR] = "var",       [MB_STD] = "std",
    [MB_MIN] = "min", [MB_MAX] = "max",   [MB_ARGMIN] = "argmin", [MB_ARGMAX] = "argmax",
};

/* Reads the dimension (nil: all) and ddof (VAR) at arg and arg + 1 as (outer, D, inner) of x. */
static void read_reduction(lua_State *L, mb_reduce_op op, int arg, const mb_shape *x, int *dimension,
                           mb_size split[3], mb_size *ddof) {
  const char *name = reduce_names[op];
  *dimension = -1;
  split[0] = split[2] = 1;
  split[1] = mb_shape_count(x);
  if (!lua_isnoneornil(L, arg)) {
    *dimension = (int)bind_index_in(L, name, "dimension", arg, x->rank);
    split[1] = x->shape[*dimension];
    for (int d = 0; d < *dimension; d++) split[0] *= x->shape[d];
    for (int d = *dimension + 1; d < x->rank; d++) split[2] *= x->shape[d];
  }
  *ddof = lua_isnoneornil(L, arg + 1) ? 0 : bind_size(L, name, "ddof", arg + 1, 0, 1);
  if (*ddof >= split[1]) bind_error(L, "%s: ddof 1 needs at least 2 values", name);
}

/* core.sum(x [, dimension [, ddof]]) and its like; the dimension goes. argmin and argmax count from 1. */
static int reduce(lua_State *L) {
  const mb_reduce_op op = (mb_reduce_op)lua_tointeger(L, lua_upvalueindex(1));
  const Tensor *x = bind_tensor(L, reduce_names[op], "x", 1);
  mb_size split[3], ddof;
  mb_shape shape = {.rank = 0};
  int dimension;
  read_reduction(L, op, 2, &x->shape, &dimension, split, &ddof);
  if ((op == MB_ARGMIN || op == MB_ARGMAX) && split[1] > BIND_EXACT)
    bind_error(L, "%s: a tensor holds indices up to %I exactly, this one may be up to %I", reduce_names[op],
               (LUAI_UACINT)BIND_EXACT, (LUAI_UACINT)split[1]);
  for (int d = 0; d < x->shape.rank && dimension >= 0; d++)
    if (d != dimension) shape.shape[shape.rank++] = x->shape.shape[d];
  if (shape.rank == 0) shape = (mb_shape){.rank = 1, .shape = {1}};
  Tensor *y = bind_new_tensor(L, reduce_names[op], shape.rank, shape.shape);
  mb_reduce(y->data, op, x->data, split[0], split[1], split[2], ddof);
  if (op == MB_ARGMIN || op == MB_ARGMAX) {
    const mb_real one = 1;
    const mb_shape scalar = {.rank = 1, .shape = {1}};
    mb_binary(y->data, MB_ADD, y->data, &y->shape, &one, &scalar, &y->shape);
  }
  return 1;
}

/* core.sum_backward(dy, shape [, dimension [, ddof]]) -> dx; var, min and max take x itself */
static int reduce_backward(lua_State *L) {
  const mb_reduce_op op = (mb_reduce_op)lua_tointeger(L, lua_upvalueindex(1));
  const bool by_shape = op == MB_SUM || op == MB_MEAN;
  const mb_shape shape =
      by_shape ? bind_shape(L, reduce_names[op], 2) : bind_tensor(L, reduce_names[op], "x", 2)->shape;
  mb_size split[3], ddof;
  int dimension;
  read_reduction(L, op, 3, &shape, &dimension, split, &ddof);
  const Tensor *dy = bind_tensor_count(L, reduce_names[op], "dy", 1, split[0] * split[2]);
  Tensor *dx = bind_new_tensor(L, reduce_names[op], shape.rank, shape.shape);
  const mb_real *x = by_shape ? dx->data : bind_tensor(L, reduce_names[op], "x", 2)->data;
  mb_reduce_backward(dx->data, op, dy->data, x, split[0], split[1], split[2], ddof);
  return 1;
}

/* core.sum_squares(x) -> number */
static int sum_squares(lua_State *L) {
  const Tensor *x = bind_tensor(L, "sum_squares", "x", 1);
  lua_pushnumber(L, mb_sum_squares(x->data, x->count));
  return 1;
}

/* ---- matrix product ---- */

/* core.matmul(a, b [, transpose_a [, transpose_b [, bias]]]): b is a matrix; the last dimension of a is
 * summed over, those before stay. transpose_a takes a as one matrix (all but the last dimension, last).
 * The bias is added to each row of the result. */
static int matmul(lua_State *L) {
  const Tensor *a = bind_tensor(L, "matmul", "a", 1), *b = bind_tensor(L, "matmul", "b", 2);
  const bool ta = bind_flag(L, 3), tb = bind_flag(L, 4);
  const mb_size columns = a->shape.shape[a->shape.rank - 1], rows = a->count / columns;
  const mb_size b_columns = b->shape.shape[b->shape.rank - 1], b_rows = b->count / b_columns;
  const mb_size K = ta ? rows : columns, N = tb ? b_rows : b_columns;
  if (K != (tb ? b_columns : b_rows) || (b->shape.rank != 2 && !ta)) {
    const char *a_shape = bind_push_shape(L, &a->shape);
    bind_error(L, "matmul: shapes %s%s and %s%s do not fit: expected (..., K) and (K, N)", a_shape,
               ta ? " transposed" : "", bind_push_shape(L, &b->shape), tb ? " transposed" : "");
  }
  mb_shape shape = a->shape;
  shape.shape[shape.rank - 1] = N;
  if (ta) shape = (mb_shape){.rank = 2, .shape = {columns, N}};
  const Tensor *bias = lua_isnoneornil(L, 5) ? NULL : bind_tensor_count(L, "matmul", "bias", 5, N);
  Tensor *y = bind_new_tensor(L, "matmul", shape.rank, shape.shape);
  if (bias != NULL) mb_copy_blocks(y->data, N, bias->data, 0, y->count / N, N);
  mb_matmul(y->data, ta, tb, ta ? columns : rows, N, K, 1, a->data, b->data, bias != NULL);
  return 1;
}

/* core.weight_gradient(x, dy) -> the product x' dy of all rows, the gradient of w in x w = y. Where its
 * factors are much smaller than it is, they are kept until somebody looks, and no longer depend on x and dy.
 */
static int weight_gradient(lua_State *L) {
  const Tensor *x = bind_tensor(L, "matmul", "x", 1), *dy = bind_tensor(L, "matmul", "dy", 2);
  const mb_size rows = x->shape.shape[x->shape.rank - 1], columns = dy->shape.shape[dy->shape.rank - 1];
  const mb_size terms = x->count / rows;
  if (dy->count != terms * columns) bind_error(L, "matmul: x and dy do not fit");
  if (mb_factors_count(terms, rows, columns) <= rows * columns / 4)
    bind_new_product(L, "matmul", x->data, dy->data, terms, rows, columns);
  else
    mb_matmul(bind_new_tensor(L, "matmul", 2, (mb_size[]){rows, columns})->data, true, false, rows, columns,
              terms, 1, x->data, dy->data, 0);
  return 1;
}

/* ---- copies ---- */

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

/* ---- registration ---- */

static const luaL_Reg functions[] = {
    {"add_activate", add_activate},
    {"add_into", add_into},
    {"broadcast_from", broadcast_from},
    {"concat", concat},
    {"index", gather},
    {"index_backward", gather_backward},
    {"matmul", matmul},
    {"slice", slice},
    {"slice_backward", slice_backward},
    {"sum_squares", sum_squares},
    {"sum_to", sum_to},
    {"transpose", transpose},
    {"weight_gradient", weight_gradient},
    {NULL, NULL},
};

/* Adds a closure of function over each operation, under its name and a suffix. */
static void add_family(lua_State *L, lua_CFunction function, const char *const *names, int count,
                       const char *suffix) {
  for (int op = 0; op < count; op++) {
    lua_pushfstring(L, "%s%s", names[op], suffix);
    lua_pushinteger(L, op);
    lua_pushcclosure(L, function, 1);
    lua_settable(L, -3);
  }
}

#define COUNT(names) ((int)(sizeof names / sizeof *names))

void bind_open_math(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
  add_family(L, binary, binary_names, COUNT(binary_names), "");
  add_family(L, unary, unary_names, COUNT(unary_names), "");
  add_family(L, unary_backward, unary_names, COUNT(unary_names), "_backward");
  add_family(L, unary_keeps, unary_names, COUNT(unary_names), "_keeps_result");
  add_family(L, reduce, reduce_names, COUNT(reduce_names), "");
  add_family(L, reduce_backward, reduce_names, MB_ARGMIN, "_backward");
}
