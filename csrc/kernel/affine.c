/* affine.c - what linear models predict, with sums in double. */
#include "internal.h"

MB_CLONES static double product_row(const mb_real *x, const mb_real *mean, const mb_real *weight, mb_size D,
                                    mb_size M) {
  double sum = 0;
  for (mb_size d = 0; d < D; d++)
    sum += ((double)x[d] - (mean ? (double)mean[d] : 0)) * (double)weight[d * M];
  return sum;
}

void mb_affine(mb_real *y, const mb_real *x, const mb_real *mean, const mb_real *weight, const mb_real *bias,
               mb_size N, mb_size D, mb_size M) {
  MB_FOR(mb_threads_for(N * D * M), i, N, 1, {
    for (mb_size m = 0; m < M; m++)
      y[i * M + m] = (mb_real)(product_row(x + i * D, mean, weight + m, D, M) + (bias ? (double)bias[m] : 0));
  });
}
