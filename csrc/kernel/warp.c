/* warp.c - spectra whose points are moved along the axis. */
#include "internal.h"

#include <math.h>

enum { BLOCK = 256 }; /* points whose sources are found at a time */

/* Where the points of a block come from: between point low and the next one, at a share of their distance. */
typedef struct {
  int32_t low[BLOCK];
  double share[BLOCK];
} Sources;

/* Knots at equal distances, and the straight line of shifts behind one of them. */
typedef struct {
  double spans, points; /* between the first and the last one */
  double knot, shift, rise;
} Line;

static double knots_before(const Line *line, double t) {
  return t * line->spans / line->points;
}

/* The first point at a knot or behind it. */
static mb_size first_behind(const Line *line, mb_size knot) {
  mb_size t = (mb_size)((double)knot * line->points / line->spans);
  while (t > 0 && knots_before(line, (double)(t - 1)) >= (double)knot) t--;
  while (knots_before(line, (double)t) < (double)knot) t++;
  return t;
}

MB_CLONES static void find_sources(Sources *restrict found, Line line, mb_size first, int32_t count,
                                   mb_size L) {
  const double begin = (double)first, last = (double)(L - 1);
  for (int32_t i = 0; i < count; i++) {
    const double t = begin + i;
    const double moved = t + (line.shift + (knots_before(&line, t) - line.knot) * line.rise);
    const double least = moved > 0 ? moved : 0, source = least < last ? least : last;
    const int32_t low = (int32_t)source;
    found->low[i] = low;
    found->share[i] = source - low;
  }
}

/* At a point itself its value, whatever the next one is: 0 times NaN is NaN. */
MB_INLINE mb_real between(double here, double next, double share) {
  return (mb_real)(share > 0 ? here + share * (next - here) : here);
}

MB_CLONES static void interpolate(mb_real *restrict y, const mb_real *restrict x,
                                  const Sources *restrict from, int32_t count, int32_t last) {
  for (int32_t i = 0; i < count; i++) {
    const int32_t low = from->low[i], high = low < last ? low + 1 : last;
    y[i] = between((double)x[low], (double)x[high], from->share[i]);
  }
}

static void interpolate_channels(mb_real *restrict y, const mb_real *restrict x, const Sources *from,
                                 int32_t count, mb_size last, mb_size C) {
  for (int32_t i = 0; i < count; i++) {
    const mb_real *low = x + from->low[i] * C, *high = x + mb_min(from->low[i] + 1, last) * C;
    for (mb_size c = 0; c < C; c++) y[i * C + c] = between((double)low[c], (double)high[c], from->share[i]);
  }
}

/* Moves the points from begin to before end, whose shifts lie on one line. */
static void warp_span(mb_real *y, const mb_real *x, Line line, mb_size begin, mb_size end, mb_size L,
                      mb_size C) {
  Sources from;
  for (mb_size first = begin; first < end; first += BLOCK) {
    const int32_t count = (int32_t)mb_min(BLOCK, end - first);
    find_sources(&from, line, first, count, L);
    if (C == 1)
      interpolate(y + first, x, &from, count, (int32_t)(L - 1));
    else
      interpolate_channels(y + first * C, x, &from, count, L - 1, C);
  }
}

static void warp_one(mb_real *y, const mb_real *x, const mb_real *shifts, mb_size L, mb_size C,
                     mb_size knots) {
  const mb_size spans = L > 1 ? knots - 1 : 0;
  Line line = {.spans = (double)spans, .points = (double)mb_max(L - 1, 1), .shift = (double)shifts[0]};
  if (spans == 0) warp_span(y, x, line, 0, L, L, C);
  for (mb_size knot = 0, begin = 0; knot < spans; knot++) {
    const mb_size end = knot + 1 < spans ? first_behind(&line, knot + 1) : L;
    line.knot = (double)knot, line.shift = (double)shifts[knot];
    line.rise = (double)shifts[knot + 1] - (double)shifts[knot];
    warp_span(y, x, line, begin, end, L, C);
    begin = end;
  }
}

mb_status mb_warp(mb_real *y, const mb_real *x, const mb_real *shifts, mb_size N, mb_size L, mb_size C,
                  mb_size knots) {
  if (L > INT32_MAX) return mb_refuse(MB_BAD_SHAPE, "x: more than %d points", INT32_MAX);
  for (mb_size i = 0; i < N * knots; i++)
    if (!isfinite(shifts[i])) return mb_refuse(MB_BAD_VALUE, "shifts: expected finite numbers of points");
  MB_FOR(mb_threads_for(N * L * C), n, N, 1,
         { warp_one(y + n * L * C, x + n * L * C, shifts + n * knots, L, C, knots); });
  return MB_OK;
}
