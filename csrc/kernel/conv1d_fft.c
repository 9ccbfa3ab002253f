/* conv1d_fft.c - convolution and its gradients by products of transforms of short pieces (overlap-save).
 *
 * An array is seen as rows: of x, stride points of all channels make one row of C' = stride C reals, so that
 * every convolution has stride 1 here and K' = ceil(K / stride) taps. A tile is T rows that follow each
 * other; T - K' + 1 rows of the result, its valid rows, come from it. All tiles of a chunk are transformed,
 * then for each of the planes there is one matrix product over all tiles, then all are transformed back.
 *
 * Tiles of 32 rows and more are transformed as Fourier did. A complex product takes three real ones (Gauss),
 * which makes 3 T / 2 - 1 planes. Tiles of 8 rows are for short kernels: values of polynomials at 8 real
 * points need 8 planes (Toom and Cook, Winograd), and cheaper transforms, but round a few times as much. */
#include "conv1d_parts.h"

#include <omp.h>
#include <string.h>

#define CHUNK_REALS (1 << 18) /* in the planes of a chunk, which should stay in the second cache */
#define CHUNK_LEAST 12        /* tiles, and twice as many short ones; below, products are slow */
#define CHUNK_MOST  96        /* tiles; more would gain nothing */
#define CHUNKS      32        /* at least, where there are tiles enough: work for many threads */
#define FEW_CHUNKS  64        /* at most: threads transform the weights for themselves */
#define FEW_THREADS 4         /* at most */
#define GROUPS      16        /* at most, sums of which the gradient of the weights is made */
#define GROUP_TILES 96        /* tiles in one, about, and reals in all: adding them up should cost little */
#define GROUP_REALS (1 << 24)
#define T_MOST      MB_MAX_FFT
#define PLANE_GAP                                                                                            \
  16 /* reals between planes, so that a frequency's planes are not a multiple of 4096 apart                  \
      */

/* Row r of a sample is the width reals from origin + r width on; what is not in 0..size - 1 is zero. */
typedef struct {
  mb_size size, origin, width;
} Rows;

typedef struct {
  int T;
  mb_size taps, planes;
  mb_size valid, step; /* rows made from a tile, and how far they are apart in rows of the convolution */
  mb_size per_sample, tiles;     /* tiles */
  mb_size chunk, chunks, groups; /* tiles at most in a chunk, chunks, groups of chunks */
  Rows x, y;
  mb_size x_padded, y_padded; /* widths in planes */
  mb_size weights;            /* reals in a plane of the weights */
} Plan;

/* Rows of the result (forward) or of x (backward) that have to be made from tiles. */
static mb_size rows_to_make(const mb_conv1d *s, bool backward) {
  return backward ? (s->L - 1 + s->pad_left) / s->stride + 1 : mb_conv1d_results(s);
}

static Plan plan_for(const mb_conv1d *s, int T, bool backward) {
  Plan p = {.T = T, .taps = mb_ceil_div(s->K, s->stride), .planes = T == MB_WINOGRAD ? T : 3 * T / 2 - 1};
  const mb_size right = T - p.taps + 1;
  p.step = backward || s->pool == 0 ? 1 : s->pool_stride;
  p.valid = backward || s->pool == 0 ? right : (right - s->pool + s->pool_stride) / s->pool_stride;
  if (p.valid < 1 || right < s->pool) return (Plan){0};
  p.per_sample = mb_ceil_div(rows_to_make(s, backward), p.valid);
  p.tiles = s->N * p.per_sample;
  p.x = (Rows){.size = s->L * s->C, .origin = -s->pad_left * s->C, .width = s->stride * s->C};
  p.y = (Rows){.size = mb_conv1d_results(s) * s->F, .width = s->F};
  p.x_padded = mb_padded_width(p.x.width), p.y_padded = mb_padded_width(s->F);
  p.weights = mb_max(p.x.width * p.y_padded, s->F * p.x_padded) + PLANE_GAP;
  const mb_size widths = mb_max(p.x_padded, p.y_padded) + (backward ? p.x_padded : 0);
  const mb_size fitting = mb_min(CHUNK_REALS / (p.planes * widths), p.tiles / CHUNKS);
  p.chunk = mb_min(mb_max(fitting, T <= 32 ? 2 * CHUNK_LEAST : CHUNK_LEAST), CHUNK_MOST);
  p.chunks = mb_ceil_div(p.tiles, p.chunk);
  p.groups = mb_max(mb_min(mb_min(GROUPS, p.tiles / GROUP_TILES), GROUP_REALS / (p.planes * p.weights)), 2);
  p.groups = mb_min(p.groups, p.chunks);
  return p;
}

/* In multiply-adds of whole vectors. Measured with AVX-512: a Fourier transform costs as much as 18 of them
 * per row, one of a short tile as 12; a product as half a vector more per row than it has, and where sums are
 * kept in memory a quarter more; a real of the weights, read anew for each chunk, as a fifth. A single
 * spectrum waits for its weights, whose transform then takes four times as long as that of tiles. The
 * gradients of x and of the weights share the transform of dy. */
