/* xrd.c - powder diffraction: families of reflections with their structure factors, patterns, counts. */
#include "bind.h"

#include <math.h>
#include <string.h>

enum {
  OPERATOR = 12,
  SCATTERER = 13,
  ATOM = 10,
  FAMILY = 8,
  FAMILY_ROW = 5
}; /* numbers of each in flat lists */

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

/* What light and texture make of families. */
typedef struct {
  double wavelength, polarisation;
  const double *texture; /* h, k, l, r; NULL: none */
} Light;

static double texture_weight(const int hkl[3], const double *cell, const int *operators, mb_size O,
                             const double *texture) {
  const int direction[3] = {(int)texture[0], (int)texture[1], (int)texture[2]};
  return mb_xrd_march_dollase(hkl, cell, operators, O, direction, texture[3]);
}

/* Pushes the flat list h, k, l, multiplicity, d, |F|^2, weight by texture, Lorentz-polarisation factor. */
static void push_table(lua_State *L, const mb_reflection *list, const double *F2, const double *weight,
                       mb_size count, const Light *light) {
  lua_Integer at = 0;
  lua_createtable(L, (int)(FAMILY * count), 0);
  for (mb_size i = 0; i < count; i++) {
    for (int j = 0; j < 4; j++) {
      lua_pushinteger(L, j < 3 ? list[i].hkl[j] : list[i].multiplicity);
      lua_rawseti(L, -2, ++at);
    }
    const double theta = asin(fmin(1, light->wavelength / (2 * list[i].d)));
    const double factor = mb_xrd_lorentz_polarisation(theta, light->polarisation);
    const double numbers[4] = {list[i].d, F2[i], weight[i], factor};
    for (int j = 0; j < 4; j++) {
      lua_pushnumber(L, numbers[j]);
      lua_rawseti(L, -2, ++at);
    }
  }
}

/* core.xrd_families(cell, operators, scatterers, atoms, anisotropic, d_min, d_max, wavelength, polarisation,
 * texture or nil): lists; texture is h, k, l, r */
static int families(lua_State *L) {
  mb_size O, S, A, count;
  Light light;
  Args a = bind_args(L, "xrd.peaks");
  lua_settop(L, 10);
  const double *cell = next_numbers_count(&a, "cell", 6);
  const int *operators = next_operators(&a, &O);
  const mb_scatterer *scatterers = next_scatterers(&a, &S);
  const mb_atom *atoms = next_atoms(&a, S, &A);
  const double d_min = next_number(&a, "d_min"), d_max = next_number(&a, "d_max");
  light.wavelength = next_number(&a, "wavelength");
  light.polarisation = next_number(&a, "polarisation");
  light.texture = next_is_nil(&a) ? NULL : next_numbers_count(&a, "texture", 4);
  const mb_reflection *list = push_families(&a, &count, cell, operators, O, d_min, d_max);
  double *F2 = push_scratch(&a, (size_t)(2 * count + 1) * sizeof *F2), *weight = F2 + count;
  void *scratch = push_scratch(&a, mb_xrd_structure_factors_scratch_bytes(S, mb_get_threads()));
  args_check(&a,
             mb_xrd_structure_factors(F2, scratch, list, count, scatterers, S, atoms, A, mb_get_threads()));
  for (mb_size i = 0; i < count; i++)
    weight[i] = light.texture == NULL ? 1 : texture_weight(list[i].hkl, cell, operators, O, light.texture);
  push_table(L, list, F2, weight, count, &light);
  return 1;
}

/* Replaces peaks by those that axial divergence makes of them. */
static const mb_xrd_peak *push_rays(const Args *a, mb_size *count, const mb_xrd_peak *given,
                                    const double axial[2]) {
  if (!(axial[0] + axial[1] > 0)) return given;
  mb_size all = 0;
  for (mb_size i = 0; i < *count; i++) {
    const mb_size rays = mb_xrd_axial(NULL, &given[i], axial);
    if (rays == 0)
      args_error(a, "axial: it spreads the peak at %f deg over more than %d widths of %f deg",
                 given[i].position, 2 * MB_XRD_AXIAL_PANELS, given[i].gaussian + given[i].lorentzian);
    all += rays;
  }
  mb_xrd_peak *rays = push_scratch(a, (size_t)(all + 1) * sizeof *rays);
  all = 0;
  for (mb_size i = 0; i < *count; i++) all += mb_xrd_axial(rays + all, &given[i], axial);
  *count = all;
  return rays;
}

