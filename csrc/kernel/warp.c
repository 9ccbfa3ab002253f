/* warp.c - spectra whose points are moved along the axis. */
#include "internal.h"

#include <math.h>

/* The shift of point t of L: on the straight line between the knots beside it. */
static double shift_at(const mb_real *shifts, mb_size knots, mb_size t, mb_size L) {
  if (knots == 1 || L == 1) return (double)shifts[0];
  const double at = (double)t * (double)(knots - 1) / (double)(L - 1);
  const mb_size knot = mb_min((mb_size)at, knots - 2);
  return (double)shifts[knot] + (at - (double)knot) * ((double)shifts[knot + 1] - (double)shifts[knot]);
}

static void warp_one(mb_real *restrict y, const mb_real *restrict x, const mb_real *restrict shifts,
                     mb_size L, mb_size C, mb_size knots) {
  for (mb_size t = 0; t < L; t++) {
    const double at = fmin(fmax((double)t + shift_at(shifts, knots, t, L), 0), (double)(L - 1));
    const mb_size low = mb_min((mb_size)at, L - 1), high = mb_min(low + 1, L - 1);
    const double share = at - (double)low;
    for (mb_size c = 0; c < C; c++) {
      const double here = (double)x[low * C + c];
      y[t * C + c] = (mb_real)(here + share * ((double)x[high * C + c] - here));
    }
  }
}

mb_status mb_warp(mb_real *y, const mb_real *x, const mb_real *shifts, mb_size N, mb_size L, mb_size C,
                  mb_size knots) {
  for (mb_size i = 0; i < N * knots; i++)
    if (!isfinite(shifts[i])) return mb_refuse(MB_BAD_VALUE, "shifts: expected finite numbers of points");
  MB_FOR(mb_threads_for(N * L * C), n, N, 1,
         { warp_one(y + n * L * C, x + n * L * C, shifts + n * knots, L, C, knots); });
  return MB_OK;
}
