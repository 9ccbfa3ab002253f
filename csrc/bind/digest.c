/* digest.c - digests of strings and tensors. */
#include "bind.h"

/* core.digest(x, seed) -> an integer that stands for the bytes of a string, or for shape and elements of a
 * tensor; seed: the digest of the data before it, or 0 */
static int digest(lua_State *L) {
  Args a = bind_args(L, "digest");
  const uint64_t seed = (uint64_t)luaL_optinteger(L, 2, 0);
  uint64_t result;
  if (lua_type(L, 1) == LUA_TSTRING) {
    size_t length;
    const char *bytes = lua_tolstring(L, 1, &length);
    result = mb_digest(bytes, length, seed);
  } else {
    const Tensor *x = next_tensor(&a, "x");
    result = mb_digest(x->shape.shape, (size_t)x->shape.rank * sizeof *x->shape.shape, seed);
    result = mb_digest(x->data, (size_t)x->count * sizeof *x->data, result);
  }
  lua_pushinteger(L, (lua_Integer)result);
  return 1;
}

static const luaL_Reg functions[] = {{"digest", digest}, {NULL, NULL}};

void bind_open_digest(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
