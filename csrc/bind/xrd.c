/* xrd.c - powder diffraction: families of reflections with their structure factors, patterns, counts. */
#include "bind.h"

#include <math.h>

enum { OPERATOR = 12, SCATTERER = 13, ATOM = 10, FAMILY = 7, PEAK = 4 }; /* numbers of each in flat lists */

/* Reads a flat list of numbers, `width` for each of *count. */
static const double *next_rows_of(Args *a, const char *name, mb_size width, mb_size *count) {
  mb_size numbers;
  const double *list = next_numbers(a, name, &numbers);
  if (numbers == 0 || numbers % width != 0)
    args_error(a, "%s: expected %I numbers for each, got %I", name, (LUAI_UACINT)width, (LUAI_UACINT)numbers);
  *count = numbers / width;
  return list;
}

static const int *next_operators(Args *a, mb_size *count) {
  const double *list = next_rows_of(a, "operators", OPERATOR, count);
  int *operators = push_scratch(a, (size_t)(*count * OPERATOR) * sizeof *operators);
  for (mb_size i = 0; i < *count * OPERATOR; i++) {
    if (!(fabs(list[i]) <= MB_XRD_DENOMINATOR)) args_error(a, "operators: a number is beyond 24");
    operators[i] = (int)list[i];
  }
  return operators;
}

static const mb_scatterer *next_scatterers(Args *a, mb_size *count) {
  const double *list = next_rows_of(a, "scatterers", SCATTERER, count);
  mb_scatterer *scatterers = push_scratch(a, (size_t)*count * sizeof *scatterers);
  for (mb_size i = 0; i < *count; i++, list += SCATTERER) {
    mb_scatterer *to = &scatterers[i];
    for (int j = 0; j < 9; j++) to->form_factor[j] = list[j];
    for (int j = 0; j < 2; j++) to->dispersion[j] = list[9 + j];
    to->occupancy = list[11];
    to->B = list[12];
  }
  return scatterers;
}

/* use: whether displacements of anisotropic atoms are used. */
static const mb_atom *next_atoms(Args *a, mb_size scatterers, mb_size *count) {
  const double *list = next_rows_of(a, "atoms", ATOM, count);
  const bool use = next_boolean(a);
  mb_atom *atoms = push_scratch(a, (size_t)*count * sizeof *atoms);
  for (mb_size i = 0; i < *count; i++, list += ATOM) {
    if (!(list[0] >= 1 && list[0] <= (double)scatterers))
      args_error(a, "atoms: no scatterer has this number");
    mb_atom *to = &atoms[i];
    to->scatterer = (mb_size)list[0] - 1;
    to->is_anisotropic = false;
    for (int j = 0; j < 3; j++) to->position[j] = list[1 + j];
    for (int j = 0; j < 6; j++) {
      to->u_star[j] = list[4 + j];
      to->is_anisotropic |= use && list[4 + j] != 0;
    }
  }
  return atoms;
}

/* Pushes scratch for the families of a crystal, and lists them there. */
static mb_reflection *push_families(const Args *a, mb_size *count, const double *cell, const int *operators,
                                    mb_size O, double d_min, double d_max) {
  if (!(d_min > 0 && d_max >= d_min)) args_error(a, "spacings: expected a least and a greatest one");
  args_check(a, mb_xrd_reflections(NULL, count, cell, operators, O, d_min, d_max));
  mb_reflection *list = push_scratch(a, (size_t)(*count + 1) * sizeof *list);
  args_check(a, mb_xrd_reflections(list, count, cell, operators, O, d_min, d_max));
  return list;
}

/* The flat list h, k, l, multiplicity, d, |F|^2, weight by texture of each family. */
static void push_table(lua_State *L, const mb_reflection *list, const double *F2, const double *weight,
                       mb_size count) {
  lua_Integer at = 0;
  lua_createtable(L, (int)(FAMILY * count), 0);
  for (mb_size i = 0; i < count; i++) {
    for (int j = 0; j < 4; j++) {
      lua_pushinteger(L, j < 3 ? list[i].hkl[j] : list[i].multiplicity);
      lua_rawseti(L, -2, ++at);
    }
    const double numbers[3] = {list[i].d, F2[i], weight == NULL ? 1 : weight[i]};
    for (int j = 0; j < 3; j++) {
      lua_pushnumber(L, numbers[j]);
      lua_rawseti(L, -2, ++at);
    }
  }
}

