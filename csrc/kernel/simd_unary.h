/* simd_unary.h - functions of each element, and their derivatives. Part of simd.h. */
#include "exp.h"
#include "gradient.h"

#include <tgmath.h>

#define SLOPES      256 /* elements done at a time */
#define SELU_SCALE  ((mb_real)1.0507009873554804934)
#define SELU_ALPHA  ((mb_real)1.6732632423543772848)
#define SQRT_SHIFT  ((mb_real)1e-3)                   /* of signed_sqrt: its slope at 0 is finite */
#define NORMAL_PEAK ((mb_real)0.39894228040143267794) /* 1 / sqrt(2 pi) */
#define GELU_END    ((mb_real)-40)                    /* below, gelu is 0 */

MB_INLINE mb_real gelu(mb_real x) {
  return (x < GELU_END ? GELU_END : x) * mb_normal_cdf(x);
}

MB_INLINE mb_real gelu_derivative(mb_real x) {
  const mb_real e = mb_exp_negative(-x * x / 2), density = x * NORMAL_PEAK * e;
  return mb_normal_cdf(x) + (e == 0 ? 0 : density);
}

/* sign(x) (sqrt(|x| + s) - sqrt(s)), for small x in a form without cancellation, which is NaN at infinity. */
MB_INLINE mb_real signed_sqrt(mb_real x) {
  const mb_real root = sqrt(fabs(x) + SQRT_SHIFT), first = sqrt(SQRT_SHIFT);
  return fabs(x) < 1 ? x / (root + first) : copysign(root - first, x);
}

/* The rows of moonbow.h, by op. */
MB_INLINE mb_real unary(mb_unary_op op, mb_real p, mb_real x) {
#define VALUE(NAME, name, reads, f, derivative)                                                              \
  case MB_##NAME: return f;
  switch (op) {
    MB_UNARY_OPS(VALUE)
  case MB_UNARY_COUNT: break;
  }
  return 0;
}

/* f'(x) from x or y = f(x), whichever the row is written with: the other one has no name there. */
MB_INLINE mb_real derivative_of(mb_unary_op op, mb_real p, mb_real kept) {
#define READ_NONE none
#define READ_X    x
#define READ_Y    y
#define DERIVATIVE(NAME, name, reads, f, derivative)                                                         \
  case MB_##NAME: {                                                                                          \
    const mb_real READ_##reads = kept;                                                                       \
    (void)READ_##reads;                                                                                      \
    return derivative;                                                                                       \
  }
  switch (op) {
    MB_UNARY_OPS(DERIVATIVE)
  case MB_UNARY_COUNT: break;
  }
  return 0;
}

MB_INLINE void each(mb_real *y, mb_unary_op op, mb_real p, const mb_real *x, mb_size count) {
#pragma omp simd
  for (mb_size i = 0; i < count; i++) y[i] = unary(op, p, x[i]);
}

/* As mb_chain with the slope 1 or 0, but only chosen: y is 0 or NaN if it is not above 0. */
MB_INLINE void relu_backward(mb_real *dx, const mb_real *dy, const mb_real *y, mb_size count) {
#pragma omp simd
  for (mb_size i = 0; i < count; i++) dx[i] = y[i] > 0 ? dy[i] : dy[i] == 0 ? 0 : y[i];
}

/* In one loop, the compiler would branch on what both choose, and not vectorise. */
MB_INLINE void each_backward(mb_real *dx, mb_unary_op op, mb_real p, const mb_real *dy, const mb_real *kept,
                             mb_size count) {
  if (op == MB_RELU) {
    relu_backward(dx, dy, kept, count);
    return;
  }
  mb_real slope[SLOPES];
  for (mb_size first = 0; first < count; first += SLOPES) {
    const mb_size end = mb_min(SLOPES, count - first);
#pragma omp simd
    for (mb_size i = 0; i < end; i++) slope[i] = derivative_of(op, p, kept[first + i]);
#pragma omp simd
    for (mb_size i = 0; i < end; i++) dx[first + i] = mb_chain(dy[first + i], slope[i]);
  }
}

/* With op as a constant, so that the choice is made once and not for each element. */
static void unary_run(mb_real *y, mb_unary_op op, mb_real p, const mb_real *x, mb_size count) {
#define EACH(NAME, ...)                                                                                      \
  case MB_##NAME: each(y, MB_##NAME, p, x, count); break;
  switch (op) {
    MB_UNARY_OPS(EACH)
  case MB_UNARY_COUNT: break;
  }
}

static void unary_backward_run(mb_real *dx, mb_unary_op op, mb_real p, const mb_real *dy, const mb_real *kept,
                               mb_size count) {
#define EACH_BACKWARD(NAME, ...)                                                                             \
  case MB_##NAME: each_backward(dx, MB_##NAME, p, dy, kept, count); break;
  switch (op) {
    MB_UNARY_OPS(EACH_BACKWARD)
  case MB_UNARY_COUNT: break;
  }
}
