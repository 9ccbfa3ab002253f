/* test_preprocess.c - Savitzky-Golay, baselines, other axes: known cases, both ends, channels, refusals.
 * Whole spectra are held against SciPy in spec/preprocess_spec.lua. */
#include "check.h"

static double *new_weights(mb_size K, mb_size order, int derivative) {
  double *weights = malloc((size_t)mb_savitzky_golay_scratch(K, derivative) * sizeof *weights);
  assert_int_equal(mb_savitzky_golay_weights(weights, K, order, derivative, 1), MB_OK);
  return weights;
}

/* Savitzky and Golay 1964: a quadratic on five points. */
static void weights_are_those_of_the_tables(void **state) {
  static const double smooth[5] = {-3, 12, 17, 12, -3}, slope[5] = {-2, -1, 0, 1, 2};
  (void)state;
  double *values = new_weights(5, 2, 0), *slopes = new_weights(5, 2, 1);
  for (int i = 0; i < 5; i++) {
    assert_true(fabs(values[2 * 5 + i] - smooth[i] / 35) < 1e-14);
    assert_true(fabs(slopes[2 * 5 + i] - slope[i] / 10) < 1e-14);
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
  assert_int_equal(mb_savitzky_golay(y, x, weights, 2, L, C, K), MB_OK);
  check_close(y, x, 2 * L * C, CHECK_TOLERANCE);
  free(weights);
}

static void a_line_is_its_own_baseline(void **state) {
  enum { L = 50, C = 2 };
  mb_real y[L * C], z[L * C];
  double *scratch = malloc((size_t)(mb_als_baseline_scratch(L) * mb_get_threads()) * sizeof *scratch);
  (void)state;
  for (mb_size i = 0; i < L * C; i++) y[i] = (mb_real)(i % C == 0 ? 3 - 0.01 * (double)(i / C) : 1);
  assert_int_equal(mb_als_baseline(z, y, scratch, 1e4, 0.01, 10, 1, L, C), MB_OK);
  check_close(z, y, L * C, 1e-6);
  y[25 * C] += 1; /* a peak in one channel leaves the other alone, and hardly lifts its own */
  assert_int_equal(mb_als_baseline(z, y, scratch, 1e4, 0.01, 10, 1, L, C), MB_OK);
  for (mb_size t = 0; t < L; t++) {
    assert_true(fabs((double)z[t * C] - (3 - 0.01 * (double)t)) < 0.02);
    assert_true(fabs((double)z[t * C + 1] - 1) < 1e-6);
  }
  free(scratch);
}

static void other_axes_are_interpolated(void **state) {
  static const mb_real axis[3] = {10, 20, 40}, grid[4] = {10, 12, 30, 40}, x[6] = {0, 1, 10, 3, 30, 5};
  static const mb_real expected[8] = {0, 1, 2, (mb_real)1.4, 20, 4, 30, 5};
  mb_real y[8];
  (void)state;
  assert_int_equal(mb_resample(y, x, axis, grid, 1, 3, 4, 2), MB_OK);
  check_close(y, expected, 8, CHECK_TOLERANCE);
}

static void bad_arguments_are_refused(void **state) {
  mb_real x[6] = {0}, y[6];
  double scratch[64];
  const mb_real turns[3] = {1, 3, 2}, rises[3] = {1, 2, 3}, beyond[1] = {4}, nan[1] = {(mb_real)NAN};
  (void)state;
  assert_int_equal(mb_savitzky_golay_weights(scratch, 4, 2, 0, 1), MB_BAD_VALUE);
  assert_int_equal(mb_savitzky_golay_weights(scratch, 5, 5, 0, 1), MB_BAD_VALUE);
  assert_int_equal(mb_savitzky_golay_weights(scratch, 5, 2, 9, 1), MB_BAD_VALUE);
  assert_int_equal(mb_savitzky_golay_weights(scratch, 5, 2, 0, 0), MB_BAD_VALUE);
  assert_int_equal(mb_savitzky_golay(y, x, scratch, 1, 3, 1, 5), MB_BAD_SHAPE);
  assert_int_equal(mb_als_baseline(y, x, scratch, 1, 0.1, 5, 1, 2, 1), MB_BAD_SHAPE);
  assert_int_equal(mb_als_baseline(y, x, scratch, 0, 0.1, 5, 1, 3, 1), MB_BAD_VALUE);
  assert_int_equal(mb_als_baseline(y, x, scratch, 1, 1, 5, 1, 3, 1), MB_BAD_VALUE);
  assert_int_equal(mb_als_baseline(y, x, scratch, 1, 0.1, 0, 1, 3, 1), MB_BAD_VALUE);
  assert_int_equal(mb_resample(y, x, turns, rises, 1, 3, 3, 1), MB_BAD_VALUE);
  assert_int_equal(mb_resample(y, x, rises, beyond, 1, 3, 1, 1), MB_BAD_VALUE);
  assert_int_equal(mb_resample(y, x, rises, nan, 1, 3, 1, 1), MB_BAD_VALUE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(weights_are_those_of_the_tables), cmocka_unit_test(polynomials_stay_also_at_both_ends),
      cmocka_unit_test(a_line_is_its_own_baseline),      cmocka_unit_test(other_axes_are_interpolated),
      cmocka_unit_test(bad_arguments_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
