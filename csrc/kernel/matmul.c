/* matmul.c - matrix products: OpenBLAS, single-threaded, on tiles of our own. */
#include "internal.h"

#include <cblas.h>
#include <omp.h>

/* Tiles are fixed, so that the number of threads does not change a result. */
#define TILE_M 256
#define TILE_N 512
/* Above this many multiply-adds a product is worth a parallel region. */
#define PARALLEL_WORK 65536

/* OpenBLAS's own threads would fight with ours and wait for each other in small products. */
__attribute__((constructor)) static void one_blas_thread(void) {
  openblas_set_num_threads(1);
}

void mb_gemm(bool transpose_a, bool transpose_b, mb_size M, mb_size N, mb_size K, mb_real alpha,
             const mb_real *A, mb_size lda, const mb_real *B, mb_size ldb, mb_real beta, mb_real *C,
             mb_size ldc) {
  const CBLAS_TRANSPOSE ta = transpose_a ? CblasTrans : CblasNoTrans;
  const CBLAS_TRANSPOSE tb = transpose_b ? CblasTrans : CblasNoTrans;
#ifdef MB_DOUBLE
  cblas_dgemm
#else
  cblas_sgemm
#endif
      (CblasRowMajor, ta, tb, (blasint)M, (blasint)N, (blasint)K, alpha, A, (blasint)lda, B, (blasint)ldb,
       beta, C, (blasint)ldc);
}

/* ---- few rows: a product limited by reading its matrix once ---------------------------- */

/* Up to this many rows sgemm, which packs the matrix first, is slower than plain loops over it. */
#define FEW   8
#define PARTS 16    /* of the addends, whose sums are merged in order */
#define SUMS  32768 /* sums of all parts on the stack: 128 KiB */

/* Rows of A or of its transpose: element (i, k) is at x[i * row + k * step]. */
typedef struct {
  const mb_real *x;
  mb_size row, step;
} Rows;

/* sums (M, N) += a B over K addends. B is read from one end to the other, four rows abreast. */
MB_CLONES static void add_products(mb_real *restrict sums, mb_size M, mb_size N, mb_size K, Rows a,
                                   const mb_real *restrict B) {
  for (mb_size k = 0, step; k < K; k += step, B += step * N) {
    step = K - k < 4 ? 1 : 4;
    for (mb_size i = 0; i < M; i++) {
      const mb_real *x = a.x + i * a.row + k * a.step;
      mb_real *restrict sum = sums + i * N;
      if (step == 1) {
        for (mb_size j = 0; j < N; j++) sum[j] += *x * B[j];
        continue;
      }
      const mb_real x0 = x[0], x1 = x[a.step], x2 = x[2 * a.step], x3 = x[3 * a.step];
      for (mb_size j = 0; j < N; j++)
        sum[j] += (x0 * B[j] + x1 * B[N + j]) + (x2 * B[2 * N + j] + x3 * B[3 * N + j]);
    }
  }
}

/* y = alpha x + beta y */
static void blend(mb_real *y, mb_real alpha, const mb_real *x, mb_real beta, mb_size count) {
  for (mb_size i = 0; i < count; i++) y[i] = alpha * x[i] + (beta == 0 ? 0 : beta * y[i]);
}

/* C (M, N) = alpha A B + beta C for few rows of A: the parts share the addends. */
static void few_rows(mb_real *C, mb_size M, mb_size N, mb_size K, mb_real alpha, const mb_real *A,
                     const mb_real *B, mb_real beta, int threads) {
  mb_real sums[SUMS];
  const mb_size count = M * N, parts = mb_min(PARTS, SUMS / count), size = mb_max(16, mb_ceil_div(K, parts));
  MB_FOR(threads, k, K, size, {
    mb_real *part = sums + k / size * count;
    for (mb_size i = 0; i < count; i++) part[i] = 0;
    add_products(part, M, N, mb_min(size, K - k), (Rows){A + k, K, 1}, B + k * N);
  });
  for (mb_size k = size; k < K; k += size)
    for (mb_size i = 0; i < count; i++) sums[i] += sums[k / size * count + i];
  blend(C, alpha, sums, beta, count);
}

