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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sums_and_products_of_literals),
      cmocka_unit_test(cumsum_has_its_gradient),
      cmocka_unit_test(prod_has_its_gradient_also_at_zeros),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
