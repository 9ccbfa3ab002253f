/* internal.h - what the kernel files share and nobody else sees.
 *
 * Words, each with one meaning in all kernel files:
 *   simd        code compiled once per instruction set, reached through a table (simd_table.h)
 *   lanes       reals in one vector of an instruction set
 *   depth       the inner dimension of a matrix product: how many products each element sums up
 *   tile        a rectangle of a matrix, or rows of a spectrum, that is computed as one piece
 *   panel       neighbouring columns of a right factor, packed so that a product reads them in order
 *   band        neighbouring columns, through all rows
 *   group       rows or items with one partial sum; the sums of groups are added in order
 *   item        what a thread takes at a time; cut by shape, never by the number of threads
 *   algorithm   how a convolution is computed: direct (products of rows) or by transforms of tiles
 *   transform   a tile of rows to its planes, one for each frequency or point; inverse: back
 *   epilogue    what follows a convolution or batch norm in the same pass: bias, max-pooling, (leaky) ReLU
 *   argmax      a byte per result of an epilogue: the row of its window that won, or "ReLU passed nothing"
 *   unpool      to pass the gradient of results, through argmax, to the rows before the epilogue
 *   fuse        to compute an operation in the epilogue of the one before it
 *   recompute   to compute a forward result once more in the backward pass instead of keeping it
 *   prefetch    an instruction that loads a cache line early; warm: to read lines in order for the same end
 *   flush       to take denormals (subnormal reals) for zero, as operand and as result
 */
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

static inline mb_size mb_min(mb_size a, mb_size b) {
  return a < b ? a : b;
}
static inline mb_size mb_max(mb_size a, mb_size b) {
  return a > b ? a : b;
}
static inline mb_size mb_ceil_div(mb_size a, mb_size b) {
  return (a + b - 1) / b;
}

/* Leaves the reason (printf style) for mb_reason() and returns status. */
mb_status mb_refuse(mb_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* y = x summed over axes 1 and 3 of its five, which are counted from the last one (reduce.c). */
void mb_sum_axes(mb_real *y, const mb_real *x, const mb_size sizes[5]);

#include "parallel.h" /* last: it uses what stands above */

#endif
