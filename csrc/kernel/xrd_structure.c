/* xrd_structure.c - squares of structure factors for powder patterns. */
#include "internal.h"

#include <math.h>

#define MOST_TERMS ((mb_size)1 << 30) /* reflections times atoms: ten seconds on one core */

typedef struct {
  double real, imaginary;
} Sum;

/* Occupancy times (f0 + f') and times f", with the isotropic displacement. */
static void scattering(Sum *factor, const mb_scatterer *scatterer, double s2) {
  const double *f = scatterer->form_factor;
  double f0 = f[8];
  for (int i = 0; i < 4; i++) f0 += f[i] * exp(-f[4 + i] * s2);
  const double weight = scatterer->occupancy * exp(-scatterer->B * s2);
  factor->real = weight * (f0 + scatterer->dispersion[0]);
  factor->imaginary = weight * scatterer->dispersion[1];
}

static double anisotropic(const double u[6], const double h[3]) {
  const double pi = acos(-1.0);
  const double sum = u[0] * h[0] * h[0] + u[1] * h[1] * h[1] + u[2] * h[2] * h[2] +
                     2 * (u[3] * h[0] * h[1] + u[4] * h[0] * h[2] + u[5] * h[1] * h[2]);
  return exp(-2 * pi * pi * sum);
}

/* The mean of |F|^2 of hkl and its opposite: with P of f0 + f' and Q of f", |P + iQ|^2 and |P - iQ|^2. */
static double mean_square(const mb_reflection *reflection, const Sum *factors, const mb_atom *atoms,
                          mb_size A) {
  const double h[3] = {reflection->hkl[0], reflection->hkl[1], reflection->hkl[2]}, turn = 2 * acos(-1.0);
  Sum P = {0, 0}, Q = {0, 0};
  for (mb_size i = 0; i < A; i++) {
    const mb_atom *atom = &atoms[i];
    const double *x = atom->position;
    const double phase = turn * (h[0] * x[0] + h[1] * x[1] + h[2] * x[2]);
    const double damp = atom->is_anisotropic ? anisotropic(atom->u_star, h) : 1;
    const double cosine = damp * cos(phase), sine = damp * sin(phase);
    const Sum *factor = &factors[atom->scatterer];
    P.real += factor->real * cosine, P.imaginary += factor->real * sine;
    Q.real += factor->imaginary * cosine, Q.imaginary += factor->imaginary * sine;
  }
  return P.real * P.real + P.imaginary * P.imaginary + Q.real * Q.real + Q.imaginary * Q.imaginary;
}

size_t mb_xrd_structure_factors_scratch_bytes(mb_size S, int threads) {
  return (size_t)(S * threads) * sizeof(Sum);
}

mb_status mb_xrd_structure_factors(double *F2, void *scratch, const mb_reflection *list, mb_size count,
                                   const mb_scatterer *scatterers, mb_size S, const mb_atom *atoms, mb_size A,
                                   int threads) {
  if (count > MOST_TERMS / A)
    return mb_refuse(MB_BAD_VALUE, "%td reflections of %td atoms are too many; raise the least spacing",
                     count, A);
  const mb_size parts = count * A < MB_PARALLEL_MIN ? 1 : threads;
  MB_FOR((int)parts, part, parts, 1, {
    Sum *factors = (Sum *)scratch + part * S;
    for (mb_size i = part; i < count; i += parts) {
      const double s2 = 1 / (4 * list[i].d * list[i].d);
      for (mb_size j = 0; j < S; j++) scattering(&factors[j], &scatterers[j], s2);
      F2[i] = mean_square(&list[i], factors, atoms, A);
    }
  });
  return MB_OK;
}
