/* elementwise.c - operations on each element of tensors. */
#include "bind.h"

/* The names of the rows of moonbow.h, by operation. */
#define NAME_OF(NAME, name, ...) [MB_##NAME] = #name,
static const char *const binary_names[] = {MB_BINARY_OPS(NAME_OF)};
static const char *const unary_names[] = {MB_UNARY_OPS(NAME_OF)};

typedef struct {
  const mb_real *data;
  mb_shape shape;
  mb_real number;
} Operand;

/* A tensor or a number, which stands for a tensor of one element. */
static void next_operand(Args *a, const char *name, Operand *operand) {
  const int arg = a->next;
  if (lua_type(a->L, arg) == LUA_TNUMBER) {
    operand->number = next_real(a, name);
    operand->data = &operand->number;
    operand->shape = (mb_shape){.rank = 1, .shape = {1}};
    return;
  }
  if (bind_test_tensor(a->L, arg) == NULL) next_arg(a), args_type_error(a, name, "a tensor or a number");
  const Tensor *tensor = next_tensor(a, name);
  operand->data = tensor->data;
  operand->shape = tensor->shape;
}

/* core.add(a, b) and its like; a or b may be a number. Upvalue 1: the operation. */
static int binary(lua_State *L) {
  const mb_binary_op op = (mb_binary_op)lua_tointeger(L, lua_upvalueindex(1));
  Args a = bind_args(L, binary_names[op]);
  Operand left, right;
  mb_shape shape;
  next_operand(&a, "left operand", &left);
  next_operand(&a, "right operand", &right);
  args_check(&a, mb_broadcast_shape(&shape, &left.shape, &right.shape));
  Tensor *y = push_tensor(&a, shape.rank, shape.shape);
  mb_binary(y->data, op, left.data, &left.shape, right.data, &right.shape, &y->shape);
  return 1;
}

/* core.broadcast_from(x, y) -> the shape of x, which was broadcast to y; nil if it was not */
static int broadcast_from(lua_State *L) {
  Args a = bind_args(L, "broadcast_from");
  if (lua_type(L, 1) == LUA_TNUMBER) return 0;
  const Tensor *x = next_tensor(&a, "x"), *y = next_tensor(&a, "y");
  if (bind_same_shape(x, y)) return 0;
  bind_push_sizes(L, &x->shape);
  return 1;
}

/* core.sum_to(y, shape): y summed over the dimensions along which that shape was broadcast */
static int sum_to(lua_State *L) {
  Args a = bind_args(L, "sum_to");
  const Tensor *y = next_tensor(&a, "y");
  const mb_shape to = next_shape(&a);
  mb_shape both;
  args_check(&a, mb_broadcast_shape(&both, &y->shape, &to));
  if (mb_shape_count(&both) != y->count) args_error(&a, "the shape is larger than y");
  Tensor *x = push_tensor(&a, to.rank, to.shape);
  mb_sum_to(x->data, &x->shape, y->data, &y->shape);
  return 1;
}

/* core.exp(x [, p]) and its like; p is the slope or scale of leaky_relu and elu. Upvalue 1: the operation. */
static int unary(lua_State *L) {
  const mb_unary_op op = (mb_unary_op)lua_tointeger(L, lua_upvalueindex(1));
  Args a = bind_args(L, unary_names[op]);
  const Tensor *x = next_tensor(&a, "x");
  const mb_real p = next_real_or(&a, "alpha", 0);
  Tensor *y = push_like(&a, x);
  mb_unary(y->data, op, p, x->data, x->count);
  return 1;
}

/* core.exp_backward(dy, x or y or neither [, p]), see core.unary_reads -> dx, which may be dy overwritten */
static int unary_backward(lua_State *L) {
  const mb_unary_op op = (mb_unary_op)lua_tointeger(L, lua_upvalueindex(1));
  Args a = bind_args(L, unary_names[op]);
  const Tensor *dy = next_tensor(&a, "dy");
  const Tensor *kept = mb_unary_reads(op) == MB_READS_NONE ? dy : next_tensor_count(&a, "x", dy->count);
  const mb_real p = next_real_or(&a, "alpha", 0);
  Tensor *dx = push_over_gradient(&a, 1);
  mb_unary_backward(dx->data, op, p, dy->data, kept->data, kept->count);
  return 1;
}

/* core.add_activate(a, b, slope): a + b of one shape; negative sums are multiplied by slope */
static int add_activate(lua_State *L) {
  Args a = bind_args(L, "add");
  const Tensor *left = next_tensor(&a, "left operand"), *right = next_tensor(&a, "right operand");
  const mb_real slope = next_real(&a, "slope");
  if (!bind_same_shape(left, right)) args_error(&a, "expected two tensors of one shape");
  Tensor *y = push_like(&a, left);
  mb_add_activate(y->data, slope, left->data, right->data, y->count);
  return 1;
}

/* core.add_into(y, x [, scale]) -> y += scale x in place */
static int add_into(lua_State *L) {
  Args a = bind_args(L, "add_into");
  Tensor *y = next_tensor(&a, "y");
  const Tensor *x = next_tensor_count(&a, "x", y->count);
  mb_add_scaled(y->data, next_real_or(&a, "scale", 1), x->data, x->count);
  bind_mark_changed(y);
  lua_settop(L, 1);
  return 1;
}

static const luaL_Reg functions[] = {{"add_activate", add_activate},
                                     {"add_into", add_into},
                                     {"broadcast_from", broadcast_from},
                                     {"sum_to", sum_to},
                                     {NULL, NULL}};

/* core.unary_reads[name]: which of x and y = f(x) the backward pass of a function reads: "x", "y" or "none".
 */
static void add_unary_reads(lua_State *L) {
  static const char *const reads[] = {[MB_READS_NONE] = "none", [MB_READS_X] = "x", [MB_READS_Y] = "y"};
  lua_createtable(L, 0, MB_UNARY_COUNT);
  for (int op = 0; op < MB_UNARY_COUNT; op++) {
    lua_pushstring(L, reads[mb_unary_reads((mb_unary_op)op)]);
    lua_setfield(L, -2, unary_names[op]);
  }
  lua_setfield(L, -2, "unary_reads");
}

void bind_open_elementwise(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
  bind_add_family(L, binary, binary_names, MB_BINARY_COUNT, "");
  bind_add_family(L, unary, unary_names, MB_UNARY_COUNT, "");
  bind_add_family(L, unary_backward, unary_names, MB_UNARY_COUNT, "_backward");
  add_unary_reads(L);
}
