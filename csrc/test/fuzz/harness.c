/* harness.c - runs a Lua script of this folder on what libFuzzer makes of its corpus. The script,
 * FUZZ_SCRIPT, gets moonbow.core and returns a function of the bytes, which raises an error if it finds a
 * fault. */
#include <lauxlib.h>
#include <lualib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int luaopen_moonbow_core(lua_State *L);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static lua_State *open_script(void) {
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  luaL_requiref(L, "moonbow.core", luaopen_moonbow_core, 0);
  if (luaL_loadfile(L, FUZZ_SCRIPT) != LUA_OK) lua_error(L);
  lua_insert(L, -2);
  lua_call(L, 1, 1);
  return L;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static lua_State *L;
  if (L == NULL) L = open_script();
  lua_settop(L, 1);
  lua_pushvalue(L, 1);
  lua_pushlstring(L, (const char *)data, size);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK && strstr(lua_tostring(L, -1), "not enough memory") == NULL) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    abort();
  }
  return 0;
}
