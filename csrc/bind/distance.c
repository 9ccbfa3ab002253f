/* distance.c - dissimilarities and nearest neighbours. */
#include "bind.h"

static const char *const metrics[] = {"euclidean",      "manhattan",    "chebyshev", "cosine", "pearson",
                                      "jensen_shannon", "earth_movers", "dtw",       "ddtw",   NULL};

_Static_assert(sizeof metrics / sizeof *metrics == MB_DDTW + 2, "one name for each metric");

/* The arguments of both functions: a (A, L), b (B, L), metric, window (nil: any). */
typedef struct {
  const Tensor *a, *b;
  mb_metric metric;
  mb_size window, A, B, L;
} Rows;

static Rows next_rows(Args *a) {
  Rows r = {.a = next_tensor_rank(a, "a", 2)};
  r.b = next_tensor_rank(a, "b", 2);
  r.A = r.a->shape.shape[0], r.B = r.b->shape.shape[0], r.L = r.b->shape.shape[1];
  if (r.a->shape.shape[1] != r.L)
    args_error(a, "rows of a have %I points, rows of b %I", (LUAI_UACINT)r.a->shape.shape[1],
               (LUAI_UACINT)r.L);
  args_check_finite(a, "a", r.a);
  args_check_finite(a, "b", r.b);
  r.metric = (mb_metric)next_option(a, "metric", metrics);
  r.window = next_is_nil(a) ? r.L : next_integer(a, "window", 0, PTRDIFF_MAX);
  if (r.window > r.L) r.window = r.L;
  return r;
}

/* Infinite distances would all be equal. */
static void check_reach(const Args *a, const Tensor *y, const char *of) {
  const mb_size bad = mb_find_non_finite(y->data, y->count), columns = y->shape.shape[1];
  if (bad >= 0)
    args_error(a, "row %I of a is too far from %s %I for a number; scale the spectra down",
               (LUAI_UACINT)(bad / columns + 1), of, (LUAI_UACINT)(bad % columns + 1));
}

/* Computes all distances, with scratch that is freed again. */
static void compute(const Args *a, mb_real *y, const Rows *r) {
  const int threads = mb_get_threads();
  void *scratch = push_scratch(a, mb_distances_scratch_bytes(r->A, r->B, r->L, r->metric, threads));
  args_check(
      a, mb_distances(y, scratch, r->a->data, r->b->data, r->metric, r->window, r->A, r->B, r->L, threads));
  pop_scratch(a->L);
}

/* core.distances(a, b, metric, window) -> (A, B) */
static int distances(lua_State *L) {
  Args a = bind_args(L, "distances");
  const Rows r = next_rows(&a);
  Tensor *y = push_tensor(&a, 2, (mb_size[]){r.A, r.B});
  compute(&a, y->data, &r);
  check_reach(&a, y, "row of b");
  return 1;
}

/* The k nearest of each row, by warping: without computing all distances. */
static void nearest_by_warping(const Args *a, mb_real *distance, mb_size *index, const Rows *r, mb_size k) {
  const int threads = mb_get_threads();
  void *scratch = push_scratch(a, mb_dtw_nearest_scratch_bytes(r->A, r->B, r->L, threads));
  args_check(a, mb_dtw_nearest(distance, index, scratch, r->a->data, r->b->data, r->metric, r->window, r->A,
                               r->B, r->L, k, threads));
  pop_scratch(a->L);
}

/* The k nearest of each row by Euclidean distance; false if all distances have to be computed. */
static bool nearest_by_products(const Args *a, mb_real *distance, mb_size *index, const Rows *r, mb_size k) {
  if (r->metric != MB_EUCLIDEAN) return false;
  void *scratch = push_scratch(a, mb_euclidean_nearest_scratch_bytes(r->A, r->B, r->L));
  const bool found = mb_euclidean_nearest(distance, index, scratch, r->a->data, r->b->data, r->A, r->B, r->L,
                                          k, mb_get_threads());
  pop_scratch(a->L);
  return found;
}

/* core.nearest(a, b, metric, window, k) -> distances (A, k), their rows in b (A, k) */
static int nearest(lua_State *L) {
  Args a = bind_args(L, "distances");
  const Rows r = next_rows(&a);
  const mb_size k = next_integer(&a, "k", 1, r.B), count = r.A * k;
  Tensor *distance = push_tensor(&a, 2, (mb_size[]){r.A, k});
  Tensor *rows = push_tensor(&a, 2, (mb_size[]){r.A, k});
  mb_size *index = lua_newuserdatauv(L, (size_t)count * sizeof *index, 0);
  if (r.metric == MB_DTW || r.metric == MB_DDTW) {
    nearest_by_warping(&a, distance->data, index, &r, k);
  } else if (!nearest_by_products(&a, distance->data, index, &r, k)) {
    mb_real *matrix = push_scratch(&a, (size_t)(r.A * r.B) * sizeof *matrix);
    compute(&a, matrix, &r);
    mb_nearest(distance->data, index, matrix, r.A, r.B, k);
    pop_scratch(L);
  }
  check_reach(&a, distance, "neighbour");
  for (mb_size i = 0; i < count; i++) rows->data[i] = (mb_real)(index[i] + 1);
  lua_pop(L, 1);
  return 2;
}

/* core.vote(distances (A, k), rows (A, k), labels, classes, by_distance) -> probabilities (A, classes) */
static int vote(lua_State *L) {
  Args a = bind_args(L, "neighbours");
  mb_size labels, count;
  const Tensor *distance = next_tensor_rank(&a, "distances", 2);
  const mb_size A = distance->shape.shape[0], k = distance->shape.shape[1];
  Args rows = a, label_list = a, rest = a;
  label_list.next += 1, rest.next += 2; /* classes bound the labels, and these the rows */
  const mb_size K = next_count(&rest, "classes");
  const bool by_distance = next_boolean(&rest);
  const mb_size *label = next_indices(&label_list, "y", K, &labels);
  const mb_size *index = next_indices(&rows, "rows", labels, &count);
  if (count != distance->count) args_error(&a, "rows and distances differ in number");
  Tensor *probability = push_tensor(&a, 2, (mb_size[]){A, K});
  mb_vote(probability->data, distance->data, index, label, by_distance, A, k, K);
  return 1;
}

static const luaL_Reg functions[] = {
    {"distances", distances}, {"nearest", nearest}, {"vote", vote}, {NULL, NULL}};

void bind_open_distance(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
