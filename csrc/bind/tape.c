/* tape.c - the tape's data on tensors: records, the tensors that they hold, versions. See docs/tape.md. */
#include "bind.h"

#include <string.h>

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

/* ---- records ---- */

/* Pushes the record of the tensor at arg, false if there is none. */
static void push_record(lua_State *L, int arg) {
  if (is_tracked(L, arg))
    lua_getiuservalue(L, arg, 1);
  else
    lua_pushboolean(L, false);
}

/* core.open_record(operation, ...) -> a record with the operation and the records of the arguments, false for
 * an untracked argument; nil if none is tracked, or nothing is recorded. Upvalue 2: their metatable. */
static int open_record(lua_State *L) {
  const int last = lua_gettop(L);
  int first = 2;
  if (!is_recording(L)) return 0;
  while (first <= last && !is_tracked(L, first)) first++;
  if (first > last) return 0;
  lua_createtable(L, last - 1, 3); /* operation, saved, order */
  for (int i = 2; i <= last; i++) {
    push_record(L, i);
    lua_rawseti(L, -2, i - 1);
  }
  lua_pushvalue(L, 1);
  lua_setfield(L, -2, "operation");
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_setmetatable(L, -2);
  return 1;
}

/* core.track(x, record, recomputable) -> x: from now on the tape follows x; record is what core.record(x)
 * returns. */
static int track(lua_State *L) {
  Args a = bind_args(L, "track");
  Tensor *x = next_tensor(&a, "x");
  x->recomputable = lua_toboolean(L, 3);
  lua_settop(L, 2);
  x->tracked = !lua_isnil(L, 2);
  lua_setiuservalue(L, 1, 1);
  return 1;
}

/* core.record(x) -> its record; nil if x is no tensor, or none that the tape follows */
static int record_of(lua_State *L) {
  if (!is_tracked(L, 1)) return 0;
  lua_getiuservalue(L, 1, 1);
  return 1;
}

/* ---- the tensors that a record saves ---- */

/* The values that an operation has saved for its backward pass: a userdata with a user value for each. */
typedef struct {
  int count;
  lua_Integer version; /* sum over the tensors that are held */
} Saved;

static const Saved *read_saved(lua_State *L) {
  const Saved *saved = lua_touserdata(L, 1);
  if (saved == NULL || lua_rawlen(L, 1) != sizeof *saved)
    bind_type_error(L, "backward", "saved", 1, "what tape:save left in a record");
  return saved;
}

/* The record at 1 will ask the record of the tensor at arg to make it again, as its value i. */
static void add_producer(lua_State *L, int arg, int i) {
  if (lua_getfield(L, 1, "producers") == LUA_TNIL) {
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_setfield(L, 1, "producers");
  }
  lua_getiuservalue(L, arg, 1);
  lua_getfield(L, -1, "users");
  lua_pushinteger(L, lua_tointeger(L, -1) + 1);
  lua_setfield(L, -3, "users");
  lua_pop(L, 1);
  lua_rawseti(L, -2, i);
  lua_pop(L, 1);
}

/* tape:save(...): the arguments of the operation's backward behind dy: tensors or other values. Each
 * tensor is held, and must not change in place; a result that its record can make again is not held. Called
 * once. tape:hold(...) is the same, but holds every tensor. Upvalue 1: is it save? */
static int save(lua_State *L) {
  const bool recomputes = lua_toboolean(L, lua_upvalueindex(1));
  const int count = lua_gettop(L) - 1;
  luaL_checktype(L, 1, LUA_TTABLE);
  Saved *saved = lua_newuserdatauv(L, sizeof *saved, count);
  *saved = (Saved){.count = count};
  for (int i = 1; i <= count; i++) {
    Tensor *x = bind_test_tensor(L, i + 1);
    if (x != NULL) bind_tensor(L, "save", "a tensor", i + 1);
    if (recomputes && x != NULL && x->recomputable && x->block->version == 0) {
      add_producer(L, i + 1, i);
      continue;
    }
    if (x != NULL) x->holds++, saved->version += x->block->version;
    lua_pushvalue(L, i + 1);
    lua_setiuservalue(L, -2, i);
  }
  lua_setfield(L, 1, "saved");
  return 0;
}

/* core.supply(saved, i, x): value i, which is not held, is x. */
static int supply(lua_State *L) {
  read_saved(L);
  lua_settop(L, 3);
  lua_setiuservalue(L, 1, (int)lua_tointeger(L, 2));
  return 0;
}

/* core.remade(x, users) -> x: as many records hold x, which nobody else uses. */
static int remade(lua_State *L) {
  Args a = bind_args(L, "backward");
  Tensor *x = next_tensor(&a, "x");
  x->dropped = true;
  x->holds = (int)lua_tointeger(L, 2);
  lua_settop(L, 1);
  return 1;
}

static lua_Integer version_of(lua_State *L, int arg) {
  if (bind_test_tensor(L, arg) == NULL) return 0;
  return bind_tensor(L, "backward", "a tensor that it needs", arg)->block->version;
}

/* core.recall(saved, name of the operation) -> the values. Raises if one of them was changed in place. */
static int recall(lua_State *L) {
  const Saved *saved = read_saved(L);
  lua_Integer version = 0;
  lua_settop(L, 2);
  luaL_checkstack(L, saved->count + 3, NULL);
  for (int i = 1; i <= saved->count; i++) {
    lua_getiuservalue(L, 1, i);
    version += version_of(L, i + 2);
  }
  if (version != saved->version)
    bind_error(L, "backward: a tensor that '%s' needs was changed in place after it was used",
               lua_tostring(L, 2));
  return saved->count;
}

