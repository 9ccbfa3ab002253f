/* norm.c - batch and layer normalisation, forward and backward. */
#include "gradient.h"
#include "simd_table.h"

#include <math.h>

#define CHUNK      256  /* channels handled together: their sums and factors fit on the stack and in L1 */
#define STRIP      4096 /* reals before the windows, on the stack and in L1 */
#define FOLD       64   /* narrow rows are laid side by side until they are about this wide */
#define PARTIALS   8192 /* pairs of partial sums on the stack: 128 KiB */
#define MAX_BLOCKS 64
/* Rows that are summed in mb_real before the sum is added to a double: converting each real would cost more
 * than all else. */
#define GROUP_ROWS 16
_Static_assert(STRIP >= CHUNK * GROUP_ROWS, "a strip has a whole group of the widest rows");

/* Up to CHUNK channels of a (rows, C) array. For small C, several rows are read as one of width columns, so
 * that the inner loops stay long: column j then holds channel j % channels, and tail columns are left over.
 */
typedef struct {
  const mb_real *x, *dy;
  const struct Factors *factors; /* per column */
  const mb_real *mean, *inv_sd;  /* per row (layer norm) */
  const mb_epilogue *windows;    /* behind the rows: dy and argmax are of those; or NULL */
  const uint8_t *argmax;
  mb_size channels, width, stride, dy_stride, rows, tail;
} Band;

/* Per column: z = (x - mean) scale + offset and y = z > 0 ? z : slope z; in the backward pass
 * dx = scale (dz - a - (x - mean) b) with dz = dy times the slope at z. */
typedef struct Factors {
  mb_real mean[CHUNK] MB_ALIGNED, scale[CHUNK], offset[CHUNK], a[CHUNK], b[CHUNK];
  mb_real slope;
} Factors;

/* call(slope) with a constant for the usual slopes, so that the compiler drops the others from the loop. */
#define WITH_SLOPE(slope, call)                                                                              \
  do {                                                                                                       \
    if ((slope) == 1)                                                                                        \
      call(1);                                                                                               \
    else if ((slope) == 0)                                                                                   \
      call(0);                                                                                               \
    else                                                                                                     \
      call(slope);                                                                                           \
  } while (0)

/* The gradient before the activation, at z, from dy after it. */
MB_INLINE mb_real before_activation(mb_real dy, mb_real z, mb_real slope) {
  return z > 0 ? dy : mb_below(slope, dy);
}

static Band band(mb_size first, mb_size chunk, mb_size rows, mb_size C, mb_size fold) {
  const mb_size channels = mb_min(chunk, C - first);
  return (Band){.channels = channels,
                .width = channels * fold,
                .stride = C * fold,
                .dy_stride = C * fold,
                .rows = rows / fold,
                .tail = rows % fold * C};
}

static mb_size fold_for(mb_size rows, mb_size C) {
  return mb_max(1, mb_min(rows, FOLD / C));
}

/* Rows per work item, in whole groups: MB_BLOCK elements or more, and at most limit items. */
static mb_size block_rows(const Band *p, mb_size limit) {
  const mb_size rows = mb_max(mb_ceil_div(p->rows, limit), mb_ceil_div(MB_BLOCK, p->width));
  return mb_ceil_div(rows, GROUP_ROWS) * GROUP_ROWS;
}

/* ---- rows in front of windows ----------------------------------------------------------- */

/* The epilogue is pooling alone: normalise() applies the activation. */
static mb_epilogue windows_of(const mb_batch_norm *s) {
  return (mb_epilogue){.rows = s->L,
                       .channels = s->C,
                       .pool = s->pool,
                       .stride = s->pool_stride,
                       .L_pool = s->L_pool,
                       .slope = 1};
}

