/* sort.c - the positions that sort tensors. */
#include "bind.h"

/* core.argsort(x, dimension, descending) -> positions, from 1 */
static int argsort(lua_State *L) {
  Args a = bind_args(L, "sort");
  const Tensor *x = next_tensor(&a, "x");
  const Cut c = next_cut(&a, &x->shape);
  const bool descending = next_boolean(&a);
  if (c.D > BIND_EXACT || c.D > UINT32_MAX)
    args_error(&a, "a tensor holds positions up to %I exactly, got %I elements", (LUAI_UACINT)BIND_EXACT,
               (LUAI_UACINT)c.D);
  const int threads = x->count < 32768 ? 1 : mb_get_threads();
  Tensor *at = push_like(&a, x);
  void *scratch = push_scratch(&a, mb_argsort_scratch_bytes(c.D, threads));
  mb_argsort(at->data, scratch, x->data, descending, c.outer, c.D, c.inner, threads);
  pop_scratch(L);
  return 1;
}

static const luaL_Reg functions[] = {{"argsort", argsort}, {NULL, NULL}};

void bind_open_sort(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
