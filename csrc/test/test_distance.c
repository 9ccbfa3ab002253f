/* test_distance.c - dissimilarities against their definitions, warping against the plain quadratic algorithm,
 * the search for neighbours against the whole matrix. */
#include "check.h"

static mb_real *positive(mb_size count, uint32_t seed) {
  mb_real *x = check_random(count, seed);
  for (mb_size i = 0; i < count; i++) x[i] = (mb_real)fabs((double)x[i]);
  return x;
}

static mb_real *matrix_of(const mb_real *a, const mb_real *b, mb_metric metric, mb_size window, mb_size A,
                          mb_size B, mb_size L, int threads) {
  mb_real *y = check_zeros(A * B);
  void *scratch = malloc(mb_distances_scratch_bytes(A, B, L, metric, threads));
  assert_int_equal(mb_distances(y, scratch, a, b, metric, window, A, B, L, threads), MB_OK);
  free(scratch);
  return y;
}

/* ---- by definition ---- */

static double cosine(const double *a, const double *b, mb_size L) {
  double ab = 0, aa = 0, bb = 0;
  for (mb_size t = 0; t < L; t++) ab += a[t] * b[t], aa += a[t] * a[t], bb += b[t] * b[t];
  return 1 - ab / sqrt(aa * bb);
}

static double defined(mb_metric metric, const mb_real *x, const mb_real *y, mb_size L) {
  double a[64], b[64], sum = 0, sum_a = 0, sum_b = 0, most = 0;
  for (mb_size t = 0; t < L; t++) a[t] = (double)x[t], b[t] = (double)y[t], sum_a += a[t], sum_b += b[t];
  switch (metric) {
  case MB_EUCLIDEAN:
    for (mb_size t = 0; t < L; t++) sum += pow(a[t] - b[t], 2);
    return sqrt(sum);
  case MB_MANHATTAN:
    for (mb_size t = 0; t < L; t++) sum += fabs(a[t] - b[t]);
    return sum;
  case MB_CHEBYSHEV:
    for (mb_size t = 0; t < L; t++) most = fmax(most, fabs(a[t] - b[t]));
    return most;
  case MB_PEARSON:
    for (mb_size t = 0; t < L; t++) a[t] -= sum_a / (double)L, b[t] -= sum_b / (double)L;
    return cosine(a, b, L);
  case MB_JENSEN_SHANNON:
    for (mb_size t = 0; t < L; t++) {
      const double p = a[t] / sum_a, q = b[t] / sum_b, m = (p + q) / 2;
      sum += (p > 0 ? p * log(p / m) : 0) / 2 + (q > 0 ? q * log(q / m) : 0) / 2;
    }
    return sqrt(sum);
  case MB_EARTH_MOVERS: {
    double moved = 0;
    for (mb_size t = 0; t < L; t++) {
      moved += a[t] / sum_a - b[t] / sum_b;
      sum += fabs(moved);
    }
    return sum;
  }
  default: return cosine(a, b, L);
  }
}

static void measures_are_what_they_are_called(void **state) {
  enum { A = 19, B = 35, L = 61 };
  mb_real *a = positive(A * L, 1), *b = positive(B * L, 2);
  (void)state;
  for (mb_size t = 0; t < 30; t++) a[t] = b[40 + t] = 0; /* logarithms of 0 */
  for (mb_metric metric = MB_EUCLIDEAN; metric <= MB_EARTH_MOVERS; metric++) {
    mb_real *y = matrix_of(a, b, metric, 0, A, B, L, 2);
    for (mb_size i = 0; i < A; i++)
      for (mb_size j = 0; j < B; j++) {
        const double expected = defined(metric, a + i * L, b + j * L, L), got = (double)y[i * B + j];
        if (!(fabs(got - expected) <= (sizeof(mb_real) == 4 ? 1e-6 : 1e-12) * fmax(1, expected)))
          fail_msg("metric %d, %td, %td: %.12g, expected %.12g", (int)metric, i, j, got, expected);
      }
    free(y);
  }
  free(a), free(b);
}

/* More rows than a block of products; every fifth row of b is one of a, with a change that comes from far
 * below its squares up to their size. */
