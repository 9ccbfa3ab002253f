/* csv.c - one line of a table: label cells as strings, numbers straight into a row of a tensor. */
#include <stdlib.h>
#include <string.h>

#include "bind.h"

enum { MAX_NUMBER = 63 };

typedef struct {
  const char *next, *end;
  char separator; /* ' ' stands for any run of blanks and tabs */
} Reader;

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

static void skip_blanks(Reader *reader) {
  while (reader->next < reader->end && is_blank(*reader->next) && *reader->next != reader->separator)
    reader->next++;
  if (reader->separator == ' ')
    while (reader->next < reader->end && is_blank(*reader->next)) reader->next++;
}

static bool at_separator(const Reader *reader) {
  return *reader->next == reader->separator || (reader->separator == ' ' && is_blank(*reader->next));
}

/* Pushes a quoted cell, "" standing for a quote. Returns false where the quote does not end. */
static bool push_quoted(lua_State *L, Reader *reader) {
  luaL_Buffer buffer;
  luaL_buffinit(L, &buffer);
  for (reader->next++; reader->next < reader->end; reader->next++) {
    if (*reader->next == '"') {
      if (reader->next + 1 == reader->end || reader->next[1] != '"') break;
      reader->next++;
    }
    luaL_addchar(&buffer, *reader->next);
  }
  const bool ended = reader->next < reader->end;
  if (ended) reader->next++;
  luaL_pushresult(&buffer);
  return ended;
}

static void push_plain(lua_State *L, Reader *reader) {
  const char *first = reader->next;
  while (reader->next < reader->end && !at_separator(reader)) reader->next++;
  const char *last = reader->next;
  while (last > first && is_blank(last[-1])) last--;
  lua_pushlstring(L, first, (size_t)(last - first));
}

/* Pushes the cell that the reader is at. */
static bool push_cell(lua_State *L, Reader *reader) {
  skip_blanks(reader);
  if (reader->next == reader->end || *reader->next != '"') {
    push_plain(L, reader);
    return true;
  }
  const bool ended = push_quoted(L, reader);
  skip_blanks(reader);
  return ended;
}

/* Goes over the separator; false at the end of the line. */
static bool next_cell(Reader *reader) {
  if (reader->separator == ' ') {
    skip_blanks(reader);
    return reader->next < reader->end;
  }
  if (reader->next == reader->end) return false;
  reader->next++;
  return true;
}

/* Decimal digits only: strtod would also take nan, inf and hexadecimal numbers. */
static bool read_number(const char *text, size_t length, char decimal, double *number) {
  char copy[MAX_NUMBER + 1];
  if (length == 0 || length > MAX_NUMBER) return false;
  for (size_t i = 0; i < length; i++) {
    const char c = text[i];
    if (c == decimal)
      copy[i] = '.';
    else if (c != '.' && c != '\0' && strchr("0123456789+-eE", c))
      copy[i] = c;
    else
      return false;
  }
  copy[length] = '\0';
  char *end;
  *number = strtod(copy, &end);
  return *end == '\0';
}

static Reader read_line_arguments(lua_State *L, const char *operation) {
  size_t length;
  if (lua_type(L, 1) != LUA_TSTRING) bind_type_error(L, operation, "line", 1, "a string");
  if (lua_type(L, 2) != LUA_TSTRING) bind_type_error(L, operation, "separator", 2, "a string");
  const char *line = lua_tolstring(L, 1, &length);
  return (Reader){.next = line, .end = line + length, .separator = *lua_tostring(L, 2)};
}

/* core.csv_cells(line, separator) -> list of strings, or nil where a quote does not end */
static int csv_cells(lua_State *L) {
  Reader reader = read_line_arguments(L, "csv_cells");
  lua_newtable(L);
  lua_Integer count = 0;
  do {
    if (!push_cell(L, &reader)) {
      lua_pushnil(L);
      return 1;
    }
    lua_rawseti(L, -2, ++count);
  } while (next_cell(&reader));
  return 1;
}

static void check_out(lua_State *L, const Tensor *out, mb_size row, mb_size columns) {
  if (out->shape.rank < 2 || row >= out->shape.shape[0] || columns > out->count / out->shape.shape[0])
    bind_error(L, "csv_row: %I numbers do not fit row %I", (lua_Integer)columns, (lua_Integer)row + 1);
}

/* core.csv_number(text, decimal) -> number or nil */
static int csv_number(lua_State *L) {
  double number;
  size_t length;
  if (lua_type(L, 1) != LUA_TSTRING) bind_type_error(L, "csv_number", "text", 1, "a string");
  if (lua_type(L, 2) != LUA_TSTRING) bind_type_error(L, "csv_number", "decimal", 2, "a string");
  const char *text = lua_tolstring(L, 1, &length);
  if (read_number(text, length, *lua_tostring(L, 2), &number))
    lua_pushnumber(L, number);
  else
    lua_pushnil(L);
  return 1;
}

/* core.csv_row(line, separator, decimal, is_number, x, row) -> list of the label cells; or nil, the column,
 * and the cell's text that is no number (nil where the line is too short, long or its quote does not end:
 * the column is then the number of cells). is_number is a string with one '1' or '0' per column. */
static int csv_row(lua_State *L) {
  Reader reader = read_line_arguments(L, "csv_row");
  size_t columns;
  if (lua_type(L, 3) != LUA_TSTRING) bind_type_error(L, "csv_row", "decimal", 3, "a string");
  if (lua_type(L, 4) != LUA_TSTRING) bind_type_error(L, "csv_row", "is_number", 4, "a string");
  const char decimal = *lua_tostring(L, 3), *is_number = lua_tolstring(L, 4, &columns);
  Tensor *x = bind_tensor(L, "csv_row", "x", 5);
  const mb_size row = bind_index_in(L, "csv_row", "row", 6, x->shape.shape[0]);
  mb_size numbers = 0;
  for (size_t c = 0; c < columns; c++) numbers += is_number[c] == '1';
  check_out(L, x, row, numbers);
  mb_real *out = x->data + row * (x->count / x->shape.shape[0]);
  bind_touch(x);
  lua_newtable(L);
  const int labels = lua_gettop(L);
  lua_Integer count = 0, label_count = 0;
  do {
    const bool ended = push_cell(L, &reader);
    if (!ended) count = (lua_Integer)columns; /* whatever follows: not the number of cells expected */
    count++;
    if ((size_t)count <= columns && is_number[count - 1] == '1') {
      double number;
      size_t length;
      const char *text = lua_tolstring(L, -1, &length);
      if (!read_number(text, length, decimal, &number)) {
        lua_pushnil(L);
        lua_pushinteger(L, count);
        lua_pushvalue(L, -3);
        return 3;
      }
      *out++ = (mb_real)number;
      lua_pop(L, 1);
    } else {
      lua_rawseti(L, labels, ++label_count);
    }
  } while (next_cell(&reader));
  if ((size_t)count == columns) return 1;
  lua_pushnil(L);
  lua_pushinteger(L, count);
  return 2;
}

static const luaL_Reg functions[] = {
    {"csv_cells", csv_cells},
    {"csv_number", csv_number},
    {"csv_row", csv_row},
    {NULL, NULL},
};

void bind_open_csv(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
