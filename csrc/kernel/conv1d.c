/* conv1d.c - convolution and its gradients as matrix products on rows that overlap in memory. */
#include "internal.h"

#include <omp.h>
#include <string.h>

/* The work is cut into items, runs of output positions of one sample, and for the gradient of the
 * weights into groups of items with one sum each: by shape alone, never by the number of threads. */
#define ITEMS_MIN  32    /* so that a single spectrum keeps all threads busy */
#define ITEM_REALS 65536 /* results of an item at most, so that they stay in cache */
#define ROWS_MIN   16    /* rows of a product at least; wins over the two above */
#define GROUPS     16

typedef struct {
  mb_size count, per_sample, rows;
} Items;

typedef struct {
  mb_size sample, first, rows;
} Item;

/* apart: how many products share the rows of an item. */
static Items cut(mb_size N, mb_size rows, mb_size width, mb_size apart) {
  const mb_size wanted = mb_max(mb_ceil_div(ITEMS_MIN, N), mb_ceil_div(rows * width, ITEM_REALS));
  const mb_size possible = mb_max(rows / (ROWS_MIN * apart), 1);
  const mb_size each = mb_ceil_div(rows, mb_min(wanted, possible)), per_sample = mb_ceil_div(rows, each);
  return (Items){.count = N * per_sample, .per_sample = per_sample, .rows = each};
}

static Item item_at(const Items *items, mb_size i, mb_size rows) {
  const mb_size first = i % items->per_sample * items->rows;
  return (Item){.sample = i / items->per_sample, .first = first, .rows = mb_min(items->rows, rows - first)};
}

static mb_size span_of(const mb_conv1d *s) {
  return (s->K - 1) * s->dilation + 1;
}

static int threads_for(const mb_conv1d *s) {
  return mb_threads_for(s->N * s->L_out * s->K * s->C * s->F);
}

/* A convolution that looks at single points, without padding then, is one over all samples end to end. */
static mb_conv1d joined(const mb_conv1d *s) {
  mb_conv1d result = *s;
  if (s->K == 1 && s->stride == 1) {
    result.N = 1;
    result.L = result.L_out = s->N * s->L;
  }
  return result;
}

/* Vector loads that straddle cache lines would halve the speed of products with what is in scratch. */
#define ALIGN_REALS 16
static mb_real *aligned(mb_real *scratch) {
  const uintptr_t mask = ALIGN_REALS * sizeof(mb_real) - 1;
  return (mb_real *)(((uintptr_t)scratch + mask) & ~mask);
}

/* Rows first .. first + count - 1 of x (L, width), zero outside; in buffer only if some are outside. */
static const mb_real *padded(mb_real *buffer, const mb_real *x, mb_size L, mb_size width, mb_size first,
                             mb_size count) {
  if (first >= 0 && first + count <= L) return x + first * width;
  const mb_size before = mb_min(mb_max(-first, 0), count);
  const mb_size inside = mb_max(mb_min(first + count, L) - (first + before), 0);
  const size_t row = sizeof(mb_real) * (size_t)width;
  memset(buffer, 0, row * (size_t)before);
  if (inside > 0) memcpy(buffer + before * width, x + (first + before) * width, row * (size_t)inside);
  memset(buffer + (before + inside) * width, 0, row * (size_t)(count - before - inside));
  return buffer;
}

/* ---- products ------------------------------------------------------------------------- */

/* With AVX-512, OpenBLAS multiplies up to 100^3 without packing, which is 1.2 to 1.6 times faster
 * if N fills whole vectors. */
static mb_size rows_per_call(mb_size M, mb_size N, mb_size K) {
#ifdef __x86_64__
  const mb_size most = 1000000 / (N * K);
  if (N % 16 == 0 && most >= 8 && __builtin_cpu_supports("avx512f"))
    return mb_ceil_div(M, mb_ceil_div(M, most));
#else
  (void)N, (void)K;
#endif
  return M;
}

