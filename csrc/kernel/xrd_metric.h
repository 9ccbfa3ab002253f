/* xrd_metric.h - lengths in reciprocal space (xrd.c, xrd_phase.c). */
#ifndef MB_XRD_METRIC_H
#define MB_XRD_METRIC_H

#include "internal.h"

#include <math.h>

/* Reciprocal metric: 1/d^2 = g11 h^2 + g22 k^2 + g33 l^2 + 2 g12 hk + 2 g13 hl + 2 g23 kl. */
static inline void mb_xrd_reciprocal_metric(double g[6], const double cell[6]) {
  const double degree = acos(-1.0) / 180, a = cell[0], b = cell[1], c = cell[2];
  const double ca = cos(cell[3] * degree), cb = cos(cell[4] * degree), cg = cos(cell[5] * degree);
  const double sa = sin(cell[3] * degree), sb = sin(cell[4] * degree), sg = sin(cell[5] * degree);
  const double share = 1 - ca * ca - cb * cb - cg * cg + 2 * ca * cb * cg; /* (volume / abc)^2 */
  g[0] = sa * sa / (a * a * share);
  g[1] = sb * sb / (b * b * share);
  g[2] = sg * sg / (c * c * share);
  g[3] = (ca * cb - cg) / (a * b * share);
  g[4] = (cg * ca - cb) / (a * c * share);
  g[5] = (cb * cg - ca) / (b * c * share);
}

/* The product of two reciprocal vectors; that of hkl with itself is 1/d^2. */
static inline double mb_xrd_product(const double g[6], const int p[3], const int q[3]) {
  const double x = g[0] * p[0] + g[3] * p[1] + g[4] * p[2], y = g[3] * p[0] + g[1] * p[1] + g[5] * p[2],
               z = g[4] * p[0] + g[5] * p[1] + g[2] * p[2];
  return x * q[0] + y * q[1] + z * q[2];
}

#endif
