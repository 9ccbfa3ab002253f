/* csv_lines.h - the lines of a text that hold cells. */
#ifndef CSV_LINES_H
#define CSV_LINES_H

#include "bind.h"

typedef struct {
  mb_csv_text text;
  uint32_t number; /* in the file */
  bool commented;  /* starts with the comment sign */
} CsvLine;

/* A full userdata, whose first user value is the text, of which the lines are parts. */
typedef struct {
  mb_size count;
  CsvLine line[];
} CsvLines;

CsvLines *next_csv_lines(Args *a);

#endif
