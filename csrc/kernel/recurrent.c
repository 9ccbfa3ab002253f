/* recurrent.c - LSTM and GRU along time: for each step a product with the state before, and the cell, while
 * both are in the cache. */
#include "gradient.h"
#include "simd_table.h"

#include <string.h>

/* Gates that take a part of the state, and of the input, side by side; a GRU keeps one array more. */
static mb_size gates_of(const mb_recurrent *s) {
  return s->kind == MB_LSTM ? 4 : 3;
}
#define KEPT 4

/* Each thread takes the same rows of the batch through all steps: rows do not depend on each other. */
static mb_size rows_of_thread(const mb_recurrent *s) {
  const mb_size work = s->L * s->N * s->U * (s->C + s->U);
  return work < MB_PARALLEL_MIN ? s->N : mb_ceil_div(s->N, s->threads);
}

/* ---- products with a matrix in panels ----------------------------------------------------------- */

static mb_size panels_count(mb_size rows, mb_size columns) {
  return rows * mb_ceil_div(columns, MB_PANEL) * MB_PANEL;
}

/* v = panels of columns of a (rows, columns), or of its transpose, zero behind the last column. */
static void pack(mb_real *v, const mb_real *a, mb_size row, mb_size step, mb_size rows, mb_size columns) {
  for (mb_size j = 0; j < columns; j += MB_PANEL)
    for (mb_size i = 0; i < rows; i++)
      for (mb_size c = j; c < j + MB_PANEL; c++) *v++ = c < columns ? a[i * row + c * step] : 0;
}

/* tanh(z) = 2 sigmoid(2 z) - 1: with the sum of an LSTM's cell gate doubled, one pass makes all gates of all
 * rows. */
static void double_cell_gate(mb_real *panels, mb_size rows, mb_size U) {
  for (mb_size c = 2 * U; c < 3 * U; c++) {
    mb_real *column = panels + c / MB_PANEL * rows * MB_PANEL + c % MB_PANEL;
    for (mb_size i = 0; i < rows; i++) column[i * MB_PANEL] *= 2;
  }
}

/* y (rows, columns) = or += x (rows, depth) times the matrix in panels. */
static void multiply(mb_real *y, const mb_real *x, const mb_real *v, mb_size rows, mb_size columns,
                     mb_size depth, bool add) {
  for (mb_size j = 0; j < columns; j += MB_PANEL, v += depth * MB_PANEL)
    mb_simd_here()->product(y + j, columns, x, depth, 1, v, MB_PANEL, rows, mb_min(MB_PANEL, columns - j),
                            depth, add);
}

/* ---- LSTM (Hochreiter and Schmidhuber 1997; Gers et al. 2000): input, forget, cell, output -------- */

/* c = the cells of some rows; before: those before, which may be c, or NULL. */
MB_CLONES static void lstm_cells(mb_real *c, const mb_real *g, const mb_real *before, mb_size rows,
                                 mb_size U) {
  for (mb_size r = 0; r < rows; r++, c += U, g += 4 * U, before += before ? U : 0)
#pragma omp simd
    for (mb_size u = 0; u < U; u++)
      c[u] = g[U + u] * (before ? before[u] : 0) + g[u] * (2 * g[2 * U + u] - 1);
}

/* h, the tanh of the cells, times the output gates. */
MB_CLONES static void lstm_states(mb_real *restrict h, const mb_real *restrict g, mb_size rows, mb_size U) {
  for (mb_size r = 0; r < rows; r++, h += U, g += 4 * U)
    for (mb_size u = 0; u < U; u++) h[u] *= g[3 * U + u];
}

