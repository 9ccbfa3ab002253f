/* forest.c - growing the trees of a random forest, with exact best splits.
 *
 * A node compares ranks instead of values. A bitmap over the ranks, with a summary that has a bit
 * for each of its words, puts the spectra of a node in the order of a point without comparing
 * them; spectra of equal rank form a chain. Counts are whole numbers, so that the order of sums
 * does not matter. */
#include "internal.h"

#include <math.h>
#include <omp.h>
#include <string.h>

typedef struct {
  uint32_t label, weight; /* weight: how often the spectrum was drawn */
} Item;

typedef struct {
  uint32_t begin, end; /* of the rows of a node */
} Range;

typedef struct {
  double gain;           /* decrease of impurity times weight */
  uint32_t below, above; /* the ranks on both sides of the border */
  int32_t feature;
} Split;

typedef struct {
  Split split;
  int32_t node;
  mb_size depth;
} Candidate;

/* State of a thread that grows a tree. */
typedef struct {
  const mb_forest *forest;
  const uint32_t *code;
  const mb_real *value;
  double *term;         /* of the criterion, for each count 0..N: its reciprocal, or n log2 n */
  const double *target; /* of numbers: less their mean, so that sums of squares keep their digits */
  double mean;
  Item *item;
  Range *range;         /* of each node */
  Candidate *candidate; /* nodes with a split that is known but not made yet */
  mb_size candidates;
  uint32_t *row, *aside; /* rows, those of a node together */
  int32_t *head, *next;  /* chains: the last row of each rank, the row before each row; -1 ends */
  uint64_t *bits, *summary;
  uint32_t *total, *left; /* weight of each class, in the node and to the left of a border */
  int32_t *feature;
  mb_rng rng;
} Grower;

static void *take(char *base, size_t *used, mb_size count, size_t size) {
  char *at = base != NULL ? base + *used : NULL;
  *used += ((size_t)count * size + 63) / 64 * 64;
  return at;
}

/* Places the arrays of a thread at base; returns their size. */
static size_t lay_out(Grower *g, char *base, const mb_forest *f) {
  const mb_size leaves = mb_forest_leaves(f), words = mb_ceil_div(f->N, 64);
  size_t used = 0;
  g->item = take(base, &used, f->N, sizeof *g->item);
  g->range = take(base, &used, 2 * leaves, sizeof *g->range);
  g->candidate = take(base, &used, leaves, sizeof *g->candidate);
  g->row = take(base, &used, f->N, sizeof *g->row);
  g->aside = take(base, &used, f->N, sizeof *g->aside);
  g->head = take(base, &used, f->N, sizeof *g->head);
  g->next = take(base, &used, f->N, sizeof *g->next);
  g->bits = take(base, &used, words, sizeof *g->bits);
  g->summary = take(base, &used, mb_ceil_div(words, 64), sizeof *g->summary);
  g->total = take(base, &used, f->classes, sizeof *g->total);
  g->left = take(base, &used, f->classes, sizeof *g->left);
  g->feature = take(base, &used, f->D, sizeof *g->feature);
  return used;
}

/* Terms, and targets of numbers. */
static size_t shared_bytes(const mb_forest *f) {
  size_t used = 0;
  take(NULL, &used, 2 * f->N + 1, sizeof(double));
  return used;
}

size_t mb_forest_scratch_bytes(const mb_forest *forest, int threads) {
  Grower g;
  return shared_bytes(forest) + (size_t)threads * lay_out(&g, NULL, forest);
}

mb_size mb_forest_leaves(const mb_forest *f) {
  mb_size leaves = mb_min(mb_max(f->N / f->min_samples_leaf, 1), f->max_leaves);
  if (f->max_depth < 62) leaves = mb_min(leaves, (mb_size)1 << f->max_depth);
  return leaves;
}

/* ---- the best split of a node ---------------------------------------------------------- */

/* Class weights on both sides of a border. For Gini side is the sum of squared class weights, for
 * entropy the sum of w log2 w, for numbers the sum of targets (score). */
typedef struct {
  double score_left, score_right;
  uint64_t squares_left, squares_right;
  uint32_t weight, weight_left;
  mb_size count_left;
} Border;

