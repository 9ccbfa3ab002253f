/* conv1d.c - convolution: the plan, which chooses an algorithm for each pass, and the passes. */
#include "conv1d_parts.h"

#include <math.h>

static _Thread_local mb_conv1d_algorithm forced = MB_AUTOMATIC;

void mb_set_conv1d_algorithm(mb_conv1d_algorithm algorithm) {
  forced = algorithm;
}

/* ---- plan ------------------------------------------------------------------------------------- */

/* An equivalent simpler shape: pooling of size 1 becomes stride; stride is capped at the padded length; rows
 * that no window reads are dropped; kernel 1 joins all samples into one. pool = 0 if nothing but the bias
 * follows. */
static mb_conv1d simplified(const mb_conv1d *s) {
  mb_conv1d r = *s;
  if (r.pool == 0) r.pool = r.pool_stride = 1;
  if (r.pool == 1) {
    r.stride *= r.pool_stride;
    r.pool_stride = 1;
    r.L_out = r.L_pool;
    if (r.K == 1 && r.stride == 1 && r.L == r.L_out) {
      r.L = r.L_out = r.L_pool = r.N * r.L;
      r.N = 1;
    }
    if (r.slope == 1) r.pool = 0;
  }
  r.stride = mb_min(r.stride, r.L + r.pad_left + r.pad_right);
  if (r.pool > 0) r.L_out = mb_conv1d_rows(&r, r.L_pool);
  return r;
}

/* Tells whether there are windows of padding alone: transforms would round the zeros that these see. */
static bool sees_nothing(const mb_conv1d *r) {
  return mb_max(r->pad_left, r->pad_right) > (r->K - 1) * r->dilation;
}

/* Cost of the direct algorithm less that of transforms of T rows; T = 0: those are impossible. */
static double fft_gain(const mb_conv1d *r, int T, mb_conv1d_pass pass) {
  if (forced == MB_DIRECT || T == 0) return -INFINITY;
  return forced == MB_FFT ? INFINITY : mb_conv1d_direct_cost(r, pass) - mb_conv1d_fft_cost(r, T, pass);
}

/* Vector loads across cache lines would halve the speed of products that read scratch. */
#define ALIGN_REALS 16
static mb_real *aligned(void *scratch) {
  const uintptr_t mask = ALIGN_REALS * sizeof(mb_real) - 1;
  return (mb_real *)(((uintptr_t)scratch + mask) & ~mask);
}

static size_t scratch_bytes(const mb_conv1d *s, const mb_conv1d *r) {
  const int T = (int)mb_max(s->T_dx, mb_max(s->T_dw, s->T_both));
  mb_size reals = mb_conv1d_direct_scratch(r);
  if (s->T_y > 0) reals = mb_max(reals, mb_conv1d_fft_scratch(r, s->T_y, false));
  if (T > 0) reals = mb_max(reals, mb_conv1d_fft_scratch(r, T, true));
  return (size_t)(ALIGN_REALS + reals) * sizeof(mb_real);
}

static mb_status fill_lengths(mb_conv1d *s) {
  mb_size none;
  const mb_status status = mb_window(&s->L_out, &s->pad_left, &s->pad_right, s->L, s->K, s->stride,
                                     s->dilation, s->padding, s->before, s->after);
  s->L_pool = s->L_out;
  if (status != MB_OK || s->pool == 0) return status;
  if (s->pool > MB_MAX_POOL)
    return mb_refuse(MB_BAD_VALUE, "pool size is %td, at most %d expected", s->pool, MB_MAX_POOL);
  return mb_window(&s->L_pool, &none, &none, s->L_out, s->pool, s->pool_stride, 1, MB_VALID, 0, 0);
}

static mb_status check_groups(const mb_conv1d *s) {
  if (s->groups >= 0 && (s->groups <= 1 || (s->C % s->groups == 0 && s->F % s->groups == 0))) return MB_OK;
  return mb_refuse(MB_BAD_SHAPE, "groups: expected a divisor of %td channels and %td filters, got %td", s->C,
                   s->F, s->groups);
}

/* Up to this many products of a group per tap, lane by lane is faster than group by group. */
#define NARROW 64
static bool is_narrow(const mb_conv1d *s) {
  return s->groups > 1 && mb_group_inputs(s) * mb_group_filters(s) <= NARROW;
}

