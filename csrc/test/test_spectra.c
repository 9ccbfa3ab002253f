/* test_spectra.c - artificial spectra: where the peaks are, what noise and background add, threads, mixtures,
 * and the ceiling. */
#include "check.h"

static const mb_size one_each[] = {0, 1, 2};
static const mb_peak_ranges either_side[] = {{{950, 999}, {0.6, 1}}, {{1000, 1050}, {0.6, 1}}};

/* A peak at an integer on either side of a border. */
static const mb_spectra plain = {
    .L = 2000,
    .classes = 2,
    .first = one_each,
    .peaks = either_side,
    .whole_points = true,
    .width = {2, 6},
    .background_kinds = MB_POLYNOMIAL | MB_EXPONENTIAL | MB_HUMP,
    .orders = {1, 5},
    .parts = {1, 1},
};

typedef struct {
  mb_size n, L;
  mb_real *y, *label, *position;
} Set;

static Set new_set(mb_size n, mb_spectra options) {
  Set set = {n, options.L, check_zeros(n * options.L), check_zeros(n), check_zeros(n)};
  const mb_spectra_out out = {.y = set.y, .label = set.label, .position = set.position};
  mb_rng rng;
  mb_rng_seed(&rng, (const uint32_t[]){2022}, 1);
  assert_int_equal(mb_spectra_generate(&out, &rng, &options, n), MB_OK);
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
    assert_true(set.label[i] == (position < 1000 ? 0 : 1));
    assert_true(y[position - 1] >= (mb_real)0.6 && y[position - 1] < 1);
    ones += set.label[i] == 0;
    counts[position]++;
  }
  assert_int_equal(ones, 2501);
  for (int p = 950; p <= 1050; p++) assert_in_range(counts[p], 20, 90); /* 50 each expected */
  free_set(set);
}