/* dg: gradients of the sums of the gates; dc: that of the cell, here and then of the step before. */
MB_CLONES static void lstm_row_backward(mb_real *restrict dg, mb_real *restrict dc,
                                        const mb_real *restrict dh, const mb_real *restrict g,
                                        const mb_real *restrict tanh_c, const mb_real *restrict before,
                                        mb_size U) {
  for (mb_size u = 0; u < U; u++) {
    const mb_real in = g[u], forget = g[U + u], value = 2 * g[2 * U + u] - 1, out = g[3 * U + u],
                  t = tanh_c[u];
    const mb_real d = dc[u] + dh[u] * out * (1 - t * t);
    dg[u] = d * value * in * (1 - in);
    dg[U + u] = d * (before ? before[u] : 0) * forget * (1 - forget);
    dg[2 * U + u] = d * in * (1 - value * value);
    dg[3 * U + u] = dh[u] * t * out * (1 - out);
    dc[u] = d * forget;
  }
}

/* ---- GRU (Cho et al. 2014), reset after the product, as cuDNN: update, reset, candidate ----------- */

MB_CLONES static void add_each(mb_real *restrict y, const mb_real *restrict a, const mb_real *restrict b,
                               mb_size count) {
  for (mb_size u = 0; u < count; u++) y[u] = a[u] + b[u];
}

MB_CLONES static void gru_candidate(mb_real *restrict g, const mb_real *restrict x, mb_size U) {
  for (mb_size u = 0; u < U; u++) g[2 * U + u] = x[2 * U + u] + g[U + u] * g[3 * U + u];
}

MB_CLONES static void gru_state(mb_real *restrict h, const mb_real *restrict g,
                                const mb_real *restrict before, mb_size U) {
  for (mb_size u = 0; u < U; u++) {
    const mb_real candidate = g[2 * U + u];
    h[u] = candidate + g[u] * ((before ? before[u] : 0) - candidate);
  }
}

/* g becomes the gates, the candidate, and the product for it; product: of the state before, (3, U). */
static void gru_row(mb_real *h, mb_real *g, const mb_real *x, const mb_real *product, const mb_real *b,
                    const mb_real *before, mb_size U) {
  const mb_simd *simd = mb_simd_here();
  add_each(g, x, product, 2 * U);
  simd->unary(g, MB_SIGMOID, 0, g, 2 * U);
  add_each(g + 3 * U, product + 2 * U, b, U);
  gru_candidate(g, x, U);
  simd->unary(g + 2 * U, MB_TANH, 0, g + 2 * U, U);
  gru_state(h, g, before, U);
}

/* dx, dp: gradients of both products, of the input and of the state; carry: that of the state before, past
 * the product. */
MB_CLONES static void gru_row_backward(mb_real *restrict dx, mb_real *restrict dp, mb_real *restrict carry,
                                       const mb_real *restrict dh, const mb_real *restrict g,
                                       const mb_real *restrict before, mb_size U) {
  for (mb_size u = 0; u < U; u++) {
    const mb_real update = g[u], reset = g[U + u], candidate = g[2 * U + u], state = before ? before[u] : 0;
    const mb_real d = dh[u] * (1 - update) * (1 - candidate * candidate);
    dx[u] = dp[u] = dh[u] * (state - candidate) * update * (1 - update);
    dx[U + u] = dp[U + u] = d * g[3 * U + u] * reset * (1 - reset);
    dx[2 * U + u] = d;
    dp[2 * U + u] = d * reset;
    carry[u] = dh[u] * update;
  }
}

/* ---- forward -------------------------------------------------------------------------------------- */

/* Panels of both weights, the bias; and for each row of the batch two rows of the gates. */
static mb_size forward_scratch(const mb_recurrent *s) {
  const mb_size columns = gates_of(s) * s->U;
  return panels_count(s->C + s->U, columns) + columns + s->N * 2 * columns;
}

typedef struct {
  mb_real *h, *c, *gates;                      /* of all steps, or gates and c of the present one */
  const mb_real *x, *W, *b, *R, *product_bias; /* weights in panels */
} Forward;

