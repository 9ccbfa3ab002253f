/* test_elementwise.c - broadcasting, functions of one array, filling and adding. */
#include "check.h"

#define COUNT_OF(array) ((mb_size)(sizeof(array) / sizeof((array)[0])))
#define N               ((mb_real)NAN)
#define I               ((mb_real)INFINITY)

enum { MANY = 100003 };

static double reference(mb_binary_op op, double a, double b) {
  switch (op) {
  case MB_ADD: return a + b;
  case MB_SUB: return a - b;
  case MB_MUL: return a * b;
  case MB_DIV: return a / b;
  case MB_POW: return pow(a, b);
  case MB_MAXIMUM: return isnan(a) || isnan(b) ? NAN : fmax(a, b);
  case MB_MINIMUM: return isnan(a) || isnan(b) ? NAN : fmin(a, b);
  case MB_EQ: return a == b;
  case MB_NE: return a != b;
  case MB_LT: return a < b;
  case MB_LE: return a <= b;
  case MB_GT: return a > b;
  case MB_GE: return a >= b;
  case MB_MASK: return a == 0 ? -0.0 : b;
  case MB_CHAIN: return a == 0 || b == 0 ? 0 : a * b;
  case MB_CHAIN_DIV: return a == 0 || isinf(b) ? 0 : a / b;
  case MB_BINARY_COUNT: break;
  }
  return NAN;
}

/* ---- shapes ---- */

static void shapes_broadcast_as_in_numpy(void **state) {
  (void)state;
  static const struct {
    mb_shape a, b, y;
  } cases[] = {
      {{1, {3}}, {1, {3}}, {1, {3}}},
      {{2, {2, 3}}, {1, {3}}, {2, {2, 3}}},
      {{1, {3}}, {2, {2, 1}}, {2, {2, 3}}},
      {{1, {1}}, {4, {2, 3, 4, 5}}, {4, {2, 3, 4, 5}}},
      {{4, {2, 1, 4, 1}}, {3, {3, 1, 5}}, {4, {2, 3, 4, 5}}},
      {{2, {0, 3}}, {2, {1, 3}}, {2, {0, 3}}},
  };
  for (mb_size i = 0; i < COUNT_OF(cases); i++) {
    mb_shape y;
    assert_int_equal(mb_broadcast_shape(&y, &cases[i].a, &cases[i].b), MB_OK);
    assert_int_equal(y.rank, cases[i].y.rank);
    assert_memory_equal(y.shape, cases[i].y.shape, sizeof(mb_size) * (size_t)y.rank);
    assert_int_equal(mb_broadcast_shape(&y, &cases[i].b, &cases[i].a), MB_OK);
    assert_memory_equal(y.shape, cases[i].y.shape, sizeof(mb_size) * (size_t)y.rank);
    assert_int_equal(mb_shape_count(&cases[i].y), i == 0 ? 3 : i < 3 ? 6 : i < 5 ? 120 : 0);
  }
}

static void shapes_that_do_not_broadcast_are_named(void **state) {
  (void)state;
  const mb_shape a = {2, {2, 3}}, b = {3, {5, 4, 3}};
  mb_shape y = {1, {7}};
  assert_int_equal(mb_broadcast_shape(&y, &a, &b), MB_BAD_SHAPE);
  assert_non_null(strstr(mb_reason(), "{2, 3} and {5, 4, 3}"));
  assert_non_null(strstr(mb_reason(), "2 and 4"));
  assert_int_equal(y.shape[0], 7);
}

/* ---- two arrays ---- */

