/* two_states.c - runs a script in two Lua states at the same time, in a thread each: two_states SCRIPT
 * [ARGUMENT]. The states share nothing that the script sees. For ThreadSanitizer, see cmake/nightly.sh. */
#include <lauxlib.h>
#include <lualib.h>
#include <pthread.h>
#include <stdio.h>

static char **arguments;

static void *run(void *number) {
  lua_State *L = luaL_newstate();
  if (L == NULL) return number;
  luaL_openlibs(L);
  int status = luaL_loadfile(L, arguments[1]);
  if (status == LUA_OK) {
    lua_pushinteger(L, *(int *)number);
    status = lua_pcall(L, 1, 0, 0);
  }
  if (status != LUA_OK) {
    fprintf(stderr, "state %d: %s\n", *(int *)number, lua_tostring(L, -1));
    lua_close(L);
    return number;
  }
  lua_close(L);
  return NULL;
}

int main(int count, char **given) {
  if (count != 2) return fprintf(stderr, "usage: two_states SCRIPT\n"), 2;
  arguments = given;
  pthread_t threads[2];
  int numbers[2] = {1, 2};
  for (int i = 0; i < 2; i++)
    if (pthread_create(&threads[i], NULL, run, &numbers[i]) != 0) return 2;
  void *failed = NULL;
  for (int i = 0; i < 2; i++) {
    void *result;
    pthread_join(threads[i], &result);
    if (result != NULL) failed = result;
  }
  return failed != NULL;
}
