/* lanes.h - what the fast convolutions are made of, for one instruction set: a matrix product in registers
 * and real Fourier transforms of many channels at once. No include guard: lanes.c includes this once per
 * instruction set, with REGISTER bytes in a vector, PANEL vectors in a row of a product's register tile, and
 * ISA(name) for the names. */

#define LANES ((int)(REGISTER / sizeof(mb_real)))
#define Vec   ISA(Vec)
#define Half  ISA(Half)
/* Needs no alignment, and may look at reals. */
typedef mb_real Vec __attribute__((vector_size(REGISTER), aligned(sizeof(mb_real)), may_alias));

/* For the last columns of a product, where narrower arithmetic is faster. */
typedef mb_real Half __attribute__((vector_size(REGISTER / 2), aligned(sizeof(mb_real)), may_alias));

/* Undefined at the end. */
#define load             ISA(load)
#define store            ISA(store)
#define tile             ISA(tile)
#define last_tile        ISA(last_tile)
#define panel            ISA(panel)
#define product          ISA(product)
#define product_ahead    ISA(product_ahead)
#define Complex          ISA(Complex)
#define turn             ISA(turn)
#define butterfly4       ISA(butterfly4)
#define butterfly8       ISA(butterfly8)
#define butterfly        ISA(butterfly)
#define fourier          ISA(fourier)
#define put              ISA(put)
#define take             ISA(take)
#define put_pair         ISA(put_pair)
#define evaluate_filter  ISA(evaluate_filter)
#define evaluate_data    ISA(evaluate_data)
#define interpolate      ISA(interpolate)
#define analyse_n        ISA(analyse_n)
#define synthesise_n     ISA(synthesise_n)
#define analyse_short    ISA(analyse_short)
#define synthesise_short ISA(synthesise_short)
#define analyse          ISA(analyse)
#define synthesise       ISA(synthesise)
#define Mask             ISA(Mask)
#define Bytes            ISA(Bytes)
#define choose           ISA(choose)
#define finish           ISA(finish)
#define finish_windows   ISA(finish_windows)
#define finish_all       ISA(finish_all)
#define fetch            ISA(fetch)
#define fetch_all        ISA(fetch_all)
#define turn_block       ISA(turn_block)
#define transpose        ISA(transpose)
#define functions        ISA(functions)

/* Of integers as wide as reals: -1 where a comparison holds. */
typedef mb_integer Mask __attribute__((vector_size(REGISTER), may_alias));

MB_INLINE Vec load(const mb_real *x) {
  return *(const Vec *)x;
}
MB_INLINE void store(mb_real *y, Vec value) {
  *(Vec *)y = value;
}

/* ---- products --------------------------------------------------------------------------- */

/* R rows of C, V vectors and perhaps half of one wide, held in registers over the whole depth. A line of each
 * of `ahead` is asked for meanwhile, if there is any. */
MB_INLINE void tile(mb_real *C, mb_size ldc, const mb_real *A, mb_size row, mb_size step, const mb_real *B,
                    mb_size ldb, mb_size depth, bool add, const int R, const int V, const bool half,
                    const mb_ahead *ahead) {
  const mb_real *line = ahead ? ahead->x : NULL;
  const mb_size near = ahead ? ahead->near : 0, jump = ahead ? ahead->far - MB_AHEAD_NEAR * near : 0;
  Vec sum[PRODUCT_ROWS][PANEL];
  Half last[PRODUCT_ROWS];
#pragma GCC unroll 8
  for (int i = 0; i < R; i++)
#pragma GCC unroll 8
    for (int v = 0; v < V; v++) sum[i][v] = add ? load(C + i * ldc + v * LANES) : (Vec){0};
#pragma GCC unroll 8
  for (int i = 0; half && i < R; i++) last[i] = add ? *(Half *)(C + i * ldc + V * LANES) : (Half){0};
  for (mb_size d = 0; d < depth; d++, A += step, B += ldb) {
    Vec b[PANEL];
#pragma GCC unroll 8
    for (int v = 0; v < V; v++) b[v] = load(B + v * LANES);
    if (ahead) {
      __builtin_prefetch(line, 0, 2); /* into the second cache: the first one holds what is in use */
      line += (d + 1) % MB_AHEAD_NEAR == 0 ? near + jump : near;
    }
#pragma GCC unroll 8
    for (int i = 0; i < R; i++)
#pragma GCC unroll 8
      for (int v = 0; v < V; v++) sum[i][v] += A[i * row] * b[v];
#pragma GCC unroll 8
    for (int i = 0; half && i < R; i++) last[i] += A[i * row] * *(const Half *)(B + V * LANES);
  }
#pragma GCC unroll 8
  for (int i = 0; i < R; i++)
#pragma GCC unroll 8
    for (int v = 0; v < V; v++) store(C + i * ldc + v * LANES, sum[i][v]);
#pragma GCC unroll 8
  for (int i = 0; half && i < R; i++) *(Half *)(C + i * ldc + V * LANES) = last[i];
}