static void operations_of_literals(void **state) {
  (void)state;
  const mb_real a[] = {3, -2, 0, 5, N, 1, I}, b[] = {2, -3, 0, N, 5, I, I};
  static const mb_real expected[MB_BINARY_COUNT][COUNT_OF(a)] = {
      [MB_ADD] = {5, -5, 0, N, N, I, I},     [MB_SUB] = {1, 1, 0, N, N, -I, N},
      [MB_MUL] = {6, 6, 0, N, N, I, I},      [MB_DIV] = {1.5, (mb_real)2 / 3, N, N, N, 0, N},
      [MB_POW] = {9, -0.125, 1, N, N, 1, I}, [MB_MAXIMUM] = {3, -2, 0, N, N, I, I},
      [MB_MINIMUM] = {2, -3, 0, N, N, 1, I}, [MB_EQ] = {0, 0, 1, 0, 0, 0, 1},
      [MB_NE] = {1, 1, 0, 1, 1, 1, 0},       [MB_LT] = {0, 0, 0, 0, 0, 1, 0},
      [MB_LE] = {0, 0, 1, 0, 0, 1, 1},       [MB_GT] = {1, 1, 0, 0, 0, 0, 0},
      [MB_GE] = {1, 1, 1, 0, 0, 0, 1},       [MB_MASK] = {2, -3, (mb_real)-0.0, N, 5, I, I},
      [MB_CHAIN] = {6, 6, 0, N, N, I, I},    [MB_CHAIN_DIV] = {1.5, (mb_real)2 / 3, 0, N, N, 0, 0},
  };
  const mb_shape shape = {1, {COUNT_OF(a)}};
  for (mb_binary_op op = 0; op < MB_BINARY_COUNT; op++) {
    mb_real y[COUNT_OF(a)];
    mb_binary(y, op, a, &shape, b, &shape, &shape);
    check_exact(y, expected[op], COUNT_OF(a));
  }
}

static const mb_real special[] = {0, (mb_real)-0.0, 1, -1, 2, -2.5, 0.3, -1e30, 1e30, I, -I, N};

static void powers_by_a_scalar_are_those_of_c(void **state) {
  (void)state;
  static const mb_real exponents[] = {2, 0.5, 1, -1, 0, 3, -2, 1.5, I, -I, N};
  const mb_shape shape = {1, {COUNT_OF(special)}}, one = {1, {1}};
  for (mb_size e = 0; e < COUNT_OF(exponents); e++) {
    mb_real y[COUNT_OF(special)], expected[COUNT_OF(special)];
    for (mb_size i = 0; i < COUNT_OF(special); i++)
      expected[i] = (mb_real)pow((double)special[i], (double)exponents[e]);
    mb_binary(y, MB_POW, special, &shape, &exponents[e], &one, &shape);
    for (mb_size i = 0; i < COUNT_OF(special); i++)
      if (isfinite(expected[i]) && expected[i] != 0)
        check_close(&y[i], &expected[i], 1, CHECK_TOLERANCE);
      else
        check_exact(&y[i], &expected[i], 1);
  }
}

/* Returns the index into an operand for the element of y at this place. */
static mb_size operand_index(const mb_shape *x, const mb_shape *y, mb_size place) {
  mb_size index = 0, stride = 1;
  for (int i = 0; i < x->rank; i++) {
    const mb_size size = x->shape[x->rank - 1 - i], y_size = y->shape[y->rank - 1 - i];
    if (size > 1) index += place % y_size * stride;
    stride *= size;
    place /= y_size;
  }
  return index;
}

/* y's shape with dimension i set to 1 where bit i of mask is 0, without leading 1s. */
static mb_shape masked_shape(const mb_shape *y, int mask) {
  mb_shape x = {.rank = 0};
  for (int i = 0; i < y->rank; i++) {
    const bool kept = mask >> i & 1;
    if (kept || x.rank > 0 || i == y->rank - 1) x.shape[x.rank++] = kept ? y->shape[i] : 1;
  }
  return x;
}

static void check_broadcast(mb_binary_op op, const mb_shape *a_shape, const mb_shape *b_shape) {
  mb_shape y_shape;
  assert_int_equal(mb_broadcast_shape(&y_shape, a_shape, b_shape), MB_OK);
  const mb_size count = mb_shape_count(&y_shape);
  mb_real *a = check_random(mb_shape_count(a_shape), 1), *b = check_random(mb_shape_count(b_shape), 2);
  mb_real *y = check_zeros(count), *expected = check_zeros(count);
  for (mb_size i = 0; i < count; i++)
    expected[i] = (mb_real)reference(op, (double)a[operand_index(a_shape, &y_shape, i)],
                                     (double)b[operand_index(b_shape, &y_shape, i)]);
  mb_binary(y, op, a, a_shape, b, b_shape, &y_shape);
  check_close(y, expected, count, CHECK_TOLERANCE);
  if (mb_shape_count(a_shape) == count) {
    mb_binary(a, op, a, a_shape, b, b_shape, &y_shape);
    check_same_bits(a, y, count);
  } else if (mb_shape_count(b_shape) == count) {
    mb_binary(b, op, a, a_shape, b, b_shape, &y_shape);
    check_same_bits(b, y, count);
  }
  free(a), free(b), free(y), free(expected);
}

