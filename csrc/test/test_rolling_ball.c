/* test_rolling_ball.c - the opening by its definition, with channels; refusals. */
#include "check.h"

static double extreme_at(const double *x, double sign, mb_size half, mb_size L, mb_size t) {
  double most = sign * x[t];
  for (mb_size i = t - half; i <= t + half; i++)
    if (i >= 0 && i < L) most = fmin(most, sign * x[i]);
  return sign * most;
}

static void is_the_smoothed_opening(void **state) {
  enum { N = 3, L = 40, C = 2 };
  mb_real *y = check_random(N * L * C, 2), *z = check_zeros(N * L * C), *expected = check_zeros(N * L * C);
  void *scratch = malloc(mb_rolling_ball_scratch_bytes(L, 2));
  (void)state;
  for (mb_size half = 1; half <= L; half += 13)
    for (mb_size smooth = 0; smooth < 8; smooth += 3) {
      for (mb_size row = 0; row < N * C; row++) {
        const mb_size at = row / C * L * C + row % C;
        double values[L], low[L], high[L];
        for (mb_size t = 0; t < L; t++) values[t] = (double)y[at + t * C];
        for (mb_size t = 0; t < L; t++) low[t] = extreme_at(values, 1, half, L, t);
        for (mb_size t = 0; t < L; t++) high[t] = extreme_at(low, -1, half, L, t);
        for (mb_size t = 0; t < L; t++) {
          double sum = 0, count = 0;
          for (mb_size i = t - smooth; i <= t + smooth; i++)
            if (i >= 0 && i < L) sum += high[i], count++;
          expected[at + t * C] = (mb_real)(sum / count);
        }
      }
      assert_int_equal(mb_rolling_ball(z, y, scratch, half, smooth, N, L, C, 2), MB_OK);
      check_close(z, expected, N * L * C, 1e-6);
    }
  free(y), free(z), free(expected), free(scratch);
}

static void bad_arguments_are_refused(void **state) {
  mb_real x[3] = {0}, y[3];
  double scratch[16];
  (void)state;
  assert_int_equal(mb_rolling_ball(y, x, scratch, 0, 0, 1, 3, 1, 1), MB_BAD_VALUE);
  assert_int_equal(mb_rolling_ball(y, x, scratch, 4, 0, 1, 3, 1, 1), MB_BAD_VALUE);
  assert_int_equal(mb_rolling_ball(y, x, scratch, 1, 4, 1, 3, 1, 1), MB_BAD_VALUE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(is_the_smoothed_opening),
      cmocka_unit_test(bad_arguments_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
