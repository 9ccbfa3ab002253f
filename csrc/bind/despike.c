/* despike.c - spectra (N, L, C) without cosmic rays. */
#include "bind.h"

/* core.despike(x, threshold, half_window) */
static int despike(lua_State *L) {
  Args a = bind_args(L, "despike");
  const Tensor *x = next_tensor_rank(&a, "x", 3);
  const mb_size *shape = x->shape.shape;
  const double threshold = next_number(&a, "threshold");
  const mb_size half = next_count(&a, "half_window");
  const int threads = mb_get_threads();
  void *scratch = push_scratch(&a, mb_despike_scratch_bytes(shape[1], threads));
  Tensor *y = push_like(&a, x);
  args_check(&a,
             mb_despike(y->data, x->data, scratch, threshold, half, shape[0], shape[1], shape[2], threads));
  return 1;
}

static const luaL_Reg functions[] = {{"despike", despike}, {NULL, NULL}};

void bind_open_despike(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
