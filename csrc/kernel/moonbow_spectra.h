/* moonbow_spectra.h - spectra prepared, changed and simulated. A part of moonbow.h, which
 * states the rules and is what programs include. */
#ifndef MOONBOW_H
#error "include moonbow.h"
#endif
#ifndef MOONBOW_SPECTRA_H
#define MOONBOW_SPECTRA_H

/* ---- preprocessing (scale.c, savitzky_golay.c, als_baseline.c, rolling_ball.c, despike.c, resample.c): x is
 * (N, L, C) ----------- */

typedef enum { MB_SCALE_SNV, MB_SCALE_RANGE, MB_SCALE_MAXIMUM, MB_SCALE_AREA } mb_scaling;

/* Scales each spectrum, channel by channel, to mean 0 and sd 1, to 0..1, to maximum 1, to mean absolute
 * value 1. A spectrum without spread only loses its offset. MAXIMUM refuses spectra that have no value above
 * 0, except zeros. */
mb_status mb_scale(mb_real *y, const mb_real *x, mb_scaling scaling, mb_size N, mb_size L, mb_size C);
/* Mean and sd of each of M columns, over N rows. */
void mb_column_statistics(double *mean, double *sd, const mb_real *x, mb_size N, mb_size M);
/* Subtracts the mean and divides by the sd, or by 1 if that is 0. */
void mb_standardize(mb_real *y, const mb_real *x, const double *mean, const double *sd, mb_size N, mb_size M);

/* Savitzky-Golay with a window of an odd number of points, at both ends from the polynomial of the outermost
 * window (mode 'interp' of SciPy): 0 <= order < window and at most 64, 0 <= derivative <= 8, delta the
 * distance of points. Check first; then weights, which are kept in scratch for all spectra. */
mb_status mb_savitzky_golay_check(mb_size L, mb_size window, mb_size order, int derivative, double delta);
size_t mb_savitzky_golay_scratch_bytes(mb_size window, mb_size order, int derivative);
void mb_savitzky_golay_weights(void *scratch, mb_size window, mb_size order, int derivative, double delta);
void mb_savitzky_golay(mb_real *y, const mb_real *x, void *scratch, mb_size N, mb_size L, mb_size C,
                       mb_size window, mb_size order, int derivative);

/* The baseline z of y: the least squares of weights (y - z) and of lambda times its second differences. The
 * weights are p above it and 1 - p below (ALS, Eilers and Boelens 2005), until they stay the same; a logistic
 * function of the residual (ARPLS, Baek et al. 2015), until they change by less than the share tolerance; or
 * 0 above and an exponential function below (AIRPLS, Zhang, Chen and Liang 2010), until the sum below is less
 * than the share tolerance of all values. At most `iterations` fits. */
typedef enum { MB_ALS, MB_ARPLS, MB_AIRPLS } mb_weighting;
size_t mb_als_baseline_scratch_bytes(mb_size L, int threads);
mb_status mb_als_baseline(mb_real *z, const mb_real *y, void *scratch, mb_weighting weighting, double lambda,
                          double p, double tolerance, int iterations, mb_size N, mb_size L, mb_size C,
                          int threads);

/* The baseline z of y by a ball that rolls below (Kneen and Annegarn 1996): the largest of the smallest
 * values within `half` points, averaged over `smooth` points on both sides. */
size_t mb_rolling_ball_scratch_bytes(mb_size L, int threads);
mb_status mb_rolling_ball(mb_real *z, const mb_real *y, void *scratch, mb_size half, mb_size smooth,
                          mb_size N, mb_size L, mb_size C, int threads);

/* y = x without spikes of cosmic rays (Whitaker and Hayes 2018): where the modified z-score of the
 * differences exceeds the threshold, the mean of the other values within `half` points. Where more than half
 * of the differences are equal, their mean absolute deviation takes the place of the median one, which is 0.
 */
size_t mb_despike_scratch_bytes(mb_size L, int threads);
mb_status mb_despike(mb_real *y, const mb_real *x, void *scratch, double threshold, mb_size half, mb_size N,
                     mb_size L, mb_size C, int threads);

/* y (N, M, C) at grid (M), from x at axis (L), which rises or falls; grid lies within it. */
mb_status mb_resample(mb_real *y, const mb_real *x, const double *axis, const double *grid, mb_size N,
                      mb_size L, mb_size M, mb_size C);

/* ---- augmentation (warp.c) ------------------------------------------------------------- */

/* y (N, L, C): x at the points t + d(t), linear between points, and the end points beyond them. d of a
 * spectrum goes straight from knot to knot of shifts (N, knots), which lie at equal distances from the
 * first point to the last; one knot shifts all points alike. */