/* C (M x N) += op(A) B */
static void add_gemm(bool transpose_a, mb_size M, mb_size N, mb_size K, const mb_real *A, mb_size lda,
                     const mb_real *B, mb_size ldb, mb_real *C, mb_size ldc) {
  const mb_size rows = rows_per_call(M, N, K);
  for (mb_size i = 0; i < M; i += rows)
    mb_gemm(transpose_a, false, mb_min(rows, M - i), N, K, 1, A + (transpose_a ? i : i * lda), lda, B, ldb, 1,
            C + i * ldc, ldc);
}

/* Row i of the unfolded input U is the depth reals at x + i step. Rows that are
 * ceil(depth / step) apart do not overlap, and make a matrix without a copy. */

/* y += U w, the rows of y (rows, F) ldy apart; w is (depth, F). */
static void add_product(mb_real *y, mb_size ldy, const mb_real *x, mb_size step, mb_size depth,
                        const mb_real *w, mb_size F, mb_size rows) {
  const mb_size apart = mb_ceil_div(depth, step);
  for (mb_size r = 0; r < mb_min(apart, rows); r++)
    add_gemm(false, mb_ceil_div(rows - r, apart), F, depth, x + r * step, apart * step, w, F, y + r * ldy,
             apart * ldy);
}

/* w (depth, F) += transposed U times y (rows, F). */
static void add_outer(mb_real *w, const mb_real *x, mb_size step, mb_size depth, const mb_real *y, mb_size F,
                      mb_size rows) {
  const mb_size apart = mb_ceil_div(depth, step);
  for (mb_size r = 0; r < mb_min(apart, rows); r++)
    add_gemm(true, depth, F, mb_ceil_div(rows - r, apart), x + r * step, apart * step, y + r * F, apart * F,
             w, F);
}

/* ---- forward -------------------------------------------------------------------------- */

/* Without dilation the taps of a window are neighbours and make one product, otherwise K. */
static mb_size products_of(const mb_conv1d *s) {
  return s->dilation == 1 ? 1 : s->K;
}

static mb_size rows_apart(const mb_conv1d *s) {
  return s->dilation == 1 ? mb_ceil_div(s->K, s->stride) : 1;
}

static Items output_items(const mb_conv1d *s) {
  return cut(s->N, s->L_out, s->F, rows_apart(s));
}

static mb_size input_rows(const mb_conv1d *s, mb_size rows) {
  return (rows - 1) * s->stride + span_of(s);
}

static const mb_real *padded_input(mb_real *buffers, const mb_real *x, const mb_conv1d *s, const Items *items,
                                   const Item *item) {
  mb_real *buffer = buffers + omp_get_thread_num() * input_rows(s, items->rows) * s->C;
  return padded(buffer, x + item->sample * s->L * s->C, s->L, s->C, item->first * s->stride - s->pad_left,
                input_rows(s, item->rows));
}

MB_CLONES static void fill_rows(mb_real *y, const mb_real *b, mb_size rows, mb_size F) {
  for (mb_size t = 0; t < rows; t++)
    for (mb_size f = 0; f < F; f++) y[t * F + f] = b ? b[f] : 0;
}

static void forward(mb_real *y, mb_real *buffers, const mb_real *x, const mb_real *w, const mb_real *b,
                    const mb_conv1d *s) {
  const Items items = output_items(s);
  const mb_size products = products_of(s), depth = s->K / products * s->C;
#pragma omp parallel for schedule(dynamic) num_threads(threads_for(s))
  for (mb_size i = 0; i < items.count; i++) {
    const Item item = item_at(&items, i, s->L_out);
    const mb_real *in = padded_input(buffers, x, s, &items, &item);
    mb_real *out = y + (item.sample * s->L_out + item.first) * s->F;
    fill_rows(out, b, item.rows, s->F);
    for (mb_size k = 0; k < products; k++)
      add_product(out, s->F, in + k * s->dilation * s->C, s->stride * s->C, depth, w + k * depth * s->F, s->F,
                  item.rows);
  }
}

/* ---- gradient of the input: the convolution turned round ------------------------------- */