MB_INLINE void move_left(Border *b, Grower *g, uint32_t row, mb_criterion criterion) {
  const Item item = g->item[row];
  if (criterion == MB_SQUARED_ERROR) {
    const double sum = item.weight * g->target[row];
    b->score_left += sum, b->score_right -= sum;
    b->weight_left += item.weight, b->count_left++;
    return;
  }
  const uint32_t l = g->left[item.label], r = g->total[item.label] - l, w = item.weight;
  if (criterion == MB_GINI) {
    b->squares_left += (uint64_t)w * (2 * (uint64_t)l + w);
    b->squares_right -= (uint64_t)w * (2 * (uint64_t)r - w);
  } else {
    b->score_left += g->term[l + w] - g->term[l];
    b->score_right += g->term[r - w] - g->term[r];
  }
  g->left[item.label] = l + w;
  b->weight_left += w;
  b->count_left++;
}

/* Larger is purer; the decrease of impurity times weight is the difference to the score of the whole. */
MB_INLINE double score_of(const Border *b, const Grower *g, mb_criterion criterion) {
  const double left = g->term[b->weight_left], right = g->term[b->weight - b->weight_left];
  if (criterion == MB_SQUARED_ERROR)
    return b->score_left * b->score_left * left + b->score_right * b->score_right * right;
  if (criterion == MB_GINI) return (double)b->squares_left * left + (double)b->squares_right * right;
  return b->score_left - left + (b->score_right - right);
}

static void mark(Grower *g, const uint32_t *code, Range range) {
  for (uint32_t i = range.begin; i < range.end; i++) {
    const uint32_t row = g->row[i], rank = code[row], word = rank / 64;
    const uint64_t bit = (uint64_t)1 << rank % 64, bits = g->bits[word];
    g->next[row] = bits & bit ? g->head[rank] : -1;
    g->head[rank] = (int32_t)row;
    g->bits[word] = bits | bit;
    g->summary[word / 64] |= (uint64_t)1 << word % 64;
  }
}

/* Searches for a better split between the ranks of one point, and clears the bitmap. Returns true if there
 * are two different ranks. */
MB_INLINE bool scan(Grower *g, Split *best, int32_t feature, Border b, mb_size count,
                    mb_criterion criterion) {
  const mb_size least = g->forest->min_samples_leaf,
                summaries = mb_ceil_div(mb_ceil_div(g->forest->N, 64), 64);
  uint32_t below = 0;
  bool varies = false;
  for (mb_size s = 0; s < summaries; s++) {
    for (uint64_t words = g->summary[s]; words != 0; words &= words - 1) {
      const mb_size word = s * 64 + __builtin_ctzll(words);
      for (uint64_t bits = g->bits[word]; bits != 0; bits &= bits - 1) {
        const uint32_t rank = (uint32_t)(word * 64 + __builtin_ctzll(bits));
        if (b.count_left > 0) {
          varies = true;
          const double score = score_of(&b, g, criterion);
          if (score > best->gain && b.count_left >= least && count - b.count_left >= least)
            *best = (Split){.gain = score, .below = below, .above = rank, .feature = feature};
        }
        for (int32_t row = g->head[rank]; row >= 0; row = g->next[row])
          move_left(&b, g, (uint32_t)row, criterion);
        below = rank;
      }
      g->bits[word] = 0;
    }
    g->summary[s] = 0;
  }
  return varies;
}

MB_INLINE void find_among(Grower *g, Split *best, Border whole, Range range, mb_criterion criterion) {
  const mb_size D = g->forest->D, count = range.end - range.begin;
  bool varies = false;
  for (mb_size seen = 0; seen < D && (seen < g->forest->max_features || !varies); seen++) {
    const mb_size chosen = seen + mb_rng_integer(&g->rng, 0, D - 1 - seen);
    const int32_t feature = g->feature[chosen];
    g->feature[chosen] = g->feature[seen];
    g->feature[seen] = feature;
    mark(g, g->code + (mb_size)feature * g->forest->N, range);
    memset(g->left, 0, (size_t)g->forest->classes * sizeof *g->left);
    varies |= scan(g, best, feature, whole, count, criterion);
  }
}

/* Counts the classes of a node; returns true if there is more than one. */
static bool count_classes(Grower *g, Border *whole, Range range) {
  const mb_size classes = g->forest->classes;
  *whole = (Border){0};
  memset(g->total, 0, (size_t)classes * sizeof *g->total);
  for (uint32_t i = range.begin; i < range.end; i++) {
    const Item item = g->item[g->row[i]];
    g->total[item.label] += item.weight;
    whole->weight += item.weight;
  }
  for (mb_size k = 0; k < classes; k++) {
    whole->squares_right += (uint64_t)g->total[k] * g->total[k];
    if (g->forest->criterion == MB_ENTROPY) whole->score_right += g->term[g->total[k]];
  }
  return g->total[g->item[g->row[range.begin]].label] < whole->weight;
}

