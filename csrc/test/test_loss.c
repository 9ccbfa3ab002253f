/* test_loss.c - softmax family, cross-entropy and mean squared error. */
#include "check.h"

enum { ROWS = 7, D = 5, COUNT = ROWS * D };
static const mb_size labels[ROWS] = {0, 4, 2, 2, 1, 3, 0};
static const mb_real weights[D] = {1, (mb_real)0.5, 2, 3, (mb_real)0.25};

static const mb_real logits[3] = {1, 2, 3};
static const mb_real probabilities[3] = {0.09003057317038046, 0.24472847105479764, 0.66524095577482178};

/* ---- softmax and log-softmax ---- */

static void softmax_of_literals(void **state) {
  (void)state;
  mb_real y[3];
  mb_softmax(y, logits, 1, 3);
  check_close(y, probabilities, 3, CHECK_TOLERANCE);
  mb_log_softmax(y, logits, 1, 3);
  const mb_real expected[3] = {-2.4076059644443801, -1.4076059644443804, -0.4076059644443804};
  check_close(y, expected, 3, CHECK_TOLERANCE);
}

static void extreme_logits_neither_overflow_nor_vanish(void **state) {
  (void)state;
  const mb_real x[6] = {10000, -10000, 9999, -10000, -10001, -10000};
  const mb_real e = (mb_real)exp(-1),
                expected[6] = {1 / (1 + e), 0, e / (1 + e), 1 / (2 + e), e / (2 + e), 1 / (2 + e)};
  const mb_real lse0 = (mb_real)log(1 + e), lse1 = (mb_real)log(2 + e);
  const mb_real logs[6] = {-lse0, -20000 - lse0, -1 - lse0, -lse1, -1 - lse1, -lse1};
  mb_real y[6], loss;
  mb_softmax(y, x, 2, 3);
  check_close(y, expected, 6, CHECK_TOLERANCE);
  mb_log_softmax(y, x, 2, 3);
  check_close(y, logs, 6, CHECK_TOLERANCE);
  const mb_size label[2] = {1, 1};
  assert_int_equal(mb_cross_entropy_forward(&loss, x, label, NULL, 2, 3), MB_OK);
  const mb_real expected_loss = (20000 + lse0 + 1 + lse1) / 2;
  check_close(&loss, &expected_loss, 1, CHECK_TOLERANCE);
}

static void check_all_nan(const mb_real *y, mb_size count) {
  for (mb_size i = 0; i < count; i++) assert_true(isnan(y[i]));
}

static void hopeless_rows_are_nan_and_leave_the_others_alone(void **state) {
  (void)state;
  const mb_real x[12] = {-INFINITY, -INFINITY, -INFINITY, 0, NAN, 1, INFINITY, 0, 1, 1, 2, 3};
  const mb_size label[4] = {0, 1, 2, 0};
  mb_real y[12], dx[12], loss;
  mb_softmax(y, x, 4, 3);
  check_all_nan(y, 9);
  check_close(y + 9, probabilities, 3, CHECK_TOLERANCE);
  mb_log_softmax(y, x, 4, 3);
  check_all_nan(y, 9);
  assert_false(isnan(y[9]));
  assert_int_equal(mb_cross_entropy_forward(&loss, x, label, NULL, 4, 3), MB_OK);
  assert_true(isnan(loss));
  mb_cross_entropy_backward(dx, 1, x, label, NULL, 4, 3);
  check_all_nan(dx, 9);
  assert_false(isnan(dx[9]));
}

static void a_class_at_minus_infinity_has_probability_zero(void **state) {
  (void)state;
  const mb_real x[3] = {-INFINITY, 0, 0}, expected[3] = {0, 0.5, 0.5};
  mb_real y[3];
  mb_softmax(y, x, 1, 3);
  check_close(y, expected, 3, CHECK_TOLERANCE);
}

static void softmax_forward(mb_real *y, const mb_real *x, void *context) {
  (void)context;
  mb_softmax(y, x, ROWS, D);
}

static void log_softmax_forward(mb_real *y, const mb_real *x, void *context) {
  (void)context;
  mb_log_softmax(y, x, ROWS, D);
}

