/* test_conv1d.c - convolution against plain loops, numbers worked out by hand and central
 * differences. */
#include "conv1d_check.h"

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

const mb_conv1d large[] = {
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
const mb_size large_count = sizeof large / sizeof large[0];

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

/* ---- numbers of a wide range ------------------------------------------------------------- */

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
        check_range(&c, where < 3 ? MB_SAME : MB_VALID, true);
        free_conv(&c);
      }
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

static void sizes_whose_products_overflow_are_refused(void **state) {
  (void)state;
  const mb_size huge = (mb_size)1 << 62, large = (mb_size)1 << 30;
  static const mb_conv1d start = {
      .N = 1, .L = 3, .C = 1, .K = 3, .F = 1, .stride = 1, .dilation = 1, .slope = 1};
  mb_conv1d all = start, x = start, w = start, padded = start, result = start;
  all.N = all.C = all.F = huge;
  x.N = x.C = large;
  w.C = w.F = large;
  padded.N = large, padded.padding = MB_EXPLICIT, padded.before = padded.stride = large;
  result.N = result.F = large;
  mb_conv1d *const shapes[] = {&all, &x, &w, &padded, &result};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    assert_int_equal(mb_conv1d_plan(shapes[i], 1), MB_BAD_SHAPE);
    assert_non_null(strstr(mb_reason(), "elements, at most 3.52e+13 expected"));
  }
  assert_non_null(strstr(mb_reason(), "padded input, weights and result have 3.22e+09, 3.22e+09 and"));
}

/* The argument is a pattern of tests to run: valgrind takes too long for all. */
int main(int count, char **arguments) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(even_kernel_with_stride),
      cmocka_unit_test(channels_last),
      cmocka_unit_test(dilated_taps),
      cmocka_unit_test(sizes_whose_products_overflow_are_refused),
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
