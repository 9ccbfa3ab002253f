/* values.c - types, shapes and values of datasets and attributes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "module.h"

#define LARGE ((size_t)4 << 20) /* bytes, with several large pages */

static hid_t type_of(Holder holder) {
  return holder.is_attribute ? H5Aget_type(holder.id) : H5Dget_type(holder.id);
}

static hid_t space_of(Holder holder) {
  return holder.is_attribute ? H5Aget_space(holder.id) : H5Dget_space(holder.id);
}

static herr_t read_into(Holder holder, hid_t type, void *values) {
  if (holder.is_attribute) return H5Aread(holder.id, type, values);
  return H5Dread(holder.id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
}

/* The numbers of memory that hold those of the file: reals of 32 and 64 bits, integers of 8 to 64. */
typedef struct {
  const char *name;
  hid_t id;
  size_t size;
} Number;

static Number integer(size_t size, bool is_signed) {
  if (size <= 1) return is_signed ? (Number){"i1", H5T_STD_I8LE, 1} : (Number){"u1", H5T_STD_U8LE, 1};
  if (size <= 2) return is_signed ? (Number){"i2", H5T_STD_I16LE, 2} : (Number){"u2", H5T_STD_U16LE, 2};
  if (size <= 4) return is_signed ? (Number){"i4", H5T_STD_I32LE, 4} : (Number){"u4", H5T_STD_U32LE, 4};
  return is_signed ? (Number){"i8", H5T_STD_I64LE, 8} : (Number){"u8", H5T_STD_U64LE, 8};
}

/* False if values of this class are no numbers. An enumeration counts as its integers: h5py writes booleans
 * so. */
static bool number_of(hid_t type, Number *number) {
  const size_t size = H5Tget_size(type);
  switch (H5Tget_class(type)) {
  case H5T_FLOAT:
    *number = size <= 4 ? (Number){"f4", H5T_IEEE_F32LE, 4} : (Number){"f8", H5T_IEEE_F64LE, 8};
    break;
  case H5T_INTEGER: *number = integer(size, H5Tget_sign(type) != H5T_SGN_NONE); break;
  case H5T_ENUM: *number = integer(size, true); break;
  case H5T_REFERENCE:
    if (!H5Tequal(type, H5T_STD_REF_OBJ)) return false;
    *number = (Number){"reference", H5T_STD_REF_OBJ, sizeof(hobj_ref_t)};
    break;
  default: return false;
  }
  return size > 0;
}

static const char *class_name(H5T_class_t class) {
  switch (class) {
  case H5T_STRING: return "text";
  case H5T_COMPOUND: return "compound";
  case H5T_VLEN: return "lists of several lengths";
  case H5T_ARRAY: return "array";
  case H5T_OPAQUE: return "opaque";
  case H5T_BITFIELD: return "bits";
  case H5T_TIME: return "time";
  default: return "unknown";
  }
}

void hdf5_push_type(lua_State *L, Holder holder) {
  const hid_t type = type_of(holder);
  Number number;
  lua_pushstring(L, number_of(type, &number) ? number.name : class_name(H5Tget_class(type)));
  H5Tclose(type);
}

void hdf5_push_shape(lua_State *L, Holder holder) {
  hsize_t sizes[H5S_MAX_RANK];
  const hid_t space = space_of(holder);
  const int rank = H5Sget_simple_extent_dims(space, sizes, NULL);
  const bool is_null = H5Sget_simple_extent_type(space) == H5S_NULL;
  H5Sclose(space);
  if (rank < 0 || is_null) {
    lua_pushnil(L);
    return;
  }
  lua_createtable(L, rank, 0);
  for (int i = 0; i < rank; i++) {
    lua_pushinteger(L, (lua_Integer)sizes[i]);
    lua_rawseti(L, -2, i + 1);
  }
}

static size_t count_of(Holder holder) {
  const hid_t space = space_of(holder);
  const hssize_t count = H5Sget_simple_extent_npoints(space);
  H5Sclose(space);
  return count > 0 ? (size_t)count : 0;
}

static int push_length(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)lua_rawlen(L, 1));
  return 1;
}

