/* elementwise.c - operations on each element of tensors. */
#include "bind.h"

static const char *const binary_names[] = {
    [MB_ADD] = "add",         [MB_SUB] = "sub",     [MB_MUL] = "mul",
    [MB_DIV] = "div",         [MB_POW] = "pow",     [MB_MAXIMUM] = "maximum",
    [MB_MINIMUM] = "minimum", [MB_EQ] = "eq",       [MB_NE] = "ne",
    [MB_LT] = "lt",           [MB_LE] = "le",       [MB_GT] = "gt",
    [MB_GE] = "ge",           [MB_CHAIN] = "chain", [MB_CHAIN_DIV] = "chain_div",
};

typedef struct {
  const mb_real *data;
  mb_shape shape;
  mb_real number;
} Operand;

/* A tensor or a number, which stands for a tensor of one element. */
static void read_operand(lua_State *L, const char *operation, const char *name, int arg, Operand *operand) {
  if (lua_type(L, arg) == LUA_TNUMBER) {
    operand->number = (mb_real)lua_tonumber(L, arg);
    operand->data = &operand->number;
    operand->shape = (mb_shape){.rank = 1, .shape = {1}};
  } else if (bind_test_tensor(L, arg) != NULL) {
    const Tensor *tensor = bind_tensor(L, operation, name, arg);
    operand->data = tensor->data;
    operand->shape = tensor->shape;
  } else {
    bind_type_error(L, operation, name, arg, "a tensor or a number");
  }
}

/* core.add(a, b) and its like; a or b may be a number. Upvalue 1: the operation. */
static int binary(lua_State *L) {
  const mb_binary_op op = (mb_binary_op)lua_tointeger(L, lua_upvalueindex(1));
  const char *name = binary_names[op];
  Operand a, b;
  mb_shape shape;
  read_operand(L, name, "left operand", 1, &a);
  read_operand(L, name, "right operand", 2, &b);
  bind_status(L, name, mb_broadcast_shape(&shape, &a.shape, &b.shape));
  Tensor *y = bind_new_tensor(L, name, shape.rank, shape.shape);
  mb_binary(y->data, op, a.data, &a.shape, b.data, &b.shape, &y->shape);
  return 1;
}

/* core.broadcast_from(x, y) -> the shape of x, which was broadcast to y; nil where it was not */
static int broadcast_from(lua_State *L) {
  if (lua_type(L, 1) == LUA_TNUMBER) return 0;
  const Tensor *x = bind_tensor(L, "broadcast_from", "x", 1), *y = bind_tensor(L, "broadcast_from", "y", 2);
  if (bind_same_shape(x, y)) return 0;
  bind_push_sizes(L, &x->shape);
  return 1;
}

/* core.sum_to(y, shape): y summed over the dimensions along which that shape was broadcast */
static int sum_to(lua_State *L) {
  const Tensor *y = bind_tensor(L, "sum_to", "y", 1);
  const mb_shape to = bind_shape(L, "sum_to", 2);
  mb_shape both;
  bind_status(L, "sum_to", mb_broadcast_shape(&both, &y->shape, &to));
  if (mb_shape_count(&both) != y->count) bind_error(L, "sum_to: the shape is larger than y");
  Tensor *x = bind_new_tensor(L, "sum_to", to.rank, to.shape);
  mb_sum_to(x->data, &x->shape, y->data, &y->shape);
  return 1;
}

static const char *const unary_names[MB_UNARY_COUNT] = {
    [MB_NEG] = "neg",         [MB_EXP] = "exp",   [MB_LOG] = "log",           [MB_SQRT] = "sqrt",
    [MB_ABS] = "abs",         [MB_TANH] = "tanh", [MB_SIN] = "sin",           [MB_COS] = "cos",
    [MB_SIGMOID] = "sigmoid", [MB_RELU] = "relu", [MB_ELU] = "elu",           [MB_LEAKY_RELU] = "leaky_relu",
    [MB_GELU] = "gelu",       [MB_SELU] = "selu", [MB_SOFTPLUS] = "softplus",
};

/* core.exp(x [, p]) and its like; p is the slope or scale of leaky_relu and elu. Upvalue 1: the operation. */
static int unary(lua_State *L) {
  const mb_unary_op op = (mb_unary_op)lua_tointeger(L, lua_upvalueindex(1));
  const Tensor *x = bind_tensor(L, unary_names[op], "x", 1);
  const mb_real p = lua_isnoneornil(L, 2) ? 0 : (mb_real)bind_number(L, unary_names[op], "alpha", 2);
  Tensor *y = bind_new_like(L, unary_names[op], x);
  mb_unary(y->data, op, p, x->data, x->count);
  return 1;
}

/* core.exp_keeps_result() and its like: does the backward pass read y = exp(x) and not x? */
static int unary_keeps(lua_State *L) {
  lua_pushboolean(L, mb_unary_keeps_result((mb_unary_op)lua_tointeger(L, lua_upvalueindex(1))));
  return 1;
}

/* core.exp_backward(dy, x or y [, p]) -> dx, which may be dy overwritten */
static int unary_backward(lua_State *L) {
  const mb_unary_op op = (mb_unary_op)lua_tointeger(L, lua_upvalueindex(1));
  const Tensor *dy = bind_tensor(L, unary_names[op], "dy", 1);
  const Tensor *kept = bind_tensor_count(L, unary_names[op], "x", 2, dy->count);
  const mb_real p = lua_isnoneornil(L, 3) ? 0 : (mb_real)bind_number(L, unary_names[op], "alpha", 3);
  Tensor *dx = bind_over_gradient(L, unary_names[op], 1);
  mb_unary_backward(dx->data, op, p, dy->data, kept->data, kept->count);
  return 1;
}

/* core.add_activate(a, b, slope): a + b of one shape, what is negative times slope */
static int add_activate(lua_State *L) {
  const Tensor *a = bind_tensor(L, "add", "left operand", 1), *b = bind_tensor(L, "add", "right operand", 2);
  const mb_real slope = (mb_real)bind_number(L, "add", "slope", 3);
  if (!bind_same_shape(a, b)) bind_error(L, "add: expected two tensors of one shape");
  Tensor *y = bind_new_like(L, "add", a);
  mb_add_activate(y->data, slope, a->data, b->data, y->count);
  return 1;
}

/* core.add_into(y, x [, scale]): y += scale x in place */
static int add_into(lua_State *L) {
  Tensor *y = bind_tensor(L, "add_into", "y", 1);
  const Tensor *x = bind_tensor_count(L, "add_into", "x", 2, y->count);
  mb_add_scaled(y->data, lua_isnoneornil(L, 3) ? 1 : (mb_real)bind_number(L, "add_into", "scale", 3), x->data,
                x->count);
  bind_touch(y);
  lua_settop(L, 1);
  return 1;
}

static const luaL_Reg functions[] = {{"add_activate", add_activate},
                                     {"add_into", add_into},
                                     {"broadcast_from", broadcast_from},
                                     {"sum_to", sum_to},
                                     {NULL, NULL}};

void bind_open_elementwise(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
  bind_add_family(L, binary, binary_names, MB_BINARY_COUNT, "");
  bind_add_family(L, unary, unary_names, MB_UNARY_COUNT, "");
  bind_add_family(L, unary_backward, unary_names, MB_UNARY_COUNT, "_backward");
  bind_add_family(L, unary_keeps, unary_names, MB_UNARY_COUNT, "_keeps_result");
}
