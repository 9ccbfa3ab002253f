/* error.c - errors with the line of the user's code, not of the library's. */
#include "bind.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char own_source = 0; /* its address is the registry key */

/* core.set_own_source(prefix): chunks whose source starts with prefix are the library's. */
int bind_set_own_source(lua_State *L) {
  luaL_checkstring(L, 1);
  lua_pushvalue(L, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &own_source);
  return 0;
}

/* Pushes "FILE:LINE: " of the nearest caller outside the library, or "". */
static void push_where(lua_State *L) {
  lua_Debug frame;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &own_source);
  const char *own = lua_tostring(L, -1);
  for (int level = 0; lua_getstack(L, level, &frame); level++) {
    lua_getinfo(L, "Sl", &frame);
    if (frame.currentline > 0 && (own == NULL || strncmp(frame.source, own, strlen(own)) != 0)) {
      lua_pushfstring(L, "%s:%d: ", frame.short_src, frame.currentline);
      lua_remove(L, -2);
      return;
    }
  }
  lua_pop(L, 1);
  lua_pushliteral(L, "");
}

/* True if a terminal would obey text[i]: control characters but line break and tab, in UTF-8 also those
 * of 8 bits. */
static bool is_control(const unsigned char *text, size_t i) {
  const unsigned char c = text[i];
  if (c == 0xC2) return (text[i + 1] & 0xE0) == 0x80;
  if ((c & 0xE0) == 0x80) return i > 0 && text[i - 1] == 0xC2;
  return (c < 0x20 && c != '\n' && c != '\t') || c == 0x7F;
}

/* Replaces such characters of the string on top of the stack, which may hold names from files, by \xNN. */
static void escape_controls(lua_State *L) {
  size_t length;
  const unsigned char *text = (const unsigned char *)lua_tolstring(L, -1, &length);
  luaL_Buffer buffer;
  luaL_buffinit(L, &buffer);
  for (size_t i = 0; i < length; i++) {
    char code[5] = {(char)text[i]};
    if (is_control(text, i)) snprintf(code, sizeof code, "\\x%02X", text[i]);
    luaL_addstring(&buffer, code);
  }
  luaL_pushresult(&buffer);
  lua_remove(L, -2);
}

int bind_error(lua_State *L, const char *format, ...) {
  va_list arguments;
  luaL_checkstack(L, 10, "too many nested calls");
  push_where(L);
  va_start(arguments, format);
  lua_pushvfstring(L, format, arguments);
  va_end(arguments);
  escape_controls(L);
  lua_concat(L, 2);
  lua_error(L);
  __builtin_unreachable();
}

/* core.call_site() -> "FILE:LINE: " that an error raised now would carry. */
int bind_call_site(lua_State *L) {
  push_where(L);
  return 1;
}

/* core.raise(message): raises message behind the user's position. */
int bind_raise(lua_State *L) {
  return bind_error(L, "%s", luaL_checkstring(L, 1));
}

static const char *push_text(lua_State *L, int arg) {
  if (lua_rawlen(L, arg) <= 40) return lua_pushfstring(L, "'%s'", lua_tostring(L, arg));
  lua_pushlstring(L, lua_tostring(L, arg), 40);
  return lua_pushfstring(L, "'%s...'", lua_tostring(L, -1));
}

const char *bind_push_shown(lua_State *L, int arg) {
  const Tensor *tensor = bind_test_tensor(L, arg);
  const int type = lua_type(L, arg);
  if (tensor != NULL) return lua_pushfstring(L, "tensor %s", bind_push_shape(L, &tensor->shape));
  if (type == LUA_TNUMBER && isnan(lua_tonumber(L, arg))) return lua_pushliteral(L, "NaN");
  if (type == LUA_TNUMBER) return lua_pushvalue(L, arg), lua_tostring(L, -1);
  if (type == LUA_TBOOLEAN) return lua_pushstring(L, lua_toboolean(L, arg) ? "true" : "false");
  if (type == LUA_TSTRING) return push_text(L, arg);
  if (type <= LUA_TNIL) return lua_pushstring(L, luaL_typename(L, arg));
  if (luaL_getmetafield(L, arg, "__name") == LUA_TSTRING) return lua_tostring(L, -1);
  return lua_pushfstring(L, "a %s", luaL_typename(L, arg));
}

int bind_type_error(lua_State *L, const char *operation, const char *name, int arg, const char *expected) {
  bind_error(L, "%s: %s: expected %s, got %s", operation, name, expected, bind_push_shown(L, arg));
}
