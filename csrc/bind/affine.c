/* affine.c - the predictions of linear models. */
#include "solved.h"

/* core.affine(x (N, D), mean (D) or nil, weight (D, M), bias (M) or nil) -> (x - mean) weight + bias (N, M)
 */
static int affine(lua_State *L) {
  Args a = bind_args(L, "predict");
  lua_settop(L, 4);
  const Tensor *x = next_rows(&a, "x");
  const Tensor *mean = next_tensor_or_nil(&a, "mean"), *weight = next_tensor_rank(&a, "weight", 2),
               *bias = next_tensor_or_nil(&a, "bias");
  const mb_size N = x->shape.shape[0], D = x->shape.shape[1], M = weight->shape.shape[1];
  if (weight->shape.shape[0] != D)
    args_error(&a, "x: expected %I points per row, got %I", (LUAI_UACINT)weight->shape.shape[0],
               (LUAI_UACINT)D);
  if (mean) args_check_count(&a, "mean", mean, D);
  if (bias) args_check_count(&a, "bias", bias, M);
  Tensor *y = push_tensor(&a, 2, (mb_size[]){N, M});
  mb_affine(y->data, x->data, mean ? mean->data : NULL, weight->data, bias ? bias->data : NULL, N, D, M);
  return 1;
}

static const luaL_Reg functions[] = {{"affine", affine}, {NULL, NULL}};

void bind_open_affine(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
