/* exp.h - exp and its kin of one real, written so that loops over them vectorise. */
#ifndef MB_EXP_H
#define MB_EXP_H

#include "internal.h"

#include <math.h>
#include <string.h>

/* c + a b; simd_fma.h decides if it is one instruction. */
#ifndef MB_ADD_PRODUCT
#define MB_ADD_PRODUCT(c, a, b) ((c) + (a) * (b))
#endif

#ifdef MB_DOUBLE

static inline double mb_exp(double x) {
  return exp(x);
}
static inline double mb_exp_negative(double x) {
  return exp(x);
}
static inline double mb_expm1_negative(double x) {
  return expm1(x);
}
static inline double mb_log1p_unit(double x) {
  return log1p(x);
}
static inline double mb_normal_cdf(double x) {
  return erfc(-x * 0.70710678118654752440) / 2;
}

#else

static inline float mb_float_of_bits(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static inline uint32_t mb_bits_of_float(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

/* a if condition holds, else b. For x < low ? low : x a compiler makes branches, and may then compute the exp
 * of low, which is a slow denormal, for elements whose exp is not used. */
static inline float mb_select(bool condition, float a, float b) {
  const uint32_t mask = -(uint32_t)condition;
  return mb_float_of_bits((mb_bits_of_float(a) & mask) | (mb_bits_of_float(b) & ~mask));
}

/* x = n ln 2 + r with |r| <= ln 2 / 2: gives exp(r) - 1 by its series up to r^7, error 5e-9 r,
 * and n + 256, which is positive for |x| <= 150. */
static inline float mb_exp_reduced(float x, uint32_t *n_plus_256) {
  const float round = 0x1.8p23f + 256; /* x + round has no bits left for a fraction */
  const float shifted = MB_ADD_PRODUCT(round, x, 1.44269504f), n = shifted - round;
  memcpy(n_plus_256, &shifted, sizeof shifted);
  *n_plus_256 &= 0x3fffff;
  /* ln 2 in two parts */
  const float r = MB_ADD_PRODUCT(MB_ADD_PRODUCT(x, -n, 0.693145751953125f), -n, 1.428606765330187e-6f);
  float series = MB_ADD_PRODUCT(1 / 720.f, r, 1 / 5040.f);
  series = MB_ADD_PRODUCT(1 / 120.f, r, series);
  series = MB_ADD_PRODUCT(1 / 24.f, r, series);
  series = MB_ADD_PRODUCT(1 / 6.f, r, series);
  series = MB_ADD_PRODUCT(1 / 2.f, r, series);
  return MB_ADD_PRODUCT(r, r * r, series);
}

/* exp(x) for x <= 0. Within 2 ulp; underflows through the denormals, NaN stays. */
static inline float mb_exp_negative(float x) {
  uint32_t n;
  x = mb_select(x < -150, -150, x);
  const float q = mb_exp_reduced(x, &n);
  const uint32_t half =
      n >> 1; /* 2^n in two factors, for neither of which the exponent is too small or large */
  const float scale = mb_float_of_bits((half - 1) << 23), rest = mb_float_of_bits((n - half - 1) << 23);
  return MB_ADD_PRODUCT(scale, scale, q) * rest;
}

/* The same for any x; overflows to infinity. */
static inline float mb_exp(float x) {
  return mb_exp_negative(mb_select(x > 150, 150, x));
}

/* exp(x) - 1 for x <= 0, accurate near 0. */
static inline float mb_expm1_negative(float x) {
  uint32_t n;
  const float q = mb_exp_reduced(x < -80 ? -80 : x, &n), scale = mb_float_of_bits((n - 129) << 23);
  return MB_ADD_PRODUCT(scale - 1, scale, q);
}

/* log(1 + x) for 0 <= x <= 1: 2 artanh(s) by its series up to s^13. */
static inline float mb_log1p_unit(float x) {
  const float s = x / (2 + x), t = s * s;
  float series = MB_ADD_PRODUCT(1 / 11.f, t, 1 / 13.f);
  series = MB_ADD_PRODUCT(1 / 9.f, t, series);
  series = MB_ADD_PRODUCT(1 / 7.f, t, series);
  series = MB_ADD_PRODUCT(1 / 5.f, t, series);
  series = MB_ADD_PRODUCT(1 / 3.f, t, series);
  return 2 * s * MB_ADD_PRODUCT(1.f, t, series);
}

/* The lower tail at -z, z = |x| / sqrt 2, is t / 2 exp(-z^2 + polynomial in t), t = 1 / (1 + z / 2). The
 * polynomial is a minimax fit of log(exp(z^2) erfc(z) / t) for z <= 10.5. Within 3e-7, also of the tail
 * itself if it is above 1e-6. */
static inline float mb_normal_cdf(float x) {
  const float t = 1 / MB_ADD_PRODUCT(1.f, x < 0 ? -x : x, 0.353553391f);
  static const float factors[] = {0.14577168f,    -0.68566639f, 1.1688365f,  -0.71348290f, -0.064939046f,
                                  -0.0075568743f, 0.037867468f, 0.38589516f, 0.99872750f,  -1.2654531f};
  float polynomial = factors[0];
#pragma GCC unroll 16
  for (int i = 1; i < 10; i++) polynomial = MB_ADD_PRODUCT(factors[i], t, polynomial);
  const float tail = t / 2 * mb_exp_negative(MB_ADD_PRODUCT(polynomial, x, -x / 2));
  return x < 0 ? tail : 1 - tail;
}

#endif

static inline mb_real mb_sigmoid(mb_real x) {
  const mb_real e = mb_exp_negative(x < 0 ? x : -x);
  return (x < 0 ? e : 1) / (1 + e);
}

static inline mb_real mb_tanh(mb_real x) {
  const mb_real e = mb_expm1_negative(x < 0 ? 2 * x : -2 * x), t = e / (e + 2);
  return x < 0 ? t : -t;
}

#endif
