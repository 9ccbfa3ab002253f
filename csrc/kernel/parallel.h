/* parallel.h - loops over threads, and how threads treat denormals. Part of internal.h. */
#ifndef MB_PARALLEL_H
#define MB_PARALLEL_H

/* Below this many elements a parallel region costs more than it saves. */
#define MB_PARALLEL_MIN 32768
/* Elements per work item of elementwise loops and of partial sums: fixed, so that the number
 * of threads never changes a result. */
#define MB_BLOCK 16384

/* Threads to use for this much work (in elements). */
static inline int mb_threads_for(mb_size work) {
  return work < MB_PARALLEL_MIN ? 1 : mb_get_threads();
}

/* A statement for i = 0, step, 2 step, ... below count, shared by that many threads. GCC's parallel
 * region costs half a microsecond even on one thread, so a plain loop stands in for it there; and for
 * nothing, of which the step may be 0, by which OpenMP would divide. */
#define MB_FOR(threads, i, count, step, ...)                                                                 \
  do {                                                                                                       \
    const int for_threads = (threads);                                                                       \
    const mb_size for_count = (count), for_step = (step);                                                    \
    if (for_threads == 1 || for_count <= 0) {                                                                \
      for (mb_size i = 0; i < for_count; i += for_step) __VA_ARGS__;                                         \
    } else {                                                                                                 \
      _Pragma("omp parallel for num_threads(for_threads)") for (mb_size i = 0; i < for_count; i += for_step) \
          __VA_ARGS__;                                                                                       \
    }                                                                                                        \
  } while (0)

/* Until the end of the block, this thread flushes denormals: they slow some processors down many times over,
 * and gradients and moments that fade away become denormal. The mode belongs to a thread, so every thread of
 * a parallel region sets it for itself. */
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

#endif
