/* test_denormals.c - products, convolutions and optimisers flush denormals in every thread, and restore the
 * mode of the calling thread. */
#include "check.h"
#include "internal.h"

#include <float.h>

#ifdef MB_DOUBLE
#define TINY  (DBL_MIN * 1e20)
#define SMALL ((mb_real)1e-30) /* SMALL TINY is a denormal */
#else
#define TINY  (FLT_MIN * 1e5f)
#define SMALL 1e-9f
#endif

static mb_real *filled(mb_size count, mb_real value) {
  mb_real *values = check_zeros(count);
  for (mb_size i = 0; i < count; i++) values[i] = value;
  return values;
}

static void check_all_zero(const mb_real *values, mb_size count) {
  for (mb_size i = 0; i < count; i++)
    if (values[i] != 0) fail_msg("element %td is %.9g, expected 0", i, (double)values[i]);
}

static void multiply(mb_size M, mb_size N, mb_size K, bool transpose_a, bool transpose_b) {
  mb_real *A = filled(M * K, (mb_real)TINY), *B = filled(K * N, SMALL), *C = filled(M * N, 1);
  mb_matmul(C, transpose_a, transpose_b, M, N, K, 1, A, B, 0);
  check_all_zero(C, M * N);
  free(A), free(B), free(C);
}

static void products(void **state) {
  (void)state;
  const mb_size sizes[][3] = {{1, 300, 200}, {6, 70, 500}, {40, 600, 30}, {400, 90, 64}};
  for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
    for (int transposed = 0; transposed < 4; transposed++)
      multiply(sizes[s][0], sizes[s][1], sizes[s][2], transposed & 1, transposed & 2);
}

static void convolve(mb_conv1d s) {
  s.padding = MB_SAME, s.slope = 1;
  mb_conv1d_plan(&s, mb_get_threads());
  const mb_size x_count = s.N * s.L * s.C, w_count = s.K * s.C * s.F, y_count = s.N * s.L_out * s.F;
  mb_real *x = filled(x_count, (mb_real)TINY), *w = filled(w_count, SMALL), *y = filled(y_count, 1);
  mb_real *dy = filled(y_count, SMALL), *dx = filled(x_count, 1), *dw = filled(w_count, 1);
  void *scratch = calloc(s.scratch_bytes, 1);
  mb_conv1d_forward(y, NULL, scratch, x, w, NULL, &s);
  check_all_zero(y, y_count);
  mb_conv1d_backward(NULL, dw, NULL, scratch, dy, NULL, x, w, &s);
  check_all_zero(dw, w_count);
  for (mb_size i = 0; i < y_count; i++) dy[i] = (mb_real)TINY;
  mb_conv1d_backward(dx, NULL, NULL, scratch, dy, NULL, x, w, &s);
  check_all_zero(dx, x_count);
  free(x), free(w), free(y), free(dy), free(dx), free(dw), free(scratch);
}

static void convolutions(void **state) {
  (void)state;
  const mb_conv1d_algorithm algorithms[] = {MB_DIRECT, MB_FFT};
  for (int i = 0; i < 2; i++) {
    mb_set_conv1d_algorithm(algorithms[i]);
    convolve((mb_conv1d){.N = 3, .L = 400, .C = 16, .K = 5, .F = 32, .stride = 1, .dilation = 1});
    convolve((mb_conv1d){.N = 40, .L = 300, .C = 4, .K = 20, .F = 20, .stride = 2, .dilation = 1});
  }
  mb_set_conv1d_algorithm(MB_AUTOMATIC);
}

/* The square of a gradient is a denormal: for a plain gradient, and for one kept as factors. */
static void steps(void **state) {
  (void)state;
  enum { DEPTH = 2, ROWS = 300, COLUMNS = 200, COUNT = ROWS * COLUMNS };
  const mb_real g = (mb_real)sqrt((double)TINY * (double)SMALL);
  mb_real *w = filled(COUNT, 1), *gradient = filled(COUNT, g), *m = filled(COUNT, 0), *v = filled(COUNT, 0);
  mb_parameter p = {.value = w, .gradient = gradient, .m = m, .v = v, .count = COUNT};
  mb_adam_step(&p, 1, 0.1, 0.9, 0.9, 1e-8, 0, false, 1);
  check_all_zero(v, COUNT);
  mb_real *ones = filled(DEPTH * ROWS, 1), *right = filled(DEPTH * COLUMNS, g);
  mb_factors *f = &p.factors;
  *f = (mb_factors){.depth = DEPTH, .rows = ROWS, .columns = COLUMNS};
  f->packed = check_zeros(mb_factors_count(DEPTH, ROWS, COLUMNS));
  mb_factors_pack(f, ones, right);
  p.gradient = NULL;
  mb_adam_step(&p, 1, 0.1, 0.9, 0.9, 1e-8, 0, false, 2);
  check_all_zero(v, COUNT);
  assert_true(m[0] > 0 && m[COUNT - 1] > 0);
  free(w), free(gradient), free(m), free(v), free(ones), free(right), free(f->packed);
}

static int one_thread(void **state) {
  (void)state;
  mb_set_threads(1);
  return 0;
}

static int three_threads(void **state) {
  (void)state;
  mb_set_threads(3);
  return 0;
}

static int the_caller_has_denormals(void **state) {
  (void)state;
  volatile mb_real tiny = (mb_real)TINY, small = SMALL;
  assert_true(tiny * small > 0);
  return 0;
}

int main(void) {
#define ON(threads, test) cmocka_unit_test_setup_teardown(test, threads, the_caller_has_denormals)
  const struct CMUnitTest tests[] = {
      ON(one_thread, products),        ON(three_threads, products), ON(one_thread, convolutions),
      ON(three_threads, convolutions), ON(one_thread, steps),       ON(three_threads, steps),
  };
#ifdef __SSE__
  return cmocka_run_group_tests(tests, NULL, NULL);
#else
  (void)tests;
  return 0; /* denormals are flushed on x86 only */
#endif
}
