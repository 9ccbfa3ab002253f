/* test_finite.c - NaN and infinity are found wherever they are, on any number of threads. */
#include "check.h"

static void what_is_not_finite_is_found_in_any_block(void **state) {
  (void)state;
  enum { COUNT = 50001 };
  static mb_real x[COUNT];
  const mb_size places[] = {0, 5, 16383, 16384, 40000, COUNT - 1};
  for (mb_size i = 0; i < COUNT; i++) x[i] = (mb_real)(i % 7) - 3;
  for (int threads = 1; threads <= 3; threads++) {
    mb_set_threads(threads);
    assert_int_equal(mb_find_non_finite(x, COUNT), -1);
    assert_int_equal(mb_find_non_finite(x, 3), -1);
    assert_true(mb_has_finite_squares(x, COUNT));
    for (mb_size p = 0; p < (mb_size)(sizeof places / sizeof *places); p++) {
      const mb_real bad[] = {(mb_real)NAN, (mb_real)INFINITY, -(mb_real)INFINITY}, kept = x[places[p]];
      for (int k = 0; k < 3; k++) {
        x[places[p]] = bad[k];
        assert_int_equal(mb_find_non_finite(x, COUNT), places[p]);
        assert_false(mb_has_finite_squares(x, COUNT));
      }
      x[places[p]] = kept;
    }
  }
  x[7] = sizeof(mb_real) == sizeof(float) ? (mb_real)1e30 : (mb_real)1e200;
  assert_int_equal(mb_find_non_finite(x, COUNT), -1);
  assert_false(mb_has_finite_squares(x, COUNT));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_not_finite_is_found_in_any_block),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
