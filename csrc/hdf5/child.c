/* child.c - a child process that calls a Lua function and sends what it makes through a pipe: a crash,
 * endless work or memory without bound ends the child alone.
 *
 * Only the thread that forks lives on in the child, so the function must not call moonbow.core, whose threads
 * would be missing. */
#define _GNU_SOURCE /* F_SETPIPE_SZ */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "module.h"

#define PIPE_BYTES (1 << 20) /* 64 KiB by default, after which the processes wait for each other */

typedef struct {
  pid_t id;   /* 0 once it was waited for */
  int pipe;   /* its end for reading, -1 once closed */
  int status; /* of waitpid */
} Child;

/* ---- in the child ---- */

/* put(bytes), a string or numbers as they were read: ends the child if nobody reads. */
static int put(lua_State *L) {
  size_t count = lua_rawlen(L, 1);
  const char *bytes = lua_isuserdata(L, 1) ? lua_touserdata(L, 1) : luaL_checklstring(L, 1, &count);
  const int pipe = (int)lua_tointeger(L, lua_upvalueindex(1));
  while (count > 0) {
    const ssize_t written = write(pipe, bytes, count);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) _exit(1);
    bytes += written, count -= (size_t)written;
  }
  return 0;
}

static void limit(int resource, rlim_t most) {
  struct rlimit limits;
  if (getrlimit(resource, &limits) != 0) return;
  if (limits.rlim_cur != RLIM_INFINITY && limits.rlim_cur < most) return;
  limits.rlim_cur = most;
  if (limits.rlim_max != RLIM_INFINITY && limits.rlim_max < most) limits.rlim_cur = limits.rlim_max;
  setrlimit(resource, &limits);
}

/* The bytes of address space that this process has, 0 if that is not known. */
static rlim_t address_space(void) {
  unsigned long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL) return 0;
  if (fscanf(file, "%lu", &pages) != 1) pages = 0;
  fclose(file);
  return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

typedef struct {
  lua_Alloc allocate;
  void *data;
  size_t left;
} Bounded;

/* Lua's memory is counted, since a limit of address space does not bound it: moonbow.core's allocator gives
 * back what it reserved (csrc/bind/arena.c) if there is no more. */
static void *allocate_bounded(void *data, void *block, size_t before, size_t bytes) {
  Bounded *bounded = data;
  const size_t freed = block != NULL ? before : 0; /* else before is a type */
  if (bytes > freed && bytes - freed > bounded->left) return NULL;
  void *moved = bounded->allocate(bounded->data, block, before, bytes);
  if (moved != NULL || bytes == 0) bounded->left += freed - bytes;
  return moved;
}

static void bound_lua(lua_State *L, size_t bytes) {
  static Bounded bounded;
  bounded = (Bounded){.left = bytes};
  bounded.allocate = lua_getallocf(L, &bounded.data);
  lua_setallocf(L, allocate_bounded, &bounded);
}

/* Calls the function at index 1 with put; never returns. */
static void run(lua_State *L, int pipe, rlim_t seconds, rlim_t bytes) {
  lua_gc(L, LUA_GCSTOP); /* finalizers belong to the parent */
  bound_lua(L, bytes);
  const int nowhere = open("/dev/null", O_WRONLY);
  if (nowhere >= 0) dup2(nowhere, STDERR_FILENO); /* libc's words on a crash */
  signal(SIGINT, SIG_DFL);
  signal(SIGPIPE, SIG_DFL);
  limit(RLIMIT_CPU, seconds);
  limit(RLIMIT_CORE, 0);
  const rlim_t now = address_space();
  if (now > 0) limit(RLIMIT_AS, now + bytes);
  lua_pushvalue(L, 1);
  lua_pushinteger(L, pipe);
  lua_pushcclosure(L, put, 1);
  _exit(lua_pcall(L, 1, 0, 0) == LUA_OK ? 0 : 1);
}

