/* window.c - the windows of convolution and pooling: lengths and padding. */
#include "bind.h"

#include <string.h>

mb_padding next_padding(Args *a, mb_size *pad) {
  *pad = 0;
  if (next_is_nil(a)) return MB_VALID;
  if (lua_type(a->L, a->next) == LUA_TNUMBER) {
    *pad = next_integer(a, "padding", 0, INT32_MAX);
    return MB_EXPLICIT;
  }
  const int arg = next_arg(a);
  const char *name = lua_type(a->L, arg) == LUA_TSTRING ? lua_tostring(a->L, arg) : "";
  if (strcmp(name, "same") == 0) return MB_SAME;
  if (strcmp(name, "valid") == 0) return MB_VALID;
  args_type_error(a, "padding", "'same', 'valid' or a number of points");
}

/* core.window(length, size, stride, dilation, padding) -> output length, points padded left and right */
static int window(lua_State *L) {
  Args a = bind_args(L, "window");
  mb_size L_out, left, right, pad;
  const mb_size length = next_count(&a, "length"), size = next_count(&a, "size");
  const mb_size stride = next_count(&a, "stride"), dilation = next_count(&a, "dilation");
  const mb_padding padding = next_padding(&a, &pad);
  args_check(&a, mb_window(&L_out, &left, &right, length, size, stride, dilation, padding, pad));
  lua_pushinteger(L, L_out);
  lua_pushinteger(L, left);
  lua_pushinteger(L, right);
  return 3;
}

static const luaL_Reg functions[] = {{"window", window}, {NULL, NULL}};

void bind_open_window(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
