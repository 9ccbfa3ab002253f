/* pool1d.c - pooling on tensors. */
#include "bind.h"

/* x at arg; size, stride and padding at options... */
static const Tensor *read_pool1d(lua_State *L, const char *operation, int arg, int options, mb_pool1d *s) {
  mb_size pad;
  const Tensor *x = bind_tensor_rank(L, operation, "input", arg, 3);
  s->N = x->shape.shape[0], s->L = x->shape.shape[1], s->C = x->shape.shape[2];
  s->size = bind_size(L, operation, "size", options, 1, INT32_MAX);
  s->stride = bind_size(L, operation, "stride", options + 1, 1, INT32_MAX);
  const mb_padding padding = bind_padding(L, operation, options + 2, &pad);
  if (padding == MB_EXPLICIT)
    bind_error(L, "%s: padding: expected 'same' or 'valid', got a number", operation);
  bind_status(L, operation,
              mb_window(&s->L_out, &s->pad_left, &s->pad_right, s->L, s->size, s->stride, 1, padding, 0));
  return x;
}

static int forward(lua_State *L, const char *name, bool is_max) {
  mb_pool1d s;
  const Tensor *x = read_pool1d(L, name, 1, 2, &s);
  Tensor *y = bind_new_tensor(L, name, 3, (mb_size[]){s.N, s.L_out, s.C});
  (is_max ? mb_max_pool1d_forward : mb_avg_pool1d_forward)(y->data, x->data, &s);
  return 1;
}

static int backward(lua_State *L, const char *name, bool is_max) {
  mb_pool1d s;
  const Tensor *x = read_pool1d(L, name, 2, 3, &s);
  const Tensor *dy = bind_tensor_count(L, name, "dy", 1, s.N * s.L_out * s.C);
  Tensor *dx = bind_new_like(L, name, x);
  if (is_max)
    mb_max_pool1d_backward(dx->data, dy->data, x->data, &s);
  else
    mb_avg_pool1d_backward(dx->data, dy->data, &s);
  return 1;
}

/* core.max_pool1d(x, size, stride, padding), core.avg_pool1d likewise */
static int max_pool1d(lua_State *L) {
  return forward(L, "max_pool1d", true);
}

static int avg_pool1d(lua_State *L) {
  return forward(L, "avg_pool1d", false);
}

/* core.max_pool1d_backward(dy, x, size, stride, padding) -> dx; core.avg_pool1d_backward likewise */
static int max_pool1d_backward(lua_State *L) {
  return backward(L, "max_pool1d", true);
}

static int avg_pool1d_backward(lua_State *L) {
  return backward(L, "avg_pool1d", false);
}

static const luaL_Reg functions[] = {{"avg_pool1d", avg_pool1d},
                                     {"avg_pool1d_backward", avg_pool1d_backward},
                                     {"max_pool1d", max_pool1d},
                                     {"max_pool1d_backward", max_pool1d_backward},
                                     {NULL, NULL}};

void bind_open_pool1d(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