/* Sums the targets of a node; returns true if they differ. */
static bool sum_targets(Grower *g, Border *whole, Range range) {
  bool differs = false;
  *whole = (Border){0};
  for (uint32_t i = range.begin; i < range.end; i++) {
    const uint32_t row = g->row[i];
    whole->weight += g->item[row].weight;
    whole->score_right += g->item[row].weight * g->target[row];
    differs |= g->target[row] != g->target[g->row[range.begin]];
  }
  return differs;
}

static bool measure_node(Grower *g, Border *whole, Range range) {
  return g->forest->criterion == MB_SQUARED_ERROR ? sum_targets(g, whole, range)
                                                  : count_classes(g, whole, range);
}

/* The best split of a node, if it may have one. */
static bool find_split(Grower *g, Split *best, Range range, mb_size depth) {
  const mb_forest *f = g->forest;
  const mb_size count = range.end - range.begin;
  Border whole;
  const bool is_mixed = measure_node(g, &whole, range);
  if (!is_mixed || depth >= f->max_depth || count < f->min_samples_split || count < 2 * f->min_samples_leaf)
    return false;
  *best = (Split){.gain = -INFINITY};
  switch (f->criterion) {
  case MB_GINI: find_among(g, best, whole, range, MB_GINI); break;
  case MB_ENTROPY: find_among(g, best, whole, range, MB_ENTROPY); break;
  default: find_among(g, best, whole, range, MB_SQUARED_ERROR);
  }
  if (best->gain == (double)-INFINITY) return false;
  best->gain -= score_of(&whole, g, f->criterion);
  return true;
}

/* ---- growing --------------------------------------------------------------------------- */

static mb_real threshold_of(const Grower *g, const Split *split) {
  const mb_real *value = g->value + (mb_size)split->feature * g->forest->N;
  const mb_real below = value[split->below], above = value[split->above], middle = below / 2 + above / 2;
  return middle >= below && middle < above ? middle : below;
}

/* Adds a leaf, which is a candidate if it can be split. */
static void add_node(Grower *g, mb_tree *tree, Range range, mb_size depth) {
  const int32_t node = (int32_t)tree->nodes++;
  Candidate *candidate = &g->candidate[g->candidates];
  tree->node[node] = (mb_node){.feature = 0, .child = node, .threshold = (mb_real)INFINITY};
  g->range[node] = range;
  if (!find_split(g, &candidate->split, range, depth)) return;
  candidate->node = node;
  candidate->depth = depth;
  g->candidates++;
}

/* Returns the next node to split: the last one found, or, if leaves are limited, the best one. */
static Candidate next_candidate(Grower *g) {
  mb_size chosen = g->candidates - 1;
  if (g->forest->max_leaves < g->forest->N)
    for (mb_size i = chosen - 1; i >= 0; i--)
      if (g->candidate[i].split.gain > g->candidate[chosen].split.gain) chosen = i;
  const Candidate candidate = g->candidate[chosen];
  g->candidate[chosen] = g->candidate[--g->candidates];
  return candidate;
}

/* Rows up to the border come first, in the order they had; returns the place at which the others begin. */
static uint32_t partition(Grower *g, Range range, const Split *split) {
  const uint32_t *code = g->code + (mb_size)split->feature * g->forest->N;
  uint32_t left = range.begin, right = 0;
  for (uint32_t i = range.begin; i < range.end; i++) {
    const uint32_t row = g->row[i], is_left = code[row] <= split->below;
    g->row[left] = g->aside[right] = row;
    left += is_left;
    right += !is_left;
  }
  memcpy(g->row + left, g->aside, right * sizeof *g->row);
  return left;
}

static void draw_rows(Grower *g, const mb_size *label, uint64_t *in_bag) {
  const mb_size N = g->forest->N;
  uint32_t count = 0;
  for (mb_size i = 0; i < N; i++)
    g->item[i] = (Item){label != NULL ? (uint32_t)label[i] : 0, !g->forest->bootstrap};
  if (g->forest->bootstrap)
    for (mb_size i = 0; i < N; i++) g->item[mb_rng_integer(&g->rng, 0, N - 1)].weight++;
  if (in_bag != NULL) memset(in_bag, 0, (size_t)mb_ceil_div(N, 64) * sizeof *in_bag);
  for (mb_size i = 0; i < N; i++) {
    if (g->item[i].weight == 0) continue;
    g->row[count++] = (uint32_t)i;
    if (in_bag != NULL) in_bag[i / 64] |= (uint64_t)1 << i % 64;
  }
  g->range[0] = (Range){0, count};
}

