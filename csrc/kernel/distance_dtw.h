/* distance_dtw.h - warping of one row against many at once (distance_dtw.c), for matrices and for neighbours.
 */
#ifndef MB_DTW_H
#define MB_DTW_H

#include "internal.h"

#define PACK 32 /* rows that are warped together */

/* rows (N, L) = x, or its derivative, times scale. */
void mb_dtw_prepare(mb_real *rows, const mb_real *x, mb_metric metric, mb_real scale, mb_size N, mb_size L);

/* A power of two that brings the largest value of a and b to about 1, so that no square overflows
 * or vanishes. */
mb_real mb_dtw_scale(const mb_real *a, mb_size a_count, const mb_real *b, mb_size b_count);

/* packed (L, PACK): rows index[0..count-1] of b, interleaved; missing ones repeat the last. */
void mb_dtw_pack(mb_real *packed, const mb_real *b, const mb_size *index, mb_size count, mb_size L);

/* Bytes of that many reals, rounded up so that the next array is aligned for vectors. */
static inline size_t mb_dtw_bytes(mb_size reals) {
  return ((size_t)reals * sizeof(mb_real) + 63) / 64 * 64;
}

/* cost[l]: least sum of squares of q warped to packed row l. Gives up if all are above limit,
 * and returns false. row holds (L + 1) PACK reals. */
bool mb_dtw_warp(mb_real cost[PACK], mb_real *row, const mb_real *q, const mb_real *packed, mb_size window,
                 mb_real limit, mb_size L);

/* upper and lower (L): the largest and smallest of q within the window. */
void mb_dtw_envelope(mb_real *upper, mb_real *lower, const mb_real *q, mb_size window, mb_size L);

/* At most the cost of warping x to the row of the envelope (LB_Keogh). */
mb_real mb_dtw_bound(const mb_real *x, const mb_real *upper, const mb_real *lower, mb_size L);

#endif
