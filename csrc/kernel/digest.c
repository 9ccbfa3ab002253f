/* digest.c - 64 bits that stand for bytes: XXH64 (Collet 2012, github.com/Cyan4973/xxHash). It is several
 * times faster than memory-bound code needs, and every bit of the input reaches every bit of the result. It
 * guards against accidents, not against somebody who looks for two inputs of one digest. */
#include "internal.h"

#include <string.h>

#define P1 0x9E3779B185EBCA87u
#define P2 0xC2B2AE3D27D4EB4Fu
#define P3 0x165667B19E3779F9u
#define P4 0x85EBCA77C2B2AE63u
#define P5 0x27D4EB2F165667C5u

static uint64_t rotate(uint64_t x, int bits) {
  return x << bits | x >> (64 - bits);
}

static uint64_t word(const unsigned char *bytes) {
  uint64_t x;
  memcpy(&x, bytes, sizeof x);
  return x;
}

static uint64_t half_word(const unsigned char *bytes) {
  uint32_t x;
  memcpy(&x, bytes, sizeof x);
  return x;
}

static uint64_t mix(uint64_t lane, uint64_t x) {
  return rotate(lane + x * P2, 31) * P1;
}

static uint64_t join(uint64_t digest, uint64_t lane) {
  return (digest ^ mix(0, lane)) * P1 + P4;
}

static uint64_t finish(uint64_t digest) {
  digest = (digest ^ digest >> 33) * P2;
  digest = (digest ^ digest >> 29) * P3;
  return digest ^ digest >> 32;
}

/* Four lanes of 8 bytes at a time; *bytes moves past them. */
static uint64_t digest_stripes(const unsigned char **bytes, const unsigned char *end, uint64_t seed) {
  uint64_t a = seed + P1 + P2, b = seed + P2, c = seed, d = seed - P1;
  for (; end - *bytes >= 32; *bytes += 32) {
    a = mix(a, word(*bytes));
    b = mix(b, word(*bytes + 8));
    c = mix(c, word(*bytes + 16));
    d = mix(d, word(*bytes + 24));
  }
  const uint64_t digest = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
  return join(join(join(join(digest, a), b), c), d);
}

uint64_t mb_digest(const void *data, size_t count, uint64_t seed) {
  const unsigned char *bytes = data, *end = bytes + count;
  uint64_t digest = count >= 32 ? digest_stripes(&bytes, end, seed) : seed + P5;
  digest += count;
  for (; end - bytes >= 8; bytes += 8) digest = rotate(digest ^ mix(0, word(bytes)), 27) * P1 + P4;
  for (; end - bytes >= 4; bytes += 4) digest = rotate(digest ^ half_word(bytes) * P1, 23) * P2 + P3;
  for (; bytes < end; bytes++) digest = rotate(digest ^ *bytes * P5, 11) * P1;
  return finish(digest);
}
