/* optim.c - optimiser steps: one parallel pass over all parameters. */
#include "simd_table.h"

#include <omp.h>
#include <tgmath.h>

/* The factors of one step, in the precision of the arrays. */
typedef struct {
  mb_real lr, decay; /* decay is added to the gradient */
  mb_real momentum;
  bool nesterov;
  mb_real shrink;                     /* the decoupled decay: w *= shrink */
  mb_real beta1, rest1, beta2, rest2; /* rest = 1 - beta, rounded once */
  mb_real inv_sqrt_correction2, epsilon;
} Step;

/* Updates count elements; m and v are NULL if the step does not use them. */
typedef void Update(mb_real *restrict w, const mb_real *restrict g, mb_real *restrict m, mb_real *restrict v,
                    const Step *s, mb_size count);

static mb_real *from(mb_real *moment, mb_size at) {
  return moment ? moment + at : NULL;
}

static void update_part(Update *update, const Step *s, const mb_parameter *p, const mb_real *gradient,
                        mb_size at, mb_size count) {
  update(p->value + at, gradient, from(p->m, at), from(p->v, at), s, count);
}

/* Each thread walks all blocks and updates those that start in its share of the elements, so that
 * a mix of large and tiny parameters is shared fairly. */
static void for_each_block(Update *update, const Step *step, const mb_parameter *parameters,
                           mb_size parameter_count) {
  mb_size total = 0;
  for (mb_size i = 0; i < parameter_count; i++) total += parameters[i].gradient ? parameters[i].count : 0;
#pragma omp parallel num_threads(mb_threads_for(total))
  {
    MB_FLUSH_DENORMALS;
    const mb_size thread = omp_get_thread_num(), threads = omp_get_num_threads();
    mb_size start = 0;
    for (mb_size i = 0; i < parameter_count; i++) {
      const mb_parameter *p = &parameters[i];
      for (mb_size at = 0, count; p->gradient && at < p->count; at += count, start += count) {
        count = mb_min(MB_BLOCK, p->count - at);
        if (start * threads / total == thread) update_part(update, step, p, p->gradient + at, at, count);
      }
    }
  }
}

/* Cache lines of a tile's row in each array, one more than its reals fill: rows may begin within a line. */
#define ROW_LINES (MB_PANEL / MB_LINE + 1)

/* The elements of the tile at row i and column j: a run of lines of each array, down its columns. */
static mb_prefetch elements_of_tile(const mb_parameter *p, mb_size i, mb_size j) {
  const mb_size columns = p->factors.columns, at = i * columns + j;
  if (i + MB_TILE_ROWS > p->factors.rows) return (mb_prefetch){0};
  return (mb_prefetch){.x = {p->value + at, from(p->m, at), from(p->v, at)},
                       .lines = MB_TILE_ROWS * ROW_LINES,
                       .burst = MB_TILE_ROWS,
                       .near = columns,
                       .far = MB_LINE};
}

/* Inline, because gcc drops calls of functions that do nothing else. */
MB_INLINE void prefetch_all(const mb_prefetch *prefetch) {
  for (mb_size row = 0; row < prefetch->burst; row++)
    for (mb_size line = 0; line < ROW_LINES - 1; line++)
      for (int r = 0; r < MB_PREFETCH_RUNS && prefetch->x[r]; r++)
        __builtin_prefetch(prefetch->x[r] + row * prefetch->near + line * prefetch->far, 0, 1);
}

/* A product of this depth can prefetch one line per step. All lines at once would delay it. */
#define LONG 48

/* The gradient is the product of factors, computed for the rows of a tile, which stay in the cache. */
static void for_each_band(Update *update, const Step *step, const mb_parameter *p) {
  const mb_factors *f = &p->factors;
  const bool is_long = f->depth >= LONG;
  MB_FACTORS_FOR(f, i, first, {
    mb_real gradient[MB_TILE_ROWS * MB_BAND] __attribute__((aligned(64)));
    const mb_size columns = mb_min(MB_BAND, f->columns - first), end = mb_min(i + MB_TILE_ROWS, f->rows);
    for (mb_size j = 0; j < columns; j += MB_PANEL) {
      const mb_prefetch prefetch = elements_of_tile(p, end, first + j);
      if (!is_long) prefetch_all(&prefetch);
      mb_factors_tile(gradient + j, MB_BAND, f, i, first + j, is_long ? &prefetch : NULL);
    }
    for (mb_size row = i; row < end; row++)
      update_part(update, step, p, gradient + (row - i) * MB_BAND, row * f->columns + first, columns);
  });
}

static void for_each_parameter(Update *update, const Step *step, const mb_parameter *parameters,
                               mb_size parameter_count) {
  for_each_block(update, step, parameters, parameter_count);
  for (mb_size i = 0; i < parameter_count; i++)
    if (parameters[i].gradient == NULL) for_each_band(update, step, &parameters[i]);
}

MB_CLONES static void update_sgd(mb_real *restrict w, const mb_real *restrict g, mb_real *restrict m,
                                 mb_real *restrict v, const Step *s, mb_size count) {
  (void)m, (void)v;
  const mb_real lr = s->lr, decay = s->decay;
  for (mb_size i = 0; i < count; i++) w[i] -= lr * (g[i] + decay * w[i]);
}

MB_CLONES static void update_momentum(mb_real *restrict w, const mb_real *restrict g, mb_real *restrict m,
                                      mb_real *restrict v, const Step *s, mb_size count) {
  (void)v;
  const mb_real lr = s->lr, decay = s->decay, momentum = s->momentum;
  const mb_real on_gradient = s->nesterov ? 1 : 0, on_velocity = s->nesterov ? momentum : 1;
  for (mb_size i = 0; i < count; i++) {
    const mb_real d = g[i] + decay * w[i];
    m[i] = momentum * m[i] + d;
    w[i] -= lr * (on_gradient * d + on_velocity * m[i]);
  }
}

