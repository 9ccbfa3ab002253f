/* conv1d_lanes.c - convolution of narrow groups of channels, lane by lane: each lane of a vector is an output
 * channel, and the inputs of its group come as vectors of their own. */
#include "conv1d_parts.h"

#include <omp.h>

#define LANES     MB_MAX_LANES
#define MAX_INNER 64 /* inputs of a group (NARROW of conv1d.c) */

/* Rows of an item at most, times the inputs of a group: they stay in L1. Columns are written one after the
 * other: 48 rows of 8 inputs, 512 bytes apart, and those that a kernel reaches beyond are the 64 lines that
 * such rows have in 32 KB of 8 ways. */
#define L1_REALS 384

/* Rows of `in` channels make rows of `out` channels. Each output channel sums over the `inner` inputs of its
 * group, which has `outer` outputs. */
typedef struct {
  mb_size in, out, inner, outer;
} Side;

static Side forward_side(const mb_conv1d *s) {
  return (Side){s->C, s->F, mb_group_inputs(s), mb_group_filters(s)};
}
static Side backward_side(const mb_conv1d *s) {
  return (Side){s->F, s->C, mb_group_filters(s), mb_group_inputs(s)};
}

/* Columns c .. c + LANES - 1 of the output read, for each of the inner inputs, a vector of rows first ..
 * first + count - 1 of x (rows, in), zero outside. They are in buffer (count, inner, LANES) unless they can
 * be read in place. */
static const mb_real *columns_of(mb_real *buffer, mb_size *ld, const mb_real *x, mb_size rows, mb_size first,
                                 mb_size count, const Side *side, mb_size c) {
  *ld = side->in;
  if (side->inner == 1 && side->outer == 1 && c + LANES <= side->in && first >= 0 && first + count <= rows)
    return x + first * side->in + c;
  *ld = side->inner * LANES;
  int at[MAX_INNER * LANES];
  for (mb_size j = 0; j < side->inner; j++)
    for (mb_size l = 0; l < LANES; l++)
      at[j * LANES + l] = (int)(mb_min(c + l, side->out - 1) / side->outer * side->inner + j);
  const mb_size before = mb_min(mb_max(-first, 0), count);
  const mb_size inside = mb_max(mb_min(first + count, rows) - (first + before), 0);
  const size_t row = sizeof(mb_real) * (size_t)*ld;
  memset(buffer, 0, row * (size_t)before);
  if (inside > 0)
    mb_simd_here()->spread_columns(buffer + before * *ld, x + (first + before) * side->in, side->in, inside,
                                   side->inner, at);
  memset(buffer + (before + inside) * *ld, 0, row * (size_t)(count - before - inside));
  return buffer;
}

/* y (count, ldy apart, LANES) = the sum over taps, `apart` rows of x apart, and inner inputs; rows of y are
 * `step` rows of x apart. w is (taps, inner, LANES). */
static void multiply(mb_real *y, mb_size ldy, const mb_real *x, mb_size ld, mb_size step, mb_size apart,
                     const mb_real *w, mb_size taps, mb_size inner, mb_size count) {
  const mb_simd *simd = mb_simd_here();
  if (inner > 1 && apart * ld == inner * LANES)
    simd->lanewise(y, ldy, x, step * ld, LANES, w, LANES, count, taps * inner, false);
  else
    for (mb_size j = 0; j < inner; j++)
      simd->lanewise(y, ldy, x + j * LANES, step * ld, apart * ld, w + j * LANES, inner * LANES, count, taps,
                     j > 0);
}

static mb_size chunks_of(mb_size channels) {
  return mb_ceil_div(channels, LANES);
}

/* ---- forward ---------------------------------------------------------------------------------- */

static mb_items result_items(const mb_conv1d *s) {
  const mb_size least = MB_ITEM_REALS / L1_REALS * mb_group_inputs(s);
  return mb_items_cut(s->N, mb_conv1d_results(s), mb_max(s->F, least) * mb_max(s->pool_stride, 1));
}

static mb_size columns_buffer(const mb_conv1d *s, mb_size rows) {
  return mb_conv1d_input_rows(s, rows) * mb_group_inputs(s) * LANES;
}

static mb_size forward_part(const mb_conv1d *s, const mb_items *items) {
  const mb_size rows = mb_conv1d_rows(s, items->rows);
  return mb_thread_part(columns_buffer(s, rows) + rows * mb_padded_width(s->F));
}

