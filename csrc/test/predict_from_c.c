/* predict_from_c.c - predicts with a saved model from C, in several threads: predict_from_c MODEL SPECTRA
 * LENGTH THREADS. SPECTRA holds numbers of type float, LENGTH for each spectrum. Prints the class of each. */
#include <lauxlib.h>
#include <lualib.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST_SPECTRA = 1000, MOST_THREADS = 16 };

static const char setup[] = "local mb, path = require 'moonbow', ...\n"
                            "mb.threads(1)\n"
                            "local model = assert(mb.load(path))\n"
                            "return function(values)\n"
                            "  return mb.predict(model, mb.tensor(values):reshape(1, -1, 1))[1]\n"
                            "end\n";

static const char *model;
static float *spectra;
static int length, count, threads, classes[MOST_SPECTRA];

/* Every threads-th spectrum from the first on, in a state of its own. */
static void *predict(void *first) {
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  int status = luaL_loadstring(L, setup);
  lua_pushstring(L, model);
  if (status == LUA_OK) status = lua_pcall(L, 1, 1, 0);
  for (int n = *(int *)first; status == LUA_OK && n < count; n += threads) {
    lua_pushvalue(L, -1);
    lua_createtable(L, length, 0);
    for (int i = 0; i < length; i++) {
      lua_pushnumber(L, spectra[n * length + i]);
      lua_rawseti(L, -2, i + 1);
    }
    status = lua_pcall(L, 1, 1, 0);
    if (status == LUA_OK) classes[n] = (int)lua_tonumber(L, -1), lua_pop(L, 1);
  }
  if (status != LUA_OK) fprintf(stderr, "%s\n", lua_tostring(L, -1));
  lua_close(L);
  return status == LUA_OK ? first : NULL;
}

/* True if the file could be read. */
static int read_spectra(const char *path) {
  FILE *file = fopen(path, "rb");
  spectra = malloc(sizeof *spectra * MOST_SPECTRA * (size_t)length);
  if (file != NULL && spectra != NULL)
    count = (int)fread(spectra, sizeof *spectra * (size_t)length, MOST_SPECTRA, file);
  const int is_good = file != NULL && spectra != NULL;
  if (file != NULL) fclose(file);
  return is_good;
}

int main(int arguments, char **given) {
  if (arguments != 5) return fprintf(stderr, "usage: predict_from_c MODEL SPECTRA LENGTH THREADS\n"), 2;
  model = given[1], length = atoi(given[3]), threads = atoi(given[4]);
  if (length < 1 || threads < 1 || threads > MOST_THREADS || !read_spectra(given[2])) return 2;

  pthread_t thread[MOST_THREADS];
  int first[MOST_THREADS], is_good = 1;
  for (int i = 0; i < threads; i++) {
    first[i] = i;
    if (pthread_create(&thread[i], NULL, predict, &first[i]) != 0) return 2;
  }
  for (int i = 0; i < threads; i++) {
    void *done;
    pthread_join(thread[i], &done);
    is_good = is_good && done != NULL;
  }
  for (int n = 0; is_good && n < count; n++) printf("%d\n", classes[n]);
  free(spectra);
  return !is_good;
}
