/* conv1d_fft.c - convolution and its gradients by products of transforms of short tiles (overlap-save).
 *
 * An array is seen as rows: of x, stride points of all channels make one row of C' = stride C reals, so that
 * every convolution has stride 1 here and K' = ceil(K / stride) taps. A tile is T rows that follow each
 * other; T - K' + 1 rows of the result, its valid rows, come from it. All tiles of a chunk are transformed,
 * then for each of the planes there is one matrix product over all tiles, then all are transformed back.
 *
 * Tiles of 32 rows and more take a Fourier transform. A complex product is three real ones (Gauss), which
 * makes 3 T / 2 - 1 planes. Tiles of 8 rows are for short kernels: values of polynomials at 8 real points
 * (Toom and Cook, Winograd) need 8 planes and a cheaper transform, but round a few times as much. */
#include "conv1d_fft.h"

#include <omp.h>

#define FEW_CHUNKS  64 /* at most: threads transform the weights for themselves */
#define FEW_THREADS 4  /* at most */

/* A thread takes a chunk through all steps in buffers of its own, because what another core has written is
 * slow to read. Chunks are cut by shape alone, and so are the groups of chunks whose sums are the gradient of
 * the weights: results do not depend on the number of threads. */
static mb_chunk chunk_at(const mb_tiling *p, mb_size i) {
  return (mb_chunk){.first = i * p->chunk, .count = mb_min(p->chunk, p->tiles - i * p->chunk)};
}

/* Reals from one plane of a chunk to the next. */
static mb_size plane_of(const mb_tiling *p, mb_size width) {
  return p->chunk * width + MB_PLANE_GAP;
}

/* Output plane i overwrites input plane i - 1, which is no longer needed, so a chunk stays in L2. */
static mb_size shared_plane_of(const mb_tiling *p) {
  return plane_of(p, mb_max(p->x_padded, p->y_padded));
}

/* Threads that each transform the weights for themselves. 1: all threads share one transform, because for
 * many threads the transform would take longer than the rest. */
static mb_size weights_copies(const mb_tiling *p) {
  return p->chunks <= FEW_CHUNKS && p->threads <= FEW_THREADS ? mb_min(p->threads, p->chunks) : 1;
}

static mb_size part_of(const mb_tiling *p, bool backward) {
  const mb_size copy = !backward && weights_copies(p) > 1 ? p->planes * p->weights : 0;
  const mb_size x_planes = backward ? p->planes * plane_of(p, p->x_padded) : 0;
  return mb_thread_part(copy + (p->planes + 1) * shared_plane_of(p) + x_planes);
}

static mb_size forward_scratch(const mb_tiling *p) {
  return p->threads * part_of(p, false) + (weights_copies(p) == 1 ? p->planes * p->weights : 0);
}

static mb_size backward_scratch(const mb_tiling *p, const mb_conv1d *s) {
  return p->threads * part_of(p, true) + p->planes * p->weights * (1 + p->groups) +
         mb_bias_scratch(s, p->groups);
}

/* Reals that hold two marks for each tile, at the end of scratch. */
static mb_size mark_reals(const mb_tiling *p) {
  return mb_ceil_div(2 * p->tiles, (mb_size)sizeof(mb_real));
}

static mb_size unmarked_scratch(const mb_tiling *p, const mb_conv1d *s, bool backward) {
  const mb_items items = mb_wide_items(p, NULL);
  const mb_size direct =
      mb_max(mb_conv1d_direct_scratch(s), mb_conv1d_direct_items_scratch(s, &items, &items));
  return mb_max(direct, backward ? backward_scratch(p, s) : forward_scratch(p));
}

mb_size mb_conv1d_fft_scratch(const mb_conv1d *s, int T, bool backward) {
  const mb_tiling p = mb_tiling_of(s, T, backward);
  return unmarked_scratch(&p, s, backward) + mark_reals(&p);
}

/* Warms row begin of the sample of tile a to row end - 1 of that of tile b: transforms go through memory
 * column by column, which hardware prefetch does not follow. */
static void warm(const mb_real *x, const mb_tile_rows *rows, mb_size samples, mb_tile a, mb_size begin,
                 mb_tile b, mb_size end) {
  const mb_size from = a.sample * rows->size + rows->origin + begin * rows->width;
  const mb_size to = b.sample * rows->size + rows->origin + end * rows->width;
  const mb_size size = samples * rows->size, first = mb_min(mb_max(from, 0), size);
  mb_warm(x + first, mb_min(to, size) - first);
}

typedef struct {
  mb_real *y;
  uint8_t *argmax;
  const mb_real *x, *w, *b;
  uint8_t *marks; /* of each tile: what is left for the direct algorithm */
  mb_size few;    /* results of a tile that take the direct algorithm as long as transforms take all */
  mb_epilogue epilogue;
} Forward;