static void every_pair_of_shapes_broadcasts(void **state) {
  (void)state;
  static const mb_shape shapes[] = {
      {1, {37}}, {2, {5, 18}}, {3, {3, 4, 5}}, {4, {2, 3, 4, 5}}, {4, {3, 1, 2, 9}}};
  for (mb_size s = 0; s < COUNT_OF(shapes); s++)
    for (int pair = 0; pair < 1 << 2 * shapes[s].rank; pair++) {
      const mb_shape a = masked_shape(&shapes[s], pair & ((1 << shapes[s].rank) - 1));
      const mb_shape b = masked_shape(&shapes[s], pair >> shapes[s].rank);
      check_broadcast(MB_SUB, &a, &b);
      check_broadcast(MB_LT, &a, &b);
    }
}

static void every_operation_broadcasts(void **state) {
  (void)state;
  const mb_shape full = {2, {7, 33}}, row = {1, {33}}, column = {2, {7, 1}}, one = {1, {1}};
  for (mb_binary_op op = 0; op < MB_BINARY_COUNT; op++) {
    if (op == MB_POW) continue; /* NaN for most pairs; its values are tested above */
    check_broadcast(op, &full, &full);
    check_broadcast(op, &full, &one);
    check_broadcast(op, &one, &full);
    check_broadcast(op, &full, &row);
    check_broadcast(op, &column, &full);
    check_broadcast(op, &column, &row);
  }
}

static void a_power_may_differ_by_row_and_column(void **state) {
  (void)state;
  const mb_real x[2] = {2, 3}, p[3] = {2, -1, 0.5};
  const mb_real expected[6] = {
      4, 0.5, (mb_real)1.4142135623730951, 9, (mb_real)1 / 3, (mb_real)1.7320508075688772};
  const mb_shape column = {2, {2, 1}}, row = {1, {3}}, full = {2, {2, 3}};
  mb_real y[6];
  mb_binary(y, MB_POW, x, &column, p, &row, &full);
  check_close(y, expected, 6, CHECK_TOLERANCE);
}

static void large_arrays_broadcast_on_any_number_of_threads(void **state) {
  (void)state;
  static const mb_shape full = {3, {3, 5, 20011}}, small_rows = {3, {4001, 25, 3}};
  for (int mask = 0; mask < 8; mask++)
    for (int s = 0; s < 2; s++) {
      const mb_shape *shape = s ? &small_rows : &full, other = masked_shape(shape, mask);
      const mb_size count = mb_shape_count(shape);
      mb_real *a = check_random(count, 1), *b = check_random(mb_shape_count(&other), 2);
      mb_real *one = check_zeros(count), *many = check_zeros(count);
      for (mb_size i = 0; i < count; i++) many[i] = a[i] * b[operand_index(&other, shape, i)];
      for (int threads = 1; threads <= 3; threads++) {
        mb_set_threads(threads);
        mb_binary(one, MB_MUL, a, shape, b, &other, shape);
        check_same_bits(one, many, count);
      }
      free(a), free(b), free(one), free(many);
    }
}

/* ---- the backward pass of broadcasting ---- */

static void check_sum_to(const mb_shape *x_shape, const mb_shape *y_shape) {
  const mb_size count = mb_shape_count(y_shape), x_count = mb_shape_count(x_shape);
  mb_real *y = check_random(count, 3), *x = check_zeros(x_count), *again = check_zeros(x_count);
  double *sums = calloc((size_t)x_count, sizeof *sums);
  for (mb_size i = 0; i < count; i++) sums[operand_index(x_shape, y_shape, i)] += (double)y[i];
  for (int threads = 1; threads <= 3; threads++) {
    mb_set_threads(threads);
    mb_sum_to(threads == 1 ? x : again, x_shape, y, y_shape);
    if (threads > 1) check_same_bits(again, x, x_count);
  }
  for (mb_size i = 0; i < x_count; i++) {
    const mb_real expected = (mb_real)sums[i];
    check_close(&x[i], &expected, 1, sizeof(mb_real) == 4 ? 2e-7 : 1e-12);
  }
  free(y), free(x), free(again), free(sums);
}