#define FOURIER_COST  18.0
#define WINOGRAD_COST 12.0
#define NARROW_COST   0.5
#define SUMS_COST     1.25
#define WEIGHT_COST   0.2
#define FAR_COST      4.0
static double plan_cost(const Plan *p, const mb_conv1d *s, mb_conv1d_pass pass) {
  const double x = (double)p->x_padded / MB_MAX_LANES, y = (double)p->y_padded / MB_MAX_LANES;
  const double transform = (p->T == MB_WINOGRAD ? WINOGRAD_COST : FOURIER_COST) * p->T;
  const double weights = pass == MB_PASS_DX ? (double)s->F * x : (double)p->x.width * y; /* vectors */
  const double narrow = NARROW_COST * (double)(pass == MB_PASS_DX ? s->F : p->x.width);
  const double products = (weights + narrow) * (pass == MB_PASS_DW ? SUMS_COST : 1);
  const double reading = WEIGHT_COST * MB_MAX_LANES * weights / (double)p->chunk;
  const double widths = x + (pass == MB_PASS_Y ? y : y / 2);
  const double tile = (double)p->planes * (products + reading) + transform * widths;
  return (double)p->tiles * tile + (pass == MB_PASS_Y ? FAR_COST : 1) * weights * transform;
}

/* Both gradients are made from the same tiles, the best ones for that of x. */
static Plan best_plan(const mb_conv1d *s, bool backward) {
  const mb_conv1d_pass pass = backward ? MB_PASS_DX : MB_PASS_Y;
  Plan best = {0};
  static const int lengths[] = {MB_WINOGRAD, 32, 64, T_MOST};
  for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
    const Plan p = plan_for(s, lengths[i], backward);
    if (p.T > 0 && (best.T == 0 || plan_cost(&p, s, pass) < plan_cost(&best, s, pass))) best = p;
  }
  return best;
}

bool mb_conv1d_fft_can(const mb_conv1d *s) {
  return s->dilation == 1 && plan_for(s, T_MOST, false).T > 0 && plan_for(s, T_MOST, true).T > 0;
}

double mb_conv1d_fft_cost(const mb_conv1d *s, mb_conv1d_pass pass) {
  const Plan p = best_plan(s, pass != MB_PASS_Y);
  return plan_cost(&p, s, pass);
}

/* ---- tiles in and out --------------------------------------------------------------------- */

MB_INLINE void copy_whole(mb_real *buffer, const mb_real *x, mb_size ld, mb_size count, const int lanes) {
  for (mb_size r = 0; r < count; r++)
    for (int i = 0; i < lanes; i++) buffer[r * lanes + i] = x[r * ld + i];
}

/* count rows of lanes reals, ld apart, all there. */
MB_CLONES static void copy_lanes(mb_real *buffer, const mb_real *x, mb_size ld, mb_size count, int lanes) {
  if (lanes == MB_MAX_LANES)
    copy_whole(buffer, x, ld, count, MB_MAX_LANES);
  else
    copy_whole(buffer, x, ld, count, lanes);
}

/* length rows of lanes reals: count rows, ld apart from reals first on, of x (size), and zeros for what is
 * not there. */
static void copy_rows(mb_real *buffer, int lanes, mb_size length, const mb_real *x, mb_size size,
                      mb_size first, mb_size ld, mb_size columns, mb_size count) {
  if (columns <= 0) count = 0;
  memset(buffer + count * lanes, 0, sizeof(mb_real) * (size_t)((length - count) * lanes));
  if (count == 0) return;
  if (columns == lanes && first >= 0 && first + (count - 1) * ld + lanes <= size) {
    copy_lanes(buffer, x + first, ld, count, lanes);
    return;
  }
  memset(buffer, 0, sizeof(mb_real) * (size_t)(count * lanes));
  for (mb_size r = 0; r < count; r++) {
    const mb_size at = first + r * ld, skip = mb_max(-at, 0), end = mb_min(columns, size - at);
    for (mb_size i = skip; i < end; i++) buffer[r * lanes + i] = x[at + i];
  }
}

/* The planes of a tile: count rows of a sample of x from row first on, then zeros. filter as for transform.
 */
static void transform_input(mb_real *planes, mb_size plane, const mb_real *sample, const Rows *rows,
                            mb_size first, mb_size count, int T, int filter) {
  const mb_simd *v = mb_simd_here();
  const int length = filter > 0 ? filter : T;
  mb_real buffer[T_MOST * MB_MAX_LANES] MB_ALIGNED;
  for (mb_size c = 0; c < mb_padded_width(rows->width); c += v->lanes) {
    const mb_size at = rows->origin + first * rows->width + c, columns = mb_min(v->lanes, rows->width - c);
    const bool whole = count == length && columns == v->lanes;
    if (whole && at >= 0 && at + (length - 1) * rows->width + v->lanes <= rows->size) {
      v->transform(planes + c, plane, sample + at, rows->width, T, filter);
    } else {
      copy_rows(buffer, v->lanes, length, sample, rows->size, at, rows->width, columns, count);
      v->transform(planes + c, plane, buffer, v->lanes, T, filter);
    }
  }
}

