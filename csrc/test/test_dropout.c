/* test_dropout.c - dropout against draws of NumPy, threads, rates 0 and 1. */
#include "check.h"

static mb_rng rng_2022(void) {
  mb_rng rng;
  mb_rng_seed(&rng, (const uint32_t[]){2022}, 1);
  return rng;
}

static void dropout_keeps_what_half_a_draw_each_says(void **state) {
  enum { count = 100003 }; /* ends in the middle of the four streams, and of a draw */
  const mb_real rate = (mb_real)0.3;
  mb_real *x = check_random(count, 5), *y = check_zeros(count);
  const mb_rng rng = rng_2022();
  mb_rng stepped = rng;
  mb_size kept = 0;
  (void)state;
  uint8_t *won = malloc(count);
  mb_real *dx = check_zeros(count);
  mb_dropout(y, won, x, rate, &rng, count);
  mb_dropout_backward(dx, x, won, rate, count);
  assert_memory_equal(dx, y, sizeof(mb_real) * count);
  free(won);
  free(dx);
  for (mb_size i = 0; i < count; i++) {
    const bool keep = (mb_rng_uint32(&stepped) >> 8) * 0x1p-24 >= (double)rate; /* as NumPy's next_float */
    const mb_real expected = keep ? x[i] / (1 - rate) : 0;
    check_close(&y[i], &expected, 1, 1e-6);
    if (!keep) assert_true(y[i] == 0);
    kept += keep;
  }
  assert_true(fabs((double)kept / count - 0.7) < 0.006);
  free(x);
  free(y);
}

static void dropout_begins_with_a_new_draw(void **state) {
  enum { count = 9 };
  mb_real x[count] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, y[count], expected[count];
  mb_rng rng = rng_2022(), with_half = rng;
  (void)state;
  mb_rng_uint32(&with_half);
  mb_rng_uint64(&rng);
  assert_true(with_half.has_uint32);
  mb_dropout(expected, NULL, x, (mb_real)0.5, &rng, count);
  mb_dropout(y, NULL, x, (mb_real)0.5, &with_half, count);
  assert_memory_equal(expected, y, sizeof y);
}

static void dropout_does_not_depend_on_threads(void **state) {
  enum { count = 100001 };
  mb_real *x = check_random(count, 5), *one = check_zeros(count), *more = check_zeros(count);
  const mb_rng rng = rng_2022();
  const int before = mb_get_threads();
  (void)state;
  mb_set_threads(1);
  mb_dropout(one, NULL, x, (mb_real)0.5, &rng, count);
  for (int threads = 2; threads <= 3; threads++) {
    mb_set_threads(threads);
    mb_dropout(more, NULL, x, (mb_real)0.5, &rng, count);
    assert_memory_equal(one, more, count * sizeof *one);
  }
  mb_set_threads(before);
  free(x);
  free(one);
  free(more);
}

static void dropout_of_rate_zero_and_one(void **state) {
  mb_real x[4] = {1, -2, 3, -4}, y[4];
  const mb_rng rng = rng_2022();
  (void)state;
  mb_dropout(y, NULL, x, 0, &rng, 4);
  assert_memory_equal(x, y, sizeof x);
  x[2] = INFINITY, x[3] = NAN; /* dropped all the same */
  mb_dropout(y, NULL, x, 1, &rng, 4);
  for (int i = 0; i < 4; i++) assert_true(y[i] == 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(dropout_keeps_what_half_a_draw_each_says),
      cmocka_unit_test(dropout_begins_with_a_new_draw),
      cmocka_unit_test(dropout_does_not_depend_on_threads),
      cmocka_unit_test(dropout_of_rate_zero_and_one),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