static void sums_to_every_shape_agree_with_plain_loops(void **state) {
  (void)state;
  static const mb_shape shapes[] = {{1, {2000}},        {2, {70, 130}},        {3, {13, 4, 150}},
                                    {4, {7, 3, 4, 90}}, {4, {40, 30, 20, 10}}, {4, {20, 11, 300, 3}}};
  for (mb_size s = 0; s < COUNT_OF(shapes); s++)
    for (int mask = 0; mask < 1 << shapes[s].rank; mask++) {
      const mb_shape x = masked_shape(&shapes[s], mask);
      check_sum_to(&x, &shapes[s]);
    }
}

static void sum_to_is_the_transpose_of_broadcasting(void **state) {
  (void)state;
  const mb_real y[6] = {1, 2, 3, 40, 50, 60}, rows[2] = {6, 150}, columns[3] = {41, 52, 63}, all = 156;
  const mb_shape full = {2, {2, 3}}, row = {1, {3}}, column = {2, {2, 1}}, one = {1, {1}};
  mb_real x[3];
  mb_sum_to(x, &row, y, &full);
  check_exact(x, columns, 3);
  mb_sum_to(x, &column, y, &full);
  check_exact(x, rows, 2);
  mb_sum_to(x, &one, y, &full);
  check_exact(x, &all, 1);
}

/* ---- functions of one array ---- */

typedef double (*real_function)(double);

/* Returns the argument of op's backward pass: x, y or NULL. */
static const mb_real *kept_by(mb_unary_op op, const mb_real *x, const mb_real *y) {
  const mb_reads reads = mb_unary_reads(op);
  return reads == MB_READS_NONE ? NULL : reads == MB_READS_X ? x : y;
}

static double f_neg(double x) {
  return -x;
}
static double f_sign(double x) {
  return x > 0 ? 1 : x < 0 ? -1 : 0;
}
static double f_sigmoid(double x) {
  return 1 / (1 + exp(-x));
}
static double f_relu(double x) {
  return x < 0 ? 0 : x;
}
static double f_leaky(double x) {
  return x < 0 ? 0.25 * x : x;
}
static double f_elu(double x) {
  return x < 0 ? 0.25 * expm1(x) : x;
}
static double f_signed_sqrt(double x) {
  return x / (sqrt(fabs(x) + 1e-3) + sqrt(1e-3));
}
static double f_gelu(double x) {
  return x * erfc(-x / sqrt(2)) / 2;
}
static double f_selu(double x) {
  return 1.0507009873554804934 * (x < 0 ? 1.6732632423543772848 * expm1(x) : x);
}
static double f_softplus(double x) {
  return fmax(x, 0) + log1p(exp(-fabs(x)));
}

static const real_function functions[MB_UNARY_COUNT] = {[MB_NEG] = f_neg,   [MB_EXP] = exp,
                                                        [MB_LOG] = log,     [MB_SQRT] = sqrt,
                                                        [MB_ABS] = fabs,    [MB_SIGNED_SQRT] = f_signed_sqrt,
                                                        [MB_TANH] = tanh,   [MB_SIGMOID] = f_sigmoid,
                                                        [MB_SIN] = sin,     [MB_COS] = cos,
                                                        [MB_LOG1P] = log1p, [MB_EXPM1] = expm1,
                                                        [MB_SIGN] = f_sign, [MB_FLOOR] = floor,
                                                        [MB_CEIL] = ceil,   [MB_ROUND] = rint,
                                                        [MB_RELU] = f_relu, [MB_LEAKY_RELU] = f_leaky,
                                                        [MB_ELU] = f_elu,   [MB_GELU] = f_gelu,
                                                        [MB_SELU] = f_selu, [MB_SOFTPLUS] = f_softplus};

