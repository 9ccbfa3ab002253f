/* test_pls.c - scores are orthonormal, all components give least squares, nothing left ends the search. */
#include "check.h"

typedef struct {
  double *rotation, *loading, *y_loading, *x_mean, *y_mean;
  mb_size found;
} Fit;

static Fit fit(const mb_real *x, const mb_real *y, mb_size N, mb_size D, mb_size M, mb_size A) {
  Fit f = {malloc(sizeof(double) * (size_t)(A * D)), malloc(sizeof(double) * (size_t)(A * D)),
           malloc(sizeof(double) * (size_t)(A * M)), malloc(sizeof(double) * (size_t)D),
           malloc(sizeof(double) * (size_t)M),       0};
  void *scratch = malloc(mb_pls_scratch_bytes(N, D, M, A));
  assert_int_equal(
      mb_pls(f.rotation, f.loading, f.y_loading, f.x_mean, f.y_mean, &f.found, scratch, x, y, N, D, M, A),
      MB_OK);
  free(scratch);
  return f;
}

static void release(Fit *f) {
  free(f->rotation), free(f->loading), free(f->y_loading), free(f->x_mean), free(f->y_mean);
}

static double score(const Fit *f, const mb_real *row, mb_size a, mb_size D) {
  double sum = 0;
  for (mb_size d = 0; d < D; d++) sum += ((double)row[d] - f->x_mean[d]) * f->rotation[a * D + d];
  return sum;
}

static void scores_are_orthonormal(void **state) {
  enum { N = 40, D = 60, A = 6 };
  (void)state;
  for (mb_size M = 1; M <= 3; M += 2) {
    mb_real *x = check_random(N * D, 5), *y = check_random(N * M, 6);
    Fit f = fit(x, y, N, D, M, A);
    assert_int_equal(f.found, A);
    for (mb_size a = 0; a < A; a++)
      for (mb_size b = 0; b <= a; b++) {
        double product = 0;
        for (mb_size i = 0; i < N; i++) product += score(&f, x + i * D, a, D) * score(&f, x + i * D, b, D);
        assert_true(fabs(product - (a == b)) < 1e-9);
      }
    release(&f), free(x), free(y);
  }
}

/* With as many components as points, the residuals are orthogonal to every point: least squares. */
static void all_components_are_least_squares(void **state) {
  enum { N = 50, D = 6, M = 2 };
  mb_real *x = check_random(N * D, 8), *y = check_random(N * M, 9);
  (void)state;
  Fit f = fit(x, y, N, D, M, D);
  for (mb_size m = 0; m < M; m++)
    for (mb_size d = 0; d < D; d++) {
      double product = 0;
      for (mb_size i = 0; i < N; i++) {
        double residual = (double)y[i * M + m] - f.y_mean[m];
        for (mb_size a = 0; a < f.found; a++) residual -= score(&f, x + i * D, a, D) * f.y_loading[a * M + m];
        product += residual * ((double)x[i * D + d] - f.x_mean[d]);
      }
      assert_true(fabs(product) < 1e-9);
    }
  release(&f), free(x), free(y);
}

static void nothing_left_ends_the_search(void **state) {
  enum { N = 10, D = 4 };
  mb_real *x = check_random(N * D, 3), y[N], constant[N] = {0};
  (void)state;
  for (mb_size i = 0; i < N; i++) {
    for (mb_size d = 1; d < D; d++) x[i * D + d] = 0;
    y[i] = 2 * x[i * D];
  }
  Fit f = fit(x, y, N, D, 1, 3), none = fit(x, constant, N, D, 1, 3);
  assert_int_equal(f.found, 1);
  assert_int_equal(none.found, 0);
  release(&f), release(&none), free(x);
}

static void bad_arguments_are_refused(void **state) {
  const mb_real x[4] = {0}, y[2] = {0};
  double out[8], scratch[256];
  mb_size found;
  (void)state;
  assert_int_equal(mb_pls(out, out, out, out, out, &found, scratch, x, y, 1, 4, 1, 1), MB_BAD_SHAPE);
  assert_int_equal(mb_pls(out, out, out, out, out, &found, scratch, x, y, 2, 2, 1, 2), MB_BAD_VALUE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(scores_are_orthonormal),
      cmocka_unit_test(all_components_are_least_squares),
      cmocka_unit_test(nothing_left_ends_the_search),
      cmocka_unit_test(bad_arguments_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