/* y (rows, columns) = b + the input of step t times its weights */
static void input_product(mb_real *y, const Forward *f, const mb_recurrent *s, mb_size at, mb_size rows) {
  const mb_size columns = gates_of(s) * s->U;
  for (mb_size r = 0; r < rows; r++) memcpy(y + r * columns, f->b, sizeof(mb_real) * (size_t)columns);
  multiply(y, f->x + at * s->C, f->W, rows, columns, s->C, true);
}

static void lstm_step(const Forward *f, const mb_recurrent *s, mb_size t, mb_size first, mb_size rows) {
  const mb_size U = s->U, at = t * s->N + first, kept = s->keeps ? at : first;
  mb_real *h = f->h + at * U, *g = f->gates + kept * KEPT * U, *c = f->c + kept * U;
  const mb_real *before = t == 0 ? NULL : s->keeps ? c - s->N * U : c;
  input_product(g, f, s, at, rows);
  if (t > 0) multiply(g, h - s->N * U, f->R, rows, 4 * U, U, true);
  mb_simd_here()->unary(g, MB_SIGMOID, 0, g, rows * 4 * U);
  lstm_cells(c, g, before, rows, U);
  mb_simd_here()->unary(h, MB_TANH, 0, c, rows * U);
  lstm_states(h, g, rows, U);
}

static void gru_step(const Forward *f, mb_real *x, const mb_recurrent *s, mb_size t, mb_size first,
                     mb_size rows) {
  const mb_size U = s->U, columns = 3 * U, at = t * s->N + first;
  mb_real *h = f->h + at * U, *g = f->gates + (s->keeps ? at : first) * KEPT * U,
          *product = x + rows * columns;
  const mb_real *before = t > 0 ? h - s->N * U : NULL;
  input_product(x, f, s, at, rows);
  if (before)
    multiply(product, before, f->R, rows, columns, U, false);
  else
    memset(product, 0, sizeof(mb_real) * (size_t)(rows * columns));
  for (mb_size r = 0; r < rows; r++)
    gru_row(h + r * U, g + r * KEPT * U, x + r * columns, product + r * columns, f->product_bias,
            before ? before + r * U : NULL, U);
}

void mb_recurrent_forward(mb_real *h, mb_real *c, mb_real *gates, void *scratch, const mb_real *x,
                          const mb_real *W, const mb_real *b, const mb_real *R, const mb_real *product_bias,
                          const mb_recurrent *s) {
  const mb_size U = s->U, columns = gates_of(s) * U, block = rows_of_thread(s);
  mb_real *of_x = scratch, *of_h = of_x + panels_count(s->C, columns);
  mb_real *bias = of_h + panels_count(U, columns), *spare = bias + columns;
  pack(of_x, W, columns, 1, s->C, columns);
  pack(of_h, R, columns, 1, U, columns);
  memcpy(bias, b, sizeof(mb_real) * (size_t)columns);
  if (s->kind == MB_LSTM) {
    double_cell_gate(of_x, s->C, U), double_cell_gate(of_h, U, U);
    for (mb_size u = 2 * U; u < 3 * U; u++) bias[u] *= 2;
  }
  const Forward f = {h, c, gates, x, of_x, bias, of_h, product_bias};
  MB_FOR(block < s->N ? s->threads : 1, first, s->N, block, {
    MB_FLUSH_DENORMALS;
    const mb_size rows = mb_min(block, s->N - first);
    for (mb_size t = 0; t < s->L; t++)
      if (s->kind == MB_LSTM)
        lstm_step(&f, s, t, first, rows);
      else
        gru_step(&f, spare + first * 2 * columns, s, t, first, rows);
  });
}

/* ---- backward ------------------------------------------------------------------------------------- */

static mb_size backward_scratch(const mb_recurrent *s) {
  const mb_size columns = gates_of(s) * s->U, products = s->kind == MB_GRU ? s->L * s->N * columns : 0;
  return panels_count(columns, s->U) + s->N * 3 * s->U + products;
}

typedef struct {
  mb_real *dz, *dp;
  const mb_real *dh, *h, *c, *gates, *panels;
} Backward;

