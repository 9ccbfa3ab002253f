/* simd_range.h - sums of squares and of square roots, which conv1d_range.c judges by. Part of simd.h. */

#ifdef MB_DOUBLE
#define SIGN        INT64_MIN
#define HALF_OF_ONE ((int64_t)0x1ff7a3bea91d9b1b)
#else
#define SIGN        INT32_MIN
#define HALF_OF_ONE ((int32_t)0x1fbd1df5)
#endif

/* The square root of |x| within 4 %, by halving its exponent. Not quite 0 for 0. */
MB_INLINE Vec roots_of(Vec x) {
  return (Vec)((((Mask)x & ~SIGN) >> 1) + HALF_OF_ONE);
}

/* The first count reals, and zeros. */
MB_INLINE Vec load_some(const mb_real *x, mb_size count) {
  Vec y = {0};
  memcpy(&y, x, sizeof(mb_real) * (size_t)count);
  return y;
}

/* Lane i of all, and lane i + half: what a fold over the lanes needs. */
MB_INLINE Vec upper_half(Vec x, const int half) {
#ifdef __clang__
  Vec y = x;
  for (int i = 0; i < half; i++) y[i] = x[i + half];
  return y;
#else
  Mask from = {0};
#pragma GCC unroll 16
  for (int i = 0; i < LANES; i++) from[i] = (i + half) % LANES;
  return __builtin_shuffle(x, from);
#endif
}

MB_INLINE mb_real sum_of(Vec x) {
#pragma GCC unroll 4
  for (int half = LANES / 2; half > 0; half /= 2) x += upper_half(x, half);
  return x[0];
}

static mb_real sum_squares(const mb_real *x, mb_size count) {
  Vec sum[4] = {{0}};
  mb_size i = 0;
  for (; i + 4 * LANES <= count; i += 4 * LANES)
#pragma GCC unroll 4
    for (int v = 0; v < 4; v++) {
      const Vec value = load(x + i + v * LANES);
      sum[v] = add_product(sum[v], value, value);
    }
  for (; i < count; i += LANES) {
    const Vec value = i + LANES <= count ? load(x + i) : load_some(x + i, count - i);
    sum[0] = add_product(sum[0], value, value);
  }
  return sum_of((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

static mb_real sum_roots(const mb_real *x, mb_size count) {
  Vec sum = {0};
  mb_size i = 0;
  for (; i + LANES <= count; i += LANES) sum += roots_of(load(x + i));
  if (i < count) sum += roots_of(load_some(x + i, count - i));
  return sum_of(sum);
}

/* The sums of LANES vectors, in the order of their bits reversed. */
MB_INLINE Vec sums_of(Vec *x) {
#ifdef __clang__
  Vec y;
  for (int i = 0; i < LANES; i++) y[i] = sum_of(x[i]);
  return y;
#else
#pragma GCC unroll 4
  for (int s = LANES / 2; s > 0; s /= 2) {
    Mask low = {0}, high = {0};
#pragma GCC unroll 16
    for (int e = 0; e < LANES; e++) low[e] = e & s ? LANES + e - s : e, high[e] = e & s ? LANES + e : e + s;
#pragma GCC unroll 8
    for (int i = 0; i < s; i++)
      x[i] = __builtin_shuffle(x[i], x[i + s], low) + __builtin_shuffle(x[i], x[i + s], high);
  }
  return x[0];
#endif
}

MB_INLINE Vec block_roots(const mb_real *x, mb_size block) {
  Vec sum = {0};
  for (mb_size i = 0; i < block; i += LANES) sum += roots_of(load(x + i));
  return sum;
}

/* The least sum of roots of the blocks at 0, step, 2 step, ... and at the end of count reals. A block is of
 * whole vectors, or less than one. */
static mb_real least_roots(const mb_real *x, mb_size count, mb_size block, mb_size step) {
  const mb_size last = count - block;
  Vec least = (Vec){0} + INFINITY, sums[LANES];
  for (mb_size at = 0; at < last + step; at += LANES * step) {
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++) {
      const mb_real *from = x + mb_min(at + i * step, last);
      sums[i] = block < LANES ? roots_of(load_some(from, block)) : block_roots(from, block);
    }
    const Vec sum = sums_of(sums);
    least = choose(sum < least, sum, least);
  }
#pragma GCC unroll 4
  for (int half = LANES / 2; half > 0; half /= 2) {
    const Vec other = upper_half(least, half);
    least = choose(other < least, other, least);
  }
  return least[0];
}

/* Adds roots and squares of each column, over count rows of whole vectors, ld apart. */
MB_INLINE void add_columns(mb_real *roots, mb_real *squares, const mb_real *x, mb_size ld, mb_size count,
                           const int V) {
  Vec root[4], square[4];
#pragma GCC unroll 4
  for (int v = 0; v < V; v++) root[v] = load(roots + v * LANES), square[v] = load(squares + v * LANES);
  for (mb_size r = 0; r < count; r++, x += ld)
#pragma GCC unroll 4
    for (int v = 0; v < V; v++) {
      const Vec value = load(x + v * LANES);
      root[v] += roots_of(value);
      square[v] = add_product(square[v], value, value);
    }
#pragma GCC unroll 4
  for (int v = 0; v < V; v++) store(roots + v * LANES, root[v]), store(squares + v * LANES, square[v]);
}

static void sum_columns(mb_real *roots, mb_real *squares, const mb_real *x, mb_size ld, mb_size count,
                        mb_size columns) {
  mb_size c = 0;
  for (; c + 4 * LANES <= columns; c += 4 * LANES) add_columns(roots + c, squares + c, x + c, ld, count, 4);
  for (; c + LANES <= columns; c += LANES) add_columns(roots + c, squares + c, x + c, ld, count, 1);
  if (c == columns) return;
  Vec root = {0}, square = {0};
  for (mb_size r = 0; r < count; r++) {
    const Vec value = load_some(x + r * ld + c, columns - c);
    root += roots_of(value);
    square = add_product(square, value, value);
  }
  for (mb_size i = c; i < columns; i++) roots[i] += root[i - c], squares[i] += square[i - c];
}

/* Over rows of count reals, ld apart: the sums of roots and squares, and the least sum of roots of a row. */
static void sum_rows(mb_real *least, mb_real *roots, mb_real *squares, const mb_real *x, mb_size ld,
                     mb_size rows, mb_size count) {
  Vec square = {0};
  *least = INFINITY, *roots = 0;
  for (mb_size r = 0; r < rows; r++, x += ld) {
    Vec root = {0};
    for (mb_size i = 0; i < count; i += LANES) {
      const Vec value = i + LANES <= count ? load(x + i) : load_some(x + i, count - i);
      root += roots_of(value);
      square = add_product(square, value, value);
    }
    const mb_real sum = sum_of(root);
    *roots += sum, *least = sum < *least ? sum : *least;
  }
  *squares = sum_of(square);
}
