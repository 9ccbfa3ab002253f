/* test_empty.c - a batch of no samples: nothing is written, sums are 0, and no step is divided by. */
#include "check.h"

enum { ROOM = 64, THREADS = 3 };

/* Inputs hold numbers, so that one that is read is not taken for nothing; outputs hold GUARD. */
static const mb_real x[ROOM] = {1, 2, 3, 4, 5, 6, 7, 8};
static const mb_size label[ROOM];
static const double axis[] = {1, 2, 3, 4};
static mb_real y[ROOM];
static mb_size index_of[ROOM];
static double scratch[8192];

#define GUARD ((mb_real)12345)

static int expect_untouched(void **state) {
  (void)state;
  for (mb_size i = 0; i < ROOM; i++) y[i] = GUARD, index_of[i] = 12345;
  return 0;
}

static void check_untouched(void) {
  for (mb_size i = 0; i < ROOM; i++) {
    assert_true(y[i] == GUARD);
    assert_int_equal(index_of[i], 12345);
  }
}

static void check_all(const mb_real *values, mb_size count, mb_real expected) {
  for (mb_size i = 0; i < count; i++) check_exact(&values[i], &expected, 1);
}

/* ---- elements, reductions and copies ---- */

static void elements(void **state) {
  (void)state;
  const mb_shape none = {2, {0, 3}}, row = {1, {3}};
  mb_real sums[3];
  for (mb_binary_op op = 0; op < MB_BINARY_COUNT; op++) mb_binary(y, op, x, &none, x, &row, &none);
  for (mb_unary_op op = 0; op < MB_UNARY_COUNT; op++) {
    mb_unary(y, op, 1, x, 0);
    mb_unary_backward(y, op, 1, x, x, 0);
  }
  mb_fill(y, 1, 0);
  mb_arange(y, 1, 1, 0);
  mb_add_activate(y, 0, x, x, 0);
  mb_add_scaled(y, 1, x, 0);
  check_untouched();
  mb_sum_to(sums, &row, x, &none);
  check_all(sums, 3, 0);
  assert_true(mb_sum_squares(x, 0) == 0);
  assert_int_equal(mb_find_non_finite(x, 0), -1);
  assert_true(mb_has_finite_squares(x, 0));
}

static void reductions(void **state) {
  (void)state;
  for (mb_reduce_op op = MB_SUM; op <= MB_ARGMAX; op++) mb_reduce(y, op, x, 0, 3, 2, 0);
  for (mb_reduce_op op = MB_SUM; op <= MB_MAX; op++) mb_reduce_backward(y, op, x, x, 0, 3, 2, 0);
  mb_cumsum(y, x, 0, 3, 2);
  mb_cumsum_backward(y, x, 0, 3, 2);
  mb_prod(y, x, 0, 3, 2);
  mb_prod_backward(y, x, x, 0, 3, 2);
  mb_argsort(y, scratch, x, false, 0, 3, 2, THREADS);
  mb_argsort(y, scratch, x, true, 2, 3, 0, THREADS);
  mb_softmax(y, x, 0, 3);
  mb_softmax_backward(y, x, x, 0, 3);
  mb_log_softmax(y, x, 0, 3);
  mb_log_softmax_backward(y, x, x, 0, 3);
  mb_cross_entropy_backward(y, 1, x, label, NULL, 0, 3);
  mb_mse_backward(y, 1, x, x, 0);
  check_untouched();
  mb_real loss;
  assert_int_equal(mb_cross_entropy_forward(&loss, x, label, NULL, 0, 3), MB_OK);
  assert_true(loss == 0);
}

static void copies(void **state) {
  (void)state;
  mb_copy_blocks(y, 3, x, 3, 0, 3);
  mb_transpose(y, x, &(mb_shape){2, {0, 3}}, 0, 1);
  mb_gather(y, x, label, 0, 3);
  mb_gather_backward(y, x, label, 0, 0, 3);
  mb_take(y, x, label, 0, 3, 2, 2);
  mb_take_backward(y, x, label, 0, 3, 2, 2);
  mb_pick(y, x, x, 0, 3, 2, 2);
  mb_pick_backward(y, x, x, 0, 3, 2, 2);
  check_untouched();
}

/* ---- layers ---- */