void mb_sgd_step(mb_parameter *parameters, mb_size parameter_count, double lr, double momentum, bool nesterov,
                 double weight_decay) {
  const Step step = {
      .lr = (mb_real)lr, .decay = (mb_real)weight_decay, .momentum = (mb_real)momentum, .nesterov = nesterov};
  for_each_parameter(momentum != 0 ? update_momentum : update_sgd, &step, parameters, parameter_count);
}

MB_CLONES static void update_adam(mb_real *restrict w, const mb_real *restrict g, mb_real *restrict m,
                                  mb_real *restrict v, const Step *s, mb_size count) {
  const mb_real lr = s->lr, decay = s->decay, shrink = s->shrink, epsilon = s->epsilon;
  const mb_real beta1 = s->beta1, rest1 = s->rest1, beta2 = s->beta2, rest2 = s->rest2;
  const mb_real inv_sqrt_correction2 = s->inv_sqrt_correction2;
  for (mb_size i = 0; i < count; i++) {
    const mb_real kept = w[i] * shrink, d = g[i] + decay * w[i];
    m[i] = beta1 * m[i] + rest1 * d;
    v[i] = beta2 * v[i] + rest2 * d * d;
    w[i] = kept - lr * m[i] / (sqrt(v[i]) * inv_sqrt_correction2 + epsilon);
  }
}

void mb_adam_step(mb_parameter *parameters, mb_size parameter_count, double lr, double beta1, double beta2,
                  double epsilon, double weight_decay, bool decoupled, int64_t step) {
  const double correction1 = 1 - pow(beta1, (double)step), correction2 = 1 - pow(beta2, (double)step);
  const Step s = {.lr = (mb_real)(lr / correction1),
                  .decay = (mb_real)(decoupled ? 0 : weight_decay),
                  .shrink = (mb_real)(decoupled ? 1 - lr * weight_decay : 1),
                  .beta1 = (mb_real)beta1,
                  .rest1 = (mb_real)(1 - beta1),
                  .beta2 = (mb_real)beta2,
                  .rest2 = (mb_real)(1 - beta2),
                  .inv_sqrt_correction2 = (mb_real)(1 / sqrt(correction2)),
                  .epsilon = (mb_real)epsilon};
  for_each_parameter(update_adam, &s, parameters, parameter_count);
}

MB_CLONES static void update_rmsprop(mb_real *restrict w, const mb_real *restrict g, mb_real *restrict m,
                                     mb_real *restrict v, const Step *s, mb_size count) {
  const mb_real lr = s->lr, decay = s->decay, momentum = s->momentum, epsilon = s->epsilon;
  const mb_real beta2 = s->beta2, rest2 = s->rest2;
  for (mb_size i = 0; i < count; i++) {
    const mb_real d = g[i] + decay * w[i];
    v[i] = beta2 * v[i] + rest2 * d * d;
    m[i] = momentum * m[i] + d / (sqrt(v[i]) + epsilon);
    w[i] -= lr * m[i];
  }
}

void mb_rmsprop_step(mb_parameter *parameters, mb_size parameter_count, double lr, double rho,
                     double momentum, double epsilon, double weight_decay) {
  const Step s = {.lr = (mb_real)lr,
                  .decay = (mb_real)weight_decay,
                  .momentum = (mb_real)momentum,
                  .beta2 = (mb_real)rho,
                  .rest2 = (mb_real)(1 - rho),
                  .epsilon = (mb_real)epsilon};
  for_each_parameter(update_rmsprop, &s, parameters, parameter_count);
}

MB_CLONES static void update_lion(mb_real *restrict w, const mb_real *restrict g, mb_real *restrict m,
                                  mb_real *restrict v, const Step *s, mb_size count) {
  (void)v;
  const mb_real lr = s->lr, shrink = s->shrink;
  const mb_real beta1 = s->beta1, rest1 = s->rest1, beta2 = s->beta2, rest2 = s->rest2;
  for (mb_size i = 0; i < count; i++) {
    const mb_real d = beta1 * m[i] + rest1 * g[i];
    w[i] = w[i] * shrink - lr * (mb_real)((d > 0) - (d < 0));
    m[i] = beta2 * m[i] + rest2 * g[i];
  }
}

void mb_lion_step(mb_parameter *parameters, mb_size parameter_count, double lr, double beta1, double beta2,
                  double weight_decay) {
  const Step s = {.lr = (mb_real)lr,
                  .shrink = (mb_real)(1 - lr * weight_decay),
                  .beta1 = (mb_real)beta1,
                  .rest1 = (mb_real)(1 - beta1),
                  .beta2 = (mb_real)beta2,
                  .rest2 = (mb_real)(1 - beta2)};
  for_each_parameter(update_lion, &s, parameters, parameter_count);
}

MB_CLONES static void update_average(mb_real *restrict w, const mb_real *restrict g, mb_real *restrict m,
                                     mb_real *restrict v, const Step *s, mb_size count) {
  (void)m, (void)v;
  const mb_real share = s->lr;
  for (mb_size i = 0; i < count; i++) w[i] += share * (g[i] - w[i]);
}

void mb_average_step(mb_parameter *averages, mb_size count, double share) {
  const Step s = {.lr = (mb_real)share};
  for_each_parameter(update_average, &s, averages, count);
}
