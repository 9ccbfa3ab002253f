/* lbfgs.h - the minimum of a smooth function (lbfgs.c). */
#ifndef MB_LBFGS_H
#define MB_LBFGS_H

#include "internal.h"

/* Returns f(x), and its gradient in g (count). */
typedef double (*mb_objective)(double *g, const double *x, void *context);

size_t mb_lbfgs_scratch_count(mb_size count); /* doubles */

/* Moves x (count) to a minimum, until no element of the gradient is larger than tolerance, or after `most`
 * iterations; returns their number. L-BFGS with ten pairs (Nocedal 1980; Liu and Nocedal 1989), steps that
 * fulfil the strong Wolfe conditions. */
mb_size mb_lbfgs(double *x, void *scratch, mb_objective objective, void *context, mb_size count,
                 double tolerance, mb_size most);

#endif
