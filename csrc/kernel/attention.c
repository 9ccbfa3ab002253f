/* attention.c - scaled dot-product attention of several heads, in blocks of rows: the map of all pairs of
 * points is never kept, and backward makes it again. */
#include "simd_table.h"

#include <math.h>
#include <omp.h>
#include <string.h>

/* Rows of a block: about this many of its pairs stay in the second cache, a multiple of the rows of a tile.
 */
#define BLOCK_PAIRS 32768
#define TILE_ROWS   6

static mb_size depth_of(const mb_attention *s) {
  return s->C / s->heads;
}
static mb_size wide_of(const mb_attention *s) {
  return mb_ceil_div(depth_of(s), MB_MAX_LANES) * MB_MAX_LANES;
}
static mb_size block_of(const mb_attention *s) {
  const mb_size rows = BLOCK_PAIRS / s->L / TILE_ROWS * TILE_ROWS;
  return mb_min(mb_max(rows, TILE_ROWS), s->L);
}

/* Queries, keys and values of one sample and head: rows 3 C apart. */
typedef struct {
  const mb_real *q, *k, *v;
} Head;

static Head head_at(const mb_real *qkv, const mb_attention *s, mb_size item) {
  const mb_real *x = qkv + item / s->heads * s->L * 3 * s->C + item % s->heads * depth_of(s);
  return (Head){x, x + s->C, x + 2 * s->C};
}

static mb_size panels_count(const mb_attention *s) {
  return mb_ceil_div(s->L, MB_PANEL) * MB_PANEL * depth_of(s);
}

/* y (panels, depth, MB_PANEL) = the transpose of x (L, depth), rows ld apart. */
static void pack_transposed(mb_real *y, const mb_real *x, mb_size ld, mb_size L, mb_size depth) {
  for (mb_size j = 0; j < L; j += MB_PANEL, y += depth * MB_PANEL) {
    const mb_size columns = mb_min(MB_PANEL, L - j);
    mb_simd_here()->transpose(y, MB_PANEL, x + j * ld, ld, columns, depth);
  }
}

/* y (rows, wide) = scale x (rows, depth), rows ld apart. */
MB_CLONES static void copy_scaled(mb_real *restrict y, mb_size wide, mb_real scale, const mb_real *restrict x,
                                  mb_size ld, mb_size rows, mb_size depth) {
  for (mb_size r = 0; r < rows; r++) {
    for (mb_size d = 0; d < depth; d++) y[r * wide + d] = scale * x[r * ld + d];
    for (mb_size d = depth; d < wide; d++) y[r * wide + d] = 0;
  }
}

/* The keys that point i sees, and with it the points before it. */
static mb_size seen_by(const mb_attention *s, mb_size i) {
  return s->causal ? i + 1 : s->L;
}

/* y (rows, keys), rows L apart = x (rows, wide) times the matrix in panels. */
static void pairs(mb_real *y, const mb_real *x, const mb_real *panels, mb_size rows, mb_size keys,
                  const mb_attention *s) {
  for (mb_size j = 0; j < keys; j += MB_PANEL, panels += depth_of(s) * MB_PANEL)
    mb_simd_here()->product(y + j, s->L, x, wide_of(s), 1, panels, MB_PANEL, rows, mb_min(MB_PANEL, keys - j),
                            depth_of(s), false);
}

static void clear(mb_real *x, mb_size count) {
  memset(x, 0, sizeof(mb_real) * (size_t)count);
}

static mb_real scale_of(const mb_attention *s) {
  return (mb_real)(1 / sqrt((double)depth_of(s)));
}

/* ---- forward ---------------------------------------------------------------------------------- */

static mb_size forward_part(const mb_attention *s) {
  return panels_count(s) + s->L * wide_of(s) + block_of(s) * (wide_of(s) + s->L);
}

static void forward_item(mb_real *y, mb_real *buffer, const mb_real *qkv, const mb_attention *s,
                         mb_size item) {
  const mb_size depth = depth_of(s), wide = wide_of(s), ld = 3 * s->C;
  const Head h = head_at(qkv, s, item);
  mb_real *keys = buffer, *values = keys + panels_count(s), *queries = values + s->L * wide;
  mb_real *map = queries + block_of(s) * wide;
  pack_transposed(keys, h.k, ld, s->L, depth);
  copy_scaled(values, wide, 1, h.v, ld, s->L, depth);
  y += item / s->heads * s->L * s->C + item % s->heads * depth;
  for (mb_size i = 0; i < s->L; i += block_of(s)) {
    const mb_size rows = mb_min(block_of(s), s->L - i), most = seen_by(s, i + rows - 1);
    copy_scaled(queries, wide, scale_of(s), h.q + i * ld, ld, rows, depth);
    pairs(map, queries, keys, rows, most, s);
    for (mb_size r = 0; r < rows; r++) {
      const mb_size seen = seen_by(s, i + r);
      const mb_real inverse = 1 / mb_simd_here()->exp_row(map + r * s->L, seen);
      for (mb_size j = 0; j < seen; j++) map[r * s->L + j] *= inverse;
      clear(map + r * s->L + seen, most - seen);
    }
    mb_simd_here()->product(y + i * s->C, s->C, map, s->L, 1, values, wide, rows, depth, most, false);
  }
}

