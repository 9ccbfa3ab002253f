/* epilogue.h - bias, max-pooling and (leaky) ReLU of rows while they are in the cache, and their gradient
 * (epilogue.c). */
#ifndef MB_EPILOGUE_H
#define MB_EPILOGUE_H

#include "internal.h"

/* Of one sample: rows of channels reals before the windows; L_pool results after them. */
typedef struct {
  mb_size rows, channels;
  mb_size pool, stride,
      L_pool;    /* windows of pool rows, stride apart; pool 0: none, and no activation either */
  mb_real slope; /* factor of negative results; 1: no activation */
} mb_epilogue;

/* Results, and the rows that count of them are made from. */
static inline mb_size mb_epilogue_results(const mb_epilogue *e) {
  return e->pool > 0 ? e->L_pool : e->rows;
}
static inline mb_size mb_epilogue_input_rows(const mb_epilogue *e, mb_size count) {
  return e->pool > 0 ? (count - 1) * e->stride + e->pool : count;
}

/* y (count results, e->channels apart, of which the first columns) from rows, ld apart: adds bias b (or
 * NULL), takes the largest of each window, multiplies negative values by the slope. argmax (or NULL), like
 * y, gets the row in the window, and MB_NO_ARGMAX if ReLU passed nothing. y may be rows if there are no
 * windows. */
#define MB_NO_ARGMAX 255
void mb_epilogue_rows(mb_real *y, uint8_t *argmax, const mb_real *rows, mb_size ld, mb_size count,
                      mb_size columns, const mb_real *b, const mb_epilogue *e);

/* buffer (count, ld) = the gradient of rows first, first + 1, ... of one sample, zero outside its e->rows
 * rows and after columns. */
void mb_unpool_rows(mb_real *buffer, mb_size ld, const mb_real *dy, const uint8_t *argmax, mb_size first,
                    mb_size count, mb_size columns, const mb_epilogue *e);

#endif
