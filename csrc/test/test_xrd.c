/* test_xrd.c - families of reflections by symmetry, absences, texture. */
#include "check.h"

static const double cube[6] = {4, 4, 4, 90, 90, 90};

static const int inversion[] = {1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, -1, 0, 0, 0, -1, 0, 0, 0, -1, 0, 0, 0};
static const int fourfold[] = {1,  0, 0, 0, 1,  0, 0, 0, 1, 0, 0, 0, 0, -1, 0, 1,  0, 0, 0, 0, 1, 0, 0, 0,
                               -1, 0, 0, 0, -1, 0, 0, 0, 1, 0, 0, 0, 0, 1,  0, -1, 0, 0, 0, 0, 1, 0, 0, 0};
static const int screw[] = {1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, -1, 0, 0, 0, 1, 0, 0, 0, -1, 0, 12, 0};
static const int body[] = {1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 12, 12, 12};

static mb_size list(mb_reflection *to, const double cell[6], const int *operators, mb_size O, double d_min) {
  mb_size count, again;
  assert_int_equal(mb_xrd_reflections(NULL, &count, cell, operators, O, d_min, 100), MB_OK);
  assert_true(count <= 1000);
  assert_int_equal(mb_xrd_reflections(to, &again, cell, operators, O, d_min, 100), MB_OK);
  assert_int_equal(count, again);
  return count;
}

static mb_size sum_of(const mb_reflection *families, mb_size count) {
  mb_size sum = 0;
  for (mb_size i = 0; i < count; i++) sum += families[i].multiplicity;
  return sum;
}

static int multiplicity_of(const mb_reflection *families, mb_size count, int h, int k, int l) {
  for (mb_size i = 0; i < count; i++)
    if (families[i].hkl[0] == h && families[i].hkl[1] == k && families[i].hkl[2] == l)
      return families[i].multiplicity;
  return 0;
}

/* Of the 122 points of a cubic lattice but 0 within the radius 3, each is in one family. */
static void families_share_all_points(void **state) {
  mb_reflection families[1000];
  (void)state;
  mb_size count = list(families, cube, inversion, 1, 4 / 3.0001);
  assert_int_equal(sum_of(families, count), 122);
  for (mb_size i = 0; i < count; i++) assert_int_equal(families[i].multiplicity, 2); /* Friedel's law */
  assert_int_equal(list(families, cube, inversion, 2, 4 / 3.0001), count);
  count = list(families, cube, fourfold, 4, 4 / 3.0001);
  assert_int_equal(sum_of(families, count), 122);
  assert_int_equal(multiplicity_of(families, count, 1, 0, 0), 4);
  assert_int_equal(multiplicity_of(families, count, 0, 0, 1), 2);
  assert_int_equal(multiplicity_of(families, count, 2, 1, 1), 8);
}

static void spacings_fall(void **state) {
  mb_reflection families[1000];
  const double triclinic[6] = {5, 6, 7, 80, 95, 107};
  (void)state;
  const mb_size count = list(families, triclinic, inversion, 2, 1.5);
  for (mb_size i = 1; i < count; i++) assert_true(families[i].d <= families[i - 1].d);
  /* the spacing of 001 is the volume by the area of the cell's base */
  const double degree = acos(-1.0) / 180, ca = cos(80 * degree), cb = cos(95 * degree),
               cg = cos(107 * degree);
  const double height = 7 * sqrt(1 - ca * ca - cb * cb - cg * cg + 2 * ca * cb * cg) / sin(107 * degree);
  for (mb_size i = 0; i < count; i++)
    if (families[i].hkl[0] == 0 && families[i].hkl[1] == 0 && families[i].hkl[2] == 1)
      assert_true(fabs(families[i].d - height) < 1e-12);
}

static void screws_and_centrings_are_absent(void **state) {
  mb_reflection families[1000];
  (void)state;
  mb_size count = list(families, cube, screw, 2, 0.9);
  assert_int_equal(multiplicity_of(families, count, 0, 1, 0), 0);
  assert_int_equal(multiplicity_of(families, count, 0, 2, 0), 2);
  assert_int_equal(multiplicity_of(families, count, 1, 1, 0), 4);
  count = list(families, cube, body, 2, 0.9);
  for (mb_size i = 0; i < count; i++)
    assert_int_equal((families[i].hkl[0] + families[i].hkl[1] + families[i].hkl[2]) % 2, 0);
}

/* Flat plates (r -> 0) show 00l alone, and weights average to 1 over the sphere: here closed forms of one. */
static void texture_favours_its_direction(void **state) {
  mb_reflection families[1000];
  const int direction[3] = {0, 0, 1};
  (void)state;
  const mb_size count = list(families, cube, fourfold, 4, 1.5);
  for (mb_size i = 0; i < count; i++) {
    const int *hkl = families[i].hkl, square = hkl[0] * hkl[0] + hkl[1] * hkl[1] + hkl[2] * hkl[2];
    const double cosine2 = (double)(hkl[2] * hkl[2]) / square;
    const double weight = mb_xrd_march_dollase(hkl, cube, fourfold, 4, direction, 0.5);
    assert_true(fabs(weight - pow(0.25 * cosine2 + 2 * (1 - cosine2), -1.5)) < 1e-12);
  }
}

static void too_many_are_refused(void **state) {
  const double large[6] = {1000, 1000, 1000, 90, 90, 90};
  mb_size count;
  (void)state;
  assert_int_equal(mb_xrd_reflections(NULL, &count, large, inversion, 1, 0.5, 100), MB_BAD_VALUE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(families_share_all_points),
      cmocka_unit_test(spacings_fall),
      cmocka_unit_test(screws_and_centrings_are_absent),
      cmocka_unit_test(texture_favours_its_direction),
      cmocka_unit_test(too_many_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
