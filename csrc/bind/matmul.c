/* matmul.c - matrix products of tensors. */
#include "bind.h"

/* core.matmul(a, b [, transpose_a [, transpose_b [, bias]]]): b is a matrix; the last dimension of a is
 * summed over, those before stay. transpose_a takes a as one matrix (all but the last dimension, last).
 * The bias is added to each row of the result. */
static int matmul(lua_State *L) {
  Args args = bind_args(L, "matmul");
  const Tensor *a = next_tensor(&args, "a"), *b = next_tensor(&args, "b");
  const bool ta = next_boolean(&args), tb = next_boolean(&args);
  const mb_size columns = bind_last_size(a), rows = a->count / columns;
  const mb_size b_columns = bind_last_size(b), b_rows = b->count / b_columns;
  const mb_size K = ta ? rows : columns, N = tb ? b_rows : b_columns;
  if (K != (tb ? b_columns : b_rows) || (b->shape.rank != 2 && !ta)) {
    const char *a_shape = bind_push_shape(L, &a->shape);
    args_error(&args, "shapes %s%s and %s%s do not fit: expected (..., K) and (K, N)", a_shape,
               ta ? " transposed" : "", bind_push_shape(L, &b->shape), tb ? " transposed" : "");
  }
  mb_shape shape = a->shape;
  shape.shape[shape.rank - 1] = N;
  if (ta) shape = (mb_shape){.rank = 2, .shape = {columns, N}};
  const Tensor *bias = next_is_nil(&args) ? NULL : next_tensor_count(&args, "bias", N);
  Tensor *y = push_tensor(&args, shape.rank, shape.shape);
  if (bias != NULL) mb_copy_blocks(y->data, N, bias->data, 0, y->count / N, N);
  mb_matmul(y->data, ta, tb, ta ? columns : rows, N, K, 1, a->data, b->data, bias != NULL);
  return 1;
}

static const luaL_Reg functions[] = {{"matmul", matmul}, {NULL, NULL}};

void bind_open_matmul(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
