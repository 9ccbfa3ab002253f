/* distance.c - matrices of dissimilarities. Rows are prepared once in double (centred, of length 1,
 * summed up, ...), so that four comparisons serve all measures but warping. */
#include "distance_dtw.h"

#include <cblas.h>
#include <math.h>
#include <omp.h>
#include <string.h>

#define TILE  16  /* rows of a compared with as many of b while both are near */
#define STRIP 16  /* rows of a warped against one pack of b */
#define BLOCK 256 /* rows of a multiplied with as many of b; 64 took 1.26 times as long */

/* Below this share of the squares of both rows, their difference is summed up: |a|^2 + |b|^2 - 2 ab has lost
 * too many digits there. */
#define NEAR (sizeof(mb_real) == sizeof(float) ? 1e-6 : 0.1)

static bool warps(mb_metric metric) {
  return metric == MB_DTW || metric == MB_DDTW;
}

static size_t warp_bytes(mb_size L) { /* of a thread: a pack and a row of the band */
  return mb_dtw_bytes((2 * L + 1) * PACK);
}

size_t mb_distances_scratch_bytes(mb_size A, mb_size B, mb_size L, mb_metric metric, int threads) {
  if (warps(metric)) return (size_t)((A + B) * L) * sizeof(mb_real) + (size_t)threads * warp_bytes(L);
  return (size_t)((A + B) * (L + 1) + threads * BLOCK * BLOCK) *
         sizeof(double); /* a row and a number about it */
}

/* ---- preparing rows -------------------------------------------------------------------- */

/* y has length 1, or is 0; returns its squared length. */
static double scale_to_one(double *y, mb_size L) {
  double largest = 0, sum = 0;
  for (mb_size t = 0; t < L; t++) largest = fmax(largest, fabs(y[t]));
  if (largest == 0) return 0;
  for (mb_size t = 0; t < L; t++) {
    y[t] /= largest;
    sum += y[t] * y[t];
  }
  for (mb_size t = 0; t < L; t++) y[t] /= sqrt(sum);
  return 1;
}

/* A constant row becomes exactly 0. */
static void centre(double *y, mb_size L) {
  double sum = 0, change = 0;
  for (mb_size t = 0; t < L; t++) sum += y[t], change = fmax(change, fabs(y[t] - y[0]));
  for (mb_size t = 0; t < L; t++) y[t] = change > 0 ? y[t] - sum / (double)L : 0;
}

static mb_status divide_by_sum(double *y, mb_size row, mb_size L) {
  double sum = 0;
  for (mb_size t = 0; t < L; t++) {
    if (y[t] < 0)
      return mb_refuse(MB_BAD_VALUE, "row %td is negative at point %td (%g); shares of a whole are compared",
                       row + 1, t + 1, y[t]);
    sum += y[t];
  }
  if (sum == 0) return mb_refuse(MB_BAD_VALUE, "row %td is zero; shares of a whole are compared", row + 1);
  for (mb_size t = 0; t < L; t++) y[t] /= sum;
  return MB_OK;
}

static void add_up(double *y, mb_size L) {
  for (mb_size t = 1; t < L; t++) y[t] += y[t - 1];
  y[L - 1] = 0; /* 1 in all rows, up to rounding */
}

static double squares(const double *y, mb_size L) {
  double sum = 0;
  for (mb_size t = 0; t < L; t++) sum += y[t] * y[t];
  return sum;
}

/* Sum of y log y. */
static double information(const double *y, mb_size L) {
  double sum = 0;
  for (mb_size t = 0; t < L; t++) sum += y[t] > 0 ? y[t] * log(y[t]) : 0;
  return sum;
}

static mb_status prepare_row(double *y, double *about, const mb_real *x, mb_metric metric, mb_size row,
                             mb_size L) {
  for (mb_size t = 0; t < L; t++) y[t] = (double)x[t];
  if (metric == MB_JENSEN_SHANNON || metric == MB_EARTH_MOVERS) {
    const mb_status status = divide_by_sum(y, row, L);
    if (status != MB_OK) return status;
  }
  *about = 0;
  if (metric == MB_PEARSON) centre(y, L);
  if (metric == MB_PEARSON || metric == MB_COSINE) *about = scale_to_one(y, L);
  if (metric == MB_EARTH_MOVERS) add_up(y, L);
  if (metric == MB_JENSEN_SHANNON) *about = information(y, L);
  if (metric == MB_EUCLIDEAN) *about = squares(y, L);
  return MB_OK;
}