/* C (M, N) = alpha A^T B + beta C for few rows of A (K, M) and B (K, N). */
static void few_addends(mb_real *C, mb_size M, mb_size N, mb_size K, mb_real alpha, const mb_real *A,
                        const mb_real *B, mb_real beta, int threads) {
  MB_FOR(threads, i, M, 1, {
    mb_real sums[SUMS / 2];
    for (mb_size j = 0; j < N; j++) sums[j] = 0;
    add_products(sums, 1, N, K, (Rows){A + i, 1, M}, B);
    blend(C + i * N, alpha, sums, beta, N);
  });
}

/* Columns first..last-1 of C (M, N) = alpha A B^T + beta C for few rows of A (M, K) */
MB_CLONES static void dot_columns(mb_real *C, mb_size M, mb_size N, mb_size K, mb_real alpha,
                                  const mb_real *A, const mb_real *B, mb_real beta, mb_size first,
                                  mb_size last) {
  for (mb_size j = first; j < last; j++)
    for (mb_size i = 0; i < M; i++) {
      const mb_real *x = A + i * K, *b = B + j * K;
      mb_real sum = 0;
#pragma omp simd reduction(+ : sum)
      for (mb_size k = 0; k < K; k++) sum += x[k] * b[k];
      blend(&C[i * N + j], alpha, &sum, beta, 1);
    }
}

static bool multiply_few(mb_real *C, bool transpose_a, bool transpose_b, mb_size M, mb_size N, mb_size K,
                         mb_real alpha, const mb_real *A, const mb_real *B, mb_real beta, int threads) {
  if (M * N * K == 0 || (transpose_a ? K : M) > FEW) return false;
  if (!transpose_a && transpose_b && M <= FEW / 2)
    MB_FOR(threads, j, N, 16, dot_columns(C, M, N, K, alpha, A, B, beta, j, mb_min(j + 16, N)));
  else if (!transpose_a && !transpose_b && M * N <= SUMS / 2)
    few_rows(C, M, N, K, alpha, A, B, beta, threads);
  else if (transpose_a && !transpose_b && N <= SUMS / 2)
    few_addends(C, M, N, K, alpha, A, B, beta, threads);
  else
    return false;
  return true;
}

/* ---- any product ----------------------------------------------------------------------- */

/* Tiles that are the same for any number of threads: at least four, where N allows. */
static mb_size tile_width(mb_size N) {
  return mb_min(TILE_N, mb_max(64, mb_ceil_div(mb_ceil_div(N, 4), 16) * 16));
}

void mb_matmul(mb_real *C, bool transpose_a, bool transpose_b, mb_size M, mb_size N, mb_size K, mb_real alpha,
               const mb_real *A, const mb_real *B, mb_real beta) {
  const int threads = M * N * K < PARALLEL_WORK ? 1 : mb_get_threads();
  if (multiply_few(C, transpose_a, transpose_b, M, N, K, alpha, A, B, beta, threads)) return;
  const mb_size lda = transpose_a ? M : K, ldb = transpose_b ? K : N, width = tile_width(N);
  const mb_size rows = mb_ceil_div(M, TILE_M), columns = mb_ceil_div(N, width);
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (threads > 1)
  for (mb_size tile = 0; tile < rows * columns; tile++) {
    const mb_size i = tile / columns * TILE_M, j = tile % columns * width;
    mb_gemm(transpose_a, transpose_b, mb_min(TILE_M, M - i), mb_min(width, N - j), K, alpha,
            A + (transpose_a ? i : i * K), lda, B + (transpose_b ? j * K : j), ldb, beta, C + i * N + j, N);
  }
}
