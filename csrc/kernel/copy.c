/* copy.c - moving elements: blocks of joined tensors, transposition, rows and elements by index. */
#include "internal.h"

#include <string.h>

static void copy(mb_real *to, const mb_real *from, mb_size count) {
  if (count > 0) memcpy(to, from, sizeof(mb_real) * (size_t)count); /* memcpy minds NULL even for 0 */
}

void mb_copy_blocks(mb_real *dst, mb_size dst_stride, const mb_real *src, mb_size src_stride, mb_size rows,
                    mb_size width) {
  MB_FOR(mb_threads_for(rows * width), i, rows, 1, copy(dst + i * dst_stride, src + i * src_stride, width));
}

/* Side of the square tiles in which a matrix is transposed. */
#define TILE 32

/* y[j, i] = x[i, j] for i < rows and j < columns. By way of a buffer, for lines a power of two apart
 * would push each other out of the cache. */
MB_CLONES static void transpose_tile(mb_real *y, mb_size y_stride, const mb_real *x, mb_size x_stride,
                                     mb_size rows, mb_size columns) {
  mb_real buffer[TILE][TILE];
  for (mb_size i = 0; i < rows; i++)
    for (mb_size j = 0; j < columns; j++) buffer[j][i] = x[i * x_stride + j];
  for (mb_size j = 0; j < columns; j++)
    for (mb_size i = 0; i < rows; i++) y[j * y_stride + i] = buffer[j][i];
}

/* The same for elements of width reals. */
static void transpose_blocks(mb_real *y, mb_size y_stride, const mb_real *x, mb_size x_stride, mb_size rows,
                             mb_size columns, mb_size width) {
  for (mb_size j = 0; j < columns; j++)
    for (mb_size i = 0; i < rows; i++)
      copy(y + j * y_stride + i * width, x + i * x_stride + j * width, width);
}

static mb_size count_between(const mb_shape *shape, int first, int last) {
  mb_size count = 1;
  for (int i = first; i < last; i++) count *= shape->shape[i];
  return count;
}

/* x is (A, D1, B, D2, C), y is (A, D2, B, D1, C): for each a and b a matrix of blocks of C. */
void mb_transpose(mb_real *y, const mb_real *x, const mb_shape *x_shape, int d1, int d2) {
  if (d1 == d2) {
    mb_copy_blocks(y, 1, x, 1, 1, mb_shape_count(x_shape));
    return;
  }
  const int low = d1 < d2 ? d1 : d2, high = d1 < d2 ? d2 : d1;
  const mb_size D1 = x_shape->shape[low], D2 = x_shape->shape[high];
  const mb_size A = count_between(x_shape, 0, low), B = count_between(x_shape, low + 1, high);
  const mb_size C = count_between(x_shape, high + 1, x_shape->rank);
  const mb_size tall = mb_ceil_div(D1, TILE), wide = mb_ceil_div(D2, TILE);
  MB_FOR(mb_threads_for(A * B * C * D1 * D2), item, A * B * tall * wide, 1, {
    const mb_size i = item % tall * TILE, j = item / tall % wide * TILE, ab = item / tall / wide;
    const mb_size a = ab / B, b = ab % B, rows = mb_min(TILE, D1 - i), columns = mb_min(TILE, D2 - j);
    mb_real *to = y + (((a * D2 + j) * B + b) * D1 + i) * C;
    const mb_real *from = x + (((a * D1 + i) * B + b) * D2 + j) * C;
    if (C == 1)
      transpose_tile(to, B * D1, from, B * D2, rows, columns);
    else
      transpose_blocks(to, B * D1 * C, from, B * D2 * C, rows, columns, C);
  });
}

void mb_gather(mb_real *y, const mb_real *x, const mb_size *index, mb_size count, mb_size width) {
  MB_FOR(mb_threads_for(count * width), i, count, 1, copy(y + i * width, x + index[i] * width, width));
}

/* Adds those rows of dy that go to rows first..last-1 of dx. */
MB_CLONES static void add_rows(mb_real *dx, const mb_real *dy, const mb_size *index, mb_size count,
                               mb_size first, mb_size last, mb_size width) {
  for (mb_size i = 0; i < count; i++)
    if (index[i] >= first && index[i] < last)
      for (mb_size j = 0; j < width; j++) dx[index[i] * width + j] += dy[i * width + j];
}

/* Each thread owns a range of rows of dx, to which it adds in the order of index. */
void mb_gather_backward(mb_real *dx, const mb_real *dy, const mb_size *index, mb_size count, mb_size rows,
                        mb_size width) {
  if (!dx) return;
  const int threads = mb_threads_for((count + rows) * width);
  const mb_size range = mb_max(1, mb_ceil_div(rows, threads));
  MB_FOR(threads, first, rows, range, {
    const mb_size last = mb_min(first + range, rows);
    for (mb_size i = first * width; i < last * width; i++) dx[i] = 0;
    add_rows(dx, dy, index, count, first, last, width);
  });
}

void mb_take(mb_real *y, const mb_real *x, const mb_size *index, mb_size outer, mb_size D, mb_size count,
             mb_size inner) {
  MB_FOR(mb_threads_for(outer * count * inner), o, outer, 1, {
    const mb_real *from = x + o * D * inner;
    mb_real *to = y + o * count * inner;
    if (inner == 1)
      for (mb_size i = 0; i < count; i++) to[i] = from[index[i]];
    else
      for (mb_size i = 0; i < count; i++) copy(to + i * inner, from + index[i] * inner, inner);
  });
}

void mb_take_backward(mb_real *dx, const mb_real *dy, const mb_size *index, mb_size outer, mb_size D,
                      mb_size count, mb_size inner) {
  if (!dx) return;
  MB_FOR(mb_threads_for(outer * (D + count) * inner), o, outer, 1, {
    mb_real *to = dx + o * D * inner;
    for (mb_size i = 0; i < D * inner; i++) to[i] = 0;
    add_rows(to, dy + o * count * inner, index, count, 0, D, inner);
  });
}

void mb_pick(mb_real *y, const mb_real *x, const mb_real *at, mb_size outer, mb_size D, mb_size count,
             mb_size inner) {
  MB_FOR(mb_threads_for(outer * count * inner), o, outer, 1, {
    const mb_real *from = x + o * D * inner;
    for (mb_size i = o * count * inner, n = 0; i < (o + 1) * count * inner;
         i++, n = n + 1 < inner ? n + 1 : 0)
      y[i] = from[((mb_size)at[i] - 1) * inner + n];
  });
}

void mb_pick_backward(mb_real *dx, const mb_real *dy, const mb_real *at, mb_size outer, mb_size D,
                      mb_size count, mb_size inner) {
  if (!dx) return;
  MB_FOR(mb_threads_for(outer * (D + count) * inner), o, outer, 1, {
    mb_real *to = dx + o * D * inner;
    for (mb_size i = 0; i < D * inner; i++) to[i] = 0;
    for (mb_size i = o * count * inner, n = 0; i < (o + 1) * count * inner;
         i++, n = n + 1 < inner ? n + 1 : 0)
      to[((mb_size)at[i] - 1) * inner + n] += dy[i];
  });
}
