/* module.h - shared by the files of moonbow.hdf5, a Lua module of its own on libhdf5: what a file in memory
 * holds, and the values of its datasets and attributes. libhdf5 crashes on some damaged files:
 * lua/moonbow/io/hdf5.lua calls this module in a child process. */
#ifndef HDF5_MODULE_H
#define HDF5_MODULE_H

#include <hdf5.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>

#define FILE_TYPE  "moonbow.hdf5 file"
#define CHILD_TYPE "moonbow.hdf5 child"

/* Pushes nil and the reason of the innermost failure in libhdf5; returns 2. */
int hdf5_fail(lua_State *L);

/* A dataset or an attribute. */
typedef struct {
  hid_t id;
  bool is_attribute;
} Holder;

/* Pushes its type as NumPy names it ("f8", "i4", "u1"), "text", "reference", or libhdf5's class for what
 * cannot be read ("compound"). */
void hdf5_push_type(lua_State *L, Holder holder);
/* Pushes the table of its sizes, none for a single value; nil for no value at all. */
void hdf5_push_shape(lua_State *L, Holder holder);
/* Pushes its values: little-endian numbers of its type, references as numbers of 64 bits, as a string if it
 * is an attribute, else as a userdata; or a table of texts. Returns 1; or pushes nil and a reason, and
 * returns 2. */
int hdf5_push_values(lua_State *L, Holder holder);

/* Add their functions to the module on top of the stack. */
void hdf5_open_child(lua_State *L);
void hdf5_open_write(lua_State *L);

#endif
