/* window.c - the windows of convolution and pooling: lengths and padding. */
#include "bind.h"

#include <string.h>

#define PADDINGS "'same', 'valid', 'causal', a number of points or { left, right }"

/* Entry i of the table at arg: a number of points. */
static mb_size points_at(Args *a, int arg, int i) {
  lua_rawgeti(a->L, arg, i);
  int is_integer;
  const lua_Integer points = lua_tointegerx(a->L, -1, &is_integer);
  if (!is_integer || points < 0 || points > INT32_MAX) args_type_error(a, "padding", PADDINGS);
  lua_pop(a->L, 1);
  return (mb_size)points;
}

mb_padding next_padding(Args *a, mb_size *before, mb_size *after) {
  *before = *after = 0;
  if (lua_type(a->L, a->next) == LUA_TNUMBER) {
    *before = *after = next_integer(a, "padding", 0, INT32_MAX);
    return MB_EXPLICIT;
  }
  const int arg = next_arg(a), type = lua_type(a->L, arg);
  if (type == LUA_TNIL || type == LUA_TNONE) return MB_VALID;
  if (type == LUA_TTABLE && lua_rawlen(a->L, arg) == 2) {
    *before = points_at(a, arg, 1), *after = points_at(a, arg, 2);
    return MB_EXPLICIT;
  }
  const char *name = type == LUA_TSTRING ? lua_tostring(a->L, arg) : "";
  if (strcmp(name, "same") == 0) return MB_SAME;
  if (strcmp(name, "valid") == 0) return MB_VALID;
  if (strcmp(name, "causal") == 0) return MB_CAUSAL;
  args_type_error(a, "padding", PADDINGS);
}

/* core.window(length, size, stride, dilation, padding) -> output length, points padded left and right */
static int window(lua_State *L) {
  Args a = bind_args(L, "window");
  mb_size L_out, left, right, before, after;
  const mb_size length = next_count(&a, "length"), size = next_count(&a, "size");
  const mb_size stride = next_count(&a, "stride"), dilation = next_count(&a, "dilation");
  const mb_padding padding = next_padding(&a, &before, &after);
  args_check(&a, mb_window(&L_out, &left, &right, length, size, stride, dilation, padding, before, after));
  lua_pushinteger(L, L_out);
  lua_pushinteger(L, left);
  lua_pushinteger(L, right);
  return 3;
}

static const luaL_Reg functions[] = {{"window", window}, {NULL, NULL}};

void bind_open_window(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
