/* test_reduce.c - sums, moments and extremes, their gradients, and the description of an array. */
#include "check.h"

#define COUNT_OF(array) ((mb_size)(sizeof(array) / sizeof((array)[0])))
#define N               ((mb_real)NAN)
#define I               ((mb_real)INFINITY)

#ifdef MB_DOUBLE
#define ROUNDING 1e-12
#else
#define ROUNDING 2e-7
#endif

typedef struct {
  mb_size outer, D, inner;
} view;

/* Few and many rows, narrow and wide, below and above the sizes at which threads and parts begin. */
static const view views[] = {{1, 1, 1},     {1, 7, 1},    {3, 5, 2},     {4, 9, 70},     {1, 200, 129},
                             {300, 10, 1},  {130, 64, 1}, {2, 33000, 1}, {1, 70003, 1},  {1, 20011, 3},
                             {3, 1203, 17}, {5, 301, 64}, {2, 33, 900},  {1, 1000, 100}, {7, 1, 30},
                             {70, 1100, 1}, {66, 3, 200}, {1, 17000, 2}};

static const mb_reduce_op operations[] = {MB_SUM, MB_MEAN, MB_VAR,    MB_STD,
                                          MB_MIN, MB_MAX,  MB_ARGMIN, MB_ARGMAX};

static bool has_gradient(mb_reduce_op op) {
  return op != MB_ARGMIN && op != MB_ARGMAX;
}

static mb_size count_of(view v) {
  return v.outer * v.D * v.inner;
}

/* Column of D values, inner apart, reduced the plain way. */
static double reference(mb_reduce_op op, const mb_real *x, mb_size D, mb_size inner, mb_size ddof) {
  const bool least = op == MB_MIN || op == MB_ARGMIN;
  double sum = 0, squares = 0;
  mb_size best = 0;
  for (mb_size d = 0; d < D; d++) {
    const double value = (double)x[d * inner], extreme = (double)x[best * inner];
    sum += value;
    if (!isnan(extreme) && (isnan(value) || (least ? value < extreme : value > extreme))) best = d;
  }
  for (mb_size d = 0; (op == MB_VAR || op == MB_STD) && d < D; d++) {
    const double deviation = (double)x[d * inner] - sum / (double)D;
    squares += deviation * deviation;
  }
  switch (op) {
  case MB_SUM: return sum;
  case MB_MEAN: return sum / (double)D;
  case MB_VAR: return squares / (double)(D - ddof);
  case MB_STD: return sqrt(squares / (double)(D - ddof));
  case MB_MIN:
  case MB_MAX: return (double)x[best * inner];
  default: return (double)best;
  }
}

/* ---- forward ---- */

static void reductions_of_literals(void **state) {
  (void)state;
  /* (2, 3, 2): the columns of the first block are {1, 5, 3} and {2, 2, -4} */
  const mb_real x[12] = {1, 2, 5, 2, 3, -4, 0, 7, 0, 7, 6, 7};
  static const struct {
    mb_reduce_op op;
    mb_size ddof;
    mb_real y[4];
  } cases[] = {
      {MB_SUM, 0, {9, 0, 6, 21}},   {MB_MEAN, 0, {3, 0, 2, 7}},   {MB_VAR, 0, {(mb_real)8 / 3, 8, 8, 0}},
      {MB_VAR, 1, {4, 12, 12, 0}},  {MB_MIN, 0, {1, -4, 0, 7}},   {MB_MAX, 0, {5, 2, 6, 7}},
      {MB_ARGMIN, 0, {0, 2, 0, 0}}, {MB_ARGMAX, 0, {1, 0, 2, 0}},
  };
  for (mb_size i = 0; i < COUNT_OF(cases); i++) {
    mb_real y[4];
    mb_reduce(y, cases[i].op, x, 2, 3, 2, cases[i].ddof);
    check_close(y, cases[i].y, 4, ROUNDING);
  }
}

