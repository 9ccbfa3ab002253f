/* lanes_windows.h - bias, pooling and ReLU while rows are in the cache, and the way back. Part of lanes.h. */

typedef uint8_t Bytes __attribute__((vector_size(REGISTER / sizeof(mb_real)), aligned(1), may_alias));

MB_INLINE Vec choose(Mask mask, Vec a, Vec b) {
  return (Vec)(((Mask)a & mask) | ((Mask)b & ~mask));
}

/* The largest of pool rows; NaN counts as the maximum, and relu lets it through. */
MB_INLINE void finish(mb_real *y, uint8_t *winners, const mb_real *rows, mb_size ld, Vec b,
                      const mb_size pool, const bool relu, const mb_real slope) {
  Vec best = load(rows);
  Mask at = {0};
  for (mb_size k = 1; k < pool; k++) {
    const Vec value = load(rows + k * ld);
    const Mask wins = ~(value <= best) & (best == best);
    best = choose(wins, value, best);
    at = (wins & ((Mask){0} + (int)k)) | (at & ~wins);
  }
  best += b;
  Vec below = best * slope;
  if (slope == 0) below = (Vec){0}; /* also of infinities */
  store(y, relu ? choose(best < 0, below, best) : best);
  if (relu) at |= (best <= 0) & MB_NO_WINNER;
  if (winners) *(Bytes *)winners = __builtin_convertvector(at, Bytes);
}

MB_INLINE void finish_windows(mb_real *y, uint8_t *winners, const mb_real *rows, mb_size ld, mb_size count,
                              mb_size columns, const mb_real *b, const mb_conv1d *s, const mb_size pool,
                              const bool relu, const mb_real slope) {
  for (mb_size c = 0; c + LANES <= columns; c += LANES) {
    const Vec bias = b ? load(b + c) : (Vec){0};
    for (mb_size j = 0; j < count; j++)
      finish(y + j * s->F + c, winners ? winners + j * s->F + c : NULL, rows + j * s->pool_stride * ld + c,
             ld, bias, pool, relu, slope);
  }
  const mb_size c = columns / LANES * LANES, rest = columns - c;
  if (rest == 0) return;
  Vec bias = {0};
  if (b) memcpy(&bias, b + c, sizeof(mb_real) * (size_t)rest);
  for (mb_size j = 0; j < count; j++) {
    mb_real y_wide[LANES];
    uint8_t winners_wide[LANES];
    finish(y_wide, winners_wide, rows + j * s->pool_stride * ld + c, ld, bias, pool, relu, slope);
    memcpy(y + j * s->F + c, y_wide, sizeof(mb_real) * (size_t)rest);
    if (winners) memcpy(winners + j * s->F + c, winners_wide, (size_t)rest);
  }
}

static void finish_all(mb_real *y, uint8_t *winners, const mb_real *rows, mb_size ld, mb_size count,
                       mb_size columns, const mb_real *b, const mb_conv1d *s) {
#define POOL(size, relu, slope) finish_windows(y, winners, rows, ld, count, columns, b, s, size, relu, slope)
  switch (s->relu && s->slope == 0 ? s->pool : 0) { /* the usual ones with a constant number of steps */
  case 1: POOL(1, true, 0); break;
  case 2: POOL(2, true, 0); break;
  case 3: POOL(3, true, 0); break;
  default: POOL(s->pool, s->relu, s->slope); break;
  }
#undef POOL
}

/* The rows of a window, the first being row, get dy where they won. */
MB_INLINE void fetch(mb_real *buffer, mb_size ld, Vec dy, Mask at, mb_size row, mb_size count, mb_size pool) {
  for (mb_size k = 0; k < pool; k++)
    if (row + k >= 0 && row + k < count) {
      mb_real *to = buffer + (row + k) * ld;
      store(to, load(to) + choose(at == (int)k, dy, (Vec){0}));
    }
}

static void fetch_all(mb_real *buffer, mb_size ld, const mb_real *dy, const uint8_t *winners, mb_size first,
                      mb_size count, mb_size columns, const mb_conv1d *s) {
  const mb_size begin = mb_ceil_div(mb_max(first - s->pool + 1, 0), s->pool_stride);
  const mb_size end = mb_min((mb_max(first + count - 1, -1) + s->pool_stride) / s->pool_stride, s->L_pool);
  const mb_size whole = columns / LANES * LANES;
  for (mb_size j = begin; j < end; j++) {
    const mb_size at = j * s->F, row = j * s->pool_stride - first;
    for (mb_size c = 0; c < whole; c += LANES) {
      const Bytes bytes = *(const Bytes *)(winners + at + c);
      fetch(buffer + c, ld, load(dy + at + c), __builtin_convertvector(bytes, Mask), row, count, s->pool);
    }
    for (mb_size c = whole; c < columns; c++) {
      const mb_size winner = row + winners[at + c];
      if (winners[at + c] != MB_NO_WINNER && winner >= 0 && winner < count)
        buffer[winner * ld + c] += dy[at + c];
    }
  }
}