/* The planes of T rows of the gradient behind the convolution. */
static void transform_gradient(mb_real *planes, mb_size plane, const mb_real *dy, const uint8_t *argmax,
                               mb_size sample, mb_size first, int T, const mb_conv1d *s) {
  const mb_simd *v = mb_simd_here();
  mb_real buffer[T_MOST * MB_MAX_LANES] MB_ALIGNED;
  for (mb_size c = 0; c < mb_padded_width(s->F); c += v->lanes) {
    const mb_size at = sample * mb_conv1d_results(s) * s->F + c, columns = mb_min(v->lanes, s->F - c);
    if (s->pool == 0 && columns == v->lanes && first >= 0 && first + T <= s->L_out) {
      v->transform(planes + c, plane, dy + at + first * s->F, s->F, T, 0);
    } else {
      mb_unpool_rows(buffer, v->lanes, dy + at, argmax ? argmax + at : NULL, first, T, mb_max(columns, 0), s);
      v->transform(planes + c, plane, buffer, v->lanes, T, 0);
    }
  }
}

/* Rows first .. first + count - 1 of a sample of dx from a tile's planes. */
static void inverse_gradient(mb_real *sample, mb_size first, mb_size count, const mb_real *planes,
                             mb_size plane, const Plan *p) {
  const mb_simd *v = mb_simd_here();
  const Rows *rows = &p->x;
  mb_real buffer[T_MOST * MB_MAX_LANES] MB_ALIGNED;
  for (mb_size c = 0; c < rows->width; c += v->lanes) {
    v->inverse(buffer, planes + c, plane, p->T, (int)p->valid);
    const mb_size columns = mb_min(v->lanes, rows->width - c);
    for (mb_size r = 0; r < count; r++) {
      const mb_size at = rows->origin + (first + r) * rows->width + c;
      const mb_size skip = mb_max(-at, 0), end = mb_min(columns, rows->size - at);
      if (skip < end)
        memcpy(sample + at + skip, buffer + r * v->lanes + skip, sizeof(mb_real) * (size_t)(end - skip));
    }
  }
}

/* ---- tiles whose range is too wide --------------------------------------------------------- */

/* Those are computed again by the direct algorithm. */

/* What tiles are made from: rows from row first of a tile on, of x or of the gradient behind the convolution.
 */
typedef struct {
  const mb_real *x;
  const uint8_t *argmax;
  Rows rows;          /* of x, or of the gradient of the results, which is pooled */
  mb_size pool, step; /* of windows in front of these, 0 and 1 if there are none */
  mb_size unit, span; /* so many reals are in a window, which begins at a multiple of unit */
  mb_conv1d_range range;
} Source;

static Source input_source(const mb_real *x, const mb_conv1d *s, const Plan *p) {
  return (Source){.x = x,
                  .rows = p->x,
                  .step = 1,
                  .unit = s->C,
                  .span = s->K * s->C,
                  .range = {.T = p->T, .taps = p->taps, .depth = p->taps * p->x.width}};
}

static Source gradient_source(const mb_real *dy, const uint8_t *argmax, const mb_conv1d *s, const Plan *p) {
  const mb_size step = mb_max(s->pool_stride, 1), taps = mb_max((p->taps - s->pool) / step, 1);
  return (Source){.x = dy,
                  .argmax = argmax,
                  .rows = p->y,
                  .pool = s->pool,
                  .step = s->pool > 0 ? step : 1,
                  .unit = s->F,
                  .span = (s->pool > 0 ? taps : p->taps) * s->F,
                  .range = {.T = p->T, .taps = p->taps, .depth = mb_ceil_div(p->taps * s->F, step)}};
}

/* Tells whether count rows from row first of a sample on are no doubt as good as they have to be. */
static bool is_sure(const Source *o, double *squares, mb_size sample, mb_size first, mb_size count) {
  const mb_size begin = mb_max(first - o->pool, first < 0 ? first : 0) / o->step;
  const mb_size end = mb_ceil_div(first + count, o->step);
  const mb_size from = mb_max(o->rows.origin + begin * o->rows.width, 0);
  const mb_size to = mb_min(o->rows.origin + end * o->rows.width, o->rows.size);
  return from >= to || mb_conv1d_range_is_sure(squares, o->x + sample * o->rows.size + from, to - from,
                                               o->unit, o->span, &o->range);
}

static void add_roots(double *roots, const Source *o, mb_size sample, mb_size first, mb_size count,
                      const mb_conv1d *s) {
  const mb_simd *v = mb_simd_here();
  const mb_real *x = o->x + sample * o->rows.size;
  mb_real buffer[T_MOST * MB_MAX_LANES] MB_ALIGNED;
  for (mb_size c = 0; c < o->rows.width; c += v->lanes) {
    const mb_size columns = mb_min(v->lanes, o->rows.width - c);
    if (o->pool > 0)
      mb_unpool_rows(buffer, v->lanes, x + c, o->argmax + sample * o->rows.size + c, first, count, columns,
                     s);
    else
      copy_rows(buffer, v->lanes, count, x, o->rows.size, o->rows.origin + first * o->rows.width + c,
                o->rows.width, columns, count);
    for (mb_size r = 0; r < count; r++) roots[r] += (double)v->sum_roots(buffer + r * v->lanes, v->lanes);
  }
}