static bool is_for_positive(mb_unary_op op) {
  return op == MB_LOG || op == MB_SQRT || op == MB_LOG1P;
}

/* Constant but for jumps: the gradient is 0 whatever dy. */
static bool is_step(mb_unary_op op) {
  return op == MB_SIGN || op == MB_FLOOR || op == MB_CEIL || op == MB_ROUND;
}

/* The tolerance is relative to the value, plus an absolute one for denormals and the tail of gelu. */
static double allowed_error(mb_unary_op op, double value) {
  const double half_ulp = sizeof(mb_real) == 4 ? 6e-8 : 1.2e-16, tiny = sizeof(mb_real) == 4 ? 3e-45 : 0;
  if (op == MB_GELU) return 8 * half_ulp * fabs(value) + 3 * half_ulp;
  return (op == MB_EXP ? 4 : 6) * half_ulp * fabs(value) + tiny;
}

static void functions_are_accurate(void **state) {
  (void)state;
  mb_real *x = check_random(MANY, 4), *y = check_zeros(MANY);
  for (mb_size i = 0; i < MANY; i++)
    x[i] *= i % 4 == 0 ? (mb_real)105 : i % 4 == 1 ? 10 : i % 4 == 2 ? 1 : (mb_real)1e-4;
  for (mb_unary_op op = 0; op < MB_UNARY_COUNT; op++) {
    if (is_for_positive(op))
      for (mb_size i = 0; i < MANY; i++) x[i] = fabs(x[i]);
    mb_unary(y, op, (mb_real)0.25, x, MANY);
    for (mb_size i = 0; i < MANY; i++) {
      const double expected = functions[op]((double)x[i]);
      if (fabs(expected) > 3.4028234e38) continue; /* a float overflows */
      if (!(fabs((double)y[i] - expected) <= allowed_error(op, expected)))
        fail_msg("function %d of %.9g: %.9g, expected %.9g", (int)op, (double)x[i], (double)y[i], expected);
    }
    if (is_for_positive(op))
      for (mb_size i = 0; i < MANY; i += 2) x[i] = -x[i];
  }
  free(x), free(y);
}

static void functions_of_the_extremes(void **state) {
  (void)state;
  const mb_real x[] = {I, -I, 0, (mb_real)-0.0, 1e30, -1e30}, m0 = (mb_real)-0.0,
                ln2 = (mb_real)0.69314718055994531;
  const mb_real selu_low = (mb_real)(-1.0507009873554804934 * 1.6732632423543772848);
  const mb_real selu_high = (mb_real)(1.0507009873554804934 * 1e30);
  const mb_real expected[MB_UNARY_COUNT][COUNT_OF(x)] = {
      [MB_NEG] = {-I, I, m0, 0, -1e30, 1e30},
      [MB_EXP] = {I, 0, 1, 1, I, 0},
      [MB_LOG] = {I, N, -I, -I, (mb_real)69.077552789821371, N},
      [MB_SQRT] = {I, N, 0, m0, 1e15, N},
      [MB_ABS] = {I, I, 0, 0, 1e30, 1e30},
      [MB_SIGNED_SQRT] = {I, -I, 0, m0, 1e15, -1e15},
      [MB_TANH] = {1, -1, 0, 0, 1, -1},
      [MB_LOG1P] = {I, N, 0, 0, (mb_real)69.077552789821371, N},
      [MB_EXPM1] = {I, -1, 0, 0, I, -1},
      [MB_SIGN] = {1, -1, 0, 0, 1, -1},
      [MB_FLOOR] = {I, -I, 0, 0, 1e30, -1e30},
      [MB_CEIL] = {I, -I, 0, 0, 1e30, -1e30},
      [MB_ROUND] = {I, -I, 0, 0, 1e30, -1e30},
      [MB_SIGMOID] = {1, 0, 0.5, 0.5, 1, 0},
      [MB_RELU] = {I, 0, 0, 0, 1e30, 0},
      [MB_LEAKY_RELU] = {I, -I, 0, 0, 1e30, (mb_real)-2.5e29},
      [MB_ELU] = {I, -0.25, 0, 0, 1e30, -0.25},
      [MB_GELU] = {I, 0, 0, 0, 1e30, 0},
      [MB_SELU] = {I, selu_low, 0, 0, selu_high, selu_low},
      [MB_SOFTPLUS] = {I, 0, ln2, ln2, 1e30, 0},
  };
  for (mb_unary_op op = 0; op < MB_UNARY_COUNT; op++) {
    if (op == MB_SIN || op == MB_COS) continue;
    mb_real y[COUNT_OF(x)];
    mb_unary(y, op, 0.25, x, COUNT_OF(x));
    for (mb_size i = 0; i < COUNT_OF(x); i++)
      if (isfinite(expected[op][i]))
        check_close(&y[i], &expected[op][i], 1, CHECK_TOLERANCE);
      else
        check_exact(&y[i], &expected[op][i], 1);
  }
}

