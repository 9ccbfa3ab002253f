/* finite.c - data that hold NaN or infinity are refused, by their place. */
#include "bind.h"

#include <math.h>

static void push_place(lua_State *L, const mb_shape *shape, mb_size at) {
  const mb_size C = shape->rank == 3 ? shape->shape[2] : 1, L_in = shape->rank > 1 ? shape->shape[1] : 1;
  lua_pushfstring(L, "row %I", (LUAI_UACINT)(at / C / L_in + 1));
  if (shape->rank > 1) lua_pushfstring(L, ", point %I", (LUAI_UACINT)(at / C % L_in + 1));
  if (C > 1) lua_pushfstring(L, ", channel %I", (LUAI_UACINT)(at % C + 1));
  lua_concat(L, 1 + (shape->rank > 1) + (C > 1));
}

void bind_check_finite(lua_State *L, const char *operation, const char *name, const Tensor *x) {
  const mb_size bad = mb_find_non_finite(x->data, x->count);
  if (bad < 0) return;
  push_place(L, &x->shape, bad);
  const char *place = lua_tostring(L, -1), *what = x->data[bad] < 0 ? "-infinity" : "infinity";
  bind_error(L, "%s: %s: %s is %s", operation, name, place, isnan(x->data[bad]) ? "NaN" : what);
}

/* core.check_finite(operation, name, x (N), (N, L) or (N, L, C)): raises where x holds NaN or infinity. */
static int check_finite(lua_State *L) {
  const char *operation = luaL_checkstring(L, 1), *name = luaL_checkstring(L, 2);
  bind_check_finite(L, operation, name, bind_tensor(L, operation, name, 3));
  return 0;
}

static const luaL_Reg functions[] = {{"check_finite", check_finite}, {NULL, NULL}};

void bind_open_finite(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
