/* forest.c - random forests as userdata: grown, asked, and as plain tensors for files. */
#include "bind.h"

#include <math.h>
#include <string.h>
#include <time.h>

#define FOREST_TYPE BIND_PREFIX "forest"
#define BATCH       64  /* trees grown at most before they are copied to blocks of their final size */
#define PATIENCE    0.1 /* seconds per batch, unless one tree takes longer: how long Ctrl-C waits */
#define REPORT      14  /* the argument of forest_fit that is called with the number of trees grown so far */
#define EXACT       ((mb_size)1 << 24) /* whole numbers up to here fit into tensors */

typedef struct {
  mb_size D, K, trees;
  mb_tree tree[]; /* their arrays belong to userdata in the table that is the user value */
} Forest;

static Forest *push_forest(lua_State *L, mb_size D, mb_size K, mb_size trees) {
  Forest *forest = lua_newuserdatauv(L, sizeof *forest + (size_t)trees * sizeof *forest->tree, 1);
  forest->D = D, forest->K = K, forest->trees = trees;
  lua_createtable(L, (int)trees, 0);
  lua_setiuservalue(L, -2, 1);
  luaL_setmetatable(L, FOREST_TYPE);
  return forest;
}

static Forest *next_forest(Args *a) {
  Forest *forest = luaL_testudata(a->L, next_arg(a), FOREST_TYPE);
  if (forest == NULL) args_type_error(a, "self", "a forest");
  return forest;
}

/* The bytes of a tree, a multiple of 8, so that the next tree can follow. */
static size_t tree_bytes(mb_size nodes, mb_size shares) {
  const size_t bytes = (size_t)nodes * sizeof(mb_node) + (size_t)shares * sizeof(mb_share);
  return (bytes + (size_t)(nodes + 1) * sizeof(int32_t) + 7) / 8 * 8;
}

/* A tree whose arrays lie in the memory at `at`, which its caller owns. No part needs more alignment than the
 * one before. */
static mb_tree place_tree(char *at, mb_size nodes, mb_size shares) {
  mb_tree tree = {.node = (mb_node *)at, .nodes = nodes, .shares = shares};
  tree.share = (mb_share *)(tree.node + nodes);
  tree.first = (int32_t *)(tree.share + shares);
  return tree;
}

/* Allocates tree number t of the forest at index, which owns it. */
static mb_tree *new_tree(lua_State *L, int index, Forest *forest, mb_size t, mb_size nodes, mb_size shares) {
  forest->tree[t] = place_tree(lua_newuserdatauv(L, tree_bytes(nodes, shares), 0), nodes, shares);
  lua_getiuservalue(L, index, 1);
  lua_insert(L, -2);
  lua_rawseti(L, -2, t + 1);
  lua_pop(L, 1);
  return &forest->tree[t];
}

static void copy_tree(mb_tree *to, const mb_tree *from) {
  memcpy(to->node, from->node, (size_t)from->nodes * sizeof *from->node);
  memcpy(to->first, from->first, (size_t)(from->nodes + 1) * sizeof *from->first);
  memcpy(to->share, from->share, (size_t)from->shares * sizeof *from->share);
}

/* ---- fit ---- */

