/* xrd.c - the reflections of a crystal as families that its symmetry makes equal, and the effect
 * of preferred orientation on each. */
#include "xrd_metric.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_TRIED  ((mb_size)1 << 26) /* indices: half a second */
#define MOST_LISTED 500000             /* families: 100 MB as a table of Lua */

/* image = hkl R: an operator R, t moves reflections so. */
static void image_of(int image[3], const int hkl[3], const int *move) {
  for (int j = 0; j < 3; j++) image[j] = hkl[0] * move[j] + hkl[1] * move[3 + j] + hkl[2] * move[6 + j];
}

static int order(const int p[3], const int q[3]) {
  for (int i = 0; i < 3; i++)
    if (p[i] != q[i]) return p[i] < q[i] ? -1 : 1;
  return 0;
}

/* The number of reflections in the family of hkl, if hkl comes last of them in order and is not absent; else
 * 0. */
static int family_size(const int hkl[3], const int *operators, mb_size O) {
  int image[3], opposite[3], stabiliser = 0;
  for (mb_size i = 0; i < O; i++) {
    const int *move = operators + 12 * i, *t = move + 9;
    image_of(image, hkl, move);
    for (int j = 0; j < 3; j++) opposite[j] = -image[j];
    const int before = order(image, hkl), behind = order(opposite, hkl);
    if (before > 0 || behind > 0) return 0;
    if (before == 0 && (hkl[0] * t[0] + hkl[1] * t[1] + hkl[2] * t[2]) % MB_XRD_DENOMINATOR != 0) return 0;
    stabiliser += (before == 0) + (behind == 0);
  }
  return stabiliser > 0 ? (int)(2 * O / stabiliser) : 0; /* never 0: one of the operators is the identity */
}

static int negatives(const int hkl[3]) {
  return (hkl[0] < 0) + (hkl[1] < 0) + (hkl[2] < 0);
}

/* Replaces hkl by the one of its family that tables list: the fewest negative indices, then the last in
 * order. */
static void choose_name(int hkl[3], const int *operators, mb_size O) {
  const int first[3] = {hkl[0], hkl[1], hkl[2]};
  int image[3];
  for (mb_size i = 0; i < 2 * O; i++) {
    image_of(image, first, operators + 12 * (i / 2));
    for (int j = 0; j < 3 && i % 2 == 1; j++) image[j] = -image[j];
    const int fewer = negatives(hkl) - negatives(image);
    if (fewer > 0 || (fewer == 0 && order(image, hkl) > 0)) memcpy(hkl, image, sizeof image);
  }
}

static int by_spacing(const void *left, const void *right) {
  const mb_reflection *p = left, *q = right;
  if (p->d != q->d) return p->d > q->d ? -1 : 1;
  return order(q->hkl, p->hkl);
}

mb_status mb_xrd_reflections(mb_reflection *list, mb_size *count, const double cell[6], const int *operators,
                             mb_size O, double d_min, double d_max) {
  double g[6];
  const double reach[3] = {cell[0] / d_min, cell[1] / d_min, cell[2] / d_min};
  const double tried = (reach[0] + 1) * (2 * reach[1] + 1) * (2 * reach[2] + 1);
  if (!(tried <= (double)MOST_TRIED))
    return mb_refuse(MB_BAD_VALUE, "%.3g reflections would have to be tried; raise the least spacing", tried);
  mb_xrd_reciprocal_metric(g, cell);
  const int H = (int)reach[0], K = (int)reach[1], L = (int)reach[2];
  const double least = 1 / (d_max * d_max), most = 1 / (d_min * d_min);
  *count = 0;
  for (int h = 0; h <= H; h++)
    for (int k = h == 0 ? 0 : -K; k <= K; k++)
      for (int l = h == 0 && k == 0 ? 1 : -L; l <= L; l++) {
        int hkl[3] = {h, k, l};
        const double q = mb_xrd_product(g, hkl, hkl);
        if (!(q >= least && q <= most)) continue;
        const int multiplicity = family_size(hkl, operators, O);
        if (multiplicity == 0) continue;
        choose_name(hkl, operators, O);
        if (list != NULL) list[*count] = (mb_reflection){{hkl[0], hkl[1], hkl[2]}, multiplicity, 1 / sqrt(q)};
        if (++*count > MOST_LISTED)
          return mb_refuse(MB_BAD_VALUE, "more than %d families of reflections; raise the least spacing",
                           MOST_LISTED);
      }
  if (list != NULL) qsort(list, (size_t)*count, sizeof *list, by_spacing);
  return MB_OK;
}

double mb_xrd_march_dollase(const int hkl[3], const double cell[6], const int *operators, mb_size O,
                            const int direction[3], double r) {
  double g[6], sum = 0;
  int image[3];
  mb_xrd_reciprocal_metric(g, cell);
  const double length = mb_xrd_product(g, direction, direction);
  for (mb_size j = 0; j < O; j++) {
    image_of(image, hkl, operators + 12 * j);
    const double along = mb_xrd_product(g, image, direction);
    const double cosine2 = fmin(1, along * along / (length * mb_xrd_product(g, image, image)));
    const double x = r * r * cosine2 + (1 - cosine2) / r;
    sum += 1 / (x * sqrt(x));
  }
  return sum / (double)O;
}