/* v (chunks, K, inner, LANES) = the filters of each chunk, zero behind the last one. */
static void pack(mb_real *v, const mb_real *w, const mb_conv1d *s) {
  for (mb_size c = 0; c < s->F; c += LANES)
    for (mb_size k = 0; k < s->K * mb_group_inputs(s); k++)
      for (mb_size f = c; f < c + LANES; f++) *v++ = f < s->F ? w[k * s->F + f] : 0;
}

typedef struct {
  mb_real *y;
  uint8_t *argmax;
  const mb_real *x, *v, *b;
  mb_epilogue epilogue;
} Forward;

static void forward_item(const Forward *f, mb_real *buffer, const mb_conv1d *s, const mb_items *items,
                         mb_size i) {
  const mb_item item = mb_item_at(items, i, mb_conv1d_results(s));
  const Side side = forward_side(s);
  const mb_size first = item.first * mb_max(s->pool_stride, 1), count = mb_conv1d_rows(s, item.rows);
  const mb_size out = (item.sample * mb_conv1d_results(s) + item.first) * s->F, wide = mb_padded_width(s->F);
  mb_real *columns = buffer, *rows = buffer + columns_buffer(s, mb_conv1d_rows(s, items->rows));
  if (s->pool == 0 && wide == s->F) rows = f->y + out;
  for (mb_size c = 0; c < s->F; c += LANES) {
    mb_size ld;
    const mb_real *x = columns_of(columns, &ld, f->x + item.sample * s->L * s->C, s->L,
                                  first * s->stride - s->pad_left, mb_conv1d_input_rows(s, count), &side, c);
    multiply(rows + c, wide, x, ld, s->stride, s->dilation, f->v + c * s->K * side.inner, s->K, side.inner,
             count);
  }
  mb_epilogue_rows(f->y + out, f->argmax ? f->argmax + out : NULL, rows, wide, item.rows, s->F, f->b,
                   &f->epilogue);
}

void mb_conv1d_lanes_forward(mb_real *y, uint8_t *argmax, mb_real *scratch, const mb_real *x,
                             const mb_real *w, const mb_real *b, const mb_conv1d *s) {
  const mb_items items = result_items(s);
  const mb_size part = forward_part(s, &items);
  mb_real *v = scratch + s->threads * part;
  pack(v, w, s);
  const Forward f = {y, argmax, x, v, b, mb_conv1d_epilogue(s)};
#pragma omp parallel num_threads(mb_conv1d_threads(s))
  {
    MB_FLUSH_DENORMALS;
    mb_real *buffer = scratch + omp_get_thread_num() * part;
    MB_SHARE(mb_conv1d_is_small(s), i, items.count, forward_item(&f, buffer, s, &items, i));
  }
}

/* ---- gradient of the input ---------------------------------------------------------------------- */

/* Position u = j stride + p of the padded input takes dy[j - m] times tap k, for each k with k dilation =
 * m stride + p. The taps for one p, a chain, are `chains` apart, and their rows of dy `apart`. */
typedef struct {
  mb_size chains, first, apart; /* first: the last tap of the first chain */
} Chains;

static Chains chains_of(const mb_conv1d *s) {
  mb_size a = s->stride, b = s->dilation;
  while (b > 0) {
    const mb_size rest = a % b;
    a = b, b = rest;
  }
  const mb_size chains = s->stride / a;
  return (Chains){chains, mb_max(s->K - chains, 0), s->dilation / a};
}

/* v (chunks, K, inner, LANES): for each chain its taps in reverse order. */
static void pack_chains(mb_real *v, const mb_real *w, const mb_conv1d *s) {
  const Chains chains = chains_of(s);
  const mb_size C = mb_group_inputs(s), F = mb_group_filters(s);
  for (mb_size first = 0; first < s->C; first += LANES)
    for (mb_size chain = chains.first; chain < s->K; chain++)
      for (mb_size k = chain; k >= 0; k -= chains.chains)
        for (mb_size i = 0; i < F; i++)
          for (mb_size c = first; c < first + LANES; c++)
            *v++ = c < s->C ? w[(k * C + c % C) * s->F + c / C * F + i] : 0;
}

static mb_items gradient_items(const mb_conv1d *s) {
  return mb_items_cut(s->N, mb_conv1d_gradient_rows(s),
                      mb_max(s->stride * s->C, MB_ITEM_REALS / L1_REALS * mb_group_filters(s)));
}

/* Unpooled rows, their columns, and a result of LANES columns. */
static mb_size input_part(const mb_conv1d *s, const mb_items *items) {
  const mb_size rows = items->rows + mb_conv1d_longest_delay(s);
  return mb_thread_part(rows * (s->F + mb_group_filters(s) * LANES) + items->rows * LANES);
}

