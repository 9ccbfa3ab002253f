/* module.c - moonbow.crystal, a Lua module of its own: structures, form factors and dispersion as tables. */
#include "crystal.h"

#include <lauxlib.h>
#include <lua.h>

static void set_number(lua_State *L, const char *name, double value) {
  lua_pushnumber(L, value);
  lua_setfield(L, -2, name);
}

static void set_integer(lua_State *L, const char *name, int value) {
  lua_pushinteger(L, value);
  lua_setfield(L, -2, name);
}

static void set_text(lua_State *L, const char *name, const char *value) {
  lua_pushstring(L, value);
  lua_setfield(L, -2, name);
}

static void add_numbers(lua_State *L, lua_Integer *at, const double *values, int count) {
  for (int i = 0; i < count; i++) {
    lua_pushnumber(L, values[i]);
    lua_rawseti(L, -2, ++*at);
  }
}

static void push_numbers(lua_State *L, const double *values, int count) {
  lua_Integer at = 0;
  lua_createtable(L, count, 0);
  add_numbers(L, &at, values, count);
}

/* The list of 12 integers of each operator: the rotation by rows, the translation in 24ths. */
static void push_operators(lua_State *L, const crystal_operator *operators, int count) {
  lua_createtable(L, 12 * count, 0);
  for (int i = 0; i < count; i++)
    for (int j = 0; j < 12; j++) {
      lua_pushinteger(L, j < 9 ? operators[i].rotation[j] : operators[i].translation[j - 9]);
      lua_rawseti(L, -2, 12 * (lua_Integer)i + j + 1);
    }
}

static void push_site(lua_State *L, const crystal_site *site) {
  lua_createtable(L, 0, 10);
  set_text(L, "label", site->label);
  set_text(L, "element", site->element);
  set_integer(L, "number", site->number);
  set_integer(L, "charge", site->charge);
  set_integer(L, "multiplicity", site->multiplicity);
  set_number(L, "mass", site->mass);
  set_number(L, "occupancy", site->occupancy);
  push_numbers(L, site->position, 3);
  lua_setfield(L, -2, "position");
  if (site->u_iso == site->u_iso) set_number(L, "u", site->u_iso);
  if (!site->is_anisotropic) return;
  push_numbers(L, site->u, 6);
  lua_setfield(L, -2, "anisotropic");
}

/* The list of 10 numbers of each atom: its site from 1, its position, its displacement in the basis of the
 * cell. */
static void push_atoms(lua_State *L, const crystal *structure) {
  lua_Integer at = 0;
  lua_createtable(L, 10 * structure->atom_count, 0);
  for (int i = 0; i < structure->atom_count; i++) {
    const crystal_atom *atom = &structure->atoms[i];
    const double site = atom->site + 1;
    add_numbers(L, &at, &site, 1);
    add_numbers(L, &at, atom->position, 3);
    add_numbers(L, &at, atom->u_star, 6);
  }
}

static void push_crystal(lua_State *L, const crystal *structure) {
  lua_createtable(L, 0, 10);
  set_text(L, "name", structure->block);
  set_text(L, "space_group", structure->symbol);
  set_integer(L, "number", structure->group);
  push_numbers(L, structure->cell, 6);
  lua_setfield(L, -2, "cell");
  push_operators(L, structure->operators, structure->operator_count);
  lua_setfield(L, -2, "operators");
  lua_createtable(L, structure->site_count, 0);
  for (int i = 0; i < structure->site_count; i++) {
    push_site(L, &structure->sites[i]);
    lua_rawseti(L, -2, i + 1);
  }
  lua_setfield(L, -2, "sites");
  push_atoms(L, structure);
  lua_setfield(L, -2, "atoms");
  lua_createtable(L, structure->note_count, 0);
  for (int i = 0; i < structure->note_count; i++) {
    lua_pushstring(L, structure->notes[i]);
    lua_rawseti(L, -2, i + 1);
  }
  lua_setfield(L, -2, "notes");
}

static int push_protected(lua_State *L) {
  push_crystal(L, lua_touserdata(L, 1));
  return 1;
}

/* crystal.read(bytes, block) -> { name, space_group, number, cell, operators, sites, atoms, notes }; or nil
 * and a reason */
static int read(lua_State *L) {
  size_t size;
  char reason[CRYSTAL_REASON];
  const char *bytes = luaL_checklstring(L, 1, &size), *block = luaL_optstring(L, 2, NULL);
  crystal *structure = crystal_read(bytes, size, block, reason);
  if (structure == NULL) return lua_pushnil(L), lua_pushstring(L, reason), 2;
  lua_pushcfunction(L, push_protected); /* so that the structure is freed if Lua lacks memory */
  lua_pushlightuserdata(L, structure);
  const int status = lua_pcall(L, 1, 1, 0);
  crystal_free(structure);
  return status == LUA_OK ? 1 : lua_error(L);
}

/* crystal.group(symbol) -> operators; nil if it is not known */
static int group(lua_State *L) {
  crystal_operator operators[CRYSTAL_MOST_OPERATORS];
  const int count = crystal_group(luaL_checkstring(L, 1), 90, 120, operators);
  if (count == 0) return lua_pushnil(L), 1;
  push_operators(L, operators, count);
  return 1;
}

/* crystal.settings() -> the list { number, symbol } of all settings in the tables */
static int settings(lua_State *L) {
  char symbol[CRYSTAL_TEXT];
  lua_newtable(L);
  for (int i = 0, number; crystal_setting(i, &number, symbol); i++) {
    lua_createtable(L, 0, 2);
    set_integer(L, "number", number);
    set_text(L, "symbol", symbol);
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

/* crystal.form_factor(atomic number) -> a1 to a4, b1 to b4, c in a list; nil beyond the tables */
static int form_factor(lua_State *L) {
  double coefficients[9];
  if (!crystal_form_factor((int)luaL_checkinteger(L, 1), coefficients)) return lua_pushnil(L), 1;
  push_numbers(L, coefficients, 9);
  return 1;
}

/* crystal.dispersion(atomic number, energy in eV) -> f', f", whether they are in the tables */
static int dispersion(lua_State *L) {
  double real, imaginary;
  const bool is_known =
      crystal_dispersion((int)luaL_checkinteger(L, 1), luaL_checknumber(L, 2), &real, &imaginary);
  lua_pushnumber(L, real);
  lua_pushnumber(L, imaginary);
  lua_pushboolean(L, is_known);
  return 3;
}

static const luaL_Reg functions[] = {{"read", read},
                                     {"group", group},
                                     {"settings", settings},
                                     {"form_factor", form_factor},
                                     {"dispersion", dispersion},
                                     {NULL, NULL}};

int luaopen_moonbow_crystal(lua_State *L);

int luaopen_moonbow_crystal(lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}
