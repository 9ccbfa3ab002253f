/* simd_gemm.h - a matrix product in registers, and transposed blocks. Part of simd.h. */

/* Rows of a register tile: with TILE_VECTORS vectors each, this fills most of the registers of each set. */
#define TILE_ROWS 6

/* x, whose origin the compiler then does not know. */
MB_INLINE const mb_real *hidden(const mb_real *x) {
  __asm__("" : "+r"(x));
  return x;
}

/* A tile of C: R rows of V vectors, and half a vector more if `half`, in registers over the whole depth.
 * Prefetches lines of runs `run` and run + 1 of prefetch, as far as they are below end. */
MB_INLINE void tile(mb_real *C, mb_size ldc, const mb_real *A, mb_size row, mb_size step, const mb_real *B,
                    mb_size ldb, mb_size depth, bool add, const int R, const int V, const bool half,
                    const bool asks, const mb_prefetch *prefetch, mb_size run, mb_size end) {
  // cppcheck-suppress negativeIndex; run is below end where there are runs
  const mb_real *const x = run < end ? prefetch->x[run] : NULL;
  const mb_real *const other = run + 1 < end ? prefetch->x[run + 1] : NULL;
  const mb_size lines = x ? prefetch->lines : 0;
  mb_size line = 0, left = x ? prefetch->burst : 0;
  Vec sum[TILE_ROWS][TILE_VECTORS];
  Half last[TILE_ROWS];
#pragma GCC unroll 8
  for (int i = 0; i < R; i++)
#pragma GCC unroll 8
    for (int v = 0; v < V; v++) sum[i][v] = add ? load(C + i * ldc + v * LANES) : (Vec){0};
#pragma GCC unroll 8
  for (int i = 0; half && i < R; i++) last[i] = add ? *(Half *)(C + i * ldc + V * LANES) : (Half){0};
  /* x86 addresses reach rows 0-2 from one base; a second base at row 3 reaches the rest without a register
   * per row. */
  const mb_real *A3 = hidden(R > 3 ? A + 3 * row : A);
  for (mb_size d = 0; d < depth; d++, A += step, A3 += step, B += ldb) {
    Vec b[TILE_VECTORS];
#pragma GCC unroll 8
    for (int v = 0; v < V; v++) b[v] = load(B + v * LANES);
    if (d < lines) {
      __builtin_prefetch(x + line, 0, 2); /* into L2: L1 is in use */
      if (other) __builtin_prefetch(other + line, 0, 2);
      line += prefetch->near;
      if (--left == 0) line += prefetch->far - prefetch->burst * prefetch->near, left = prefetch->burst;
    }
#pragma GCC unroll 8
    for (int i = 0; i < R; i++)
#pragma GCC unroll 8
      for (int v = 0; v < V; v++) add_to(&sum[i][v], spread((i < 3 ? A : A3)[i % 3 * row]), b[v], asks);
    if (!half) continue;
    /* hidden() forces a load. Otherwise gcc re-broadcasts from full vectors, with shuffles that compete with
     * the multiplications. */
    const mb_real *const a = hidden(A), *const a3 = hidden(A3);
#pragma GCC unroll 8
    for (int i = 0; i < R; i++)
      last[i] = add_product_half(last[i], spread_half((i < 3 ? a : a3)[i % 3 * row]),
                                 *(const Half *)(B + V * LANES));
  }
#pragma GCC unroll 8
  for (int i = 0; i < R; i++)
#pragma GCC unroll 8
    for (int v = 0; v < V; v++) store(C + i * ldc + v * LANES, sum[i][v]);
#pragma GCC unroll 8
  for (int i = 0; half && i < R; i++) *(Half *)(C + i * ldc + V * LANES) = last[i];
}

/* A tile one vector wide, of which C has only the first columns. */
static void last_tile(mb_real *C, mb_size ldc, const mb_real *A, mb_size row, mb_size step, const mb_real *B,
                      mb_size ldb, mb_size depth, bool add, mb_size rows, mb_size columns) {
  mb_real wide[TILE_ROWS * LANES] MB_ALIGNED = {0};
  const size_t bytes = sizeof(mb_real) * (size_t)columns;
  for (mb_size i = 0; add && i < rows; i++) memcpy(wide + i * LANES, C + i * ldc, bytes);
  if (rows == TILE_ROWS)
    tile(wide, LANES, A, row, step, B, ldb, depth, add, TILE_ROWS, 1, false, false, NULL, 0, 0);
  else
    for (mb_size i = 0; i < rows; i++)
      tile(wide + i * LANES, LANES, A + i * row, row, step, B, ldb, depth, add, 1, 1, false, false, NULL, 0,
           0);
  for (mb_size i = 0; i < rows; i++) memcpy(C + i * ldc, wide + i * LANES, bytes);
}

