/* conv1d_direct.c - convolution and its gradients as matrix products on rows that overlap in memory. */
#include "conv1d_parts.h"

#include <omp.h>
#include <string.h>

#define ADDITIONS ((mb_size)4) /* groups of items whose rows of x add to the gradient of the weights */

typedef mb_items Items;
typedef mb_item Item;

static int wanted(const Items *items, mb_size i) {
  return items->only ? items->only[i] : MB_ITEM_ALL;
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

/* Row i of the unfolded input U is the depth reals at x + i step. Its products with matrices need no copy of
 * it. Matrices on the right have rows padded to whole vectors. */

/* y = or += U w, the rows of y (rows, F) ldy apart; w is (depth, F). */
static void product(mb_real *y, mb_size ldy, const mb_real *x, mb_size step, mb_size depth, const mb_real *w,
                    mb_size F, mb_size rows, bool add) {
  mb_simd_here()->product(y, ldy, x, step, 1, w, mb_padded_width(F), rows, F, depth, add);
}

/* w (depth, F padded) += transposed U times y (rows, F padded). */
static void add_outer(mb_real *w, const mb_real *x, mb_size step, mb_size depth, const mb_real *y,
                      mb_size wide, mb_size rows) {
  mb_simd_here()->product(w, wide, x, 1, step, y, wide, depth, wide, rows, true);
}

/* Rows of width reals, padded to whole vectors: in buffer unless they are that already. */
static const mb_real *widened(mb_real *buffer, const mb_real *x, mb_size width, mb_size rows) {
  const mb_size wide = mb_padded_width(width);
  if (wide == width) return x;
  for (mb_size r = 0; r < rows; r++) {
    memcpy(buffer + r * wide, x + r * width, sizeof(mb_real) * (size_t)width);
    memset(buffer + r * wide + width, 0, sizeof(mb_real) * (size_t)(wide - width));
  }
  return buffer;
}

/* ---- forward -------------------------------------------------------------------------- */

/* Products per row: without dilation the taps of a window are contiguous and make one, else K. */
static mb_size products_of(const mb_conv1d *s) {
  return s->dilation == 1 ? 1 : s->K;
}

/* The rows of x that an item reads. Products read several rows at once, so rows longer than a cache line are
 * warmed first, in order. */
static const mb_real *input_of(mb_real *buffer, const mb_real *x, const mb_conv1d *s, const Item *item,
                               mb_size first, mb_size rows) {
  const mb_real *in = padded(buffer, x + item->sample * s->L * s->C, s->L, s->C,
                             first * s->stride - s->pad_left, mb_conv1d_input_rows(s, rows));
  if (s->C <= MB_LINE) return in;
  if (s->stride <= mb_conv1d_span(s))
    mb_warm(in, mb_conv1d_input_rows(s, rows) * s->C);
  else
    for (mb_size r = 0; r < rows; r++) mb_warm(in + r * s->stride * s->C, mb_conv1d_span(s) * s->C);
  return in;
}

static Items result_items(const mb_conv1d *s) {
  return mb_items_cut(s->N, mb_conv1d_results(s), s->F * mb_max(s->pool_stride, 1));
}

/* Reals that a thread needs for the input of an item, and for its rows before the epilogue. */
static mb_size input_buffer(const mb_conv1d *s, const Items *items) {
  return mb_conv1d_input_rows(s, mb_conv1d_rows(s, items->rows)) * s->C;
}
static mb_size rows_buffer(const mb_conv1d *s, const Items *items) {
  return mb_conv1d_rows(s, items->rows) * mb_padded_width(s->F);
}

typedef struct {
  mb_real *y;
  uint8_t *argmax;
  const mb_real *x, *w, *b; /* w with rows of whole vectors */
  mb_epilogue epilogue;
} Forward;

/* Computes the results of an item; buffer is large enough for any of items. */
static void forward_rows(const Forward *f, mb_real *buffer, const mb_conv1d *s, const Items *items,
                         const Item *item) {
  const mb_size products = products_of(s), depth = s->K / products * s->C, wide = mb_padded_width(s->F);
  const mb_size first = item->first * mb_max(s->pool_stride, 1), count = mb_conv1d_rows(s, item->rows);
  const mb_size out = (item->sample * mb_conv1d_results(s) + item->first) * s->F;
  mb_real *rows = s->pool == 0 && wide == s->F ? f->y + out : buffer + input_buffer(s, items);
  const mb_real *in = input_of(buffer, f->x, s, item, first, count);
  for (mb_size k = 0; k < products; k++)
    product(rows, wide, in + k * s->dilation * s->C, s->stride * s->C, depth, f->w + k * depth * wide,
            mb_product_width(s->F), count, k > 0);
  mb_epilogue_rows(f->y + out, f->argmax ? f->argmax + out : NULL, rows, wide, item->rows, s->F, f->b,
                   &f->epilogue);
}

/* A flat result that is computed: the row of x that it is made from, and its place in y and argmax. */
typedef struct {
  const mb_real *x; /* NULL: none is */
  mb_size at;
} Flat;

/* Copies a flat result to `count` results from place `to` on. */
static void copy_flat(const Forward *f, const Flat *flat, mb_size to, mb_size count, mb_size F) {
  for (mb_size end = to + count * F; to < end; to += F) {
    if (to == flat->at) continue;
    memcpy(f->y + to, f->y + flat->at, sizeof(mb_real) * (size_t)F);
    if (f->argmax) memcpy(f->argmax + to, f->argmax + flat->at, (size_t)F);
  }
}

/* Results that are not flat are computed, and of the flat ones the first if its row of x is not that of the
 * last flat result: the others are copies. */
static void forward_item(const Forward *f, mb_real *buffer, Flat *flat, const mb_conv1d *s,
                         const Items *items, mb_size i) {
  const Item item = mb_item_at(items, i, mb_conv1d_results(s));
  const mb_size end = item.first + item.rows, y = item.sample * mb_conv1d_results(s);
  const mb_real *x = f->x + item.sample * s->L * s->C;
  for (mb_size at = item.first; at < end;) {
    const mb_conv1d_run run = mb_conv1d_flat(x, at, end, s);
    mb_size stop = run.first;
    if (wanted(items, i) == MB_ITEM_FLAT) at = run.first;
    if (run.first < run.end) {
      const mb_real *row = x + (run.first * mb_max(s->pool_stride, 1) * s->stride - s->pad_left) * s->C;
      if (!flat->x || memcmp(flat->x, row, sizeof *row * (size_t)s->C) != 0)
        *flat = (Flat){row, (y + run.first) * s->F}, stop++;
    }
    if (at < stop)
      forward_rows(f, buffer, s, items, &(Item){.sample = item.sample, .first = at, .rows = stop - at});
    copy_flat(f, flat, (y + run.first) * s->F, run.end - run.first, s->F);
    at = run.end;
  }
}

/* A thread has a copy of the weights of its own, and an item's input and rows. */
static mb_size forward_part(const mb_conv1d *s, const Items *items) {
  return mb_thread_part(s->K * s->C * mb_padded_width(s->F) + input_buffer(s, items) + rows_buffer(s, items));
}

void mb_conv1d_direct_forward_items(mb_real *y, uint8_t *argmax, mb_real *scratch, const mb_real *x,
                                    const mb_real *w, const mb_real *b, const mb_conv1d *s,
                                    const mb_items *items) {
#pragma omp parallel num_threads(mb_conv1d_threads(s))
  {
    MB_FLUSH_DENORMALS;
    mb_real *copy = scratch + omp_get_thread_num() * forward_part(s, items);
    mb_real *buffer = copy + s->K * s->C * mb_padded_width(s->F);
    const Forward f = {y, argmax, x, widened(copy, w, s->F, s->K * s->C), b, mb_conv1d_epilogue(s)};
    Flat flat = {0};
    MB_SHARE(mb_conv1d_is_small(s), i, items->count,
             if (wanted(items, i)) forward_item(&f, buffer, &flat, s, items, i));
  }
}

void mb_conv1d_direct_forward(mb_real *y, uint8_t *argmax, mb_real *scratch, const mb_real *x,
                              const mb_real *w, const mb_real *b, const mb_conv1d *s) {
  const Items items = result_items(s);
  mb_conv1d_direct_forward_items(y, argmax, scratch, x, w, b, s, &items);
}

/* ---- gradient of the input: a convolution with flipped weights ------------------------------- */

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

/* v = for each chain its taps of w (K, C, F) in reverse order, each transposed, with padded rows. */
static void reverse_chains(mb_real *v, const mb_real *w, const mb_conv1d *s) {
  for (mb_size chain = first_chain(s); chain < s->K; chain++)
    for (mb_size k = chain; k >= 0; k -= chain_step(s))
      for (mb_size f = 0; f < s->F; f++, v += mb_padded_width(s->C))
        for (mb_size c = 0; c < s->C; c++) v[c] = w[(k * s->C + c) * s->F + f];
}

static Items gradient_items(const mb_conv1d *s) {
  return mb_items_cut(s->N, mb_conv1d_gradient_rows(s), s->stride * s->C);
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
      product(dx + (from * s->stride + p - s->pad_left) * s->C, s->stride * s->C,
              in + (from - item->first + mb_conv1d_longest_delay(s) - delay) * s->F, s->F, depth, v, s->C,
              to - from, true);
    v += depth * mb_padded_width(s->C);
  }
}

