/* csv.c - tables of text: label cells as strings, numbers straight into a tensor. */
#include <string.h>

#include "csv_lines.h"

static void push_cell(lua_State *L, const mb_csv_cell *cell) {
  if (!cell->quoted || memchr(cell->text, '"', (size_t)cell->length) == NULL) {
    lua_pushlstring(L, cell->text, (size_t)cell->length);
    return;
  }
  luaL_Buffer buffer;
  luaL_buffinit(L, &buffer);
  for (mb_size i = 0; i < cell->length; i++) {
    luaL_addchar(&buffer, cell->text[i]);
    if (cell->text[i] == '"') i++;
  }
  luaL_pushresult(&buffer);
}

static char next_character(Args *a, const char *name) {
  size_t length;
  const char *text = next_string(a, name, "a string of one character", &length);
  if (length != 1) args_type_error(a, name, "a string of one character");
  return *text;
}

static mb_csv_line next_text(Args *a) {
  size_t length;
  const char *line = next_string(a, "line", "a string", &length);
  return (mb_csv_line){.next = line, .end = line + length, .separator = next_character(a, "separator")};
}

/* Pushes nil, the column, the fault and the cell's text. */
static int push_fault(lua_State *L, lua_Integer column, const char *fault, const mb_csv_cell *cell) {
  lua_pushnil(L);
  lua_pushinteger(L, column);
  lua_pushstring(L, fault);
  push_cell(L, cell);
  return 4;
}

/* core.csv_cells(line, separator) -> list of strings; or nil, the column and the fault */
static int csv_cells(lua_State *L) {
  Args a = bind_args(L, "csv_cells");
  mb_csv_line line = next_text(&a);
  mb_csv_cell cell;
  lua_newtable(L);
  lua_Integer count = 0;
  do {
    const char *fault = mb_csv_take(&line, &cell);
    if (fault) return push_fault(L, count + 1, fault, &(mb_csv_cell){.text = ""});
    push_cell(L, &cell);
    lua_rawseti(L, -2, ++count);
  } while (mb_csv_next(&line));
  return 1;
}

/* core.csv_number(text, decimal) -> number or nil */
static int csv_number(lua_State *L) {
  double number;
  size_t length;
  Args a = bind_args(L, "csv_number");
  const char *text = next_string(&a, "text", "a string", &length);
  const mb_csv_cell cell = {.text = text, .length = (mb_size)length};
  if (mb_csv_number(&cell, next_character(&a, "decimal"), &number))
    lua_pushnumber(L, number);
  else
    lua_pushnil(L);
  return 1;
}

/* The separator is read by the caller. kinds: one of '0' (label), '1' (number), 'x' (axis) per column */
static mb_csv_table next_table(Args *a, char separator) {
  size_t columns;
  mb_csv_table table = {.separator = separator, .decimal = next_character(a, "decimal")};
  table.kinds = next_string(a, "kinds", "a string", &columns);
  table.columns = (mb_size)columns;
  for (size_t c = 0; c < columns; c++) {
    table.numbers += table.kinds[c] == MB_CSV_NUMBER;
    table.axes += table.kinds[c] == MB_CSV_AXIS;
  }
  return table;
}

/* Appends the label cells of a line to lists, one for each label column, that are on the stack from first on.
 */
static void add_labels(lua_State *L, mb_csv_line line, const char *kinds, int first, lua_Integer row) {
  mb_csv_cell cell;
  for (const char *last = strrchr(kinds, MB_CSV_LABEL), *kind = kinds; last != NULL && kind <= last; kind++) {
    if (mb_csv_take(&line, &cell) != NULL) cell = (mb_csv_cell){.text = ""};
    if (*kind == MB_CSV_LABEL) {
      push_cell(L, &cell);
      lua_rawseti(L, first++, row);
    }
    if (!mb_csv_next(&line)) return;
  }
}

/* The row of x that comes next, once it is known to have room for the numbers. */
static mb_real *next_row(Args *a, mb_size numbers) {
  Tensor *x = next_tensor(a, "x");
  const mb_size row = next_index(a, "row", x->shape.shape[0]), places = x->count / x->shape.shape[0];
  if (x->shape.rank < 2 || numbers > places)
    args_error(a, "%I numbers do not fit row %I", (lua_Integer)numbers, (lua_Integer)row + 1);
  bind_mark_changed(x);
  return x->data + row * places;
}

/* core.csv_row(line, separator, decimal, kinds, x, row) -> true if the numbers were put into the row of x; or
 * nil, the column, the fault and the cell's text. Empty cells behind the last column are left out.
 */
static int csv_row(lua_State *L) {
  Args a = bind_args(L, "csv_row");
  const mb_csv_line line = next_text(&a);
  const mb_csv_table table = next_table(&a, line.separator);
  mb_real *out = next_row(&a, table.numbers);
  enum { FEW = 8 };
  double few[FEW]; /* no scratch: each of thousands of comments would leave one to the collector */
  double *axis = table.axes <= FEW ? few : push_scratch(&a, sizeof *axis * (size_t)table.axes);
  mb_csv_signs signs = {.is_certain = true};
  mb_csv_cell cell;
  mb_size column;
  const char *fault = mb_csv_row(line, &table, out, axis, &signs, &cell, &column);
  if (fault) return push_fault(L, (lua_Integer)column, fault, &cell);
  lua_pushboolean(L, true);
  return 1;
}

/* The lines from `first` on, with the number of their rows: at most the limit, and as many as their text can
 * hold if all are whole, as a long header over short lines takes no memory. */
