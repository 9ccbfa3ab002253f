/* conv1d.c - convolution: the choice between the ways to do it, and the gradient of the bias. */
#include "conv1d_parts.h"

#include <math.h>

static _Thread_local mb_conv1d_algorithm forced = MB_AUTOMATIC;

void mb_set_conv1d_algorithm(mb_conv1d_algorithm algorithm) {
  forced = algorithm;
}

/* Cost of the direct algorithm less that of transforms. */
static double fft_gain(const mb_conv1d *s, mb_conv1d_pass pass) {
  if (forced == MB_DIRECT || !mb_conv1d_fft_can(s)) return -INFINITY;
  return forced == MB_FFT ? INFINITY : mb_conv1d_direct_cost(s, pass) - mb_conv1d_fft_cost(s, pass);
}

mb_size mb_conv1d_results(const mb_conv1d *s) {
  return s->pool > 0 ? s->L_pool : s->L_out;
}

mb_size mb_conv1d_rows(const mb_conv1d *s, mb_size count) {
  return s->pool > 0 ? (count - 1) * s->pool_stride + s->pool : count;
}

/* The same work in the fewest words: windows of one row are a larger stride, a stride over all of the input
 * is as good as a larger one, rows that no window sees are not made, and a convolution that looks at single
 * points, without padding then, is one over all samples end to end. */
static mb_conv1d simplified(const mb_conv1d *s) {
  mb_conv1d r = *s;
  if (r.pool == 0) r.pool = r.pool_stride = 1, r.L_pool = r.L_out;
  if (r.pool == 1) {
    r.stride *= r.pool_stride;
    r.pool_stride = 1;
    r.L_out = r.L_pool;
    if (r.K == 1 && r.stride == 1) {
      r.L = r.L_out = r.L_pool = r.N * r.L;
      r.N = 1;
    }
    if (!r.relu) r.pool = 0;
  }
  r.stride = mb_min(r.stride, r.L + r.pad_left + r.pad_right);
  if (r.pool > 0) r.L_out = mb_conv1d_rows(&r, r.L_pool);
  return r;
}

/* Vector loads that straddle cache lines would halve the speed of products with what is in scratch. */
#define ALIGN_REALS 16
static mb_real *aligned(mb_real *scratch) {
  const uintptr_t mask = ALIGN_REALS * sizeof(mb_real) - 1;
  return (mb_real *)(((uintptr_t)scratch + mask) & ~mask);
}

/* ---- gradient of the bias -------------------------------------------------------------------- */

#define GROUP_ROWS                                                                                           \
  16 /* rows that are added up in reals, before these are added to the sums, which are double */
#define COLUMNS 128 /* added up together */

/* What relu let through. */
MB_INLINE mb_real passed(mb_real y, uint8_t argmax) {
  return argmax != MB_NO_ARGMAX ? y : 0;
}

/* One row after the other: of several at once, the processor would not see which bytes come next. */
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

/* Narrow rows are added up side by side, as many as make one of about COLUMNS reals: loops over few would
 * cost more than what they do. */
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
  add_rows(sum, dy + from * F, s->relu ? argmax + from * F : NULL, rows / abreast, abreast * F);
  add_rows(sum, dy + last * F, s->relu ? argmax + last * F : NULL, rows % abreast, F);
}

void mb_bias_total(mb_real *db, const double *sums, mb_size groups, const mb_conv1d *s) {
  for (mb_size f = 0; f < s->F; f++) {
    double total = 0;
    for (mb_size i = f; i < groups * mb_bias_count(s); i += s->F) total += sums[i];
    db[f] = (mb_real)total;
  }
}

/* ---- the public functions ---------------------------------------------------------------------- */

bool mb_conv1d_has_argmax(const mb_conv1d *shape) {
  return simplified(shape).pool > 0;
}

mb_size mb_conv1d_scratch(const mb_conv1d *shape) {
  const mb_conv1d s = simplified(shape);
  mb_size scratch = mb_conv1d_direct_scratch(&s);
  for (mb_conv1d_pass pass = MB_PASS_Y; pass <= MB_PASS_DW; pass++)
    if (fft_gain(&s, pass) > 0) scratch = mb_max(scratch, mb_conv1d_fft_scratch(&s));
  return ALIGN_REALS + scratch;
}

void mb_conv1d_forward(mb_real *y, uint8_t *argmax, mb_real *scratch, const mb_real *x, const mb_real *w,
                       const mb_real *b, const mb_conv1d *shape) {
  const mb_conv1d s = simplified(shape);
  if (s.pool == 0) argmax = NULL;
  (fft_gain(&s, MB_PASS_Y) > 0 ? mb_conv1d_fft_forward
                               : mb_conv1d_direct_forward)(y, argmax, aligned(scratch), x, w, b, &s);
}

void mb_conv1d_backward(mb_real *dx, mb_real *dw, mb_real *db, mb_real *scratch, const mb_real *dy,
                        const uint8_t *argmax, const mb_real *x, const mb_real *w, const mb_conv1d *shape) {
  const mb_conv1d s = simplified(shape);
  mb_real *const free = aligned(scratch);
  /* One algorithm for all, because each reads dy. The bias alone follows it, for the same bits. */
  const bool is_bias_alone = !dx && !dw;
  const double gain = (dx || is_bias_alone ? fft_gain(&s, MB_PASS_DX) : 0) +
                      (dw || is_bias_alone ? fft_gain(&s, MB_PASS_DW) : 0);
  (gain > 0 ? mb_conv1d_fft_backward : mb_conv1d_direct_backward)(dx, dw, db, free, dy, argmax, x, w, &s);
}
