/* test_scale.c - scales of spectra and of points: known cases, refusals. */
#include "check.h"

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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(scales_do_not_depend_on_size_or_offset),
      cmocka_unit_test(columns_without_spread_are_divided_by_one),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