static void products(void **state) {
  (void)state;
  mb_real sums[6];
  for (int flags = 0; flags < 4; flags++) {
    mb_matmul(y, flags & 1, flags & 2, 0, 3, 2, 1, x, x, 0);
    mb_matmul(sums, flags & 1, flags & 2, 3, 2, 0, 1, x, x, 0);
    check_all(sums, 6, 0);
  }
  const mb_factors none = {0, 3, 2, sums};
  mb_factors_pack(&none, x, x);
  mb_affine(y, x, NULL, x, NULL, 0, 3, 2);
  check_untouched();
  mb_factors_multiply(sums, &none);
  check_all(sums, 6, 0);
}

static void pooling_and_upsampling(void **state) {
  (void)state;
  const mb_pool1d s = {.L = 4, .C = 2, .size = 2, .stride = 2, .L_out = 2};
  mb_max_pool1d_forward(y, x, &s);
  mb_max_pool1d_backward(y, x, x, &s);
  mb_avg_pool1d_forward(y, x, &s);
  mb_avg_pool1d_backward(y, x, &s);
  for (int is_linear = 0; is_linear < 2; is_linear++) {
    const mb_upsample1d up = {.L = 4, .C = 2, .factor = 2, .is_linear = is_linear};
    mb_upsample1d_forward(y, x, &up);
    mb_upsample1d_backward(y, x, &up);
  }
  check_untouched();
}

static void normalisation(void **state) {
  (void)state;
  mb_real mean[2], var[2], running[2] = {GUARD, GUARD}, dgamma[2], dbeta[2];
  uint8_t argmax[ROOM] = {0};
  mb_batch_norm_statistics(mean, var, running, running, NULL, (mb_real)0.9, 0, 2);
  check_all(mean, 2, (mb_real)NAN);
  check_all(var, 2, (mb_real)NAN);
  check_all(running, 2, GUARD);
  for (mb_size pool = 0; pool < 3; pool += 2) {
    const mb_batch_norm s = {
        .L = 4, .C = 2, .mean = x, .var = x, .pool = pool, .pool_stride = 2, .L_pool = 2};
    mb_batch_norm_apply(y, argmax, x, &s);
    for (int train = 0; train < 2; train++) {
      mb_batch_norm_backward(y, dgamma, dbeta, x, argmax, x, train, &s);
      check_all(dgamma, 2, 0);
      check_all(dbeta, 2, 0);
    }
  }
  mb_layer_norm_forward(y, y, y, x, NULL, NULL, 1, 0, 2);
  mb_layer_norm_backward(y, dgamma, dbeta, x, x, x, x, NULL, 0, 2);
  check_untouched();
  check_all(dgamma, 2, 0);
  check_all(dbeta, 2, 0);
}

static void recurrence_attention_and_dropout(void **state) {
  (void)state;
  mb_rng rng;
  mb_rng_seed(&rng, NULL, 0);
  mb_real dR[ROOM], db[ROOM];
  for (int kind = MB_LSTM; kind <= MB_GRU; kind++) {
    const mb_recurrent s = {kind, .L = 3, .C = 2, .U = 2, .threads = THREADS, .keeps = true};
    assert_true(mb_recurrent_scratch_bytes(&s) <= sizeof scratch);
    mb_recurrent_forward(y, kind == MB_LSTM ? y : NULL, y, scratch, x, x, x, x, kind == MB_GRU ? x : NULL,
                         &s);
    mb_recurrent_backward(y, dR, db, scratch, x, x, kind == MB_LSTM ? x : NULL, x, x, &s);
    check_all(dR, kind == MB_LSTM ? 16 : 12, 0);
  }
  const mb_attention s = {.L = 3, .C = 2, .heads = 1, .threads = THREADS};
  assert_true(mb_attention_scratch_bytes(&s) <= sizeof scratch);
  mb_attention_forward(y, scratch, x, &s);
  mb_attention_backward(y, scratch, x, x, &s);
  mb_dropout(y, NULL, x, (mb_real)0.5, &rng, 0);
  mb_dropout_backward(y, x, NULL, (mb_real)0.5, 0);
  check_untouched();
}

static void convolution_is_refused(void **state) {
  (void)state;
  mb_conv1d s = {.L = 4, .C = 2, .K = 3, .F = 2, .stride = 1, .dilation = 1, .slope = 1};
  assert_int_equal(mb_conv1d_plan(&s, THREADS), MB_BAD_SHAPE);
  assert_non_null(strstr(mb_reason(), "N, C and F are 0, 2 and 2"));
}

/* ---- spectra and neighbours ---- */