static void products_keep_the_digits(void **state) {
  enum { A = 270, B = 300, L = 33 };
  const mb_metric metrics[] = {MB_EUCLIDEAN, MB_COSINE, MB_PEARSON};
  mb_real *a = positive(A * L, 5), *b = positive(B * L, 6);
  (void)state;
  for (mb_size j = 0; j < B; j += 5) {
    for (mb_size t = 0; t < L; t++) b[j * L + t] = a[j % A * L + t];
    b[j * L + 3] += (mb_real)pow(10, -(double)(j % 8));
  }
  for (int m = 0; m < 3; m++) {
    mb_real *y = matrix_of(a, b, metrics[m], 0, A, B, L, 2);
    for (mb_size i = 0; i < A; i++)
      for (mb_size j = 0; j < B; j++) {
        const double expected = defined(metrics[m], a + i * L, b + j * L, L), got = (double)y[i * B + j];
        const double least = metrics[m] == MB_EUCLIDEAN ? 0 : 1e-13; /* 1 - cos itself has no more digits */
        if (!(fabs(got - expected) <= (sizeof(mb_real) == 4 ? 2e-6 : 1e-11) * expected + least))
          fail_msg("metric %d, %td, %td: %.12g, expected %.12g", (int)metrics[m], i, j, got, expected);
      }
    free(y);
  }
  free(a), free(b);
}

static void small_differences_are_not_lost(void **state) {
  enum { L = 50 };
  mb_real *a = positive(L, 1), b[L];
  (void)state;
  for (int t = 0; t < L; t++) b[t] = a[t] * (mb_real)(1 + 1e-3 * sin(t));
  for (mb_metric metric = MB_EUCLIDEAN; metric <= MB_EARTH_MOVERS; metric++) {
    mb_real *y = matrix_of(a, b, metric, 0, 1, 1, L, 1), *zero = matrix_of(a, a, metric, 0, 1, 1, L, 1);
    const double expected = defined(metric, a, b, L);
    assert_true(fabs((double)y[0] - expected) <= 1e-4 * expected);
    assert_true((double)zero[0] <= 1e-7);
    free(y), free(zero);
  }
  free(a);
}

static void rows_without_direction(void **state) {
  const mb_real x[9] = {0, 0, 0, 1, 2, 4, (mb_real)0.1, (mb_real)0.1, (mb_real)0.1};
  (void)state;
  mb_real *c = matrix_of(x, x, MB_COSINE, 0, 3, 3, 3, 1), *p = matrix_of(x, x, MB_PEARSON, 0, 3, 3, 3, 1);
  assert_true(c[0] == 1 && c[1] == 1 && c[3] == 1 && fabs((double)c[4]) < 1e-7 && fabs((double)c[8]) < 1e-7);
  assert_true(p[0] == 1 && p[1] == 1 && p[2] == 1 && p[5] == 1 && p[8] == 1);
  free(c), free(p);
}

static void shares_must_be_shares(void **state) {
  const mb_real good[2] = {1, 2}, negative[4] = {1, 2, 3, (mb_real)-0.5}, zero[2] = {0, 0};
  mb_real y[2];
  double scratch[64];
  (void)state;
  for (mb_metric metric = MB_JENSEN_SHANNON; metric <= MB_EARTH_MOVERS; metric++) {
    assert_int_equal(mb_distances(y, scratch, good, negative, metric, 0, 1, 2, 2, 1), MB_BAD_VALUE);
    assert_string_equal(mb_reason(), "row 2 is negative at point 2 (-0.5); shares of a whole are compared");
    assert_int_equal(mb_distances(y, scratch, zero, good, metric, 0, 1, 1, 2, 1), MB_BAD_VALUE);
    assert_string_equal(mb_reason(), "row 1 is zero; shares of a whole are compared");
  }
  assert_int_equal(mb_distances(y, scratch, good, good, MB_DDTW, 0, 1, 1, 2, 1), MB_BAD_SHAPE);
}

/* ---- warping ---- */

static double plain_warp(const mb_real *a, const mb_real *b, mb_size window, mb_size L) {
  double *cost = malloc(sizeof(double) * (size_t)((L + 1) * (L + 1)));
  for (mb_size i = 0; i <= L; i++)
    for (mb_size j = 0; j <= L; j++) {
      double *here = &cost[i * (L + 1) + j];
      if (i == 0 || j == 0 || (i > j ? i - j : j - i) > window)
        *here = i == 0 && j == 0 ? 0 : (double)INFINITY;
      else
        *here = pow((double)a[i - 1] - (double)b[j - 1], 2) +
                fmin(fmin(here[-1], here[-(L + 1)]), here[-(L + 1) - 1]);
    }
  const double result = sqrt(cost[(L + 1) * (L + 1) - 1]);
  free(cost);
  return result;
}

