/* simd_table.h - what simd.h compiles for each instruction set, as a table of functions (simd.c). It knows no
 * layer: sizes and an mb_epilogue. */
#ifndef MB_SIMD_TABLE_H
#define MB_SIMD_TABLE_H

#include "epilogue.h"
#include "product.h"

#define MB_MAX_FFT   128 /* rows of the longest Fourier transform */
#define MB_WINOGRAD  8   /* rows of a Winograd transform */
#define MB_MAX_LANES 16  /* widths that are multiples of this are multiples of lanes */

typedef struct {
  int lanes; /* reals in a vector, and channels that a transform works on at once */

  /* C (M x N, rows ldc apart) = or, with add, += A B; a[i, d] is A[i row + d step], B (depth x N) has rows
   * ldb apart and may be read up to the next multiple of lanes behind N. */
  void (*product)(mb_real *C, mb_size ldc, const mb_real *A, mb_size row, mb_size step, const mb_real *B,
                  mb_size ldb, mb_size M, mb_size N, mb_size depth, bool add);

  /* The same; prefetches up to depth lines of each run meanwhile. */
  void (*product_prefetch)(mb_real *C, mb_size ldc, const mb_real *A, mb_size row, mb_size step,
                           const mb_real *B, mb_size ldb, mb_size M, mb_size N, mb_size depth, bool add,
                           const mb_prefetch *prefetch);

  /* Lane by lane, of MB_MAX_LANES columns: row i of y (rows, ldy apart) = or, with add, += the sum over d of
   * x[i row + d step] z[d ldz]. */
  void (*lanewise)(mb_real *y, mb_size ldy, const mb_real *x, mb_size row, mb_size step, const mb_real *z,
                   mb_size ldz, mb_size rows, mb_size depth, bool add);

  /* y (rows, vectors, MB_MAX_LANES) = columns of x (rows, width): y[r][v][l] = x[r][at[v][l]]. */
  void (*spread_columns)(mb_real *y, const mb_real *x, mb_size width, mb_size rows, mb_size vectors,
                         const int *at);

  /* y (columns x rows, ldy apart) = x (rows x columns, ldx apart) transposed. */
  void (*transpose)(mb_real *y, mb_size ldy, const mb_real *x, mb_size ldx, mb_size rows, mb_size columns);

  /* Forward transform of T rows, ld apart. filter = 0: data; else the first `filter` rows of a filter, zero
   * padded. T = 32, 64 or 128: twice the Fourier transform in 3 T / 2 - 1 planes, the real frequencies 0 and
   * T / 2, then for each other frequency real part, imaginary part, and their difference (data) or sum
   * (filter). T = MB_WINOGRAD: T planes, values of polynomials. Plane p goes to planes + p plane. */
  void (*transform)(mb_real *planes, mb_size plane, const mb_real *rows, mb_size ld, int T, int filter);

  /* Inverse transform of the products of the planes of data and filter: rows i = 0 .. count - 1 (lanes
   * apart; count + filter = T + 1) of the sum over j of filter[j] data[i + j]. Fourier transforms give 4 T
   * times that. */
  void (*inverse)(mb_real *rows, const mb_real *planes, mb_size plane, int T, int count);

  /* As mb_epilogue_rows and mb_unpool_rows of epilogue.h, for pool > 0. Rows are whole vectors; the buffer is
   * zero before. */
  void (*epilogue)(mb_real *y, uint8_t *argmax, const mb_real *rows, mb_size ld, mb_size count,
                   mb_size columns, const mb_real *b, const mb_epilogue *e);
  void (*unpool)(mb_real *buffer, mb_size ld, const mb_real *dy, const uint8_t *argmax, mb_size first,
                 mb_size count, mb_size columns, const mb_epilogue *e);

  /* As mb_unary and mb_unary_backward, on the calling thread. */
  void (*unary)(mb_real *y, mb_unary_op op, mb_real p, const mb_real *x, mb_size count);
  void (*unary_backward)(mb_real *dx, mb_unary_op op, mb_real p, const mb_real *dy, const mb_real *kept,
                         mb_size count);

  /* Of one row of D: scale softmax(x); log softmax(x); its gradient, as mb_log_softmax_backward; and
   * log softmax(x)[label]. */
  void (*softmax)(mb_real *restrict y, const mb_real *restrict x, mb_real scale, mb_size D);
  mb_real (*exp_row)(mb_real *x, mb_size D); /* x = exp(x - max x); returns the sum */
  void (*log_softmax)(mb_real *restrict y, const mb_real *restrict x, mb_size D);
  void (*log_softmax_backward)(mb_real *restrict dx, const mb_real *restrict dy, const mb_real *restrict y,
                               mb_size D);
  double (*log_probability)(const mb_real *x, mb_size label, mb_size D);

  /* Sums of x^2 and of sqrt |x|, the latter within 4 %, which conv1d_range.c judges by. least_roots: the
   * least sum of roots of a block (whole vectors, or less than one) among those at 0, step, 2 step, ... and
   * at the end of count reals. sum_columns: adds the roots and squares of each column. sum_rows: over rows of
   * count reals, the least sum of roots of a row, the sum of all roots, and that of squares. */
  mb_real (*sum_squares)(const mb_real *x, mb_size count);
  mb_real (*sum_roots)(const mb_real *x, mb_size count);
  mb_real (*least_roots)(const mb_real *x, mb_size count, mb_size block, mb_size step);
  void (*sum_columns)(mb_real *roots, mb_real *squares, const mb_real *x, mb_size ld, mb_size count,
                      mb_size columns);
  void (*sum_rows)(mb_real *least, mb_real *roots, mb_real *squares, const mb_real *x, mb_size ld,
                   mb_size rows, mb_size count);
} mb_simd;

const mb_simd *mb_simd_here(void); /* the best for this processor */
/* Tells whether products of MB_MAX_LANES / 2 columns cost less than of twice as many: not with AVX-512 on
 * Intel, where 40 columns took longer than 48 (Cascade Lake). */
bool mb_halves_cost_less(void);
/* For tests: another set, 0 being the best of any; false if there is none or the processor has not got it. */
bool mb_use_simd(int set);

#pragma GCC visibility push(hidden)
/* The sets: v4 and v3 exist with MB_CHOOSES_SET only. */
extern const mb_simd mb_simd_base, mb_simd_v3, mb_simd_v4;
/* cos and sin of 2 pi k / MB_MAX_FFT. */
extern mb_real mb_cosines[MB_MAX_FFT], mb_sines[MB_MAX_FFT];
#pragma GCC visibility pop

#endif
