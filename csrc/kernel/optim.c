/* optim.c - optimiser steps: one parallel pass over all parameters. */
#include "internal.h"

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

/* Updates elements at to at + count - 1 of a parameter. */
typedef void Update(const mb_parameter *p, const Step *s, mb_size at, mb_size count);

/* Each thread walks all blocks and updates those that start in its share of the elements, so that
 * a mix of large and tiny parameters is shared fairly. */
static void for_each_block(Update *update, const Step *step, const mb_parameter *parameters,
                           mb_size parameter_count) {
  mb_size total = 0;
  for (mb_size i = 0; i < parameter_count; i++) total += parameters[i].count;
#pragma omp parallel num_threads(mb_threads_for(total))
  {
    const mb_size thread = omp_get_thread_num(), threads = omp_get_num_threads();
    mb_size start = 0;
    for (mb_size i = 0; i < parameter_count; i++)
      for (mb_size at = 0, count; at < parameters[i].count; at += count, start += count) {
        count = mb_min(MB_BLOCK, parameters[i].count - at);
        if (start * threads / total == thread) update(&parameters[i], step, at, count);
      }
  }
}

MB_CLONES static void update_sgd(const mb_parameter *p, const Step *s, mb_size at, mb_size count) {
  mb_real *restrict w = p->value + at;
  const mb_real *restrict g = p->gradient + at;
  const mb_real lr = s->lr, decay = s->decay;
  for (mb_size i = 0; i < count; i++) w[i] -= lr * (g[i] + decay * w[i]);
}

MB_CLONES static void update_momentum(const mb_parameter *p, const Step *s, mb_size at, mb_size count) {
  mb_real *restrict w = p->value + at, *restrict velocity = p->m + at;
  const mb_real *restrict g = p->gradient + at;
  const mb_real lr = s->lr, decay = s->decay, momentum = s->momentum;
  const mb_real on_gradient = s->nesterov ? 1 : 0, on_velocity = s->nesterov ? momentum : 1;
  for (mb_size i = 0; i < count; i++) {
    const mb_real d = g[i] + decay * w[i];
    velocity[i] = momentum * velocity[i] + d;
    w[i] -= lr * (on_gradient * d + on_velocity * velocity[i]);
  }
}

void mb_sgd_step(mb_parameter *parameters, mb_size parameter_count, double lr, double momentum, bool nesterov,
                 double weight_decay) {
  const Step step = {
      .lr = (mb_real)lr, .decay = (mb_real)weight_decay, .momentum = (mb_real)momentum, .nesterov = nesterov};
  for_each_block(momentum != 0 ? update_momentum : update_sgd, &step, parameters, parameter_count);
}

MB_CLONES static void update_adam(const mb_parameter *p, const Step *s, mb_size at, mb_size count) {
  mb_real *restrict w = p->value + at, *restrict m = p->m + at, *restrict v = p->v + at;
  const mb_real *restrict g = p->gradient + at;
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
  for_each_block(update_adam, &s, parameters, parameter_count);
}
