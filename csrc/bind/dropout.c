/* dropout.c - dropout on tensors. */
#include "bind.h"

static mb_real dropout_rate(lua_State *L, int i) {
  const double rate = bind_number(L, "dropout", "rate", i);
  if (!(rate >= 0 && rate < 1))
    bind_type_error(L, "dropout", "rate", i, "a number of at least 0 and below 1");
  return (mb_real)rate;
}

/* core.dropout(x, rate, rng, keep) -> y, kept: what backward needs to know, nil where keep is false. Takes a
 * draw of the generator for each two elements. */
static int dropout(lua_State *L) {
  const Tensor *x = bind_tensor(L, "dropout", "input", 1);
  const mb_real rate = dropout_rate(L, 2);
  mb_rng *rng = bind_rng(L, "dropout", "generator", 3);
  const bool keep = bind_flag(L, 4);
  Tensor *y = bind_new_like(L, "dropout", x);
  uint8_t *kept = NULL;
  if (keep)
    kept = (uint8_t *)bind_new_bytes(L, "dropout", x->count)->data;
  else
    lua_pushnil(L);
  mb_dropout(y->data, kept, x->data, rate, rng, x->count);
  mb_rng_advance(rng, mb_dropout_draws(x->count));
  return 2;
}

/* core.dropout_backward(dy, kept, rate) -> dx, which may be dy overwritten */
static int dropout_backward(lua_State *L) {
  const Tensor *dy = bind_tensor(L, "dropout", "dy", 1), *kept = bind_tensor(L, "dropout", "kept", 2);
  const mb_real rate = dropout_rate(L, 3);
  if (kept->count * (mb_size)sizeof(mb_real) < dy->count)
    bind_error(L, "dropout: backward expected what a forward pass kept");
  Tensor *dx = bind_over_gradient(L, "dropout", 1);
  mb_dropout_backward(dx->data, dy->data, (const uint8_t *)kept->data, rate, dy->count);
  return 1;
}

static const luaL_Reg functions[] = {
    {"dropout", dropout}, {"dropout_backward", dropout_backward}, {NULL, NULL}};

void bind_open_dropout(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
