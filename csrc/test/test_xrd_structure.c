/* test_xrd_structure.c - structure factors by closed forms. */
#include "check.h"

#define SIZE 1000

static const mb_scatterer heavy = {{0, 0, 0, 0, 0, 0, 0, 0, 20}, {-2, 3}, 1, 0};
static const mb_scatterer light = {{0, 0, 0, 0, 0, 0, 0, 0, 6}, {0, 1}, 0.5, 0};

static double factor(const mb_reflection *reflection, const mb_scatterer *scatterers, const mb_atom *atoms,
                     mb_size A) {
  double F2, scratch[8];
  assert_true(mb_xrd_structure_factors_scratch_bytes(2, 1) <= sizeof scratch);
  assert_int_equal(mb_xrd_structure_factors(&F2, scratch, reflection, 1, scatterers, 2, atoms, A, 1), MB_OK);
  return F2;
}

/* A at 0 and B in the middle: |f_A + f_B|^2 for even sums of indices, |f_A - f_B|^2 for odd. */
static void two_atoms_add_or_subtract(void **state) {
  const mb_scatterer both[2] = {heavy, light};
  const mb_atom atoms[2] = {{0, {0, 0, 0}, {0}, false}, {1, {0.5, 0.5, 0.5}, {0}, false}};
  const mb_reflection even = {{1, 1, 0}, 12, 2}, odd = {{1, 0, 0}, 6, 3};
  (void)state;
  assert_true(fabs(factor(&even, both, atoms, 2) - (21 * 21 + 3.5 * 3.5)) < 1e-10);
  assert_true(fabs(factor(&odd, both, atoms, 2) - (15 * 15 + 2.5 * 2.5)) < 1e-10);
}

/* Without a centre, hkl and its opposite differ by dispersion; their mean is the sum of both squares. */
static void friedel_pairs_are_averaged(void **state) {
  const mb_scatterer both[2] = {heavy, light};
  const mb_atom atoms[2] = {{0, {0, 0, 0}, {0}, false}, {1, {0.2, 0, 0}, {0}, false}};
  const mb_reflection one = {{1, 0, 0}, 2, 3}, opposite = {{-1, 0, 0}, 2, 3};
  const double turn = 2 * acos(-1.0) * 0.2;
  double mean = 0;
  (void)state;
  for (int sign = -1; sign <= 1; sign += 2) { /* f = f' + i f" */
    const double c = cos(turn), s = sign * sin(turn);
    const double real = 18 + 3 * c - 0.5 * s, imaginary = 3 + 3 * s + 0.5 * c;
    mean += (real * real + imaginary * imaginary) / 2;
  }
  assert_true(fabs(factor(&one, both, atoms, 2) - mean) < 1e-10);
  assert_true(fabs(factor(&opposite, both, atoms, 2) - mean) < 1e-10);
}

/* In a cubic cell of a, U* = U / a^2: an anisotropic atom with three equal U is an isotropic one. */
static void displacements_agree(void **state) {
  const double U = 0.02, a = 5, pi = acos(-1.0), B = 8 * pi * pi * U;
  mb_scatterer rest[2] = {heavy, light}, moving[2] = {heavy, light};
  const mb_atom still = {0, {0, 0, 0}, {0}, false};
  const mb_atom ellipsoid = {0, {0, 0, 0}, {U / (a * a), U / (a * a), U / (a * a), 0, 0, 0}, true};
  const mb_reflection reflection = {{2, 1, 0}, 24, a / sqrt(5)};
  (void)state;
  moving[0].B = B;
  const double isotropic = factor(&reflection, moving, &still, 1);
  assert_true(fabs(isotropic - factor(&reflection, rest, &ellipsoid, 1)) < 1e-9);
  const double s2 = 5 / (4 * a * a), expected = (18 * 18 + 9) * exp(-2 * B * s2);
  assert_true(fabs(isotropic - expected) < 1e-9);
}

static void threads_change_no_bit(void **state) {
  static mb_atom atoms[100];
  static mb_reflection list[SIZE];
  static double one[SIZE], many[SIZE], scratch[2 * 2 * 16];
  const mb_scatterer both[2] = {heavy, light};
  (void)state;
  for (int i = 0; i < 100; i++)
    atoms[i] = (mb_atom){i % 2, {0.01 * i, 0.37 * i, 0.11 * i}, {0.001, 0.001, 0.001, 0, 0, 0}, i % 3 == 0};
  for (int i = 0; i < SIZE; i++) list[i] = (mb_reflection){{i % 7, i % 5, i % 11 + 1}, 2, 1 + 0.001 * i};
  assert_int_equal(mb_xrd_structure_factors(one, scratch, list, SIZE, both, 2, atoms, 100, 1), MB_OK);
  for (int threads = 2; threads <= 16; threads++) {
    assert_int_equal(mb_xrd_structure_factors(many, scratch, list, SIZE, both, 2, atoms, 100, threads),
                     MB_OK);
    assert_memory_equal(one, many, sizeof one);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(two_atoms_add_or_subtract),
      cmocka_unit_test(friedel_pairs_are_averaged),
      cmocka_unit_test(displacements_agree),
      cmocka_unit_test(threads_change_no_bit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
