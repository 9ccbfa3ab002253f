/* test_spectra.c - border_peaks: where the peaks are, what noise and background add, threads. */
#include "check.h"

static const mb_border_peaks plain = {2000, 950, 1000, 1050, {0.6, 1}, {2, 6}, 0, 0};

typedef struct {
  mb_size n, L;
  mb_real *y, *label, *position;
} Set;

static Set new_set(mb_size n, mb_border_peaks options) {
  Set set = {n, options.L, check_zeros(n * options.L), check_zeros(n), check_zeros(n)};
  mb_rng rng;
  mb_rng_seed(&rng, (const uint32_t[]){2022}, 1);
  assert_int_equal(mb_border_peaks_generate(set.y, set.label, set.position, &rng, &options, n), MB_OK);
  return set;
}

static void free_set(Set set) {
  free(set.y);
  free(set.label);
  free(set.position);
}

static mb_size maximum(const mb_real *y, mb_size L) {
  mb_size best = 0;
  for (mb_size t = 1; t < L; t++)
    if (y[t] > y[best]) best = t;
  return best;
}

static void peaks_are_where_position_says_and_classes_too(void **state) {
  enum { n = 5001 };
  const Set set = new_set(n, plain);
  int counts[1051] = {0};
  mb_size ones = 0;
  (void)state;
  for (mb_size i = 0; i < n; i++) {
    const mb_real *y = set.y + i * set.L;
    const mb_size position = (mb_size)set.position[i];
    assert_int_equal(maximum(y, set.L) + 1, position);
    assert_true(position >= 950 && position <= 1050);
    assert_true(set.label[i] == (position < 1000 ? 1 : 2));
    assert_true(y[position - 1] >= (mb_real)0.6 && y[position - 1] < 1);
    ones += set.label[i] == 1;
    counts[position]++;
  }
  assert_int_equal(ones, 2501);
  for (int p = 950; p <= 1050; p++) assert_in_range(counts[p], 20, 90); /* 50 each expected */
  free_set(set);
}

static void classes_come_in_random_order(void **state) {
  enum { n = 4000 };
  mb_border_peaks options = plain;
  int changes = 0;
  (void)state;
  options.L = 1050;
  const Set set = new_set(n, options);
  for (mb_size i = 1; i < n; i++) changes += set.label[i] != set.label[i - 1];
  assert_in_range(changes, n / 2 - 100, n / 2 + 100);
  free_set(set);
}

static void peaks_are_gaussians_of_the_drawn_width(void **state) {
  const Set set = new_set(200, plain);
  double narrowest = 100, widest = 0;
  (void)state;
  for (mb_size i = 0; i < set.n; i++) {
    const mb_real *peak = set.y + i * set.L + (mb_size)set.position[i] - 1;
    const double width = sqrt(-12.5 / log((double)(peak[5] / peak[0])));
    for (mb_size d = -60; d <= 60; d++) {
      const double gaussian = (double)peak[0] * exp((double)(-d * d) / (2 * width * width));
      assert_true(fabs((double)peak[d] - gaussian) < 1e-6);
    }
    narrowest = fmin(narrowest, width);
    widest = fmax(widest, width);
  }
  assert_true(narrowest > 2 - 1e-6 && narrowest < 2.2);
  assert_true(widest > 5.8 && widest < 6 + 1e-6);
  free_set(set);
}

/* rng = default_rng(2022); key = rng.bit_generator.random_raw(); label = arange(5) % 2 + 1;
 * rng.shuffle(label) g = default_rng([key & 0xffffffff, key >> 32, i, 0]); position = g.integers(950, 1000)
 * or (1000, 1051), g.uniform(0.6, 1), g.uniform(2, 6), g.random(12) for the background, g.normal() first of
 * the noise */