mb_status mb_warp(mb_real *y, const mb_real *x, const mb_real *shifts, mb_size N, mb_size L, mb_size C,
                  mb_size knots);

/* ---- powder diffraction (xrd.c, xrd_structure.c, xrd_phase.c, xrd_profile.c) -------------------------- */

#define MB_XRD_DENOMINATOR  24
#define MB_XRD_AXIAL_PANELS 2000 /* of two widths each, over which axial divergence may spread a peak */

/* A family of reflections that symmetry, or Friedel's law, makes equal: one of them, how many, their spacing.
 */
typedef struct {
  int hkl[3], multiplicity;
  double d;
} mb_reflection;

/* Lists the families with a spacing of d_min to d_max, the largest first, without those that are absent
 * systematically. cell: a, b, c, alpha, beta, gamma in degrees. operators: O times 12 integers, the rotation
 * by rows and the translation in 24ths, all of the group. list NULL: only counts. */
mb_status mb_xrd_reflections(mb_reflection *list, mb_size *count, const double cell[6], const int *operators,
                             mb_size O, double d_min, double d_max);
/* Factor of a family by preferred orientation (March 1932, Dollase 1986) along the normal of the planes
 * `direction`: r < 1 for plates that lie flat, 1 for none. */
double mb_xrd_march_dollase(const int hkl[3], const double cell[6], const int *operators, mb_size O,
                            const int direction[3], double r);

typedef struct {
  double form_factor[9]; /* a1 to a4, b1 to b4, c */
  double dispersion[2];  /* f', f" */
  double occupancy, B;   /* B: isotropic displacement, in square units of the spacing */
} mb_scatterer;

/* An atom of the cell. u_star: its displacement in the basis of the cell, 11, 22, 33, 12, 13, 23. */
typedef struct {
  mb_size scatterer;
  double position[3], u_star[6];
  bool is_anisotropic;
} mb_atom;

/* F2: the mean of |F|^2 over each family, which holds the opposites. */
size_t mb_xrd_structure_factors_scratch_bytes(mb_size S, int threads);
mb_status mb_xrd_structure_factors(double *F2, void *scratch, const mb_reflection *list, mb_size count,
                                   const mb_scatterer *scatterers, mb_size S, const mb_atom *atoms, mb_size A,
                                   int threads);

/* A peak: area and full widths of its Gaussian and Lorentzian parts. */
typedef struct {
  double position, area, gaussian, lorentzian;
} mb_xrd_peak;

/* A family in the light of one line: one of its reflections, the number of the line from 0, and multiplicity
 * times mean |F|^2 times the line's weight. */
typedef struct {
  int hkl[3];
  mb_size line;
  double strength;
} mb_xrd_family;

/* Widths in degrees: Gaussian^2 = U tan^2 + V tan + W, Lorentzian = X tan + Y / cos of theta; shift of 2
 * theta in degrees: zero - displacement cos. polarisation: cos^2 of the monochromator's 2 theta, 1 without
 * one. */
typedef struct {
  double U, V, W, X, Y, zero, displacement, polarisation;
  const double *wavelengths; /* of `lines` lines */
  mb_size lines;
} mb_xrd_instrument;

/* Cell, crystallite size (0: no broadening) and microstrain of one phase. */
typedef struct {
  double cell[6], size, strain;
} mb_xrd_sample;

/* Lorentz-polarisation factor of a powder. */
double mb_xrd_lorentz_polarisation(double theta, double polarisation);
/* The peaks of a phase, at most F; neighbours of one line at the same angle are one peak. */
mb_status mb_xrd_phase(mb_xrd_peak *peaks, mb_size *count, const mb_xrd_family *families, mb_size F,
                       const mb_xrd_instrument *instrument, const mb_xrd_sample *sample);

/* Replaces a peak by those of its rays that axial divergence, S/L and H/L, moves; position is 2 theta in
 * degrees. Returns how many there are; 0 if it spreads over more than MB_XRD_AXIAL_PANELS. to NULL: only
 * counts. */
mb_size mb_xrd_axial(mb_xrd_peak *to, const mb_xrd_peak *peak, const double axial[2]);
/* y (L) at the points of a rising grid: the sum of pseudo-Voigt functions, each to 60 full widths. */
size_t mb_xrd_profile_scratch_bytes(mb_size count);
mb_status mb_xrd_profile(mb_real *y, void *scratch, const double *grid, mb_size L, const mb_xrd_peak *peaks,
                         mb_size count);

/* ---- artificial spectra (spectra.c, spectra_background.c, spectra_ceiling.c) ----------------------------
 */

