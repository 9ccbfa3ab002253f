/* solved.h - what the bindings of solved models share (pca.c, pls.c, ridge.c, logistic.c). */
#ifndef SOLVED_H
#define SOLVED_H

#include "bind.h"

/* Pushes a tensor of doubles. */
static inline Tensor *push_doubles(const Args *a, const double *values, int rank, const mb_size *shape) {
  Tensor *x = push_tensor(a, rank, shape);
  for (mb_size i = 0; i < x->count; i++) x->data[i] = (mb_real)values[i];
  return x;
}

/* Scratch of `count` doubles, which the collector frees. */
static inline double *push_double_scratch(const Args *a, mb_size count) {
  return push_scratch(a, (size_t)count * sizeof(double));
}

/* Rows of finite numbers. */
static inline const Tensor *next_rows(Args *a, const char *name) {
  const Tensor *x = next_tensor_rank(a, name, 2);
  args_check_finite(a, name, x);
  return x;
}

#endif
