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
                            mb_size before, mb_size after) {
  if (span > LARGEST)
    return mb_refuse(MB_BAD_VALUE, SPAN ", at most %d expected", span, K, dilation, LARGEST);
  if (padding == MB_SAME || padding == MB_CAUSAL || span <= L + before + after) return MB_OK;
  char used[64] = "valid";
  if (padding == MB_EXPLICIT && before == after) snprintf(used, sizeof used, "%td on each side", before);
  if (before != after) snprintf(used, sizeof used, "%td before and %td after it", before, after);
  return mb_refuse(MB_BAD_SHAPE, SPAN ", but the input has %td and padding is %s", span, K, dilation, L,
                   used);
}

mb_status mb_window(mb_size *L_out, mb_size *pad_left, mb_size *pad_right, mb_size L, mb_size K,
                    mb_size stride, mb_size dilation, mb_padding padding, mb_size before, mb_size after) {
  if (padding != MB_EXPLICIT) before = after = 0;
  mb_status status = MB_OK;
  if ((status = check_size("input length", L, 1)) || (status = check_size("kernel", K, 1)) ||
      (status = check_size("stride", stride, 1)) || (status = check_size("dilation", dilation, 1)) ||
      (status = check_size("padding", before, 0)) || (status = check_size("padding", after, 0)) ||
      (status = check_size("padded length", L + before + after, 1)))
    return status;
  const mb_size span = (K - 1) * dilation + 1;
  if ((status = check_span(span, L, K, dilation, padding, before, after))) return status;

  /* the key equation */
  const mb_size same = mb_ceil_div(L, stride), total = mb_max((same - 1) * stride + span - L, 0);
  *pad_left = padding == MB_SAME ? total / 2 : padding == MB_CAUSAL ? span - 1 : before;
  *pad_right = padding == MB_SAME ? total - total / 2 : after;
  *L_out = padding == MB_SAME ? same : (L + *pad_left + *pad_right - span) / stride + 1;
  return MB_OK;
}
