/* distance_nearest_euclidean.c - the nearest rows by Euclidean distance. Products in mb_real, which are twice
 * as fast as those in double, tell each distance up to a bound of their error; the few rows that may be among
 * the nearest by these bounds are compared exactly. */
#include "distance_nearest.h"
#include "product.h"

#include <float.h>
#include <math.h>

#define BLOCK   256  /* rows of a multiplied with as many of b */
#define DEPTH   512  /* products that are summed up in mb_real before they are added to the others */
#define COLUMNS 1024 /* whose means a thread computes at a time */
#define SPARED  8    /* above one in so many, exact comparisons take longer than products in double */

#define EPSILON (sizeof(mb_real) == sizeof(float) ? (double)FLT_EPSILON : DBL_EPSILON)
#define TINY    0x1p-100 /* beyond what underflow can change: the largest number is from 0.5 to 1 */

typedef struct {
  const mb_real *a, *b;
  mb_size A, B, L, k;
  mb_real *rows_a, *rows_b, *product; /* rows less the mean of b, scaled; (A, B) */
  double *length_a, *length_b, *mean, *reach;
} Search;

static mb_size double_count(mb_size A, mb_size B, mb_size L) {
  return 2 * A + B + L;
}

size_t mb_euclidean_nearest_scratch_bytes(mb_size A, mb_size B, mb_size L) {
  return (size_t)double_count(A, B, L) * sizeof(double) + (size_t)((A + B) * L + A * B) * sizeof(mb_real);
}

/* ---- rows around their mean, which have the distances of the rows, but less to cancel ---- */

MB_CLONES static void add_row(double *sum, const mb_real *x, mb_size count) {
  for (mb_size t = 0; t < count; t++) sum[t] += (double)x[t];
}

static void take_mean(double *mean, const mb_real *x, mb_size first, mb_size count, mb_size N, mb_size L) {
  for (mb_size t = first; t < first + count; t++) mean[t] = 0;
  for (mb_size i = 0; i < N; i++) add_row(mean + first, x + i * L + first, count);
  for (mb_size t = first; t < first + count; t++) mean[t] /= (double)N;
}

MB_CLONES static double largest_in(const mb_real *x, const double *mean, mb_size L) {
  double most = 0;
#pragma omp simd reduction(max : most)
  for (mb_size t = 0; t < L; t++)
    most = fabs((double)x[t] - mean[t]) > most ? fabs((double)x[t] - mean[t]) : most;
  return most;
}

static double largest_of(const mb_real *x, const double *mean, mb_size N, mb_size L) {
  double most = 0;
#pragma omp parallel for reduction(max : most) num_threads(mb_threads_for(N *L))
  for (mb_size i = 0; i < N; i++) most = fmax(most, largest_in(x + i * L, mean, L));
  return most;
}

/* Returns the length of y. */
MB_CLONES static double shift_row(mb_real *y, const mb_real *x, const double *mean, double scale, mb_size L) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (mb_size t = 0; t < L; t++) {
    y[t] = (mb_real)(((double)x[t] - mean[t]) * scale);
    sum += (double)y[t] * (double)y[t];
  }
  return sqrt(sum);
}

static void shift(mb_real *y, double *length, const mb_real *x, const double *mean, double scale, mb_size N,
                  mb_size L) {
  MB_FOR(mb_threads_for(N * L), i, N, 1, { length[i] = shift_row(y + i * L, x + i * L, mean, scale, L); });
}

static void prepare(const Search *s) {
  MB_FOR(mb_threads_for(s->B * s->L), t, s->L, COLUMNS,
         { take_mean(s->mean, s->b, t, mb_min(COLUMNS, s->L - t), s->B, s->L); });
  const double most = fmax(largest_of(s->a, s->mean, s->A, s->L), largest_of(s->b, s->mean, s->B, s->L));
  const double scale = most > 0 ? ldexp(1, -ilogb(most) - 1) : 1; /* a power of two: it rounds nothing */
  shift(s->rows_a, s->length_a, s->a, s->mean, scale, s->A, s->L);
  shift(s->rows_b, s->length_b, s->b, s->mean, scale, s->B, s->L);
}

/* ---- bounds ---------------------------------------------------------------------------- */

static void multiply_block(const Search *s, mb_size i, mb_size j) {
  const mb_size rows = mb_min(BLOCK, s->A - i), columns = mb_min(BLOCK, s->B - j), L = s->L;
  for (mb_size t = 0; t < L; t += DEPTH)
    mb_gemm(false, true, rows, columns, mb_min(DEPTH, L - t), 1, s->rows_a + i * L + t, L,
            s->rows_b + j * L + t, L, t > 0, s->product + i * s->B + j, s->B);
}

