/* test_pca.c - components are orthonormal and hold the variance, of few rows as of many. */
#include "check.h"

/* Of k = all components, the scores give the rows back; the variances fall and sum to the total. */
static void components_hold_all_of(mb_real *x, mb_size N, mb_size D) {
  const mb_size k = N - 1 < D ? N - 1 : D;
  double *component = malloc(sizeof(double) * (size_t)(k * D + D + k)), *mean = component + k * D,
         *variance = mean + D, total, sum = 0;
  void *scratch = malloc(mb_pca_scratch_bytes(N, D, k));
  assert_int_equal(mb_pca(component, mean, variance, &total, scratch, x, N, D, k), MB_OK);
  for (mb_size a = 0; a < k; a++) {
    sum += variance[a];
    assert_true(a == 0 || variance[a] <= variance[a - 1] + 1e-12);
    for (mb_size b = 0; b <= a; b++) {
      double product = 0;
      for (mb_size d = 0; d < D; d++) product += component[a * D + d] * component[b * D + d];
      assert_true(fabs(product - (a == b)) < 1e-9);
    }
  }
  assert_true(fabs(sum - total) <= 1e-9 * total);
  for (mb_size i = 0; i < N; i++)
    for (mb_size d = 0; d < D; d++) {
      double value = mean[d];
      for (mb_size a = 0; a < k; a++) {
        double score = 0;
        for (mb_size e = 0; e < D; e++) score += ((double)x[i * D + e] - mean[e]) * component[a * D + e];
        value += score * component[a * D + d];
      }
      assert_true(fabs(value - (double)x[i * D + d]) < 1e-6);
    }
  free(x), free(component), free(scratch);
}

static void components_hold_all(void **state) {
  (void)state;
  components_hold_all_of(check_random(8 * 30, 7), 8, 30);
  components_hold_all_of(check_random(30 * 8, 7), 30, 8);
}

/* Rows that are sums of `rank` rows, with small whole numbers, so that nothing is rounded; rank 0: equal
 * rows. */
static mb_real *rows_of_rank(mb_size rank, mb_size N, mb_size D) {
  mb_real *x = check_zeros(N * D);
  for (mb_size i = 0; i < N; i++)
    for (mb_size d = 0; d < D; d++) {
      x[i * D + d] = (mb_real)(d % 4);
      for (mb_size r = 0; r < rank; r++)
        x[i * D + d] += (mb_real)((i * (r + 2) % 5) * ((d + r) * (r + 3) % 7));
    }
  return x;
}

static void components_beyond_the_rank_are_orthonormal(void **state) {
  (void)state;
  for (mb_size rank = 0; rank < 3; rank++) {
    components_hold_all_of(rows_of_rank(rank, 20, 50), 20, 50);
    components_hold_all_of(rows_of_rank(rank, 50, 20), 50, 20);
  }
}

/* Distances from a plane along two axes are those of the other coordinates, for any number of threads. */
static void residuals_leave_the_plane_out(void **state) {
  enum { N = 70, D = 9, K = 2 };
  mb_real *x = check_random(N * D, 3), *component = check_zeros(K * D), *mean = check_random(D, 4), q[N],
          again[N];
  void *scratch = malloc(mb_pca_residuals_scratch_bytes(D, K, 3));
  (void)state;
  component[1] = 1;
  component[D + 4] = -1;
  mb_pca_residuals(q, scratch, x, mean, component, N, D, K, 1);
  mb_pca_residuals(again, scratch, x, mean, component, N, D, K, 3);
  check_same_bits(q, again, N);
  for (mb_size i = 0; i < N; i++) {
    double sum = 0;
    for (mb_size d = 0; d < D; d++)
      if (d != 1 && d != 4) sum += pow((double)x[i * D + d] - (double)mean[d], 2);
    check_close(&q[i], &(mb_real){(mb_real)sum}, 1, CHECK_TOLERANCE);
  }
  free(x), free(component), free(mean), free(scratch);
}

static void the_largest_element_is_positive(void **state) {
  const mb_real x[] = {0, 0, -1, 3, -2, 6};
  double component[2], mean[2], variance[1], total;
  void *scratch = malloc(mb_pca_scratch_bytes(3, 2, 1));
  (void)state;
  assert_int_equal(mb_pca(component, mean, variance, &total, scratch, x, 3, 2, 1), MB_OK);
  assert_true(fabs(component[1] - 3 / sqrt(10)) < 1e-12 && fabs(component[0] + 1 / sqrt(10)) < 1e-12);
  assert_true(fabs(variance[0] - 10) < 1e-12 && fabs(total - 10) < 1e-12);
  free(scratch);
}

static void bad_arguments_are_refused(void **state) {
  const mb_real x[4] = {0};
  double out[8], total, scratch[256];
  (void)state;
  assert_int_equal(mb_pca(out, out, out, &total, scratch, x, 1, 4, 1), MB_BAD_SHAPE);
  assert_int_equal(mb_pca(out, out, out, &total, scratch, x, 2, 2, 2), MB_BAD_VALUE);
  assert_int_equal(mb_pca(out, out, out, &total, scratch, x, 2, 2, 0), MB_BAD_VALUE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(components_hold_all),
      cmocka_unit_test(components_beyond_the_rank_are_orthonormal),
      cmocka_unit_test(residuals_leave_the_plane_out),
      cmocka_unit_test(the_largest_element_is_positive),
      cmocka_unit_test(bad_arguments_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
