/* test_norm.c - batch and layer norm against plain loops in double and central differences. */
#include "check.h"

static const mb_real epsilon = (mb_real)1e-3;

typedef struct {
  mb_size rows, C;
} Shape;

/* Shapes: folded and unfolded, with and without a rest of rows, several chunks, several blocks. */
static const Shape shapes[] = {{1, 1},  {2, 1},     {300, 1},  {65536, 1}, {50, 3},
                               {37, 7}, {30011, 3}, {700, 64}, {41, 300},  {11, 1100}};

typedef struct {
  mb_size rows, C;
  mb_real *x, *dy, *gamma, *beta, *running_mean, *running_var; /* inputs */
  mb_real *y, *dx, *dgamma, *dbeta, *mean, *var;               /* results; layer norm: var is inv_sd */
  bool train;
  mb_real slope; /* of the activation after a batch norm */
} Norm;

static Norm new_norm(Shape s) {
  const mb_size count = s.rows * s.C, statistics = s.rows + s.C;
  Norm n = {s.rows,
            s.C,
            check_random(count, 1),
            check_random(count, 2),
            check_random(s.C, 3),
            check_random(s.C, 4),
            check_random(s.C, 5),
            check_random(s.C, 6),
            check_zeros(count),
            check_zeros(count),
            check_zeros(s.C),
            check_zeros(s.C),
            check_zeros(statistics),
            check_zeros(statistics),
            true,
            1};
  for (mb_size c = 0; c < s.C; c++) n.running_var[c] += (mb_real)1.5;
  return n;
}

static void free_norm(Norm *n) {
  mb_real *arrays[] = {n->x, n->dy, n->gamma, n->beta,   n->running_mean, n->running_var,
                       n->y, n->dx, n->mean,  n->dgamma, n->dbeta,        n->var};
  for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) free(arrays[i]);
}

/* ---- batch norm ---- */

static mb_batch_norm shape_of(const Norm *n) {
  return (mb_batch_norm){.N = 1,
                         .L = n->rows,
                         .C = n->C,
                         .mean = n->train ? n->mean : n->running_mean,
                         .var = n->train ? n->var : n->running_var,
                         .gamma = n->gamma,
                         .beta = n->beta,
                         .epsilon = epsilon,
                         .slope = n->slope};
}

static void batch_norm_forward(Norm *n, mb_real *y, const mb_real *x) {
  if (n->train) mb_batch_norm_statistics(n->mean, n->var, NULL, NULL, x, 0, n->rows, n->C);
  const mb_batch_norm s = shape_of(n);
  mb_batch_norm_apply(y, NULL, x, &s);
}

static void batch_norm(Norm *n) {
  batch_norm_forward(n, n->y, n->x);
  const mb_batch_norm s = shape_of(n);
  mb_batch_norm_backward(n->dx, n->dgamma, n->dbeta, n->dy, NULL, n->x, n->train, &s);
}

/* Channel c, straight from the formulas. */
static void check_channel(const Norm *n, mb_size c) {
  const double rows = (double)n->rows;
  double mean = 0, var = 0, sum = 0, product = 0;
  for (mb_size r = 0; r < n->rows; r++) mean += n->x[r * n->C + c] / rows;
  for (mb_size r = 0; r < n->rows; r++) var += pow(n->x[r * n->C + c] - mean, 2) / rows;
  if (n->train) {
    const mb_real expected[2] = {(mb_real)mean, (mb_real)var};
    check_close(&n->mean[c], &expected[0], 1, CHECK_TOLERANCE);
    check_close(&n->var[c], &expected[1], 1, CHECK_TOLERANCE);
  } else {
    mean = n->running_mean[c];
    var = n->running_var[c];
  }
  const double inv_sd = 1 / sqrt(var + epsilon), gamma = n->gamma ? n->gamma[c] : 1;
  for (mb_size r = 0; r < n->rows; r++) {
    const mb_size i = r * n->C + c;
    const mb_real y = (mb_real)(gamma * (n->x[i] - mean) * inv_sd + (n->beta ? n->beta[c] : 0));
    check_close(&n->y[i], &y, 1, CHECK_TOLERANCE);
    sum += n->dy[i];
    product += n->dy[i] * (n->x[i] - mean) * inv_sd;
  }
  const mb_real expected[2] = {(mb_real)product, (mb_real)sum};
  check_close(&n->dgamma[c], &expected[0], 1, CHECK_TOLERANCE);
  check_close(&n->dbeta[c], &expected[1], 1, CHECK_TOLERANCE);
  if (!n->train) sum = product = 0;
  for (mb_size r = 0; r < n->rows; r++) {
    const mb_size i = r * n->C + c;
    const double normal = (n->x[i] - mean) * inv_sd;
    const mb_real dx = (mb_real)(gamma * inv_sd * (n->dy[i] - sum / rows - normal * product / rows));
    check_close(&n->dx[i], &dx, 1, CHECK_TOLERANCE);
  }
}

