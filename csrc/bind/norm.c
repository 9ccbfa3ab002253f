/* norm.c - batch and layer normalisation on tensors. */
#include "bind.h"

/* core.batch_norm_statistics(x, running_mean, running_var, momentum) -> mean, var.
 * Updates the running statistics unless they are nil. */
static int batch_norm_statistics(lua_State *L) {
  Args a = bind_args(L, "batch_norm");
  const Tensor *x = next_tensor(&a, "input");
  const mb_size C = bind_last_size(x);
  Tensor *running_mean = NULL, *running_var = NULL;
  double momentum = 0;
  if (!next_is_nil(&a)) {
    running_mean = next_tensor_count(&a, "running mean", C);
    running_var = next_tensor_count(&a, "running variance", C);
    momentum = next_number(&a, "momentum");
    bind_mark_changed(running_mean);
    bind_mark_changed(running_var);
  }
  Tensor *mean = push_vector(&a, C), *var = push_vector(&a, C);
  mb_batch_norm_statistics(mean->data, var->data, running_mean != NULL ? running_mean->data : NULL,
                           running_var != NULL ? running_var->data : NULL, x->data, (mb_real)momentum,
                           x->count / C, C);
  return 2;
}

/* Reads size and stride of pooling (nil: none). */
static void next_pooling(Args *a, const Tensor *x, mb_batch_norm *s) {
  mb_size none;
  if (next_is_nil(a)) return (void)next_arg(a);
  args_check_rank(a, "input", x, 3);
  s->N = x->shape.shape[0], s->L = x->shape.shape[1];
  s->pool = next_integer(a, "pool size", 1, MB_MAX_POOL);
  s->pool_stride = next_count(a, "pool stride");
  args_check(a, mb_window(&s->L_pool, &none, &none, s->L, s->pool, s->pool_stride, 1, MB_VALID, 0, 0));
}

/* Reads x, then mean, variance, gamma, beta, epsilon, slope and pooling. */
static const Tensor *next_batch_norm(Args *a, mb_batch_norm *s) {
  const Tensor *x = next_tensor(a, "input");
  const mb_size C = bind_last_size(x);
  *s = (mb_batch_norm){.N = 1, .L = x->count / C, .C = C};
  s->mean = next_tensor_count(a, "mean", C)->data;
  s->var = next_tensor_count(a, "variance", C)->data;
  s->gamma = next_tensor_count(a, "gamma", C)->data;
  s->beta = next_tensor_count(a, "beta", C)->data;
  s->epsilon = next_real(a, "epsilon");
  s->slope = next_real(a, "slope");
  next_pooling(a, x, s);
  return x;
}

/* core.batch_norm_apply(x, mean, var, gamma, beta, epsilon, slope, pool size, pool stride, keep) -> y,
 * argmax: of the pooling, for the backward pass; nil if there is none or keep is false */
static int batch_norm_apply(lua_State *L) {
  mb_batch_norm s;
  lua_settop(L, 10);
  Args a = bind_args(L, "batch_norm");
  const Tensor *x = next_batch_norm(&a, &s);
  const bool keeps_winners = next_boolean(&a) && s.pool > 0;
  Tensor *y = s.pool > 0 ? push_tensor(&a, 3, (mb_size[]){s.N, s.L_pool, s.C}) : push_like(&a, x);
  uint8_t *argmax = keeps_winners ? push_bytes(&a, y->count) : NULL;
  if (!keeps_winners) lua_pushnil(L);
  mb_batch_norm_apply(y->data, argmax, x->data, &s);
  return 2;
}

/* core.batch_norm_backward(dy, argmax, x, mean, var, gamma, beta, epsilon, slope, pool size, pool stride,
 * train) -> dx, dgamma, dbeta; dx may be dy overwritten, or in the memory of x */
static int batch_norm_backward(lua_State *L) {
  mb_batch_norm s;
  lua_settop(L, 12);
  Args a = bind_args(L, "batch_norm");
  const Tensor *dy = next_tensor(&a, "dy"), *argmax = next_tensor_or_nil(&a, "argmax");
  const Tensor *x = next_batch_norm(&a, &s);
  const bool train = next_boolean(&a);
  const mb_size results = s.pool > 0 ? s.N * s.L_pool * s.C : x->count;
  args_check_count(&a, "dy", dy, results);
  if (s.pool > 0 && (argmax == NULL || argmax->count * (mb_size)sizeof(mb_real) < results))
    args_error(&a, "backward expected the argmax of a forward pass that kept it");
  Tensor *dx = s.pool > 0 ? push_over_saved(&a, 3) : push_over_gradient(&a, 1);
  Tensor *dgamma = push_vector(&a, s.C), *dbeta = push_vector(&a, s.C);
  mb_batch_norm_backward(dx->data, dgamma->data, dbeta->data, dy->data,
                         argmax != NULL ? (const uint8_t *)argmax->data : NULL, x->data, train, &s);
  return 3;
}

/* core.layer_norm(x, gamma, beta, epsilon) -> y, mean, inv_sd */
static int layer_norm(lua_State *L) {
  Args a = bind_args(L, "layer_norm");
  const Tensor *x = next_tensor(&a, "input");
  const mb_size D = bind_last_size(x), rows = x->count / D;
  const Tensor *gamma = next_tensor_count(&a, "gamma", D), *beta = next_tensor_count(&a, "beta", D);
  const mb_real epsilon = next_real(&a, "epsilon");
  Tensor *y = push_like(&a, x), *mean = push_vector(&a, rows), *inv_sd = push_vector(&a, rows);
  mb_layer_norm_forward(y->data, mean->data, inv_sd->data, x->data, gamma->data, beta->data, epsilon, rows,
                        D);
  return 3;
}

/* core.layer_norm_backward(dy, x, mean, inv_sd, gamma) -> dx, dgamma, dbeta */
static int layer_norm_backward(lua_State *L) {
  Args a = bind_args(L, "layer_norm");
  const Tensor *dy = next_tensor(&a, "dy"), *x = next_tensor(&a, "input");
  const mb_size D = bind_last_size(x), rows = x->count / D;
  args_check_count(&a, "dy", dy, x->count);
  const Tensor *mean = next_tensor_count(&a, "mean", rows), *inv_sd = next_tensor_count(&a, "inv_sd", rows);
  const Tensor *gamma = next_tensor_count(&a, "gamma", D);
  Tensor *dx = push_like(&a, x), *dgamma = push_vector(&a, D), *dbeta = push_vector(&a, D);
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