static void check_views(mb_real *(*make)(view v)) {
  for (mb_size i = 0; i < COUNT_OF(views); i++) {
    const view v = views[i];
    const mb_size results = v.outer * v.inner;
    mb_real *x = make(v), *one = check_zeros(results), *many = check_zeros(results);
    for (mb_size o = 0; o < COUNT_OF(operations); o++) {
      const mb_reduce_op op = operations[o];
      const mb_size ddof = v.D > 1 ? i % 2 : 0;
      for (int threads = 1; threads <= 3; threads++) {
        mb_set_threads(threads);
        mb_reduce(threads == 1 ? one : many, op, x, v.outer, v.D, v.inner, ddof);
        if (threads > 1) assert_memory_equal(one, many, sizeof(mb_real) * (size_t)results);
      }
      for (mb_size j = 0; j < results; j++) {
        const double expected =
            reference(op, x + j / v.inner * v.D * v.inner + j % v.inner, v.D, v.inner, ddof);
        if (isnan(expected) ? isnan(one[j])
                            : fabs((double)one[j] - expected) <= ROUNDING * fmax(1, fabs(expected)))
          continue;
        fail_msg("operation %d of (%td, %td, %td), result %td: %.9g, expected %.9g", (int)op, v.outer, v.D,
                 v.inner, j, (double)one[j], expected);
      }
    }
    free(x), free(one), free(many);
  }
}

static mb_real *plain(view v) {
  return check_random(count_of(v), 1);
}

/* Few distinct values, so that extremes tie, and a NaN in about a column of three. */
static mb_real *with_ties_and_holes(view v) {
  mb_real *x = check_random(count_of(v), 2);
  for (mb_size i = 0; i < count_of(v); i++) x[i] = (mb_real)floor(3 * (double)x[i]);
  for (mb_size i = 0; i < count_of(v); i += 3 * v.D) x[i] = N;
  return x;
}

static void reductions_agree_with_plain_loops(void **state) {
  (void)state;
  check_views(plain);
}

static void ties_go_to_the_first_and_nan_wins(void **state) {
  (void)state;
  check_views(with_ties_and_holes);
  const mb_real x[6] = {2, N, 7, N, -I, I};
  mb_real y;
  for (mb_size o = 0; o < COUNT_OF(operations); o++) {
    mb_reduce(&y, operations[o], x, 1, 6, 1, 0);
    if (has_gradient(operations[o]))
      assert_true(isnan(y));
    else
      assert_true(y == 1);
  }
}

static void infinities_are_extremes(void **state) {
  (void)state;
  const mb_real x[4] = {I, -I, I, -I}, high[2] = {I, I}, low[2] = {-I, -I};
  mb_real y;
  mb_reduce(&y, MB_MAX, x, 1, 4, 1, 0);
  assert_true(y == I);
  mb_reduce(&y, MB_ARGMIN, x, 1, 4, 1, 0);
  assert_true(y == 1);
  mb_reduce(&y, MB_ARGMIN, high, 1, 2, 1, 0);
  assert_true(y == 0);
  mb_reduce(&y, MB_ARGMAX, low, 1, 2, 1, 0);
  assert_true(y == 0);
  mb_reduce(&y, MB_SUM, x, 1, 4, 1, 0);
  assert_true(isnan(y));
}

/* A running sum in float would stop growing at 2^21. */
static void many_equal_terms_add_up(void **state) {
  (void)state;
#if defined(MB_DOUBLE) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  const mb_size count = 10000000;
#else
  const mb_size count = 100000000;
#endif
  mb_real *x = malloc(sizeof(mb_real) * (size_t)count), y;
  mb_fill(x, (mb_real)0.1, count);
  const mb_real sum = (mb_real)((double)(mb_real)0.1 * (double)count);
  mb_reduce(&y, MB_SUM, x, 1, count, 1, 0);
  check_close(&y, &sum, 1, 1e-7);
  free(x);
}

static void variance_far_from_zero_keeps_its_digits(void **state) {
  (void)state;
  mb_real x[1000], y;
  for (int i = 0; i < 1000; i++) x[i] = 30000 + (i % 2 ? (mb_real)0.25 : (mb_real)-0.25);
  const mb_real expected = 0.0625;
  mb_reduce(&y, MB_VAR, x, 1, 1000, 1, 0);
  check_close(&y, &expected, 1, 1e-7);
}

static void an_empty_sum_is_zero_and_an_empty_mean_undefined(void **state) {
  (void)state;
  mb_real y[2] = {7, 7};
  for (mb_size o = 0; o < COUNT_OF(operations); o++) {
    mb_reduce(NULL, operations[o], NULL, 0, 3, 2, 0);
    mb_reduce(NULL, operations[o], NULL, 3, 2, 0, 0);
    mb_reduce_backward(NULL, operations[o], y, NULL, 1, 0, 2, 0);
    mb_reduce(y, operations[o], NULL, 1, 0, 2, 0);
    assert_true(operations[o] == MB_MEAN || operations[o] == MB_VAR || operations[o] == MB_STD
                    ? isnan(y[1])
                    : !isnan(y[1]));
    if (operations[o] == MB_SUM) assert_true(y[0] == 0 && y[1] == 0);
  }
}

