/* pool1d.c - maximum and average over the windows of a spectrum. */
#include "internal.h"

#include <string.h>

/* A block is a row of results that one loop computes in vectors: channels of one window or, if there is one
 * channel, neighbouring windows that lie inside the input. */
#define WIDTH 64

typedef struct {
  mb_size t, c, end;   /* window and channel of the first result; windows stop before end */
  mb_size in, out;     /* where the first window starts in the sample, and its result */
  mb_size taps;        /* points of each window that are inside, s->C apart */
  mb_size width, step; /* results, and the distance of their windows */
} Block;

static void lay_out(Block *b, const mb_pool1d *s) {
  const mb_size start = b->t * s->stride - s->pad_left;
  const mb_size first = mb_max(start, 0), last = mb_min(start + s->size, s->L);
  b->in = first * s->C + b->c;
  b->out = b->t * s->C + b->c;
  b->taps = last - first;
  b->width = mb_min(WIDTH, s->C - b->c);
  b->step = 1;
  if (s->C == 1 && b->taps == s->size) {
    b->width = mb_min(mb_min(WIDTH, b->end - b->t), (s->L - last) / s->stride + 1);
    b->step = s->stride;
  }
}

static Block first_block(const mb_pool1d *s, mb_size t, mb_size end) {
  Block b = {.t = t, .end = end};
  if (t < end) lay_out(&b, s);
  return b;
}

static void next_block(Block *b, const mb_pool1d *s) {
  if (s->C == 1)
    b->t += b->width;
  else if ((b->c += b->width) == s->C)
    b->c = 0, b->t++;
  if (b->t < b->end) lay_out(b, s);
}

/* Each sample is cut into parts of rows if there are few samples, but not so that windows would mostly
 * straddle parts. */
#define ITEMS_MIN 32

typedef struct {
  mb_size count, per_sample, rows;
} Items;

static Items cut(const mb_pool1d *s, mb_size rows) {
  const mb_size samples = mb_max(s->N, 1);
  const mb_size wanted = mb_min(mb_ceil_div(ITEMS_MIN, samples), mb_ceil_div(s->L * s->C, MB_BLOCK));
  const mb_size possible = mb_max(s->L_out * s->stride / s->size, 1);
  const mb_size each = mb_ceil_div(rows, mb_min(wanted, possible)), per_sample = mb_ceil_div(rows, each);
  return (Items){.count = s->N * per_sample, .per_sample = per_sample, .rows = each};
}

/* forward (y, x, s, first window, end) of one sample */
typedef void (*windows_function)(mb_real *, const mb_real *, const mb_pool1d *, mb_size, mb_size);

static int threads_for(const mb_pool1d *s) {
  return mb_threads_for(s->N * s->L_out * mb_min(s->size, s->L) * s->C);
}

static void each_output(windows_function forward, mb_real *y, const mb_real *x, const mb_pool1d *s) {
  const Items items = cut(s, s->L_out);
  MB_FOR(threads_for(s), i, items.count, 1, {
    const mb_size n = i / items.per_sample, t = i % items.per_sample * items.rows;
    forward(y + n * s->L_out * s->C, x + n * s->L * s->C, s, t, mb_min(t + items.rows, s->L_out));
  });
}

/* backward (dx, dy, x, s, first row, end) of one sample: sets these rows of dx and no others, so that threads
 * never add to the same place. */
typedef void (*rows_function)(mb_real *, const mb_real *, const mb_real *, const mb_pool1d *, mb_size,
                              mb_size);

static void each_input(rows_function backward, mb_real *dx, const mb_real *dy, const mb_real *x,
                       const mb_pool1d *s) {
  const Items items = cut(s, s->L);
  MB_FOR(threads_for(s), i, items.count, 1, {
    const mb_size n = i / items.per_sample, row = i % items.per_sample * items.rows;
    const mb_size input = n * s->L * s->C;
    backward(dx + input, dy + n * s->L_out * s->C, x ? x + input : NULL, s, row,
             mb_min(row + items.rows, s->L));
  });
}

/* The windows that reach rows low .. high - 1. */
static mb_size first_window(const mb_pool1d *s, mb_size low) {
  return mb_ceil_div(mb_max(low + s->pad_left - s->size + 1, 0), s->stride);
}

static mb_size end_window(const mb_pool1d *s, mb_size high) {
  return mb_min((high - 1 + s->pad_left) / s->stride + 1, s->L_out);
}

/* ---- maximum -------------------------------------------------------------------------- */

MB_INLINE void greatest(mb_real *y, const mb_real *x, mb_size taps, mb_size tap_step, mb_size width,
                        mb_size step) {
  for (mb_size i = 0; i < width; i++) y[i] = x[i * step];
  for (mb_size k = 1; k < taps; k++)
    for (mb_size i = 0; i < width; i++) {
      const mb_real value = x[k * tap_step + i * step];
      y[i] = ((value > y[i]) | (value != value)) ? value : y[i];
    }
}

