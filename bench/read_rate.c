/* read_rate.c - how fast memory is read: read_rate BYTES THREADS prints the seconds of one pass over so many
 * bytes, the best of many. Threads have a part each, and read it with vectors, with and without prefetch.
 * What the caches keep from one pass to the next is read from there, as the weights of a network are. */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PASSES 30
#define LANES  16
#define STEP   128 /* floats in a round of the loop */

typedef float Vec __attribute__((vector_size(LANES * sizeof(float))));

static volatile float sink;

static float sum_of(const float *x, size_t count, size_t ahead) {
  Vec sums[STEP / LANES], total = {0};
  memset(sums, 0, sizeof sums);
  for (size_t i = 0; i + STEP <= count; i += STEP)
    for (size_t k = 0; k < STEP / LANES; k++) {
      if (ahead > 0) __builtin_prefetch(x + i + ahead + k * LANES);
      sums[k] += *(const Vec *)(x + i + k * LANES);
    }
  for (size_t k = 0; k < STEP / LANES; k++) total += sums[k];
  return total[0] + total[LANES - 1];
}

static double pass_seconds(const float *x, size_t count, int threads, size_t ahead) {
  const size_t part = count / (size_t)threads / STEP * STEP;
  const double begin = omp_get_wtime();
#pragma omp parallel num_threads(threads)
  sink = sum_of(x + (size_t)omp_get_thread_num() * part, part, ahead);
  return omp_get_wtime() - begin;
}

int main(int argc, char **argv) {
  const size_t bytes = argc > 2 ? strtoul(argv[1], NULL, 10) : 0, count = bytes / sizeof(float);
  const int threads = argc > 2 ? atoi(argv[2]) : 0;
  if (count == 0 || threads < 1) {
    fprintf(stderr, "read_rate BYTES THREADS\n");
    return 1;
  }
  float *x = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (x == MAP_FAILED) return 1;
  madvise(x, bytes, MADV_HUGEPAGE); /* as the memory behind tensors */
  for (size_t i = 0; i < count; i++) x[i] = 1;
  double best = 1e9;
  for (int pass = 0; pass < PASSES; pass++)
    for (size_t ahead = 0; ahead <= 4096; ahead = ahead ? 4 * ahead : 1024) {
      const double seconds = pass_seconds(x, count, threads, ahead);
      if (seconds < best) best = seconds;
    }
  printf("%.9f\n", best);
  return 0;
}
