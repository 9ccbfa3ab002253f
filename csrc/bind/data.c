/* data.c - generators of artificial data sets. */
#include "bind.h"

static double number(lua_State *L, const char *name, int arg) {
  return bind_number(L, "border_peaks", name, arg);
}

static mb_size point(lua_State *L, const char *name, int arg) {
  return bind_size(L, "border_peaks", name, arg, 1, INT32_MAX);
}

/* core.border_peaks(rng, n, length, first, border, last, lowest, highest, narrowest, widest, noise,
 * background) -> spectra (n, length, 1), classes (n), positions (n) */
static int border_peaks(lua_State *L) {
  mb_rng *rng = bind_rng(L, "border_peaks", "generator", 1);
  const mb_size n = point(L, "n", 2);
  const mb_border_peaks options = {
      .L = point(L, "length", 3),
      .first = point(L, "first", 4),
      .border = point(L, "border", 5),
      .last = point(L, "last", 6),
      .height = {number(L, "height", 7), number(L, "height", 8)},
      .width = {number(L, "width", 9), number(L, "width", 10)},
      .noise = number(L, "noise", 11),
      .background = number(L, "background", 12),
  };
  Tensor *y = bind_new_tensor(L, "border_peaks", 3, (mb_size[]){n, options.L, 1});
  Tensor *label = bind_new_tensor(L, "border_peaks", 1, &n);
  Tensor *position = bind_new_tensor(L, "border_peaks", 1, &n);
  bind_status(L, "border_peaks",
              mb_border_peaks_generate(y->data, label->data, position->data, rng, &options, n));
  return 3;
}

static const luaL_Reg functions[] = {{"border_peaks", border_peaks}, {NULL, NULL}};

void bind_open_data(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
