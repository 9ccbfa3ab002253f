/* conv1d.c - convolution, pooling, normalisation, dropout, softmax and losses on tensors. */
#include "bind.h"

#include <math.h>
#include <string.h>

/* "same", "valid" or a number of points at arg; nil is "valid". */
static mb_padding read_padding(lua_State *L, const char *operation, int arg, mb_size *pad) {
  *pad = 0;
  if (lua_isnoneornil(L, arg)) return MB_VALID;
  if (lua_type(L, arg) == LUA_TSTRING) {
    const char *name = lua_tostring(L, arg);
    if (strcmp(name, "same") == 0) return MB_SAME;
    if (strcmp(name, "valid") == 0) return MB_VALID;
  } else if (lua_type(L, arg) == LUA_TNUMBER) {
    *pad = bind_size(L, operation, "padding", arg, 0, INT32_MAX);
    return MB_EXPLICIT;
  }
  bind_type_error(L, operation, "padding", arg, "'same', 'valid' or a number of points");
}

/* core.window(length, size, stride, dilation, padding) -> output length, points padded left and right */
static int window(lua_State *L) {
  mb_size L_out, left, right, pad;
  const mb_size length = bind_size(L, "window", "length", 1, 1, INT32_MAX);
  const mb_size size = bind_size(L, "window", "size", 2, 1, INT32_MAX);
  const mb_size stride = bind_size(L, "window", "stride", 3, 1, INT32_MAX);
  const mb_size dilation = bind_size(L, "window", "dilation", 4, 1, INT32_MAX);
  const mb_padding padding = read_padding(L, "window", 5, &pad);
  bind_status(L, "window", mb_window(&L_out, &left, &right, length, size, stride, dilation, padding, pad));
  lua_pushinteger(L, L_out);
  lua_pushinteger(L, left);
  lua_pushinteger(L, right);
  return 3;
}

/* ---- convolution ---- */

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
  const mb_padding padding = read_padding(L, "conv1d", options + 2, &pad);
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

