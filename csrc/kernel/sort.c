/* sort.c - the positions that sort arrays: by the bytes of their keys, the last one first. */
#include "internal.h"

#include <string.h>

#define SHORT 48 /* up to here, insertion is faster than counting bytes */

/* Unsigned, in the order of the reals. */
#ifdef MB_DOUBLE
typedef uint64_t sort_key;
#else
typedef uint32_t sort_key;
#endif

typedef struct {
  sort_key key;
  uint32_t at;
} entry;

/* Negative numbers fall with their bits, positive ones rise. x + 0 makes 0 of -0; NaN is the last. */
static sort_key key_of(mb_real x, bool descending) {
  if (x != x) return (sort_key)-1;
  const mb_real value = x + 0;
  const sort_key sign = (sort_key)1 << (8 * sizeof(sort_key) - 1);
  sort_key bits;
  memcpy(&bits, &value, sizeof bits);
  bits = bits & sign ? ~bits : bits | sign;
  return descending ? ~bits : bits;
}

static void insert(entry *e, mb_size count) {
  for (mb_size i = 1; i < count; i++) {
    const entry moved = e[i];
    mb_size j = i;
    for (; j > 0 && e[j - 1].key > moved.key; j--) e[j] = e[j - 1];
    e[j] = moved;
  }
}

/* Distributes by one byte of the keys; false, and nothing moves, if they all have the same one. */
static bool distribute(entry *to, const entry *from, mb_size count, int shift) {
  mb_size start[256] = {0}, sum = 0;
  for (mb_size i = 0; i < count; i++) start[from[i].key >> shift & 255]++;
  if (start[from[0].key >> shift & 255] == count) return false;
  for (int b = 0; b < 256; b++) {
    const mb_size size = start[b];
    start[b] = sum;
    sum += size;
  }
  for (mb_size i = 0; i < count; i++) to[start[from[i].key >> shift & 255]++] = from[i];
  return true;
}

/* Returns where the sorted entries are: e or spare. */
static const entry *sort_entries(entry *e, entry *spare, mb_size count) {
  if (count <= SHORT) {
    insert(e, count);
    return e;
  }
  for (int shift = 0; shift < (int)(8 * sizeof(sort_key)); shift += 8)
    if (distribute(spare, e, count, shift)) {
      entry *const swapped = e;
      e = spare;
      spare = swapped;
    }
  return e;
}

static void argsort_column(mb_real *at, entry *scratch, const mb_real *x, bool descending, mb_size D,
                           mb_size stride) {
  for (mb_size i = 0; i < D; i++) scratch[i] = (entry){key_of(x[i * stride], descending), (uint32_t)i};
  const entry *sorted = sort_entries(scratch, scratch + D, D);
  for (mb_size i = 0; i < D; i++) at[i * stride] = (mb_real)sorted[i].at + 1;
}

size_t mb_argsort_scratch_bytes(mb_size D, int threads) {
  return (size_t)threads * 2 * (size_t)D * sizeof(entry);
}

void mb_argsort(mb_real *at, void *scratch, const mb_real *x, bool descending, mb_size outer, mb_size D,
                mb_size inner, int threads) {
  const mb_size columns = outer * inner, share = mb_ceil_div(columns, threads);
  MB_FOR(threads, first, columns, share, {
    entry *mine = (entry *)scratch + first / share * 2 * D;
    for (mb_size c = first; c < mb_min(first + share, columns); c++) {
      const mb_size start = c / inner * D * inner + c % inner;
      argsort_column(at + start, mine, x + start, descending, D, inner);
    }
  });
}
