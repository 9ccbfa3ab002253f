/* reduce.c - sums, moments and extremes along one axis, or of everything. */
#include "internal.h"

#include <math.h>

/* A tile of at most WIDTH columns is folded at a time, its rows in up to PARTS fixed parts whose
 * results are merged in order. With at least PARTS tiles the threads share tiles, else parts. */
#define WIDTH 128
#define PARTS 64

/* Columns of x: rows are stride apart; after every D rows, jump reals are skipped. */
typedef struct {
  const mb_real *x;
  mb_size start; /* of its results */
  mb_size rows, D, jump, stride, width;
  int threads;
} tile;

typedef enum { TOTAL, SQUARES, LEAST, GREATEST } fold_op;

/* NaN wins: x takes over when it is NaN, and nothing compares with a NaN that is there. */
MB_INLINE double fold(fold_op op, double sum, double x, double shift) {
  switch (op) {
  case TOTAL: return sum + x;
  case SQUARES: return sum + (x - shift) * (x - shift);
  case LEAST: return ((x < sum) | (x != x)) ? x : sum;
  case GREATEST: return ((x > sum) | (x != x)) ? x : sum;
  }
  return 0;
}

/* Four rows at a time: a quarter of the loads and stores of sums. */
MB_CLONES static void add_rows(double *restrict sum, const mb_real *restrict x, mb_size rows, mb_size stride,
                               mb_size width) {
  for (; rows >= 4; rows -= 4, x += 4 * stride) {
#pragma omp simd
    for (mb_size j = 0; j < width; j++)
      sum[j] +=
          ((double)x[j] + (double)x[stride + j]) + ((double)x[2 * stride + j] + (double)x[3 * stride + j]);
  }
  for (; rows > 0; rows--, x += stride) {
#pragma omp simd
    for (mb_size j = 0; j < width; j++) sum[j] += (double)x[j];
  }
}

MB_INLINE void each_row(double *sum, fold_op op, const double *shift, const mb_real *x, mb_size rows,
                        mb_size stride, mb_size width) {
  for (mb_size i = 0; i < rows; i++) {
#pragma omp simd
    for (mb_size j = 0; j < width; j++) sum[j] = fold(op, sum[j], (double)x[i * stride + j], shift[j]);
  }
}

MB_CLONES static void fold_rows(double *sum, fold_op op, const double *shift, const mb_real *x, mb_size rows,
                                mb_size stride, mb_size width) {
  switch (op) {
  case TOTAL: add_rows(sum, x, rows, stride, width); break;
  case SQUARES: each_row(sum, SQUARES, shift, x, rows, stride, width); break;
  case LEAST: each_row(sum, LEAST, shift, x, rows, stride, width); break;
  case GREATEST: each_row(sum, GREATEST, shift, x, rows, stride, width); break;
  }
}

static void merge(double *result, fold_op op, const double *part, mb_size width) {
  for (mb_size j = 0; j < width; j++) result[j] = fold(op == SQUARES ? TOTAL : op, result[j], part[j], 0);
}

/* Contiguous rows can be read as fewer, wider ones: returns how many to lay side by side, so that folding
 * them together at the end costs less than it saves. */
static mb_size rows_abreast(const tile *t) {
  return t->width == t->stride ? mb_max(1, mb_min(WIDTH / t->width, t->D / 8)) : 1;
}

static void repeat(double *values, mb_size width, mb_size times) {
  for (mb_size j = width; j < times * width; j++) values[j] = values[j - width];
}

/* Folds rows first..last-1 of the tile into result (width); mean (width) is for SQUARES. */
static void fold_part(double *result, fold_op op, const double *mean, const tile *t, mb_size first,
                      mb_size last) {
  const mb_size abreast = rows_abreast(t), width = t->width;
  double shift[WIDTH], sum[WIDTH];
  for (mb_size j = 0; j < abreast * width; j++)
    sum[j] = op == LEAST ? INFINITY : op == GREATEST ? -INFINITY : 0;
  if (op == SQUARES) {
    for (mb_size j = 0; j < width; j++) shift[j] = mean[j];
    repeat(shift, width, abreast);
  }
  for (mb_size i = first, run; i < last; i += run) {
    run = mb_min(t->D - i % t->D, last - i);
    const mb_real *x = t->x + i / t->D * t->jump + i % t->D * t->stride;
    const mb_size wide = run / abreast;
    fold_rows(sum, op, shift, x, wide, t->stride * abreast, width * abreast);
    fold_rows(sum, op, shift, x + wide * abreast * t->stride, 1, 0, (run - wide * abreast) * width);
  }
  for (mb_size j = 0; j < width; j++) result[j] = sum[j];
  for (mb_size k = 1; k < abreast; k++) merge(result, op, sum + k * width, width);
}

