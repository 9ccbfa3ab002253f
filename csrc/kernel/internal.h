/* internal.h - what the kernel files share and nobody else sees. */
#ifndef MB_INTERNAL_H
#define MB_INTERNAL_H

#include "moonbow.h"

/* Compiled once per instruction set; the loader picks. Put it on functions whose loops the
 * compiler vectorises. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define MB_CHOOSES_SET
#endif
#if defined(MB_CHOOSES_SET) && !defined(MB_NO_CLONES)
#define MB_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define MB_CLONES
#endif

/* For bodies of loops that become fast once a constant argument is known. */
#define MB_INLINE static inline __attribute__((always_inline))

/* For arrays on the stack that are read and written in vectors: gcc aligns them to 16 or 32 bytes, and a
 * vector that crosses a cache line takes twice as long (transforms of 128 rows with AVX2: 10 %). */
#define MB_ALIGNED __attribute__((aligned(64)))

/* Below this many elements a parallel region costs more than it saves. */
#define MB_PARALLEL_MIN 32768
/* Elements per work item of elementwise loops and of partial sums: fixed, so that the number
 * of threads never changes a result. */
#define MB_BLOCK 16384

static inline mb_size mb_min(mb_size a, mb_size b) {
  return a < b ? a : b;
}
static inline mb_size mb_max(mb_size a, mb_size b) {
  return a > b ? a : b;
}
static inline mb_size mb_ceil_div(mb_size a, mb_size b) {
  return (a + b - 1) / b;
}

/* A gradient times a derivative: 0 where either is 0, whatever the other. What does not depend on x passes
 * nothing back to it, also where the derivative is infinite or not defined (the square root at 0), and what
 * does not move passes nothing on of an infinite gradient. */
static inline mb_real mb_chain(mb_real dy, mb_real derivative) {
  const mb_real product = dy * derivative;
  return ((dy == 0) | (derivative == 0)) ? 0 : product;
}

/* A (leaky) ReLU of z below 0, and its gradient there: 0 where the slope is 0, also of infinities. */
static inline mb_real mb_below(mb_real slope, mb_real z) {
  return slope == 0 ? 0 : slope * z;
}

/* Threads to use for this much work (in elements). */
static inline int mb_threads_for(mb_size work) {
  return work < MB_PARALLEL_MIN ? 1 : mb_get_threads();
}

/* A statement for i = 0, step, 2 step, ... below count, shared by that many threads. GCC's parallel
 * region costs half a microsecond even on one thread, so a plain loop stands in for it there. */
#define MB_FOR(threads, i, count, step, ...)                                                                 \
  do {                                                                                                       \
    const int for_threads = (threads);                                                                       \
    const mb_size for_count = (count), for_step = (step);                                                    \
    if (for_threads == 1) {                                                                                  \
      for (mb_size i = 0; i < for_count; i += for_step) __VA_ARGS__;                                         \
    } else {                                                                                                 \
      _Pragma("omp parallel for num_threads(for_threads)") for (mb_size i = 0; i < for_count; i += for_step) \
          __VA_ARGS__;                                                                                       \
    }                                                                                                        \
  } while (0)

/* To the end of the block, this thread takes subnormal numbers for zero: they slow some processors down many
 * times over, and trainings make them of gradients and moments that fade away. Every thread of a parallel
 * region has to say so itself. */
#ifdef __SSE__
#define MB_FLUSH_DENORMALS                                                                                   \
  const unsigned mb_mode __attribute__((cleanup(mb_restore_mode), unused)) = mb_flush_denormals()
static inline unsigned mb_flush_denormals(void) {
  const unsigned before = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr(before | 0x8040); /* flush to zero, denormals are zeros */
  return before;
}
static inline void mb_restore_mode(const unsigned *before) {
  __builtin_ia32_ldmxcsr(*before);
}
#else
#define MB_FLUSH_DENORMALS (void)0
#endif

