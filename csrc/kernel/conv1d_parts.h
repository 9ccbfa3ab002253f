/* conv1d_parts.h - shared functions of the convolution algorithms, and the interface of each. */
#ifndef MB_CONV1D_PARTS_H
#define MB_CONV1D_PARTS_H

#include "simd_table.h"

#include <string.h>

/* The algorithms get a simplified shape (conv1d.c): pool = 0 if nothing but the bias follows, else argmax is
 * there, and with pool = 1 windows are single rows. L_out counts the rows that windows reach. */

/* Rows of the result, and of the convolution before it that count of them are made from. */
static inline mb_size mb_conv1d_results(const mb_conv1d *s) {
  return s->pool > 0 ? s->L_pool : s->L_out;
}
static inline mb_size mb_conv1d_rows(const mb_conv1d *s, mb_size count) {
  return s->pool > 0 ? (count - 1) * s->pool_stride + s->pool : count;
}

static inline mb_epilogue mb_conv1d_epilogue(const mb_conv1d *s) {
  return (mb_epilogue){.rows = s->L_out,
                       .channels = s->F,
                       .pool = s->pool,
                       .stride = s->pool_stride,
                       .L_pool = s->L_pool,
                       .slope = s->slope};
}

static inline int mb_conv1d_threads(const mb_conv1d *s) {
  return s->N * s->L_out * s->K * s->C * s->F < MB_PARALLEL_MIN ? 1 : s->threads;
}

/* Scratch begins with a part for each thread. Parts are a multiple of this apart, nearly always once, so that
 * a thread finds its part in its own caches: lines that another core has just written are slow to read and to
 * overwrite. */
#define MB_THREAD_PART ((mb_size)(MB_CONV1D_PART_BYTES / sizeof(mb_real)))
static inline mb_size mb_thread_part(mb_size reals) {
  return mb_ceil_div(reals, MB_THREAD_PART) * MB_THREAD_PART;
}

/* Tells whether results stay in the caches of the cores that make them, from one layer to the next. If so,
 * each thread always takes the same samples; else the next free one, so that none waits. */
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

/* Reads one real per cache line, in order, to warm the cache: hardware prefetch follows this order, not the
 * strided one of the products and transforms that come next. */
static inline void mb_warm(const mb_real *x, mb_size count) {
  for (mb_size i = 0; i < count; i += MB_LINE) (void)*(const volatile mb_real *)(x + i);
}

/* Rows of whole vectors. */
static inline mb_size mb_padded_width(mb_size width) {
  return mb_ceil_div(width, MB_MAX_LANES) * MB_MAX_LANES;
}
/* Columns of a product of such rows; later ones are neither computed nor used. */
static inline mb_size mb_product_width(mb_size width) {
  const mb_size step = mb_halves_cost_less() ? MB_MAX_LANES / 2 : MB_MAX_LANES;
  return mb_ceil_div(width, step) * step;
}

/* Rows of x from the first to the last point of a window, and of so many windows. */
static inline mb_size mb_conv1d_span(const mb_conv1d *s) {
  return (s->K - 1) * s->dilation + 1;
}
static inline mb_size mb_conv1d_input_rows(const mb_conv1d *s, mb_size rows) {
  return (rows - 1) * s->stride + mb_conv1d_span(s);
}
/* Rows of dy before a row of gradients that its last tap reads; and rows of gradients, each of which is
 * stride positions of the padded input. */
static inline mb_size mb_conv1d_longest_delay(const mb_conv1d *s) {
  return (mb_conv1d_span(s) - 1) / s->stride;
}
static inline mb_size mb_conv1d_gradient_rows(const mb_conv1d *s) {
  return mb_ceil_div(s->L + s->pad_left, s->stride);
}

/* ---- items ------------------------------------------------------------------------------------ */

/* The work is cut into items, runs of output positions of one sample, and for the gradient of the weights
 * into groups of items with one sum each: by shape alone, never by the number of threads. */
#define MB_ITEMS_MIN  32    /* so that a single spectrum keeps all threads busy */
#define MB_ITEM_REALS 16384 /* results of an item at most, so that they stay in cache */
#define MB_ROWS_MIN   24    /* rows of a product at least; wins over the two above */
#define MB_GROUPS     16
#define MB_GROUP_ROWS 128 /* at least, about, as long as there are two groups */

