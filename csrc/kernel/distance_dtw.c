/* distance_dtw.c - dynamic time warping in a band (Sakoe and Chiba 1978), of one row against PACK others.
 *
 * A cell waits for its left neighbour; cells of different rows do not wait for each other. So the
 * rows are interleaved, and vectors run across them. This file is compiled to know that no number
 * here is NaN or infinite: then the compiler has a vector minimum. */
#include "distance_dtw.h"

#include <float.h>
#include <math.h>

#ifdef MB_DOUBLE
#define FAR (DBL_MAX / 4)
#else
#define FAR (FLT_MAX / 4)
#endif

#define CHECK 32 /* rows of the band between two looks at the limit */

/* The largest size of all values, NaN left out. With fmax, gcc 12 for arm64 breaks off. */
static mb_real largest_size(mb_real largest, const mb_real *x, mb_size count) {
  for (mb_size i = 0; i < count; i++) {
    const mb_real size = x[i] < 0 ? -x[i] : x[i];
    largest = size > largest ? size : largest;
  }
  return largest;
}

mb_real mb_dtw_scale(const mb_real *a, mb_size a_count, const mb_real *b, mb_size b_count) {
  const mb_real largest = largest_size(largest_size(0, a, a_count), b, b_count);
  int exponent;
  if (largest == 0) return 1;
  frexp((double)largest, &exponent);
  return (mb_real)ldexp(1, (int)mb_max(-100, mb_min(100, -exponent)));
}

/* In place; the ends repeat their neighbours. */
static void derive(mb_real *x, mb_size L) {
  mb_real before = x[0], here = x[1];
  for (mb_size t = 1; t < L - 1; t++) {
    const mb_real after = x[t + 1];
    x[t] = ((here - before) + (after - before) / 2) / 2;
    before = here;
    here = after;
  }
  x[0] = x[1];
  x[L - 1] = x[L - 2];
}

void mb_dtw_prepare(mb_real *rows, const mb_real *x, mb_metric metric, mb_real scale, mb_size N, mb_size L) {
  for (mb_size i = 0; i < N * L; i++) rows[i] = x[i] * scale;
  if (metric != MB_DDTW) return;
  for (mb_size i = 0; i < N; i++) derive(rows + i * L, L);
}

void mb_dtw_pack(mb_real *packed, const mb_real *b, const mb_size *index, mb_size count, mb_size L) {
  for (mb_size l = 0; l < PACK; l++) {
    const mb_real *row = b + index[mb_min(l, count - 1)] * L;
    for (mb_size t = 0; t < L; t++) packed[t * PACK + l] = row[t];
  }
}

/* One row of the band, points first..last of the packed rows against the value q; cells are at
 * row + (point + 1) PACK and hold the costs of the row before. */
MB_CLONES static void step(mb_real *row, mb_real q, const mb_real *packed, mb_size first, mb_size last) {
  mb_real left[PACK], corner[PACK];
  for (int l = 0; l < PACK; l++) left[l] = FAR, corner[l] = row[first * PACK + l];
  for (mb_size t = first; t <= last; t++) {
    mb_real *cell = row + (t + 1) * PACK;
    const mb_real *x = packed + t * PACK;
#pragma omp simd
    for (int l = 0; l < PACK; l++) {
      const mb_real up = cell[l], difference = q - x[l];
      mb_real least = up < corner[l] ? up : corner[l];
      least = least < left[l] ? least : left[l];
      corner[l] = up;
      left[l] = cell[l] = least + difference * difference;
    }
  }
}

static mb_real least_of(const mb_real *x, mb_size count) {
  mb_real least = x[0];
#pragma omp simd reduction(min : least)
  for (mb_size i = 1; i < count; i++) least = x[i] < least ? x[i] : least;
  return least;
}

bool mb_dtw_warp(mb_real cost[PACK], mb_real *row, const mb_real *q, const mb_real *packed, mb_size window,
                 mb_real limit, mb_size L) {
  for (mb_size i = 0; i < PACK; i++) row[i] = 0; /* before the first points */
  for (mb_size i = PACK; i < (L + 1) * PACK; i++) row[i] = FAR;
  for (mb_size t = 0; t < L; t++) {
    const mb_size first = mb_max(t - window, 0), last = mb_min(t + window, L - 1);
    step(row, q[t], packed, first, last);
    if (t == 0)
      for (mb_size i = 0; i < PACK; i++) row[i] = FAR;
    if (t % CHECK == CHECK - 1 && least_of(row + (first + 1) * PACK, (last - first + 1) * PACK) > limit)
      return false;
  }
  for (int l = 0; l < PACK; l++) cost[l] = row[L * PACK + l];
  return true;
}

void mb_dtw_envelope(mb_real *upper, mb_real *lower, const mb_real *q, mb_size window, mb_size L) {
  for (mb_size t = 0; t < L; t++) {
    mb_real most = q[t], least = q[t];
    for (mb_size s = mb_max(t - window, 0); s <= mb_min(t + window, L - 1); s++) {
      most = q[s] > most ? q[s] : most;
      least = q[s] < least ? q[s] : least;
    }
    upper[t] = most;
    lower[t] = least;
  }
}

/* Sum of the squares by which x leaves the envelope. */
MB_CLONES static mb_real outside(const mb_real *x, const mb_real *upper, const mb_real *lower, mb_size L) {
  mb_real sum = 0;
#pragma omp simd reduction(+ : sum)
  for (mb_size t = 0; t < L; t++) {
    const mb_real above = x[t] - upper[t], below = lower[t] - x[t];
    mb_real far = above > below ? above : below;
    far = far > 0 ? far : 0;
    sum += far * far;
  }
  return sum;
}

mb_real mb_dtw_bound(const mb_real *x, const mb_real *upper, const mb_real *lower, mb_size L) {
  return outside(x, upper, lower, L) * (mb_real)(1 - 1e-4); /* rounding must not lift it above the cost */
}
