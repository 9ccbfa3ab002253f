/* cumulative.c - running sums and products along a dimension. */
#include "internal.h"

#include <math.h>

void mb_cumsum(mb_real *y, const mb_real *x, mb_size outer, mb_size D, mb_size inner) {
  MB_FOR(mb_threads_for(outer * D * inner), o, outer, 1, {
    for (mb_size n = 0; n < inner; n++) {
      double sum = 0;
      for (mb_size i = o * D * inner + n; i < (o + 1) * D * inner; i += inner)
        y[i] = (mb_real)(sum += (double)x[i]);
    }
  });
}

void mb_cumsum_backward(mb_real *dx, const mb_real *dy, mb_size outer, mb_size D, mb_size inner) {
  if (!dx) return;
  MB_FOR(mb_threads_for(outer * D * inner), o, outer, 1, {
    for (mb_size n = 0; n < inner; n++) {
      double sum = 0;
      for (mb_size i = ((o + 1) * D - 1) * inner + n; i >= o * D * inner; i -= inner)
        dx[i] = (mb_real)(sum += (double)dy[i]);
    }
  });
}

/* mantissa 2^exponent: in between, a product may leave the range of double. 1 or -1 stands in the mantissa
 * for zeros, infinities and NaN, which are counted, so that each factor can be taken out again. */
typedef struct {
  double mantissa;
  long exponent;
  mb_size zeros, infinities, nans;
} Product;

/* x = mantissa 2^exponent, or 1 or -1 in its place. */
static double split(double x, int *exponent) {
  return frexp(isfinite(x) && x != 0 ? x : copysign(1, x), exponent);
}

static void count_in(Product *p, double x, int times) {
  p->zeros += x == 0 ? times : 0;
  p->infinities += isinf(x) ? times : 0;
  p->nans += isnan(x) ? times : 0;
}

static double value_of(const Product *p) {
  if (p->nans > 0 || (p->zeros > 0 && p->infinities > 0)) return NAN;
  if (p->zeros > 0) return copysign(0, p->mantissa);
  return p->infinities > 0 ? copysign(INFINITY, p->mantissa) : scalbln(p->mantissa, p->exponent);
}

static Product product_of(const mb_real *x, mb_size D, mb_size inner) {
  Product p = {.mantissa = 1};
  for (mb_size i = 0; i < D * inner; i += inner) {
    int of_x, of_product;
    p.mantissa = frexp(p.mantissa * split((double)x[i], &of_x), &of_product);
    p.exponent += of_x + of_product;
    count_in(&p, (double)x[i], 1);
  }
  return p;
}

static double product_without(Product p, double x) {
  int exponent;
  p.mantissa /= split(x, &exponent);
  p.exponent -= exponent;
  count_in(&p, x, -1);
  return value_of(&p);
}

void mb_prod(mb_real *y, const mb_real *x, mb_size outer, mb_size D, mb_size inner) {
  MB_FOR(mb_threads_for(outer * D * inner), o, outer, 1, {
    for (mb_size n = 0; n < inner; n++) {
      const Product p = product_of(x + o * D * inner + n, D, inner);
      y[o * inner + n] = (mb_real)value_of(&p);
    }
  });
}

void mb_prod_backward(mb_real *dx, const mb_real *dy, const mb_real *x, mb_size outer, mb_size D,
                      mb_size inner) {
  if (!dx) return;
  MB_FOR(mb_threads_for(outer * D * inner), o, outer, 1, {
    for (mb_size n = 0; n < inner; n++) {
      const Product p = product_of(x + o * D * inner + n, D, inner);
      const double gradient = (double)dy[o * inner + n];
      for (mb_size i = o * D * inner + n; i < (o + 1) * D * inner; i += inner) {
        const double others = product_without(p, (double)x[i]);
        dx[i] = gradient == 0 || others == 0 ? 0 : (mb_real)(gradient * others); /* as mb_chain */
      }
    }
  });
}