/* core.xrd_families(cell, operators, scatterers, atoms, anisotropic, d_min, d_max, texture or nil): lists;
 * texture is h, k, l, r */
static int families(lua_State *L) {
  mb_size O, S, A, count;
  Args a = bind_args(L, "xrd.peaks");
  lua_settop(L, 8);
  const double *cell = next_numbers_count(&a, "cell", 6);
  const int *operators = next_operators(&a, &O);
  const mb_scatterer *scatterers = next_scatterers(&a, &S);
  const mb_atom *atoms = next_atoms(&a, S, &A);
  const double d_min = next_number(&a, "d_min"), d_max = next_number(&a, "d_max");
  const double *texture = next_is_nil(&a) ? NULL : next_numbers_count(&a, "texture", 4);
  const mb_reflection *list = push_families(&a, &count, cell, operators, O, d_min, d_max);
  double *F2 = push_scratch(&a, (size_t)(2 * count + 1) * sizeof *F2), *weight = NULL;
  void *scratch = push_scratch(&a, mb_xrd_structure_factors_scratch_bytes(S, mb_get_threads()));
  args_check(&a,
             mb_xrd_structure_factors(F2, scratch, list, count, scatterers, S, atoms, A, mb_get_threads()));
  if (texture != NULL) {
    const int direction[3] = {(int)texture[0], (int)texture[1], (int)texture[2]};
    weight = F2 + count;
    mb_xrd_march_dollase(weight, list, count, cell, operators, O, direction, texture[3]);
  }
  push_table(L, list, F2, weight, count);
  return 1;
}

/* Pushes scratch for the peaks of a flat list, each replaced by those that axial divergence makes of it. */
static mb_xrd_peak *push_peaks(const Args *a, mb_size *count, const double *list, mb_size given,
                               const double axial[2]) {
  const mb_size room = axial[0] + axial[1] > 0 ? MB_XRD_AXIAL_ROOM : 1;
  mb_xrd_peak *peaks = push_scratch(a, (size_t)(given * room + 1) * sizeof *peaks);
  *count = 0;
  for (mb_size i = 0; i < given; i++, list += PEAK) {
    const mb_xrd_peak peak = {list[0], list[1], list[2], list[3]};
    *count += mb_xrd_axial(peaks + *count, &peak, axial);
  }
  return peaks;
}

/* core.xrd_profile(grid, peaks, S/L, H/L) -> (1, L, 1); peaks is the flat list 2 theta, area, Gaussian and
 * Lorentzian width of each */
static int profile(lua_State *L) {
  mb_size points, given, count;
  Args a = bind_args(L, "xrd.pattern");
  lua_settop(L, 4);
  const double *grid = next_numbers(&a, "grid", &points), *list = next_numbers(&a, "peaks", &given);
  const double S = next_number(&a, "S/L"), H = next_number(&a, "H/L");
  const mb_xrd_peak *peaks = push_peaks(&a, &count, list, given / PEAK, (double[]){S, H});
  void *scratch = push_scratch(&a, mb_xrd_profile_scratch_bytes(count) + 1);
  Tensor *y = push_tensor(&a, 3, (mb_size[]){1, points, 1});
  args_check(&a, mb_xrd_profile(y->data, scratch, grid, points, peaks, count));
  return 1;
}

/* core.xrd_counts(rng, expected) -> a draw of Poisson's distribution for each element, in order */
static int counts(lua_State *L) {
  Args a = bind_args(L, "xrd.pattern");
  mb_rng *rng = next_rng(&a, "noise");
  const Tensor *expected = next_tensor(&a, "expected");
  Tensor *y = push_like(&a, expected);
  for (mb_size i = 0; i < y->count; i++) {
    const double mean = (double)expected->data[i];
    if (!(mean >= 0 && mean <= 1e15)) args_error(&a, "noise: expected counts from 0 to 1e15, got %f", mean);
    y->data[i] = (mb_real)mb_rng_poisson(rng, mean);
  }
  return 1;
}

static const luaL_Reg functions[] = {
    {"xrd_families", families}, {"xrd_profile", profile}, {"xrd_counts", counts}, {NULL, NULL}};

void bind_open_xrd(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
