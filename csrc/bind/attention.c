/* attention.c - attention on tensors. */
#include "bind.h"

/* Reads qkv (N, L, 3 C), the number of heads, and whether a point sees only those up to itself. */
static const Tensor *next_attention(Args *a, mb_attention *s) {
  const Tensor *qkv = next_tensor_rank(a, "qkv", 3);
  const mb_size *shape = qkv->shape.shape, heads = next_count(a, "heads");
  if (shape[2] % 3 != 0 || shape[2] / 3 % heads != 0)
    args_error(a, "qkv: expected 3 times a multiple of %I channels, got %I", (LUAI_UACINT)heads,
               (LUAI_UACINT)shape[2]);
  *s = (mb_attention){
      .N = shape[0], .L = shape[1], .C = shape[2] / 3, .heads = heads, .threads = mb_get_threads()};
  s->causal = next_boolean(a);
  return qkv;
}

/* core.attention(qkv, heads, causal) */
static int attention(lua_State *L) {
  mb_attention s;
  Args a = bind_args(L, "attention");
  const Tensor *qkv = next_attention(&a, &s);
  Tensor *y = push_tensor(&a, 3, (mb_size[]){s.N, s.L, s.C});
  void *scratch = push_scratch(&a, mb_attention_scratch_bytes(&s));
  mb_attention_forward(y->data, scratch, qkv->data, &s);
  pop_scratch(L);
  return 1;
}

/* core.attention_backward(dy, qkv, heads, causal) -> dqkv */
static int attention_backward(lua_State *L) {
  mb_attention s;
  Args a = bind_args(L, "attention");
  const Tensor *dy = next_tensor(&a, "dy"), *qkv = next_attention(&a, &s);
  args_check_count(&a, "dy", dy, s.N * s.L * s.C);
  Tensor *dqkv = push_like(&a, qkv);
  void *scratch = push_scratch(&a, mb_attention_scratch_bytes(&s));
  mb_attention_backward(dqkv->data, scratch, dy->data, qkv->data, &s);
  pop_scratch(L);
  return 1;
}

static const luaL_Reg functions[] = {
    {"attention", attention}, {"attention_backward", attention_backward}, {NULL, NULL}};

void bind_open_attention(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
