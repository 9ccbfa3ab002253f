/* test_forest.c - ranks, trees against a search of all splits by definition, limits, predictions, threads. */
#include "check.h"

typedef struct {
  mb_forest f;
  mb_real *x;
  mb_size *label;
  uint32_t *code;
  mb_real *value;
  mb_tree *tree;
  double *importance;
  uint64_t *in_bag;
  mb_size count, words;
} Case;

static const mb_forest plain = {.N = 150,
                                .D = 7,
                                .classes = 3,
                                .criterion = MB_GINI,
                                .max_features = 7,
                                .max_depth = PTRDIFF_MAX,
                                .max_leaves = PTRDIFF_MAX,
                                .min_samples_split = 2,
                                .min_samples_leaf = 1,
                                .seed = 5};

/* Values in steps of 1 / steps, so that many are equal; labels follow two points, one in ten is wrong. */
static Case new_case(mb_forest f, double steps, mb_size count, int threads) {
  Case c = {.f = f, .count = count, .words = (f.N + 63) / 64};
  mb_rng rng;
  mb_rng_seed(&rng, (const uint32_t[]){(uint32_t)f.N}, 1);
  c.x = check_random(f.N * f.D, 1);
  for (mb_size i = 0; i < f.N * f.D; i++) c.x[i] = (mb_real)(floor((double)c.x[i] * steps) / steps);
  c.label = calloc((size_t)f.N, sizeof *c.label);
  for (mb_size i = 0; i < f.N; i++)
    c.label[i] = mb_rng_random(&rng) < 0.1 ? mb_rng_integer(&rng, 0, f.classes - 1)
                                           : (c.x[i * f.D] > 0) + (c.x[i * f.D + 1] > 0 && f.classes > 2);
  c.code = calloc((size_t)(f.N * f.D), sizeof *c.code);
  c.value = check_zeros(f.N * f.D);
  void *scratch = malloc(mb_ranks_scratch_bytes(f.N, threads));
  assert_int_equal(mb_ranks(c.code, c.value, scratch, c.x, f.N, f.D, threads), MB_OK);
  free(scratch);
  const size_t nodes = 2 * (size_t)mb_forest_leaves(&f) - 1;
  c.tree = calloc((size_t)count, sizeof *c.tree);
  for (mb_size t = 0; t < count; t++)
    c.tree[t] = (mb_tree){.node = calloc(nodes, sizeof(mb_node)),
                          .first = calloc(nodes + 1, sizeof(int32_t)),
                          .share = calloc((size_t)f.N, sizeof(mb_share))};
  c.importance = calloc((size_t)(count * f.D), sizeof(double));
  c.in_bag = calloc((size_t)(count * c.words), sizeof(uint64_t));
  scratch = malloc(mb_forest_scratch_bytes(&f, threads));
  if (f.criterion != MB_SQUARED_ERROR)
    mb_forest_grow(c.tree, c.importance, c.in_bag, scratch, c.code, c.value, c.label, NULL, &f, 0, count,
                   threads);
  free(scratch);
  return c;
}

static void free_case(Case c) {
  for (mb_size t = 0; t < c.count; t++) free(c.tree[t].node), free(c.tree[t].first), free(c.tree[t].share);
  free(c.x), free(c.label), free(c.code), free(c.value), free(c.tree), free(c.importance), free(c.in_bag);
}

/* ---- by definition: no bootstrap, every point looked at ---- */

static double impurity(const double *count, mb_size K, mb_criterion criterion) {
  double sum = 0, result = criterion == MB_GINI ? 1 : 0;
  for (mb_size k = 0; k < K; k++) sum += count[k];
  for (mb_size k = 0; k < K && sum > 0; k++) {
    const double p = count[k] / sum;
    result -= criterion == MB_GINI ? p * p : p > 0 ? p * log2(p) : 0;
  }
  return sum * result;
}

