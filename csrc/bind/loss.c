/* loss.c - softmax and losses on tensors. */
#include "bind.h"

#include <math.h>
#include <string.h>

static int softmax_forward(lua_State *L, const char *name, bool is_log) {
  const Tensor *x = bind_tensor(L, name, "input", 1);
  Tensor *y = bind_new_like(L, name, x);
  (is_log ? mb_log_softmax : mb_softmax)(y->data, x->data, x->count / bind_last_size(x), bind_last_size(x));
  return 1;
}

static int softmax_gradient(lua_State *L, const char *name, bool is_log) {
  const Tensor *y = bind_tensor(L, name, "y", 2), *dy = bind_tensor_count(L, name, "dy", 1, y->count);
  Tensor *dx = bind_new_like(L, name, y);
  (is_log ? mb_log_softmax_backward : mb_softmax_backward)(dx->data, dy->data, y->data,
                                                           y->count / bind_last_size(y), bind_last_size(y));
  return 1;
}

/* core.softmax(x), core.log_softmax(x), over the last dimension */
static int softmax(lua_State *L) {
  return softmax_forward(L, "softmax", false);
}

static int log_softmax(lua_State *L) {
  return softmax_forward(L, "log_softmax", true);
}

/* core.softmax_backward(dy, y) -> dx; core.log_softmax_backward likewise */
static int softmax_backward(lua_State *L) {
  return softmax_gradient(L, "softmax", false);
}

static int log_softmax_backward(lua_State *L) {
  return softmax_gradient(L, "log_softmax", true);
}

/* The weights of so many classes at arg; NULL where there are none. */
static const mb_real *read_class_weights(lua_State *L, int arg, mb_size classes) {
  if (lua_isnoneornil(L, arg)) return NULL;
  const Tensor *w = bind_tensor_count(L, "cross_entropy", "class weights", arg, classes);
  for (mb_size i = 0; i < classes; i++)
    if (!(w->data[i] >= 0 && isfinite(w->data[i])))
      bind_error(L, "cross_entropy: class weights: expected numbers of at least 0, got %f for class %I",
                 (double)w->data[i], (LUAI_UACINT)(i + 1));
  return w->data;
}

/* Reads logits (N, classes), labels (1-based) and class weights or nil at arg...; leaves the labels on the
 * stack. */
static const Tensor *read_cross_entropy(lua_State *L, int arg, const mb_size **labels,
                                        const mb_real **weights) {
  mb_size count;
  const Tensor *x = bind_tensor_rank(L, "cross_entropy", "logits", arg, 2);
  *weights = read_class_weights(L, arg + 2, x->shape.shape[1]);
  *labels = bind_indices(L, "cross_entropy", "labels", arg + 1, x->shape.shape[1], &count);
  if (count != x->shape.shape[0])
    bind_error(L, "cross_entropy: expected %I labels, one per row of the logits, got %I",
               (LUAI_UACINT)x->shape.shape[0], (LUAI_UACINT)count);
  return x;
}

/* core.cross_entropy(logits, labels, weights) -> loss {1} */
static int cross_entropy(lua_State *L) {
  const mb_size *labels;
  const mb_real *weights;
  const Tensor *x = read_cross_entropy(L, 1, &labels, &weights);
  Tensor *loss = bind_new_tensor(L, "cross_entropy", 1, &(mb_size){1});
  bind_status(
      L, "cross_entropy",
      mb_cross_entropy_forward(loss->data, x->data, labels, weights, x->shape.shape[0], x->shape.shape[1]));
  return 1;
}

/* core.cross_entropy_backward(dloss, logits, labels, weights) -> dlogits */
static int cross_entropy_backward(lua_State *L) {
  const mb_size *labels;
  const mb_real *weights;
  const Tensor *dloss = bind_tensor_count(L, "cross_entropy", "dloss", 1, 1);
  const Tensor *x = read_cross_entropy(L, 2, &labels, &weights);
  Tensor *dx = bind_new_like(L, "cross_entropy", x);
  mb_cross_entropy_backward(dx->data, dloss->data[0], x->data, labels, weights, x->shape.shape[0],
                            x->shape.shape[1]);
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

static const Tensor *read_target(lua_State *L, int arg, const Tensor *prediction) {
  const Tensor *target = bind_tensor(L, "mse", "target", arg);
  if (!same_but_ones(&target->shape, &prediction->shape)) {
    const char *expected = bind_push_shape(L, &prediction->shape);
    bind_error(L, "mse: prediction has shape %s, target %s", expected, bind_push_shape(L, &target->shape));
  }
  return target;
}

/* core.mse(prediction, target) -> loss {1} */
static int mse(lua_State *L) {
  const Tensor *prediction = bind_tensor(L, "mse", "prediction", 1), *target = read_target(L, 2, prediction);
  Tensor *loss = bind_new_tensor(L, "mse", 1, &(mb_size){1});
  loss->data[0] = (mb_real)mb_mse_forward(prediction->data, target->data, prediction->count);
  return 1;
}

/* core.mse_backward(dloss, prediction, target) -> dprediction */
static int mse_backward(lua_State *L) {
  const Tensor *dloss = bind_tensor_count(L, "mse", "dloss", 1, 1);
  const Tensor *prediction = bind_tensor(L, "mse", "prediction", 2), *target = read_target(L, 3, prediction);
  Tensor *dx = bind_new_like(L, "mse", prediction);
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