/* Tensors are all of reals: one that holds a byte for each of count elements. */
static Tensor *push_bytes(lua_State *L, const char *name, mb_size count) {
  const mb_size reals = (count + (mb_size)sizeof(mb_real) - 1) / (mb_size)sizeof(mb_real);
  return bind_new_tensor(L, name, 1, &reals);
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
    winners = (uint8_t *)push_bytes(L, "conv1d", y->count)->data;
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

/* ---- pooling ---- */

/* x at arg; size, stride and padding at options... */
static const Tensor *read_pool1d(lua_State *L, const char *operation, int arg, int options, mb_pool1d *s) {
  mb_size pad;
  const Tensor *x = bind_tensor_rank(L, operation, "input", arg, 3);
  s->N = x->shape.shape[0], s->L = x->shape.shape[1], s->C = x->shape.shape[2];
  s->size = bind_size(L, operation, "size", options, 1, INT32_MAX);
  s->stride = bind_size(L, operation, "stride", options + 1, 1, INT32_MAX);
  const mb_padding padding = read_padding(L, operation, options + 2, &pad);
  if (padding == MB_EXPLICIT)
    bind_error(L, "%s: padding: expected 'same' or 'valid', got a number", operation);
  bind_status(L, operation,
              mb_window(&s->L_out, &s->pad_left, &s->pad_right, s->L, s->size, s->stride, 1, padding, 0));
  return x;
}

/* core.max_pool1d(x, size, stride, padding), core.avg_pool1d likewise. Upvalue 1: is it max? */
static int pool1d(lua_State *L) {
  const bool is_max = lua_toboolean(L, lua_upvalueindex(1));
  const char *name = is_max ? "max_pool1d" : "avg_pool1d";
  mb_pool1d s;
  const Tensor *x = read_pool1d(L, name, 1, 2, &s);
  Tensor *y = bind_new_tensor(L, name, 3, (mb_size[]){s.N, s.L_out, s.C});
  (is_max ? mb_max_pool1d_forward : mb_avg_pool1d_forward)(y->data, x->data, &s);
  return 1;
}

/* core.max_pool1d_backward(dy, x, size, stride, padding) -> dx */
static int pool1d_backward(lua_State *L) {
  const bool is_max = lua_toboolean(L, lua_upvalueindex(1));
  const char *name = is_max ? "max_pool1d" : "avg_pool1d";
  mb_pool1d s;
  const Tensor *x = read_pool1d(L, name, 2, 3, &s);
  const Tensor *dy = bind_tensor_count(L, name, "dy", 1, s.N * s.L_out * s.C);
  Tensor *dx = bind_new_like(L, name, x);
  if (is_max)
    mb_max_pool1d_backward(dx->data, dy->data, x->data, &s);
  else
    mb_avg_pool1d_backward(dx->data, dy->data, &s);
  return 1;
}

/* ---- normalisation ---- */

/* The last dimension is C, all before it are rows. */
static mb_size last_dimension(const Tensor *x) {
  return x->shape.shape[x->shape.rank - 1];
}

/* core.batch_norm_statistics(x, running_mean, running_var, momentum) -> mean, var.
 * Updates the running statistics unless they are nil. */
static int batch_norm_statistics(lua_State *L) {
  const Tensor *x = bind_tensor(L, "batch_norm", "input", 1);
  const mb_size C = last_dimension(x);
  Tensor *running_mean = NULL, *running_var = NULL;
  if (!lua_isnil(L, 2)) {
    running_mean = bind_tensor_count(L, "batch_norm", "running mean", 2, C);
    running_var = bind_tensor_count(L, "batch_norm", "running variance", 3, C);
    bind_touch(running_mean);
    bind_touch(running_var);
  }
  const double momentum = running_mean != NULL ? bind_number(L, "batch_norm", "momentum", 4) : 0;
  Tensor *mean = bind_new_tensor(L, "batch_norm", 1, &C), *var = bind_new_tensor(L, "batch_norm", 1, &C);
  mb_batch_norm_statistics(mean->data, var->data, running_mean != NULL ? running_mean->data : NULL,
                           running_var != NULL ? running_var->data : NULL, x->data, (mb_real)momentum,
                           x->count / C, C);
  return 2;
}

/* Reads x at arg, then mean, variance, gamma, beta, epsilon, slope, size and stride of pooling (nil: none).
 */
static const Tensor *read_batch_norm(lua_State *L, int arg, mb_batch_norm *s) {
  static const char *const names[] = {"mean", "variance", "gamma", "beta"};
  const Tensor *x = bind_tensor(L, "batch_norm", "input", arg);
  const mb_real *per_channel[4];
  mb_size none;
  const mb_size C = last_dimension(x);
  for (int i = 0; i < 4; i++)
    per_channel[i] = bind_tensor_count(L, "batch_norm", names[i], arg + 1 + i, C)->data;
  *s = (mb_batch_norm){.N = 1,
                       .L = x->count / C,
                       .C = C,
                       .mean = per_channel[0],
                       .var = per_channel[1],
                       .gamma = per_channel[2],
                       .beta = per_channel[3],
                       .epsilon = (mb_real)bind_number(L, "batch_norm", "epsilon", arg + 5),
                       .slope = (mb_real)bind_number(L, "batch_norm", "slope", arg + 6)};
  if (lua_isnoneornil(L, arg + 7)) return x;
  bind_tensor_rank(L, "batch_norm", "input", arg, 3);
  s->N = x->shape.shape[0], s->L = x->shape.shape[1];
  s->pool = bind_size(L, "batch_norm", "pool size", arg + 7, 1, MB_POOL_MOST);
  s->pool_stride = bind_size(L, "batch_norm", "pool stride", arg + 8, 1, INT32_MAX);
  bind_status(L, "batch_norm",
              mb_window(&s->L_pool, &none, &none, s->L, s->pool, s->pool_stride, 1, MB_VALID, 0));
  return x;
}

/* core.batch_norm_apply(x, mean, var, gamma, beta, epsilon, slope, pool size, pool stride, keep) -> y,
 * winners: what backward needs to know of pooling, nil where there is none or keep is false */
static int batch_norm_apply(lua_State *L) {
  mb_batch_norm s;
  lua_settop(L, 10);
  const Tensor *x = read_batch_norm(L, 1, &s);
  Tensor *y = s.pool > 0 ? bind_new_tensor(L, "batch_norm", 3, (mb_size[]){s.N, s.L_pool, s.C})
                         : bind_new_like(L, "batch_norm", x);
  uint8_t *winners = NULL;
  if (s.pool > 0 && bind_flag(L, 10))
    winners = (uint8_t *)push_bytes(L, "batch_norm", y->count)->data;
  else
    lua_pushnil(L);
  mb_batch_norm_apply(y->data, winners, x->data, &s);
  return 2;
}

/* core.batch_norm_backward(dy, winners, x, mean, var, gamma, beta, epsilon, slope, pool size, pool stride,
 * train)
 * -> dx, dgamma, dbeta; dx may be dy overwritten, or in the memory of x */
static int batch_norm_backward(lua_State *L) {
  mb_batch_norm s;
  lua_settop(L, 12);
  const Tensor *x = read_batch_norm(L, 3, &s);
  const mb_size results = s.pool > 0 ? s.N * s.L_pool * s.C : x->count;
  const Tensor *dy = bind_tensor_count(L, "batch_norm", "dy", 1, results);
  const Tensor *winners = bind_tensor_or_nil(L, "batch_norm", "winners", 2);
  if (s.pool > 0 && (winners == NULL || winners->count * (mb_size)sizeof(mb_real) < results))
    bind_error(L, "batch_norm: backward expected the winners of a forward pass that kept them");
  Tensor *dx = s.pool > 0 ? bind_kept_or_new(L, "batch_norm", 3) : bind_own_or_new(L, "batch_norm", 1);
  Tensor *dgamma = bind_new_tensor(L, "batch_norm", 1, &s.C),
         *dbeta = bind_new_tensor(L, "batch_norm", 1, &s.C);
  mb_batch_norm_backward(dx->data, dgamma->data, dbeta->data, dy->data,
                         winners != NULL ? (const uint8_t *)winners->data : NULL, x->data, bind_flag(L, 12),
                         &s);
  return 3;
}

/* core.layer_norm(x, gamma, beta, epsilon) -> y, mean, inv_sd */
static int layer_norm(lua_State *L) {
  const Tensor *x = bind_tensor(L, "layer_norm", "input", 1);
  const mb_size D = last_dimension(x), rows = x->count / D;
  const Tensor *gamma = bind_tensor_count(L, "layer_norm", "gamma", 2, D);
  const Tensor *beta = bind_tensor_count(L, "layer_norm", "beta", 3, D);
  const mb_real epsilon = (mb_real)bind_number(L, "layer_norm", "epsilon", 4);
  Tensor *y = bind_new_like(L, "layer_norm", x);
  Tensor *mean = bind_new_tensor(L, "layer_norm", 1, &rows),
         *inv_sd = bind_new_tensor(L, "layer_norm", 1, &rows);
  mb_layer_norm_forward(y->data, mean->data, inv_sd->data, x->data, gamma->data, beta->data, epsilon, rows,
                        D);
  return 3;
}

/* core.layer_norm_backward(dy, x, mean, inv_sd, gamma) -> dx, dgamma, dbeta */
static int layer_norm_backward(lua_State *L) {
  const Tensor *x = bind_tensor(L, "layer_norm", "input", 2);
  const mb_size D = last_dimension(x), rows = x->count / D;
  const Tensor *dy = bind_tensor_count(L, "layer_norm", "dy", 1, x->count);
  const Tensor *mean = bind_tensor_count(L, "layer_norm", "mean", 3, rows);
  const Tensor *inv_sd = bind_tensor_count(L, "layer_norm", "inv_sd", 4, rows);
  const Tensor *gamma = bind_tensor_count(L, "layer_norm", "gamma", 5, D);
  Tensor *dx = bind_new_like(L, "layer_norm", x);
  Tensor *dgamma = bind_new_tensor(L, "layer_norm", 1, &D), *dbeta = bind_new_tensor(L, "layer_norm", 1, &D);
  mb_layer_norm_backward(dx->data, dgamma->data, dbeta->data, dy->data, x->data, mean->data, inv_sd->data,
                         gamma->data, rows, D);
  return 3;
}

/* ---- dropout ---- */

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
    kept = (uint8_t *)push_bytes(L, "dropout", x->count)->data;
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
  Tensor *dx = bind_own_or_new(L, "dropout", 1);
  mb_dropout_backward(dx->data, dy->data, (const uint8_t *)kept->data, rate, dy->count);
  return 1;
}