static void exp_reaches_infinity_and_the_subnormals(void **state) {
  (void)state;
  const mb_real high = sizeof(mb_real) == 4 ? 88.7228f : 709.78,
                over = sizeof(mb_real) == 4 ? 88.7229f : 709.79;
  const mb_real low = sizeof(mb_real) == 4 ? -103.9f : -745.1,
                under = sizeof(mb_real) == 4 ? -104.1f : -745.2;
  const mb_real x[4] = {high, over, low, under};
  mb_real y[4];
  mb_unary(y, MB_EXP, 0, x, 4);
  assert_true(isfinite(y[0]) && y[0] > 0);
  assert_true(isinf(y[1]));
  assert_true(y[2] > 0 && !isnormal(y[2]));
  assert_true(y[3] == 0);
}

static void nan_survives_every_function_and_its_gradient(void **state) {
  (void)state;
  enum { COUNT = 33 };
  mb_real x[COUNT], holes[COUNT], y[COUNT], dx[COUNT];
  for (int i = 0; i < COUNT; i++) x[i] = 1, holes[i] = i % 3 == 1 ? N : 1;
  for (mb_unary_op op = 0; op < MB_UNARY_COUNT; op++) {
    mb_unary(y, op, 0.25, x, COUNT);
    mb_unary_backward(dx, op, 0.25, holes, kept_by(op, x, y), COUNT);
    mb_unary(y, op, 0.25, holes, COUNT);
    for (int i = 0; i < COUNT; i++) {
      assert_true(!isnan(y[i]) == !isnan(holes[i]));
      assert_true(!isnan(dx[i]) == (is_step(op) || !isnan(holes[i])));
    }
  }
}

typedef struct {
  mb_unary_op op;
  mb_size count;
} unary_context;

static void forward(mb_real *y, const mb_real *x, void *context) {
  const unary_context *c = context;
  mb_unary(y, c->op, 0.25, x, c->count);
}

static void gradients_agree_with_differences(void **state) {
  (void)state;
  enum { COUNT = 67 };
  for (mb_unary_op op = 0; op < MB_UNARY_COUNT; op++) {
    unary_context context = {op, COUNT};
    mb_real *x = check_random(COUNT, 5), *dy = check_random(COUNT, 6), y[COUNT], dx[COUNT];
    for (int i = 0; i < COUNT; i++) x[i] = is_for_positive(op) ? (mb_real)0.1 + fabs(x[i]) : 3 * x[i];
    const mb_real *kept = kept_by(op, x, y);
    mb_unary(y, op, 0.25, x, COUNT);
    mb_unary_backward(dx, op, 0.25, dy, kept, COUNT);
    check_gradient(forward, &context, x, COUNT, dy, COUNT, dx);
    mb_unary_backward(dy, op, 0.25, dy, kept, COUNT); /* in place */
    check_same_bits(dx, dy, COUNT);
    free(x), free(dy);
  }
}

