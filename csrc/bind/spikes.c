/* spikes.c - spectra of peaks: positions and heights come as tables, because heights need all of a double. */
#include <math.h>

#include "bind.h"

typedef struct {
  mb_size count;
  mb_size *position; /* 0-based */
  double *height;
} Peaks;

/* Pushes room for count peaks. */
static Peaks push_peaks(lua_State *L, mb_size count) {
  const size_t n = (size_t)count;
  Peaks peaks = {.count = count};
  peaks.position = lua_newuserdatauv(L, n * sizeof *peaks.position + n * sizeof *peaks.height, 0);
  peaks.height = (double *)(void *)(peaks.position + n);
  return peaks;
}

/* Reads the tables of positions (1..points) and heights at arg and arg + 1. */
static Peaks read_peaks(lua_State *L, const char *operation, int arg, mb_size points) {
  if (lua_type(L, arg) != LUA_TTABLE) bind_type_error(L, operation, "positions", arg, "a table of points");
  if (lua_type(L, arg + 1) != LUA_TTABLE)
    bind_type_error(L, operation, "heights", arg + 1, "a table of numbers");
  const mb_size count = (mb_size)lua_rawlen(L, arg), heights = (mb_size)lua_rawlen(L, arg + 1);
  if (count != heights || count == 0)
    bind_error(L, "%s: expected as many heights as positions, at least 1, got %I and %I", operation,
               (LUAI_UACINT)heights, (LUAI_UACINT)count);
  const Peaks peaks = push_peaks(L, count);
  for (mb_size i = 0; i < count; i++) {
    lua_rawgeti(L, arg, i + 1);
    peaks.position[i] = bind_index_in(L, operation, "position", lua_gettop(L), points);
    lua_rawgeti(L, arg + 1, i + 1);
    peaks.height[i] = bind_number(L, operation, "height", lua_gettop(L));
    if (!isfinite(peaks.height[i])) bind_type_error(L, operation, "height", lua_gettop(L), "a finite number");
    lua_pop(L, 2);
  }
  return peaks;
}

static double *push_scratch(lua_State *L, const char *operation, const mb_spikes *options) {
  if (!(options->sigma[1] > 0 && options->sigma[1] <= (double)options->L))
    bind_error(L, "%s: sigma: expected more than 0 and at most the %I points, got %f", operation,
               (LUAI_UACINT)options->L, options->sigma[1]);
  return lua_newuserdatauv(L, (size_t)mb_spikes_scratch(options) * sizeof(double), 0);
}

/* core.peaks_exact(operation, x, row, positions, heights, sigma, scaled): fills a row of x (n, points, 1) */
static int peaks_exact(lua_State *L) {
  const char *operation = luaL_checkstring(L, 1);
  Tensor *x = bind_tensor_rank(L, operation, "x", 2, 3);
  const mb_size points = x->shape.shape[1], row = bind_index_in(L, operation, "row", 3, x->shape.shape[0]);
  const double sigma = bind_number(L, operation, "sigma", 6);
  const mb_spikes options = {.L = points, .sigma = {sigma, sigma}, .scaled = bind_flag(L, 7)};
  const Peaks peaks = read_peaks(L, operation, 4, points);
  double *scratch = push_scratch(L, operation, &options);
  bind_status(
      L, operation,
      mb_spikes_exact(x->data + row * points, scratch, peaks.position, peaks.height, peaks.count, &options));
  bind_touch(x);
  return 0;
}

/* core.peaks_varied(operation, x, first, count, rng, positions, heights, shift, variation, keep_ones,
 * narrowest, widest, scaled): fills count rows of x (n, points, 1) from first on */
static int peaks_varied(lua_State *L) {
  const char *operation = luaL_checkstring(L, 1);
  Tensor *x = bind_tensor_rank(L, operation, "x", 2, 3);
  const mb_size points = x->shape.shape[1],
                first = bind_index_in(L, operation, "first", 3, x->shape.shape[0]);
  const mb_size count = bind_size(L, operation, "count", 4, 1, x->shape.shape[0] - first);
  mb_rng *rng = bind_rng(L, operation, "generator", 5);
  const mb_spikes options = {
      .L = points,
      .shift = bind_size(L, operation, "shift", 8, 0, INT32_MAX),
      .variation = bind_number(L, operation, "variation", 9),
      .keep_ones = bind_flag(L, 10),
      .sigma = {bind_number(L, operation, "sigma", 11), bind_number(L, operation, "sigma", 12)},
      .scaled = bind_flag(L, 13),
  };
  const Peaks peaks = read_peaks(L, operation, 6, points), varied = push_peaks(L, peaks.count);
  double *scratch = push_scratch(L, operation, &options);
  bind_status(L, operation,
              mb_spikes_varied(x->data + first * points, scratch, varied.position, varied.height, rng,
                               peaks.position, peaks.height, peaks.count, &options, count));
  bind_touch(x);
  return 0;
}

/* core.peaks_draw(operation, rng, positions, heights, points, shift, variation) -> positions, heights: one
 * variation */
static int peaks_draw(lua_State *L) {
  const char *operation = luaL_checkstring(L, 1);
  mb_rng *rng = bind_rng(L, operation, "generator", 2);
  const mb_spikes options = {
      .L = bind_size(L, operation, "points", 5, 1, INT32_MAX),
      .shift = bind_size(L, operation, "shift", 6, 0, INT32_MAX),
      .variation = bind_number(L, operation, "variation", 7),
  };
  const Peaks peaks = read_peaks(L, operation, 3, options.L), varied = push_peaks(L, peaks.count);
  mb_spikes_draw(varied.position, varied.height, rng, peaks.position, peaks.height, peaks.count, &options);
  lua_createtable(L, (int)peaks.count, 0);
  lua_createtable(L, (int)peaks.count, 0);
  for (mb_size i = 0; i < peaks.count; i++) {
    bind_index_out(L, varied.position[i]);
    lua_rawseti(L, -3, i + 1);
    lua_pushnumber(L, varied.height[i]);
    lua_rawseti(L, -2, i + 1);
  }
  return 2;
}

static const luaL_Reg functions[] = {
    {"peaks_draw", peaks_draw},
    {"peaks_exact", peaks_exact},
    {"peaks_varied", peaks_varied},
    {NULL, NULL},
};

void bind_open_spikes(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
