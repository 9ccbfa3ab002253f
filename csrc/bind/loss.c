/* loss.c - softmax and losses on tensors. */
#include "bind.h"

#include <math.h>
#include <string.h>

static int softmax_forward(Args a, bool is_log) {
  const Tensor *x = next_tensor(&a, "input");
  Tensor *y = push_like(&a, x);
  (is_log ? mb_log_softmax : mb_softmax)(y->data, x->data, x->count / bind_last_size(x), bind_last_size(x));
  return 1;
}

static int softmax_gradient(Args a, bool is_log) {
  const Tensor *dy = next_tensor(&a, "dy"), *y = next_tensor_count(&a, "y", dy->count);
  Tensor *dx = push_like(&a, y);
  (is_log ? mb_log_softmax_backward : mb_softmax_backward)(dx->data, dy->data, y->data,
                                                           y->count / bind_last_size(y), bind_last_size(y));
  return 1;
}

/* core.softmax(x), core.log_softmax(x), over the last dimension */
static int softmax(lua_State *L) {
  return softmax_forward(bind_args(L, "softmax"), false);
}

static int log_softmax(lua_State *L) {
  return softmax_forward(bind_args(L, "log_softmax"), true);
}

/* core.softmax_backward(dy, y) -> dx; core.log_softmax_backward likewise */
static int softmax_backward(lua_State *L) {
  return softmax_gradient(bind_args(L, "softmax"), false);
}

static int log_softmax_backward(lua_State *L) {
  return softmax_gradient(bind_args(L, "log_softmax"), true);
}

/* Logits (N, K), the labels of their rows and the weights of the classes, NULL if there are none. */
typedef struct {
  const Tensor *logits;
  const mb_size *label; /* on the stack */
  const mb_real *weight;
  mb_size N, K;
} CrossEntropy;

static const mb_real *next_class_weights(Args *a, mb_size classes) {
  if (next_is_nil(a)) return NULL;
  const Tensor *w = next_tensor_count(a, "class weights", classes);
  for (mb_size i = 0; i < classes; i++)
    if (!(w->data[i] >= 0 && isfinite(w->data[i])))
      args_error(a, "class weights: expected numbers of at least 0, got %f for class %I", (double)w->data[i],
                 (LUAI_UACINT)(i + 1));
  return w->data;
}

static CrossEntropy next_cross_entropy(Args *a) {
  mb_size count;
  CrossEntropy c = {.logits = next_tensor_rank(a, "logits", 2)};
  c.N = c.logits->shape.shape[0], c.K = c.logits->shape.shape[1];
  c.label = next_indices(a, "labels", c.K, &count);
  c.weight = next_class_weights(a, c.K);
  if (count != c.N)
    args_error(a, "expected %I labels, one per row of the logits, got %I", (LUAI_UACINT)c.N,
               (LUAI_UACINT)count);
  return c;
}

/* core.cross_entropy(logits (N, classes), labels, weights) -> loss {1} */
static int cross_entropy(lua_State *L) {
  Args a = bind_args(L, "cross_entropy");
  lua_settop(L, 3);
  const CrossEntropy c = next_cross_entropy(&a);
  Tensor *loss = push_vector(&a, 1);
  args_check(&a, mb_cross_entropy_forward(loss->data, c.logits->data, c.label, c.weight, c.N, c.K));
  return 1;
}

/* core.cross_entropy_backward(dloss, logits, labels, weights) -> dlogits */
static int cross_entropy_backward(lua_State *L) {
  Args a = bind_args(L, "cross_entropy");
  lua_settop(L, 4);
  const Tensor *dloss = next_tensor_count(&a, "dloss", 1);
  const CrossEntropy c = next_cross_entropy(&a);
  Tensor *dx = push_like(&a, c.logits);
  mb_cross_entropy_backward(dx->data, dloss->data[0], c.logits->data, c.label, c.weight, c.N, c.K);
  return 1;
}

/* Rank without dimensions of size 1 at the end: (N, 1) is (N). */
static int rank_without_ones(const mb_shape *shape) {
  int rank = shape->rank;
  while (rank > 1 && shape->shape[rank - 1] == 1) rank--;
  return rank;
}

static bool same_but_ones(const mb_shape *a, const mb_shape *b) {
  const int rank = rank_without_ones(a);
  return rank == rank_without_ones(b) && memcmp(a->shape, b->shape, (size_t)rank * sizeof *a->shape) == 0;
}

static const Tensor *next_target(Args *a, const Tensor *prediction) {
  const Tensor *target = next_tensor(a, "target");
  if (!same_but_ones(&target->shape, &prediction->shape)) {
    const char *expected = bind_push_shape(a->L, &prediction->shape);
    args_error(a, "prediction has shape %s, target %s", expected, bind_push_shape(a->L, &target->shape));
  }
  return target;
}

/* core.mse(prediction, target) -> loss {1} */
static int mse(lua_State *L) {
  Args a = bind_args(L, "mse");
  const Tensor *prediction = next_tensor(&a, "prediction"), *target = next_target(&a, prediction);
  Tensor *loss = push_vector(&a, 1);
  loss->data[0] = (mb_real)mb_mse_forward(prediction->data, target->data, prediction->count);
  return 1;
}

/* core.mse_backward(dloss, prediction, target) -> dprediction */
static int mse_backward(lua_State *L) {
  Args a = bind_args(L, "mse");
  const Tensor *dloss = next_tensor_count(&a, "dloss", 1);
  const Tensor *prediction = next_tensor(&a, "prediction"), *target = next_target(&a, prediction);
  Tensor *dx = push_like(&a, prediction);
  mb_mse_backward(dx->data, dloss->data[0], prediction->data, target->data, prediction->count);
  return 1;
}

static const luaL_Reg functions[] = {{"cross_entropy", cross_entropy},
                                     {"cross_entropy_backward", cross_entropy_backward},
                                     {"log_softmax", log_softmax},
                                     {"log_softmax_backward", log_softmax_backward},
                                     {"mse", mse},
                                     {"mse_backward", mse_backward},
                                     {"softmax", softmax},
                                     {"softmax_backward", softmax_backward},
                                     {NULL, NULL}};

void bind_open_loss(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
