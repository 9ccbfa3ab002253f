/* savitzky_golay.c - Savitzky-Golay: a polynomial fitted in a window that moves along, or its derivative. */
#include "internal.h"

#include <math.h>

#define MAX_DERIVATIVE 8
#define MAX_ORDER      64
#define BLOCK          512 /* sums that grow together */

/* Polynomials that are orthonormal on the points x of the window, from -1 to 1, one for each order m, with
 * their derivatives e = 0..D: values (order + 1, D + 1, window). */
typedef struct {
  double *values;
  mb_size window;
  int D;
} Basis;

static double *polynomial(const Basis *b, mb_size m, int e) {
  return b->values + (m * (b->D + 1) + e) * b->window;
}

static double product(const double *a, const double *b, mb_size window) {
  double sum = 0;
  for (mb_size i = 0; i < window; i++) sum += a[i] * b[i];
  return sum;
}

/* Polynomial m becomes x times the one before: (x p)' = x p' + p, and so on. */
static void multiply_by_x(const Basis *b, mb_size m) {
  for (int e = 0; e <= b->D; e++) {
    const double *from = polynomial(b, m - 1, e), *lower = e > 0 ? polynomial(b, m - 1, e - 1) : from;
    double *to = polynomial(b, m, e);
    for (mb_size i = 0; i < b->window; i++)
      to[i] = (2 * (double)i / (double)(b->window - 1) - 1) * from[i] + e * lower[i];
  }
}

/* Twice is enough, as for vectors of Krylov ("Vandermonde with Arnoldi", Brubeck, Nakatsukasa and Trefethen
 * 2021): the recurrence of three terms alone loses all digits if the order comes close to the window. */
static void make_orthogonal(const Basis *b, mb_size m) {
  for (int pass = 0; pass < 2; pass++)
    for (mb_size j = 0; j < m; j++) {
      const double share = product(polynomial(b, j, 0), polynomial(b, m, 0), b->window);
      for (int e = 0; e <= b->D; e++)
        for (mb_size i = 0; i < b->window; i++) polynomial(b, m, e)[i] -= share * polynomial(b, j, e)[i];
    }
}

static void fill_basis(const Basis *b, mb_size order) {
  for (mb_size i = 0; i < b->window * (b->D + 1); i++) b->values[i] = i < b->window ? 1 : 0;
  for (mb_size m = 0; m <= order; m++) {
    if (m > 0) multiply_by_x(b, m), make_orthogonal(b, m);
    const double length = sqrt(product(polynomial(b, m, 0), polynomial(b, m, 0), b->window));
    for (mb_size i = 0; i < b->window * (b->D + 1); i++) polynomial(b, m, 0)[i] /= length;
  }
}

size_t mb_savitzky_golay_scratch_bytes(mb_size window, mb_size order, int derivative) {
  return (size_t)(window + (order + 1) * (derivative + 1) * window) * sizeof(double);
}

mb_status mb_savitzky_golay_check(mb_size L, mb_size window, mb_size order, int derivative, double delta) {
  if (window < 1 || window % 2 == 0)
    return mb_refuse(MB_BAD_VALUE, "window: expected an odd number of points, got %td", window);
  if (L < window)
    return mb_refuse(MB_BAD_SHAPE, "window: %td points do not fit into spectra of %td points", window, L);
  if (order < 0 || order >= window)
    return mb_refuse(MB_BAD_VALUE, "order: expected 0 to %td, less than the window, got %td", window - 1,
                     order);
  if (order > MAX_ORDER)
    return mb_refuse(MB_BAD_VALUE, "order: expected at most %d, got %td", MAX_ORDER, order);
  if (derivative < 0 || derivative > MAX_DERIVATIVE)
    return mb_refuse(MB_BAD_VALUE, "derivative: expected 0 to %d, got %d", MAX_DERIVATIVE, derivative);
  if (!(delta > 0)) return mb_refuse(MB_BAD_VALUE, "delta: expected a positive number, got %g", delta);
  return MB_OK;
}

void mb_savitzky_golay_weights(void *scratch, mb_size window, mb_size order, int derivative, double delta) {
  double *weights = scratch;
  const Basis basis = {.values = weights + window, .window = window, .D = derivative};
  double scale = 1;
  for (int d = 0; d < derivative; d++) scale *= window > 1 ? 2 / ((double)(window - 1) * delta) : 0;
  fill_basis(&basis, order);
  for (mb_size i = 0; i < window; i++) weights[i] = 0;
  for (mb_size m = 0; m <= order; m++) {
    const double *p = polynomial(&basis, m, 0);
    double *derived = polynomial(&basis, m, derivative);
    const double centre = scale * derived[window / 2];
    for (mb_size i = 0; i < window; i++) weights[i] += p[i] * centre;
    if (derivative > 0)
      for (mb_size i = 0; i < window; i++) derived[i] *= scale;
  }
}

/* y[i] = sum over k of weights[k] x[i + k C], for count results. */
MB_CLONES static void slide(mb_real *y, const mb_real *x, const double *weights, mb_size count, mb_size C,
                            mb_size window) {
  for (mb_size first = 0; first < count; first += BLOCK) {
    double sum[BLOCK] = {0};
    const mb_size width = mb_min(BLOCK, count - first);
    for (mb_size k = 0; k < window; k++)
      for (mb_size i = 0; i < width; i++) sum[i] += weights[k] * (double)x[first + i + k * C];
    for (mb_size i = 0; i < width; i++) y[first + i] = (mb_real)sum[i];
  }
}

/* Points from..to - 1 of the window at x, from the polynomial that fits there. */
static void fit_end(mb_real *y, const mb_real *x, const Basis *b, mb_size order, mb_size C, mb_size from,
                    mb_size to) {
  double share[MAX_ORDER + 1];
  for (mb_size m = 0; m <= order; m++) {
    const double *p = polynomial(b, m, 0);
    share[m] = 0;
    for (mb_size i = 0; i < b->window; i++) share[m] += p[i] * (double)x[i * C];
  }
  for (mb_size i = from; i < to; i++) {
    double sum = 0;
    for (mb_size m = 0; m <= order; m++) sum += share[m] * polynomial(b, m, b->D)[i];
    y[i * C] = (mb_real)sum;
  }
}

void mb_savitzky_golay(mb_real *y, const mb_real *x, void *scratch, mb_size N, mb_size L, mb_size C,
                       mb_size window, mb_size order, int derivative) {
  double *weights = scratch;
  const Basis basis = {.values = weights + window, .window = window, .D = derivative};
  const mb_size half = window / 2;
  MB_FOR(mb_threads_for(N * L * C * window), n, N, 1, {
    const mb_real *from = x + n * L * C;
    mb_real *to = y + n * L * C;
    slide(to + half * C, from, weights, (L - window + 1) * C, C, window);
    for (mb_size c = 0; c < C; c++) {
      fit_end(to + c, from + c, &basis, order, C, 0, half);
      fit_end(to + (L - window) * C + c, from + (L - window) * C + c, &basis, order, C, half + 1, window);
    }
  });
}
