/* xrd_phase.c - the peaks of one phase in an instrument: places, areas and widths of its families. */
#include "xrd_metric.h"

#define SCHERRER 0.9
#define SAME     1e-7 /* degrees: equal spacings, but for rounding */

double mb_xrd_lorentz_polarisation(double theta, double polarisation) {
  const double cosine = cos(2 * theta), sine = sin(theta);
  return 2 * (1 + polarisation * cosine * cosine) / ((1 + polarisation) * sine * sine * cos(theta));
}

static mb_status add_family(mb_xrd_peak *to, double theta, double strength, double wavelength,
                            const mb_xrd_instrument *instrument, const mb_xrd_sample *sample) {
  const double degree = acos(-1.0) / 180, tangent = tan(theta), cosine = cos(theta);
  const double square = instrument->U * tangent * tangent + instrument->V * tangent + instrument->W;
  double lorentzian = instrument->X * tangent + instrument->Y / cosine;
  if (sample->size > 0) lorentzian += SCHERRER * wavelength / (sample->size * cosine) / degree;
  lorentzian += 4 * sample->strain * tangent / degree;
  if (!(square >= 0 && lorentzian >= 0 && square + lorentzian > 0))
    return mb_refuse(MB_BAD_VALUE, "instrument: U, V, W, X and Y give no width at 2theta = %.3f deg",
                     2 * theta / degree);
  to->position = 2 * theta / degree + instrument->zero - instrument->displacement * cosine;
  to->area = strength * mb_xrd_lorentz_polarisation(theta, instrument->polarisation);
  to->gaussian = sqrt(square);
  to->lorentzian = lorentzian;
  return MB_OK;
}

mb_status mb_xrd_phase(mb_xrd_peak *peaks, mb_size *count, const mb_xrd_family *families, mb_size F,
                       const mb_xrd_instrument *instrument, const mb_xrd_sample *sample) {
  double g[6];
  mb_size line = -1; /* of the last peak */
  mb_xrd_reciprocal_metric(g, sample->cell);
  *count = 0;
  for (mb_size i = 0; i < F; i++) {
    const double wavelength = instrument->wavelengths[families[i].line];
    const double sine = wavelength / 2 * sqrt(mb_xrd_product(g, families[i].hkl, families[i].hkl));
    if (!(sine > 0 && sine < 1)) continue; /* the strain has moved it behind 180 degrees */
    mb_xrd_peak peak;
    const mb_status status =
        add_family(&peak, asin(sine), families[i].strength, wavelength, instrument, sample);
    if (status != MB_OK) return status;
    mb_xrd_peak *last = &peaks[*count - 1];
    if (*count > 0 && line == families[i].line && fabs(peak.position - last->position) < SAME)
      last->area += peak.area;
    else
      peaks[(*count)++] = peak;
    line = families[i].line;
  }
  return MB_OK;
}