/* Of a tile, some windows of which begin at its first rows. */
static bool is_wide(const Source *o, mb_size sample, mb_size first, mb_size count, mb_size windows,
                    const mb_conv1d *s) {
  double squares, roots[T_MOST] = {0};
  if (is_sure(o, &squares, sample, first, count)) return false;
  add_roots(roots, o, sample, first, count, s);
  return !mb_conv1d_range_of_windows(roots, squares, windows, &o->range);
}

/* Tiles of which each is marked or not, as items of the direct algorithm. */
static mb_items marked(const Plan *p, const uint8_t *marks) {
  return (mb_items){.count = p->tiles, .per_sample = p->per_sample, .rows = p->valid, .only = marks};
}

static bool are_any(const mb_items *items) {
  return memchr(items->only, 1, (size_t)items->count) != NULL;
}

/* Zero in all planes, so that it adds nothing to sums over tiles. */
static void clear_planes(mb_real *planes, mb_size plane, mb_size count, mb_size width) {
  for (mb_size i = 0; i < count; i++) memset(planes + i * plane, 0, sizeof(mb_real) * (size_t)width);
}

/* ---- weights -------------------------------------------------------------------------------- */

/* The inverse is larger than the sum by 1 / this factor, which the weights take. */
static mb_real factor_of(const Plan *p) {
  return p->T == MB_WINOGRAD ? 1 : 1 / (mb_real)(4 * p->T);
}

static void scale_rows(mb_real *rows, mb_size count, mb_real factor) {
  for (mb_size i = 0; i < count; i++) rows[i] *= factor;
}

/* Row c of the planes (C', F padded) of w: tap m of channel c is the row of F at (m C' + c) F. */
static void transform_channel(mb_real *planes, mb_size c, const mb_real *w, const mb_conv1d *s,
                              const Plan *p) {
  const mb_simd *v = mb_simd_here();
  const mb_size size = s->K * s->C * s->F, F = s->F;
  for (mb_size f = 0; f < p->y_padded; f += v->lanes) {
    mb_real buffer[T_MOST * MB_MAX_LANES] MB_ALIGNED;
    const mb_size columns = mb_min(v->lanes, F - f);
    copy_rows(buffer, v->lanes, p->taps, w, size, c * F + f, p->x.width * F, columns, p->taps);
    scale_rows(buffer, p->taps * v->lanes, factor_of(p));
    v->transform(planes + c * p->y_padded + f, p->weights, buffer, v->lanes, p->T, (int)p->taps);
  }
}

/* Planes (F, C' padded) of w flipped and transposed. */
static void transform_flipped(mb_real *planes, const mb_real *w, const mb_conv1d *s, const Plan *p) {
  const mb_simd *v = mb_simd_here();
  const mb_size size = s->K * s->C * s->F, F = s->F;
  const mb_real factor = factor_of(p);
#pragma omp for
  for (mb_size f = 0; f < F; f++)
    for (mb_size c = 0; c < p->x_padded; c += v->lanes) {
      mb_real buffer[T_MOST * MB_MAX_LANES] MB_ALIGNED = {0};
      for (mb_size m = 0; m < p->taps; m++)
        for (mb_size i = 0; i < mb_min(v->lanes, p->x.width - c); i++) {
          const mb_size at = ((p->taps - 1 - m) * p->x.width + c + i) * F + f;
          if (at < size) buffer[m * v->lanes + i] = w[at] * factor;
        }
      v->transform(planes + f * p->x_padded + c, p->weights, buffer, v->lanes, p->T, (int)p->taps);
    }
}

/* dw from the planes (C', F padded) of sums over tiles. */
static void inverse_weights(mb_real *dw, const mb_real *planes, const mb_conv1d *s, const Plan *p) {
  const mb_simd *v = mb_simd_here();
  const mb_size F = s->F;
  const mb_real factor = factor_of(p);
#pragma omp for
  for (mb_size c = 0; c < p->x.width; c++)
    for (mb_size f = 0; f < F; f += v->lanes) {
      mb_real buffer[T_MOST * MB_MAX_LANES] MB_ALIGNED;
      v->inverse(buffer, planes + c * p->y_padded + f, p->weights, p->T, (int)p->taps);
      for (mb_size m = 0; m < p->taps && m * p->x.width + c < s->K * s->C; m++)
        for (mb_size i = 0; i < mb_min(v->lanes, F - f); i++)
          dw[(m * p->x.width + c) * F + f + i] = buffer[(p->taps - 1 - m) * v->lanes + i] * factor;
    }
}

/* ---- passes ----------------------------------------------------------------------------------- */

