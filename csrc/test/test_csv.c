/* test_csv.c - cells of lines, and tables that threads parse against the same rows one by one. */
#include "check.h"

#include <stdio.h>

static mb_csv_line line_of(const char *text, char separator) {
  return (mb_csv_line){text, text + strlen(text), separator};
}

static void check_cells(const char *text, char separator, const char *expected) {
  mb_csv_line line = line_of(text, separator);
  char joined[256] = "";
  mb_csv_cell cell;
  do {
    assert_null(mb_csv_take(&line, &cell));
    sprintf(joined + strlen(joined), "[%.*s]", (int)cell.length, cell.text);
  } while (mb_csv_next(&line));
  assert_string_equal(joined, expected);
}

static void takes_cells(void **state) {
  (void)state;
  check_cells("a, b ,,c", ',', "[a][b][][c]");
  check_cells("a\t b\t", '\t', "[a][b][]");
  check_cells("  a \t b  ", ' ', "[a][b]");
  check_cells("\"a,b\" ,\"\",c d", ',', "[a,b][][c d]");
  check_cells("\"a \"\"b\"\"\";1", ';', "[a \"\"b\"\"][1]");
  mb_csv_line line = line_of("\"a", ',');
  mb_csv_cell cell;
  assert_string_equal(mb_csv_take(&line, &cell), "a quote does not end");
  line = line_of("\"a\"b,1", ',');
  assert_string_equal(mb_csv_take(&line, &cell), "text follows a quote");
}

static const char *row_of(const char *text, char separator, char decimal, const char *kinds, mb_real *x,
                          double *axis, mb_csv_signs *signs, mb_size *column) {
  mb_csv_table table = {separator, decimal, kinds, (mb_size)strlen(kinds), 0, 0};
  mb_csv_cell cell;
  for (const char *kind = kinds; *kind; kind++) {
    table.numbers += *kind == MB_CSV_NUMBER;
    table.axes += *kind == MB_CSV_AXIS;
  }
  return mb_csv_row(line_of(text, separator), &table, x, axis, signs, &cell, column);
}

static void reads_a_row(void **state) {
  (void)state;
  mb_real x[4];
  double axis = 0;
  mb_size column;
  mb_csv_signs signs = {0};
  assert_null(row_of("a;400,25; \"1,5\" ;-2;;", ';', ',', "0x11", x, &axis, &signs, &column));
  assert_true(axis == 400.25 && x[0] == (mb_real)1.5 && x[1] == -2);
  assert_null(row_of("1,\"1,5\"", ',', ',', "11", x, &axis, &signs, &column));
  assert_true(x[0] == 1 && x[1] == (mb_real)1.5);
  assert_null(row_of("1.5D-01 -2.5d+00 1.D+2", ' ', '.', "111", x, &axis, &signs, &column));
  assert_true(x[0] == (mb_real)0.15 && x[1] == -2.5 && x[2] == 100);
  const struct {
    const char *text, *fault;
    mb_size column;
  } cases[] = {{"1,b", "expected a number", 2},    {"1", "fewer cells", 1},
               {"1,2,3", "more cells", 3},         {"1,1e999", "the number is too large", 2},
               {"1,2 3", "expected a number", 2},  {"1,", "expected a number", 2},
               {"1,2D+4", "expected a number", 2}, {"1,1.5D3", "expected a number", 2}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *fault = row_of(cases[i].text, ',', '.', "11", x, &axis, &signs, &column);
    assert_non_null(fault);
    assert_string_equal(fault, cases[i].fault);
    assert_int_equal(column, cases[i].column);
  }
}

static void notes_what_numbers_tell_of_the_decimal_sign(void **state) {
  (void)state;
  mb_real x[2];
  double axis;
  mb_size column;
  const struct {
    const char *text;
    mb_csv_signs signs;
  } cases[] = {{"1.200;900", {false, true, true}},
               {"12;-900", {false, true, false}},
               {"1.25;1.200", {true, false, false}},
               {"0.200;1", {true, false, false}},
               {"1.200;1200", {true, false, true}}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    mb_csv_signs signs = {0};
    assert_null(row_of(cases[i].text, ';', '.', "11", x, &axis, &signs, &column));
    assert_true(signs.is_certain == cases[i].signs.is_certain && signs.has_group == cases[i].signs.has_group);
    if (!signs.is_certain) assert_true(signs.has_whole == cases[i].signs.has_whole);
  }
}

enum { LINES = 20000, COLUMNS = 5, WIDTH = 64 };

static char text[LINES * WIDTH];
static uint32_t starts[LINES];

static bool is_comment(int line) {
  return line % 1000 == 500 || line % 64 == 1 || (line > 9000 && line < 9400);
}

/* Some rows have an empty line behind them, which is none, and nothing follows the last. */
static mb_csv_lines write_lines(uint32_t seed) {
  mb_rng rng;
  mb_rng_seed(&rng, &seed, 1);
  char *next = text;
  for (int i = 0; i < LINES; i++) {
    if (i > 0) next += sprintf(next, i % 7 == 0 ? "\n\n" : "\n");
    starts[i] = (uint32_t)(next - text) | (is_comment(i) ? MB_CSV_COMMENTED : 0);
    for (int c = 0; c < COLUMNS; c++)
      next += sprintf(next, "%s%.5g", c ? "," : "", mb_rng_uniform(&rng, -900, 900));
  }
  return (mb_csv_lines){text, next, starts, LINES};
}

/* Threads give what the rows give one by one, without the comments among them, and find the first line with a
 * fault. */
static void reads_rows_in_parallel(void **state) {
  (void)state;
  const mb_csv_lines lines = write_lines(3);
  const mb_csv_table table = {',', '.', "x1110", COLUMNS, 3, 1};
  mb_real *x = check_zeros(LINES * 3), *one = check_zeros(3);
  double *axis = calloc(LINES, sizeof *axis), alone;
  mb_size column;
  for (int threads = 1; threads <= 4; threads++) {
    mb_csv_signs signs = {0}, own = {0};
    mb_csv_cell cell;
    mb_set_threads(threads);
    assert_int_equal(mb_csv_read(&lines, &table, x, axis, &signs), LINES);
    for (int i = 0, row = 0; i < LINES; i++) {
      if (is_comment(i)) continue;
      assert_null(mb_csv_row(mb_csv_line_of(&lines, i, ','), &table, one, &alone, &own, &cell, &column));
      assert_true(alone == axis[row] && memcmp(one, x + 3 * row, 3 * sizeof *one) == 0);
      row++;
    }
    assert_true(signs.is_certain && own.is_certain);
  }
  for (int first = 0; first < LINES; first += 1999) {
    for (int i = first; i < LINES; i += 3333) text[starts[i] & ~MB_CSV_COMMENTED] = 'x';
    mb_csv_signs signs = {0};
    assert_false(is_comment(first));
    assert_int_equal(mb_csv_read(&lines, &table, x, axis, &signs), first);
    write_lines(3);
  }
  free(x);
  free(one);
  free(axis);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(takes_cells),
      cmocka_unit_test(reads_a_row),
      cmocka_unit_test(notes_what_numbers_tell_of_the_decimal_sign),
      cmocka_unit_test(reads_rows_in_parallel),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
