/* optim.c - optimiser steps over lists of tensors. */
#include "bind.h"

/* Tensor i of the list at arg, of count elements (0: any). */
static Tensor *list_tensor(lua_State *L, const char *operation, const char *name, int arg, mb_size i,
                           mb_size count) {
  lua_rawgeti(L, arg, i + 1);
  Tensor *tensor = count > 0 ? bind_tensor_count(L, operation, name, lua_gettop(L), count)
                             : bind_tensor(L, operation, name, lua_gettop(L));
  lua_pop(L, 1); /* the list keeps it */
  return tensor;
}

/* The gradient of value, tensor i of the list at arg 2: if nobody has looked at it, as its factors. */
static void read_gradient(lua_State *L, const char *operation, mb_size i, const Tensor *value,
                          mb_parameter *parameter) {
  lua_rawgeti(L, 2, i + 1);
  const Tensor *gradient = bind_tensor_unread(L, operation, "gradient", lua_gettop(L));
  lua_pop(L, 1);
  if (gradient->block == NULL && bind_same_shape(gradient, value))
    parameter->factors = bind_factors(gradient);
  else
    parameter->gradient = list_tensor(L, operation, "gradient", 2, i, value->count)->data;
}

/* Reads the lists of values, gradients, and moments at arg 1, 2, 3 and 4 (nil: none) into an array
 * that stays on the stack, and marks the values as changed. */
static mb_parameter *read_parameters(lua_State *L, const char *operation, mb_size *parameter_count) {
  for (int arg = 1; arg <= 2; arg++)
    if (lua_type(L, arg) != LUA_TTABLE) bind_type_error(L, operation, "parameters", arg, "a list of tensors");
  *parameter_count = (mb_size)lua_rawlen(L, 1);
  mb_parameter *parameters = lua_newuserdatauv(L, (size_t)*parameter_count * sizeof(mb_parameter) + 1, 0);
  for (mb_size i = 0; i < *parameter_count; i++) {
    Tensor *value = list_tensor(L, operation, "value", 1, i, 0);
    parameters[i] = (mb_parameter){.value = value->data, .count = value->count};
    read_gradient(L, operation, i, value, &parameters[i]);
    if (lua_istable(L, 3)) parameters[i].m = list_tensor(L, operation, "moment", 3, i, value->count)->data;
    if (lua_istable(L, 4)) parameters[i].v = list_tensor(L, operation, "moment", 4, i, value->count)->data;
    bind_touch(value);
  }
  return parameters;
}

/* core.sgd_step(values, gradients, velocities, nil, lr, momentum, nesterov, weight_decay) */
static int sgd_step(lua_State *L) {
  mb_size count;
  lua_settop(L, 8);
  mb_parameter *parameters = read_parameters(L, "sgd_step", &count);
  const double momentum = bind_number(L, "sgd_step", "momentum", 6);
  if (momentum != 0 && !lua_istable(L, 3)) bind_error(L, "sgd_step: momentum needs a list of velocities");
  mb_sgd_step(parameters, count, bind_number(L, "sgd_step", "lr", 5), momentum, bind_flag(L, 7),
              bind_number(L, "sgd_step", "weight_decay", 8));
  return 0;
}

/* core.adam_step(values, gradients, m, v, lr, beta1, beta2, epsilon, weight_decay, decoupled, step) */
static int adam_step(lua_State *L) {
  mb_size count;
  lua_settop(L, 11);
  mb_parameter *parameters = read_parameters(L, "adam_step", &count);
  if (!lua_istable(L, 3) || !lua_istable(L, 4)) bind_error(L, "adam_step: expected lists of both moments");
  mb_adam_step(parameters, count, bind_number(L, "adam_step", "lr", 5),
               bind_number(L, "adam_step", "beta1", 6), bind_number(L, "adam_step", "beta2", 7),
               bind_number(L, "adam_step", "epsilon", 8), bind_number(L, "adam_step", "weight_decay", 9),
               bind_flag(L, 10), bind_size(L, "adam_step", "step", 11, 1, PTRDIFF_MAX));
  return 0;
}

static const luaL_Reg functions[] = {
    {"adam_step", adam_step},
    {"sgd_step", sgd_step},
    {NULL, NULL},
};

void bind_open_optim(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
