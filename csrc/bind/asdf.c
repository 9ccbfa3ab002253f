/* asdf.c - tables (X++(Y..Y)) of JCAMP-DX: lines of an abscissa and ordinates, as AFFN, PAC, SQZ, DIF or DUP.
 */
#include <math.h>
#include <stdlib.h>

#include "bind.h"

typedef enum { OTHER, BLANK, PLAIN, SQZ, DIF, DUP, UNKNOWN } Kind;

typedef struct {
  Kind kind;
  double value, unit; /* unit: of its last decimal */
} Token;

typedef struct {
  const char *next, *end;
  mb_size line;      /* of the text, from 1 */
  const char *fault; /* what is wrong with the line, or NULL */
  bool exponents;    /* no letter but e and E is there: "1e5" is a number, not 1 and -5 */
  mb_size points, lines, most;
  double value, difference, factor;
  bool differs;    /* value came by a difference: the next line begins with a check of it */
  mb_size unknown; /* points that are "?" */
  mb_size deviations, deviation_line;
  double got, expected; /* at the first deviation */
  mb_real *y;           /* NULL while points are counted */
  lua_State *L;         /* with the table of lines on top, unless y is NULL */
} Table;

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* The kind of the token that a character begins, and its first digit with the sign. */
static Kind kind_of(char c, int *digit) {
  *digit = 0;
  if (is_digit(c) || c == '+' || c == '-' || c == '.') return PLAIN;
  if (c == ' ' || c == '\t' || c == ',' || c == ';' || c == '\r') return BLANK;
  if (c >= '@' && c <= 'I') return *digit = c - '@', SQZ;
  if (c >= 'a' && c <= 'i') return *digit = 'a' - 1 - c, SQZ;
  if (c >= 'J' && c <= 'R') return *digit = c - 'I', DIF;
  if (c >= 'j' && c <= 'r') return *digit = 'i' - c, DIF;
  if (c >= 'S' && c <= 'Z') return *digit = c - 'R', DUP;
  if (c == 's') return *digit = 9, DUP;
  if (c == '%') return DIF;
  return c == '?' ? UNKNOWN : OTHER;
}

static bool has_codes(const char *text, const char *end) {
  int digit;
  for (; text < end; text++) {
    const Kind kind = *text == 'e' || *text == 'E' ? OTHER : kind_of(*text, &digit);
    if (kind == SQZ || kind == DIF || kind == DUP) return true;
  }
  return false;
}

/* Takes "E+05" behind the digits of a plain number. */
static int take_exponent(Table *t) {
  enum { MOST = 1000 };
  const char *at = t->next + 1;
  if (at >= t->end || (t->next[0] != 'e' && t->next[0] != 'E')) return 0;
  const bool is_signed = *at == '+' || *at == '-';
  const char *digits = at + is_signed;
  if (digits == t->end || !is_digit(*digits) || (!is_signed && !t->exponents)) return 0;
  int exponent = 0;
  for (; digits < t->end && is_digit(*digits); digits++)
    if (exponent < MOST) exponent = 10 * exponent + (*digits - '0');
  t->next = digits;
  return *at == '-' ? -exponent : exponent;
}

/* Takes the digits that follow the first one; false if there is none at all. */
static bool take_digits(Table *t, bool has_digit, double first, Token *token) {
  double mantissa = first;
  int decimals = 0;
  bool point = false;
  for (; t->next < t->end; t->next++) {
    const char c = *t->next;
    if (c == '.') {
      if (point) return false;
      point = true;
    } else if (is_digit(c)) {
      mantissa = 10 * mantissa + (c - '0');
      decimals += point;
      has_digit = true;
    } else {
      break;
    }
  }
  const int exponent = (token->kind == PLAIN ? take_exponent(t) : 0) - decimals;
  token->unit = exponent == 0 ? 1 : pow(10, exponent);
  /* a quotient of two exact numbers is rounded once: 1.25, not 125 * 0.01 */
  token->value = exponent < 0 && exponent >= -22 ? mantissa / pow(10, -exponent) : mantissa * token->unit;
  return has_digit;
}

/* Takes the next number of the line; false at the end of the line, and if there is a fault. */
static bool take_token(Table *t, Token *token) {
  int digit = 0;
  while (t->next < t->end && kind_of(*t->next, &digit) == BLANK) t->next++;
  if (t->next == t->end || *t->next == '\n') return false;
  if (*t->next == '$' && t->next + 1 < t->end && t->next[1] == '$') {
    while (t->next < t->end && *t->next != '\n') t->next++;
    return false;
  }
  const char c = *t->next;
  token->kind = kind_of(c, &digit);
  if (token->kind == UNKNOWN) return t->next++, true;
  const bool coded = token->kind != PLAIN, is_signed = c == '-' || c == '+';
  if (token->kind != OTHER && (coded || is_signed)) t->next++;
  if (token->kind == OTHER || !take_digits(t, coded, abs(digit), token)) {
    t->fault = "expected numbers";
    return false;
  }
  if (c == '-' || digit < 0) token->value = -token->value;
  return true;
}

