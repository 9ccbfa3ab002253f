/* lanes.c - the vector code of lanes.h for each instruction set, and the choice among them. */
#include "conv1d.h"

#include <math.h>
#include <string.h>

#ifdef MB_DOUBLE
typedef int64_t mb_integer; /* as wide as mb_real */
#else
typedef int32_t mb_integer;
#endif

static mb_real mb_cosines[MB_CIRCLE], mb_sines[MB_CIRCLE]; /* of 2 pi k / MB_CIRCLE */

__attribute__((constructor)) static void fill_circle(void) {
  for (int k = 0; k < MB_CIRCLE; k++) {
    const double angle = 2 * 3.14159265358979323846 * k / MB_CIRCLE;
    mb_cosines[k] = (mb_real)cos(angle);
    mb_sines[k] = (mb_real)sin(angle);
  }
}

/* Rows of a register tile: with PANEL vectors each, this fills most of the registers of each set. */
#define PRODUCT_ROWS 6

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(MB_NO_CLONES)
#define CHOOSE_AT_RUN_TIME
#endif

#ifdef CHOOSE_AT_RUN_TIME
#pragma GCC push_options
#pragma GCC target("arch=x86-64-v4")
#define ISA(name) name##_v4
#define REGISTER  64
#define PANEL     4
#include "lanes.h"
#undef ISA
#undef REGISTER
#undef PANEL
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("arch=x86-64-v3")
#define ISA(name) name##_v3
#define REGISTER  32
#define PANEL     2
#include "lanes.h"
#undef ISA
#undef REGISTER
#undef PANEL
#pragma GCC pop_options
#endif

/* What every processor of this kind has, or what the compiler was told to use. */
#define ISA(name) name##_base
#if defined(__AVX512F__)
#define REGISTER 64
#define PANEL    4
#elif defined(__AVX2__)
#define REGISTER 32
#define PANEL    2
#elif defined(__aarch64__)
#define REGISTER 16
#define PANEL    4
#else
#define REGISTER 16
#define PANEL    2
#endif
#include "lanes.h"

static bool has(const mb_lanes *lanes) {
#ifdef CHOOSE_AT_RUN_TIME
  if (lanes == &functions_v4)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
  if (lanes == &functions_v3) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
  return lanes == &functions_base;
}

static const mb_lanes *const sets[] = {
#ifdef CHOOSE_AT_RUN_TIME
    &functions_v4, &functions_v3,
#endif
    &functions_base};
#define SETS ((int)(sizeof sets / sizeof sets[0]))

static const mb_lanes *used = &functions_base;

__attribute__((constructor)) static void use_best(void) {
#ifdef CHOOSE_AT_RUN_TIME
  __builtin_cpu_init();
#endif
  for (int set = 0; set < SETS && !mb_use_lanes(set); set++) continue;
}

bool mb_use_lanes(int set) {
  if (set >= SETS || !has(sets[set])) return false;
  used = sets[set];
  return true;
}

const mb_lanes *mb_lanes_here(void) {
  return used;
}
