/* faults.c - preloaded into Lua (LD_PRELOAD), it makes the n-th call of a kind fail: allocations ("memory"),
 * or calls that write or open files ("files"). A script arms it: local faults = package.loadlib(FILE,
 * "luaopen_faults")(). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *memory, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);

enum { NOTHING, MEMORY, FILES };

/* The kind of calls that fail, in this thread alone: calls of others neither count nor fail. */
static _Thread_local int armed = NOTHING;
static _Thread_local lua_Integer calls, first, last; /* so far, and the range of those that fail */
static _Thread_local char spared[128]; /* libraries whose calls neither count nor fail, "a,b,c" */

static bool is_spared(const void *caller) {
  Dl_info info;
  if (spared[0] == '\0' || !dladdr(caller, &info) || info.dli_fname == NULL) return false;
  const char *name = strrchr(info.dli_fname, '/');
  char names[sizeof spared], *rest = names;
  memcpy(names, spared, sizeof names);
  for (char *one; (one = strsep(&rest, ",")) != NULL;)
    if (strstr(name != NULL ? name : info.dli_fname, one) != NULL) return true;
  return false;
}

static bool fails(int kind, const void *caller) {
  if (armed != kind) return false;
  armed = NOTHING; /* dladdr may allocate */
  const bool counts = !is_spared(caller);
  armed = kind;
  if (!counts) return false;
  calls++;
  return calls >= first && calls <= last;
}

#define FAILS(kind) fails(kind, __builtin_return_address(0))

/* ---- memory ---- */

void *malloc(size_t bytes) {
  if (FAILS(MEMORY)) return errno = ENOMEM, NULL;
  return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes) {
  if (FAILS(MEMORY)) return errno = ENOMEM, NULL;
  return __libc_calloc(count, bytes);
}

void *realloc(void *memory, size_t bytes) {
  if (bytes > 0 && FAILS(MEMORY)) return errno = ENOMEM, NULL;
  return __libc_realloc(memory, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes) {
  if (FAILS(MEMORY)) return errno = ENOMEM, NULL;
  return __libc_memalign(alignment, bytes);
}

void *memalign(size_t alignment, size_t bytes) {
  if (FAILS(MEMORY)) return errno = ENOMEM, NULL;
  return __libc_memalign(alignment, bytes);
}

int posix_memalign(void **memory, size_t alignment, size_t bytes) {
  if (FAILS(MEMORY)) return ENOMEM;
  *memory = __libc_memalign(alignment, bytes);
  return *memory != NULL ? 0 : ENOMEM;
}

void *mmap(void *address, size_t bytes, int protection, int flags, int descriptor, off_t offset) {
  if (FAILS(MEMORY)) return errno = ENOMEM, MAP_FAILED;
  return (void *)syscall(SYS_mmap, address, bytes, protection, flags, descriptor, offset);
}

/* ---- files ---- */

/* Returns the function of this name that the preload hides. */
static void *hidden(const char *name) {
  return dlsym(RTLD_NEXT, name);
}

#define DEFINE_OPEN(name)                                                                                    \
  int name(const char *path, int flags, ...) {                                                               \
    va_list arguments;                                                                                       \
    va_start(arguments, flags);                                                                              \
    const mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;                       \
    va_end(arguments);                                                                                       \
    if (FAILS(FILES)) return errno = EMFILE, -1;                                                             \
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);                                            \
  }
DEFINE_OPEN(open)
DEFINE_OPEN(open64)

#define DEFINE_FOPEN(name)                                                                                   \
  FILE *name(const char *path, const char *mode) {                                                           \
    if (FAILS(FILES)) return errno = EMFILE, NULL;                                                           \
    return ((FILE * (*)(const char *, const char *)) hidden(#name))(path, mode);                             \
  }
DEFINE_FOPEN(fopen)
DEFINE_FOPEN(fopen64)

/* A full disk first takes a part of a write, so every other failure is a short write. */
ssize_t write(int descriptor, const void *bytes, size_t count) {
  if (FAILS(FILES)) {
    if (calls % 2 == 1 || count < 2) return errno = ENOSPC, -1;
    count /= 2;
  }
  return syscall(SYS_write, descriptor, bytes, count);
}

ssize_t writev(int descriptor, const struct iovec *pieces, int count) {
  if (FAILS(FILES)) return errno = ENOSPC, -1;
  return syscall(SYS_writev, descriptor, pieces, count);
}

#define DEFINE_PWRITE(name)                                                                                  \
  ssize_t name(int descriptor, const void *bytes, size_t count, off_t offset) {                              \
    if (FAILS(FILES)) return errno = ENOSPC, -1;                                                             \
    return syscall(SYS_pwrite64, descriptor, bytes, count, offset);                                          \
  }
DEFINE_PWRITE(pwrite)
DEFINE_PWRITE(pwrite64)

size_t fwrite(const void *bytes, size_t size, size_t count, FILE *file) {
  if (FAILS(FILES)) return errno = ENOSPC, 0;
  return ((size_t(*)(const void *, size_t, size_t, FILE *))hidden("fwrite"))(bytes, size, count, file);
}

size_t fread(void *bytes, size_t size, size_t count, FILE *file) {
  if (FAILS(FILES)) return file->_flags |= _IO_ERR_SEEN, errno = EIO, 0; /* what ferror looks at */
  return ((size_t(*)(void *, size_t, size_t, FILE *))hidden("fread"))(bytes, size, count, file);
}

int fclose(FILE *file) {
  const bool failed = FAILS(FILES);
  const int status = ((int (*)(FILE *))hidden("fclose"))(file);
  return failed ? (errno = ENOSPC, EOF) : status;
}

int fsync(int descriptor) {
  if (FAILS(FILES)) return errno = EIO, -1;
  return (int)syscall(SYS_fsync, descriptor);
}

int close(int descriptor) {
  const bool failed = FAILS(FILES);
  const int status = (int)syscall(SYS_close, descriptor);
  return failed ? (errno = EIO, -1) : status;
}

int rename(const char *from, const char *to) {
  if (FAILS(FILES)) return errno = EACCES, -1;
  return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int mkdir(const char *path, mode_t mode) {
  if (FAILS(FILES)) return errno = EACCES, -1;
  return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

/* ---- from Lua ---- */

/* faults.arm(kind, first, last, spared): calls number first to last of "memory" or "files" will fail, but
 * none from the libraries whose names hold one of "a,b,c". */
static int arm(lua_State *L) {
  static const char *const kinds[] = {"nothing", "memory", "files", NULL};
  const int kind = luaL_checkoption(L, 1, NULL, kinds);
  first = luaL_checkinteger(L, 2);
  last = luaL_checkinteger(L, 3);
  snprintf(spared, sizeof spared, "%s", luaL_optstring(L, 4, ""));
  calls = 0;
  armed = kind;
  return 0;
}

/* faults.disarm() -> number of calls since it was armed */
static int disarm(lua_State *L) {
  armed = NOTHING;
  lua_pushinteger(L, calls);
  return 1;
}

int luaopen_faults(lua_State *L) {
  static const luaL_Reg functions[] = {{"arm", arm}, {"disarm", disarm}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