/* Position u = j stride + p of the padded input takes dy[j - m] times the transposed tap k, for each
 * k with k dilation = m stride + p. Without dilation the taps for one p are stride apart and
 * their rows of dy are neighbours: one product per p with these taps in reverse order. A chain is
 * such a set, named by its last tap; with dilation each tap is a chain. */
static mb_size chain_step(const mb_conv1d *s) {
  return s->dilation == 1 ? s->stride : s->K;
}

static mb_size first_chain(const mb_conv1d *s) {
  return mb_max(s->K - chain_step(s), 0);
}

/* v = for each chain its taps of w (K, C, F) in reverse order, each transposed. */
static void reverse_chains(mb_real *v, const mb_real *w, const mb_conv1d *s) {
  for (mb_size chain = first_chain(s); chain < s->K; chain++)
    for (mb_size k = chain; k >= 0; k -= chain_step(s))
      for (mb_size f = 0; f < s->F; f++)
        for (mb_size c = 0; c < s->C; c++) *v++ = w[(k * s->C + c) * s->F + f];
}

static mb_size longest_delay(const mb_conv1d *s) {
  return (span_of(s) - 1) / s->stride;
}

/* Rows j: each is stride positions of the padded input. */
static mb_size gradient_rows(const mb_conv1d *s) {
  return mb_ceil_div(s->L + s->pad_left, s->stride);
}

static Items gradient_items(const mb_conv1d *s) {
  return cut(s->N, gradient_rows(s), s->stride * s->C, rows_apart(s));
}

/* dx (L, C) of the positions of an item; in is dy from row item.first - longest_delay on. */
static void backward_input_item(mb_real *dx, const mb_real *in, const mb_real *v, const mb_conv1d *s,
                                const Item *item) {
  const mb_size end = item->first + item->rows;
  const mb_size low = mb_max(item->first * s->stride - s->pad_left, 0);
  const mb_size high = mb_min(end * s->stride - s->pad_left, s->L);
  if (low < high) memset(dx + low * s->C, 0, sizeof(mb_real) * (size_t)((high - low) * s->C));

  for (mb_size chain = first_chain(s); chain < s->K; chain++) {
    const mb_size delay = chain * s->dilation / s->stride, p = chain * s->dilation % s->stride;
    const mb_size depth = (chain / chain_step(s) + 1) * s->F;
    const mb_size from = mb_max(mb_ceil_div(s->pad_left - p, s->stride), item->first);
    const mb_size to = mb_min(mb_ceil_div(s->L + s->pad_left - p, s->stride), end);
    if (from < to)
      add_product(dx + (from * s->stride + p - s->pad_left) * s->C, s->stride * s->C,
                  in + (from - item->first + longest_delay(s) - delay) * s->F, s->F, depth, v, s->C,
                  to - from);
    v += depth * s->C;
  }
}

static void backward_input(mb_real *dx, mb_real *scratch, const mb_real *dy, const mb_real *w,
                           const mb_conv1d *s) {
  const Items items = gradient_items(s);
  const mb_size delay = longest_delay(s);
  mb_real *v = scratch, *buffers = scratch + s->K * s->C * s->F;
  reverse_chains(v, w, s);
#pragma omp parallel for schedule(dynamic) num_threads(threads_for(s))
  for (mb_size i = 0; i < items.count; i++) {
    const Item item = item_at(&items, i, gradient_rows(s));
    const mb_real *in =
        padded(buffers + omp_get_thread_num() * (items.rows + delay) * s->F,
               dy + item.sample * s->L_out * s->F, s->L_out, s->F, item.first - delay, item.rows + delay);
    backward_input_item(dx + item.sample * s->L * s->C, in, v, s, &item);
  }
}

/* ---- gradients of weights and bias ----------------------------------------------------- */

