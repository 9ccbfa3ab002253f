/* scale.c - scales each spectrum, or each point, to a common offset and scale, in double: no sum of squares
 * overflows, and no offset hides a spread that the reals hold. Values without spread are divided by 1. */
#include "internal.h"

#include <math.h>

#define COLUMNS 512 /* of which one thread sums up the rows */

typedef struct {
  double offset, scale; /* 0: no spread; below 0: refused */
} Scale;

MB_INLINE Scale deviation_of(const mb_real *x, mb_size L, mb_size C) {
  double sum = 0, squares = 0;
#pragma omp simd reduction(+ : sum)
  for (mb_size t = 0; t < L; t++) sum += (double)x[t * C];
  const double mean = sum / (double)L;
#pragma omp simd reduction(+ : squares)
  for (mb_size t = 0; t < L; t++) squares += ((double)x[t * C] - mean) * ((double)x[t * C] - mean);
  return (Scale){mean, sqrt(squares / (double)L)};
}

MB_INLINE Scale range_of(const mb_real *x, mb_size L, mb_size C) {
  mb_real low = x[0], high = low;
#pragma omp simd reduction(min : low) reduction(max : high)
  for (mb_size t = 1; t < L; t++) {
    low = x[t * C] < low ? x[t * C] : low;
    high = x[t * C] > high ? x[t * C] : high;
  }
  return (Scale){(double)low, (double)high - (double)low};
}

/* Dividing by a maximum below 0 would turn a spectrum upside down. */
MB_INLINE Scale maximum_of(const mb_real *x, mb_size L, mb_size C) {
  const Scale range = range_of(x, L, C);
  const double high = range.offset + range.scale;
  return (Scale){0, high <= 0 && range.offset < 0 ? -1 : high};
}

MB_INLINE Scale area_of(const mb_real *x, mb_size L, mb_size C) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (mb_size t = 0; t < L; t++) sum += fabs((double)x[t * C]);
  return (Scale){0, sum / (double)L};
}

/* Scales one channel of a spectrum; false if it is refused. */
MB_INLINE bool scale_row(mb_real *y, const mb_real *x, mb_scaling scaling, mb_size L, mb_size C) {
  Scale s;
  switch (scaling) {
  case MB_SCALE_SNV: s = deviation_of(x, L, C); break;
  case MB_SCALE_RANGE: s = range_of(x, L, C); break;
  case MB_SCALE_MAXIMUM: s = maximum_of(x, L, C); break;
  default: s = area_of(x, L, C);
  }
  const double scale = s.scale > 0 ? s.scale : 1, offset = s.offset;
#pragma omp simd
  for (mb_size t = 0; t < L; t++) y[t * C] = (mb_real)(((double)x[t * C] - offset) / scale);
  return s.scale >= 0;
}

/* One channel vectorises: 1000 spectra of 5000 points by SNV on one thread took 11.7 ms before and 3.0 ms
 * with it. */
MB_CLONES static bool scale_any(mb_real *y, const mb_real *x, mb_scaling scaling, mb_size L, mb_size C) {
  return C == 1 ? scale_row(y, x, scaling, L, 1) : scale_row(y, x, scaling, L, C);
}

mb_status mb_scale(mb_real *y, const mb_real *x, mb_scaling scaling, mb_size N, mb_size L, mb_size C) {
  mb_size bad = N * C;
#pragma omp parallel for reduction(min : bad) num_threads(mb_threads_for(N *L *C))
  for (mb_size i = 0; i < N * C; i++) {
    const mb_size first = i / C * L * C + i % C;
    if (!scale_any(y + first, x + first, scaling, L, C)) bad = mb_min(bad, i);
  }
  if (bad == N * C) return MB_OK;
  return mb_refuse(MB_BAD_VALUE, "row %td has no value above 0, so that none can become 1", bad / C + 1);
}

void mb_column_statistics(double *mean, double *sd, const mb_real *x, mb_size N, mb_size M) {
  MB_FOR(mb_threads_for(N * M), first, M, COLUMNS, {
    const mb_size end = mb_min(first + COLUMNS, M);
    for (mb_size m = first; m < end; m++) mean[m] = sd[m] = 0;
    for (mb_size n = 0; n < N; n++)
      for (mb_size m = first; m < end; m++) mean[m] += (double)x[n * M + m];
    for (mb_size m = first; m < end; m++) mean[m] /= (double)N;
    for (mb_size n = 0; n < N; n++)
      for (mb_size m = first; m < end; m++) {
        const double off = (double)x[n * M + m] - mean[m];
        sd[m] += off * off;
      }
    for (mb_size m = first; m < end; m++) sd[m] = sqrt(sd[m] / (double)N);
  });
}

void mb_standardize(mb_real *y, const mb_real *x, const double *mean, const double *sd, mb_size N,
                    mb_size M) {
  MB_FOR(mb_threads_for(N * M), n, N, 1, {
    for (mb_size m = 0; m < M; m++)
      y[n * M + m] = (mb_real)(((double)x[n * M + m] - mean[m]) / (sd[m] > 0 ? sd[m] : 1));
  });
}
