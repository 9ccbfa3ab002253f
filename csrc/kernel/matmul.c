/* matmul.c - matrix products: OpenBLAS, single-threaded, on tiles of our own. */
#include "simd_table.h"

#include <cblas.h>
#include <string.h>

/* Tiles are fixed, so that the number of threads does not change a result. */
#define TILE_M 384
#define TILES  8 /* columns of tiles, or a multiple of it for wide C */
/* Above this many multiply-adds a product is worth a parallel region. */
#define PARALLEL_WORK 65536

/* OpenBLAS's own threads would compete with ours for the cores and wait for each other in small products. */
__attribute__((constructor)) static void one_blas_thread(void) {
  openblas_set_num_threads(1);
}

void mb_gemm(bool transpose_a, bool transpose_b, mb_size M, mb_size N, mb_size depth, mb_real alpha,
             const mb_real *A, mb_size lda, const mb_real *B, mb_size ldb, mb_real beta, mb_real *C,
             mb_size ldc) {
  const CBLAS_TRANSPOSE ta = transpose_a ? CblasTrans : CblasNoTrans;
  const CBLAS_TRANSPOSE tb = transpose_b ? CblasTrans : CblasNoTrans;
#ifdef MB_DOUBLE
  cblas_dgemm
#else
  cblas_sgemm
#endif
      (CblasRowMajor, ta, tb, (blasint)M, (blasint)N, (blasint)depth, alpha, A, (blasint)lda, B, (blasint)ldb,
       beta, C, (blasint)ldc);
}

/* ---- few rows: a product limited by reading its matrix once ---------------------------- */

/* Up to this many rows sgemm, which packs the matrix first, is slower than plain loops over it. */
#define FEW    8
#define GROUPS 16    /* parts of the depth at most; their sums are merged in order */
#define SUMS   32768 /* sums of all groups, on the stack: 128 KiB */

/* Rows of A or of its transpose: element (i, k) is at x[i * row + k * step]. */
typedef struct {
  const mb_real *x;
  mb_size row, step;
} Rows;

#define GROUP_ROWS 8 /* rows of B whose products are added in one expression */
#define ABREAST                                                                                              \
  (2 * GROUP_ROWS) /* rows of B that are read at once: 16 streams use more of the bandwidth than few         \
                    */

/* Sum over a group of factors[r] B[r ldb]. */
MB_INLINE mb_real group_product(const mb_real *factors, const mb_real *B, mb_size ldb) {
  mb_real total = 0;
#pragma GCC unroll 8
  for (int r = 0; r < GROUP_ROWS; r++) total += factors[r] * B[r * ldb];
  return total;
}

/* sums (M, N) += a B over the depth. B is read once, in order. */
MB_CLONES static void add_products(mb_real *restrict sums, mb_size M, mb_size N, mb_size depth, Rows a,
                                   const mb_real *restrict B) {
  for (mb_size k = 0, step; k < depth; k += step, B += step * N) {
    step = depth - k < ABREAST ? 1 : ABREAST;
    for (mb_size i = 0; i < M; i++) {
      const mb_real *x = a.x + i * a.row + k * a.step;
      mb_real *restrict sum = sums + i * N, factors[ABREAST];
      for (mb_size r = 0; r < step; r++) factors[r] = x[r * a.step];
      if (step == 1)
        for (mb_size j = 0; j < N; j++) sum[j] += *factors * B[j];
      else
        for (mb_size j = 0; j < N; j++)
          sum[j] += group_product(factors, B + j, N) +
                    group_product(factors + GROUP_ROWS, B + GROUP_ROWS * N + j, N);
    }
  }
}

/* y = alpha x + beta y */
static void blend(mb_real *y, mb_real alpha, const mb_real *x, mb_real beta, mb_size count) {
  for (mb_size i = 0; i < count; i++) y[i] = alpha * x[i] + (beta == 0 ? 0 : beta * y[i]);
}