/* The tiles of a chunk to transform. */
static mb_size tiles_left(mb_size *tiles, const uint8_t *marks, mb_chunk chunk) {
  mb_size count = 0;
  for (mb_size i = chunk.first; i < chunk.first + chunk.count; i++)
    if (marks[i] != MB_ITEM_ALL) tiles[count++] = i;
  return count;
}

static void forward_chunk(const Forward *f, const mb_real *w_planes, mb_real *buffer, const mb_conv1d *s,
                          const mb_tiling *p, mb_chunk chunk) {
  const mb_simd *v = mb_simd_here();
  const mb_size plane = shared_plane_of(p), results = mb_conv1d_results(s);
  mb_real *y_planes = buffer, *x_planes = buffer + plane, rows[MB_MAX_FFT * MB_MAX_LANES] MB_ALIGNED;
  mb_size tiles[MB_CHUNK_MOST];
  mb_wide_mark_forward(f->marks, f->x, chunk, f->few, s, p);
  const mb_size count = tiles_left(tiles, f->marks, chunk);
  if (count == 0) return;
  for (mb_size i = 0; i < count; i++) {
    const mb_tile t = mb_tile_at(p, tiles[i], results);
    mb_tile_transform_input(x_planes + i * p->x_padded, plane, f->x + t.sample * p->x.size, &p->x,
                            t.first * p->step, p->T, p->T, 0);
  }
  for (mb_size i = 0; i < p->planes; i++)
    v->product(y_planes + i * plane, p->y_padded, x_planes + i * plane, p->x_padded, 1,
               w_planes + i * p->weights, p->y_padded, count, mb_product_width(s->F), p->x.width, false);
  const mb_tile first = mb_tile_at(p, tiles[0], results), last = mb_tile_at(p, tiles[count - 1], results);
  warm(f->y, &p->y, s->N, first, first.first, last, last.first + last.rows);
  for (mb_size i = 0; i < count; i++) {
    const mb_tile t = mb_tile_at(p, tiles[i], results);
    for (mb_size c = 0; c < s->F; c += v->lanes) {
      const mb_size at = (t.sample * results + t.first) * s->F + c;
      v->inverse(rows, y_planes + i * p->y_padded + c, plane, p->T, (int)(p->T - p->taps + 1));
      mb_epilogue_rows(f->y + at, f->argmax ? f->argmax + at : NULL, rows, v->lanes, t.rows,
                       mb_min(v->lanes, s->F - c), f->b ? f->b + c : NULL, &f->epilogue);
    }
  }
}

static void share_all(const Forward *f, mb_real *scratch, const mb_conv1d *s, const mb_tiling *p) {
  mb_real *w_planes = scratch + p->threads * part_of(p, false);
#pragma omp parallel num_threads(mb_conv1d_threads(s))
  {
    MB_FLUSH_DENORMALS;
    mb_real *buffer = scratch + omp_get_thread_num() * part_of(p, false);
#pragma omp for
    for (mb_size c = 0; c < p->x.width; c++) mb_tile_transform_channel(w_planes, c, f->w, s, p);
    MB_SHARE(mb_conv1d_is_small(s), i, p->chunks, forward_chunk(f, w_planes, buffer, s, p, chunk_at(p, i)));
  }
}

/* Each thread transforms the weights for itself and makes neighbouring rows, so the planes and most rows of
 * the layer before are in its own caches. A row of the result does not depend on the chunk of its tile. */
static void share_rows(const Forward *f, mb_real *scratch, const mb_conv1d *s, const mb_tiling *p,
                       int threads) {
#pragma omp parallel for num_threads(threads)
  for (int i = 0; i < threads; i++) {
    MB_FLUSH_DENORMALS;
    mb_real *planes = scratch + i * part_of(p, false), *buffer = planes + p->planes * p->weights;
    for (mb_size c = 0; c < p->x.width; c++) mb_tile_transform_channel(planes, c, f->w, s, p);
    const mb_size end = (i + 1) * p->tiles / threads;
    for (mb_size first = i * p->tiles / threads; first < end; first += p->chunk) {
      const mb_chunk chunk = {.first = first, .count = mb_min(p->chunk, end - first)};
      forward_chunk(f, planes, buffer, s, p, chunk);
    }
  }
}

static mb_size few_results(const mb_tiling *p, const mb_conv1d *s) {
  const double direct = mb_conv1d_direct_cost(s, MB_PASS_Y) / (double)(s->N * mb_conv1d_results(s));
  return (mb_size)(mb_conv1d_fft_cost(s, p->T, MB_PASS_Y) / (double)p->tiles / direct);
}

