/* conv1d_wide.c - which tiles are for the direct algorithm: those with numbers of too wide a range for
 * transforms (conv1d_range.c says why), and those with few results that are not flat. */
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

/* Of the gradient before pooling. */
static void add_unpooled_roots(double *roots, const Source *o, mb_size sample, mb_size first, mb_size count) {
  const mb_simd *v = mb_simd_here();
  const mb_size dy = sample * o->rows.size;
  mb_real buffer[MB_MAX_FFT * MB_MAX_LANES] MB_ALIGNED;
  for (mb_size c = 0; c < o->rows.width; c += v->lanes) {
    mb_unpool_rows(buffer, v->lanes, o->x + dy + c, o->argmax + dy + c, first, count,
                   mb_min(v->lanes, o->rows.width - c), &o->epilogue);
    for (mb_size r = 0; r < count; r++) roots[r] += (double)v->sum_roots(buffer + r * v->lanes, v->lanes);
  }
}

/* roots[r] += the sum of roots of row first + r of a sample, for r = 0 .. count - 1 */
static void add_roots(double *roots, const Source *o, mb_size sample, mb_size first, mb_size count) {
  if (o->pool > 0) {
    add_unpooled_roots(roots, o, sample, first, count);
    return;
  }
  for (mb_size r = 0; r < count; r++) {
    const mb_size at = o->rows.origin + (first + r) * o->rows.width;
    const mb_size from = mb_max(at, 0), to = mb_min(at + o->rows.width, o->rows.size);
    if (from < to)
      roots[r] += (double)mb_simd_here()->sum_roots(o->x + sample * o->rows.size + from, to - from);
  }
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

/* ---- judging tiles ---------------------------------------------------------------------------- */

/* Tells whether the range of the rows of tile t, which begin at row `begin`, is too wide. */
typedef bool IsWide(Source *o, const mb_tile *t, mb_size begin, const mb_conv1d *s, const mb_tiling *p);

static bool is_wide_for_results(Source *o, const mb_tile *t, mb_size begin, const mb_conv1d *s,
                                const mb_tiling *p) {
  const mb_size end = t->first + t->rows, count = rows_of_windows(t, s, p);
  double squares, roots[MB_MAX_FFT] = {0};
  bool is_wide = false;
  if (is_sure(o, &squares, t->sample, begin, count)) return false;
  add_roots(roots, o, t->sample, begin, count);
  for (mb_size at = t->first; at < end && !is_wide;) { /* flat results need no transform */
    const mb_conv1d_run flat = mb_conv1d_flat(o->x + t->sample * o->rows.size, at, end, s);
    is_wide = at < flat.first && !mb_conv1d_range_of_windows(roots + at * p->step - begin, squares,
                                                             mb_conv1d_rows(s, flat.first - at), &o->range);
    at = flat.end;
  }
  return is_wide;
}

/* Tells whether that holds for `windows` windows that begin at the first of count rows. */
static bool is_wide(const Source *o, const mb_tile *t, mb_size begin, mb_size count, mb_size windows) {
  double squares, roots[MB_MAX_FFT] = {0};
  if (is_sure(o, &squares, t->sample, begin, count)) return false;
  add_roots(roots, o, t->sample, begin, count);
  return !mb_conv1d_range_of_windows(roots, squares, windows, &o->range);
}

static bool is_wide_for_gradient(Source *o, const mb_tile *t, mb_size begin, const mb_conv1d *s,
                                 const mb_tiling *p) {
  const mb_size count = rows_of_gradient(t, s, p);
  return count > 0 && is_wide(o, t, begin, count, count - o->range.taps + 1);
}

static bool is_wide_for_weights(Source *o, const mb_tile *t, mb_size begin, const mb_conv1d *s,
                                const mb_tiling *p) {
  mb_size from = begin, to = begin + t->rows;
  double squares;
  add_inner_rows(&from, &to, s, p);
  o->range.taps = t->rows, o->range.depth = t->rows * o->rows.width;
  if (is_sure(o, &squares, t->sample, from, to - from)) return false;
  return is_wide(o, t, begin, t->rows, 1) || outweighs_inner_rows(o, t, s, p);
}

/* Tiles of a pass: tile t begins at row t.first step + shift of the source. */
typedef struct {
  CountRows *count_rows;
  IsWide *is_wide;
  mb_size step, shift;
  mb_size rows; /* of a sample, to make from its tiles */
} Tiles;

static mb_size begin_of(const mb_tile *t, const Tiles *g) {
  return t->first * g->step + g->shift;
}

/* The end of the run from tile i on. */
static mb_size run_end(mb_size i, mb_chunk chunk, const Tiles *g, const mb_tiling *p) {
  const mb_size most = mb_max(RUN_ROWS / (p->valid * g->step), 1), sample = i / p->per_sample;
  return mb_min(mb_min(i + most, chunk.first + chunk.count), (sample + 1) * p->per_sample);
}

/* Marks each tile of a chunk whose range is too wide, unless it is marked already. */
static void mark_wide(uint8_t *marks, Source *o, const Tiles *g, mb_chunk chunk, const mb_conv1d *s,
                      const mb_tiling *p) {
  for (mb_size i = chunk.first, next; i < chunk.first + chunk.count; i = next) {
    next = run_end(i, chunk, g, p);
    const mb_tile first = mb_tile_at(p, i, g->rows), last = mb_tile_at(p, next - 1, g->rows);
    mb_size begin = begin_of(&first, g), end = begin_of(&last, g) + g->count_rows(&last, s, p);
    double squares;
    if (g->is_wide == is_wide_for_weights) add_inner_rows(&begin, &end, s, p);
    if (next - i > 1 && is_sure(o, &squares, first.sample, begin, end - begin)) continue;
    for (mb_size j = i; j < next; j++) {
      const mb_tile t = mb_tile_at(p, j, g->rows);
      if (marks[j] != MB_ITEM_ALL && g->is_wide(o, &t, begin_of(&t, g), s, p)) marks[j] = MB_ITEM_ALL;
    }
  }
}

/* Marks tiles first .. first + count - 1, all of one sample: flat results are left to compute, or all if at
 * most `few` of a tile are not flat. */
static void mark_flat(uint8_t *marks, const mb_real *x, mb_size first, mb_size count, mb_size few,
                      const mb_conv1d *s, const mb_tiling *p) {
  const mb_tile from = mb_tile_at(p, first, mb_tiling_rows(s, false));
  const mb_size end = mb_min(from.first + count * p->valid, mb_tiling_rows(s, false));
  mb_size flat[MB_CHUNK_MOST] = {0};
  for (mb_size at = from.first; at < end;) {
    const mb_conv1d_run run = mb_conv1d_flat(x + from.sample * p->x.size, at, end, s);
    for (mb_size i = run.first; i < run.end; i++) flat[(i - from.first) / p->valid]++;
    at = run.end;
  }
  for (mb_size i = 0; i < count; i++) {
    const mb_size rest = mb_tile_at(p, first + i, mb_tiling_rows(s, false)).rows - flat[i];
    if (flat[i] > 0) marks[first + i] = rest <= few ? MB_ITEM_ALL : MB_ITEM_FLAT;
  }
}

static void clear(uint8_t *marks, mb_chunk chunk) {
  memset(marks + chunk.first, MB_ITEM_NOTHING, (size_t)chunk.count);
}

void mb_wide_mark_forward(uint8_t *marks, const mb_real *x, mb_chunk chunk, mb_size few, const mb_conv1d *s,
                          const mb_tiling *p) {
  const mb_size end = chunk.first + chunk.count;
  clear(marks, chunk);
  for (mb_size i = chunk.first, count; i < end; i += count) {
    count = mb_min(end - i, p->per_sample - i % p->per_sample);
    mark_flat(marks, x, i, count, few, s, p);
  }
  Source o = input_source(x, s, p);
  const Tiles g = {rows_of_windows, is_wide_for_results, .step = p->step, .rows = mb_tiling_rows(s, false)};
  mark_wide(marks, &o, &g, chunk, s, p);
}

void mb_wide_mark_gradient(uint8_t *marks, const mb_real *dy, const uint8_t *argmax, mb_chunk chunk,
                           const mb_conv1d *s, const mb_tiling *p) {
  Source o = gradient_source(dy, argmax, s, p);
  clear(marks, chunk);
  const Tiles g = {rows_of_gradient, is_wide_for_gradient, 1, 1 - p->taps, mb_tiling_rows(s, true)};
  mark_wide(marks, &o, &g, chunk, s, p);
}

void mb_wide_mark_weights(uint8_t *marks, const mb_real *x, mb_chunk chunk, const mb_conv1d *s,
                          const mb_tiling *p) {
  Source o = input_source(x, s, p);
  const Tiles g = {rows_of_tile, is_wide_for_weights, .step = 1, .rows = mb_tiling_rows(s, true)};
  o.range.taps = p->valid, o.range.depth = p->valid * p->x.width;
  o.span = mb_max(o.span, o.range.depth / 8); /* the whole tile is one window: fewer samples suffice */
  clear(marks, chunk);
  mark_wide(marks, &o, &g, chunk, s, p);
}
