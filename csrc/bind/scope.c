/* scope.c - variables that have a value while a call runs, a separate one in each coroutine.
 *
 * A variable is a table from the coroutines that are inside such a call to the value there. The value of a
 * call is undone in C, so that nothing can prevent it: no error, no interruption of the script, which happens
 * between two instructions of Lua, and no lack of memory. A coroutine that never goes on
 * keeps its value to itself. */
#include "bind.h"

void bind_push_scope(lua_State *L) {
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "k");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
}

int bind_scope_value(lua_State *L, int scope) {
  lua_pushthread(L);
  return lua_rawget(L, scope);
}

/* Index 1 holds the value from before the call; above it are the results or the error. */
static int finish(lua_State *L, int status, lua_KContext scope) {
  const bool has_room = lua_checkstack(L, 2);
  if (!has_room) lua_settop(L, 1);
  lua_pushthread(L);
  lua_pushvalue(L, 1);
  lua_rawset(L, (int)scope);
  if (!has_room) return luaL_error(L, "not enough memory");
  return status == LUA_OK || status == LUA_YIELD ? lua_gettop(L) - 1 : lua_error(L);
}

int bind_call_in_scope(lua_State *L, int scope) {
  bind_scope_value(L, scope);
  lua_pushthread(L);
  lua_pushvalue(L, 1);
  lua_rawset(L, scope);
  lua_replace(L, 1);
  return finish(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, scope, finish), scope);
}

static int current(lua_State *L) {
  bind_scope_value(L, lua_upvalueindex(1));
  return 1;
}

static int call(lua_State *L) {
  luaL_argcheck(L, !lua_isnoneornil(L, 1), 1, "value expected");
  luaL_checkany(L, 2);
  return bind_call_in_scope(L, lua_upvalueindex(1));
}

/* core.scoped() -> current, call: call(value, f, ...) returns the results of f(...), during which, in the
 * coroutine that called, current() is value; else it is nil. */
static int scoped(lua_State *L) {
  bind_push_scope(L);
  lua_pushvalue(L, -1);
  lua_pushcclosure(L, current, 1);
  lua_insert(L, -2);
  lua_pushcclosure(L, call, 1);
  return 2;
}

void bind_open_scope(lua_State *L) {
  lua_pushcfunction(L, scoped);
  lua_setfield(L, -2, "scoped");
}
