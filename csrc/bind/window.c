/* window.c - where the windows of convolution and pooling lie. */
#include "bind.h"

#include <string.h>

mb_padding bind_padding(lua_State *L, const char *operation, int arg, mb_size *pad) {
  *pad = 0;
  if (lua_isnoneornil(L, arg)) return MB_VALID;
  if (lua_type(L, arg) == LUA_TSTRING) {
    const char *name = lua_tostring(L, arg);
    if (strcmp(name, "same") == 0) return MB_SAME;
    if (strcmp(name, "valid") == 0) return MB_VALID;
  } else if (lua_type(L, arg) == LUA_TNUMBER) {
    *pad = bind_size(L, operation, "padding", arg, 0, INT32_MAX);
    return MB_EXPLICIT;
  }
  bind_type_error(L, operation, "padding", arg, "'same', 'valid' or a number of points");
}

/* core.window(length, size, stride, dilation, padding) -> output length, points padded left and right */
static int window(lua_State *L) {
  mb_size L_out, left, right, pad;
  const mb_size length = bind_size(L, "window", "length", 1, 1, INT32_MAX);
  const mb_size size = bind_size(L, "window", "size", 2, 1, INT32_MAX);
  const mb_size stride = bind_size(L, "window", "stride", 3, 1, INT32_MAX);
  const mb_size dilation = bind_size(L, "window", "dilation", 4, 1, INT32_MAX);
  const mb_padding padding = bind_padding(L, "window", 5, &pad);
  bind_status(L, "window", mb_window(&L_out, &left, &right, length, size, stride, dilation, padding, pad));
  lua_pushinteger(L, L_out);
  lua_pushinteger(L, left);
  lua_pushinteger(L, right);
  return 3;
}

static const luaL_Reg functions[] = {{"window", window}, {NULL, NULL}};

void bind_open_window(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