/* ---- backward ---- */

typedef struct {
  mb_reduce_op op;
  view v;
  mb_size ddof;
} context;

static void forward(mb_real *y, const mb_real *x, void *argument) {
  const context *c = argument;
  mb_reduce(y, c->op, x, c->v.outer, c->v.D, c->v.inner, c->ddof);
}

static void gradients_agree_with_differences(void **state) {
  (void)state;
  static const view small[] = {{1, 40, 1}, {3, 7, 5}, {2, 3, 70}, {20, 4, 1}, {1, 1, 9}, {1, 90, 2}};
  for (mb_size i = 0; i < COUNT_OF(small); i++)
    for (mb_size o = 0; o < COUNT_OF(operations); o++) {
      const view v = small[i];
      if (!has_gradient(operations[o])) continue;
      context c = {operations[o], v, v.D > 1 ? i % 2 : 0};
      mb_real *x = check_random(count_of(v), 3), *dy = check_random(v.outer * v.inner, 4);
      mb_real *dx = check_random(count_of(v), 5); /* must be overwritten */
      mb_reduce_backward(dx, c.op, dy, x, v.outer, v.D, v.inner, c.ddof);
      check_gradient(forward, &c, x, count_of(v), dy, v.outer * v.inner, dx);
      free(x), free(dy), free(dx);
    }
}

/* One column of D values, inner apart, against the definition. */
static void check_column(mb_reduce_op op, const mb_real *dx, mb_real dy, const mb_real *x, mb_size D,
                         mb_size inner) {
  const bool has_mean = op == MB_VAR || op == MB_STD;
  const mb_reduce_op needed = has_mean ? MB_MEAN : op == MB_MIN ? MB_ARGMIN : MB_ARGMAX;
  const double found = op == MB_SUM || op == MB_MEAN ? 0 : reference(needed, x, D, inner, 0);
  const double std = reference(MB_STD, x, D, inner, 0);
  for (mb_size d = 0; d < D; d++) {
    const double deviation = (double)x[d * inner] - found;
    const double derivative = op == MB_SUM    ? 1
                              : op == MB_MEAN ? 1 / (double)D
                              : op == MB_VAR  ? 2 * deviation / (double)D
                              : op == MB_STD  ? std == 0 ? 0 : deviation / ((double)D * std)
                                              : (double)d == found;
    const mb_real expected = (mb_real)((double)dy * derivative);
    check_close(&dx[d * inner], &expected, 1, ROUNDING);
  }
}

static void large_gradients_follow_the_definition_on_any_number_of_threads(void **state) {
  (void)state;
  for (mb_size i = 0; i < COUNT_OF(views) * COUNT_OF(operations); i++) {
    const view v = views[i / COUNT_OF(operations)];
    const mb_reduce_op op = operations[i % COUNT_OF(operations)];
    if (!has_gradient(op)) continue;
    mb_real *x = plain(v), *dy = check_random(v.outer * v.inner, 5), *dx[3];
    for (int t = 0; t < 3; t++) {
      dx[t] = check_random(count_of(v), 6); /* to be overwritten */
      mb_set_threads(t + 1);
      mb_reduce_backward(dx[t], op, dy, x, v.outer, v.D, v.inner, 0);
      assert_memory_equal(dx[t], dx[0], sizeof(mb_real) * (size_t)count_of(v));
    }
    for (mb_size j = 0; j < v.outer * v.inner; j++) {
      const mb_size start = j / v.inner * v.D * v.inner + j % v.inner;
      check_column(op, dx[0] + start, dy[j], x + start, v.D, v.inner);
    }
    free(x), free(dy), free(dx[0]), free(dx[1]), free(dx[2]);
  }
}

