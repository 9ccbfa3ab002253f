/* factors.c - products that are kept as their factors. */
#include "bind.h"

/* core.weight_gradient(x, dy) -> the product x' dy of all rows, the gradient of w in x w = y. If its factors
 * are much smaller than it is, they are kept until somebody looks; they are copies and do not change with x
 * and dy. To be called in a backward pass, for which x was saved, and which needs it no more. */
static int weight_gradient(lua_State *L) {
  Args a = bind_args(L, "matmul");
  Tensor *x = next_tensor(&a, "x");
  const Tensor *dy = next_tensor(&a, "dy");
  const mb_size rows = bind_last_size(x), columns = bind_last_size(dy), depth = x->count / rows;
  if (dy->count != depth * columns) args_error(&a, "x and dy do not fit");
  if (mb_factors_count(depth, rows, columns) <= rows * columns / 4)
    push_product(&a, x->data, dy->data, depth, rows, columns);
  else
    mb_matmul(push_tensor(&a, 2, (mb_size[]){rows, columns})->data, true, false, rows, columns, depth, 1,
              x->data, dy->data, 0);
  bind_let_go(x);
  return 1;
}

static const luaL_Reg functions[] = {{"weight_gradient", weight_gradient}, {NULL, NULL}};

void bind_open_factors(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
