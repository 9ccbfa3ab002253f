/* spectra.h - what the files that make artificial spectra share. */
#ifndef MB_SPECTRA_H
#define MB_SPECTRA_H

#include "internal.h"

#define MB_MAX_ORDER 5 /* of Chebyshev polynomials */

typedef struct {
  double maximum;
  double coefficient[MB_MAX_ORDER]; /* of the Chebyshev polynomials 1 to 5 */
  double rate;                      /* of the exponential decay over the whole axis */
  double centre, sd;                /* of the hump, as fractions of the axis */
  double weight[3];                 /* of polynomials, decay and hump, each of which lies in 0..1 */
} mb_background;

/* Takes as many draws for no background as for any, so that what follows stays the same. */
mb_background mb_background_draw(mb_rng *rng, const mb_spectra *options);
void mb_background_fill(mb_real *y, const mb_background *background, mb_size L);

/* The shape that all peaks of a spectrum share. */
typedef struct {
  double width, mixing, asymmetry;
} mb_peak_shape;

/* A peak of height 1, that many points right of its maximum. */
double mb_peak_profile(const mb_peak_shape *shape, double offset);
/* How far from its maximum a peak is above 1e-9 of its height, or max where that is nearer. */
mb_size mb_peak_reach(const mb_peak_shape *shape, mb_size max);

/* Of a peak within its ranges, and of the shape of one spectrum, as the generator draws them. */
double mb_peak_position_draw(mb_rng *rng, const mb_peak_ranges *peak, const mb_spectra *options);
mb_peak_shape mb_peak_shape_draw(mb_rng *rng, const mb_spectra *options);

mb_status mb_spectra_check(const mb_spectra *options);

#endif
