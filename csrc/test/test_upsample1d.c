/* test_upsample1d.c - upsampling: numbers worked out by hand, and central differences. */
#include "check.h"

static void repeats_and_lines(void **state) {
  (void)state;
  const mb_real x[] = {1, 10, 5, 20}; /* two points of two channels */
  const mb_real repeated[] = {1, 10, 1, 10, 5, 20, 5, 20}, lines[] = {1, 10, 2, 12.5, 4, 17.5, 5, 20};
  const mb_real thirds[] = {3, 3, 5, 7, 9, 9}, two[] = {3, 9};
  mb_real y[8];
  mb_upsample1d s = {.N = 1, .L = 2, .C = 2, .factor = 2};
  mb_upsample1d_forward(y, x, &s);
  check_exact(y, repeated, 8);
  s.is_linear = true;
  mb_upsample1d_forward(y, x, &s);
  check_exact(y, lines, 8);
  mb_upsample1d_forward(y, two, &(mb_upsample1d){.N = 1, .L = 2, .C = 1, .factor = 3, .is_linear = true});
  check_close(y, thirds, 6, CHECK_TOLERANCE);
}

static void one_point_is_repeated(void **state) {
  (void)state;
  const mb_real x[] = {7}, sevens[] = {7, 7, 7, 7};
  mb_real y[4];
  mb_upsample1d_forward(y, x, &(mb_upsample1d){.N = 1, .L = 1, .C = 1, .factor = 4, .is_linear = true});
  check_exact(y, sevens, 4);
}

static void forward(mb_real *y, const mb_real *x, void *s) {
  mb_upsample1d_forward(y, x, s);
}

static void gradients(void **state) {
  (void)state;
  for (mb_size factor = 1; factor < 5; factor++)
    for (int linear = 0; linear < 2; linear++) {
      mb_upsample1d s = {.N = 2, .L = 5, .C = 3, .factor = factor, .is_linear = linear == 1};
      mb_real *x = check_random(30, 1), *dy = check_random(30 * factor, 2), *dx = check_zeros(30);
      mb_upsample1d_backward(dx, dy, &s);
      check_gradient(forward, &s, x, 30, dy, 30 * factor, dx);
      mb_upsample1d_backward(NULL, dy, &s);
      free(x), free(dy), free(dx);
    }
}

static void same_for_any_number_of_threads(void **state) {
  (void)state;
  const int threads = mb_get_threads();
  const mb_upsample1d s = {.N = 5, .L = 1000, .C = 7, .factor = 3, .is_linear = true};
  const mb_size in = s.N * s.L * s.C, out = in * s.factor;
  mb_real *x = check_random(in, 1), *y = check_zeros(out), *first = check_zeros(out), *dx = check_zeros(in),
          *first_dx = check_zeros(in);
  for (int count = 1; count < 4; count++) {
    mb_set_threads(count);
    mb_upsample1d_forward(count == 1 ? first : y, x, &s);
    mb_upsample1d_backward(count == 1 ? first_dx : dx, first, &s);
    if (count > 1) check_same_bits(y, first, out), check_same_bits(dx, first_dx, in);
  }
  mb_set_threads(threads);
  free(x), free(y), free(first), free(dx), free(first_dx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(repeats_and_lines),
      cmocka_unit_test(one_point_is_repeated),
      cmocka_unit_test(gradients),
      cmocka_unit_test(same_for_any_number_of_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
