/* loss.c - softmax, log-softmax, cross-entropy from logits, mean squared error. */
#include "simd_table.h"

#define MAX_BLOCKS 64 /* partial sums of a loss */

/* Rows per partial sum of a loss over rows of D elements. */
static mb_size block_rows(mb_size rows, mb_size D) {
  return mb_max(mb_ceil_div(rows, MAX_BLOCKS), mb_ceil_div(MB_BLOCK, D));
}

/* ---- softmax --------------------------------------------------------------------------- */

void mb_softmax(mb_real *y, const mb_real *x, mb_size rows, mb_size D) {
  MB_FOR(mb_threads_for(rows * D), r, rows, 1, mb_simd_here()->softmax(y + r * D, x + r * D, 1, D));
}

/* dx = y (dy - sum(dy y)); probabilities of 0 take no part */
MB_CLONES static void softmax_backward_row(mb_real *restrict dx, const mb_real *restrict dy,
                                           const mb_real *restrict y, mb_size D) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (mb_size i = 0; i < D; i++) sum += y[i] == 0 ? 0 : (double)dy[i] * (double)y[i];
  for (mb_size i = 0; i < D; i++) dx[i] = y[i] == 0 ? 0 : y[i] * (dy[i] - (mb_real)sum);
}

void mb_softmax_backward(mb_real *dx, const mb_real *dy, const mb_real *y, mb_size rows, mb_size D) {
  if (!dx) return;
  MB_FOR(mb_threads_for(rows * D), r, rows, 1, softmax_backward_row(dx + r * D, dy + r * D, y + r * D, D));
}

void mb_log_softmax(mb_real *y, const mb_real *x, mb_size rows, mb_size D) {
  MB_FOR(mb_threads_for(rows * D), r, rows, 1, mb_simd_here()->log_softmax(y + r * D, x + r * D, D));
}

void mb_log_softmax_backward(mb_real *dx, const mb_real *dy, const mb_real *y, mb_size rows, mb_size D) {
  if (!dx) return;
  MB_FOR(mb_threads_for(rows * D), r, rows, 1,
         mb_simd_here()->log_softmax_backward(dx + r * D, dy + r * D, y + r * D, D));
}

/* ---- cross-entropy --------------------------------------------------------------------- */

static double weight_of(const mb_real *weight, mb_size label) {
  return weight ? (double)weight[label] : 1;
}

static double sum_of_weights(const mb_size *label, const mb_real *weight, mb_size rows) {
  double sum = 0;
  for (mb_size r = 0; r < rows; r++) sum += weight_of(weight, label[r]);
  return sum;
}

mb_status mb_cross_entropy_forward(mb_real *loss, const mb_real *x, const mb_size *label,
                                   const mb_real *weight, mb_size rows, mb_size D) {
  for (mb_size r = 0; r < rows; r++)
    if (label[r] < 0 || label[r] >= D)
      return mb_refuse(MB_BAD_VALUE, "labels must be 0 to %td for %td classes, row %td has %td", D - 1, D,
                       r + 1, label[r]);
  double partial[MAX_BLOCKS], sum = 0;
  const mb_size step = block_rows(rows, D);
  MB_FOR(mb_threads_for(rows * D), first, rows, step, {
    double part = 0;
    for (mb_size r = first; r < mb_min(rows, first + step); r++)
      if (weight_of(weight, label[r]) != 0)
        part -= weight_of(weight, label[r]) * mb_simd_here()->log_probability(x + r * D, label[r], D);
    partial[first / step] = part;
  });
  for (mb_size first = 0; first < rows; first += step) sum += partial[first / step];
  const double all = sum_of_weights(label, weight, rows);
  *loss = (mb_real)(all == 0 ? 0 : sum / all);
  return MB_OK;
}

void mb_cross_entropy_backward(mb_real *dx, mb_real dloss, const mb_real *x, const mb_size *label,
                               const mb_real *weight, mb_size rows, mb_size D) {
  if (!dx) return;
  const double all = sum_of_weights(label, weight, rows), scale = all == 0 ? 0 : (double)dloss / all;
  MB_FOR(mb_threads_for(rows * D), r, rows, 1, {
    const mb_real share = (mb_real)(scale * weight_of(weight, label[r]));
    mb_simd_here()->softmax(dx + r * D, x + r * D, share, D);
    dx[r * D + label[r]] -= share;
  });
}

/* ---- mean squared error ---------------------------------------------------------------- */

MB_CLONES static double squared_distance(const mb_real *a, const mb_real *b, mb_size count) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (mb_size i = 0; i < count; i++) sum += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
  return sum;
}

double mb_mse_forward(const mb_real *prediction, const mb_real *target, mb_size count) {
  double partial[MAX_BLOCKS], sum = 0;
  const mb_size step = block_rows(count, 1);
  MB_FOR(mb_threads_for(count), at, count, step,
         partial[at / step] = squared_distance(prediction + at, target + at, mb_min(step, count - at)));
  for (mb_size at = 0; at < count; at += step) sum += partial[at / step];
  return sum / (double)count;
}

MB_CLONES static void scaled_difference(mb_real *restrict y, mb_real scale, const mb_real *restrict a,
                                        const mb_real *restrict b, mb_size count) {
  for (mb_size i = 0; i < count; i++) y[i] = scale * (a[i] - b[i]);
}

void mb_mse_backward(mb_real *dprediction, mb_real dloss, const mb_real *prediction, const mb_real *target,
                     mb_size count) {
  if (!dprediction) return;
  const mb_real scale = (mb_real)(2 * (double)dloss / (double)count);
  MB_FOR(
      mb_threads_for(count), at, count, MB_BLOCK,
      scaled_difference(dprediction + at, scale, prediction + at, target + at, mb_min(MB_BLOCK, count - at)));
}
