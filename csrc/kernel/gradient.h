/* gradient.h - the chain rule at a point, with infinities. */
#ifndef MB_GRADIENT_H
#define MB_GRADIENT_H

#include "internal.h"

/* A gradient times a derivative: 0 if either is 0, whatever the other. A result that does not matter passes
 * nothing back, even if the derivative is infinite or undefined (the square root at 0), and a derivative of 0
 * passes nothing of an infinite gradient. */
static inline mb_real mb_chain(mb_real dy, mb_real derivative) {
  const mb_real product = dy * derivative;
  return ((dy == 0) | (derivative == 0)) ? 0 : product;
}

/* A (leaky) ReLU of z below 0, and its gradient there: 0 if the slope is 0, even for infinities. */
static inline mb_real mb_below(mb_real slope, mb_real z) {
  return slope == 0 ? 0 : slope * z;
}

#endif
