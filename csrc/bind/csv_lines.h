/* csv_lines.h - the lines of a text that hold cells. */
#ifndef CSV_LINES_H
#define CSV_LINES_H

#include "bind.h"

#define CSV_COMMENTED (1u << 31) /* bit of a line that starts with the comment sign */

/* A full userdata, whose first user value is the text, of which the lines are parts. It owns the array, with
 * 4 bytes for each line: all else is found in the text. */
typedef struct {
  const char *text, *end;
  mb_size count, commented, room; /* lines, those that are commented, and those that the array has room for */
  mb_size number, counted; /* the line of the file in which a place of the text is: the last asked for */
  uint32_t *line;          /* the start of each in the text, which has less than 2^31 bytes */
} CsvLines;

static inline bool csv_is_commented(const CsvLines *lines, mb_size i) {
  return (lines->line[i] & CSV_COMMENTED) != 0;
}

/* A line, of which nothing is taken. */
static inline mb_csv_line csv_line_of(const CsvLines *lines, mb_size i, char separator) {
  const uint32_t start = lines->line[i] & ~CSV_COMMENTED;
  return mb_csv_line_of(&(mb_csv_rows){lines->text, lines->end, &start, 1}, 0, separator);
}

CsvLines *next_csv_lines(Args *a);

#endif
