/* test_conv1d_groups.c - convolution of groups of channels. The random shapes of test_conv1d.c have groups,
 * too. */
#include "conv1d_check.h"

const mb_conv1d large[] = {
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
};
const mb_size large_count = sizeof large / sizeof large[0];

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

static void no_samples(void **state) {
  (void)state;
  mb_conv1d s = {.N = 0, .L = 9, .C = 4, .K = 3, .F = 6, .stride = 1, .dilation = 1, .slope = 1};
  assert_int_equal(mb_conv1d_plan(&s, 1), MB_BAD_SHAPE);
  assert_string_equal(mb_reason(), "N, C and F are 0, 4 and 6, at least 1 expected");
}

/* An instruction set that this processor lacks is skipped. */
static void shapes_and_threads_on_lanes(void **state) {
  if (!mb_use_simd(((const Variant *)*state)->lanes)) skip();
  large_shapes(state);
  same_for_any_number_of_threads(state);
}

/* The argument is a pattern of tests to run: valgrind takes too long for all. */
int main(int count, char **arguments) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(depthwise),
      cmocka_unit_test(groups_that_divide_no_channels),
      cmocka_unit_test(no_samples),
      ON_EACH_ALGORITHM(large_shapes),
      ON_EACH_ALGORITHM(gradients_one_at_a_time),
      ON_EACH_ALGORITHM(same_for_any_number_of_threads),
      ON(shapes_and_threads_on_lanes, direct_1),
      ON(shapes_and_threads_on_lanes, direct_2),
      ON(shapes_and_threads_on_lanes, fft_1),
      ON(shapes_and_threads_on_lanes, fft_2),
  };
  if (count > 1) cmocka_set_test_filter(arguments[1]);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
