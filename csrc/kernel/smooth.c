/* smooth.c - Savitzky-Golay: a polynomial fitted in a window that moves along, or its derivative. */
#include "internal.h"

#define MAX_DERIVATIVE 8

/* Row j of weights (K, K) gives the derivative at window point j of the polynomial that fits best. Gram's
 * polynomials P[m], orthogonal on the points x, give sum over m of P[m](x[i]) P[m]'(x[j]) / |P[m]|^2; they
 * and their derivatives follow from P[m + 1] = x P[m] - b P[m - 1] (Gorry 1990), x from -1 to 1. */
static void fill_weights(double *weights, double *scratch, mb_size K, mb_size order, int derivative) {
  double *now = scratch, *before = scratch + K * (derivative + 1); /* (K, derivative + 1) each */
  const mb_size wide = derivative + 1;
  const double step = K > 1 ? 2.0 / (double)(K - 1) : 0;
  double last_norm = 1;
  for (mb_size i = 0; i < K * K; i++) weights[i] = 0;
  for (mb_size i = 0; i < K * wide; i++) now[i] = i % wide == 0 ? 1 : 0, before[i] = 0;
  for (mb_size m = 0;; m++) {
    double norm = 0;
    for (mb_size i = 0; i < K; i++) norm += now[i * wide] * now[i * wide];
    for (mb_size j = 0; j < K; j++)
      for (mb_size i = 0; i < K; i++) weights[j * K + i] += now[i * wide] * now[j * wide + derivative] / norm;
    if (m == order) return;
    const double b = m > 0 ? norm / last_norm : 0;
    for (mb_size i = 0; i < K; i++) {
      const double x = (double)i * step - (K > 1 ? 1 : 0);
      for (int d = derivative; d >= 0; d--) {
        const double from_below = d > 0 ? d * now[i * wide + d - 1] : 0;
        before[i * wide + d] = x * now[i * wide + d] + from_below - b * before[i * wide + d];
      }
    }
    double *kept = now;
    now = before, before = kept, last_norm = norm;
  }
}

mb_size mb_savitzky_golay_scratch(mb_size K, int derivative) {
  return K * K + 2 * K * (derivative + 1);
}

mb_status mb_savitzky_golay_weights(double *weights, mb_size K, mb_size order, int derivative, double delta) {
  if (K < 1 || K % 2 == 0)
    return mb_refuse(MB_BAD_VALUE, "window: expected an odd number of points, got %td", K);
  if (order < 0 || order >= K)
    return mb_refuse(MB_BAD_VALUE, "order: expected 0 to %td, less than the window, got %td", K - 1, order);
  if (derivative < 0 || derivative > MAX_DERIVATIVE)
    return mb_refuse(MB_BAD_VALUE, "derivative: expected 0 to %d, got %d", MAX_DERIVATIVE, derivative);
  if (!(delta > 0)) return mb_refuse(MB_BAD_VALUE, "delta: expected a positive number, got %g", delta);
  fill_weights(weights, weights + K * K, K, order, derivative);
  double scale = 1;
  for (int d = 0; d < derivative; d++) scale *= K > 1 ? 2 / ((double)(K - 1) * delta) : 0;
  for (mb_size i = 0; i < K * K; i++) weights[i] *= scale;
  return MB_OK;
}

mb_status mb_savitzky_golay(mb_real *y, const mb_real *x, const double *weights, mb_size N, mb_size L,
                            mb_size C, mb_size K) {
  if (L < K) return mb_refuse(MB_BAD_SHAPE, "window: %td points do not fit into spectra of %td points", K, L);
  MB_FOR(mb_threads_for(N * L * C * K), n, N, 1, {
    for (mb_size t = 0; t < L; t++) {
      const mb_size first = mb_min(mb_max(t - K / 2, 0), L - K);
      const double *row = weights + (t - first) * K;
      for (mb_size c = 0; c < C; c++) {
        const mb_real *from = x + (n * L + first) * C + c;
        double sum = 0;
        for (mb_size k = 0; k < K; k++) sum += row[k] * (double)from[k * C];
        y[(n * L + t) * C + c] = (mb_real)sum;
      }
    }
  });
  return MB_OK;
}
