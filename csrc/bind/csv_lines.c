/* csv_lines.c - finds the lines of a text that hold cells; the text is not copied. */
#include "csv_lines.h"

#include <stdlib.h>
#include <string.h>

#define LINES_TYPE BIND_PREFIX "lines"

CsvLines *next_csv_lines(Args *a) {
  return luaL_checkudata(a->L, next_arg(a), LINES_TYPE);
}

static const char *end_of_line(const char *text, const char *end) {
  const char *found = memchr(text, '\n', (size_t)(end - text));
  return found == NULL ? end : found;
}

static bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

typedef struct {
  const char *sign; /* in front of comments */
  size_t sign_length;
  char separator; /* beside commas and semicolons */
} Form;

/* The first character of a cell, or the end. */
static const char *find_cell(const char *text, const char *end, char separator) {
  while (text < end && (is_space(*text) || *text == ',' || *text == ';' || *text == separator)) text++;
  return text;
}

static bool is_commented(const char *text, const char *end, const Form *form) {
  while (text < end && is_space(*text)) text++;
  return form->sign_length > 0 && (size_t)(end - text) >= form->sign_length && *text == *form->sign &&
         memcmp(text, form->sign, form->sign_length) == 0;
}

static bool is_blank_line(const char *text, const char *end) {
  while (text < end && is_space(*text)) text++;
  return text == end;
}

/* False if memory is short. */
static bool add_line(CsvLines *lines, const char *text, bool commented) {
  if (lines->count == lines->room) {
    const mb_size room = 2 * lines->room + 64;
    uint32_t *grown = realloc(lines->line, (size_t)room * sizeof *grown);
    if (grown == NULL) return false;
    lines->line = grown;
    lines->room = room;
  }
  lines->line[lines->count++] = (uint32_t)(text - lines->text) | (commented ? MB_CSV_COMMENTED : 0);
  lines->commented += commented;
  return true;
}

/* What add_lines finds beside the lines: the number of those that hold nothing but separators, the longest
 * line, and its length. */
typedef struct {
  mb_size empty, longest, length;
} Found;

/* Adds the lines that hold a cell, until there are more than `most`; false if memory is short. */
static bool add_lines(CsvLines *lines, const Form *form, mb_size most, Found *found) {
  const char *end = lines->end;
  for (const char *text = lines->text, *stop; text < end && lines->count <= most; text = stop + 1) {
    stop = end_of_line(text, end);
    if (find_cell(text, stop, form->separator) == stop) {
      found->empty += !is_blank_line(text, stop);
      continue;
    }
    if (stop - text > found->length) *found = (Found){found->empty, lines->count, stop - text};
    if (!add_line(lines, text, is_commented(text, stop, form))) return false;
  }
  return true;
}

/* core.csv_lines(text, sign, separator, most) -> lines, the number of them, which is most + 1 if there are
 * more than most, that of rows of empty cells, and which line is the longest. Cells have blanks, commas,
 * semicolons or the separator between them; lines that start with the sign are comments. */
static int csv_lines(lua_State *L) {
  size_t length, separator_length;
  Form form;
  Args a = bind_args(L, "csv_lines");
  const char *text = next_string(&a, "text", "a string", &length);
  form.sign = next_string(&a, "sign", "a string", &form.sign_length);
  form.separator = *next_string(&a, "separator", "a character", &separator_length);
  const mb_size most = next_integer(&a, "most", 1, PTRDIFF_MAX - 1);
  if (length >= MB_CSV_COMMENTED) args_error(&a, "the text is too long");
  CsvLines *lines = lua_newuserdatauv(L, sizeof(CsvLines), 1);
  *lines = (CsvLines){.text = text, .end = text + length, .number = 1};
  luaL_setmetatable(L, LINES_TYPE);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  Found found = {0};
  if (!add_lines(lines, &form, most, &found)) luaL_error(L, "not enough memory");
  lua_pushinteger(L, lines->count);
  lua_pushinteger(L, found.empty);
  push_index(L, found.longest);
  return 4;
}

