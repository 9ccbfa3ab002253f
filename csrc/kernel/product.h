/* product.h - matrix products tile by tile, and the cache lines to prefetch meanwhile (factors.c). */
#ifndef MB_PRODUCT_H
#define MB_PRODUCT_H

#include "internal.h"

/* Size of a tile; and the columns of a band: whole rows of most weights, so that an optimiser reads its
 * arrays as one run each. Bands of 256 columns took its step of 4000 x 1024 weights at batch 16 twice as
 * long. */
#define MB_TILE_ROWS 12
#define MB_PANEL     64
#define MB_BAND      ((mb_size)64 * MB_PANEL)
/* Rows of an item. */
#define MB_ITEM_ROWS ((mb_size)8 * MB_TILE_ROWS)

/* cblas_?gemm in the precision of mb_real, row-major, on the calling thread only (matmul.c). */
void mb_gemm(bool transpose_a, bool transpose_b, mb_size M, mb_size N, mb_size depth, mb_real alpha,
             const mb_real *A, mb_size lda, const mb_real *B, mb_size ldb, mb_real beta, mb_real *C,
             mb_size ldc);

#define MB_LINE ((mb_size)(64 / sizeof(mb_real))) /* reals in a line of a cache */

/* Cache lines to prefetch during a product: `lines` of them from each x that is not NULL. They come in bursts
 * of lines that are `near` reals apart; bursts begin `far` reals apart. */
#define MB_PREFETCH_RUNS 5
typedef struct {
  const mb_real *x[MB_PREFETCH_RUNS];
  mb_size lines, burst, near, far;
} mb_prefetch;

/* y = the tile of the product at row i, a multiple of MB_TILE_ROWS, and column j, a multiple of MB_PANEL.
 * prefetch may be NULL; at most depth lines of each run are prefetched. */
void mb_factors_tile(mb_real *y, mb_size ldy, const mb_factors *f, mb_size i, mb_size j,
                     const mb_prefetch *prefetch);

/* A statement for each row i of tiles of each band, which begins at column j, shared by the threads. */
#define MB_FACTORS_FOR(f, i, j, ...)                                                                         \
  do {                                                                                                       \
    const mb_factors *const for_f = (f);                                                                     \
    const mb_size items = mb_ceil_div(for_f->rows, MB_ITEM_ROWS),                                            \
                  bands = mb_ceil_div(for_f->columns, MB_BAND);                                              \
    const int for_f_threads = mb_threads_for(for_f->rows * for_f->columns);                                  \
    _Pragma("omp parallel for schedule(dynamic) num_threads(for_f_threads) if (for_f_threads > 1)") for (    \
        mb_size item = 0; item < items * bands; item++) {                                                    \
      const mb_size i_first = item % items * MB_ITEM_ROWS,                                                   \
                    i_end = mb_min(i_first + MB_ITEM_ROWS, for_f->rows);                                     \
      const mb_size j = item / items * MB_BAND;                                                              \
      MB_FLUSH_DENORMALS;                                                                                    \
      for (mb_size i = i_first; i < i_end; i += MB_TILE_ROWS) __VA_ARGS__;                                   \
    }                                                                                                        \
  } while (0)

#endif
