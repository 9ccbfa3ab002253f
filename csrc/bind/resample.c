/* resample.c - spectra (N, L, C) on another axis. */
#include "bind.h"

/* core.resample(x, axis, grid): axis and grid are lists, in double */
static int resample(lua_State *L) {
  mb_size M;
  const Tensor *x = bind_tensor_rank(L, "resample", "x", 1, 3);
  const mb_size *shape = x->shape.shape;
  const double *axis = bind_numbers_count(L, "resample", "axis", 2, shape[1]);
  const double *grid = bind_numbers(L, "resample", "grid", 3, &M);
  Tensor *y = bind_new_tensor(L, "resample", 3, (mb_size[]){shape[0], M, shape[2]});
  bind_status(L, "resample", mb_resample(y->data, x->data, axis, grid, shape[0], shape[1], M, shape[2]));
  return 1;
}

static const luaL_Reg functions[] = {{"resample", resample}, {NULL, NULL}};

void bind_open_resample(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