/* One vector wide, of which only the first columns exist in C. */
static void last_tile(mb_real *C, mb_size ldc, const mb_real *A, mb_size row, mb_size step, const mb_real *B,
                      mb_size ldb, mb_size depth, bool add, mb_size rows, mb_size columns) {
  mb_real wide[PRODUCT_ROWS * LANES] = {0};
  const size_t bytes = sizeof(mb_real) * (size_t)columns;
  for (mb_size i = 0; add && i < rows; i++) memcpy(wide + i * LANES, C + i * ldc, bytes);
  if (rows == PRODUCT_ROWS)
    tile(wide, LANES, A, row, step, B, ldb, depth, add, PRODUCT_ROWS, 1, false, NULL);
  else
    for (mb_size i = 0; i < rows; i++)
      tile(wide + i * LANES, LANES, A + i * row, row, step, B, ldb, depth, add, 1, 1, false, NULL);
  for (mb_size i = 0; i < rows; i++) memcpy(C + i * ldc, wide + i * LANES, bytes);
}

/* All M rows of V vectors and perhaps half of one. */
MB_INLINE void panel(mb_real *C, mb_size ldc, const mb_real *A, mb_size row, mb_size step, const mb_real *B,
                     mb_size ldb, mb_size M, mb_size depth, bool add, const int V, const bool half) {
  mb_size i = 0;
  for (; i + PRODUCT_ROWS <= M; i += PRODUCT_ROWS)
    tile(C + i * ldc, ldc, A + i * row, row, step, B, ldb, depth, add, PRODUCT_ROWS, V, half, NULL);
  for (; i + 2 <= M; i += 2)
    tile(C + i * ldc, ldc, A + i * row, row, step, B, ldb, depth, add, 2, V, half, NULL);
  if (i < M) tile(C + i * ldc, ldc, A + i * row, row, step, B, ldb, depth, add, 1, V, half, NULL);
}

static void product(mb_real *C, mb_size ldc, const mb_real *A, mb_size row, mb_size step, const mb_real *B,
                    mb_size ldb, mb_size M, mb_size N, mb_size depth, bool add) {
  mb_size j = 0;
#define COLUMNS(V, half)                                                                                     \
  do {                                                                                                       \
    panel(C + j, ldc, A, row, step, B + j, ldb, M, depth, add, V, half);                                     \
    j += (V)*LANES + ((half) ? LANES / 2 : 0);                                                               \
  } while (0)
  while (j + PANEL * LANES <= N) COLUMNS(PANEL, false);
#if PANEL > 2
  if (j + 3 * LANES <= N) COLUMNS(2, false);
#endif
  switch ((N - j) / LANES * 2 + (N % LANES == LANES / 2)) { /* halves of vectors */
#if PANEL > 2
  case 5: COLUMNS(2, true); break;
  case 4: COLUMNS(2, false); break;
#endif
  case 3: COLUMNS(1, true); break;
  case 2: COLUMNS(1, false); break;
  case 1: COLUMNS(0, true); break;
  }
#undef COLUMNS
  if (j < N)
    for (mb_size i = 0; i < M; i += PRODUCT_ROWS)
      last_tile(C + i * ldc + j, ldc, A + i * row, row, step, B + j, ldb, depth, add,
                mb_min(PRODUCT_ROWS, M - i), N - j);
}

