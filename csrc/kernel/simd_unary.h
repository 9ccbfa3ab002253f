/* simd_unary.h - functions of each element, and their derivatives. Part of simd.h. */
#include "exp.h"

#include <tgmath.h>

#define SLOPES      256 /* elements done at a time */
#define SELU_SCALE  ((mb_real)1.0507009873554804934)
#define SELU_ALPHA  ((mb_real)1.6732632423543772848)
#define NORMAL_PEAK ((mb_real)0.39894228040143267794) /* 1 / sqrt(2 pi) */
#define GELU_END    ((mb_real)-40)                    /* below, gelu is 0 */

MB_INLINE mb_real gelu(mb_real x) {
  return (x < GELU_END ? GELU_END : x) * mb_normal_cdf(x);
}

MB_INLINE mb_real gelu_derivative(mb_real x) {
  const mb_real e = mb_exp_negative(-x * x / 2), density = x * NORMAL_PEAK * e;
  return mb_normal_cdf(x) + (e == 0 ? 0 : density);
}

/* Each branch keeps NaN. */
MB_INLINE mb_real unary(mb_unary_op op, mb_real p, mb_real x) {
  switch (op) {
  case MB_NEG: return -x;
  case MB_EXP: return mb_exp(x);
  case MB_LOG: return log(x);
  case MB_SQRT: return sqrt(x);
  case MB_ABS: return fabs(x);
  case MB_TANH: return mb_tanh(x);
  case MB_SIGMOID: return mb_sigmoid(x);
  case MB_SIN: return sin(x);
  case MB_COS: return cos(x);
  case MB_RELU: return x < 0 ? 0 : x;
  case MB_LEAKY_RELU: return x < 0 ? mb_below(p, x) : x;
  case MB_ELU: return x < 0 ? p * mb_expm1_negative(x) : x;
  case MB_GELU: return gelu(x);
  case MB_SELU: return SELU_SCALE * (x < 0 ? SELU_ALPHA * mb_expm1_negative(x) : x);
  case MB_SOFTPLUS: return (x < 0 ? 0 : x) + mb_log1p_unit(mb_exp_negative(x < 0 ? x : -x));
  case MB_UNARY_COUNT: break;
  }
  return 0;
}

/* f'(x) of x or y = f(x), whichever the backward pass of op reads. */
MB_INLINE mb_real derivative(mb_unary_op op, mb_real p, mb_real kept) {
  const mb_real x = kept, y = kept;
  switch (op) {
  case MB_NEG: return -1;
  case MB_EXP: return y;
  case MB_LOG: return 1 / x;
  case MB_SQRT: return (mb_real)0.5 / y;
  case MB_ABS: return x > 0 ? 1 : x < 0 ? -1 : x; /* x is 0 or NaN */
  case MB_TANH: return 1 - y * y;
  case MB_SIGMOID: return y * (1 - y);
  case MB_SIN: return cos(x);
  case MB_COS: return -sin(x);
  case MB_RELU: return y > 0 ? 1 : y; /* y is 0 or NaN */
  case MB_LEAKY_RELU: return y > 0 ? 1 : p;
  case MB_ELU: return x > 0 ? 1 : p * mb_exp_negative(x);
  case MB_GELU: return gelu_derivative(x);
  case MB_SELU: return y > 0 ? SELU_SCALE : y + SELU_SCALE * SELU_ALPHA;
  case MB_SOFTPLUS: return mb_sigmoid(x);
  case MB_UNARY_COUNT: break;
  }
  return 0;
}

MB_INLINE void each(mb_real *y, mb_unary_op op, mb_real p, const mb_real *x, mb_size count) {
#pragma omp simd
  for (mb_size i = 0; i < count; i++) y[i] = unary(op, p, x[i]);
}

/* In one loop, the compiler would branch on what both choose, and not vectorise. */
MB_INLINE void each_backward(mb_real *dx, mb_unary_op op, mb_real p, const mb_real *dy, const mb_real *kept,
                             mb_size count) {
  mb_real slope[SLOPES];
  for (mb_size first = 0; first < count; first += SLOPES) {
    const mb_size end = mb_min(SLOPES, count - first);
#pragma omp simd
    for (mb_size i = 0; i < end; i++) slope[i] = derivative(op, p, kept[first + i]);
#pragma omp simd
    for (mb_size i = 0; i < end; i++) dx[first + i] = mb_chain(dy[first + i], slope[i]);
  }
}

/* call with op as a constant, so that the choice is made once and not for each element. */
#define FOR_UNARY_OP(op, call)                                                                               \
  switch (op) {                                                                                              \
  case MB_NEG: call(MB_NEG); break;                                                                          \
  case MB_EXP: call(MB_EXP); break;                                                                          \
  case MB_LOG: call(MB_LOG); break;                                                                          \
  case MB_SQRT: call(MB_SQRT); break;                                                                        \
  case MB_ABS: call(MB_ABS); break;                                                                          \
  case MB_TANH: call(MB_TANH); break;                                                                        \
  case MB_SIGMOID: call(MB_SIGMOID); break;                                                                  \
  case MB_SIN: call(MB_SIN); break;                                                                          \
  case MB_COS: call(MB_COS); break;                                                                          \
  case MB_RELU: call(MB_RELU); break;                                                                        \
  case MB_LEAKY_RELU: call(MB_LEAKY_RELU); break;                                                            \
  case MB_ELU: call(MB_ELU); break;                                                                          \
  case MB_GELU: call(MB_GELU); break;                                                                        \
  case MB_SELU: call(MB_SELU); break;                                                                        \
  case MB_SOFTPLUS: call(MB_SOFTPLUS); break;                                                                \
  case MB_UNARY_COUNT: break;                                                                                \
  }

static void unary_run(mb_real *y, mb_unary_op op, mb_real p, const mb_real *x, mb_size count) {
#define FORWARD(constant) each(y, constant, p, x, count)
  FOR_UNARY_OP(op, FORWARD)
}

static void unary_backward_run(mb_real *dx, mb_unary_op op, mb_real p, const mb_real *dy, const mb_real *kept,
                               mb_size count) {
#define BACKWARD(constant) each_backward(dx, constant, p, dy, kept, count)
  FOR_UNARY_OP(op, BACKWARD)
}