void mb_conv1d_fft_forward(mb_real *y, uint8_t *argmax, mb_real *scratch, const mb_real *x, const mb_real *w,
                           const mb_real *b, const mb_conv1d *s) {
  const mb_tiling p = mb_tiling_of(s, s->T_y, false);
  if (!mb_conv1d_range_of_weights(w, s, p.T)) {
    mb_conv1d_direct_forward(y, argmax, scratch, x, w, b, s);
    return;
  }
  uint8_t *marks = (uint8_t *)(scratch + unmarked_scratch(&p, s, false));
  const Forward f = {y, argmax, x, w, b, marks, few_results(&p, s), mb_conv1d_epilogue(s)};
  const mb_size copies = weights_copies(&p);
  if (copies > 1)
    share_rows(&f, scratch, s, &p, (int)mb_min(copies, mb_conv1d_threads(s)));
  else
    share_all(&f, scratch, s, &p);
  const mb_items left = mb_wide_items(&p, marks);
  if (mb_wide_any(&left)) mb_conv1d_direct_forward_items(y, argmax, scratch, x, w, b, s, &left);
}

typedef struct {
  mb_real *dx, *dw_planes; /* NULL if not wanted */
  const mb_real *dy;
  const uint8_t *argmax;
  const mb_real *x, *w_planes;
  uint8_t *is_dy_wide, *is_any_wide; /* for each tile: too wide for dx, for dw */
  mb_epilogue epilogue;
} Backward;

/* Zero in all planes, so that a tile adds nothing to sums over tiles. */
static void clear_planes(mb_real *planes, mb_size plane, mb_size count, mb_size width) {
  for (mb_size i = 0; i < count; i++) memset(planes + i * plane, 0, sizeof(mb_real) * (size_t)width);
}

/* Clears the planes of a tile that is too wide for sums over tiles. */
static void clear_wide(const Backward *b, mb_size i, mb_real *x_planes, mb_size x_plane, mb_real *dy_planes,
                       mb_size plane, const mb_tiling *p) {
  if (b->is_dy_wide[i]) clear_planes(dy_planes, plane, p->planes, p->y_padded);
  if (!b->dw_planes) return;
  b->is_any_wide[i] |= b->is_dy_wide[i];
  if (b->is_any_wide[i]) clear_planes(x_planes, x_plane, p->planes, p->x_padded);
}

/* dw: products of the planes of dy and of the valid rows of x, zero-padded. dx: products of the planes of dy
 * and of the flipped weights. */
static void backward_chunk(const Backward *b, mb_real *dw_planes, double *db_sum, mb_real *buffer,
                           const mb_conv1d *s, const mb_tiling *p, mb_chunk chunk, bool add) {
  const mb_simd *v = mb_simd_here();
  const mb_size rows = mb_tiling_rows(s, true), reach = p->taps - 1;
  const mb_size plane = shared_plane_of(p), x_plane = plane_of(p, p->x_padded);
  mb_real *dx_planes = buffer, *dy_planes = buffer + plane, *x_planes = dy_planes + p->planes * plane;
  const mb_tile first = mb_tile_at(p, chunk.first, rows),
                last = mb_tile_at(p, chunk.first + chunk.count - 1, rows);
  if (db_sum)
    mb_bias_add(db_sum, b->dy, b->argmax, mb_bias_row(s, first.sample, first.first),
                mb_bias_row(s, last.sample, last.first + last.rows), s);
  if (!b->dx && !dw_planes) return;
  mb_wide_mark_gradient(b->is_dy_wide, b->dy, b->argmax, chunk, s, p);
  if (dw_planes) mb_wide_mark_weights(b->is_any_wide, b->x, chunk, s, p);
  for (mb_size i = 0; i < chunk.count; i++) {
    const mb_tile t = mb_tile_at(p, chunk.first + i, rows);
    mb_tile_transform_gradient(dy_planes + i * p->y_padded, plane, b->dy, b->argmax, t.sample,
                               t.first - reach, p->T, &b->epilogue);
    if (dw_planes)
      mb_tile_transform_input(x_planes + i * p->x_padded, x_plane, b->x + t.sample * p->x.size, &p->x,
                              t.first, t.rows, p->T, (int)p->valid);
    clear_wide(b, chunk.first + i, x_planes + i * p->x_padded, x_plane, dy_planes + i * p->y_padded, plane,
               p);
  }
  for (mb_size i = 0; i < p->planes; i++) {
    const mb_real *dy_i = dy_planes + i * plane;
    if (dw_planes)
      v->product(dw_planes + i * p->weights, p->y_padded, x_planes + i * x_plane, 1, p->x_padded, dy_i,
                 p->y_padded, p->x.width, mb_product_width(s->F), chunk.count, add);
    if (b->dx)
      v->product(dx_planes + i * plane, p->x_padded, dy_i, p->y_padded, 1, b->w_planes + i * p->weights,
                 p->x_padded, chunk.count, mb_product_width(p->x.width), s->F, false);
  }
  if (b->dx) warm(b->dx, &p->x, s->N, first, first.first, last, last.first + last.rows);
  for (mb_size i = 0; i < (b->dx ? chunk.count : 0); i++) {
    const mb_tile t = mb_tile_at(p, chunk.first + i, rows);
    mb_tile_inverse_gradient(b->dx + t.sample * p->x.size, t.first, t.rows, dx_planes + i * p->x_padded,
                             plane, p);
  }
}