/* Leaves the reason (printf style) for mb_reason() and returns status. */
mb_status mb_refuse(mb_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* y = x summed over axes 1 and 3 of its five, which are counted from the last one (reduce.c). */
void mb_sum_axes(mb_real *y, const mb_real *x, const mb_size sizes[5]);

/* cblas_?gemm in the precision of mb_real, row-major, on the calling thread only. */
void mb_gemm(bool transpose_a, bool transpose_b, mb_size M, mb_size N, mb_size depth, mb_real alpha,
             const mb_real *A, mb_size lda, const mb_real *B, mb_size ldb, mb_real beta, mb_real *C,
             mb_size ldc);

/* ---- products tile by tile (factors.c) --------------------------------------------------- */

/* A tile, and the columns for which the right factor stays in the cache: tiles side by side, a band. */
#define MB_TILE_ROWS 12
#define MB_PANEL     64
#define MB_BAND      ((mb_size)4 * MB_PANEL)
/* Tiles one below the other that a thread takes at a time. */
#define MB_ITEM_ROWS ((mb_size)32 * MB_TILE_ROWS)

#define MB_LINE ((mb_size)(64 / sizeof(mb_real))) /* reals in a line of a cache */

/* Memory that will be needed and is asked for during a product: runs of so many cache lines from each x that
 * is not NULL, in bursts of lines that are near apart, and the bursts far. */
#define MB_PREFETCH_RUNS 5
typedef struct {
  const mb_real *x[MB_PREFETCH_RUNS];
  mb_size lines, burst, near, far;
} mb_prefetch;

/* The tile of the product at row i, a multiple of MB_TILE_ROWS, and column j, one of MB_PANEL. Meanwhile
 * lines are asked for, at most depth of each run, if prefetch is not NULL. */
void mb_factors_tile(mb_real *y, mb_size ldy, const mb_factors *f, mb_size i, mb_size j,
                     const mb_prefetch *prefetch);

/* A statement for each band of a product, at row i and column j, shared by the threads. */
#define MB_FACTORS_FOR(f, i, j, ...)                                                                         \
  do {                                                                                                       \
    const mb_factors *const for_f = (f);                                                                     \
    const mb_size runs = mb_ceil_div(for_f->rows, MB_ITEM_ROWS),                                             \
                  groups = mb_ceil_div(for_f->columns, MB_BAND);                                             \
    const int for_f_threads = mb_threads_for(for_f->rows * for_f->columns);                                  \
    _Pragma("omp parallel for schedule(dynamic) num_threads(for_f_threads) if (for_f_threads > 1)") for (    \
        mb_size run = 0; run < runs * groups; run++) {                                                       \
      const mb_size i_first = run % runs * MB_ITEM_ROWS,                                                     \
                    i_end = mb_min(i_first + MB_ITEM_ROWS, for_f->rows);                                     \
      const mb_size j = run / runs * MB_BAND;                                                                \
      MB_FLUSH_DENORMALS;                                                                                    \
      for (mb_size i = i_first; i < i_end; i += MB_TILE_ROWS) __VA_ARGS__;                                   \
    }                                                                                                        \
  } while (0)

/* ---- SIMD (simd.c) -------------------------------------------------------------------- */

#define MB_MAX_FFT   128 /* the longest transform */
#define MB_WINOGRAD  8   /* the shortest, of another kind */
#define MB_MAX_LANES 16  /* widths that are multiples of this are multiples of lanes */

typedef struct {
  int lanes; /* reals in a vector; the transforms work on so many channels at once */

  /* C (M x N, rows ldc apart) = or, with add, += A B; a[i, d] is A[i row + d step], B (depth x N) has rows
   * ldb apart and may be read up to the next multiple of lanes behind N. */
  void (*product)(mb_real *C, mb_size ldc, const mb_real *A, mb_size row, mb_size step, const mb_real *B,
                  mb_size ldb, mb_size M, mb_size N, mb_size depth, bool add);

  /* The same, and meanwhile runs of depth lines are asked for. */
  void (*product_prefetch)(mb_real *C, mb_size ldc, const mb_real *A, mb_size row, mb_size step,
                           const mb_real *B, mb_size ldb, mb_size M, mb_size N, mb_size depth, bool add,
                           const mb_prefetch *prefetch);

  /* y (columns x rows, ldy apart) = x (rows x columns, ldx apart) transposed. */
  void (*transpose)(mb_real *y, mb_size ldy, const mb_real *x, mb_size ldx, mb_size rows, mb_size columns);

  /* The planes of T rows, ld apart, of data or of a filter, which has filter rows and then zeros (0: data).
   * T = 32, 64 or 128: twice the Fourier transform, in 3 T / 2 - 1 planes: the real frequencies 0 and T / 2,
   * then for each other one its real and imaginary part and their difference, or for a filter their sum.
   * T = MB_WINOGRAD: in as many planes, values of polynomials. Plane p goes to planes + p plane. */
  void (*transform)(mb_real *planes, mb_size plane, const mb_real *rows, mb_size ld, int T, int filter);

  /* The first count rows (lanes apart), count + filter = T + 1, of the sums over j of filter[j] data[i + j],
   * from the products of the planes of both. Fourier transforms give 4 T times that. */
  void (*inverse)(mb_real *rows, const mb_real *planes, mb_size plane, int T, int count);

  /* As mb_epilogue_rows and mb_unpool_rows of epilogue.c, where there are windows. Rows are of whole vectors;
   * buffer is zero before. */
  void (*epilogue)(mb_real *y, uint8_t *argmax, const mb_real *rows, mb_size ld, mb_size count,
                   mb_size columns, const mb_real *b, const mb_conv1d *s);
  void (*unpool)(mb_real *buffer, mb_size ld, const mb_real *dy, const uint8_t *argmax, mb_size first,
                 mb_size count, mb_size columns, const mb_conv1d *s);

  /* As mb_unary and mb_unary_backward, on the calling thread. */
  void (*unary)(mb_real *y, mb_unary_op op, mb_real p, const mb_real *x, mb_size count);
  void (*unary_backward)(mb_real *dx, mb_unary_op op, mb_real p, const mb_real *dy, const mb_real *kept,
                         mb_size count);

  /* Of a row of D: scale times its softmax, the logarithm of that, its gradient as in
   * mb_log_softmax_backward, and the logarithm for one label. */
  void (*softmax)(mb_real *restrict y, const mb_real *restrict x, mb_real scale, mb_size D);
  void (*log_softmax)(mb_real *restrict y, const mb_real *restrict x, mb_size D);
  void (*log_softmax_backward)(mb_real *restrict dx, const mb_real *restrict dy, const mb_real *restrict y,
                               mb_size D);
  double (*log_probability)(const mb_real *x, mb_size label, mb_size D);

  /* Of square roots of the sizes of reals, within 4 %: the least sum in a block among those at 0, step, 2
   * step,
   * ... and at the end of count reals, blocks being of whole vectors or of less than one; and those of
   * columns, which are added to sums, as are their squares. Of rows, the least sum of roots of one, that of
   * all, and the sum of squares. */
  mb_real (*sum_squares)(const mb_real *x, mb_size count);
  mb_real (*sum_roots)(const mb_real *x, mb_size count);
  mb_real (*least_roots)(const mb_real *x, mb_size count, mb_size block, mb_size step);
  void (*sum_columns)(mb_real *roots, mb_real *squares, const mb_real *x, mb_size ld, mb_size count,
                      mb_size columns);
  void (*sum_rows)(mb_real *least, mb_real *roots, mb_real *squares, const mb_real *x, mb_size ld,
                   mb_size rows, mb_size count);
} mb_simd;

const mb_simd *mb_simd_here(void); /* the best for this processor */
/* Whether products of MB_MAX_LANES / 2 columns do, against those of twice as many: not with AVX-512 on
 * Intel. 40 columns took longer there than 48 (Cascade Lake). */
bool mb_halves_cost_less(void);
/* For tests: another set, 0 being the best of any; false if there is none or the processor has not got it. */
bool mb_use_simd(int set);

#pragma GCC visibility push(hidden)
/* The sets: v4 and v3 exist with MB_CHOOSES_SET only. */
extern const mb_simd mb_simd_base, mb_simd_v3, mb_simd_v4;
/* Of 2 pi k / MB_MAX_FFT. */
extern mb_real mb_cosines[MB_MAX_FFT], mb_sines[MB_MAX_FFT];
#pragma GCC visibility pop

#endif
