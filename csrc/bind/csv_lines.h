/* csv_lines.h - the lines of a text that hold cells. */
#ifndef CSV_LINES_H
#define CSV_LINES_H

#include "bind.h"

/* A full userdata, whose first user value is the text, of which the lines are parts. It owns the array, with
 * 4 bytes for each line: all else is found in the text. */
typedef struct {
  const char *text, *end;
  mb_size count, commented, room; /* lines, those that are commented, and those that the array has room for */
  mb_size number, counted; /* the line of the file in which a place of the text is: the last asked for */
  uint32_t *line;          /* start in the text, of less than 2^31 bytes; MB_CSV_COMMENTED in comments */
} CsvLines;

static inline bool csv_is_commented(const CsvLines *lines, mb_size i) {
  return (lines->line[i] & MB_CSV_COMMENTED) != 0;
}

/* A line, of which nothing is taken. */
static inline mb_csv_line csv_line_of(const CsvLines *lines, mb_size i, char separator) {
  return mb_csv_line_of(&(mb_csv_lines){lines->text, lines->end, lines->line, lines->count}, i, separator);
}

CsvLines *next_csv_lines(Args *a);

#endif
