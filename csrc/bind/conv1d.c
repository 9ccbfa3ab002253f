/* conv1d.c - convolution on tensors. */
#include "bind.h"

/* Reads x and w. */
static mb_conv1d next_arrays(Args *a, const Tensor **x, const Tensor **w) {
  *x = next_tensor_rank(a, "input", 3);
  *w = next_tensor_rank(a, "weights", 3);
  const mb_size *x_shape = (*x)->shape.shape, *w_shape = (*w)->shape.shape;
  return (mb_conv1d){.N = x_shape[0], .L = x_shape[1], .C = x_shape[2], .K = w_shape[0], .F = w_shape[2]};
}

/* Reads stride, dilation, padding, groups (nil: one), size and stride of pooling (nil: none), and the slope
 * of the activation below 0 (nil: no activation). */
static void next_options(Args *a, const Tensor *w, mb_conv1d *s) {
  s->stride = next_count(a, "stride");
  s->dilation = next_count(a, "dilation");
  s->padding = next_padding(a, &s->before, &s->after);
  s->groups = next_is_nil(a) ? (next_arg(a), 1) : next_count(a, "groups");
  const mb_size expected = w->shape.shape[1];
  if (s->groups == 1 && expected != s->C)
    args_error(a, "input has %I channels, weights expect %I", (LUAI_UACINT)s->C, (LUAI_UACINT)expected);
  if (s->C % s->groups != 0 || expected != s->C / s->groups)
    args_error(a, "input has %I channels in %I groups, weights expect %I in each", (LUAI_UACINT)s->C,
               (LUAI_UACINT)s->groups, (LUAI_UACINT)expected);
  if (next_is_nil(a)) {
    next_arg(a);
  } else {
    s->pool = next_integer(a, "pool size", 1, MB_MAX_POOL);
    s->pool_stride = next_count(a, "pool stride");
  }
  s->slope = next_is_nil(a) ? 1 : next_real(a, "slope");
  args_check(a, mb_conv1d_plan(s, mb_get_threads()));
}

/* Small convolutions share one piece of scratch from call to call, so that the part of each thread stays in
 * its caches; large ones take theirs from the pool. The tensor behind it is pushed. */
static const char scratch_key = 0; /* its address is the registry key of that piece */

static void *push_conv1d_scratch(const Args *a, const mb_conv1d *s) {
  lua_State *L = a->L;
  const size_t kept = (size_t)(s->threads + 4) * MB_CONV1D_PART_BYTES;
  if (s->scratch_bytes > kept) return push_scratch(a, s->scratch_bytes);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &scratch_key);
  const Tensor *scratch = lua_touserdata(L, -1);
  if (scratch == NULL || (size_t)scratch->count * sizeof(mb_real) < kept) {
    lua_pop(L, 1);
    scratch = push_vector(a, (mb_size)(kept / sizeof(mb_real)));
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &scratch_key);
  }
  return scratch->data;
}

static void free_conv1d_scratch(lua_State *L, int index) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &scratch_key);
  if (!lua_rawequal(L, index, -1)) bind_close(lua_touserdata(L, index));
  lua_pop(L, 1);
}

/* core.conv1d(x, w, b, stride, dilation, padding, groups, pool size, pool stride, slope, keep) -> y, argmax.
 * argmax, a byte per element of y for backward, is nil if backward needs none or keep is false. */
static int conv1d(lua_State *L) {
  const Tensor *x, *w;
  lua_settop(L, 11);
  Args a = bind_args(L, "conv1d");
  mb_conv1d s = next_arrays(&a, &x, &w);
  const Tensor *b = next_tensor_or_nil(&a, "bias");
  if (b != NULL) args_check_count(&a, "bias", b, s.F);
  next_options(&a, w, &s);
  const bool keep = next_boolean(&a), keeps_argmax = keep && s.has_argmax;
  if (keep && s.slope != 0 && s.slope != 1)
    args_error(&a, "slope: expected 0 or nil where backward follows, got %f", (double)s.slope);
  void *scratch = push_conv1d_scratch(&a, &s);
  Tensor *y = push_tensor(&a, 3, (mb_size[]){s.N, s.L_pool, s.F});
  uint8_t *argmax = keeps_argmax ? push_bytes(&a, y->count) : NULL;
  if (!keeps_argmax) lua_pushnil(L);
  mb_conv1d_forward(y->data, argmax, scratch, x->data, w->data, b != NULL ? b->data : NULL, &s);
  free_conv1d_scratch(L, 12);
  return 2;
}

