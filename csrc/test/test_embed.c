/* test_embed.c - promises of the header to programs that embed the library: scratch of exactly the bytes that
 * were asked for suffices, and gives the same bits, whatever the number of threads is then and later;
 * gradients that are NULL are not computed. */
#include "check.h"

#define GUARD 4096 /* bytes after scratch and results */

/* ---- functions that take scratch --------------------------------------------------------- */

/* run has scratch of bytes(threads), and fills results. */
typedef struct {
  const char *name;
  size_t results; /* bytes */
  size_t (*bytes)(int threads);
  void (*run)(void *results, void *scratch, int threads);
} Case;

/* ---- convolution: direct and fft algorithm, with all gradients */

enum { N = 6, L = 500 };

static mb_conv1d direct_plan(int threads) {
  mb_conv1d s = {.N = N, .L = L, .C = 2, .K = 9, .F = 24, .stride = 1, .dilation = 1, .padding = MB_SAME};
  s.pool = 3, s.pool_stride = 3;
  assert_int_equal(mb_conv1d_plan(&s, threads), MB_OK);
  assert_int_equal(s.T_y, 0);
  return s;
}

static mb_conv1d fft_plan(int threads) {
  mb_conv1d s = {.N = N, .L = L, .C = 24, .K = 30, .F = 48, .stride = 1, .dilation = 1, .slope = 1};
  assert_int_equal(mb_conv1d_plan(&s, threads), MB_OK);
  assert_true(s.T_y > 0 && s.T_both > 0);
  return s;
}

static void convolve(mb_real *results, void *scratch, const mb_conv1d *s) {
  const mb_size y = s->N * s->L_pool * s->F, x = s->N * s->L * s->C, w = s->K * s->C * s->F;
  mb_real *in = check_random(x, 1), *weights = check_random(w, 2), *bias = check_random(s->F, 3);
  mb_real *dy = check_random(y, 4), *dx = results + y, *dw = dx + x, *db = dw + w;
  uint8_t *argmax = malloc((size_t)y);
  mb_conv1d_forward(results, argmax, scratch, in, weights, bias, s);
  mb_conv1d_backward(dx, dw, db, scratch, dy, argmax, in, weights, s);
  free(in), free(weights), free(bias), free(dy), free(argmax);
}

static size_t direct_bytes(int threads) {
  return direct_plan(threads).scratch_bytes;
}
static void direct_run(void *results, void *scratch, int threads) {
  const mb_conv1d s = direct_plan(threads);
  convolve(results, scratch, &s);
}
static size_t fft_bytes(int threads) {
  return fft_plan(threads).scratch_bytes;
}
static void fft_run(void *results, void *scratch, int threads) {
  const mb_conv1d s = fft_plan(threads);
  convolve(results, scratch, &s);
}
#define CONV_RESULTS (sizeof(mb_real) * (N * L * (24 + 48 + 24) + 30 * 24 * 48 + 48))

/* ---- forests */

enum { ROWS = 300, POINTS = 50, TREES = 8 };

static const mb_forest forest = {.N = ROWS,
                                 .D = POINTS,
                                 .classes = 3,
                                 .bootstrap = true,
                                 .max_features = 7,
                                 .max_depth = 20,
                                 .max_leaves = ROWS,
                                 .min_samples_split = 2,
                                 .min_samples_leaf = 1,
                                 .seed = 5};

static size_t ranks_bytes(int threads) {
  return mb_ranks_scratch_bytes(ROWS, threads);
}
static void ranks_run(void *results, void *scratch, int threads) {
  mb_real *x = check_random(ROWS * POINTS, 6), *value = check_zeros(ROWS * POINTS);
  assert_int_equal(mb_ranks(results, value, scratch, x, ROWS, POINTS, threads), MB_OK);
  free(x), free(value);
}

