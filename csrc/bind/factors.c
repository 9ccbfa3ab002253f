/* factors.c - products that are kept as their factors. */
#include "bind.h"

/* core.weight_gradient(x, dy) -> the product x' dy of all rows, the gradient of w in x w = y. Where its
 * factors are much smaller than it is, they are kept until somebody looks, and no longer depend on x and dy.
 * To be called in a backward pass, for which x was saved, and which needs it no more. */
static int weight_gradient(lua_State *L) {
  Tensor *x = bind_tensor(L, "matmul", "x", 1);
  const Tensor *dy = bind_tensor(L, "matmul", "dy", 2);
  const mb_size rows = x->shape.shape[x->shape.rank - 1], columns = dy->shape.shape[dy->shape.rank - 1];
  const mb_size terms = x->count / rows;
  if (dy->count != terms * columns) bind_error(L, "matmul: x and dy do not fit");
  if (mb_factors_count(terms, rows, columns) <= rows * columns / 4)
    bind_new_product(L, "matmul", x->data, dy->data, terms, rows, columns);
  else
    mb_matmul(bind_new_tensor(L, "matmul", 2, (mb_size[]){rows, columns})->data, true, false, rows, columns,
              terms, 1, x->data, dy->data, 0);
  bind_let_go(x);
  return 1;
}

static const luaL_Reg functions[] = {{"weight_gradient", weight_gradient}, {NULL, NULL}};

void bind_open_factors(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
