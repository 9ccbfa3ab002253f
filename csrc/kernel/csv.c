/* csv.c - tables of text: the cells of a line, and rows of numbers, which threads parse in parallel. */
#include "internal.h"

#include <math.h>
#include <string.h>

static inline bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static inline bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

static inline bool at_separator(const mb_csv_line *line) {
  return *line->next == line->separator || (line->separator == ' ' && is_blank(*line->next));
}

static inline bool at_end_of_cell(const mb_csv_line *line) {
  return line->next == line->end || at_separator(line);
}

/* Skips the blanks in front of a cell, also those that are separators. */
static inline void skip_blanks(mb_csv_line *line) {
  while (line->next < line->end && is_blank(*line->next) &&
         (*line->next != line->separator || line->separator == ' '))
    line->next++;
}

/* Takes a cell in quotes; returns its fault as a text, or NULL. */
static const char *take_quoted(mb_csv_line *line, mb_csv_cell *cell) {
  *cell = (mb_csv_cell){.text = ++line->next, .quoted = true};
  for (;; line->next++) {
    if (line->next == line->end) return "a quote does not end";
    if (*line->next != '"') continue;
    if (line->next + 1 == line->end || line->next[1] != '"') break;
    line->next++;
  }
  cell->length = line->next++ - cell->text;
  while (!at_end_of_cell(line) && is_blank(*line->next)) line->next++;
  return at_end_of_cell(line) ? NULL : "text follows a quote";
}

const char *mb_csv_take(mb_csv_line *line, mb_csv_cell *cell) {
  skip_blanks(line);
  if (line->next < line->end && *line->next == '"') return take_quoted(line, cell);
  *cell = (mb_csv_cell){.text = line->next};
  while (!at_end_of_cell(line)) line->next++;
  const char *last = line->next;
  while (last > cell->text && is_blank(last[-1])) last--;
  cell->length = last - cell->text;
  return NULL;
}

static inline bool next_cell(mb_csv_line *line) {
  if (line->separator == ' ') {
    skip_blanks(line);
    return line->next < line->end;
  }
  if (line->next == line->end) return false;
  line->next++;
  return true;
}

bool mb_csv_next(mb_csv_line *line) {
  return next_cell(line);
}

/* As mb_parse_number, but takes an exponent of Fortran, "1.5D-03", too. Decimals and its sign tell it from
 * names such as "2D4". */
static const char *parse_number(const char *text, const char *end, char decimal, double *number) {
  char copy[64];
  const char *last = mb_parse_number(text, end, decimal, number);
  if (last == NULL || end - last < 3 || (*last != 'D' && *last != 'd') || (last[1] != '+' && last[1] != '-'))
    return last;
  const mb_size length = mb_min(end - text, (mb_size)sizeof copy), mark = last - text;
  if (mark >= length || memchr(text, decimal, (size_t)mark) == NULL) return last;
  memcpy(copy, text, (size_t)length);
  copy[mark] = 'e';
  double value;
  const char *stop = mb_parse_number(copy, copy + length, decimal, &value);
  if (stop == copy + length && length < end - text) return last; /* it may go on */
  if (stop - copy <= mark) return last;
  *number = value;
  return text + (stop - copy);
}

bool mb_csv_number(const mb_csv_cell *cell, char decimal, double *number) {
  const char *text = cell->text, *end = text + cell->length;
  while (text < end && is_blank(*text)) text++;
  while (end > text && is_blank(end[-1])) end--;
  return parse_number(text, end, decimal, number) == end;
}

/* Notes whether a number is whole, may be 1.2 or 1200, or else makes the decimal sign certain. */
static void note_sign(mb_csv_signs *signs, const char *text, const char *end, char decimal) {
  const char *digits = text + (*text == '-' || *text == '+');
  const mb_size length = end - digits;
  mb_size whole = 0;
  while (whole < length && whole < 4 && is_digit(digits[whole])) whole++;
  const char *sign = digits + whole;
  if (whole == length && length <= 3)
    signs->has_whole = true;
  else if (whole > 0 && whole <= 3 && *digits != '0' && length == whole + 4 && *sign == decimal &&
           is_digit(sign[1]) && is_digit(sign[2]) && is_digit(sign[3]))
    signs->has_group = true;
  else
    signs->is_certain = true;
}

/* Takes a number that is not in quotes; false if there is none. */
static inline bool take_number(mb_csv_line *line, const mb_csv_table *table, double *number,
                               mb_csv_signs *signs) {
  skip_blanks(line);
  /* A cell cannot hold a decimal sign that ends it. */
  const char decimal = table->decimal == table->separator ? '\0' : table->decimal;
  const char *text = line->next, *end = parse_number(text, line->end, decimal, number);
  if (end == NULL) return false;
  if (!signs->is_certain) note_sign(signs, text, end, table->decimal);
  while (end < line->end && is_blank(*end) && *end != line->separator && line->separator != ' ') end++;
  mb_csv_line behind = {.next = end, .end = line->end, .separator = line->separator};
  if (!at_end_of_cell(&behind)) return false;
  line->next = end;
  return true;
}

