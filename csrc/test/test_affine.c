/* test_affine.c - products of rows, with and without means and biases. */
#include "check.h"

static void products_are_sums(void **state) {
  enum { N = 70, D = 600, M = 3 };
  mb_real *x = check_random(N * D, 1), *mean = check_random(D, 2), *weight = check_random(D * M, 3),
          *bias = check_random(M, 4), *y = check_zeros(N * M), *expected = check_zeros(N * M);
  (void)state;
  for (int with = 0; with < 2; with++) {
    for (mb_size i = 0; i < N; i++)
      for (mb_size m = 0; m < M; m++) {
        double sum = with ? (double)bias[m] : 0;
        for (mb_size d = 0; d < D; d++)
          sum += ((double)x[i * D + d] - (with ? (double)mean[d] : 0)) * (double)weight[d * M + m];
        expected[i * M + m] = (mb_real)sum;
      }
    mb_affine(y, x, with ? mean : NULL, weight, with ? bias : NULL, N, D, M);
    check_close(y, expected, N * M, CHECK_TOLERANCE);
  }
  free(x), free(mean), free(weight), free(bias), free(y), free(expected);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(products_are_sums)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
