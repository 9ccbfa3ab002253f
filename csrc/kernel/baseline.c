/* baseline.c - asymmetric least squares (Eilers and Boelens 2005). */
#include "internal.h"

#include <math.h>

/* The weighted smoother: (W + lambda D'D) z = W y, D second differences. The matrix has five diagonals; its
 * factors L D L' have one on the diagonal of L and two below, held in low and lower. */
static void smooth(double *z, double *diagonal, double *low, double *lower, const double *weight,
                   const mb_real *y, mb_size stride, double lambda, mb_size L) {
  for (mb_size t = 0; t < L; t++) {
    const mb_size behind = mb_min(t, L - 1 - t); /* rows of D'D: 1 -2 1, -2 5 -4 1, 1 -4 6 -4 1, ... */
    double d = weight[t] + lambda * (behind == 0 ? 1 : behind == 1 ? 5 : 6);
    double next = lambda * (t + 1 < L ? (mb_min(t, L - 2 - t) == 0 ? -2 : -4) : 0);
    if (L == 3) d = weight[t] + lambda * (t == 1 ? 4 : 1);
    d -= t > 0 ? low[t - 1] * low[t - 1] * diagonal[t - 1] : 0;
    d -= t > 1 ? lower[t - 2] * lower[t - 2] * diagonal[t - 2] : 0;
    next -= t > 0 ? lower[t - 1] * low[t - 1] * diagonal[t - 1] : 0;
    diagonal[t] = d, low[t] = next / d, lower[t] = lambda / d;
    z[t] = weight[t] * (double)y[t * stride];
    z[t] -= t > 0 ? low[t - 1] * z[t - 1] : 0;
    z[t] -= t > 1 ? lower[t - 2] * z[t - 2] : 0;
  }
  for (mb_size t = L - 1; t >= 0; t--) {
    z[t] /= diagonal[t];
    z[t] -= t + 1 < L ? low[t] * z[t + 1] : 0;
    z[t] -= t + 2 < L ? lower[t] * z[t + 2] : 0;
  }
}

static void fit_baseline(mb_real *z, const mb_real *y, double *scratch, double lambda, double p,
                         int iterations, mb_size L, mb_size stride) {
  double *fitted = scratch, *weight = scratch + L;
  for (mb_size t = 0; t < L; t++) weight[t] = 1;
  for (int i = 0; i < iterations; i++) {
    bool changed = false;
    smooth(fitted, scratch + 2 * L, scratch + 3 * L, scratch + 4 * L, weight, y, stride, lambda, L);
    for (mb_size t = 0; t < L; t++) {
      const double next = (double)y[t * stride] > fitted[t] ? p : 1 - p;
      changed |= next != weight[t];
      weight[t] = next;
    }
    if (!changed) break;
  }
  for (mb_size t = 0; t < L; t++) z[t * stride] = (mb_real)fitted[t];
}

mb_size mb_als_baseline_scratch(mb_size L) {
  return 5 * L;
}

mb_status mb_als_baseline(mb_real *z, const mb_real *y, double *scratch, double lambda, double p,
                          int iterations, mb_size N, mb_size L, mb_size C) {
  if (L < 3) return mb_refuse(MB_BAD_SHAPE, "expected spectra of at least 3 points, got %td", L);
  if (!(lambda > 0) || !isfinite(lambda))
    return mb_refuse(MB_BAD_VALUE, "lambda: expected a positive number, got %g", lambda);
  if (!(p > 0 && p < 1)) return mb_refuse(MB_BAD_VALUE, "p: expected a number between 0 and 1, got %g", p);
  if (iterations < 1) return mb_refuse(MB_BAD_VALUE, "iterations: expected at least 1, got %d", iterations);
  const mb_size rows = N * C, threads = mb_min(mb_threads_for(rows * L), rows);
  MB_FOR((int)threads, part, threads, 1, {
    for (mb_size i = part; i < rows; i += threads) {
      const mb_size at = i / C * L * C + i % C;
      fit_baseline(z + at, y + at, scratch + part * mb_als_baseline_scratch(L), lambda, p, iterations, L, C);
    }
  });
  return MB_OK;
}
