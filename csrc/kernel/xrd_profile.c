/* xrd_profile.c - powder patterns: the sum of pseudo-Voigt peaks (Thompson, Cox and Hastings 1987), and their
 * asymmetry by axial divergence (Finger, Cox and Jephcoat 1994). */
#include "internal.h"

#include <math.h>

#define BLOCK          256 /* points of one item */
#define REACH          60  /* full widths to which a peak is computed: 99.5 % of a Lorentzian */
#define GAUSSIAN_REACH 3   /* full widths beyond which a Gaussian is below 2e-11 of its height */

typedef struct {
  double position, lorentzian, gaussian; /* both in heights */
  double steep_lorentzian, steep_gaussian, reach, gaussian_reach;
} Shape;

static Shape shape_of(const mb_xrd_peak *peak) {
  const double G = peak->gaussian, L = peak->lorentzian, pi = acos(-1.0), ln2 = log(2.0);
  const double sum = pow(G, 5) + 2.69269 * pow(G, 4) * L + 2.42843 * pow(G, 3) * L * L +
                     4.47163 * G * G * pow(L, 3) + 0.07842 * G * pow(L, 4) + pow(L, 5);
  const double width = pow(sum, 0.2), q = L / width;
  const double eta = 1.36603 * q - 0.47719 * q * q + 0.11116 * q * q * q;
  return (Shape){.position = peak->position,
                 .lorentzian = peak->area * eta * 2 / (pi * width),
                 .gaussian = peak->area * (1 - eta) * 2 * sqrt(ln2 / pi) / width,
                 .steep_lorentzian = 4 / (width * width),
                 .steep_gaussian = 4 * ln2 / (width * width),
                 .reach = REACH * width,
                 .gaussian_reach = GAUSSIAN_REACH * width};
}

/* The first point of a rising grid, from `first` on and below `last`, that is at least x. */
static mb_size at_least(const double *grid, mb_size first, mb_size last, double x) {
  while (first < last) {
    const mb_size middle = first + (last - first) / 2;
    if (grid[middle] < x)
      first = middle + 1;
    else
      last = middle;
  }
  return first;
}

/* Adds what a peak gives to the points from `first` on and below `last`; sum[0] is that of the first. */
static void add_peak(double *sum, const double *grid, mb_size first, mb_size last, const Shape *s) {
  const mb_size low = at_least(grid, first, last, s->position - s->reach);
  const mb_size high = at_least(grid, low, last, s->position + s->reach);
  for (mb_size t = low; t < high; t++) {
    const double x = grid[t] - s->position;
    sum[t - first] += s->lorentzian / (1 + s->steep_lorentzian * x * x);
  }
  if (s->gaussian <= 0) return;
  const mb_size from = at_least(grid, low, high, s->position - s->gaussian_reach);
  const mb_size to = at_least(grid, from, high, s->position + s->gaussian_reach);
  for (mb_size t = from; t < to; t++) {
    const double x = grid[t] - s->position;
    sum[t - first] += s->gaussian * exp(-s->steep_gaussian * x * x);
  }
}

size_t mb_xrd_profile_scratch_bytes(mb_size count) {
  return (size_t)count * sizeof(Shape);
}

mb_status mb_xrd_profile(mb_real *y, void *scratch, const double *grid, mb_size L, const mb_xrd_peak *peaks,
                         mb_size count) {
  Shape *shapes = scratch;
  for (mb_size i = 0; i < count; i++) {
    if (!(peaks[i].gaussian >= 0 && peaks[i].lorentzian >= 0 && peaks[i].gaussian + peaks[i].lorentzian > 0))
      return mb_refuse(MB_BAD_VALUE, "the peak at %.6g has no width", peaks[i].position);
    shapes[i] = shape_of(&peaks[i]);
  }
  const int threads = mb_threads_for(L * (count + 1));
  MB_FOR(threads, first, L, BLOCK, {
    double sum[BLOCK] = {0};
    const mb_size last = mb_min(first + BLOCK, L);
    for (mb_size i = 0; i < count; i++) add_peak(sum, grid, first, last, &shapes[i]);
    for (mb_size t = first; t < last; t++) y[t] = (mb_real)sum[t - first];
  });
  return MB_OK;
}

