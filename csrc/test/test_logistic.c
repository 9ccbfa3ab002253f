/* test_logistic.c - the minimum by its gradient, with more rows than points and with fewer. */
#include "check.h"

static void is_at_its_minimum(mb_size N, mb_size D) {
  enum { K = 3 };
  const double C = 2;
  mb_real *x = check_random(N * D, 4);
  mb_size *label = malloc(sizeof(mb_size) * (size_t)N), iterations;
  double *w = malloc(sizeof(double) * (size_t)((D + 1) * K)), *b = w + D * K;
  double *slope = calloc((size_t)((D + 1) * K), sizeof(double));
  void *scratch = malloc(mb_logistic_scratch_bytes(N, D, K));
  for (mb_size i = 0; i < N; i++) label[i] = x[i * D] > 0 ? 1 + (i % 3 == 0) : 0;
  assert_int_equal(mb_logistic(w, b, &iterations, scratch, x, label, C, 1e-9, 500, N, D, K), MB_OK);
  assert_true(iterations > 2 && iterations < 500);
  for (mb_size i = 0; i < N; i++) {
    double p[K], sum = 0;
    for (mb_size k = 0; k < K; k++) {
      double z = b[k];
      for (mb_size d = 0; d < D; d++) z += (double)x[i * D + d] * w[d * K + k];
      sum += p[k] = exp(z);
    }
    for (mb_size k = 0; k < K; k++) {
      const double pull = p[k] / sum - (label[i] == k);
      for (mb_size d = 0; d < D; d++) slope[d * K + k] += pull * (double)x[i * D + d];
      slope[D * K + k] += pull;
    }
  }
  for (mb_size i = 0; i < D * K; i++) slope[i] += w[i] / C;
  for (mb_size i = 0; i < (D + 1) * K; i++) assert_true(fabs(slope[i]) < 1e-6);
  assert_true(fabs(w[0]) > 0.01);
  free(x), free(label), free(w), free(slope), free(scratch);
}

static void minima(void **state) {
  (void)state;
  is_at_its_minimum(120, 15);
  is_at_its_minimum(25, 80);
}

static void iterations_are_bounded(void **state) {
  const mb_real x[] = {-1, 1, 2, -2};
  const mb_size label[] = {0, 1, 1, 0};
  double w[4], b[2];
  mb_size iterations;
  void *scratch = malloc(mb_logistic_scratch_bytes(4, 1, 2));
  (void)state;
  assert_int_equal(mb_logistic(w, b, &iterations, scratch, x, label, 1e6, 1e-12, 1, 4, 1, 2), MB_OK);
  assert_int_equal(iterations, 1);
  assert_int_equal(mb_logistic(w, b, &iterations, scratch, x, label, 0, 1e-4, 1, 4, 1, 2), MB_BAD_VALUE);
  free(scratch);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(minima), cmocka_unit_test(iterations_are_bounded)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