/* Each thread has a part of scratch. A head of a sample is made by one thread. */
#define EACH_ITEM(part, ...)                                                                                 \
  do {                                                                                                       \
    const mb_size part_reals = (part);                                                                       \
    _Pragma("omp parallel num_threads(s->threads) if (s->threads > 1)") {                                    \
      MB_FLUSH_DENORMALS;                                                                                    \
      mb_real *buffer = (mb_real *)scratch + omp_get_thread_num() * part_reals;                              \
      _Pragma("omp for schedule(dynamic)") for (mb_size item = 0; item < s->N * s->heads; item++)            \
          __VA_ARGS__;                                                                                       \
    }                                                                                                        \
  } while (0)

void mb_attention_forward(mb_real *y, void *scratch, const mb_real *qkv, const mb_attention *s) {
  EACH_ITEM(forward_part(s), forward_item(y, buffer, qkv, s, item));
}

/* ---- backward --------------------------------------------------------------------------------- */

static mb_size backward_part(const mb_attention *s) {
  return 2 * panels_count(s) + 3 * s->L * wide_of(s) + 2 * block_of(s) * (wide_of(s) + s->L);
}

/* map: the exponentials of a row become its softmax, whose sum is that of map; dmap, the gradient of the
 * softmax, becomes that of its argument. */
MB_CLONES static void softmax_row_backward(mb_real *restrict dmap, mb_real *restrict map, mb_real sum,
                                           mb_size L) {
  const mb_real inverse = 1 / sum;
  mb_real total = 0;
#pragma omp simd reduction(+ : total)
  for (mb_size j = 0; j < L; j++) {
    map[j] *= inverse;
    total += map[j] * dmap[j];
  }
  for (mb_size j = 0; j < L; j++) dmap[j] = map[j] * (dmap[j] - total);
}

typedef struct {
  mb_real *keys, *values; /* panels of the transposes */
  mb_real *by_row;        /* keys, rows of whole vectors */
  mb_real *dk, *dv;       /* sums over blocks, likewise */
  mb_real *queries, *dy;  /* of a block, likewise */
  mb_real *map, *dmap;    /* of a block */
} Buffers;

static Buffers buffers_in(mb_real *x, const mb_attention *s) {
  const mb_size wide = wide_of(s), block = block_of(s);
  Buffers b = {.keys = x, .values = x + panels_count(s)};
  b.by_row = b.values + panels_count(s), b.dk = b.by_row + s->L * wide, b.dv = b.dk + s->L * wide;
  b.queries = b.dv + s->L * wide, b.dy = b.queries + block * wide;
  b.map = b.dy + block * wide, b.dmap = b.map + block * s->L;
  return b;
}

/* A block of rows from row i on: dq (rows 3 C apart), and what it adds to dk and dv. */
static void backward_block(mb_real *dq, const Buffers *b, mb_size i, mb_size rows, const mb_attention *s) {
  const mb_simd *simd = mb_simd_here();
  const mb_size depth = depth_of(s), wide = wide_of(s), L = s->L, most = seen_by(s, i + rows - 1);
  pairs(b->map, b->queries, b->keys, rows, most, s);
  pairs(b->dmap, b->dy, b->values, rows, most, s);
  for (mb_size r = 0; r < rows; r++) {
    const mb_size seen = seen_by(s, i + r);
    mb_real *map = b->map + r * L, *dmap = b->dmap + r * L;
    softmax_row_backward(dmap, map, simd->exp_row(map, seen), seen);
    clear(map + seen, most - seen), clear(dmap + seen, most - seen);
  }
  simd->product(b->dv, wide, b->map, 1, L, b->dy, wide, most, depth, rows, true);
  simd->product(b->dk, wide, b->dmap, 1, L, b->queries, wide, most, depth, rows, true);
  simd->product(dq, 3 * s->C, b->dmap, L, 1, b->by_row, wide, rows, depth, most, false);
}

static void backward_item(mb_real *dqkv, mb_real *buffer, const mb_real *dy, const mb_real *qkv,
                          const mb_attention *s, mb_size item) {
  const mb_size depth = depth_of(s), wide = wide_of(s), ld = 3 * s->C;
  const Head h = head_at(qkv, s, item);
  const Buffers b = buffers_in(buffer, s);
  mb_real *dq = dqkv + (h.q - qkv);
  pack_transposed(b.keys, h.k, ld, s->L, depth);
  pack_transposed(b.values, h.v, ld, s->L, depth);
  copy_scaled(b.by_row, wide, scale_of(s), h.k, ld, s->L, depth);
  clear(b.dk, 2 * s->L * wide);
  dy += item / s->heads * s->L * s->C + item % s->heads * depth;
  for (mb_size i = 0; i < s->L; i += block_of(s)) {
    const mb_size rows = mb_min(block_of(s), s->L - i);
    copy_scaled(b.queries, wide, scale_of(s), h.q + i * ld, ld, rows, depth);
    copy_scaled(b.dy, wide, 1, dy + i * s->C, s->C, rows, depth);
    backward_block(dq + i * ld, &b, i, rows, s);
  }
  mb_copy_blocks(dq + s->C, ld, b.dk, wide, s->L, depth);
  mb_copy_blocks(dq + 2 * s->C, ld, b.dv, wide, s->L, depth);
}

void mb_attention_backward(mb_real *dqkv, void *scratch, const mb_real *dy, const mb_real *qkv,
                           const mb_attention *s) {
  EACH_ITEM(backward_part(s), backward_item(dqkv, buffer, dy, qkv, s, item));
}

size_t mb_attention_scratch_bytes(const mb_attention *s) {
  return (size_t)s->threads * (size_t)mb_max(forward_part(s), backward_part(s)) * sizeof(mb_real);
}