/* Weighted impurity after a split of the rows with inside set; infinite if the split is not allowed. */
static double after(const Case *c, const bool *inside, mb_size feature, mb_real threshold) {
  double left[8] = {0}, right[8] = {0};
  mb_size lefts = 0, rights = 0;
  for (mb_size i = 0; i < c->f.N; i++) {
    if (!inside[i]) continue;
    const bool is_left = c->x[i * c->f.D + feature] <= threshold;
    (is_left ? left : right)[c->label[i]]++;
    *(is_left ? &lefts : &rights) += 1;
  }
  if (lefts < c->f.min_samples_leaf || rights < c->f.min_samples_leaf) return (double)INFINITY;
  return impurity(left, c->f.classes, c->f.criterion) + impurity(right, c->f.classes, c->f.criterion);
}

static double best_after(const Case *c, const bool *inside) {
  double best = (double)INFINITY;
  for (mb_size d = 0; d < c->f.D; d++)
    for (mb_size i = 0; i < c->f.N; i++)
      if (inside[i]) best = fmin(best, after(c, inside, d, c->x[i * c->f.D + d]));
  return best;
}

/* Checks node and all nodes below it; adds the gain of their splits to importance. */
static void check_node(const Case *c, int32_t at, const bool *inside, mb_size depth, double *importance) {
  const mb_node node = c->tree->node[at];
  double count[8] = {0}, sum = 0;
  mb_size rows = 0, classes = 0;
  for (mb_size i = 0; i < c->f.N; i++) rows += inside[i], count[c->label[i]] += inside[i];
  for (mb_size k = 0; k < c->f.classes; k++) classes += count[k] > 0;
  const double best = best_after(c, inside);
  if (node.child == at) {
    assert_true(classes == 1 || rows < c->f.min_samples_split || depth >= c->f.max_depth || isinf(best));
    assert_int_equal(c->tree->first[at + 1] - c->tree->first[at], classes);
    for (int32_t s = c->tree->first[at]; s < c->tree->first[at + 1]; s++) {
      const mb_share share = c->tree->share[s];
      assert_true(fabs((double)share.probability - count[share.label] / (double)rows) < 1e-6);
      sum += (double)share.probability;
    }
    assert_true(fabs(sum - 1) < 1e-5);
    return;
  }
  assert_true(rows >= c->f.min_samples_split && depth < c->f.max_depth && node.child > at);
  const double reached = after(c, inside, node.feature, node.threshold);
  if (!(reached <= best + 1e-9)) fail_msg("node %d: split reaches %.12g, best is %.12g", at, reached, best);
  importance[node.feature] += impurity(count, c->f.classes, c->f.criterion) - reached;
  bool *part = calloc((size_t)c->f.N, sizeof *part);
  for (int side = 0; side < 2; side++) {
    for (mb_size i = 0; i < c->f.N; i++)
      part[i] = inside[i] && (c->x[i * c->f.D + node.feature] > node.threshold) == side;
    check_node(c, node.child + side, part, depth + 1, importance);
  }
  free(part);
}

static void check_tree(mb_forest f, double steps) {
  const Case c = new_case(f, steps, 1, 1);
  bool *inside = calloc((size_t)f.N, sizeof *inside);
  double importance[16] = {0}, sum = 0;
  for (mb_size i = 0; i < f.N; i++) inside[i] = true;
  check_node(&c, 0, inside, 0, importance);
  for (mb_size d = 0; d < f.D; d++) sum += importance[d];
  for (mb_size d = 0; d < f.D; d++) assert_true(fabs(c.importance[d] - importance[d] / sum) < 1e-9);
  free(inside);
  free_case(c);
}

static void splits_are_the_best_there_are(void **state) {
  (void)state;
  for (int criterion = 0; criterion < 2; criterion++) {
    mb_forest f = plain;
    f.criterion = criterion ? MB_ENTROPY : MB_GINI;
    check_tree(f, 1e6);
    check_tree(f, 5); /* many equal values */
    f.min_samples_leaf = 6;
    check_tree(f, 20);
    f.min_samples_split = 30, f.min_samples_leaf = 1;
    check_tree(f, 1e6);
    f.max_depth = 3;
    check_tree(f, 3);
  }
}

