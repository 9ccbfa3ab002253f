/* spectra.c - artificial spectra: classes of peaks that vary within ranges, background, noise. */
#include "spectra.h"

#include <math.h>

/* ---- options ---- */

static mb_status check_range(const char *name, const double range[2], double low, double high) {
  if (range[0] >= low && range[0] <= range[1] && range[1] <= high && isfinite(range[1])) return MB_OK;
  return mb_refuse(MB_BAD_VALUE, "%s: expected {low, high} with %g <= low <= high%s, got {%g, %g}", name, low,
                   high == 1 ? " <= 1" : "", range[0], range[1]);
}

static mb_status check_level(const char *name, double level) {
  if (level >= 0 && isfinite(level)) return MB_OK;
  return mb_refuse(MB_BAD_VALUE, "%s: expected a finite number of at least 0, got %g", name, level);
}

static mb_status check_peaks(const mb_spectra *o) {
  for (mb_size p = 0; p < o->first[o->classes]; p++) {
    const mb_peak_ranges *peak = &o->peaks[p];
    if (!(1 <= peak->position[0] && peak->position[0] <= peak->position[1] &&
          peak->position[1] <= (double)o->L))
      return mb_refuse(MB_BAD_VALUE, "expected positions from 1 to the length, %td, got %g to %g", o->L,
                       peak->position[0], peak->position[1]);
    if (check_range("height", peak->height, 0, INFINITY) != MB_OK) return MB_BAD_VALUE;
  }
  return MB_OK;
}

mb_status mb_spectra_check(const mb_spectra *o) {
  if (o->L < 1 || o->classes < 1)
    return mb_refuse(MB_BAD_VALUE, "expected at least one point and one class, got %td and %td", o->L,
                     o->classes);
  mb_status status = check_peaks(o);
  if (status == MB_OK && !(o->width[0] > 0 && o->width[0] <= o->width[1] && isfinite(o->width[1])))
    status = mb_refuse(MB_BAD_VALUE, "width: expected {low, high} with 0 < low <= high, got {%g, %g}",
                       o->width[0], o->width[1]);
  if (status == MB_OK) status = check_range("mixing", o->mixing, 0, 1);
  if (status == MB_OK && !(-1 < o->asymmetry[0] && o->asymmetry[0] <= o->asymmetry[1] && o->asymmetry[1] < 1))
    status =
        mb_refuse(MB_BAD_VALUE, "asymmetry: expected {low, high} with -1 < low <= high < 1, got {%g, %g}",
                  o->asymmetry[0], o->asymmetry[1]);
  if (status == MB_OK) status = check_level("noise", o->noise);
  if (status == MB_OK) status = check_level("counts", o->counts);
  if (status == MB_OK) status = check_level("background", o->background);
  if (status == MB_OK && !(1 <= o->orders[0] && o->orders[0] <= o->orders[1] && o->orders[1] <= MB_MAX_ORDER))
    status =
        mb_refuse(MB_BAD_VALUE, "orders: expected {low, high} with 1 <= low <= high <= %d, got {%td, %td}",
                  MB_MAX_ORDER, o->orders[0], o->orders[1]);
  if (status == MB_OK && !(1 <= o->parts[0] && o->parts[0] <= o->parts[1] && o->parts[1] <= o->classes))
    status = mb_refuse(MB_BAD_VALUE,
                       "mixture: expected {low, high} with 1 <= low <= high <= classes, %td, got {%td, %td}",
                       o->classes, o->parts[0], o->parts[1]);
  if (status == MB_OK) status = check_range("impurity", o->impurity, 0, 1);
  return status;
}

/* ---- peaks ---- */

#define FULL_WIDTH_SQUARED                                                                                   \
  (2 * 0.69314718055994530942) /* half of it, at half height, over sigma; squared                            \
                                */

double mb_peak_profile(const mb_peak_shape *shape, double offset) {
  const double z = offset / (shape->width * (1 + (offset < 0 ? -shape->asymmetry : shape->asymmetry)));
  const double gaussian = exp(-0.5 * z * z);
  if (shape->mixing == 0) return gaussian;
  return (1 - shape->mixing) * gaussian + shape->mixing / (1 + z * z / FULL_WIDTH_SQUARED);
}