static void preprocessing(void **state) {
  (void)state;
  for (int scaling = MB_SCALE_SNV; scaling <= MB_SCALE_AREA; scaling++)
    assert_int_equal(mb_scale(y, x, scaling, 0, 4, 1), MB_OK);
  mb_standardize(y, x, axis, axis, 0, 3);
  mb_savitzky_golay_weights(scratch, 3, 1, 0, 1);
  mb_savitzky_golay(y, x, scratch, 0, 4, 1, 3, 1, 0);
  assert_true(mb_als_baseline_scratch_bytes(4, THREADS) <= sizeof scratch);
  assert_int_equal(mb_als_baseline(y, x, scratch, MB_ALS, 10, 0.1, 1e-3, 5, 0, 4, 1, THREADS), MB_OK);
  assert_int_equal(mb_rolling_ball(y, x, scratch, 1, 1, 0, 4, 1, THREADS), MB_OK);
  assert_int_equal(mb_despike(y, x, scratch, 3, 2, 0, 4, 1, THREADS), MB_OK);
  assert_int_equal(mb_resample(y, x, axis, axis, 0, 4, 4, 1), MB_OK);
  assert_int_equal(mb_warp(y, x, x, 0, 4, 1, 2), MB_OK);
  check_untouched();
}

static void neighbours(void **state) {
  (void)state;
  for (int metric = MB_EUCLIDEAN; metric <= MB_DDTW; metric++) {
    assert_int_equal(mb_distances(y, scratch, x, x, metric, 1, 0, 2, 4, THREADS), MB_OK);
    assert_int_equal(mb_distances(y, scratch, x, x, metric, 1, 2, 0, 4, THREADS), MB_OK);
  }
  mb_nearest(y, index_of, x, 0, 3, 1);
  assert_int_equal(mb_dtw_nearest(y, index_of, scratch, x, x, MB_DTW, 1, 0, 2, 4, 1, THREADS), MB_OK);
  mb_vote(y, x, label, label, true, 0, 2, 3);
  check_untouched();
}

static void no_neighbours(void **state) {
  (void)state;
  mb_real probability[3];
  mb_nearest(y, index_of, x, 2, 3, 0);
  assert_int_equal(mb_dtw_nearest(y, index_of, scratch, x, x, MB_DTW, 1, 2, 2, 4, 0, THREADS), MB_OK);
  assert_false(mb_euclidean_nearest(y, index_of, scratch, x, x, 2, 2, 4, 0, THREADS));
  check_untouched();
  mb_vote(probability, NULL, NULL, label, true, 1, 0, 3);
  check_all(probability, 3, (mb_real)NAN);
}

static void simulation_and_prediction(void **state) {
  (void)state;
  mb_rng rng;
  mb_rng_seed(&rng, NULL, 0);
  const mb_peak_ranges peaks[] = {{{2, 3}, {1, 1}}, {{1, 2}, {1, 1}}};
  const mb_spectra options = {.L = 4,
                              .classes = 2,
                              .first = (mb_size[]){0, 1, 2},
                              .peaks = peaks,
                              .width = {1, 2},
                              .orders = {1, 1},
                              .parts = {1, 1}};
  assert_int_equal(mb_spectra_generate(&(mb_spectra_out){.y = y, .label = y}, &rng, &options, 0), MB_OK);
  const mb_spikes spikes = {.L = 4, .shift = 1, .sigma = {1, 2}};
  assert_true(mb_spikes_scratch_bytes(&spikes, 1) <= sizeof scratch);
  assert_int_equal(mb_spikes_varied(y, scratch, &rng, label, axis, 1, &spikes, 0), MB_OK);
  assert_int_equal(mb_forest_predict(y, x, NULL, 0, NULL, 0, 4, 2), MB_OK);
  check_untouched();
}

#define UNTOUCHED(f) cmocka_unit_test_setup(f, expect_untouched)

int main(void) {
  const struct CMUnitTest tests[] = {
      UNTOUCHED(elements),
      UNTOUCHED(reductions),
      UNTOUCHED(copies),
      UNTOUCHED(products),
      UNTOUCHED(pooling_and_upsampling),
      UNTOUCHED(normalisation),
      UNTOUCHED(recurrence_attention_and_dropout),
      cmocka_unit_test(convolution_is_refused),
      UNTOUCHED(preprocessing),
      UNTOUCHED(neighbours),
      UNTOUCHED(no_neighbours),
      UNTOUCHED(simulation_and_prediction),
  };
  mb_set_threads(THREADS);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
