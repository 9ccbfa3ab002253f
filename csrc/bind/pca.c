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

/* core.pca_residuals(x (N, D), mean (D), component (k, D)) -> squared distances from the plane (N) */
static int pca_residuals(lua_State *L) {
  Args a = bind_args(L, "pca");
  const Tensor *x = next_tensor_rank(&a, "x", 2), *mean = next_tensor_rank(&a, "mean", 1),
               *component = next_tensor_rank(&a, "components", 2);
  const mb_size N = x->shape.shape[0], D = x->shape.shape[1], k = component->shape.shape[0];
  if (mean->count != D || component->shape.shape[1] != D)
    args_error(&a, "x has %I points, the components have %I", (LUAI_UACINT)D,
               (LUAI_UACINT)component->shape.shape[1]);
  const int threads = mb_get_threads();
  Tensor *q = push_vector(&a, N);
  void *scratch = push_scratch(&a, mb_pca_residuals_scratch_bytes(D, k, threads));
  mb_pca_residuals(q->data, scratch, x->data, mean->data, component->data, N, D, k, threads);
  pop_scratch(L);
  return 1;
}

static const luaL_Reg functions[] = {{"pca", pca}, {"pca_residuals", pca_residuals}, {NULL, NULL}};

void bind_open_pca(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