/* Four rows at a time, because loading and storing the sums costs more than adding. */
MB_CLONES static void add_rows(double *sum, const mb_real *y, mb_size rows, mb_size F) {
  mb_size t = 0;
  for (; t + 4 <= rows; t += 4, y += 4 * F)
    for (mb_size f = 0; f < F; f++)
      sum[f] += ((double)y[f] + (double)y[F + f]) + ((double)y[2 * F + f] + (double)y[3 * F + f]);
  for (; t < rows; t++, y += F)
    for (mb_size f = 0; f < F; f++) sum[f] += (double)y[f];
}

/* dw (K, C, F) and db_sum (F) += what one item contributes; either may be NULL. */
static void add_weight_gradient(mb_real *dw, double *db_sum, const mb_real *in, const mb_real *out,
                                const mb_conv1d *s, mb_size rows) {
  const mb_size products = products_of(s), depth = s->K / products * s->C;
  if (db_sum) add_rows(db_sum, out, rows, s->F);
  for (mb_size k = 0; dw && k < products; k++)
    add_outer(dw + k * depth * s->F, in + k * s->dilation * s->C, s->stride * s->C, depth, out, s->F, rows);
}

static mb_size groups_of(const Items *items) {
  return mb_min(GROUPS, items->count);
}

static void backward_weights(mb_real *dw, mb_real *db, mb_real *scratch, const mb_real *dy, const mb_real *x,
                             const mb_conv1d *s) {
  const Items items = output_items(s);
  const mb_size groups = groups_of(&items), weights = s->K * s->C * s->F;
  double *db_sums = (double *)scratch;
  mb_real *dw_sums = (mb_real *)(db_sums + groups * s->F), *buffers = dw_sums + groups * weights;
#pragma omp parallel for schedule(dynamic) num_threads(threads_for(s))
  for (mb_size g = 0; g < groups; g++) {
    mb_real *dw_sum = dw ? dw_sums + g * weights : NULL;
    double *db_sum = db ? db_sums + g * s->F : NULL;
    if (dw) memset(dw_sum, 0, sizeof(mb_real) * (size_t)weights);
    if (db) memset(db_sum, 0, sizeof(double) * (size_t)s->F);
    for (mb_size i = g * items.count / groups; i < (g + 1) * items.count / groups; i++) {
      const Item item = item_at(&items, i, s->L_out);
      const mb_real *in = dw ? padded_input(buffers, x, s, &items, &item) : NULL;
      add_weight_gradient(dw_sum, db_sum, in, dy + (item.sample * s->L_out + item.first) * s->F, s,
                          item.rows);
    }
  }
  if (dw) mb_reduce(dw, MB_SUM, dw_sums, 1, groups, weights, 0);
  for (mb_size f = 0; db && f < s->F; f++) {
    double total = 0;
    for (mb_size g = 0; g < groups; g++) total += db_sums[g * s->F + f];
    db[f] = (mb_real)total;
  }
}

/* ---- the choice of the way ------------------------------------------------------------- */

mb_size mb_conv1d_scratch(const mb_conv1d *shape) {
  const mb_conv1d s = joined(shape);
  const Items output = output_items(&s), input = gradient_items(&s);
  const mb_size threads = mb_get_threads(), weights = s.K * s.C * s.F;
  const mb_size for_weights =
      groups_of(&output) * (2 * s.F + weights) + threads * input_rows(&s, output.rows) * s.C;
  const mb_size for_input = weights + threads * (input.rows + longest_delay(&s)) * s.F;
  return ALIGN_REALS + mb_max(for_weights, for_input);
}

void mb_conv1d_forward(mb_real *y, mb_real *scratch, const mb_real *x, const mb_real *w, const mb_real *b,
                       const mb_conv1d *shape) {
  const mb_conv1d s = joined(shape);
  forward(y, aligned(scratch), x, w, b, &s);
}

void mb_conv1d_backward(mb_real *dx, mb_real *dw, mb_real *db, mb_real *scratch, const mb_real *dy,
                        const mb_real *x, const mb_real *w, const mb_conv1d *shape) {
  const mb_conv1d s = joined(shape);
  if (dx) backward_input(dx, aligned(scratch), dy, w, &s);
  if (dw || db) backward_weights(dw, db, aligned(scratch), dy, x, &s);
}
