/* resample.c - spectra (N, L, C) on another axis. */
#include "bind.h"

/* core.resample(x, axis, grid): axis and grid are lists, in double */
static int resample(lua_State *L) {
  mb_size M;
  Args a = bind_args(L, "resample");
  const Tensor *x = next_tensor_rank(&a, "x", 3);
  const mb_size *shape = x->shape.shape;
  const double *axis = next_numbers_count(&a, "axis", shape[1]), *grid = next_numbers(&a, "grid", &M);
  Tensor *y = push_tensor(&a, 3, (mb_size[]){shape[0], M, shape[2]});
  args_check(&a, mb_resample(y->data, x->data, axis, grid, shape[0], shape[1], M, shape[2]));
  return 1;
}

static const luaL_Reg functions[] = {{"resample", resample}, {NULL, NULL}};

void bind_open_resample(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