/* The backward passes by their definition: dx[i] = sum over j of dy[j] dy[j]/dx[i]. */
static void softmax_gradients_agree(void **state) {
  (void)state;
  mb_real *x = check_random(COUNT, 1), *dy = check_random(COUNT, 2);
  mb_real y[COUNT], logs[COUNT], dx[COUNT], expected[COUNT];
  mb_softmax(y, x, ROWS, D);
  mb_softmax_backward(dx, dy, y, ROWS, D);
  for (int i = 0; i < COUNT; i++) {
    double sum = 0;
    for (int j = i / D * D; j < i / D * D + D; j++) sum += (double)dy[j] * y[j] * ((i == j) - (double)y[i]);
    expected[i] = (mb_real)sum;
  }
  check_close(dx, expected, COUNT, CHECK_TOLERANCE);
  check_gradient(softmax_forward, NULL, x, COUNT, dy, COUNT, dx);

  mb_log_softmax(logs, x, ROWS, D);
  mb_log_softmax_backward(dx, dy, logs, ROWS, D);
  for (int i = 0; i < COUNT; i++) {
    double sum = 0;
    for (int j = i / D * D; j < i / D * D + D; j++) sum += dy[j] * ((i == j) - (double)y[i]);
    expected[i] = (mb_real)sum;
  }
  check_close(dx, expected, COUNT, CHECK_TOLERANCE);
  check_gradient(log_softmax_forward, NULL, x, COUNT, dy, COUNT, dx);
  free(x), free(dy);
}

/* ---- cross-entropy ---- */

static void cross_entropy_of_literals(void **state) {
  (void)state;
  const mb_real x[6] = {1, 2, 3, 3, 2, 1}, weight[3] = {1, 2, 4};
  const mb_size label[2] = {2, 1};
  const mb_real plain = (mb_real)((0.4076059644443804 + 1.4076059644443804) / 2);
  const mb_real weighted = (mb_real)((4 * 0.4076059644443804 + 2 * 1.4076059644443804) / 6);
  mb_real loss;
  assert_int_equal(mb_cross_entropy_forward(&loss, x, label, NULL, 2, 3), MB_OK);
  check_close(&loss, &plain, 1, CHECK_TOLERANCE);
  assert_int_equal(mb_cross_entropy_forward(&loss, x, label, weight, 2, 3), MB_OK);
  check_close(&loss, &weighted, 1, CHECK_TOLERANCE);
}

static void cross_entropy_of_rows_without_weight_is_0(void **state) {
  (void)state;
  const mb_real x[6] = {1, 2, 3, 3, 2, 1}, weight[3] = {0, 0, 4}, zeros[6] = {0};
  const mb_size label[2] = {0, 1};
  mb_real loss, dx[6];
  assert_int_equal(mb_cross_entropy_forward(&loss, x, label, weight, 2, 3), MB_OK);
  check_close(&loss, zeros, 1, 0);
  mb_cross_entropy_backward(dx, 1, x, label, weight, 2, 3);
  check_close(dx, zeros, 6, 0);
}

static void cross_entropy_refuses_labels_outside_the_classes(void **state) {
  (void)state;
  const mb_size high[2] = {0, 3}, low[2] = {-1, 0};
  const mb_real x[6] = {0};
  mb_real loss;
  assert_int_equal(mb_cross_entropy_forward(&loss, x, high, NULL, 2, 3), MB_BAD_VALUE);
  assert_string_equal(mb_reason(), "labels must be 0 to 2 for 3 classes, row 2 has 3");
  assert_int_equal(mb_cross_entropy_forward(&loss, x, low, NULL, 2, 3), MB_BAD_VALUE);
  assert_string_equal(mb_reason(), "labels must be 0 to 2 for 3 classes, row 1 has -1");
}

static void cross_entropy_context(mb_real *y, const mb_real *x, void *weight) {
  mb_cross_entropy_forward(y, x, labels, weight, ROWS, D);
}

static void cross_entropy_gradients_agree(void **state) {
  (void)state;
  mb_real *x = check_random(COUNT, 3), y[COUNT], dx[COUNT], expected[COUNT];
  const mb_real dloss = (mb_real)1.5;
  mb_softmax(y, x, ROWS, D);
  for (int weighted = 0; weighted < 2; weighted++) {
    mb_real copy[D], *weight = weighted ? memcpy(copy, weights, sizeof copy) : NULL;
    double total = 0;
    for (int r = 0; r < ROWS; r++) total += weight ? weight[labels[r]] : 1;
    for (int i = 0; i < COUNT; i++) {
      const mb_size label = labels[i / D];
      const double share = (weight ? weight[label] : 1) / total;
      expected[i] = (mb_real)(dloss * share * (y[i] - (i % D == label)));
    }
    mb_cross_entropy_backward(dx, dloss, x, labels, weight, ROWS, D);
    check_close(dx, expected, COUNT, CHECK_TOLERANCE);
    check_gradient(cross_entropy_context, weight, x, COUNT, &dloss, 1, dx);
  }
  free(x);
}

/* ---- mean squared error ---- */

static void mse_of_literals(void **state) {
  (void)state;
  const mb_real prediction[4] = {1, 2, 3, 4}, target[4] = {1, 0, 6, 4}, expected[4] = {0, 2, -3, 0};
  mb_real dx[4];
  assert_true(mb_mse_forward(prediction, target, 4) == 3.25);
  mb_mse_backward(dx, 2, prediction, target, 4);
  check_close(dx, expected, 4, CHECK_TOLERANCE);
}

