/* ridge.c - linear regression with a penalty. */
#include "solved.h"

/* core.ridge(x (N, D), y (N, M), alpha) -> weight (D, M), bias (M) */
static int ridge(lua_State *L) {
  Args a = bind_args(L, "ridge.fit");
  const Tensor *x = next_rows(&a, "x"), *y = next_rows(&a, "y");
  const mb_size N = x->shape.shape[0], D = x->shape.shape[1], M = y->shape.shape[1];
  const double alpha = next_number(&a, "alpha");
  args_check_count(&a, "y", y, N * M);
  double *weight = push_double_scratch(&a, D * M + M), *bias = weight + D * M;
  void *scratch = push_scratch(&a, mb_ridge_scratch_bytes(N, D, M));
  args_check(&a, mb_ridge(weight, bias, scratch, x->data, y->data, alpha, N, D, M));
  push_doubles(&a, weight, 2, (mb_size[]){D, M});
  push_doubles(&a, bias, 1, &M);
  return 2;
}

static const luaL_Reg functions[] = {{"ridge", ridge}, {NULL, NULL}};

void bind_open_ridge(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
