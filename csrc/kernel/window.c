/* window.c - where the windows of convolution and pooling lie: the one place that knows output lengths. */
#include "internal.h"

#include <stdio.h>

/* BLAS counts with 32 bits; below this no sum or product here overflows. */
#define LARGEST INT32_MAX

static mb_status check_size(const char *what, mb_size value, mb_size least) {
  if (value < least) return mb_refuse(MB_BAD_VALUE, "%s is %td, at least %td expected", what, value, least);
  if (value > LARGEST) return mb_refuse(MB_BAD_VALUE, "%s is %td, at most %d expected", what, value, LARGEST);
  return MB_OK;
}

#define SPAN "kernel spans %td points (kernel %td, dilation %td)"
static mb_status check_span(mb_size span, mb_size L, mb_size K, mb_size dilation, mb_padding padding,
                            mb_size pad) {
  if (span > LARGEST)
    return mb_refuse(MB_BAD_VALUE, SPAN ", at most %d expected", span, K, dilation, LARGEST);
  if (padding == MB_SAME || (pad < span && span <= L + 2 * pad)) return MB_OK;
  char used[48] = "valid";
  if (padding == MB_EXPLICIT) snprintf(used, sizeof used, "%td on each side", pad);
  if (pad >= span)
    return mb_refuse(MB_BAD_VALUE, SPAN ", but padding is %s: windows would see no input", span, K, dilation,
                     used);
  return mb_refuse(MB_BAD_SHAPE, SPAN ", but the input has %td and padding is %s", span, K, dilation, L,
                   used);
}

mb_status mb_window(mb_size *L_out, mb_size *pad_left, mb_size *pad_right, mb_size L, mb_size K,
                    mb_size stride, mb_size dilation, mb_padding padding, mb_size pad) {
  if (padding != MB_EXPLICIT) pad = 0;
  mb_status status = MB_OK;
  if ((status = check_size("input length", L, 1)) || (status = check_size("kernel", K, 1)) ||
      (status = check_size("stride", stride, 1)) || (status = check_size("dilation", dilation, 1)) ||
      (status = check_size("padding", pad, 0)))
    return status;
  const mb_size span = (K - 1) * dilation + 1;
  if ((status = check_span(span, L, K, dilation, padding, pad))) return status;

  /* the key equation */
  const mb_size same = mb_ceil_div(L, stride);
  const mb_size total = padding == MB_SAME ? mb_max((same - 1) * stride + span - L, 0) : 2 * pad;
  *L_out = padding == MB_SAME ? same : (L + total - span) / stride + 1;
  *pad_left = total / 2;
  *pad_right = total - total / 2;
  return MB_OK;
}
