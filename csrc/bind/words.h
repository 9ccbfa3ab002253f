/* words.h - the words of a text that may be numbers, with the marks that formats put around and into them. */
#ifndef WORDS_H
#define WORDS_H

#include "bind.h"

/* What formats write beside numbers; the letters are those of core.numbers_columns. */
typedef struct {
  bool dollars;    /* '$': "$$" begins a comment, up to the end of the line */
  bool hashes;     /* '#': so does "#" */
  bool hash_lines; /* 'l': lines that begin with "#" are comments, but not the first */
  bool packed;     /* '+': a sign behind a digit or a point begins the next number: "400+12" */
  bool commas;     /* ',': a comma between two digits is a decimal sign */
  bool deviations; /* '(': a standard deviation that ends a number, "1.5(3)", is left out */
  bool unknown;    /* '?': each "?" stands for nan, and words such as nan are numbers if there is one */
  bool missing;    /* '.': so do "." and "?" between blanks */
  bool names;      /* 'a': the words of columns that are left out are not read as numbers */
  bool any;        /* any of these */
} Marks;

typedef struct {
  const char *first, *next, *end;
  const char *joined; /* the digit behind the last comma that was a decimal sign */
  bool takes_nan;     /* words such as nan and inf are numbers, too */
  bool to_tensor;     /* numbers beyond its reals are none */
  Marks marks;
} Words;

typedef struct {
  mb_size words, unknown; /* unknown: "?" of marks.unknown */
} WordCounts;

WordCounts words_count(Words words);
/* Moves to the next word and reads it; moves past it if it is a number. False at the end and at other words.
 */
bool words_next(lua_State *L, Words *words, double *number);
/* Moves past the next word; false if there is none. */
bool words_skip(Words *words);
/* Pushes the word that could not be read. */
void words_push(lua_State *L, Words *words);

#endif