/* Takes the next cell of a column of numbers; returns its fault as a text, or NULL. */
static inline const char *take_value(mb_csv_line *line, const mb_csv_table *table, double *number,
                                     mb_csv_signs *signs, mb_csv_cell *cell) {
  if (take_number(line, table, number, signs)) return NULL;
  const char *fault = mb_csv_take(line, cell);
  if (fault != NULL) return fault;
  if (!mb_csv_number(cell, table->decimal, number)) return "expected a number";
  if (!signs->is_certain) note_sign(signs, cell->text, cell->text + cell->length, table->decimal);
  return NULL;
}

const char *mb_csv_row(mb_csv_line line, const mb_csv_table *table, mb_real *x, double *axis,
                       mb_csv_signs *signs, mb_csv_cell *cell, mb_size *column) {
  mb_size c = 0;
  const char *fault = NULL;
  double number;
  *cell = (mb_csv_cell){.text = ""};
  do {
    const char kind = c < table->columns ? table->kinds[c] : MB_CSV_LABEL;
    if (kind == MB_CSV_LABEL) {
      fault = mb_csv_take(&line, cell);
      if (fault == NULL && c >= table->columns && cell->length > 0) fault = "more cells";
    } else {
      mb_csv_signs none = {.is_certain = true}; /* an axis does not tell */
      const char *start = line.next; /* a copy of the line would stall: its parts were just stored */
      fault = take_value(&line, table, &number, kind == MB_CSV_AXIS ? &none : signs, cell);
      if (fault == NULL && !isfinite((mb_real)number)) {
        line.next = start;
        mb_csv_take(&line, cell);
        fault = "the number is too large";
      }
      if (kind == MB_CSV_AXIS)
        *axis++ = number;
      else
        *x++ = (mb_real)number;
    }
    c++;
  } while (fault == NULL && next_cell(&line));
  *column = c;
  return fault == NULL && c < table->columns ? "fewer cells" : fault;
}

mb_csv_line mb_csv_line_of(const mb_csv_lines *lines, mb_size i, char separator) {
  const char *text = lines->text + (lines->start[i] & ~MB_CSV_COMMENTED),
             *end = memchr(text, '\n', (size_t)(lines->end - text));
  return (mb_csv_line){text, end == NULL ? lines->end : end, separator};
}

/* Where the numbers of the rows from a line on belong. */
typedef struct {
  mb_size line;
  mb_real *x;
  double *axis;
} Place;

static inline void pass_row(Place *place, const mb_csv_table *table) {
  place->x += table->numbers;
  place->axis += table->axes;
}

static void pass_lines(Place *place, const mb_csv_lines *lines, const mb_csv_table *table, mb_size last) {
  for (; place->line < last; place->line++)
    if (mb_csv_is_row(lines, place->line)) pass_row(place, table);
}

/* Parses the rows of the lines up to `last`; false if one has a fault, at which the place stays. */
static bool read_rows(const mb_csv_lines *lines, const mb_csv_table *table, Place *place, mb_size last,
                      mb_csv_signs *signs) {
  mb_csv_cell cell;
  mb_size column;
  for (; place->line < last; place->line++) {
    if (!mb_csv_is_row(lines, place->line)) continue;
    const mb_csv_line line = mb_csv_line_of(lines, place->line, table->separator);
    if (mb_csv_row(line, table, place->x, place->axis, signs, &cell, &column)) return false;
    pass_row(place, table);
  }
  return true;
}

enum {
  SAMPLE = 64,    /* lines that are parsed before threads start: other dialects fail there */
  PIECE = 1 << 16 /* bytes that a thread takes at a time */
};

static void keep_lowest(mb_size *lowest, mb_size value) {
#pragma omp critical(mb_csv)
  if (value < *lowest) *lowest = value;
}

mb_size mb_csv_read(const mb_csv_lines *lines, const mb_csv_table *table, mb_real *x, double *axis,
                    mb_csv_signs *signs) {
  const mb_size count = lines->count, sample = mb_min(count, SAMPLE);
  Place place = {0, x, axis};
  if (!read_rows(lines, table, &place, sample, signs)) return place.line;
  if (sample == count) return count;
  const mb_size bytes = lines->end - mb_csv_line_of(lines, 0, table->separator).next,
                step = mb_max(1, PIECE / mb_max(1, bytes / count)),
                pieces = mb_ceil_div(count - sample, step);
  bool is_certain = signs->is_certain, has_whole = signs->has_whole, has_group = signs->has_group;
  mb_size fault = count;
#pragma omp parallel for schedule(monotonic                                                                  \
                                  : dynamic) firstprivate(place) num_threads(mb_threads_for(bytes))          \
    reduction(||                                                                                             \
              : is_certain, has_whole, has_group)
  for (mb_size p = 0; p < pieces; p++) {
    const mb_size first = sample + p * step, last = mb_min(count, first + step);
    mb_csv_signs own = {.is_certain = is_certain || signs->is_certain};
    mb_size lowest;
#pragma omp atomic read
    lowest = fault;
    if (lowest < first) continue;
    pass_lines(&place, lines, table, first); /* monotonic: the pieces of a thread rise */
    if (!read_rows(lines, table, &place, last, &own)) keep_lowest(&fault, place.line);
    is_certain = is_certain || own.is_certain;
    has_whole = has_whole || own.has_whole;
    has_group = has_group || own.has_group;
  }
  *signs = (mb_csv_signs){is_certain, has_whole, has_group};
  return fault;
}