/* The gradient of rows first, first + 1, ... of all samples end to end. */
static void unpool_rows(mb_real *buffer, const Band *p, mb_size first, mb_size count) {
  const mb_epilogue *e = p->windows;
  for (mb_size done = 0, some; done < count; done += some) {
    const mb_size sample = (first + done) / e->rows, row = (first + done) % e->rows;
    const mb_size at = sample * e->L_pool * e->channels;
    some = mb_min(count - done, e->rows - row);
    mb_unpool_rows(buffer + done * p->channels, p->channels, p->dy + at, p->argmax + at, row, some,
                   p->channels, e);
  }
}

/* Rows r .. r + rows - 1 of the band; with windows, dy is unpooled into the buffer. */
static Band strip(mb_real *buffer, const Band *p, mb_size r, mb_size rows, mb_size width) {
  Band q = *p;
  q.x += r * p->stride;
  if (p->mean) q.mean += r, q.inv_sd += r;
  if (p->windows) {
    unpool_rows(buffer, p, r * (p->width / p->channels), rows * (width / p->channels));
    q.dy = buffer;
    q.dy_stride = width;
  } else if (p->dy) {
    q.dy += r * p->dy_stride;
  }
  return q;
}

/* Rows of a strip: whole groups, so that the order of adding stays the same. */
static mb_size strip_rows(const Band *p, mb_size rows) {
  return p->windows ? mb_min(rows, STRIP / p->width / GROUP_ROWS * GROUP_ROWS) : rows;
}

/* ---- two sums per channel over all rows ------------------------------------------------ */

/* The two sums per column: a += u, b += u v. */
typedef enum {
  MOMENTS,        /* u = v = x - mean, any value near it: that keeps large means from drowning the variance */
  GRADIENTS,      /* u = dz, v = x - mean */
  LAYER_GRADIENTS /* u = dy, v = (x - mean) inv_sd, with the statistics of the row */
} Sums;

typedef struct {
  mb_real u, uv;
} Term;

/* u and u v of row r and column c. */
MB_INLINE Term term(Sums sums, mb_real slope, const Band *restrict p, mb_size r, mb_size c) {
  const Factors *restrict f = p->factors;
  const mb_real x = p->x[r * p->stride + c];
  const mb_real v = sums == LAYER_GRADIENTS ? (x - p->mean[r]) * p->inv_sd[r] : x - f->mean[c];
  mb_real u = sums == MOMENTS ? v : p->dy[r * p->dy_stride + c];
  if (sums == GRADIENTS) u = before_activation(u, v * f->scale[c] + f->offset[c], slope);
  return (Term){u, u * v};
}

/* One row after the other: hardware prefetch does not follow several rows at once. */
MB_INLINE void add_group(double *restrict a, double *restrict b, Sums sums, mb_real slope,
                         const Band *restrict p, mb_size r, mb_size rows, mb_size width) {
  mb_real u[CHUNK] MB_ALIGNED, uv[CHUNK] MB_ALIGNED;
  for (mb_size c = 0; c < width; c++) u[c] = uv[c] = 0;
  for (const mb_size end = r + rows; r < end; r++)
#pragma omp simd
    for (mb_size c = 0; c < width; c++) {
      const Term t = term(sums, slope, p, r, c);
      u[c] += t.u;
      uv[c] += t.uv;
    }
#pragma omp simd
  for (mb_size c = 0; c < width; c++) {
    a[c] += (double)u[c];
    b[c] += (double)uv[c];
  }
}

MB_INLINE void add_groups(double *restrict a, double *restrict b, Sums sums, mb_real slope, const Band *p,
                          mb_size r, mb_size rows, mb_size width) {
  const Band own = *p; /* a copy, which the sums cannot alias */
  for (mb_size some; rows > 0; rows -= some, r += some) {
    some = mb_min(rows, GROUP_ROWS);
    add_group(a, b, sums, slope, &own, r, some, width);
  }
}

