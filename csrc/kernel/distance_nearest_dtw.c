/* distance_nearest_dtw.c - nearest neighbours under warping: candidates in the order of their lower bounds,
 * PACK at a time, until the bound of the next one is above the worst neighbour. */
#include "distance_dtw.h"
#include "distance_nearest.h"

#include <math.h>
#include <omp.h>

typedef struct {
  mb_real bound;
  int32_t index;
} Candidate;

typedef struct {
  mb_real *packed, *row, *upper, *lower; /* (L, PACK), (L + 1, PACK), (L), (L) */
  Candidate *heap;                       /* (B), the least bound on top */
} Scratch;

static size_t own_bytes(mb_size B, mb_size L) {
  return mb_dtw_bytes((2 * L + 1) * PACK + 2 * L + B * (mb_size)(sizeof(Candidate) / sizeof(mb_real)));
}

size_t mb_dtw_nearest_scratch_bytes(mb_size A, mb_size B, mb_size L, int threads) {
  return (size_t)((A + B) * L) * sizeof(mb_real) + (size_t)threads * own_bytes(B, L);
}

static Scratch scratch_of(char *base, mb_size L) {
  Scratch s = {.packed = (mb_real *)base};
  s.row = s.packed + L * PACK;
  s.upper = s.row + (L + 1) * PACK;
  s.lower = s.upper + L;
  s.heap = (Candidate *)(s.lower + L);
  return s;
}

static void sink(Candidate *heap, mb_size count, mb_size at) {
  const Candidate moved = heap[at];
  for (mb_size child; (child = 2 * at + 1) < count; at = child) {
    if (child + 1 < count && heap[child + 1].bound < heap[child].bound) child++;
    if (moved.bound <= heap[child].bound) break;
    heap[at] = heap[child];
  }
  heap[at] = moved;
}

static void search(mb_real *distance, mb_size *index, const Scratch *s, const mb_real *q, const mb_real *b,
                   mb_size window, mb_size B, mb_size L, mb_size k) {
  mb_size left = B, found = 0;
  mb_dtw_envelope(s->upper, s->lower, q, window, L);
  for (mb_size j = 0; j < B; j++)
    s->heap[j] = (Candidate){mb_dtw_bound(b + j * L, s->upper, s->lower, L), (int32_t)j};
  for (mb_size j = B / 2; j >= 0; j--) sink(s->heap, B, j);
  for (;;) {
    const mb_real limit = found == k ? distance[k - 1] : (mb_real)HUGE_VAL;
    mb_real cost[PACK];
    mb_size chosen[PACK], packed_rows = 0;
    while (left > 0 && packed_rows < PACK && s->heap[0].bound <= limit) {
      chosen[packed_rows++] = s->heap[0].index;
      s->heap[0] = s->heap[--left];
      sink(s->heap, left, 0);
    }
    if (packed_rows == 0) return;
    mb_dtw_pack(s->packed, b, chosen, packed_rows, L);
    if (mb_dtw_warp(cost, s->row, q, s->packed, window, limit, L))
      for (mb_size l = 0; l < packed_rows; l++)
        mb_nearest_insert(distance, index, &found, k, cost[l], chosen[l]);
  }
}

mb_status mb_dtw_nearest(mb_real *distance, mb_size *index, void *scratch, const mb_real *a, const mb_real *b,
                         mb_metric metric, mb_size window, mb_size A, mb_size B, mb_size L, mb_size k,
                         int threads) {
  if (metric == MB_DDTW && L < 3)
    return mb_refuse(MB_BAD_SHAPE, "a derivative needs at least 3 points, got %td", L);
  if (k == 0) return MB_OK;
  const mb_real scale = mb_dtw_scale(a, A * L, b, B * L);
  mb_real *rows_a = (mb_real *)((char *)scratch + (size_t)threads * own_bytes(B, L)),
          *rows_b = rows_a + A * L;
  mb_dtw_prepare(rows_a, a, metric, scale, A, L);
  mb_dtw_prepare(rows_b, b, metric, scale, B, L);
#pragma omp parallel for schedule(dynamic) num_threads(threads)
  for (mb_size i = 0; i < A; i++) {
    const Scratch s = scratch_of((char *)scratch + (size_t)omp_get_thread_num() * own_bytes(B, L), L);
    search(distance + i * k, index + i * k, &s, rows_a + i * L, rows_b, window, B, L, k);
    for (mb_size n = 0; n < k; n++) distance[i * k + n] = (mb_real)sqrt(distance[i * k + n]) / scale;
  }
  return MB_OK;
}