static void few_leaves_are_the_best_ones(void **state) {
  mb_forest f = plain;
  (void)state;
  f.max_leaves = 5;
  const Case few = new_case(f, 1e6, 1, 1);
  f.max_leaves = PTRDIFF_MAX;
  const Case all = new_case(f, 1e6, 1, 1);
  assert_int_equal(few.tree->nodes, 9);
  assert_true(all.tree->nodes > 9);
  /* The first split is that of the whole tree. */
  assert_int_equal(few.tree->node[0].feature, all.tree->node[0].feature);
  assert_true(few.tree->node[0].threshold == all.tree->node[0].threshold);
  free_case(few);
  free_case(all);
}

static void constant_points_are_passed_over(void **state) {
  mb_forest f = plain;
  (void)state;
  f.max_features = 1, f.N = 40;
  Case c = new_case(f, 1e6, 1, 1);
  for (mb_size i = 0; i < f.N; i++) {
    for (mb_size d = 0; d < f.D; d++) c.x[i * f.D + d] = d == 4 ? (mb_real)i : 1;
    c.label[i] = i >= 13;
  }
  void *scratch = malloc(mb_ranks_scratch_bytes(f.N, 1) + mb_forest_scratch_bytes(&f, 1));
  assert_int_equal(mb_ranks(c.code, c.value, scratch, c.x, f.N, f.D, 1), MB_OK);
  mb_forest_grow(c.tree, c.importance, NULL, scratch, c.code, c.value, c.label, NULL, &f, 0, 1, 1);
  assert_int_equal(c.tree->nodes, 3);
  assert_int_equal(c.tree->node[0].feature, 4);
  assert_true(c.tree->node[0].threshold == (mb_real)12.5);
  assert_true(c.importance[4] == 1);
  /* Nothing varies: one leaf with the shares of the classes. */
  for (mb_size i = 0; i < f.N * f.D; i++) c.x[i] = 3;
  assert_int_equal(mb_ranks(c.code, c.value, scratch, c.x, f.N, f.D, 1), MB_OK);
  mb_forest_grow(c.tree, c.importance, NULL, scratch, c.code, c.value, c.label, NULL, &f, 0, 1, 1);
  assert_int_equal(c.tree->nodes, 1);
  assert_int_equal(c.tree->shares, 2);
  assert_true(c.tree->share[0].probability == (mb_real)(13.0 / 40));
  free(scratch);
  free_case(c);
}

/* The sum of squared errors of both sides of a border, by definition. */
static double squared_error(const mb_real *target, const mb_real *x, mb_real threshold, mb_size N) {
  double sum[2] = {0}, square[2] = {0}, count[2] = {0};
  for (mb_size i = 0; i < N; i++) {
    const int side = x[i] > threshold;
    sum[side] += (double)target[i], square[side] += (double)target[i] * (double)target[i], count[side]++;
  }
  return square[0] - sum[0] * sum[0] / count[0] + square[1] - sum[1] * sum[1] / count[1];
}

/* A tree of two leaves for numbers: no other border of any point has a smaller error; leaves hold the means.
 */
