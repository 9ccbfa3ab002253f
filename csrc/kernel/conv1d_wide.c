/* conv1d_wide.c - which tiles have numbers of too wide a range for transforms (conv1d_range.c says why): the
 * direct algorithm computes those again. */
#include "conv1d_fft.h"

/* The array that tiles are rows of: x, or the gradient of the result before the epilogue. */
typedef struct {
  const mb_real *x;
  const uint8_t *argmax;
  mb_tile_rows rows;  /* of x, or of the gradient of the pooled results */
  mb_size pool, step; /* pooling windows and their stride; 0 and 1 for x or without pooling */
  mb_size unit, span; /* a window has span reals and begins at a multiple of unit */
  mb_conv1d_range range;
  mb_epilogue epilogue;
} Source;

static Source input_source(const mb_real *x, const mb_conv1d *s, const mb_tiling *p) {
  return (Source){.x = x,
                  .rows = p->x,
                  .step = 1,
                  .unit = s->C,
                  .span = s->K * s->C,
                  .range = {.T = p->T, .taps = p->taps, .depth = p->taps * p->x.width}};
}

static Source gradient_source(const mb_real *dy, const uint8_t *argmax, const mb_conv1d *s,
                              const mb_tiling *p) {
  const mb_size step = mb_max(s->pool_stride, 1), taps = mb_max((p->taps - s->pool) / step, 1);
  return (Source){.x = dy,
                  .argmax = argmax,
                  .rows = p->y,
                  .pool = s->pool,
                  .step = s->pool > 0 ? step : 1,
                  .unit = s->F,
                  .span = (s->pool > 0 ? taps : p->taps) * s->F,
                  .range = {.T = p->T, .taps = p->taps, .depth = mb_ceil_div(p->taps * s->F, step)},
                  .epilogue = mb_conv1d_epilogue(s)};
}

/* Tells whether sums over count rows from row `first` of a sample on are certainly exact enough; squares gets
 * their sum of squares. */
static bool is_sure(const Source *o, double *squares, mb_size sample, mb_size first, mb_size count) {
  const mb_size begin = mb_max(first - o->pool, first < 0 ? first : 0) / o->step;
  const mb_size end = mb_ceil_div(first + count, o->step);
  const mb_size from = mb_max(o->rows.origin + begin * o->rows.width, 0);
  const mb_size to = mb_min(o->rows.origin + end * o->rows.width, o->rows.size);
  return from >= to || mb_conv1d_range_is_sure(squares, o->x + sample * o->rows.size + from, to - from,
                                               o->unit, o->span, &o->range);
}

static void add_roots(double *roots, const Source *o, mb_size sample, mb_size first, mb_size count) {
  const mb_simd *v = mb_simd_here();
  const mb_real *x = o->x + sample * o->rows.size;
  mb_real buffer[MB_MAX_FFT * MB_MAX_LANES] MB_ALIGNED;
  for (mb_size c = 0; c < o->rows.width; c += v->lanes) {
    const mb_size columns = mb_min(v->lanes, o->rows.width - c);
    if (o->pool > 0)
      mb_unpool_rows(buffer, v->lanes, x + c, o->argmax + sample * o->rows.size + c, first, count, columns,
                     &o->epilogue);
    else
      mb_copy_rows(buffer, v->lanes, count, x, o->rows.size, o->rows.origin + first * o->rows.width + c,
                   o->rows.width, columns, count);
    for (mb_size r = 0; r < count; r++) roots[r] += (double)v->sum_roots(buffer + r * v->lanes, v->lanes);
  }
}

/* Tells whether the range of a tile is too wide for `windows` windows that begin at its first rows. */
static bool is_wide(const Source *o, mb_size sample, mb_size first, mb_size count, mb_size windows) {
  double squares, roots[MB_MAX_FFT] = {0};
  if (is_sure(o, &squares, sample, first, count)) return false;
  add_roots(roots, o, sample, first, count);
  return !mb_conv1d_range_of_windows(roots, squares, windows, &o->range);
}

mb_items mb_wide_items(const mb_tiling *p, const uint8_t *marks) {
  return (mb_items){.count = p->tiles, .per_sample = p->per_sample, .rows = p->valid, .only = marks};
}

/* Tiles are judged in runs of about this many rows, and one by one only if a run leaves doubt. */
#define RUN_ROWS 96
/* How many rows of tile t matter. */
typedef mb_size CountRows(const mb_tile *t, const mb_conv1d *s, const mb_tiling *p);

static mb_size rows_of_windows(const mb_tile *t, const mb_conv1d *s, const mb_tiling *p) {
  return mb_conv1d_rows(s, t->rows) + p->taps - 1;
}
static mb_size rows_of_gradient(const mb_tile *t, const mb_conv1d *s, const mb_tiling *p) {
  return mb_min(t->rows, s->L_out + p->taps - 1 - t->first) + p->taps - 1;
}
static mb_size rows_of_tile(const mb_tile *t, const mb_conv1d *s, const mb_tiling *p) {
  (void)s, (void)p;
  return t->rows;
}