static void batch_norm_agrees_with_its_formulas(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
    for (int train = 0; train < 2; train++) {
      Norm n = new_norm(shapes[i]);
      n.train = train;
      batch_norm(&n);
      for (mb_size c = 0; c < n.C; c++) check_channel(&n, c);
      free_norm(&n);
    }
}

static void gamma_and_beta_may_be_missing(void **state) {
  (void)state;
  Norm n = new_norm((Shape){20, 3});
  free(n.gamma), free(n.beta);
  n.gamma = n.beta = NULL;
  batch_norm(&n);
  for (mb_size c = 0; c < n.C; c++) check_channel(&n, c);
  free_norm(&n);
}

static void gradients_that_are_null_are_not_computed(void **state) {
  (void)state;
  Norm n = new_norm((Shape){20, 3});
  mb_real dx[60], dgamma[3], dbeta[3];
  for (int train = 0; train < 2; train++) {
    n.train = train;
    batch_norm(&n);
    const mb_batch_norm s = shape_of(&n);
    mb_batch_norm_backward(dx, NULL, NULL, n.dy, NULL, n.x, train, &s);
    mb_batch_norm_backward(NULL, dgamma, NULL, n.dy, NULL, n.x, train, &s);
    mb_batch_norm_backward(NULL, NULL, dbeta, n.dy, NULL, n.x, train, &s);
    assert_memory_equal(dx, n.dx, sizeof dx);
    assert_memory_equal(dgamma, n.dgamma, sizeof dgamma);
    assert_memory_equal(dbeta, n.dbeta, sizeof dbeta);
  }
  free_norm(&n);
}

static void batch_norm_of_literals(void **state) {
  (void)state;
  const mb_real x[8] = {1, 10, 2, 10, 3, 10, 6, 10}, gamma[2] = {2, 3}, beta[2] = {1, -1};
  mb_real mean[2], var[2], running_mean[2] = {1, 0}, running_var[2] = {1, 4}, y[8];
  mb_batch_norm_statistics(mean, var, running_mean, running_var, x, (mb_real)0.75, 4, 2);
  const mb_real means[2] = {3, 10}, vars[2] = {3.5, 0};
  const mb_real running_means[2] = {1.5, 2.5}, running_vars[2] = {1.625, 3};
  check_close(mean, means, 2, CHECK_TOLERANCE);
  check_close(var, vars, 2, CHECK_TOLERANCE);
  check_close(running_mean, running_means, 2, CHECK_TOLERANCE);
  check_close(running_var, running_vars, 2, CHECK_TOLERANCE);
  mb_batch_norm_apply(y, NULL, x,
                      &(mb_batch_norm){.N = 1,
                                       .L = 4,
                                       .C = 2,
                                       .mean = mean,
                                       .var = var,
                                       .gamma = gamma,
                                       .beta = beta,
                                       .epsilon = (mb_real)0.5,
                                       .slope = 1});
  const mb_real expected[8] = {-1, -1, 0, -1, 1, -1, 4, -1};
  check_close(y, expected, 8, CHECK_TOLERANCE);
}

/* Batch norm with an activation is batch norm and then the activation, forward and backward. */
static void an_activation_behind_batch_norm(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
    for (int variant = 0; variant < 4; variant++) {
      Norm fused = new_norm(shapes[i]), plain = new_norm(shapes[i]);
      const mb_size count = fused.rows * fused.C;
      fused.train = plain.train = variant & 1;
      fused.slope = variant & 2 ? (mb_real)0.25 : 0;
      const mb_unary_op op = variant & 2 ? MB_LEAKY_RELU : MB_RELU;
      batch_norm(&fused);
      batch_norm_forward(&plain, plain.y, plain.x);
      mb_unary(plain.y, op, fused.slope, plain.y, count);
      mb_unary_backward(plain.dy, op, fused.slope, plain.dy, plain.y, count);
      batch_norm(&plain);
      mb_unary(plain.y, op, fused.slope, plain.y, count);
      check_close(fused.y, plain.y, count, CHECK_TOLERANCE);
      check_close(fused.dx, plain.dx, count, CHECK_TOLERANCE);
      check_close(fused.dgamma, plain.dgamma, fused.C, CHECK_TOLERANCE);
      check_close(fused.dbeta, plain.dbeta, fused.C, CHECK_TOLERANCE);
      const mb_batch_norm s = shape_of(&fused);
      mb_batch_norm_backward(fused.dy, NULL, NULL, fused.dy, NULL, fused.x, fused.train, &s); /* in place */
      check_same_bits(fused.dy, fused.dx, count);
      free_norm(&fused);
      free_norm(&plain);
    }
}