/* To touch much memory in small pages takes longer than to copy it. */
static void ask_for_large_pages(char *bytes, size_t count) {
#ifdef MADV_HUGEPAGE
  const size_t page = (size_t)sysconf(_SC_PAGESIZE), skipped = (page - (uintptr_t)bytes % page) % page;
  if (count >= LARGE) madvise(bytes + skipped, (count - skipped) / page * page, MADV_HUGEPAGE);
#endif
}

/* Those of a dataset stay where libhdf5 put them: a userdata that has a length. */
static int push_numbers(lua_State *L, Holder holder, const Number *number, size_t count) {
  if (count > PTRDIFF_MAX / number->size) return lua_pushnil(L), lua_pushliteral(L, "an impossible shape"), 2;
  char *values = lua_newuserdatauv(L, count * number->size, 0);
  ask_for_large_pages(values, count * number->size);
  if (count > 0 && read_into(holder, number->id, values) < 0) return hdf5_fail(L);
  if (holder.is_attribute) return lua_pushlstring(L, values, count * number->size), 1;
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, push_length);
  lua_setfield(L, -2, "__len");
  lua_setmetatable(L, -2);
  return 1;
}

/* Texts of one length each, padded with NULs or blanks. */
static int push_fixed(lua_State *L, Holder holder, hid_t type, size_t count) {
  const size_t size = H5Tget_size(type);
  if (size == 0 || count > PTRDIFF_MAX / size)
    return lua_pushnil(L), lua_pushliteral(L, "an impossible shape"), 2;
  char *texts = lua_newuserdatauv(L, count * size, 0);
  if (count > 0 && read_into(holder, type, texts) < 0) return hdf5_fail(L);
  lua_newtable(L);
  for (size_t i = 0; i < count; i++) {
    size_t length = strnlen(texts + i * size, size);
    if (H5Tget_strpad(type) == H5T_STR_SPACEPAD)
      while (length > 0 && texts[i * size + length - 1] == ' ') length--;
    lua_pushlstring(L, texts + i * size, length);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

static int push_variable(lua_State *L, Holder holder, hid_t type, size_t count) {
  if (count > PTRDIFF_MAX / sizeof(char *))
    return lua_pushnil(L), lua_pushliteral(L, "an impossible shape"), 2;
  char **texts = lua_newuserdatauv(L, count * sizeof *texts, 0);
  if (count > 0 && read_into(holder, type, texts) < 0) return hdf5_fail(L);
  lua_newtable(L);
  for (size_t i = 0; i < count; i++) {
    lua_pushstring(L, texts[i] != NULL ? texts[i] : "");
    lua_rawseti(L, -2, (lua_Integer)i + 1);
    H5free_memory(texts[i]);
  }
  return 1;
}

static int push_values(lua_State *L, Holder holder, hid_t type) {
  const size_t count = count_of(holder);
  Number number;
  if (number_of(type, &number)) return push_numbers(L, holder, &number, count);
  if (H5Tget_class(type) == H5T_STRING)
    return H5Tis_variable_str(type) > 0 ? push_variable(L, holder, type, count)
                                        : push_fixed(L, holder, type, count);
  lua_pushnil(L);
  lua_pushfstring(L, "values of type %s are not read", class_name(H5Tget_class(type)));
  return 2;
}

int hdf5_push_values(lua_State *L, Holder holder) {
  const int top = lua_gettop(L);
  const hid_t type = type_of(holder);
  if (type < 0) return hdf5_fail(L);
  const int results = push_values(L, holder, type);
  H5Tclose(type);
  while (lua_gettop(L) > top + results) lua_remove(L, top + 1); /* scratch */
  return results;
}
