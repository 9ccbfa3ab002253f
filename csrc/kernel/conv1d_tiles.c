/* conv1d_tiles.c - tiles of a spectrum and of weights to planes, and planes back to rows. */
#include "conv1d_fft.h"

MB_INLINE void copy_whole(mb_real *buffer, const mb_real *x, mb_size ld, mb_size count, const int lanes) {
  for (mb_size r = 0; r < count; r++)
    for (int i = 0; i < lanes; i++) buffer[r * lanes + i] = x[r * ld + i];
}

/* count rows of lanes reals, ld apart, all there. */
MB_CLONES static void copy_lanes(mb_real *buffer, const mb_real *x, mb_size ld, mb_size count, int lanes) {
  if (lanes == MB_MAX_LANES)
    copy_whole(buffer, x, ld, count, MB_MAX_LANES);
  else
    copy_whole(buffer, x, ld, count, lanes);
}

void mb_copy_rows(mb_real *buffer, int lanes, mb_size length, const mb_real *x, mb_size size, mb_size first,
                  mb_size ld, mb_size columns, mb_size count) {
  if (columns <= 0) count = 0;
  memset(buffer + count * lanes, 0, sizeof(mb_real) * (size_t)((length - count) * lanes));
  if (count == 0) return;
  if (columns == lanes && first >= 0 && first + (count - 1) * ld + lanes <= size) {
    copy_lanes(buffer, x + first, ld, count, lanes);
    return;
  }
  memset(buffer, 0, sizeof(mb_real) * (size_t)(count * lanes));
  for (mb_size r = 0; r < count; r++) {
    const mb_size at = first + r * ld, skip = mb_max(-at, 0), end = mb_min(columns, size - at);
    for (mb_size i = skip; i < end; i++) buffer[r * lanes + i] = x[at + i];
  }
}

void mb_tile_transform_input(mb_real *planes, mb_size plane, const mb_real *sample, const mb_tile_rows *rows,
                             mb_size first, mb_size count, int T, int filter) {
  const mb_simd *v = mb_simd_here();
  const int length = filter > 0 ? filter : T;
  mb_real buffer[MB_MAX_FFT * MB_MAX_LANES] MB_ALIGNED;
  for (mb_size c = 0; c < mb_padded_width(rows->width); c += v->lanes) {
    const mb_size at = rows->origin + first * rows->width + c, columns = mb_min(v->lanes, rows->width - c);
    const bool whole = count == length && columns == v->lanes;
    if (whole && at >= 0 && at + (length - 1) * rows->width + v->lanes <= rows->size) {
      v->transform(planes + c, plane, sample + at, rows->width, T, filter);
    } else {
      mb_copy_rows(buffer, v->lanes, length, sample, rows->size, at, rows->width, columns, count);
      v->transform(planes + c, plane, buffer, v->lanes, T, filter);
    }
  }
}

void mb_tile_transform_gradient(mb_real *planes, mb_size plane, const mb_real *dy, const uint8_t *argmax,
                                mb_size sample, mb_size first, int T, const mb_epilogue *e) {
  const mb_simd *v = mb_simd_here();
  mb_real buffer[MB_MAX_FFT * MB_MAX_LANES] MB_ALIGNED;
  for (mb_size c = 0; c < mb_padded_width(e->channels); c += v->lanes) {
    const mb_size at = sample * mb_epilogue_results(e) * e->channels + c,
                  columns = mb_min(v->lanes, e->channels - c);
    if (e->pool == 0 && columns == v->lanes && first >= 0 && first + T <= e->rows) {
      v->transform(planes + c, plane, dy + at + first * e->channels, e->channels, T, 0);
    } else {
      mb_unpool_rows(buffer, v->lanes, dy + at, argmax ? argmax + at : NULL, first, T, mb_max(columns, 0), e);
      v->transform(planes + c, plane, buffer, v->lanes, T, 0);
    }
  }
}

