/* simd_v4.c - the vector code of simd.h for x86-64 processors with AVX-512. */
#include "simd_table.h"

#ifdef MB_CHOOSES_SET
#pragma GCC target("arch=x86-64-v4")
#define SET          mb_simd_v4
#define REGISTER     64
#define TILE_VECTORS 4
#include "simd.h"
#endif
