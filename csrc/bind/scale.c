/* scale.c - spectra (N, L, C), or each point of them, to a common offset and scale. */
#include "bind.h"

static void push_list(lua_State *L, const double *numbers, mb_size count) {
  lua_createtable(L, (int)count, 0);
  for (mb_size i = 0; i < count; i++) {
    lua_pushnumber(L, numbers[i]);
    lua_rawseti(L, -2, i + 1);
  }
}

/* core.scale(x, "snv", "min_max", "max" or "area") */
static int scale(lua_State *L) {
  static const char *const names[] = {"snv", "min_max", "max", "area", NULL};
  Args a = bind_args(L, "preprocess");
  const Tensor *x = next_tensor_rank(&a, "x", 3);
  const int scaling = next_option(&a, "scale", names);
  const mb_size *shape = x->shape.shape;
  Tensor *y = push_like(&a, x);
  a.operation = names[scaling];
  args_check(&a, mb_scale(y->data, x->data, (mb_scaling)scaling, shape[0], shape[1], shape[2]));
  return 1;
}

/* core.column_statistics(x) -> lists of the means and of the standard deviations of its L C points */
static int column_statistics(lua_State *L) {
  Args a = bind_args(L, "preprocess");
  const Tensor *x = next_tensor_rank(&a, "x", 3);
  const mb_size N = x->shape.shape[0], M = x->count / N;
  double *mean = lua_newuserdatauv(L, 2 * (size_t)M * sizeof *mean, 0);
  mb_column_statistics(mean, mean + M, x->data, N, M);
  push_list(L, mean, M);
  push_list(L, mean + M, M);
  return 2;
}

/* core.standardize(x, means, standard deviations) */
static int standardize(lua_State *L) {
  Args a = bind_args(L, "standardize");
  const Tensor *x = next_tensor_rank(&a, "x", 3);
  const mb_size N = x->shape.shape[0], M = x->count / N;
  const double *mean = next_numbers_count(&a, "mean", M), *sd = next_numbers_count(&a, "sd", M);
  Tensor *y = push_like(&a, x);
  mb_standardize(y->data, x->data, mean, sd, N, M);
  return 1;
}

static const luaL_Reg functions[] = {
    {"column_statistics", column_statistics}, {"scale", scale}, {"standardize", standardize}, {NULL, NULL}};

void bind_open_scale(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
