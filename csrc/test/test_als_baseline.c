/* test_als_baseline.c - lines, channels, refusals. Whole spectra are compared with SciPy in
 * spec/preprocess_spec.lua. */
#include "check.h"

/* As lambda grows, the baseline approaches the least-squares line: here, by symmetry, the mean. */
static void stiff_baselines_are_lines(void **state) {
  enum { L = 101 };
  mb_real y[L], z[L];
  double *scratch = malloc(mb_als_baseline_scratch_bytes(L, 1));
  (void)state;
  for (mb_size t = 0; t < L; t++) y[t] = (mb_real)(t % 2 == 0 ? 1 : 0);
  for (double lambda = 1e12; lambda <= 1e300; lambda *= 1e12) {
    assert_int_equal(mb_als_baseline(z, y, scratch, MB_ALS, lambda, 0.5, 0, 1, 1, L, 1, 1), MB_OK);
    for (mb_size t = 0; t < L; t++) assert_true(fabs((double)z[t] - 51.0 / 101) < 1e-6);
  }
  free(scratch);
}

/* Eight are computed side by side, each of which settles after iterations of its own. */
static void spectra_have_the_bits_that_they_have_alone(void **state) {
  enum { N = 11, L = 40 };
  static const mb_weighting weightings[] = {MB_ALS, MB_ARPLS, MB_AIRPLS};
  mb_real y[N * L], z[N * L], alone[L];
  double *scratch = malloc(mb_als_baseline_scratch_bytes(L, 3));
  (void)state;
  for (mb_size i = 0; i < N * L; i++)
    y[i] = (mb_real)(i % 7 * 0.1 + (i % L == 5 + i / L ? 9 : 0) + 0.01 * (double)(i / L * i % L));
  for (int kind = 0; kind < 3; kind++)
    for (int threads = 1; threads <= 3; threads++) {
      assert_int_equal(
          mb_als_baseline(z, y, scratch, weightings[kind], 1e3, 0.05, 1e-3, 30, N, L, 1, threads), MB_OK);
      for (mb_size n = 0; n < N; n++) {
        assert_int_equal(
            mb_als_baseline(alone, y + n * L, scratch, weightings[kind], 1e3, 0.05, 1e-3, 30, 1, L, 1, 1),
            MB_OK);
        assert_memory_equal(alone, z + n * L, sizeof alone);
      }
    }
  free(scratch);
}

static void a_line_is_its_own_baseline(void **state) {
  enum { L = 50, C = 2 };
  mb_real y[L * C], z[L * C];
  double *scratch = malloc(mb_als_baseline_scratch_bytes(L, mb_get_threads()));
  (void)state;
  for (mb_size i = 0; i < L * C; i++) y[i] = (mb_real)(i % C == 0 ? 3 - 0.01 * (double)(i / C) : 1);
  assert_int_equal(mb_als_baseline(z, y, scratch, MB_ALS, 1e4, 0.01, 0, 10, 1, L, C, 1), MB_OK);
  check_close(z, y, L * C, 1e-6);
  y[25 * C] += 1; /* a peak in one channel leaves the other alone, and hardly lifts its own */
  assert_int_equal(mb_als_baseline(z, y, scratch, MB_ALS, 1e4, 0.01, 0, 10, 1, L, C, 1), MB_OK);
  for (mb_size t = 0; t < L; t++) {
    assert_true(fabs((double)z[t * C] - (3 - 0.01 * (double)t)) < 0.02);
    assert_true(fabs((double)z[t * C + 1] - 1) < 1e-6);
  }
  free(scratch);
}

static void bad_arguments_are_refused(void **state) {
  mb_real x[3] = {0}, y[3];
  double scratch[64];
  (void)state;
  assert_int_equal(mb_als_baseline(y, x, scratch, MB_ALS, 1, 0.1, 0, 5, 1, 2, 1, 1), MB_BAD_SHAPE);
  assert_int_equal(mb_als_baseline(y, x, scratch, MB_ALS, 0, 0.1, 0, 5, 1, 3, 1, 1), MB_BAD_VALUE);
  assert_int_equal(mb_als_baseline(y, x, scratch, MB_ALS, 1, 1, 0, 5, 1, 3, 1, 1), MB_BAD_VALUE);
  assert_int_equal(mb_als_baseline(y, x, scratch, MB_ALS, 1, 0.1, 0, 0, 1, 3, 1, 1), MB_BAD_VALUE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(stiff_baselines_are_lines),
      cmocka_unit_test(spectra_have_the_bits_that_they_have_alone),
      cmocka_unit_test(a_line_is_its_own_baseline),
      cmocka_unit_test(bad_arguments_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
