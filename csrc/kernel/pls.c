/* pls.c - partial least squares by SIMPLS (de Jong 1993, Chemom. Intell. Lab. Syst. 18, 251). */
#include "dense.h"

#include <math.h>
#include <string.h>

#define NOTHING_LEFT 1e-12 /* of the first covariance: what further components would fit is rounding */

size_t mb_pls_scratch_bytes(mb_size N, mb_size D, mb_size M, mb_size A) {
  return (size_t)(N * D + N * M + D * M + A * D + M * M + 2 * M + N + mb_eigen_scratch_count(M)) *
         sizeof(double);
}

static double length(const double *x, mb_size count) {
  double sum = 0;
  for (mb_size i = 0; i < count; i++) sum += x[i] * x[i];
  return sqrt(sum);
}

static void divide(double *x, double by, mb_size count) {
  for (mb_size i = 0; i < count; i++) x[i] /= by;
}

/* The direction r (D) in which X and Y vary most together: the first left singular vector of S (D, M). */
static bool dominant(double *r, double *scratch, const double *S, mb_size D, mb_size M) {
  double *square = scratch, *q = square + M * M, *value = q + M, *eigen = value + M;
  if (M == 1) {
    memcpy(r, S, (size_t)D * sizeof *r);
    return true;
  }
  mb_gram(square, true, S, M, M, D);
  if (!mb_eigen(value, q, eigen, square, M, 1)) return false;
  mb_product(r, false, S, M, q, D, 1, M);
  return true;
}

/* S less its part along v. */
static void deflate(double *S, const double *v, mb_size D, mb_size M) {
  for (mb_size m = 0; m < M; m++) {
    double part = 0;
    for (mb_size d = 0; d < D; d++) part += v[d] * S[d * M + m];
    for (mb_size d = 0; d < D; d++) S[d * M + m] -= v[d] * part;
  }
}

mb_status mb_pls(double *rotation, double *loading, double *y_loading, double *x_mean, double *y_mean,
                 mb_size *components, void *scratch, const mb_real *x, const mb_real *y, mb_size N, mb_size D,
                 mb_size M, mb_size A) {
  if (N < 2) return mb_refuse(MB_BAD_SHAPE, "x: expected at least 2 rows, got %td", N);
  if (A < 1 || A > mb_min(N - 1, D))
    return mb_refuse(MB_BAD_VALUE, "components: expected 1 to %td for %td rows of %td points, got %td",
                     mb_min(N - 1, D), N, D, A);
  double *z = scratch, *u = z + N * D, *S = u + N * M, *basis = S + D * M, *t = basis + A * D, *small = t + N;
  mb_center(z, x_mean, x, N, D);
  mb_center(u, y_mean, y, N, M);
  mb_product(S, true, z, D, u, D, M, N);
  const double whole = length(S, D * M);
  for (*components = 0; *components < A; ++*components) {
    const mb_size a = *components;
    double *r = rotation + a * D, *p = loading + a * D, *v = basis + a * D;
    if (!(length(S, D * M) > NOTHING_LEFT * whole) || !dominant(r, small, S, D, M)) break;
    mb_product(t, false, z, D, r, N, 1, D);
    const double size = length(t, N);
    if (!(size > 0)) break;
    divide(t, size, N), divide(r, size, D);
    mb_product(p, true, z, D, t, D, 1, N);
    mb_product(y_loading + a * M, true, u, M, t, M, 1, N);
    memcpy(v, p, (size_t)D * sizeof *v);
    mb_orthogonalise(v, basis, a, D);
    divide(v, length(v, D), D);
    deflate(S, v, D, M);
  }
  return MB_OK;
}
