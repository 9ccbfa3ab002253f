/* factors.c - products kept as their factors; tiles of the product are computed when they are read. */
#include "simd_table.h"

#include <string.h>

/* Layout of packed: the left factor in strips (depth, STRIP) of its columns, then the right one in panels
 * (depth, MB_PANEL), so that a product reads memory in order. */
#define STRIP 48

static mb_size whole(mb_size count, mb_size step) {
  return mb_ceil_div(count, step) * step;
}

mb_size mb_factors_count(mb_size depth, mb_size rows, mb_size columns) {
  return depth * (whole(rows, STRIP) + whole(columns, MB_PANEL));
}

/* y = x (depth, columns) in parts (depth, width), the last one zero-padded. */
static void pack(mb_real *y, const mb_real *x, mb_size depth, mb_size columns, mb_size width) {
  MB_FOR(mb_threads_for(depth * columns), j, columns, width, {
    const mb_size count = mb_min(width, columns - j);
    for (mb_size k = 0; k < depth; k++) {
      mb_real *part = y + j * depth + k * width;
      memcpy(part, x + k * columns + j, sizeof(mb_real) * (size_t)count);
      if (count < width) memset(part + count, 0, sizeof(mb_real) * (size_t)(width - count));
    }
  });
}

void mb_factors_pack(const mb_factors *f, const mb_real *left, const mb_real *right) {
  pack(f->packed, left, f->depth, f->rows, STRIP);
  pack(f->packed + whole(f->rows, STRIP) * f->depth, right, f->depth, f->columns, MB_PANEL);
}

void mb_factors_tile(mb_real *y, mb_size ldy, const mb_factors *f, mb_size i, mb_size j,
                     const mb_prefetch *prefetch) {
  const mb_real *strip = f->packed + i / STRIP * STRIP * f->depth + i % STRIP;
  const mb_real *panel = f->packed + (whole(f->rows, STRIP) + j) * f->depth;
  const mb_size rows = mb_min(MB_TILE_ROWS, f->rows - i), columns = mb_min(MB_PANEL, f->columns - j);
  const mb_simd *simd = mb_simd_here();
  if (prefetch)
    simd->product_prefetch(y, ldy, strip, 1, STRIP, panel, MB_PANEL, rows, columns, f->depth, false,
                           prefetch);
  else
    simd->product(y, ldy, strip, 1, STRIP, panel, MB_PANEL, rows, columns, f->depth, false);
}

void mb_factors_multiply(mb_real *y, const mb_factors *f) {
  MB_FACTORS_FOR(f, i, first, {
    for (mb_size j = first; j < mb_min(first + MB_BAND, f->columns); j += MB_PANEL)
      mb_factors_tile(y + i * f->columns + j, f->columns, f, i, j, NULL);
  });
}
