/* conv1d_parts.h - what the ways to convolve share. */
#ifndef MB_CONV1D_PARTS_H
#define MB_CONV1D_PARTS_H

#include "internal.h"

/* The ways get a shape with pool = 0 where nothing but the bias follows, and else with argmax: with pool = 1
 * the windows are single rows. L_out counts the rows that windows reach. */

/* Rows of the result, and of the convolution before it that count of them are made from. */
mb_size mb_conv1d_results(const mb_conv1d *s);
mb_size mb_conv1d_rows(const mb_conv1d *s, mb_size count);

static inline int mb_conv1d_threads(const mb_conv1d *s) {
  return mb_threads_for(s->N * s->L_out * s->K * s->C * s->F);
}

/* Scratch begins with a part for each thread, so many reals apart: nearly always the same, so that a thread
 * finds its part in its own caches. What another core has just written is slow to read, and to overwrite. */
static inline mb_size mb_thread_part(mb_size reals) {
  return mb_ceil_div(reals, MB_THREAD_PART) * MB_THREAD_PART;
}

/* Whether results stay in the caches of the cores that make them, from one layer to the next: each thread
 * then always takes the same samples, and else what is left, so that none has to wait. */
static inline bool mb_conv1d_is_small(const mb_conv1d *s) {
  return s->N * mb_max(s->L * s->C, s->L_out * s->F) <= 1 << 20;
}

/* A statement for i = 0, 1, ... below count, shared by the threads of the parallel region around it. */
#define MB_SHARE(is_small, i, count, ...)                                                                    \
  do {                                                                                                       \
    if (is_small) {                                                                                          \
      _Pragma("omp for schedule(static)") for (mb_size i = 0; i < (count); i++) __VA_ARGS__;                 \
    } else {                                                                                                 \
      _Pragma("omp for schedule(dynamic)") for (mb_size i = 0; i < (count); i++) __VA_ARGS__;                \
    }                                                                                                        \
  } while (0)

/* Reads a real of each cache line of so many reals, so that the others are in the caches when they are
 * needed: the processor foresees this order, other than those of products and transforms. */
static inline void mb_warm(const mb_real *x, mb_size count) {
  for (mb_size i = 0; i < count; i += MB_LINE) (void)*(const volatile mb_real *)(x + i);
}

/* Rows of whole vectors. */
static inline mb_size mb_padded_width(mb_size width) {
  return mb_ceil_div(width, MB_MAX_LANES) * MB_MAX_LANES;
}
/* Columns of a product of such rows. What is behind them is not made, and never used. */
static inline mb_size mb_product_width(mb_size width) {
  const mb_size step = mb_halves_cost_less() ? MB_MAX_LANES / 2 : MB_MAX_LANES;
  return mb_ceil_div(width, step) * step;
}

/* ---- before and after (epilogue.c) ------------------------------------------------------- */

/* count rows of the result (s->F apart; columns of them) from rows of the convolution (ld apart): bias b (or
 * NULL), largest of each window, relu. argmax (or NULL), like y, gets the place in the window, and
 * MB_NO_ARGMAX where relu let nothing through. y may be rows where there are no windows. */
#define MB_NO_ARGMAX 255
void mb_epilogue_rows(mb_real *y, uint8_t *argmax, const mb_real *rows, mb_size ld, mb_size count,
                      mb_size columns, const mb_real *b, const mb_conv1d *s);

/* The reverse: buffer (count, ld) = the gradient of rows first, first + 1, ... of the convolution of one
 * sample, zero outside its L_out rows and behind columns. */
void mb_unpool_rows(mb_real *buffer, mb_size ld, const mb_real *dy, const uint8_t *argmax, mb_size first,
                    mb_size count, mb_size columns, const mb_conv1d *s);

/* ---- gradient of the bias (conv1d.c) --------------------------------------------------- */

/* It is the sum of the rows of dy, which the pass that reads them for other gradients adds up, group by
 * group. */

/* Doubles in the sum of a group, and reals of scratch for the sums of all groups. */
mb_size mb_bias_count(const mb_conv1d *s);
mb_size mb_bias_scratch(const mb_conv1d *s, mb_size groups);
/* The first of all samples' rows of dy whose window begins at a row of the convolution or behind it. */
mb_size mb_bias_row(const mb_conv1d *s, mb_size sample, mb_size row);
/* sum += rows from .. to - 1 */
void mb_bias_add(double *sum, const mb_real *dy, const uint8_t *argmax, mb_size from, mb_size to,
                 const mb_conv1d *s);