static void numbers_split_at_the_least_error(void **state) {
  mb_forest f = {.N = 60,
                 .D = 5,
                 .classes = 1,
                 .criterion = MB_SQUARED_ERROR,
                 .max_features = 5,
                 .max_depth = PTRDIFF_MAX,
                 .max_leaves = 2,
                 .min_samples_split = 2,
                 .min_samples_leaf = 1,
                 .seed = 3};
  Case c = new_case(f, 8, 1, 1);
  mb_real *target = check_random(f.N, 9), *column = check_zeros(f.N);
  void *scratch = malloc(mb_forest_scratch_bytes(&f, 1));
  (void)state;
  for (mb_size i = 0; i < f.N; i++) target[i] += 1000 + (c.x[i * f.D + 2] > (mb_real)0.3);
  mb_forest_grow(c.tree, c.importance, NULL, scratch, c.code, c.value, NULL, target, &f, 0, 1, 1);
  assert_int_equal(c.tree->nodes, 3);
  const mb_node root = c.tree->node[0];
  for (mb_size i = 0; i < f.N; i++) column[i] = c.x[i * f.D + root.feature];
  const double chosen = squared_error(target, column, root.threshold, f.N);
  for (mb_size d = 0; d < f.D; d++) {
    for (mb_size i = 0; i < f.N; i++) column[i] = c.x[i * f.D + d];
    for (mb_size i = 0; i < f.N; i++) {
      const double other = squared_error(target, column, column[i], f.N);
      assert_true(isnan(other) || other >= chosen - 1e-3);
    }
  }
  for (int leaf = 1; leaf < 3; leaf++) {
    double sum = 0, count = 0;
    for (mb_size i = 0; i < f.N; i++)
      if ((c.x[i * f.D + root.feature] > root.threshold) == (leaf == 2)) sum += (double)target[i], count++;
    const double mean = (double)c.tree->share[c.tree->first[leaf]].probability;
    assert_true(fabs(mean - sum / count) < 1e-4);
  }
  free(target), free(column), free(scratch);
  free_case(c);
}

static void ranks_count_different_values(void **state) {
  const mb_real x[10] = {3, -1, (mb_real)-0.0, 3, (mb_real)1e-30, 0, -7, 3, (mb_real)1e30, -1};
  const uint32_t expected[10] = {4, 1, 2, 4, 3, 2, 0, 4, 5, 1};
  const mb_real values[6] = {-7, -1, 0, (mb_real)1e-30, 3, (mb_real)1e30};
  uint32_t code[10];
  mb_real value[10], bad[4] = {1, 2, (mb_real)NAN, 4};
  void *scratch = malloc(mb_ranks_scratch_bytes(10, 1));
  (void)state;
  assert_int_equal(mb_ranks(code, value, scratch, x, 10, 1, 1), MB_OK);
  assert_memory_equal(code, expected, sizeof code);
  check_close(value, values, 6, 0);
  assert_int_equal(mb_ranks(code, value, scratch, bad, 2, 2, 1), MB_BAD_VALUE);
  assert_string_equal(mb_reason(), "row 2, point 1 is nan");
  free(scratch);
}

static void ranks_of_many_columns(void **state) {
  enum { N = 301, D = 37 };
  mb_real *x = check_random(N * D, 3), *value = check_zeros(N * D);
  uint32_t *code = calloc(N * D, sizeof *code);
  void *scratch = malloc(mb_ranks_scratch_bytes(N, 3));
  (void)state;
  for (int i = 0; i < N * D; i++) x[i] *= i % 3 ? (mb_real)1e-3 : 1000;
  assert_int_equal(mb_ranks(code, value, scratch, x, N, D, 3), MB_OK);
  for (int d = 0; d < D; d++) {
    for (int i = 0; i < N; i++) assert_true(value[d * N + (int)code[d * N + i]] == x[i * D + d]);
    for (int i = 1; i < N; i++) assert_true(value[d * N + i - 1] < value[d * N + i]);
  }
  free(x), free(value), free(code), free(scratch);
}

/* Walks down the tree. */
static const mb_node *leaf_of(const mb_tree *tree, const mb_real *x) {
  const mb_node *node = tree->node;
  while (node->child != node - tree->node)
    node = &tree->node[node->child + (x[node->feature] > node->threshold)];
  return node;
}

