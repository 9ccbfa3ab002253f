/* simd_fma.h - c + a b and c - a b: one instruction, and rounded once, if the set has one. Part of simd.h.
 *
 * The sources say so for each one, because compilers differ in which products and sums they contract, and the
 * same compiler contracts them in one loop and not in another one that has to give the same bits. So
 * everything is compiled with -ffp-contract=off. */

/* For single reals, in exp.h. */
#if defined(__FMA__) || defined(__aarch64__)
#ifdef MB_DOUBLE
#define MB_ADD_PRODUCT(c, a, b) __builtin_fma(a, b, c)
#else
#define MB_ADD_PRODUCT(c, a, b) __builtin_fmaf(a, b, c)
#endif
#endif

#if defined(__FMA__) && REGISTER >= 32
#include <immintrin.h>
#ifdef MB_DOUBLE
#define OF_REALS(name) name##d
#define FMADD          "vfmadd231pd"
#else
#define OF_REALS(name) name##s
#define FMADD          "vfmadd231ps"
#endif
#if REGISTER == 64
#define WHOLE(name) OF_REALS(_mm512_##name##_p)
#define HALF(name)  OF_REALS(_mm256_##name##_p)
#else
#define WHOLE(name) OF_REALS(_mm256_##name##_p)
#define HALF(name)  OF_REALS(_mm_##name##_p)
#endif
#define PLUS(f, c, a, b)  f(fmadd)(a, b, c)
#define MINUS(f, c, a, b) f(fnmadd)(a, b, c)
#elif defined(__aarch64__)
#include <arm_neon.h>
#ifdef MB_DOUBLE
#define OF_REALS(name) name##_f64
#else
#define OF_REALS(name) name##_f32
#endif
#define WHOLE(name)       OF_REALS(name##q)
#define HALF(name)        OF_REALS(name)
#define PLUS(f, c, a, b)  f(vfma)(c, a, b)
#define MINUS(f, c, a, b) f(vfms)(c, a, b)
#else
#define PLUS(f, c, a, b)  ((c) + (a) * (b))
#define MINUS(f, c, a, b) ((c) - (a) * (b))
#endif

MB_INLINE Vec add_product(Vec c, Vec a, Vec b) {
  return PLUS(WHOLE, c, a, b);
}
MB_INLINE Vec subtract_product(Vec c, Vec a, Vec b) {
  return MINUS(WHOLE, c, a, b);
}
MB_INLINE Half add_product_half(Half c, Half a, Half b) {
  return PLUS(HALF, c, a, b);
}

/* sum += a b. In a loop that fills the registers and prefetches, gcc 12 copies sums of the
 * intrinsic into memory and back in each step, which it does not if one operand is read and written
 * (in_place); in other loops it then copies sums from register to register, and takes no b from memory by
 * itself. */
MB_INLINE void add_to(Vec *sum, Vec a, Vec b, const bool in_place) {
#ifdef FMADD
  if (in_place) {
    __asm__(FMADD " %2, %1, %0" : "+v"(*sum) : "v"(a), "v"(b));
    return;
  }
#endif
  (void)in_place;
  *sum = add_product(*sum, a, b);
}

/* x in all lanes: x - 0 is x, also for -0. */
MB_INLINE Vec spread(mb_real x) {
  return x - (Vec){0};
}
MB_INLINE Half spread_half(mb_real x) {
  return x - (Half){0};
}