static void the_first_extreme_takes_the_gradient(void **state) {
  (void)state;
  const mb_real x[8] = {1, 9, 1, 4, N, 9, 5, N}, dy[2] = {10, 20};
  const mb_real low[8] = {10, 0, 0, 0, 20, 0, 0, 0}, high[8] = {0, 10, 0, 0, 20, 0, 0, 0};
  mb_real dx[8];
  mb_reduce_backward(dx, MB_MIN, dy, x, 2, 4, 1, 0);
  check_close(dx, low, 8, 0);
  mb_reduce_backward(dx, MB_MAX, dy, x, 2, 4, 1, 0);
  check_close(dx, high, 8, 0);
}

/* ---- sums of squares, descriptions ---- */

static void squares_add_up_on_any_number_of_threads(void **state) {
  (void)state;
  enum { COUNT = 123457 };
  const mb_real three[3] = {1, -2, 3};
  assert_true(mb_sum_squares(three, 3) == 14);
  assert_true(mb_sum_squares(NULL, 0) == 0);
  mb_real *x = check_random(COUNT, 6);
  double plain_sum = 0, sums[3];
  for (mb_size i = 0; i < COUNT; i++) plain_sum += (double)x[i] * (double)x[i];
  for (int t = 0; t < 3; t++) {
    mb_set_threads(t + 1);
    sums[t] = mb_sum_squares(x, COUNT);
  }
  assert_true(fabs(sums[0] - plain_sum) <= 1e-12 * plain_sum);
  assert_true(sums[1] == sums[0] && sums[2] == sums[0]);
  x[COUNT / 2] = N;
  assert_true(isnan(mb_sum_squares(x, COUNT)));
  free(x);
}

static void check_stats(const mb_stats *s, mb_size nan_count, mb_size inf_count, double min, double max,
                        double mean) {
  assert_int_equal(s->nan_count, nan_count);
  assert_int_equal(s->inf_count, inf_count);
  assert_true(s->min == min);
  assert_true(s->max == max);
  assert_true(fabs(s->mean - mean) < 1e-12);
}

static void descriptions_count_what_is_not_finite(void **state) {
  (void)state;
  const mb_real x[7] = {3, N, -I, -1, I, N, 4};
  mb_stats s;
  mb_describe(&s, x, 7);
  check_stats(&s, 2, 2, -1, 4, 2);
  mb_describe(&s, x, 1);
  check_stats(&s, 0, 0, 3, 3, 3);
  for (int i = 0; i < 2; i++) {
    mb_describe(&s, i ? x + 1 : NULL, i ? 2 : 0);
    assert_int_equal(s.nan_count, i);
    assert_int_equal(s.inf_count, i);
    assert_true(isnan(s.min) && isnan(s.max) && isnan(s.mean));
  }
}

static void descriptions_do_not_depend_on_threads(void **state) {
  (void)state;
  enum { COUNT = 200003 };
  mb_real *x = check_random(COUNT, 7);
  double sum = 0;
  x[COUNT - 1] = -2, x[COUNT / 2] = 2;
  for (mb_size i = 0; i < COUNT; i++) {
    if (i % 1000 == 3) x[i] = i % 3 ? N : I;
    if (isfinite(x[i])) sum += (double)x[i];
  }
  mb_stats s[3];
  for (int t = 0; t < 3; t++) {
    mb_set_threads(t + 1);
    mb_describe(&s[t], x, COUNT);
    assert_memory_equal(&s[t], &s[0], sizeof s[0]);
  }
  assert_int_equal(s[0].nan_count + s[0].inf_count, 200);
  assert_true(s[0].min == -2 && s[0].max == 2);
  assert_true(fabs(s[0].mean - sum / (COUNT - 200)) < 1e-12);
  free(x);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reductions_of_literals),
      cmocka_unit_test(reductions_agree_with_plain_loops),
      cmocka_unit_test(ties_go_to_the_first_and_nan_wins),
      cmocka_unit_test(infinities_are_extremes),
      cmocka_unit_test(many_equal_terms_add_up),
      cmocka_unit_test(variance_far_from_zero_keeps_its_digits),
      cmocka_unit_test(an_empty_sum_is_zero_and_an_empty_mean_undefined),
      cmocka_unit_test(gradients_agree_with_differences),
      cmocka_unit_test(large_gradients_follow_the_definition_on_any_number_of_threads),
      cmocka_unit_test(the_first_extreme_takes_the_gradient),
      cmocka_unit_test(squares_add_up_on_any_number_of_threads),
      cmocka_unit_test(descriptions_count_what_is_not_finite),
      cmocka_unit_test(descriptions_do_not_depend_on_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