mb_size mb_peak_reach(const mb_peak_shape *shape, mb_size max) {
  const double reach = ceil(shape->width * (1 + fabs(shape->asymmetry)) * sqrt(2 * log(1e9)));
  return shape->mixing == 0 && reach < (double)max ? (mb_size)reach : max;
}

double mb_peak_position_draw(mb_rng *rng, const mb_peak_ranges *peak, const mb_spectra *o) {
  if (o->whole_points)
    return (double)mb_rng_integer(rng, (int64_t)peak->position[0], (int64_t)peak->position[1]);
  return mb_rng_uniform(rng, peak->position[0], peak->position[1]);
}

/* A range of one value takes no draw. */
static double draw_where_it_varies(mb_rng *rng, const double range[2]) {
  return range[0] < range[1] ? mb_rng_uniform(rng, range[0], range[1]) : range[0];
}

mb_peak_shape mb_peak_shape_draw(mb_rng *rng, const mb_spectra *o) {
  mb_peak_shape shape;
  shape.width = mb_rng_uniform(rng, o->width[0], o->width[1]);
  shape.mixing = draw_where_it_varies(rng, o->mixing);
  shape.asymmetry = draw_where_it_varies(rng, o->asymmetry);
  return shape;
}

/* position counts from 1. */
static void add_peak(mb_real *y, double position, double height, const mb_peak_shape *shape, mb_size L) {
  const double centre = position - 1;
  const double side = (double)mb_peak_reach(shape, L);
  const mb_size first = mb_max((mb_size)ceil(centre - side), 0);
  const mb_size last = mb_min((mb_size)floor(centre + side), L - 1);
  for (mb_size t = first; t <= last; t++)
    y[t] += (mb_real)(height * mb_peak_profile(shape, (double)t - centre));
}

/* ---- mixtures ---- */

/* Shares of the classes: 1 for the label, a draw for each further class, then all divided by their sum. */
static void draw_shares(double *share, mb_rng *rng, mb_size label, const mb_spectra *o) {
  for (mb_size k = 0; k < o->classes; k++) share[k] = k == label ? 1 : 0;
  if (o->parts[1] == 1) return;
  double sum = 1;
  mb_size left = (mb_size)mb_rng_integer(rng, o->parts[0], o->parts[1]) - 1, open = o->classes - 1;
  for (mb_size k = 0; k < o->classes; k++) {
    if (k == label) continue;
    if (mb_rng_random(rng) * (double)open-- < (double)left) { /* each set of classes is as likely */
      sum += share[k] = mb_rng_uniform(rng, o->impurity[0], o->impurity[1]);
      left--;
    }
  }
  for (mb_size k = 0; k < o->classes; k++) share[k] /= sum;
}

/* ---- one spectrum ---- */

static mb_real *row(mb_real *rows, mb_size i, mb_size width) {
  return rows != NULL ? rows + i * width : NULL;
}

static void add_noise(mb_real *y, mb_rng *rng, const mb_spectra *o) {
  if (o->counts > 0)
    for (mb_size t = 0; t < o->L; t++)
      y[t] = (mb_real)(mb_rng_poisson(rng, o->counts * fmax(0, (double)y[t])) / o->counts);
  if (o->noise > 0)
    for (mb_size t = 0; t < o->L; t++) y[t] += (mb_real)(o->noise * mb_rng_normal(rng));
}

/* share holds one number per class, drawn (position, height) of each peak, of which count are in use. */
static mb_size draw_peaks(double (*drawn)[2], mb_rng *rng, const double *share, mb_size label,
                          const mb_spectra *o) {
  mb_size count = 0;
  for (mb_size step = 0; step < o->classes; step++) { /* the label's peaks come first */
    const mb_size k = step == 0 ? label : step <= label ? step - 1 : step;
    for (mb_size p = o->first[k]; share[k] > 0 && p < o->first[k + 1]; p++, count++) {
      drawn[count][0] = mb_peak_position_draw(rng, &o->peaks[p], o);
      drawn[count][1] = share[k] * mb_rng_uniform(rng, o->peaks[p].height[0], o->peaks[p].height[1]);
    }
  }
  return count;
}

static void keep(mb_real *y, const mb_real *x, mb_size L) {
  if (y != NULL)
    for (mb_size t = 0; t < L; t++) y[t] = x[t];
}