/* A tensor (F, 5) of families: h, k, l, the line's number from 1, strength. */
static mb_xrd_family *next_family_rows(Args *a, mb_size lines, mb_size *count) {
  const Tensor *x = next_tensor_rank(a, "families", 2);
  if (x->shape.shape[1] != FAMILY_ROW) args_error(a, "families: expected rows of 5 numbers");
  *count = x->shape.shape[0];
  mb_xrd_family *list = push_scratch(a, (size_t)(*count + 1) * sizeof *list);
  const mb_real *row = x->data;
  for (mb_size i = 0; i < *count; i++, row += FAMILY_ROW) {
    for (int j = 0; j < 3; j++) list[i].hkl[j] = (int)row[j];
    list[i].line = (mb_size)row[3] - 1;
    list[i].strength = (double)row[4];
    if (list[i].line < 0 || list[i].line >= lines) args_error(a, "families: no line has this number");
  }
  return list;
}

/* core.xrd_phase(grid, wavelengths, families, { cell, size, strain }, { U, V, W, X, Y, zero, displacement,
 * polarisation, S/L, H/L }) -> (1, L, 1) */
static int phase(lua_State *L) {
  mb_size points, lines, F, count;
  Args a = bind_args(L, "xrd.pattern");
  lua_settop(L, 5);
  const double *grid = next_numbers(&a, "grid", &points),
               *wavelengths = next_numbers(&a, "radiation", &lines);
  const mb_xrd_family *families = next_family_rows(&a, lines, &F);
  const double *s = next_numbers_count(&a, "sample", 8), *i = next_numbers_count(&a, "instrument", 10);
  const mb_xrd_sample sample = {{s[0], s[1], s[2], s[3], s[4], s[5]}, s[6], s[7]};
  const mb_xrd_instrument instrument = {i[0], i[1], i[2], i[3], i[4], i[5], i[6], i[7], wavelengths, lines};
  mb_xrd_peak *placed = push_scratch(&a, (size_t)(F + 1) * sizeof *placed);
  args_check(&a, mb_xrd_phase(placed, &count, families, F, &instrument, &sample));
  const mb_xrd_peak *peaks = push_rays(&a, &count, placed, &i[8]);
  void *scratch = push_scratch(&a, mb_xrd_profile_scratch_bytes(count) + 1);
  Tensor *y = push_tensor(&a, 3, (mb_size[]){1, points, 1});
  args_check(&a, mb_xrd_profile(y->data, scratch, grid, points, peaks, count));
  return 1;
}

/* core.xrd_texture(families, cell, operators, { h, k, l, r }) -> families with other strengths */
static int texture(lua_State *L) {
  mb_size F, O;
  Args a = bind_args(L, "xrd.pattern");
  lua_settop(L, 4);
  const mb_xrd_family *families = next_family_rows(&a, PTRDIFF_MAX, &F);
  const double *cell = next_numbers_count(&a, "cell", 6);
  const int *operators = next_operators(&a, &O);
  const double *direction = next_numbers_count(&a, "texture", 4);
  const Tensor *given = (const Tensor *)lua_touserdata(L, 1);
  Tensor *y = push_like(&a, given);
  memcpy(y->data, given->data, (size_t)given->count * sizeof *y->data);
  for (mb_size i = 0; i < F; i++) {
    const double weight = texture_weight(families[i].hkl, cell, operators, O, direction);
    y->data[i * FAMILY_ROW + 4] = (mb_real)(families[i].strength * weight);
  }
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

static const luaL_Reg functions[] = {{"xrd_families", families},
                                     {"xrd_phase", phase},
                                     {"xrd_texture", texture},
                                     {"xrd_counts", counts},
                                     {NULL, NULL}};

void bind_open_xrd(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