static mb_size input_part(const mb_conv1d *s, const Items *items) {
  return mb_thread_part((items->rows + mb_conv1d_longest_delay(s)) * s->F);
}

void mb_conv1d_direct_input_items(mb_real *dx, mb_real *scratch, const mb_real *dy, const uint8_t *argmax,
                                  const mb_real *w, const mb_conv1d *s, const mb_items *items) {
  const mb_size delay = mb_conv1d_longest_delay(s), part = input_part(s, items);
  mb_real *v = scratch + s->threads * part;
  reverse_chains(v, w, s);
#pragma omp parallel num_threads(mb_conv1d_threads(s))
  {
    MB_FLUSH_DENORMALS;
    mb_real *buffer = scratch + omp_get_thread_num() * part;
    MB_SHARE(mb_conv1d_is_small(s), i, items->count, {
      if (!wanted(items, i)) continue;
      const Item item = mb_item_at(items, i, mb_conv1d_gradient_rows(s));
      const mb_real *in =
          mb_conv1d_gradient(buffer, s->F, dy, argmax, &item, item.first - delay, item.rows + delay, s);
      backward_input_item(dx + item.sample * s->L * s->C, in, v, s, &item);
    });
  }
}

/* ---- gradient of the weights ------------------------------------------------------------- */

