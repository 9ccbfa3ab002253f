/* matmul.c - matrix products of tensors. */
#include "bind.h"

/* core.matmul(a, b [, transpose_a [, transpose_b [, bias]]]): b is a matrix; the last dimension of a is
 * summed over, those before stay. transpose_a takes a as one matrix (all but the last dimension, last).
 * The bias is added to each row of the result. */
static int matmul(lua_State *L) {
  const Tensor *a = bind_tensor(L, "matmul", "a", 1), *b = bind_tensor(L, "matmul", "b", 2);
  const bool ta = bind_flag(L, 3), tb = bind_flag(L, 4);
  const mb_size columns = a->shape.shape[a->shape.rank - 1], rows = a->count / columns;
  const mb_size b_columns = b->shape.shape[b->shape.rank - 1], b_rows = b->count / b_columns;
  const mb_size K = ta ? rows : columns, N = tb ? b_rows : b_columns;
  if (K != (tb ? b_columns : b_rows) || (b->shape.rank != 2 && !ta)) {
    const char *a_shape = bind_push_shape(L, &a->shape);
    bind_error(L, "matmul: shapes %s%s and %s%s do not fit: expected (..., K) and (K, N)", a_shape,
               ta ? " transposed" : "", bind_push_shape(L, &b->shape), tb ? " transposed" : "");
  }
  mb_shape shape = a->shape;
  shape.shape[shape.rank - 1] = N;
  if (ta) shape = (mb_shape){.rank = 2, .shape = {columns, N}};
  const Tensor *bias = lua_isnoneornil(L, 5) ? NULL : bind_tensor_count(L, "matmul", "bias", 5, N);
  Tensor *y = bind_new_tensor(L, "matmul", shape.rank, shape.shape);
  if (bias != NULL) mb_copy_blocks(y->data, N, bias->data, 0, y->count / N, N);
  mb_matmul(y->data, ta, tb, ta ? columns : rows, N, K, 1, a->data, b->data, bias != NULL);
  return 1;
}

static const luaL_Reg functions[] = {{"matmul", matmul}, {NULL, NULL}};

void bind_open_matmul(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
