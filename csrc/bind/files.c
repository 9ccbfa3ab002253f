/* files.c - files that appear whole or not at all, locks that end with their process, lines appended at one
 * stroke.
 *
 * Who writes a file, writes one beside it, ".NAME.SLOT.partial", holds a lock on it, and renames it at the
 * end. A partial file whose lock nobody holds was left by a killed writer and is removed. So there are never
 * more of them than there were writers at once. */
#define _GNU_SOURCE /* O_PATH */
#include "bind.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define WRITER_TYPE BIND_PREFIX "writer"
#define LOCK_TYPE   BIND_PREFIX "lock"
#define MAX_SLOTS   1000
#define MAX_TRIES   100
#define NAME_KEPT   200  /* bytes of a name that the name of its partial file repeats */
#define ANYBODY     0666 /* less the umask */
#define LARGE       ((size_t)4 << 20)

typedef struct {
  int folder, file; /* -1 once closed */
  char temporary[NAME_MAX + 1];
  char name[NAME_MAX + 1];
} Writer;

static int fail(lua_State *L, const char *reason) {
  lua_pushnil(L);
  lua_pushstring(L, reason);
  return 2;
}

static void close_one(int *descriptor) {
  if (*descriptor >= 0) close(*descriptor);
  *descriptor = -1;
}