/* C (M, N) = alpha A B + beta C for few rows of A: the groups share the depth. */
static void few_rows(mb_real *C, mb_size M, mb_size N, mb_size depth, mb_real alpha, const mb_real *A,
                     const mb_real *B, mb_real beta, int threads) {
  mb_real sums[SUMS];
  const mb_size count = M * N, parts = mb_min(GROUPS, SUMS / count);
  const mb_size size = mb_ceil_div(mb_max(16, mb_ceil_div(depth, parts)), ABREAST) * ABREAST;
  MB_FOR(threads, k, depth, size, {
    MB_FLUSH_DENORMALS;
    mb_real *part = sums + k / size * count;
    for (mb_size i = 0; i < count; i++) part[i] = 0;
    add_products(part, M, N, mb_min(size, depth - k), (Rows){A + k, depth, 1}, B + k * N);
  });
  for (mb_size k = size; k < depth; k += size)
    for (mb_size i = 0; i < count; i++) sums[i] += sums[k / size * count + i];
  blend(C, alpha, sums, beta, count);
}

/* C (M, N) = alpha A^T B + beta C for few rows of A (depth, M) and B (depth, N). */
static void shallow(mb_real *C, mb_size M, mb_size N, mb_size depth, mb_real alpha, const mb_real *A,
                    const mb_real *B, mb_real beta, int threads) {
  MB_FOR(threads, i, M, 1, {
    MB_FLUSH_DENORMALS;
    mb_real sums[SUMS / 2];
    for (mb_size j = 0; j < N; j++) sums[j] = 0;
    add_products(sums, 1, N, depth, (Rows){A + i, 1, M}, B);
    blend(C + i * N, alpha, sums, beta, N);
  });
}

/* Columns first..last-1 of C (M, N) = alpha A B^T + beta C for few rows of A (M, depth) */
MB_CLONES static void dot_columns(mb_real *C, mb_size M, mb_size N, mb_size depth, mb_real alpha,
                                  const mb_real *A, const mb_real *B, mb_real beta, mb_size first,
                                  mb_size last) {
  MB_FLUSH_DENORMALS;
  for (mb_size j = first; j < last; j++)
    for (mb_size i = 0; i < M; i++) {
      const mb_real *x = A + i * depth, *b = B + j * depth;
      mb_real sum = 0;
#pragma omp simd reduction(+ : sum)
      for (mb_size k = 0; k < depth; k++) sum += x[k] * b[k];
      blend(&C[i * N + j], alpha, &sum, beta, 1);
    }
}

static bool multiply_few(mb_real *C, bool transpose_a, bool transpose_b, mb_size M, mb_size N, mb_size depth,
                         mb_real alpha, const mb_real *A, const mb_real *B, mb_real beta, int threads) {
  if (M * N * depth == 0 || (transpose_a ? depth : M) > FEW) return false;
  if (!transpose_a && transpose_b && M <= FEW / 2)
    MB_FOR(threads, j, N, 16, dot_columns(C, M, N, depth, alpha, A, B, beta, j, mb_min(j + 16, N)));
  else if (!transpose_a && !transpose_b && M * N <= SUMS / 2)
    few_rows(C, M, N, depth, alpha, A, B, beta, threads);
  else if (transpose_a && !transpose_b && N <= SUMS / 2)
    shallow(C, M, N, depth, alpha, A, B, beta, threads);
  else
    return false;
  return true;
}

/* ---- any product ----------------------------------------------------------------------- */

/* Element (i, j) of a matrix or of its transpose: either row or step is 1. */
typedef struct {
  const mb_real *x;
  mb_size row, step;
} Matrix;

static Matrix matrix_of(const mb_real *x, bool transpose, mb_size rows, mb_size columns) {
  return transpose ? (Matrix){x, 1, rows} : (Matrix){x, columns, 1};
}

static Matrix part_of(Matrix a, mb_size i, mb_size j) {
  return (Matrix){a.x + i * a.row + j * a.step, a.row, a.step};
}

static Matrix transpose_of(Matrix a) {
  return (Matrix){a.x, a.step, a.row};
}

/* A product runs over a SLICE of the depth, COLUMNS columns and ROWS rows at a time. B is packed into panels
 * of PANEL columns, and A if its rows are not contiguous, so that the inner loop reads memory in order. */