static size_t forest_bytes(int threads) {
  return mb_forest_scratch_bytes(&forest, threads);
}
static void forest_run(void *results, void *scratch, int threads) {
  enum { NODES = 2 * ROWS };
  uint32_t *code = malloc(sizeof *code * ROWS * POINTS);
  mb_real *x = check_random(ROWS * POINTS, 6), *value = check_zeros(ROWS * POINTS);
  mb_size label[ROWS];
  void *more = malloc(mb_ranks_scratch_bytes(ROWS, 1));
  mb_tree tree[TREES];
  for (mb_size i = 0; i < ROWS; i++) label[i] = (x[i * POINTS] > 0) + (x[i * POINTS + 1] > 0);
  for (int t = 0; t < TREES; t++)
    tree[t] = (mb_tree){.node = malloc(sizeof(mb_node) * NODES),
                        .first = malloc(sizeof(int32_t) * (NODES + 1)),
                        .share = malloc(sizeof(mb_share) * ROWS)};
  assert_int_equal(mb_ranks(code, value, more, x, ROWS, POINTS, 1), MB_OK);
  mb_forest_grow(tree, results, NULL, scratch, code, value, label, NULL, &forest, 0, TREES, threads);
  for (int t = 0; t < TREES; t++) free(tree[t].node), free(tree[t].first), free(tree[t].share);
  free(code), free(x), free(value), free(more);
}

/* ---- distances */

enum { A = 40, B = 70, LENGTH = 60, NEAREST = 5 };

static void distances_run(mb_metric metric, void *results, void *scratch, int threads) {
  mb_real *a = check_random(A * LENGTH, 7), *b = check_random(B * LENGTH, 8);
  for (mb_size i = 0; i < A * LENGTH; i++) a[i] = (mb_real)fabs((double)a[i]);
  for (mb_size i = 0; i < B * LENGTH; i++) b[i] = (mb_real)fabs((double)b[i]);
  assert_int_equal(mb_distances(results, scratch, a, b, metric, 9, A, B, LENGTH, threads), MB_OK);
  free(a), free(b);
}
#define DISTANCES(name, metric)                                                                              \
  static size_t name##_bytes(int threads) {                                                                  \
    return mb_distances_scratch_bytes(A, B, LENGTH, metric, threads);                                        \
  }                                                                                                          \
  static void name##_run(void *results, void *scratch, int threads) {                                        \
    distances_run(metric, results, scratch, threads);                                                        \
  }
DISTANCES(euclidean, MB_EUCLIDEAN)
DISTANCES(pearson, MB_PEARSON)
DISTANCES(jensen_shannon, MB_JENSEN_SHANNON)
DISTANCES(dtw, MB_DTW)
DISTANCES(ddtw, MB_DDTW)

static size_t nearest_bytes(int threads) {
  return mb_dtw_nearest_scratch_bytes(A, B, LENGTH, threads);
}
static void nearest_run(void *results, void *scratch, int threads) {
  mb_real *a = check_random(A * LENGTH, 7), *b = check_random(B * LENGTH, 8), *distance = results;
  mb_size *index = malloc(sizeof *index * A * NEAREST);
  assert_int_equal(mb_dtw_nearest(distance, index, scratch, a, b, MB_DTW, 9, A, B, LENGTH, NEAREST, threads),
                   MB_OK);
  for (mb_size i = 0; i < A * NEAREST; i++) distance[A * NEAREST + i] = (mb_real)index[i];
  free(a), free(b), free(index);
}

/* ---- preprocessing, spikes, random numbers */

static size_t als_bytes(int threads) {
  return mb_als_baseline_scratch_bytes(L, threads);
}
static void als_run(void *results, void *scratch, int threads) {
  mb_real *y = check_random(100 * L, 9);
  assert_int_equal(mb_als_baseline(results, y, scratch, MB_ALS, 1e4, 0.01, 0, 3, 100, L, 1, threads), MB_OK);
  free(y);
}

static size_t savitzky_golay_bytes(int threads) {
  (void)threads;
  return mb_savitzky_golay_scratch_bytes(11, 3, 1);
}
static void savitzky_golay_run(void *results, void *scratch, int threads) {
  (void)threads;
  mb_real *x = check_random(100 * L, 9);
  assert_int_equal(mb_savitzky_golay_check(L, 11, 3, 1, 1), MB_OK);
  mb_savitzky_golay_weights(scratch, 11, 3, 1, 1);
  mb_savitzky_golay(results, x, scratch, 100, L, 1, 11, 3, 1);
  free(x);
}

