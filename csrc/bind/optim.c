/* optim.c - optimiser steps over lists of tensors. */
#include "bind.h"

enum {
  VALUES = 1,
  GRADIENTS,
  FIRST_MOMENTS,
  SECOND_MOMENTS
}; /* the first four arguments: lists of tensors */

/* Reads tensor i of a list, which keeps it. */
static Tensor *list_tensor(const Args *a, const char *name, int list, mb_size i) {
  lua_rawgeti(a->L, list, i + 1);
  Args element = bind_top(a);
  Tensor *tensor = next_tensor(&element, name);
  lua_pop(a->L, 1);
  return tensor;
}

static mb_real *list_reals(const Args *a, const char *name, int list, mb_size i, mb_size count) {
  const Tensor *tensor = list_tensor(a, name, list, i);
  args_check_count(a, name, tensor, count);
  return tensor->data;
}

/* The gradient of value, tensor i of its list: as its factors if its elements have not been read. */
static void read_gradient(const Args *a, mb_size i, const Tensor *value, mb_parameter *parameter) {
  lua_rawgeti(a->L, GRADIENTS, i + 1);
  Args element = bind_top(a);
  const Tensor *gradient = next_tensor_unread(&element, "gradient");
  lua_pop(a->L, 1);
  if (gradient->block == NULL && bind_same_shape(gradient, value))
    parameter->factors = bind_factors(gradient);
  else
    parameter->gradient = list_reals(a, "gradient", GRADIENTS, i, value->count);
}

/* Reads the lists into an array that stays on the stack, and marks the values as changed. The step needs so
 * many lists of moments; the others may be nil. */
static mb_parameter *next_parameters(Args *a, int moments, mb_size *parameter_count) {
  static const char *const names[] = {"parameters", "gradients", "first moments", "second moments"};
  lua_State *L = a->L;
  for (int list = VALUES; list <= SECOND_MOMENTS; list++)
    if (lua_type(L, next_arg(a)) != LUA_TTABLE && list <= GRADIENTS + moments)
      args_type_error(a, names[list - VALUES], "a list of tensors");
  *parameter_count = (mb_size)lua_rawlen(L, VALUES);
  mb_parameter *parameters = lua_newuserdatauv(L, (size_t)*parameter_count * sizeof(mb_parameter) + 1, 0);
  for (mb_size i = 0; i < *parameter_count; i++) {
    Tensor *value = list_tensor(a, "value", VALUES, i);
    mb_parameter *p = &parameters[i];
    *p = (mb_parameter){.value = value->data, .count = value->count};
    read_gradient(a, i, value, p);
    if (lua_istable(L, FIRST_MOMENTS)) p->m = list_reals(a, "moment", FIRST_MOMENTS, i, value->count);
    if (lua_istable(L, SECOND_MOMENTS)) p->v = list_reals(a, "moment", SECOND_MOMENTS, i, value->count);
    bind_mark_changed(value);
  }
  return parameters;
}

/* core.sgd_step(values, gradients, velocities, nil, lr, momentum, nesterov, weight_decay) */
static int sgd_step(lua_State *L) {
  mb_size count;
  Args a = bind_args(L, "sgd_step");
  lua_settop(L, 8);
  mb_parameter *parameters = next_parameters(&a, 0, &count);
  const double lr = next_number(&a, "lr"), momentum = next_number(&a, "momentum");
  if (momentum != 0 && !lua_istable(L, FIRST_MOMENTS)) args_error(&a, "momentum needs a list of velocities");
  const bool nesterov = next_boolean(&a);
  mb_sgd_step(parameters, count, lr, momentum, nesterov, next_number(&a, "weight_decay"));
  return 0;
}

/* core.adam_step(values, gradients, m, v, lr, beta1, beta2, epsilon, weight_decay, decoupled, step) */
static int adam_step(lua_State *L) {
  mb_size count;
  Args a = bind_args(L, "adam_step");
  lua_settop(L, 11);
  mb_parameter *parameters = next_parameters(&a, 2, &count);
  const double lr = next_number(&a, "lr"), beta1 = next_number(&a, "beta1"), beta2 = next_number(&a, "beta2");
  const double epsilon = next_number(&a, "epsilon"), decay = next_number(&a, "weight_decay");
  const bool decoupled = next_boolean(&a);
  const mb_size step = next_integer(&a, "step", 1, PTRDIFF_MAX);
  mb_adam_step(parameters, count, lr, beta1, beta2, epsilon, decay, decoupled, step);
  return 0;
}

/* core.rmsprop_step(values, gradients, m, v, lr, rho, momentum, epsilon, weight_decay) */
static int rmsprop_step(lua_State *L) {
  mb_size count;
  Args a = bind_args(L, "rmsprop_step");
  lua_settop(L, 9);
  mb_parameter *parameters = next_parameters(&a, 2, &count);
  const double lr = next_number(&a, "lr"), rho = next_number(&a, "rho"),
               momentum = next_number(&a, "momentum");
  const double epsilon = next_number(&a, "epsilon");
  mb_rmsprop_step(parameters, count, lr, rho, momentum, epsilon, next_number(&a, "weight_decay"));
  return 0;
}

/* core.lion_step(values, gradients, m, nil, lr, beta1, beta2, weight_decay) */
static int lion_step(lua_State *L) {
  mb_size count;
  Args a = bind_args(L, "lion_step");
  lua_settop(L, 8);
  mb_parameter *parameters = next_parameters(&a, 1, &count);
  const double lr = next_number(&a, "lr"), beta1 = next_number(&a, "beta1"), beta2 = next_number(&a, "beta2");
  mb_lion_step(parameters, count, lr, beta1, beta2, next_number(&a, "weight_decay"));
  return 0;
}

/* core.average_step(averages, weights, nil, nil, share) */
static int average_step(lua_State *L) {
  mb_size count;
  Args a = bind_args(L, "average_step");
  lua_settop(L, 5);
  mb_parameter *averages = next_parameters(&a, 0, &count);
  mb_average_step(averages, count, next_number(&a, "share"));
  return 0;
}

static const luaL_Reg functions[] = {
    {"adam_step", adam_step},       {"sgd_step", sgd_step},   {"rmsprop_step", rmsprop_step},
    {"average_step", average_step}, {"lion_step", lion_step}, {NULL, NULL},
};

void bind_open_optim(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
