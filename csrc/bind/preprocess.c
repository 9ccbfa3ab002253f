/* preprocess.c - smoothing, baselines and other axes for spectra (N, L, C). */
#include "bind.h"

/* core.savitzky_golay(x, window, order, derivative, delta) */
static int savitzky_golay(lua_State *L) {
  const Tensor *x = bind_tensor_rank(L, "savitzky_golay", "x", 1, 3);
  const mb_size K = bind_size(L, "savitzky_golay", "window", 2, 1, 32767);
  const mb_size order = bind_size(L, "savitzky_golay", "order", 3, 0, 32767);
  const int derivative = (int)bind_size(L, "savitzky_golay", "derivative", 4, 0, 8);
  const double delta = bind_number(L, "savitzky_golay", "delta", 5);
  double *weights =
      lua_newuserdatauv(L, (size_t)mb_savitzky_golay_scratch(K, derivative) * sizeof *weights, 0);
  bind_status(L, "savitzky_golay", mb_savitzky_golay_weights(weights, K, order, derivative, delta));
  const mb_size *shape = x->shape.shape;
  Tensor *y = bind_new_like(L, "savitzky_golay", x);
  bind_status(L, "savitzky_golay",
              mb_savitzky_golay(y->data, x->data, weights, shape[0], shape[1], shape[2], K));
  return 1;
}

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

/* core.resample(x, axis, grid) */
static int resample(lua_State *L) {
  const Tensor *x = bind_tensor_rank(L, "resample", "x", 1, 3);
  const mb_size *shape = x->shape.shape;
  const Tensor *axis = bind_tensor_count(L, "resample", "axis", 2, shape[1]);
  const Tensor *grid = bind_tensor_rank(L, "resample", "grid", 3, 1);
  Tensor *y = bind_new_tensor(L, "resample", 3, (mb_size[]){shape[0], grid->count, shape[2]});
  bind_status(
      L, "resample",
      mb_resample(y->data, x->data, axis->data, grid->data, shape[0], shape[1], grid->count, shape[2]));
  return 1;
}

static const luaL_Reg functions[] = {
    {"savitzky_golay", savitzky_golay},
    {"als_baseline", als_baseline},
    {"resample", resample},
    {NULL, NULL},
};

void bind_open_preprocess(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
