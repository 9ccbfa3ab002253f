/* conv1d_tiling.c - how a convolution is cut into tiles for transforms, what that costs, and the best choice.
 */
#include "conv1d_fft.h"

#include <math.h>

#define CHUNK_REALS (1 << 18) /* in the planes of a chunk, which should stay in the second cache */
#define CHUNK_LEAST 12        /* tiles, and twice as many of up to 32 rows; below, products are slow */
#define CHUNKS      32        /* at least, if there are tiles enough: work for many threads */
#define GROUPS      16        /* at most */
#define GROUP_TILES 96        /* tiles in a group, about */
#define GROUP_REALS (1 << 24) /* reals in all groups: adding them up should cost little */

mb_tiling mb_tiling_of(const mb_conv1d *s, int T, bool backward) {
  mb_tiling p = {.T = T,
                 .threads = s->threads,
                 .taps = mb_ceil_div(s->K, s->stride),
                 .planes = T == MB_WINOGRAD ? T : 3 * T / 2 - 1};
  const mb_size right = T - p.taps + 1;
  p.step = backward || s->pool == 0 ? 1 : s->pool_stride;
  p.valid = backward || s->pool == 0 ? right : (right - s->pool + s->pool_stride) / s->pool_stride;
  if (p.valid < 1 || right < s->pool) return (mb_tiling){0};
  p.per_sample = mb_ceil_div(mb_tiling_rows(s, backward), p.valid);
  p.tiles = s->N * p.per_sample;
  p.x = (mb_tile_rows){.size = s->L * s->C, .origin = -s->pad_left * s->C, .width = s->stride * s->C};
  p.y = (mb_tile_rows){.size = mb_conv1d_results(s) * s->F, .width = s->F};
  p.x_padded = mb_padded_width(p.x.width), p.y_padded = mb_padded_width(s->F);
  p.weights = mb_max(p.x.width * p.y_padded, s->F * p.x_padded) + MB_PLANE_GAP;
  const mb_size widths = mb_max(p.x_padded, p.y_padded) + (backward ? p.x_padded : 0);
  const mb_size fitting = mb_min(CHUNK_REALS / (p.planes * widths), p.tiles / CHUNKS);
  p.chunk = mb_min(mb_max(fitting, T <= 32 ? 2 * CHUNK_LEAST : CHUNK_LEAST), MB_CHUNK_MOST);
  p.chunks = mb_ceil_div(p.tiles, p.chunk);
  p.groups = mb_max(mb_min(mb_min(GROUPS, p.tiles / GROUP_TILES), GROUP_REALS / (p.planes * p.weights)), 2);
  p.groups = mb_min(p.groups, p.chunks);
  return p;
}

/* Unit: one multiply-add of a whole vector. Measured with AVX-512, per row: a Fourier transform costs 18, a
 * Winograd transform 12, a product half a vector more than its width, and a quarter more if its sums are kept
 * in memory. Reading one real of the weights, once per chunk, costs a fifth. The forward pass of a single
 * spectrum waits for its weights: their transform takes four times as long as the one of tiles. The gradients
 * of x and of the weights share the transform of dy, so each is charged half. */
#define FOURIER_COST  18.0
#define WINOGRAD_COST 12.0
#define NARROW_COST   0.5
#define SUMS_COST     1.25
#define WEIGHT_COST   0.2
#define FAR_COST      4.0
static double cost_of(const mb_tiling *p, const mb_conv1d *s, mb_conv1d_pass pass) {
  const double x = (double)p->x_padded / MB_MAX_LANES, y = (double)p->y_padded / MB_MAX_LANES;
  const double transform = (p->T == MB_WINOGRAD ? WINOGRAD_COST : FOURIER_COST) * p->T;
  const double weights = pass == MB_PASS_DX ? (double)s->F * x : (double)p->x.width * y; /* vectors */
  const double narrow = NARROW_COST * (double)(pass == MB_PASS_DX ? s->F : p->x.width);
  const double products = (weights + narrow) * (pass == MB_PASS_DW ? SUMS_COST : 1);
  const double reading = WEIGHT_COST * MB_MAX_LANES * weights / (double)p->chunk;
  const double widths = x + (pass == MB_PASS_Y ? y : y / 2);
  const double tile = (double)p->planes * (products + reading) + transform * widths;
  return (double)p->tiles * tile + (pass == MB_PASS_Y ? FAR_COST : 1) * weights * transform;
}

/* Both gradients are made from the same tiles, the best ones for that of x. */
int mb_conv1d_fft_rows(const mb_conv1d *s, bool backward) {
  if (s->dilation != 1 || mb_tiling_of(s, MB_MAX_FFT, false).T == 0 ||
      mb_tiling_of(s, MB_MAX_FFT, true).T == 0)
    return 0;
  static const int lengths[] = {MB_WINOGRAD, 32, 64, MB_MAX_FFT};
  int best = 0;
  double least = INFINITY;
  for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
    const mb_tiling p = mb_tiling_of(s, lengths[i], backward);
    const double cost = p.T > 0 ? cost_of(&p, s, backward ? MB_PASS_DX : MB_PASS_Y) : INFINITY;
    if (cost < least) best = p.T, least = cost;
  }
  return best;
}

double mb_conv1d_fft_cost(const mb_conv1d *s, int T, mb_conv1d_pass pass) {
  const mb_tiling p = mb_tiling_of(s, T, pass != MB_PASS_Y);
  return cost_of(&p, s, pass);
}
