/* simd_winograd.h - short tiles: polynomials at 0, 1, -1, 2, -2, 1/2, -1/2 and infinity (Toom and Cook). Part
 * of simd.h. */

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
  Vec g[MB_WINOGRAD] = {0};
#pragma GCC unroll 8
  for (int i = 0; i < count; i++) g[i] = load(rows + i * ld);
  store(planes, g[0]);
#pragma GCC unroll 4
  for (int i = 0; i < 3; i++) {
    Vec even = {0}, odd = {0};
#pragma GCC unroll 4
    for (int j = (count - 1) / 2 * 2; j >= 0; j -= 2) even = add_product(g[j], even, spread(squares[i]));
#pragma GCC unroll 4
    for (int j = count / 2 * 2 - 1; j >= 0; j -= 2) odd = add_product(g[j], odd, spread(squares[i]));
    put_pair(planes + (1 + 2 * i) * plane, plane, even * factors[i], odd * (points[i] * factors[i]));
  }
  store(planes + 7 * plane, g[count - 1]);
}

MB_INLINE void evaluate_data(mb_real *planes, mb_size plane, const mb_real *rows, mb_size ld) {
  Vec x[MB_WINOGRAD];
#pragma GCC unroll 8
  for (int i = 0; i < MB_WINOGRAD; i++) x[i] = load(rows + i * ld);
  const Vec half = spread((mb_real)0.5), two = spread(2), five_halves = spread((mb_real)2.5);
  const Vec quarter = spread((mb_real)0.25), four = spread(4), five = spread(5);
  const Vec five_quarters = spread((mb_real)1.25), many = spread((mb_real)4.25), most = spread((mb_real)5.25);
  store(planes, add_product(x[0] - x[6], x[4] - x[2], most));
  put_pair(planes + plane, plane, subtract_product(x[2] + x[6], x[4], many),
           subtract_product(x[1] + x[5], x[3], many));
  put_pair(planes + 3 * plane, plane, subtract_product(add_product(x[6], x[2], quarter), x[4], five_quarters),
           add_product(subtract_product(x[1] * half, x[3], five_halves), x[5], two));
  put_pair(planes + 5 * plane, plane, subtract_product(add_product(x[6], x[2], four), x[4], five),
           add_product(subtract_product(x[1] * two, x[3], five_halves), x[5], half));
  store(planes + 7 * plane, add_product(x[7] - x[1], x[3] - x[5], most));
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
    Vec row = v[0] + v[1] + v[2] + load(planes);
    if (i > 0) row = add_product(add_product(v[0], v[1], spread(powers[i])), v[2], spread(1 / powers[i]));
    if (i == count - 1) row += load(planes + 7 * plane);
    store(rows + i * LANES, row);
  }
}

/* f with a constant count of rows for the usual ones, of kernels 3 and 5. */
#define WITH_COUNT(f, count)                                                                                 \
  switch (count) {                                                                                           \
  case 3: f(3); break;                                                                                       \
  case 4: f(4); break;                                                                                       \
  case 5: f(5); break;                                                                                       \
  case 6: f(6); break;                                                                                       \
  default: f(count); break;                                                                                  \
  }

static void winograd_transform(mb_real *planes, mb_size plane, const mb_real *rows, mb_size ld, int filter) {
#define EVALUATE(count) evaluate_filter(planes, plane, rows, ld, count)
  if (filter == 0)
    evaluate_data(planes, plane, rows, ld);
  else
    WITH_COUNT(EVALUATE, filter)
#undef EVALUATE
}

static void winograd_inverse(mb_real *rows, const mb_real *planes, mb_size plane, int count) {
#define INTERPOLATE(count) interpolate(rows, planes, plane, count)
  WITH_COUNT(INTERPOLATE, count)
#undef INTERPOLATE
}
#undef WITH_COUNT
