/* conv1d_flat.c - finds flat results: the rows of x that they are made from are equal, bit for bit, as
 * between the peaks of simulated spectra. All flat results of one row of x are equal, so one is computed and
 * copied. */
#include "conv1d_parts.h"

/* Tells whether row r of x equals the row before it. The first reals alone mostly tell. */
static bool repeats(const mb_real *x, mb_size r, mb_size C) {
  const mb_real *row = x + r * C;
  return memcmp(row, row - C, sizeof *row) == 0 && memcmp(row, row - C, sizeof *row * (size_t)C) == 0;
}

/* The last of the rows begin + 1 .. end - 1 that does not repeat; begin if all do. */
static mb_size last_change(const mb_real *x, mb_size begin, mb_size end, mb_size C) {
  mb_size r = end - 1;
  while (r > begin && repeats(x, r, C)) r--;
  return r;
}

mb_conv1d_run mb_conv1d_flat(const mb_real *x, mb_size from, mb_size to, const mb_conv1d *s) {
  const mb_size step = mb_max(s->pool_stride, 1) * s->stride;
  const mb_size span = mb_conv1d_input_rows(s, mb_conv1d_rows(s, 1)); /* rows of x for one result */
  mb_size first = mb_max(from, mb_ceil_div(s->pad_left, step));
  for (mb_size row; span > 1 && first < to; first += mb_ceil_div(row, step)) {
    const mb_size begin = first * step - s->pad_left, end = begin + span;
    if (end > s->L) break;
    row = last_change(x, begin, end, s->C) - begin;
    if (row > 0) continue;
    mb_size last = first;
    for (mb_size next = end; last + 1 < to && next + step <= s->L; next += step, last++)
      if (last_change(x, next - 1, next + step, s->C) > next - 1) break;
    return (mb_conv1d_run){first, last + 1};
  }
  return (mb_conv1d_run){to, to};
}
