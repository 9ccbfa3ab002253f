/* pca.c - principal components, by the eigenvectors of the smaller of Z Z' and Z' Z. */
#include "dense.h"

#include <cblas.h>
#include <float.h>
#include <math.h>
#include <omp.h>
#include <string.h>

#define ROWS ((mb_size)32) /* whose distances from the plane a thread computes at a time, in its cache */

static mb_size gram_size(mb_size N, mb_size D) {
  return mb_min(N, D);
}

size_t mb_pca_scratch_bytes(mb_size N, mb_size D, mb_size k) {
  const mb_size n = gram_size(N, D);
  return (size_t)(N * D + n * n + k + k * mb_max(N, D) + mb_eigen_scratch_count(n)) * sizeof(double);
}

/* Divides a component by its length, and turns it so that its largest element is positive. */
static void normalise(double *component, mb_size D) {
  double sum = 0, largest = 0;
  for (mb_size d = 0; d < D; d++) {
    sum += component[d] * component[d];
    if (fabs(component[d]) > fabs(largest)) largest = component[d];
  }
  const double scale = sum > 0 ? copysign(1 / sqrt(sum), largest) : 0;
  for (mb_size d = 0; d < D; d++) component[d] *= scale;
}

/* The axis that the first `count` components hold least of, less their parts: a direction without variance.
 */
static void any_other(double *component, const double *components, mb_size count, mb_size D) {
  mb_size chosen = 0;
  double least = INFINITY;
  for (mb_size d = 0; d < D && least > 0; d++) {
    double held = 0;
    for (mb_size i = 0; i < count; i++) held += components[i * D + d] * components[i * D + d];
    if (held < least) least = held, chosen = d;
  }
  memset(component, 0, (size_t)D * sizeof *component);
  component[chosen] = 1;
  mb_orthogonalise(component, components, count, D);
}

/* The sum of squares of Z, which is the trace of both products. */
static double trace(const double *gram, mb_size n) {
  double sum = 0;
  for (mb_size i = 0; i < n; i++) sum += gram[i * n + i];
  return sum;
}

mb_status mb_pca(double *component, double *mean, double *variance, double *total, void *scratch,
                 const mb_real *x, mb_size N, mb_size D, mb_size k) {
  if (N < 2) return mb_refuse(MB_BAD_SHAPE, "x: expected at least 2 rows, got %td", N);
  const mb_size n = gram_size(N, D);
  if (k < 1 || k > mb_min(N - 1, D))
    return mb_refuse(MB_BAD_VALUE, "components: expected 1 to %td for %td rows of %td points, got %td",
                     mb_min(N - 1, D), N, D, k);
  double *z = scratch, *gram = z + N * D, *value = gram + n * n, *vector = value + k,
         *eigen = vector + k * mb_max(N, D);
  mb_center(z, mean, x, N, D);
  mb_gram(gram, N > D, z, D, n, mb_max(N, D));
  *total = trace(gram, n) / (double)(N - 1);
  if (!mb_eigen(value, vector, eigen, gram, n, k))
    return mb_refuse(MB_BAD_VALUE, "the eigenvectors of x were not found");
  if (N > D)
    memcpy(component, vector, (size_t)(k * D) * sizeof *component);
  else
    mb_product(component, false, vector, N, z, k, D, N);
  const double rounding = fmax(value[0], 0) * (double)mb_max(N, D) * DBL_EPSILON;
  for (mb_size i = 0; i < k; i++) {
    const bool varies = value[i] > rounding;
    normalise(component + i * D, D);
    if (varies)
      mb_orthogonalise(component + i * D, component, i, D);
    else
      any_other(component + i * D, component, i, D);
    normalise(component + i * D, D);
    variance[i] = varies ? value[i] / (double)(N - 1) : 0;
  }
  return MB_OK;
}

/* ---- distances from the plane ---------------------------------------------------------- */

static mb_size own_count(mb_size D, mb_size k) {
  return ROWS * (D + k);
}

size_t mb_pca_residuals_scratch_bytes(mb_size D, mb_size k, int threads) {
  return (size_t)(k * D + threads * own_count(D, k)) * sizeof(double);
}

MB_CLONES static void subtract(double *z, const mb_real *x, const mb_real *mean, mb_size D) {
  for (mb_size d = 0; d < D; d++) z[d] = (double)x[d] - (double)mean[d];
}

MB_CLONES static double squares(const double *z, mb_size D) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (mb_size d = 0; d < D; d++) sum += z[d] * z[d];
  return sum;
}

/* z (rows, D) loses what lies along the components; score (rows, k) is scratch. */
static void take_out(double *z, double *score, const double *component, mb_size rows, mb_size D, mb_size k) {
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)k, (int)D, 1, z, (int)D, component,
              (int)D, 0, score, (int)k);
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)rows, (int)D, (int)k, -1, score, (int)k,
              component, (int)D, 1, z, (int)D);
}

void mb_pca_residuals(mb_real *q, void *scratch, const mb_real *x, const mb_real *mean,
                      const mb_real *component, mb_size N, mb_size D, mb_size k, int threads) {
  double *directions = scratch, *own = directions + k * D;
  for (mb_size i = 0; i < k * D; i++) directions[i] = (double)component[i];
#pragma omp parallel for num_threads(threads)
  for (mb_size i = 0; i < N; i += ROWS) {
    const mb_size rows = mb_min(ROWS, N - i);
    double *z = own + omp_get_thread_num() * own_count(D, k);
    for (mb_size r = 0; r < rows; r++) subtract(z + r * D, x + (i + r) * D, mean, D);
    take_out(z, z + ROWS * D, directions, rows, D, k);
    for (mb_size r = 0; r < rows; r++) q[i + r] = (mb_real)squares(z + r * D, D);
  }
}