/* The tiles are counted off in MB_AHEAD_RUNS equal parts, of which each first one asks for a run. */
static void product_ahead(mb_real *C, mb_size ldc, const mb_real *A, mb_size row, mb_size step,
                          const mb_real *B, mb_size ldb, mb_size M, mb_size N, mb_size depth, bool add,
                          const mb_ahead *ahead) {
  const mb_size rows = M / PRODUCT_ROWS * PRODUCT_ROWS, columns = N / (PANEL * LANES) * (PANEL * LANES);
  const mb_size part = mb_max(rows / PRODUCT_ROWS * (columns / (PANEL * LANES)) / MB_AHEAD_RUNS, 1);
  mb_size count = 0;
  for (mb_size j = 0; j < columns; j += PANEL * LANES)
    for (mb_size i = 0; i < rows; i += PRODUCT_ROWS, count++) {
      const bool asks = count % part == 0 && count / part < MB_AHEAD_RUNS;
      const mb_ahead run = {ahead->x + count / part * ahead->run, asks ? ahead->near : 0,
                            asks ? ahead->far : 0, 0};
      tile(C + i * ldc + j, ldc, A + i * row, row, step, B + j, ldb, depth, add, PRODUCT_ROWS, PANEL, false,
           &run);
    }
  if (rows < M)
    product(C + rows * ldc, ldc, A + rows * row, row, step, B, ldb, M - rows, columns, depth, add);
  if (columns < N) product(C + columns, ldc, A, row, step, B + columns, ldb, M, N - columns, depth, add);
}

/* ---- transposed blocks -------------------------------------------------------------------- */

/* y (LANES, LANES) = x transposed, in registers: blocks of 1, 2, 4, ... change places. */
MB_INLINE void turn_block(mb_real *y, mb_size ldy, const mb_real *x, mb_size ldx) {
#ifdef __clang__
  for (int i = 0; i < LANES; i++)
    for (int j = 0; j < LANES; j++) y[j * ldy + i] = x[i * ldx + j];
#else
  Vec r[LANES];
#pragma GCC unroll 16
  for (int i = 0; i < LANES; i++) r[i] = load(x + i * ldx);
#pragma GCC unroll 4
  for (int s = 1; s < LANES; s *= 2) {
    Mask low, high;
#pragma GCC unroll 16
    for (int e = 0; e < LANES; e++) low[e] = e & s ? LANES + e - s : e, high[e] = e & s ? LANES + e : e + s;
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
      if ((i & s) == 0) {
        const Vec a = r[i], b = r[i + s];
        r[i] = __builtin_shuffle(a, b, low);
        r[i + s] = __builtin_shuffle(a, b, high);
      }
  }
#pragma GCC unroll 16
  for (int i = 0; i < LANES; i++) store(y + i * ldy, r[i]);
#endif
}

static void transpose(mb_real *y, mb_size ldy, const mb_real *x, mb_size ldx, mb_size rows, mb_size columns) {
  const mb_size whole_rows = rows / LANES * LANES, whole_columns = columns / LANES * LANES;
  for (mb_size i = 0; i < whole_rows; i += LANES)
    for (mb_size j = 0; j < whole_columns; j += LANES) turn_block(y + j * ldy + i, ldy, x + i * ldx + j, ldx);
  for (mb_size i = 0; i < rows; i++)
    for (mb_size j = i < whole_rows ? whole_columns : 0; j < columns; j++) y[j * ldy + i] = x[i * ldx + j];
}

/* ---- transforms ------------------------------------------------------------------------- */

typedef struct {
  Vec re, im;
} Complex;

/* z e^(-2 pi i k / MB_CIRCLE) */
MB_INLINE Complex turn(Complex z, int k) {
  const mb_real c = mb_cosines[k], s = mb_sines[k];
  return (Complex){z.re * c + z.im * s, z.im * c - z.re * s};
}

MB_INLINE void butterfly4(Complex *z, const int step) {
  const Complex a = z[0], b = z[step], c = z[2 * step], d = z[3 * step];
  const Complex p = {a.re + c.re, a.im + c.im}, q = {a.re - c.re, a.im - c.im};
  const Complex r = {b.re + d.re, b.im + d.im}, s = {b.re - d.re, b.im - d.im};
  z[0] = (Complex){p.re + r.re, p.im + r.im};
  z[step] = (Complex){q.re + s.im, q.im - s.re};
  z[2 * step] = (Complex){p.re - r.re, p.im - r.im};
  z[3 * step] = (Complex){q.re - s.im, q.im + s.re};
}