typedef struct {
  mb_real *dx;
  const mb_real *dy, *v;
  const uint8_t *argmax;
} Input;

/* Columns c .. of the item's positions of dx (L, C); in is dy from row item.first - longest_delay on. */
static void input_columns(mb_real *dx, mb_real *buffer, const mb_real *in, mb_size ld, const mb_real *v,
                          mb_size c, const mb_conv1d *s, const mb_item *item) {
  const Chains chains = chains_of(s);
  const mb_size end = item->first + item->rows, inner = mb_group_filters(s),
                columns = mb_min(LANES, s->C - c);
  for (mb_size chain = chains.first; chain < s->K; chain++) {
    const mb_size delay = chain * s->dilation / s->stride, p = chain * s->dilation % s->stride;
    const mb_size taps = chain / chains.chains + 1;
    const mb_size from = mb_max(mb_ceil_div(s->pad_left - p, s->stride), item->first);
    const mb_size to = mb_min(mb_ceil_div(s->L + s->pad_left - p, s->stride), end);
    mb_real *y = dx + (from * s->stride + p - s->pad_left) * s->C + c;
    const bool is_whole = columns == LANES;
    if (from < to) {
      multiply(is_whole ? y : buffer, is_whole ? s->stride * s->C : LANES,
               in + (from - item->first + mb_conv1d_longest_delay(s) - delay) * ld, ld, 1, chains.apart, v,
               taps, inner, to - from);
      for (mb_size i = 0; !is_whole && i < to - from; i++)
        memcpy(y + i * s->stride * s->C, buffer + i * LANES, sizeof(mb_real) * (size_t)columns);
    }
    v += taps * inner * LANES;
  }
}

static void input_item(const Input *g, mb_real *buffer, const mb_conv1d *s, const mb_items *items,
                       mb_size i) {
  const mb_item item = mb_item_at(items, i, mb_conv1d_gradient_rows(s));
  const Side side = backward_side(s);
  const mb_size count = item.rows + mb_conv1d_longest_delay(s),
                most = items->rows + mb_conv1d_longest_delay(s);
  mb_real *dx = g->dx + item.sample * s->L * s->C, *columns = buffer + most * s->F;
  mb_real *result = columns + most * side.inner * LANES;
  const mb_size low = mb_max(item.first * s->stride - s->pad_left, 0);
  const mb_size high = mb_min((item.first + item.rows) * s->stride - s->pad_left, s->L);
  if (low >= high) return;
  if (mb_min(chains_of(s).chains, s->K) < s->stride) /* some positions are under no tap */
    memset(dx + low * s->C, 0, sizeof(mb_real) * (size_t)((high - low) * s->C));
  const mb_real *dy = g->dy + item.sample * s->L_out * s->F;
  mb_size rows = s->L_out, first = item.first - mb_conv1d_longest_delay(s);
  if (s->pool > 0) {
    dy = mb_conv1d_gradient(buffer, s->F, g->dy, g->argmax, &item, first, count, s);
    rows = count, first = 0;
  }
  for (mb_size c = 0; c < s->C; c += LANES) {
    mb_size ld;
    const mb_real *in = columns_of(columns, &ld, dy, rows, first, count, &side, c);
    input_columns(dx, result, in, ld, g->v + c * s->K * side.inner, c, s, &item);
  }
}

static void backward_input(const Input *g, mb_real *scratch, mb_size part, const mb_items *items,
                           const mb_conv1d *s) {
#pragma omp parallel num_threads(mb_conv1d_threads(s))
  {
    MB_FLUSH_DENORMALS;
    mb_real *buffer = scratch + omp_get_thread_num() * part;
    MB_SHARE(mb_conv1d_is_small(s), i, items->count, input_item(g, buffer, s, items, i));
  }
}

/* ---- gradient of the weights -------------------------------------------------------------------- */

static mb_items row_items(const mb_conv1d *s) {
  return mb_items_cut(s->N, s->L_out, mb_max(s->F, MB_ITEM_REALS / L1_REALS * mb_group_inputs(s)));
}

static mb_size weights_part(const mb_conv1d *s, const mb_items *items) {
  return mb_thread_part(columns_buffer(s, items->rows) + items->rows * mb_padded_width(s->F));
}

static mb_size taps_of(const mb_conv1d *s) {
  return chunks_of(s->F) * s->K * mb_group_inputs(s) * LANES;
}

