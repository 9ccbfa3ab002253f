/* conv1d.c - convolution on tensors. */
#include "bind.h"

#include <string.h>

/* Reads x and w at arg and arg + 1; stride, dilation, padding, size and stride of pooling (nil: none) and
 * what to multiply negative results with (nil: nothing follows) at options... */
static void read_conv1d(lua_State *L, int arg, int options, const Tensor **x, const Tensor **w,
                        mb_conv1d *s) {
  mb_size pad, none;
  *x = bind_tensor_rank(L, "conv1d", "input", arg, 3);
  *w = bind_tensor_rank(L, "conv1d", "weights", arg + 1, 3);
  *s = (mb_conv1d){.N = (*x)->shape.shape[0], .L = (*x)->shape.shape[1], .C = (*x)->shape.shape[2]};
  s->K = (*w)->shape.shape[0], s->F = (*w)->shape.shape[2];
  if ((*w)->shape.shape[1] != s->C)
    bind_error(L, "conv1d: input has %I channels, weights expect %I", (LUAI_UACINT)s->C,
               (LUAI_UACINT)(*w)->shape.shape[1]);
  s->stride = bind_size(L, "conv1d", "stride", options, 1, INT32_MAX);
  s->dilation = bind_size(L, "conv1d", "dilation", options + 1, 1, INT32_MAX);
  const mb_padding padding = bind_padding(L, "conv1d", options + 2, &pad);
  bind_status(
      L, "conv1d",
      mb_window(&s->L_out, &s->pad_left, &s->pad_right, s->L, s->K, s->stride, s->dilation, padding, pad));
  if (!lua_isnoneornil(L, options + 3)) {
    s->pool = bind_size(L, "conv1d", "pool size", options + 3, 1, MB_POOL_MOST);
    s->pool_stride = bind_size(L, "conv1d", "pool stride", options + 4, 1, INT32_MAX);
    bind_status(L, "conv1d",
                mb_window(&s->L_pool, &none, &none, s->L_out, s->pool, s->pool_stride, 1, MB_VALID, 0));
  }
  s->relu = !lua_isnoneornil(L, options + 5);
  if (s->relu) s->slope = (mb_real)bind_number(L, "conv1d", "slope", options + 5);
}

static mb_size results_of(const mb_conv1d *s) {
  return s->pool > 0 ? s->L_pool : s->L_out;
}

/* Small convolutions share one piece of scratch from call to call, where each thread finds its part in its
 * own caches; large ones take theirs from the pool. The tensor behind it is pushed. */
static const char scratch_key = 0; /* its address is the registry key of that piece */

static mb_real *push_conv1d_scratch(lua_State *L, const mb_conv1d *s) {
  const mb_size kept = (mb_get_threads() + 4) * MB_THREAD_PART, count = mb_conv1d_scratch(s);
  if (count > kept) return bind_scratch(L, "conv1d", count);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &scratch_key);
  const Tensor *scratch = lua_touserdata(L, -1);
  if (scratch == NULL || scratch->count < kept) {
    lua_pop(L, 1);
    bind_scratch(L, "conv1d", kept);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &scratch_key);
    scratch = lua_touserdata(L, -1);
  }
  return scratch->data;
}

static void free_conv1d_scratch(lua_State *L, int index) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &scratch_key);
  if (!lua_rawequal(L, index, -1)) bind_free_scratch(L, index);
  lua_pop(L, 1);
}

/* core.conv1d(x, w, b, stride, dilation, padding, pool size, pool stride, slope, keep) -> y, winners: what
 * backward needs to know of pooling and ReLU, nil where that is nothing or keep is false. */
static int conv1d(lua_State *L) {
  const Tensor *x, *w;
  mb_conv1d s;
  lua_settop(L, 10);
  read_conv1d(L, 1, 4, &x, &w, &s);
  const Tensor *b = lua_isnil(L, 3) ? NULL : bind_tensor_count(L, "conv1d", "bias", 3, s.F);
  mb_real *scratch = push_conv1d_scratch(L, &s);
  Tensor *y = bind_new_tensor(L, "conv1d", 3, (mb_size[]){s.N, results_of(&s), s.F});
  uint8_t *winners = NULL;
  if (bind_flag(L, 10) && s.slope != 0)
    bind_error(L, "conv1d: slope: expected 0 or nil where backward follows, got %f", (double)s.slope);
  if (bind_flag(L, 10) && mb_conv1d_has_winners(&s))
    winners = (uint8_t *)bind_new_bytes(L, "conv1d", y->count)->data;
  else
    lua_pushnil(L);
  mb_conv1d_forward(y->data, winners, scratch, x->data, w->data, b != NULL ? b->data : NULL, &s);
  free_conv1d_scratch(L, 11);
  return 2;
}

/* Pushes a tensor for a gradient that is wanted, else nil and returns NULL. */
static mb_real *push_wanted(lua_State *L, bool wanted, const mb_shape *shape) {
  if (wanted) return bind_new_tensor(L, "conv1d", shape->rank, shape->shape)->data;
  lua_pushnil(L);
  return NULL;
}

/* core.conv1d_backward(dy, winners, x, w, stride, dilation, padding, pool size, pool stride, slope, need_x,
 * need_w, need_b) -> dx, dw, db */
static int conv1d_backward(lua_State *L) {
  const Tensor *x, *w;
  mb_conv1d s;
  lua_settop(L, 13);
  read_conv1d(L, 3, 5, &x, &w, &s);
  const Tensor *dy = bind_tensor_count(L, "conv1d", "dy", 1, s.N * results_of(&s) * s.F);
  const Tensor *winners = bind_tensor_or_nil(L, "conv1d", "winners", 2);
  if (mb_conv1d_has_winners(&s) && (winners == NULL || winners->count * (mb_size)sizeof(mb_real) < dy->count))
    bind_error(L, "conv1d: backward expected the winners of a forward pass that kept them");
  mb_real *scratch = push_conv1d_scratch(L, &s);
  mb_real *dx = push_wanted(L, bind_flag(L, 11), &x->shape);
  mb_real *dw = push_wanted(L, bind_flag(L, 12), &w->shape);
  mb_real *db = push_wanted(L, bind_flag(L, 13), &(mb_shape){.rank = 1, .shape = {s.F}});
  mb_conv1d_backward(dx, dw, db, scratch, dy->data, winners != NULL ? (const uint8_t *)winners->data : NULL,
                     x->data, w->data, &s);
  free_conv1d_scratch(L, 14);
  return 3;
}

/* core.set_conv1d_way(name): "automatic", "direct" or "spectral" */
static int set_conv1d_way(lua_State *L) {
  static const char *const names[] = {"automatic", "direct", "spectral", NULL};
  for (int way = 0; names[way] != NULL; way++)
    if (lua_type(L, 1) == LUA_TSTRING && strcmp(lua_tostring(L, 1), names[way]) == 0) {
      bind_set_settings(L, (Settings){bind_settings(L).threads, (mb_conv1d_way)way});
      return 0;
    }
  bind_type_error(L, "convolution_way", "way", 1, "'automatic', 'direct' or 'spectral'");
}

static const luaL_Reg functions[] = {{"conv1d", conv1d},
                                     {"conv1d_backward", conv1d_backward},
                                     {"set_conv1d_way", set_conv1d_way},
                                     {NULL, NULL}};

void bind_open_conv1d(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
