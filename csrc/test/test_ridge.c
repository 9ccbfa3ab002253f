/* test_ridge.c - the minimum by its gradient, with more rows than points and with fewer. */
#include "check.h"

static void is_at_its_minimum(mb_size N, mb_size D) {
  enum { M = 2 };
  const double alpha = 0.7;
  mb_real *x = check_random(N * D, 1), *y = check_random(N * M, 2);
  double *w = malloc(sizeof(double) * (size_t)(D * M + M)), *b = w + D * M;
  void *scratch = malloc(mb_ridge_scratch_bytes(N, D, M));
  assert_int_equal(mb_ridge(w, b, scratch, x, y, alpha, N, D, M), MB_OK);
  for (mb_size m = 0; m < M; m++) {
    double sum = 0;
    for (mb_size d = 0; d <= D; d++) { /* the last is the intercept */
      double slope = d < D ? -alpha * w[d * M + m] : 0;
      for (mb_size i = 0; i < N; i++) {
        double residual = (double)y[i * M + m] - b[m];
        for (mb_size e = 0; e < D; e++) residual -= (double)x[i * D + e] * w[e * M + m];
        slope += residual * (d < D ? (double)x[i * D + d] : 1);
      }
      sum += fabs(slope);
    }
    assert_true(sum < 1e-8);
  }
  free(x), free(y), free(w), free(scratch);
}

static void minima(void **state) {
  (void)state;
  is_at_its_minimum(90, 20);
  is_at_its_minimum(20, 90);
}

static void bad_arguments_are_refused(void **state) {
  const mb_real x[4] = {0}, y[2] = {0};
  double out[8], scratch[64];
  (void)state;
  assert_int_equal(mb_ridge(out, out, scratch, x, y, 1, 1, 4, 1), MB_BAD_SHAPE);
  assert_int_equal(mb_ridge(out, out, scratch, x, y, 0, 2, 2, 1), MB_BAD_VALUE);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(minima), cmocka_unit_test(bad_arguments_are_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