/* ---- axial divergence ---- */

#define NODES 10 /* of each panel */

static const double half_nodes[NODES / 2] = {0.1488743389816312, 0.4333953941292472, 0.6794095682990244,
                                             0.8650633666889845, 0.9739065285171717};
static const double half_weights[NODES / 2] = {0.2955242247147529, 0.2692667193099963, 0.2190863625159820,
                                               0.1494513491505806, 0.0666713443086881};

/* Where rays of the height h are seen, and their share; both integrals over h, where FCJ's over the angle has
 * a pole. */
static void add_ray(mb_xrd_peak *to, const mb_xrd_peak *peak, const double axial[2], double h,
                    double weight) {
  const double degree = acos(-1.0) / 180, plateau = 2 * fmin(axial[0], axial[1]);
  const double seen = cos(peak->position * degree) * sqrt(1 + h * h); /* cosine of the angle */
  *to = *peak;
  to->area = 0;
  if (fabs(seen) >= 1) return;
  to->position = acos(seen) / degree;
  to->area = weight * fmin(axial[0] + axial[1] - h, plateau) / (sqrt(1 - seen * seen) * (1 + h * h));
}

/* A range of heights, and the angles at which its ends are seen. */
typedef struct {
  double low, high, from, to;
  mb_size panels;
} Part;

/* The height of rays that are seen at an angle, in degrees. */
static double height_at(double angle, const mb_xrd_peak *peak) {
  const double degree = acos(-1.0) / 180, ratio = cos(angle * degree) / cos(peak->position * degree);
  return sqrt(fmax(0, ratio * ratio - 1));
}

static double angle_at(double h, const mb_xrd_peak *peak) {
  const double degree = acos(-1.0) / 180, seen = cos(peak->position * degree) * sqrt(1 + h * h);
  return acos(fmax(-1, fmin(1, seen))) / degree;
}

/* Each panel spans at most two widths of the peak. */
static Part part_of(double low, double high, const mb_xrd_peak *peak) {
  Part part = {low, high, angle_at(low, peak), angle_at(high, peak), 0};
  const double panels = ceil(fabs(part.from - part.to) / (2 * (peak->gaussian + peak->lorentzian)));
  part.panels = high > low ? (mb_size)fmax(1, fmin(panels, MB_XRD_AXIAL_PANELS + 1)) : 0;
  return part;
}

/* Adds the nodes of Gauss and Legendre in the panels of a part. */
static void add_rays(mb_xrd_peak *to, const mb_xrd_peak *peak, const double axial[2], const Part *part) {
  double low = part->low;
  for (mb_size p = 1; p <= part->panels; p++) {
    const double angle = part->from + (part->to - part->from) * (double)p / (double)part->panels;
    const double high = p == part->panels ? part->high : height_at(angle, peak), half = (high - low) / 2;
    for (int i = 0; i < NODES; i++) {
      const double node = i % 2 == 0 ? half_nodes[i / 2] : -half_nodes[i / 2];
      add_ray(to++, peak, axial, low + half * (1 + node), half * half_weights[i / 2]);
    }
    low = high;
  }
}

mb_size mb_xrd_axial(mb_xrd_peak *to, const mb_xrd_peak *peak, const double axial[2]) {
  const double S = axial[0], H = axial[1];
  const double spread = fabs(peak->position - angle_at(S + H, peak));
  if (S + H <= 0 || spread < 0.01 * (peak->gaussian + peak->lorentzian)) {
    if (to != NULL) *to = *peak;
    return 1;
  }
  const Part parts[2] = {part_of(0, fabs(S - H), peak), part_of(fabs(S - H), S + H, peak)};
  if (parts[0].panels + parts[1].panels > MB_XRD_AXIAL_PANELS) return 0;
  const mb_size part = parts[0].panels * NODES, count = part + parts[1].panels * NODES;
  if (to == NULL) return count;
  double total = 0;
  add_rays(to, peak, axial, &parts[0]);
  add_rays(to + part, peak, axial, &parts[1]);
  for (mb_size i = 0; i < count; i++) total += to[i].area;
  for (mb_size i = 0; i < count; i++) to[i].area *= total > 0 ? peak->area / total : 0;
  return count;
}
