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

void mb_matmul(mb_real *C, bool transpose_a, bool transpose_b, mb_size M, mb_size N, mb_size K, mb_real alpha,
               const mb_real *A, const mb_real *B, mb_real beta) {
  const mb_size lda = transpose_a ? M : K, ldb = transpose_b ? K : N;
  const mb_size rows = mb_ceil_div(M, TILE_M), columns = mb_ceil_div(N, TILE_N);
  const int thread_count = M * N * K < PARALLEL_WORK ? 1 : mb_get_threads();
#pragma omp parallel for schedule(dynamic) num_threads(thread_count) if (thread_count > 1)
  for (mb_size tile = 0; tile < rows * columns; tile++) {
    const mb_size i = tile / columns * TILE_M, j = tile % columns * TILE_N;
    mb_gemm(transpose_a, transpose_b, mb_min(TILE_M, M - i), mb_min(TILE_N, N - j), K, alpha,
            A + (transpose_a ? i : i * K), lda, B + (transpose_b ? j * K : j), ldb, beta, C + i * N + j, N);
  }
}
