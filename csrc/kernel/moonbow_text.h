/* moonbow_text.h - numbers and tables in text, and digests. A part of moonbow.h, which
 * states the rules and is what programs include. */
#ifndef MOONBOW_H
#error "include moonbow.h"
#endif
#ifndef MOONBOW_TEXT_H
#define MOONBOW_TEXT_H

/* ---- numbers in text (parse_number.c) --------------------------------------------------- */

/* Reads the decimal number at text, such as "-1.5e3", correctly rounded; decimal is '.' or ','. Returns the
 * end of the number, or NULL if there is none. No blanks, hexadecimal digits, "nan" or "inf"; 1e400 is
 * infinite. */
const char *mb_parse_number(const char *text, const char *end, char decimal, double *number);

/* ---- tables of text (csv.c) ------------------------------------------------------------- */

/* What is left of a line; its separator ' ' stands for any run of blanks and tabs. */
typedef struct {
  const char *next, *end;
  char separator;
} mb_csv_line;

typedef struct {
  const char *text;
  mb_size length;
  bool quoted; /* "" in the text stands for a quote */
} mb_csv_cell;

/* Takes the cell at which the line begins; returns its fault as a text, or NULL. */
const char *mb_csv_take(mb_csv_line *line, mb_csv_cell *cell);
/* Skips the separator behind a cell; false at the end of the line. */
bool mb_csv_next(mb_csv_line *line);
/* Is the cell, without blanks around it, a decimal number? */
bool mb_csv_number(const mb_csv_cell *cell, char decimal, double *number);

#define MB_CSV_LABEL  '0'
#define MB_CSV_NUMBER '1'
#define MB_CSV_AXIS   'x' /* a number that is kept in double */

typedef struct {
  char separator, decimal;
  const char *kinds; /* one of each column */
  mb_size columns, numbers, axes;
} mb_csv_table;

#define MB_CSV_COMMENTED (1u << 31) /* bit in the start of a line that is no row */

/* Lines of a text of less than 2^31 bytes. Each ends at the line break behind its start, or with the text: 4
 * bytes for a row of a table of two columns are an eighth of what its numbers take. */
typedef struct {
  const char *text, *end;
  const uint32_t *start; /* of each line, in the text; rising */
  mb_size count;
} mb_csv_lines;

static inline bool mb_csv_is_row(const mb_csv_lines *lines, mb_size i) {
  return (lines->start[i] & MB_CSV_COMMENTED) == 0;
}

/* Line i, of which nothing is taken. */
mb_csv_line mb_csv_line_of(const mb_csv_lines *lines, mb_size i, char separator);

/* What the numbers tell of the decimal sign. */
typedef struct {
  bool is_certain; /* some number has it, and is not one of those below */
  bool has_whole;  /* some have at most three digits and no sign */
  bool has_group;  /* some may be 1.2 or 1200: three digits follow the sign */
} mb_csv_signs;

/* Parses a line: numbers to x and to axis. Returns what is wrong, or NULL;
 * column, from 1, and cell tell where. Empty cells behind the last column are left out. */
const char *mb_csv_row(mb_csv_line line, const mb_csv_table *table, mb_real *x, double *axis,
                       mb_csv_signs *signs, mb_csv_cell *cell, mb_size *column);
/* Parses all rows in parallel: x (rows, numbers), axis (rows, axes). Returns the first line with a fault, or
 * the number of lines. */
mb_size mb_csv_read(const mb_csv_lines *lines, const mb_csv_table *table, mb_real *x, double *axis,
                    mb_csv_signs *signs);

/* ---- digests (digest.c) ----------------------------------------------------------------- */

/* XXH64 of count bytes, which may be 0. A digest as the seed of the next one chains them. */
uint64_t mb_digest(const void *data, size_t count, uint64_t seed);

#endif
