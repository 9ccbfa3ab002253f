/* test_warp.c - points moved along the axis: by hand, and refusals. */
#include "check.h"

#include <math.h>

static void one_knot_shifts_all_points(void **state) {
  static const mb_real x[8] = {0, 1, 10, 3, 30, 5, 60, 7}, shifts[1] = {(mb_real)0.5};
  static const mb_real expected[8] = {5, 2, 20, 4, 45, 6, 60, 7}; /* the end is repeated */
  mb_real y[8];
  (void)state;
  assert_int_equal(mb_warp(y, x, shifts, 1, 4, 2, 1), MB_OK);
  check_close(y, expected, 8, CHECK_TOLERANCE);
}

static void several_knots_bend_each_spectrum_its_own_way(void **state) {
  static const mb_real x[10] = {0, 1, 2, 3, 4, 0, 1, 4, 9, 16};
  static const mb_real shifts[6] = {1, 0, -1, 0, 2, -1};
  static const mb_real expected[10] = {1, (mb_real)1.5, 2, (mb_real)2.5, 3, 0, 4, 16, (mb_real)12.5, 9};
  mb_real y[10];
  (void)state;
  assert_int_equal(mb_warp(y, x, shifts, 2, 5, 1, 3), MB_OK);
  check_close(y, expected, 10, CHECK_TOLERANCE);
}

static void shifts_beyond_the_ends_repeat_them_and_nan_is_refused(void **state) {
  static const mb_real x[3] = {1, 2, 3}, far[1] = {(mb_real)1e30}, nan[1] = {NAN}, one[1] = {7};
  mb_real y[3];
  (void)state;
  assert_int_equal(mb_warp(y, x, far, 1, 3, 1, 1), MB_OK);
  check_close(y, (mb_real[]){3, 3, 3}, 3, 0);
  assert_int_equal(mb_warp(y, x, nan, 1, 3, 1, 1), MB_BAD_VALUE);
  assert_int_equal(mb_warp(y, one, x, 1, 1, 1, 3), MB_OK); /* a spectrum of one point */
  check_close(y, one, 1, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_knot_shifts_all_points),
      cmocka_unit_test(several_knots_bend_each_spectrum_its_own_way),
      cmocka_unit_test(shifts_beyond_the_ends_repeat_them_and_nan_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
