/* test_conv1d_flat.c - convolution of spectra with stretches of equal points, which are computed once. */
#include "conv1d_check.h"
#include "conv1d_parts.h"

/* Bias and ReLU, and pooling with windows that overlap or leave gaps; the last two have channels enough for
 * transforms of tiles with flat results. */
const mb_conv1d large[] = {
    {.N = 2, .L = 300, .C = 1, .K = 35, .F = 32, .stride = 1, .dilation = 1, .slope = 1},
    {.N = 2, .L = 300, .C = 1, .K = 35, .F = 32, .stride = 1, .dilation = 1, .pool = 3, .pool_stride = 2},
    {.N = 2, .L = 200, .C = 16, .K = 30, .F = 17, .stride = 1, .dilation = 1, .slope = 1},
    {.N = 2, .L = 200, .C = 16, .K = 30, .F = 17, .stride = 1, .dilation = 1, .pool = 2, .pool_stride = 5},
    {.N = 2, .L = 200, .C = 20, .K = 10, .F = 16, .stride = 2, .dilation = 1},
    {.N = 2, .L = 200, .C = 20, .K = 10, .F = 16, .stride = 2, .dilation = 1, .pool = 1, .pool_stride = 2},
    {.N = 2, .L = 200, .C = 17, .K = 3, .F = 17, .stride = 1, .dilation = 1, .pool = 2, .pool_stride = 2},
    {.N = 2, .L = 200, .C = 5, .K = 7, .F = 9, .stride = 3, .dilation = 2, .slope = 1},
    {.N = 2, .L = 200, .C = 8, .K = 1, .F = 16, .stride = 1, .dilation = 1, .slope = 1},
    {.N = 2, .L = 200, .C = 8, .K = 1, .F = 16, .stride = 1, .dilation = 1, .pool = 3, .pool_stride = 1},
    {.N = 4, .L = 4, .C = 3, .K = 4, .F = 5, .stride = 1, .dilation = 1, .slope = 1},
    {.N = 1, .L = 400, .C = 64, .K = 30, .F = 16, .stride = 1, .dilation = 1, .slope = 1},
    {.N = 1, .L = 400, .C = 64, .K = 15, .F = 16, .stride = 1, .dilation = 1, .pool = 3, .pool_stride = 2},
};
const mb_size large_count = sizeof large / sizeof large[0];

/* Cuts spectra into stretches of points that are drawn, and of one point that is repeated, 0 or one of two
 * others. Some drawn points have the same first channel. is_wide: a few numbers are 1e5 times as large. */
static void flatten(mb_real *x, const mb_conv1d *s, mb_rng *rng, bool is_wide) {
  enum { ZERO, FIRST, SECOND, ALIKE, DRAWN };
  mb_real *two = check_random(2 * s->C, 9);
  for (mb_size i = 0, end; i < s->N * s->L; i = end) {
    const int64_t what = mb_rng_integer(rng, ZERO, DRAWN);
    end = mb_min(i + (mb_size)mb_rng_integer(rng, 1, 80), s->N * s->L);
    for (mb_real *row = x + i * s->C; row < x + end * s->C; row += s->C) {
      if (what == ZERO) fill(row, s->C, 0);
      if (what == FIRST || what == SECOND)
        memcpy(row, two + (what - FIRST) * s->C, sizeof *row * (size_t)s->C);
      if (what == ALIKE && s->C > 1) row[0] = 1;
      if (what >= ALIKE && is_wide && mb_rng_integer(rng, 0, 5) == 0) row[s->C - 1] *= (mb_real)1e5;
    }
  }
  free(two);
}

/* A convolution of such spectra. */
static Conv flat_conv(const mb_conv1d *s, mb_padding padding, uint32_t seed, bool is_wide) {
  Conv c = new_conv(*s, padding, 0, 0);
  mb_rng rng;
  mb_rng_seed(&rng, &seed, 1);
  flatten(c.x, &c.s, &rng, is_wide);
  return c;
}

typedef void Check(const mb_conv1d *s, mb_padding padding, uint32_t seed);
static void for_each_shape(Check *check) {
  for (mb_size i = 0; i < large_count; i++)
    for (mb_padding padding = MB_VALID; padding <= MB_SAME; padding++) check(&large[i], padding, (uint32_t)i);
}

/* ---- against plain loops ---------------------------------------------------------------------- */

static void check_plain(const mb_conv1d *s, mb_padding padding, uint32_t seed) {
  const bool has_epilogue = s->pool > 0 || s->slope == 0;
  Conv c = flat_conv(s, padding, seed, !has_epilogue);
  if (has_epilogue)
    check_arrays(&c);
  else
    check_range(&c, padding, false);
  free_conv(&c);
}

static void as_plain_loops(void **state) {
  (void)state;
  for_each_shape(check_plain);
}

/* ---- flat results ------------------------------------------------------------------------------- */

/* Tells whether all rows of x that result j of a sample is made from exist and are equal. */
static bool is_flat(const mb_real *x, mb_size j, const mb_conv1d *s) {
  const mb_size begin = j * mb_max(s->pool_stride, 1) * s->stride - s->pad_left;
  const mb_size end = begin + (mb_max(s->pool, 1) - 1) * s->stride + (s->K - 1) * s->dilation + 1;
  if (begin < 0 || end > s->L || end - begin < 2) return false;
  for (mb_size i = begin * s->C; i < (end - 1) * s->C; i++)
    if (memcmp(x + i, x + i + s->C, sizeof *x) != 0) return false;
  return true;
}

