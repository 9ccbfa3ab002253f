/* test_parse_number.c - numbers in text against strtod. */
#include "check.h"

#include <float.h>
#include <stdio.h>

static void check_as_strtod(const char *text) {
  double number = 0;
  char *wanted_end;
  const double wanted = strtod(text, &wanted_end);
  const char *end = mb_parse_number(text, text + strlen(text), '.', &number);
  if (end != wanted_end) fail_msg("%s: ends at %td, expected %td", text, end - text, wanted_end - text);
  if (memcmp(&number, &wanted, sizeof number) != 0)
    fail_msg("%s: got %.17g, expected %.17g", text, number, wanted);
}

static void reads_the_forms_of_a_number(void **state) {
  (void)state;
  const char *const texts[] = {"0",
                               "-0",
                               "+1",
                               "1.",
                               ".5",
                               "-.5e1",
                               "1e5",
                               "1E+05",
                               "1e-5",
                               "1e",
                               "1e+",
                               "1.5x",
                               "007",
                               "0.000",
                               "1e400",
                               "-1e400",
                               "1e-400",
                               "0e999999999999999999999",
                               "4.9e-324",
                               "2.4703282292062327e-324",
                               "2.4703282292062328e-324",
                               "2.2250738585072011e-308",
                               "2.2250738585072014e-308",
                               "1.7976931348623157e308",
                               "1.7976931348623159e308",
                               "9007199254740993",
                               "9007199254740992.99999999999999999999999",
                               "18446744073709551615",
                               "18446744073709551616",
                               "9999999999999999999",
                               "0.00000000000000000000000000001234567890123456789",
                               "1.00000000000000011102230246251565404236316680908203125",
                               "1234567890123456789e27",
                               "1234567890123456789e-27",
                               "123456789012345678901234567890e-20",
                               "1e22",
                               "1e23",
                               "9007199254740991e22",
                               "9007199254740992e22"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) check_as_strtod(texts[i]);
}

static void refuses_what_is_no_number(void **state) {
  (void)state;
  const char *const texts[] = {"",  "-",  "+",   ".",   "-.",  "e5",  ".e5",
                               "x", " 1", "nan", "inf", "--1", "+-1", ","};
  double number;
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    assert_null(mb_parse_number(texts[i], texts[i] + strlen(texts[i]), '.', &number));
}

static void stops_where_the_text_ends(void **state) {
  (void)state;
  const char text[] = "12.5e34";
  const double wanted[] = {1, 12, 12, 12.5, 12.5, 125e2, 125e33};
  for (int i = 0; i < 7; i++) {
    double number = 0;
    assert_non_null(mb_parse_number(text, text + i + 1, '.', &number));
    assert_true(number == wanted[i]);
  }
}

static void reads_decimal_commas(void **state) {
  (void)state;
  double number = 0;
  const char text[] = "-1,25e2;3";
  assert_true(mb_parse_number(text, text + 9, ',', &number) == text + 7 && number == -125);
  assert_true(mb_parse_number("400,", "400," + 4, ',', &number) != NULL && number == 400);
  assert_true(mb_parse_number("1.5", "1.5" + 3, ',', &number) != NULL && number == 1);
}

/* A digit behind the first 800 decides between two doubles. */
static void reads_all_digits(void **state) {
  (void)state;
  char text[2048] = "1.00000000000000011102230246251565404236316680908203125";
  size_t length = strlen(text);
  memset(text + length, '0', 1500);
  check_as_strtod(text);
  text[length + 1400] = '1';
  check_as_strtod(text);
  memset(text + 2, '0', 1900);
  memcpy(text + 1902, "123e1900", 9);
  check_as_strtod(text);
}

/* Digits, with a point among them and an exponent. */
static void write_random(char *text, mb_rng *rng) {
  const int digits = 1 + (int)mb_rng_uniform(rng, 0, mb_rng_uniform(rng, 0, 1) < 0.9 ? 20 : 60);
  const int point = (int)mb_rng_uniform(rng, 0, digits + 1),
            range = mb_rng_uniform(rng, 0, 1) < 0.5 ? 30 : 360;
  char *next = text;
  if (mb_rng_uniform(rng, 0, 1) < 0.3) *next++ = '-';
  for (int i = 0; i < digits; i++) {
    if (i == point) *next++ = '.';
    *next++ = (char)('0' + (int)mb_rng_uniform(rng, 0, 10));
  }
  *next = '\0';
  if (mb_rng_uniform(rng, 0, 1) < 0.7) sprintf(next, "e%d", (int)mb_rng_uniform(rng, -range, range));
}

/* A double, in 15 to 20 digits, or the middle of it and the next. */
static void write_double(char *text, mb_rng *rng) {
  const double x = ldexp(mb_rng_uniform(rng, 1, 2), (int)mb_rng_uniform(rng, -1080, 1024));
  if (mb_rng_uniform(rng, 0, 1) < 0.3)
    sprintf(text, "%.40Le", ((long double)x + (long double)nextafter(x, DBL_MAX)) / 2);
  else
    sprintf(text, "%.*e", 14 + (int)mb_rng_uniform(rng, 0, 6), x);
}

static void agrees_with_strtod(void **state) {
  (void)state;
  mb_rng rng;
  mb_rng_seed(&rng, &(uint32_t){7}, 1);
  const char *rounds = getenv("MB_NUMBERS");
  char text[512];
  for (long i = 0, count = rounds ? atol(rounds) : 100000; i < count; i++) {
    write_random(text, &rng);
    check_as_strtod(text);
    write_double(text, &rng);
    check_as_strtod(text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_the_forms_of_a_number),
      cmocka_unit_test(refuses_what_is_no_number),
      cmocka_unit_test(stops_where_the_text_ends),
      cmocka_unit_test(reads_decimal_commas),
      cmocka_unit_test(reads_all_digits),
      cmocka_unit_test(agrees_with_strtod),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
