/* conv1d_fft.h - shared by the files of the fft algorithm: cutting spectra into tiles (conv1d_tiling.c),
 * tiles to planes and back (conv1d_tiles.c), tiles of too wide a range (conv1d_wide.c). */
#ifndef MB_CONV1D_FFT_H
#define MB_CONV1D_FFT_H

#include "conv1d_parts.h"

#include <string.h>

/* ---- tiling (conv1d_tiling.c) ------------------------------------------------------------------ */

/* Reals between planes: planes of one frequency would else be a multiple of 4096 bytes apart and compete for
 * the same places in the caches. */
#define MB_PLANE_GAP 16

/* Row r of a sample is the width reals from origin + r width on; reals outside 0..size - 1 are zero. */
typedef struct {
  mb_size size, origin, width;
} mb_tile_rows;

#define MB_CHUNK_MOST 96 /* tiles in a chunk; more would gain nothing */

/* For a pass of a convolution with tiles of T rows. T = 0: such tiles are impossible. */
typedef struct {
  int T;
  mb_size taps, planes;
  mb_size valid, step;           /* rows made from a tile, and their distance in rows of the convolution */
  mb_size per_sample, tiles;     /* tiles */
  mb_size chunk, chunks, groups; /* tiles at most in a chunk, chunks, groups of chunks */
  mb_tile_rows x, y;
  mb_size x_padded, y_padded; /* widths in planes */
  mb_size weights;            /* reals in a plane of the weights */
  int threads;
} mb_tiling;

mb_tiling mb_tiling_of(const mb_conv1d *s, int T, bool backward);

/* Rows of the result (forward) or of x (backward) that have to be made from tiles. */
static inline mb_size mb_tiling_rows(const mb_conv1d *s, bool backward) {
  return backward ? (s->L - 1 + s->pad_left) / s->stride + 1 : mb_conv1d_results(s);
}

typedef struct {
  mb_size sample, first, rows; /* the rows to make from the tile */
} mb_tile;

static inline mb_tile mb_tile_at(const mb_tiling *p, mb_size i, mb_size rows) {
  const mb_size first = i % p->per_sample * p->valid;
  return (mb_tile){.sample = i / p->per_sample, .first = first, .rows = mb_min(p->valid, rows - first)};
}

/* Tiles that a thread takes through all steps, so that their planes stay in its L2. */
typedef struct {
  mb_size first, count;
} mb_chunk;

/* ---- tiles and planes (conv1d_tiles.c) --------------------------------------------------------- */

/* buffer (length, lanes): count rows, ld apart from real `first` on, of x (size), of which columns exist;
 * then zeros. */
void mb_copy_rows(mb_real *buffer, int lanes, mb_size length, const mb_real *x, mb_size size, mb_size first,
                  mb_size ld, mb_size columns, mb_size count);

/* Planes of count rows of a sample of x from row `first` on, zero-padded. filter as for mb_simd.transform. */
void mb_tile_transform_input(mb_real *planes, mb_size plane, const mb_real *sample, const mb_tile_rows *rows,
                             mb_size first, mb_size count, int T, int filter);
/* Planes of T rows of the gradient before the epilogue, from row `first` of a sample on. */
void mb_tile_transform_gradient(mb_real *planes, mb_size plane, const mb_real *dy, const uint8_t *argmax,
                                mb_size sample, mb_size first, int T, const mb_epilogue *e);
/* Rows first .. first + count - 1 of a sample of dx from the planes of a tile. */
void mb_tile_inverse_gradient(mb_real *sample, mb_size first, mb_size count, const mb_real *planes,
                              mb_size plane, const mb_tiling *p);

/* Row c of the planes (C', F padded) of w: tap m of channel c is the row of F at (m C' + c) F. */
void mb_tile_transform_channel(mb_real *planes, mb_size c, const mb_real *w, const mb_conv1d *s,
                               const mb_tiling *p);
/* Planes (F, C' padded) of w flipped and transposed; shared by the threads of the region around it. */
void mb_tile_transform_flipped(mb_real *planes, const mb_real *w, const mb_conv1d *s, const mb_tiling *p);
/* dw from the planes (C', F padded) of sums over tiles; shared like that. */
void mb_tile_inverse_weights(mb_real *dw, const mb_real *planes, const mb_conv1d *s, const mb_tiling *p);

/* ---- tiles for the direct algorithm (conv1d_wide.c) ---------------------------------------------- */

/* The marks of tiles as items of the direct algorithm, which computes those that are marked. */
mb_items mb_wide_items(const mb_tiling *p, const uint8_t *marks);
static inline bool mb_wide_any(const mb_items *items) {
  bool any = false;
  for (mb_size i = 0; i < items->count; i++) any |= items->only[i] != MB_ITEM_NOTHING;
  return any;
}

/* marks[i] = MB_ITEM_ALL for each tile i of a chunk whose range is too wide: of x for the result; of the
 * gradient of the result for that of x; of x, in the rows that are summed over, for the gradient of the
 * weights. For the result also for tiles with at most `few` results that are not flat, and MB_ITEM_FLAT for
 * more of them. */
void mb_wide_mark_forward(uint8_t *marks, const mb_real *x, mb_chunk chunk, mb_size few, const mb_conv1d *s,
                          const mb_tiling *p);
void mb_wide_mark_gradient(uint8_t *marks, const mb_real *dy, const uint8_t *argmax, mb_chunk chunk,
                           const mb_conv1d *s, const mb_tiling *p);
void mb_wide_mark_weights(uint8_t *marks, const mb_real *x, mb_chunk chunk, const mb_conv1d *s,
                          const mb_tiling *p);

#endif
