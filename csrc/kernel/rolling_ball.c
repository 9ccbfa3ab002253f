/* rolling_ball.c - baselines by morphological opening (Kneen and Annegarn 1996, Nucl. Instrum. Methods B 109,
 * 209). */
#include "internal.h"

/* y[t] = the smallest (sign 1) or largest (sign -1) of x within half points, by a queue of the positions that
 * can still become it: each enters and leaves once. */
static void extreme(double *y, mb_size *queue, const double *x, double sign, mb_size half, mb_size L) {
  mb_size first = 0, end = 0; /* the queue */
  for (mb_size t = 0; t < L + half; t++) {
    if (t < L) {
      while (end > first && sign * x[queue[end - 1]] >= sign * x[t]) end--;
      queue[end++] = t;
    }
    const mb_size centre = t - half;
    if (centre < 0) continue;
    while (queue[first] < centre - half) first++;
    y[centre] = x[queue[first]];
  }
}

/* z[t] = the mean of y within half points of the spectrum. */
static void average(mb_real *z, const double *y, mb_size half, mb_size L, mb_size stride) {
  double sum = 0;
  mb_size first = 0, end = 0;
  for (mb_size t = 0; t < L; t++) {
    for (; end < mb_min(L, t + half + 1); end++) sum += y[end];
    for (; first < t - half; first++) sum -= y[first];
    z[t * stride] = (mb_real)(sum / (double)(end - first));
  }
}

static void roll(mb_real *z, const mb_real *y, double *scratch, mb_size half, mb_size smooth, mb_size L,
                 mb_size stride) {
  double *values = scratch, *low = scratch + L;
  mb_size *queue = (mb_size *)(scratch + 2 * L);
  for (mb_size t = 0; t < L; t++) values[t] = (double)y[t * stride];
  extreme(low, queue, values, 1, half, L);
  extreme(values, queue, low, -1, half, L);
  average(z, values, smooth, L, stride);
}

size_t mb_rolling_ball_scratch_bytes(mb_size L, int threads) {
  return (size_t)(L * threads) * (2 * sizeof(double) + sizeof(mb_size));
}

mb_status mb_rolling_ball(mb_real *z, const mb_real *y, void *scratch, mb_size half, mb_size smooth,
                          mb_size N, mb_size L, mb_size C, int threads) {
  if (half < 1 || half > L)
    return mb_refuse(MB_BAD_VALUE, "half_window: expected 1 to %td, the points of a spectrum, got %td", L,
                     half);
  if (smooth < 0 || smooth > L)
    return mb_refuse(MB_BAD_VALUE, "smooth: expected 0 to %td, the points of a spectrum, got %td", L, smooth);
  const mb_size rows = N * C, parts = rows * L < MB_PARALLEL_MIN ? 1 : mb_min(threads, rows);
  const size_t bytes = mb_rolling_ball_scratch_bytes(L, 1);
  MB_FOR((int)parts, part, parts, 1, {
    for (mb_size i = part; i < rows; i += parts) {
      const mb_size at = i / C * L * C + i % C;
      roll(z + at, y + at, (double *)((char *)scratch + (size_t)part * bytes), half, smooth, L, C);
    }
  });
  return MB_OK;
}