static void derivatives_at_zero(void **state) {
  (void)state;
  static const struct {
    mb_unary_op op;
    mb_real derivative;
  } cases[] = {{MB_ABS, 0},  {MB_RELU, 0},       {MB_LEAKY_RELU, 0.25}, {MB_ELU, 0.25},
               {MB_TANH, 1}, {MB_SIGMOID, 0.25}, {MB_GELU, 0.5},        {MB_SOFTPLUS, 0.5},
               {MB_EXP, 1},  {MB_LOG, I},        {MB_SQRT, I}};
  for (mb_size i = 0; i < COUNT_OF(cases); i++) {
    const mb_real x = 0, dy = 1;
    mb_real y, dx;
    mb_unary(&y, cases[i].op, 0.25, &x, 1);
    mb_unary_backward(&dx, cases[i].op, 0.25, &dy, kept_by(cases[i].op, &x, &y), 1);
    check_exact(&dx, &cases[i].derivative, 1);
  }
}

static mb_real gradient_at(mb_unary_op op, mb_real x, mb_real dy) {
  mb_real y, dx;
  mb_unary(&y, op, 0.25, &x, 1);
  mb_unary_backward(&dx, op, 0.25, &dy, kept_by(op, &x, &y), 1);
  return dx;
}

static void a_gradient_of_zero_stays_zero(void **state) {
  (void)state;
  for (mb_unary_op op = 0; op < MB_UNARY_COUNT; op++)
    for (mb_size i = 0; i < COUNT_OF(special); i++)
      if (!(gradient_at(op, special[i], 0) == 0)) fail_msg("operation %d of %g", (int)op, (double)special[i]);
}

static void derivatives_at_infinity(void **state) {
  (void)state;
  static const struct {
    mb_unary_op op;
    mb_real below, above;
  } cases[] = {
      {MB_TANH, 0, 0},          {MB_SIGNED_SQRT, 0, 0}, {MB_SIGMOID, 0, 0},
      {MB_RELU, 0, 1},          {MB_ELU, 0, 1},         {MB_SOFTPLUS, 0, 1},
      {MB_LEAKY_RELU, 0.25, 1}, {MB_GELU, 0, 1},        {MB_ABS, -1, 1},
      {MB_NEG, -1, -1},         {MB_EXP, 0, I},         {MB_SELU, 0, (mb_real)1.0507009873554804934}};
  for (mb_size i = 0; i < COUNT_OF(cases); i++) {
    const mb_real at[2] = {gradient_at(cases[i].op, -I, 1), gradient_at(cases[i].op, I, 1)};
    const mb_real expected[2] = {cases[i].below, cases[i].above};
    check_close(&at[0], &expected[0], 1, 1e-7);
    if (expected[1] == I)
      assert_true(at[1] == I);
    else
      check_close(&at[1], &expected[1], 1, 1e-7);
  }
  assert_true(gradient_at(MB_LOG, I, 1) == 0 && gradient_at(MB_SQRT, I, 1) == 0);
}

static void an_infinite_gradient_stops_where_nothing_moves(void **state) {
  (void)state;
  assert_true(gradient_at(MB_RELU, -1, I) == 0 && gradient_at(MB_RELU, 0, I) == 0);
  assert_true(gradient_at(MB_ABS, 0, I) == 0 && gradient_at(MB_RELU, 1, I) == I);
}

static void a_sum_with_its_activation(void **state) {
  (void)state;
  mb_real *a = check_random(MANY, 7), *b = check_random(MANY, 8), *expected = check_zeros(MANY);
  mb_real *y = check_zeros(MANY);
  const mb_shape shape = {.rank = 1, .shape = {MANY}};
  mb_binary(expected, MB_ADD, a, &shape, b, &shape, &shape);
  mb_unary(expected, MB_LEAKY_RELU, 0.25, expected, MANY);
  for (int threads = 1; threads <= 3; threads++) {
    mb_set_threads(threads);
    mb_add_activate(y, 0.25, a, b, MANY);
    check_same_bits(y, expected, MANY);
  }
  free(a), free(b), free(expected), free(y);
}