/* The error of a squared distance, as a share of (|a| + |b|)^2: each sum of n products is off by at most n
 * roundings of its terms (Higham 2002, ch. 3), and sum to |a| |b|, at most a quarter of the square; the rows
 * themselves were rounded. */
static double error_share(mb_size L) {
  const double sums = (double)(mb_min(L, DEPTH) + mb_ceil_div(L, DEPTH) + 2);
  return 0.55 * EPSILON / 2 * sums + 2.2 * EPSILON / 2;
}

/* Least and largest squared distance of rows i and j. */
static double bounds(const Search *s, double share, mb_size i, mb_size j, double *most) {
  const double a = s->length_a[i], b = s->length_b[j], error = share * (a + b) * (a + b) + TINY;
  const double square = a * a + b * b - 2 * (double)s->product[i * s->B + j];
  *most = square + error;
  return square - error;
}

/* A square that the k nearest of row i do not exceed, rounding to mb_real included; distance and index (k)
 * are scratch. */
static double reach_of(const Search *s, double share, mb_real *distance, mb_size *index, mb_size i) {
  mb_size found = 0;
  double most;
  for (mb_size j = 0; j < s->B; j++) {
    bounds(s, share, i, j, &most);
    if (found < s->k || most < (double)distance[s->k - 1])
      mb_nearest_insert(distance, index, &found, s->k, (mb_real)most, j);
  }
  return (double)distance[s->k - 1] * (1 + 8 * EPSILON);
}

static mb_size count_candidates(const Search *s, double share, mb_size i) {
  mb_size count = 0;
  double most;
  for (mb_size j = 0; j < s->B; j++) count += bounds(s, share, i, j, &most) <= s->reach[i];
  return count;
}

MB_CLONES static double sum_squares(const mb_real *a, const mb_real *b, mb_size L) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (mb_size t = 0; t < L; t++) sum += ((double)a[t] - (double)b[t]) * ((double)a[t] - (double)b[t]);
  return sum;
}

static void compare_candidates(const Search *s, double share, mb_real *distance, mb_size *index, mb_size i) {
  mb_size found = 0;
  double most;
  for (mb_size j = 0; j < s->B; j++)
    if (bounds(s, share, i, j, &most) <= s->reach[i])
      mb_nearest_insert(distance, index, &found, s->k,
                        (mb_real)sqrt(sum_squares(s->a + i * s->L, s->b + j * s->L, s->L)), j);
}

static Search search_in(void *scratch, const mb_real *a, const mb_real *b, mb_size A, mb_size B, mb_size L,
                        mb_size k) {
  double *length_a = scratch;
  mb_real *rows_a = (mb_real *)(length_a + double_count(A, B, L));
  return (Search){.a = a,
                  .b = b,
                  .A = A,
                  .B = B,
                  .L = L,
                  .k = k,
                  .rows_a = rows_a,
                  .rows_b = rows_a + A * L,
                  .product = rows_a + (A + B) * L,
                  .length_a = length_a,
                  .length_b = length_a + A,
                  .reach = length_a + A + B,
                  .mean = length_a + 2 * A + B};
}

bool mb_euclidean_nearest(mb_real *distance, mb_size *index, void *scratch, const mb_real *a,
                          const mb_real *b, mb_size A, mb_size B, mb_size L, mb_size k, int threads) {
  const Search search = search_in(scratch, a, b, A, B, L, k), *s = &search;
  const double share = error_share(L);
  mb_size candidates = 0;
  if (k == 0 || k > B / (2 * SPARED)) return false;
  prepare(s);
#pragma omp parallel for collapse(2) num_threads(threads)
  for (mb_size i = 0; i < A; i += BLOCK)
    for (mb_size j = 0; j < B; j += BLOCK) multiply_block(s, i, j);
#pragma omp parallel for reduction(+ : candidates) num_threads(threads)
  for (mb_size i = 0; i < A; i++) {
    s->reach[i] = reach_of(s, share, distance + i * k, index + i * k, i);
    candidates += count_candidates(s, share, i);
  }
  if (candidates > A * (B / SPARED)) return false;
#pragma omp parallel for schedule(dynamic) num_threads(threads)
  for (mb_size i = 0; i < A; i++) compare_candidates(s, share, distance + i * k, index + i * k, i);
  return true;
}