MB_CLONES static void add_rows(double *restrict a, double *restrict b, Sums sums, const Band *p, mb_size r,
                               mb_size rows, mb_size width) {
#define ADD_GRADIENTS(slope) add_groups(a, b, GRADIENTS, slope, p, r, rows, width)
  switch (sums) {
  case MOMENTS: add_groups(a, b, MOMENTS, 1, p, r, rows, width); break;
  case GRADIENTS: WITH_SLOPE(p->factors->slope, ADD_GRADIENTS); break;
  case LAYER_GRADIENTS: add_groups(a, b, LAYER_GRADIENTS, 1, p, r, rows, width); break;
  }
}

static void add_block(double *a, double *b, Sums sums, const Band *p, mb_size r, mb_size rows,
                      mb_size width) {
  mb_real buffer[STRIP] MB_ALIGNED;
  for (mb_size some; rows > 0; rows -= some, r += some) {
    some = strip_rows(p, rows);
    const Band q = strip(buffer, p, r, some, width);
    add_rows(a, b, sums, &q, 0, some, width);
  }
}

/* The two sums per channel, over fixed blocks of rows that are merged in order. */
static void column_sums(double *a, double *b, Sums sums, const Band *p) {
  double partial[2 * PARTIALS];
  const mb_size width = p->width;
  const mb_size step = block_rows(p, mb_min(MAX_BLOCKS, PARTIALS / width));
  MB_FOR(mb_threads_for(p->rows * width), r, p->rows, step, {
    double *part = partial + r / step * 2 * width;
    for (mb_size j = 0; j < 2 * width; j++) part[j] = 0;
    add_block(part, part + width, sums, p, r, mb_min(step, p->rows - r), width);
  });
  add_block(partial, partial + width, sums, p, p->rows, 1, p->tail);
  for (mb_size c = 0; c < p->channels; c++) a[c] = b[c] = 0;
  for (mb_size r = 0; r < p->rows; r += step) {
    const double *part = partial + r / step * 2 * width;
    for (mb_size j = 0; j < width; j++) {
      a[j % p->channels] += part[j];
      b[j % p->channels] += part[width + j];
    }
  }
}

/* ---- batch norm ------------------------------------------------------------------------ */

static void update_running(mb_real *running, mb_real batch, mb_real momentum) {
  *running = momentum * *running + (1 - momentum) * batch;
}

/* Mean of 16 values (0 of none): an offset near the mean even if one value is far from all others. */
static mb_real rough_mean(const mb_real *x, mb_size rows, mb_size C) {
  enum { SAMPLES = 16 };
  double sum = 0;
  for (mb_size k = 0; rows > 0 && k < SAMPLES; k++) sum += (double)x[rows * (2 * k + 1) / (2 * SAMPLES) * C];
  return (mb_real)(sum / (double)SAMPLES);
}

void mb_batch_norm_statistics(mb_real *mean, mb_real *var, mb_real *running_mean, mb_real *running_var,
                              const mb_real *x, mb_real momentum, mb_size rows, mb_size C) {
  double sum[CHUNK], square[CHUNK];
  Factors f;
  for (mb_size first = 0; first < C; first += CHUNK) {
    Band p = band(first, CHUNK, rows, C, fold_for(rows, C));
    p.x = x + first;
    p.factors = &f;
    for (mb_size j = 0; j < p.width; j++)
      f.mean[j] = j < p.channels ? rough_mean(p.x + j, rows, C) : f.mean[j - p.channels];
    column_sums(sum, square, MOMENTS, &p);
    for (mb_size c = 0; c < p.channels; c++) {
      const double offset = sum[c] / (double)rows, v = square[c] / (double)rows - offset * offset;
      mean[first + c] = (mb_real)((double)f.mean[c] + offset);
      var[first + c] = (mb_real)(v < 0 ? 0 : v);
      if (running_mean && rows > 0) update_running(&running_mean[first + c], mean[first + c], momentum);
      if (running_var && rows > 0) update_running(&running_var[first + c], var[first + c], momentum);
    }
  }
}

