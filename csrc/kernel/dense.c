/* dense.c - matrices of doubles: products in blocks of rows, whose sizes do not depend on the number of
 * threads, and LAPACK's Cholesky factors and eigenvectors, which come with OpenBLAS. */
#include "dense.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

#define BLOCK          ((mb_size)256)
#define EIGEN_WORK     ((mb_size)26) /* doubles per row that dsyevr needs at least */
#define EIGEN_INTEGERS ((mb_size)10)

void dpotrf_(const char *half, const int *n, double *A, const int *lda, int *info);
void dpotrs_(const char *half, const int *n, const int *m, const double *A, const int *lda, double *B,
             const int *ldb, int *info);
void dsyevr_(const char *job, const char *range, const char *half, const int *n, double *A, const int *lda,
             const double *low, const double *high, const int *first, const int *last,
             const double *tolerance, int *found, double *value, double *vector, const int *ldv, int *support,
             double *work, const int *work_size, int *integers, const int *integers_size, int *info);

MB_CLONES static void center(double *z, double *mean, const mb_real *x, mb_size N, mb_size D) {
  memset(mean, 0, (size_t)D * sizeof *mean);
  for (mb_size i = 0; i < N; i++)
    for (mb_size d = 0; d < D; d++) mean[d] += (double)x[i * D + d];
  for (mb_size d = 0; d < D; d++) mean[d] /= (double)N;
  for (mb_size i = 0; i < N; i++)
    for (mb_size d = 0; d < D; d++) z[i * D + d] = (double)x[i * D + d] - mean[d];
}

/* Clones of a function that is not static would be exported. */
void mb_center(double *z, double *mean, const mb_real *x, mb_size N, mb_size D) {
  center(z, mean, x, N, D);
}

/* Rows i of C and of A, or columns i of A. */
static void product_block(double *C, bool transpose_a, const double *A, mb_size lda, const double *B,
                          mb_size rows, mb_size N, mb_size depth) {
  const CBLAS_TRANSPOSE transpose = transpose_a ? CblasTrans : CblasNoTrans;
  if (N == 1)
    cblas_dgemv(CblasRowMajor, transpose, (int)(transpose_a ? depth : rows),
                (int)(transpose_a ? rows : depth), 1, A, (int)lda, B, 1, 0, C, 1);
  else
    cblas_dgemm(CblasRowMajor, transpose, CblasNoTrans, (int)rows, (int)N, (int)depth, 1, A, (int)lda, B,
                (int)N, 0, C, (int)N);
}

void mb_product(double *C, bool transpose_a, const double *A, mb_size lda, const double *B, mb_size M,
                mb_size N, mb_size depth) {
  MB_FOR(mb_threads_for(M * depth), i, M, BLOCK, {
    product_block(C + i * N, transpose_a, A + (transpose_a ? i : i * lda), lda, B, mb_min(BLOCK, M - i), N,
                  depth);
  });
}

void mb_gram(double *C, bool transpose_a, const double *A, mb_size lda, mb_size M, mb_size depth) {
  const CBLAS_TRANSPOSE first = transpose_a ? CblasTrans : CblasNoTrans,
                        second = transpose_a ? CblasNoTrans : CblasTrans;
  MB_FOR(mb_threads_for(M * depth), i, M, BLOCK,
         { /* the lower half: a square on the diagonal, and what is left of it */
           const mb_size rows = mb_min(BLOCK, M - i);
           const double *block = A + (transpose_a ? i : i * lda);
           cblas_dsyrk(CblasRowMajor, CblasLower, first, (int)rows, (int)depth, 1, block, (int)lda, 0,
                       C + i * M + i, (int)M);
           if (i > 0)
             cblas_dgemm(CblasRowMajor, first, second, (int)rows, (int)i, (int)depth, 1, block, (int)lda, A,
                         (int)lda, 0, C + i * M, (int)M);
         });
  for (mb_size i = 0; i < M; i++)
    for (mb_size j = 0; j < i; j++) C[j * M + i] = C[i * M + j];
}

/* LAPACK stores by columns: the lower half of a row-major matrix is its upper one. */
bool mb_cholesky(double *A, mb_size n) {
  const int size = (int)n;
  int info;
  dpotrf_("U", &size, A, &size, &info);
  return info == 0;
}

void mb_cholesky_solve(const double *L, double *B, mb_size n, mb_size m) {
  cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, (int)n, (int)m, 1, L, (int)n,
              B, (int)m);
  mb_triangle_solve(L, B, n, m);
}

void mb_triangle_solve(const double *L, double *B, mb_size n, mb_size m) {
  cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, CblasTrans, CblasNonUnit, (int)n, (int)m, 1, L, (int)n, B,
              (int)m);
}

/* Twice, for the rounding of the first time. */
void mb_orthogonalise(double *x, const double *basis, mb_size count, mb_size D) {
  for (int pass = 0; pass < 2; pass++)
    for (mb_size b = 0; b < count; b++) {
      double part = 0;
      for (mb_size d = 0; d < D; d++) part += x[d] * basis[b * D + d];
      for (mb_size d = 0; d < D; d++) x[d] -= part * basis[b * D + d];
    }
}

mb_size mb_eigen_scratch_count(mb_size n) {
  const mb_size integers = EIGEN_INTEGERS * n + 2 * n; /* and the support of each vector */
  return n + EIGEN_WORK * n + mb_ceil_div(integers * (mb_size)sizeof(int), (mb_size)sizeof(double));
}

/* Reverses the order of the k vectors, and of the values. */
static void reverse(double *value, double *vector, mb_size n, mb_size k) {
  for (mb_size i = 0; i < k / 2; i++) {
    const mb_size j = k - 1 - i;
    const double kept = value[i];
    value[i] = value[j], value[j] = kept;
    for (mb_size d = 0; d < n; d++) {
      const double element = vector[i * n + d];
      vector[i * n + d] = vector[j * n + d], vector[j * n + d] = element;
    }
  }
}

bool mb_eigen(double *value, double *vector, double *scratch, double *A, mb_size n, mb_size k) {
  const int size = (int)n, first = (int)(n - k + 1), work_size = (int)(EIGEN_WORK * n),
            integers_size = (int)(EIGEN_INTEGERS * n);
  const double unused = 0, tolerance = 0;
  double *found_values = scratch, *work = scratch + n;
  int *integers = (int *)(work + EIGEN_WORK * n), *support = integers + EIGEN_INTEGERS * n, found, info;
  dsyevr_("V", "I", "U", &size, A, &size, &unused, &unused, &first, &size, &tolerance, &found, found_values,
          vector, &size, support, work, &work_size, integers, &integers_size, &info);
  if (info != 0 || found != k) return false;
  memcpy(value, found_values, (size_t)k * sizeof *value);
  reverse(value, vector, n, k);
  return true;
}
