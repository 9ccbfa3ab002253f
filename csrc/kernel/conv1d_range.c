/* conv1d_range.c - decides if a transform is exact enough for the range of its numbers.
 *
 * The rounding error of a transform is relative to the largest numbers of its tile, in each of its results:
 * the error of a sum of products x w is about EPSILON |X| |W|, with the norms of all x of the tile and of all
 * weights of the filter. The error of a plain sum of N = K C products is relative to the sum of |x w|. This
 * sum is about mean(|x|) mean(|w|) N, unless x or w has a few numbers that are far larger than the others;
 * the mean here is the square of the mean of square roots, which a few numbers cannot make large. */
#include "conv1d_parts.h"

#include <math.h>
#include <string.h>

/* The tests allow 330 times the rounding of a float. A transform has up to once its own, short tiles
 * (polynomials) a few times that, and where few products are large, these may meet small weights. */
#define ALLOWED          40
#define ALLOWED_WINOGRAD (ALLOWED / 4)
#define SURE             2 /* margin for a decision from samples alone */
/* Smaller squares are too near to underflow. */
#define LEAST_SQUARES ((mb_real)1e-30)
#define ROWS          MB_MAX_FFT
#define BLOCK         ((mb_size)16) /* reals in a sample, at least */

MB_CLONES static bool is_zero(const mb_real *x, mb_size count) {
  bool any = false;
  for (mb_size i = 0; i < count; i++) any |= x[i] != 0;
  return !any;
}

/* Tells whether roots, summed over a window, make it large enough compared with the norm of the tile. */
static bool is_enough(double roots, double squares, const mb_conv1d_range *r) {
  const double allowed = r->T == MB_WINOGRAD ? ALLOWED_WINOGRAD : ALLOWED;
  return roots * roots * allowed >= (double)r->depth * sqrt(squares * (double)r->taps);
}

/* Tells whether squares are neither NaN nor infinite, and have not underflowed. */
static bool can_tell(double squares) {
  return squares >= LEAST_SQUARES && squares < INFINITY;
}

bool mb_conv1d_range_is_sure(double *squares, const mb_real *x, mb_size count, mb_size unit, mb_size span,
                             const mb_conv1d_range *r) {
  const mb_simd *v = mb_simd_here();
  const mb_size half = mb_ceil_div(span, 2 * unit), least = mb_min(mb_ceil_div(v->lanes, unit), span / unit);
  const mb_size reals = mb_max(mb_min(mb_ceil_div(BLOCK, unit), half), least) * unit;
  const mb_size block = reals < v->lanes ? reals : reals / v->lanes * v->lanes;
  *squares = (double)v->sum_squares(x, count);
  if (!can_tell(*squares) || count < block) return *squares == 0 && is_zero(x, count);
  const double roots = (double)v->least_roots(x, count, block, span - reals + unit);
  return is_enough(roots * (double)r->depth / (double)block, SURE * *squares, r);
}

bool mb_conv1d_range_of_windows(const double *roots, double squares, mb_size windows,
                                const mb_conv1d_range *r) {
  bool are_enough = can_tell(squares);
  for (mb_size t = 0; t < windows && are_enough; t++) {
    double sum = 0;
    for (mb_size k = 0; k < r->taps; k++) sum += roots[t + k];
    are_enough = is_enough(sum, squares, r);
  }
  return are_enough;
}

/* ---- weights ------------------------------------------------------------------------------- */

#define FILTERS 128 /* checked together */

/* Judges filters, with x and w exchanged: all taps of each filter; and each tap over all filters, because the
 * first and the last results read single taps. */
static bool are_even(const mb_real *w, mb_size filters, const mb_conv1d *s, const mb_conv1d_range *r) {
  mb_real roots[FILTERS] = {0}, squares[FILTERS] = {0};
  double least = INFINITY, all = 0;
  for (mb_size k = 0; k < s->K; k++) {
    mb_real tap[FILTERS] = {0};
    double sum = 0;
    mb_simd_here()->sum_columns(tap, squares, w + k * s->C * s->F, s->F, s->C, filters);
    for (mb_size f = 0; f < filters; f++) sum += (double)tap[f], roots[f] += tap[f];
    least = fmin(least, sum);
  }
  bool is_right = true;
  for (mb_size f = 0; f < filters; f++) {
    all += (double)squares[f];
    is_right &= squares[f] == 0 ||
                (can_tell((double)squares[f]) && is_enough((double)roots[f], (double)squares[f], r));
  }
  const double F = (double)filters;
  return is_right && (all == 0 || is_enough(least * (double)s->K / F, all / F, r));
}

bool mb_conv1d_range_of_weights(const mb_real *w, const mb_conv1d *s, int T) {
  const mb_conv1d_range r = {.T = T, .taps = T, .depth = s->K * s->C};
  for (mb_size f = 0; f < s->F; f += FILTERS)
    if (!are_even(w + f, mb_min(FILTERS, s->F - f), s, &r)) return false;
  return true;
}

bool mb_conv1d_range_of_channels(const mb_real *w, const mb_conv1d *s, int T) {
  const mb_simd *v = mb_simd_here();
  const mb_conv1d_range r = {.T = T, .taps = T, .depth = s->K * s->F};
  bool are_even = true;
  for (mb_size c = 0; c < s->C && are_even; c++) {
    mb_real roots, least, squares;
    v->sum_rows(&least, &roots, &squares, w + c * s->F, s->C * s->F, s->K, s->F);
    are_even =
        squares == 0 || (can_tell((double)squares) &&
                         is_enough(fmin((double)roots, (double)least * (double)s->K), (double)squares, &r));
  }
  return are_even;
}
