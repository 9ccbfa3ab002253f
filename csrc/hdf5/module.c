/* module.c - moonbow.hdf5: a file in memory, its links, its objects and their values. */
#include "module.h"

#include <stdio.h>
#include <string.h>

typedef struct {
  void *bytes; /* of Lua's string, which is the user value of the file */
  hid_t id;
} File;

/* ---- reasons ---- */

static _Thread_local char reason[256];

static herr_t keep_reason(unsigned n, const H5E_error2_t *error, void *unused) {
  (void)unused;
  if (n == 0 && error->desc != NULL) snprintf(reason, sizeof reason, "%s", error->desc);
  return 0;
}

/* libhdf5 calls this whenever a function of its interface fails; the next call clears its errors. */
static herr_t on_failure(hid_t errors, void *unused) {
  return H5Ewalk2(errors, H5E_WALK_UPWARD, keep_reason, unused);
}

int hdf5_fail(lua_State *L) {
  lua_pushnil(L);
  lua_pushstring(L, reason[0] != '\0' ? reason : "it cannot be read");
  return 2;
}

/* ---- opening ---- */

/* libhdf5 may use Lua's bytes as they are, since it never writes to a file that is open for reading. */
static void *lend(size_t size, H5FD_file_image_op_t operation, void *file) {
  (void)size, (void)operation;
  return ((File *)file)->bytes;
}
static void *copy_nothing(void *to, const void *from, size_t size, H5FD_file_image_op_t operation,
                          void *file) {
  (void)from, (void)size, (void)operation, (void)file;
  return to;
}
static void *never_grow(void *bytes, size_t size, H5FD_file_image_op_t operation, void *file) {
  (void)bytes, (void)size, (void)operation, (void)file;
  return NULL;
}
static herr_t free_nothing(void *bytes, H5FD_file_image_op_t operation, void *file) {
  (void)bytes, (void)operation, (void)file;
  return 0;
}
static void *same_file(void *file) {
  return file;
}
static herr_t keep_file(void *file) {
  (void)file;
  return 0;
}

static hid_t open_image(File *file, size_t size) {
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  H5FD_file_image_callbacks_t callbacks = {lend,      copy_nothing, never_grow, free_nothing,
                                           same_file, keep_file,    file};
  hid_t id = H5I_INVALID_HID;
  if (H5Pset_fapl_core(access, 1 << 16, false) >= 0 && H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) >= 0 &&
      H5Pset_file_image_callbacks(access, &callbacks) >= 0 &&
      H5Pset_file_image(access, file->bytes, size) >= 0)
    id = H5Fopen("memory", H5F_ACC_RDONLY, access);
  H5Pclose(access);
  return id;
}

/* hdf5.open(bytes) -> file; or nil and a reason */
static int open_file(lua_State *L) {
  size_t size;
  const char *bytes = luaL_checklstring(L, 1, &size);
  File *file = lua_newuserdatauv(L, sizeof *file, 1);
  *file = (File){(void *)bytes, H5I_INVALID_HID};
  luaL_setmetatable(L, FILE_TYPE);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  file->id = open_image(file, size);
  return file->id < 0 ? hdf5_fail(L) : 1;
}

static int close_file(lua_State *L) {
  File *file = luaL_checkudata(L, 1, FILE_TYPE);
  if (file->id >= 0) H5Fclose(file->id);
  file->id = H5I_INVALID_HID;
  return 0;
}

static hid_t open_object(lua_State *L) {
  const File *file = luaL_checkudata(L, 1, FILE_TYPE);
  return H5Oopen(file->id, luaL_checkstring(L, 2), H5P_DEFAULT);
}

/* ---- what a file holds ---- */

static herr_t add_name(hid_t group, const char *name, const H5L_info_t *info, void *to) {
  lua_State *L = to;
  (void)group;
  if (info->type != H5L_TYPE_HARD && info->type != H5L_TYPE_SOFT) return 0;
  lua_pushstring(L, name);
  lua_rawseti(L, -2, luaL_len(L, -2) + 1);
  return 0;
}

/* file:names(path) -> the names in a group, sorted; those that lead out of the file are left out */
static int names(lua_State *L) {
  const hid_t id = open_object(L);
  if (id < 0) return hdf5_fail(L);
  lua_newtable(L);
  const herr_t status = H5Literate(id, H5_INDEX_NAME, H5_ITER_INC, NULL, add_name, L);
  H5Oclose(id);
  return status < 0 ? hdf5_fail(L) : 1;
}

static const char *const kinds[] = {[H5O_TYPE_GROUP] = "group", [H5O_TYPE_DATASET] = "dataset"};