/* A thread takes a chunk through all steps in buffers of its own, because what another core has written is
 * slow to read. Chunks are cut by shape alone, and so are the groups of chunks whose sums are the gradient of
 * the weights: results do not depend on the number of threads. */
typedef struct {
  mb_size first, count; /* tiles */
} Chunk;

static Chunk chunk_at(const Plan *p, mb_size i) {
  return (Chunk){.first = i * p->chunk, .count = mb_min(p->chunk, p->tiles - i * p->chunk)};
}

/* Planes of rows that wide. */
static mb_size plane_of(const Plan *p, mb_size width) {
  return p->chunk * width + PLANE_GAP;
}

/* Plane i of the result of a pass takes the place of plane i - 1 of what it is made from, so that both stay
 * in the second cache. */
static mb_size shared_plane_of(const Plan *p) {
  return plane_of(p, mb_max(p->x_padded, p->y_padded));
}

/* Threads that each transform the weights for themselves; 1 where they share that too, as many threads do,
 * for which the transform would take longer than the rest. */
static mb_size weights_copies(const Plan *p) {
  const mb_size threads = mb_get_threads();
  return p->chunks <= FEW_CHUNKS && threads <= FEW_THREADS ? mb_min(threads, p->chunks) : 1;
}

static mb_size part_of(const Plan *p, bool backward) {
  const mb_size copy = !backward && weights_copies(p) > 1 ? p->planes * p->weights : 0;
  const mb_size x_planes = backward ? p->planes * plane_of(p, p->x_padded) : 0;
  return mb_thread_part(copy + (p->planes + 1) * shared_plane_of(p) + x_planes);
}

static mb_size forward_scratch(const Plan *p) {
  return mb_get_threads() * part_of(p, false) + (weights_copies(p) == 1 ? p->planes * p->weights : 0);
}

static mb_size backward_scratch(const Plan *p, const mb_conv1d *s) {
  return mb_get_threads() * part_of(p, true) + p->planes * p->weights * (1 + p->groups) +
         mb_bias_scratch(s, p->groups);
}

/* Reals that hold marks of tiles, two for each. They are behind all else. */
static mb_size mark_reals(const Plan *p) {
  return mb_ceil_div(2 * p->tiles, (mb_size)sizeof(mb_real));
}

static mb_size unmarked_scratch(const Plan *p, const mb_conv1d *s, bool backward) {
  const mb_items items = marked(p, NULL);
  const mb_size direct =
      mb_max(mb_conv1d_direct_scratch(s), mb_conv1d_direct_items_scratch(s, &items, &items));
  return mb_max(direct, backward ? backward_scratch(p, s) : forward_scratch(p));
}

mb_size mb_conv1d_fft_scratch(const mb_conv1d *s) {
  const Plan forward = best_plan(s, false), backward = best_plan(s, true);
  return mb_max(unmarked_scratch(&forward, s, false) + mark_reals(&forward),
                unmarked_scratch(&backward, s, true) + mark_reals(&backward));
}

typedef struct {
  mb_size sample, first, rows; /* the rows to make from the tile */
} Tile;

static Tile tile_at(const Plan *p, mb_size i, mb_size rows) {
  const mb_size first = i % p->per_sample * p->valid;
  return (Tile){.sample = i / p->per_sample, .first = first, .rows = mb_min(p->valid, rows - first)};
}

/* Tiles are looked at a run at a time, and by themselves only if that leaves doubt. Of tile t that many rows
 * count, from row first t.first + shift on. */
#define RUN_ROWS 96
typedef mb_size CountRows(const Tile *t, const mb_conv1d *s, const Plan *p);

static mb_size rows_of_windows(const Tile *t, const mb_conv1d *s, const Plan *p) {
  return mb_conv1d_rows(s, t->rows) + p->taps - 1;
}
static mb_size rows_of_gradient(const Tile *t, const mb_conv1d *s, const Plan *p) {
  return mb_min(t->rows, s->L_out + p->taps - 1 - t->first) + p->taps - 1;
}
static mb_size rows_of_tile(const Tile *t, const mb_conv1d *s, const Plan *p) {
  (void)s, (void)p;
  return t->rows;
}

/* Of tiles whose rows are summed over, for weights: every weight meets the rows from taps - 1 to L_out - 1 of
 * a sample, but not those of a tile at either end, and the transform rounds all weights by the size of such a
 * tile. So these are judged together with as many rows of the others. */
static void add_inner_rows(mb_size *begin, mb_size *end, const mb_conv1d *s, const Plan *p) {
  const bool at_start = *begin<p->taps - 1, at_end = *end> s->L_out;
  if (at_start) *end = mb_max(*end, p->taps - 1 + mb_min(p->valid, s->L_out));
  if (at_end) *begin = mb_max(mb_min(*begin, s->L_out - p->valid), 0);
}

