/* distance.c - dissimilarities and nearest neighbours. */
#include "bind.h"

static const char *const metrics[] = {"euclidean",      "manhattan",    "chebyshev", "cosine", "pearson",
                                      "jensen_shannon", "earth_movers", "dtw",       "ddtw",   NULL};

_Static_assert(sizeof metrics / sizeof *metrics == MB_DDTW + 2, "one name for each metric");

/* What both functions compare, at arguments 1 to 4: a (A, L), b (B, L), metric, window (nil: any). */
typedef struct {
  const Tensor *a, *b;
  mb_metric metric;
  mb_size window, A, B, L;
} Rows;

static Rows read_rows(lua_State *L) {
  Rows r = {.a = bind_tensor_rank(L, "distances", "a", 1, 2),
            .b = bind_tensor_rank(L, "distances", "b", 2, 2)};
  r.A = r.a->shape.shape[0], r.B = r.b->shape.shape[0], r.L = r.b->shape.shape[1];
  if (r.a->shape.shape[1] != r.L)
    bind_error(L, "distances: rows of a have %I points, rows of b %I", (LUAI_UACINT)r.a->shape.shape[1],
               (LUAI_UACINT)r.L);
  bind_check_finite(L, "distances", "a", r.a);
  bind_check_finite(L, "distances", "b", r.b);
  r.metric = (mb_metric)luaL_checkoption(L, 3, NULL, metrics);
  r.window = lua_isnil(L, 4) ? r.L : bind_size(L, "distances", "window", 4, 0, PTRDIFF_MAX);
  if (r.window > r.L) r.window = r.L;
  return r;
}

/* Infinite distances would all be equal. */
static void check_reach(lua_State *L, const Tensor *y, const char *of) {
  const mb_size bad = mb_find_non_finite(y->data, y->count), columns = y->shape.shape[1];
  if (bad >= 0)
    bind_error(L, "distances: row %I of a is too far from %s %I for a number; scale the spectra down",
               (LUAI_UACINT)(bad / columns + 1), of, (LUAI_UACINT)(bad % columns + 1));
}

static void *scratch_bytes(lua_State *L, size_t bytes) {
  return bind_scratch(L, "distances", (mb_size)(bytes / sizeof(mb_real)) + 1);
}

/* core.distances(a, b, metric, window) -> (A, B) */
static int distances(lua_State *L) {
  const Rows r = read_rows(L);
  const int threads = mb_get_threads();
  Tensor *y = bind_new_tensor(L, "distances", 2, (mb_size[]){r.A, r.B});
  void *scratch = scratch_bytes(L, mb_distances_scratch(r.A, r.B, r.L, r.metric, threads));
  bind_status(
      L, "distances",
      mb_distances(y->data, scratch, r.a->data, r.b->data, r.metric, r.window, r.A, r.B, r.L, threads));
  bind_free_scratch(L, -1);
  lua_pop(L, 1);
  check_reach(L, y, "row of b");
  return 1;
}

/* core.nearest(a, b, metric, window, k) -> distances (A, k), their rows in b (A, k) */
static int nearest(lua_State *L) {
  const Rows r = read_rows(L);
  const int threads = mb_get_threads();
  const mb_size k = bind_size(L, "distances", "k", 5, 1, r.B), count = r.A * k;
  Tensor *distance = bind_new_tensor(L, "distances", 2, (mb_size[]){r.A, k});
  Tensor *rows = bind_new_tensor(L, "distances", 2, (mb_size[]){r.A, k});
  mb_size *index = lua_newuserdatauv(L, (size_t)count * sizeof *index, 0);
  if (r.metric == MB_DTW || r.metric == MB_DDTW) {
    void *scratch = scratch_bytes(L, mb_dtw_nearest_scratch(r.A, r.B, r.L, threads));
    bind_status(L, "distances",
                mb_dtw_nearest(distance->data, index, scratch, r.a->data, r.b->data, r.metric, r.window, r.A,
                               r.B, r.L, k, threads));
  } else {
    mb_real *matrix = bind_scratch(L, "distances", r.A * r.B);
    void *scratch = scratch_bytes(L, mb_distances_scratch(r.A, r.B, r.L, r.metric, threads));
    bind_status(
        L, "distances",
        mb_distances(matrix, scratch, r.a->data, r.b->data, r.metric, r.window, r.A, r.B, r.L, threads));
    mb_nearest(distance->data, index, matrix, r.A, r.B, k);
    bind_free_scratch(L, -2);
  }
  bind_free_scratch(L, -1);
  check_reach(L, distance, "neighbour");
  for (mb_size i = 0; i < count; i++) rows->data[i] = (mb_real)(index[i] + 1);
  lua_settop(L, 7);
  return 2;
}

/* core.vote(distances (A, k), rows (A, k), labels, classes, by_distance) -> probabilities (A, classes) */
static int vote(lua_State *L) {
  mb_size labels, count;
  const Tensor *distance = bind_tensor_rank(L, "neighbours", "distances", 1, 2);
  const mb_size A = distance->shape.shape[0], k = distance->shape.shape[1];
  const mb_size K = bind_size(L, "neighbours", "classes", 4, 1, INT32_MAX);
  const bool by_distance = bind_flag(L, 5);
  const mb_size *label = bind_indices(L, "neighbours", "y", 3, K, &labels);
  const mb_size *index = bind_indices(L, "neighbours", "rows", 2, labels, &count);
  if (count != distance->count) bind_error(L, "neighbours: rows and distances differ in number");
  Tensor *probability = bind_new_tensor(L, "neighbours", 2, (mb_size[]){A, K});
  mb_vote(probability->data, distance->data, index, label, by_distance, A, k, K);
  return 1;
}

static const luaL_Reg functions[] = {
    {"distances", distances}, {"nearest", nearest}, {"vote", vote}, {NULL, NULL}};

void bind_open_distance(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