static void classes_come_in_random_order(void **state) {
  enum { n = 4000 };
  mb_spectra options = plain;
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

/* In NumPy:
 *   rng = default_rng(2022); key = rng.bit_generator.random_raw(); label = arange(5) % 2; rng.shuffle(label)
 *   g = default_rng([key & 0xffffffff, key >> 32, i, 0])
 *   position = g.integers(950, 1000) or (1000, 1051), g.uniform(0.6, 1), g.uniform(2, 6)
 *   g.random(12) for the background, and the first g.normal() of the noise */
static void draws_are_those_of_numpy(void **state) {
  static const double label[5] = {0, 0, 0, 1, 1};
  static const double position[5] = {986, 998, 983, 1000, 1016};
  static const double height[5] = {0.7903139163569981, 0.9757987200693192, 0.9099287188660569,
                                   0.9232683083866461, 0.9645002993667403};
  static const double width[5] = {3.5767098628856546, 5.466807770515366, 3.5309570517302364,
                                  2.7482700677314384, 4.3988517825632805};
  static const double noise[5] = {2.152352977643082, -0.4361994048834812, 0.09508012290779204,
                                  0.5438443147890105, -0.5332150515047203};
  mb_spectra options = plain;
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
  mb_spectra options = plain;
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
  mb_spectra options = plain;
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
  static const mb_peak_ranges peaks[] = {{{200, 249}, {0.6, 1}}, {{250, 300}, {0.6, 1}}};
  const int before = mb_get_threads();
  mb_spectra options = plain;
  (void)state;
  options.L = 500, options.peaks = peaks, options.noise = 0.02, options.background = 0.2;
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
  static const mb_peak_ranges peaks[] = {{{5, 9}, {1, 1}}, {{10, 15}, {1, 1}}};
  mb_spectra options = plain;
  mb_real y[2][20 * 3], label[3];
  mb_rng rng;
  (void)state;
  options.L = 20, options.peaks = peaks, options.noise = 0.1;
  mb_rng_seed(&rng, (const uint32_t[]){1}, 1);
  for (int k = 0; k < 2; k++) {
    const mb_spectra_out out = {.y = y[k], .label = label};
    assert_int_equal(mb_spectra_generate(&out, &rng, &options, 3), MB_OK);
  }
  assert_memory_not_equal(y[0], y[1], sizeof y[0]);
}

static void peaks_at_the_ends_are_cut_off(void **state) {
  static const mb_peak_ranges peaks[] = {{{1, 1}, {1, 1}}, {{2, 3}, {1, 1}}};
  mb_spectra options = plain;
  (void)state;
  options.L = 3, options.peaks = peaks, options.background = 0.5;
  options.width[0] = options.width[1] = 500; /* wider than the spectrum */
  const Set set = new_set(50, options);
  for (mb_size i = 0; i < set.n * set.L; i++)
    assert_true(set.y[i] > (mb_real)0.99 && set.y[i] < (mb_real)1.5001);
  free_set(set);
}

static void parts_add_up(void **state) {
  enum { n = 300, L = 400 };
  static const mb_peak_ranges peaks[] = {{{150.5, 250}, {0.6, 0.9}}, {{150, 250}, {0.4, 0.6}}};
  mb_real *all[4], label[n], position[n], height[n], width[n];
  mb_spectra options = plain;
  mb_rng rng;
  (void)state;
  options.L = L, options.peaks = peaks, options.whole_points = false;
  options.noise = 0.02, options.background = 0.3, options.counts = 1000;
  for (int k = 0; k < 4; k++) all[k] = check_zeros(n * L);
  const mb_spectra_out out = {.y = all[0],
                              .peak = all[1],
                              .background = all[2],
                              .noise = all[3],
                              .label = label,
                              .position = position,
                              .height = height,
                              .width = width};
  mb_rng_seed(&rng, (const uint32_t[]){5}, 1);
  assert_int_equal(mb_spectra_generate(&out, &rng, &options, n), MB_OK);
  double variance = 0, expected = 0;
  for (mb_size i = 0; i < n * L; i++) {
    const double peak = (double)all[1][i], background = (double)all[2][i], noise = (double)all[3][i];
    const mb_size row = i / L;
    const double z = ((double)(i % L) + 1 - (double)position[row]) / (double)width[row];
    assert_true(fabs(peak + background + noise - (double)all[0][i]) < 1e-6);
    assert_true(fabs(peak - (double)height[row] * exp(-0.5 * z * z)) < 1e-5);
    variance += noise * noise;
    expected += 0.02 * 0.02 + (peak + background) / 1000;
  }
  assert_true(fabs(variance / expected - 1) < 0.02);
  for (mb_size i = 0; i < n; i++) {
    const mb_peak_ranges *of = &peaks[label[i] == 1];
    assert_true((double)position[i] >= of->position[0] && (double)position[i] <= of->position[1]);
    assert_true((double)height[i] >= of->height[0] - 1e-7 && (double)height[i] <= of->height[1]);
  }
  for (int k = 0; k < 4; k++) free(all[k]);
}

static void shapes_have_one_width_at_half_height(void **state) {
  static const mb_peak_ranges peak[] = {{{1001, 1001}, {1, 1}}};
  const double half = 10 * sqrt(2 * log(2.0));
  mb_spectra options = plain;
  (void)state;
  options.classes = 1, options.peaks = peak;
  options.width[0] = options.width[1] = 10;
  for (int k = 0; k < 3; k++) { /* Gaussian, half and half, Lorentzian */
    options.mixing[0] = options.mixing[1] = k / 2.0;
    const Set set = new_set(1, options);
    const double low = (double)set.y[1000 + 11], high = (double)set.y[1000 + 12]; /* half is 11.77 */
    assert_true(fabs(low + (half - 11) * (high - low) - 0.5) < 2e-3);
    assert_true(fabs((double)set.y[1100] - k / 2.0 / (1 + 100 / (2 * log(2.0)))) < 1e-6);
    free_set(set);
  }
  options.mixing[0] = options.mixing[1] = 0;
  options.asymmetry[0] = options.asymmetry[1] = 0.3;
  const Set set = new_set(1, options);
  assert_true(fabs((double)set.y[1000 - 7] - exp(-0.5)) < 1e-6);
  assert_true(fabs((double)set.y[1000 + 13] - exp(-0.5)) < 1e-6);
  free_set(set);
}

static void mixtures_share_between_classes(void **state) {
  enum { n = 4000, L = 100 };
  static const mb_size first[] = {0, 1, 3, 4};
  static const mb_peak_ranges peaks[] = {
      {{10, 10}, {1, 1}}, {{30, 30}, {1, 1}}, {{50, 50}, {0.5, 0.5}}, {{80, 80}, {1, 1}}};
  static mb_real y[n * L], label[n], share[n * 3], position[n * 4], height[n * 4];
  mb_spectra options = plain;
  double others = 0;
  mb_rng rng;
  (void)state;
  options.L = L, options.classes = 3, options.first = first, options.peaks = peaks;
  options.width[0] = options.width[1] = 2, options.parts[1] = 2, options.impurity[1] = 0.7;
  const mb_spectra_out out = {.y = y, .label = label, .share = share, .position = position, .height = height};
  mb_rng_seed(&rng, (const uint32_t[]){5}, 1);
  assert_int_equal(mb_spectra_peaks(&options), 4);
  assert_int_equal(mb_spectra_generate(&out, &rng, &options, n), MB_OK);
  for (mb_size i = 0; i < n; i++) {
    const mb_real *s = share + i * 3;
    const int of = (int)label[i], in = (s[0] > 0) + (s[1] > 0) + (s[2] > 0);
    assert_true(fabs((double)(s[0] + s[1] + s[2]) - 1) < 1e-6);
    for (int k = 0; k < 3; k++) assert_true(k == of || s[k] <= (mb_real)0.7001 * s[of]);
    assert_in_range(in, 1, 2);
    others += in - 1;
    assert_true(fabs((double)(y[i * L + 9] - s[0])) < 1e-6);
    assert_true(fabs((double)(y[i * L + 49] - s[1] / 2)) < 1e-6);
    assert_true((double)position[i * 4] == peaks[first[of]].position[0]);
    assert_true(isnan(position[i * 4 + 3]) != 0);
  }
  assert_in_range((int)others, n / 2 - 150, n / 2 + 150);
}

static double ceiling_of(mb_spectra options) {
  double accuracy = 0;
  mb_rng rng;
  mb_rng_seed(&rng, (const uint32_t[]){3}, 1);
  assert_int_equal(mb_spectra_ceiling(&accuracy, &rng, &options, 20000), MB_OK);
  return accuracy;
}

/* Heights are uniform on either side of 0.7 and measured with the error s: the loss is s / sqrt(2 pi) / 0.2.
 */
static void the_ceiling_of_touching_heights_is_known(void **state) {
  static const mb_peak_ranges peaks[] = {{{501, 501}, {0.7, 0.9}}, {{501, 501}, {0.5, 0.7}}};
  mb_spectra options = plain;
  (void)state;
  options.L = 1001, options.peaks = peaks, options.whole_points = false;
  options.width[0] = options.width[1] = 4;
  const double squares = 4 * sqrt(3.14159265358979), per_range = 1 / sqrt(2 * 3.14159265358979) / 0.2;
  assert_true(ceiling_of(options) == 1); /* no noise */
  options.noise = 0.05;
  const double known = 0.05 / sqrt(squares) * per_range;
  assert_true(fabs(1 - ceiling_of(options) - known) < 0.002);
  options.width[0] = 3.9, options.width[1] = 4.1; /* hardly a hint: a variance 3/2 as large */
  options.noise = 0.005;
  const double unknown = 0.005 / sqrt(squares) * sqrt(1.5) * per_range;
  assert_true(fabs((1 - ceiling_of(options)) / unknown - 1) < 0.15);
}

static void the_ceiling_of_overlapping_ranges_is_known(void **state) {
  static const mb_peak_ranges half[] = {{{100, 200}, {0.5, 1}}, {{150, 250}, {0.5, 1}}},
                              same[] = {{{100, 200}, {0.5, 1}}, {{100, 200}, {0.5, 1}}},
                              apart[] = {{{100, 200}, {0.5, 1}}, {{220, 250}, {0.5, 1}}},
                              either[] = {{{100, 149}, {1, 1}}, {{150, 199}, {1, 1}}};
  mb_spectra options = plain;
  (void)state;
  options.L = 300, options.whole_points = false, options.noise = 0.001;
  options.peaks = half;
  assert_true(fabs(ceiling_of(options) - 0.75) < 0.005);
  options.peaks = same;
  assert_true(fabs(ceiling_of(options) - 0.5) < 1e-9);
  options.peaks = apart;
  assert_true(ceiling_of(options) > 0.9999);
  options.peaks = either, options.whole_points = true;
  assert_true(ceiling_of(options) > 0.9999);
  options.noise = 10; /* positions are lost */
  assert_true(ceiling_of(options) < 0.9);
}

static void counting_noise_lowers_the_ceiling(void **state) {
  static const mb_peak_ranges peaks[] = {{{150, 150}, {0.7, 0.9}}, {{150, 150}, {0.5, 0.7}}};
  mb_spectra options = plain;
  (void)state;
  options.L = 300, options.peaks = peaks, options.whole_points = false, options.counts = 1e4;
  options.width[0] = options.width[1] = 4;
  /* The information on h of counts c h s is c sum(s) / h, so that the error is sqrt(h / (c sum(s))). */
  const double error = sqrt(0.7 / (1e4 * 4 * sqrt(2 * 3.14159265358979)));
  assert_true(fabs((1 - ceiling_of(options)) / (error / sqrt(2 * 3.14159265358979) / 0.2) - 1) < 0.15);
}

static void check_refused(mb_spectra options, const char *reason) {
  mb_real value;
  double accuracy;
  mb_rng rng;
  const mb_spectra_out out = {.y = &value, .label = &value};
  mb_rng_seed(&rng, (const uint32_t[]){1}, 1);
  assert_int_equal(mb_spectra_generate(&out, &rng, &options, 1), MB_BAD_VALUE);
  assert_string_equal(mb_reason(), reason);
  assert_int_equal(mb_spectra_ceiling(&accuracy, &rng, &options, 1), MB_BAD_VALUE);
  assert_string_equal(mb_reason(), reason);
}

static void more_peaks_than_fit_are_refused(void **state) {
  enum { PEAKS = 1025 };
  static mb_peak_ranges peaks[PEAKS];
  const mb_size first[] = {0, 257, PEAKS};
  mb_spectra options = plain;
  mb_real value;
  double accuracy;
  mb_rng rng;
  (void)state;
  for (int p = 0; p < PEAKS; p++) peaks[p] = (mb_peak_ranges){{1, 10}, {1, 1}};
  options.peaks = peaks, options.first = first;
  mb_rng_seed(&rng, (const uint32_t[]){1}, 1);
  assert_int_equal(mb_spectra_ceiling(&accuracy, &rng, &options, 1), MB_BAD_VALUE);
  assert_string_equal(mb_reason(), "no ceiling is computed for more than 256 peaks in a class");
  options.parts[1] = 2;
  const mb_spectra_out out = {.y = &value, .label = &value};
  assert_int_equal(mb_spectra_generate(&out, &rng, &options, 1), MB_BAD_VALUE);
  assert_string_equal(mb_reason(), "expected at most 1024 classes, and peaks in a spectrum");
}

static void spectra_without_y_or_label_are_refused(void **state) {
  (void)state;
  mb_real values[2000];
  mb_rng rng;
  mb_rng_seed(&rng, (const uint32_t[]){1}, 1);
  const mb_spectra_out outs[] = {{.y = values}, {.label = values}, {.position = values}};
  for (size_t i = 0; i < sizeof outs / sizeof *outs; i++) {
    assert_int_equal(mb_spectra_generate(&outs[i], &rng, &plain, 1), MB_BAD_VALUE);
    assert_string_equal(mb_reason(), "expected arrays for y and label, got NULL");
  }
}

static void bad_options_are_refused(void **state) {
  static const mb_peak_ranges low[] = {{{0, 10}, {1, 1}}, {{1, 10}, {1, 1}}},
                              negative[] = {{{1, 10}, {-1, 1}}, {{1, 10}, {1, 1}}},
                              nan[] = {{{1, 10}, {NAN, 1}}, {{1, 10}, {1, 1}}};
  mb_spectra options;
  (void)state;
  options = plain, options.peaks = low;
  check_refused(options, "expected positions from 1 to the length, 2000, got 0 to 10");
  options = plain, options.L = 0;
  check_refused(options, "expected at least one point and one class, got 0 and 2");
  options = plain, options.L = 1049;
  check_refused(options, "expected positions from 1 to the length, 1049, got 1000 to 1050");
  options = plain, options.peaks = negative;
  check_refused(options, "height: expected {low, high} with 0 <= low <= high, got {-1, 1}");
  options = plain, options.peaks = nan;
  check_refused(options, "height: expected {low, high} with 0 <= low <= high, got {nan, 1}");
  options = plain, options.width[0] = 7;
  check_refused(options, "width: expected {low, high} with 0 < low <= high, got {7, 6}");
  options = plain, options.width[1] = INFINITY;
  check_refused(options, "width: expected {low, high} with 0 < low <= high, got {2, inf}");
  options = plain, options.mixing[1] = 2;
  check_refused(options, "mixing: expected {low, high} with 0 <= low <= high <= 1, got {0, 2}");
  options = plain, options.asymmetry[1] = 1;
  check_refused(options, "asymmetry: expected {low, high} with -1 < low <= high < 1, got {0, 1}");
  options = plain, options.orders[1] = 6;
  check_refused(options, "orders: expected {low, high} with 1 <= low <= high <= 5, got {1, 6}");
  options = plain, options.parts[1] = 3;
  check_refused(options, "mixture: expected {low, high} with 1 <= low <= high <= classes, 2, got {1, 3}");
  options = plain, options.noise = -0.5;
  check_refused(options, "noise: expected a finite number of at least 0, got -0.5");
  options = plain, options.counts = NAN;
  check_refused(options, "counts: expected a finite number of at least 0, got nan");
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
      cmocka_unit_test(parts_add_up),
      cmocka_unit_test(shapes_have_one_width_at_half_height),
      cmocka_unit_test(mixtures_share_between_classes),
      cmocka_unit_test(the_ceiling_of_touching_heights_is_known),
      cmocka_unit_test(the_ceiling_of_overlapping_ranges_is_known),
      cmocka_unit_test(counting_noise_lowers_the_ceiling),
      cmocka_unit_test(spectra_without_y_or_label_are_refused),
      cmocka_unit_test(bad_options_are_refused),
      cmocka_unit_test(more_peaks_than_fit_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