/* Tells whether a tile is far larger than rows begin to end - 1. */
static bool outweighs(const Source *o, const Tile *t, mb_size begin, mb_size end, const mb_conv1d *s) {
  double squares = 0, roots[T_MOST] = {0};
  const mb_conv1d_range range = {
      .T = o->range.T, .taps = end - begin, .depth = (end - begin) * o->rows.width};
  is_sure(o, &squares, t->sample, t->first, t->rows);
  add_roots(roots, o, t->sample, begin, end - begin, s);
  return squares != 0 && !mb_conv1d_range_of_windows(roots, squares, 1, &range);
}

static bool outweighs_inner_rows(const Source *o, const Tile *t, const mb_conv1d *s, const Plan *p) {
  const mb_size reach = p->taps - 1, rows = mb_min(p->valid, s->L_out);
  return (t->first < reach && outweighs(o, t, reach, reach + rows, s)) ||
         (t->first + t->rows > s->L_out && outweighs(o, t, s->L_out - rows, s->L_out, s));
}

/* Of a tile of the input, for sums over all of its rows. */
static bool is_wide_for_weights(Source *o, const Tile *t, const mb_conv1d *s, const Plan *p) {
  mb_size begin = t->first, end = t->first + t->rows;
  double squares;
  add_inner_rows(&begin, &end, s, p);
  o->range.taps = t->rows, o->range.depth = t->rows * o->rows.width;
  if (is_sure(o, &squares, t->sample, begin, end - begin)) return false;
  return is_wide(o, t->sample, t->first, t->rows, 1, s) || outweighs_inner_rows(o, t, s, p);
}

static void mark(uint8_t *marks, Source *o, CountRows *count_rows, mb_size step, mb_size shift, mb_size rows,
                 Chunk chunk, const mb_conv1d *s, const Plan *p) {
  const bool for_weights = count_rows == rows_of_tile;
  const mb_size chunk_end = chunk.first + chunk.count, most = mb_max(RUN_ROWS / (p->valid * step), 1);
  for (mb_size i = chunk.first, next; i < chunk_end; i = next) {
    next = mb_min(mb_min(i + most, chunk_end), (i / p->per_sample + 1) * p->per_sample);
    const Tile first = tile_at(p, i, rows), last = tile_at(p, next - 1, rows);
    mb_size begin = first.first * step + shift, end = last.first * step + shift + count_rows(&last, s, p);
    double squares;
    if (for_weights) add_inner_rows(&begin, &end, s, p);
    memset(marks + i, 0, (size_t)(next - i));
    if (next - i > 1 && is_sure(o, &squares, first.sample, begin, end - begin)) continue;
    for (mb_size j = i; j < next; j++) {
      const Tile t = tile_at(p, j, rows);
      const mb_size count = count_rows(&t, s, p);
      if (for_weights)
        marks[j] = is_wide_for_weights(o, &t, s, p);
      else
        marks[j] =
            count > 0 && is_wide(o, t.sample, t.first * step + shift, count, count - o->range.taps + 1, s);
    }
  }
}

/* Transforms go through memory column by column, an order that the processor does not foresee. So the rows
 * that a chunk reads or writes are touched before, in order: row begin of the sample of tile a to row end - 1
 * of that of tile b. */
static void touch(const mb_real *x, const Rows *rows, mb_size samples, Tile a, mb_size begin, Tile b,
                  mb_size end) {
  const mb_size from = a.sample * rows->size + rows->origin + begin * rows->width;
  const mb_size to = b.sample * rows->size + rows->origin + end * rows->width;
  const mb_size size = samples * rows->size, first = mb_min(mb_max(from, 0), size);
  mb_warm(x + first, mb_min(to, size) - first);
}

typedef struct {
  mb_real *y;
  uint8_t *argmax;
  const mb_real *x, *w, *b;
  uint8_t *is_wide; /* for each tile */
} Forward;

static void forward_chunk(const Forward *f, const mb_real *w_planes, mb_real *buffer, const mb_conv1d *s,
                          const Plan *p, Chunk chunk) {
  const mb_simd *v = mb_simd_here();
  const mb_size plane = shared_plane_of(p), results = mb_conv1d_results(s);
  mb_real *y_planes = buffer, *x_planes = buffer + plane, rows[T_MOST * MB_MAX_LANES] MB_ALIGNED;
  const Tile first = tile_at(p, chunk.first, results);
  const Tile last = tile_at(p, chunk.first + chunk.count - 1, results);
  Source x = input_source(f->x, s, p);
  mark(f->is_wide, &x, rows_of_windows, p->step, 0, results, chunk, s, p);
  for (mb_size i = 0; i < chunk.count; i++) {
    const Tile t = tile_at(p, chunk.first + i, results);
    transform_input(x_planes + i * p->x_padded, plane, f->x + t.sample * p->x.size, &p->x, t.first * p->step,
                    p->T, p->T, 0);
  }
  for (mb_size i = 0; i < p->planes; i++)
    v->product(y_planes + i * plane, p->y_padded, x_planes + i * plane, p->x_padded, 1,
               w_planes + i * p->weights, p->y_padded, chunk.count, mb_product_width(s->F), p->x.width,
               false);
  touch(f->y, &p->y, s->N, first, first.first, last, last.first + last.rows);
  for (mb_size i = 0; i < chunk.count; i++) {
    const Tile t = tile_at(p, chunk.first + i, results);
    for (mb_size c = 0; c < s->F; c += v->lanes) {
      const mb_size at = (t.sample * results + t.first) * s->F + c;
      v->inverse(rows, y_planes + i * p->y_padded + c, plane, p->T, (int)(p->T - p->taps + 1));
      mb_epilogue_rows(f->y + at, f->argmax ? f->argmax + at : NULL, rows, v->lanes, t.rows,
                       mb_min(v->lanes, s->F - c), f->b ? f->b + c : NULL, s);
    }
  }
}

