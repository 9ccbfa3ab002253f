/* spikes.c - artificial spectra of peaks: spikes, varied or not, under a Gaussian filter. */
#include "internal.h"

#include <math.h>
#include <string.h>

#define TRUNCATE 4 /* sigmas, where SciPy's filter ends */

static mb_size radius_of(double sigma) {
  return (mb_size)(TRUNCATE * sigma + 0.5);
}

/* scratch holds weights (0..R), sums (2R + 1), and the line of spikes with R zeros on both sides. */
static double *weights_in(double *scratch) {
  return scratch;
}
static double *sums_in(double *scratch, mb_size R) {
  return scratch + R + 1;
}
static double *line_in(double *scratch, mb_size R) {
  return scratch + 3 * R + 2;
}

static mb_size doubles_of(const mb_spikes *options) {
  const mb_size R = radius_of(options->sigma[1]);
  return 3 * R + 2 + options->L + 2 * R;
}

size_t mb_spikes_scratch_bytes(const mb_spikes *options, mb_size peaks) {
  return (size_t)(doubles_of(options) + peaks) * sizeof(double) + (size_t)peaks * sizeof(mb_size);
}

/* NumPy's pairwise sum of weight[|i|] for i = first .. first + count - 1. */
static double pairwise_sum(const double *weight, mb_size first, mb_size count) {
  if (count > 128) {
    const mb_size half = count / 2 - count / 2 % 8;
    return pairwise_sum(weight, first, half) + pairwise_sum(weight, first + half, count - half);
  }
  double lane[8] = {0}, sum = 0;
  const mb_size whole = count < 8 ? 0 : count - count % 8;
  for (mb_size i = 0; i < whole; i++) lane[i % 8] += weight[mb_max(first + i, -first - i)];
  if (whole > 0)
    sum = ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
  for (mb_size i = whole; i < count; i++) sum += weight[mb_max(first + i, -first - i)];
  return sum;
}

/* weight[d] of the points at distance d = 0..R. */
static void fill_weights(double *weight, double sigma, mb_size R) {
  const double scale = -0.5 / (sigma * sigma);
  for (mb_size d = 0; d <= R; d++) weight[d] = exp(scale * (double)(d * d));
  const double sum = pairwise_sum(weight, -R, 2 * R + 1);
  for (mb_size d = 0; d <= R; d++) weight[d] /= sum;
}

/* sum[i] = the filtered line at point i, in SciPy's order: the centre, then pairs from the far end in. */
MB_CLONES static void filter(double *restrict sum, const double *restrict line, const double *weight,
                             mb_size R, mb_size count) {
  for (mb_size i = 0; i < count; i++) sum[i] = line[i] * weight[0];
  for (mb_size d = R; d > 0; d--)
    for (mb_size i = 0; i < count; i++) sum[i] += (line[i - d] + line[i + d]) * weight[d];
}

/* The line is zero before and after. Points that no spike reaches are zero in SciPy's dense sum, too. */
static void smooth(mb_real *y, double *scratch, const mb_size *position, const double *height, double sigma,
                   mb_size peaks, mb_size L, mb_size largest_R, bool scaled) {
  double *weight = weights_in(scratch), *sum = sums_in(scratch, largest_R);
  double *line = line_in(scratch, largest_R) + largest_R;
  const mb_size R = radius_of(sigma);
  double maximum = 0;
  fill_weights(weight, sigma, R);
  memset(y, 0, (size_t)L * sizeof *y);
  for (mb_size k = 0; k < peaks; k++) line[position[k]] = height[k];
  for (int pass = scaled ? 0 : 1; pass < 2; pass++) {
    for (mb_size k = 0; k < peaks; k++) {
      const mb_size first = mb_max(position[k] - R, 0), count = mb_min(position[k] + R + 1, L) - first;
      filter(sum, line + first, weight, R, count);
      if (pass == 0)
        for (mb_size i = 0; i < count; i++) maximum = fmax(maximum, sum[i]);
      else if (maximum > 0)
        for (mb_size i = 0; i < count; i++) y[first + i] = (mb_real)(sum[i] / maximum);
      else
        for (mb_size i = 0; i < count; i++) y[first + i] = (mb_real)sum[i];
    }
  }
  for (mb_size k = 0; k < peaks; k++) line[position[k]] = 0;
}

static void clear_line(double *scratch, const mb_spikes *options) {
  const mb_size R = radius_of(options->sigma[1]);
  memset(line_in(scratch, R), 0, (size_t)(options->L + 2 * R) * sizeof *scratch);
}

static mb_status check_options(const mb_spikes *o) {
  if (!(o->sigma[0] > 0 && o->sigma[0] <= o->sigma[1] && o->sigma[1] <= (double)o->L))
    return mb_refuse(MB_BAD_VALUE, "sigma: expected {low, high} with 0 < low <= high <= points, got {%g, %g}",
                     o->sigma[0], o->sigma[1]);
  if (o->shift < 0) return mb_refuse(MB_BAD_VALUE, "shift: expected at least 0, got %td", o->shift);
  if (!(o->variation >= 0 && o->variation <= 2))
    return mb_refuse(MB_BAD_VALUE, "variation: expected 0 to 2, got %g", o->variation);
  return MB_OK;
}

mb_status mb_spikes_exact(mb_real *y, void *scratch, const mb_size *position, const double *height,
                          mb_size peaks, const mb_spikes *options) {
  const mb_status status = check_options(options);
  if (status != MB_OK) return status;
  clear_line(scratch, options);
  smooth(y, scratch, position, height, options->sigma[1], peaks, options->L, radius_of(options->sigma[1]),
         options->scaled);
  return MB_OK;
}

static double clip(double value, double low, double high) {
  return value < low ? low : value > high ? high : value;
}

void mb_spikes_draw(mb_size *moved, double *changed, mb_rng *rng, const mb_size *position,
                    const double *height, mb_size peaks, const mb_spikes *o) {
  for (mb_size k = 0; k < peaks; k++) {
    const int64_t draw =
        o->shift > 0 ? mb_rng_integer(rng, position[k] - o->shift, position[k] + o->shift - 1) : position[k];
    moved[k] = mb_min(mb_max((mb_size)draw, 0), o->L - 1);
  }
  for (mb_size k = 0; k < peaks; k++) {
    const bool stays = o->keep_ones && height[k] == 1;
    changed[k] = stays ? 1 : mb_rng_uniform(rng, height[k] - o->variation, height[k] + o->variation);
    changed[k] = clip(changed[k], 0, 2);
  }
}

mb_status mb_spikes_varied(mb_real *y, void *scratch, mb_rng *rng, const mb_size *position,
                           const double *height, mb_size peaks, const mb_spikes *options, mb_size n) {
  const mb_status status = check_options(options);
  const mb_size R = status == MB_OK ? radius_of(options->sigma[1]) : 0;
  if (status != MB_OK) return status;
  double *changed = (double *)scratch + doubles_of(options);
  mb_size *moved = (mb_size *)(changed + peaks);
  clear_line(scratch, options);
  for (mb_size i = 0; i < n; i++) {
    mb_spikes_draw(moved, changed, rng, position, height, peaks, options);
    const double sigma = mb_rng_uniform(rng, options->sigma[0], options->sigma[1]);
    smooth(y + i * options->L, scratch, moved, changed, sigma, peaks, options->L, R, options->scaled);
  }
  return MB_OK;
}
