/* parse_number.c - the numbers of a text, as a list or a tensor. */
#include "bind.h"

#include <limits.h>
#include <math.h>
#include <string.h>

typedef struct {
  const char *next, *end;
  char decimal;
  bool takes_nan; /* words such as nan and inf are numbers, too */
  bool to_tensor; /* numbers beyond its reals are none */
} Words;

static bool is_separator(const Words *words, char c) {
  return c == ' ' || (c >= '\t' && c <= '\r') || c == ';' || (c == ',' && words->decimal != ',');
}

/* Moves to the next word; returns its end, or NULL if there is none. */
static const char *next_word(Words *words) {
  while (words->next < words->end && is_separator(words, *words->next)) words->next++;
  const char *end = words->next;
  while (end < words->end && !is_separator(words, *end)) end++;
  return end == words->next ? NULL : end;
}

static mb_size count_words(Words words) {
  mb_size count = 0;
  for (const char *end; (end = next_word(&words)) != NULL; words.next = end) count++;
  return count;
}

static bool is_word(const char *text, const char *end, const char *word) {
  if ((size_t)(end - text) != strlen(word)) return false;
  for (; text < end; text++, word++)
    if ((*text | 32) != *word) return false;
  return true;
}

static bool read_nan(const char *text, const char *end, double *number) {
  const bool is_negative = *text == '-';
  text += is_negative || *text == '+';
  *number = is_negative ? -HUGE_VAL : HUGE_VAL;
  if (is_word(text, end, "inf") || is_word(text, end, "infinity")) return true;
  *number = (double)NAN;
  return is_word(text, end, "nan");
}

static bool read_number(const Words *words, const char *end, double *number) {
  if (mb_parse_number(words->next, end, words->decimal, number) != end)
    return words->takes_nan && read_nan(words->next, end, number);
  return words->to_tensor ? isfinite((mb_real)*number) : isfinite(*number);
}

/* Reads the next word and moves past it; returns false at the end, and at a word that is no number. */
static bool next_value(Words *words, double *number) {
  const char *end = next_word(words);
  if (end == NULL || !read_number(words, end, number)) return false;
  words->next = end;
  return true;
}

static Words next_words(Args *a, bool to_tensor) {
  size_t length;
  const char *text = next_string(a, "text", "a string", &length);
  const char *const decimals[] = {".", ",", NULL};
  const bool has_comma = !next_is_nil(a) && next_option(a, "decimal", decimals) == 1;
  return (Words){text, text + length, has_comma ? ',' : '.', next_boolean(a), to_tensor};
}

/* Pushes nil and the word that could not be read. */
static int push_word(lua_State *L, Words *words) {
  const char *end = next_word(words);
  lua_pushnil(L);
  lua_pushlstring(L, words->next, (size_t)(end - words->next));
  return 2;
}

/* core.numbers_list(text, decimal, takes_nan) -> list of the numbers between blanks, line breaks, semicolons
 * and commas, which do not separate if they are the decimal sign; or nil and the first word that is not a
 * number */
static int numbers_list(lua_State *L) {
  Args a = bind_args(L, "numbers_list");
  Words words = next_words(&a, false);
  const mb_size count = count_words(words);
  double number;
  lua_createtable(L, count < INT_MAX ? (int)count : INT_MAX, 0);
  for (mb_size i = 1; i <= count; i++) {
    if (!next_value(&words, &number)) return push_word(L, &words);
    lua_pushnumber(L, number);
    lua_rawseti(L, -2, (lua_Integer)i);
  }
  return 1;
}

/* core.numbers_tensor(text, decimal, takes_nan) -> the numbers as a tensor (N); or nil and the first word
 * that is not a number or too large for one of a tensor; "nothing" if there are none */
static int numbers_tensor(lua_State *L) {
  Args a = bind_args(L, "numbers_tensor");
  Words words = next_words(&a, true);
  const mb_size count = count_words(words);
  double number;
  if (count == 0) return lua_pushnil(L), lua_pushliteral(L, "nothing"), 2;
  Tensor *x = push_vector(&a, count);
  for (mb_size i = 0; i < count; i++) {
    if (!next_value(&words, &number)) return push_word(L, &words);
    x->data[i] = (mb_real)number;
  }
  return 1;
}

static const luaL_Reg functions[] = {
    {"numbers_list", numbers_list}, {"numbers_tensor", numbers_tensor}, {NULL, NULL}};

void bind_open_parse_number(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
