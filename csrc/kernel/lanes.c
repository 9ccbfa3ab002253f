/* lanes.c - the choice among the instruction sets that lanes.h is compiled for. */
#include "internal.h"

#include <math.h>

mb_real mb_cosines[MB_CIRCLE], mb_sines[MB_CIRCLE];

__attribute__((constructor)) static void fill_circle(void) {
  for (int k = 0; k < MB_CIRCLE; k++) {
    const double angle = 2 * 3.14159265358979323846 * k / MB_CIRCLE;
    mb_cosines[k] = (mb_real)cos(angle);
    mb_sines[k] = (mb_real)sin(angle);
  }
}

static bool has(const mb_lanes *lanes) {
#ifdef MB_CHOOSES_SET
  if (lanes == &mb_lanes_v4) return __builtin_cpu_supports("x86-64-v4");
  if (lanes == &mb_lanes_v3) return __builtin_cpu_supports("x86-64-v3");
#endif
  return lanes == &mb_lanes_base;
}

static const mb_lanes *const sets[] = {
#ifdef MB_CHOOSES_SET
    &mb_lanes_v4, &mb_lanes_v3,
#endif
    &mb_lanes_base};
#define SETS ((int)(sizeof sets / sizeof sets[0]))

static const mb_lanes *used = &mb_lanes_base;
static bool halves_cost_less = true;

__attribute__((constructor)) static void use_best(void) {
#ifdef MB_CHOOSES_SET
  __builtin_cpu_init();
#endif
  for (int set = 0; set < SETS && !mb_use_lanes(set); set++) continue;
}

bool mb_use_lanes(int set) {
  if (set >= SETS || !has(sets[set])) return false;
  used = sets[set];
#ifdef MB_CHOOSES_SET
  halves_cost_less = used->lanes < MB_LANES_MOST || !__builtin_cpu_is("intel");
#endif
  return true;
}

const mb_lanes *mb_lanes_here(void) {
  return used;
}

bool mb_halves_cost_less(void) {
  return halves_cost_less;
}