static Items row_items(const mb_conv1d *s) {
  return mb_items_cut(s->N, s->L_out, s->F);
}

/* dw (rows, F) = the sum of groups of (rows, wide). */
MB_CLONES static void sum_groups(mb_real *dw, const mb_real *sums, mb_size groups, mb_size rows, mb_size F,
                                 mb_size wide) {
  for (mb_size i = 0; i < rows; i++)
    for (mb_size c = 0; c < wide; c += MB_MAX_LANES) {
      double total[MB_MAX_LANES] = {0};
      for (mb_size g = 0; g < groups; g++)
        for (mb_size f = 0; f < MB_MAX_LANES; f++) total[f] += (double)sums[(g * rows + i) * wide + c + f];
      for (mb_size f = 0; f < mb_min(MB_MAX_LANES, F - c); f++) dw[i * F + c + f] = (mb_real)total[f];
    }
}

typedef struct {
  const mb_real *dy;
  const uint8_t *argmax;
  const mb_real *x;
} Backward;

/* Sums over items first .. last - 1 for the weights and for the bias; either may be NULL. */
static void sum_items(mb_real *sum, double *db_sum, mb_real *buffer, const Backward *b, const mb_conv1d *s,
                      const Items *items, mb_size first, mb_size last) {
  const mb_size wide = mb_padded_width(s->F), products = products_of(s), depth = s->K / products * s->C;
  if (sum) memset(sum, 0, sizeof(mb_real) * (size_t)(s->K * s->C * wide));
  for (mb_size f = 0; db_sum && f < mb_bias_count(s); f++) db_sum[f] = 0;
  for (mb_size i = first; i < last; i++) {
    const Item item = mb_item_at(items, i, s->L_out);
    if (db_sum)
      mb_bias_add(db_sum, b->dy, b->argmax, mb_bias_row(s, item.sample, item.first),
                  mb_bias_row(s, item.sample, item.first + item.rows), s);
    if (!sum) continue;
    const mb_real *in = input_of(buffer, b->x, s, &item, item.first, item.rows);
    const mb_real *out = mb_conv1d_gradient(buffer + mb_conv1d_input_rows(s, items->rows) * s->C, wide, b->dy,
                                            b->argmax, &item, item.first, item.rows, s);
    for (mb_size k = 0; k < products; k++)
      add_outer(sum + k * depth * wide, in + k * s->dilation * s->C, s->stride * s->C, depth, out, wide,
                item.rows);
  }
}

