/* conv1d_bias.c - gradient of the bias: the sum of the rows of dy. */
#include "conv1d_parts.h"

#define GROUP_ROWS                                                                                           \
  16 /* rows that are added up in reals, before these are added to the sums, which are double */
#define COLUMNS 128 /* added up together */

/* The gradient that ReLU let through. */
MB_INLINE mb_real passed(mb_real y, uint8_t argmax) {
  return argmax != MB_NO_ARGMAX ? y : 0;
}

/* One row after the other: hardware prefetch does not follow the bytes of several rows at once. */
MB_INLINE void add_group(double *restrict sum, const mb_real *restrict y, const uint8_t *restrict argmax,
                         mb_size rows, mb_size ld, mb_size columns, const bool relu) {
  mb_real group[COLUMNS];
  for (mb_size f = 0; f < columns; f++) group[f] = 0;
  for (mb_size t = 0; t < rows; t++)
    for (mb_size f = 0; f < columns; f++)
      group[f] += relu ? passed(y[t * ld + f], argmax[t * ld + f]) : y[t * ld + f];
  for (mb_size f = 0; f < columns; f++) sum[f] += (double)group[f];
}

MB_INLINE void add_groups(double *sum, const mb_real *y, const uint8_t *argmax, mb_size rows, mb_size F,
                          const bool relu) {
  for (mb_size t = 0; t < rows; t += GROUP_ROWS)
    for (mb_size f = 0; f < F; f += COLUMNS)
      add_group(sum + f, y + t * F + f, relu ? argmax + t * F + f : NULL, mb_min(GROUP_ROWS, rows - t), F,
                mb_min(COLUMNS, F - f), relu);
}

MB_CLONES static void add_rows(double *sum, const mb_real *y, const uint8_t *argmax, mb_size rows,
                               mb_size F) {
  if (argmax)
    add_groups(sum, y, argmax, rows, F, true);
  else
    add_groups(sum, y, NULL, rows, F, false);
}

/* Narrow rows are added up side by side, as one row of about COLUMNS reals: short loops cost more than their
 * additions. */
static mb_size rows_abreast(mb_size F) {
  return mb_max(COLUMNS / F, 1);
}

mb_size mb_bias_count(const mb_conv1d *s) {
  return rows_abreast(s->F) * s->F;
}

mb_size mb_bias_scratch(const mb_conv1d *s, mb_size groups) {
  return groups * mb_bias_count(s) * (mb_size)(sizeof(double) / sizeof(mb_real));
}

mb_size mb_bias_row(const mb_conv1d *s, mb_size sample, mb_size row) {
  const mb_size results = mb_conv1d_results(s);
  return sample * results + mb_min(mb_ceil_div(row, mb_max(s->pool_stride, 1)), results);
}

void mb_bias_add(double *sum, const mb_real *dy, const uint8_t *argmax, mb_size from, mb_size to,
                 const mb_conv1d *s) {
  const mb_size F = s->F, abreast = rows_abreast(F), rows = to - from, last = to - rows % abreast;
  add_rows(sum, dy + from * F, s->slope != 1 ? argmax + from * F : NULL, rows / abreast, abreast * F);
  add_rows(sum, dy + last * F, s->slope != 1 ? argmax + last * F : NULL, rows % abreast, F);
}

void mb_bias_total(mb_real *db, const double *sums, mb_size groups, const mb_conv1d *s) {
  for (mb_size f = 0; f < s->F; f++) {
    double total = 0;
    for (mb_size i = f; i < groups * mb_bias_count(s); i += s->F) total += sums[i];
    db[f] = (mb_real)total;
  }
}
