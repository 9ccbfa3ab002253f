/* recurrent.c - LSTM and GRU on tensors by time, (L, N, width). */
#include "bind.h"

/* Reads the kind, "lstm" or "gru". */
static mb_recurrent next_kind(Args *a) {
  static const char *const names[] = {"lstm", "gru", NULL};
  return (mb_recurrent){.kind = (mb_recurrent_kind)next_option(a, "kind", names),
                        .threads = mb_get_threads()};
}

/* Reads R (U, gates U) and sets U. */
static const Tensor *next_recurrent_weights(Args *a, mb_recurrent *s) {
  const mb_size gates = s->kind == MB_LSTM ? 4 : 3;
  const Tensor *R = next_tensor_rank(a, "recurrent weights", 2);
  s->U = R->shape.shape[0];
  if (R->shape.shape[1] != gates * s->U)
    args_error(a, "recurrent weights: expected %I columns, got %I", (LUAI_UACINT)(gates * s->U),
               (LUAI_UACINT)R->shape.shape[1]);
  return R;
}

/* core.recurrent(kind, x, W, b, R, product bias, keep) -> h, gates, c; the last two, for backward, are nil
 * unless kept, and c if there is none */
static int recurrent(lua_State *L) {
  lua_settop(L, 7);
  Args a = bind_args(L, "recurrent");
  mb_recurrent s = next_kind(&a);
  const Tensor *x = next_tensor_rank(&a, "input", 3), *W = next_tensor_rank(&a, "weights", 2);
  const Tensor *b = next_tensor(&a, "bias"), *R = next_recurrent_weights(&a, &s);
  const Tensor *product_bias = next_tensor_or_nil(&a, "product bias");
  s.L = x->shape.shape[0], s.N = x->shape.shape[1], s.C = x->shape.shape[2], s.keeps = next_boolean(&a);
  if (W->shape.shape[0] != s.C)
    args_error(&a, "input has %I channels, weights expect %I", (LUAI_UACINT)s.C,
               (LUAI_UACINT)W->shape.shape[0]);
  args_check_count(&a, "weights", W, s.C * R->shape.shape[1]);
  args_check_count(&a, "bias", b, R->shape.shape[1]);
  if (s.kind == MB_GRU && product_bias == NULL) args_error(&a, "product bias: expected a tensor, got nil");
  if (product_bias != NULL) args_check_count(&a, "product bias", product_bias, s.U);
  const mb_size steps = s.keeps ? s.L : 1;
  void *scratch = push_scratch(&a, mb_recurrent_scratch_bytes(&s));
  Tensor *h = push_tensor(&a, 3, (mb_size[]){s.L, s.N, s.U});
  Tensor *gates = push_tensor(&a, 3, (mb_size[]){steps, s.N, 4 * s.U});
  Tensor *c = s.kind == MB_LSTM ? push_tensor(&a, 3, (mb_size[]){steps, s.N, s.U}) : NULL;
  mb_recurrent_forward(h->data, c != NULL ? c->data : NULL, gates->data, scratch, x->data, W->data, b->data,
                       R->data, product_bias != NULL ? product_bias->data : NULL, &s);
  bind_close(lua_touserdata(L, 8));
  if (s.keeps) return s.kind == MB_LSTM ? 3 : 2;
  bind_close(gates);
  if (c != NULL) bind_close(c);
  lua_settop(L, 9);
  return 1;
}

/* core.recurrent_backward(kind, dh, h, gates, c, R) -> dz, dR, db (nil for an LSTM) */
static int recurrent_backward(lua_State *L) {
  lua_settop(L, 6);
  Args a = bind_args(L, "recurrent");
  mb_recurrent s = next_kind(&a);
  const Tensor *dh = next_tensor(&a, "dh"), *h = next_tensor_rank(&a, "h", 3),
               *gates = next_tensor(&a, "gates");
  const Tensor *c = next_tensor_or_nil(&a, "c"), *R = next_recurrent_weights(&a, &s);
  s.L = h->shape.shape[0], s.N = h->shape.shape[1], s.keeps = true;
  args_check_count(&a, "h", h, s.L * s.N * s.U);
  args_check_count(&a, "dh", dh, h->count);
  args_check_count(&a, "gates", gates, 4 * h->count);
  if (s.kind == MB_LSTM && c == NULL) args_error(&a, "c: expected a tensor, got nil");
  if (c != NULL) args_check_count(&a, "c", c, h->count);
  void *scratch = push_scratch(&a, mb_recurrent_scratch_bytes(&s));
  Tensor *dz = push_tensor(&a, 3, (mb_size[]){s.L, s.N, R->shape.shape[1]}), *dR = push_like(&a, R);
  Tensor *db = s.kind == MB_GRU ? push_vector(&a, s.U) : NULL;
  mb_recurrent_backward(dz->data, dR->data, db != NULL ? db->data : NULL, scratch, dh->data, h->data,
                        c != NULL ? c->data : NULL, gates->data, R->data, &s);
  bind_close(lua_touserdata(L, 7));
  return s.kind == MB_GRU ? 3 : 2;
}

static const luaL_Reg functions[] = {
    {"recurrent", recurrent}, {"recurrent_backward", recurrent_backward}, {NULL, NULL}};

void bind_open_recurrent(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