/* All M rows of a band of V vectors, and half a vector more if `half`. */
MB_INLINE void band(mb_real *C, mb_size ldc, const mb_real *A, mb_size row, mb_size step, const mb_real *B,
                    mb_size ldb, mb_size M, mb_size depth, bool add, const int V, const bool half) {
  mb_size i = 0;
  for (; i + TILE_ROWS <= M; i += TILE_ROWS)
    tile(C + i * ldc, ldc, A + i * row, row, step, B, ldb, depth, add, TILE_ROWS, V, half, false, NULL, 0, 0);
  for (; i + 2 <= M; i += 2)
    tile(C + i * ldc, ldc, A + i * row, row, step, B, ldb, depth, add, 2, V, half, false, NULL, 0, 0);
  if (i < M)
    tile(C + i * ldc, ldc, A + i * row, row, step, B, ldb, depth, add, 1, V, half, false, NULL, 0, 0);
}

static void product(mb_real *C, mb_size ldc, const mb_real *A, mb_size row, mb_size step, const mb_real *B,
                    mb_size ldb, mb_size M, mb_size N, mb_size depth, bool add) {
  mb_size j = 0;
#define COLUMNS(V, half)                                                                                     \
  do {                                                                                                       \
    band(C + j, ldc, A, row, step, B + j, ldb, M, depth, add, V, half);                                      \
    j += (V)*LANES + ((half) ? LANES / 2 : 0);                                                               \
  } while (0)
  while (j + TILE_VECTORS * LANES <= N) COLUMNS(TILE_VECTORS, false);
  switch ((N - j) / LANES * 2 + (N % LANES == LANES / 2)) { /* halves of vectors */
#if TILE_VECTORS > 2
  case 7: COLUMNS(3, true); break;
  case 6: COLUMNS(3, false); break;
  case 5: COLUMNS(2, true); break;
  case 4: COLUMNS(2, false); break;
#endif
  case 3: COLUMNS(1, true); break;
  case 2: COLUMNS(1, false); break;
  case 1: COLUMNS(0, true); break;
  }
#undef COLUMNS
  if (j < N)
    for (mb_size i = 0; i < M; i += TILE_ROWS)
      last_tile(C + i * ldc + j, ldc, A + i * row, row, step, B + j, ldb, depth, add,
                mb_min(TILE_ROWS, M - i), N - j);
}

/* The tiles are divided into equal parts; the first tile of each prefetches one run, or two if there are few.
 */
static void product_prefetch(mb_real *C, mb_size ldc, const mb_real *A, mb_size row, mb_size step,
                             const mb_real *B, mb_size ldb, mb_size M, mb_size N, mb_size depth, bool add,
                             const mb_prefetch *prefetch) {
  const mb_size rows = M / TILE_ROWS * TILE_ROWS,
                columns = N / (TILE_VECTORS * LANES) * (TILE_VECTORS * LANES);
  const mb_size tiles = rows / TILE_ROWS * (columns / (TILE_VECTORS * LANES));
  const mb_size part = mb_max(tiles / MB_PREFETCH_RUNS, 1), runs = tiles < MB_PREFETCH_RUNS ? 2 : 1;
  mb_size count = 0;
  for (mb_size j = 0; j < columns; j += TILE_VECTORS * LANES)
    for (mb_size i = 0; i < rows; i += TILE_ROWS, count++) {
      const mb_size run = count % part == 0 ? count / part * runs : MB_PREFETCH_RUNS;
      tile(C + i * ldc + j, ldc, A + i * row, row, step, B + j, ldb, depth, add, TILE_ROWS, TILE_VECTORS,
           false, true, prefetch, run, mb_min(run + runs, MB_PREFETCH_RUNS));
    }
  if (rows < M)
    product(C + rows * ldc, ldc, A + rows * row, row, step, B, ldb, M - rows, columns, depth, add);
  if (columns < N) product(C + columns, ldc, A, row, step, B + columns, ldb, M, N - columns, depth, add);
}

/* ---- transposed blocks -------------------------------------------------------------------- */

/* y (LANES, LANES) = x transposed, in registers: blocks of 1, 2, 4, ... change places. */
MB_INLINE void transpose_block(mb_real *y, mb_size ldy, const mb_real *x, mb_size ldx) {
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
    // cppcheck-suppress uninitvar; a vector is set element by element
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
    for (mb_size j = 0; j < whole_columns; j += LANES)
      transpose_block(y + j * ldy + i, ldy, x + i * ldx + j, ldx);
  for (mb_size i = 0; i < rows; i++)
    for (mb_size j = i < whole_rows ? whole_columns : 0; j < columns; j++) y[j * ldy + i] = x[i * ldx + j];
}
