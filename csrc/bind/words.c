/* words.c - finds the words of a text, and reads them as numbers. */
#include "words.h"

#include <math.h>
#include <string.h>

enum { SHORT = 64, GROWTH = 3 /* "?" becomes "nan" */ };

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

/* True for the comma of "1,5": in "1,2,3" the second one is none, because its digit is taken. */
static bool is_decimal_comma(const Words *w, const char *at) {
  return at > w->first && at - 1 != w->joined && is_digit(at[-1]) && at + 1 < w->end && is_digit(at[1]);
}

static bool is_separator(const Words *w, const char *at) {
  if (*at == ',') return !(w->marks.commas && is_decimal_comma(w, at));
  return is_blank(*at) || *at == ';';
}

static bool begins_comment(const Words *w, const char *at) {
  if (*at == '$') return w->marks.dollars && at + 1 < w->end && at[1] == '$';
  if (*at != '#') return false;
  return w->marks.hashes || (w->marks.hash_lines && at > w->first && at[-1] == '\n');
}

/* True if a word that began before ends in front of this character. */
static bool ends_word(const Words *w, const char *at) {
  if (is_separator(w, at)) return true;
  if (!w->marks.any) return false;
  if (w->marks.packed && (*at == '+' || *at == '-') && (is_digit(at[-1]) || at[-1] == '.')) return true;
  return begins_comment(w, at);
}

static const char *end_of_line(const char *at, const char *end) {
  const char *found = memchr(at, '\n', (size_t)(end - at));
  return found == NULL ? end : found;
}

static void skip_to_word(Words *w) {
  while (w->next < w->end)
    if (is_separator(w, w->next))
      w->next++;
    else if (w->marks.any && begins_comment(w, w->next))
      w->next = end_of_line(w->next, w->end);
    else
      return;
}

/* Moves to the next word; returns its end, or NULL if there is none. */
static const char *next_word(Words *w) {
  skip_to_word(w);
  if (w->next == w->end) return NULL;
  const char *at = w->next + 1;
  for (; at < w->end && !ends_word(w, at); at++)
    if (*at == ',') w->joined = at + 1;
  return at;
}

WordCounts words_count(Words w) {
  WordCounts counts = {0};
  for (const char *end; (end = next_word(&w)) != NULL; w.next = end) {
    counts.words++;
    for (; w.marks.unknown && w.next < end; w.next++) counts.unknown += *w.next == '?';
  }
  return counts;
}

/* True if the rest of a word is a deviation, "(12)": "1(2)3" is neither 13 nor 1. */
static bool is_deviation(const char *at, const char *end) {
  if (*at != '(' || end[-1] != ')') return false;
  for (at++; at < end - 1; at++)
    if (!is_digit(*at)) return false;
  return true;
}

/* True for "." and "?" between blanks, where values are missing. */
static bool is_missing(const Words *w, const char *end) {
  const char *word = w->next;
  if (end - word != 1 || (*word != '.' && *word != '?')) return false;
  return (word == w->first || is_blank(word[-1])) && (end == w->end || is_blank(*end) || *end == '#');
}

/* Copies the next word as a number is written: without its marks. Returns the length. */
static size_t copy_word(const Words *w, const char *end, char *copy) {
  const Marks *marks = &w->marks;
  char *last = copy;
  if (marks->missing && is_missing(w, end)) return memcpy(copy, "nan", 3), 3;
  for (const char *at = w->next; at < end; at++) {
    if (marks->deviations && at > w->next && is_digit(at[-1]) && is_deviation(at, end)) break;
    if (marks->unknown && *at == '?') {
      memcpy(last, "nan", 3);
      last += 3;
    } else {
      *last++ = marks->commas && *at == ',' ? '.' : *at;
    }
  }
  return (size_t)(last - copy);
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

static bool read_number(const Words *w, const char *text, const char *end, double *number) {
  if (mb_parse_number(text, end, '.', number) != end)
    return w->takes_nan && text < end && read_nan(text, end, number);
  return w->to_tensor ? isfinite((mb_real)*number) : isfinite(*number);
}

/* Pushes the word without its marks; a short one goes to `copy` and nil is pushed. Returns the text. */
static char *push_copy(lua_State *L, const Words *w, const char *end, char *copy, size_t *length) {
  const size_t room = GROWTH * (size_t)(end - w->next);
  if (room > SHORT)
    copy = lua_newuserdatauv(L, room, 0);
  else
    lua_pushnil(L);
  *length = copy_word(w, end, copy);
  return copy;
}

static bool read_marked(lua_State *L, const Words *w, const char *end, double *number) {
  char copy[SHORT];
  size_t length;
  const char *text = push_copy(L, w, end, copy, &length);
  const bool is_number = read_number(w, text, text + length, number);
  lua_pop(L, 1);
  return is_number;
}

bool words_skip(Words *w) {
  const char *end = next_word(w);
  if (end != NULL) w->next = end;
  return end != NULL;
}

bool words_next(lua_State *L, Words *w, double *number) {
  const char *end = next_word(w);
  if (end == NULL) return false;
  const bool is_plain = read_number(w, w->next, end, number);
  if (!is_plain && !(w->marks.any && read_marked(L, w, end, number))) return false;
  w->next = end;
  return true;
}

void words_push(lua_State *L, Words *w) {
  char copy[SHORT];
  const char *end = next_word(w);
  size_t length = end == NULL ? 0 : (size_t)(end - w->next);
  const char *text = w->next;
  if (end != NULL && w->marks.any)
    text = push_copy(L, w, end, copy, &length);
  else
    lua_pushnil(L);
  lua_pushlstring(L, text, length);
  lua_remove(L, -2);
}
