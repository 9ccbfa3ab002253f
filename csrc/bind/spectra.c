/* spectra.c - generators of artificial data sets. */
#include "bind.h"

/* ---- the fields of a table of options ---- */

typedef struct {
  lua_State *L;
  const char *operation;
  int table;
} Fields;

static double number(Fields f, const char *name) {
  lua_getfield(f.L, f.table, name);
  const double value = bind_number(f.L, f.operation, name, lua_gettop(f.L));
  lua_pop(f.L, 1);
  return value;
}

static mb_size whole(Fields f, const char *name, mb_size low) {
  lua_getfield(f.L, f.table, name);
  const mb_size value = bind_size(f.L, f.operation, name, lua_gettop(f.L), low, INT32_MAX);
  lua_pop(f.L, 1);
  return value;
}

static bool flag(Fields f, const char *name) {
  lua_getfield(f.L, f.table, name);
  const bool value = bind_flag(f.L, lua_gettop(f.L));
  lua_pop(f.L, 1);
  return value;
}

/* Reads {low, high} on top of the stack, and takes it off. */
static void pop_range(Fields f, const char *name, double range[2]) {
  const int top = lua_gettop(f.L);
  if (lua_type(f.L, top) != LUA_TTABLE || lua_rawlen(f.L, top) != 2)
    bind_error(f.L, "%s: %s: expected {low, high}", f.operation, name);
  for (int i = 0; i < 2; i++) {
    if (lua_rawgeti(f.L, top, i + 1) != LUA_TNUMBER)
      bind_error(f.L, "%s: %s: expected {low, high}", f.operation, name);
    range[i] = lua_tonumber(f.L, -1);
  }
  lua_settop(f.L, top - 1);
}

static void range(Fields f, const char *name, double value[2]) {
  lua_getfield(f.L, f.table, name);
  pop_range(f, name, value);
}

static void whole_range(Fields f, const char *name, mb_size value[2]) {
  double numbers[2];
  range(f, name, numbers);
  for (int i = 0; i < 2; i++) {
    if (!(numbers[i] >= 1 && numbers[i] <= INT32_MAX && numbers[i] == (double)(mb_size)numbers[i]))
      bind_error(f.L, "%s: %s: expected {low, high} of integers of at least 1", f.operation, name);
    value[i] = (mb_size)numbers[i];
  }
}

/* Reads classes = { { { position = {low, high}, height = {low, high} }, ... }, ... }, in memory that
 * stays on the stack. */
static void read_classes(Fields f, mb_spectra *s) {
  lua_State *L = f.L;
  mb_size count = 0;
  lua_getfield(L, f.table, "classes");
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
      pop_range(f, "position", peaks[p].position);
      lua_getfield(L, -1, "height");
      pop_range(f, "height", peaks[p].height);
      lua_pop(L, 1);
    }
    lua_pop(L, 1);
  }
  s->first = first, s->peaks = peaks;
}

static unsigned background_kinds(Fields f) {
  return (flag(f, "polynomial") ? MB_POLYNOMIAL : 0) | (flag(f, "exponential") ? MB_EXPONENTIAL : 0) |
         (flag(f, "hump") ? MB_HUMP : 0);
}

static void read_spectra(Fields f, mb_spectra *s) {
  *s = (mb_spectra){
      .L = whole(f, "length", 1),
      .whole_points = flag(f, "whole_points"),
      .background = number(f, "background"),
      .background_kinds = background_kinds(f),
      .noise = number(f, "noise"),
      .counts = number(f, "counts"),
  };
  range(f, "width", s->width);
  range(f, "mixing", s->mixing);
  range(f, "asymmetry", s->asymmetry);
  whole_range(f, "orders", s->orders);
  whole_range(f, "mixture", s->parts);
  range(f, "impurity", s->impurity);
  read_classes(f, s);
}

/* ---- */

/* A new tensor in the table on top of the stack. */
static mb_real *new_field(lua_State *L, const char *operation, const char *name, int rank,
                          const mb_size *shape) {
  mb_real *data = bind_new_tensor(L, operation, rank, shape)->data;
  lua_setfield(L, -2, name);
  return data;
}

/* core.spectra(rng, operation, n, options, parts) -> { x (n, length, 1), y (n), position and height (n,
 * peaks), width, mixing, asymmetry (n); of mixtures share (n, classes); with parts also peak, background,
 * noise, each (n, length, 1) } */
static int spectra(lua_State *L) {
  mb_spectra s;
  const char *operation = luaL_checkstring(L, 2);
  mb_rng *rng = bind_rng(L, operation, "generator", 1);
  const mb_size n = bind_size(L, operation, "n", 3, 1, INT32_MAX);
  const bool parts = bind_flag(L, 5);
  read_spectra((Fields){L, operation, 4}, &s);
  const mb_size all[3] = {n, s.L, 1}, peaks[2] = {n, mb_spectra_peaks(&s)}, shares[2] = {n, s.classes};
  lua_newtable(L);
  const mb_spectra_out out = {
      .y = new_field(L, operation, "x", 3, all),
      .peak = parts ? new_field(L, operation, "peak", 3, all) : NULL,
      .background = parts ? new_field(L, operation, "background", 3, all) : NULL,
      .noise = parts ? new_field(L, operation, "noise", 3, all) : NULL,
      .label = new_field(L, operation, "y", 1, &n),
      .share = s.parts[1] > 1 ? new_field(L, operation, "share", 2, shares) : NULL,
      .position = new_field(L, operation, "position", 2, peaks),
      .height = new_field(L, operation, "height", 2, peaks),
      .width = new_field(L, operation, "width", 1, &n),
      .mixing = new_field(L, operation, "mixing", 1, &n),
      .asymmetry = new_field(L, operation, "asymmetry", 1, &n),
  };
  bind_status(L, operation, mb_spectra_generate(&out, rng, &s, n));
  return 1;
}

/* core.spectra_ceiling(rng, operation, samples, options) -> accuracy */
static int spectra_ceiling(lua_State *L) {
  mb_spectra s;
  double accuracy = 0;
  const char *operation = luaL_checkstring(L, 2);
  mb_rng *rng = bind_rng(L, operation, "generator", 1);
  const mb_size samples = bind_size(L, operation, "samples", 3, 1, INT32_MAX);
  read_spectra((Fields){L, operation, 4}, &s);
  bind_status(L, operation, mb_spectra_ceiling(&accuracy, rng, &s, samples));
  lua_pushnumber(L, accuracy);
  return 1;
}

static const luaL_Reg functions[] = {
    {"spectra", spectra}, {"spectra_ceiling", spectra_ceiling}, {NULL, NULL}};

void bind_open_spectra(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
