/* reduce.c - sums, moments and extremes of tensors. */
#include "bind.h"

static const char *const reduce_names[] = {
    [MB_SUM] = "sum", [MB_MEAN] = "mean", [MB_VAR] = "var",       [MB_STD] = "std",
    [MB_MIN] = "min", [MB_MAX] = "max",   [MB_ARGMIN] = "argmin", [MB_ARGMAX] = "argmax",
};

/* A tensor as (outer, D, inner), of which the middle one is reduced. */
typedef struct {
  int dimension; /* -1: all */
  mb_size outer, D, inner, ddof;
} Reduction;

/* Reads the dimension (nil: all) and ddof of a tensor of this shape. */
static Reduction next_reduction(Args *a, const mb_shape *x) {
  Reduction r = {.dimension = -1, .outer = 1, .D = mb_shape_count(x), .inner = 1};
  if (!next_is_nil(a)) {
    r.dimension = (int)next_index(a, "dimension", x->rank);
    r.D = x->shape[r.dimension];
    for (int d = 0; d < r.dimension; d++) r.outer *= x->shape[d];
    for (int d = r.dimension + 1; d < x->rank; d++) r.inner *= x->shape[d];
  }
  if (!next_is_nil(a)) r.ddof = next_integer(a, "ddof", 0, 1);
  if (r.ddof >= r.D) args_error(a, "ddof 1 needs at least 2 values");
  return r;
}

/* The shape x without the dimension; {1} if nothing is left. */
static mb_shape without(const mb_shape *x, int dimension) {
  mb_shape shape = {.rank = 0};
  for (int d = 0; d < x->rank && dimension >= 0; d++)
    if (d != dimension) shape.shape[shape.rank++] = x->shape[d];
  return shape.rank > 0 ? shape : (mb_shape){.rank = 1, .shape = {1}};
}

/* core.sum(x [, dimension [, ddof]]) and its like; the dimension goes. argmin and argmax count from 1. */
static int reduce(lua_State *L) {
  const mb_reduce_op op = (mb_reduce_op)lua_tointeger(L, lua_upvalueindex(1));
  const bool is_index = op == MB_ARGMIN || op == MB_ARGMAX;
  Args a = bind_args(L, reduce_names[op]);
  const Tensor *x = next_tensor(&a, "x");
  const Reduction r = next_reduction(&a, &x->shape);
  if (is_index && r.D > BIND_EXACT)
    args_error(&a, "a tensor holds indices up to %I exactly, this one may be up to %I",
               (LUAI_UACINT)BIND_EXACT, (LUAI_UACINT)r.D);
  const mb_shape shape = without(&x->shape, r.dimension);
  Tensor *y = push_tensor(&a, shape.rank, shape.shape);
  mb_reduce(y->data, op, x->data, r.outer, r.D, r.inner, r.ddof);
  if (is_index) {
    const mb_real one = 1;
    const mb_shape scalar = {.rank = 1, .shape = {1}};
    mb_binary(y->data, MB_ADD, y->data, &y->shape, &one, &scalar, &y->shape);
  }
  return 1;
}

/* core.sum_backward(dy, shape [, dimension [, ddof]]) -> dx; var, min and max take x itself */
static int reduce_backward(lua_State *L) {
  const mb_reduce_op op = (mb_reduce_op)lua_tointeger(L, lua_upvalueindex(1));
  Args a = bind_args(L, reduce_names[op]);
  const Tensor *dy = next_tensor(&a, "dy");
  const Tensor *x = op == MB_SUM || op == MB_MEAN ? NULL : next_tensor(&a, "x");
  const mb_shape shape = x != NULL ? x->shape : next_shape(&a);
  const Reduction r = next_reduction(&a, &shape);
  args_check_count(&a, "dy", dy, r.outer * r.inner);
  Tensor *dx = push_tensor(&a, shape.rank, shape.shape);
  mb_reduce_backward(dx->data, op, dy->data, x != NULL ? x->data : dx->data, r.outer, r.D, r.inner, r.ddof);
  return 1;
}

/* core.sum_squares(x) -> number */
static int sum_squares(lua_State *L) {
  Args a = bind_args(L, "sum_squares");
  const Tensor *x = next_tensor(&a, "x");
  lua_pushnumber(L, mb_sum_squares(x->data, x->count));
  return 1;
}

/* core.describe(x) -> {min, max, mean, nan, inf} */
static int describe(lua_State *L) {
  Args a = bind_args(L, "describe");
  const Tensor *x = next_tensor(&a, "x");
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