static mb_size part_rows(const tile *t) {
  const mb_size parts = mb_min(PARTS, mb_ceil_div(t->rows * t->width, MB_BLOCK));
  return mb_ceil_div(t->rows, mb_max(parts, 1));
}

static void fold_tile(double *result, fold_op op, const double *mean, const tile *t) {
  double partial[PARTS][WIDTH];
  const mb_size size = part_rows(t);
  fold_part(result, op, mean, t, 0, size < t->rows ? 0 : t->rows);
  if (size >= t->rows) return;
  MB_FOR(t->threads, i, t->rows, size,
         fold_part(partial[i / size], op, mean, t, i, mb_min(i + size, t->rows)));
  for (mb_size i = 0; i < t->rows; i += size) merge(result, op, partial[i / size], t->width);
}

MB_INLINE bool is_found(double x, double extreme) {
  return (x == extreme) | (x != x);
}

/* at[j] = the first of the rows first..last-1, of a tile without jumps, that holds extreme[j] or NaN;
 * last if none does. */
MB_CLONES static void find_rows(mb_size *at, const double *extreme, const mb_real *x, mb_size first,
                                mb_size last, mb_size stride, mb_size width) {
  if (width == 1) {
    for (*at = first; *at < last && !is_found(x[*at * stride], *extreme);) ++*at;
    return;
  }
  for (mb_size j = 0; j < width; j++) at[j] = last;
  for (mb_size i = last - 1; i >= first; i--)
    for (mb_size j = 0; j < width; j++) at[j] = is_found(x[i * stride + j], extreme[j]) ? i : at[j];
}

static void find_in_tile(mb_size *at, const double *extreme, const tile *t) {
  mb_size partial[PARTS][WIDTH];
  const mb_size size = part_rows(t);
  MB_FOR(t->threads, i, t->rows, size,
         find_rows(partial[i / size], extreme, t->x, i, mb_min(i + size, t->rows), t->stride, t->width));
  for (mb_size j = 0; j < t->width; j++) {
    at[j] = 0;
    for (mb_size i = 0, end = 0; i < t->rows && at[j] == end; i = end) {
      end = mb_min(i + size, t->rows);
      at[j] = partial[i / size][j];
    }
  }
}

/* ---- functions of the header --------------------------------------------------------- */

static mb_size tile_count(const mb_size sizes[5]) {
  return sizes[4] * sizes[2] * mb_ceil_div(sizes[0], WIDTH);
}

/* Axes 1 and 3 of sizes, counted from the last one, are folded. */
static tile make_tile(const mb_real *x, const mb_size sizes[5], mb_size number) {
  const mb_size tiles = mb_ceil_div(sizes[0], WIDTH), row = number / tiles, column = number % tiles * WIDTH;
  const mb_size outer = row / sizes[2], middle = row % sizes[2];
  const mb_size run = sizes[1] * sizes[0], jump = sizes[2] * run, rows = sizes[3] * sizes[1];
  return (tile){.x = x + outer * sizes[3] * jump + middle * run + column,
                .start = row * sizes[0] + column,
                .rows = rows,
                .D = sizes[1],
                .jump = jump,
                .stride = sizes[0],
                .width = mb_min(WIDTH, sizes[0] - column),
                .threads = tile_count(sizes) < PARTS ? mb_threads_for(rows * sizes[0]) : 1};
}

static int tile_threads(const mb_size sizes[5]) {
  const mb_size tiles = tile_count(sizes);
  return tiles < PARTS ? 1 : mb_threads_for(tiles * sizes[3] * sizes[1] * mb_min(WIDTH, sizes[0]));
}

