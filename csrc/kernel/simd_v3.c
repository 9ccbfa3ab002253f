/* simd_v3.c - the vector code of simd.h for x86-64 processors with AVX2. */
#include "simd_table.h"

#ifdef MB_CHOOSES_SET
#pragma GCC target("arch=x86-64-v3")
#define SET          mb_simd_v3
#define REGISTER     32
#define TILE_VECTORS 2
#include "simd.h"
#endif