MB_INLINE void normalise_rows(mb_real *restrict y, mb_size ldy, const mb_real *restrict x, mb_size ldx,
                              const Factors *restrict f, mb_real slope, mb_size rows, mb_size width) {
  for (; rows-- > 0; x += ldx, y += ldy)
#pragma omp simd
    for (mb_size c = 0; c < width; c++) {
      const mb_real z = (x[c] - f->mean[c]) * f->scale[c] + f->offset[c];
      y[c] = z < 0 ? mb_below(slope, z) : z;
    }
}

MB_CLONES static void normalise(mb_real *restrict y, mb_size ldy, const mb_real *restrict x, mb_size ldx,
                                const Factors *restrict f, mb_size rows, mb_size width) {
#define NORMALISE(slope) normalise_rows(y, ldy, x, ldx, f, slope, rows, width)
  WITH_SLOPE(f->slope, NORMALISE);
}

MB_INLINE void normalise_rows_backward(mb_real *dx, const mb_real *dy, mb_size dy_stride, const mb_real *x,
                                       mb_size stride, const Factors *restrict f, mb_real slope, mb_size rows,
                                       mb_size width) {
  for (; rows-- > 0; x += stride, dx += stride, dy += dy_stride)
#pragma omp simd
    for (mb_size c = 0; c < width; c++) {
      const mb_real centred = x[c] - f->mean[c];
      const mb_real dz = before_activation(dy[c], centred * f->scale[c] + f->offset[c], slope);
      dx[c] = f->scale[c] * (dz - f->a[c] - centred * f->b[c]);
    }
}

/* dx, which is as far apart as x, may be x or dy. */
MB_CLONES static void normalise_backward(mb_real *dx, const mb_real *dy, mb_size dy_stride, const mb_real *x,
                                         mb_size stride, const Factors *restrict f, mb_size rows,
                                         mb_size width) {
#define NORMALISE_BACKWARD(slope) normalise_rows_backward(dx, dy, dy_stride, x, stride, f, slope, rows, width)
  WITH_SLOPE(f->slope, NORMALISE_BACKWARD);
}

static void map_rows(mb_real *y, const Band *p, mb_size r, mb_size rows, mb_size width) {
  mb_real buffer[STRIP] MB_ALIGNED;
  for (mb_size some; rows > 0; rows -= some, r += some) {
    some = strip_rows(p, rows);
    const Band q = strip(buffer, p, r, some, width);
    if (q.dy)
      normalise_backward(y + r * p->stride, q.dy, q.dy_stride, q.x, q.stride, q.factors, some, width);
    else
      normalise(y + r * p->stride, q.stride, q.x, q.stride, q.factors, some, width);
  }
}

/* y = normalise(x) over the band, or normalise_backward(dy, x) if the band has dy. */
static void map_band(mb_real *y, const Band *p) {
  const mb_size step = block_rows(p, mb_max(p->rows, 1));
  MB_FOR(mb_threads_for(p->rows * p->width), r, p->rows, step,
         map_rows(y, p, r, mb_min(step, p->rows - r), p->width));
  map_rows(y, p, p->rows, 1, p->tail);
}

/* count windows of a sample, the first beginning at x. */
static void apply_windows(mb_real *y, uint8_t *argmax, const mb_real *x, const Band *p, mb_size count) {
  mb_real buffer[STRIP + MB_MAX_LANES] MB_ALIGNED; /* whole vectors are read */
  const mb_size fold = p->width / p->channels, rows = mb_epilogue_input_rows(p->windows, count),
                whole = rows / fold;
  normalise(buffer, p->width, x, p->stride, p->factors, whole, p->width);
  normalise(buffer + whole * p->width, 0, x + whole * p->stride, 0, p->factors, 1, rows % fold * p->channels);
  mb_epilogue_rows(y, argmax, buffer, p->channels, count, p->channels, NULL, p->windows);
}

