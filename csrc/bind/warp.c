/* warp.c - spectra (N, L, C) whose points are moved along the axis. */
#include "bind.h"

/* core.warp(x, shifts): shifts is (N, knots) */
static int warp(lua_State *L) {
  Args a = bind_args(L, "warp");
  const Tensor *x = next_tensor_rank(&a, "x", 3), *shifts = next_tensor_rank(&a, "shifts", 2);
  const mb_size *shape = x->shape.shape;
  if (shifts->shape.shape[0] != shape[0]) args_error(&a, "expected shifts for each spectrum");
  Tensor *y = push_like(&a, x);
  args_check(&a,
             mb_warp(y->data, x->data, shifts->data, shape[0], shape[1], shape[2], shifts->shape.shape[1]));
  return 1;
}

static const luaL_Reg functions[] = {{"warp", warp}, {NULL, NULL}};

void bind_open_warp(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
