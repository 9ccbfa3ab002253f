/* test_xrd_profile.c - pseudo-Voigt peaks by closed forms, their areas, axial divergence. */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#define POINTS    20001
#define MOST_RAYS (10 * MB_XRD_AXIAL_PANELS)

static double grid[POINTS], scratch[7 * 400];
static mb_real y[POINTS], z[POINTS];

static void fill_grid(double first, double last) {
  for (int t = 0; t < POINTS; t++) grid[t] = first + (last - first) * t / (POINTS - 1);
}

static void profile(mb_real *to, const mb_xrd_peak *peaks, mb_size count) {
  assert_true(mb_xrd_profile_scratch_bytes(count) <= sizeof scratch);
  assert_int_equal(mb_xrd_profile(to, scratch, grid, POINTS, peaks, count), MB_OK);
}

static double area(void) {
  double sum = 0;
  for (int t = 0; t < POINTS; t++) sum += (double)y[t] * (grid[1] - grid[0]);
  return sum;
}

static void pure_shapes_are_closed_forms(void **state) {
  const double pi = acos(-1.0), w = 0.2;
  const mb_xrd_peak gaussian = {30, 5, w, 0}, lorentzian = {30, 5, 0, w};
  (void)state;
  fill_grid(25, 35);
  profile(y, &gaussian, 1);
  profile(z, &lorentzian, 1);
  for (int t = 0; t < POINTS; t++) {
    const double x = grid[t] - 30;
    const double G = 5 * 2 / w * sqrt(log(2.0) / pi) * exp(-4 * log(2.0) * x * x / (w * w));
    const double L = 5 / pi * (w / 2) / (x * x + w * w / 4);
    assert_true(fabs((double)y[t] - G) < 1e-5 && fabs((double)z[t] - L) < 1e-5);
  }
}

/* The full width of Thompson, Cox and Hastings is that of the convolution of both parts, within the grid:
 * here against Olivero and Longbothum's formula, and the area stays. */
static void mixed_shapes_have_their_width(void **state) {
  const double G = 0.1, L = 0.15;
  const mb_xrd_peak peak = {30, 5, G, L};
  const double width = 0.5346 * L + sqrt(0.2166 * L * L + G * G);
  int first = POINTS / 2, last = POINTS / 2;
  (void)state;
  fill_grid(20, 40);
  profile(y, &peak, 1);
  for (int t = 0; t < POINTS; t++)
    if (y[t] >= y[POINTS / 2] / 2) last = t, first = t < first ? t : first;
  assert_true(fabs(grid[last] - grid[first] - width) < 0.0025);
  assert_true(fabs(area() - 5) < 0.05); /* tails beyond the grid */
}

static void threads_change_no_bit(void **state) {
  static mb_xrd_peak peaks[300];
  const int before = mb_get_threads();
  (void)state;
  fill_grid(10, 90);
  for (int i = 0; i < 300; i++)
    peaks[i] = (mb_xrd_peak){8 + 0.3 * i, 1 + i % 7, 0.05 + 0.001 * (i % 50), 0.03};
  mb_set_threads(1);
  profile(y, peaks, 300);
  mb_set_threads(7);
  profile(z, peaks, 300);
  mb_set_threads(before);
  assert_memory_equal(y, z, sizeof y);
}

static double centre(const mb_xrd_peak *peaks, mb_size count, double *total) {
  double sum = *total = 0;
  for (mb_size i = 0; i < count; i++) *total += peaks[i].area, sum += peaks[i].area * peaks[i].position;
  return sum / *total;
}

static mb_size rays_of(mb_xrd_peak *rays, const mb_xrd_peak *peak, const double axial[2]) {
  const mb_size count = mb_xrd_axial(NULL, peak, axial);
  assert_true(count >= 1 && count <= MOST_RAYS);
  assert_int_equal(mb_xrd_axial(rays, peak, axial), count);
  return count;
}

/* The sum of Gaussians at so many heights at equal steps: Finger, Cox and Jephcoat's integral, to 1e-4. */
static void direct_integral(double *sum, int points, const double *x, const mb_xrd_peak *peak,
                            const double axial[2]) {
  const int steps = 40000;
  const double degree = acos(-1.0) / 180, most = axial[0] + axial[1];
  double total = 0;
  for (int t = 0; t < points; t++) sum[t] = 0;
  for (int k = 0; k < steps; k++) {
    const double h = (k + 0.5) * most / steps, seen = cos(peak->position * degree) * sqrt(1 + h * h);
    if (fabs(seen) >= 1) continue;
    const double place = acos(seen) / degree;
    const double weight =
        fmin(most - h, 2 * fmin(axial[0], axial[1])) / (sqrt(1 - seen * seen) * (1 + h * h));
    total += weight;
    for (int t = 0; t < points; t++) {
      const double u = (x[t] - place) / peak->gaussian;
      if (fabs(u) < 3) sum[t] += weight * exp(-4 * log(2.0) * u * u);
    }
  }
  const double height = peak->area * 2 * sqrt(log(2.0) / acos(-1.0)) / peak->gaussian;
  for (int t = 0; t < points; t++) sum[t] *= height / total;
}

