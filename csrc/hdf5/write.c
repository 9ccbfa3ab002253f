/* write.c - moonbow.hdf5: a new file in memory, of groups, datasets of float32 and texts as attributes. */
#include "module.h"

#include <string.h>

/* Raises the reason of the innermost failure in libhdf5 unless all is well. */
static void need(lua_State *L, bool is_good) {
  if (is_good) return;
  hdf5_fail(L);
  luaL_error(L, "hdf5.image: %s", lua_tostring(L, -1));
}

static hid_t text_type(void) {
  const hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, H5T_VARIABLE);
  H5Tset_cset(type, H5T_CSET_UTF8);
  return type;
}

/* The texts of the value on top of the stack, one or a list, as an array that Lua holds; *count 0: one. */
static const char **texts_of(lua_State *L, hsize_t *count) {
  *count = lua_istable(L, -1) ? (hsize_t)luaL_len(L, -1) : 0;
  const char **texts = lua_newuserdatauv(L, (*count + 1) * sizeof *texts, 0);
  if (*count == 0) texts[0] = luaL_checkstring(L, -2);
  for (hsize_t i = 0; i < *count; i++) {
    lua_rawgeti(L, -2, (lua_Integer)i + 1);
    texts[i] = luaL_checkstring(L, -1); /* the list holds it */
    lua_pop(L, 1);
  }
  return texts;
}

/* Adds the value on top of the stack as an attribute. */
static bool add_attribute(lua_State *L, hid_t object, const char *name) {
  hsize_t count;
  const char **texts = texts_of(L, &count);
  const hid_t type = text_type(),
              space = count == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &count, NULL);
  const hid_t id = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  const bool is_good = id >= 0 && H5Awrite(id, type, texts) >= 0;
  if (id >= 0) H5Aclose(id);
  H5Sclose(space);
  H5Tclose(type);
  lua_pop(L, 1);
  return is_good;
}

/* The dataset that the table at index 2 describes. */
static hid_t add_dataset(lua_State *L, hid_t file, const char *path, const char *bytes, hid_t links) {
  hsize_t sizes[H5S_MAX_RANK];
  lua_getfield(L, 2, "shape");
  const int rank = (int)luaL_len(L, -1);
  size_t count = 1, given;
  luaL_argcheck(L, rank > 0 && rank <= 4, 1, "1 to 4 sizes");
  for (int i = 0; i < rank; i++) {
    lua_rawgeti(L, -1, i + 1);
    sizes[i] = (hsize_t)luaL_checkinteger(L, -1);
    count *= sizes[i];
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  lua_getfield(L, 2, "bytes");
  luaL_checklstring(L, -1, &given);
  lua_pop(L, 1);
  luaL_argcheck(L, given == count * 4, 1, "4 bytes for each number");
  const hid_t space = H5Screate_simple(rank, sizes, NULL), creation = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_obj_track_times(creation, false); /* equal content, equal bytes */
  const hid_t id = H5Dcreate2(file, path, H5T_IEEE_F32LE, space, links, creation, H5P_DEFAULT);
  const bool is_good = id >= 0 && H5Dwrite(id, H5T_IEEE_F32LE, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes) >= 0;
  H5Pclose(creation);
  H5Sclose(space);
  if (!is_good && id >= 0) H5Dclose(id);
  return is_good ? id : H5I_INVALID_HID;
}

/* Adds the object that the table at index 2 describes. */
static bool add_object(lua_State *L, hid_t file, hid_t links) {
  lua_getfield(L, 2, "path");
  lua_getfield(L, 2, "bytes");
  const char *path = luaL_checkstring(L, -2), *bytes = lua_tostring(L, -1);
  const hid_t id = bytes != NULL            ? add_dataset(L, file, path, bytes, links)
                   : strcmp(path, "/") == 0 ? H5Gopen2(file, path, H5P_DEFAULT)
                                            : H5Gcreate2(file, path, links, H5P_DEFAULT, H5P_DEFAULT);
  bool is_good = id >= 0;
  if (is_good && lua_getfield(L, 2, "attributes") == LUA_TTABLE)
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1))
      is_good = is_good && add_attribute(L, id, lua_tostring(L, -2));
  lua_settop(L, 2);
  if (id >= 0) H5Oclose(id);
  return is_good;
}

/* objects, file, links -> the bytes of the file */
static int fill(lua_State *L) {
  const hid_t file = (hid_t)lua_tointeger(L, 2), links = (hid_t)lua_tointeger(L, 3);
  lua_settop(L, 2);
  for (lua_Integer i = 1; lua_rawgeti(L, 1, i) == LUA_TTABLE; i++) {
    lua_replace(L, 2);
    need(L, add_object(L, file, links));
  }
  const ssize_t size = H5Fflush(file, H5F_SCOPE_GLOBAL) < 0 ? -1 : H5Fget_file_image(file, NULL, 0);
  need(L, size > 0);
  luaL_Buffer buffer;
  char *bytes = luaL_buffinitsize(L, &buffer, (size_t)size);
  need(L, H5Fget_file_image(file, bytes, (size_t)size) == size);
  luaL_pushresultsize(&buffer, (size_t)size);
  return 1;
}

/* hdf5.image(objects) -> the bytes of a file. objects: a list of { path, attributes = { [name] = text or list
 * of texts } }, groups, and datasets, which also have shape and bytes, float32. Groups on the way are made.
 * Raises where libhdf5 fails. */
static int image(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS), links = H5Pcreate(H5P_LINK_CREATE);
  H5Pset_fapl_core(access, 1 << 20, false);
  H5Pset_create_intermediate_group(links, 1);
  const hid_t file = H5Fcreate("written in memory", H5F_ACC_TRUNC, H5P_DEFAULT, access);
  lua_pushcfunction(L, fill);
  lua_pushvalue(L, 1);
  lua_pushinteger(L, (lua_Integer)file);
  lua_pushinteger(L, (lua_Integer)links);
  const int status = lua_pcall(L, 3, 1, 0);
  H5Pclose(access);
  H5Pclose(links);
  if (file >= 0) H5Fclose(file);
  return status == LUA_OK ? 1 : lua_error(L);
}

void hdf5_open_write(lua_State *L) {
  lua_pushcfunction(L, image);
  lua_setfield(L, -2, "image");
}
