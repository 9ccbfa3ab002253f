/* als_baseline.c - baselines by weighted least squares whose weights follow from the residuals: asymmetric
 * (Eilers and Boelens 2005), asymmetrically reweighted (arPLS, Baek et al. 2015), adaptive (airPLS, Zhang et
 * al. 2010). */
#include "internal.h"

#include <math.h>

#define MAX_LAMBDA    1e300 /* whose sums stay finite */
#define LARGEST_POWER 600.0 /* of e: the largest weight */

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

typedef struct {
  mb_weighting weighting;
  double p, tolerance;
  int iterations;
} Fit;

static double residual(const mb_real *y, const double *fitted, mb_size stride, mb_size t) {
  return (double)y[t * stride] - fitted[t];
}

/* Each function sets the weights by the residuals, and returns true if they have settled. */

static bool weigh_als(double *weight, const double *fitted, const mb_real *y, double p, mb_size L,
                      mb_size stride) {
  bool changed = false;
  for (mb_size t = 0; t < L; t++) {
    const double next = residual(y, fitted, stride, t) > 0 ? p : 1 - p;
    changed |= next != weight[t];
    weight[t] = next;
  }
  return !changed;
}

/* A logistic function of the residual, by the mean and sd of the negative ones. */
static bool weigh_arpls(double *weight, const double *fitted, const mb_real *y, double tolerance, mb_size L,
                        mb_size stride) {
  double sum = 0, squares = 0, change = 0, size = 0;
  mb_size below = 0;
  for (mb_size t = 0; t < L; t++) {
    const double d = residual(y, fitted, stride, t);
    if (d < 0) sum += d, squares += d * d, below++;
  }
  if (below < 2) return true;
  const double mean = sum / (double)below, sd = sqrt(fmax(squares - sum * mean, 0) / (double)(below - 1));
  if (!(sd > 0)) return true;
  for (mb_size t = 0; t < L; t++) {
    const double next = 1 / (1 + exp(2 / sd * (residual(y, fitted, stride, t) - (2 * sd - mean))));
    change += (next - weight[t]) * (next - weight[t]), size += weight[t] * weight[t];
    weight[t] = next;
  }
  return sqrt(change) < tolerance * sqrt(size);
}

/* 0 above the baseline; below it the weights grow with the residual and the iteration. */
static bool weigh_airpls(double *weight, const double *fitted, const mb_real *y, double tolerance,
                         int iteration, mb_size L, mb_size stride) {
  double below = 0, whole = 0;
  for (mb_size t = 0; t < L; t++) {
    const double d = residual(y, fitted, stride, t);
    below -= fmin(d, 0), whole += fabs((double)y[t * stride]);
  }
  if (!(below > tolerance * whole)) return true;
  for (mb_size t = 0; t < L; t++) {
    const double d = residual(y, fitted, stride, t);
    weight[t] = d < 0 ? exp(fmin(-iteration * d / below, LARGEST_POWER)) : 0;
  }
  return false;
}

static bool weigh(double *weight, const double *fitted, const mb_real *y, const Fit *fit, int iteration,
                  mb_size L, mb_size stride) {
  switch (fit->weighting) {
  case MB_ARPLS: return weigh_arpls(weight, fitted, y, fit->tolerance, L, stride);
  case MB_AIRPLS: return weigh_airpls(weight, fitted, y, fit->tolerance, iteration, L, stride);
  default: return weigh_als(weight, fitted, y, fit->p, L, stride);
  }
}

static void fit_baseline(mb_real *z, const mb_real *y, double *scratch, double lambda, const Fit *fit,
                         mb_size L, mb_size stride) {
  double *fitted = scratch, *weight = scratch + L;
  const Triangle triangle = {scratch + 2 * L, scratch + 3 * L, scratch + 4 * L, scratch + 5 * L};
  for (mb_size t = 0; t < L; t++) weight[t] = 1;
  for (int i = 1; i <= fit->iterations; i++) {
    smooth(fitted, &triangle, weight, y, stride, lambda, L);
    if (weigh(weight, fitted, y, fit, i, L, stride)) break;
  }
  for (mb_size t = 0; t < L; t++) z[t * stride] = (mb_real)fitted[t];
}

size_t mb_als_baseline_scratch_bytes(mb_size L, int threads) {
  return (size_t)(6 * L * threads) * sizeof(double);
}

mb_status mb_als_baseline(mb_real *z, const mb_real *y, void *scratch, mb_weighting weighting, double lambda,
                          double p, double tolerance, int iterations, mb_size N, mb_size L, mb_size C,
                          int threads) {
  if (L < 3) return mb_refuse(MB_BAD_SHAPE, "expected spectra of at least 3 points, got %td", L);
  if (!(lambda > 0 && lambda <= MAX_LAMBDA))
    return mb_refuse(MB_BAD_VALUE, "lambda: expected a positive number up to %g, got %g", MAX_LAMBDA, lambda);
  if (weighting == MB_ALS && !(p > 0 && p < 1))
    return mb_refuse(MB_BAD_VALUE, "p: expected a number between 0 and 1, got %g", p);
  if (weighting != MB_ALS && !(tolerance >= 0))
    return mb_refuse(MB_BAD_VALUE, "tol: expected a number of at least 0, got %g", tolerance);
  if (iterations < 1) return mb_refuse(MB_BAD_VALUE, "iterations: expected at least 1, got %d", iterations);
  const Fit fit = {weighting, p, tolerance, iterations};
  const mb_size rows = N * C, parts = rows * L < MB_PARALLEL_MIN ? 1 : mb_min(threads, rows);
  MB_FOR((int)parts, part, parts, 1, {
    for (mb_size i = part; i < rows; i += parts) {
      const mb_size at = i / C * L * C + i % C;
      fit_baseline(z + at, y + at, (double *)scratch + part * 6 * L, lambda, &fit, L, C);
    }
  });
  return MB_OK;
}
