/* csv.c - one line of a table: label cells as strings, numbers straight into a row of a tensor. */
#include <math.h>
#include <string.h>

#include "bind.h"

enum { MAX_NUMBER = 127 };

typedef struct {
  const char *next, *end;
  char separator; /* ' ' stands for any run of blanks and tabs */
} Cursor;

typedef struct {
  const char *text;
  size_t length;
  bool quoted; /* "" in the text stands for a quote */
} Cell;

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

static bool at_separator(const Cursor *cursor) {
  return *cursor->next == cursor->separator || (cursor->separator == ' ' && is_blank(*cursor->next));
}

static bool at_end_of_cell(const Cursor *cursor) {
  return cursor->next == cursor->end || at_separator(cursor);
}

/* Skips the blanks in front of a cell, also those that are separators. */
static void skip_blanks(Cursor *cursor) {
  while (cursor->next < cursor->end && is_blank(*cursor->next) && *cursor->next != cursor->separator)
    cursor->next++;
  if (cursor->separator == ' ')
    while (cursor->next < cursor->end && is_blank(*cursor->next)) cursor->next++;
}

/* Takes a cell in quotes; returns its fault as a text, or NULL. */
static const char *take_quoted(Cursor *cursor, Cell *cell) {
  *cell = (Cell){.text = ++cursor->next, .quoted = true};
  for (;; cursor->next++) {
    if (cursor->next == cursor->end) return "a quote does not end";
    if (*cursor->next != '"') continue;
    if (cursor->next + 1 == cursor->end || cursor->next[1] != '"') break;
    cursor->next++;
  }
  cell->length = (size_t)(cursor->next++ - cell->text);
  while (!at_end_of_cell(cursor) && is_blank(*cursor->next)) cursor->next++;
  return at_end_of_cell(cursor) ? NULL : "text follows a quote";
}

/* Takes the cell at the cursor; returns its fault as a text, or NULL. */
static const char *take_cell(Cursor *cursor, Cell *cell) {
  skip_blanks(cursor);
  if (cursor->next < cursor->end && *cursor->next == '"') return take_quoted(cursor, cell);
  *cell = (Cell){.text = cursor->next};
  while (!at_end_of_cell(cursor)) cursor->next++;
  const char *last = cursor->next;
  while (last > cell->text && is_blank(last[-1])) last--;
  cell->length = (size_t)(last - cell->text);
  return NULL;
}

/* Skips the separator; false at the end of the line. */
static bool next_cell(Cursor *cursor) {
  if (cursor->separator == ' ') {
    skip_blanks(cursor);
    return cursor->next < cursor->end;
  }
  if (cursor->next == cursor->end) return false;
  cursor->next++;
  return true;
}