static void check_runs(const mb_conv1d *s, mb_padding padding, uint32_t seed) {
  Conv c = flat_conv(s, padding, seed, false);
  for (mb_size n = 0, results = mb_conv1d_results(&c.s); n < c.s.N; n++)
    for (mb_size at = 0; at < results;) {
      const mb_real *x = c.x + n * s->L * s->C;
      const mb_conv1d_run run = mb_conv1d_flat(x, at, results, &c.s);
      assert_true(at <= run.first && run.first <= run.end && run.end <= results);
      for (; at < run.first; at++) assert_false(is_flat(x, at, &c.s));
      for (; at < run.end; at++) assert_true(is_flat(x, at, &c.s));
      for (mb_size i = run.first + 1; i < run.end; i++) {
        const mb_size step = mb_max(s->pool_stride, 1) * s->stride, row = i * step - c.s.pad_left;
        assert_memory_equal(x + row * s->C, x + (row - step) * s->C, sizeof *x * (size_t)s->C);
      }
    }
  free_conv(&c);
}

static void runs_are_those_of_plain_loops(void **state) {
  (void)state;
  for_each_shape(check_runs);
}

/* So that the next layer finds them equal as well. */
static void check_equal(const mb_conv1d *s, mb_padding padding, uint32_t seed) {
  Conv a = flat_conv(s, padding, seed, false), b = flat_conv(s, padding, seed, false);
  run_forward(a.y, &a, a.x, a.w, a.b);
  mb_set_conv1d_algorithm(MB_DIRECT);
  run_forward(b.y, &b, b.x, b.w, b.b);
  mb_set_conv1d_algorithm(MB_FFT);
  for (mb_size i = 0; i < s->N * a.s.L_pool; i++)
    if (is_flat(a.x + i / a.s.L_pool * s->L * s->C, i % a.s.L_pool, &a.s)) {
      check_same_bits(a.y + i * s->F, b.y + i * s->F, s->F);
      if (a.argmax) assert_memory_equal(a.argmax + i * s->F, b.argmax + i * s->F, (size_t)s->F);
    }
  free_conv(&a);
  free_conv(&b);
}

static void flat_results_are_the_same_in_each_algorithm(void **state) {
  (void)state;
  for_each_shape(check_equal);
}

static void check_threads(const mb_conv1d *s, mb_padding padding, uint32_t seed) {
  const int threads = mb_get_threads();
  mb_set_threads(1);
  Conv one = flat_conv(s, padding, seed, false), many = flat_conv(s, padding, seed, false);
  run_forward(one.y, &one, one.x, one.w, one.b);
  mb_set_threads(3);
  run_forward(many.y, &many, many.x, many.w, many.b);
  check_same_bits(many.y, one.y, one.y_count);
  if (one.argmax) assert_memory_equal(many.argmax, one.argmax, (size_t)one.y_count);
  free_conv(&one);
  free_conv(&many);
  mb_set_threads(threads);
}

static void same_for_any_number_of_threads_on_flat(void **state) {
  (void)state;
  for_each_shape(check_threads);
}

/* An instruction set that this processor lacks is skipped. */
static void on_lanes(void **state) {
  if (!mb_use_simd(((const Variant *)*state)->lanes)) skip();
  as_plain_loops(state);
}

/* Zeros of both signs are equal as numbers, but 1 / x tells them apart: they are no stretch. NaN is one. */
static void bits_decide(void **state) {
  (void)state;
  const mb_conv1d s = {.N = 1,
                       .L = 6,
                       .C = 1,
                       .K = 2,
                       .F = 1,
                       .stride = 1,
                       .dilation = 1,
                       .slope = 1,
                       .L_out = 5,
                       .L_pool = 5};
  const mb_real nan = (mb_real)NAN, signs[] = {0, 0, (mb_real)-0.0, 0, 0, 0},
                nans[] = {1, nan, nan, nan, 2, 2};
  assert_int_equal(mb_conv1d_flat(signs, 0, 5, &s).first, 0);
  assert_int_equal(mb_conv1d_flat(signs, 0, 5, &s).end, 1);
  assert_int_equal(mb_conv1d_flat(signs, 1, 5, &s).first, 3);
  assert_int_equal(mb_conv1d_flat(nans, 0, 5, &s).first, 1);
  assert_int_equal(mb_conv1d_flat(nans, 0, 5, &s).end, 3);
}

/* The argument is a pattern of tests to run: valgrind takes too long for all. */
int main(int count, char **arguments) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(runs_are_those_of_plain_loops),
      cmocka_unit_test(bits_decide),
      ON_EACH_ALGORITHM(as_plain_loops),
      ON(flat_results_are_the_same_in_each_algorithm, fft),
      ON_EACH_ALGORITHM(same_for_any_number_of_threads_on_flat),
      ON(on_lanes, direct_1),
      ON(on_lanes, direct_2),
      ON(on_lanes, fft_1),
      ON(on_lanes, fft_2),
  };
  if (count > 1) cmocka_set_test_filter(arguments[1]);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