static void plain_derivative(mb_real *y, const mb_real *x, mb_size L) {
  for (mb_size t = 1; t < L - 1; t++) y[t] = ((x[t] - x[t - 1]) + (x[t + 1] - x[t - 1]) / 2) / 2;
  y[0] = y[1], y[L - 1] = y[L - 2];
}

static void check_warp(mb_size A, mb_size B, mb_size L, mb_size window, double unit) {
  mb_real *a = check_random(A * L, 3), *b = check_random(B * L, 4), *da = check_zeros(A * L),
          *db = check_zeros(B * L);
  for (mb_size i = 0; i < A * L; i++) a[i] *= (mb_real)unit;
  for (mb_size i = 0; i < B * L; i++) b[i] *= (mb_real)unit;
  for (mb_size i = 0; i < A; i++) plain_derivative(da + i * L, a + i * L, L);
  for (mb_size i = 0; i < B; i++) plain_derivative(db + i * L, b + i * L, L);
  mb_real *y = matrix_of(a, b, MB_DTW, window, A, B, L, 2), *d = matrix_of(a, b, MB_DDTW, window, A, B, L, 2);
  for (mb_size i = 0; i < A; i++)
    for (mb_size j = 0; j < B; j++) {
      const double expected = plain_warp(a + i * L, b + j * L, window, L);
      const double derived = plain_warp(da + i * L, db + j * L, window, L);
      const double tolerance = sizeof(mb_real) == 4 ? 1e-5 : 1e-12;
      if (!(fabs((double)y[i * B + j] - expected) <= tolerance * expected))
        fail_msg("window %td, L %td, %td, %td: %.9g, expected %.9g", window, L, i, j, (double)y[i * B + j],
                 expected);
      if (!(fabs((double)d[i * B + j] - derived) <= 10 * tolerance * derived))
        fail_msg("derivatives, %td, %td: %.9g, expected %.9g", i, j, (double)d[i * B + j], derived);
    }
  free(a), free(b), free(da), free(db), free(y), free(d);
}

static void warping_is_the_plain_algorithm(void **state) {
  const mb_size windows[] = {0, 1, 5, 39, 40, 1000};
  (void)state;
  for (int w = 0; w < 6; w++) check_warp(3, 5, 40, windows[w], 1);
  check_warp(18, 33, 50, 7, 1); /* whole packs and a rest */
  check_warp(1, 64, 33, 3, 1);
  check_warp(2, 2, 3, 3, 1);
  check_warp(2, 3, 30, 4, 1e-25); /* squares below and above the range of a float */
  check_warp(2, 3, 30, 4, 1e25);
}

static void window_0_is_euclidean(void **state) {
  enum { A = 3, B = 4, L = 25 };
  mb_real *a = check_random(A * L, 1), *b = check_random(B * L, 2);
  mb_real *warped = matrix_of(a, b, MB_DTW, 0, A, B, L, 1),
          *plain = matrix_of(a, b, MB_EUCLIDEAN, 0, A, B, L, 1);
  (void)state;
  check_close(warped, plain, A * B, 1e-6);
  free(a), free(b), free(warped), free(plain);
}

static void matrices_do_not_depend_on_threads(void **state) {
  enum { A = 37, B = 70, L = 45 };
  mb_real *a = positive(A * L, 1), *b = positive(B * L, 2);
  (void)state;
  for (mb_metric metric = MB_EUCLIDEAN; metric <= MB_DDTW; metric++) {
    mb_real *one = matrix_of(a, b, metric, 5, A, B, L, 1), *three = matrix_of(a, b, metric, 5, A, B, L, 3);
    check_same_bits(one, three, A * B);
    free(one), free(three);
  }
  free(a), free(b);
}

/* ---- neighbours ---- */

static void check_nearest(const mb_real *a, const mb_real *b, mb_metric metric, mb_size window, mb_size A,
                          mb_size B, mb_size L, mb_size k, int threads) {
  mb_real *matrix = matrix_of(a, b, metric, window, A, B, L, threads), *distance = check_zeros(A * k);
  mb_real *expected = check_zeros(A * k);
  mb_size *index = calloc((size_t)(A * k), sizeof *index),
          *expected_index = calloc((size_t)(A * k), sizeof *index);
  void *scratch = malloc(mb_dtw_nearest_scratch_bytes(A, B, L, threads));
  mb_nearest(expected, expected_index, matrix, A, B, k);
  assert_int_equal(mb_dtw_nearest(distance, index, scratch, a, b, metric, window, A, B, L, k, threads),
                   MB_OK);
  assert_memory_equal(index, expected_index, sizeof *index * (size_t)(A * k));
  assert_memory_equal(distance, expected, sizeof *distance * (size_t)(A * k));
  free(matrix), free(distance), free(expected), free(index), free(expected_index), free(scratch);
}

