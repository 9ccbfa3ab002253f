/* conv1d_bench.c - GFLOP/s of convolution layers, beside the sgemm peak of the machine at that moment. */
#include "product.h" /* mb_gemm */

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPEATS 3
#define PEAK_N  1024

/* 64-byte aligned, as the pool of the tensors. */
static mb_real *filled(mb_size count) {
  const size_t bytes = sizeof(mb_real) * (size_t)count;
  mb_real *values = aligned_alloc(64, (bytes + 63) / 64 * 64);
  if (!values) {
    fprintf(stderr, "no memory for %td reals\n", count);
    exit(1);
  }
  for (mb_size i = 0; i < count; i++) values[i] = (mb_real)(i * 7919 % 1000) / 1000;
  return values;
}

typedef struct {
  mb_conv1d s;
  mb_real *x, *w, *b, *y, *dx, *dw, *db, *scratch;
} Layer;

static Layer new_layer(mb_conv1d s) {
  if (mb_conv1d_plan(&s, mb_get_threads()) != MB_OK) {
    fprintf(stderr, "%s\n", mb_reason());
    exit(1);
  }
  const mb_size x = s.N * s.L * s.C, w = s.K * s.C * s.F;
  return (Layer){.s = s,
                 .x = filled(x),
                 .w = filled(w),
                 .b = filled(s.F),
                 .y = filled(s.N * s.L_out * s.F),
                 .dx = filled(x),
                 .dw = filled(w),
                 .db = filled(s.F),
                 .scratch = filled((mb_size)(s.scratch_bytes / sizeof(mb_real)))};
}

static void free_layer(Layer *l) {
  mb_real *arrays[] = {l->x, l->w, l->b, l->y, l->dx, l->dw, l->db, l->scratch};
  for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) free(arrays[i]);
}

/* The kinds of measurement. The peak is one product per thread, all at once. */
typedef enum { PEAK, FORWARD, WEIGHTS, INPUT, BACKWARD, PASSES } Pass;

static double run(Pass pass, const Layer *l) {
  static mb_real *matrices = NULL;
  const mb_size n = PEAK_N, square = n * n, threads = mb_get_threads();
  if (!matrices) matrices = filled((2 + threads) * square);
  const double start = omp_get_wtime();
  switch (pass) {
  case PEAK:
#pragma omp parallel num_threads(threads)
    mb_gemm(false, false, n, n, n, 1, matrices, n, matrices + square, n, 0,
            matrices + (2 + omp_get_thread_num()) * square, n);
    break;
  case FORWARD: mb_conv1d_forward(l->y, NULL, l->scratch, l->x, l->w, l->b, &l->s); break;
  case WEIGHTS: mb_conv1d_backward(NULL, l->dw, l->db, l->scratch, l->y, NULL, l->x, l->w, &l->s); break;
  case INPUT: mb_conv1d_backward(l->dx, NULL, NULL, l->scratch, l->y, NULL, l->x, l->w, &l->s); break;
  case BACKWARD: mb_conv1d_backward(l->dx, l->dw, l->db, l->scratch, l->y, NULL, l->x, l->w, &l->s); break;
  case PASSES: break;
  }
  const double seconds = omp_get_wtime() - start;
  const double direct = 2e-9 * (double)(l->s.N * l->s.L_out * l->s.K * l->s.C) * (double)l->s.F;
  if (pass == BACKWARD) return 2 * direct / seconds;
  return (pass == PEAK ? 2e-9 * (double)(square * n * threads) : direct) / seconds;
}

static void report(mb_size N, mb_size L, mb_size C, mb_size K, mb_size F, mb_size stride) {
  Layer l = new_layer((mb_conv1d){.N = N,
                                  .L = L,
                                  .C = C,
                                  .K = K,
                                  .F = F,
                                  .stride = stride,
                                  .dilation = 1,
                                  .padding = MB_SAME,
                                  .slope = 1});
  double best[PASSES] = {0};
  for (int repeat = 0; repeat < REPEATS; repeat++)
    for (Pass pass = PEAK; pass < PASSES; pass++) {
      const double rate = run(pass, &l);
      if (rate > best[pass]) best[pass] = rate;
    }
  printf("%4td %5td %4td %3td %4td %6td %8.0f", N, L, C, K, F, stride, best[PEAK]);
  for (Pass pass = FORWARD; pass < PASSES; pass++)
    printf(" %8.0f %5.2f", best[pass], best[pass] / best[PEAK]);
  printf("\n");
  free_layer(&l);
}

/* The argument names an algorithm: direct or fft; default: automatic. */
int main(int count, char **arguments) {
  if (count > 1) mb_set_conv1d_algorithm(strcmp(arguments[1], "direct") == 0 ? MB_DIRECT : MB_FFT);
  printf("GFLOP/s on %d threads, best of %d, and the ratio to the sgemm peak\n", mb_get_threads(), REPEATS);
  printf("   N     L    C   K    F stride     peak  forward          dw             dx      backward\n");
  report(128, 5000, 1, 20, 64, 1); /* lee_cnn3 */
  report(128, 5000, 1, 50, 64, 2); /* cnn2 */
  report(128, 5000, 1, 35, 64, 1); /* cnn6 */
  report(128, 5000, 1, 5, 6, 1);   /* vgg */
  report(128, 5000, 1, 21, 16, 1); /* cnn_bn */
  report(128, 2500, 6, 5, 16, 1);
  report(128, 2500, 16, 11, 32, 1);
  report(128, 139, 92, 1, 98, 1); /* inception */
  report(128, 139, 16, 3, 32, 1);
  report(128, 1666, 64, 15, 64, 1);
  report(128, 555, 64, 10, 64, 2);
  report(128, 2500, 64, 30, 64, 1); /* cnn6 */
  report(128, 1249, 64, 25, 64, 1);
  report(128, 624, 64, 20, 64, 2);
  report(128, 312, 64, 15, 64, 2);
  report(128, 2500, 64, 5, 100, 2); /* resnet */
  report(128, 2500, 100, 5, 100, 1);
  report(128, 157, 100, 5, 100, 1);
  report(128, 1250, 64, 25, 64, 3); /* cnn2 */
  report(128, 2500, 16, 5, 16, 1);  /* vgg */
  report(128, 1250, 32, 5, 32, 1);
  report(128, 625, 32, 5, 64, 1);
  report(1, 1666, 64, 15, 64, 1); /* a single spectrum */
  return 0;
}
