/* tape.c - what the tape needs to know of tensors: records, versions, who still uses them. */
#include "bind.h"

static bool is_tracked(lua_State *L, int arg) {
  const Tensor *tensor = bind_test_tensor(L, arg);
  return tensor != NULL && tensor->tracked;
}

/* core.is_tracked(x): is x a tensor that the tape follows? */
static int is_tracked_tensor(lua_State *L) {
  lua_pushboolean(L, is_tracked(L, 1));
  return 1;
}

/* Operations are recorded in a coroutine unless the variable that is upvalue 1 has a value there. */
static bool is_recording(lua_State *L) {
  const bool recording = bind_scope_value(L, lua_upvalueindex(1)) == LUA_TNIL;
  lua_pop(L, 1);
  return recording;
}

/* core.is_recording(): are operations on tracked tensors recorded now, in this coroutine? */
static int is_recording_now(lua_State *L) {
  lua_pushboolean(L, is_recording(L));
  return 1;
}

/* core.unrecorded(f, ...): f(...) without recording */
static int unrecorded(lua_State *L) {
  luaL_checkany(L, 1);
  lua_pushboolean(L, true);
  lua_insert(L, 1);
  return bind_call_in_scope(L, lua_upvalueindex(1));
}

/* core.records(...) -> the list of the arguments' records, false for what the tape does not follow; nil
 * where it follows nothing, or nothing is recorded. */
static int records(lua_State *L) {
  const int count = lua_gettop(L);
  int first = 1;
  if (!is_recording(L)) return 0;
  while (first <= count && !is_tracked(L, first)) first++;
  if (first > count) return 0;
  lua_createtable(L, count, 0);
  for (int i = 1; i <= count; i++) {
    if (is_tracked(L, i))
      lua_getiuservalue(L, i, 1);
    else
      lua_pushboolean(L, false);
    lua_rawseti(L, -2, i);
  }
  return 1;
}

/* core.track(x, record): from now on the tape follows x; record is what core.record(x) returns */
static int track(lua_State *L) {
  Tensor *x = bind_tensor(L, "track", "x", 1);
  lua_settop(L, 2);
  x->tracked = !lua_isnil(L, 2);
  lua_setiuservalue(L, 1, 1);
  return 1;
}

/* core.record(x) -> its record; nil where x is no tensor, or none that the tape follows */
static int record_of(lua_State *L) {
  if (!is_tracked(L, 1)) return 0;
  lua_getiuservalue(L, 1, 1);
  return 1;
}

/* core.gradients(dy, ...) -> the list of the others, in which dy, as it may stand for several, is replaced by
 * tensors of the same memory */
static int gradients(lua_State *L) {
  const int last = lua_gettop(L);
  lua_createtable(L, last - 1, 0);
  for (int i = 2; i <= last; i++) {
    if (lua_rawequal(L, 1, i))
      bind_push_alias(L, bind_tensor(L, "backward", "dy", 1));
    else
      lua_pushvalue(L, i);
    lua_rawseti(L, -2, i - 1);
  }
  return 1;
}

/* The tensor at the top of the stack, where there is one; raises if it has been closed. */
static Tensor *needed_tensor(lua_State *L) {
  const int top = lua_gettop(L);
  return bind_test_tensor(L, top) == NULL ? NULL : bind_tensor(L, "backward", "a tensor that it needs", top);
}

/* core.versions({tensors or other values}): grows with every change in place of one of them or of a view of
 * it. core.hold is the same for a record of the tape that needs them; core.release ends that. */
static int versions(lua_State *L) {
  const int hold = lua_toboolean(L, lua_upvalueindex(1));
  lua_Integer sum = 0;
  luaL_checktype(L, 1, LUA_TTABLE);
  for (lua_Integer i = 1, count = (lua_Integer)lua_rawlen(L, 1); i <= count; i++) {
    lua_rawgeti(L, 1, i);
    Tensor *x = needed_tensor(L);
    if (x != NULL) sum += x->block->version, x->holds += hold;
    lua_pop(L, 1);
  }
  lua_pushinteger(L, sum);
  return 1;
}

static void close_if_unneeded(Tensor *x) {
  if (x->disowned && x->holds == 0) bind_close(x);
}

static int release(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  for (lua_Integer i = 1, count = (lua_Integer)lua_rawlen(L, 1); i <= count; i++) {
    lua_rawgeti(L, 1, i);
    Tensor *x = bind_test_tensor(L, -1);
    if (x != NULL) {
      x->holds--;
      close_if_unneeded(x);
    }
    lua_pop(L, 1);
  }
  return 0;
}

/* core.disown(x, ...): the caller, who made x, will not use it again, unless x is one of the others: it is
 * closed as soon as the tape does not need it */
static int disown(lua_State *L) {
  for (int other = lua_gettop(L); other > 1; other--)
    if (lua_touserdata(L, other) == lua_touserdata(L, 1)) return 0;
  Tensor *x = bind_tensor(L, "disown", "x", 1);
  x->disowned = true;
  close_if_unneeded(x);
  return 0;
}

/* core.let_go(x): the backward pass that runs now has done with x (false: nothing): its memory is given back
 * already if no other record needs it */
static int let_go(lua_State *L) {
  Tensor *x = bind_test_tensor(L, 1);
  if (x != NULL && x->disowned && x->holds == 1) bind_close(x);
  return 0;
}

/* core.is_sole(x): does nothing else share the memory of x? */
static int is_sole(lua_State *L) {
  const Tensor *x = bind_tensor_unread(L, "is_sole", "x", 1);
  lua_pushboolean(L, x->block == NULL || x->block->references == 1);
  return 1;
}

/* core.is_unread(x): is x a product that nobody has looked at, kept as its factors? */
static int is_unread(lua_State *L) {
  lua_pushboolean(L, bind_tensor_unread(L, "is_unread", "x", 1)->block == NULL);
  return 1;
}

static const luaL_Reg functions[] = {
    {"disown", disown},       {"gradients", gradients},
    {"is_sole", is_sole},     {"is_tracked", is_tracked_tensor},
    {"is_unread", is_unread}, {"let_go", let_go},
    {"record", record_of},    {"release", release},
    {"track", track},         {NULL, NULL},
};

/* Those that share the variable of recording. */
static const luaL_Reg recorders[] = {
    {"is_recording", is_recording_now}, {"records", records}, {"unrecorded", unrecorded}, {NULL, NULL}};

void bind_open_tape(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
  bind_push_scope(L);
  luaL_setfuncs(L, recorders, 1);
  for (int hold = 0; hold <= 1; hold++) {
    lua_pushboolean(L, hold);
    lua_pushcclosure(L, versions, 1);
    lua_setfield(L, -2, hold ? "hold" : "versions");
  }
}