static mb_size weights_part(const mb_conv1d *s, const Items *items) {
  return mb_thread_part(mb_conv1d_input_rows(s, items->rows) * s->C + items->rows * mb_padded_width(s->F));
}

/* Gradients of weights and bias; either may be NULL. */
static void backward_weights(mb_real *dw, mb_real *db, mb_real *scratch, const mb_real *dy,
                             const uint8_t *argmax, const mb_real *x, const mb_conv1d *s) {
  const Items items = row_items(s);
  const Backward b = {dy, argmax, x};
  const mb_size wide = mb_padded_width(s->F), groups = mb_items_groups(&items),
                part = weights_part(s, &items);
  const mb_size taps = s->K * s->C * wide;
  mb_real *sums = scratch + s->threads * part;
  double *db_sums = (double *)(sums + groups * taps);
#pragma omp parallel num_threads(mb_conv1d_threads(s))
  {
    MB_FLUSH_DENORMALS;
    mb_real *buffer = scratch + omp_get_thread_num() * part;
    MB_SHARE(mb_conv1d_is_small(s), g, groups,
             sum_items(dw ? sums + g * taps : NULL, db ? db_sums + g * mb_bias_count(s) : NULL, buffer, &b, s,
                       &items, g * items.count / groups, (g + 1) * items.count / groups));
  }
  if (dw) sum_groups(dw, sums, groups, s->K * s->C, s->F, wide);
  if (db) mb_bias_total(db, db_sums, groups, s);
}

/* sum += the gradient of the weights from the rows of an item of x, each of stride points: for row m of the
 * taps, the product of these rows and of the rows of dy m before. dy begins `reach` rows before the item. */
static void add_item(mb_real *sum, mb_real *buffer, const Backward *b, const mb_conv1d *s, const Item *item) {
  const mb_size wide = mb_padded_width(s->F), width = s->stride * s->C,
                reach = mb_ceil_div(s->K, s->stride) - 1;
  const mb_size points = item->rows * s->stride;
  const mb_real *in = padded(buffer, b->x + item->sample * s->L * s->C, s->L, s->C,
                             item->first * s->stride - s->pad_left, points);
  const mb_real *out = mb_conv1d_gradient(buffer + points * s->C, wide, b->dy, b->argmax, item,
                                          item->first - reach, item->rows + reach, s);
  for (mb_size m = 0; m <= reach; m++)
    mb_simd_here()->product(sum + m * width * wide, wide, in, 1, width, out + (reach - m) * wide, wide,
                            mb_min(width, s->K * s->C - m * width), wide, item->rows, true);
}