static void axial_divergence_is_the_integral(void **state) {
  static mb_xrd_peak rays[MOST_RAYS];
  static double sum[801], x[801], room[7 * MOST_RAYS];
  static mb_real found[801];
  const struct {
    double position, width, S, H;
  } cases[] = {{8.84, 0.02, 0.04, 0.04},   {6.22, 0.05, 0.04, 0.04}, {8.84, 0.005, 0.04, 0.04},
               {12, 0.01, 0.03, 0.01},     {30, 0.08, 0.02, 0.02},   {150, 0.02, 0.04, 0.03},
               {20, 0.03, 0.0005, 0.0001}, {4, 0.04, 0.02, 0.02}};
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const double axial[2] = {cases[i].S, cases[i].H}, far = cases[i].position < 90 ? -2 : 2;
    const mb_xrd_peak peak = {cases[i].position, 1, cases[i].width, 0};
    const double first = far < 0 ? peak.position + far : peak.position - 0.1;
    double highest = 0;
    for (int t = 0; t < 801; t++) x[t] = first + 2.1 * t / 800;
    const mb_size count = rays_of(rays, &peak, axial);
    assert_int_equal(mb_xrd_profile(found, room, x, 801, rays, count), MB_OK);
    direct_integral(sum, 801, x, &peak, axial);
    for (int t = 0; t < 801; t++) highest = fmax(highest, sum[t]);
    for (int t = 0; t < 801; t++) assert_true(fabs((double)found[t] - sum[t]) < 2e-3 * highest);
  }
}

static void too_wide_an_axial_divergence_is_refused(void **state) {
  const mb_xrd_peak peak = {8.84, 1, 0.0001, 0};
  (void)state;
  assert_int_equal(mb_xrd_axial(NULL, &peak, (double[]){0.04, 0.04}), 0);
}

/* Axial divergence moves area to lower angles below 90 degrees, to higher ones above, and keeps the sum. The
 * mean of the shift follows from h^2 / 2 cot(2 theta) for small heights h. */
static void axial_divergence_is_asymmetric(void **state) {
  static mb_xrd_peak rays[MOST_RAYS];
  const double axial[2] = {0.02, 0.02}, degree = acos(-1.0) / 180;
  double total;
  (void)state;
  for (int angle = 20; angle <= 160; angle += 10) {
    const mb_xrd_peak peak = {angle, 3, 0.01, 0.001};
    const mb_size count = rays_of(rays, &peak, axial);
    /* heights are distributed as W(h) = 0.04 - h up to 0.04: the mean of h^2 is 0.04^2 / 6 */
    const double shift = -0.04 * 0.04 / 6 / 2 / tan(angle * degree) / degree;
    assert_true(fabs(centre(rays, count, &total) - angle - shift) < 0.02 * fabs(shift) + 1e-9);
    assert_true(fabs(total - 3) < 1e-12);
  }
}

static void narrow_slits_change_nothing(void **state) {
  static mb_xrd_peak rays[MOST_RAYS];
  const mb_xrd_peak peak = {30, 3, 0.1, 0.1}, low = {2, 3, 0.01, 0.001};
  (void)state;
  assert_int_equal(mb_xrd_axial(rays, &peak, (double[]){0, 0}), 1);
  assert_int_equal(mb_xrd_axial(rays, &peak, (double[]){1e-4, 1e-4}), 1);
  const mb_size count = rays_of(rays, &low, (double[]){0.05, 0.05}); /* some rays are never seen */
  for (mb_size i = 0; i < count; i++) assert_true(rays[i].position >= 0 && isfinite(rays[i].area));
}

static void peaks_without_width_are_refused(void **state) {
  const mb_xrd_peak bad[] = {{30, 1, 0, 0}, {30, 1, -1, 0.1}, {30, 1, NAN, 0.1}};
  (void)state;
  fill_grid(25, 35);
  for (int i = 0; i < 3; i++)
    assert_int_equal(mb_xrd_profile(y, scratch, grid, POINTS, &bad[i], 1), MB_BAD_VALUE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pure_shapes_are_closed_forms),
      cmocka_unit_test(mixed_shapes_have_their_width),
      cmocka_unit_test(threads_change_no_bit),
      cmocka_unit_test(axial_divergence_is_asymmetric),
      cmocka_unit_test(narrow_slits_change_nothing),
      cmocka_unit_test(peaks_without_width_are_refused),
      cmocka_unit_test(axial_divergence_is_the_integral),
      cmocka_unit_test(too_wide_an_axial_divergence_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
