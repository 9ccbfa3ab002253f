/* als_baseline.c - baselines by weighted least squares whose weights follow from the residuals: asymmetric
 * (Eilers and Boelens 2005), asymmetrically reweighted (arPLS, Baek et al. 2015), adaptive (airPLS, Zhang et
 * al. 2010). */
#include "internal.h"

#include <math.h>
#include <string.h>

#define MAX_LAMBDA    1e300 /* whose sums stay finite */
#define LARGEST_POWER 600.0 /* of e: the largest weight */

#define LANES 8 /* spectra that are smoothed side by side, one in each lane of vectors */

/* The smoother: the least squares of w (z - y) and of lambda times the second differences of z. Equations are
 * added one by one to a triangle of three diagonals (Gentleman 1973: rotations without roots), whose rows are
 * z[t] + near z[t + 1] + far z[t + 2] = right with a weight. Other than the normal equations, whose matrix of
 * lambda 1e16 has lost the weights of the data, this is right for any lambda. */
typedef struct {
  double weight[LANES], near[LANES], far[LANES], right[LANES];
} Row;

/* a z[t] + b z[t + 1] + c z[t + 2] = y */
typedef struct {
  double weight[LANES], a[LANES], b[LANES], c[LANES], y[LANES];
} Equation;

/* Adds an equation to row t, which leaves one of z[t + 1], z[t + 2], z[t + 3]. */
MB_INLINE void rotate(Row *row, Equation *e) {
  for (int i = 0; i < LANES; i++) {
    const double a = e->a[i], b = e->b[i], c = e->c[i], y = e->y[i];
    const double near = row->near[i], far = row->far[i], right = row->right[i];
    const double sum = row->weight[i] + e->weight[i] * a * a, whole = sum > 0 ? sum : 1;
    const double kept = row->weight[i] / whole, taken = e->weight[i] * a / whole;
    row->near[i] = kept * near + taken * b;
    row->far[i] = kept * far + taken * c;
    row->right[i] = kept * right + taken * y;
    row->weight[i] = sum;
    e->a[i] = b - a * near, e->b[i] = c - a * far, e->c[i] = 0;
    e->y[i] = y - a * right;
    e->weight[i] *= kept;
  }
}

static void fill_equation(Equation *e, double a, double b, double c) {
  for (int i = 0; i < LANES; i++) e->a[i] = a, e->b[i] = b, e->c[i] = c, e->y[i] = 0;
}

/* fitted, weight: those of spectrum i from i L on. An equation of the data reaches the row behind its own,
 * which holds no more than one unknown then. */