static void fill_shares(Grower *g, mb_tree *tree) {
  Border whole;
  tree->shares = 0;
  for (mb_size i = 0; i < tree->nodes; i++) {
    tree->first[i] = (int32_t)tree->shares;
    if (tree->node[i].child != i) continue;
    measure_node(g, &whole, g->range[i]);
    if (g->forest->criterion == MB_SQUARED_ERROR) {
      tree->share[tree->shares++] = (mb_share){0, (mb_real)(g->mean + whole.score_right / whole.weight)};
      continue;
    }
    for (mb_size k = 0; k < g->forest->classes; k++)
      if (g->total[k] > 0)
        tree->share[tree->shares++] = (mb_share){(int32_t)k, (mb_real)g->total[k] / (mb_real)whole.weight};
  }
  tree->first[tree->nodes] = (int32_t)tree->shares;
}

static void normalise(double *importance, mb_size D) {
  double sum = 0;
  for (mb_size d = 0; d < D; d++) sum += importance[d];
  for (mb_size d = 0; d < D; d++) importance[d] /= sum > 0 ? sum : 1;
}

static void grow_tree(Grower *g, mb_tree *tree, double *importance, uint64_t *in_bag, const mb_size *label) {
  const mb_forest *f = g->forest;
  for (mb_size d = 0; d < f->D; d++) g->feature[d] = (int32_t)d, importance[d] = 0;
  draw_rows(g, label, in_bag);
  tree->nodes = 0;
  g->candidates = 0;
  add_node(g, tree, g->range[0], 0);
  for (mb_size leaves = 1; g->candidates > 0 && leaves < f->max_leaves; leaves++) {
    const Candidate parent = next_candidate(g);
    const Range range = g->range[parent.node];
    const uint32_t border = partition(g, range, &parent.split);
    tree->node[parent.node] =
        (mb_node){parent.split.feature, (int32_t)tree->nodes, threshold_of(g, &parent.split)};
    importance[parent.split.feature] += fmax(parent.split.gain, 0);
    add_node(g, tree, (Range){range.begin, border}, parent.depth + 1);
    add_node(g, tree, (Range){border, range.end}, parent.depth + 1);
  }
  fill_shares(g, tree);
  normalise(importance, f->D);
}

static void fill_terms(double *term, const mb_forest *f) {
  term[0] = 0;
  for (mb_size n = 1; n <= f->N; n++)
    term[n] = f->criterion == MB_ENTROPY ? (double)n * log2((double)n) : 1 / (double)n;
}

/* centred (N) = target less its mean, which is returned. */
static double centre_targets(double *centred, const mb_real *target, mb_size N) {
  double sum = 0;
  for (mb_size i = 0; i < N; i++) sum += (double)target[i];
  for (mb_size i = 0; i < N; i++) centred[i] = (double)target[i] - sum / (double)N;
  return sum / (double)N;
}

void mb_forest_grow(mb_tree *tree, double *importance, uint64_t *in_bag, void *scratch, const uint32_t *code,
                    const mb_real *value, const mb_size *label, const mb_real *target,
                    const mb_forest *forest, mb_size number, mb_size count, int threads) {
  double *term = scratch, *centred = term + forest->N + 1;
  const size_t shared = shared_bytes(forest), own = mb_forest_scratch_bytes(forest, 1) - shared;
  const mb_size words = mb_ceil_div(forest->N, 64);
  fill_terms(term, forest);
  const double mean = target != NULL ? centre_targets(centred, target, forest->N) : 0;
#pragma omp parallel num_threads(threads)
  {
    Grower g = {
        .forest = forest, .code = code, .value = value, .term = term, .target = centred, .mean = mean};
    lay_out(&g, (char *)scratch + shared + (size_t)omp_get_thread_num() * own, forest);
    memset(g.bits, 0, (size_t)words * sizeof *g.bits);
    memset(g.summary, 0, (size_t)mb_ceil_div(words, 64) * sizeof *g.summary);
#pragma omp for schedule(dynamic)
    for (mb_size t = 0; t < count; t++) {
      const uint64_t index = (uint64_t)(number + t);
      const uint32_t entropy[4] = {(uint32_t)forest->seed, (uint32_t)(forest->seed >> 32), (uint32_t)index,
                                   (uint32_t)(index >> 32)};
      mb_rng_seed(&g.rng, entropy, 4);
      grow_tree(&g, &tree[t], importance + t * forest->D, in_bag != NULL ? in_bag + t * words : NULL, label);
    }
  }
}
