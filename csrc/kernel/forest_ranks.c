/* forest_ranks.c - ranks of the values in each column, by a radix sort of their bits. */
#include "internal.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#ifdef MB_DOUBLE
typedef uint64_t Key;
#else
typedef uint32_t Key;
#endif

#define KEY_BITS (8 * (int)sizeof(Key))
#define SIGN     ((Key)1 << (KEY_BITS - 1))
#define DIGIT    11 /* bits sorted by one pass */
#define BINS     (1 << DIGIT)
#define PASSES   ((KEY_BITS + DIGIT - 1) / DIGIT)
#define COLUMNS  ((mb_size)(64 / sizeof(mb_real))) /* of one cache line of x, read together */

typedef struct {
  Key *columns, *key[2];
  uint32_t *row[2];
} Scratch;

size_t mb_ranks_scratch_bytes(mb_size N, int threads) {
  return (size_t)threads * (size_t)N * ((size_t)(COLUMNS + 2) * sizeof(Key) + 2 * sizeof(uint32_t));
}

static Scratch scratch_of(char *scratch, mb_size N, int thread) {
  char *at = scratch + mb_ranks_scratch_bytes(N, thread);
  Scratch s;
  s.columns = (Key *)at;
  for (int i = 0; i < 2; i++) s.key[i] = s.columns + (COLUMNS + i) * N;
  for (int i = 0; i < 2; i++) s.row[i] = (uint32_t *)(s.columns + (COLUMNS + 2) * N) + i * N;
  return s;
}

/* Keys have the order of the values; both zeros have one. */
static Key key_of(mb_real x) {
  Key bits;
  x += 0;
  memcpy(&bits, &x, sizeof bits);
  return bits & SIGN ? ~bits : bits | SIGN;
}

static mb_real value_of(Key key) {
  mb_real x;
  key = key & SIGN ? key & ~SIGN : ~key;
  memcpy(&x, &key, sizeof x);
  return x;
}

static void count_digits(uint32_t count[PASSES][BINS], const Key *key, mb_size N) {
  memset(count, 0, sizeof(uint32_t[PASSES][BINS]));
  for (mb_size i = 0; i < N; i++)
    for (int pass = 0; pass < PASSES; pass++) count[pass][key[i] >> (pass * DIGIT) & (BINS - 1)]++;
}

/* Sorts key[0] with row[0]; returns which of the two buffers has the result. */
static int sort(const Scratch *s, mb_size N) {
  uint32_t count[PASSES][BINS];
  int from = 0;
  count_digits(count, s->key[0], N);
  for (int pass = 0; pass < PASSES; pass++) {
    const int shift = pass * DIGIT;
    const Key *key = s->key[from];
    if (count[pass][key[0] >> shift & (BINS - 1)] == (uint32_t)N) continue; /* all digits are equal */
    uint32_t sum = 0;
    for (int bin = 0; bin < BINS; bin++) {
      const uint32_t start = sum;
      sum += count[pass][bin];
      count[pass][bin] = start;
    }
    for (mb_size i = 0; i < N; i++) {
      const uint32_t place = count[pass][key[i] >> shift & (BINS - 1)]++;
      s->key[!from][place] = key[i];
      s->row[!from][place] = s->row[from][i];
    }
    from = !from;
  }
  return from;
}

static void rank_column(uint32_t *code, mb_real *value, const Scratch *s, const Key *column, mb_size N) {
  memcpy(s->key[0], column, (size_t)N * sizeof(Key));
  for (mb_size i = 0; i < N; i++) s->row[0][i] = (uint32_t)i;
  const int sorted = sort(s, N);
  const Key *key = s->key[sorted];
  const uint32_t *row = s->row[sorted];
  uint32_t rank = 0;
  for (mb_size i = 0; i < N; i++) {
    if (i > 0 && key[i] != key[i - 1]) rank++;
    code[row[i]] = rank;
    value[rank] = value_of(key[i]);
  }
}

mb_status mb_ranks(uint32_t *code, mb_real *value, void *scratch, const mb_real *x, mb_size N, mb_size D,
                   int threads) {
  const mb_size bad = mb_find_non_finite(x, N * D);
  if (bad >= 0)
    return mb_refuse(MB_BAD_VALUE, "row %td, point %td is %g", bad / D + 1, bad % D + 1, (double)x[bad]);
#pragma omp parallel for num_threads(threads)
  for (mb_size first = 0; first < D; first += COLUMNS) {
    const Scratch s = scratch_of(scratch, N, omp_get_thread_num());
    const mb_size columns = mb_min(COLUMNS, D - first);
    for (mb_size i = 0; i < N; i++)
      for (mb_size d = 0; d < columns; d++) s.columns[d * N + i] = key_of(x[i * D + first + d]);
    for (mb_size d = 0; d < columns; d++)
      rank_column(code + (first + d) * N, value + (first + d) * N, &s, s.columns + d * N, N);
  }
  return MB_OK;
}
