/* gradient.h - the chain rule at a point, with infinities. */
#ifndef MB_GRADIENT_H
#define MB_GRADIENT_H

#include "internal.h"

/* A gradient times a derivative: 0 where either is 0, whatever the other. What does not depend on x passes
 * nothing back to it, also where the derivative is infinite or not defined (the square root at 0), and what
 * does not move passes nothing on of an infinite gradient. */
static inline mb_real mb_chain(mb_real dy, mb_real derivative) {
  const mb_real product = dy * derivative;
  return ((dy == 0) | (derivative == 0)) ? 0 : product;
}

/* A (leaky) ReLU of z below 0, and its gradient there: 0 where the slope is 0, also of infinities. */
static inline mb_real mb_below(mb_real slope, mb_real z) {
  return slope == 0 ? 0 : slope * z;
}

#endif
