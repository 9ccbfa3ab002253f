/* ridge.c - linear regression with a penalty on the squared coefficients (Hoerl and Kennard 1970). */
#include "dense.h"

#include <string.h>

size_t mb_ridge_scratch_bytes(mb_size N, mb_size D, mb_size M) {
  const mb_size n = mb_min(N, D);
  return (size_t)(N * D + N * M + n * n + D) * sizeof(double);
}

/* With fewer rows than points, the coefficients are Z' (Z Z' + alpha)^-1 Y, which is the smaller system. */
mb_status mb_ridge(double *coefficient, double *intercept, void *scratch, const mb_real *x, const mb_real *y,
                   double alpha, mb_size N, mb_size D, mb_size M) {
  if (N < 2) return mb_refuse(MB_BAD_SHAPE, "x: expected at least 2 rows, got %td", N);
  if (!(alpha > 0 && alpha < 1e300))
    return mb_refuse(MB_BAD_VALUE, "alpha: expected a positive number, got %g", alpha);
  const bool dual = N < D;
  const mb_size n = mb_min(N, D);
  double *z = scratch, *u = z + N * D, *gram = u + N * M, *mean = gram + n * n;
  mb_center(z, mean, x, N, D);
  mb_center(u, intercept, y, N, M);
  mb_gram(gram, !dual, z, D, n, mb_max(N, D));
  for (mb_size i = 0; i < n; i++) gram[i * n + i] += alpha;
  if (!mb_cholesky(gram, n))
    return mb_refuse(MB_BAD_VALUE, "alpha: %g is lost in the rounding of x'x; expected a larger one", alpha);
  if (!dual) mb_product(coefficient, true, z, D, u, D, M, N);
  mb_cholesky_solve(gram, dual ? u : coefficient, n, M);
  if (dual) mb_product(coefficient, true, z, D, u, D, M, N);
  for (mb_size m = 0; m < M; m++)
    for (mb_size d = 0; d < D; d++) intercept[m] -= mean[d] * coefficient[d * M + m];
  return MB_OK;
}
