/* pls.c - partial least squares. */
#include "solved.h"

#include <string.h>

/* core.pls(x (N, D), y (N, M), components) -> rotation (A, D), loading (A, D), y_loading (A, M), x_mean (D),
 * y_mean (M), found; A may be smaller than components, and found is A, or 0 if y does not vary with x: then
 * the one component is 0 */
static int pls(lua_State *L) {
  Args a = bind_args(L, "pls.fit");
  const Tensor *x = next_rows(&a, "x"), *y = next_rows(&a, "y");
  const mb_size N = x->shape.shape[0], D = x->shape.shape[1], M = y->shape.shape[1],
                most = next_count(&a, "components");
  args_check_count(&a, "y", y, N * M);
  if (most >= N || most > D)
    args_error(&a, "components: expected at most %I for %I rows of %I points, got %I",
               (LUAI_UACINT)(N - 1 < D ? N - 1 : D), (LUAI_UACINT)N, (LUAI_UACINT)D, (LUAI_UACINT)most);
  double *rotation = push_double_scratch(&a, 2 * most * D + most * M + D + M), *loading = rotation + most * D,
         *y_loading = loading + most * D, *x_mean = y_loading + most * M, *y_mean = x_mean + D;
  void *scratch = push_scratch(&a, mb_pls_scratch_bytes(N, D, M, most));
  mb_size found;
  args_check(&a, mb_pls(rotation, loading, y_loading, x_mean, y_mean, &found, scratch, x->data, y->data, N, D,
                        M, most));
  const mb_size A = found > 0 ? found : 1; /* there are no tensors of 0 rows */
  if (found == 0) memset(rotation, 0, (size_t)(2 * most * D + most * M) * sizeof *rotation);
  push_doubles(&a, rotation, 2, (mb_size[]){A, D});
  push_doubles(&a, loading, 2, (mb_size[]){A, D});
  push_doubles(&a, y_loading, 2, (mb_size[]){A, M});
  push_doubles(&a, x_mean, 1, &D);
  push_doubles(&a, y_mean, 1, &M);
  lua_pushinteger(L, found);
  return 6;
}

static const luaL_Reg functions[] = {{"pls", pls}, {NULL, NULL}};

void bind_open_pls(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
