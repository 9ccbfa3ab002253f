/* scale.c - scales, smoothing, baselines and other axes for spectra (N, L, C). */
#include "bind.h"

/* The numbers of the table at arg, in double, on the stack. */
static double *push_numbers(lua_State *L, const char *operation, const char *name, int arg, mb_size *count) {
  if (lua_type(L, arg) != LUA_TTABLE) bind_type_error(L, operation, name, arg, "a table of numbers");
  *count = (mb_size)lua_rawlen(L, arg);
  double *numbers = lua_newuserdatauv(L, (size_t)(*count + 1) * sizeof *numbers, 0);
  for (mb_size i = 0; i < *count; i++) {
    lua_rawgeti(L, arg, i + 1);
    numbers[i] = bind_number(L, operation, name, lua_gettop(L));
    lua_pop(L, 1);
  }
  return numbers;
}

/* The same, count of them. */
static double *push_count(lua_State *L, const char *operation, const char *name, int arg, mb_size count) {
  mb_size got;
  double *numbers = push_numbers(L, operation, name, arg, &got);
  if (got != count)
    bind_error(L, "%s: %s: expected %I numbers, got %I", operation, name, (LUAI_UACINT)count,
               (LUAI_UACINT)got);
  return numbers;
}

static void push_list(lua_State *L, const double *numbers, mb_size count) {
  lua_createtable(L, (int)count, 0);
  for (mb_size i = 0; i < count; i++) {
    lua_pushnumber(L, numbers[i]);
    lua_rawseti(L, -2, i + 1);
  }
}

/* core.scale(x, "snv", "min_max", "max" or "area") */
static int scale(lua_State *L) {
  static const char *const names[] = {"snv", "min_max", "max", "area", NULL};
  const Tensor *x = bind_tensor_rank(L, "preprocess", "x", 1, 3);
  const int scaling = luaL_checkoption(L, 2, NULL, names);
  const mb_size *shape = x->shape.shape;
  Tensor *y = bind_new_like(L, "preprocess", x);
  bind_status(L, lua_tostring(L, 2),
              mb_scale(y->data, x->data, (mb_scaling)scaling, shape[0], shape[1], shape[2]));
  return 1;
}

/* core.column_statistics(x) -> lists of the means and of the standard deviations of its L C points */
static int column_statistics(lua_State *L) {
  const Tensor *x = bind_tensor_rank(L, "preprocess", "x", 1, 3);
  const mb_size N = x->shape.shape[0], M = x->count / N;
  double *mean = lua_newuserdatauv(L, 2 * (size_t)M * sizeof *mean, 0);
  mb_column_statistics(mean, mean + M, x->data, N, M);
  push_list(L, mean, M);
  push_list(L, mean + M, M);
  return 2;
}

/* core.standardize(x, means, standard deviations) */
static int standardize(lua_State *L) {
  const Tensor *x = bind_tensor_rank(L, "standardize", "x", 1, 3);
  const mb_size N = x->shape.shape[0], M = x->count / N;
  const double *mean = push_count(L, "standardize", "mean", 2, M),
               *sd = push_count(L, "standardize", "sd", 3, M);
  Tensor *y = bind_new_like(L, "standardize", x);
  mb_standardize(y->data, x->data, mean, sd, N, M);
  return 1;
}

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

/* core.resample(x, axis, grid): axis and grid are lists, in double */
static int resample(lua_State *L) {
  mb_size M;
  const Tensor *x = bind_tensor_rank(L, "resample", "x", 1, 3);
  const mb_size *shape = x->shape.shape;
  const double *axis = push_count(L, "resample", "axis", 2, shape[1]);
  const double *grid = push_numbers(L, "resample", "grid", 3, &M);
  Tensor *y = bind_new_tensor(L, "resample", 3, (mb_size[]){shape[0], M, shape[2]});
  bind_status(L, "resample", mb_resample(y->data, x->data, axis, grid, shape[0], shape[1], M, shape[2]));
  return 1;
}

static const luaL_Reg functions[] = {
    {"als_baseline", als_baseline},
    {"column_statistics", column_statistics},
    {"resample", resample},
    {"savitzky_golay", savitzky_golay},
    {"scale", scale},
    {"standardize", standardize},
    {NULL, NULL},
};

void bind_open_preprocess(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