static mb_status check_sizes(const mb_conv1d *s) {
  if (s->N > 0 && s->C > 0 && s->F > 0) return MB_OK;
  return mb_refuse(MB_BAD_SHAPE, "N, C and F are %td, %td and %td, at least 1 expected", s->N, s->C, s->F);
}

/* No array has more elements; below it no product of sizes overflows. */
#define MOST_ELEMENTS 0x1p45

static mb_status check_counts(const mb_conv1d *s) {
  const double N = (double)s->N, C = (double)s->C, F = (double)s->F;
  const double x = N * (double)(s->L + s->pad_left + s->pad_right) * C, w = (double)s->K * C * F,
               y = N * (double)s->L_out * F;
  if (x <= MOST_ELEMENTS && w <= MOST_ELEMENTS && y <= MOST_ELEMENTS) return MB_OK;
  return mb_refuse(MB_BAD_SHAPE,
                   "padded input, weights and result have %.3g, %.3g and %.3g elements, at most "
                   "%.3g expected",
                   x, w, y, MOST_ELEMENTS);
}

mb_status mb_conv1d_plan(mb_conv1d *s, int threads) {
  mb_status status = check_sizes(s);
  if (status == MB_OK) status = fill_lengths(s);
  if (status == MB_OK) status = check_groups(s);
  if (status == MB_OK) status = check_counts(s);
  if (status != MB_OK) return status;
  s->threads = threads < 1 ? 1 : threads;
  const mb_conv1d r = simplified(s);
  s->has_argmax = r.pool > 0;
  if (s->groups > 1 && !is_narrow(s)) return mb_conv1d_groups_plan(s);
  if (s->groups > 1) {
    s->scratch_bytes = (size_t)(ALIGN_REALS + mb_conv1d_lanes_scratch(&r)) * sizeof(mb_real);
    return MB_OK;
  }
  const int T = sees_nothing(&r) ? 0 : mb_conv1d_fft_rows(&r, false),
            T_back = T > 0 ? mb_conv1d_fft_rows(&r, true) : 0;
  const double gain_x = fft_gain(&r, T_back, MB_PASS_DX), gain_w = fft_gain(&r, T_back, MB_PASS_DW);
  s->T_y = fft_gain(&r, T, MB_PASS_Y) > 0 ? T : 0;
  s->T_dx = gain_x > 0 ? T_back : 0;
  s->T_dw = gain_w > 0 ? T_back : 0;
  s->T_both = gain_x + gain_w > 0 ? T_back : 0;
  s->scratch_bytes = scratch_bytes(s, &r);
  return MB_OK;
}

/* ---- passes ----------------------------------------------------------------------------------- */

void mb_conv1d_forward(mb_real *y, uint8_t *argmax, void *scratch, const mb_real *x, const mb_real *w,
                       const mb_real *b, const mb_conv1d *plan) {
  if (plan->groups > 1 && !is_narrow(plan)) {
    mb_conv1d_groups_forward(y, argmax, scratch, x, w, b, plan);
    return;
  }
  const mb_conv1d s = simplified(plan);
  if (!s.has_argmax) argmax = NULL;
  if (s.groups > 1)
    mb_conv1d_lanes_forward(y, argmax, aligned(scratch), x, w, b, &s);
  else
    (s.T_y > 0 ? mb_conv1d_fft_forward : mb_conv1d_direct_forward)(y, argmax, aligned(scratch), x, w, b, &s);
}

void mb_conv1d_backward(mb_real *dx, mb_real *dw, mb_real *db, void *scratch, const mb_real *dy,
                        const uint8_t *argmax, const mb_real *x, const mb_real *w, const mb_conv1d *plan) {
  if (plan->groups > 1 && !is_narrow(plan)) {
    mb_conv1d_groups_backward(dx, dw, db, scratch, dy, argmax, x, w, plan);
    return;
  }
  const mb_conv1d s = simplified(plan);
  /* One algorithm for all gradients, because each reads dy. That of the bias alone is the one of all, for the
   * same bits. */
  const int T = dx && !dw ? s.T_dx : dw && !dx ? s.T_dw : s.T_both;
  if (s.groups > 1)
    mb_conv1d_lanes_backward(dx, dw, db, aligned(scratch), dy, argmax, x, w, &s);
  else if (T > 0)
    mb_conv1d_fft_backward(dx, dw, db, aligned(scratch), dy, argmax, x, w, &s, T);
  else
    mb_conv1d_direct_backward(dx, dw, db, aligned(scratch), dy, argmax, x, w, &s);
}
