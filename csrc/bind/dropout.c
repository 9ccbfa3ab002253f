/* dropout.c - dropout on tensors. */
#include "bind.h"

static mb_real next_rate(Args *a) {
  const double rate = next_number(a, "rate");
  if (!(rate >= 0 && rate < 1)) args_type_error(a, "rate", "a number of at least 0 and below 1");
  return (mb_real)rate;
}

/* core.dropout(x, rate, rng, keep) -> y, kept: for the backward pass, nil if keep is false. Takes a
 * draw of the generator for each two elements. */
static int dropout(lua_State *L) {
  Args a = bind_args(L, "dropout");
  const Tensor *x = next_tensor(&a, "input");
  const mb_real rate = next_rate(&a);
  mb_rng *rng = next_rng(&a, "generator");
  const bool keep = next_boolean(&a);
  Tensor *y = push_like(&a, x);
  uint8_t *kept = keep ? push_bytes(&a, x->count) : NULL;
  if (!keep) lua_pushnil(L);
  mb_dropout(y->data, kept, x->data, rate, rng, x->count);
  mb_rng_advance(rng, mb_dropout_draws(x->count));
  return 2;
}

/* core.dropout_backward(dy, kept, rate) -> dx, which may be dy overwritten */
static int dropout_backward(lua_State *L) {
  Args a = bind_args(L, "dropout");
  const Tensor *dy = next_tensor(&a, "dy"), *kept = next_tensor(&a, "kept");
  const mb_real rate = next_rate(&a);
  if (kept->count * (mb_size)sizeof(mb_real) < dy->count)
    args_error(&a, "backward expected what a forward pass kept");
  Tensor *dx = push_over_gradient(&a, 1);
  mb_dropout_backward(dx->data, dy->data, (const uint8_t *)kept->data, rate, dy->count);
  return 1;
}

static const luaL_Reg functions[] = {
    {"dropout", dropout}, {"dropout_backward", dropout_backward}, {NULL, NULL}};

void bind_open_dropout(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
