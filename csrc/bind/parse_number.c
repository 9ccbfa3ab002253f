/* parse_number.c - the numbers of a text, as a list, a tensor or columns. */
#include "column.h"
#include "words.h"

#include <limits.h>
#include <math.h>
#include <string.h>

static bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

static mb_size least(mb_size a, mb_size b) {
  return a < b ? a : b;
}

static Words next_words(Args *a, bool to_tensor) {
  size_t length;
  const char *text = next_string(a, "text", "a string", &length);
  return (Words){.first = text, .next = text, .end = text + length, .to_tensor = to_tensor};
}

/* Pushes nil and the word that could not be read. */
static int push_word(lua_State *L, Words *words) {
  lua_pushnil(L);
  words_push(L, words);
  return 2;
}

/* core.numbers_list(text) -> list of the numbers between blanks, line breaks, semicolons and commas; or nil
 * and the first word that is not a number */
static int numbers_list(lua_State *L) {
  Args a = bind_args(L, "numbers_list");
  Words words = next_words(&a, false);
  const mb_size count = words_count(words).words;
  double number;
  lua_createtable(L, count < INT_MAX ? (int)count : INT_MAX, 0);
  for (mb_size i = 1; i <= count; i++) {
    if (!words_next(L, &words, &number)) return push_word(L, &words);
    lua_pushnumber(L, number);
    lua_rawseti(L, -2, (lua_Integer)i);
  }
  return 1;
}

/* core.numbers_tensor(text) -> the numbers as a tensor (N); or nil and the first word
 * that is not a number or too large for one of a tensor; "nothing" if there are none */
static int numbers_tensor(lua_State *L) {
  Args a = bind_args(L, "numbers_tensor");
  Words words = next_words(&a, true);
  const mb_size count = words_count(words).words;
  double number;
  if (count == 0) return lua_pushnil(L), lua_pushliteral(L, "nothing"), 2;
  Tensor *x = push_vector(&a, count);
  for (mb_size i = 0; i < count; i++) {
    if (!words_next(L, &words, &number)) return push_word(L, &words);
    x->data[i] = (mb_real)number;
  }
  return 1;
}

static Marks next_marks(Args *a, bool *takes_nan, bool *to_tensor) {
  size_t length;
  const char *letters = next_string(a, "marks", "a string", &length);
  *takes_nan = strchr(letters, 'n') != NULL;
  *to_tensor = strchr(letters, 't') != NULL;
  Marks marks = {.dollars = strchr(letters, '$') != NULL,
                 .hashes = strchr(letters, '#') != NULL,
                 .hash_lines = strchr(letters, 'l') != NULL,
                 .packed = strchr(letters, '+') != NULL,
                 .commas = strchr(letters, ',') != NULL,
                 .deviations = strchr(letters, '(') != NULL,
                 .unknown = strchr(letters, '?') != NULL,
                 .missing = strchr(letters, '.') != NULL,
                 .names = strchr(letters, 'a') != NULL};
  marks.any = strpbrk(letters, "$#l+,(?.") != NULL;
  return marks;
}

/* Pushes the column at a place of the list at index, and keeps room in it; NULL for false. */
static Column *push_column(const Args *a, int list, mb_size place, mb_size more) {
  lua_rawgeti(a->L, list, (lua_Integer)place + 1);
  if (lua_isboolean(a->L, -1)) return NULL;
  Args top = bind_top(a);
  Column *column = next_column(&top);
  column_reserve(a->L, column, column->count + more);
  return column;
}

/* Pushes the columns of the list at index as an array of count. They live while the list does. */
static Column **push_columns(const Args *a, int list, mb_size count, mb_size words, bool may_be_left_out) {
  Column **columns = lua_newuserdatauv(a->L, (size_t)count * sizeof *columns, 0);
  for (mb_size c = 0; c < count; c++) {
    columns[c] = push_column(a, list, c, words / count + 1);
    if (columns[c] == NULL && !may_be_left_out)
      args_error(a, "column %I: expected a column of numbers", (LUAI_UACINT)c + 1);
    lua_pop(a->L, 1);
  }
  return columns;
}

/* core.numbers_columns(text, first, last, marks, columns) -> the count of the numbers in a part of a text,
 * which are added to the columns of a list in turn, false for those left out, and that of the "?" among them;
 * or nil and the first word that is not a number. marks has letters of words.h, n: words such as nan are
 * numbers, t: those beyond the reals of tensors are none. */
