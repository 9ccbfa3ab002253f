/* simd_epilogue.h - bias, pooling and ReLU while rows are in the cache, and the way back. Part of simd.h. */

typedef uint8_t Bytes __attribute__((vector_size(REGISTER / sizeof(mb_real)), aligned(1), may_alias));
typedef uint16_t Pairs __attribute__((vector_size(2 * REGISTER / sizeof(mb_real))));

/* In two steps: compilers make one step of four times the width out of single bytes. */
MB_INLINE Mask widen(const uint8_t *bytes) {
  return __builtin_convertvector(__builtin_convertvector(*(const Bytes *)bytes, Pairs), Mask);
}

MB_INLINE void narrow(uint8_t *bytes, Mask values) {
  const bool one_step = REGISTER == 64; /* AVX-512 has an instruction for that */
  *(Bytes *)bytes = one_step ? __builtin_convertvector(values, Bytes)
                             : __builtin_convertvector(__builtin_convertvector(values, Pairs), Bytes);
}

MB_INLINE Vec choose(Mask mask, Vec a, Vec b) {
  return (Vec)(((Mask)a & mask) | ((Mask)b & ~mask));
}

/* The largest of pool rows; NaN counts as the maximum, and relu lets it through. */
MB_INLINE void epilogue_vector(mb_real *y, uint8_t *argmax, const mb_real *rows, mb_size ld, Vec b,
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
  if (relu) at |= (best <= 0) & MB_NO_ARGMAX;
  if (argmax) narrow(argmax, at);
}

MB_INLINE void epilogue_windows(mb_real *y, uint8_t *argmax, const mb_real *rows, mb_size ld, mb_size count,
                                mb_size columns, const mb_real *b, const mb_epilogue *e, const mb_size pool,
                                const bool relu, const mb_real slope) {
  for (mb_size c = 0; c + LANES <= columns; c += LANES) {
    const Vec bias = b ? load(b + c) : (Vec){0};
    for (mb_size j = 0; j < count; j++)
      epilogue_vector(y + j * e->channels + c, argmax ? argmax + j * e->channels + c : NULL,
                      rows + j * e->stride * ld + c, ld, bias, pool, relu, slope);
  }
  const mb_size c = columns / LANES * LANES, rest = columns - c;
  if (rest == 0) return;
  Vec bias = {0};
  if (b) memcpy(&bias, b + c, sizeof(mb_real) * (size_t)rest);
  for (mb_size j = 0; j < count; j++) {
    mb_real y_wide[LANES];
    uint8_t argmax_wide[LANES];
    epilogue_vector(y_wide, argmax_wide, rows + j * e->stride * ld + c, ld, bias, pool, relu, slope);
    memcpy(y + j * e->channels + c, y_wide, sizeof(mb_real) * (size_t)rest);
    if (argmax) memcpy(argmax + j * e->channels + c, argmax_wide, (size_t)rest);
  }
}

static void epilogue(mb_real *y, uint8_t *argmax, const mb_real *rows, mb_size ld, mb_size count,
                     mb_size columns, const mb_real *b, const mb_epilogue *e) {
#define POOL(size, relu, slope) epilogue_windows(y, argmax, rows, ld, count, columns, b, e, size, relu, slope)
  const bool is_active = e->slope != 1, relu = e->slope == 0;
  switch (e->pool) { /* the usual ones with a constant number of steps */
  case 1: relu ? POOL(1, true, 0) : POOL(1, is_active, e->slope); break;
  case 2: relu ? POOL(2, true, 0) : POOL(2, is_active, e->slope); break;
  case 3: relu ? POOL(3, true, 0) : POOL(3, is_active, e->slope); break;
  default: POOL(e->pool, is_active, e->slope); break;
  }
#undef POOL
}

/* Rows from to end - 1 of a window, the first of all being `row` of the buffer, get dy where they won. */
MB_INLINE void unpool_window(mb_real *buffer, mb_size ld, mb_size row, const mb_real *dy,
                             const uint8_t *argmax, mb_size columns, const mb_size from, const mb_size end) {
  const mb_size whole = columns / LANES * LANES;
  for (mb_size c = 0; c < whole; c += LANES) {
    const Mask at = widen(argmax + c);
    const Vec value = load(dy + c);
    for (mb_size k = from; k < end; k++) {
      mb_real *to = buffer + (row + k) * ld + c;
      store(to, load(to) + choose(at == (int)k, value, (Vec){0}));
    }
  }
  for (mb_size c = whole; c < columns; c++)
    if (argmax[c] >= from && argmax[c] < end) buffer[(row + argmax[c]) * ld + c] += dy[c];
}

MB_INLINE void unpool_windows(mb_real *buffer, mb_size ld, const mb_real *dy, const uint8_t *argmax,
                              mb_size first, mb_size count, mb_size columns, const mb_epilogue *e,
                              const mb_size pool) {
  const mb_size begin = mb_ceil_div(mb_max(first - pool + 1, 0), e->stride);
  const mb_size end = mb_min((mb_max(first + count - 1, -1) + e->stride) / e->stride, e->L_pool);
  for (mb_size j = begin; j < end; j++) {
    const mb_size at = j * e->channels, row = j * e->stride - first;
    if (row >= 0 && row + pool <= count)
      unpool_window(buffer, ld, row, dy + at, argmax + at, columns, 0, pool);
    else
      unpool_window(buffer, ld, row, dy + at, argmax + at, columns, mb_max(-row, 0),
                    mb_min(pool, count - row));
  }
}

static void unpool(mb_real *buffer, mb_size ld, const mb_real *dy, const uint8_t *argmax, mb_size first,
                   mb_size count, mb_size columns, const mb_epilogue *e) {
#define POOL(size) unpool_windows(buffer, ld, dy, argmax, first, count, columns, e, size)
  switch (e->pool) {
  case 2: POOL(2); break;
  case 3: POOL(3); break;
  default: POOL(e->pool); break;
  }
#undef POOL
}