/* ---- in the parent ---- */

static int refuse(lua_State *L, const char *reason) {
  lua_pushnil(L);
  lua_pushstring(L, reason);
  return 2;
}

/* hdf5.child(f, seconds, bytes) -> a child that calls f(put), with at most so many seconds of processor time
 * and bytes of memory beside what this process has; or nil and a reason */
static int start(lua_State *L) {
  int ends[2];
  const rlim_t seconds = (rlim_t)luaL_checkinteger(L, 2), bytes = (rlim_t)luaL_checkinteger(L, 3);
  Child *child = lua_newuserdatauv(L, sizeof *child, 0);
  *child = (Child){.pipe = -1};
  luaL_setmetatable(L, CHILD_TYPE);
  if (pipe(ends) != 0) return refuse(L, strerror(errno));
  child->pipe = ends[0];
  fcntl(ends[0], F_SETPIPE_SZ, PIPE_BYTES); /* if it may not be so large, it is as large as it was */
  child->id = fork();
  if (child->id == 0) {
    close(ends[0]);
    run(L, ends[1], seconds, bytes);
  }
  const int failure = errno;
  close(ends[1]);
  if (child->id > 0) return 1;
  child->id = 0;
  return refuse(L, strerror(failure));
}

/* child:take(count) -> count bytes that the child has put; nil if it ended before */
static int take(lua_State *L) {
  const Child *child = luaL_checkudata(L, 1, CHILD_TYPE);
  const size_t count = (size_t)luaL_checkinteger(L, 2);
  size_t got = 0;
  luaL_Buffer buffer;
  char *bytes = luaL_buffinitsize(L, &buffer, count);
  while (got < count) {
    const ssize_t some = read(child->pipe, bytes + got, count - got);
    if (some < 0 && errno == EINTR) continue;
    if (some <= 0) return lua_pushnil(L), 1;
    got += (size_t)some;
  }
  luaL_pushresultsize(&buffer, count);
  return 1;
}

/* child:pipe() -> the descriptor from which take reads, for core.file_take, which reads much at once
 */
static int get_pipe(lua_State *L) {
  const Child *child = luaL_checkudata(L, 1, CHILD_TYPE);
  lua_pushinteger(L, child->pipe);
  return 1;
}

static void end(Child *child) {
  if (child->pipe >= 0) close(child->pipe);
  child->pipe = -1;
  while (child->id > 0 && waitpid(child->id, &child->status, 0) < 0 && errno == EINTR) continue;
  child->id = 0;
}

/* child:finish() -> true if the child did its work; or nil and how it ended. It waits for the end. */
static int finish(lua_State *L) {
  Child *child = luaL_checkudata(L, 1, CHILD_TYPE);
  end(child);
  if (WIFEXITED(child->status) && WEXITSTATUS(child->status) == 0) return lua_pushboolean(L, true), 1;
  lua_pushnil(L);
  if (!WIFSIGNALED(child->status))
    lua_pushfstring(L, "code %d", WEXITSTATUS(child->status));
  else if (WTERMSIG(child->status) == SIGXCPU)
    lua_pushliteral(L, "it took too long");
  else
    lua_pushstring(L, strsignal(WTERMSIG(child->status)));
  return 2;
}

static int stop(lua_State *L) {
  Child *child = luaL_checkudata(L, 1, CHILD_TYPE);
  if (child->id > 0) kill(child->id, SIGKILL);
  end(child);
  return 0;
}

static const luaL_Reg methods[] = {
    {"take", take}, {"pipe", get_pipe}, {"finish", finish}, {"__gc", stop}, {"__close", stop}, {NULL, NULL},
};

void hdf5_open_child(lua_State *L) {
  luaL_newmetatable(L, CHILD_TYPE);
  luaL_setfuncs(L, methods, 0);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  lua_pushcfunction(L, start);
  lua_setfield(L, -2, "child");
}
