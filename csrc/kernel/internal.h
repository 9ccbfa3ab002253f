/* internal.h - what the kernel files share and nobody else sees. */
#ifndef MB_INTERNAL_H
#define MB_INTERNAL_H

#include "moonbow.h"

/* Compiled once per instruction set; the loader picks. Put it on functions whose loops the
 * compiler vectorises. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(MB_NO_CLONES)
#define MB_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define MB_CLONES
#endif

/* For bodies of loops that become fast once a constant argument is known. */
#define MB_INLINE static inline __attribute__((always_inline))

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

/* Leaves the reason (printf style) for mb_reason() and returns status. */
mb_status mb_refuse(mb_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* y = x summed over axes 1 and 3 of its five, which are counted from the last one (reduce.c). */
void mb_sum_axes(mb_real *y, const mb_real *x, const mb_size sizes[5]);

/* cblas_?gemm in the precision of mb_real, row-major, on the calling thread only. */
void mb_gemm(bool transpose_a, bool transpose_b, mb_size M, mb_size N, mb_size K, mb_real alpha,
             const mb_real *A, mb_size lda, const mb_real *B, mb_size ldb, mb_real beta, mb_real *C,
             mb_size ldc);

#endif
