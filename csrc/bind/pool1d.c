/* pool1d.c - pooling on tensors. */
#include "bind.h"

/* Reads x, and size, stride and padding behind it. */
static const Tensor *next_pooling(Args *a, mb_pool1d *s) {
  mb_size before, after;
  const Tensor *x = next_tensor_rank(a, "input", 3);
  s->N = x->shape.shape[0], s->L = x->shape.shape[1], s->C = x->shape.shape[2];
  s->size = next_count(a, "size");
  s->stride = next_count(a, "stride");
  const mb_padding padding = next_padding(a, &before, &after);
  if (padding != MB_VALID && padding != MB_SAME) args_error(a, "padding: expected 'same' or 'valid'");
  args_check(a,
             mb_window(&s->L_out, &s->pad_left, &s->pad_right, s->L, s->size, s->stride, 1, padding, 0, 0));
  return x;
}

static int forward(Args a, bool is_max) {
  mb_pool1d s;
  const Tensor *x = next_pooling(&a, &s);
  Tensor *y = push_tensor(&a, 3, (mb_size[]){s.N, s.L_out, s.C});
  (is_max ? mb_max_pool1d_forward : mb_avg_pool1d_forward)(y->data, x->data, &s);
  return 1;
}

static int backward(Args a, bool is_max) {
  mb_pool1d s;
  const Tensor *dy = next_tensor(&a, "dy"), *x = next_pooling(&a, &s);
  args_check_count(&a, "dy", dy, s.N * s.L_out * s.C);
  Tensor *dx = push_like(&a, x);
  if (is_max)
    mb_max_pool1d_backward(dx->data, dy->data, x->data, &s);
  else
    mb_avg_pool1d_backward(dx->data, dy->data, &s);
  return 1;
}

/* core.max_pool1d(x, size, stride, padding), core.avg_pool1d likewise */
static int max_pool1d(lua_State *L) {
  return forward(bind_args(L, "max_pool1d"), true);
}

static int avg_pool1d(lua_State *L) {
  return forward(bind_args(L, "avg_pool1d"), false);
}

/* core.max_pool1d_backward(dy, x, size, stride, padding) -> dx; core.avg_pool1d_backward likewise */
static int max_pool1d_backward(lua_State *L) {
  return backward(bind_args(L, "max_pool1d"), true);
}

static int avg_pool1d_backward(lua_State *L) {
  return backward(bind_args(L, "avg_pool1d"), false);
}

static const luaL_Reg functions[] = {{"avg_pool1d", avg_pool1d},
                                     {"avg_pool1d_backward", avg_pool1d_backward},
                                     {"max_pool1d", max_pool1d},
                                     {"max_pool1d_backward", max_pool1d_backward},
                                     {NULL, NULL}};

void bind_open_pool1d(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