/* ---- softmax and losses ---- */

/* core.softmax(x), core.log_softmax(x), over the last dimension. Upvalue 1: is it the logarithm? */
static int softmax(lua_State *L) {
  const bool is_log = lua_toboolean(L, lua_upvalueindex(1));
  const char *name = is_log ? "log_softmax" : "softmax";
  const Tensor *x = bind_tensor(L, name, "input", 1);
  Tensor *y = bind_new_like(L, name, x);
  (is_log ? mb_log_softmax : mb_softmax)(y->data, x->data, x->count / last_dimension(x), last_dimension(x));
  return 1;
}

/* core.softmax_backward(dy, y) -> dx */
static int softmax_backward(lua_State *L) {
  const bool is_log = lua_toboolean(L, lua_upvalueindex(1));
  const char *name = is_log ? "log_softmax" : "softmax";
  const Tensor *y = bind_tensor(L, name, "y", 2), *dy = bind_tensor_count(L, name, "dy", 1, y->count);
  Tensor *dx = bind_new_like(L, name, y);
  (is_log ? mb_log_softmax_backward : mb_softmax_backward)(dx->data, dy->data, y->data,
                                                           y->count / last_dimension(y), last_dimension(y));
  return 1;
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

/* ---- registration ---- */

static const luaL_Reg functions[] = {
    {"batch_norm_apply", batch_norm_apply},
    {"batch_norm_backward", batch_norm_backward},
    {"batch_norm_statistics", batch_norm_statistics},
    {"conv1d", conv1d},
    {"conv1d_backward", conv1d_backward},
    {"set_conv1d_way", set_conv1d_way},
    {"cross_entropy", cross_entropy},
    {"cross_entropy_backward", cross_entropy_backward},
    {"dropout", dropout},
    {"dropout_backward", dropout_backward},
    {"layer_norm", layer_norm},
    {"layer_norm_backward", layer_norm_backward},
    {"mse", mse},
    {"mse_backward", mse_backward},
    {"window", window},
    {NULL, NULL},
};

/* The same function twice, told apart by its upvalue. */
static void add_pair(lua_State *L, lua_CFunction function, const char *name_if_true,
                     const char *name_if_false) {
  lua_pushboolean(L, true);
  lua_pushcclosure(L, function, 1);
  lua_setfield(L, -2, name_if_true);
  lua_pushboolean(L, false);
  lua_pushcclosure(L, function, 1);
  lua_setfield(L, -2, name_if_false);
}

void bind_open_layers(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
  add_pair(L, pool1d, "max_pool1d", "avg_pool1d");
  add_pair(L, pool1d_backward, "max_pool1d_backward", "avg_pool1d_backward");
  add_pair(L, softmax, "log_softmax", "softmax");
  add_pair(L, softmax_backward, "log_softmax_backward", "softmax_backward");
}