/* z[k] = sum over j of z[j] e^(-2 pi i j k / 8): even and odd j apart. */
MB_INLINE void butterfly8(Complex *z) {
  const mb_real h = (mb_real)0.70710678118654752440;
  butterfly4(z, 2);
  butterfly4(z + 1, 2);
  const Complex o0 = z[1], o2 = {z[5].im, -z[5].re};
  const Complex o1 = {(z[3].re + z[3].im) * h, (z[3].im - z[3].re) * h};
  const Complex o3 = {(z[7].im - z[7].re) * h, (z[7].re + z[7].im) * -h};
  const Complex e0 = z[0], e1 = z[2], e2 = z[4], e3 = z[6];
  z[0] = (Complex){e0.re + o0.re, e0.im + o0.im}, z[4] = (Complex){e0.re - o0.re, e0.im - o0.im};
  z[1] = (Complex){e1.re + o1.re, e1.im + o1.im}, z[5] = (Complex){e1.re - o1.re, e1.im - o1.im};
  z[2] = (Complex){e2.re + o2.re, e2.im + o2.im}, z[6] = (Complex){e2.re - o2.re, e2.im - o2.im};
  z[3] = (Complex){e3.re + o3.re, e3.im + o3.im}, z[7] = (Complex){e3.re - o3.re, e3.im - o3.im};
}

MB_INLINE void butterfly(Complex *z, const int n) {
  if (n == 8)
    butterfly8(z);
  else
    butterfly4(z, 1);
}

/* out[k] = sum over j < n of z[j] e^(-2 pi i j k / n), n = A B; the parts of z are alternate rows, ld apart,
 * of which there are count, and then zeros. Two passes, each in registers (Cooley and Tukey 1965). inverse:
 * the sum of e^(+...), which is out[n - k]. */
MB_INLINE void fourier(Complex *out, const mb_real *rows, mb_size ld, const int count, const int A,
                       const int B, const bool inverse) {
  static const mb_real zeros[MB_LANES_MOST] = {0};
  Complex middle[8][8], z[8];
  for (int b = 0; b < B; b++) {
#pragma GCC unroll 8
    for (int a = 0; a < A; a++) {
      const int row = (B * a + b) * 2;
      z[a].re = load(row < count ? rows + row * ld : zeros);
      z[a].im = load(row + 1 < count ? rows + (row + 1) * ld : zeros);
    }
    butterfly(z, A);
    middle[0][b] = z[0];
#pragma GCC unroll 8
    for (int k = 1; k < A; k++) middle[k][b] = turn(z[k], b * k * (MB_CIRCLE / (A * B)));
  }
  for (int k = 0; k < A; k++) {
#pragma GCC unroll 8
    for (int b = 0; b < B; b++) z[b] = middle[k][b];
    butterfly(z, B);
#pragma GCC unroll 8
    for (int j = 0; j < B; j++) out[inverse ? (A * B - k - A * j) & (A * B - 1) : k + A * j] = z[j];
  }
}

/* Frequency k of the three planes that hold it. */
MB_INLINE void put(mb_real *planes, mb_size plane, int k, Vec re, Vec im, const bool plus) {
  mb_real *y = planes + (3 * k - 1) * plane;
  store(y, re);
  store(y + plane, im);
  store(y + 2 * plane, plus ? re + im : re - im);
}

/* Twice the transform of 2 n = 2 A B rows, from that of n complex numbers. */
MB_INLINE void analyse_n(mb_real *planes, mb_size plane, const mb_real *rows, mb_size ld, int filter,
                         const int A, const int B) {
  const int n = A * B;
  const bool plus = filter > 0;
  Complex z[MB_CIRCLE / 2];
  fourier(z, rows, ld, plus ? filter : 2 * n, A, B, false);
  store(planes, (z[0].re + z[0].im) * 2);
  store(planes + plane, (z[0].re - z[0].im) * 2);
  put(planes, plane, n / 2, z[n / 2].re * 2, z[n / 2].im * -2, plus);
  for (int k = 1; k < n / 2; k++) {
    const Complex a = z[k], b = z[n - k];
    const Complex even = {a.re + b.re, a.im - b.im};
    const Complex odd = turn((Complex){a.im + b.im, b.re - a.re}, k * (MB_CIRCLE / (2 * n)));
    put(planes, plane, k, even.re + odd.re, even.im + odd.im, plus);
    put(planes, plane, n - k, even.re - odd.re, odd.im - even.im, plus);
  }
}

