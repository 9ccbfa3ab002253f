/* simd_softmax.h - softmax of a row, and its logarithm. Part of simd.h. */
#include "exp.h"

/* With NaN or infinity, or with -infinity alone, x - max is NaN and so is the row. */
MB_INLINE mb_real row_max(const mb_real *x, mb_size D) {
  mb_real max = x[0];
#pragma omp simd reduction(max : max)
  for (mb_size i = 0; i < D; i++) max = x[i] > max ? x[i] : max;
  return max;
}

/* log sum exp(x - max) */
MB_INLINE double row_log_sum(const mb_real *x, mb_real max, mb_size D) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (mb_size i = 0; i < D; i++) sum += (double)mb_exp_negative(x[i] - max);
  // cppcheck-suppress invalidFunctionArg; the largest adds 1
  return log(sum);
}

/* y = scale softmax(x), 0 where the scale is */
static void softmax_row(mb_real *restrict y, const mb_real *restrict x, mb_real scale, mb_size D) {
  if (scale == 0) {
    memset(y, 0, sizeof *y * (size_t)D);
    return;
  }
  const mb_real max = row_max(x, D);
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (mb_size i = 0; i < D; i++) {
    y[i] = mb_exp_negative(x[i] - max);
    sum += (double)y[i];
  }
  const mb_real factor = (mb_real)((double)scale / sum);
  for (mb_size i = 0; i < D; i++) y[i] *= factor;
}

static mb_real exp_row(mb_real *x, mb_size D) {
  const mb_real max = row_max(x, D);
  mb_real sum = 0;
#pragma omp simd reduction(+ : sum)
  for (mb_size i = 0; i < D; i++) {
    x[i] = mb_exp_negative(x[i] - max);
    sum += x[i];
  }
  return sum;
}

static void log_softmax_row(mb_real *restrict y, const mb_real *restrict x, mb_size D) {
  const mb_real max = row_max(x, D), log_sum = (mb_real)row_log_sum(x, max, D);
  for (mb_size i = 0; i < D; i++) y[i] = x[i] - max - log_sum;
}

/* dx = dy - softmax(x) sum(dy) */
static void log_softmax_backward_row(mb_real *restrict dx, const mb_real *restrict dy,
                                     const mb_real *restrict y, mb_size D) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (mb_size i = 0; i < D; i++) sum += (double)dy[i];
  for (mb_size i = 0; i < D; i++) dx[i] = dy[i] - mb_exp_negative(y[i]) * (mb_real)sum;
}

static double log_probability(const mb_real *x, mb_size label, mb_size D) {
  const mb_real max = row_max(x, D);
  return (double)(x[label] - max) - row_log_sum(x, max, D);
}
