/* spectra_ceiling.c - the best accuracy that any classifier can reach on artificial spectra.
 *
 * Local asymptotic normality (Le Cam): at high signal to noise, a spectrum says as much about its class
 * as the positions and heights of its peaks, each measured with a normal error of the Cramer-Rao
 * variance. Of those measurements the Bayes classifier is known: uniform ranges, blurred by the error.
 * The width is a further unknown that all peaks share; mixing, asymmetry and background are taken as
 * known, peaks as apart from each other, and classes that differ in their number of peaks as never
 * confused: where one of these fails, the figure is too high, hence still a bound. */
#include "spectra.h"

#include <math.h>

typedef struct {
  double height, position, width, cross; /* Fisher information; cross is that of height and width */
} Information;

/* Sums over the points of (d clean / d parameter)^2 / variance of the noise there. */
static Information inform(double position, double height, const mb_peak_shape *shape, const mb_spectra *o) {
  const double h = 1e-4 * shape->width, side = (double)mb_peak_reach(shape, o->L);
  const mb_peak_shape wide = {shape->width + h, shape->mixing, shape->asymmetry},
                      narrow = {shape->width - h, shape->mixing, shape->asymmetry};
  const double centre = position - 1, last = fmin(floor(centre + side), (double)o->L - 1);
  Information sum = {0};
  for (double t = fmax(ceil(centre - side), 0); t <= last; t++) {
    const double offset = t - centre, profile = mb_peak_profile(shape, offset);
    const double by_position =
        height * (mb_peak_profile(shape, offset - h) - mb_peak_profile(shape, offset + h)) / (2 * h);
    const double by_width =
        height * (mb_peak_profile(&wide, offset) - mb_peak_profile(&narrow, offset)) / (2 * h);
    double variance = o->noise * o->noise;
    if (o->counts > 0) variance += fmax(height * profile, 1 / o->counts) / o->counts;
    sum.height += profile * profile / variance;
    sum.position += by_position * by_position / variance;
    sum.width += by_width * by_width / variance;
    sum.cross += profile * by_width / variance;
  }
  return sum;
}

typedef struct {
  double position, height;             /* as measured */
  double position_error, height_error; /* sd of the error */
} Measured;

#define LEAST_ERROR 1e-9 /* of points, and of the highest peak: above the rounding of what is measured */

static double error_of(double information, double unit, double largest) {
  return fmin(fmax(1 / sqrt(information), LEAST_ERROR * unit), largest);
}

static double highest_of(const mb_spectra *o) {
  double highest = 0;
  for (mb_size p = 0; p < o->first[o->classes]; p++) highest = fmax(highest, o->peaks[p].height[1]);
  return highest > 0 ? highest : 1;
}

/* Draws the peaks of class k and measures them. */
static void measure(Measured *measured, Information *information, mb_rng *rng, mb_size k,
                    const mb_spectra *o) {
  const mb_peak_ranges *peaks = o->peaks + o->first[k];
  const mb_size count = o->first[k + 1] - o->first[k];
  const double range = o->width[1] - o->width[0], highest = highest_of(o);
  double about_width = 12 / (range * range); /* of the prior; infinite where the width is known */
  for (mb_size p = 0; p < count; p++) {
    measured[p].position = mb_peak_position_draw(rng, &peaks[p], o);
    measured[p].height = mb_rng_uniform(rng, peaks[p].height[0], peaks[p].height[1]);
  }
  const mb_peak_shape shape = mb_peak_shape_draw(rng, o);
  if (!(o->noise > 0 || o->counts > 0)) {
    for (mb_size p = 0; p < count; p++) {
      measured[p].position_error = LEAST_ERROR;
      measured[p].height_error = LEAST_ERROR * highest;
    }
    return;
  }
  for (mb_size p = 0; p < count; p++) {
    information[p] = inform(measured[p].position, measured[p].height, &shape, o);
    about_width += information[p].width - information[p].cross * information[p].cross / information[p].height;
  }
  for (mb_size p = 0; p < count; p++) {
    const Information *i = &information[p];
    const double others = about_width + i->cross * i->cross / i->height;
    measured[p].position_error = error_of(i->position, 1, (double)o->L);
    measured[p].height_error = error_of(i->height - i->cross * i->cross / others, highest, INFINITY);
    measured[p].position += measured[p].position_error * mb_rng_normal(rng);
    measured[p].height += measured[p].height_error * mb_rng_normal(rng);
  }
}

#define ROOT_TWO 1.41421356237309504880

static double normal_density(double z, double sd) {
  return exp(-0.5 * z * z) / (sd * 2.50662827463100050242);
}

/* The density of value = U(range) + N(0, sd^2). */
static double blurred_uniform(double value, const double range[2], double sd) {
  if (range[0] == range[1]) return normal_density((value - range[0]) / sd, sd);
  const double low = (range[0] - value) / (ROOT_TWO * sd), high = (range[1] - value) / (ROOT_TWO * sd);
  const double inside = low > 0 ? erfc(low) - erfc(high) : erfc(-high) - erfc(-low);
  return inside / 2 / (range[1] - range[0]);
}

static double blurred_integers(double value, const double range[2], double sd) {
  double sum = 0;
  const double first = fmax(range[0], ceil(value - 9 * sd)), last = fmin(range[1], floor(value + 9 * sd));
  for (double k = first; k <= last; k++) sum += normal_density((value - k) / sd, sd);
  return sum / (range[1] - range[0] + 1);
}

/* How likely the measured peaks are in class k. */
static double density(const Measured *measured, mb_size count, mb_size k, const mb_spectra *o) {
  const mb_peak_ranges *peaks = o->peaks + o->first[k];
  double product = o->first[k + 1] - o->first[k] == count ? 1 : 0;
  for (mb_size p = 0; p < count && product > 0; p++) {
    const Measured *m = &measured[p];
    product *= (o->whole_points ? blurred_integers : blurred_uniform)(m->position, peaks[p].position,
                                                                      m->position_error);
    product *= blurred_uniform(m->height, peaks[p].height, m->height_error);
  }
  return product;
}

#define MOST_PEAKS 256 /* of a class */

mb_status mb_spectra_ceiling(double *accuracy, mb_rng *rng, const mb_spectra *options, mb_size samples) {
  Measured measured[MOST_PEAKS];
  Information information[MOST_PEAKS];
  const mb_status status = mb_spectra_check(options);
  if (status != MB_OK) return status;
  if (options->parts[1] > 1) return mb_refuse(MB_BAD_VALUE, "no ceiling is known for mixtures of classes");
  if (mb_spectra_peaks(options) > MOST_PEAKS)
    return mb_refuse(MB_BAD_VALUE, "no ceiling is computed for more than %d peaks in a class", MOST_PEAKS);
  double sum = 0;
  for (mb_size i = 0; i < samples; i++) {
    const mb_size label = i % options->classes;
    measure(measured, information, rng, label, options);
    double best = 0, all = 0;
    for (mb_size k = 0; k < options->classes; k++) {
      const double likely = density(measured, options->first[label + 1] - options->first[label], k, options);
      best = fmax(best, likely);
      all += likely;
    }
    sum += all > 0 ? best / all : 1;
  }
  *accuracy = sum / (double)samples;
  return MB_OK;
}
