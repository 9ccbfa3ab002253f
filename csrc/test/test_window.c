/* test_window.c - windows of convolution and pooling: lengths, padding, refusals. */
#include "check.h"

static void check_window(mb_size L, mb_size K, mb_size stride, mb_size dilation, mb_padding padding,
                         mb_size before, mb_size after, mb_size L_out, mb_size pad_left, mb_size pad_right) {
  mb_size out = -1, left = -1, right = -1;
  assert_int_equal(mb_window(&out, &left, &right, L, K, stride, dilation, padding, before, after), MB_OK);
  assert_int_equal(out, L_out);
  assert_int_equal(left, pad_left);
  assert_int_equal(right, pad_right);
}

static void windows_of_keras(void **state) {
  (void)state;
  check_window(10, 3, 1, 1, MB_VALID, 0, 0, 8, 0, 0);
  check_window(10, 3, 3, 1, MB_VALID, 0, 0, 3, 0, 0);
  check_window(10, 3, 1, 4, MB_VALID, 0, 0, 2, 0, 0);
  check_window(9, 3, 1, 4, MB_VALID, 0, 0, 1, 0, 0);
  check_window(5000, 20, 1, 1, MB_SAME, 0, 0, 5000, 9, 10);
  check_window(5, 4, 2, 1, MB_SAME, 0, 0, 3, 1, 2);
  check_window(6, 4, 2, 1, MB_SAME, 0, 0, 3, 1, 1);
  check_window(7, 2, 3, 1, MB_SAME, 0, 0, 3, 0, 1); /* the last window starts at 6 */
  check_window(6, 2, 3, 1, MB_SAME, 0, 0, 2, 0, 0); /* stride leaves gaps: nothing to pad */
  check_window(1, 5, 1, 2, MB_SAME, 0, 0, 1, 4, 4);
  check_window(10, 3, 1, 1, MB_EXPLICIT, 2, 2, 12, 2, 2);
  check_window(10, 3, 4, 2, MB_EXPLICIT, 1, 1, 2, 1, 1);
  check_window(1, 3, 1, 1, MB_EXPLICIT, 1, 1, 1, 1, 1);
  check_window(10, 3, 1, 1, MB_EXPLICIT, 2, 0, 10, 2, 0);
  check_window(10, 3, 2, 1, MB_EXPLICIT, 0, 5, 7, 0, 5);
  check_window(4, 1, 1, 1, MB_EXPLICIT, 3, 2, 9, 3, 2);
  check_window(10, 3, 1, 2, MB_CAUSAL, 0, 0, 10, 4, 0);
  check_window(10, 3, 3, 1, MB_CAUSAL, 0, 0, 4, 2, 0);
  check_window(1, 9, 1, 1, MB_CAUSAL, 0, 0, 1, 8, 0);
}

static void check_refusal(mb_size L, mb_size K, mb_size stride, mb_size dilation, mb_padding padding,
                          mb_size before, mb_size after, mb_status status, const char *reason) {
  mb_size out, left, right;
  assert_int_equal(mb_window(&out, &left, &right, L, K, stride, dilation, padding, before, after), status);
  assert_string_equal(mb_reason(), reason);
}

static void refused_windows(void **state) {
  (void)state;
  const mb_size huge = (mb_size)INT32_MAX + 1;
  check_refusal(20, 35, 1, 1, MB_VALID, 0, 0, MB_BAD_SHAPE,
                "kernel spans 35 points (kernel 35, dilation 1), but the input has 20 and padding is valid");
  check_refusal(8, 3, 1, 4, MB_VALID, 0, 0, MB_BAD_SHAPE,
                "kernel spans 9 points (kernel 3, dilation 4), but the input has 8 and padding is valid");
  check_refusal(
      3, 7, 1, 1, MB_EXPLICIT, 1, 1, MB_BAD_SHAPE,
      "kernel spans 7 points (kernel 7, dilation 1), but the input has 3 and padding is 1 on each side");
  check_refusal(3, 7, 1, 1, MB_EXPLICIT, 1, 2, MB_BAD_SHAPE,
                "kernel spans 7 points (kernel 7, dilation 1), but the input has 3 and padding is 1 before "
                "and 2 after it");
  check_refusal(9, 3, 1, 1, MB_EXPLICIT, INT32_MAX, 0, MB_BAD_VALUE,
                "padded length is 2147483656, at most 2147483647 expected");
  check_refusal(0, 1, 1, 1, MB_SAME, 0, 0, MB_BAD_VALUE, "input length is 0, at least 1 expected");
  check_refusal(5, 0, 1, 1, MB_SAME, 0, 0, MB_BAD_VALUE, "kernel is 0, at least 1 expected");
  check_refusal(5, 1, 0, 1, MB_VALID, 0, 0, MB_BAD_VALUE, "stride is 0, at least 1 expected");
  check_refusal(5, 1, 1, -1, MB_VALID, 0, 0, MB_BAD_VALUE, "dilation is -1, at least 1 expected");
  check_refusal(5, 1, 1, 1, MB_EXPLICIT, -1, -1, MB_BAD_VALUE, "padding is -1, at least 0 expected");
  check_refusal(huge, 1, 1, 1, MB_SAME, 0, 0, MB_BAD_VALUE,
                "input length is 2147483648, at most 2147483647 expected");
  check_refusal(5, PTRDIFF_MAX, 1, 1, MB_VALID, 0, 0, MB_BAD_VALUE,
                "kernel is 9223372036854775807, at most 2147483647 expected");
  check_refusal(
      5, 3, 1, INT32_MAX, MB_SAME, 0, 0, MB_BAD_VALUE,
      "kernel spans 4294967295 points (kernel 3, dilation 2147483647), at most 2147483647 expected");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(windows_of_keras),
      cmocka_unit_test(refused_windows),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