/* Reads a boolean: if true, pushes a tensor for a gradient, else pushes nil and returns NULL. */
static mb_real *push_wanted(Args *a, const mb_shape *shape) {
  if (next_boolean(a)) return push_tensor(a, shape->rank, shape->shape)->data;
  lua_pushnil(a->L);
  return NULL;
}

/* core.conv1d_backward(dy, argmax, x, w, stride, dilation, padding, groups, pool size, pool stride, slope,
 * need_x, need_w, need_b) -> dx, dw, db */
static int conv1d_backward(lua_State *L) {
  const Tensor *x, *w;
  lua_settop(L, 14);
  Args a = bind_args(L, "conv1d");
  const Tensor *dy = next_tensor(&a, "dy"), *argmax = next_tensor_or_nil(&a, "argmax");
  mb_conv1d s = next_arrays(&a, &x, &w);
  next_options(&a, w, &s);
  args_check_count(&a, "dy", dy, s.N * s.L_pool * s.F);
  if (s.has_argmax && (argmax == NULL || argmax->count * (mb_size)sizeof(mb_real) < dy->count))
    args_error(&a, "backward expected the argmax of a forward pass that kept it");
  void *scratch = push_conv1d_scratch(&a, &s);
  mb_real *dx = push_wanted(&a, &x->shape), *dw = push_wanted(&a, &w->shape);
  mb_real *db = push_wanted(&a, &(mb_shape){.rank = 1, .shape = {s.F}});
  mb_conv1d_backward(dx, dw, db, scratch, dy->data, argmax != NULL ? (const uint8_t *)argmax->data : NULL,
                     x->data, w->data, &s);
  free_conv1d_scratch(L, 15);
  return 3;
}

/* core.conv1d_transpose(x, w, length, stride, dilation, padding) -> y (N, length, C), the gradient of the
 * input of a convolution by w (K, C, F) whose output has the gradient x (N, L, F) */
static int conv1d_transpose(lua_State *L) {
  lua_settop(L, 6);
  Args a = bind_args(L, "conv1d_transpose");
  const Tensor *x = next_tensor_rank(&a, "input", 3), *w = next_tensor_rank(&a, "weights", 3);
  const mb_size *x_shape = x->shape.shape, *w_shape = w->shape.shape;
  if (w_shape[2] != x_shape[2])
    args_error(&a, "input has %I channels, weights expect %I", (LUAI_UACINT)x_shape[2],
               (LUAI_UACINT)w_shape[2]);
  mb_conv1d s = {.N = x_shape[0], .C = w_shape[1], .K = w_shape[0], .F = w_shape[2], .slope = 1};
  s.L = next_count(&a, "length");
  s.stride = next_count(&a, "stride"), s.dilation = next_count(&a, "dilation");
  s.padding = next_padding(&a, &s.before, &s.after);
  args_check(&a, mb_conv1d_plan(&s, mb_get_threads()));
  if (s.L_out != x_shape[1])
    args_error(&a, "length: a convolution of %I points gives %I, not the %I of the input", (LUAI_UACINT)s.L,
               (LUAI_UACINT)s.L_out, (LUAI_UACINT)x_shape[1]);
  void *scratch = push_conv1d_scratch(&a, &s);
  Tensor *y = push_tensor(&a, 3, (mb_size[]){s.N, s.L, s.C});
  mb_conv1d_backward(y->data, NULL, NULL, scratch, x->data, NULL, NULL, w->data, &s);
  free_conv1d_scratch(L, 7);
  return 1;
}

/* core.set_conv1d_algorithm(name): "automatic", "direct" or "fft" */
static int set_conv1d_algorithm(lua_State *L) {
  static const char *const names[] = {"automatic", "direct", "fft", NULL};
  Args a = bind_args(L, "convolution_algorithm");
  Settings settings = bind_settings(L);
  settings.algorithm = (mb_conv1d_algorithm)next_option(&a, "algorithm", names);
  bind_set_settings(L, settings);
  return 0;
}

static const luaL_Reg functions[] = {{"conv1d", conv1d},
                                     {"conv1d_backward", conv1d_backward},
                                     {"conv1d_transpose", conv1d_transpose},
                                     {"set_conv1d_algorithm", set_conv1d_algorithm},
                                     {NULL, NULL}};

void bind_open_conv1d(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