/* y = the windows of normalise(x) over the band, of N samples. */
static void apply_band(mb_real *y, uint8_t *argmax, const Band *p, mb_size N) {
  const mb_epilogue *e = p->windows;
  const mb_size step = (STRIP / p->channels - e->pool) / e->stride + 1;
  const mb_size per_sample = mb_ceil_div(e->L_pool, step);
  MB_FOR(mb_threads_for(p->rows * p->width), i, N * per_sample, 1, {
    const mb_size n = i / per_sample, j = i % per_sample * step, at = (n * e->L_pool + j) * e->channels;
    apply_windows(y + at, argmax ? argmax + at : NULL, p->x + (n * e->rows + j * e->stride) * e->channels, p,
                  mb_min(step, e->L_pool - j));
  });
}

static double inverse_sd(mb_real var, mb_real epsilon) {
  return 1 / sqrt((double)var + (double)epsilon);
}

static mb_real scale_of(const mb_batch_norm *s, mb_size c) {
  return (mb_real)((s->gamma ? (double)s->gamma[c] : 1) * inverse_sd(s->var[c], s->epsilon));
}

/* Mean, scale and offset of the band's columns, which start at channel first. */
static void set_factors(Factors *f, const Band *p, const mb_batch_norm *s, mb_size first) {
  for (mb_size j = 0; j < p->width; j++) {
    const mb_size c = j % p->channels, at = first + c;
    f->mean[j] = s->mean[at];
    f->scale[j] = j > c ? f->scale[c] : scale_of(s, at);
    f->offset[j] = s->beta ? s->beta[at] : 0;
    f->a[j] = f->b[j] = 0;
  }
}

/* Channels handled together: all rows of a window have to fit into one strip. */
static mb_size chunk_of(const mb_batch_norm *s) {
  return s->pool > 0 ? mb_min(CHUNK, STRIP / s->pool) : CHUNK;
}

void mb_batch_norm_apply(mb_real *y, uint8_t *argmax, const mb_real *x, const mb_batch_norm *s) {
  const mb_epilogue windows = windows_of(s);
  const mb_size rows = s->N * s->L, C = s->C, chunk = chunk_of(s), fold = chunk < C ? 1 : fold_for(rows, C);
  Factors f = {.slope = s->slope};
  for (mb_size first = 0; first < C; first += chunk) {
    Band p = band(first, chunk, rows, C, fold);
    p.x = x + first;
    p.factors = &f;
    set_factors(&f, &p, s, first);
    if (s->pool > 0) {
      p.windows = &windows;
      apply_band(y + first, argmax ? argmax + first : NULL, &p, s->N);
    } else {
      map_band(y + first, &p);
    }
  }
}

void mb_batch_norm_backward(mb_real *dx, mb_real *dgamma, mb_real *dbeta, const mb_real *dy,
                            const uint8_t *argmax, const mb_real *x, bool train, const mb_batch_norm *s) {
  double sum[CHUNK] = {0}, product[CHUNK] = {0};
  const mb_epilogue windows = windows_of(s);
  const mb_size rows = s->N * s->L, C = s->C;
  Factors f = {.slope = s->slope};
  for (mb_size first = 0; first < C; first += CHUNK) {
    Band p = band(first, CHUNK, rows, C, fold_for(rows, C));
    p.x = x + first;
    p.dy = dy + first;
    if (s->pool > 0) p.windows = &windows, p.argmax = argmax + first;
    p.factors = &f;
    set_factors(&f, &p, s, first);
    if (dgamma || dbeta || train) column_sums(sum, product, GRADIENTS, &p);
    for (mb_size c = 0; c < p.channels; c++) {
      const double inv_sd = inverse_sd(s->var[first + c], s->epsilon);
      if (dgamma) dgamma[first + c] = (mb_real)(product[c] * inv_sd);
      if (dbeta) dbeta[first + c] = (mb_real)sum[c];
      for (mb_size j = c; train && j < p.width; j += p.channels) {
        f.a[j] = (mb_real)(sum[c] / (double)rows);
        f.b[j] = (mb_real)(product[c] * inv_sd * inv_sd / (double)rows);
      }
    }
    if (dx) map_band(dx + first, &p);
  }
}

