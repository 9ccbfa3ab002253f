/* pca.c - principal components, by the eigenvectors of the smaller of Z Z' and Z' Z. */
#include "dense.h"

#include <math.h>
#include <string.h>

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

MB_CLONES static double total_variance(const double *z, mb_size N, mb_size D) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (mb_size i = 0; i < N * D; i++) sum += z[i] * z[i];
  return sum / (double)(N - 1);
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
  *total = total_variance(z, N, D);
  mb_gram(gram, N > D, z, D, n, mb_max(N, D));
  if (!mb_eigen(value, vector, eigen, gram, n, k))
    return mb_refuse(MB_BAD_VALUE, "the eigenvectors of x were not found");
  if (N > D)
    memcpy(component, vector, (size_t)(k * D) * sizeof *component);
  else
    mb_product(component, false, vector, N, z, k, D, N);
  for (mb_size i = 0; i < k; i++) {
    normalise(component + i * D, D);
    variance[i] = fmax(value[i], 0) / (double)(N - 1);
  }
  return MB_OK;
}