/* The number that three products stand for: see spectral.c. */
MB_INLINE Complex take(const mb_real *planes, mb_size plane, int k) {
  const mb_real *x = planes + (3 * k - 1) * plane;
  const Vec rr = load(x), ii = load(x + plane), mixed = load(x + 2 * plane);
  return (Complex){rr + ii, rr - ii - mixed};
}

/* T times the rows whose transform has these products; row t goes to rows + t LANES. */
MB_INLINE void synthesise_n(mb_real *rows, const mb_real *planes, mb_size plane, const int A, const int B) {
  const int n = A * B;
  Complex z[MB_CIRCLE / 2];
  const Vec first = load(planes), last = load(planes + plane);
  z[0] = (Complex){first + last, first - last};
  const Complex middle = take(planes, plane, n / 2);
  z[n / 2] = (Complex){middle.re * 2, middle.im * -2};
  for (int k = 1; k < n / 2; k++) {
    const Complex a = take(planes, plane, k), b = take(planes, plane, n - k);
    const Complex even = {a.re + b.re, a.im - b.im};
    /* i (a - conj b) e^(+2 pi i k / 2n), by turning its conjugate */
    const Complex odd = turn((Complex){-(a.im + b.im), b.re - a.re}, k * (MB_CIRCLE / (2 * n)));
    z[k] = (Complex){even.re + odd.re, even.im - odd.im};
    z[n - k] = (Complex){even.re - odd.re, -even.im - odd.im};
  }
  fourier((Complex *)rows, (const mb_real *)z, LANES, 2 * n, A, B, true);
}

/* ---- short tiles: polynomials at 0, 1, -1, 2, -2, 1/2, -1/2 and infinity (Toom and Cook) ----------------
 */

/* The sums over j of filter[j] data[i + j], as in Winograd 1980: the transposed product of polynomials, whose
 * value at infinity is the last coefficient. What a point divides by (the product of its distances from the
 * others) goes with the filter. */
MB_INLINE void put_pair(mb_real *planes, mb_size plane, Vec even, Vec odd) {
  store(planes, even + odd);
  store(planes + plane, even - odd);
}

MB_INLINE void evaluate_filter(mb_real *planes, mb_size plane, const mb_real *rows, mb_size ld,
                               const int count) {
  static const mb_real squares[] = {1, 4, (mb_real)0.25}, points[] = {1, 2, (mb_real)0.5};
  static const mb_real factors[] = {(mb_real)(-2 / 9.0), (mb_real)(1 / 90.0), (mb_real)(32 / 45.0)};
  Vec g[MB_SHORT] = {0};
#pragma GCC unroll 8
  for (int i = 0; i < count; i++) g[i] = load(rows + i * ld);
  store(planes, g[0]);
#pragma GCC unroll 4
  for (int i = 0; i < 3; i++) {
    Vec even = {0}, odd = {0};
#pragma GCC unroll 4
    for (int j = (count - 1) / 2 * 2; j >= 0; j -= 2) even = even * squares[i] + g[j];
#pragma GCC unroll 4
    for (int j = count / 2 * 2 - 1; j >= 0; j -= 2) odd = odd * squares[i] + g[j];
    put_pair(planes + (1 + 2 * i) * plane, plane, even * factors[i], odd * (points[i] * factors[i]));
  }
  store(planes + 7 * plane, g[count - 1]);
}

MB_INLINE void evaluate_data(mb_real *planes, mb_size plane, const mb_real *rows, mb_size ld) {
  Vec x[MB_SHORT];
#pragma GCC unroll 8
  for (int i = 0; i < MB_SHORT; i++) x[i] = load(rows + i * ld);
  const mb_real quarter = (mb_real)0.25, half = (mb_real)0.5;
  store(planes, x[0] - x[6] + (x[4] - x[2]) * (21 * quarter));
  put_pair(planes + plane, plane, x[2] + x[6] - x[4] * (17 * quarter), x[1] + x[5] - x[3] * (17 * quarter));
  put_pair(planes + 3 * plane, plane, x[6] + x[2] * quarter - x[4] * (5 * quarter),
           x[1] * half - x[3] * (5 * half) + x[5] * 2);
  put_pair(planes + 5 * plane, plane, x[6] + x[2] * 4 - x[4] * 5, x[1] * 2 - x[3] * (5 * half) + x[5] * half);
  store(planes + 7 * plane, x[7] - x[1] + (x[3] - x[5]) * (21 * quarter));
}

