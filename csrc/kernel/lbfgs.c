/* lbfgs.c - the minimum of a smooth function by L-BFGS. */
#include "lbfgs.h"

#include <math.h>
#include <string.h>

#define PAIRS       10
#define MOST_TRIALS 40
#define DECREASE    1e-4 /* of the slope that a step must keep of the value, and of the slope (Wolfe) */
#define CURVATURE   0.9

typedef struct {
  mb_objective objective;
  void *context;
  mb_size count;
  const double *x, *direction; /* the line */
  double *trial, *g;           /* the last point on it, and the gradient there */
} Line;

size_t mb_lbfgs_scratch_count(mb_size count) {
  return (size_t)(count * (4 + 2 * PAIRS));
}

static double dot(const double *a, const double *b, mb_size count) {
  double sum = 0;
  for (mb_size i = 0; i < count; i++) sum += a[i] * b[i];
  return sum;
}

static double largest(const double *x, mb_size count) {
  double most = 0;
  for (mb_size i = 0; i < count; i++) most = fmax(most, fabs(x[i]));
  return most;
}

static double value_at(Line *line, double step, double *slope) {
  for (mb_size i = 0; i < line->count; i++) line->trial[i] = line->x[i] + step * line->direction[i];
  const double value = line->objective(line->g, line->trial, line->context);
  *slope = dot(line->g, line->direction, line->count);
  return value;
}

/* Finds a step along the line: doubles it while it is too short, halves an interval once it is too long.
 * Returns the value there; NaN if there is no step. */
static double search(Line *line, double value, double slope, double step) {
  double low = 0, high = INFINITY, new_slope;
  for (int i = 0; i < MOST_TRIALS; i++) {
    const double new_value = value_at(line, step, &new_slope);
    if (!(new_value <= value + DECREASE * step * slope))
      high = step;
    else if (new_slope < CURVATURE * slope)
      low = step;
    else
      return new_value;
    step = high < INFINITY ? (low + high) / 2 : 2 * step;
  }
  return (double)NAN;
}

/* The pairs of steps and of changes of the gradient, the newest at (next - 1) % PAIRS. */
typedef struct {
  double *s, *y, rho[PAIRS];
  mb_size next, kept;
} Memory;

static void remember(Memory *m, const double *x, const double *g, const double *before_x,
                     const double *before_g, mb_size count) {
  const mb_size slot = m->next % PAIRS;
  double *s = m->s + slot * count, *y = m->y + slot * count;
  for (mb_size i = 0; i < count; i++) s[i] = x[i] - before_x[i], y[i] = g[i] - before_g[i];
  const double product = dot(s, y, count);
  if (!(product > 0)) return;
  m->rho[slot] = 1 / product;
  m->next++;
  m->kept = mb_min(m->kept + 1, PAIRS);
}

/* direction = - (approximate inverse Hessian) g, by the two loops over the pairs. */
static void direct(double *direction, const Memory *m, const double *g, mb_size count) {
  double part[PAIRS];
  for (mb_size i = 0; i < count; i++) direction[i] = -g[i];
  for (mb_size k = 0; k < m->kept; k++) {
    const mb_size slot = (m->next - 1 - k) % PAIRS;
    const double *s = m->s + slot * count, *y = m->y + slot * count;
    part[slot] = m->rho[slot] * dot(s, direction, count);
    for (mb_size i = 0; i < count; i++) direction[i] -= part[slot] * y[i];
  }
  if (m->kept == 0) return;
  const mb_size newest = (m->next - 1) % PAIRS;
  const double *last = m->y + newest * count, scale = 1 / (m->rho[newest] * dot(last, last, count));
  for (mb_size i = 0; i < count; i++) direction[i] *= scale;
  for (mb_size k = m->kept - 1; k >= 0; k--) {
    const mb_size slot = (m->next - 1 - k) % PAIRS;
    const double *s = m->s + slot * count, *y = m->y + slot * count;
    const double back = part[slot] - m->rho[slot] * dot(y, direction, count);
    for (mb_size i = 0; i < count; i++) direction[i] += back * s[i];
  }
}

mb_size mb_lbfgs(double *x, void *scratch, mb_objective objective, void *context, mb_size count,
                 double tolerance, mb_size most) {
  double *g = scratch, *direction = g + count, *trial = direction + count, *new_g = trial + count;
  Memory memory = {.s = new_g + count, .y = new_g + count + PAIRS * count};
  double value = objective(g, x, context);
  for (mb_size iteration = 0; iteration < most; iteration++) {
    if (!(largest(g, count) > tolerance)) return iteration;
    direct(direction, &memory, g, count);
    Line line = {objective, context, count, x, direction, trial, new_g};
    const double first = memory.kept > 0 ? 1 : fmin(1, 1 / largest(g, count));
    const double new_value = search(&line, value, dot(g, direction, count), first);
    if (isnan(new_value)) {
      if (memory.kept == 0) return iteration;
      memory.kept = 0; /* begin again along the gradient */
      continue;
    }
    remember(&memory, trial, new_g, x, g, count);
    memcpy(x, trial, (size_t)count * sizeof *x);
    memcpy(g, new_g, (size_t)count * sizeof *g);
    value = new_value;
  }
  return most;
}
