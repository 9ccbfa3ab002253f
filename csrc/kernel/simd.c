/* simd.c - the choice among the instruction sets that simd.h is compiled for. */
#include "simd_table.h"

#include <math.h>

mb_real mb_cosines[MB_MAX_FFT], mb_sines[MB_MAX_FFT];

__attribute__((constructor)) static void fill_angles(void) {
  for (int k = 0; k < MB_MAX_FFT; k++) {
    const double angle = 2 * 3.14159265358979323846 * k / MB_MAX_FFT;
    mb_cosines[k] = (mb_real)cos(angle);
    mb_sines[k] = (mb_real)sin(angle);
  }
}

static bool has(const mb_simd *simd) {
#ifdef MB_CHOOSES_SET
  if (simd == &mb_simd_v4) return __builtin_cpu_supports("x86-64-v4");
  if (simd == &mb_simd_v3) return __builtin_cpu_supports("x86-64-v3");
#endif
  return simd == &mb_simd_base;
}

static const mb_simd *const sets[] = {
#ifdef MB_CHOOSES_SET
    &mb_simd_v4, &mb_simd_v3,
#endif
    &mb_simd_base};
#define SETS ((int)(sizeof sets / sizeof sets[0]))

static const mb_simd *used = &mb_simd_base;
static bool halves_cost_less = true;

__attribute__((constructor)) static void use_best(void) {
#ifdef MB_CHOOSES_SET
  __builtin_cpu_init();
#endif
  for (int set = 0; set < SETS && !mb_use_simd(set); set++) continue;
}

bool mb_use_simd(int set) {
  if (set >= SETS || !has(sets[set])) return false;
  used = sets[set];
#ifdef MB_CHOOSES_SET
  halves_cost_less = used->lanes < MB_MAX_LANES || !__builtin_cpu_is("intel");
#endif
  return true;
}

const mb_simd *mb_simd_here(void) {
  return used;
}

bool mb_halves_cost_less(void) {
  return halves_cost_less;
}
