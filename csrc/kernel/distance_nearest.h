/* distance_nearest.h - lists of the k nearest, in order of distance and, of equal ones, of index. */
#ifndef MB_NEAREST_H
#define MB_NEAREST_H

#include "internal.h"

/* Puts row i at distance d into a list of at most k, if it belongs there. */
void mb_nearest_insert(mb_real *distance, mb_size *index, mb_size *found, mb_size k, mb_real d, mb_size i);

#endif
