/* lanes_v3.c - the vector code of lanes.h for x86-64 processors with AVX2. */
#include "internal.h"

#ifdef MB_CHOOSES_SET
#pragma GCC target("arch=x86-64-v3")
#define SET      mb_lanes_v3
#define REGISTER 32
#define PANEL    2
#include "lanes.h"
#endif