/* Peaks are at different positions, so that bounds and limits exclude some candidates. */
static void the_search_finds_what_the_matrix_has(void **state) {
  enum { A = 7, B = 150, L = 80 };
  mb_real *a = check_random(A * L, 5), *b = check_random(B * L, 6);
  (void)state;
  for (mb_size i = 0; i < A + B; i++)
    for (mb_size t = 0; t < L; t++) {
      mb_real *x = i < A ? a + i * L + t : b + (i - A) * L + t;
      *x = *x * (mb_real)0.05 + (mb_real)exp(-0.1 * pow((double)(t - 10 - i * 37 % 60), 2));
    }
  memcpy(b + 40 * L, b + 90 * L, sizeof(mb_real) * L); /* two at the same distance */
  for (mb_size window = 0; window <= 80; window += 20)
    for (mb_size k = 1; k <= 33; k += 8) {
      check_nearest(a, b, MB_DTW, window, A, B, L, k, 2);
      check_nearest(a, b, MB_DDTW, window, A, B, L, k, 1);
    }
  check_nearest(a, b, MB_DTW, 10, A, 3, L, 3, 2);
  check_nearest(b, b, MB_DTW, 4, B, B, L, 2, 2);
  free(a), free(b);
}

/* The k nearest of each row of a by definition. */
static void defined_nearest(mb_real *distance, mb_size *index, const mb_real *a, const mb_real *b, mb_size A,
                            mb_size B, mb_size L, mb_size k) {
  mb_real *matrix = check_zeros(A * B);
  for (mb_size i = 0; i < A; i++)
    for (mb_size j = 0; j < B; j++)
      matrix[i * B + j] = (mb_real)defined(MB_EUCLIDEAN, a + i * L, b + j * L, L);
  mb_nearest(distance, index, matrix, A, B, k);
  free(matrix);
}

/* Returns what the search returns; if true, it found what the definition says, with any number of threads. */
static bool finds_nearest(const mb_real *a, const mb_real *b, mb_size A, mb_size B, mb_size L, mb_size k) {
  mb_real *distance = check_zeros(A * k), *again = check_zeros(A * k), *expected = check_zeros(A * k);
  mb_size *index = calloc((size_t)(A * k), sizeof *index),
          *expected_index = calloc((size_t)(A * k), sizeof *index);
  void *scratch = malloc(mb_euclidean_nearest_scratch_bytes(A, B, L));
  const bool found = mb_euclidean_nearest(distance, index, scratch, a, b, A, B, L, k, 1);
  defined_nearest(expected, expected_index, a, b, A, B, L, k);
  if (found) {
    assert_memory_equal(index, expected_index, sizeof *index * (size_t)(A * k));
    check_close(distance, expected, A * k, sizeof(mb_real) == 4 ? 1e-7 : 1e-14);
  }
  assert_int_equal(mb_euclidean_nearest(again, index, scratch, a, b, A, B, L, k, 3), found);
  if (found) check_same_bits(distance, again, A * k);
  free(distance), free(again), free(expected), free(index), free(expected_index), free(scratch);
  return found;
}

/* More rows than a block, groups of replicates that differ by noise from nothing to their own size, two equal
 * rows, on a large common curve, which products alone could not tell apart, and at the ends of the range of a
 * float. */
static void products_leave_the_nearest(void **state) {
  enum { A = 261, B = 300, L = 61 };
  mb_real *a = check_random(A * L, 5), *b = check_random(B * L, 6);
  (void)state;
  for (mb_size i = 0; i < A; i++)
    for (mb_size t = 0; t < L; t++)
      a[i * L + t] = b[i * 7 % B * L + t] + a[i * L + t] * (mb_real)pow(10, -(double)(i % 9));
  memcpy(b + 40 * L, b + 90 * L, sizeof(mb_real) * L);
  for (int offset = 0; offset <= 1000; offset += 1000)
    for (double unit = 1e-18; unit < 1e19; unit *= 1e9) {
      mb_real *c = check_zeros((A + B) * L);
      for (mb_size n = 0; n < (A + B) * L; n++)
        c[n] = (mb_real)(((double)(n < A * L ? a[n] : b[n - A * L]) + offset * sin((double)(n % L))) * unit);
      for (mb_size k = 1; k <= 13; k += 4) assert_true(finds_nearest(c, c + A * L, A, B, L, k));
      free(c);
    }
  free(a), free(b);
}