static mb_size addition_part(const mb_conv1d *s, const Items *items) {
  const mb_size reach = mb_ceil_div(s->K, s->stride);
  return mb_thread_part(items->rows * s->stride * s->C + (items->rows + reach) * mb_padded_width(s->F));
}

void mb_conv1d_direct_add_weights(mb_real *dw, mb_real *scratch, const mb_real *dy, const uint8_t *argmax,
                                  const mb_real *x, const mb_conv1d *s, const mb_items *items) {
  const Backward b = {dy, argmax, x};
  const mb_size wide = mb_padded_width(s->F), taps = s->K * s->C * wide, part = addition_part(s, items);
  const mb_size groups = mb_min(ADDITIONS, items->count);
  mb_real *sums = scratch + s->threads * part;
#pragma omp parallel num_threads(mb_conv1d_threads(s))
  {
    MB_FLUSH_DENORMALS;
    mb_real *buffer = scratch + omp_get_thread_num() * part;
    MB_SHARE(mb_conv1d_is_small(s), g, groups, {
      memset(sums + g * taps, 0, sizeof(mb_real) * (size_t)taps);
      for (mb_size i = g * items->count / groups; i < (g + 1) * items->count / groups; i++) {
        const Item item = mb_item_at(items, i, mb_conv1d_gradient_rows(s));
        if (wanted(items, i)) add_item(sums + g * taps, buffer, &b, s, &item);
      }
    });
  }
  for (mb_size i = 0; i < s->K * s->C; i++)
    for (mb_size f = 0; f < s->F; f++) {
      double total = (double)dw[i * s->F + f];
      for (mb_size g = 0; g < groups; g++) total += (double)sums[g * taps + i * wide + f];
      dw[i * s->F + f] = (mb_real)total;
    }
}

/* ---- all ------------------------------------------------------------------------------------ */

static mb_size input_scratch(const mb_conv1d *s, const Items *items) {
  return s->threads * input_part(s, items) + s->K * s->F * mb_padded_width(s->C);
}

mb_size mb_conv1d_direct_scratch(const mb_conv1d *s) {
  const Items results = result_items(s), rows = row_items(s), input = gradient_items(s);
  const mb_size threads = s->threads, taps = s->K * s->C * mb_padded_width(s->F);
  const mb_size forward = threads * forward_part(s, &results);
  const mb_size groups = mb_items_groups(&rows);
  const mb_size for_weights = threads * weights_part(s, &rows) + groups * taps + mb_bias_scratch(s, groups);
  return mb_max(forward, mb_max(for_weights, input_scratch(s, &input)));
}

mb_size mb_conv1d_direct_items_scratch(const mb_conv1d *s, const mb_items *results, const mb_items *inputs) {
  const mb_size threads = s->threads, taps = s->K * s->C * mb_padded_width(s->F);
  const mb_size forward = threads * forward_part(s, results);
  const mb_size for_weights = threads * addition_part(s, inputs) + ADDITIONS * taps;
  return mb_max(forward, mb_max(for_weights, input_scratch(s, inputs)));
}

/* Gradients cost more than the result: they are added up in memory. */
double mb_conv1d_direct_cost(const mb_conv1d *s, mb_conv1d_pass pass) {
  const mb_size width = pass == MB_PASS_DX ? s->F * mb_padded_width(s->C) : s->C * mb_padded_width(s->F);
  const double adding = pass == MB_PASS_Y ? 1 : pass == MB_PASS_DX ? 1.1 : 1.25;
  return adding * (double)(s->N * s->L_out * s->K) * (double)width / MB_MAX_LANES;
}

void mb_conv1d_direct_backward(mb_real *dx, mb_real *dw, mb_real *db, mb_real *scratch, const mb_real *dy,
                               const uint8_t *argmax, const mb_real *x, const mb_real *w,
                               const mb_conv1d *s) {
  const Items items = gradient_items(s);
  if (dx) mb_conv1d_direct_input_items(dx, scratch, dy, argmax, w, s, &items);
  if (dw || db) backward_weights(dw, db, scratch, dy, argmax, x, s);
}
