/* test_savitzky_golay.c - published weights, both ends, refusals. Whole spectra are compared with SciPy in
 * spec/preprocess_spec.lua. */
#include "check.h"

static double *new_weights(mb_size K, mb_size order, int derivative) {
  double *weights = malloc(mb_savitzky_golay_scratch_bytes(K, order, derivative));
  assert_int_equal(mb_savitzky_golay_check(K, K, order, derivative, 1), MB_OK);
  mb_savitzky_golay_weights(weights, K, order, derivative, 1);
  return weights;
}

/* Savitzky and Golay 1964: a quadratic on five points. */
static void weights_are_those_of_the_tables(void **state) {
  static const double smooth[5] = {-3, 12, 17, 12, -3}, slope[5] = {-2, -1, 0, 1, 2};
  (void)state;
  double *values = new_weights(5, 2, 0), *slopes = new_weights(5, 2, 1);
  for (int i = 0; i < 5; i++) {
    assert_true(fabs(values[i] - smooth[i] / 35) < 1e-14);
    assert_true(fabs(slopes[i] - slope[i] / 10) < 1e-14);
  }
  free(values);
  free(slopes);
}

static void polynomials_stay_also_at_both_ends(void **state) {
  enum { L = 30, C = 2, K = 9 };
  mb_real x[2 * L * C], y[2 * L * C];
  double *weights = new_weights(K, 3, 0);
  (void)state;
  for (mb_size i = 0; i < 2 * L * C; i++) {
    const double t = (double)(i / C % L) / 10, channel = (double)(i % C), spectrum = (double)(i / (L * C));
    x[i] = (mb_real)(t * t * t - 2 * t * t + channel * t + spectrum);
  }
  mb_savitzky_golay(y, x, weights, 2, L, C, K, 3, 0);
  check_close(y, x, 2 * L * C, CHECK_TOLERANCE);
  free(weights);
}

/* An interpolating polynomial changes nothing. */
static void orders_close_to_the_window_are_orthogonal(void **state) {
  enum { K = 65 };
  mb_real x[K + 2], y[K + 2];
  double *weights = new_weights(K, K - 1, 0);
  (void)state;
  for (mb_size i = 0; i < K + 2; i++) x[i] = (mb_real)(i * i % 7);
  mb_savitzky_golay(y, x, weights, 1, K + 2, 1, K, K - 1, 0);
  check_close(y, x, K + 2, CHECK_TOLERANCE);
  free(weights);
}

static void bad_arguments_are_refused(void **state) {
  (void)state;
  assert_int_equal(mb_savitzky_golay_check(9, 4, 2, 0, 1), MB_BAD_VALUE);
  assert_int_equal(mb_savitzky_golay_check(9, 5, 5, 0, 1), MB_BAD_VALUE);
  assert_int_equal(mb_savitzky_golay_check(99, 99, 65, 0, 1), MB_BAD_VALUE);
  assert_int_equal(mb_savitzky_golay_check(9, 5, 2, 9, 1), MB_BAD_VALUE);
  assert_int_equal(mb_savitzky_golay_check(9, 5, 2, 0, 0), MB_BAD_VALUE);
  assert_int_equal(mb_savitzky_golay_check(3, 5, 2, 0, 1), MB_BAD_SHAPE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(weights_are_those_of_the_tables),
      cmocka_unit_test(polynomials_stay_also_at_both_ends),
      cmocka_unit_test(orders_close_to_the_window_are_orthogonal),
      cmocka_unit_test(bad_arguments_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