static void mean_of_tile(double *mean, const tile *t) {
  fold_tile(mean, TOTAL, NULL, t);
  for (mb_size j = 0; j < t->width; j++) mean[j] /= (double)t->rows;
}

/* The variances, and the means for them. */
static void variance_of_tile(double *variance, double *mean, const tile *t, mb_size ddof) {
  mean_of_tile(mean, t);
  fold_tile(variance, SQUARES, mean, t);
  for (mb_size j = 0; j < t->width; j++) variance[j] /= (double)(t->rows - ddof);
}

static void reduce_tile(mb_real *y, mb_reduce_op op, const tile *t, mb_size ddof) {
  double result[WIDTH], mean[WIDTH];
  mb_size at[WIDTH];
  switch (op) {
  case MB_SUM: fold_tile(result, TOTAL, NULL, t); break;
  case MB_MEAN: mean_of_tile(result, t); break;
  case MB_VAR:
  case MB_STD: variance_of_tile(result, mean, t, ddof); break;
  case MB_MIN:
  case MB_ARGMIN: fold_tile(result, LEAST, NULL, t); break;
  case MB_MAX:
  case MB_ARGMAX: fold_tile(result, GREATEST, NULL, t); break;
  }
  if (op == MB_ARGMIN || op == MB_ARGMAX) {
    find_in_tile(at, result, t);
    for (mb_size j = 0; j < t->width; j++) result[j] = (double)at[j];
  }
  for (mb_size j = 0; j < t->width; j++) y[j] = (mb_real)(op == MB_STD ? sqrt(result[j]) : result[j]);
}

static void reduce_axes(mb_real *y, mb_reduce_op op, const mb_real *x, const mb_size sizes[5], mb_size ddof) {
  MB_FOR(tile_threads(sizes), i, tile_count(sizes), 1, {
    const tile t = make_tile(x, sizes, i);
    reduce_tile(y + t.start, op, &t, ddof);
  });
}

void mb_sum_axes(mb_real *y, const mb_real *x, const mb_size sizes[5]) {
  reduce_axes(y, MB_SUM, x, sizes, 0);
}

void mb_reduce(mb_real *y, mb_reduce_op op, const mb_real *x, mb_size outer, mb_size D, mb_size inner,
               mb_size ddof) {
  const mb_size sizes[5] = {inner, D, outer, 1, 1};
  reduce_axes(y, op, x, sizes, ddof);
}

/* dx = scale (x - mean), or scale alone if mean is NULL, for rows of the tile's width. 0 if x is the mean,
 * even if scale is infinite, as for the standard deviation of equal values. */
MB_CLONES static void spread_rows(mb_real *restrict dx, const double *restrict scale, const double *mean,
                                  const mb_real *x, mb_size rows, mb_size stride, mb_size width) {
  mb_real row[WIDTH];
  for (mb_size j = 0; j < width; j++) row[j] = (mb_real)scale[j];
  for (mb_size i = 0; i < rows * stride; i += stride)
    if (mean)
      for (mb_size j = 0; j < width; j++) {
        const double difference = (double)x[i + j] - mean[j], product = scale[j] * difference;
        dx[i + j] = ((scale[j] == 0) | (difference == 0)) ? 0 : (mb_real)product;
      }
    else
      for (mb_size j = 0; j < width; j++) dx[i + j] = row[j];
}

/* scale and mean hold WIDTH, of which width are set. */
static void spread_tile(mb_real *dx, double *scale, double *mean, const tile *t) {
  const mb_size abreast = rows_abreast(t), wide = t->rows / abreast, size = mb_max(1, MB_BLOCK / WIDTH);
  repeat(scale, t->width, abreast);
  if (mean) repeat(mean, t->width, abreast);
  MB_FOR(t->threads, i, wide, size, {
    const mb_size at = i * abreast * t->stride;
    spread_rows(dx + at, scale, mean, t->x + at, mb_min(size, wide - i), abreast * t->stride,
                abreast * t->width);
  });
  const mb_size done = wide * abreast;
  spread_rows(dx + done * t->stride, scale, mean, t->x + done * t->stride, 1, 1, (t->rows - done) * t->width);
}

