/* resample.c - spectra on another axis, by linear interpolation. */
#include "internal.h"

static bool is_monotone(const double *axis, mb_size L) {
  const bool rises = L < 2 || axis[1] > axis[0];
  for (mb_size t = 1; t < L; t++)
    if (!(rises ? axis[t] > axis[t - 1] : axis[t] < axis[t - 1])) return false;
  return true;
}

/* The last t in 0..L-2 whose axis value comes at or before value; the axis rises or falls. */
static mb_size find(const double *axis, mb_size L, double value) {
  const bool rises = axis[1] > axis[0];
  mb_size low = 0, high = L - 1;
  while (high - low > 1) {
    const mb_size middle = (low + high) / 2;
    if (rises ? axis[middle] <= value : axis[middle] >= value)
      low = middle;
    else
      high = middle;
  }
  return low;
}

/* At the share 0 or 1 the point itself, whatever its neighbour is: 0 times NaN is NaN. */
static double between(double here, double next, double share) {
  if (share > 0 && share < 1) return here + share * (next - here);
  return share > 0 ? next : here;
}

mb_status mb_resample(mb_real *y, const mb_real *x, const double *axis, const double *grid, mb_size N,
                      mb_size L, mb_size M, mb_size C) {
  if (L < 2 || !is_monotone(axis, L))
    return mb_refuse(MB_BAD_VALUE, "axis: expected at least 2 values that only rise or only fall");
  const double low = axis[0] < axis[L - 1] ? axis[0] : axis[L - 1];
  const double high = axis[0] < axis[L - 1] ? axis[L - 1] : axis[0];
  for (mb_size m = 0; m < M; m++)
    if (!(grid[m] >= low && grid[m] <= high))
      return mb_refuse(MB_BAD_VALUE, "grid: %g lies outside the axis, %g to %g", grid[m], low, high);
  MB_FOR(mb_threads_for(N * M * C), n, N, 1, {
    for (mb_size m = 0; m < M; m++) {
      const mb_size t = find(axis, L, grid[m]);
      const double share = (grid[m] - axis[t]) / (axis[t + 1] - axis[t]);
      const mb_real *from = x + (n * L + t) * C;
      for (mb_size c = 0; c < C; c++)
        y[(n * M + m) * C + c] = (mb_real)between((double)from[c], (double)from[c + C], share);
    }
  });
  return MB_OK;
}