/* For the gradient of the weights, which sums over rows: every weight meets rows taps - 1 to L_out - 1 of a
 * sample, but not every row at its two ends, while the transform rounds all weights by the size of the tile
 * there. So tiles at the ends are judged together with as many inner rows. */
static void add_inner_rows(mb_size *begin, mb_size *end, const mb_conv1d *s, const mb_tiling *p) {
  const bool at_start = *begin<p->taps - 1, at_end = *end> s->L_out;
  if (at_start) *end = mb_max(*end, p->taps - 1 + mb_min(p->valid, s->L_out));
  if (at_end) *begin = mb_max(mb_min(*begin, s->L_out - p->valid), 0);
}

/* Tells whether a tile is far larger than rows begin .. end - 1. */
static bool outweighs(const Source *o, const mb_tile *t, mb_size begin, mb_size end) {
  double squares = 0, roots[MB_MAX_FFT] = {0};
  const mb_conv1d_range range = {
      .T = o->range.T, .taps = end - begin, .depth = (end - begin) * o->rows.width};
  is_sure(o, &squares, t->sample, t->first, t->rows);
  add_roots(roots, o, t->sample, begin, end - begin);
  return squares != 0 && !mb_conv1d_range_of_windows(roots, squares, 1, &range);
}

static bool outweighs_inner_rows(const Source *o, const mb_tile *t, const mb_conv1d *s, const mb_tiling *p) {
  const mb_size reach = p->taps - 1, rows = mb_min(p->valid, s->L_out);
  return (t->first < reach && outweighs(o, t, reach, reach + rows)) ||
         (t->first + t->rows > s->L_out && outweighs(o, t, s->L_out - rows, s->L_out));
}

/* Tells whether a tile of the input is too wide for sums over all of its rows. */
static bool is_wide_for_weights(Source *o, const mb_tile *t, const mb_conv1d *s, const mb_tiling *p) {
  mb_size begin = t->first, end = t->first + t->rows;
  double squares;
  add_inner_rows(&begin, &end, s, p);
  o->range.taps = t->rows, o->range.depth = t->rows * o->rows.width;
  if (is_sure(o, &squares, t->sample, begin, end - begin)) return false;
  return is_wide(o, t->sample, t->first, t->rows, 1) || outweighs_inner_rows(o, t, s, p);
}

/* Rows of tile t begin at row t.first step + shift. */
static void mark(uint8_t *marks, Source *o, CountRows *count_rows, mb_size step, mb_size shift, mb_size rows,
                 mb_chunk chunk, const mb_conv1d *s, const mb_tiling *p) {
  const bool for_weights = count_rows == rows_of_tile;
  const mb_size chunk_end = chunk.first + chunk.count, most = mb_max(RUN_ROWS / (p->valid * step), 1);
  for (mb_size i = chunk.first, next; i < chunk_end; i = next) {
    next = mb_min(mb_min(i + most, chunk_end), (i / p->per_sample + 1) * p->per_sample);
    const mb_tile first = mb_tile_at(p, i, rows), last = mb_tile_at(p, next - 1, rows);
    mb_size begin = first.first * step + shift, end = last.first * step + shift + count_rows(&last, s, p);
    double squares;
    if (for_weights) add_inner_rows(&begin, &end, s, p);
    memset(marks + i, 0, (size_t)(next - i));
    if (next - i > 1 && is_sure(o, &squares, first.sample, begin, end - begin)) continue;
    for (mb_size j = i; j < next; j++) {
      const mb_tile t = mb_tile_at(p, j, rows);
      const mb_size count = count_rows(&t, s, p);
      if (for_weights)
        marks[j] = is_wide_for_weights(o, &t, s, p);
      else
        marks[j] =
            count > 0 && is_wide(o, t.sample, t.first * step + shift, count, count - o->range.taps + 1);
    }
  }
}

void mb_wide_mark_forward(uint8_t *marks, const mb_real *x, mb_chunk chunk, const mb_conv1d *s,
                          const mb_tiling *p) {
  Source o = input_source(x, s, p);
  mark(marks, &o, rows_of_windows, p->step, 0, mb_tiling_rows(s, false), chunk, s, p);
}

void mb_wide_mark_gradient(uint8_t *marks, const mb_real *dy, const uint8_t *argmax, mb_chunk chunk,
                           const mb_conv1d *s, const mb_tiling *p) {
  Source o = gradient_source(dy, argmax, s, p);
  mark(marks, &o, rows_of_gradient, 1, 1 - p->taps, mb_tiling_rows(s, true), chunk, s, p);
}

void mb_wide_mark_weights(uint8_t *marks, const mb_real *x, mb_chunk chunk, const mb_conv1d *s,
                          const mb_tiling *p) {
  Source o = input_source(x, s, p);
  o.range.taps = p->valid, o.range.depth = p->valid * p->x.width;
  o.span = mb_max(o.span, o.range.depth / 8); /* the whole tile is one window: fewer samples suffice */
  mark(marks, &o, rows_of_tile, 1, 0, mb_tiling_rows(s, true), chunk, s, p);
}