/* core.versions({tensors or other values}): grows with every change in place of one of them or of a view of
 * it. Raises if one has been closed. */
static int versions(lua_State *L) {
  lua_Integer sum = 0;
  luaL_checktype(L, 1, LUA_TTABLE);
  for (lua_Integer i = 1, count = (lua_Integer)lua_rawlen(L, 1); i <= count; i++) {
    lua_rawgeti(L, 1, i);
    sum += version_of(L, lua_gettop(L));
    lua_pop(L, 1);
  }
  lua_pushinteger(L, sum);
  return 1;
}

static void close_if_unneeded(Tensor *x) {
  if (x->dropped && x->holds == 0) bind_close(x);
}

/* core.release(saved): undoes save: this record no longer holds its tensors. */
static int release(lua_State *L) {
  const Saved *saved = read_saved(L);
  for (int i = 1; i <= saved->count; i++) {
    lua_getiuservalue(L, 1, i);
    Tensor *x = bind_test_tensor(L, -1);
    if (x != NULL) {
      x->holds--;
      close_if_unneeded(x);
    }
    lua_pop(L, 1);
  }
  return 0;
}

/* core.drop(x, ...): whoever made x (nil: nothing) will not use it again, unless x is one of the others: it
 * is closed as soon as no record holds it. */
static int drop(lua_State *L) {
  if (lua_isnoneornil(L, 1)) return 0;
  for (int other = lua_gettop(L); other > 1; other--)
    if (lua_touserdata(L, other) == lua_touserdata(L, 1)) return 0;
  Args a = bind_args(L, "drop");
  Tensor *x = next_tensor(&a, "x");
  x->dropped = true;
  close_if_unneeded(x);
  return 0;
}

/* While a backward pass runs, its record still holds the saved tensors. */
static bool is_last_use(const Tensor *saved) {
  return saved->dropped && saved->holds == 1;
}

void bind_let_go(Tensor *saved) {
  if (is_last_use(saved)) bind_close(saved);
}

Tensor *push_over_saved(const Args *a, int arg) {
  const Tensor *saved = bind_tensor(a->L, a->operation, "input", arg);
  const bool is_free = is_last_use(saved) && saved->block->references == 1;
  return is_free ? bind_push_alias(a->L, saved) : push_like(a, saved);
}

Tensor *push_over_gradient(const Args *a, int arg) {
  Tensor *dy = bind_tensor(a->L, a->operation, "gradient", arg);
  if (dy->block->references > 1) return push_like(a, dy);
  lua_pushvalue(a->L, arg);
  return dy;
}

/* ---- gradients ---- */

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

/* core.accumulate(a, b) -> a + b, in the memory of a if nothing else shares it; b is closed. */
static int accumulate(lua_State *L) {
  Args args = bind_args(L, "backward");
  Tensor *a = next_tensor(&args, "gradient"), *b = next_tensor_count(&args, "gradient", a->count);
  Tensor *sum = push_over_gradient(&args, 1);
  mb_binary(sum->data, MB_ADD, a->data, &a->shape, b->data, &a->shape, &a->shape);
  bind_mark_changed(sum);
  bind_close(b);
  return 1;
}

/* core.own(x) -> x if nothing else shares its memory, else a copy; x is closed then. */
static int own(lua_State *L) {
  Args a = bind_args(L, "backward");
  Tensor *x = next_tensor_unread(&a, "gradient");
  lua_settop(L, 1);
  if (x->block == NULL || x->block->references == 1) return 1;
  Tensor *copy = push_like(&a, x);
  memcpy(copy->data, x->data, (size_t)x->count * sizeof(mb_real));
  bind_close(x);
  return 1;
}

/* core.is_factored(x): true if x is kept as its factors, since its elements were not read yet. */
static int is_factored(lua_State *L) {
  Args a = bind_args(L, "is_factored");
  lua_pushboolean(L, next_tensor_unread(&a, "x")->block == NULL);
  return 1;
}

static const luaL_Reg functions[] = {
    {"accumulate", accumulate},
    {"drop", drop},
    {"gradients", gradients},
    {"is_factored", is_factored},
    {"is_tracked", is_tracked_tensor},
    {"own", own},
    {"recall", recall},
    {"record", record_of},
    {"release", release},
    {"remade", remade},
    {"supply", supply},
    {"track", track},
    {"versions", versions},
    {NULL, NULL},
};

/* Those that share the variable of recording and the metatable of records. */
static const luaL_Reg recorders[] = {{"is_recording", is_recording_now},
                                     {"open_record", open_record},
                                     {"unrecorded", unrecorded},
                                     {NULL, NULL}};

/* Pushes the metatable of records, which is also the table of their methods. */
static void push_methods(lua_State *L) {
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  for (int recomputes = 0; recomputes <= 1; recomputes++) {
    lua_pushboolean(L, recomputes);
    lua_pushcclosure(L, save, 1);
    lua_setfield(L, -2, recomputes ? "save" : "hold");
  }
}

void bind_open_tape(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
  push_methods(L);
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, "tape_methods");
  bind_push_scope(L);
  lua_insert(L, -2);
  luaL_setfuncs(L, recorders, 2);
}
