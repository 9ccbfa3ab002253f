/* als_baseline.c - asymmetric least squares (Eilers and Boelens 2005). */
#include "internal.h"

#include <math.h>

#define MAX_LAMBDA 1e300 /* whose sums stay finite */

/* The smoother: the least squares of w (z - y) and of lambda times the second differences of z. Equations are
 * added one by one to a triangle of three diagonals (Gentleman 1973: rotations without roots), whose rows are
 * z[t] + near[t] z[t + 1] + far[t] z[t + 2] = right[t] with weight[t]. Other than the normal equations, whose
 * matrix of lambda 1e16 has lost the weights of the data, this is right for any lambda. */
typedef struct {
  double *weight, *near, *far, *right;
} Triangle;

static void add_equation(const Triangle *r, mb_size t, double weight, double a, double b, double c,
                         double y) {
  for (; weight > 0 && (a != 0 || b != 0 || c != 0); t++) {
    const double sum = r->weight[t] + weight * a * a;
    if (a != 0) {
      const double kept = r->weight[t] / sum, taken = weight * a / sum, near = r->near[t], far = r->far[t];
      const double right = r->right[t];
      r->near[t] = kept * near + taken * b, r->far[t] = kept * far + taken * c;
      r->right[t] = kept * right + taken * y;
      r->weight[t] = sum;
      b -= a * near, c -= a * far, y -= a * right;
      weight *= kept;
    }
    a = b, b = c, c = 0;
  }
}

static void smooth(double *z, const Triangle *r, const double *weight, const mb_real *y, mb_size stride,
                   double lambda, mb_size L) {
  for (mb_size t = 0; t < L; t++) r->weight[t] = r->near[t] = r->far[t] = r->right[t] = 0;
  for (mb_size t = 0; t < L; t++) {
    add_equation(r, t, weight[t], 1, 0, 0, (double)y[t * stride]);
    if (t + 2 < L) add_equation(r, t, lambda, 1, -2, 1, 0);
  }
  for (mb_size t = L - 1; t >= 0; t--) {
    z[t] = r->right[t];
    z[t] -= t + 1 < L ? r->near[t] * z[t + 1] : 0;
    z[t] -= t + 2 < L ? r->far[t] * z[t + 2] : 0;
  }
}

static void fit_baseline(mb_real *z, const mb_real *y, double *scratch, double lambda, double p,
                         int iterations, mb_size L, mb_size stride) {
  double *fitted = scratch, *weight = scratch + L;
  const Triangle triangle = {scratch + 2 * L, scratch + 3 * L, scratch + 4 * L, scratch + 5 * L};
  for (mb_size t = 0; t < L; t++) weight[t] = 1;
  for (int i = 0; i < iterations; i++) {
    bool changed = false;
    smooth(fitted, &triangle, weight, y, stride, lambda, L);
    for (mb_size t = 0; t < L; t++) {
      const double next = (double)y[t * stride] > fitted[t] ? p : 1 - p;
      changed |= next != weight[t];
      weight[t] = next;
    }
    if (!changed) break;
  }
  for (mb_size t = 0; t < L; t++) z[t * stride] = (mb_real)fitted[t];
}

size_t mb_als_baseline_scratch_bytes(mb_size L, int threads) {
  return (size_t)(6 * L * threads) * sizeof(double);
}

mb_status mb_als_baseline(mb_real *z, const mb_real *y, void *scratch, double lambda, double p,
                          int iterations, mb_size N, mb_size L, mb_size C, int threads) {
  if (L < 3) return mb_refuse(MB_BAD_SHAPE, "expected spectra of at least 3 points, got %td", L);
  if (!(lambda > 0 && lambda <= MAX_LAMBDA))
    return mb_refuse(MB_BAD_VALUE, "lambda: expected a positive number up to %g, got %g", MAX_LAMBDA, lambda);
  if (!(p > 0 && p < 1)) return mb_refuse(MB_BAD_VALUE, "p: expected a number between 0 and 1, got %g", p);
  if (iterations < 1) return mb_refuse(MB_BAD_VALUE, "iterations: expected at least 1, got %d", iterations);
  const mb_size rows = N * C, parts = rows * L < MB_PARALLEL_MIN ? 1 : mb_min(threads, rows);
  MB_FOR((int)parts, part, parts, 1, {
    for (mb_size i = part; i < rows; i += parts) {
      const mb_size at = i / C * L * C + i % C;
      fit_baseline(z + at, y + at, (double *)scratch + part * 6 * L, lambda, p, iterations, L, C);
    }
  });
  return MB_OK;
}
