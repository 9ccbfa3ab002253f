/* elementwise.c - operations on each element: of two arrays that broadcast, or of one. */
#include "gradient.h"
#include "simd_table.h"

#include <stdio.h>
#include <tgmath.h>

/* ---- shapes --------------------------------------------------------------------------- */

mb_size mb_shape_count(const mb_shape *shape) {
  mb_size count = 1;
  for (int i = 0; i < shape->rank; i++) count *= shape->shape[i];
  return count;
}

/* The size of a dimension counted from the last one (0); 1 beyond the first. */
static mb_size size_from_last(const mb_shape *shape, int i) {
  return i < shape->rank ? shape->shape[shape->rank - 1 - i] : 1;
}

static const char *shape_text(char text[128], const mb_shape *shape) {
  int length = snprintf(text, 128, "{");
  for (int i = 0; i < shape->rank; i++)
    length += snprintf(text + length, 128 - (size_t)length, i > 0 ? ", %td" : "%td", shape->shape[i]);
  snprintf(text + length, 128 - (size_t)length, "}");
  return text;
}

mb_status mb_broadcast_shape(mb_shape *y, const mb_shape *a, const mb_shape *b) {
  mb_shape result = {.rank = a->rank > b->rank ? a->rank : b->rank};
  for (int i = 0; i < result.rank; i++) {
    const mb_size p = size_from_last(a, i), q = size_from_last(b, i);
    if (p != q && p != 1 && q != 1) {
      char text[2][128];
      return mb_refuse(MB_BAD_SHAPE,
                       "shapes %s and %s do not broadcast: sizes %td and %td must be equal or 1",
                       shape_text(text[0], a), shape_text(text[1], b), p, q);
    }
    result.shape[result.rank - 1 - i] = p == 1 ? q : p;
  }
  *y = result;
  return MB_OK;
}

/* ---- broadcasting --------------------------------------------------------------------- */

/* The dimensions of y, the last first; those left over have size 1. a and b advance by their
 * strides, 0 if they repeat. */
typedef struct {
  int rank;
  mb_size size[MB_MAX_RANK], a[MB_MAX_RANK], b[MB_MAX_RANK];
} plan;

/* Leaves out dimensions of size 1 and merges neighbours along which a and b repeat alike. */
static plan make_plan(const mb_shape *a, const mb_shape *b, const mb_shape *y) {
  plan p = {.size = {1, 1, 1, 1}};
  mb_size a_count = 1, b_count = 1;
  for (int i = 0; i < y->rank; i++) {
    const mb_size a_size = size_from_last(a, i), b_size = size_from_last(b, i), size = size_from_last(y, i);
    if (size == 1) continue;
    const mb_size a_stride = a_size == 1 ? 0 : a_count, b_stride = b_size == 1 ? 0 : b_count;
    const int last = p.rank - 1;
    if (last >= 0 && !a_stride == !p.a[last] && !b_stride == !p.b[last]) {
      p.size[last] *= size;
    } else {
      p.size[p.rank] = size;
      p.a[p.rank] = a_stride;
      p.b[p.rank] = b_stride;
      p.rank++;
    }
    a_count *= a_size;
    b_count *= b_size;
  }
  return p;
}

/* Rows of an operand: they are row apart, their elements step, which is 0 or 1. */
typedef struct {
  const mb_real *x;
  mb_size row, step;
} operand;

MB_INLINE mb_real binary(mb_binary_op op, mb_real a, mb_real b) {
#define RESULT(NAME, name, f)                                                                                \
  case MB_##NAME: return f;
  switch (op) {
    MB_BINARY_OPS(RESULT)
  case MB_BINARY_COUNT: break;
  }
  return 0;
}

/* y may be an operand with the same rows. */
MB_INLINE void each_pair(mb_real *y, mb_binary_op op, operand a, operand b, mb_size rows, mb_size width) {
  for (mb_size r = 0; r < rows; r++, y += width, a.x += a.row, b.x += b.row) {
    const mb_real a0 = *a.x, b0 = *b.x;
    if (a.step && b.step) {
#pragma omp simd
      for (mb_size i = 0; i < width; i++) y[i] = binary(op, a.x[i], b.x[i]);
    } else if (a.step) {
#pragma omp simd
      for (mb_size i = 0; i < width; i++) y[i] = binary(op, a.x[i], b0);
    } else {
#pragma omp simd
      for (mb_size i = 0; i < width; i++) y[i] = binary(op, a0, b.x[i * b.step]);
    }
  }
}

/* With op as a constant, so that the choice is made once and not for each element. */
MB_CLONES static void binary_rows(mb_real *y, mb_binary_op op, operand a, operand b, mb_size rows,
                                  mb_size width) {
#define EACH_PAIR(NAME, ...)                                                                                 \
  case MB_##NAME: each_pair(y, MB_##NAME, a, b, rows, width); break;
  switch (op) {
    MB_BINARY_OPS(EACH_PAIR)
  case MB_BINARY_COUNT: break;
  }
}

/* Elements first..last-1 of y: as many whole rows at a time as there are, else part of one. */
static void binary_range(mb_real *y, mb_binary_op op, const mb_real *a, const mb_real *b, const plan *p,
                         mb_size first, mb_size last) {
  for (mb_size i = first; i < last;) {
    mb_size at[MB_MAX_RANK], a_offset = 0, b_offset = 0, rest = i, rows = 1;
    for (int d = 0; d < MB_MAX_RANK; d++) {
      at[d] = rest % p->size[d];
      rest /= p->size[d];
      a_offset += at[d] * p->a[d];
      b_offset += at[d] * p->b[d];
    }
    const mb_size width = mb_min(p->size[0] - at[0], last - i);
    if (width == p->size[0]) rows = mb_min(p->size[1] - at[1], (last - i) / width);
    binary_rows(y + i, op, (operand){a + a_offset, p->a[1], p->a[0]},
                (operand){b + b_offset, p->b[1], p->b[0]}, rows, width);
    i += rows * width;
  }
}

