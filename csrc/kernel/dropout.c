/* dropout.c - dropout (Srivastava et al. 2014), from two elements of each draw of a generator. */
#include "random_pcg64.h"

#include <math.h>
#include <string.h>

/* kept = 1 for each half of the next draws, the lower one first, whose upper 24 bits are at least `dropped`.
 * Each draw waits for the product of the one before it; STREAMS interleaved streams, which step by STREAMS
 * draws, wait side by side. */
#define STREAMS 4
static void draw_kept(uint8_t *kept, mb_rng stream, uint32_t dropped, mb_size count) {
  const Wide square = MULTIPLIER * MULTIPLIER, factor = square * square;
  const Wide offset = wide(stream.increment) * (1 + MULTIPLIER) * (1 + square);
  Wide state[STREAMS];
  for (int k = 0; k < STREAMS; k++) {
    next(&stream);
    state[k] = wide(stream.state);
  }
  for (mb_size i = 0; i < count; i += 2 * STREAMS) {
    uint8_t some[2 * STREAMS];
    for (int k = 0; k < STREAMS; k++) {
      const uint64_t draw = draw_of(state[k]);
      some[2 * k] = (uint32_t)draw >> 8 >= dropped;
      some[2 * k + 1] = (uint32_t)(draw >> 32) >> 8 >= dropped;
      state[k] = state[k] * factor + offset;
    }
    if (count - i >= 2 * STREAMS)
      memcpy(kept + i, some, sizeof some);
    else
      memcpy(kept + i, some, (size_t)(count - i));
  }
}

MB_CLONES static void pass_kept(mb_real *restrict dx, const mb_real *restrict dy,
                                const uint8_t *restrict kept, mb_real scale, mb_size count) {
  for (mb_size i = 0; i < count; i++) {
    const mb_real scaled = dy[i] * scale;
    dx[i] = kept[i] ? scaled : 0;
  }
}

uint64_t mb_dropout_draws(mb_size count) {
  return (uint64_t)count / 2 + (uint64_t)count % 2;
}

void mb_dropout(mb_real *y, uint8_t *kept, const mb_real *x, mb_real rate, const mb_rng *rng, mb_size count) {
  const uint32_t dropped =
      (uint32_t)ceil((double)rate * 0x1p24); /* in units of the last bit of a float in 0..1 */
#pragma omp parallel for num_threads(mb_threads_for(count))
  for (mb_size block = 0; block < mb_ceil_div(count, MB_BLOCK); block++) {
    const mb_size first = block * MB_BLOCK, length = mb_min(MB_BLOCK, count - first);
    uint8_t unasked[MB_BLOCK], *const here = kept ? kept + first : unasked;
    mb_rng stream = *rng;
    mb_rng_advance(&stream, mb_dropout_draws(first));
    draw_kept(here, stream, dropped, length);
    pass_kept(y + first, x + first, here, 1 / (1 - rate), length);
  }
}

void mb_dropout_backward(mb_real *dx, const mb_real *dy, const uint8_t *kept, mb_real rate, mb_size count) {
  if (!dx) return;
  MB_FOR(mb_threads_for(count), first, count, MB_BLOCK, {
    pass_kept(dx + first, dy + first, kept + first, 1 / (1 - rate), mb_min(MB_BLOCK, count - first));
  });
}