static void draws_are_those_of_numpy(void **state) {
  static const double label[5] = {1, 1, 1, 2, 2};
  static const double position[5] = {986, 998, 983, 1000, 1016};
  static const double height[5] = {0.7903139163569981, 0.9757987200693192, 0.9099287188660569,
                                   0.9232683083866461, 0.9645002993667403};
  static const double width[5] = {3.5767098628856546, 5.466807770515366, 3.5309570517302364,
                                  2.7482700677314384, 4.3988517825632805};
  static const double noise[5] = {2.152352977643082, -0.4361994048834812, 0.09508012290779204,
                                  0.5438443147890105, -0.5332150515047203};
  mb_border_peaks options = plain;
  (void)state;
  options.noise = 0.5;
  const Set clean = new_set(5, plain), noisy = new_set(5, options);
  for (mb_size i = 0; i < 5; i++) {
    assert_true(clean.label[i] == (mb_real)label[i]);
    assert_true(clean.position[i] == (mb_real)position[i]);
    const mb_real *peak = clean.y + i * clean.L + (mb_size)position[i] - 1;
    assert_true(fabs((double)peak[0] - height[i]) < 1e-6);
    assert_true(fabs((double)peak[2] - height[i] * exp(-2 / (width[i] * width[i]))) < 1e-6);
    assert_true(fabs((double)noisy.y[i * noisy.L] - 0.5 * noise[i]) < 1e-6);
  }
  free_set(clean);
  free_set(noisy);
}

static void noise_changes_nothing_else(void **state) {
  mb_border_peaks options = plain;
  double sum = 0, squares = 0, neighbours = 0, before = 0;
  (void)state;
  options.noise = 0.02;
  const Set clean = new_set(100, plain), noisy = new_set(100, options);
  const double count = (double)(clean.n * clean.L);
  assert_memory_equal(clean.label, noisy.label, 100 * sizeof *clean.label);
  assert_memory_equal(clean.position, noisy.position, 100 * sizeof *clean.label);
  for (mb_size i = 0; i < clean.n * clean.L; i++) {
    const double z = ((double)noisy.y[i] - (double)clean.y[i]) / 0.02;
    sum += z;
    squares += z * z;
    neighbours += z * before;
    before = z;
  }
  assert_true(fabs(sum / count) < 0.01);
  assert_true(fabs(squares / count - 1) < 0.02);
  assert_true(fabs(neighbours / count) < 0.01);
  free_set(clean);
  free_set(noisy);
}

static void background_is_smooth_and_of_the_drawn_maximum(void **state) {
  mb_border_peaks options = plain;
  double sum = 0, highest = 0;
  (void)state;
  options.background = 0.2;
  const Set clean = new_set(1000, plain), with = new_set(1000, options);
  assert_memory_equal(clean.position, with.position, 1000 * sizeof *clean.label);
  for (mb_size i = 0; i < clean.n; i++) {
    double maximum_here = 0, before = 0;
    for (mb_size t = 0; t < clean.L; t++) {
      const double b = (double)with.y[i * clean.L + t] - (double)clean.y[i * clean.L + t];
      assert_true(b > -1e-6);
      if (t > 0) assert_true(fabs(b - before) < 0.006);
      maximum_here = fmax(maximum_here, b);
      before = b;
    }
    sum += maximum_here;
    highest = fmax(highest, maximum_here);
  }
  assert_true(fabs(sum / 1000 - 0.1) < 0.006); /* uniform from 0 to 0.2 */
  assert_true(highest > 0.199 && highest < 0.2 + 1e-6);
  free_set(clean);
  free_set(with);
}

static void spectra_do_not_depend_on_threads(void **state) {
  const mb_border_peaks options = {500, 200, 250, 300, {0.6, 1}, {2, 6}, 0.02, 0.2};
  const int before = mb_get_threads();
  (void)state;
  mb_set_threads(1);
  const Set one = new_set(301, options);
  for (int threads = 2; threads <= 3; threads++) {
    mb_set_threads(threads);
    const Set more = new_set(301, options);
    assert_memory_equal(one.y, more.y, 301 * 500 * sizeof *one.y);
    assert_memory_equal(one.label, more.label, 301 * sizeof *one.y);
    assert_memory_equal(one.position, more.position, 301 * sizeof *one.y);
    free_set(more);
  }
  mb_set_threads(before);
  free_set(one);
}

