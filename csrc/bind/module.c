/* module.c - luaopen_moonbow_core: one table with everything the Lua side builds on. */
#include "bind.h"

/* core.threads([count]) -> count */
static int threads(lua_State *L) {
  Settings settings = bind_settings(L);
  if (!lua_isnoneornil(L, 1)) {
    settings.threads = (int)bind_size(L, "threads", "count", 1, 1, mb_most_threads());
    bind_set_settings(L, settings);
  }
  lua_pushinteger(L, settings.threads);
  return 1;
}

static const luaL_Reg functions[] = {
    {"threads", threads},  {"raise", bind_raise}, {"set_own_source", bind_set_own_source},
    {"where", bind_where}, {NULL, NULL},
};

__attribute__((visibility("default"))) int BIND_OPEN(lua_State *L);

int BIND_OPEN(lua_State *L) {
  luaL_newlib(L, functions);
  bind_open_tensor(L);
  bind_open_elements(L);
  bind_open_tape(L);
  bind_open_scope(L);
  bind_open_math(L);
  bind_open_interrupt(L);
  bind_open_layers(L);
  bind_open_optim(L);
  bind_open_random(L);
  bind_open_data(L);
  bind_open_preprocess(L);
  bind_open_finite(L);
  bind_open_csv(L);
  bind_open_locale(L);
  bind_open_numbers(L);
  bind_open_files(L);
  bind_open_spikes(L);
  bind_open_forest(L);
  bind_open_neighbours(L);
  bind_open_linear(L);
  bind_open_terminal(L);
  lua_pushinteger(L, sizeof(mb_real));
  lua_setfield(L, -2, "real_bytes");
  lua_pushinteger(L, MB_POOL_MOST);
  lua_setfield(L, -2, "pool_most");
  return 1;
}
