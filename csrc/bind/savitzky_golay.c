/* savitzky_golay.c - smoothed spectra (N, L, C) and their derivatives. */
#include "bind.h"

/* core.savitzky_golay(x, window, order, derivative, delta) */
static int savitzky_golay(lua_State *L) {
  Args a = bind_args(L, "savitzky_golay");
  const Tensor *x = next_tensor_rank(&a, "x", 3);
  const mb_size *shape = x->shape.shape;
  const mb_size K = next_integer(&a, "window", 1, 32767), order = next_integer(&a, "order", 0, 32767);
  const int derivative = (int)next_integer(&a, "derivative", 0, 8);
  const double delta = next_number(&a, "delta");
  args_check(&a, mb_savitzky_golay_check(shape[1], K, order, derivative, delta));
  void *scratch = lua_newuserdatauv(L, mb_savitzky_golay_scratch_bytes(K, order, derivative), 0);
  mb_savitzky_golay_weights(scratch, K, order, derivative, delta);
  Tensor *y = push_like(&a, x);
  mb_savitzky_golay(y->data, x->data, scratch, shape[0], shape[1], shape[2], K, order, derivative);
  return 1;
}

static const luaL_Reg functions[] = {{"savitzky_golay", savitzky_golay}, {NULL, NULL}};

void bind_open_savitzky_golay(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