static void mse_context(mb_real *y, const mb_real *x, void *target) {
  *y = (mb_real)mb_mse_forward(x, target, COUNT);
}

static void mse_gradient_agrees(void **state) {
  (void)state;
  mb_real *x = check_random(COUNT, 4), *target = check_random(COUNT, 5), dx[COUNT];
  const mb_real dloss = -3;
  mb_mse_backward(dx, dloss, x, target, COUNT);
  check_gradient(mse_context, target, x, COUNT, &dloss, 1, dx);
  free(x), free(target);
}

/* ---- many rows: several blocks, several threads ---- */

enum { MANY_ROWS = 9001, MANY = MANY_ROWS * D };

static mb_size *many_labels(void) {
  mb_size *label = malloc(sizeof(mb_size) * MANY_ROWS);
  for (int r = 0; r < MANY_ROWS; r++) label[r] = r * 3 % D;
  return label;
}

static void losses_count_every_row(void **state) {
  (void)state;
  mb_real *x = check_random(MANY, 8), *target = check_random(MANY, 9), loss;
  mb_size *label = many_labels();
  double sum = 0, total = 0, squares = 0;
  for (int r = 0; r < MANY_ROWS; r++) {
    double exponentials = 0;
    for (int i = 0; i < D; i++) exponentials += exp((double)x[r * D + i]);
    sum += weights[label[r]] * (log(exponentials) - x[r * D + label[r]]);
    total += weights[label[r]];
  }
  for (int i = 0; i < MANY; i++) squares += pow((double)x[i] - (double)target[i], 2);
  const mb_real cross_entropy = (mb_real)(sum / total);
  const mb_real mse = (mb_real)(squares / MANY), got_mse = (mb_real)mb_mse_forward(x, target, MANY);
  assert_int_equal(mb_cross_entropy_forward(&loss, x, label, weights, MANY_ROWS, D), MB_OK);
  check_close(&loss, &cross_entropy, 1, CHECK_TOLERANCE);
  check_close(&got_mse, &mse, 1, CHECK_TOLERANCE);
  free(x), free(target), free(label);
}

static void everything(mb_real *result, const mb_real *x, const mb_real *dy, const mb_size *label) {
  mb_softmax(result, x, MANY_ROWS, D);
  mb_softmax_backward(result + MANY, dy, result, MANY_ROWS, D);
  mb_log_softmax(result + 2 * MANY, x, MANY_ROWS, D);
  mb_log_softmax_backward(result + 3 * MANY, dy, result + 2 * MANY, MANY_ROWS, D);
  mb_cross_entropy_backward(result + 4 * MANY, 1, x, label, weights, MANY_ROWS, D);
  mb_mse_backward(result + 5 * MANY, 1, x, dy, MANY);
  assert_int_equal(mb_cross_entropy_forward(result + 6 * MANY, x, label, weights, MANY_ROWS, D), MB_OK);
  result[6 * MANY + 1] = (mb_real)mb_mse_forward(x, dy, MANY);
}

static void losses_do_not_depend_on_threads(void **state) {
  (void)state;
  mb_real *x = check_random(MANY, 6), *dy = check_random(MANY, 7);
  mb_real *one = check_zeros(6 * MANY + 2), *many = check_zeros(6 * MANY + 2);
  mb_size *label = many_labels();
  mb_set_threads(1);
  everything(one, x, dy, label);
  for (int threads = 2; threads <= 3; threads++) {
    mb_set_threads(threads);
    everything(many, x, dy, label);
    assert_memory_equal(one, many, sizeof(mb_real) * (6 * MANY + 2));
  }
  free(x), free(dy), free(one), free(many), free(label);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(softmax_of_literals),
      cmocka_unit_test(extreme_logits_neither_overflow_nor_vanish),
      cmocka_unit_test(hopeless_rows_are_nan_and_leave_the_others_alone),
      cmocka_unit_test(a_class_at_minus_infinity_has_probability_zero),
      cmocka_unit_test(softmax_gradients_agree),
      cmocka_unit_test(cross_entropy_of_literals),
      cmocka_unit_test(cross_entropy_of_rows_without_weight_is_0),
      cmocka_unit_test(cross_entropy_refuses_labels_outside_the_classes),
      cmocka_unit_test(cross_entropy_gradients_agree),
      cmocka_unit_test(mse_of_literals),
      cmocka_unit_test(mse_gradient_agrees),
      cmocka_unit_test(losses_count_every_row),
      cmocka_unit_test(losses_do_not_depend_on_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
