/* column.h - a column of numbers in double: 8 bytes for each, where a list of Lua takes 16. Lua indexes it as
 * a list. */
#ifndef COLUMN_H
#define COLUMN_H

#include "bind.h"

typedef struct {
  double *data;
  mb_size count, room; /* of data */
} Column;

Column *next_column(Args *a);
Column *column_test(lua_State *L, int arg); /* NULL if the value at arg is none */
/* Makes room for so many numbers in all; raises if memory is short. */
void column_reserve(lua_State *L, Column *column, mb_size room);
static inline void column_add(lua_State *L, Column *column, double number) {
  if (column->count == column->room) column_reserve(L, column, column->room + 64);
  column->data[column->count++] = number;
}

#endif
