/* dense.h - matrices of doubles, for models that are solved and not trained (dense.c). They are row-major. */
#ifndef MB_DENSE_H
#define MB_DENSE_H

#include "internal.h"

/* z (N, D) = x less the mean of each column, which is returned in mean (D). */
void mb_center(double *z, double *mean, const mb_real *x, mb_size N, mb_size D);

/* C (M, N) = A B, or with the transpose of A, whose rows are lda apart. */
void mb_product(double *C, bool transpose_a, const double *A, mb_size lda, const double *B, mb_size M,
                mb_size N, mb_size depth);

/* C (M, M) = A A', or A' A, of A (rows, lda) with `depth` products per element. */
void mb_gram(double *C, bool transpose_a, const double *A, mb_size lda, mb_size M, mb_size depth);

/* Factors A (n, n), symmetric, which becomes L in its lower half: A = L L'. False if A is not positive. */
bool mb_cholesky(double *A, mb_size n);

/* B (n, m) = the solution of L L' X = B. */
void mb_cholesky_solve(const double *L, double *B, mb_size n, mb_size m);

/* B (n, m) = the solution of L' X = B. */
void mb_triangle_solve(const double *L, double *B, mb_size n, mb_size m);

/* x (D) less its parts along the first `count` rows of basis (count, D), which are orthonormal. */
void mb_orthogonalise(double *x, const double *basis, mb_size count, mb_size D);

/* The k largest eigenvalues of A (n, n), symmetric, in falling order, and their vectors, the rows of vector
 * (k, n). A is destroyed; scratch holds mb_eigen_scratch_count(n) doubles. False if it does not converge. */
mb_size mb_eigen_scratch_count(mb_size n);
bool mb_eigen(double *value, double *vector, double *scratch, double *A, mb_size n, mb_size k);

#endif
