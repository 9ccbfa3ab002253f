/* conv1d_check.h - what the tests of convolutions share: a convolution with its arrays, the formula of the
 * header as plain loops, and tests of the large shapes that a file lists. */
#ifndef CONV1D_CHECK_H
#define CONV1D_CHECK_H

#include "check.h"
#include "simd_table.h" /* mb_use_simd */

#define GUARD ((mb_real)12345)

/* ---- a convolution with its arrays ---------------------------------------------------- */

typedef struct {
  mb_conv1d s;
  mb_size x_count, w_count, y_count;
  mb_real *x, *w, *b, *dy;
  mb_real *y, *dx, *dw, *db;
  uint8_t *argmax;
} Conv;

static inline mb_size groups_of(const mb_conv1d *s) {
  return s->groups > 0 ? s->groups : 1;
}

/* Pooling windows that do not fit are made smaller. */
static inline Conv new_conv(mb_conv1d s, mb_padding padding, mb_size before, mb_size after) {
  s.padding = padding, s.before = before, s.after = after;
  const mb_size pool = s.pool;
  s.pool = 0;
  assert_int_equal(mb_conv1d_plan(&s, 1), MB_OK);
  s.pool = pool > s.L_out ? s.L_out : pool;
  assert_int_equal(mb_conv1d_plan(&s, mb_get_threads()), MB_OK);
  const mb_size x = s.N * s.L * s.C, w = s.K * s.C * s.F / groups_of(&s), y = s.N * s.L_pool * s.F;
  return (Conv){.s = s,
                .x_count = x,
                .w_count = w,
                .y_count = y,
                .x = check_random(x, 1),
                .w = check_random(w, 2),
                .b = check_random(s.F, 3),
                .dy = check_random(y, 4),
                .y = check_zeros(y),
                .dx = check_zeros(x),
                .dw = check_zeros(w),
                .db = check_zeros(s.F),
                .argmax = s.has_argmax ? malloc((size_t)y) : NULL};
}

static inline void free_conv(Conv *c) {
  mb_real *arrays[] = {c->x, c->w, c->b, c->dy, c->y, c->dx, c->dw, c->db};
  for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) free(arrays[i]);
  free(c->argmax);
}

static inline void fill(mb_real *values, mb_size count, mb_real value) {
  for (mb_size i = 0; i < count; i++) values[i] = value;
}

/* Scratch is full of NaN, with a guard after it: kernels may neither use its content nor write beyond it. */
static inline void *new_scratch(const mb_conv1d *s) {
  const mb_size count = (mb_size)(s->scratch_bytes / sizeof(mb_real));
  mb_real *scratch = check_zeros(count + 1);
  fill(scratch, count, (mb_real)NAN);
  scratch[count] = GUARD;
  return scratch;
}

static inline void free_scratch(void *scratch, const mb_conv1d *s) {
  assert_true(((mb_real *)scratch)[s->scratch_bytes / sizeof(mb_real)] == GUARD);
  free(scratch);
}

/* Returns the plan for the present number of threads. */
static inline mb_conv1d plan_of(const Conv *c) {
  mb_conv1d s = c->s;
  assert_int_equal(mb_conv1d_plan(&s, mb_get_threads()), MB_OK);
  return s;
}

static inline void run_forward(mb_real *y, const Conv *c, const mb_real *x, const mb_real *w,
                               const mb_real *b) {
  const mb_conv1d plan = plan_of(c);
  void *scratch = new_scratch(&plan);
  fill(y, c->y_count, (mb_real)NAN);
  mb_conv1d_forward(y, c->argmax, scratch, x, w, b, &plan);
  free_scratch(scratch, &plan);
}

/* Runs after a forward pass, whose argmax it reads. */
static inline void run_backward(Conv *c, bool want_x, bool want_w, bool want_b) {
  const mb_conv1d plan = plan_of(c);
  void *scratch = new_scratch(&plan);
  fill(c->dx, c->x_count, (mb_real)NAN);
  fill(c->dw, c->w_count, (mb_real)NAN);
  fill(c->db, c->s.F, (mb_real)NAN);
  mb_conv1d_backward(want_x ? c->dx : NULL, want_w ? c->dw : NULL, want_b ? c->db : NULL, scratch, c->dy,
                     c->argmax, want_w ? c->x : NULL, c->w, &plan);
  free_scratch(scratch, &plan);
}

/* ---- against the formula of the header, straight -------------------------------------- */

typedef struct {
  double *y, *dx, *dw, *db;
} Plain;

static inline double *new_doubles(mb_size count) {
  return calloc((size_t)count, sizeof(double));
}

/* Unpools: the gradient of the convolution's rows, through argmax; and y from the rows. A near tie may go to
 * either row: the value at argmax has to equal the largest, up to rounding. */
