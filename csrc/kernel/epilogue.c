/* epilogue.c - the epilogue of a convolution or batch norm, while its rows are in the cache, and its
 * gradient. */
#include "simd_table.h"

#include <string.h>

MB_CLONES static void add_bias(mb_real *y, const mb_real *rows, mb_size ld, mb_size count, mb_size columns,
                               const mb_real *b, mb_size F) {
  for (mb_size j = 0; j < count; j++, y += F, rows += ld)
    for (mb_size c = 0; c < columns; c++) y[c] = rows[c] + (b ? b[c] : 0);
}

void mb_epilogue_rows(mb_real *y, uint8_t *argmax, const mb_real *rows, mb_size ld, mb_size count,
                      mb_size columns, const mb_real *b, const mb_epilogue *e) {
  if (e->pool > 0)
    mb_simd_here()->epilogue(y, argmax, rows, ld, count, columns, b, e);
  else if (y != rows || b)
    add_bias(y, rows, ld, count, columns, b, e->channels);
}

MB_CLONES static void copy_gradient(mb_real *buffer, mb_size ld, const mb_real *dy, mb_size first,
                                    mb_size count, mb_size columns, const mb_epilogue *e) {
  for (mb_size r = 0; r < count; r++, buffer += ld) {
    const bool is_inside = first + r >= 0 && first + r < e->rows;
    const mb_size inside = is_inside ? columns : 0;
    const mb_real *row = dy + (first + r) * e->channels;
    if (inside == MB_MAX_LANES && ld == MB_MAX_LANES) {
      for (mb_size c = 0; c < MB_MAX_LANES; c++) buffer[c] = row[c];
    } else {
      for (mb_size c = 0; c < inside; c++) buffer[c] = row[c];
      for (mb_size c = inside; c < ld; c++) buffer[c] = 0;
    }
  }
}

void mb_unpool_rows(mb_real *buffer, mb_size ld, const mb_real *dy, const uint8_t *argmax, mb_size first,
                    mb_size count, mb_size columns, const mb_epilogue *e) {
  if (e->pool > 0) {
    memset(buffer, 0, sizeof(mb_real) * (size_t)(count * ld));
    mb_simd_here()->unpool(buffer, ld, dy, argmax, first, count, columns, e);
  } else {
    copy_gradient(buffer, ld, dy, first, count, columns, e);
  }
}