static void check_same(const mb_real *a, const mb_real *b, mb_size count) {
  for (mb_size i = 0; i < count; i++)
    if (!(a[i] == b[i] || (isnan(a[i]) && isnan(b[i]))))
      fail_msg("element %td: %.9g, expected %.9g", i, (double)a[i], (double)b[i]);
}

/* Random pooling of n, whose rows are those of N samples. */
static mb_batch_norm with_windows(const Norm *n, mb_size N, uint32_t seed) {
  mb_batch_norm s = shape_of(n);
  mb_rng rng;
  mb_rng_seed(&rng, &seed, 1);
  mb_size none;
  s.N = N, s.L = n->rows / N;
  const double most = seed % 3 > 0 ? 4 : MB_MAX_POOL;
  s.pool = (mb_size)mb_rng_uniform(&rng, 1, fmin(most, (double)s.L) + 1);
  s.pool_stride = (mb_size)mb_rng_uniform(&rng, 1, (double)s.pool + 3);
  assert_int_equal(mb_window(&s.L_pool, &none, &none, s.L, s.pool, s.pool_stride, 1, MB_VALID, 0, 0), MB_OK);
  return s;
}

/* Batch norm with pooling gives the bits of batch norm and then pooling, forward and backward, in place too.
 */
static void pooling_behind_batch_norm(void **state) {
  (void)state;
  for (uint32_t seed = 0; seed < 150; seed++) {
    const Shape *shape = &shapes[seed % (sizeof shapes / sizeof shapes[0])];
    const mb_size N = shape->rows % 4 == 0 ? 4 : shape->rows % 2 == 0 ? 2 : 1;
    Norm n = new_norm(*shape);
    n.train = seed & 1;
    n.slope = (mb_real[]){0, (mb_real)0.25, 1}[seed % 7 % 3];
    const mb_size count = n.rows * n.C;
    mb_set_threads(1);
    if (seed % 5 == 0 && count > 9) n.x[count / 2] = NAN, n.x[count / 3] = INFINITY;
    batch_norm_forward(&n, n.y, n.x);
    const mb_batch_norm s = with_windows(&n, N, seed), plain = shape_of(&n);
    const mb_pool1d pool = {
        .N = N, .L = s.L, .C = s.C, .size = s.pool, .stride = s.pool_stride, .L_out = s.L_pool};
    const mb_size results = N * s.L_pool * s.C;
    mb_real *y = check_zeros(results), *expected = check_zeros(results), *dz = check_zeros(count);
    uint8_t *argmax = malloc((size_t)results);
    mb_max_pool1d_forward(expected, n.y, &pool);
    mb_set_threads(1 + (int)(seed % 3));
    mb_batch_norm_apply(y, NULL, n.x, &s);
    check_same(y, expected, results);
    mb_batch_norm_apply(y, argmax, n.x, &s);
    check_same(y, expected, results);

    mb_real *dgamma = check_zeros(n.C), *dbeta = check_zeros(n.C);
    mb_max_pool1d_backward(dz, n.dy, n.y, &pool);
    mb_set_threads(1);
    mb_batch_norm_backward(dz, n.dgamma, n.dbeta, dz, NULL, n.x, n.train, &plain);
    mb_set_threads(1 + (int)(seed % 3));
    mb_batch_norm_backward(n.x, dgamma, dbeta, n.dy, argmax, n.x, n.train, &s);
    check_same(n.x, dz, count);
    check_same(dgamma, n.dgamma, n.C);
    check_same(dbeta, n.dbeta, n.C);
    free(y), free(expected), free(dz), free(argmax), free(dgamma), free(dbeta);
    free_norm(&n);
  }
}

/* Sums of squares in double would lose the variance; so would a shift by a first value far from the rest. */
static void a_large_mean_does_not_destroy_the_variance(void **state) {
  (void)state;
  enum { N = 640000 };
  static const struct { double mean, first; } cases[] = {{1e4, 1e4}, {1e4, 0}, {1e7, 1e7}};
  const uint32_t seed = 7;
  mb_real *x = check_zeros(N), mean, var;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    double exact_mean = 0, exact_var = 0;
    mb_rng rng;
    mb_rng_seed(&rng, &seed, 1);
    for (mb_size j = 0; j < N; j++) x[j] = (mb_real)(cases[i].mean + mb_rng_normal(&rng));
    x[0] = (mb_real)cases[i].first;
    for (mb_size j = 0; j < N; j++) exact_mean += x[j] / (double)N;
    for (mb_size j = 0; j < N; j++) exact_var += pow(x[j] - exact_mean, 2) / N;
    mb_batch_norm_statistics(&mean, &var, NULL, NULL, x, 0, N, 1);
    assert_true(fabs(mean - exact_mean) < 1e-7 * exact_mean);
    assert_true(fabs(var - exact_var) < 1e-6 * exact_var);
  }
  free(x);
}

