/* test_xrd_phase.c - places, areas and widths of a phase's peaks by their formulas. */
#include "check.h"

static const double degree = 0.017453292519943295, wavelengths[2] = {1.5, 1.51};
static const mb_xrd_instrument plain = {.W = 0.01, .polarisation = 1, .wavelengths = wavelengths, .lines = 2};
static const mb_xrd_sample cube = {{4, 4, 4, 90, 90, 90}, 0, 0};

static mb_size place(mb_xrd_peak *peaks, const mb_xrd_family *families, mb_size F,
                     const mb_xrd_instrument *instrument, const mb_xrd_sample *sample) {
  mb_size count;
  assert_int_equal(mb_xrd_phase(peaks, &count, families, F, instrument, sample), MB_OK);
  return count;
}

static void peaks_stand_at_braggs_angles(void **state) {
  const mb_xrd_family families[2] = {{{1, 1, 0}, 0, 7}, {{1, 1, 0}, 1, 3}};
  mb_xrd_peak peaks[2];
  (void)state;
  assert_int_equal(place(peaks, families, 2, &plain, &cube), 2);
  for (int i = 0; i < 2; i++) {
    const double theta = asin(wavelengths[i] / 2 * sqrt(2.0) / 4), cosine = cos(2 * theta);
    const double factor = (1 + cosine * cosine) / (sin(theta) * sin(theta) * cos(theta));
    assert_true(fabs(peaks[i].position - 2 * theta / degree) < 1e-10);
    assert_true(fabs(peaks[i].area - families[i].strength * factor) < 1e-9);
    assert_true(fabs(peaks[i].gaussian - 0.1) < 1e-12 && peaks[i].lorentzian == 0);
  }
}

static void widths_and_shifts_follow_their_formulas(void **state) {
  const mb_xrd_family family = {{2, 0, 0}, 0, 1};
  const mb_xrd_instrument instrument = {0.02, -0.01, 0.01, 0.03, 0.02, 0.05, 0.2, 0.5, wavelengths, 2};
  const mb_xrd_sample sample = {{4, 4, 4, 90, 90, 90}, 500, 0.001};
  mb_xrd_peak peak;
  (void)state;
  assert_int_equal(place(&peak, &family, 1, &instrument, &sample), 1);
  const double theta = asin(1.5 / 4), t = tan(theta), c = cos(theta), two = cos(2 * theta);
  assert_true(fabs(peak.gaussian - sqrt(0.02 * t * t - 0.01 * t + 0.01)) < 1e-12);
  const double lorentzian = 0.03 * t + 0.02 / c + (0.9 * 1.5 / (500 * c) + 4 * 0.001 * t) / degree;
  assert_true(fabs(peak.lorentzian - lorentzian) < 1e-12);
  assert_true(fabs(peak.position - (2 * theta / degree + 0.05 - 0.2 * c)) < 1e-10);
  const double area = 2 * (1 + 0.5 * two * two) / (1.5 * sin(theta) * sin(theta) * c);
  assert_true(fabs(peak.area - area) < 1e-10);
}

/* Files without symmetry list families one by one that a cubic cell has at one angle. */
static void neighbours_at_one_angle_are_one_peak(void **state) {
  const mb_xrd_family families[4] = {
      {{1, 0, 0}, 0, 1}, {{0, 1, 0}, 0, 2}, {{0, 0, 1}, 0, 3}, {{1, 1, 0}, 0, 4}};
  mb_xrd_sample tetragonal = cube;
  mb_xrd_peak peaks[4], single;
  (void)state;
  assert_int_equal(place(peaks, families, 4, &plain, &cube), 2);
  place(&single, families, 1, &plain, &cube);
  assert_true(fabs(peaks[0].area - 6 * single.area) < 1e-9);
  tetragonal.cell[2] = 4.01;
  assert_int_equal(place(peaks, families, 4, &plain, &tetragonal), 3);
}

static void reflections_beyond_180_degrees_are_left_out(void **state) {
  const mb_xrd_family families[2] = {{{5, 0, 0}, 0, 1}, {{6, 0, 0}, 0, 1}};
  mb_xrd_peak peaks[2];
  (void)state;
  assert_int_equal(place(peaks, families, 2, &plain, &cube), 1);
}

static void a_peak_without_width_is_refused(void **state) {
  const mb_xrd_family family = {{1, 0, 0}, 0, 1};
  mb_xrd_instrument none = plain;
  mb_xrd_peak peak;
  mb_size count;
  (void)state;
  none.W = 0;
  assert_int_equal(mb_xrd_phase(&peak, &count, &family, 1, &none, &cube), MB_BAD_VALUE);
  none.V = -1, none.W = 0.001;
  assert_int_equal(mb_xrd_phase(&peak, &count, &family, 1, &none, &cube), MB_BAD_VALUE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(peaks_stand_at_braggs_angles),
      cmocka_unit_test(widths_and_shifts_follow_their_formulas),
      cmocka_unit_test(neighbours_at_one_angle_are_one_peak),
      cmocka_unit_test(reflections_beyond_180_degrees_are_left_out),
      cmocka_unit_test(a_peak_without_width_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
