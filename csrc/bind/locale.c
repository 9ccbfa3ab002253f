/* locale.c - numbers are written as in the C locale, whatever the locale of the process is. */
#include <locale.h>

#include "bind.h"

/* core.in_c_locale(f, ...) -> the results of f. While it runs, this thread writes numbers with a decimal
 * point: the content of files must not depend on os.setlocale. */
static int in_c_locale(lua_State *L) {
  luaL_checkany(L, 1);
  const locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0); /* glibc and musl have it ready */
  if (plain == (locale_t)0) return luaL_error(L, "not enough memory");
  const locale_t before = uselocale(plain);
  const int status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
  uselocale(before);
  freelocale(plain);
  return status == LUA_OK ? lua_gettop(L) : lua_error(L);
}

static const luaL_Reg functions[] = {{"in_c_locale", in_c_locale}, {NULL, NULL}};

void bind_open_locale(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