/* Opens the folder of a path, which the caller closes; -1 on failure. *name is the last part of the path. */
static int open_folder(lua_State *L, const char *path, const char **name) {
  const char *slash = strrchr(path, '/');
  *name = slash == NULL ? path : slash + 1;
  const char *folder =
      slash == NULL ? "." : lua_pushlstring(L, path, slash == path ? 1 : (size_t)(slash - path));
  return open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* True if the file at name in the folder is still the open one. */
static bool is_there(int folder, const char *name, int file) {
  struct stat open_one, there;
  return fstat(file, &open_one) == 0 && fstatat(folder, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
         open_one.st_ino == there.st_ino && open_one.st_dev == there.st_dev;
}

/* True if another process holds the lock of a file; false if the file system has no locks. */
static bool is_locked(int file) {
  return flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

/* Removes the file of a killed writer; false if its writer lives, or if it is another kind of file. */
static bool remove_stale(int folder, const char *name) {
  int file = openat(folder, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) return errno == ENOENT;
  const bool is_stale = flock(file, LOCK_EX | LOCK_NB) == 0;
  const bool is_gone = is_stale && (!is_there(folder, name, file) || unlinkat(folder, name, 0) == 0);
  close(file);
  return is_gone;
}

/* Creates a file and locks it; the caller closes it. -1 on failure. */
static int create(int folder, const char *name) {
  for (int i = 0; i < MAX_TRIES; i++) {
    int file = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, ANYBODY);
    if (file < 0 && errno != EEXIST) return -1;
    if (file >= 0 && !is_locked(file) && is_there(folder, name, file)) return file;
    /* Between the two calls another writer took the new file for one that was left. */
    if (file >= 0) close(file);
    if (file < 0 && !remove_stale(folder, name)) break;
  }
  errno = EEXIST;
  return -1;
}

/* Looks at the file to be replaced: returns why it cannot be, or NULL and its mode, -1 if there is none. */
static const char *look_at(int folder, const char *name, int *mode) {
  struct stat old;
  *mode = -1;
  if (fstatat(folder, name, &old, AT_SYMLINK_NOFOLLOW) != 0) return errno == ENOENT ? NULL : strerror(errno);
  if (S_ISDIR(old.st_mode)) return "it is a folder";
  if (S_ISLNK(old.st_mode)) return "it has just become a link";
  if (!S_ISREG(old.st_mode)) return "it is a device, not a file";
  if (faccessat(folder, name, W_OK, AT_EACCESS) != 0) return strerror(errno);
  *mode = (int)(old.st_mode & 0777);
  return NULL;
}

static const char *begin(Writer *writer) {
  int mode;
  const char *reason = look_at(writer->folder, writer->name, &mode);
  if (reason != NULL) return reason;
  for (int slot = 1; slot <= MAX_SLOTS && writer->file < 0; slot++) {
    snprintf(writer->temporary, sizeof writer->temporary, ".%.*s.%d.partial", NAME_KEPT, writer->name, slot);
    writer->file = create(writer->folder, writer->temporary);
    if (writer->file < 0 && errno != EEXIST) return strerror(errno);
  }
  if (writer->file < 0) return "too many partial files beside it";
  if (mode >= 0 && fchmod(writer->file, (mode_t)mode) != 0) return strerror(errno);
  return NULL;
}

/* core.file_begin(path) -> a writer; or nil and a message. A link at path is refused: files.lua has followed
 * it. */
static int file_begin(lua_State *L) {
  const char *path = luaL_checkstring(L, 1), *name;
  Writer *writer = lua_newuserdatauv(L, sizeof *writer, 0);
  *writer = (Writer){.folder = -1, .file = -1};
  luaL_setmetatable(L, WRITER_TYPE);
  const int index = lua_gettop(L);
  if ((writer->folder = open_folder(L, path, &name)) < 0) return fail(L, strerror(errno));
  if (*name == '\0') return fail(L, "it is a folder");
  if (strlen(name) > NAME_MAX) return fail(L, strerror(ENAMETOOLONG));
  strcpy(writer->name, name);
  const char *reason = begin(writer);
  if (reason != NULL) return fail(L, reason);
  lua_pushvalue(L, index);
  return 1;
}

static bool write_all(int file, const char *bytes, size_t count) {
  while (count > 0) {
    const ssize_t written = write(file, bytes, count);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes += written, count -= (size_t)written;
  }
  return true;
}

/* core.file_put(writer, bytes) -> true; or nil and a message */
static int file_put(lua_State *L) {
  const Writer *writer = luaL_checkudata(L, 1, WRITER_TYPE);
  size_t count;
  const char *bytes = luaL_checklstring(L, 2, &count);
  if (!write_all(writer->file, bytes, count)) return fail(L, strerror(errno));
  lua_pushboolean(L, true);
  return 1;
}

/* A new name is only safe once its folder is on the disk; some file systems cannot do that, and need not. */
static void sync_folder(int folder) {
  const int readable = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (readable < 0) return;
  fsync(readable);
  close(readable);
}

/* core.file_commit(writer) -> true; or nil and a message. The lock lasts until the file has its name. */
static int file_commit(lua_State *L) {
  Writer *writer = luaL_checkudata(L, 1, WRITER_TYPE);
  if (fsync(writer->file) != 0 ||
      renameat(writer->folder, writer->temporary, writer->folder, writer->name) != 0)
    return fail(L, strerror(errno));
  close_one(&writer->file);
  sync_folder(writer->folder);
  close_one(&writer->folder);
  lua_pushboolean(L, true);
  return 1;
}

/* core.file_abandon(writer): removes an unfinished file. */
static int file_abandon(lua_State *L) {
  Writer *writer = luaL_checkudata(L, 1, WRITER_TYPE);
  if (writer->file >= 0) unlinkat(writer->folder, writer->temporary, 0);
  close_one(&writer->file);
  close_one(&writer->folder);
  return 0;
}

/* ---- locks ---- */

/* core.file_lock(path) -> a lock; or nil and a message, nil alone if another holds it. The file at path is
 * made and goes with file_unlock; one that a killed process left locks nobody out. */
static int file_lock(lua_State *L) {
  const char *path = luaL_checkstring(L, 1), *name;
  Writer *lock = lua_newuserdatauv(L, sizeof *lock, 0);
  *lock = (Writer){.folder = -1, .file = -1};
  luaL_setmetatable(L, LOCK_TYPE);
  const int index = lua_gettop(L);
  if ((lock->folder = open_folder(L, path, &name)) < 0) return fail(L, strerror(errno));
  if (strlen(name) > NAME_MAX) return fail(L, strerror(ENAMETOOLONG));
  strcpy(lock->name, name);
  for (int i = 0; i < MAX_TRIES; i++) {
    lock->file = openat(lock->folder, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, ANYBODY);
    if (lock->file < 0) return fail(L, strerror(errno));
    if (is_locked(lock->file)) break;
    if (is_there(lock->folder, name, lock->file)) return lua_pushvalue(L, index), 1;
    close_one(&lock->file); /* its holder has just removed it */
  }
  close_one(&lock->file);
  lua_pushnil(L);
  return 1;
}

/* core.file_unlock(lock) */
static int file_unlock(lua_State *L) {
  Writer *lock = luaL_checkudata(L, 1, LOCK_TYPE);
  if (lock->file >= 0) unlinkat(lock->folder, lock->name, 0);
  close_one(&lock->file);
  close_one(&lock->folder);
  return 0;
}

/* ---- appending ---- */

static const char *append_line(int file, const char *bytes, size_t count) {
  struct stat about;
  char last = '\n';
  if (flock(file, LOCK_EX) != 0 && errno == EINTR) return strerror(errno);
  if (fstat(file, &about) != 0) return strerror(errno);
  if (!S_ISREG(about.st_mode)) return "it is a device, not a file";
  if (about.st_size > 0 && pread(file, &last, 1, about.st_size - 1) != 1) return strerror(errno);
  if (last != '\n' && !write_all(file, "\n", 1)) return strerror(errno); /* a line that a kill cut short */
  return write_all(file, bytes, count) ? NULL : strerror(errno);
}

/* core.file_append(path, line) -> true; or nil and a message. Lines of several processes do not mix. */
static int file_append(lua_State *L) {
  size_t count;
  const char *path = luaL_checkstring(L, 1), *bytes = luaL_checklstring(L, 2, &count);
  const int file = open(path, O_RDWR | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC, ANYBODY);
  if (file < 0) return fail(L, strerror(errno));
  const char *reason = append_line(file, bytes, count);
  close(file);
  if (reason != NULL) return fail(L, reason);
  lua_pushboolean(L, true);
  return 1;
}

static ssize_t read_all(int file, char *bytes, size_t room) {
  size_t got = 0;
  while (got < room) {
    const ssize_t count = read(file, bytes + got, room - got);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -1;
    if (count == 0) break;
    got += (size_t)count;
  }
  return (ssize_t)got;
}

typedef struct {
  lua_Alloc allocate;
  void *data;
} Allocator;

/* Allocates as the allocator does, but asks for large pages: to touch 40 MB in small ones takes longer than
 * to copy them. */
static void *allocate_large(void *data, void *block, size_t old_size, size_t size) {
  const Allocator *allocator = data;
  char *result = allocator->allocate(allocator->data, block, old_size, size);
#ifdef MADV_HUGEPAGE
  const size_t page = (size_t)sysconf(_SC_PAGESIZE), skipped = (page - (uintptr_t)result % page) % page;
  if (result != NULL && size >= LARGE)
    madvise(result + skipped, (size - skipped) / page * page, MADV_HUGEPAGE);
#endif
  return result;
}

static int push_copy(lua_State *L) {
  lua_pushlstring(L, lua_touserdata(L, 1), (size_t)lua_tointeger(L, 2));
  return 1;
}

/* Returns Lua's status: if it is not LUA_OK, the error is on the stack. */
static int push_large(lua_State *L, char *bytes, size_t count) {
  Allocator allocator;
  lua_pushcfunction(L, push_copy);
  lua_pushlightuserdata(L, bytes);
  lua_pushinteger(L, (lua_Integer)count);
  allocator.allocate = lua_getallocf(L, &allocator.data);
  lua_setallocf(L, allocate_large, &allocator);
  const int status = lua_pcall(L, 2, 1, 0);
  lua_setallocf(L, allocator.allocate, allocator.data);
  return status;
}

char *bind_take_pages(size_t count) {
  char *bytes = mmap(NULL, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (bytes == MAP_FAILED) return NULL;
#ifdef MADV_HUGEPAGE
  madvise(bytes, count, MADV_HUGEPAGE);
#endif
  return bytes;
}

void bind_push_pages(lua_State *L, char *bytes, size_t room, size_t count) {
  const int status = push_large(L, bytes, count);
  munmap(bytes, room);
  if (status != LUA_OK) lua_error(L);
}

/* core.file_read(path, size) -> the content of a file of that size; or nil and a message. Lua's own reading
 * grows a buffer through new pages. */
static int file_read(lua_State *L) {
  Args a = bind_args(L, "file_read");
  const char *path = luaL_checkstring(L, 1);
  a.next = 2;
  const size_t room = (size_t)next_integer(&a, "size", 0, BIND_MAX_COUNT) + 1;
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return fail(L, strerror(errno));
  char *bytes = bind_take_pages(room);
  const ssize_t got = bytes == NULL ? -1 : read_all(file, bytes, room);
  const int reason = errno;
  close(file);
  if (got >= 0 && (size_t)got < room) return bind_push_pages(L, bytes, room, (size_t)got), 1;
  if (bytes != NULL) munmap(bytes, room);
  return fail(L, bytes == NULL ? "not enough memory"
                 : got < 0     ? strerror(reason)
                               : "the file grows while it is read");
}

/* core.file_take(file, count) -> the next bytes of an open file, a descriptor such as a pipe's; nil if it
 * ends before. Pages of tensors may be shared with a child that was forked, and would be copied first. */
static int file_take(lua_State *L) {
  Args a = bind_args(L, "file_take");
  const int file = (int)next_integer(&a, "file", 0, INT_MAX);
  const size_t count = (size_t)next_integer(&a, "count", 1, BIND_MAX_COUNT);
  char *bytes = bind_take_pages(count);
  if (bytes == NULL) args_error(&a, "not enough memory");
  if (read_all(file, bytes, count) == (ssize_t)count) return bind_push_pages(L, bytes, count, count), 1;
  munmap(bytes, count);
  lua_pushnil(L);
  return 1;
}

static const luaL_Reg functions[] = {
    {"file_take", file_take},       {"file_read", file_read},
    {"file_abandon", file_abandon}, {"file_append", file_append},
    {"file_begin", file_begin},     {"file_commit", file_commit},
    {"file_lock", file_lock},       {"file_put", file_put},
    {"file_unlock", file_unlock},   {NULL, NULL},
};

static void add_type(lua_State *L, const char *name, lua_CFunction close_it) {
  luaL_newmetatable(L, name);
  lua_pushcfunction(L, close_it);
  lua_setfield(L, -2, "__gc");
  lua_pushcfunction(L, close_it);
  lua_setfield(L, -2, "__close");
  lua_pop(L, 1);
}

void bind_open_files(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
  add_type(L, WRITER_TYPE, file_abandon);
  add_type(L, LOCK_TYPE, file_unlock);
}