MB_CLONES static void max_windows(mb_real *y, const mb_real *x, const mb_pool1d *s, mb_size t, mb_size end) {
  for (Block b = first_block(s, t, end); b.t < end; next_block(&b, s))
    if (b.step == 1)
      greatest(y + b.out, x + b.in, b.taps, s->C, b.width, 1);
    else
      greatest(y + b.out, x + b.in, b.taps, s->C, b.width, b.step);
}

void mb_max_pool1d_forward(mb_real *y, const mb_real *x, const mb_pool1d *s) {
  each_output(max_windows, y, x, s);
}

/* at[i] = the tap with the first maximum, or with the first NaN. */
MB_INLINE void find_greatest(int32_t *at, const mb_real *x, mb_size taps, mb_size tap_step, mb_size width,
                             mb_size step) {
  mb_real best[WIDTH];
  for (mb_size i = 0; i < width; i++) best[i] = x[i * step], at[i] = 0;
  for (mb_size k = 1; k < taps; k++)
    for (mb_size i = 0; i < width; i++) {
      const mb_real value = x[k * tap_step + i * step];
      const bool wins = !(value <= best[i]) & (best[i] == best[i]);
      best[i] = wins ? value : best[i];
      at[i] = wins ? (int32_t)k : at[i];
    }
}

MB_CLONES static void max_rows(mb_real *dx, const mb_real *dy, const mb_real *x, const mb_pool1d *s,
                               mb_size low, mb_size high) {
  const mb_size from = low * s->C, to = high * s->C;
  memset(dx + from, 0, sizeof(mb_real) * (size_t)(to - from));
  const mb_size end = end_window(s, high);
  for (Block b = first_block(s, first_window(s, low), end); b.t < end; next_block(&b, s)) {
    int32_t at[WIDTH];
    if (b.step == 1)
      find_greatest(at, x + b.in, b.taps, s->C, b.width, 1);
    else
      find_greatest(at, x + b.in, b.taps, s->C, b.width, b.step);
    for (mb_size i = 0; i < b.width; i++) {
      const mb_size place = b.in + i * b.step + at[i] * s->C;
      if (place >= from && place < to) dx[place] += dy[b.out + i];
    }
  }
}

void mb_max_pool1d_backward(mb_real *dx, const mb_real *dy, const mb_real *x, const mb_pool1d *s) {
  if (!dx) return;
  each_input(max_rows, dx, dy, x, s);
}

/* ---- average -------------------------------------------------------------------------- */

MB_INLINE void average(mb_real *y, const mb_real *x, mb_size taps, mb_size tap_step, mb_size width,
                       mb_size step) {
  double sum[WIDTH];
  for (mb_size i = 0; i < width; i++) sum[i] = 0;
  for (mb_size k = 0; k < taps; k++)
    for (mb_size i = 0; i < width; i++) sum[i] += (double)x[k * tap_step + i * step];
  for (mb_size i = 0; i < width; i++) y[i] = (mb_real)(sum[i] / (double)taps);
}

MB_CLONES static void avg_windows(mb_real *y, const mb_real *x, const mb_pool1d *s, mb_size t, mb_size end) {
  for (Block b = first_block(s, t, end); b.t < end; next_block(&b, s))
    if (b.step == 1)
      average(y + b.out, x + b.in, b.taps, s->C, b.width, 1);
    else
      average(y + b.out, x + b.in, b.taps, s->C, b.width, b.step);
}

void mb_avg_pool1d_forward(mb_real *y, const mb_real *x, const mb_pool1d *s) {
  each_output(avg_windows, y, x, s);
}

MB_CLONES static void avg_rows(mb_real *dx, const mb_real *dy, const mb_real *x, const mb_pool1d *s,
                               mb_size low, mb_size high) {
  (void)x;
  const mb_size C = s->C, end = end_window(s, high);
  memset(dx + low * C, 0, sizeof(mb_real) * (size_t)((high - low) * C));
  for (mb_size t = first_window(s, low); t < end; t++) {
    const mb_size first = mb_max(t * s->stride - s->pad_left, 0);
    const mb_size last = mb_min(t * s->stride - s->pad_left + s->size, s->L);
    const mb_real share = 1 / (mb_real)(last - first);
    for (mb_size l = mb_max(first, low); l < mb_min(last, high); l++)
      for (mb_size c = 0; c < C; c++) dx[l * C + c] += dy[t * C + c] * share;
  }
}

void mb_avg_pool1d_backward(mb_real *dx, const mb_real *dy, const mb_pool1d *s) {
  if (!dx) return;
  each_input(avg_rows, dx, dy, NULL, s);
}