void mb_bias_total(mb_real *db, const double *sums, mb_size groups, const mb_conv1d *s);

/* ---- directly, as products of overlapping rows (conv1d_direct.c) ------------------------------ */

/* Runs of rows of samples: item i is rows i % per_sample rows .. of sample i / per_sample. */
typedef struct {
  mb_size count, per_sample, rows;
  const uint8_t *only; /* 1 for each item that is asked for; NULL: all */
} mb_items;

mb_size mb_conv1d_direct_scratch(const mb_conv1d *s);
void mb_conv1d_direct_forward(mb_real *y, uint8_t *argmax, mb_real *scratch, const mb_real *x,
                              const mb_real *w, const mb_real *b, const mb_conv1d *s);
void mb_conv1d_direct_backward(mb_real *dx, mb_real *dw, mb_real *db, mb_real *scratch, const mb_real *dy,
                               const uint8_t *argmax, const mb_real *x, const mb_real *w, const mb_conv1d *s);

/* Items of results; of dx, in rows of stride points of the padded input; what such items of x add to dw. */
mb_size mb_conv1d_direct_items_scratch(const mb_conv1d *s, const mb_items *results, const mb_items *inputs);
void mb_conv1d_direct_forward_items(mb_real *y, uint8_t *argmax, mb_real *scratch, const mb_real *x,
                                    const mb_real *w, const mb_real *b, const mb_conv1d *s,
                                    const mb_items *items);
void mb_conv1d_direct_input_items(mb_real *dx, mb_real *scratch, const mb_real *dy, const uint8_t *argmax,
                                  const mb_real *w, const mb_conv1d *s, const mb_items *items);
void mb_conv1d_direct_add_weights(mb_real *dw, mb_real *scratch, const mb_real *dy, const uint8_t *argmax,
                                  const mb_real *x, const mb_conv1d *s, const mb_items *items);

/* ---- whether transforms are exact enough (conv1d_range.c) ------------------------------------- */

/* Of a transform of T rows: the rows of a window, and its depth. */
typedef struct {
  int T;
  mb_size taps, depth;
} mb_conv1d_range;

/* Tells whether the range of the weights is small enough: in each filter, and for the gradient of x in each
 * channel. */
bool mb_conv1d_range_of_weights(const mb_real *w, const mb_conv1d *s, int T);
bool mb_conv1d_range_of_channels(const mb_real *w, const mb_conv1d *s, int T);

/* Tells whether that is certain of count reals. Each window has at least span of them, which begin at a
 * multiple of unit: a few samples and the sum of squares can tell. */
bool mb_conv1d_range_is_sure(double *squares, const mb_real *x, mb_size count, mb_size unit, mb_size span,
                             const mb_conv1d_range *r);

/* Tells whether each of some windows, that begin at rows 0, 1, ..., has sums of roots large enough. */
bool mb_conv1d_range_of_windows(const double *roots, double squares, mb_size windows,
                                const mb_conv1d_range *r);

/* ---- as products of Fourier transforms of short pieces (conv1d_fft.c) -------------------- */

bool mb_conv1d_fft_can(const mb_conv1d *s);
mb_size mb_conv1d_fft_scratch(const mb_conv1d *s);
void mb_conv1d_fft_forward(mb_real *y, uint8_t *argmax, mb_real *scratch, const mb_real *x, const mb_real *w,
                           const mb_real *b, const mb_conv1d *s);
void mb_conv1d_fft_backward(mb_real *dx, mb_real *dw, mb_real *db, mb_real *scratch, const mb_real *dy,
                            const uint8_t *argmax, const mb_real *x, const mb_real *w, const mb_conv1d *s);

/* ---- what a pass costs, in multiply-adds of whole vectors ------------------------------ */

typedef enum { MB_PASS_Y, MB_PASS_DX, MB_PASS_DW } mb_conv1d_pass;
double mb_conv1d_direct_cost(const mb_conv1d *s, mb_conv1d_pass pass);
double mb_conv1d_fft_cost(const mb_conv1d *s, mb_conv1d_pass pass);

#endif
