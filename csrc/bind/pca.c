/* pca.c - principal components. */
#include "solved.h"

/* core.pca(x (N, D), components) -> component (k, D), mean (D), variance (k), total variance */
static int pca(lua_State *L) {
  Args a = bind_args(L, "pca.fit");
  const Tensor *x = next_rows(&a, "x");
  const mb_size N = x->shape.shape[0], D = x->shape.shape[1], k = next_count(&a, "components");
  double total;
  if (k >= N || k > D) /* before memory is taken for them */
    args_error(&a, "components: expected at most %I for %I rows of %I points, got %I",
               (LUAI_UACINT)(N - 1 < D ? N - 1 : D), (LUAI_UACINT)N, (LUAI_UACINT)D, (LUAI_UACINT)k);
  double *component = push_double_scratch(&a, k * D + D + k), *mean = component + k * D, *variance = mean + D;
  void *scratch = push_scratch(&a, mb_pca_scratch_bytes(N, D, k));
  args_check(&a, mb_pca(component, mean, variance, &total, scratch, x->data, N, D, k));
  push_doubles(&a, component, 2, (mb_size[]){k, D});
  push_doubles(&a, mean, 1, &D);
  push_doubles(&a, variance, 1, &k);
  lua_pushnumber(L, total);
  return 4;
}

static const luaL_Reg functions[] = {{"pca", pca}, {NULL, NULL}};

void bind_open_pca(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
