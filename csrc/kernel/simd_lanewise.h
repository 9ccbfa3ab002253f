/* simd_lanewise.h - sums of products lane by lane, and the columns for them. Part of simd.h. */

#define LANEWISE_ROWS 8

/* R rows of one vector, in registers over the whole depth. From three bases, x86 addresses reach all rows. */
MB_INLINE void lanewise_tile(mb_real *y, mb_size ldy, const mb_real *x, mb_size row, mb_size step,
                             const mb_real *z, mb_size ldz, mb_size depth, bool add, const int R) {
  Vec sum[LANEWISE_ROWS];
#pragma GCC unroll 8
  for (int i = 0; i < R; i++) sum[i] = add ? load(y + i * ldy) : (Vec){0};
  const mb_real *x3 = hidden(R > 3 ? x + 3 * row : x), *x6 = hidden(R > 6 ? x + 6 * row : x);
  for (mb_size d = 0; d < depth; d++, x += step, x3 += step, x6 += step, z += ldz) {
    const Vec factor = load(z);
#pragma GCC unroll 8
    for (int i = 0; i < R; i++)
      sum[i] = add_product(sum[i], load((i < 3 ? x : i < 6 ? x3 : x6) + i % 3 * row), factor);
  }
#pragma GCC unroll 8
  for (int i = 0; i < R; i++) store(y + i * ldy, sum[i]);
}

static void lanewise(mb_real *y, mb_size ldy, const mb_real *x, mb_size row, mb_size step, const mb_real *z,
                     mb_size ldz, mb_size rows, mb_size depth, bool add) {
#define ROWS_OF(R)                                                                                           \
  for (; i + (R) <= rows; i += (R))                                                                          \
  lanewise_tile(y + i * ldy + l, ldy, x + i * row + l, row, step, z + l, ldz, depth, add, R)
  for (mb_size l = 0; l < MB_MAX_LANES; l += LANES) {
    mb_size i = 0;
    ROWS_OF(LANEWISE_ROWS);
    ROWS_OF(4);
    ROWS_OF(1);
  }
#undef ROWS_OF
}

#ifndef __clang__
/* The columns of one vector, all within LANES columns of x, which begin at *first; false if they are not. */
MB_INLINE bool columns_in_reach(Mask *lanes, mb_size *first, mb_size width, const int *at) {
  int least = at[0], most = at[0];
  for (int l = 1; l < LANES; l++) {
    least = at[l] < least ? at[l] : least;
    most = at[l] > most ? at[l] : most;
  }
  *first = mb_min(least, width - LANES);
  if (width < LANES || most - *first >= LANES) return false;
  for (int l = 0; l < LANES; l++) (*lanes)[l] = (int)(at[l] - *first);
  return true;
}
#endif

static void spread_columns(mb_real *y, const mb_real *x, mb_size width, mb_size rows, mb_size vectors,
                           const int *at) {
  for (mb_size v = 0; v < vectors * MB_MAX_LANES; v += LANES) {
    const mb_size ldy = vectors * MB_MAX_LANES;
#ifndef __clang__
    Mask lanes = {0};
    mb_size first;
    if (columns_in_reach(&lanes, &first, width, at + v)) {
      for (mb_size r = 0; r < rows; r++)
        store(y + r * ldy + v, __builtin_shuffle(load(x + r * width + first), lanes));
      continue;
    }
#endif
    for (mb_size r = 0; r < rows; r++)
      for (int l = 0; l < LANES; l++) y[r * ldy + v + l] = x[r * width + at[v + l]];
  }
}