/* core.csv_line(lines, i) -> the text of a line */
static int csv_line(lua_State *L) {
  Args a = bind_args(L, "csv_line");
  const CsvLines *lines = next_csv_lines(&a);
  const mb_csv_line line = csv_line_of(lines, next_index(&a, "line", lines->count), ' ');
  lua_pushlstring(L, line.next, (size_t)(line.end - line.next));
  return 1;
}

/* The number in the file of the line at a place: line breaks are counted on from the last place asked for, as
 * callers go down a file. */
static mb_size number_at(CsvLines *lines, const char *place) {
  if (place - lines->text < lines->counted) lines->counted = 0, lines->number = 1;
  const char *at = lines->text + lines->counted;
  for (; (at = memchr(at, '\n', (size_t)(place - at))) != NULL; at++) lines->number++;
  lines->counted = place - lines->text;
  return lines->number;
}

/* core.csv_about(lines, i) -> number of the line in the file, whether it is commented, and its length */
static int csv_about(lua_State *L) {
  Args a = bind_args(L, "csv_about");
  CsvLines *lines = next_csv_lines(&a);
  const mb_size i = next_index(&a, "line", lines->count);
  const mb_csv_line line = csv_line_of(lines, i, ' ');
  lua_pushinteger(L, number_at(lines, line.next));
  lua_pushboolean(L, csv_is_commented(lines, i));
  lua_pushinteger(L, line.end - line.next);
  return 3;
}

/* core.csv_next(lines, i, commented) -> the first line behind i (0: from the start) that is commented, or
 * not; nil if there is none */
static int csv_next(lua_State *L) {
  Args a = bind_args(L, "csv_next");
  const CsvLines *lines = next_csv_lines(&a);
  mb_size i = next_integer(&a, "line", 0, lines->count);
  const bool commented = next_boolean(&a);
  if (commented && lines->commented == 0) return 0; /* without a search, which every file would wait for */
  while (i < lines->count && csv_is_commented(lines, i) != commented) i++;
  if (i == lines->count) return 0;
  push_index(L, i);
  return 1;
}

/* core.csv_margin(lines, separator) -> the number of separators with which all lines that are not commented
 * begin; they are cut off */
static int csv_margin(lua_State *L) {
  size_t length;
  Args a = bind_args(L, "csv_margin");
  CsvLines *lines = next_csv_lines(&a);
  const char separator = *next_string(&a, "separator", "a character", &length);
  mb_size margin = PTRDIFF_MAX;
  for (mb_size i = 0; i < lines->count; i++) {
    const mb_csv_line line = csv_line_of(lines, i, separator);
    const char *at = line.next;
    while (at < line.end && *at == separator) at++;
    if (!csv_is_commented(lines, i) && at - line.next < margin) margin = at - line.next;
  }
  for (mb_size i = 0; i < lines->count; i++)
    if (!csv_is_commented(lines, i)) lines->line[i] += (uint32_t)margin;
  lua_pushinteger(L, margin == PTRDIFF_MAX ? 0 : margin);
  return 1;
}

static const luaL_Reg functions[] = {
    {"csv_lines", csv_lines}, {"csv_line", csv_line},     {"csv_about", csv_about},
    {"csv_next", csv_next},   {"csv_margin", csv_margin}, {NULL, NULL},
};

static int free_lines(lua_State *L) {
  CsvLines *lines = luaL_checkudata(L, 1, LINES_TYPE);
  free(lines->line);
  *lines = (CsvLines){0};
  return 0;
}

void bind_open_csv_lines(lua_State *L) {
  luaL_newmetatable(L, LINES_TYPE);
  lua_pushcfunction(L, free_lines);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
  luaL_setfuncs(L, functions, 0);
}
