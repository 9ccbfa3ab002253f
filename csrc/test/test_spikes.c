/* test_spikes.c - spikes under a Gaussian filter against SciPy, draws against NumPy, refusals. */
#include "check.h"

#ifdef MB_DOUBLE
#define ROUNDING 4e-16 /* of exp */
#else
#define ROUNDING 6e-8
#endif

static mb_spikes plain(mb_size L, double sigma) {
  return (mb_spikes){.L = L, .sigma = {sigma, sigma}};
}

static mb_real *exact(const mb_size *position, const double *height, mb_size peaks, mb_spikes options) {
  mb_real *y = check_zeros(options.L);
  double *scratch = malloc(mb_spikes_scratch_bytes(&options, peaks));
  for (mb_size t = 0; t < options.L; t++) y[t] = 7; /* must be overwritten */
  assert_int_equal(mb_spikes_exact(y, scratch, position, height, peaks, &options), MB_OK);
  free(scratch);
  return y;
}

/* x = zeros(L); x[position] = height; gaussian_filter1d(x, sigma, mode="constant") of SciPy 1.17 */
static void spectra_are_those_of_scipy(void **state) {
  static const mb_size at[] = {0, 1, 2, 6, 7, 21, 22, 27, 38, 39}, wide_at[] = {0, 10, 100, 200, 282, 283};
  static const double expected[] = {0.2282883084942037,
                                    0.3068832337785163,
                                    0.2282883084942037,
                                    0.00018825038354077444,
                                    0.0,
                                    0.17121623137065278,
                                    0.12370861795823282,
                                    4.706259588519361e-05,
                                    0.028536038561775463,
                                    0.038360404222314536};
  static const double wide_expected[] = {0.01727865782350163,   0.019461708874644292,   0.0,
                                         0.0058385126623932875, 1.9586028007685432e-06, 0.0};
  mb_real *y = exact((mb_size[]){1, 20, 22, 39}, (double[]){1, 0.5, 0.25, 0.125}, 4, plain(40, 1.3));
  (void)state;
  for (int i = 0; i < 10; i++) assert_true(fabs((double)y[at[i]] - expected[i]) <= ROUNDING * expected[i]);
  free(y);
  y = exact((mb_size[]){10, 200}, (double[]){1, 0.3}, 2, plain(400, 20.5));
  for (int i = 0; i < 6; i++)
    assert_true(fabs((double)y[wide_at[i]] - wide_expected[i]) <= ROUNDING * wide_expected[i]);
  free(y);
}

/* Every point is compared, not only those near a spike; sums are in SciPy's order, so that all bits agree. */
static void spectra_are_the_dense_sum(void **state) {
  enum { L = 300, R = 18 };
  const mb_size position[] = {0, 40, 45, 45, 76, 77, 299};
  const double height[] = {0.3, 1, 0.1, 0.7, 0, 0.2, 0.9};
  double line[L + 2 * R] = {0}, weight[R + 1];
  mb_real *y = exact(position, height, 7, plain(L, 4.5));
  (void)state;
  for (mb_size d = 0; d <= R; d++) { /* the response to one spike of height 1 */
    mb_real *spike = exact(&d, (double[]){1}, 1, plain(L, 4.5));
    weight[d] = (double)spike[0];
    free(spike);
  }
  for (int k = 0; k < 7; k++) line[R + position[k]] = height[k];
  for (mb_size t = 0; t < L; t++) {
    const double *at = line + R + t;
    double sum = at[0] * weight[0];
    for (mb_size d = R; d > 0; d--) sum += (at[-d] + at[d]) * weight[d];
#ifdef MB_DOUBLE
    assert_true(y[t] == sum);
#else
    assert_true(fabs((double)y[t] - sum) <= 2e-7 * sum);
#endif
  }
  free(y);
}

/* rng = default_rng(5), twice: [rng.integers(f - 50, f + 50) for f in (20, 700, 4990)] clipped to 0..4999,
 * [rng.uniform(f - .05, f + .05) if f != 1 else f for f in (.03, 1, .5)] clipped to 0..2, rng.uniform(2, 5)
 */
