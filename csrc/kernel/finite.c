/* finite.c - finds NaN and infinity in an array. */
#include "internal.h"

#include <math.h>

/* x 0 differs from 0 exactly if x is not finite. */
MB_CLONES static bool is_finite_part(const mb_real *x, mb_size count) {
  mb_real sum = 0;
#pragma omp simd reduction(+ : sum)
  for (mb_size i = 0; i < count; i++) sum += x[i] * 0;
  return sum == 0;
}

/* Returns the number of the first block of x that is not finite; if all are, the number of blocks. */
static mb_size first_non_finite_block(const mb_real *x, mb_size count) {
  const mb_size blocks = mb_ceil_div(count, MB_BLOCK);
  mb_size first = blocks;
  if (blocks == 1) return is_finite_part(x, count) ? 1 : 0; /* see MB_FOR */
#pragma omp parallel for reduction(min : first) num_threads(mb_threads_for(count))
  for (mb_size b = 0; b < blocks; b++)
    if (!is_finite_part(x + b * MB_BLOCK, mb_min(MB_BLOCK, count - b * MB_BLOCK))) first = mb_min(first, b);
  return first;
}

mb_size mb_find_non_finite(const mb_real *x, mb_size count) {
  for (mb_size i = first_non_finite_block(x, count) * MB_BLOCK; i < count; i++)
    if (!isfinite(x[i])) return i;
  return -1;
}

MB_CLONES static mb_real squares_of_part(const mb_real *x, mb_size count) {
  mb_real sum = 0;
#pragma omp simd reduction(+ : sum)
  for (mb_size i = 0; i < count; i++) sum += x[i] * x[i];
  return sum;
}

bool mb_has_finite_squares(const mb_real *x, mb_size count) {
  const mb_size blocks = mb_ceil_div(count, MB_BLOCK);
  mb_real sum = 0;
#pragma omp parallel for reduction(+ : sum) num_threads(mb_threads_for(count))
  for (mb_size b = 0; b < blocks; b++)
    sum += squares_of_part(x + b * MB_BLOCK, mb_min(MB_BLOCK, count - b * MB_BLOCK));
  return isfinite(sum);
}
