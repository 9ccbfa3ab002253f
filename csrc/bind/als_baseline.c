/* als_baseline.c - baselines of spectra (N, L, C) by weighted least squares. */
#include "bind.h"

/* core.als_baseline(x, "als", "arpls" or "airpls", lambda, p, tol, iterations) */
static int als_baseline(lua_State *L) {
  static const char *const names[] = {"als", "arpls", "airpls", NULL};
  Args a = bind_args(L, "als_baseline");
  const Tensor *x = next_tensor_rank(&a, "x", 3);
  const mb_weighting weighting = (mb_weighting)next_option(&a, "weighting", names);
  const double lambda = next_number(&a, "lambda"), p = next_number(&a, "p"),
               tolerance = next_number(&a, "tol");
  const int iterations = (int)next_integer(&a, "iterations", 1, 100000);
  const mb_size *shape = x->shape.shape;
  const int threads = mb_get_threads();
  void *scratch = lua_newuserdatauv(L, mb_als_baseline_scratch_bytes(shape[1], threads), 0);
  Tensor *z = push_like(&a, x);
  args_check(&a, mb_als_baseline(z->data, x->data, scratch, weighting, lambda, p, tolerance, iterations,
                                 shape[0], shape[1], shape[2], threads));
  return 1;
}

static const luaL_Reg functions[] = {{"als_baseline", als_baseline}, {NULL, NULL}};

void bind_open_als_baseline(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