/* ---- layer norm ------------------------------------------------------------------------ */

MB_CLONES static void normalise_row(mb_real *restrict y, mb_real *mean, mb_real *inv_sd,
                                    const mb_real *restrict x, const mb_real *restrict gamma,
                                    const mb_real *restrict beta, mb_real epsilon, mb_size D) {
  double sum = 0, square = 0;
#pragma omp simd reduction(+ : sum, square)
  for (mb_size i = 0; i < D; i++) {
    const double d = (double)x[i] - (double)x[0];
    sum += d;
    square += d * d;
  }
  const double offset = sum / (double)D, var = square / (double)D - offset * offset;
  const mb_real m = (mb_real)((double)x[0] + offset);
  const mb_real scale = (mb_real)(1 / sqrt((var < 0 ? 0 : var) + (double)epsilon));
  for (mb_size i = 0; i < D; i++) y[i] = (x[i] - m) * scale * (gamma ? gamma[i] : 1) + (beta ? beta[i] : 0);
  *mean = m;
  *inv_sd = scale;
}

void mb_layer_norm_forward(mb_real *y, mb_real *mean, mb_real *inv_sd, const mb_real *x, const mb_real *gamma,
                           const mb_real *beta, mb_real epsilon, mb_size rows, mb_size D) {
  MB_FOR(mb_threads_for(rows * D), r, rows, 1,
         normalise_row(y + r * D, mean + r, inv_sd + r, x + r * D, gamma, beta, epsilon, D));
}

/* dx = inv_sd (g - mean of g - x^ mean of g x^), with g = dy gamma and x^ = (x - mean) inv_sd */
MB_CLONES static void normalise_row_backward(mb_real *restrict dx, const mb_real *restrict dy,
                                             const mb_real *restrict x, mb_real mean, mb_real inv_sd,
                                             const mb_real *restrict gamma, mb_size D) {
  double sum = 0, product = 0;
  for (mb_size i = 0; i < D; i++) dx[i] = gamma ? dy[i] * gamma[i] : dy[i];
#pragma omp simd reduction(+ : sum, product)
  for (mb_size i = 0; i < D; i++) {
    sum += (double)dx[i];
    product += (double)dx[i] * ((double)x[i] - (double)mean);
  }
  const mb_real a = (mb_real)(sum / (double)D);
  const mb_real b = (mb_real)(product / (double)D) * inv_sd * inv_sd;
  for (mb_size i = 0; i < D; i++) dx[i] = inv_sd * (dx[i] - a - (x[i] - mean) * b);
}

void mb_layer_norm_backward(mb_real *dx, mb_real *dgamma, mb_real *dbeta, const mb_real *dy, const mb_real *x,
                            const mb_real *mean, const mb_real *inv_sd, const mb_real *gamma, mb_size rows,
                            mb_size D) {
  double sum[CHUNK], product[CHUNK];
  for (mb_size first = 0; first < D && (dgamma || dbeta); first += CHUNK) {
    Band p = band(first, CHUNK, rows, D, 1);
    p.x = x + first;
    p.dy = dy + first;
    p.mean = mean;
    p.inv_sd = inv_sd;
    column_sums(sum, product, LAYER_GRADIENTS, &p);
    for (mb_size c = 0; c < p.channels; c++) {
      if (dgamma) dgamma[first + c] = (mb_real)product[c];
      if (dbeta) dbeta[first + c] = (mb_real)sum[c];
    }
  }
  if (!dx) return;
  MB_FOR(mb_threads_for(rows * D), r, rows, 1,
         normalise_row_backward(dx + r * D, dy + r * D, x + r * D, mean[r], inv_sd[r], gamma, D));
}
