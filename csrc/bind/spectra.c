/* spectra.c - artificial spectra as tensors. */
#include "bind.h"

/* ---- the fields of a table of options ---- */

/* Pushes a field of the table that is the next argument, and reads it. */
static Args push_field(const Args *options, const char *name) {
  lua_getfield(options->L, options->next, name);
  return bind_top(options);
}

static double number(const Args *options, const char *name) {
  Args field = push_field(options, name);
  const double value = next_number(&field, name);
  lua_pop(options->L, 1);
  return value;
}

static mb_size length(const Args *options) {
  Args field = push_field(options, "length");
  const mb_size value = next_count(&field, "length");
  lua_pop(options->L, 1);
  return value;
}

static bool flag(const Args *options, const char *name) {
  Args field = push_field(options, name);
  const bool value = next_boolean(&field);
  lua_pop(options->L, 1);
  return value;
}

/* Pops {low, high}. */
static void pop_range(const Args *a, const char *name, double range[2]) {
  lua_State *L = a->L;
  const int top = lua_gettop(L);
  if (lua_type(L, top) != LUA_TTABLE || lua_rawlen(L, top) != 2)
    args_error(a, "%s: expected {low, high}", name);
  for (int i = 0; i < 2; i++) {
    if (lua_rawgeti(L, top, i + 1) != LUA_TNUMBER) args_error(a, "%s: expected {low, high}", name);
    range[i] = lua_tonumber(L, -1);
  }
  lua_settop(L, top - 1);
}

static void range(const Args *options, const char *name, double value[2]) {
  push_field(options, name);
  pop_range(options, name, value);
}

static void whole_range(const Args *options, const char *name, mb_size value[2]) {
  double numbers[2];
  range(options, name, numbers);
  for (int i = 0; i < 2; i++) {
    if (!(numbers[i] >= 1 && numbers[i] <= INT32_MAX && numbers[i] == (double)(mb_size)numbers[i]))
      args_error(options, "%s: expected {low, high} of integers of at least 1", name);
    value[i] = (mb_size)numbers[i];
  }
}

/* Reads classes = { { { position = {low, high}, height = {low, high} }, ... }, ... }, in memory that
 * stays on the stack. */
static void read_classes(const Args *options, mb_spectra *s) {
  lua_State *L = options->L;
  mb_size count = 0;
  push_field(options, "classes");
  const int list = lua_gettop(L);
  luaL_checktype(L, list, LUA_TTABLE);
  s->classes = (mb_size)lua_rawlen(L, list);
  mb_size *first = lua_newuserdatauv(L, (size_t)(s->classes + 1) * sizeof *first, 0);
  for (mb_size k = 0; k <= s->classes; k++) {
    first[k] = count;
    if (k == s->classes) break;
    lua_rawgeti(L, list, (lua_Integer)k + 1);
    count += (mb_size)lua_rawlen(L, -1);
    lua_pop(L, 1);
  }
  mb_peak_ranges *peaks = lua_newuserdatauv(L, (size_t)count * sizeof *peaks, 0);
  for (mb_size k = 0; k < s->classes; k++) {
    lua_rawgeti(L, list, (lua_Integer)k + 1);
    for (mb_size p = first[k]; p < first[k + 1]; p++) {
      lua_rawgeti(L, -1, (lua_Integer)(p - first[k]) + 1);
      lua_getfield(L, -1, "position");
      pop_range(options, "position", peaks[p].position);
      lua_getfield(L, -1, "height");
      pop_range(options, "height", peaks[p].height);
      lua_pop(L, 1);
    }
    lua_pop(L, 1);
  }
  s->first = first, s->peaks = peaks;
}

static unsigned background_kinds(const Args *options) {
  return (flag(options, "polynomial") ? MB_POLYNOMIAL : 0) |
         (flag(options, "exponential") ? MB_EXPONENTIAL : 0) | (flag(options, "hump") ? MB_HUMP : 0);
}

/* Reads the table of options; leaves its arrays on the stack, so that they live. */
static mb_spectra next_spectra(Args *a) {
  mb_spectra s = {
      .L = length(a),
      .whole_points = flag(a, "whole_points"),
      .background = number(a, "background"),
      .background_kinds = background_kinds(a),
      .noise = number(a, "noise"),
      .counts = number(a, "counts"),
  };
  range(a, "width", s.width);
  range(a, "mixing", s.mixing);
  range(a, "asymmetry", s.asymmetry);
  whole_range(a, "orders", s.orders);
  whole_range(a, "mixture", s.parts);
  range(a, "impurity", s.impurity);
  read_classes(a, &s);
  next_arg(a);
  return s;
}

/* ---- operations ---- */

/* Reads the generator at 1 and the name of the operation, which Lua gives, at 2. */
static Args next_caller(lua_State *L, mb_rng **rng) {
  Args a = bind_args(L, luaL_checkstring(L, 2));
  *rng = next_rng(&a, "generator");
  next_arg(&a);
  return a;
}

/* Makes a tensor, which the table on top of the stack owns. */
static mb_real *new_field(const Args *a, const char *name, int rank, const mb_size *shape) {
  mb_real *data = push_tensor(a, rank, shape)->data;
  lua_setfield(a->L, -2, name);
  return data;
}

/* core.spectra(rng, operation, n, options, parts) -> { x (n, length, 1), y (n), position and height (n,
 * peaks), width, mixing, asymmetry (n); of mixtures share (n, classes); with parts also peak, background,
 * noise, each (n, length, 1) } */
static int spectra(lua_State *L) {
  mb_rng *rng;
  lua_settop(L, 5);
  Args a = next_caller(L, &rng);
  const mb_size n = next_count(&a, "n");
  const mb_spectra s = next_spectra(&a);
  const bool parts = next_boolean(&a);
  const mb_size all[3] = {n, s.L, 1}, peaks[2] = {n, mb_spectra_peaks(&s)}, shares[2] = {n, s.classes};
  lua_newtable(L);
  const mb_spectra_out out = {
      .y = new_field(&a, "x", 3, all),
      .peak = parts ? new_field(&a, "peak", 3, all) : NULL,
      .background = parts ? new_field(&a, "background", 3, all) : NULL,
      .noise = parts ? new_field(&a, "noise", 3, all) : NULL,
      .label = new_field(&a, "y", 1, &n),
      .share = s.parts[1] > 1 ? new_field(&a, "share", 2, shares) : NULL,
      .position = new_field(&a, "position", 2, peaks),
      .height = new_field(&a, "height", 2, peaks),
      .width = new_field(&a, "width", 1, &n),
      .mixing = new_field(&a, "mixing", 1, &n),
      .asymmetry = new_field(&a, "asymmetry", 1, &n),
  };
  args_check(&a, mb_spectra_generate(&out, rng, &s, n));
  for (mb_size i = 0; i < n; i++) out.label[i]++; /* Lua counts from 1 */
  return 1;
}

/* core.spectra_ceiling(rng, operation, samples, options) -> accuracy */
static int spectra_ceiling(lua_State *L) {
  mb_rng *rng;
  double accuracy = 0;
  lua_settop(L, 4);
  Args a = next_caller(L, &rng);
  const mb_size samples = next_count(&a, "samples");
  const mb_spectra s = next_spectra(&a);
  args_check(&a, mb_spectra_ceiling(&accuracy, rng, &s, samples));
  lua_pushnumber(L, accuracy);
  return 1;
}

static const luaL_Reg functions[] = {
    {"spectra", spectra}, {"spectra_ceiling", spectra_ceiling}, {NULL, NULL}};

void bind_open_spectra(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