static void batch_norm_of_x(mb_real *y, const mb_real *x, void *norm) {
  batch_norm_forward(norm, y, x);
}

static void batch_norm_of_gamma(mb_real *y, const mb_real *gamma, void *norm) {
  Norm n = *(Norm *)norm;
  memcpy(n.gamma, gamma, sizeof(mb_real) * (size_t)n.C);
  batch_norm_forward(&n, y, n.x);
}

static void batch_norm_of_beta(mb_real *y, const mb_real *beta, void *norm) {
  Norm n = *(Norm *)norm;
  memcpy(n.beta, beta, sizeof(mb_real) * (size_t)n.C);
  batch_norm_forward(&n, y, n.x);
}

static void batch_norm_gradients_agree_with_differences(void **state) {
  (void)state;
  for (int train = 0; train < 2; train++) {
    Norm n = new_norm((Shape){13, 4});
    n.train = train;
    n.slope = train ? (mb_real)0.25 : 1;
    batch_norm(&n);
    check_gradient(batch_norm_of_x, &n, n.x, 52, n.dy, 52, n.dx);
    check_gradient(batch_norm_of_gamma, &n, n.gamma, 4, n.dy, 52, n.dgamma);
    check_gradient(batch_norm_of_beta, &n, n.beta, 4, n.dy, 52, n.dbeta);
    free_norm(&n);
  }
}

/* ---- layer norm ---- */

static void layer_norm_forward(Norm *n, mb_real *y, const mb_real *x) {
  mb_layer_norm_forward(y, n->mean, n->var, x, n->gamma, n->beta, epsilon, n->rows, n->C);
}

static void layer_norm(Norm *n) {
  layer_norm_forward(n, n->y, n->x);
  mb_layer_norm_backward(n->dx, n->dgamma, n->dbeta, n->dy, n->x, n->mean, n->var, n->gamma, n->rows, n->C);
}

/* Row r, straight from the formulas; its share of dgamma and dbeta is added. */
static void check_row(const Norm *n, mb_size r, double *dgamma, double *dbeta) {
  const double D = (double)n->C;
  const mb_real *x = n->x + r * n->C, *dy = n->dy + r * n->C;
  double mean = 0, var = 0, sum = 0, product = 0;
  for (mb_size i = 0; i < n->C; i++) mean += x[i] / D;
  for (mb_size i = 0; i < n->C; i++) var += pow(x[i] - mean, 2) / D;
  const double inv_sd = 1 / sqrt(var + epsilon);
  for (mb_size i = 0; i < n->C; i++) {
    const double normal = (x[i] - mean) * inv_sd, g = dy[i] * (n->gamma ? n->gamma[i] : 1);
    const mb_real y = (mb_real)(normal * (n->gamma ? n->gamma[i] : 1) + (n->beta ? n->beta[i] : 0));
    check_close(&n->y[r * n->C + i], &y, 1, CHECK_TOLERANCE);
    sum += g;
    product += g * normal;
    dgamma[i] += dy[i] * normal;
    dbeta[i] += dy[i];
  }
  for (mb_size i = 0; i < n->C; i++) {
    const double normal = (x[i] - mean) * inv_sd, g = dy[i] * (n->gamma ? n->gamma[i] : 1);
    const mb_real dx = (mb_real)(inv_sd * (g - sum / D - normal * product / D));
    check_close(&n->dx[r * n->C + i], &dx, 1, CHECK_TOLERANCE);
  }
}

static void check_layer_norm(const Norm *n) {
  double *dgamma = calloc((size_t)n->C, sizeof(double)), *dbeta = calloc((size_t)n->C, sizeof(double));
  for (mb_size r = 0; r < n->rows; r++) check_row(n, r, dgamma, dbeta);
  for (mb_size i = 0; i < n->C; i++) {
    const mb_real expected[2] = {(mb_real)dgamma[i], (mb_real)dbeta[i]};
    check_close(&n->dgamma[i], &expected[0], 1, CHECK_TOLERANCE);
    check_close(&n->dbeta[i], &expected[1], 1, CHECK_TOLERANCE);
  }
  free(dgamma), free(dbeta);
}

