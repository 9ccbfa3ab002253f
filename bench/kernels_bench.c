/* kernels_bench.c - GB/s of the memory-bound kernels, beside plain loops that read, copy, add and update;
 * GFLOP/s of the products of dense layers, beside OpenBLAS and the sgemm peak. All sizes are those of the
 * large networks (batch 128, length 5000); everything runs with 1 thread and with all.
 *   kernels_bench [NAME...]    only kernels whose names begin with a NAME */
#include "product.h" /* mb_gemm */

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define REPEATS 5
#define COUNT   ((mb_size)40000000) /* elements of an activation: 160 MB */
#define C       ((mb_size)100)
#define ROWS    (COUNT / C)
#define PEAK_N  1024

static mb_real *a, *b, *c, *d;
static mb_real per_channel[6][C];
static mb_size *rows_of;
static volatile mb_real sink;

/* Maps pages as the pool of the tensors does. */
static mb_real *filled(mb_size count) {
  const size_t bytes = sizeof(mb_real) * (size_t)count;
  mb_real *values = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (values == MAP_FAILED) {
    fprintf(stderr, "no memory for %td reals\n", count);
    exit(1);
  }
  madvise(values, bytes, MADV_HUGEPAGE);
  for (mb_size i = 0; i < count; i++) values[i] = (mb_real)(i * 7919 % 1000) / 1000 - (mb_real)0.5;
  return values;
}

/* ---- memory bandwidth ------------------------------------------------------------- */

MB_CLONES static void loop_read(void) {
  mb_real sum = 0;
#pragma omp parallel for simd reduction(+ : sum) num_threads(mb_get_threads())
  for (mb_size i = 0; i < COUNT; i++) sum += a[i];
  sink = sum;
}

static void loop_copy(void) {
#pragma omp parallel for simd num_threads(mb_get_threads())
  for (mb_size i = 0; i < COUNT; i++) b[i] = 2 * a[i];
}

static void loop_add(void) {
#pragma omp parallel for simd num_threads(mb_get_threads())
  for (mb_size i = 0; i < COUNT; i++) c[i] = a[i] + b[i];
}

static void loop_update(void) {
#pragma omp parallel for simd num_threads(mb_get_threads())
  for (mb_size i = 0; i < COUNT; i++) b[i] = b[i] * (mb_real)0.999;
}

/* ---- kernels --------------------------------------------------------------------------- */

static const mb_shape full = {.rank = 2, .shape = {ROWS, C}}, row = {.rank = 1, .shape = {C}};

static void add(void) {
  mb_binary(c, MB_ADD, a, &full, b, &full, &full);
}
static void add_row(void) {
  mb_binary(b, MB_ADD, a, &full, per_channel[0], &row, &full);
}
static void add_scaled(void) {
  mb_add_scaled(b, (mb_real)0.5, a, COUNT);
}
static void fill(void) {
  mb_fill(b, 0, COUNT);
}
static void relu(void) {
  mb_unary(b, MB_RELU, 0, a, COUNT);
}
static void relu_in_place(void) {
  mb_unary(b, MB_RELU, 0, b, COUNT);
}
static void leaky_relu(void) {
  mb_unary(b, MB_LEAKY_RELU, (mb_real)0.1, a, COUNT);
}
static void relu_backward(void) {
  mb_unary_backward(c, MB_RELU, 0, b, a, COUNT);
}
static void gelu(void) {
  mb_unary(b, MB_GELU, 0, a, COUNT);
}
static void dropout(void) {
  const uint32_t seed = 1;
  mb_rng rng;
  mb_rng_seed(&rng, &seed, 1);
  mb_dropout(b, NULL, a, (mb_real)0.3, &rng, COUNT);
}
static void sum_rows(void) {
  mb_sum_to(per_channel[0], &row, a, &full);
}
static void mean_length(void) {
  mb_reduce(b, MB_MEAN, a, 128, COUNT / 128 / C, C, 0);
}
static void mean_length_backward(void) {
  mb_reduce_backward(b, MB_MEAN, a, b, 128, COUNT / 128 / C, C, 0);
}
static void norm_statistics(void) {
  mb_batch_norm_statistics(per_channel[0], per_channel[1], NULL, NULL, a, 0, ROWS, C);
}
/* Followed by a ReLU and by max-pooling of `pool` rows (0: none). */
static mb_batch_norm norm_shape(mb_size pool) {
  const mb_size N = 128, L = ROWS / N;
  return (mb_batch_norm){
      N, L,    C,    per_channel[0],         per_channel[1], per_channel[2], per_channel[3], (mb_real)1e-3,
      0, pool, pool, pool > 0 ? L / pool : 0};
}
static void norm_apply(void) {
  const mb_batch_norm s = norm_shape(0);
  mb_batch_norm_apply(b, NULL, a, &s);
}
static void norm_backward(void) {
  const mb_batch_norm s = norm_shape(0);
  mb_batch_norm_backward(c, per_channel[4], per_channel[5], b, NULL, a, true, &s);
}
static void norm_pool(void) {
  const mb_batch_norm s = norm_shape(2);
  mb_batch_norm_apply(b, (uint8_t *)d, a, &s);
}
static void norm_pool_backward(void) {
  const mb_batch_norm s = norm_shape(2);
  mb_batch_norm_backward(c, per_channel[4], per_channel[5], b, (const uint8_t *)d, a, true, &s);
}
static void layer_norm(void) {
  mb_layer_norm_forward(b, c, d, a, per_channel[2], per_channel[3], (mb_real)1e-3, ROWS, C);
}
static void softmax(void) {
  mb_softmax(b, a, ROWS, C);
}
static void gather(void) {
  mb_gather(b, a, rows_of, ROWS, C);
}
static void adam(void) {
  mb_parameter p = {.value = a, .gradient = b, .m = c, .v = d, .count = COUNT};
  mb_adam_step(&p, 1, 1e-9, 0.9, 0.999, 1e-8, 0, false, 3);
}
static void sgd_momentum(void) {
  mb_parameter p = {.value = a, .gradient = b, .m = c, .count = COUNT};
  mb_sgd_step(&p, 1, 1e-9, 0.9, false, 0);
}