/* Adds what a dataset is; true for one whose numbers are in this file. */
static void describe(lua_State *L, hid_t id) {
  const Holder dataset = {id, false};
  const hid_t creation = H5Dget_create_plist(id);
  const H5D_layout_t layout = H5Pget_layout(creation);
  const bool is_outside = layout == H5D_VIRTUAL || H5Pget_external_count(creation) != 0;
  H5Pclose(creation);
  hdf5_push_type(L, dataset);
  lua_setfield(L, -2, "type");
  hdf5_push_shape(L, dataset);
  lua_setfield(L, -2, "shape");
  lua_pushboolean(L, is_outside);
  lua_setfield(L, -2, "outside");
  lua_pushinteger(L, is_outside ? 0 : (lua_Integer)H5Dget_storage_size(id));
  lua_setfield(L, -2, "stored");
}

/* file:about(path) -> { kind = "group" or "dataset" or "type", address, attributes (their number) }, of a
 * dataset also { type, shape, stored (bytes in the file), outside (its numbers are in other files) }; or nil
 * and a reason */
static int about(lua_State *L) {
  H5O_info_t info;
  const hid_t id = open_object(L);
  if (id < 0) return hdf5_fail(L);
  if (H5Oget_info(id, &info) < 0) return H5Oclose(id), hdf5_fail(L);
  const bool is_known = info.type == H5O_TYPE_GROUP || info.type == H5O_TYPE_DATASET;
  lua_newtable(L);
  lua_pushstring(L, is_known ? kinds[info.type] : "type");
  lua_setfield(L, -2, "kind");
  lua_pushinteger(L, (lua_Integer)info.addr);
  lua_setfield(L, -2, "address");
  lua_pushinteger(L, (lua_Integer)info.num_attrs);
  lua_setfield(L, -2, "attributes");
  if (info.type == H5O_TYPE_DATASET) describe(L, id);
  H5Oclose(id);
  return 1;
}

/* ---- values ---- */

/* file:read(path) -> bytes or texts of a dataset; or nil and a reason */
static int read_dataset(lua_State *L) {
  const hid_t id = open_object(L);
  if (id < 0) return hdf5_fail(L);
  if (H5Iget_type(id) != H5I_DATASET)
    return H5Oclose(id), lua_pushnil(L), lua_pushliteral(L, "it is no dataset"), 2;
  const int results = hdf5_push_values(L, (Holder){id, false});
  H5Oclose(id);
  return results;
}

static int push_attribute(lua_State *L, hid_t id) {
  char name[256];
  const Holder attribute = {id, true};
  if (H5Aget_name(id, sizeof name, name) < 0) return hdf5_fail(L);
  lua_pushstring(L, name);
  hdf5_push_type(L, attribute);
  hdf5_push_shape(L, attribute);
  if (hdf5_push_values(L, attribute) == 2) lua_pop(L, 1); /* nil: its type is not read */
  return 4;
}

/* file:attribute(path, i) -> name, type, shape and values of the i-th attribute of an object; or nil and a
 * reason */
static int attribute(lua_State *L) {
  const hid_t object = open_object(L);
  if (object < 0) return hdf5_fail(L);
  const hsize_t index = (hsize_t)luaL_checkinteger(L, 3) - 1;
  const hid_t id = H5Aopen_by_idx(object, ".", H5_INDEX_NAME, H5_ITER_INC, index, H5P_DEFAULT, H5P_DEFAULT);
  if (id < 0) return H5Oclose(object), hdf5_fail(L);
  const int results = push_attribute(L, id);
  H5Aclose(id);
  H5Oclose(object);
  return results;
}

static const luaL_Reg methods[] = {
    {"about", about},     {"attribute", attribute}, {"names", names}, {"read", read_dataset},
    {"__gc", close_file}, {"__close", close_file},  {NULL, NULL},
};

int luaopen_moonbow_hdf5(lua_State *L);

int luaopen_moonbow_hdf5(lua_State *L) {
  H5Eset_auto2(H5E_DEFAULT, on_failure, NULL);
  H5PLset_loading_state(0);         /* a file names filters; none is loaded as a plugin */
  H5Lunregister(H5L_TYPE_EXTERNAL); /* no file leads to another */
  luaL_newmetatable(L, FILE_TYPE);
  luaL_setfuncs(L, methods, 0);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  lua_newtable(L);
  lua_pushcfunction(L, open_file);
  lua_setfield(L, -2, "open");
  hdf5_open_child(L);
  hdf5_open_write(L);
  return 1;
}
