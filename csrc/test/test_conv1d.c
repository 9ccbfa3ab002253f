/* test_conv1d.c - convolution against plain loops, numbers worked out by hand and central
 * differences. */
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

static mb_size groups_of(const mb_conv1d *s) {
  return s->groups > 0 ? s->groups : 1;
}

/* Pooling windows that do not fit are made smaller. */
static Conv new_conv(mb_conv1d s, mb_padding padding, mb_size before, mb_size after) {
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

static void free_conv(Conv *c) {
  mb_real *arrays[] = {c->x, c->w, c->b, c->dy, c->y, c->dx, c->dw, c->db};
  for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) free(arrays[i]);
  free(c->argmax);
}

static void fill(mb_real *values, mb_size count, mb_real value) {
  for (mb_size i = 0; i < count; i++) values[i] = value;
}

/* Scratch is full of NaN, with a guard after it: kernels may neither use its content nor write beyond it. */
static void *new_scratch(const mb_conv1d *s) {
  const mb_size count = (mb_size)(s->scratch_bytes / sizeof(mb_real));
  mb_real *scratch = check_zeros(count + 1);
  fill(scratch, count, (mb_real)NAN);
  scratch[count] = GUARD;
  return scratch;
}

static void free_scratch(void *scratch, const mb_conv1d *s) {
  assert_true(((mb_real *)scratch)[s->scratch_bytes / sizeof(mb_real)] == GUARD);
  free(scratch);
}

/* Returns the plan for the present number of threads. */
static mb_conv1d plan_of(const Conv *c) {
  mb_conv1d s = c->s;
  assert_int_equal(mb_conv1d_plan(&s, mb_get_threads()), MB_OK);
  return s;
}

static void run_forward(mb_real *y, const Conv *c, const mb_real *x, const mb_real *w, const mb_real *b) {
  const mb_conv1d plan = plan_of(c);
  void *scratch = new_scratch(&plan);
  fill(y, c->y_count, (mb_real)NAN);
  mb_conv1d_forward(y, c->argmax, scratch, x, w, b, &plan);
  free_scratch(scratch, &plan);
}

/* Runs after a forward pass, whose argmax it reads. */
static void run_backward(Conv *c, bool want_x, bool want_w, bool want_b) {
  const mb_conv1d plan = plan_of(c);
  void *scratch = new_scratch(&plan);
  fill(c->dx, c->x_count, (mb_real)NAN);
  fill(c->dw, c->w_count, (mb_real)NAN);
  fill(c->db, c->s.F, (mb_real)NAN);
  mb_conv1d_backward(want_x ? c->dx : NULL, want_w ? c->dw : NULL, want_b ? c->db : NULL, scratch, c->dy,
                     c->argmax, c->x, c->w, &plan);
  free_scratch(scratch, &plan);
}

/* ---- against the formula of the header, straight -------------------------------------- */

typedef struct {
  double *y, *dx, *dw, *db;
} Plain;

static double *new_doubles(mb_size count) {
  return calloc((size_t)count, sizeof(double));
}

/* Unpools: the gradient of the convolution's rows, through argmax; and y from the rows. A near tie may go to
 * either row: the value at argmax has to equal the largest, up to rounding. */