static void push_cell(lua_State *L, const Cell *cell) {
  if (!cell->quoted || memchr(cell->text, '"', cell->length) == NULL) {
    lua_pushlstring(L, cell->text, cell->length);
    return;
  }
  luaL_Buffer buffer;
  luaL_buffinit(L, &buffer);
  for (size_t i = 0; i < cell->length; i++) {
    luaL_addchar(&buffer, cell->text[i]);
    if (cell->text[i] == '"') i++;
  }
  luaL_pushresult(&buffer);
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* Decimal digits only: Lua's conversion, which heeds no locale, would also take hexadecimal numbers; blanks
 * around them, as in quotes, do no harm to it. A decimal comma has a digit behind it: "400," is a number and
 * a separator. */
static bool read_number(lua_State *L, const Cell *cell, char decimal, double *number) {
  char copy[MAX_NUMBER + 1];
  const char *text = cell->text;
  if (cell->length == 0 || cell->length > MAX_NUMBER) return false;
  for (size_t i = 0; i < cell->length; i++) {
    const char c = text[i];
    if (c == decimal && (c == '.' || (i + 1 < cell->length && is_digit(text[i + 1]))))
      copy[i] = '.';
    else if (is_digit(c) || is_blank(c) || c == '+' || c == '-' || c == 'e' || c == 'E')
      copy[i] = c;
    else
      return false;
  }
  copy[cell->length] = '\0';
  if (lua_stringtonumber(L, copy) == 0) return false;
  *number = lua_tonumber(L, -1);
  lua_pop(L, 1);
  return true;
}

static char next_character(Args *a, const char *name) {
  size_t length;
  const char *text = next_string(a, name, "a string of one character", &length);
  if (length != 1) args_type_error(a, name, "a string of one character");
  return *text;
}

static Cursor next_line(Args *a) {
  size_t length;
  const char *line = next_string(a, "line", "a string", &length);
  return (Cursor){.next = line, .end = line + length, .separator = next_character(a, "separator")};
}

/* Pushes nil, the column, the fault and the cell's text. */
static int push_fault(lua_State *L, lua_Integer column, const char *fault, const Cell *cell) {
  lua_pushnil(L);
  lua_pushinteger(L, column);
  lua_pushstring(L, fault);
  push_cell(L, cell);
  return 4;
}

/* core.csv_cells(line, separator) -> list of strings; or nil, the column and the fault */
static int csv_cells(lua_State *L) {
  Args a = bind_args(L, "csv_cells");
  Cursor cursor = next_line(&a);
  Cell cell;
  lua_newtable(L);
  lua_Integer count = 0;
  do {
    const char *fault = take_cell(&cursor, &cell);
    if (fault) return push_fault(L, count + 1, fault, &(Cell){.text = ""});
    push_cell(L, &cell);
    lua_rawseti(L, -2, ++count);
  } while (next_cell(&cursor));
  return 1;
}

/* core.csv_number(text, decimal) -> number or nil */
static int csv_number(lua_State *L) {
  double number;
  Cell cell = {0};
  Args a = bind_args(L, "csv_number");
  cell.text = next_string(&a, "text", "a string", &cell.length);
  const char decimal = next_character(&a, "decimal");
  if (read_number(L, &cell, decimal, &number))
    lua_pushnumber(L, number);
  else
    lua_pushnil(L);
  return 1;
}

/* The row of x that comes next, once it is known to have room for the numbers. */
static mb_real *next_row(Args *a, const char *kinds, size_t columns) {
  Tensor *x = next_tensor(a, "x");
  const mb_size row = next_index(a, "row", x->shape.shape[0]);
  mb_size numbers = 0;
  for (size_t c = 0; c < columns; c++) numbers += kinds[c] == '1';
  const mb_size places = x->count / x->shape.shape[0];
  if (x->shape.rank < 2 || numbers > places)
    args_error(a, "%I numbers do not fit row %I", (lua_Integer)numbers, (lua_Integer)row + 1);
  bind_mark_changed(x);
  return x->data + row * places;
}

/* Puts a cell into the row or the labels; returns its fault as a text, or NULL. */
static const char *put_cell(lua_State *L, const Cell *cell, char kind, char decimal, mb_real **out) {
  double number;
  if (kind != '1') {
    push_cell(L, cell);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    return NULL;
  }
  if (!read_number(L, cell, decimal, &number)) return "expected a number";
  *(*out)++ = (mb_real)number;
  return isfinite((mb_real)number) ? NULL : "the number is too large";
}

/* core.csv_row(line, separator, decimal, kinds, x, row) -> list of the label cells; or nil, the column,
 * the fault and the cell's text. kinds has one '1' (number) or '0' (label) per column. Empty cells
 * behind the last column are left out. */
static int csv_row(lua_State *L) {
  Args a = bind_args(L, "csv_row");
  Cursor cursor = next_line(&a);
  const char decimal = next_character(&a, "decimal");
  size_t columns, column = 0;
  const char *kinds = next_string(&a, "kinds", "a string", &columns);
  mb_real *out = next_row(&a, kinds, columns);
  lua_newtable(L);
  do {
    Cell cell;
    const char *fault = take_cell(&cursor, &cell);
    if (fault == NULL && column < columns)
      fault = put_cell(L, &cell, kinds[column], decimal, &out);
    else if (fault == NULL && cell.length > 0)
      fault = "more cells";
    column++;
    if (fault) return push_fault(L, (lua_Integer)column, fault, &cell);
  } while (next_cell(&cursor));
  if (column < columns) return push_fault(L, (lua_Integer)column, "fewer cells", &(Cell){.text = ""});
  return 1;
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