static void layer_norm_agrees_with_its_formulas(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    Norm n = new_norm(shapes[i]);
    layer_norm(&n);
    check_layer_norm(&n);
    free_norm(&n);
  }
}

static void layer_norm_does_without_gamma_beta_and_gradients(void **state) {
  (void)state;
  Norm n = new_norm((Shape){6, 9});
  free(n.gamma), free(n.beta);
  n.gamma = n.beta = NULL;
  layer_norm(&n);
  check_layer_norm(&n);
  mb_real dx[54], dgamma[9], dbeta[9];
  mb_layer_norm_backward(dx, NULL, NULL, n.dy, n.x, n.mean, n.var, NULL, 6, 9);
  mb_layer_norm_backward(NULL, dgamma, NULL, n.dy, n.x, n.mean, n.var, NULL, 6, 9);
  mb_layer_norm_backward(NULL, NULL, dbeta, n.dy, n.x, n.mean, n.var, NULL, 6, 9);
  assert_memory_equal(dx, n.dx, sizeof dx);
  assert_memory_equal(dgamma, n.dgamma, sizeof dgamma);
  assert_memory_equal(dbeta, n.dbeta, sizeof dbeta);
  free_norm(&n);
}

static void layer_norm_of_literals(void **state) {
  (void)state;
  const mb_real x[4] = {1, 2, 3, 6}, gamma[4] = {1, 2, 3, 4}, beta[4] = {0, 0, 0, 1};
  const mb_real mean = 3, inv_sd = 0.5, expected[4] = {-1, -1, 0, 7};
  mb_real y[4], got_mean, got_inv_sd;
  mb_layer_norm_forward(y, &got_mean, &got_inv_sd, x, gamma, beta, (mb_real)0.5, 1, 4);
  check_close(y, expected, 4, CHECK_TOLERANCE);
  check_close(&got_mean, &mean, 1, CHECK_TOLERANCE);
  check_close(&got_inv_sd, &inv_sd, 1, CHECK_TOLERANCE);
}

static void layer_norm_of_x(mb_real *y, const mb_real *x, void *norm) {
  layer_norm_forward(norm, y, x);
}

static void layer_norm_gradient_agrees_with_differences(void **state) {
  (void)state;
  Norm n = new_norm((Shape){5, 8});
  layer_norm(&n);
  check_gradient(layer_norm_of_x, &n, n.x, 40, n.dy, 40, n.dx);
  free_norm(&n);
}

/* ---- threads ---- */

static void check_threads(void (*forward_and_backward)(Norm *), Shape shape) {
  const size_t count = sizeof(mb_real) * (size_t)(shape.rows * shape.C),
               width = sizeof(mb_real) * (size_t)shape.C;
  Norm one = new_norm(shape);
  mb_set_threads(1);
  forward_and_backward(&one);
  for (int threads = 2; threads <= 3; threads++) {
    Norm many = new_norm(shape);
    mb_set_threads(threads);
    forward_and_backward(&many);
    assert_memory_equal(one.y, many.y, count);
    assert_memory_equal(one.dx, many.dx, count);
    assert_memory_equal(one.dgamma, many.dgamma, width);
    assert_memory_equal(one.dbeta, many.dbeta, width);
    assert_memory_equal(one.mean, many.mean, width + sizeof(mb_real) * (size_t)shape.rows);
    assert_memory_equal(one.var, many.var, width + sizeof(mb_real) * (size_t)shape.rows);
    free_norm(&many);
  }
  free_norm(&one);
}

static void norms_do_not_depend_on_threads(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    check_threads(batch_norm, shapes[i]);
    check_threads(layer_norm, shapes[i]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(batch_norm_agrees_with_its_formulas),
      cmocka_unit_test(gamma_and_beta_may_be_missing),
      cmocka_unit_test(gradients_that_are_null_are_not_computed),
      cmocka_unit_test(batch_norm_of_literals),
      cmocka_unit_test(an_activation_behind_batch_norm),
      cmocka_unit_test(pooling_behind_batch_norm),
      cmocka_unit_test(a_large_mean_does_not_destroy_the_variance),
      cmocka_unit_test(batch_norm_gradients_agree_with_differences),
      cmocka_unit_test(layer_norm_agrees_with_its_formulas),
      cmocka_unit_test(layer_norm_does_without_gamma_beta_and_gradients),
      cmocka_unit_test(layer_norm_of_literals),
      cmocka_unit_test(layer_norm_gradient_agrees_with_differences),
      cmocka_unit_test(norms_do_not_depend_on_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