typedef struct {
  double position[2]; /* of the maximum, in points from 1 */
  double height[2];   /* of the maximum */
} mb_peak_ranges;

typedef enum { MB_POLYNOMIAL = 1, MB_EXPONENTIAL = 2, MB_HUMP = 4 } mb_background_kind;

/* Ranges are {low, high} and drawn uniformly. */
typedef struct {
  mb_size L, classes;
  const mb_size *first;        /* (classes + 1): peaks first[k] to first[k + 1] - 1 are those of class k */
  const mb_peak_ranges *peaks; /* all of them, class by class */
  bool whole_points;           /* positions are integers */
  double width[2];             /* sigma of the Gaussian, in points; one for all peaks of a spectrum */
  double mixing[2];            /* share of a Lorentzian of as much width at half height, 0 to 1 */
  double asymmetry[2];         /* the left side is 1 - a, the right side 1 + a times as wide; |a| < 1 */
  double background;           /* its maximum is U(0, background) */
  unsigned background_kinds;   /* which are mixed: a sum of mb_background_kind */
  mb_size orders[2];           /* lowest and highest Chebyshev polynomial, 1 to 5 */
  double noise;                /* sd of Gaussian noise */
  double counts;               /* counts at intensity 1 for Poisson noise; 0 for none */
  mb_size parts[2];            /* how many classes are in a spectrum: {1, 1} unless mixed */
  double impurity[2];          /* intensity of each further class; that of the label is 1 */
} mb_spectra;

/* Each array has n rows. y and label are always filled; any other may be NULL: not wanted. */
typedef struct {
  mb_real *y;                         /* (L) the spectra: the sum of the next three */
  mb_real *peak, *background, *noise; /* (L) */
  mb_real *label;                     /* 0 to classes - 1 */
  mb_real *share;                     /* (classes), sum 1, the largest that of the label */
  mb_real *position, *height;         /* (mb_spectra_peaks), NaN after the last */
  mb_real *width, *mixing, *asymmetry;
} mb_spectra_out;

mb_size mb_spectra_peaks(const mb_spectra *options); /* peaks of a spectrum at most */

/* n spectra: peaks on a smooth background, with noise; labels in random order and as equal in number
 * as possible. Spectrum i has a stream of its own, SeedSequence(one 64-bit draw of rng, i), which gives
 * the classes mixed in, position and height of each peak, the width, the parameters of the shape, the
 * background, and noise last: neither the number of threads nor noise and background change the peaks. */
mb_status mb_spectra_generate(const mb_spectra_out *out, mb_rng *rng, const mb_spectra *options, mb_size n);

/* The best accuracy that any classifier can reach, as the mean over samples of the posterior of the
 * likeliest class, by an observer who knows the ranges and the background and who measures positions
 * and heights with the Cramer-Rao errors of this noise, the width being unknown (spectra_ceiling.c). */
mb_status mb_spectra_ceiling(double *accuracy, mb_rng *rng, const mb_spectra *options, mb_size samples);

/* ---- peaks (spikes.c): the spectra of Schuetzke, Szymanski and Reischl 2023 --------------- */

typedef struct {
  mb_size L;        /* points of a spectrum */
  mb_size shift;    /* each position varies by an integer, -shift..shift-1 */
  double variation; /* each height varies by U(-variation, variation), and is clipped to 0..2 */
  bool keep_ones;   /* heights of exactly 1 stay, and take no draw */
  double sigma[2];  /* of the Gaussian filter, in points: U(sigma[0], sigma[1]) */
  bool scaled;      /* each spectrum is divided by its maximum */
} mb_spikes;

size_t mb_spikes_scratch_bytes(const mb_spikes *options, mb_size peaks);

/* One spectrum y (L): spikes of these heights at positions 0..L-1 (of two at one position the last counts),
 * then a Gaussian filter of sigma[1], equal to scipy.ndimage.gaussian_filter1d(mode="constant") rounded to
 * mb_real. */
mb_status mb_spikes_exact(mb_real *y, void *scratch, const mb_size *position, const double *height,
                          mb_size peaks, const mb_spikes *options);
/* One variation of the peaks: NumPy's draws for all positions, then for all heights. */
void mb_spikes_draw(mb_size *moved, double *changed, mb_rng *rng, const mb_size *position,
                    const double *height, mb_size peaks, const mb_spikes *options);
/* n spectra y (n, L) of such variations, with sigma drawn last. */
mb_status mb_spikes_varied(mb_real *y, void *scratch, mb_rng *rng, const mb_size *position,
                           const double *height, mb_size peaks, const mb_spikes *options, mb_size n);

#endif
