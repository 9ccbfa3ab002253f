/* read_rate.c - measures the rate of reading: read_rate BYTES THREADS prints the seconds of one pass over
 * BYTES, the best of many, "from memory" (since the last pass, more other bytes were read than the caches
 * hold) and "again" (the caches still hold what fits, as of the weights of a network). Each thread reads a
 * part, with vectors, with and without prefetch. */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PASSES 10                                  /* with each distance of prefetch */
#define OTHERS (((size_t)1 << 30) / sizeof(float)) /* as many as evict all else from the caches */
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

/* All ones, in huge pages as the memory behind tensors; NULL if memory does not suffice. */
static float *ones(size_t count) {
  float *x = mmap(NULL, count * sizeof(float), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (x == MAP_FAILED) return NULL;
  madvise(x, count * sizeof(float), MADV_HUGEPAGE);
  for (size_t i = 0; i < count; i++) x[i] = 1;
  return x;
}

/* The OTHERS floats of `others` are read before each pass, unless it is NULL. */
static double least_seconds(const float *x, size_t count, int threads, const float *others) {
  double least = 1e9;
  for (int pass = 0; pass < PASSES; pass++)
    for (size_t ahead = 0; ahead <= 4096; ahead = ahead ? 4 * ahead : 1024) {
      if (others) pass_seconds(others, OTHERS, threads, 0);
      const double seconds = pass_seconds(x, count, threads, ahead);
      if (seconds < least) least = seconds;
    }
  return least;
}

int main(int argc, char **argv) {
  const size_t count = argc > 2 ? strtoul(argv[1], NULL, 10) / sizeof(float) : 0;
  const int threads = argc > 2 ? atoi(argv[2]) : 0;
  if (count == 0 || threads < 1) {
    fprintf(stderr, "read_rate BYTES THREADS\n");
    return 1;
  }
  const float *x = ones(count), *others = ones(OTHERS);
  if (!x || !others) return 1;
  const double again = least_seconds(x, count, threads, NULL);
  printf("%.9f %.9f\n", least_seconds(x, count, threads, others), again);
  return 0;
}
