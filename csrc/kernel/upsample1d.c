/* upsample1d.c - more points along the length: each repeated, or on lines between neighbours. */
#include "internal.h"

/* Result t is (1 - share) x[low] + share x[high]. */
typedef struct {
  mb_size low, high;
  mb_real share;
} Taps;

/* Points are the middles of intervals of equal length; results beyond the first and last of x have their
 * values. */
static Taps taps_of(mb_size t, const mb_upsample1d *s) {
  if (!s->is_linear) return (Taps){t / s->factor, t / s->factor, 0};
  const mb_size twice = mb_max(2 * t + 1 - s->factor, 0), low = twice / (2 * s->factor);
  const mb_real share = (mb_real)(twice % (2 * s->factor)) / (mb_real)(2 * s->factor);
  return (Taps){low, mb_min(low + 1, s->L - 1), share};
}

MB_CLONES static void blend_row(mb_real *restrict y, const mb_real *restrict low,
                                const mb_real *restrict high, mb_real share, mb_size C) {
  for (mb_size c = 0; c < C; c++) y[c] = low[c] + share * (high[c] - low[c]);
}

MB_CLONES static void add_row(mb_real *restrict dx, mb_real share, const mb_real *restrict dy, mb_size C) {
  for (mb_size c = 0; c < C; c++) dx[c] += share * dy[c];
}

void mb_upsample1d_forward(mb_real *y, const mb_real *x, const mb_upsample1d *s) {
  const mb_size L_out = s->L * s->factor, C = s->C;
  MB_FOR(mb_threads_for(s->N * L_out * C), i, s->N * L_out, 1, {
    const Taps taps = taps_of(i % L_out, s);
    const mb_real *from = x + i / L_out * s->L * C;
    blend_row(y + i * C, from + taps.low * C, from + taps.high * C, taps.share, C);
  });
}

void mb_upsample1d_backward(mb_real *dx, const mb_real *dy, const mb_upsample1d *s) {
  if (!dx) return;
  const mb_size L_out = s->L * s->factor, C = s->C;
  MB_FOR(mb_threads_for(s->N * L_out * C), n, s->N, 1, {
    mb_real *to = dx + n * s->L * C;
    for (mb_size i = 0; i < s->L * C; i++) to[i] = 0;
    for (mb_size t = 0; t < L_out; t++) {
      const Taps taps = taps_of(t, s);
      const mb_real *from = dy + (n * L_out + t) * C;
      add_row(to + taps.low * C, 1 - taps.share, from, C);
      if (taps.share > 0) add_row(to + taps.high * C, taps.share, from, C);
    }
  });
}
