/* finite.c - the search for NaN and infinity in tensors. */
#include "bind.h"

#include <math.h>

static void push_place(lua_State *L, const mb_shape *shape, mb_size at) {
  const mb_size C = shape->rank == 3 ? shape->shape[2] : 1, L_in = shape->rank > 1 ? shape->shape[1] : 1;
  lua_pushfstring(L, "row %I", (LUAI_UACINT)(at / C / L_in + 1));
  if (shape->rank > 1) lua_pushfstring(L, ", point %I", (LUAI_UACINT)(at / C % L_in + 1));
  if (C > 1) lua_pushfstring(L, ", channel %I", (LUAI_UACINT)(at % C + 1));
  lua_concat(L, 1 + (shape->rank > 1) + (C > 1));
}

void args_check_finite(const Args *a, const char *name, const Tensor *x) {
  const mb_size bad = mb_find_non_finite(x->data, x->count);
  if (bad < 0) return;
  push_place(a->L, &x->shape, bad);
  const char *place = lua_tostring(a->L, -1), *what = x->data[bad] < 0 ? "-infinity" : "infinity";
  args_error(a, "%s: %s is %s", name, place, isnan(x->data[bad]) ? "NaN" : what);
}

/* core.check_finite(operation, name, x (N), (N, L) or (N, L, C)): raises if x holds NaN or infinity. */
static int check_finite(lua_State *L) {
  Args a = bind_args(L, luaL_checkstring(L, 1));
  const char *name = luaL_checkstring(L, 2);
  a.next = 3;
  args_check_finite(&a, name, next_tensor(&a, name));
  return 0;
}

/* True if the product of two factors is surely finite. No element is larger than the product of the
 * lengths of both (Cauchy and Schwarz), nor than half the sum of their squares. */
static bool is_finite_product(const Tensor *product) {
  const mb_factors f = bind_factors(product);
  return mb_has_finite_squares(f.packed, mb_factors_count(f.depth, f.rows, f.columns));
}

/* True if the tensor on top of the stack is finite. */
static bool is_finite(lua_State *L) {
  const Args a = bind_args(L, "find_non_finite");
  Args unread = bind_top(&a), read = unread;
  const Tensor *x = next_tensor_unread(&unread, "tensor");
  if (x->block == NULL && is_finite_product(x)) return true;
  x = next_tensor(&read, "tensor");
  return mb_find_non_finite(x->data, x->count) < 0;
}

/* core.find_non_finite(tensors, of_gradients) -> the place in the list of the first tensor that holds NaN or
 * infinity (of_gradients: whose gradient does), or nil. A gradient kept as factors is multiplied out only if
 * its factors do not decide. */
static int find_non_finite(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  const bool of_gradients = lua_toboolean(L, 2);
  lua_settop(L, 1);
  for (lua_Integer i = 1, count = (lua_Integer)lua_rawlen(L, 1); i <= count; i++) {
    lua_rawgeti(L, 1, i);
    if (of_gradients && bind_test_tensor(L, 2) != NULL && lua_getiuservalue(L, 2, 1) == LUA_TTABLE)
      lua_getfield(L, 3, "grad");
    if (!lua_isnil(L, -1) && !is_finite(L)) {
      lua_pushinteger(L, i);
      return 1;
    }
    lua_settop(L, 1);
  }
  return 0;
}

static const luaL_Reg functions[] = {
    {"check_finite", check_finite}, {"find_non_finite", find_non_finite}, {NULL, NULL}};

void bind_open_finite(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
