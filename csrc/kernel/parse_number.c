/* parse_number.c - decimal numbers in text to double, rounded to nearest as strtod does, but in any locale.
 */
#include "internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned __int128 Wide;

enum {
  WORD_DIGITS = 19, /* so many digits fit into 64 bits */
  MOST_DIGITS = 800 /* no double or middle between two has more: 767 */
};

/* 1e22 is the last power that a double holds exactly. */
static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                              1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* 5^27 is the last power that 64 bits hold. */
static const uint64_t fives[] = {
    1u,
    5u,
    25u,
    125u,
    625u,
    3125u,
    15625u,
    78125u,
    390625u,
    1953125u,
    9765625u,
    48828125u,
    244140625u,
    1220703125u,
    6103515625u,
    30517578125u,
    152587890625u,
    762939453125u,
    3814697265625u,
    19073486328125u,
    95367431640625u,
    476837158203125u,
    2384185791015625u,
    11920928955078125u,
    59604644775390625u,
    298023223876953125u,
    1490116119384765625u,
    7450580596923828125u,
};

enum { MOST_TENS = sizeof tens / sizeof *tens - 1, MOST_FIVES = sizeof fives / sizeof *fives - 1 };

static inline bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* bits 2^power, where bits stand for a number with further ones behind them if more. The lowest of 64 bits is
 * below the middle of two doubles, so that it tells the conversion on which side of it the number lies. */
static double round_word(uint64_t bits, bool more, int power) {
  return ldexp((double)(bits | more), power);
}

/* word 10^exponent for exponents up to MOST_FIVES either way, in integers; word is not 0. */
static double scale_word(uint64_t word, int exponent) {
  const int shift = __builtin_clzll(word);
  word <<= shift;
  if (exponent >= 0) {
    Wide product = (Wide)word * fives[exponent];
    const uint64_t high = (uint64_t)(product >> 64);
    const int lead = high == 0 ? 64 : __builtin_clzll(high);
    product <<= lead;
    return round_word((uint64_t)(product >> 64), (uint64_t)product != 0, exponent - shift + 64 - lead);
  }
  const int divisor_shift = __builtin_clzll(fives[-exponent]);
  const uint64_t divisor = fives[-exponent] << divisor_shift;
  const Wide dividend = (Wide)word << 63; /* so that the quotient has 63 or 64 bits */
  const uint64_t quotient = (uint64_t)(dividend / divisor);
  return round_word(quotient, (Wide)quotient * divisor != dividend, exponent - shift + divisor_shift - 63);
}

/* The number of the digits, among which a decimal sign is skipped, times 10^exponent. What strtod reads has
 * no decimal sign, so that it does not matter which one the locale has. */
__attribute__((noinline)) static double scale_digits(const char *text, const char *end, int64_t exponent) {
  char copy[MOST_DIGITS + 32];
  int count = 0;
  bool more = false;
  for (; text < end; text++) {
    if (!is_digit(*text) || (count == 0 && *text == '0')) continue;
    if (count < MOST_DIGITS) {
      copy[count++] = *text;
    } else {
      exponent++;
      more = more || *text != '0';
    }
  }
  if (count == 0) return 0;
  if (more) {
    copy[count++] = '1';
    exponent--;
  }
  snprintf(copy + count, sizeof copy - (size_t)count, "e%lld", (long long)exponent);
  return strtod(copy, NULL);
}

static const char *take_digits(const char *text, const char *end, uint64_t *word) {
  uint64_t w = *word;
  for (; text < end && is_digit(*text); text++) w = 10 * w + (uint64_t)(*text - '0');
  *word = w;
  return text;
}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
/* The number of eight digits, the first in the lowest byte: neighbours are joined, then pairs, then both
 * halves. */
static uint64_t join_digits(uint64_t digits) {
  digits = 10 * digits + (digits >> 8);
  const uint64_t pairs = 0x000000FF000000FFu;
  return ((digits & pairs) * 0x000F424000000064u + (digits >> 16 & pairs) * 0x0000271000000001u) >> 32;
}

/* The same in steps of up to eight digits without a branch for each: decimals have no foreseeable number of
 * them. */
static const char *take_decimals(const char *text, const char *end, uint64_t *word) {
  static const uint64_t powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
  uint64_t w = *word;
  while (end - text >= 8) {
    uint64_t eight;
    memcpy(&eight, text, sizeof eight);
    eight ^= 0x3030303030303030u; /* digits become 0 to 9 */
    const uint64_t others = (eight | (eight + 0x7676767676767676u)) & 0x8080808080808080u;
    const int count = others == 0 ? 8 : __builtin_ctzll(others) / 8;
    if (count == 0) break;
    w = powers[count] * w + join_digits(eight << (64 - 8 * count));
    text += count;
    if (count < 8) break;
  }
  *word = w;
  return end - text >= 8 ? text : take_digits(text, end, word);
}
#else
#define take_decimals take_digits
#endif

/* Adds the exponent at text, if there is one; returns its end. */
static const char *take_exponent(const char *text, const char *end, int64_t *exponent) {
  const char *digit = text + 1;
  int64_t value = 0;
  if (text == end || (*text != 'e' && *text != 'E')) return text;
  if (digit < end && (*digit == '+' || *digit == '-')) digit++;
  if (digit == end || !is_digit(*digit)) return text;
  const bool is_negative = digit[-1] == '-';
  for (; digit < end && is_digit(*digit); digit++)
    if (value < (int64_t)1 << 40) value = 10 * value + (*digit - '0');
  *exponent += is_negative ? -value : value;
  return digit;
}

/* Zeros in front are no significant digits. */
static bool fits_word(const char *text, const char *end, mb_size digits) {
  for (; digits > WORD_DIGITS && text < end && (*text == '0' || !is_digit(*text)); text++)
    digits -= *text == '0';
  return digits <= WORD_DIGITS;
}

const char *mb_parse_number(const char *text, const char *end, char decimal, double *number) {
  uint64_t word = 0;
  int64_t exponent = 0;
  const bool is_negative = text < end && *text == '-', has_sign = is_negative || (text < end && *text == '+');
  const char *first = text + has_sign, *last = take_digits(first, end, &word);
  mb_size digits = last - first;
  /* A comma ends a number, too: "400," is a number and a comma. */
  if (last < end && *last == decimal && (decimal == '.' || (last + 1 < end && is_digit(last[1])))) {
    const char *point = last;
    last = take_decimals(point + 1, end, &word);
    exponent = point + 1 - last;
    digits -= exponent;
  }
  if (digits == 0) return NULL;
  const char *rest = take_exponent(last, end, &exponent);
  double x = (double)word;
  if (!fits_word(first, last, digits))
    x = scale_digits(first, last, exponent);
  else if (word < (uint64_t)1 << 53 && exponent >= -MOST_TENS && exponent <= MOST_TENS)
    x = exponent < 0 ? x / tens[-exponent] : x * tens[exponent];
  else if (word != 0 && exponent >= -MOST_FIVES && exponent <= MOST_FIVES)
    x = scale_word(word, (int)exponent);
  else if (word != 0)
    x = scale_digits(first, last, exponent);
  *number = is_negative ? -x : x;
  return rest;
}
