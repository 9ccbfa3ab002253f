/* rolling_ball.c - baselines of spectra (N, L, C) by a rolling ball. */
#include "bind.h"

/* core.rolling_ball(x, half_window, smooth) */
static int rolling_ball(lua_State *L) {
  Args a = bind_args(L, "rolling_ball");
  const Tensor *x = next_tensor_rank(&a, "x", 3);
  const mb_size *shape = x->shape.shape;
  const mb_size half = next_count(&a, "half_window"), smooth = next_integer(&a, "smooth", 0, INT32_MAX);
  const int threads = mb_get_threads();
  void *scratch = push_scratch(&a, mb_rolling_ball_scratch_bytes(shape[1], threads));
  Tensor *z = push_like(&a, x);
  args_check(&a,
             mb_rolling_ball(z->data, x->data, scratch, half, smooth, shape[0], shape[1], shape[2], threads));
  return 1;
}

static const luaL_Reg functions[] = {{"rolling_ball", rolling_ball}, {NULL, NULL}};

void bind_open_rolling_ball(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