static void functions_do_not_depend_on_threads_or_place(void **state) {
  (void)state;
  mb_real *x = check_random(MANY, 7), *y[3], *dx[3];
  for (int t = 0; t < 3; t++) y[t] = check_zeros(MANY), dx[t] = check_zeros(MANY);
  for (mb_unary_op op = 0; op < MB_UNARY_COUNT; op++) {
    for (int t = 0; t < 3; t++) {
      mb_set_threads(t + 1);
      mb_unary(y[t], op, 0.25, x, MANY);
      mb_unary_backward(dx[t], op, 0.25, x, kept_by(op, x, y[t]), MANY);
    }
    check_same_bits(y[1], y[0], MANY);
    check_same_bits(y[2], y[0], MANY);
    check_same_bits(dx[1], dx[0], MANY);
    check_same_bits(dx[2], dx[0], MANY);
  }
  for (int t = 0; t < 3; t++) free(y[t]), free(dx[t]);
  free(x);
}

/* ---- filling, adding, nothing ---- */

static void fill_arange_and_add_scaled(void **state) {
  (void)state;
  for (int threads = 1; threads <= 3; threads++) {
    mb_set_threads(threads);
    mb_real *y = check_zeros(MANY), *x = check_random(MANY, 8);
    mb_fill(y, -1.5, MANY - 1);
    for (mb_size i = 0; i < MANY; i++) assert_true(y[i] == (i < MANY - 1 ? (mb_real)-1.5 : 0));
    mb_arange(y, 1, 0.1, MANY);
    for (mb_size i = 0; i < MANY; i++)
      assert_true(fabs((double)y[i] - (1 + i * 0.1)) <= 6e-8 * (1 + i * 0.1));
    mb_fill(y, 2, MANY);
    mb_add_scaled(y, 0.5, x, MANY);
    for (mb_size i = 0; i < MANY; i++) assert_true(y[i] == 2 + x[i] / 2);
    free(x), free(y);
  }
}

static void nothing_is_done_to_nothing(void **state) {
  (void)state;
  const mb_shape none = {2, {0, 3}}, row = {1, {3}};
  const mb_real b[3] = {1, 2, 3};
  mb_real x[3] = {7, 7, 7};
  for (mb_binary_op op = 0; op < MB_BINARY_COUNT; op++) mb_binary(NULL, op, NULL, &none, b, &row, &none);
  for (mb_unary_op op = 0; op < MB_UNARY_COUNT; op++) {
    mb_unary(NULL, op, 0, NULL, 0);
    mb_unary_backward(NULL, op, 0, NULL, NULL, 0);
  }
  mb_fill(NULL, 1, 0);
  mb_arange(NULL, 1, 1, 0);
  mb_add_scaled(NULL, 1, NULL, 0);
  mb_add_activate(NULL, 1, NULL, NULL, 0);
  mb_sum_to(x, &row, NULL, &none);
  const mb_real zeros[3] = {0, 0, 0};
  check_exact(x, zeros, 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(shapes_broadcast_as_in_numpy),
      cmocka_unit_test(shapes_that_do_not_broadcast_are_named),
      cmocka_unit_test(operations_of_literals),
      cmocka_unit_test(powers_by_a_scalar_are_those_of_c),
      cmocka_unit_test(every_pair_of_shapes_broadcasts),
      cmocka_unit_test(every_operation_broadcasts),
      cmocka_unit_test(a_power_may_differ_by_row_and_column),
      cmocka_unit_test(large_arrays_broadcast_on_any_number_of_threads),
      cmocka_unit_test(sums_to_every_shape_agree_with_plain_loops),
      cmocka_unit_test(sum_to_is_the_transpose_of_broadcasting),
      cmocka_unit_test(functions_are_accurate),
      cmocka_unit_test(functions_of_the_extremes),
      cmocka_unit_test(exp_reaches_infinity_and_the_subnormals),
      cmocka_unit_test(nan_survives_every_function_and_its_gradient),
      cmocka_unit_test(gradients_agree_with_differences),
      cmocka_unit_test(derivatives_at_zero),
      cmocka_unit_test(derivatives_at_infinity),
      cmocka_unit_test(a_gradient_of_zero_stays_zero),
      cmocka_unit_test(an_infinite_gradient_stops_where_nothing_moves),
      cmocka_unit_test(a_sum_with_its_activation),
      cmocka_unit_test(functions_do_not_depend_on_threads_or_place),
      cmocka_unit_test(fill_arange_and_add_scaled),
      cmocka_unit_test(nothing_is_done_to_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
