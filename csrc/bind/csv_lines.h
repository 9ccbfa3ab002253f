/* csv_lines.h - the lines of a text that hold cells. */
#ifndef CSV_LINES_H
#define CSV_LINES_H

#include "bind.h"

typedef struct {
  uint32_t start, length; /* in the text */
  uint32_t number;        /* in the file */
  bool commented;         /* starts with the comment sign */
} CsvLine;

/* A full userdata, whose first user value is the text, of which the lines are parts. It owns the array. */
typedef struct {
  const char *text;
  mb_size count, commented, room; /* lines, those that are commented, and those that the array has room for */
  CsvLine *line;
} CsvLines;

static inline mb_csv_text csv_text(const CsvLines *lines, mb_size i) {
  return (mb_csv_text){lines->text + lines->line[i].start, (mb_size)lines->line[i].length};
}

CsvLines *next_csv_lines(Args *a);

#endif
