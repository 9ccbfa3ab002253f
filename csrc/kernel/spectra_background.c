/* spectra_background.c - smooth backgrounds: Chebyshev polynomials, an exponential decay, a broad hump. */
#include "exp.h"
#include "spectra.h"

/* Vectors of another width round differently: without MB_CLONES a seed gives the same spectra on
 * every machine. The time goes into the noise anyway. */

mb_background mb_background_draw(mb_rng *rng, const mb_spectra *options) {
  mb_background b;
  b.maximum = mb_rng_uniform(rng, 0, options->background);
  for (int k = 0; k < MB_MAX_ORDER; k++) {
    const double drawn = mb_rng_uniform(rng, -1, 1);
    b.coefficient[k] = options->orders[0] <= k + 1 && k + 1 <= options->orders[1] ? drawn : 0;
  }
  b.rate = mb_rng_uniform(rng, 1, 10);
  b.centre = mb_rng_uniform(rng, 0, 1);
  b.sd = mb_rng_uniform(rng, 0.1, 0.4);
  for (int k = 0; k < 3; k++) {
    const double drawn = mb_rng_random(rng);
    b.weight[k] = options->background_kinds >> k & 1 ? drawn : 0;
  }
  return b;
}

/* y = sum of c[k] T[k+1](x), x from -1 to 1 along the axis: Clenshaw's recurrence. */
static void fill_chebyshev(mb_real *y, const double c[MB_MAX_ORDER], mb_size L) {
  const double step = 2.0 / (double)mb_max(L - 1, 1);
  for (int t = 0; t < (int)L; t++) {
    const double x = t * step - 1;
    double last = 0, before = 0;
    for (int k = MB_MAX_ORDER - 1; k >= 0; k--) {
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

void mb_background_fill(mb_real *y, const mb_background *b, mb_size L) {
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
  const mb_real scale = high > 0 ? (mb_real)b->maximum / high : 0;
  for (mb_size t = 0; t < L; t++) y[t] *= scale;
}