/* x^p for the usual p, with the values of C's pow at the infinities and -0. */
MB_CLONES static void power_run(mb_real *y, const mb_real *x, mb_real p, mb_size count) {
  if (p == 2)
    for (mb_size i = 0; i < count; i++) y[i] = x[i] * x[i];
  else if (p == 1)
    for (mb_size i = 0; i < count; i++) y[i] = x[i];
  else if (p == (mb_real)0.5)
    for (mb_size i = 0; i < count; i++) y[i] = x[i] == -INFINITY ? INFINITY : sqrt(x[i] + 0);
  else if (p == -1)
    for (mb_size i = 0; i < count; i++) y[i] = 1 / x[i];
  else
    for (mb_size i = 0; i < count; i++) y[i] = pow(x[i], p);
}

void mb_binary(mb_real *y, mb_binary_op op, const mb_real *a, const mb_shape *a_shape, const mb_real *b,
               const mb_shape *b_shape, const mb_shape *y_shape) {
  const plan p = make_plan(a_shape, b_shape, y_shape);
  const mb_size count = mb_shape_count(y_shape);
  if (op == MB_POW && mb_shape_count(b_shape) == 1) {
    const mb_real exponent = *b;
    MB_FOR(mb_threads_for(count), i, count, MB_BLOCK,
           power_run(y + i, a + i, exponent, mb_min(MB_BLOCK, count - i)));
    return;
  }
  MB_FOR(mb_threads_for(count), i, count, MB_BLOCK,
         binary_range(y, op, a, b, &p, i, mb_min(i + MB_BLOCK, count)));
}

void mb_sum_to(mb_real *x, const mb_shape *x_shape, const mb_real *y, const mb_shape *y_shape) {
  const plan p = make_plan(x_shape, y_shape, y_shape);
  const int kept = p.rank > 0 && p.a[0] == 0 ? 1 : 0; /* merged, kept and summed dimensions alternate */
  mb_size sizes[5] = {1, 1, 1, 1, 1};
  for (int d = 0; d < p.rank; d++) sizes[kept + d] = p.size[d];
  mb_sum_axes(x, y, sizes);
}

/* ---- functions of one array ----------------------------------------------------------- */

mb_reads mb_unary_reads(mb_unary_op op) {
#define READS(NAME, name, reads, ...) [MB_##NAME] = MB_READS_##reads,
  static const mb_reads reads_of[] = {MB_UNARY_OPS(READS)};
  return reads_of[op];
}

void mb_unary(mb_real *y, mb_unary_op op, mb_real p, const mb_real *x, mb_size count) {
  MB_FOR(mb_threads_for(count), i, count, MB_BLOCK,
         mb_simd_here()->unary(y + i, op, p, x + i, mb_min(MB_BLOCK, count - i)));
}

void mb_unary_backward(mb_real *dx, mb_unary_op op, mb_real p, const mb_real *dy, const mb_real *kept,
                       mb_size count) {
  if (!dx) return;
  if (kept == NULL) kept = dy; /* not read */
  MB_FOR(mb_threads_for(count), i, count, MB_BLOCK,
         mb_simd_here()->unary_backward(dx + i, op, p, dy + i, kept + i, mb_min(MB_BLOCK, count - i)));
}

/* ---- filling and adding --------------------------------------------------------------- */

MB_CLONES static void fill_run(mb_real *y, mb_real value, mb_size count) {
  for (mb_size i = 0; i < count; i++) y[i] = value;
}

void mb_fill(mb_real *y, mb_real value, mb_size count) {
  MB_FOR(mb_threads_for(count), i, count, MB_BLOCK, fill_run(y + i, value, mb_min(MB_BLOCK, count - i)));
}

void mb_arange(mb_real *y, double first, double step, mb_size count) {
  MB_FOR(mb_threads_for(count), i, count, 1, y[i] = (mb_real)(first + (double)i * step));
}

MB_CLONES static void add_activate_run(mb_real *restrict y, mb_real slope, const mb_real *a, const mb_real *b,
                                       mb_size count) {
#pragma omp simd
  for (mb_size i = 0; i < count; i++) {
    const mb_real z = a[i] + b[i];
    y[i] = z < 0 ? mb_below(slope, z) : z;
  }
}

void mb_add_activate(mb_real *y, mb_real slope, const mb_real *a, const mb_real *b, mb_size count) {
  MB_FOR(mb_threads_for(count), i, count, MB_BLOCK,
         add_activate_run(y + i, slope, a + i, b + i, mb_min(MB_BLOCK, count - i)));
}

MB_CLONES static void add_scaled_run(mb_real *y, mb_real scale, const mb_real *x, mb_size count) {
#pragma omp simd
  for (mb_size i = 0; i < count; i++) y[i] += scale * x[i];
}

void mb_add_scaled(mb_real *y, mb_real scale, const mb_real *x, mb_size count) {
  MB_FOR(mb_threads_for(count), i, count, MB_BLOCK,
         add_scaled_run(y + i, scale, x + i, mb_min(MB_BLOCK, count - i)));
}
