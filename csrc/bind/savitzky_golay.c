/* savitzky_golay.c - smoothed spectra (N, L, C) and their derivatives. */
#include "bind.h"

/* core.savitzky_golay(x, window, order, derivative, delta) */
static int savitzky_golay(lua_State *L) {
  const Tensor *x = bind_tensor_rank(L, "savitzky_golay", "x", 1, 3);
  const mb_size *shape = x->shape.shape;
  const mb_size K = bind_size(L, "savitzky_golay", "window", 2, 1, 32767);
  const mb_size order = bind_size(L, "savitzky_golay", "order", 3, 0, 32767);
  const int derivative = (int)bind_size(L, "savitzky_golay", "derivative", 4, 0, 8);
  const double delta = bind_number(L, "savitzky_golay", "delta", 5);
  bind_status(L, "savitzky_golay", mb_savitzky_golay_check(shape[1], K, order, derivative, delta));
  double *weights =
      lua_newuserdatauv(L, (size_t)mb_savitzky_golay_scratch(K, order, derivative) * sizeof *weights, 0);
  mb_savitzky_golay_weights(weights, K, order, derivative, delta);
  Tensor *y = bind_new_like(L, "savitzky_golay", x);
  mb_savitzky_golay(y->data, x->data, weights, shape[0], shape[1], shape[2], K, order, derivative);
  return 1;
}

static const luaL_Reg functions[] = {{"savitzky_golay", savitzky_golay}, {NULL, NULL}};

void bind_open_savitzky_golay(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
