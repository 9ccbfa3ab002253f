/* spectra.c - artificial spectra: one peak on either side of a border, background, noise. */
#include "exp.h"
#include "internal.h"

#include <math.h>

/* Vectors of another width round differently: without MB_CLONES a seed gives the same spectra on
 * every machine. The time goes into the noise anyway. */

#define ORDER 5 /* of the highest Chebyshev polynomial */

typedef struct {
  double maximum;
  double coefficient[ORDER]; /* of the Chebyshev polynomials 1 to ORDER */
  double rate;               /* of the exponential decay over the whole axis */
  double centre, sd;         /* of the hump, as fractions of the axis */
  double weight[3];          /* of polynomials, decay and hump, each of which lies in 0..1 */
} Background;

static mb_status check_range(const char *name, const double range[2]) {
  if (range[0] > 0 && range[0] <= range[1] && isfinite(range[1])) return MB_OK;
  return mb_refuse(MB_BAD_VALUE, "%s: expected {low, high} with 0 < low <= high, got {%g, %g}", name,
                   range[0], range[1]);
}

static mb_status check_level(const char *name, double level) {
  if (level >= 0 && isfinite(level)) return MB_OK;
  return mb_refuse(MB_BAD_VALUE, "%s: expected a finite number of at least 0, got %g", name, level);
}

static mb_status check_options(const mb_border_peaks *o) {
  if (!(1 <= o->first && o->first < o->border && o->border <= o->last && o->last <= o->L))
    return mb_refuse(MB_BAD_VALUE,
                     "expected 1 <= first < border <= last <= length, got %td, %td, %td and %td", o->first,
                     o->border, o->last, o->L);
  mb_status status = check_range("height", o->height);
  if (status == MB_OK) status = check_range("width", o->width);
  if (status == MB_OK) status = check_level("noise", o->noise);
  if (status == MB_OK) status = check_level("background", o->background);
  return status;
}

/* Takes as many draws for no background as for any, so that what follows stays the same. */
static Background draw_background(mb_rng *rng, double largest) {
  Background b;
  b.maximum = mb_rng_uniform(rng, 0, largest);
  for (int k = 0; k < ORDER; k++) b.coefficient[k] = mb_rng_uniform(rng, -1, 1);
  b.rate = mb_rng_uniform(rng, 1, 10);
  b.centre = mb_rng_uniform(rng, 0, 1);
  b.sd = mb_rng_uniform(rng, 0.1, 0.4);
  for (int k = 0; k < 3; k++) b.weight[k] = mb_rng_random(rng);
  return b;
}

/* y = sum of c[k] T[k+1](x), x from -1 to 1 along the axis: Clenshaw's recurrence. */
static void fill_chebyshev(mb_real *y, const double c[ORDER], mb_size L) {
  const double step = 2.0 / (double)mb_max(L - 1, 1);
  for (int t = 0; t < (int)L; t++) {
    const double x = t * step - 1;
    double last = 0, before = 0;
    for (int k = ORDER - 1; k >= 0; k--) {
      const double sum = c[k] + 2 * x * last - before;
      before = last;
      last = sum;
    }
    y[t] = (mb_real)(x * last - before);
  }
}

static void extremes(mb_real *low, mb_real *high, const mb_real *y, mb_size L) {
  mb_real least = y[0], most = y[0];
#pragma omp simd reduction(min : least) reduction(max : most)
  for (mb_size t = 1; t < L; t++) {
    least = y[t] < least ? y[t] : least;
    most = y[t] > most ? y[t] : most;
  }
  *low = least;
  *high = most;
}

static void fill_background(mb_real *y, const Background *b, mb_size L) {
  mb_real low, high;
  fill_chebyshev(y, b->coefficient, L);
  extremes(&low, &high, y, L);
  const mb_real polynomials = high > low ? (mb_real)b->weight[0] / (high - low) : 0;
  const mb_real decay = (mb_real)b->weight[1], hump = (mb_real)b->weight[2];
  const mb_real step = 1 / (mb_real)mb_max(L - 1, 1), rate = (mb_real)b->rate;
  const mb_real centre = (mb_real)b->centre, per_sd = (mb_real)(1 / b->sd);
  for (int t = 0; t < (int)L; t++) {
    const mb_real x = (mb_real)t * step, z = (x - centre) * per_sd;
    y[t] = polynomials * (y[t] - low) + decay * mb_exp(-rate * x) + hump * mb_exp(-z * z / 2);
  }
  extremes(&low, &high, y, L);
  const mb_real scale = (mb_real)b->maximum / high;
  for (mb_size t = 0; t < L; t++) y[t] *= scale;
}

/* Only where the peak is above 1e-9 of its height. */
static void add_peak(mb_real *y, mb_size centre, double height, double width, mb_size L) {
  const double reach = ceil(width * sqrt(2 * log(1e9)));
  const mb_size side = reach < (double)L ? (mb_size)reach : L;
  for (mb_size t = mb_max(centre - side, 0); t <= mb_min(centre + side, L - 1); t++) {
    const double z = (double)(t - centre) / width;
    y[t] += (mb_real)(height * exp(-0.5 * z * z));
  }
}

static void generate(mb_real *y, mb_real *position, mb_real label, mb_rng *rng, const mb_border_peaks *o) {
  const bool below = label < 2;
  const int64_t at = mb_rng_integer(rng, below ? o->first : o->border, below ? o->border - 1 : o->last);
  const double height = mb_rng_uniform(rng, o->height[0], o->height[1]);
  const double width = mb_rng_uniform(rng, o->width[0], o->width[1]);
  const Background background = draw_background(rng, o->background);
  if (background.maximum > 0)
    fill_background(y, &background, o->L);
  else
    mb_fill(y, 0, o->L);
  add_peak(y, (mb_size)at - 1, height, width, o->L);
  if (o->noise > 0)
    for (mb_size t = 0; t < o->L; t++) y[t] += (mb_real)(o->noise * mb_rng_normal(rng));
  *position = (mb_real)at;
}

static void draw_labels(mb_real *label, mb_rng *rng, mb_size n) {
  for (mb_size i = 0; i < n; i++) label[i] = (mb_real)(1 + i % 2);
  for (mb_size i = n - 1; i > 0; i--) {
    const mb_size j = mb_rng_interval(rng, i);
    const mb_real kept = label[i];
    label[i] = label[j];
    label[j] = kept;
  }
}

mb_status mb_border_peaks_generate(mb_real *y, mb_real *label, mb_real *position, mb_rng *rng,
                                   const mb_border_peaks *options, mb_size n) {
  const mb_status status = check_options(options);
  if (status != MB_OK) return status;
  const uint64_t key = mb_rng_uint64(rng);
  draw_labels(label, rng, n);
#pragma omp parallel for num_threads(mb_threads_for(n * options->L))
  for (mb_size i = 0; i < n; i++) {
    const uint64_t index = (uint64_t)i;
    const uint32_t entropy[4] = {(uint32_t)key, (uint32_t)(key >> 32), (uint32_t)index,
                                 (uint32_t)(index >> 32)};
    mb_rng stream;
    mb_rng_seed(&stream, entropy, 4);
    generate(y + i * options->L, &position[i], label[i], &stream, options);
  }
  return MB_OK;
}
