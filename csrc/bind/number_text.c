/* number_text.c - the numbers of a tensor as text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bind.h"

enum { LONGEST = 32, FEWEST_DIGITS = 6, MOST_DIGITS = sizeof(mb_real) == sizeof(float) ? 9 : 17 };

/* Writes the shortest decimal that reads as x, in the locale of the thread; returns its length. */
static size_t write_number(char *text, mb_real x) {
  size_t length = 0;
  for (int digits = FEWEST_DIGITS; digits <= MOST_DIGITS; digits++) {
    length = (size_t)snprintf(text, LONGEST, "%.*g", digits, (double)x);
    const mb_real back =
        sizeof(mb_real) == sizeof(float) ? (mb_real)strtof(text, NULL) : (mb_real)strtod(text, NULL);
    if (back == x) break;
  }
  return length;
}

/* core.numbers_text(x, separator) -> the numbers of x, each the shortest decimal that reads as the same
 * number, with the separator between them. Call it by core.in_c_locale. */
static int numbers_text(lua_State *L) {
  size_t gap;
  Args a = bind_args(L, "numbers_text");
  const Tensor *x = next_tensor(&a, "x");
  const char *separator = next_string(&a, "separator", "a string", &gap);
  luaL_Buffer buffer;
  luaL_buffinit(L, &buffer);
  for (mb_size i = 0; i < x->count; i++) {
    char *text = luaL_prepbuffsize(&buffer, LONGEST + gap);
    size_t length = write_number(text, x->data[i]);
    if (i + 1 < x->count) memcpy(text + length, separator, gap), length += gap;
    luaL_addsize(&buffer, length);
  }
  luaL_pushresult(&buffer);
  return 1;
}

static const luaL_Reg functions[] = {{"numbers_text", numbers_text}, {NULL, NULL}};

void bind_open_number_text(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