static void share_all(const Forward *f, mb_real *scratch, const mb_conv1d *s, const Plan *p) {
  mb_real *w_planes = scratch + mb_get_threads() * part_of(p, false);
#pragma omp parallel num_threads(mb_conv1d_threads(s))
  {
    MB_FLUSH_DENORMALS;
    mb_real *buffer = scratch + omp_get_thread_num() * part_of(p, false);
#pragma omp for
    for (mb_size c = 0; c < p->x.width; c++) transform_channel(w_planes, c, f->w, s, p);
    MB_SHARE(mb_conv1d_is_small(s), i, p->chunks, forward_chunk(f, w_planes, buffer, s, p, chunk_at(p, i)));
  }
}

/* Each thread transforms the weights for itself, and makes neighbouring rows: those of the layer before that
 * it needs, and the planes, have been written by itself. Which tiles share a chunk makes no difference to a
 * row of the result. */
static void share_rows(const Forward *f, mb_real *scratch, const mb_conv1d *s, const Plan *p, int threads) {
#pragma omp parallel for num_threads(threads)
  for (int i = 0; i < threads; i++) {
    MB_FLUSH_DENORMALS;
    mb_real *planes = scratch + i * part_of(p, false), *buffer = planes + p->planes * p->weights;
    for (mb_size c = 0; c < p->x.width; c++) transform_channel(planes, c, f->w, s, p);
    const mb_size end = (i + 1) * p->tiles / threads;
    for (mb_size first = i * p->tiles / threads; first < end; first += p->chunk) {
      const Chunk chunk = {.first = first, .count = mb_min(p->chunk, end - first)};
      forward_chunk(f, planes, buffer, s, p, chunk);
    }
  }
}

void mb_conv1d_fft_forward(mb_real *y, uint8_t *argmax, mb_real *scratch, const mb_real *x, const mb_real *w,
                           const mb_real *b, const mb_conv1d *s) {
  const Plan p = best_plan(s, false);
  if (!mb_conv1d_range_of_weights(w, s, p.T)) {
    mb_conv1d_direct_forward(y, argmax, scratch, x, w, b, s);
    return;
  }
  const Forward f = {y, argmax, x, w, b, (uint8_t *)(scratch + unmarked_scratch(&p, s, false))};
  const mb_size copies = weights_copies(&p);
  if (copies > 1)
    share_rows(&f, scratch, s, &p, (int)mb_min(copies, mb_conv1d_threads(s)));
  else
    share_all(&f, scratch, s, &p);
  const mb_items wide = marked(&p, f.is_wide);
  if (are_any(&wide)) mb_conv1d_direct_forward_items(y, argmax, scratch, x, w, b, s, &wide);
}

typedef struct {
  mb_real *dx, *dw_planes; /* NULL if not wanted */
  const mb_real *dy;
  const uint8_t *argmax;
  const mb_real *x, *w_planes;
  uint8_t *is_dy_wide, *is_any_wide; /* for each tile: too wide for dx, for dw */
} Backward;

/* Marks tiles, before their planes are made. */
static void mark_gradients(const Backward *b, Chunk chunk, const mb_conv1d *s, const Plan *p) {
  const mb_size rows = rows_to_make(s, true);
  Source dy = gradient_source(b->dy, b->argmax, s, p), x = input_source(b->x, s, p);
  mark(b->is_dy_wide, &dy, rows_of_gradient, 1, 1 - p->taps, rows, chunk, s, p);
  x.range.taps = p->valid, x.range.depth = p->valid * p->x.width;
  x.span = mb_max(x.span, x.range.depth / 8); /* all of the tile is one window: fewer samples do */
  if (b->dw_planes) mark(b->is_any_wide, &x, rows_of_tile, 1, 0, rows, chunk, s, p);
}

/* Clears the planes of what is too wide for sums over tiles. */
static void clear_wide(const Backward *b, mb_size i, mb_real *x_planes, mb_size x_plane, mb_real *dy_planes,
                       mb_size plane, const Plan *p) {
  if (b->is_dy_wide[i]) clear_planes(dy_planes, plane, p->planes, p->y_padded);
  if (!b->dw_planes) return;
  b->is_any_wide[i] |= b->is_dy_wide[i];
  if (b->is_any_wide[i]) clear_planes(x_planes, x_plane, p->planes, p->x_padded);
}

