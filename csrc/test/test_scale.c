/* test_scale.c - scales, Savitzky-Golay, baselines, other axes: known cases, both ends, channels,
 * refusals. Whole spectra are held against SciPy in spec/preprocess_spec.lua. */
#include "check.h"

static double *new_weights(mb_size K, mb_size order, int derivative) {
  double *weights = malloc((size_t)mb_savitzky_golay_scratch(K, order, derivative) * sizeof *weights);
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

static void scales_do_not_depend_on_size_or_offset(void **state) {
  static const mb_real x[8] = {1, -4, 2, -3, 3, -2, 4, -1}; /* (1, 4, 2) */
  mb_real y[8], z[8], large[8];
  (void)state;
  for (int scaling = MB_SCALE_SNV; scaling <= MB_SCALE_AREA; scaling++) {
    if (scaling == MB_SCALE_MAXIMUM) continue;
    assert_int_equal(mb_scale(y, x, (mb_scaling)scaling, 1, 4, 2), MB_OK);
    for (int i = 0; i < 8; i++) large[i] = x[i] * (mb_real)0x1p100;
    assert_int_equal(mb_scale(z, large, (mb_scaling)scaling, 1, 4, 2), MB_OK);
    check_close(z, y, 8, CHECK_TOLERANCE);
    for (int i = 0; i < 8; i++) large[i] = x[i] * (mb_real)0x1p-100;
    assert_int_equal(mb_scale(z, large, (mb_scaling)scaling, 1, 4, 2), MB_OK);
    check_close(z, y, 8, CHECK_TOLERANCE);
  }
  assert_int_equal(mb_scale(y, x, MB_SCALE_MAXIMUM, 1, 4, 2), MB_BAD_VALUE);
  assert_int_equal(mb_scale(y, x, MB_SCALE_MAXIMUM, 1, 8, 1), MB_OK);
  assert_true(y[6] == 1 && y[1] == -1);
}

static void columns_without_spread_are_divided_by_one(void **state) {
  static const mb_real x[4] = {3, 5, 3, 9}, expected[4] = {0, -1, 0, 1};
  double mean[2], sd[2];
  mb_real y[4];
  (void)state;
  mb_column_statistics(mean, sd, x, 2, 2);
  assert_true(mean[0] == 3 && mean[1] == 7 && sd[0] == 0 && sd[1] == 2);
  mb_standardize(y, x, mean, sd, 2, 2);
  check_close(y, expected, 4, 0);
}

/* As lambda grows, the baseline becomes the line of least squares: here, by symmetry, the mean. */
static void stiff_baselines_are_lines(void **state) {
  enum { L = 101 };
  mb_real y[L], z[L];
  double scratch[6 * L * 16];
  (void)state;
  assert_true(mb_get_threads() * mb_als_baseline_scratch(L) <= 6 * L * 16);
  for (mb_size t = 0; t < L; t++) y[t] = (mb_real)(t % 2 == 0 ? 1 : 0);
  for (double lambda = 1e12; lambda <= 1e300; lambda *= 1e12) {
    assert_int_equal(mb_als_baseline(z, y, scratch, lambda, 0.5, 1, 1, L, 1), MB_OK);
    for (mb_size t = 0; t < L; t++) assert_true(fabs((double)z[t] - 51.0 / 101) < 1e-6);
  }
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
  static const double axis[3] = {10, 20, 40}, grid[4] = {10, 12, 30, 40};
  static const mb_real x[6] = {0, 1, 10, 3, 30, 5};
  static const mb_real expected[8] = {0, 1, 2, (mb_real)1.4, 20, 4, 30, 5};
  mb_real y[8];
  (void)state;
  assert_int_equal(mb_resample(y, x, axis, grid, 1, 3, 4, 2), MB_OK);
  check_close(y, expected, 8, CHECK_TOLERANCE);
}

static void bad_arguments_are_refused(void **state) {
  mb_real x[6] = {0}, y[6];
  double scratch[64];
  const double turns[3] = {1, 3, 2}, rises[3] = {1, 2, 3}, beyond[1] = {4}, nan[1] = {NAN};
  (void)state;
  assert_int_equal(mb_savitzky_golay_check(9, 4, 2, 0, 1), MB_BAD_VALUE);
  assert_int_equal(mb_savitzky_golay_check(9, 5, 5, 0, 1), MB_BAD_VALUE);
  assert_int_equal(mb_savitzky_golay_check(99, 99, 65, 0, 1), MB_BAD_VALUE);
  assert_int_equal(mb_savitzky_golay_check(9, 5, 2, 9, 1), MB_BAD_VALUE);
  assert_int_equal(mb_savitzky_golay_check(9, 5, 2, 0, 0), MB_BAD_VALUE);
  assert_int_equal(mb_savitzky_golay_check(3, 5, 2, 0, 1), MB_BAD_SHAPE);
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
      cmocka_unit_test(weights_are_those_of_the_tables),
      cmocka_unit_test(polynomials_stay_also_at_both_ends),
      cmocka_unit_test(orders_close_to_the_window_are_orthogonal),
      cmocka_unit_test(scales_do_not_depend_on_size_or_offset),
      cmocka_unit_test(columns_without_spread_are_divided_by_one),
      cmocka_unit_test(stiff_baselines_are_lines),
      cmocka_unit_test(a_line_is_its_own_baseline),
      cmocka_unit_test(other_axes_are_interpolated),
      cmocka_unit_test(bad_arguments_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