static void keep_parameters(const mb_spectra_out *out, mb_size i, double (*drawn)[2], mb_size count,
                            const mb_peak_shape *shape, mb_size most) {
  for (mb_size p = 0; p < most; p++) {
    if (out->position != NULL) out->position[i * most + p] = p < count ? (mb_real)drawn[p][0] : (mb_real)NAN;
    if (out->height != NULL) out->height[i * most + p] = p < count ? (mb_real)drawn[p][1] : (mb_real)NAN;
  }
  if (out->width != NULL) out->width[i] = (mb_real)shape->width;
  if (out->mixing != NULL) out->mixing[i] = (mb_real)shape->mixing;
  if (out->asymmetry != NULL) out->asymmetry[i] = (mb_real)shape->asymmetry;
}

#define MOST_PEAKS 1024 /* of a spectrum, and classes: what one needs lies on the stack */

static void generate(const mb_spectra_out *out, mb_size i, mb_rng *rng, const mb_spectra *o) {
  double share[MOST_PEAKS], drawn[MOST_PEAKS][2];
  const mb_size L = o->L, label = (mb_size)out->label[i];
  mb_real *y = row(out->y, i, L), *background_row = row(out->background, i, L),
          *noise = row(out->noise, i, L);
  draw_shares(share, rng, label, o);
  const mb_size count = draw_peaks(drawn, rng, share, label, o);
  const mb_peak_shape shape = mb_peak_shape_draw(rng, o);
  const mb_background background = mb_background_draw(rng, o);
  if (background.maximum > 0)
    mb_background_fill(y, &background, L);
  else
    mb_fill(y, 0, L);
  keep(background_row, y, L);
  for (mb_size p = 0; p < count; p++) add_peak(y, drawn[p][0], drawn[p][1], &shape, L);
  if (out->peak != NULL) {
    mb_real *peak = row(out->peak, i, L);
    mb_fill(peak, 0, L);
    for (mb_size p = 0; p < count; p++) add_peak(peak, drawn[p][0], drawn[p][1], &shape, L);
  }
  keep(noise, y, L);
  add_noise(y, rng, o);
  for (mb_size t = 0; noise != NULL && t < L; t++) noise[t] = y[t] - noise[t];
  for (mb_size k = 0; out->share != NULL && k < o->classes; k++)
    out->share[i * o->classes + k] = (mb_real)share[k];
  keep_parameters(out, i, drawn, count, &shape, mb_spectra_peaks(o));
}

static void draw_labels(mb_real *label, mb_rng *rng, mb_size n, mb_size classes) {
  for (mb_size i = 0; i < n; i++) label[i] = (mb_real)(i % classes);
  for (mb_size i = n - 1; i > 0; i--) {
    const mb_size j = mb_rng_interval(rng, i);
    const mb_real kept = label[i];
    label[i] = label[j];
    label[j] = kept;
  }
}

mb_size mb_spectra_peaks(const mb_spectra *o) {
  mb_size most = 0;
  if (o->parts[1] > 1) return o->first[o->classes];
  for (mb_size k = 0; k < o->classes; k++) most = mb_max(most, o->first[k + 1] - o->first[k]);
  return most;
}

mb_status mb_spectra_generate(const mb_spectra_out *out, mb_rng *rng, const mb_spectra *options, mb_size n) {
  const mb_status status = mb_spectra_check(options);
  if (status != MB_OK) return status;
  if (out->y == NULL || out->label == NULL)
    return mb_refuse(MB_BAD_VALUE, "expected arrays for y and label, got NULL");
  if (mb_max(mb_spectra_peaks(options), options->classes) > MOST_PEAKS)
    return mb_refuse(MB_BAD_VALUE, "expected at most %d classes, and peaks in a spectrum", MOST_PEAKS);
  const uint64_t key = mb_rng_uint64(rng);
  draw_labels(out->label, rng, n, options->classes);
#pragma omp parallel for num_threads(mb_threads_for(n * options->L))
  for (mb_size i = 0; i < n; i++) {
    const uint64_t index = (uint64_t)i;
    const uint32_t entropy[4] = {(uint32_t)key, (uint32_t)(key >> 32), (uint32_t)index,
                                 (uint32_t)(index >> 32)};
    mb_rng stream;
    mb_rng_seed(&stream, entropy, 4);
    generate(out, i, &stream, options);
  }
  return MB_OK;
}