MB_INLINE void interpolate(mb_real *rows, const mb_real *planes, mb_size plane, const int count) {
  static const mb_real powers[] = {1, 2, 4, 8, 16, 32, 64, 128};
  Vec sum[3], difference[3];
#pragma GCC unroll 4
  for (int i = 0; i < 3; i++) {
    const Vec a = load(planes + (1 + 2 * i) * plane), b = load(planes + (2 + 2 * i) * plane);
    sum[i] = a + b, difference[i] = a - b;
  }
#pragma GCC unroll 8
  for (int i = 0; i < count; i++) {
    const Vec *v = i % 2 == 0 ? sum : difference;
    Vec row = v[0] + v[1] * powers[i] + v[2] * (1 / powers[i]);
    if (i == 0) row += load(planes);
    if (i == count - 1) row += load(planes + 7 * plane);
    store(rows + i * LANES, row);
  }
}

/* f with a constant count of rows, the usual ones: those of kernels of 3 and 5. */
#define WITH_COUNT(f, count)                                                                                 \
  switch (count) {                                                                                           \
  case 3: f(3); break;                                                                                       \
  case 4: f(4); break;                                                                                       \
  case 5: f(5); break;                                                                                       \
  case 6: f(6); break;                                                                                       \
  default: f(count); break;                                                                                  \
  }

static void analyse_short(mb_real *planes, mb_size plane, const mb_real *rows, mb_size ld, int filter) {
#define EVALUATE(count) evaluate_filter(planes, plane, rows, ld, count)
  if (filter == 0)
    evaluate_data(planes, plane, rows, ld);
  else
    WITH_COUNT(EVALUATE, filter)
#undef EVALUATE
}

static void synthesise_short(mb_real *rows, const mb_real *planes, mb_size plane, int count) {
#define INTERPOLATE(count) interpolate(rows, planes, plane, count)
  WITH_COUNT(INTERPOLATE, count)
#undef INTERPOLATE
}
#undef WITH_COUNT

/* ---- all lengths ---------------------------------------------------------------------------- */

static void analyse(mb_real *planes, mb_size plane, const mb_real *rows, mb_size ld, int T, int filter) {
  switch (T) {
  case MB_SHORT: analyse_short(planes, plane, rows, ld, filter); break;
  case 32: analyse_n(planes, plane, rows, ld, filter, 4, 4); break;
  case 64: analyse_n(planes, plane, rows, ld, filter, 4, 8); break;
  default: analyse_n(planes, plane, rows, ld, filter, 8, 8); break;
  }
}

static void synthesise(mb_real *rows, const mb_real *planes, mb_size plane, int T, int count) {
  switch (T) {
  case MB_SHORT: synthesise_short(rows, planes, plane, count); break;
  case 32: synthesise_n(rows, planes, plane, 4, 4); break;
  case 64: synthesise_n(rows, planes, plane, 4, 8); break;
  default: synthesise_n(rows, planes, plane, 8, 8); break;
  }
}

/* ---- windows ------------------------------------------------------------------------------ */

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

static const mb_lanes functions = {LANES,   product,    product_ahead, transpose,
                                   analyse, synthesise, finish_all,    fetch_all};

#undef LANES
#undef Vec
#undef Half
#undef load
#undef store
#undef tile
#undef last_tile
#undef panel
#undef product
#undef product_ahead
#undef Complex
#undef turn
#undef butterfly4
#undef butterfly8
#undef butterfly
#undef fourier
#undef put
#undef take
#undef put_pair
#undef evaluate_filter
#undef evaluate_data
#undef interpolate
#undef analyse_n
#undef synthesise_n
#undef analyse_short
#undef synthesise_short
#undef analyse
#undef synthesise
#undef functions
#undef Mask
#undef Bytes
#undef choose
#undef finish
#undef finish_windows
#undef finish_all
#undef fetch
#undef fetch_all
#undef turn_block
#undef transpose
