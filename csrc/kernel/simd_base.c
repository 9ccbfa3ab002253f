/* simd_base.c - the vector code of simd.h for what every processor of this kind has, or what the compiler
 * was told to use. */
#define SET mb_simd_base
#if defined(__AVX512F__)
#define REGISTER     64
#define TILE_VECTORS 4
#elif defined(__AVX2__) && defined(__FMA__)
#define REGISTER     32
#define TILE_VECTORS 2
#elif defined(__aarch64__)
#define REGISTER     16
#define TILE_VECTORS 4
#else
#define REGISTER     16
#define TILE_VECTORS 2
#endif
#include "simd.h"