static mb_status prepare(double *y, double *about, const mb_real *x, mb_metric metric, mb_size N, mb_size L) {
  mb_size bad = N;
#pragma omp parallel for reduction(min : bad) num_threads(mb_threads_for(N *L))
  for (mb_size i = 0; i < N; i++)
    if (prepare_row(y + i * L, &about[i], x + i * L, metric, i, L) != MB_OK) bad = mb_min(bad, i);
  /* Once more, for the reason to be left with this thread. */
  return bad < N ? prepare_row(y + bad * L, &about[bad], x + bad * L, metric, bad, L) : MB_OK;
}

/* ---- comparing two rows ---------------------------------------------------------------- */

/* log x of a normal x > 0, by 2 atanh((f - 1) / (f + 1)) of its fraction f; vectorises. */
MB_INLINE double log_of(double x) {
  uint64_t bits, exponent;
  double f, e;
  memcpy(&bits, &x, sizeof bits);
  exponent = (bits + 0x00095f619980c433ULL) >> 52; /* rounds so that f is from 0.707 to 1.414 */
  bits -= (exponent - 1023) << 52;
  memcpy(&f, &bits, sizeof f);
  exponent |= 0x4330000000000000ULL; /* 2^52 + exponent */
  memcpy(&e, &exponent, sizeof e);
  const double s = (f - 1) / (f + 1), z = s * s;
  double sum = 2.0 / 21;
  for (int k = 19; k > 0; k -= 2) sum = sum * z + 2.0 / k;
  return (e - 0x1p52 - 1023) * 0.6931471805599453 + s * sum;
}

MB_CLONES static double sum_squares(const double *a, const double *b, mb_size L) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (mb_size t = 0; t < L; t++) sum += (a[t] - b[t]) * (a[t] - b[t]);
  return sum;
}

MB_CLONES static double sum_absolute(const double *a, const double *b, mb_size L) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (mb_size t = 0; t < L; t++) sum += fabs(a[t] - b[t]);
  return sum;
}

MB_CLONES static double largest(const double *a, const double *b, mb_size L) {
  double most = 0;
#pragma omp simd reduction(max : most)
  for (mb_size t = 0; t < L; t++) most = fabs(a[t] - b[t]) > most ? fabs(a[t] - b[t]) : most;
  return most;
}

/* Sum of m log m, m the mean of both; at 0 any finite logarithm will do. */
MB_CLONES static double sum_mixture(const double *a, const double *b, mb_size L) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (mb_size t = 0; t < L; t++) {
    const double m = 0.5 * (a[t] + b[t]);
    sum += m * log_of(m > 1e-300 ? m : 1e-300);
  }
  return sum;
}

/* Unit vectors differ by sqrt(2 - 2 cos): exact even if 1 - cos would lose all digits. A row of
 * zeros (about = 0) is at 1. */
static double compare(mb_metric metric, const double *a, const double *b, double about_a, double about_b,
                      mb_size L) {
  switch (metric) {
  case MB_EUCLIDEAN: return sqrt(sum_squares(a, b, L));
  case MB_CHEBYSHEV: return largest(a, b, L);
  case MB_COSINE:
  case MB_PEARSON: return sum_squares(a, b, L) / 2 + 1 - (about_a + about_b) / 2;
  case MB_JENSEN_SHANNON: return sqrt(fmax((about_a + about_b) / 2 - sum_mixture(a, b, L), 0));
  default: return sum_absolute(a, b, L);
  }
}

/* True if a dissimilarity follows from the product of two rows, which is several times as fast. */
static bool is_product(mb_metric metric) {
  return metric == MB_EUCLIDEAN || metric == MB_COSINE || metric == MB_PEARSON;
}

typedef struct {
  const double *a, *b, *about_a, *about_b;
  mb_metric metric;
  mb_size A, B, L;
} Rows;

/* Rows i0.. of a against rows j0.. of b, by their products. */
static void multiply_block(mb_real *y, double *product, const Rows *r, mb_size i0, mb_size j0) {
  const mb_size rows = mb_min(BLOCK, r->A - i0), columns = mb_min(BLOCK, r->B - j0), L = r->L;
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)columns, (int)L, 1, r->a + i0 * L,
              (int)L, r->b + j0 * L, (int)L, 0, product, BLOCK);
  for (mb_size i = 0; i < rows; i++)
    for (mb_size j = 0; j < columns; j++) {
      const double whole = r->about_a[i0 + i] + r->about_b[j0 + j],
                   square = whole - 2 * product[i * BLOCK + j];
      double d = r->metric == MB_EUCLIDEAN ? sqrt(square) : square / 2 + 1 - whole / 2;
      if (!(square > NEAR * whole)) /* also where a square overflowed */
        d = compare(r->metric, r->a + (i0 + i) * L, r->b + (j0 + j) * L, r->about_a[i0 + i],
                    r->about_b[j0 + j], L);
      y[(i0 + i) * r->B + j0 + j] = (mb_real)d;
    }
}