/* Step t of some rows. state: gradient of the state; carry: of the cell (LSTM) or past the product (GRU). */
static void backward_step(const Backward *g, mb_real *state, mb_real *carry, mb_real *spare,
                          const mb_recurrent *s, mb_size t, mb_size first, mb_size rows) {
  const mb_size U = s->U, columns = gates_of(s) * U, at = t * s->N + first;
  const mb_size size = rows * U;
  const bool is_gru = s->kind == MB_GRU;
  memcpy(state, g->dh + at * U, sizeof(mb_real) * (size_t)size);
  if (is_gru)
    for (mb_size i = 0; i < size; i++) state[i] += carry[i];
  if (t + 1 < s->L) multiply(state, g->dp + (at + s->N) * columns, g->panels, rows, U, columns, true);
  for (mb_size r = 0; r < rows; r++) {
    const mb_size i = at + r, before = i - s->N;
    const mb_real *gates = g->gates + i * KEPT * U;
    if (is_gru) {
      gru_row_backward(g->dz + i * columns, g->dp + i * columns, carry + r * U, state + r * U, gates,
                       t > 0 ? g->h + before * U : NULL, U);
      continue;
    }
    mb_simd_here()->unary(spare, MB_TANH, 0, g->c + i * U, U);
    lstm_row_backward(g->dz + i * columns, carry + r * U, state + r * U, gates, spare,
                      t > 0 ? g->c + before * U : NULL, U);
  }
}

/* db (U) = the sum over all steps of the gradient of the candidate's product. */
static void sum_bias(mb_real *db, const mb_real *dp, const mb_recurrent *s) {
  const mb_size U = s->U;
  MB_FOR(mb_threads_for(s->L * s->N * U), u, U, MB_MAX_LANES, {
    double sum[MB_MAX_LANES] = {0};
    const mb_size count = mb_min(MB_MAX_LANES, U - u);
    for (mb_size i = 0; i < s->L * s->N; i++)
      for (mb_size l = 0; l < count; l++) sum[l] += (double)dp[(3 * i + 2) * U + u + l];
    for (mb_size l = 0; l < count; l++) db[u + l] = (mb_real)sum[l];
  });
}

void mb_recurrent_backward(mb_real *dz, mb_real *dR, mb_real *db, void *scratch, const mb_real *dh,
                           const mb_real *h, const mb_real *c, const mb_real *gates, const mb_real *R,
                           const mb_recurrent *s) {
  const mb_size U = s->U, columns = gates_of(s) * U, block = rows_of_thread(s);
  mb_real *panels = scratch, *work = panels + panels_count(columns, U);
  mb_real *dp = s->kind == MB_GRU ? work + s->N * 3 * U : dz;
  pack(panels, R, 1, columns, columns, U);
  const Backward g = {dz, dp, dh, h, c, gates, panels};
  MB_FOR(block < s->N ? s->threads : 1, first, s->N, block, {
    MB_FLUSH_DENORMALS;
    const mb_size rows = mb_min(block, s->N - first);
    mb_real *state = work + first * 3 * U, *carry = state + rows * U, *spare = carry + rows * U;
    memset(carry, 0, sizeof(mb_real) * (size_t)(rows * U));
    for (mb_size t = s->L - 1; t >= 0; t--) backward_step(&g, state, carry, spare, s, t, first, rows);
  });
  if (dR && s->L > 1)
    mb_matmul(dR, true, false, U, columns, (s->L - 1) * s->N, 1, h, dp + s->N * columns, 0);
  else if (dR)
    memset(dR, 0, sizeof(mb_real) * (size_t)(U * columns));
  if (db && s->kind == MB_GRU) sum_bias(db, dp, s);
}

size_t mb_recurrent_scratch_bytes(const mb_recurrent *s) {
  return (size_t)mb_max(forward_scratch(s), backward_scratch(s)) * sizeof(mb_real);
}