/* passes: over arrays of COUNT reals, each read or write of one counted once. */
static const struct {
  const char *name;
  void (*run)(void);
  int passes;
} kernels[] = {
    {"loop: read", loop_read, 1},
    {"loop: copy", loop_copy, 2},
    {"loop: add", loop_add, 3},
    {"loop: update in place", loop_update, 2},
    {"add", add, 3},
    {"add of a row", add_row, 2},
    {"add in place", add_scaled, 3},
    {"fill", fill, 1},
    {"relu", relu, 2},
    {"relu in place", relu_in_place, 2},
    {"leaky relu", leaky_relu, 2},
    {"relu backward", relu_backward, 3},
    {"gelu", gelu, 2},
    {"dropout", dropout, 2},
    {"sum over rows", sum_rows, 1},
    {"mean over length", mean_length, 1},
    {"mean over length, backward", mean_length_backward, 1},
    {"batch norm, statistics", norm_statistics, 1},
    {"batch norm and relu, apply", norm_apply, 2},
    {"batch norm and relu, backward", norm_backward, 5},
    {"batch norm, relu and pooling, apply", norm_pool, 2},
    {"batch norm, relu and pooling, backward", norm_pool_backward, 4},
    {"layer norm", layer_norm, 2},
    {"softmax", softmax, 2},
    {"gather", gather, 2},
    {"adam", adam, 7},
    {"sgd with momentum", sgd_momentum, 5},
};

static double best_of(void (*run)(void), int threads) {
  double best = 1e9;
  mb_set_threads(threads);
  run();
  for (int repeat = 0; repeat < REPEATS; repeat++) {
    const double start = omp_get_wtime();
    run();
    best = fmin(best, omp_get_wtime() - start);
  }
  return best;
}

/* ---- products of dense layers ---------------------------------------------------------- */

static mb_size M, N, K;
static bool transpose_a, transpose_b;

static void peak(void) {
#pragma omp parallel num_threads(mb_get_threads())
  mb_gemm(false, false, PEAK_N, PEAK_N, PEAK_N, 1, a, PEAK_N, b, PEAK_N, 0,
          c + omp_get_thread_num() * PEAK_N * PEAK_N, PEAK_N);
}

static mb_real *left, *right, *result;

static void product(void) {
  mb_matmul(result, transpose_a, transpose_b, M, N, K, 1, left, right, 0);
}

