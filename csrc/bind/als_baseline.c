/* als_baseline.c - baselines of spectra (N, L, C). */
#include "bind.h"

/* core.als_baseline(x, lambda, p, iterations) */
static int als_baseline(lua_State *L) {
  const Tensor *x = bind_tensor_rank(L, "als_baseline", "x", 1, 3);
  const double lambda = bind_number(L, "als_baseline", "lambda", 2);
  const double p = bind_number(L, "als_baseline", "p", 3);
  const int iterations = (int)bind_size(L, "als_baseline", "iterations", 4, 1, 100000);
  const mb_size *shape = x->shape.shape;
  const size_t room = (size_t)mb_als_baseline_scratch(shape[1]) * (size_t)mb_get_threads();
  double *scratch = lua_newuserdatauv(L, room * sizeof *scratch, 0);
  Tensor *z = bind_new_like(L, "als_baseline", x);
  bind_status(
      L, "als_baseline",
      mb_als_baseline(z->data, x->data, scratch, lambda, p, iterations, shape[0], shape[1], shape[2]));
  return 1;
}

static const luaL_Reg functions[] = {{"als_baseline", als_baseline}, {NULL, NULL}};

void bind_open_als_baseline(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