/* scale = dy / (D - ddof) / std, 0 if dy is 0; and the means. */
static void scale_of_deviations(double *scale, double *mean, const mb_real *dy, const tile *t, mb_size ddof) {
  double variance[WIDTH];
  variance_of_tile(variance, mean, t, ddof);
  for (mb_size j = 0; j < t->width; j++)
    scale[j] = variance[j] == 0 ? 0 : (double)dy[j] / ((double)(t->rows - ddof) * sqrt(variance[j]));
}

static void reduce_tile_backward(mb_real *dx, mb_reduce_op op, const mb_real *dy, const tile *t,
                                 mb_size ddof) {
  const bool extreme = op == MB_MIN || op == MB_MAX, has_mean = op == MB_VAR || op == MB_STD;
  double factor = 1, scale[WIDTH], mean[WIDTH];
  mb_size at[WIDTH];
  if (op == MB_MEAN) factor = 1 / (double)t->rows;
  if (op == MB_VAR) factor = 2 / (double)(t->rows - ddof), mean_of_tile(mean, t);
  for (mb_size j = 0; j < t->width; j++) scale[j] = extreme ? 0 : factor * (double)dy[j];
  if (op == MB_STD) scale_of_deviations(scale, mean, dy, t, ddof);
  spread_tile(dx, scale, has_mean ? mean : NULL, t);
  if (!extreme || t->rows == 0) return;
  fold_tile(mean, op == MB_MIN ? LEAST : GREATEST, NULL, t);
  find_in_tile(at, mean, t);
  for (mb_size j = 0; j < t->width; j++) dx[at[j] * t->stride + j] = dy[j];
}

void mb_reduce_backward(mb_real *dx, mb_reduce_op op, const mb_real *dy, const mb_real *x, mb_size outer,
                        mb_size D, mb_size inner, mb_size ddof) {
  if (!dx) return;
  const mb_size sizes[5] = {inner, D, outer, 1, 1};
  MB_FOR(tile_threads(sizes), i, tile_count(sizes), 1, {
    const tile t = make_tile(x, sizes, i);
    reduce_tile_backward(dx + (t.x - x), op, dy + t.start, &t, ddof);
  });
}

double mb_sum_squares(const mb_real *x, mb_size count) {
  const mb_size sizes[5] = {1, count, 1, 1, 1};
  const tile t = make_tile(x, sizes, 0);
  double sum;
  fold_tile(&sum, SQUARES, (double[WIDTH]){0}, &t);
  return sum;
}

/* ---- description of an array -------------------------------------------------------------- */

/* mean holds the sum; min and max are infinite if no value is finite. */
MB_CLONES static mb_stats describe_part(const mb_real *x, mb_size count) {
  mb_size nan_count = 0, finite_count = 0;
  double sum = 0, min = INFINITY, max = -INFINITY;
#pragma omp simd reduction(+ : nan_count, finite_count, sum) reduction(min : min) reduction(max : max)
  for (mb_size i = 0; i < count; i++) {
    const double value = x[i];
    const bool finite = fabs(value) < (double)INFINITY;
    nan_count += value != value;
    finite_count += finite;
    sum += finite ? value : 0;
    min = (finite & (value < min)) ? value : min;
    max = (finite & (value > max)) ? value : max;
  }
  return (mb_stats){nan_count, count - nan_count - finite_count, min, max, sum};
}

void mb_describe(mb_stats *stats, const mb_real *x, mb_size count) {
  const mb_size size = mb_max(MB_BLOCK, mb_ceil_div(count, PARTS));
  mb_stats partial[PARTS], s = {0, 0, INFINITY, -INFINITY, 0};
  MB_FOR(mb_threads_for(count), i, count, size,
         partial[i / size] = describe_part(x + i, mb_min(size, count - i)));
  for (mb_size i = 0; i < count; i += size) {
    const mb_stats *part = &partial[i / size];
    s.nan_count += part->nan_count;
    s.inf_count += part->inf_count;
    s.min = fmin(s.min, part->min);
    s.max = fmax(s.max, part->max);
    s.mean += part->mean;
  }
  const mb_size finite = count - s.nan_count - s.inf_count;
  s.mean /= (double)finite;
  if (finite == 0) s.min = s.max = s.mean = NAN;
  *stats = s;
}