static void plain_finish(double *y, double *drows, const double *rows, const Conv *c) {
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

static Plain plain_conv(const Conv *conv) {
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
static void check_and_free(const char *what, const Conv *c, const mb_real *values, double *plain,
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

static void check_conv(mb_conv1d s, mb_padding padding, mb_size before, mb_size after) {
  Conv c = new_conv(s, padding, before, after);
  run_forward(c.y, &c, c.x, c.w, c.b);
  run_backward(&c, true, true, true);
  const Plain p = plain_conv(&c);
  check_and_free("y", &c, c.y, p.y, c.y_count);
  check_and_free("dx", &c, c.dx, p.dx, c.x_count);
  check_and_free("dw", &c, c.dw, p.dw, c.w_count);
  check_and_free("db", &c, c.db, p.db, c.s.F);
  free_conv(&c);
}

static mb_size draw(mb_rng *rng, mb_size low, mb_size high) {
  return (mb_size)mb_rng_integer(rng, low, high);
}

/* Odd and even kernels, strides larger than the kernel, every padding, one channel and many, with and without
 * pooling and ReLU, windows that overlap, leave gaps, or see nothing but padding; groups of one channel, of a
 * few, and of many. */
static mb_conv1d draw_conv(mb_rng *rng, mb_padding *padding, mb_size *before, mb_size *after, mb_size most,
                           mb_size longest) {
  mb_conv1d s = {
      .N = draw(rng, 1, 3), .C = draw(rng, 1, most), .F = draw(rng, 1, most), .K = draw(rng, 1, longest)};
  if (draw(rng, 0, 1)) {
    const bool is_wide = draw(rng, 0, 3) == 0;
    const mb_size widest = is_wide ? most / 2 : 2;
    s.groups = draw(rng, 1, is_wide ? 2 : most);
    s.C = s.groups * draw(rng, 1, widest), s.F = s.groups * draw(rng, 1, widest);
  }
  s.stride = draw(rng, 1, 4);
  s.dilation = draw(rng, 1, 3);
  s.pool = draw(rng, 0, 4), s.pool_stride = draw(rng, 1, 4), s.slope = draw(rng, 0, 1) ? 0 : 1;
  const mb_size span = (s.K - 1) * s.dilation + 1;
  *padding = (mb_padding)draw(rng, MB_VALID, MB_EXPLICIT);
  *before = *padding == MB_EXPLICIT ? draw(rng, 0, span + 3) : 0;
  *after = *padding == MB_EXPLICIT ? draw(rng, 0, span + 3) : 0;
  const mb_size least = *padding == MB_SAME || *padding == MB_CAUSAL ? 1 : span - *before - *after;
  s.L = draw(rng, least > 1 ? least : 1, span + 20);
  return s;
}

static void random_shapes(void **state) {
  (void)state;
  mb_rng rng;
  mb_rng_seed(&rng, &(uint32_t){7}, 1);
  for (int trial = 0; trial < 500; trial++) {
    mb_padding padding;
    mb_size before, after;
    const mb_conv1d s =
        draw_conv(&rng, &padding, &before, &after, trial % 2 ? 5 : 20, trial % 4 < 2 ? 7 : 16);
    check_conv(s, padding, before, after);
  }
}

static void slope_multiplies_what_is_negative(void **state) {
  (void)state;
  mb_rng rng;
  mb_rng_seed(&rng, &(uint32_t){8}, 1);
  for (int trial = 0; trial < 100; trial++) {
    mb_padding padding;
    mb_size before, after;
    mb_conv1d s = draw_conv(&rng, &padding, &before, &after, trial % 2 ? 5 : 40, 7);
    s.slope = 1;
    Conv plain = new_conv(s, padding, before, after);
    s.slope = (mb_real)0.25;
    Conv leaky = new_conv(s, padding, before, after);
    run_forward(plain.y, &plain, plain.x, plain.w, plain.b);
    run_forward(leaky.y, &leaky, plain.x, plain.w, plain.b);
    for (mb_size i = 0; i < plain.y_count; i++)
      if (plain.y[i] < 0) plain.y[i] *= s.slope;
    check_close(leaky.y, plain.y, plain.y_count, CHECK_TOLERANCE);
    free_conv(&plain);
    free_conv(&leaky);
  }
}

/* Long enough for several work items in a sample, for all groups, and for products in parts. */
static const mb_conv1d large[] = {
    {.N = 1, .L = 2003, .C = 1, .K = 20, .F = 64, .stride = 1, .dilation = 1, .slope = 1},
    {.N = 2, .L = 701, .C = 16, .K = 15, .F = 32, .stride = 1, .dilation = 1, .slope = 1},
    {.N = 1, .L = 300, .C = 63, .K = 17, .F = 64, .stride = 1, .dilation = 1, .slope = 1},
    {.N = 3, .L = 500, .C = 32, .K = 10, .F = 16, .stride = 2, .dilation = 1, .slope = 1},
    {.N = 1, .L = 900, .C = 7, .K = 4, .F = 33, .stride = 5, .dilation = 1, .slope = 1},
    {.N = 2, .L = 600, .C = 9, .K = 6, .F = 16, .stride = 3, .dilation = 2, .slope = 1},
    {.N = 40, .L = 50, .C = 8, .K = 3, .F = 8, .stride = 1, .dilation = 1, .slope = 1},
    {.N = 2, .L = 1300, .C = 40, .K = 50, .F = 20, .stride = 1, .dilation = 1, .slope = 1},
    {.N = 2,
     .L = 1500,
     .C = 1,
     .K = 20,
     .F = 64,
     .stride = 1,
     .dilation = 1,
     .pool = 3,
     .pool_stride = 2,
     .slope = 0},
    {.N = 3,
     .L = 700,
     .C = 32,
     .K = 15,
     .F = 24,
     .stride = 1,
     .dilation = 1,
     .pool = 3,
     .pool_stride = 2,
     .slope = 0},
    {.N = 3,
     .L = 400,
     .C = 16,
     .K = 9,
     .F = 32,
     .stride = 1,
     .dilation = 1,
     .slope = 1,
     .pool = 2,
     .pool_stride = 3},
    {.N = 2,
     .L = 500,
     .C = 16,
     .K = 10,
     .F = 16,
     .stride = 1,
     .dilation = 1,
     .pool = 1,
     .pool_stride = 2,
     .slope = 0},
    {.N = 5, .L = 300, .C = 24, .K = 1, .F = 48, .stride = 1, .dilation = 1, .slope = 0},
    {.N = 30, .L = 333, .C = 16, .K = 5, .F = 100, .stride = 1, .dilation = 1, .slope = 1},
    {.N = 5, .L = 300, .C = 24, .K = 1, .F = 48, .stride = 1, .dilation = 1, .slope = 1},
    {.N = 5, .L = 300, .C = 16, .K = 1, .F = 16, .stride = 2, .dilation = 1, .slope = 1},
    {.N = 1, .L = 157, .C = 100, .K = 5, .F = 100, .stride = 1, .dilation = 1, .slope = 1},
    {.N = 4, .L = 300, .C = 2, .K = 1, .F = 300, .stride = 1, .dilation = 1, .slope = 1},
    {.N = 2, .L = 300, .C = 48, .K = 9, .F = 48, .groups = 48, .stride = 1, .dilation = 1, .slope = 1},
    {.N = 2, .L = 700, .C = 20, .K = 15, .F = 60, .groups = 20, .stride = 2, .dilation = 1, .slope = 1},
    {.N = 2, .L = 500, .C = 40, .K = 5, .F = 20, .groups = 10, .stride = 1, .dilation = 3, .slope = 1},
    {.N = 2, .L = 300, .C = 64, .K = 7, .F = 64, .groups = 16, .stride = 1, .dilation = 1, .slope = 1},
    {.N = 1, .L = 300, .C = 40, .K = 20, .F = 24, .groups = 2, .stride = 1, .dilation = 1, .slope = 1},
    {.N = 2,
     .L = 600,
     .C = 32,
     .K = 8,
     .F = 64,
     .groups = 8,
     .stride = 1,
     .dilation = 1,
     .pool = 3,
     .pool_stride = 2,
     .slope = 0},
    {.N = 2,
     .L = 600,
     .C = 36,
     .K = 8,
     .F = 40,
     .groups = 2,
     .stride = 1,
     .dilation = 1,
     .pool = 2,
     .pool_stride = 2,
     .slope = 0},
    {.N = 8,
     .L = 300,
     .C = 2,
     .K = 1,
     .F = 300,
     .stride = 1,
     .dilation = 1,
     .pool = 2,
     .pool_stride = 2,
     .slope = 0},
    {.N = 1,
     .L = 600,
     .C = 24,
     .K = 12,
     .F = 70,
     .stride = 1,
     .dilation = 1,
     .pool = 3,
     .pool_stride = 2,
     .slope = 0},
};
#define LARGE ((mb_size)(sizeof large / sizeof large[0]))

static void large_shapes(void **state) {
  (void)state;
  for (mb_size i = 0; i < LARGE; i++) {
    check_conv(large[i], MB_SAME, 0, 0);
    check_conv(large[i], MB_VALID, 0, 0);
  }
}

/* Each size is in its range, but no memory holds their product. */
static void strides_beyond_the_input(void **state) {
  (void)state;
  mb_conv1d s = {.N = 2, .L = 40, .C = 4, .K = 3, .F = 8, .stride = INT32_MAX, .dilation = 1, .slope = 0};
  for (s.pool = 0; s.pool <= 1; s.pool++, s.pool_stride = INT32_MAX) {
    check_conv(s, MB_SAME, 0, 0);
    check_conv(s, MB_VALID, 0, 0);
  }
}

/* ---- numbers worked out by hand ------------------------------------------------------- */

/* 'same' pads 1 on the left and 2 on the right: windows 0123, 2345, 4500. */
static void even_kernel_with_stride(void **state) {
  (void)state;
  const mb_real x[] = {1, 2, 3, 4, 5}, w[] = {1, 10, 100, 1000}, b[] = {0.5}, dy[] = {1, 0, 2};
  const mb_real y[] = {3210.5, 5432.5, 54.5};
  const mb_real dx[] = {10, 100, 1000, 2, 20}, dw[] = {8, 11, 2, 3}, db[] = {3};
  Conv c =
      new_conv((mb_conv1d){.N = 1, .L = 5, .C = 1, .K = 4, .F = 1, .stride = 2, .dilation = 1, .slope = 1},
               MB_SAME, 0, 0);
  run_forward(c.y, &c, x, w, b);
  assert_memory_equal(c.y, y, sizeof y);
  memcpy(c.x, x, sizeof x), memcpy(c.w, w, sizeof w), memcpy(c.dy, dy, sizeof dy);
  run_backward(&c, true, true, true);
  assert_memory_equal(c.dx, dx, sizeof dx);
  assert_memory_equal(c.dw, dw, sizeof dw);
  assert_memory_equal(c.db, db, sizeof db);
  free_conv(&c);
}

/* Two samples, two channels, two filters, no bias; weights are (kernel, in, out). */
static void channels_last(void **state) {
  (void)state;
  const mb_real x[] = {1, 2, 3, 4, 5, 6, -1, 0, 0, 1, 2, 0};
  const mb_real w[] = {1, 10, 100, 1000, 2, 20, 200, 2000};
  const mb_real y[] = {1007, 10070, 1613, 16130, 199, 1990, 104, 1040};
  Conv c =
      new_conv((mb_conv1d){.N = 2, .L = 3, .C = 2, .K = 2, .F = 2, .stride = 1, .dilation = 1, .slope = 1},
               MB_VALID, 0, 0);
  run_forward(c.y, &c, x, w, NULL);
  assert_memory_equal(c.y, y, sizeof y);
  free_conv(&c);
}

static void dilated_taps(void **state) {
  (void)state;
  const mb_real x[] = {1, 2, 3, 4, 5}, w[] = {1, 10}, b[] = {0}, y[] = {41, 52};
  Conv c =
      new_conv((mb_conv1d){.N = 1, .L = 5, .C = 1, .K = 2, .F = 1, .stride = 1, .dilation = 3, .slope = 1},
               MB_VALID, 0, 0);
  run_forward(c.y, &c, x, w, b);
  assert_memory_equal(c.y, y, sizeof y);
  free_conv(&c);
}

static void depthwise(void **state) {
  (void)state;
  const mb_real x[] = {1, 2, 3, 4, 5, 6}, w[] = {1, 2, 10, 20}, y[] = {31, 84, 53, 128};
  Conv c = new_conv(
      (mb_conv1d){
          .N = 1, .L = 3, .C = 2, .K = 2, .F = 2, .groups = 2, .stride = 1, .dilation = 1, .slope = 1},
      MB_VALID, 0, 0);
  run_forward(c.y, &c, x, w, NULL);
  assert_memory_equal(c.y, y, sizeof y);
  free_conv(&c);
}

static void groups_that_divide_no_channels(void **state) {
  (void)state;
  mb_conv1d s = {.N = 1, .L = 9, .C = 4, .K = 3, .F = 6, .groups = 4, .stride = 1, .dilation = 1, .slope = 1};
  assert_int_equal(mb_conv1d_plan(&s, 1), MB_BAD_SHAPE);
  assert_string_equal(mb_reason(), "groups: expected a divisor of 4 channels and 6 filters, got 4");
}

/* ---- gradients ------------------------------------------------------------------------ */

static void forward_of_x(mb_real *y, const mb_real *x, void *c) {
  run_forward(y, c, x, ((Conv *)c)->w, ((Conv *)c)->b);
}
static void forward_of_w(mb_real *y, const mb_real *w, void *c) {
  run_forward(y, c, ((Conv *)c)->x, w, ((Conv *)c)->b);
}
static void forward_of_b(mb_real *y, const mb_real *b, void *c) {
  run_forward(y, c, ((Conv *)c)->x, ((Conv *)c)->w, b);
}

static void central_differences(void **state) {
  (void)state;
  mb_rng rng;
  mb_rng_seed(&rng, &(uint32_t){8}, 1);
  for (int trial = 0; trial < 60; trial++) {
    mb_padding padding;
    mb_size before, after;
    const mb_conv1d shape = draw_conv(&rng, &padding, &before, &after, 4, 7);
    Conv c = new_conv(shape, padding, before, after);
    run_forward(c.y, &c, c.x, c.w, c.b);
    run_backward(&c, true, true, true);
    check_gradient(forward_of_x, &c, c.x, c.x_count, c.dy, c.y_count, c.dx);
    check_gradient(forward_of_w, &c, c.w, c.w_count, c.dy, c.y_count, c.dw);
    check_gradient(forward_of_b, &c, c.b, c.s.F, c.dy, c.y_count, c.db);
    free_conv(&c);
  }
}

static void gradients_one_at_a_time(void **state) {
  (void)state;
  for (mb_size i = 0; i < LARGE; i++) {
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

static void same_for_any_number_of_threads(void **state) {
  (void)state;
  const int threads = mb_get_threads();
  for (mb_size i = 0; i < LARGE; i++) {
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

/* ---- numbers of a wide range ------------------------------------------------------------- */

/* The error of each value is relative to its sum of absolute products; NaN and infinity are where a plain
 * loop has them. */
static void check_each(const char *what, const mb_conv1d *s, const mb_real *values, const double *plain,
                       const double *own, mb_size count) {
  for (mb_size i = 0; i < count; i++) {
    const bool is_right = isfinite(plain[i]) ? fabs(values[i] - plain[i]) <= CHECK_TOLERANCE * own[i]
                          : isnan(plain[i])  ? isnan(values[i])
                                             : values[i] == plain[i];
    if (!is_right)
      fail_msg("N %td, L %td, C %td, K %td, F %td, stride %td: %s %td is %.9g, expected %.9g of %.9g", s->N,
               s->L, s->C, s->K, s->F, s->stride, what, i, (double)values[i], plain[i], own[i]);
  }
}

static void absolute(mb_real *y, const mb_real *x, mb_size count) {
  for (mb_size i = 0; i < count; i++) y[i] = (mb_real)fabs((double)x[i]);
}

static void check_range(Conv *c, mb_padding padding) {
  Conv own = new_conv(c->s, padding, 0, 0);
  absolute(own.x, c->x, c->x_count), absolute(own.w, c->w, c->w_count);
  absolute(own.b, c->b, c->s.F), absolute(own.dy, c->dy, c->y_count);
  run_forward(c->y, c, c->x, c->w, c->b);
  run_backward(c, true, true, true);
  const Plain p = plain_conv(c), q = plain_conv(&own);
  check_each("y", &c->s, c->y, p.y, q.y, c->y_count);
  check_each("dx", &c->s, c->dx, p.dx, q.dx, c->x_count);
  check_each("dw", &c->s, c->dw, p.dw, q.dw, c->w_count);
  double *all[] = {p.y, p.dx, p.dw, p.db, q.y, q.dx, q.dw, q.db};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
  free_conv(&own);
}

typedef enum {
  NOTHING,
  PEAK_ON_ZEROS,
  PEAK_ON_COUNTS,
  SMALL_PEAK_APART,
  DECADES,
  TAIL,
  ONE_NAN,
  ONE_INFINITE,
  RANGES
} Range;

/* Gives x (N, L, C) such a range in the middle. */
static void widen(mb_real *x, mb_size N, mb_size L, mb_size C, Range range) {
  for (mb_size i = 0; i < N * L * C; i++) {
    const mb_size n = i / (L * C), t = i / C % L, c = i % C;
    const bool is_peak = t == L / 2 && c == n % C;
    switch (range) {
    case PEAK_ON_ZEROS: x[i] = is_peak ? (mb_real)1e5 : 0; break;
    case PEAK_ON_COUNTS: x[i] = is_peak ? (mb_real)1e5 : 1; break;
    case SMALL_PEAK_APART: x[i] = t < L / 3 ? x[i] : t < L / 2 ? 0 : x[i] * (mb_real)1e-6; break;
    case DECADES: x[i] *= (mb_real)pow(10, 10.0 * (double)(i * 7919 % 1000) / 1000 - 5); break;
    case TAIL: x[i] *= (mb_real)exp(-(double)((t - L / 2) * (t - L / 2)) / 20000); break;
    case ONE_NAN: x[i] = is_peak && n == 0 ? (mb_real)NAN : x[i]; break;
    case ONE_INFINITE: x[i] = is_peak && n == 0 ? (mb_real)INFINITY : x[i]; break;
    case NOTHING:
    case RANGES: break;
    }
  }
}

static void wide_ranges(void **state) {
  (void)state;
  static const mb_conv1d shapes[] = {
      {.N = 2, .L = 300, .C = 1, .K = 50, .F = 64, .stride = 1, .dilation = 1, .slope = 1},
      {.N = 2, .L = 150, .C = 64, .K = 15, .F = 24, .stride = 1, .dilation = 1, .slope = 1},
      {.N = 2, .L = 150, .C = 24, .K = 5, .F = 32, .stride = 1, .dilation = 1, .slope = 1},
      {.N = 2, .L = 151, .C = 16, .K = 10, .F = 17, .stride = 2, .dilation = 1, .slope = 1},
      {.N = 3, .L = 90, .C = 40, .K = 3, .F = 16, .stride = 1, .dilation = 1, .slope = 1},
  };
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    for (Range range = NOTHING; range < RANGES; range++)
      for (int where = 0; where < 6; where++) {
        Conv c = new_conv(shapes[i], where < 3 ? MB_SAME : MB_VALID, 0, 0);
        if (where % 3 == 0) widen(c.x, c.s.N, c.s.L, c.s.C, range);
        if (where % 3 == 1) widen(c.dy, c.s.N, c.s.L_out, c.s.F, range);
        if (where % 3 == 2 && range < ONE_NAN) widen(c.w, 1, c.s.K * c.s.C, c.s.F, range);
        check_range(&c, where < 3 ? MB_SAME : MB_VALID);
        free_conv(&c);
      }
}

/* ---- each algorithm, and each instruction set --------------------------------------------- */

#define BEST_LANES -1
typedef struct {
  mb_conv1d_algorithm algorithm;
  int lanes;
} Variant;

static int set_up(void **state) {
  mb_set_conv1d_algorithm(((const Variant *)*state)->algorithm);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  mb_set_conv1d_algorithm(MB_AUTOMATIC);
  for (int set = 0; !mb_use_simd(set); set++) continue;
  return 0;
}

/* An instruction set that this processor lacks is skipped. */
static void shapes_and_threads_on_lanes(void **state) {
  if (!mb_use_simd(((const Variant *)*state)->lanes)) skip();
  random_shapes(state);
  large_shapes(state);
  same_for_any_number_of_threads(state);
}

static void wide_ranges_on_lanes(void **state) {
  if (!mb_use_simd(((const Variant *)*state)->lanes)) skip();
  wide_ranges(state);
}

/* The argument is a pattern of tests to run: valgrind takes too long for all. */
int main(int count, char **arguments) {
  static Variant automatic = {MB_AUTOMATIC, BEST_LANES}, direct = {MB_DIRECT, BEST_LANES},
                 fft = {MB_FFT, BEST_LANES};
  static Variant direct_1 = {MB_DIRECT, 1}, direct_2 = {MB_DIRECT, 2};
  static Variant fft_1 = {MB_FFT, 1}, fft_2 = {MB_FFT, 2};
#define ON(test, variant)                                                                                    \
  { #test " " #variant, test, set_up, tear_down, &variant }
#define ON_EACH_ALGORITHM(test) ON(test, automatic), ON(test, direct), ON(test, fft)
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(even_kernel_with_stride),
      cmocka_unit_test(channels_last),
      cmocka_unit_test(dilated_taps),
      cmocka_unit_test(depthwise),
      cmocka_unit_test(groups_that_divide_no_channels),
      ON_EACH_ALGORITHM(random_shapes),
      ON_EACH_ALGORITHM(slope_multiplies_what_is_negative),
      ON_EACH_ALGORITHM(large_shapes),
      ON_EACH_ALGORITHM(strides_beyond_the_input),
      ON_EACH_ALGORITHM(central_differences),
      ON_EACH_ALGORITHM(gradients_one_at_a_time),
      ON_EACH_ALGORITHM(same_for_any_number_of_threads),
      ON(wide_ranges, direct),
      ON(wide_ranges, fft),
      ON(wide_ranges_on_lanes, fft_1),
      ON(wide_ranges_on_lanes, fft_2),
      ON(shapes_and_threads_on_lanes, direct_1),
      ON(shapes_and_threads_on_lanes, direct_2),
      ON(shapes_and_threads_on_lanes, fft_1),
      ON(shapes_and_threads_on_lanes, fft_2),
  };
  if (count > 1) cmocka_set_test_filter(arguments[1]);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
