/* scale.c - scales each spectrum, or each point, to a common offset and scale, in double: no sum of squares
 * overflows, and no offset hides a spread that the reals hold. Values without spread are divided by 1. */
#include "internal.h"

#include <math.h>

#define COLUMNS 512 /* of which one thread sums up the rows */

typedef struct {
  double offset, scale; /* 0: no spread; below 0: refused */
} Scale;

static Scale deviation_of(const mb_real *x, mb_size L, mb_size C) {
  double sum = 0, squares = 0;
  for (mb_size t = 0; t < L; t++) sum += (double)x[t * C];
  const double mean = sum / (double)L;
  for (mb_size t = 0; t < L; t++) squares += ((double)x[t * C] - mean) * ((double)x[t * C] - mean);
  return (Scale){mean, sqrt(squares / (double)L)};
}

static Scale range_of(const mb_real *x, mb_size L, mb_size C) {
  double low = (double)x[0], high = low;
  for (mb_size t = 1; t < L; t++) {
    low = fmin(low, (double)x[t * C]);
    high = fmax(high, (double)x[t * C]);
  }
  return (Scale){low, high - low};
}

/* Dividing by a maximum below 0 would turn a spectrum upside down. */
static Scale maximum_of(const mb_real *x, mb_size L, mb_size C) {
  const Scale range = range_of(x, L, C);
  const double high = range.offset + range.scale;
  return (Scale){0, high <= 0 && range.offset < 0 ? -1 : high};
}

static Scale area_of(const mb_real *x, mb_size L, mb_size C) {
  double sum = 0;
  for (mb_size t = 0; t < L; t++) sum += fabs((double)x[t * C]);
  return (Scale){0, sum / (double)L};
}

static Scale measure(const mb_real *x, mb_scaling scaling, mb_size L, mb_size C) {
  switch (scaling) {
  case MB_SCALE_SNV: return deviation_of(x, L, C);
  case MB_SCALE_RANGE: return range_of(x, L, C);
  case MB_SCALE_MAXIMUM: return maximum_of(x, L, C);
  default: return area_of(x, L, C);
  }
}

mb_status mb_scale(mb_real *y, const mb_real *x, mb_scaling scaling, mb_size N, mb_size L, mb_size C) {
  mb_size bad = N * C;
#pragma omp parallel for reduction(min : bad) num_threads(mb_threads_for(N *L *C))
  for (mb_size i = 0; i < N * C; i++) {
    const mb_size first = i / C * L * C + i % C;
    const Scale s = measure(x + first, scaling, L, C);
    if (s.scale < 0) bad = mb_min(bad, i);
    const double scale = s.scale > 0 ? s.scale : 1;
    for (mb_size t = 0; t < L; t++)
      y[first + t * C] = (mb_real)(((double)x[first + t * C] - s.offset) / scale);
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