static mb_csv_lines rows_from(const CsvLines *lines, mb_size first, mb_size numbers, mb_size limit,
                              mb_size *rows) {
  mb_csv_lines some = {lines->text, lines->end, lines->line + first, 0};
  const mb_size left = lines->count - first,
                bytes = left > 0 ? lines->end - csv_line_of(lines, first, ' ').next : 0,
                whole = bytes / (numbers > 0 ? 2 * numbers : 1) + 1, most = whole < limit ? whole : limit;
  for (*rows = 0; some.count < left && *rows < most; some.count++) *rows += mb_csv_is_row(&some, some.count);
  return some;
}

/* Returns as push_fault, and the number of the row. */
static int push_row_fault(lua_State *L, const mb_csv_lines *lines, mb_size fault, const mb_csv_table *table,
                          mb_real *x, double *axis) {
  mb_csv_signs signs = {.is_certain = true};
  mb_csv_cell cell;
  mb_size column, row = 0;
  const mb_csv_line line = mb_csv_line_of(lines, fault, table->separator);
  const char *reason = mb_csv_row(line, table, x, axis, &signs, &cell, &column);
  push_fault(L, (lua_Integer)column, reason, &cell);
  for (mb_size i = 0; i < fault; i++) row += mb_csv_is_row(lines, i);
  push_index(L, row);
  return 5;
}

/* Pushes a list with a list of numbers for each axis. */
static void push_axes(lua_State *L, const double *axis, mb_size axes, mb_size count) {
  lua_createtable(L, (int)axes, 0);
  for (mb_size a = 0; a < axes; a++) {
    lua_createtable(L, (int)count, 0);
    for (mb_size i = 0; i < count; i++) {
      lua_pushnumber(L, axis[i * axes + a]);
      lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_rawseti(L, -2, (lua_Integer)a + 1);
  }
}

/* True if the numbers of the first axis only rise or only fall. */
static bool is_strict(const double *axis, mb_size axes, mb_size count) {
  const double sign = count > 1 && axis[axes] > axis[0] ? 1 : -1;
  for (mb_size i = 1; i < count; i++)
    if (!(sign * axis[i * axes] > sign * axis[(i - 1) * axes])) return false;
  return true;
}

/* core.csv_table(lines, first, separator, decimal, kinds, most) -> the numbers of at most so many lines that
 * are not commented from `first` on, as a tensor (rows, numbers); a list with the numbers in each axis
 * column; whether a number makes the decimal sign certain, and whether some are whole and others have three
 * digits behind the sign; whether the numbers of the first axis column, if there is one, only rise or only
 * fall. Or nil, the column, the fault, the cell's text and the number of the row; nil alone if there is no
 * row. */
static int csv_table(lua_State *L) {
  Args a = bind_args(L, "csv_table");
  const CsvLines *lines = next_csv_lines(&a);
  const mb_size first = next_integer(&a, "first", 1, lines->count + 1) - 1;
  const char separator = next_character(&a, "separator");
  const mb_csv_table table = next_table(&a, separator);
  mb_size rows = next_integer(&a, "most", 0, lines->count);
  const mb_csv_lines some = rows_from(lines, first, table.numbers + table.axes, rows, &rows);
  mb_csv_signs signs = {0};
  if (rows == 0) return 0;
  double *axis = push_scratch(&a, sizeof *axis * (size_t)(table.axes * rows + 1));
  const int scratch = lua_gettop(L);
  Tensor *x = push_tensor(&a, 2, (mb_size[]){rows, table.numbers});
  const mb_size fault = mb_csv_read(&some, &table, x->data, axis, &signs);
  if (fault < some.count) return push_row_fault(L, &some, fault, &table, x->data, axis);
  push_axes(L, axis, table.axes, rows);
  const bool strict = table.axes > 0 && is_strict(axis, table.axes, rows);
  bind_close(lua_touserdata(L, scratch));
  lua_pushboolean(L, signs.is_certain);
  lua_pushboolean(L, signs.has_whole);
  lua_pushboolean(L, signs.has_group);
  lua_pushboolean(L, strict);
  return 6;
}

/* core.csv_labels(lines, first, separator, kinds) -> a list for each label column of kinds, with the cells of
 * all lines that are not commented from `first` on */
static int csv_labels(lua_State *L) {
  size_t columns;
  Args a = bind_args(L, "csv_labels");
  const CsvLines *lines = next_csv_lines(&a);
  const mb_size first = next_integer(&a, "first", 1, lines->count + 1) - 1;
  const char separator = next_character(&a, "separator"),
             *kinds = next_string(&a, "kinds", "a string", &columns);
  int labels = 0;
  for (size_t c = 0; c < columns; c++) labels += kinds[c] == MB_CSV_LABEL;
  luaL_checkstack(L, labels + LUA_MINSTACK, "too many columns of labels");
  const int base = lua_gettop(L) + 1;
  for (int i = 0; i < labels; i++) lua_newtable(L);
  lua_Integer row = 0;
  for (mb_size i = first; labels > 0 && i < lines->count; i++)
    if (!csv_is_commented(lines, i)) add_labels(L, csv_line_of(lines, i, separator), kinds, base, ++row);
  lua_createtable(L, labels, 0);
  lua_insert(L, base);
  for (int i = labels; i >= 1; i--) lua_rawseti(L, base, i);
  return 1;
}

static const luaL_Reg functions[] = {
    {"csv_cells", csv_cells}, {"csv_number", csv_number}, {"csv_row", csv_row},
    {"csv_table", csv_table}, {"csv_labels", csv_labels}, {NULL, NULL},
};

void bind_open_csv(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