static inline void plain_finish(double *y, double *drows, const double *rows, const Conv *c) {
  const mb_conv1d *s = &c->s;
  const mb_size pool = s->pool > 0 ? s->pool : 1, step = s->pool > 0 ? s->pool_stride : 1;
  for (mb_size i = 0; i < c->y_count; i++) {
    const mb_size f = i % s->F, window = i / s->F % s->L_pool, n = i / s->F / s->L_pool;
    const mb_size first = (n * s->L_out + window * step) * s->F + f;
    double largest = rows[first];
    for (mb_size k = 1; k < pool; k++) largest = fmax(largest, rows[first + k * s->F]);
    y[i] = s->slope == 0 && largest < 0 ? 0 : largest;
    const int argmax = s->has_argmax ? c->argmax[i] : 0;
    if (argmax == 255) {
      assert_true(s->slope == 0 && largest <= CHECK_TOLERANCE * 100);
      continue;
    }
    assert_true(argmax < pool && (s->slope != 0 || largest >= -CHECK_TOLERANCE * 100));
    assert_false(rows[first + argmax * s->F] < largest - CHECK_TOLERANCE * 100);
    drows[first + argmax * s->F] += c->dy[i];
  }
}

static inline Plain plain_conv(const Conv *conv) {
  const mb_conv1d *s = &conv->s;
  const mb_size row_count = s->N * s->L_out, C = s->C / groups_of(s);
  const Plain p = {new_doubles(conv->y_count), new_doubles(conv->x_count), new_doubles(conv->w_count),
                   new_doubles(s->F)};
  double *rows = new_doubles(row_count * s->F), *drows = new_doubles(row_count * s->F);
  for (int backward = 0; backward < 2; backward++) {
    for (mb_size row = 0; row < row_count; row++) {
      const mb_size n = row / s->L_out, t = row % s->L_out;
      for (mb_size f = 0; f < s->F; f++)
        if (backward)
          p.db[f] += drows[row * s->F + f];
        else
          rows[row * s->F + f] = conv->b[f];
      for (mb_size kc = 0; kc < s->K * C; kc++) {
        const mb_size at = t * s->stride + kc / C * s->dilation - s->pad_left;
        if (at < 0 || at >= s->L) continue;
        for (mb_size f = 0; f < s->F; f++) {
          const mb_size i = (n * s->L + at) * s->C + f * groups_of(s) / s->F * C + kc % C;
          const double w = conv->w[kc * s->F + f], dy = drows[row * s->F + f];
          rows[row * s->F + f] += backward ? 0 : conv->x[i] * w;
          p.dx[i] += backward ? dy * w : 0;
          p.dw[kc * s->F + f] += backward ? dy * conv->x[i] : 0;
        }
      }
    }
    if (!backward) plain_finish(p.y, drows, rows, conv);
  }
  free(rows);
  free(drows);
  return p;
}

/* Long sums may cancel, so errors are relative to the largest value. */
static inline void check_and_free(const char *what, const Conv *c, const mb_real *values, double *plain,
                                  mb_size count) {
  const mb_conv1d *s = &c->s;
  double largest = 1;
  for (mb_size i = 0; i < count; i++) largest = fmax(largest, fabs(plain[i]));
  for (mb_size i = 0; i < count; i++)
    if (!(fabs(values[i] - plain[i]) <= CHECK_TOLERANCE * largest))
      fail_msg(
          "N %td, L %td, C %td, K %td, F %td, groups %td, stride %td, dilation %td, pad %td, pool %td / %td, "
          "slope %g: %s %td is %.9g, expected %.9g",
          s->N, s->L, s->C, s->K, s->F, s->groups, s->stride, s->dilation, s->pad_left, s->pool,
          s->pool_stride, (double)s->slope, what, i, (double)values[i], plain[i]);
  free(plain);
}

static inline void check_arrays(Conv *c) {
  run_forward(c->y, c, c->x, c->w, c->b);
  run_backward(c, true, true, true);
  const Plain p = plain_conv(c);
  check_and_free("y", c, c->y, p.y, c->y_count);
  check_and_free("dx", c, c->dx, p.dx, c->x_count);
  check_and_free("dw", c, c->dw, p.dw, c->w_count);
  check_and_free("db", c, c->db, p.db, c->s.F);
}

static inline void check_conv(mb_conv1d s, mb_padding padding, mb_size before, mb_size after) {
  Conv c = new_conv(s, padding, before, after);
  check_arrays(&c);
  free_conv(&c);
}

/* ---- each value against the sum of its absolute products --------------------------------- */

/* The error of each value is relative to its sum of absolute products; NaN and infinity are where a plain
 * loop has them. */
static inline void check_each(const char *what, const mb_conv1d *s, const mb_real *values,
                              const double *plain, const double *own, mb_size count) {
  for (mb_size i = 0; i < count; i++) {
    const bool is_right = isfinite(plain[i]) ? fabs(values[i] - plain[i]) <= CHECK_TOLERANCE * own[i]
                          : isnan(plain[i])  ? isnan(values[i])
                                             : values[i] == plain[i];
    if (!is_right)
      fail_msg("N %td, L %td, C %td, K %td, F %td, stride %td: %s %td is %.9g, expected %.9g of %.9g", s->N,
               s->L, s->C, s->K, s->F, s->stride, what, i, (double)values[i], plain[i], own[i]);
  }
}

