/* test_resample.c - other axes, refusals. */
#include "check.h"

#include <math.h>

static void other_axes_are_interpolated(void **state) {
  static const double axis[3] = {10, 20, 40}, grid[4] = {10, 12, 30, 40};
  static const mb_real x[6] = {0, 1, 10, 3, 30, 5};
  static const mb_real expected[8] = {0, 1, 2, (mb_real)1.4, 20, 4, 30, 5};
  mb_real y[8];
  (void)state;
  assert_int_equal(mb_resample(y, x, axis, grid, 1, 3, 4, 2), MB_OK);
  check_close(y, expected, 8, CHECK_TOLERANCE);
}

static void a_point_of_the_axis_takes_nothing_of_its_neighbours(void **state) {
  static const double axis[5] = {10, 20, 30, 40, 50}, grid[4] = {10, 30, 45, 50};
  static const mb_real x[5] = {1, NAN, 3, (mb_real)INFINITY, 5};
  mb_real y[4];
  (void)state;
  assert_int_equal(mb_resample(y, x, axis, grid, 1, 5, 4, 1), MB_OK);
  assert_true(y[0] == 1 && y[1] == 3 && !isfinite(y[2]) && y[3] == 5);
}

static void bad_arguments_are_refused(void **state) {
  mb_real x[3] = {0}, y[3];
  const double turns[3] = {1, 3, 2}, rises[3] = {1, 2, 3}, beyond[1] = {4}, nan[1] = {NAN};
  (void)state;
  assert_int_equal(mb_resample(y, x, turns, rises, 1, 3, 3, 1), MB_BAD_VALUE);
  assert_int_equal(mb_resample(y, x, rises, beyond, 1, 3, 1, 1), MB_BAD_VALUE);
  assert_int_equal(mb_resample(y, x, rises, nan, 1, 3, 1, 1), MB_BAD_VALUE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(other_axes_are_interpolated),
      cmocka_unit_test(a_point_of_the_axis_takes_nothing_of_its_neighbours),
      cmocka_unit_test(bad_arguments_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
