/* logistic.c - multinomial logistic regression. */
#include "solved.h"

/* core.logistic(x (N, D), y, classes, C, tol, iterations) -> weight (D, K), bias (K), iterations that it took
 */
static int logistic(lua_State *L) {
  Args a = bind_args(L, "logistic.fit");
  lua_settop(L, 6);
  const Tensor *x = next_rows(&a, "x");
  const mb_size N = x->shape.shape[0], D = x->shape.shape[1];
  Args y_argument = a; /* its labels are checked against the classes */
  next_arg(&a);
  const mb_size K = next_count(&a, "classes");
  const double C = next_number(&a, "C"), tolerance = next_number(&a, "tol");
  const mb_size most = next_count(&a, "iterations");
  mb_size labels, iterations;
  const mb_size *label = next_indices(&y_argument, "y", K, &labels);
  if (labels != N)
    args_error(&a, "y: expected %I labels, one per row of x, got %I", (LUAI_UACINT)N, (LUAI_UACINT)labels);
  double *weight = push_double_scratch(&a, D * K + K), *bias = weight + D * K;
  void *scratch = push_scratch(&a, mb_logistic_scratch_bytes(N, D, K));
  args_check(&a,
             mb_logistic(weight, bias, &iterations, scratch, x->data, label, C, tolerance, most, N, D, K));
  push_doubles(&a, weight, 2, (mb_size[]){D, K});
  push_doubles(&a, bias, 1, &K);
  lua_pushinteger(L, iterations);
  return 3;
}

static const luaL_Reg functions[] = {{"logistic", logistic}, {NULL, NULL}};

void bind_open_logistic(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