/* planes[0] += planes[1] + planes[2] + ..., planes of count reals. */
MB_CLONES static void add_planes(mb_real *planes, mb_size count, mb_size plane, mb_size apart,
                                 mb_size groups) {
  for (mb_size g = 1; g < groups; g++)
    for (mb_size i = plane * count; i < (plane + 1) * count; i++) planes[i] += planes[g * apart + i];
}

/* Points after the last window have gradient 0. */
static void clear_unseen(mb_real *dx, const mb_conv1d *s) {
  const mb_size seen = (s->L_out - 1) * s->stride + s->K - s->pad_left;
  for (mb_size n = 0; n < s->N && seen < s->L; n++)
    memset(dx + (n * s->L + seen) * s->C, 0, sizeof(mb_real) * (size_t)((s->L - seen) * s->C));
}

static void do_wide_again(mb_real *dx, mb_real *dw, mb_real *scratch, const Backward *b, const mb_real *w,
                          const mb_conv1d *s, const mb_tiling *p) {
  const mb_items for_dx = mb_wide_items(p, b->is_dy_wide), for_dw = mb_wide_items(p, b->is_any_wide);
  if (dx && mb_wide_any(&for_dx)) mb_conv1d_direct_input_items(dx, scratch, b->dy, b->argmax, w, s, &for_dx);
  if (dw && mb_wide_any(&for_dw))
    mb_conv1d_direct_add_weights(dw, scratch, b->dy, b->argmax, b->x, s, &for_dw);
}

void mb_conv1d_fft_backward(mb_real *dx, mb_real *dw, mb_real *db, mb_real *scratch, const mb_real *dy,
                            const uint8_t *argmax, const mb_real *x, const mb_real *w, const mb_conv1d *s,
                            int T) {
  const mb_tiling p = mb_tiling_of(s, T, true);
  if (!mb_conv1d_range_of_weights(w, s, p.T) || !mb_conv1d_range_of_channels(w, s, p.T)) {
    mb_conv1d_direct_backward(dx, dw, db, scratch, dy, argmax, x, w, s);
    return;
  }
  const mb_size group = p.planes * p.weights, bias = mb_bias_count(s);
  mb_real *w_planes = scratch + p.threads * part_of(&p, true), *dw_planes = w_planes + group;
  double *sums = (double *)(dw_planes + p.groups * group);
  uint8_t *marks = (uint8_t *)(scratch + unmarked_scratch(&p, s, true));
  const Backward b = {
      dx, dw ? dw_planes : NULL, dy, argmax, x, w_planes, marks, marks + p.tiles, mb_conv1d_epilogue(s)};
#pragma omp parallel num_threads(mb_conv1d_threads(s))
  {
    MB_FLUSH_DENORMALS;
    mb_real *buffer = scratch + omp_get_thread_num() * part_of(&p, true);
    if (dx) mb_tile_transform_flipped(w_planes, w, s, &p);
    MB_SHARE(mb_conv1d_is_small(s), g, p.groups, {
      const mb_size begin = g * p.chunks / p.groups, end = (g + 1) * p.chunks / p.groups;
      double *sum = db ? sums + g * bias : NULL;
      for (mb_size f = 0; sum && f < bias; f++) sum[f] = 0;
      for (mb_size i = begin; i < end; i++)
        backward_chunk(&b, dw ? dw_planes + g * group : NULL, sum, buffer, s, &p, chunk_at(&p, i), i > begin);
    });
    if (dw) {
#pragma omp for
      for (mb_size i = 0; i < p.planes; i++) add_planes(dw_planes, p.weights, i, group, p.groups);
      mb_tile_inverse_weights(dw, dw_planes, s, &p);
    }
  }
  if (db) mb_bias_total(db, sums, p.groups, s);
  if (dx) clear_unseen(dx, s);
  if (dx || dw) do_wide_again(dx, dw, scratch, &b, w, s, &p);
}
