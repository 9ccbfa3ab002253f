/* simd_fourier.h - real Fourier transforms of 32 to MB_MAX_FFT rows, of as many channels at once as a vector
 * holds. Part of simd.h. */

typedef struct {
  Vec re, im;
} Complex;

/* z e^(-2 pi i k / MB_MAX_FFT). Below, no result is negated before it is multiplied: that would be an
 * instruction more, because the compiler does not see into those of simd_fma.h. */
MB_INLINE Complex rotate(Complex z, int k) {
  const Vec c = spread(mb_cosines[k]), s = spread(mb_sines[k]);
  return (Complex){add_product(z.im * s, z.re, c), subtract_product(z.im * c, z.re, s)};
}

/* The same of -conj z */
MB_INLINE Complex rotate_mirrored(Complex z, int k) {
  const Vec c = spread(mb_cosines[k]), s = spread(mb_sines[k]);
  return (Complex){subtract_product(z.im * s, z.re, c), add_product(z.im * c, z.re, s)};
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
  const Vec h = spread((mb_real)0.70710678118654752440);
  butterfly4(z, 2);
  butterfly4(z + 1, 2);
  const Complex o0 = z[1], o2 = {z[5].im, -z[5].re};
  const Complex o1 = {z[3].re + z[3].im, z[3].im - z[3].re}; /* without the factor h, as o3 */
  const Complex o3 = {z[7].im - z[7].re, z[7].re + z[7].im}; /* and its im with the other sign */
  const Complex e0 = z[0], e1 = z[2], e2 = z[4], e3 = z[6];
  z[0] = (Complex){e0.re + o0.re, e0.im + o0.im}, z[4] = (Complex){e0.re - o0.re, e0.im - o0.im};
  z[1] = (Complex){add_product(e1.re, o1.re, h), add_product(e1.im, o1.im, h)};
  z[5] = (Complex){subtract_product(e1.re, o1.re, h), subtract_product(e1.im, o1.im, h)};
  z[2] = (Complex){e2.re + o2.re, e2.im + o2.im}, z[6] = (Complex){e2.re - o2.re, e2.im - o2.im};
  z[3] = (Complex){add_product(e3.re, o3.re, h), subtract_product(e3.im, o3.im, h)};
  z[7] = (Complex){subtract_product(e3.re, o3.re, h), add_product(e3.im, o3.im, h)};
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
  static const mb_real zeros[MB_MAX_LANES] = {0};
  Complex middle[8][8] MB_ALIGNED, z[8] MB_ALIGNED;
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
    for (int k = 1; k < A; k++) middle[k][b] = rotate(z[k], b * k * (MB_MAX_FFT / (A * B)));
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

/* Twice the transform of 2 n = 2 A B rows, from the transform of n complex numbers. */
MB_INLINE void fourier_transform(mb_real *planes, mb_size plane, const mb_real *rows, mb_size ld, int filter,
                                 const int A, const int B) {
  const int n = A * B;
  const bool plus = filter > 0;
  Complex z[MB_MAX_FFT / 2] MB_ALIGNED;
  fourier(z, rows, ld, plus ? filter : 2 * n, A, B, false);
  store(planes, (z[0].re + z[0].im) * 2);
  store(planes + plane, (z[0].re - z[0].im) * 2);
  put(planes, plane, n / 2, z[n / 2].re * 2, z[n / 2].im * -2, plus);
  for (int k = 1; k < n / 2; k++) {
    const Complex a = z[k], b = z[n - k];
    const Complex even = {a.re + b.re, a.im - b.im};
    const Complex odd = rotate((Complex){a.im + b.im, b.re - a.re}, k * (MB_MAX_FFT / (2 * n)));
    put(planes, plane, k, even.re + odd.re, even.im + odd.im, plus);
    put(planes, plane, n - k, even.re - odd.re, odd.im - even.im, plus);
  }
}

/* The complex product from its three real products: see conv1d_fft.c. */
MB_INLINE Complex take(const mb_real *planes, mb_size plane, int k) {
  const mb_real *x = planes + (3 * k - 1) * plane;
  const Vec rr = load(x), ii = load(x + plane), mixed = load(x + 2 * plane);
  return (Complex){rr + ii, rr - ii - mixed};
}

/* T times the rows whose transform has these products; row t goes to rows + t LANES. */
MB_INLINE void fourier_inverse(mb_real *rows, const mb_real *planes, mb_size plane, const int A,
                               const int B) {
  const int n = A * B;
  Complex z[MB_MAX_FFT / 2] MB_ALIGNED;
  const Vec first = load(planes), last = load(planes + plane);
  z[0] = (Complex){first + last, first - last};
  const Complex middle = take(planes, plane, n / 2);
  z[n / 2] = (Complex){middle.re * 2, middle.im * -2};
  for (int k = 1; k < n / 2; k++) {
    const Complex a = take(planes, plane, k), b = take(planes, plane, n - k);
    const Complex even = {a.re + b.re, a.im - b.im};
    /* i (a - conj b) e^(+2 pi i k / 2n), by rotating its conjugate */
    const Complex odd = rotate_mirrored((Complex){a.im + b.im, b.re - a.re}, k * (MB_MAX_FFT / (2 * n)));
    z[k] = (Complex){even.re + odd.re, even.im - odd.im};
    z[n - k] = (Complex){even.re - odd.re, -even.im - odd.im};
  }
  fourier((Complex *)rows, (const mb_real *)z, LANES, 2 * n, A, B, true);
}