/* What the direct algorithm has to compute of an item. */
enum { MB_ITEM_NOTHING, MB_ITEM_FLAT, MB_ITEM_ALL };

/* Runs of rows of samples: item i is rows i % per_sample rows .. of sample i / per_sample. */
typedef struct {
  mb_size count, per_sample, rows;
  const uint8_t *only; /* what to compute of each; NULL: all of all */
} mb_items;

typedef struct {
  mb_size sample, first, rows;
} mb_item;

/* Items of N samples of rows of width reals. */
static inline mb_items mb_items_cut(mb_size N, mb_size rows, mb_size width) {
  const mb_size wanted = mb_max(mb_ceil_div(MB_ITEMS_MIN, N), mb_ceil_div(rows * width, MB_ITEM_REALS));
  const mb_size possible = mb_max(rows / MB_ROWS_MIN, 1);
  const mb_size each = mb_ceil_div(rows, mb_min(wanted, possible)), per_sample = mb_ceil_div(rows, each);
  return (mb_items){.count = N * per_sample, .per_sample = per_sample, .rows = each};
}

/* Item i of samples of so many rows. */
static inline mb_item mb_item_at(const mb_items *items, mb_size i, mb_size rows) {
  const mb_size first = i % items->per_sample * items->rows;
  return (mb_item){
      .sample = i / items->per_sample, .first = first, .rows = mb_min(items->rows, rows - first)};
}

/* Groups of items with one sum each. */
static inline mb_size mb_items_groups(const mb_items *items) {
  return mb_max(mb_min(MB_GROUPS, items->count * items->rows / MB_GROUP_ROWS), mb_min(2, items->count));
}

/* Rows of the gradient before the epilogue, from `first` on: in place if nothing has to be unpooled or
 * padded, else in buffer. */
static inline const mb_real *mb_conv1d_gradient(mb_real *buffer, mb_size ld, const mb_real *dy,
                                                const uint8_t *argmax, const mb_item *item, mb_size first,
                                                mb_size rows, const mb_conv1d *s) {
  const mb_size sample = item->sample * mb_conv1d_results(s) * s->F;
  if (s->pool == 0 && ld == s->F && first >= 0 && first + rows <= s->L_out) {
    if (s->F > MB_LINE) mb_warm(dy + sample + first * s->F, rows * s->F);
    return dy + sample + first * s->F;
  }
  const mb_epilogue e = mb_conv1d_epilogue(s);
  mb_unpool_rows(buffer, ld, dy + sample, argmax ? argmax + sample : NULL, first, rows, s->F, &e);
  return buffer;
}

/* ---- gradient of the bias (conv1d_bias.c) --------------------------------------------------- */

/* The pass that reads the rows of dy for other gradients adds them up, group by group. */

/* Doubles in the sum of a group, and reals of scratch for the sums of all groups. */
mb_size mb_bias_count(const mb_conv1d *s);
mb_size mb_bias_scratch(const mb_conv1d *s, mb_size groups);
/* The first of all samples' rows of dy whose window begins at a row of the convolution or after it. */
mb_size mb_bias_row(const mb_conv1d *s, mb_size sample, mb_size row);
/* sum += rows from .. to - 1 */
void mb_bias_add(double *sum, const mb_real *dy, const uint8_t *argmax, mb_size from, mb_size to,
                 const mb_conv1d *s);
void mb_bias_total(mb_real *db, const double *sums, mb_size groups, const mb_conv1d *s);

/* ---- flat results (conv1d_flat.c) ------------------------------------------------------------- */

typedef struct {
  mb_size first, end; /* first .. end - 1 */
} mb_conv1d_run;

/* The first run of flat results among from .. to - 1 of a sample x (L, C); if there is none, it is to .. to
 * - 1. */
mb_conv1d_run mb_conv1d_flat(const mb_real *x, mb_size from, mb_size to, const mb_conv1d *s);

/* ---- direct algorithm: products of overlapping rows (conv1d_direct.c) ------------------------------ */

