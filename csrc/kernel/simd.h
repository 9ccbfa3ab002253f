/* simd.h - the inner loops of fast convolutions and products, for one instruction set: simd_base.c,
 * simd_v3.c and simd_v4.c each include it once, with SET the name of the result, REGISTER bytes in a vector
 * and TILE_VECTORS vectors in a row of a product's register tile. */
#include "simd_table.h"

#include <string.h>

#define LANES ((int)(REGISTER / sizeof(mb_real)))

/* Unaligned, and may alias reals. */
typedef mb_real Vec __attribute__((vector_size(REGISTER), aligned(sizeof(mb_real)), may_alias));

/* For the last columns of a product, for which narrower arithmetic is faster. */
typedef mb_real Half __attribute__((vector_size(REGISTER / 2), aligned(sizeof(mb_real)), may_alias));

/* Integers as wide as reals: -1 if a comparison holds, else 0. */
#ifdef MB_DOUBLE
typedef int64_t Mask __attribute__((vector_size(REGISTER), may_alias));
#else
typedef int32_t Mask __attribute__((vector_size(REGISTER), may_alias));
#endif

MB_INLINE Vec load(const mb_real *x) {
  return *(const Vec *)x;
}
MB_INLINE void store(mb_real *y, Vec value) {
  *(Vec *)y = value;
}

#include "simd_fma.h"
/* what follows uses it */
#include "simd_epilogue.h"
#include "simd_fourier.h"
#include "simd_gemm.h"
#include "simd_lanewise.h"
#include "simd_softmax.h"
#include "simd_unary.h"
#include "simd_winograd.h"

#include "simd_range.h"

static void transform(mb_real *planes, mb_size plane, const mb_real *rows, mb_size ld, int T, int filter) {
  switch (T) {
  case MB_WINOGRAD: winograd_transform(planes, plane, rows, ld, filter); break;
  case 32: fourier_transform(planes, plane, rows, ld, filter, 4, 4); break;
  case 64: fourier_transform(planes, plane, rows, ld, filter, 4, 8); break;
  default: fourier_transform(planes, plane, rows, ld, filter, 8, 8); break;
  }
}

static void inverse(mb_real *rows, const mb_real *planes, mb_size plane, int T, int count) {
  switch (T) {
  case MB_WINOGRAD: winograd_inverse(rows, planes, plane, count); break;
  case 32: fourier_inverse(rows, planes, plane, 4, 4); break;
  case 64: fourier_inverse(rows, planes, plane, 4, 8); break;
  default: fourier_inverse(rows, planes, plane, 8, 8); break;
  }
}

const mb_simd SET = {LANES,           product,     product_prefetch, lanewise,
                     spread_columns,  transpose,   transform,        inverse,
                     epilogue,        unpool,      unary_run,        unary_backward_run,
                     softmax_row,     exp_row,     log_softmax_row,  log_softmax_backward_row,
                     log_probability, sum_squares, sum_roots,        least_roots,
                     sum_columns,     sum_rows};
