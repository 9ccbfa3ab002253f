/* cumulative.c - running sums and products along a dimension. */
#include "internal.h"

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

void mb_prod(mb_real *y, const mb_real *x, mb_size outer, mb_size D, mb_size inner) {
  MB_FOR(mb_threads_for(outer * D * inner), o, outer, 1, {
    for (mb_size n = 0; n < inner; n++) {
      double product = 1;
      for (mb_size i = o * D * inner + n; i < (o + 1) * D * inner; i += inner) product *= (double)x[i];
      y[o * inner + n] = (mb_real)product;
    }
  });
}

/* A sweep from each end: y / x would fail where x is 0. */
void mb_prod_backward(mb_real *dx, const mb_real *dy, const mb_real *x, mb_size outer, mb_size D,
                      mb_size inner) {
  if (!dx) return;
  MB_FOR(mb_threads_for(outer * D * inner), o, outer, 1, {
    for (mb_size n = 0; n < inner; n++) {
      double before = 1;
      double behind = (double)dy[o * inner + n];
      for (mb_size i = o * D * inner + n; i < (o + 1) * D * inner; before *= (double)x[i], i += inner)
        dx[i] = (mb_real)before;
      for (mb_size i = ((o + 1) * D - 1) * inner + n; i >= o * D * inner; behind *= (double)x[i], i -= inner)
        dx[i] = (mb_real)((double)dx[i] * behind);
    }
  });
}