static void put_points(Table *t, mb_size count) {
  if (count > t->most - t->points) {
    t->fault = "too many points for the file's size";
    return;
  }
  if (t->y == NULL) {
    t->points += count;
    return;
  }
  for (mb_size i = 0; i < count; i++) {
    if (i > 0 && t->differs) t->value += t->difference;
    const mb_real y = (mb_real)(t->value * t->factor);
    if (isinf(y)) t->fault = "a value is beyond float32";
    t->y[t->points++] = y;
  }
}

/* The ordinate with which a line begins repeats the last point if that came by a difference. */
static void check_point(Table *t, double value) {
  if (fabs(value - t->value) > 1e-9 * fmax(1, fabs(value)) && t->deviations++ == 0) {
    t->deviation_line = t->line;
    t->expected = t->value;
    t->got = value;
  }
  t->value = value;
}

/* count: of the last point and its repeats, at least 1 by its first digit. */
static void put_repeats(Table *t, double count) {
  if (count >= 0x1p52) {
    t->fault = "too many points for the file's size";
  } else if (count >= 2) {
    if (t->differs) t->value += t->difference;
    put_points(t, (mb_size)count - 1);
  }
}

static void put_ordinate(Table *t, const Token *token, bool first) {
  if (first && (token->kind == DIF || token->kind == DUP)) {
    t->fault = "expected a value behind the abscissa, got a difference or a repeat count";
  } else if (token->kind == DUP) {
    put_repeats(t, token->value);
  } else if (token->kind == DIF) {
    t->differs = true;
    t->difference = token->value;
    t->value += token->value;
    put_points(t, 1);
  } else if (first && t->differs && token->kind != UNKNOWN) {
    check_point(t, token->value);
    t->differs = false;
  } else {
    t->differs = false;
    t->value = token->kind == UNKNOWN ? (double)NAN : token->value;
    t->unknown += token->kind == UNKNOWN;
    put_points(t, 1);
  }
}

static void set_number(lua_State *L, const char *field, mb_size i, double value) {
  lua_getfield(L, -1, field);
  lua_pushnumber(L, value);
  lua_rawseti(L, -2, (lua_Integer)i);
  lua_pop(L, 1);
}

/* Keeps the abscissa of a line, and the number of the point that it belongs to. */
static void put_line(Table *t, const Token *x, bool checks) {
  t->lines++;
  if (t->y == NULL) return;
  set_number(t->L, "x", t->lines, x->value);
  set_number(t->L, "unit", t->lines, x->unit);
  set_number(t->L, "at", t->lines, (double)(t->points + 1 - checks));
  set_number(t->L, "line", t->lines, (double)t->line);
}

static void take_line(Table *t) {
  Token x, token;
  if (!take_token(t, &x)) return;
  if (x.kind != PLAIN) {
    t->fault = "expected the abscissa at the start of a line";
    return;
  }
  for (bool first = true; t->fault == NULL && take_token(t, &token); first = false) {
    if (first) put_line(t, &x, t->differs && token.kind != UNKNOWN);
    put_ordinate(t, &token, first);
  }
}

static void take_table(Table *t) {
  for (t->line = 1;; t->line++) {
    take_line(t);
    if (t->fault || t->next == t->end) return;
    t->next++; /* the line break */
  }
}

static int push_fault(lua_State *L, const Table *t) {
  lua_pushnil(L);
  lua_pushinteger(L, (lua_Integer)t->line);
  lua_pushstring(L, t->fault);
  return 3;
}

static void push_lines(Table *t) {
  static const char *const fields[] = {"x", "at", "unit", "line"};
  lua_createtable(t->L, 0, 4);
  for (int i = 0; i < 4; i++) {
    lua_createtable(t->L, t->lines < INT_MAX ? (int)t->lines : 0, 0);
    lua_setfield(t->L, -2, fields[i]);
  }
}

static void set_field(lua_State *L, const char *name, double value) {
  lua_pushnumber(L, value);
  lua_setfield(L, -2, name);
}

/* core.asdf(text, first, last, factor, most) -> y (N), of a part of a text, factor times the ordinates, and a
 * table: x, at, unit, line, lists of each line's abscissa, its point, the unit of its last decimal and its
 * number in the text; unknown, the number of points "?"; deviations, of the values that repeat a point, and
 * deviation_line, expected and got at the first. Or nil, the line and what is wrong there. There are at most
 * `most` points. */
static int asdf(lua_State *L) {
  size_t length;
  Args a = bind_args(L, "asdf");
  const char *text = next_part(&a, &length);
  const double factor = next_number(&a, "factor");
  const mb_size most = next_count(&a, "most");
  Table start = {.next = text, .end = text + length, .most = most, .factor = factor, .L = L};
  start.exponents = !has_codes(text, start.end);
  Table t = start;
  take_table(&t);
  if (t.fault == NULL && t.points == 0) t.line = 1, t.fault = "expected points";
  if (t.fault) return push_fault(L, &t);
  start.y = push_vector(&a, t.points)->data;
  push_lines(&t);
  t = start;
  take_table(&t);
  if (t.fault) return push_fault(L, &t);
  set_field(L, "unknown", (double)t.unknown);
  set_field(L, "deviations", (double)t.deviations);
  set_field(L, "deviation_line", (double)t.deviation_line);
  set_field(L, "expected", t.expected);
  set_field(L, "got", t.got);
  return 2;
}

static const luaL_Reg functions[] = {{"asdf", asdf}, {NULL, NULL}};

void bind_open_asdf(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