/* Each thread takes a part of the columns. */
static void product_of_blas(void) {
#pragma omp parallel num_threads(mb_get_threads())
  {
    const mb_size threads = omp_get_num_threads(), thread = omp_get_thread_num();
    const mb_size first = N * thread / threads, last = N * (thread + 1) / threads;
    mb_gemm(transpose_a, transpose_b, M, last - first, K, 1, left, transpose_a ? M : K,
            right + (transpose_b ? first * K : first), transpose_b ? K : N, 0, result + first, N);
  }
}

/* batch x inputs times inputs x units, and the products of its backward pass. */
static void report_dense(mb_size batch, mb_size inputs, mb_size units, int threads) {
  mb_real *weights = filled(inputs * units);
  const struct {
    const char *name;
    bool ta, tb;
    mb_size m, n, k;
    mb_real *left, *right, *result;
  } products[] = {{"y", false, false, batch, units, inputs, a, weights, c},
                  {"dw", true, false, inputs, units, batch, a, b, weights},
                  {"dx", false, true, batch, inputs, units, b, weights, c}};
  const double peak_rate = 2e-9 * PEAK_N * PEAK_N * PEAK_N * threads / best_of(peak, threads);
  printf("%5td %6td %5td  peak %4.0f", batch, inputs, units, peak_rate);
  for (int i = 0; i < 3; i++) {
    transpose_a = products[i].ta, transpose_b = products[i].tb;
    M = products[i].m, N = products[i].n, K = products[i].k;
    left = products[i].left, right = products[i].right, result = products[i].result;
    const double operations = 2e-9 * (double)M * (double)N * (double)K;
    const double seconds = best_of(product, threads);
    printf("   %s %4.0f (%.2f) blas %4.0f", products[i].name, operations / seconds,
           operations / seconds / peak_rate, operations / best_of(product_of_blas, threads));
    if (i == 0) printf(" weights %5.1f GB/s", 4e-9 * (double)inputs * (double)units / seconds);
  }
  printf("\n");
  munmap(weights, sizeof(mb_real) * (size_t)(inputs * units));
}

static bool wanted(const char *name, int count, char **names) {
  bool found = count == 0;
  for (int i = 0; i < count && !found; i++) found = strncmp(name, names[i], strlen(names[i])) == 0;
  return found;
}

int main(int argc, char **argv) {
  const int threads = mb_get_threads();
  mb_real **arrays[] = {&a, &b, &c, &d};
  for (int i = 0; i < 4; i++) *arrays[i] = filled(COUNT);
  for (mb_size i = 0; i < COUNT; i++) d[i] = 1; /* a second moment */
  for (int i = 0; i < 6; i++)
    for (mb_size j = 0; j < C; j++) per_channel[i][j] = 1;
  rows_of = malloc(sizeof(mb_size) * ROWS);
  for (mb_size i = 0; i < ROWS; i++) rows_of[i] = i * 7919 % ROWS;
  printf("GB/s with 1 and %d threads, arrays of %td reals, best of %d\n", threads, COUNT, REPEATS);
  for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++) {
    if (!wanted(kernels[i].name, argc - 1, argv + 1)) continue;
    const double bytes = (double)kernels[i].passes * COUNT * sizeof(mb_real);
    const double one = best_of(kernels[i].run, 1), all = best_of(kernels[i].run, threads);
    printf("%-28s %6.1f %6.1f  ratio %.2f\n", kernels[i].name, bytes / one / 1e9, bytes / all / 1e9,
           one / all);
  }
  if (!wanted("dense", argc - 1, argv + 1)) return 0;
  printf("dense layers, GFLOP/s (ratio to the peak): batch, inputs, units\n");
  for (int t = 1; t <= threads; t = t < threads ? threads : t + 1) {
    printf("%d thread(s)\n", t);
    report_dense(128, 8896, 2000, t); /* cnn2 */
    report_dense(128, 2000, 500, t);
    report_dense(128, 40000, 2048, t); /* cnn_bn */
    report_dense(128, 2048, 500, t);
    report_dense(128, 20433, 3700, t); /* inc3 */
    report_dense(128, 3700, 740, t);
    report_dense(128, 46148, 4000, t); /* inc6 */
    report_dense(128, 4000, 400, t);
    report_dense(32, 8896, 2000, t);
    report_dense(8, 8896, 2000, t);
    report_dense(4, 8896, 2000, t);
    report_dense(1, 8896, 2000, t);
    report_dense(1, 2000, 500, t);
  }
  return 0;
}