static void draws_are_those_of_numpy(void **state) {
  static const mb_size moved[2][3] = {{37, 730, 4942}, {50, 677, 4978}};
  static const double changed[2][3] = {{0.031532556104214196, 1, 0.47858013800881416},
                                       {0.020847320541999864, 1, 0.45452751939024455}};
  static const double sigma[2] = {2.1617921071449695, 2.1462731321815043};
  const mb_size position[3] = {20, 700, 4990};
  const double height[3] = {0.03, 1, 0.5};
  const mb_spikes options = {.L = 5000, .shift = 50, .variation = 0.05, .keep_ones = true, .sigma = {2, 5}};
  void *scratch = malloc(mb_spikes_scratch_bytes(&options, 3));
  mb_real *y = check_zeros(2 * 5000);
  mb_rng rng;
  (void)state;
  mb_rng_seed(&rng, (const uint32_t[]){5}, 1);
  assert_int_equal(mb_spikes_varied(y, scratch, &rng, position, height, 3, &options, 2), MB_OK);
  for (int i = 0; i < 2; i++) {
    mb_spikes narrow = plain(5000, sigma[i]);
    mb_real *expected = exact(moved[i], changed[i], 3, narrow);
    assert_memory_equal(y + i * 5000, expected, 5000 * sizeof *y);
    free(expected);
  }
  free(y);
  free(scratch);
}

static void positions_and_heights_are_clipped(void **state) {
  const mb_spikes options = {.L = 100, .shift = 90, .variation = 2, .sigma = {1, 1}};
  const mb_size position[2] = {0, 99};
  const double height[2] = {0.1, 1.9};
  bool low = false, high = false, none = false, most = false;
  mb_rng rng;
  (void)state;
  mb_rng_seed(&rng, (const uint32_t[]){1}, 1);
  for (int i = 0; i < 200; i++) {
    mb_size moved[2];
    double changed[2];
    mb_spikes_draw(moved, changed, &rng, position, height, 2, &options);
    for (int k = 0; k < 2; k++) {
      assert_in_range(moved[k], 0, 99);
      assert_true(changed[k] >= 0 && changed[k] <= 2);
    }
    low |= moved[0] == 0, high |= moved[1] == 99, none |= changed[0] == 0, most |= changed[1] == 2;
  }
  assert_true(low && high && none && most);
}

static void scaled_spectra_have_maximum_one(void **state) {
  const mb_size position[] = {50, 53};
  mb_spikes options = plain(100, 3);
  mb_real *raw = exact(position, (double[]){0.5, 0.4}, 2, options), largest = 0;
  (void)state;
  options.scaled = true;
  mb_real *y = exact(position, (double[]){0.5, 0.4}, 2, options);
  for (int t = 0; t < 100; t++) largest = raw[t] > largest ? raw[t] : largest;
  for (int t = 0; t < 100; t++) raw[t] /= largest;
  check_close(y, raw, 100, CHECK_TOLERANCE);
  free(y);
  y = exact(position, (double[]){0, 0}, 2, options); /* nothing to divide by */
  for (int t = 0; t < 100; t++) assert_true(y[t] == 0);
  free(y);
  free(raw);
}

static void bad_options_are_refused(void **state) {
  mb_real y[10];
  double scratch[1000];
  mb_spikes options = plain(10, 0);
  (void)state;
  assert_int_equal(mb_spikes_exact(y, scratch, (mb_size[]){1}, (double[]){1}, 1, &options), MB_BAD_VALUE);
  assert_non_null(
      strstr(mb_reason(), "sigma: expected {low, high} with 0 < low <= high <= points, got {0, 0}"));
  options = plain(10, 11);
  assert_int_equal(mb_spikes_exact(y, scratch, (mb_size[]){1}, (double[]){1}, 1, &options), MB_BAD_VALUE);
  options = plain(10, 2), options.variation = -1;
  assert_int_equal(mb_spikes_exact(y, scratch, (mb_size[]){1}, (double[]){1}, 1, &options), MB_BAD_VALUE);
  assert_non_null(strstr(mb_reason(), "variation: expected 0 to 2, got -1"));
  options = plain(10, 2), options.shift = -1;
  assert_int_equal(mb_spikes_exact(y, scratch, (mb_size[]){1}, (double[]){1}, 1, &options), MB_BAD_VALUE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(spectra_are_those_of_scipy),      cmocka_unit_test(spectra_are_the_dense_sum),
      cmocka_unit_test(draws_are_those_of_numpy),        cmocka_unit_test(positions_and_heights_are_clipped),
      cmocka_unit_test(scaled_spectra_have_maximum_one), cmocka_unit_test(bad_options_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
