/* interrupt.c - Ctrl-C: a flag that long work polls; afterwards the handler that was there before is back.
 */
#include "bind.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

/* Global to the process, as signals are: several Lua states may share it. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int pending;  /* Ctrl-C came, and no work has answered it yet */
static atomic_int catchers; /* pieces of work that poll the flag */
static struct sigaction before;
static char
    farewell[160]; /* printed if Ctrl-C ends the process while nothing polls; empty: it does not end it */

/* The first Ctrl-C only sets the flag if something polls it or there is no farewell; the second ends the
 * process.
 */
static void on_interrupt(int number) {
  const bool is_second = atomic_exchange(&pending, 1) != 0;
  if (!is_second && (atomic_load(&catchers) > 0 || farewell[0] == '\0')) return;
  if (!is_second && write(STDERR_FILENO, farewell, strlen(farewell)) < 0) { /* standard error is closed */
  }
  _exit(128 + number);
}

static void install(void) {
  struct sigaction ours = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART}, now;
  sigaction(SIGINT, NULL, &now);
  if (now.sa_handler == on_interrupt || now.sa_handler == SIG_IGN) return;
  before = now;
  sigemptyset(&ours.sa_mask);
  sigaction(SIGINT, &ours, NULL);
}

/* Restores the handler that was there before, unless somebody has replaced ours. */
static void restore(void) {
  struct sigaction now;
  sigaction(SIGINT, NULL, &now);
  if (now.sa_handler == on_interrupt) sigaction(SIGINT, &before, NULL);
}

/* core.catch_interrupt(): from now on Ctrl-C only sets the flag. Each call needs one of core.end_catch(),
 * which returns true if the flag was set; the last one puts the handler back and clears the flag. */
static int catch_interrupt(lua_State *L) {
  (void)L;
  pthread_mutex_lock(&lock);
  atomic_fetch_add(&catchers, 1);
  install();
  pthread_mutex_unlock(&lock);
  return 0;
}

static int end_catch(lua_State *L) {
  pthread_mutex_lock(&lock);
  const bool is_last = atomic_fetch_sub(&catchers, 1) == 1;
  if (is_last && farewell[0] == '\0') restore();
  lua_pushboolean(L, is_last ? atomic_exchange(&pending, 0) : atomic_load(&pending));
  pthread_mutex_unlock(&lock);
  return 1;
}

bool bind_interrupted(void) {
  return atomic_load_explicit(&pending, memory_order_relaxed) != 0;
}

/* core.interrupted() */
static int interrupted(lua_State *L) {
  lua_pushboolean(L, bind_interrupted());
  return 1;
}

/* core.end_at_interrupt(farewell): from now on Ctrl-C ends the process with code 130, whatever it does,
 * unless something polls the flag. */
static int end_at_interrupt(lua_State *L) {
  const char *text = luaL_checkstring(L, 1);
  pthread_mutex_lock(&lock);
  strncpy(farewell, text, sizeof farewell - 1);
  install();
  pthread_mutex_unlock(&lock);
  return 0;
}

static const luaL_Reg functions[] = {
    {"catch_interrupt", catch_interrupt},
    {"end_at_interrupt", end_at_interrupt},
    {"end_catch", end_catch},
    {"interrupted", interrupted},
    {NULL, NULL},
};

void bind_open_interrupt(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