static inline void absolute(mb_real *y, const mb_real *x, mb_size count) {
  for (mb_size i = 0; i < count; i++) y[i] = (mb_real)fabs((double)x[i]);
}

/* The gradients too, unless the range of x is beyond what the check of their transforms promises. */
static inline void check_range(Conv *c, mb_padding padding, bool with_gradients) {
  Conv own = new_conv(c->s, padding, 0, 0);
  absolute(own.x, c->x, c->x_count), absolute(own.w, c->w, c->w_count);
  absolute(own.b, c->b, c->s.F), absolute(own.dy, c->dy, c->y_count);
  run_forward(c->y, c, c->x, c->w, c->b);
  run_backward(c, true, true, true);
  const Plain p = plain_conv(c), q = plain_conv(&own);
  check_each("y", &c->s, c->y, p.y, q.y, c->y_count);
  if (with_gradients) {
    check_each("dx", &c->s, c->dx, p.dx, q.dx, c->x_count);
    check_each("dw", &c->s, c->dw, p.dw, q.dw, c->w_count);
  }
  double *all[] = {p.y, p.dx, p.dw, p.db, q.y, q.dx, q.dw, q.db};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
  free_conv(&own);
}

/* ---- large shapes --------------------------------------------------------------------- */

/* Long enough for several work items in a sample, for all groups of items, and for products in parts. */
extern const mb_conv1d large[];
extern const mb_size large_count;

static inline void large_shapes(void **state) {
  (void)state;
  for (mb_size i = 0; i < large_count; i++) {
    check_conv(large[i], MB_SAME, 0, 0);
    check_conv(large[i], MB_VALID, 0, 0);
  }
}

static inline void gradients_one_at_a_time(void **state) {
  (void)state;
  for (mb_size i = 0; i < large_count; i++) {
    Conv all = new_conv(large[i], MB_SAME, 0, 0), one = new_conv(large[i], MB_SAME, 0, 0);
    run_forward(all.y, &all, all.x, all.w, all.b);
    run_forward(one.y, &one, one.x, one.w, one.b);
    run_backward(&all, true, true, true);
    run_backward(&one, true, false, false);
    check_same_bits(one.dx, all.dx, all.x_count);
    assert_true(isnan(one.dw[0]) && isnan(one.db[0]));
    run_backward(&one, false, true, false);
    check_same_bits(one.dw, all.dw, all.w_count);
    assert_true(isnan(one.dx[0]) && isnan(one.db[0]));
    run_backward(&one, false, false, true);
    check_same_bits(one.db, all.db, all.s.F);
    assert_true(isnan(one.dx[0]) && isnan(one.dw[0]));
    free_conv(&all);
    free_conv(&one);
  }
}

static inline void same_for_any_number_of_threads(void **state) {
  (void)state;
  const int threads = mb_get_threads();
  for (mb_size i = 0; i < large_count; i++) {
    Conv one = new_conv(large[i], MB_SAME, 0, 0), many = new_conv(large[i], MB_SAME, 0, 0);
    mb_set_threads(1);
    run_forward(one.y, &one, one.x, one.w, one.b);
    run_backward(&one, true, true, true);
    for (int count = 2; count <= 5; count++) {
      mb_set_threads(count);
      run_forward(many.y, &many, many.x, many.w, many.b);
      run_backward(&many, true, true, true);
      check_same_bits(many.y, one.y, one.y_count);
      check_same_bits(many.dx, one.dx, one.x_count);
      check_same_bits(many.dw, one.dw, one.w_count);
      check_same_bits(many.db, one.db, one.s.F);
    }
    free_conv(&one);
    free_conv(&many);
  }
  mb_set_threads(threads);
}

/* ---- each algorithm, and each instruction set --------------------------------------------- */

#define BEST_LANES -1
typedef struct {
  mb_conv1d_algorithm algorithm;
  int lanes;
} Variant;

static inline int set_up(void **state) {
  mb_set_conv1d_algorithm(((const Variant *)*state)->algorithm);
  return 0;
}

static inline int tear_down(void **state) {
  (void)state;
  mb_set_conv1d_algorithm(MB_AUTOMATIC);
  for (int set = 0; !mb_use_simd(set); set++) continue;
  return 0;
}

static Variant automatic = {MB_AUTOMATIC, BEST_LANES}, direct = {MB_DIRECT, BEST_LANES},
               fft = {MB_FFT, BEST_LANES};
static Variant direct_1 = {MB_DIRECT, 1}, direct_2 = {MB_DIRECT, 2};
static Variant fft_1 = {MB_FFT, 1}, fft_2 = {MB_FFT, 2};
#define ON(test, variant)                                                                                    \
  { #test " " #variant, test, set_up, tear_down, &variant }
#define ON_EACH_ALGORITHM(test) ON(test, automatic), ON(test, direct), ON(test, fft)

#endif
