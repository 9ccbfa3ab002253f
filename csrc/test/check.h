/* check.h - what the kernel tests share: cmocka in the right order, comparisons, central differences. */
#ifndef CHECK_H
#define CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* setjmp, stdarg, stddef and stdint must come before cmocka */
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "moonbow.h"

#ifdef MB_DOUBLE
#define CHECK_TOLERANCE 1e-12
#else
#define CHECK_TOLERANCE 2e-5
#endif

/* Fails unless |a - b| <= tolerance max(1, |b|), finite, for each element. */
static inline void check_close(const mb_real *a, const mb_real *b, mb_size count, double tolerance) {
  for (mb_size i = 0; i < count; i++) {
    const double error = fabs((double)a[i] - (double)b[i]);
    if (!(isfinite(error) && error <= tolerance * fmax(1.0, fabs((double)b[i]))))
      fail_msg("element %td: %.9g, expected %.9g", i, (double)a[i], (double)b[i]);
  }
}

/* Fails unless the elements are equal; NaN equals NaN, and 0 differs from -0. */
static inline void check_exact(const mb_real *a, const mb_real *b, mb_size count) {
  for (mb_size i = 0; i < count; i++)
    if (!(isnan(a[i]) && isnan(b[i])) && !(a[i] == b[i] && !signbit(a[i]) == !signbit(b[i])))
      fail_msg("element %td: %.9g, expected %.9g", i, (double)a[i], (double)b[i]);
}

/* Fails unless all bits are equal, as for any number of threads. */
static inline void check_same_bits(const mb_real *a, const mb_real *b, mb_size count) {
  assert_memory_equal(a, b, sizeof(mb_real) * (size_t)count);
}

/* count reals, uniform in [-1, 1], from a stream of their own. Free them. */
static inline mb_real *check_random(mb_size count, uint32_t seed) {
  mb_rng rng;
  mb_rng_seed(&rng, &seed, 1);
  mb_real *values = malloc(sizeof(mb_real) * (size_t)(count > 0 ? count : 1));
  for (mb_size i = 0; i < count; i++) values[i] = (mb_real)mb_rng_uniform(&rng, -1, 1);
  return values;
}

static inline mb_real *check_zeros(mb_size count) {
  return calloc((size_t)(count > 0 ? count : 1), sizeof(mb_real));
}

/* In the double build: fails unless dx agrees with the central differences of
 * sum(dy * f(x)), error relative to the largest difference at most 1e-6. forward computes
 * y (y_count) from the x it is given, by way of context. */
typedef void (*check_forward)(mb_real *y, const mb_real *x, void *context);
static inline void check_gradient(check_forward forward, void *context, mb_real *x, mb_size x_count,
                                  const mb_real *dy, mb_size y_count, const mb_real *dx) {
#ifdef MB_DOUBLE
  mb_real *y = check_zeros(y_count), *numeric = check_zeros(x_count);
  const double h = 1e-5;
  double largest = 1e-3;
  for (mb_size i = 0; i < x_count; i++) {
    const mb_real kept = x[i];
    double sum = 0;
    x[i] = kept + h;
    forward(y, x, context);
    for (mb_size j = 0; j < y_count; j++) sum += dy[j] * y[j];
    x[i] = kept - h;
    forward(y, x, context);
    for (mb_size j = 0; j < y_count; j++) sum -= dy[j] * y[j];
    x[i] = kept;
    numeric[i] = sum / (2 * h);
    largest = fmax(largest, fabs(numeric[i]));
  }
  for (mb_size i = 0; i < x_count; i++)
    if (!(fabs(dx[i] - numeric[i]) <= 1e-6 * largest))
      fail_msg("gradient %td: %.12g, central difference %.12g", i, dx[i], numeric[i]);
  free(y);
  free(numeric);
#else
  (void)forward, (void)context, (void)x, (void)x_count, (void)dy, (void)y_count, (void)dx;
#endif
}

#endif
