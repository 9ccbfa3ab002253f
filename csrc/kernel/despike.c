/* despike.c - cosmic rays out of Raman spectra (Whitaker and Hayes 2018, Chemom. Intell. Lab. Syst. 179, 82).
 */
#include "internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NORMAL_MAD            0.6745   /* median absolute deviation of a normal distribution of sd 1 */
#define NORMAL_MEAN_DEVIATION 0.797885 /* its mean absolute deviation */

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Sorts the values. */
static double median(double *values, mb_size count) {
  qsort(values, (size_t)count, sizeof *values, by_value);
  return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* The median absolute deviation as a standard deviation; where more than half of the values are equal, so
 * that it is 0, the mean one instead (Iglewicz and Hoaglin 1993). */
static double deviation_of(const double *difference, double centre, double *sorted, mb_size count) {
  double sum = 0;
  for (mb_size t = 0; t < count; t++) sum += sorted[t] = fabs(difference[t] - centre);
  const double middle = median(sorted, count);
  return middle > 0 ? middle / NORMAL_MAD : sum / (double)count / NORMAL_MEAN_DEVIATION;
}

/* Marks the points behind a difference that is too large, and the first point before one. */
static void mark(bool *spike, const double *difference, double *sorted, double threshold, mb_size L) {
  memcpy(sorted, difference, (size_t)(L - 1) * sizeof *sorted);
  const double centre = median(sorted, L - 1);
  const double most = threshold * deviation_of(difference, centre, sorted, L - 1);
  for (mb_size t = 0; t < L - 1; t++) spike[t + 1] = fabs(difference[t] - centre) > most;
  spike[0] = spike[1]; /* nothing tells which of the two it is */
}

static void repair(mb_real *y, const mb_real *x, const bool *spike, mb_size half, mb_size L, mb_size stride) {
  for (mb_size t = 0; t < L; t++) {
    double sum = 0;
    mb_size count = 0;
    for (mb_size i = mb_max(0, t - half); spike[t] && i <= mb_min(L - 1, t + half); i++)
      if (!spike[i]) sum += (double)x[i * stride], count++;
    y[t * stride] = count > 0 ? (mb_real)(sum / (double)count) : x[t * stride];
  }
}

size_t mb_despike_scratch_bytes(mb_size L, int threads) {
  return (size_t)(L * threads) * 3 * sizeof(double); /* differences, sorted, and marks */
}

mb_status mb_despike(mb_real *y, const mb_real *x, void *scratch, double threshold, mb_size half, mb_size N,
                     mb_size L, mb_size C, int threads) {
  if (L < 3) return mb_refuse(MB_BAD_SHAPE, "expected spectra of at least 3 points, got %td", L);
  if (!(threshold > 0))
    return mb_refuse(MB_BAD_VALUE, "threshold: expected a positive number, got %g", threshold);
  if (half < 1 || half > L)
    return mb_refuse(MB_BAD_VALUE, "half_window: expected 1 to %td, the points of a spectrum, got %td", L,
                     half);
  const mb_size rows = N * C, parts = rows * L < MB_PARALLEL_MIN ? 1 : mb_min(threads, rows);
  MB_FOR((int)parts, part, parts, 1, {
    double *difference = (double *)scratch + part * 3 * L, *sorted = difference + L;
    bool *spike = (bool *)(sorted + L);
    for (mb_size i = part; i < rows; i += parts) {
      const mb_size at = i / C * L * C + i % C;
      for (mb_size t = 0; t < L - 1; t++) difference[t] = (double)x[at + (t + 1) * C] - (double)x[at + t * C];
      mark(spike, difference, sorted, threshold, L);
      repair(y + at, x + at, spike, half, L, C);
    }
  });
  return MB_OK;
}
