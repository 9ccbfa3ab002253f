/* norm.c - batch and layer normalisation on tensors. */
#include "bind.h"

/* core.batch_norm_statistics(x, running_mean, running_var, momentum) -> mean, var.
 * Updates the running statistics unless they are nil. */
static int batch_norm_statistics(lua_State *L) {
  const Tensor *x = bind_tensor(L, "batch_norm", "input", 1);
  const mb_size C = bind_last_size(x);
  Tensor *running_mean = NULL, *running_var = NULL;
  if (!lua_isnil(L, 2)) {
    running_mean = bind_tensor_count(L, "batch_norm", "running mean", 2, C);
    running_var = bind_tensor_count(L, "batch_norm", "running variance", 3, C);
    bind_touch(running_mean);
    bind_touch(running_var);
  }
  const double momentum = running_mean != NULL ? bind_number(L, "batch_norm", "momentum", 4) : 0;
  Tensor *mean = bind_new_tensor(L, "batch_norm", 1, &C), *var = bind_new_tensor(L, "batch_norm", 1, &C);
  mb_batch_norm_statistics(mean->data, var->data, running_mean != NULL ? running_mean->data : NULL,
                           running_var != NULL ? running_var->data : NULL, x->data, (mb_real)momentum,
                           x->count / C, C);
  return 2;
}

/* Reads x at arg, then mean, variance, gamma, beta, epsilon, slope, size and stride of pooling (nil: none).
 */
static const Tensor *read_batch_norm(lua_State *L, int arg, mb_batch_norm *s) {
  static const char *const names[] = {"mean", "variance", "gamma", "beta"};
  const Tensor *x = bind_tensor(L, "batch_norm", "input", arg);
  const mb_real *per_channel[4];
  mb_size none;
  const mb_size C = bind_last_size(x);
  for (int i = 0; i < 4; i++)
    per_channel[i] = bind_tensor_count(L, "batch_norm", names[i], arg + 1 + i, C)->data;
  *s = (mb_batch_norm){.N = 1,
                       .L = x->count / C,
                       .C = C,
                       .mean = per_channel[0],
                       .var = per_channel[1],
                       .gamma = per_channel[2],
                       .beta = per_channel[3],
                       .epsilon = (mb_real)bind_number(L, "batch_norm", "epsilon", arg + 5),
                       .slope = (mb_real)bind_number(L, "batch_norm", "slope", arg + 6)};
  if (lua_isnoneornil(L, arg + 7)) return x;
  bind_tensor_rank(L, "batch_norm", "input", arg, 3);
  s->N = x->shape.shape[0], s->L = x->shape.shape[1];
  s->pool = bind_size(L, "batch_norm", "pool size", arg + 7, 1, MB_POOL_MOST);
  s->pool_stride = bind_size(L, "batch_norm", "pool stride", arg + 8, 1, INT32_MAX);
  bind_status(L, "batch_norm",
              mb_window(&s->L_pool, &none, &none, s->L, s->pool, s->pool_stride, 1, MB_VALID, 0));
  return x;
}

/* core.batch_norm_apply(x, mean, var, gamma, beta, epsilon, slope, pool size, pool stride, keep) -> y,
 * winners: what backward needs to know of pooling, nil where there is none or keep is false */
static int batch_norm_apply(lua_State *L) {
  mb_batch_norm s;
  lua_settop(L, 10);
  const Tensor *x = read_batch_norm(L, 1, &s);
  Tensor *y = s.pool > 0 ? bind_new_tensor(L, "batch_norm", 3, (mb_size[]){s.N, s.L_pool, s.C})
                         : bind_new_like(L, "batch_norm", x);
  uint8_t *winners = NULL;
  if (s.pool > 0 && bind_flag(L, 10))
    winners = (uint8_t *)bind_new_bytes(L, "batch_norm", y->count)->data;
  else
    lua_pushnil(L);
  mb_batch_norm_apply(y->data, winners, x->data, &s);
  return 2;
}

