/* upsample1d.c - upsampling of tensors along the length. */
#include "bind.h"

/* Reads factor and kind, "nearest" or "linear", of a tensor (N, L, C) or its result. */
static mb_upsample1d next_upsampling(Args *a, const Tensor *x) {
  static const char *const kinds[] = {"nearest", "linear", NULL};
  const mb_size *shape = x->shape.shape;
  mb_upsample1d s = {.N = shape[0], .L = shape[1], .C = shape[2]};
  s.factor = next_integer(a, "factor", 1, INT32_MAX);
  s.is_linear = next_option(a, "kind", kinds) == 1;
  return s;
}

/* core.upsample1d(x, factor, kind) */
static int upsample1d(lua_State *L) {
  Args a = bind_args(L, "upsample1d");
  const Tensor *x = next_tensor_rank(&a, "input", 3);
  const mb_upsample1d s = next_upsampling(&a, x);
  Tensor *y = push_tensor(&a, 3, (mb_size[]){s.N, s.L * s.factor, s.C});
  mb_upsample1d_forward(y->data, x->data, &s);
  return 1;
}

/* core.upsample1d_backward(dy, factor, kind) -> dx */
static int upsample1d_backward(lua_State *L) {
  Args a = bind_args(L, "upsample1d");
  const Tensor *dy = next_tensor_rank(&a, "dy", 3);
  mb_upsample1d s = next_upsampling(&a, dy);
  if (s.L % s.factor != 0)
    args_error(&a, "dy: expected a multiple of %I points, got %I", (LUAI_UACINT)s.factor, (LUAI_UACINT)s.L);
  s.L /= s.factor;
  mb_upsample1d_backward(push_tensor(&a, 3, (mb_size[]){s.N, s.L, s.C})->data, dy->data, &s);
  return 1;
}

static const luaL_Reg functions[] = {
    {"upsample1d", upsample1d}, {"upsample1d_backward", upsample1d_backward}, {NULL, NULL}};

void bind_open_upsample1d(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