static int numbers_columns(lua_State *L) {
  Args a = bind_args(L, "numbers_columns");
  size_t length;
  const char *text = next_part(&a, &length);
  Words words = {.first = text, .next = text, .end = text + length};
  words.marks = next_marks(&a, &words.takes_nan, &words.to_tensor);
  const int list = next_arg(&a);
  luaL_checktype(L, list, LUA_TTABLE);
  const mb_size width = (mb_size)lua_rawlen(L, list);
  if (width == 0) args_error(&a, "expected at least one column");
  const WordCounts counts = words_count(words);
  words.takes_nan = words.takes_nan || counts.unknown > 0;
  Column **columns = push_columns(&a, list, width, counts.words, true);
  double number;
  for (mb_size i = 0, c = 0; i < counts.words; i++) {
    const bool is_name = words.marks.names && columns[c] == NULL;
    if (!(is_name ? words_skip(&words) : words_next(L, &words, &number))) return push_word(L, &words);
    if (columns[c] != NULL) column_add(L, columns[c], number);
    if (++c == width) c = 0;
  }
  lua_pushinteger(L, counts.words);
  lua_pushinteger(L, counts.unknown);
  return 2;
}

/* A field of fixed width: its first byte and the one behind it in a group; a number without a point is
 * divided. */
typedef struct {
  mb_size first, behind;
  double divisor;
} Field;

/* Reads the list of fields at index: lists of the first and last byte, from 1, and the decimals without a
 * point. */
static Field *push_fields(const Args *a, int list, mb_size count) {
  lua_State *L = a->L;
  Field *fields = lua_newuserdatauv(L, (size_t)count * sizeof *fields, 0);
  for (mb_size f = 0; f < count; f++) {
    lua_Integer numbers[3];
    lua_rawgeti(L, list, (lua_Integer)f + 1);
    luaL_checktype(L, -1, LUA_TTABLE);
    for (int i = 0; i < 3; i++) {
      lua_rawgeti(L, -1 - i, i + 1);
      numbers[i] = lua_tointeger(L, -1);
    }
    if (numbers[0] < 1 || numbers[1] < numbers[0]) args_error(a, "a field without bytes");
    fields[f] = (Field){numbers[0] - 1, numbers[1], pow(10, (double)numbers[2])};
    lua_pop(L, 4);
  }
  return fields;
}

/* Adds the number of a field to a column, nothing if it is blank. False if it is no number. */
static bool add_field(lua_State *L, Column *column, const char *text, const char *end, double divisor) {
  double number;
  while (text < end && is_blank(*text)) text++;
  while (end > text && is_blank(end[-1])) end--;
  if (text == end) return true;
  if (mb_parse_number(text, end, '.', &number) != end) return false;
  column_add(L, column, memchr(text, '.', (size_t)(end - text)) == NULL ? number / divisor : number);
  return true;
}

/* core.fields_columns(text, first, last, fields, groups, length, columns): adds the numbers in fields of
 * fixed width to a column each: lines have so many groups of fields, of that length; lines that begin with
 * "#" are comments. Returns nil, or the text of a field that is no number. */
static int fields_columns(lua_State *L) {
  size_t bytes;
  Args a = bind_args(L, "fields_columns");
  const char *text = next_part(&a, &bytes), *end = text + bytes;
  const int fields_at = next_arg(&a);
  luaL_checktype(L, fields_at, LUA_TTABLE);
  const mb_size count = (mb_size)lua_rawlen(L, fields_at), groups = next_count(&a, "groups"),
                length = next_count(&a, "length");
  const int list = next_arg(&a);
  luaL_checktype(L, list, LUA_TTABLE);
  const Field *fields = push_fields(&a, fields_at, count);
  Column **columns = push_columns(&a, list, count, (mb_size)bytes / length * count, false);
  for (const char *stop; text < end; text = stop + 1) {
    stop = memchr(text, '\n', (size_t)(end - text));
    if (stop == NULL) stop = end;
    if (text < stop && *text == '#') continue;
    for (mb_size i = 0; i < groups * count; i++) {
      const Field *field = &fields[i % count];
      const mb_size before = i / count * length, line = stop - text;
      const char *from = text + least(before + field->first, line),
                 *to = text + least(before + field->behind, line);
      if (add_field(L, columns[i % count], from, to, field->divisor)) continue;
      lua_pushlstring(L, from, (size_t)(to - from));
      return 1;
    }
  }
  return 0;
}

/* core.count_lines(text, first, last) -> the line breaks in a part of a text */
static int count_lines(lua_State *L) {
  Args a = bind_args(L, "count_lines");
  size_t length;
  const char *text = next_part(&a, &length), *end = text + length;
  lua_Integer count = 0;
  for (; (text = memchr(text, '\n', (size_t)(end - text))) != NULL; text++) count++;
  lua_pushinteger(L, count);
  return 1;
}

static const luaL_Reg functions[] = {{"numbers_list", numbers_list},       {"numbers_tensor", numbers_tensor},
                                     {"numbers_columns", numbers_columns}, {"fields_columns", fields_columns},
                                     {"count_lines", count_lines},         {NULL, NULL}};

void bind_open_parse_number(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