typedef struct {
  const mb_real *dy, *x;
  const uint8_t *argmax;
} Weights;

/* sum (chunks, K, inner, LANES) += the gradient from one item. */
static void add_item(mb_real *sum, mb_real *buffer, const Weights *g, const mb_conv1d *s,
                     const mb_items *items, mb_size i) {
  const mb_item item = mb_item_at(items, i, s->L_out);
  const Side side = forward_side(s);
  const mb_size wide = mb_padded_width(s->F), inner = side.inner;
  const mb_real *dy = mb_conv1d_gradient(buffer + columns_buffer(s, items->rows), wide, g->dy, g->argmax,
                                         &item, item.first, item.rows, s);
  for (mb_size c = 0; c < s->F; c += LANES, sum += s->K * inner * LANES) {
    mb_size ld;
    const mb_real *x =
        columns_of(buffer, &ld, g->x + item.sample * s->L * s->C, s->L, item.first * s->stride - s->pad_left,
                   mb_conv1d_input_rows(s, item.rows), &side, c);
    for (mb_size j = 0; j < inner; j++)
      mb_simd_here()->lanewise(sum + j * LANES, inner * LANES, x + j * LANES, s->dilation * ld,
                               s->stride * ld, dy + c, wide, s->K, item.rows, true);
  }
}

static void backward_weights(mb_real *dw, mb_real *scratch, const Weights *g, const mb_conv1d *s) {
  const mb_items items = row_items(s);
  const mb_size groups = mb_items_groups(&items), part = weights_part(s, &items), taps = taps_of(s);
  mb_real *sums = scratch + s->threads * part;
#pragma omp parallel num_threads(mb_conv1d_threads(s))
  {
    MB_FLUSH_DENORMALS;
    mb_real *buffer = scratch + omp_get_thread_num() * part;
    MB_SHARE(mb_conv1d_is_small(s), group, groups, {
      memset(sums + group * taps, 0, sizeof(mb_real) * (size_t)taps);
      for (mb_size i = group * items.count / groups; i < (group + 1) * items.count / groups; i++)
        add_item(sums + group * taps, buffer, g, s, &items, i);
    });
  }
  const mb_size rows = s->K * mb_group_inputs(s);
  for (mb_size k = 0; k < rows; k++)
    for (mb_size f = 0; f < s->F; f++) {
      double total = 0;
      for (mb_size group = 0; group < groups; group++)
        total += (double)sums[group * taps + (f / LANES * rows + k) * LANES + f % LANES];
      dw[k * s->F + f] = (mb_real)total;
    }
}

/* ---- all ---------------------------------------------------------------------------------------- */

/* A convolution with the same gradient of the bias, which depends neither on taps nor on channels of x. */
static mb_conv1d bias_alone(const mb_conv1d *s) {
  mb_conv1d r = *s;
  r.C = r.K = r.groups = 1;
  return r;
}

mb_size mb_conv1d_lanes_scratch(const mb_conv1d *s) {
  const mb_items results = result_items(s), input = gradient_items(s), rows = row_items(s);
  const mb_size filters = mb_max(taps_of(s), chunks_of(s->C) * s->K * mb_group_filters(s) * LANES);
  const mb_size forward = s->threads * forward_part(s, &results) + filters;
  const mb_size for_input = s->threads * input_part(s, &input) + filters;
  const mb_size for_weights = s->threads * weights_part(s, &rows) + mb_items_groups(&rows) * taps_of(s);
  const mb_conv1d bias = bias_alone(s);
  return mb_max(mb_max(forward, mb_conv1d_direct_scratch(&bias)), mb_max(for_input, for_weights));
}

void mb_conv1d_lanes_backward(mb_real *dx, mb_real *dw, mb_real *db, mb_real *scratch, const mb_real *dy,
                              const uint8_t *argmax, const mb_real *x, const mb_real *w, const mb_conv1d *s) {
  if (dx) {
    const mb_items items = gradient_items(s);
    const mb_size part = input_part(s, &items);
    mb_real *v = scratch + s->threads * part;
    pack_chains(v, w, s);
    backward_input(&(Input){dx, dy, v, argmax}, scratch, part, &items, s);
  }
  if (dw) backward_weights(dw, scratch, &(Weights){dy, x, argmax}, s);
  if (db) {
    const mb_conv1d bias = bias_alone(s);
    mb_conv1d_direct_backward(NULL, NULL, db, scratch, dy, argmax, x, w, &bias);
  }
}