#define SLICE              128 /* a panel this deep stays in L1 */
#define COLUMNS            256
#define PANEL              64
#define ROWS               96
#define LONG               (8 * SLICE) /* depth of BATCH packed rows */
#define BATCH              (2 * PANEL)
#define TRANSPOSED_COLUMNS 2048 /* columns of B at most that one tile reads in place */

_Static_assert(PANEL == (MB_PREFETCH_RUNS - 1) * 16 && SLICE % PANEL == 0, "runs cover a panel");

/* y (depth, PANEL) = rows of x that are ldx apart */
MB_CLONES static void copy_panel(mb_real *restrict y, const mb_real *restrict x, mb_size ldx, mb_size depth) {
  for (mb_size d = 0; d < depth; d++)
    for (mb_size j = 0; j < PANEL; j++) y[d * PANEL + j] = x[d * ldx + j];
}

/* y (depth, PANEL) = the first columns of b, zero-padded */
static void pack_panel(mb_real *y, Matrix b, mb_size depth, mb_size columns) {
  if (columns < PANEL) memset(y, 0, sizeof(mb_real) * (size_t)(depth * PANEL));
  if (b.step != 1)
    mb_simd_here()->transpose(y, PANEL, b.x, b.step, columns, depth);
  else if (columns == PANEL)
    copy_panel(y, b.x, b.row, depth);
  else
    for (mb_size d = 0; d < depth; d++)
      memcpy(y + d * PANEL, b.x + d * b.row, sizeof(mb_real) * (size_t)columns);
}

/* A (rows, depth), copied to y if its columns are contiguous: steps along the depth would be far apart. */
static Matrix pack_rows(mb_real *y, Matrix a, mb_size rows, mb_size depth) {
  if (a.step == 1) return a;
  for (mb_size d = 0; d < depth; d++) memcpy(y + d * ROWS, a.x + d * a.step, sizeof(mb_real) * (size_t)rows);
  return (Matrix){y, 1, ROWS};
}

/* Cache lines of the next panel of b (SLICE, PANEL). Software prefetch: hardware sees no pattern here. Rows
 * one after another; interleaving rows is 10 % slower when they are a multiple of a page apart. */
static mb_prefetch lines_of_rows(Matrix b) {
  const bool is_whole = b.row % MB_LINE == 0 && (uintptr_t)b.x % (MB_LINE * sizeof(mb_real)) == 0;
  const mb_size lines = PANEL / MB_LINE + !is_whole, rows = SLICE / lines;
  mb_prefetch prefetch = {.lines = rows * lines, .burst = lines, .near = MB_LINE, .far = b.row};
  for (mb_size r = 0; r < MB_PREFETCH_RUNS && r * rows < SLICE; r++) prefetch.x[r] = b.x + r * rows * b.row;
  return prefetch;
}

/* The same for contiguous columns: a run is a quarter of each column; the last run is for columns that begin
 * within a line and so end in one more. */
static mb_prefetch lines_of_columns(Matrix b) {
  mb_prefetch prefetch = {.lines = SLICE, .burst = PANEL, .near = b.step, .far = MB_LINE};
  for (mb_size r = 0; r < MB_PREFETCH_RUNS; r++) prefetch.x[r] = b.x + r * (SLICE / (MB_PREFETCH_RUNS - 1));
  return prefetch;
}

static mb_prefetch lines_of(Matrix b) {
  return b.step == 1 ? lines_of_rows(b) : lines_of_columns(b);
}

/* Lines of the next slice: those of B during the first ROWS rows, those of A after that. */
static mb_prefetch next_slice(Matrix a, Matrix b, mb_size i, mb_size j, mb_size M) {
  const mb_size row = (i / ROWS - 1) * COLUMNS + j;
  if (i == 0) return lines_of(part_of(b, 0, j));
  return row < M ? lines_of(transpose_of(part_of(a, row, 0))) : (mb_prefetch){0};
}