/* Tiles of valid rows of x, zeros behind them, and of the rows of dy that reach them: their products are the
 * gradient of the weights; those of dy and the flipped weights are the gradient of x. */
static void backward_chunk(const Backward *b, mb_real *dw_planes, double *db_sum, mb_real *buffer,
                           const mb_conv1d *s, const Plan *p, Chunk chunk, bool add) {
  const mb_simd *v = mb_simd_here();
  const mb_size rows = rows_to_make(s, true), reach = p->taps - 1;
  const mb_size plane = shared_plane_of(p), x_plane = plane_of(p, p->x_padded);
  mb_real *dx_planes = buffer, *dy_planes = buffer + plane, *x_planes = dy_planes + p->planes * plane;
  const Tile first = tile_at(p, chunk.first, rows), last = tile_at(p, chunk.first + chunk.count - 1, rows);
  if (db_sum)
    mb_bias_add(db_sum, b->dy, b->argmax, mb_bias_row(s, first.sample, first.first),
                mb_bias_row(s, last.sample, last.first + last.rows), s);
  if (!b->dx && !dw_planes) return;
  mark_gradients(b, chunk, s, p);
  for (mb_size i = 0; i < chunk.count; i++) {
    const Tile t = tile_at(p, chunk.first + i, rows);
    transform_gradient(dy_planes + i * p->y_padded, plane, b->dy, b->argmax, t.sample, t.first - reach, p->T,
                       s);
    if (dw_planes)
      transform_input(x_planes + i * p->x_padded, x_plane, b->x + t.sample * p->x.size, &p->x, t.first,
                      t.rows, p->T, (int)p->valid);
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
  if (b->dx) touch(b->dx, &p->x, s->N, first, first.first, last, last.first + last.rows);
  for (mb_size i = 0; i < (b->dx ? chunk.count : 0); i++) {
    const Tile t = tile_at(p, chunk.first + i, rows);
    inverse_gradient(b->dx + t.sample * p->x.size, t.first, t.rows, dx_planes + i * p->x_padded, plane, p);
  }
}

/* planes[0] += planes[1] + planes[2] + ..., planes of count reals. */
MB_CLONES static void add_planes(mb_real *planes, mb_size count, mb_size plane, mb_size apart,
                                 mb_size groups) {
  for (mb_size g = 1; g < groups; g++)
    for (mb_size i = plane * count; i < (plane + 1) * count; i++) planes[i] += planes[g * apart + i];
}

/* Points behind all windows have no gradient at all. */
static void clear_unseen(mb_real *dx, const mb_conv1d *s) {
  const mb_size seen = (s->L_out - 1) * s->stride + s->K - s->pad_left;
  for (mb_size n = 0; n < s->N && seen < s->L; n++)
    memset(dx + (n * s->L + seen) * s->C, 0, sizeof(mb_real) * (size_t)((s->L - seen) * s->C));
}

static void do_wide_again(mb_real *dx, mb_real *dw, mb_real *scratch, const Backward *b, const mb_real *w,
                          const mb_conv1d *s, const Plan *p) {
  const mb_items for_dx = marked(p, b->is_dy_wide), for_dw = marked(p, b->is_any_wide);
  if (dx && are_any(&for_dx)) mb_conv1d_direct_input_items(dx, scratch, b->dy, b->argmax, w, s, &for_dx);
  if (dw && are_any(&for_dw)) mb_conv1d_direct_add_weights(dw, scratch, b->dy, b->argmax, b->x, s, &for_dw);
}

void mb_conv1d_fft_backward(mb_real *dx, mb_real *dw, mb_real *db, mb_real *scratch, const mb_real *dy,
                            const uint8_t *argmax, const mb_real *x, const mb_real *w, const mb_conv1d *s) {
  const Plan p = best_plan(s, true);
  if (!mb_conv1d_range_of_weights(w, s, p.T) || !mb_conv1d_range_of_channels(w, s, p.T)) {
    mb_conv1d_direct_backward(dx, dw, db, scratch, dy, argmax, x, w, s);
    return;
  }
  const mb_size group = p.planes * p.weights, bias = mb_bias_count(s);
  mb_real *w_planes = scratch + mb_get_threads() * part_of(&p, true), *dw_planes = w_planes + group;
  double *sums = (double *)(dw_planes + p.groups * group);
  uint8_t *marks = (uint8_t *)(scratch + unmarked_scratch(&p, s, true));
  const Backward b = {dx, dw ? dw_planes : NULL, dy, argmax, x, w_planes, marks, marks + p.tiles};
#pragma omp parallel num_threads(mb_conv1d_threads(s))
  {
    MB_FLUSH_DENORMALS;
    mb_real *buffer = scratch + omp_get_thread_num() * part_of(&p, true);
    if (dx) transform_flipped(w_planes, w, s, &p);
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
      inverse_weights(dw, dw_planes, s, &p);
    }
  }
  if (db) mb_bias_total(db, sums, p.groups, s);
  if (dx) clear_unseen(dx, s);
  if (dx || dw) do_wide_again(dx, dw, scratch, &b, w, s, &p);
}
