/* test_despike.c - spikes go, peaks stay; channels; refusals. */
#include "check.h"

enum { L = 200, C = 2 };

/* A broad peak with noise in the first channel, a line in the second. */
static mb_real *spectrum(void) {
  mb_real *noise = check_random(L, 1), *x = check_zeros(L * C);
  for (mb_size t = 0; t < L; t++) {
    x[t * C] = (mb_real)(10 * exp(-pow((double)(t - 100) / 20, 2)) + 0.05 * (double)noise[t]);
    x[t * C + 1] = (mb_real)t;
  }
  free(noise);
  return x;
}

static void spikes_go_and_peaks_stay(void **state) {
  mb_real *clean = spectrum(), *x = spectrum(), *y = check_zeros(L * C);
  void *scratch = malloc(mb_despike_scratch_bytes(L, 1));
  (void)state;
  x[50 * C] += 30, x[150 * C] += 20, x[151 * C] += 25;
  assert_int_equal(mb_despike(y, x, scratch, 12, 5, 1, L, C, 1), MB_OK);
  for (mb_size t = 0; t < L; t++) {
    assert_true(fabs((double)(y[t * C] - clean[t * C])) < 0.5);
    assert_true(y[t * C + 1] == x[t * C + 1]);
  }
  assert_true(y[100 * C] == x[100 * C]);
  free(clean), free(x), free(y), free(scratch);
}

/* Counts of 10, and of 11 at every seventh point: the median of the differences' deviations is 0. */
static void a_spike_on_equal_counts_goes(void **state) {
  mb_real x[40], y[40];
  double scratch[256];
  (void)state;
  for (int t = 0; t < 40; t++) x[t] = t % 7 ? 10 : 11;
  x[20] = 5000;
  assert_true(mb_despike_scratch_bytes(40, 1) <= sizeof scratch);
  assert_int_equal(mb_despike(y, x, scratch, 8, 5, 1, 40, 1, 1), MB_OK);
  for (int t = 0; t < 40; t++) assert_true(y[t] >= 10 && y[t] <= 11);
  assert_true(y[7] == 11);
}

static void a_spike_at_either_end_goes(void **state) {
  mb_real *clean = spectrum(), *x = spectrum(), *y = check_zeros(L * C);
  void *scratch = malloc(mb_despike_scratch_bytes(L, 1));
  (void)state;
  x[0] += 5000, x[(L - 1) * C] += 5000;
  assert_int_equal(mb_despike(y, x, scratch, 12, 5, 1, L, C, 1), MB_OK);
  for (mb_size t = 0; t < L; t++) assert_true(fabs((double)(y[t * C] - clean[t * C])) < 0.5);
  free(clean), free(x), free(y), free(scratch);
}

static void bad_arguments_are_refused(void **state) {
  mb_real x[3] = {0}, y[3];
  double scratch[16];
  (void)state;
  assert_int_equal(mb_despike(y, x, scratch, 5, 1, 1, 2, 1, 1), MB_BAD_SHAPE);
  assert_int_equal(mb_despike(y, x, scratch, 0, 1, 1, 3, 1, 1), MB_BAD_VALUE);
  assert_int_equal(mb_despike(y, x, scratch, 5, 0, 1, 3, 1, 1), MB_BAD_VALUE);
  assert_int_equal(mb_despike(y, x, scratch, 5, 1, 1, 3, 1, 1), MB_OK);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(spikes_go_and_peaks_stay),
      cmocka_unit_test(a_spike_on_equal_counts_goes),
      cmocka_unit_test(a_spike_at_either_end_goes),
      cmocka_unit_test(bad_arguments_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