static const mb_spikes spikes = {.L = L, .shift = 5, .variation = 0.1, .sigma = {1, 4}, .scaled = true};

static size_t spikes_bytes(int threads) {
  (void)threads;
  return mb_spikes_scratch_bytes(&spikes, 3);
}
static void spikes_run(void *results, void *scratch, int threads) {
  const mb_size position[3] = {0, 200, L - 1};
  const double height[3] = {1, 0.3, 0.5};
  mb_real *y = results;
  mb_rng rng;
  (void)threads;
  mb_rng_seed(&rng, (const uint32_t[]){5}, 1);
  assert_int_equal(mb_spikes_exact(y, scratch, position, height, 3, &spikes), MB_OK);
  assert_int_equal(mb_spikes_varied(y + L, scratch, &rng, position, height, 3, &spikes, 4), MB_OK);
}

enum { POPULATION = 20000, CHOSEN = 500 };

static size_t choice_bytes(int threads) {
  (void)threads;
  return mb_rng_choice_scratch_bytes(POPULATION, CHOSEN);
}
static void choice_run(void *results, void *scratch, int threads) {
  mb_rng rng;
  (void)threads;
  mb_rng_seed(&rng, (const uint32_t[]){5}, 1);
  mb_rng_choice(&rng, results, scratch, POPULATION, CHOSEN, true);
  mb_rng_choice(&rng, results, scratch, POPULATION, CHOSEN, false);
}

static size_t weighted_bytes(int threads) {
  (void)threads;
  return mb_rng_choice_weighted_scratch_bytes(POPULATION);
}
static void weighted_run(void *results, void *scratch, int threads) {
  double *p = malloc(sizeof *p * POPULATION);
  mb_rng rng;
  (void)threads;
  mb_rng_seed(&rng, (const uint32_t[]){5}, 1);
  for (mb_size i = 0; i < POPULATION; i++) p[i] = 1.0 / POPULATION;
  assert_int_equal(mb_rng_choice_weighted(&rng, results, scratch, p, POPULATION, CHOSEN, false, 1e-8), MB_OK);
  free(p);
}

static const Case cases[] = {
    {"conv1d, direct", CONV_RESULTS, direct_bytes, direct_run},
    {"conv1d, fft", CONV_RESULTS, fft_bytes, fft_run},
    {"ranks", sizeof(uint32_t) * ROWS *POINTS, ranks_bytes, ranks_run},
    {"forest_grow", sizeof(double) * TREES *POINTS, forest_bytes, forest_run},
    {"distances, euclidean", sizeof(mb_real) * A *B, euclidean_bytes, euclidean_run},
    {"distances, pearson", sizeof(mb_real) * A *B, pearson_bytes, pearson_run},
    {"distances, jensen_shannon", sizeof(mb_real) * A *B, jensen_shannon_bytes, jensen_shannon_run},
    {"distances, dtw", sizeof(mb_real) * A *B, dtw_bytes, dtw_run},
    {"distances, ddtw", sizeof(mb_real) * A *B, ddtw_bytes, ddtw_run},
    {"dtw_nearest", sizeof(mb_real) * 2 * A *NEAREST, nearest_bytes, nearest_run},
    {"als_baseline", sizeof(mb_real) * 100 * L, als_bytes, als_run},
    {"savitzky_golay", sizeof(mb_real) * 100 * L, savitzky_golay_bytes, savitzky_golay_run},
    {"spikes", sizeof(mb_real) * 5 * L, spikes_bytes, spikes_run},
    {"rng_choice", sizeof(mb_size) * CHOSEN, choice_bytes, choice_run},
    {"rng_choice_weighted", sizeof(mb_size) * CHOSEN, weighted_bytes, weighted_run},
};

/* Memory with a guard after it, none of it zero. */
static uint8_t *guarded(size_t bytes) {
  uint8_t *memory = malloc(bytes + GUARD);
  memset(memory, 0xa5, bytes + GUARD);
  return memory;
}

