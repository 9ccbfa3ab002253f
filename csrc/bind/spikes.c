/* spikes.c - spectra of peaks. Positions and heights are tables, because heights need the precision of a
 * double. */
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

/* Reads the tables of positions (1..points) and heights that come next. */
static Peaks next_peaks(Args *a, mb_size points) {
  lua_State *L = a->L;
  const int positions = next_arg(a);
  if (lua_type(L, positions) != LUA_TTABLE) args_type_error(a, "positions", "a table of points");
  const int heights = next_arg(a);
  if (lua_type(L, heights) != LUA_TTABLE) args_type_error(a, "heights", "a table of numbers");
  const mb_size count = (mb_size)lua_rawlen(L, positions), height_count = (mb_size)lua_rawlen(L, heights);
  if (count != height_count || count == 0)
    args_error(a, "expected as many heights as positions, at least 1, got %I and %I",
               (LUAI_UACINT)height_count, (LUAI_UACINT)count);
  const Peaks peaks = push_peaks(L, count);
  for (mb_size i = 0; i < count; i++) {
    lua_rawgeti(L, positions, i + 1);
    Args element = bind_top(a);
    lua_rawgeti(L, heights, i + 1);
    peaks.position[i] = next_index(&element, "position", points);
    peaks.height[i] = next_number(&element, "height");
    if (!isfinite(peaks.height[i])) args_type_error(&element, "height", "a finite number");
    lua_pop(L, 2);
  }
  return peaks;
}

static void *push_room(const Args *a, const mb_spikes *options, mb_size peaks) {
  if (!(options->sigma[1] > 0 && options->sigma[1] <= (double)options->L))
    args_error(a, "sigma: expected more than 0 and at most the %I points, got %f", (LUAI_UACINT)options->L,
               options->sigma[1]);
  return lua_newuserdatauv(a->L, mb_spikes_scratch_bytes(options, peaks), 0);
}

/* Reads the name of the operation, which Lua gives, at 1. */
static Args next_caller(lua_State *L) {
  Args a = bind_args(L, luaL_checkstring(L, 1));
  next_arg(&a);
  return a;
}

/* core.peaks_exact(operation, x, row, positions, heights, sigma, scaled): fills a row of x (n, points, 1) */
static int peaks_exact(lua_State *L) {
  lua_settop(L, 7);
  Args a = next_caller(L);
  Tensor *x = next_tensor_rank(&a, "x", 3);
  const mb_size points = x->shape.shape[1], row = next_index(&a, "row", x->shape.shape[0]);
  const Peaks peaks = next_peaks(&a, points);
  const double sigma = next_number(&a, "sigma");
  const mb_spikes options = {.L = points, .sigma = {sigma, sigma}, .scaled = next_boolean(&a)};
  void *scratch = push_room(&a, &options, peaks.count);
  args_check(&a, mb_spikes_exact(x->data + row * points, scratch, peaks.position, peaks.height, peaks.count,
                                 &options));
  bind_mark_changed(x);
  return 0;
}

/* core.peaks_varied(operation, x, first, count, rng, positions, heights, shift, variation, keep_ones,
 * narrowest, widest, scaled): fills count rows of x (n, points, 1) from first on */
static int peaks_varied(lua_State *L) {
  lua_settop(L, 13);
  Args a = next_caller(L);
  Tensor *x = next_tensor_rank(&a, "x", 3);
  const mb_size points = x->shape.shape[1], first = next_index(&a, "first", x->shape.shape[0]);
  const mb_size count = next_integer(&a, "count", 1, x->shape.shape[0] - first);
  mb_rng *rng = next_rng(&a, "generator");
  const Peaks peaks = next_peaks(&a, points);
  mb_spikes options = {.L = points};
  options.shift = next_integer(&a, "shift", 0, INT32_MAX);
  options.variation = next_number(&a, "variation");
  options.keep_ones = next_boolean(&a);
  for (int i = 0; i < 2; i++) options.sigma[i] = next_number(&a, "sigma");
  options.scaled = next_boolean(&a);
  void *scratch = push_room(&a, &options, peaks.count);
  args_check(&a, mb_spikes_varied(x->data + first * points, scratch, rng, peaks.position, peaks.height,
                                  peaks.count, &options, count));
  bind_mark_changed(x);
  return 0;
}

/* core.peaks_draw(operation, rng, positions, heights, points, shift, variation) -> positions, heights: one
 * variation */
static int peaks_draw(lua_State *L) {
  lua_settop(L, 7);
  Args a = next_caller(L), behind = a;
  mb_rng *rng = next_rng(&a, "generator");
  mb_spikes options = {0};
  behind.next += 3; /* positions are checked against the points, which follow them */
  options.L = next_count(&behind, "points");
  options.shift = next_integer(&behind, "shift", 0, INT32_MAX);
  options.variation = next_number(&behind, "variation");
  const Peaks peaks = next_peaks(&a, options.L), varied = push_peaks(L, peaks.count);
  mb_spikes_draw(varied.position, varied.height, rng, peaks.position, peaks.height, peaks.count, &options);
  lua_createtable(L, (int)peaks.count, 0);
  lua_createtable(L, (int)peaks.count, 0);
  for (mb_size i = 0; i < peaks.count; i++) {
    push_index(L, varied.position[i]);
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