static void compare_block(mb_real *y, double *product, const Rows *r, mb_size i0, mb_size j0) {
  (void)product;
  for (mb_size i = i0; i < mb_min(i0 + TILE, r->A); i++)
    for (mb_size j = j0; j < mb_min(j0 + TILE, r->B); j++)
      y[i * r->B + j] =
          (mb_real)compare(r->metric, r->a + i * r->L, r->b + j * r->L, r->about_a[i], r->about_b[j], r->L);
}

static mb_status compare_all(mb_real *y, double *scratch, const mb_real *a, const mb_real *b,
                             mb_metric metric, mb_size A, mb_size B, mb_size L, int threads) {
  double *rows_a = scratch, *rows_b = rows_a + A * L, *about_a = rows_b + B * L, *about_b = about_a + A,
         *products = about_b + B;
  const bool multiplies = is_product(metric);
  const mb_size step = multiplies ? BLOCK : TILE;
  mb_status status = prepare(rows_a, about_a, a, metric, A, L);
  if (status == MB_OK) status = prepare(rows_b, about_b, b, metric, B, L);
  if (status != MB_OK) return status;
  const Rows rows = {rows_a, rows_b, about_a, about_b, metric, A, B, L};
#pragma omp parallel for collapse(2) num_threads(threads)
  for (mb_size i0 = 0; i0 < A; i0 += step)
    for (mb_size j0 = 0; j0 < B; j0 += step)
      (multiplies ? multiply_block : compare_block)(y, products + omp_get_thread_num() * BLOCK * BLOCK, &rows,
                                                    i0, j0);
  return MB_OK;
}

/* ---- warping --------------------------------------------------------------------------- */

/* Rows i0..i0 + STRIP - 1 of a against rows j0..j0 + PACK - 1 of b. */
static void warp_strip(mb_real *y, mb_real *scratch, const mb_real *a, const mb_real *b, mb_real scale,
                       mb_size window, mb_size i0, mb_size j0, mb_size A, mb_size B, mb_size L) {
  const mb_size packed_rows = mb_min(PACK, B - j0);
  mb_real cost[PACK], *packed = scratch, *row = scratch + L * PACK;
  mb_size index[PACK];
  for (mb_size l = 0; l < packed_rows; l++) index[l] = j0 + l;
  mb_dtw_pack(packed, b, index, packed_rows, L);
  for (mb_size i = i0; i < mb_min(i0 + STRIP, A); i++) {
    mb_dtw_warp(cost, row, a + i * L, packed, window, HUGE_VAL, L);
    for (mb_size l = 0; l < packed_rows; l++) y[i * B + j0 + l] = (mb_real)sqrt(cost[l]) / scale;
  }
}

static void warp_all(mb_real *y, char *scratch, const mb_real *a, const mb_real *b, mb_metric metric,
                     mb_size window, mb_size A, mb_size B, mb_size L, int threads) {
  const mb_real scale = mb_dtw_scale(a, A * L, b, B * L);
  mb_real *rows_a = (mb_real *)(scratch + (size_t)threads * warp_bytes(L)), *rows_b = rows_a + A * L;
  mb_dtw_prepare(rows_a, a, metric, scale, A, L);
  mb_dtw_prepare(rows_b, b, metric, scale, B, L);
#pragma omp parallel for collapse(2) schedule(dynamic) num_threads(threads)
  for (mb_size j0 = 0; j0 < B; j0 += PACK)
    for (mb_size i0 = 0; i0 < A; i0 += STRIP)
      warp_strip(y, (mb_real *)(scratch + (size_t)omp_get_thread_num() * warp_bytes(L)), rows_a, rows_b,
                 scale, window, i0, j0, A, B, L);
}

mb_status mb_distances(mb_real *y, void *scratch, const mb_real *a, const mb_real *b, mb_metric metric,
                       mb_size window, mb_size A, mb_size B, mb_size L, int threads) {
  if (!warps(metric)) return compare_all(y, scratch, a, b, metric, A, B, L, threads);
  if (metric == MB_DDTW && L < 3)
    return mb_refuse(MB_BAD_SHAPE, "a derivative needs at least 3 points, got %td", L);
  warp_all(y, scratch, a, b, metric, window, A, B, L, threads);
  return MB_OK;
}