void mb_tile_inverse_gradient(mb_real *sample, mb_size first, mb_size count, const mb_real *planes,
                              mb_size plane, const mb_tiling *p) {
  const mb_simd *v = mb_simd_here();
  const mb_tile_rows *rows = &p->x;
  mb_real buffer[MB_MAX_FFT * MB_MAX_LANES] MB_ALIGNED;
  for (mb_size c = 0; c < rows->width; c += v->lanes) {
    v->inverse(buffer, planes + c, plane, p->T, (int)p->valid);
    const mb_size columns = mb_min(v->lanes, rows->width - c);
    for (mb_size r = 0; r < count; r++) {
      const mb_size at = rows->origin + (first + r) * rows->width + c;
      const mb_size skip = mb_max(-at, 0), end = mb_min(columns, rows->size - at);
      if (skip < end)
        memcpy(sample + at + skip, buffer + r * v->lanes + skip, sizeof(mb_real) * (size_t)(end - skip));
    }
  }
}

/* ---- weights -------------------------------------------------------------------------------- */

/* The inverse transform is larger by 1 / this factor, which is multiplied into the weights. */
static mb_real factor_of(const mb_tiling *p) {
  return p->T == MB_WINOGRAD ? 1 : 1 / (mb_real)(4 * p->T);
}

static void scale_rows(mb_real *rows, mb_size count, mb_real factor) {
  for (mb_size i = 0; i < count; i++) rows[i] *= factor;
}

void mb_tile_transform_channel(mb_real *planes, mb_size c, const mb_real *w, const mb_conv1d *s,
                               const mb_tiling *p) {
  const mb_simd *v = mb_simd_here();
  const mb_size size = s->K * s->C * s->F, F = s->F;
  for (mb_size f = 0; f < p->y_padded; f += v->lanes) {
    mb_real buffer[MB_MAX_FFT * MB_MAX_LANES] MB_ALIGNED;
    const mb_size columns = mb_min(v->lanes, F - f);
    mb_copy_rows(buffer, v->lanes, p->taps, w, size, c * F + f, p->x.width * F, columns, p->taps);
    scale_rows(buffer, p->taps * v->lanes, factor_of(p));
    v->transform(planes + c * p->y_padded + f, p->weights, buffer, v->lanes, p->T, (int)p->taps);
  }
}

void mb_tile_transform_flipped(mb_real *planes, const mb_real *w, const mb_conv1d *s, const mb_tiling *p) {
  const mb_simd *v = mb_simd_here();
  const mb_size size = s->K * s->C * s->F, F = s->F;
  const mb_real factor = factor_of(p);
#pragma omp for
  for (mb_size f = 0; f < F; f++)
    for (mb_size c = 0; c < p->x_padded; c += v->lanes) {
      mb_real buffer[MB_MAX_FFT * MB_MAX_LANES] MB_ALIGNED = {0};
      for (mb_size m = 0; m < p->taps; m++)
        for (mb_size i = 0; i < mb_min(v->lanes, p->x.width - c); i++) {
          const mb_size at = ((p->taps - 1 - m) * p->x.width + c + i) * F + f;
          if (at < size) buffer[m * v->lanes + i] = w[at] * factor;
        }
      v->transform(planes + f * p->x_padded + c, p->weights, buffer, v->lanes, p->T, (int)p->taps);
    }
}

void mb_tile_inverse_weights(mb_real *dw, const mb_real *planes, const mb_conv1d *s, const mb_tiling *p) {
  const mb_simd *v = mb_simd_here();
  const mb_size F = s->F;
  const mb_real factor = factor_of(p);
#pragma omp for
  for (mb_size c = 0; c < p->x.width; c++)
    for (mb_size f = 0; f < F; f += v->lanes) {
      mb_real buffer[MB_MAX_FFT * MB_MAX_LANES] MB_ALIGNED;
      v->inverse(buffer, planes + c * p->y_padded + f, p->weights, p->T, (int)p->taps);
      for (mb_size m = 0; m < p->taps && m * p->x.width + c < s->K * s->C; m++)
        for (mb_size i = 0; i < mb_min(v->lanes, F - f); i++)
          dw[(m * p->x.width + c) * F + f + i] = buffer[(p->taps - 1 - m) * v->lanes + i] * factor;
    }
}
