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

static void a_point_itself_takes_nothing_of_its_neighbour(void **state) {
  static const mb_real x[8] = {1, 2, NAN, (mb_real)INFINITY, 3, 4, 5, 6}, none[1] = {0};
  mb_real y[8];
  (void)state;
  for (mb_size C = 1; C <= 2; C++) {
    assert_int_equal(mb_warp(y, x, none, 1, 8 / C, C, 1), MB_OK);
    assert_memory_equal(y, x, sizeof x);
  }
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

/* One point after the other, without blocks or vectors. */
static void warp_plainly(mb_real *y, const mb_real *x, const mb_real *shifts, mb_size L, mb_size C,
                         mb_size knots) {
  for (mb_size t = 0; t < L; t++) {
    double shift = (double)shifts[0];
    if (knots > 1 && L > 1) {
      const double at = (double)t * (double)(knots - 1) / (double)(L - 1);
      const mb_size knot = (mb_size)at < knots - 2 ? (mb_size)at : knots - 2;
      shift = (double)shifts[knot] + (at - (double)knot) * ((double)shifts[knot + 1] - (double)shifts[knot]);
    }
    const double from = fmin(fmax((double)t + shift, 0), (double)(L - 1));
    const mb_size low = (mb_size)from, high = low + 1 < L ? low + 1 : L - 1;
    for (mb_size c = 0; c < C; c++) {
      const double here = (double)x[low * C + c];
      y[t * C + c] = (mb_real)(here + (from - (double)low) * ((double)x[high * C + c] - here));
    }
  }
}

static void blocks_have_the_bits_of_the_plain_version(void **state) {
  static const mb_size lengths[] = {1, 2, 3, 7, 255, 256, 257, 1000, 5000}, knots[] = {1, 2, 3, 7, 25, 300};
  (void)state;
  for (mb_size i = 0; i < 9; i++)
    for (mb_size k = 0; k < 6; k++)
      for (mb_size C = 1; C <= 3; C++) {
        const mb_size L = lengths[i], count = L * C;
        mb_real *x = check_random(2 * count, 1), *shifts = check_random(2 * knots[k], 2);
        mb_real *y = check_zeros(2 * count), *expected = check_zeros(2 * count);
        for (mb_size j = 0; j < 2 * knots[k]; j++) shifts[j] *= 60;
        assert_int_equal(mb_warp(y, x, shifts, 2, L, C, knots[k]), MB_OK);
        for (mb_size n = 0; n < 2; n++)
          warp_plainly(expected + n * count, x + n * count, shifts + n * knots[k], L, C, knots[k]);
        check_exact(y, expected, 2 * count);
        free(x), free(shifts), free(y), free(expected);
      }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_knot_shifts_all_points),
      cmocka_unit_test(several_knots_bend_each_spectrum_its_own_way),
      cmocka_unit_test(a_point_itself_takes_nothing_of_its_neighbour),
      cmocka_unit_test(shifts_beyond_the_ends_repeat_them_and_nan_is_refused),
      cmocka_unit_test(blocks_have_the_bits_of_the_plain_version),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
