/* reduce.c - sums, moments and extremes of tensors. */
#include "bind.h"

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

/* core.describe(x) -> {min, max, mean, nan, inf} */
static int describe(lua_State *L) {
  const Tensor *x = bind_tensor(L, "describe", "x", 1);
  mb_stats stats;
  mb_describe(&stats, x->data, x->count);
  lua_createtable(L, 0, 5);
  lua_pushnumber(L, stats.min), lua_setfield(L, -2, "min");
  lua_pushnumber(L, stats.max), lua_setfield(L, -2, "max");
  lua_pushnumber(L, stats.mean), lua_setfield(L, -2, "mean");
  lua_pushinteger(L, stats.nan_count), lua_setfield(L, -2, "nan");
  lua_pushinteger(L, stats.inf_count), lua_setfield(L, -2, "inf");
  return 1;
}

static const luaL_Reg functions[] = {{"describe", describe}, {"sum_squares", sum_squares}, {NULL, NULL}};

void bind_open_reduce(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
  bind_add_family(L, reduce, reduce_names, (int)(sizeof reduce_names / sizeof *reduce_names), "");
  bind_add_family(L, reduce_backward, reduce_names, MB_ARGMIN, "_backward");
}