/* Clusters far from the mean whose rows differ by less than what products are off: the exact comparisons find
 * which is the nearest. */
static void products_alone_would_be_wrong(void **state) {
  enum { A = 60, B = 600, L = 61, CLUSTERS = 60 };
  mb_real *centre = check_random(CLUSTERS * L, 7), *a = check_random(A * L, 8), *b = check_random(B * L, 9);
  (void)state;
  for (mb_size i = 0; i < A * L; i++) a[i] = centre[i % (CLUSTERS * L)] + (mb_real)1e-4 * a[i];
  for (mb_size i = 0; i < B * L; i++) b[i] = centre[i % (CLUSTERS * L)] + (mb_real)1e-4 * b[i];
  for (mb_size k = 1; k <= 3; k++) assert_true(finds_nearest(a, b, A, B, L, k));
  free(centre), free(a), free(b);
}

static void the_matrix_is_faster_for_many_candidates(void **state) {
  enum { A = 30, B = 64, L = 20 };
  mb_real *a = check_random(A * L, 1), *b = check_random(B * L, 2), *zero = check_zeros(B * L);
  (void)state;
  assert_true(finds_nearest(a, b, A, B, L, 1));
  assert_false(finds_nearest(a, b, A, B, L, 5));    /* as many as the matrix would take */
  assert_false(finds_nearest(a, zero, A, B, L, 1)); /* all at the same distance */
  assert_false(finds_nearest(zero, zero, A, B, L, 1));
  b[7] = (mb_real)1e12; /* an outlier takes all digits of the others */
  assert_false(finds_nearest(a, b, A, B, L, 1));
  free(a), free(b), free(zero);
}

static void the_nearest_come_in_order(void **state) {
  const mb_real matrix[10] = {3, 1, 2, 1, 5, 0, 0, 0, 0, 7};
  const mb_size expected[6] = {1, 3, 2, 0, 1, 2};
  mb_real distance[6];
  mb_size index[6];
  (void)state;
  mb_nearest(distance, index, matrix, 2, 5, 3);
  assert_memory_equal(index, expected, sizeof index);
  check_close(distance, (const mb_real[]){1, 1, 2, 0, 0, 0}, 6, 0);
}

static void votes_are_shares(void **state) {
  const mb_real distance[6] = {1, 2, 4, 0, 0, 3};
  const mb_size index[6] = {4, 0, 1, 2, 3, 0}, label[5] = {0, 1, 2, 0, 2};
  mb_real p[6];
  (void)state;
  mb_vote(p, distance, index, label, false, 2, 3, 3);
  check_close(
      p, (const mb_real[]){1 / (mb_real)3, 1 / (mb_real)3, 1 / (mb_real)3, 2 / (mb_real)3, 0, 1 / (mb_real)3},
      6, 1e-6);
  mb_vote(p, distance, index, label, true, 2, 3, 3);
  check_close(
      p, (const mb_real[]){2 / (mb_real)7, 1 / (mb_real)7, 4 / (mb_real)7, (mb_real)0.5, 0, (mb_real)0.5}, 6,
      1e-6);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(measures_are_what_they_are_called),
      cmocka_unit_test(products_keep_the_digits),
      cmocka_unit_test(small_differences_are_not_lost),
      cmocka_unit_test(rows_without_direction),
      cmocka_unit_test(shares_must_be_shares),
      cmocka_unit_test(warping_is_the_plain_algorithm),
      cmocka_unit_test(window_0_is_euclidean),
      cmocka_unit_test(matrices_do_not_depend_on_threads),
      cmocka_unit_test(the_search_finds_what_the_matrix_has),
      cmocka_unit_test(products_leave_the_nearest),
      cmocka_unit_test(products_alone_would_be_wrong),
      cmocka_unit_test(the_matrix_is_faster_for_many_candidates),
      cmocka_unit_test(the_nearest_come_in_order),
      cmocka_unit_test(votes_are_shares),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