static void push_importances(const Args *a, const double *sum, mb_size D) {
  double all = 0;
  Tensor *importances = push_vector(a, D);
  for (mb_size d = 0; d < D; d++) all += sum[d];
  for (mb_size d = 0; d < D; d++) importances->data[d] = (mb_real)(sum[d] / (all > 0 ? all : 1));
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Calls the function at arg, which may raise. */
static void report(lua_State *L, int arg, mb_size done) {
  lua_pushvalue(L, arg);
  lua_pushinteger(L, done);
  lua_call(L, 1, 0);
}

/* Grows all trees into the forest at index; adds their importances to sum. */
static void grow(const Args *a, int index, Forest *forest, double *sum, uint64_t *in_bag, const mb_real *x,
                 const mb_size *label, const mb_real *target, const mb_forest *f) {
  lua_State *L = a->L;
  const int threads = mb_get_threads(), top = lua_gettop(L);
  const mb_size ND = f->N * f->D, words = (f->N + 63) / 64;
  const mb_size nodes = 2 * mb_forest_leaves(f) - 1, batch = forest->trees < BATCH ? forest->trees : BATCH;
  uint32_t *code = push_scratch(a, (size_t)ND * sizeof *code);
  mb_real *value = push_scratch(a, (size_t)ND * sizeof *value);
  void *scratch = push_scratch(a, mb_ranks_scratch_bytes(f->N, threads));
  args_check(a, mb_ranks(code, value, scratch, x, f->N, f->D, threads));
  pop_scratch(L);
  scratch = push_scratch(a, mb_forest_scratch_bytes(f, threads));
  double *importance = push_scratch(a, (size_t)(batch * f->D) * sizeof *importance);
  const size_t bytes = tree_bytes(nodes, f->N);
  char *room = push_scratch(a, (size_t)batch * bytes);
  mb_size size = threads < batch ? threads : batch; /* of a batch; the forest does not depend on it */
  for (mb_size first = 0, count; first < forest->trees; first += count) {
    const double began = seconds();
    mb_tree grown[BATCH];
    count = forest->trees - first < size ? forest->trees - first : size;
    for (mb_size t = 0; t < count; t++) grown[t] = place_tree(room + (size_t)t * bytes, nodes, f->N);
    mb_forest_grow(grown, importance, in_bag != NULL ? in_bag + first * words : NULL, scratch, code, value,
                   label, target, f, first, count, threads);
    for (mb_size t = 0; t < count; t++)
      copy_tree(new_tree(L, index, forest, first + t, grown[t].nodes, grown[t].shares), &grown[t]);
    for (mb_size i = 0; i < count * f->D; i++) sum[i % f->D] += importance[i];
    report(L, REPORT, first + count);
    if (seconds() - began < PATIENCE / 2) size = 2 * size < batch ? 2 * size : batch;
  }
  while (lua_gettop(L) > top) pop_scratch(L);
}

/* core.forest_fit(x, y (labels, or a tensor of numbers for "squared_error"), classes, rng, trees, criterion,
 * bootstrap, max_features, max_depth, max_leaves, min_samples_split, min_samples_leaf, oob, report(trees
 * grown so far)) -> forest, importances (D), out-of-bag probabilities or nil. x (N, D), y is 1-based; a limit
 * of nil is none. */
static int forest_fit(lua_State *L) {
  static const char *const criteria[] = {
      [MB_GINI] = "gini", [MB_ENTROPY] = "entropy", [MB_SQUARED_ERROR] = "squared_error", NULL};
  const mb_size most = PTRDIFF_MAX;
  mb_size labels;
  lua_settop(L, REPORT);
  Args a = bind_args(L, "forest.fit");
  const Tensor *x = next_tensor_rank(&a, "x", 2);
  Args y = a; /* its labels are checked against the classes */
  next_arg(&a);
  mb_forest f = {.N = x->shape.shape[0], .D = x->shape.shape[1], .classes = next_count(&a, "classes")};
  mb_rng *rng = next_rng(&a, "generator");
  const mb_size trees = next_integer(&a, "trees", 1, 1 << 20);
  f.criterion = (mb_criterion)next_option(&a, "criterion", criteria);
  f.bootstrap = next_boolean(&a);
  f.max_features = next_integer(&a, "max_features", 1, f.D);
  f.max_depth = next_is_nil(&a) ? most : next_integer(&a, "max_depth", 1, most);
  f.max_leaves = next_is_nil(&a) ? most : next_integer(&a, "max_leaves", 2, most);
  f.min_samples_split = next_integer(&a, "min_samples_split", 2, most);
  f.min_samples_leaf = next_integer(&a, "min_samples_leaf", 1, most);
  const bool oob = next_boolean(&a);
  f.seed = mb_rng_uint64(rng);
  const bool counts = f.criterion != MB_SQUARED_ERROR;
  const mb_real *target = counts ? NULL : next_tensor_count(&y, "y", f.N)->data;
  const mb_size *label = counts ? next_indices(&y, "y", f.classes, &labels) : NULL;
  if (counts && labels != f.N)
    args_error(&a, "y: expected %I labels, one per row of x, got %I", (LUAI_UACINT)f.N, (LUAI_UACINT)labels);
  if (f.N > INT32_MAX / 2) args_error(&a, "x: expected at most 2^30 rows");
  double *sum = memset(lua_newuserdatauv(L, (size_t)f.D * sizeof *sum, 0), 0, (size_t)f.D * sizeof *sum);
  uint64_t *in_bag = oob ? push_scratch(&a, (size_t)(trees * ((f.N + 63) / 64)) * sizeof *in_bag) : NULL;
  Forest *forest = push_forest(L, f.D, f.classes, trees);
  const int index = lua_gettop(L);
  grow(&a, index, forest, sum, in_bag, x->data, label, target, &f);
  lua_pushvalue(L, index);
  push_importances(&a, sum, f.D);
  if (!oob) return 2;
  Tensor *probability = push_tensor(&a, 2, (mb_size[]){f.N, f.classes});
  args_check(&a,
             mb_forest_predict(probability->data, x->data, forest->tree, trees, in_bag, f.N, f.D, f.classes));
  return 3;
}

/* core.forest_predict(forest, x (N, D)) -> probabilities (N, K) */
static int forest_predict(lua_State *L) {
  Args a = bind_args(L, "forest");
  const Forest *forest = next_forest(&a);
  const Tensor *x = next_tensor_rank(&a, "x", 2);
  const mb_size N = x->shape.shape[0], D = x->shape.shape[1];
  if (D != forest->D)
    args_error(&a, "x has %I points per row, the forest was fitted on %I", (LUAI_UACINT)D,
               (LUAI_UACINT)forest->D);
  Tensor *probability = push_tensor(&a, 2, (mb_size[]){N, forest->K});
  args_check(
      &a, mb_forest_predict(probability->data, x->data, forest->tree, forest->trees, NULL, N, D, forest->K));
  return 1;
}

/* ---- to and from tensors ---- */

/* core.forest_state(forest) -> tree (T, 2): how many nodes and shares each has; node (M, 4): feature (from
 * 1), threshold, left child (counted in its tree from 1; 0: a leaf), number of shares; share (S, 2): class
 * (from 1) and probability */
static int forest_state(lua_State *L) {
  Args a = bind_args(L, "save");
  const Forest *forest = next_forest(&a);
  mb_size M = 0, S = 0;
  for (mb_size t = 0; t < forest->trees; t++) M += forest->tree[t].nodes, S += forest->tree[t].shares;
  mb_real *size = push_tensor(&a, 2, (mb_size[]){forest->trees, 2})->data;
  mb_real *node = push_tensor(&a, 2, (mb_size[]){M, 4})->data;
  mb_real *share = push_tensor(&a, 2, (mb_size[]){S, 2})->data;
  for (mb_size t = 0; t < forest->trees; t++) {
    const mb_tree *tree = &forest->tree[t];
    if (tree->nodes > EXACT) args_error(&a, "a tree of this forest has more than 2^24 nodes");
    *size++ = (mb_real)tree->nodes, *size++ = (mb_real)tree->shares;
    for (mb_size i = 0; i < tree->nodes; i++) {
      const bool is_leaf = tree->node[i].child == i;
      *node++ = (mb_real)(tree->node[i].feature + 1);
      *node++ = is_leaf ? 0 : tree->node[i].threshold;
      *node++ = is_leaf ? 0 : (mb_real)(tree->node[i].child + 1);
      *node++ = (mb_real)(tree->first[i + 1] - tree->first[i]);
    }
    for (mb_size s = 0; s < tree->shares; s++)
      *share++ = (mb_real)(tree->share[s].label + 1), *share++ = tree->share[s].probability;
  }
  return 3;
}

static void expect(lua_State *L, bool holds) {
  if (!holds) bind_error(L, "load: the trees of this forest are damaged");
}

/* Checks that a value of a file is a whole number low..high. */
static mb_size whole(lua_State *L, mb_real value, mb_size low, mb_size high) {
  expect(L, value >= (mb_real)low && value <= (mb_real)high && value == floor(value));
  return (mb_size)value;
}

/* Fills a tree from rows of node and share; whatever they hold, walking it ends and stays inside, at a leaf
 * with probabilities. */
static void read_tree(lua_State *L, mb_tree *tree, const mb_real *node, const mb_real *share, mb_size D,
                      mb_size K, bool numbers) {
  mb_size first = 0;
  for (mb_size i = 0; i < tree->nodes; i++, node += 4) {
    const mb_size child = whole(L, node[2], 0, tree->nodes - 1) - 1;
    expect(L, child < 0 || (child > i && isfinite(node[1])));
    tree->node[i].feature = child < 0 ? 0 : (int32_t)whole(L, node[0], 1, D) - 1;
    tree->node[i].threshold = child < 0 ? (mb_real)INFINITY : node[1];
    tree->node[i].child = (int32_t)(child < 0 ? i : child);
    tree->first[i] = (int32_t)first;
    first += whole(L, node[3], child < 0, child < 0 ? tree->shares - first : 0);
  }
  expect(L, first == tree->shares);
  tree->first[tree->nodes] = (int32_t)first;
  for (mb_size s = 0; s < tree->shares; s++, share += 2) {
    expect(L, numbers ? isfinite(share[1]) : share[1] >= 0 && share[1] <= 1);
    tree->share[s] = (mb_share){(int32_t)whole(L, share[0], 1, K) - 1, share[1]};
  }
}

/* core.forest_from_state(points, classes, tree, node, share, numbers) -> forest */
static int forest_from_state(lua_State *L) {
  lua_settop(L, 6);
  Args a = bind_args(L, "load");
  const mb_size D = next_integer(&a, "points", 1, EXACT), K = next_integer(&a, "classes", 1, EXACT);
  const Tensor *size = next_tensor_rank(&a, "tree", 2), *node = next_tensor_rank(&a, "node", 2);
  const Tensor *share = next_tensor_rank(&a, "share", 2);
  const bool numbers = next_boolean(&a);
  const mb_real *next_node = node->data, *next_share = share->data;
  mb_size M = node->count / 4, S = share->count / 2;
  expect(L, size->shape.shape[1] == 2 && node->shape.shape[1] == 4 && share->shape.shape[1] == 2);
  Forest *forest = push_forest(L, D, K, size->count / 2);
  for (mb_size t = 0; t < forest->trees; t++) {
    const mb_size nodes = whole(L, size->data[2 * t], 1, M), shares = whole(L, size->data[2 * t + 1], 0, S);
    read_tree(L, new_tree(L, 7, forest, t, nodes, shares), next_node, next_share, D, K, numbers);
    next_node += 4 * nodes, next_share += 2 * shares;
    M -= nodes, S -= shares;
  }
  expect(L, M == 0 && S == 0);
  return 1;
}

/* core.forest_size(forest) -> trees, nodes */
static int forest_size(lua_State *L) {
  Args a = bind_args(L, "forest");
  const Forest *forest = next_forest(&a);
  mb_size nodes = 0;
  for (mb_size t = 0; t < forest->trees; t++) nodes += forest->tree[t].nodes;
  lua_pushinteger(L, forest->trees);
  lua_pushinteger(L, nodes);
  return 2;
}

static const luaL_Reg functions[] = {
    {"forest_fit", forest_fit},         {"forest_from_state", forest_from_state},
    {"forest_predict", forest_predict}, {"forest_size", forest_size},
    {"forest_state", forest_state},     {NULL, NULL},
};

void bind_open_forest(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
  luaL_newmetatable(L, FOREST_TYPE);
  lua_pop(L, 1);
}
