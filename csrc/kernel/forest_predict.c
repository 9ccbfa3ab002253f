/* forest_predict.c - class probabilities of spectra from the trees of a forest. */
#include "internal.h"

#include <math.h>

#define ABREAST 16 /* spectra that walk down a tree together, each waiting for memory while others step */
#define ROWS    64 /* spectra that go through all trees before the next; a word of in_bag */

/* The leaves at which count rows arrive, up to ABREAST. Missing ones repeat the last. */
static void walk(int32_t leaf[ABREAST], const mb_node *node, const mb_real *x, mb_size count, mb_size D) {
  const mb_real *row[ABREAST];
  int32_t at[ABREAST] = {0}, moved = 1;
  for (int i = 0; i < ABREAST; i++) row[i] = x + mb_min(i, count - 1) * D;
  while (moved != 0) {
    moved = 0;
#pragma GCC unroll 16
    for (int i = 0; i < ABREAST; i++) {
      const mb_node *here = &node[at[i]];
      const int32_t next = here->child + (row[i][here->feature] > here->threshold);
      moved |= next ^ at[i];
      at[i] = next;
    }
  }
  for (int i = 0; i < ABREAST; i++) leaf[i] = at[i];
}

static void add_shares(mb_real *probability, const mb_tree *tree, int32_t leaf) {
  for (int32_t s = tree->first[leaf]; s < tree->first[leaf + 1]; s++)
    probability[tree->share[s].label] += tree->share[s].probability;
}

/* Bits of seen: rows that the tree has seen, for which it does not count. */
static void ask_tree(mb_real *probability, mb_size asked[ROWS], const mb_tree *tree, uint64_t seen,
                     const mb_real *x, mb_size count, mb_size D, mb_size classes) {
  int32_t leaf[ROWS];
  for (mb_size first = 0; first < count; first += ABREAST)
    walk(leaf + first, tree->node, x + first * D, count - first, D);
  for (mb_size i = 0; i < count; i++) {
    if (seen >> i & 1) continue;
    add_shares(probability + i * classes, tree, leaf[i]);
    asked[i]++;
  }
}

/* The check for NaN reads the rows in order, which warms the cache. */
static void ask_forest(mb_real *probability, mb_size *bad, const mb_real *x, const mb_tree *tree,
                       mb_size trees, const uint64_t *in_bag, mb_size words, mb_size count, mb_size D,
                       mb_size classes) {
  mb_size asked[ROWS] = {0};
  *bad = mb_find_non_finite(x, count * D);
  if (*bad >= 0) return;
  for (mb_size i = 0; i < count * classes; i++) probability[i] = 0;
  for (mb_size t = 0; t < trees; t++)
    ask_tree(probability, asked, &tree[t], in_bag != NULL ? in_bag[t * words] : 0, x, count, D, classes);
  for (mb_size i = 0; i < count; i++)
    for (mb_size k = 0; k < classes; k++)
      probability[i * classes + k] =
          asked[i] > 0 ? probability[i * classes + k] / (mb_real)asked[i] : (mb_real)NAN;
}

mb_status mb_forest_predict(mb_real *probability, const mb_real *x, const mb_tree *tree, mb_size trees,
                            const uint64_t *in_bag, mb_size N, mb_size D, mb_size classes) {
  const mb_size words = mb_ceil_div(N, ROWS);
  mb_size first_bad = N * D;
#pragma omp parallel for schedule(dynamic) reduction(min                                                     \
                                                     : first_bad) num_threads(mb_threads_for(N *trees * 16))
  for (mb_size word = 0; word < words; word++) {
    const mb_size first = word * ROWS;
    mb_size bad;
    ask_forest(probability + first * classes, &bad, x + first * D, tree, trees,
               in_bag != NULL ? in_bag + word : NULL, words, mb_min(ROWS, N - first), D, classes);
    if (bad >= 0) first_bad = mb_min(first_bad, first * D + bad);
  }
  if (first_bad == N * D) return MB_OK;
  return mb_refuse(MB_BAD_VALUE, "row %td, point %td is %g", first_bad / D + 1, first_bad % D + 1,
                   (double)x[first_bad]);
}
