/* random_pcg64.h - PCG64 (O'Neill 2014): a 128-bit linear congruence, output by XSL-RR. */
#ifndef MB_RANDOM_PCG64_H
#define MB_RANDOM_PCG64_H

#include "internal.h"

typedef unsigned __int128 Wide;

#define MULTIPLIER ((Wide)0x2360ed051fc65da4ULL << 64 | 0x4385df649fccf645ULL)

static inline Wide wide(const uint64_t half[2]) {
  return (Wide)half[1] << 64 | half[0];
}

static inline void narrow(uint64_t half[2], Wide value) {
  half[0] = (uint64_t)value;
  half[1] = (uint64_t)(value >> 64);
}

static inline uint64_t draw_of(Wide state) {
  const uint64_t folded = (uint64_t)(state >> 64) ^ (uint64_t)state;
  const unsigned turn = (unsigned)(state >> 122);
  return folded >> turn | folded << (-turn & 63);
}

static inline uint64_t next(mb_rng *rng) {
  const Wide state = wide(rng->state) * MULTIPLIER + wide(rng->increment);
  narrow(rng->state, state);
  return draw_of(state);
}

#endif