static void the_generator_moves_on(void **state) {
  const mb_border_peaks options = {20, 5, 10, 15, {1, 1}, {1, 1}, 0.1, 0};
  mb_real y[2][20 * 3], label[3], position[3];
  mb_rng rng;
  (void)state;
  mb_rng_seed(&rng, (const uint32_t[]){1}, 1);
  for (int k = 0; k < 2; k++) mb_border_peaks_generate(y[k], label, position, &rng, &options, 3);
  assert_memory_not_equal(y[0], y[1], sizeof y[0]);
}

static void peaks_at_the_ends_are_cut_off(void **state) {
  const mb_border_peaks options = {3, 1, 2, 3, {1, 1}, {500, 500}, 0, 0.5}; /* wider than the spectrum */
  const Set set = new_set(50, options);
  (void)state;
  for (mb_size i = 0; i < set.n * set.L; i++)
    assert_true(set.y[i] > (mb_real)0.99 && set.y[i] < (mb_real)1.5001);
  free_set(set);
}

static void check_refused(mb_border_peaks options, const char *reason) {
  mb_real value;
  mb_rng rng;
  mb_rng_seed(&rng, (const uint32_t[]){1}, 1);
  assert_int_equal(mb_border_peaks_generate(&value, &value, &value, &rng, &options, 1), MB_BAD_VALUE);
  assert_string_equal(mb_reason(), reason);
}

static void bad_options_are_refused(void **state) {
  mb_border_peaks options;
  (void)state;
  options = plain, options.first = 0;
  check_refused(options, "expected 1 <= first < border <= last <= length, got 0, 1000, 1050 and 2000");
  options = plain, options.border = 950;
  check_refused(options, "expected 1 <= first < border <= last <= length, got 950, 950, 1050 and 2000");
  options = plain, options.last = 999;
  check_refused(options, "expected 1 <= first < border <= last <= length, got 950, 1000, 999 and 2000");
  options = plain, options.L = 1049;
  check_refused(options, "expected 1 <= first < border <= last <= length, got 950, 1000, 1050 and 1049");
  options = plain, options.height[0] = 0;
  check_refused(options, "height: expected {low, high} with 0 < low <= high, got {0, 1}");
  options = plain, options.height[0] = NAN;
  check_refused(options, "height: expected {low, high} with 0 < low <= high, got {nan, 1}");
  options = plain, options.width[0] = 7;
  check_refused(options, "width: expected {low, high} with 0 < low <= high, got {7, 6}");
  options = plain, options.width[1] = INFINITY;
  check_refused(options, "width: expected {low, high} with 0 < low <= high, got {2, inf}");
  options = plain, options.noise = -0.5;
  check_refused(options, "noise: expected a finite number of at least 0, got -0.5");
  options = plain, options.background = INFINITY;
  check_refused(options, "background: expected a finite number of at least 0, got inf");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(peaks_are_where_position_says_and_classes_too),
      cmocka_unit_test(classes_come_in_random_order),
      cmocka_unit_test(peaks_are_gaussians_of_the_drawn_width),
      cmocka_unit_test(draws_are_those_of_numpy),
      cmocka_unit_test(noise_changes_nothing_else),
      cmocka_unit_test(background_is_smooth_and_of_the_drawn_maximum),
      cmocka_unit_test(spectra_do_not_depend_on_threads),
      cmocka_unit_test(the_generator_moves_on),
      cmocka_unit_test(peaks_at_the_ends_are_cut_off),
      cmocka_unit_test(bad_options_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
