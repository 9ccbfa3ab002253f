/* test_cumulative.c - running sums and products along a dimension, and their gradients. */
#include "check.h"

enum { OUTER = 3, D = 7, INNER = 2, COUNT = OUTER * D * INNER };

static void sums_and_products_of_literals(void **state) {
  (void)state;
  const mb_real x[] = {1, 10, 2, 20, 3, 30}, sums[] = {1, 10, 3, 30, 6, 60}, products[] = {6, 6000};
  mb_real y[6];
  mb_cumsum(y, x, 1, 3, 2);
  check_close(y, sums, 6, CHECK_TOLERANCE);
  mb_prod(y, x, 1, 3, 2);
  check_close(y, products, 2, CHECK_TOLERANCE);
}

static void cumsum(mb_real *y, const mb_real *x, void *context) {
  (void)context;
  mb_cumsum(y, x, OUTER, D, INNER);
}

static void prod(mb_real *y, const mb_real *x, void *context) {
  (void)context;
  mb_prod(y, x, OUTER, D, INNER);
}

static void cumsum_has_its_gradient(void **state) {
  (void)state;
  mb_real *x = check_random(COUNT, 1), *dy = check_random(COUNT, 2), *dx = check_zeros(COUNT);
  mb_cumsum_backward(dx, dy, OUTER, D, INNER);
  check_gradient(cumsum, NULL, x, COUNT, dy, COUNT, dx);
  free(x), free(dy), free(dx);
}

static void prod_has_its_gradient_also_at_zeros(void **state) {
  (void)state;
  mb_real *x = check_random(COUNT, 1), *dy = check_random(OUTER * INNER, 2), *dx = check_zeros(COUNT);
  for (int i = 0; i < COUNT; i++) x[i] += x[i] < 0 ? -1 : 1;
  x[4] = x[2 * INNER * D] = x[2 * INNER * D + INNER] = 0; /* one zero, and two in one column */
  mb_prod_backward(dx, dy, x, OUTER, D, INNER);
  check_gradient(prod, NULL, x, COUNT, dy, OUTER * INNER, dx);
  free(x), free(dy), free(dx);
}

/* Of 600 eighths and 600 eights the product of either leaves the range of double. */
static void products_may_be_of_any_size_in_between(void **state) {
  (void)state;
  enum { HALF = 600 };
  mb_real x[2 * HALF], dx[2 * HALF], y, expected[2 * HALF];
  const mb_real dy = 1, one = 1;
  for (int i = 0; i < 2 * HALF; i++) x[i] = (mb_real)(i < HALF ? 0.125 : 8), expected[i] = 1 / x[i];
  mb_prod(&y, x, 1, 2 * HALF, 1);
  mb_prod_backward(dx, &dy, x, 1, 2 * HALF, 1);
  check_exact(&y, &one, 1);
  check_exact(dx, expected, 2 * HALF);
}

static void gradients_of_products_of_extreme_factors(void **state) {
  (void)state;
  const mb_real I = (mb_real)INFINITY, N = (mb_real)NAN, large = 0x1p100f, small = 0x1p-100f;
  const struct {
    mb_real dy, x[4], dx[4];
  } cases[] = {
      {1, {large, large, small, small}, {small, small, large, large}},
      {1, {large, large, 5, 0}, {0, 0, 0, large * large * 5}},
      {small, {large, large, 5, 0}, {0, 0, 0, large * 5}},
      {1, {2, (mb_real)-0.0, 3, 4}, {0, 24, 0, 0}},
      {1, {I, -2, 3, 1}, {-6, I, -I, -I}},
      {1, {0, 2, 0, I}, {N, N, N, 0}},
      {1, {N, 2, 3, 1}, {6, N, N, N}},
      {0, {N, 2, 3, I}, {0, 0, 0, 0}},
      {I, {0, 2, 3, 1}, {I, 0, 0, 0}},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    mb_real dx[4];
    mb_prod_backward(dx, &cases[k].dy, cases[k].x, 1, 4, 1);
    check_exact(dx, cases[k].dx, 4);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sums_and_products_of_literals),
      cmocka_unit_test(cumsum_has_its_gradient),
      cmocka_unit_test(prod_has_its_gradient_also_at_zeros),
      cmocka_unit_test(products_may_be_of_any_size_in_between),
      cmocka_unit_test(gradients_of_products_of_extreme_factors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