/* C (M, N), rows ldc apart, = or += x, whose rows are PANEL apart. */
static void put_edge(mb_real *C, mb_size ldc, const mb_real *x, mb_size M, mb_size N, bool add) {
  for (mb_size i = 0; i < M; i++)
    for (mb_size j = 0; j < N; j++)
      C[i * ldc + j] = add ? C[i * ldc + j] + x[i * PANEL + j] : x[i * PANEL + j];
}

/* C (M, N) (rows ldc apart) = or += A B, with M at most TILE_M and N at most COLUMNS. If the last columns
 * fill three quarters of a panel, a whole panel is computed, which is faster. */
static void strip_product(mb_real *C, mb_size ldc, Matrix a, Matrix b, mb_size M, mb_size N, mb_size depth,
                          bool add) {
  mb_real panels[SLICE * COLUMNS] __attribute__((aligned(64))),
      rows[SLICE * ROWS] __attribute__((aligned(64))), edge[TILE_M * PANEL] __attribute__((aligned(64)));
  const mb_size whole = N / PANEL * PANEL, last = N - whole >= PANEL * 3 / 4 ? N - whole : 0;
  for (mb_size k = 0; k < depth; k += SLICE) {
    const mb_size slice = mb_min(SLICE, depth - k), next = k + SLICE;
    for (mb_size j = 0; j < N; j += PANEL)
      pack_panel(panels + j * slice, part_of(b, k, j), slice, mb_min(PANEL, N - j));
    for (mb_size i = 0; i < M; i += ROWS) {
      const mb_size count = mb_min(ROWS, M - i);
      const Matrix packed = pack_rows(rows, part_of(a, i, k), count, slice);
      for (mb_size j = 0; j < N; j += PANEL) {
        const mb_prefetch prefetch =
            next < depth ? next_slice(part_of(a, 0, next), part_of(b, next, 0), i, j, M) : (mb_prefetch){0};
        const bool at_edge = last > 0 && j == whole;
        mb_simd_here()->product_prefetch(at_edge ? edge + i * PANEL : C + i * ldc + j, at_edge ? PANEL : ldc,
                                         packed.x, packed.row, packed.step, panels + j * slice, PANEL, count,
                                         at_edge ? PANEL : mb_min(PANEL, N - j), slice,
                                         k > 0 || (add && !at_edge), &prefetch);
      }
    }
  }
  put_edge(C + whole, ldc, edge, M, last, add);
}

/* y (M, N) (rows ldy apart) = or += the transpose of x (N, BATCH) */
static void put_transposed(mb_real *y, mb_size ldy, const mb_real *x, mb_size M, mb_size N, bool add) {
  if (!add) {
    mb_simd_here()->transpose(y, ldy, x, BATCH, N, M);
    return;
  }
  mb_real transposed[BATCH * ROWS];
  mb_simd_here()->transpose(transposed, ROWS, x, BATCH, N, M);
  for (mb_size i = 0; i < M; i++)
    for (mb_size j = 0; j < N; j++) y[i * ldy + j] += transposed[i * ROWS + j];
}

/* C (M, N) = or += A B for contiguous columns of B, M <= BATCH and depth <= LONG. Computed as C' = B' A': A,
 * the smaller factor, is packed, and B is read once, in place. */
static void transposed_product(mb_real *C, mb_size ldc, Matrix a, Matrix b, mb_size M, mb_size N,
                               mb_size depth, bool add) {
  mb_real panels[LONG * BATCH] __attribute__((aligned(64))),
      product[ROWS * BATCH] __attribute__((aligned(64)));
  for (mb_size k = 0; k < depth; k += SLICE)
    for (mb_size j = 0, slice = mb_min(SLICE, depth - k); j < M; j += PANEL)
      pack_panel(panels + k * BATCH + j * slice, transpose_of(part_of(a, j, k)), slice, mb_min(PANEL, M - j));
  for (mb_size i = 0; i < N; i += ROWS) {
    const mb_size count = mb_min(ROWS, N - i);
    for (mb_size k = 0; k < depth; k += SLICE) {
      const mb_size slice = mb_min(SLICE, depth - k), next = k + SLICE < depth ? k + SLICE : 0;
      const mb_size next_row = next > 0 ? i : i + ROWS;
      for (mb_size j = 0; j < M; j += PANEL) {
        const mb_prefetch prefetch =
            next_row + j < N ? lines_of(part_of(b, next, next_row + j)) : (mb_prefetch){0};
        mb_simd_here()->product_prefetch(product + j, BATCH, b.x + i * b.step + k, b.step, 1,
                                         panels + k * BATCH + j * slice, PANEL, count, mb_min(PANEL, M - j),
                                         slice, k > 0, &prefetch);
      }
    }
    put_transposed(C + i, ldc, product, M, count, add);
  }
}