mb_size mb_conv1d_direct_scratch(const mb_conv1d *s);
void mb_conv1d_direct_forward(mb_real *y, uint8_t *argmax, mb_real *scratch, const mb_real *x,
                              const mb_real *w, const mb_real *b, const mb_conv1d *s);
void mb_conv1d_direct_backward(mb_real *dx, mb_real *dw, mb_real *db, mb_real *scratch, const mb_real *dy,
                               const uint8_t *argmax, const mb_real *x, const mb_real *w, const mb_conv1d *s);

/* Items of results; of dx, in rows of stride points of the padded input; and such items of x, added to dw. */
mb_size mb_conv1d_direct_items_scratch(const mb_conv1d *s, const mb_items *results, const mb_items *inputs);
void mb_conv1d_direct_forward_items(mb_real *y, uint8_t *argmax, mb_real *scratch, const mb_real *x,
                                    const mb_real *w, const mb_real *b, const mb_conv1d *s,
                                    const mb_items *items);
void mb_conv1d_direct_input_items(mb_real *dx, mb_real *scratch, const mb_real *dy, const uint8_t *argmax,
                                  const mb_real *w, const mb_conv1d *s, const mb_items *items);
void mb_conv1d_direct_add_weights(mb_real *dw, mb_real *scratch, const mb_real *dy, const uint8_t *argmax,
                                  const mb_real *x, const mb_conv1d *s, const mb_items *items);

/* ---- groups of channels: lane by lane, for narrow groups (conv1d_lanes.c); one after the other, as
 * convolutions of their own (conv1d_groups.c) ---- */

/* The channels of a group, in and out. */
static inline mb_size mb_group_inputs(const mb_conv1d *s) {
  return s->C / s->groups;
}
static inline mb_size mb_group_filters(const mb_conv1d *s) {
  return s->F / s->groups;
}

mb_size mb_conv1d_lanes_scratch(const mb_conv1d *s);
void mb_conv1d_lanes_forward(mb_real *y, uint8_t *argmax, mb_real *scratch, const mb_real *x,
                             const mb_real *w, const mb_real *b, const mb_conv1d *s);
void mb_conv1d_lanes_backward(mb_real *dx, mb_real *dw, mb_real *db, mb_real *scratch, const mb_real *dy,
                              const uint8_t *argmax, const mb_real *x, const mb_real *w, const mb_conv1d *s);

/* These take the plan, not a simplified shape. */
mb_status mb_conv1d_groups_plan(mb_conv1d *s);
void mb_conv1d_groups_forward(mb_real *y, uint8_t *argmax, void *scratch, const mb_real *x, const mb_real *w,
                              const mb_real *b, const mb_conv1d *plan);
void mb_conv1d_groups_backward(mb_real *dx, mb_real *dw, mb_real *db, void *scratch, const mb_real *dy,
                               const uint8_t *argmax, const mb_real *x, const mb_real *w,
                               const mb_conv1d *plan);

/* ---- are transforms exact enough? (conv1d_range.c) ------------------------------------- */

/* A transform of T rows: the rows of a window, and how many products each result sums up. */
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

/* ---- fft algorithm: products of transforms of short tiles (conv1d_fft.c, conv1d_tiling.c) ------ */

/* Rows of the best tile, 0 if there is none. */
int mb_conv1d_fft_rows(const mb_conv1d *s, bool backward);
mb_size mb_conv1d_fft_scratch(const mb_conv1d *s, int T, bool backward);
void mb_conv1d_fft_forward(mb_real *y, uint8_t *argmax, mb_real *scratch, const mb_real *x, const mb_real *w,
                           const mb_real *b, const mb_conv1d *s);
void mb_conv1d_fft_backward(mb_real *dx, mb_real *dw, mb_real *db, mb_real *scratch, const mb_real *dy,
                            const uint8_t *argmax, const mb_real *x, const mb_real *w, const mb_conv1d *s,
                            int T);

/* ---- cost of a pass, in multiply-adds of whole vectors ------------------------------ */

typedef enum { MB_PASS_Y, MB_PASS_DX, MB_PASS_DW } mb_conv1d_pass;
double mb_conv1d_direct_cost(const mb_conv1d *s, mb_conv1d_pass pass);
double mb_conv1d_fft_cost(const mb_conv1d *s, int T, mb_conv1d_pass pass);

#endif