static void predictions_are_means_over_trees(void **state) {
  mb_forest f = plain;
  (void)state;
  f.bootstrap = true, f.max_features = 2, f.min_samples_leaf = 4;
  const Case c = new_case(f, 1e6, 20, 2);
  mb_real *probability = check_zeros(f.N * f.classes), *oob = check_zeros(f.N * f.classes);
  assert_int_equal(mb_forest_predict(probability, c.x, c.tree, c.count, NULL, f.N, f.D, f.classes), MB_OK);
  assert_int_equal(mb_forest_predict(oob, c.x, c.tree, c.count, c.in_bag, f.N, f.D, f.classes), MB_OK);
  for (mb_size i = 0; i < f.N; i++) {
    double sum[3] = {0}, out[3] = {0}, asked = 0;
    for (mb_size t = 0; t < c.count; t++) {
      const mb_size leaf = leaf_of(&c.tree[t], c.x + i * f.D) - c.tree[t].node;
      const bool unseen = !(c.in_bag[t * c.words + i / 64] >> i % 64 & 1);
      asked += unseen;
      for (int32_t s = c.tree[t].first[leaf]; s < c.tree[t].first[leaf + 1]; s++) {
        sum[c.tree[t].share[s].label] += (double)c.tree[t].share[s].probability;
        if (unseen) out[c.tree[t].share[s].label] += (double)c.tree[t].share[s].probability;
      }
    }
    for (mb_size k = 0; k < f.classes; k++) {
      assert_true(fabs((double)probability[i * f.classes + k] - sum[k] / (double)c.count) < 1e-6);
      assert_true(asked == 0 ? isnan(oob[i * f.classes + k])
                             : fabs((double)oob[i * f.classes + k] - out[k] / asked) < 1e-6);
    }
  }
  c.x[5] = (mb_real)INFINITY;
  assert_int_equal(mb_forest_predict(probability, c.x, c.tree, c.count, NULL, f.N, f.D, f.classes),
                   MB_BAD_VALUE);
  assert_string_equal(mb_reason(), "row 1, point 6 is inf");
  free(probability), free(oob);
  free_case(c);
}

static void trees_see_a_bootstrap_sample(void **state) {
  mb_forest f = plain;
  mb_size seen = 0;
  (void)state;
  f.bootstrap = true, f.N = 500;
  const Case c = new_case(f, 1e6, 50, 1);
  for (mb_size i = 0; i < c.count * c.words; i++) seen += __builtin_popcountll(c.in_bag[i]);
  const double share = (double)seen / (double)(c.count * f.N); /* 1 - 1/e = 0.632, sd 0.002 */
  assert_true(fabs(share - 0.632) < 0.008);
  free_case(c);
}

static void forests_do_not_depend_on_threads(void **state) {
  mb_forest f = plain;
  (void)state;
  f.bootstrap = true, f.max_features = 2;
  const Case one = new_case(f, 50, 30, 1), three = new_case(f, 50, 30, 3);
  assert_memory_equal(one.importance, three.importance, sizeof(double) * (size_t)(30 * f.D));
  assert_memory_equal(one.in_bag, three.in_bag, sizeof(uint64_t) * (size_t)(30 * one.words));
  for (mb_size t = 0; t < 30; t++) {
    const mb_tree *a = &one.tree[t], *b = &three.tree[t];
    assert_int_equal(a->nodes, b->nodes);
    for (mb_size i = 0; i < a->nodes; i++)
      assert_true(a->node[i].feature == b->node[i].feature && a->node[i].child == b->node[i].child &&
                  a->node[i].threshold == b->node[i].threshold);
    assert_memory_equal(a->first, b->first, sizeof(int32_t) * (size_t)(a->nodes + 1));
  }
  free_case(one);
  free_case(three);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(numbers_split_at_the_least_error),
      cmocka_unit_test(ranks_count_different_values),
      cmocka_unit_test(ranks_of_many_columns),
      cmocka_unit_test(splits_are_the_best_there_are),
      cmocka_unit_test(few_leaves_are_the_best_ones),
      cmocka_unit_test(constant_points_are_passed_over),
      cmocka_unit_test(predictions_are_means_over_trees),
      cmocka_unit_test(trees_see_a_bootstrap_sample),
      cmocka_unit_test(forests_do_not_depend_on_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