MB_CLONES static void smooth(double *fitted, Row *rows, const double *weight, const mb_real *const y[LANES],
                             mb_size stride, double lambda, mb_size L) {
  Equation e;
  memset(rows, 0, (size_t)L * sizeof *rows);
  for (mb_size t = 0; t < L; t++) {
    fill_equation(&e, 1, 0, 0);
    for (int i = 0; i < LANES; i++) e.weight[i] = weight[i * L + t], e.y[i] = (double)y[i][t * stride];
    rotate(&rows[t], &e);
    if (t + 1 < L) rotate(&rows[t + 1], &e);
    if (t + 2 >= L) continue;
    fill_equation(&e, 1, -2, 1);
    for (int i = 0; i < LANES; i++) e.weight[i] = lambda;
    for (mb_size k = t; k <= t + 2; k++) rotate(&rows[k], &e);
  }
  double next[LANES] = {0}, second[LANES] = {0};
  for (mb_size t = L - 1; t >= 0; t--)
    for (int i = 0; i < LANES; i++) {
      const double z = rows[t].right[i] - rows[t].near[i] * next[i] - rows[t].far[i] * second[i];
      second[i] = next[i], next[i] = z, fitted[i * L + t] = z;
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

/* exp(x) for |x| <= 700, within 1e-14 of itself, written so that loops over it vectorise, as libm's do not:
 * x = n ln 2 + r with |r| <= ln 2 / 2, the series of exp(r) up to r^11, and 2^n by its bits. */
static inline double exp_in_loops(double x) {
  const double round = 0x1.8p52 + 1023; /* x + round has no bits left for a fraction */
  const double shifted = x * 1.4426950408889634 + round, n = shifted - round;
  const double r = x - n * 0.693147180369123816490 - n * 1.90821492927058770002e-10; /* ln 2 in two parts */
  double series = 1 / 39916800.0, scale;
  static const double inverse[] = {3628800, 362880, 40320, 5040, 720, 120, 24, 6, 2, 1, 1}; /* factorials */
#pragma GCC unroll 11
  for (int i = 0; i < 11; i++) series = series * r + 1 / inverse[i];
  uint64_t bits;
  memcpy(&bits, &shifted, sizeof bits);
  bits <<= 52;
  memcpy(&scale, &bits, sizeof scale);
  return series * scale;
}

/* x = 1 / (1 + exp(steep (x - centre))); a compiler keeps the bound in vectors where it is no branch. */
MB_CLONES static void logistic(double *x, double steep, double centre, mb_size L) {
  for (mb_size t = 0; t < L; t++) {
    const double u = steep * (x[t] - centre);
    x[t] = 1 / (1 + exp_in_loops(u < -700 ? -700 : u > 700 ? 700 : u));
  }
}

/* A logistic function of the residual, by the mean and sd of the negative ones. next: scratch of L. */
static bool weigh_arpls(double *weight, double *next, const double *fitted, const mb_real *y,
                        double tolerance, mb_size L, mb_size stride) {
  double sum = 0, squares = 0, change = 0, size = 0;
  mb_size below = 0;
  for (mb_size t = 0; t < L; t++) {
    const double d = next[t] = residual(y, fitted, stride, t);
    if (d < 0) sum += d, squares += d * d, below++;
  }
  if (below < 2) return true;
  const double mean = sum / (double)below, sd = sqrt(fmax(squares - sum * mean, 0) / (double)(below - 1));
  if (!(sd > 0)) return true;
  logistic(next, 2 / sd, 2 * sd - mean, L);
  for (mb_size t = 0; t < L; t++) {
    change += (next[t] - weight[t]) * (next[t] - weight[t]), size += weight[t] * weight[t];
    weight[t] = next[t];
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

static bool weigh(double *weight, double *next, const double *fitted, const mb_real *y, const Fit *fit,
                  int iteration, mb_size L, mb_size stride) {
  switch (fit->weighting) {
  case MB_ARPLS: return weigh_arpls(weight, next, fitted, y, fit->tolerance, L, stride);
  case MB_AIRPLS: return weigh_airpls(weight, fitted, y, fit->tolerance, iteration, L, stride);
  default: return weigh_als(weight, fitted, y, fit->p, L, stride);
  }
}

/* The baselines of `count` spectra, at most LANES; the other lanes repeat the last one. Each ends when its
 * weights have settled. */
static void fit_baselines(mb_real *const z[LANES], const mb_real *const y[LANES], int count, double *scratch,
                          double lambda, const Fit *fit, mb_size L, mb_size stride) {
  double *fitted = scratch, *weight = scratch + LANES * L, *next = scratch + 2 * LANES * L;
  Row *rows = (Row *)(next + L);
  bool has_settled[LANES] = {false};
  int left = count;
  for (mb_size t = 0; t < LANES * L; t++) weight[t] = 1;
  for (int iteration = 1; iteration <= fit->iterations && left > 0; iteration++) {
    smooth(fitted, rows, weight, y, stride, lambda, L);
    for (int i = 0; i < count; i++) {
      if (has_settled[i]) continue;
      const double *own = fitted + i * L;
      has_settled[i] = weigh(weight + i * L, next, own, y[i], fit, iteration, L, stride);
      if (!has_settled[i] && iteration < fit->iterations) continue;
      for (mb_size t = 0; t < L; t++) z[i][t * stride] = (mb_real)own[t];
      left--;
    }
  }
}

static size_t scratch_of_thread(mb_size L) {
  return (size_t)((2 * LANES + 1) * L) * sizeof(double) + (size_t)L * sizeof(Row);
}

size_t mb_als_baseline_scratch_bytes(mb_size L, int threads) {
  return scratch_of_thread(L) * (size_t)threads;
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
  const mb_size rows = N * C, groups = mb_ceil_div(rows, LANES);
  const mb_size parts = rows * L < MB_PARALLEL_MIN ? 1 : mb_min(threads, groups);
  MB_FOR((int)parts, part, parts, 1, {
    for (mb_size first = part * LANES; first < rows; first += parts * LANES) {
      const mb_real *from[LANES];
      mb_real *to[LANES];
      for (mb_size i = 0; i < LANES; i++) {
        const mb_size row = mb_min(first + i, rows - 1), at = row / C * L * C + row % C;
        from[i] = y + at, to[i] = z + at;
      }
      fit_baselines(to, from, (int)mb_min(LANES, rows - first),
                    (double *)((char *)scratch + (size_t)part * scratch_of_thread(L)), lambda, &fit, L, C);
    }
  });
  return MB_OK;
}
