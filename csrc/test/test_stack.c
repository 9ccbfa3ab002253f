/* test_stack.c - the kernels that have the largest arrays on the stack keep to MB_STACK_BYTES. */
#include "check.h"

#include <pthread.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define IS_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED
#endif

#define PAINT 0x5a

enum { ROOM = 2 << 20, PAGE = 4096 };

static mb_real *x, *y;

/* ---- kernels, each on one thread ---- */

static void products(void) {
  for (int flags = 0; flags < 8; flags++) {
    const bool transpose_a = flags & 1, transpose_b = flags & 2;
    const mb_real beta = flags & 4 ? 1 : 0;
    mb_matmul(y, transpose_a, transpose_b, 128, 1024, 1024, 1, x, x, beta);
    mb_matmul(y, transpose_a, transpose_b, 384, 300, 200, 1, x, x, beta);
    mb_matmul(y, transpose_a, transpose_b, 4, 1000, 1000, 1, x, x, beta);
    mb_matmul(y, transpose_a, transpose_b, 1000, 1000, 4, 1, x, x, beta);
    mb_matmul(y, transpose_a, transpose_b, 60, 70, 80, 2, x, x, beta);
  }
}

static void convolution(mb_size groups, mb_size pool, mb_size C, mb_conv1d_algorithm algorithm) {
  mb_conv1d s = {.N = 2,
                 .L = 500,
                 .C = C,
                 .K = 9,
                 .F = 64,
                 .stride = 1,
                 .dilation = 1,
                 .groups = groups,
                 .padding = MB_SAME,
                 .pool = pool,
                 .pool_stride = pool};
  mb_set_conv1d_algorithm(algorithm);
  assert_int_equal(mb_conv1d_plan(&s, 1), MB_OK);
  void *scratch = malloc(s.scratch_bytes);
  uint8_t *argmax = malloc((size_t)(s.N * s.L_pool * s.F));
  mb_real *dx = check_zeros(s.N * s.L * s.C), *dw = check_zeros(s.K * s.C * s.F), *db = check_zeros(s.F);
  mb_conv1d_forward(y, argmax, scratch, x, x, x, &s);
  mb_conv1d_backward(dx, dw, db, scratch, y, argmax, x, x, &s);
  free(scratch), free(argmax), free(dx), free(dw), free(db);
}

static void convolutions(void) {
  for (mb_size pool = 0; pool <= 2; pool += 2)
    for (mb_size C = 1; C <= 64; C += 63)
      for (mb_conv1d_algorithm algorithm = MB_DIRECT; algorithm <= MB_FFT; algorithm++) {
        convolution(1, pool, C, algorithm);
        if (C > 1) convolution(2, pool, C, algorithm), convolution(C, pool, C, algorithm);
      }
}

static void normalisation(void) {
  enum { C = 300, L = 100 };
  mb_real mean[C], var[C], dgamma[C], dbeta[C];
  for (mb_size pool = 0; pool <= 2; pool += 2) {
    const mb_batch_norm s = {.N = 4,
                             .L = L,
                             .C = C,
                             .mean = mean,
                             .var = var,
                             .epsilon = 1,
                             .pool = pool,
                             .pool_stride = 2,
                             .L_pool = pool ? L / 2 : L};
    uint8_t *argmax = calloc(4 * L * C, 1);
    mb_batch_norm_statistics(mean, var, NULL, NULL, x, (mb_real)0.9, 4 * L, C);
    mb_batch_norm_apply(y, argmax, x, &s);
    mb_batch_norm_backward(y, dgamma, dbeta, x, argmax, x, true, &s);
    free(argmax);
  }
  mb_layer_norm_backward(y, dgamma, dbeta, x, x, x, x, NULL, 4 * L, C);
}

static void reductions_and_spectra(void) {
  mb_rng rng;
  mb_rng_seed(&rng, NULL, 0);
  for (mb_reduce_op op = MB_SUM; op <= MB_ARGMAX; op++) {
    mb_reduce(y, op, x, 10, 100, 100, 0);
    mb_reduce(y, op, x, 1, 100000, 1, 0);
  }
  mb_dropout(y, NULL, x, (mb_real)0.5, &rng, 100000);
  const mb_peak_ranges peaks[] = {{{10, 90}, {1, 1}}, {{10, 90}, {1, 1}}};
  const mb_spectra options = {.L = 100,
                              .classes = 2,
                              .first = (mb_size[]){0, 1, 2},
                              .peaks = peaks,
                              .width = {1, 2},
                              .orders = {1, 1},
                              .parts = {1, 1},
                              .noise = 0.1};
  double accuracy;
  assert_int_equal(mb_spectra_generate(&(mb_spectra_out){.y = y, .label = x}, &rng, &options, 10), MB_OK);
  assert_int_equal(mb_spectra_ceiling(&accuracy, &rng, &options, 10), MB_OK);
}

static void optimisers(void) {
  enum { ROWS = 600, COLUMNS = 500, DEPTH = 16 };
  mb_factors factors = {DEPTH, ROWS, COLUMNS, x};
  mb_real *m = check_zeros(ROWS * COLUMNS), *v = check_zeros(ROWS * COLUMNS);
  mb_parameter parameter = {.value = y, .m = m, .v = v, .count = ROWS * COLUMNS, .factors = factors};
  mb_adam_step(&parameter, 1, 1e-3, 0.9, 0.999, 1e-8, 0, false, 1);
  mb_sgd_step(&parameter, 1, 1e-3, 0.9, true, 0);
  free(m), free(v);
}

/* ---- the stack that they use ---- */

static void *run(void *f) {
  mb_set_threads(1);
  ((void (*)(void))(uintptr_t)f)();
  return NULL;
}

/* Bytes of a painted stack that a function has written over, at least. */
static size_t used_by(void (*f)(void)) {
  enum { SIZE = 8 << 20 };
  unsigned char *stack = aligned_alloc(PAGE, SIZE);
  pthread_attr_t attributes;
  pthread_t thread;
  size_t untouched = 0;
  assert_non_null(stack);
  memset(stack, PAINT, SIZE);
  pthread_attr_init(&attributes);
  assert_int_equal(pthread_attr_setstack(&attributes, stack, SIZE), 0);
  assert_int_equal(pthread_create(&thread, &attributes, run, (void *)(uintptr_t)f), 0);
  pthread_join(thread, NULL);
  while (untouched < SIZE && stack[untouched] == PAINT) untouched++;
  pthread_attr_destroy(&attributes);
  free(stack);
  return SIZE - untouched;
}

static void kernels_keep_to_the_documented_stack(void **state) {
  static void (*const kernels[])(void) = {products, convolutions, normalisation, reductions_and_spectra,
                                          optimisers};
  (void)state;
#ifdef IS_SANITIZED
  skip(); /* frames are larger, and some are on the heap */
#endif
  x = check_random(ROOM, 1), y = check_zeros(ROOM);
  for (size_t k = 0; k < sizeof kernels / sizeof *kernels; k++) {
    const size_t used = used_by(kernels[k]);
    if (used > MB_STACK_BYTES)
      fail_msg("kernels %zu: %zu bytes of stack, expected at most %zu", k, used, MB_STACK_BYTES);
  }
  free(x), free(y);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(kernels_keep_to_the_documented_stack)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