/* core.batch_norm_backward(dy, winners, x, mean, var, gamma, beta, epsilon, slope, pool size, pool stride,
 * train)
 * -> dx, dgamma, dbeta; dx may be dy overwritten, or in the memory of x */
static int batch_norm_backward(lua_State *L) {
  mb_batch_norm s;
  lua_settop(L, 12);
  const Tensor *x = read_batch_norm(L, 3, &s);
  const mb_size results = s.pool > 0 ? s.N * s.L_pool * s.C : x->count;
  const Tensor *dy = bind_tensor_count(L, "batch_norm", "dy", 1, results);
  const Tensor *winners = bind_tensor_or_nil(L, "batch_norm", "winners", 2);
  if (s.pool > 0 && (winners == NULL || winners->count * (mb_size)sizeof(mb_real) < results))
    bind_error(L, "batch_norm: backward expected the winners of a forward pass that kept them");
  Tensor *dx = s.pool > 0 ? bind_over_saved(L, "batch_norm", 3) : bind_over_gradient(L, "batch_norm", 1);
  Tensor *dgamma = bind_new_tensor(L, "batch_norm", 1, &s.C),
         *dbeta = bind_new_tensor(L, "batch_norm", 1, &s.C);
  mb_batch_norm_backward(dx->data, dgamma->data, dbeta->data, dy->data,
                         winners != NULL ? (const uint8_t *)winners->data : NULL, x->data, bind_flag(L, 12),
                         &s);
  return 3;
}

/* core.layer_norm(x, gamma, beta, epsilon) -> y, mean, inv_sd */
static int layer_norm(lua_State *L) {
  const Tensor *x = bind_tensor(L, "layer_norm", "input", 1);
  const mb_size D = bind_last_size(x), rows = x->count / D;
  const Tensor *gamma = bind_tensor_count(L, "layer_norm", "gamma", 2, D);
  const Tensor *beta = bind_tensor_count(L, "layer_norm", "beta", 3, D);
  const mb_real epsilon = (mb_real)bind_number(L, "layer_norm", "epsilon", 4);
  Tensor *y = bind_new_like(L, "layer_norm", x);
  Tensor *mean = bind_new_tensor(L, "layer_norm", 1, &rows),
         *inv_sd = bind_new_tensor(L, "layer_norm", 1, &rows);
  mb_layer_norm_forward(y->data, mean->data, inv_sd->data, x->data, gamma->data, beta->data, epsilon, rows,
                        D);
  return 3;
}

/* core.layer_norm_backward(dy, x, mean, inv_sd, gamma) -> dx, dgamma, dbeta */
static int layer_norm_backward(lua_State *L) {
  const Tensor *x = bind_tensor(L, "layer_norm", "input", 2);
  const mb_size D = bind_last_size(x), rows = x->count / D;
  const Tensor *dy = bind_tensor_count(L, "layer_norm", "dy", 1, x->count);
  const Tensor *mean = bind_tensor_count(L, "layer_norm", "mean", 3, rows);
  const Tensor *inv_sd = bind_tensor_count(L, "layer_norm", "inv_sd", 4, rows);
  const Tensor *gamma = bind_tensor_count(L, "layer_norm", "gamma", 5, D);
  Tensor *dx = bind_new_like(L, "layer_norm", x);
  Tensor *dgamma = bind_new_tensor(L, "layer_norm", 1, &D), *dbeta = bind_new_tensor(L, "layer_norm", 1, &D);
  mb_layer_norm_backward(dx->data, dgamma->data, dbeta->data, dy->data, x->data, mean->data, inv_sd->data,
                         gamma->data, rows, D);
  return 3;
}

static const luaL_Reg functions[] = {
    {"batch_norm_apply", batch_norm_apply},           {"batch_norm_backward", batch_norm_backward},
    {"batch_norm_statistics", batch_norm_statistics}, {"layer_norm", layer_norm},
    {"layer_norm_backward", layer_norm_backward},     {NULL, NULL}};

void bind_open_norm(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