static void check_guard(const Case *c, const char *what, const uint8_t *memory, size_t bytes) {
  for (size_t i = 0; i < GUARD; i++)
    if (memory[bytes + i] != 0xa5) fail_msg("%s: writes %zu bytes behind %s of %zu", c->name, i, what, bytes);
}

/* Asks for the scratch of `asked` threads while the setting is 1, and runs with `running` threads. */
static uint8_t *run(const Case *c, int asked, int running) {
  mb_set_threads(1);
  const size_t bytes = c->bytes(asked);
  uint8_t *scratch = guarded(bytes), *results = guarded(c->results);
  mb_set_threads(running);
  c->run(results, scratch, asked);
  check_guard(c, "scratch", scratch, bytes);
  check_guard(c, "results", results, c->results);
  free(scratch);
  return results;
}

static void scratch_is_as_large_as_was_asked(void **state) {
  const int counts[] = {1, 4, 7}, before = mb_get_threads();
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    uint8_t *expected = run(&cases[i], 1, 1);
    for (int asked = 0; asked < 3; asked++)
      for (int running = 0; running < 3; running++) {
        uint8_t *results = run(&cases[i], counts[asked], counts[running]);
        if (memcmp(results, expected, cases[i].results) != 0)
          fail_msg("%s: other bits, asked with %d threads, run with %d", cases[i].name, counts[asked],
                   counts[running]);
        free(results);
      }
    free(expected);
  }
  mb_set_threads(before);
}

/* ---- gradients that are NULL ---------------------------------------------------------------- */

static void gradients_that_are_null_are_not_computed(void **state) {
  enum { COUNT = 24, C = 4 };
  mb_real x[COUNT], y[COUNT];
  const mb_size index[COUNT] = {0};
  const uint8_t kept[COUNT] = {0};
  const mb_pool1d pool = {.N = 1, .L = COUNT, .C = 1, .size = 2, .stride = 2, .L_out = COUNT / 2};
  const mb_batch_norm norm = {
      .N = 1, .L = COUNT / C, .C = C, .mean = x, .var = x, .gamma = x, .beta = x, .epsilon = 1, .slope = 1};
  (void)state;
  for (int i = 0; i < COUNT; i++) x[i] = y[i] = 1;
  for (int op = 0; op < MB_UNARY_COUNT; op++) mb_unary_backward(NULL, (mb_unary_op)op, 1, y, x, COUNT);
  for (int op = MB_SUM; op <= MB_MAX; op++)
    if (op != MB_STD) mb_reduce_backward(NULL, (mb_reduce_op)op, y, x, 1, COUNT, 1, 0);
  mb_gather_backward(NULL, y, index, 3, 2, C);
  mb_max_pool1d_backward(NULL, y, x, &pool);
  mb_avg_pool1d_backward(NULL, y, &pool);
  mb_batch_norm_backward(NULL, NULL, NULL, y, NULL, x, true, &norm);
  mb_layer_norm_backward(NULL, NULL, NULL, y, x, x, x, x, COUNT / C, C);
  mb_softmax_backward(NULL, y, x, COUNT / C, C);
  mb_log_softmax_backward(NULL, y, x, COUNT / C, C);
  mb_cross_entropy_backward(NULL, 1, x, index, NULL, COUNT / C, C);
  mb_mse_backward(NULL, 1, x, y, COUNT);
  mb_dropout_backward(NULL, y, kept, 0, COUNT);
  mb_conv1d s = direct_plan(1);
  void *scratch = malloc(s.scratch_bytes);
  mb_real *zeros = check_zeros(N * L * 24); /* gradient, spectra and weights, none of which is longer */
  uint8_t *argmax = calloc(N * L * 24, 1);
  mb_conv1d_backward(NULL, NULL, NULL, scratch, zeros, argmax, zeros, zeros, &s);
  free(scratch), free(zeros), free(argmax);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(scratch_is_as_large_as_was_asked),
      cmocka_unit_test(gradients_that_are_null_are_not_computed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
