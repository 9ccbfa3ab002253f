/* cumulative.c - running sums and products along a dimension of tensors. */
#include "bind.h"

/* core.cumsum(x, dimension) */
static int cumsum(lua_State *L) {
  Args a = bind_args(L, "cumsum");
  const Tensor *x = next_tensor(&a, "x");
  const Cut c = next_cut(&a, &x->shape);
  mb_cumsum(push_like(&a, x)->data, x->data, c.outer, c.D, c.inner);
  return 1;
}

/* core.cumsum_backward(dy, dimension) -> dx */
static int cumsum_backward(lua_State *L) {
  Args a = bind_args(L, "cumsum");
  const Tensor *dy = next_tensor(&a, "dy");
  const Cut c = next_cut(&a, &dy->shape);
  mb_cumsum_backward(push_like(&a, dy)->data, dy->data, c.outer, c.D, c.inner);
  return 1;
}

/* core.prod(x, dimension): the dimension stays, with size 1 */
static int prod(lua_State *L) {
  Args a = bind_args(L, "prod");
  const Tensor *x = next_tensor(&a, "x");
  const Cut c = next_cut(&a, &x->shape);
  mb_shape shape = x->shape;
  shape.shape[c.dimension] = 1;
  mb_prod(push_tensor(&a, shape.rank, shape.shape)->data, x->data, c.outer, c.D, c.inner);
  return 1;
}

/* core.prod_backward(dy, x, dimension) -> dx */
static int prod_backward(lua_State *L) {
  Args a = bind_args(L, "prod");
  const Tensor *dy = next_tensor(&a, "dy"), *x = next_tensor(&a, "x");
  const Cut c = next_cut(&a, &x->shape);
  args_check_count(&a, "dy", dy, c.outer * c.inner);
  mb_prod_backward(push_like(&a, x)->data, dy->data, x->data, c.outer, c.D, c.inner);
  return 1;
}

static const luaL_Reg functions[] = {{"cumsum", cumsum},
                                     {"cumsum_backward", cumsum_backward},
                                     {"prod", prod},
                                     {"prod_backward", prod_backward},
                                     {NULL, NULL}};

void bind_open_cumulative(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