/* C (M, N) (rows ldc apart) = or += A B, for contiguous columns of B */
static void transposed_products(mb_real *C, mb_size ldc, Matrix a, Matrix b, mb_size M, mb_size N,
                                mb_size depth, bool add) {
  for (mb_size i = 0; i < M; i += BATCH)
    for (mb_size k = 0; k < depth; k += LONG)
      transposed_product(C + i * ldc, ldc, part_of(a, i, k), part_of(b, k, 0), mb_min(BATCH, M - i), N,
                         mb_min(LONG, depth - k), add || k > 0);
}

/* Products of our own need vectors of at least this many reals. With shorter ones OpenBLAS is faster: it has
 * code for each such processor. It also takes alpha and beta other than 0 and 1. */
#define MIN_LANES ((int)(32 / sizeof(mb_real)))

/* First column of a tile. The widths of tiles differ by at most one panel, the wider ones first, so that few
 * threads share them evenly; they do not depend on the number of threads. */
static mb_size tile_begin(mb_size tile, mb_size tiles, mb_size N) {
  const mb_size panels = mb_ceil_div(N, PANEL);
  return mb_min((tile * (panels / tiles) + mb_min(tile, panels % tiles)) * PANEL, N);
}

static mb_size count_tiles(mb_size N, mb_size most) {
  return mb_min(mb_ceil_div(N, PANEL), TILES * mb_ceil_div(N, TILES * most));
}

void mb_matmul(mb_real *C, bool transpose_a, bool transpose_b, mb_size M, mb_size N, mb_size depth,
               mb_real alpha, const mb_real *A, const mb_real *B, mb_real beta) {
  const int threads = M * N * depth < PARALLEL_WORK ? 1 : mb_get_threads();
  if (multiply_few(C, transpose_a, transpose_b, M, N, depth, alpha, A, B, beta, threads)) return;
  const bool is_ours =
      mb_simd_here()->lanes >= MIN_LANES && alpha == 1 && (beta == 0 || beta == 1) && depth > 0;
  const bool is_transposed = is_ours && transpose_b && mb_min(M, TILE_M) <= N / TILES;
  const mb_size lda = transpose_a ? M : depth, ldb = transpose_b ? depth : N;
  const mb_size rows = mb_ceil_div(M, TILE_M),
                columns = count_tiles(N, is_transposed ? TRANSPOSED_COLUMNS : COLUMNS);
  const Matrix a = matrix_of(A, transpose_a, M, depth), b = matrix_of(B, transpose_b, depth, N);
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (threads > 1)
  for (mb_size tile = 0; tile < rows * columns; tile++) {
    MB_FLUSH_DENORMALS;
    const mb_size i = tile / columns * TILE_M, j = tile_begin(tile % columns, columns, N);
    const mb_size height = mb_min(TILE_M, M - i), width = tile_begin(tile % columns + 1, columns, N) - j;
    if (is_ours) {
      (is_transposed ? transposed_products : strip_product)(
          C + i * N + j, N, part_of(a, i, 0), part_of(b, 0, j), height, width, depth, beta == 1);
    } else {
      mb_gemm(transpose_a, transpose_b, height, width, depth, alpha, A + (transpose_a ? i : i * depth), lda,
              B + (transpose_b ? j * depth : j), ldb, beta, C + i * N + j, N);
    }
  }
}
