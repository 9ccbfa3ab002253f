/* module.c - luaopen_moonbow_core: one table with everything the Lua side builds on. */
#include "bind.h"

/* core.threads([count]) -> count */
static int threads(lua_State *L) {
  Settings settings = bind_settings(L);
  Args a = bind_args(L, "threads");
  if (!next_is_nil(&a)) {
    settings.threads = (int)next_integer(&a, "count", 1, mb_most_threads());
    bind_set_settings(L, settings);
  }
  lua_pushinteger(L, settings.threads);
  return 1;
}

static const luaL_Reg functions[] = {
    {"threads", threads},          {"raise", bind_raise}, {"set_own_source", bind_set_own_source},
    {"call_site", bind_call_site}, {NULL, NULL},
};

void bind_add_family(lua_State *L, lua_CFunction function, const char *const *names, int count,
                     const char *suffix) {
  for (int op = 0; op < count; op++) {
    lua_pushfstring(L, "%s%s", names[op], suffix);
    lua_pushinteger(L, op);
    lua_pushcclosure(L, function, 1);
    lua_settable(L, -3);
  }
}

__attribute__((visibility("default"))) int BIND_OPEN(lua_State *L);

int BIND_OPEN(lua_State *L) {
  luaL_newlib(L, functions);
#define OPEN(file) bind_open_##file(L);
  BIND_FILES(OPEN)
  lua_pushinteger(L, sizeof(mb_real));
  lua_setfield(L, -2, "real_bytes");
  lua_pushinteger(L, MB_MAX_POOL);
  lua_setfield(L, -2, "pool_most");
  lua_pushliteral(L, MB_VERSION);
  lua_setfield(L, -2, "version");
  return 1;
}
