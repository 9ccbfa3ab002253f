/* random.c - PCG64 and the distributions of NumPy's default_rng, draw for draw. */
#include "internal.h"

#include "random_pcg64.h"
#include "ziggurat.h"

#include <math.h>
#include <string.h>

/* ---- draws ----------------------------------------------------------------------------- */

uint64_t mb_rng_uint64(mb_rng *rng) {
  return next(rng);
}

uint32_t mb_rng_uint32(mb_rng *rng) {
  if (rng->has_uint32) {
    rng->has_uint32 = false;
    return rng->uinteger;
  }
  const uint64_t draw = next(rng);
  rng->has_uint32 = true;
  rng->uinteger = (uint32_t)(draw >> 32);
  return (uint32_t)draw;
}

/* The state after d steps is A state + B; A and B of 2d steps follow from those of d. */
void mb_rng_advance(mb_rng *rng, uint64_t draws) {
  Wide factor = 1, offset = 0, power = MULTIPLIER, sum = wide(rng->increment);
  for (; draws > 0; draws >>= 1) {
    if (draws & 1) {
      factor *= power;
      offset = offset * power + sum;
    }
    sum *= power + 1;
    power *= power;
  }
  narrow(rng->state, factor * wide(rng->state) + offset);
  rng->has_uint32 = false;
}

/* ---- SeedSequence ---------------------------------------------------------------------- */

#define POOL 4

/* The constant of the hash changes from call to call. */
static uint32_t hash(uint32_t value, uint32_t *constant, uint32_t factor) {
  value ^= *constant;
  *constant *= factor;
  value *= *constant;
  return value ^ value >> 16;
}

static uint32_t mix(uint32_t a, uint32_t b) {
  const uint32_t mixed = 0xca01f9ddU * a - 0x4973f715U * b;
  return mixed ^ mixed >> 16;
}

static void fill_pool(uint32_t pool[POOL], const uint32_t *entropy, mb_size words) {
  const uint32_t factor = 0x931e8875U;
  uint32_t constant = 0x43b0d7e5U;
  for (mb_size i = 0; i < POOL; i++) pool[i] = hash(i < words ? entropy[i] : 0, &constant, factor);
  for (int from = 0; from < POOL; from++)
    for (int to = 0; to < POOL; to++)
      if (from != to) pool[to] = mix(pool[to], hash(pool[from], &constant, factor));
  for (mb_size from = POOL; from < words; from++)
    for (int to = 0; to < POOL; to++) pool[to] = mix(pool[to], hash(entropy[from], &constant, factor));
}

void mb_rng_seed(mb_rng *rng, const uint32_t *entropy, mb_size words) {
  uint32_t pool[POOL], constant = 0x8b51f9ddU;
  uint64_t key[4] = {0};
  fill_pool(pool, entropy, words);
  for (int i = 0; i < 8; i++)
    key[i / 2] |= (uint64_t)hash(pool[i % POOL], &constant, 0x58f38dedU) << (i % 2 * 32);
  const Wide start = (Wide)key[0] << 64 | key[1], sequence = (Wide)key[2] << 64 | key[3];
  const Wide increment = sequence << 1 | 1;
  narrow(rng->increment, increment);
  narrow(rng->state, (start + increment) * MULTIPLIER + increment);
  rng->has_uint32 = false;
  rng->uinteger = 0;
}

/* ---- uniform --------------------------------------------------------------------------- */

static inline double random_double(mb_rng *rng) {
  return (double)(next(rng) >> 11) * 0x1p-53;
}

double mb_rng_random(mb_rng *rng) {
  return random_double(rng);
}

double mb_rng_uniform(mb_rng *rng, double low, double high) {
  return low + (high - low) * random_double(rng);
}

/* Lemire 2019: the high word of draw * count is uniform on 0..count-1 once the draws whose low
 * word falls below 2^bits mod count are thrown away. */
static uint32_t bounded32(mb_rng *rng, uint32_t range) {
  const uint32_t count = range + 1;
  uint64_t product = (uint64_t)mb_rng_uint32(rng) * count;
  if ((uint32_t)product < count)
    for (const uint32_t unfair = -count % count; (uint32_t)product < unfair;)
      product = (uint64_t)mb_rng_uint32(rng) * count;
  return (uint32_t)(product >> 32);
}

static uint64_t bounded64(mb_rng *rng, uint64_t range) {
  const uint64_t count = range + 1;
  Wide product = (Wide)next(rng) * count;
  if ((uint64_t)product < count)
    for (const uint64_t unfair = -count % count; (uint64_t)product < unfair;)
      product = (Wide)next(rng) * count;
  return (uint64_t)(product >> 64);
}

/* Uniform on 0..range. Ranges of 32 bits take half a draw each. */
static uint64_t bounded(mb_rng *rng, uint64_t range) {
  if (range == 0) return 0;
  if (range < UINT32_MAX) return bounded32(rng, (uint32_t)range);
  if (range == UINT32_MAX) return mb_rng_uint32(rng);
  return range == UINT64_MAX ? next(rng) : bounded64(rng, range);
}

int64_t mb_rng_integer(mb_rng *rng, int64_t low, int64_t high) {
  return (int64_t)((uint64_t)low + bounded(rng, (uint64_t)high - (uint64_t)low));
}

/* ---- normal, exponential, gamma -------------------------------------------------------- */

/* True if a point at a uniform height of the strip's upper edge lies under the density. */
static bool under(mb_rng *rng, const Strip *strip, double density) {
  return (strip[-1].height - strip->height) * random_double(rng) + strip->height < density;
}

static double normal_tail(mb_rng *rng) {
  for (;;) { /* Marsaglia 1964 */
    const double x = -(1 / NORMAL_TAIL) * log1p(-random_double(rng)), y = -log1p(-random_double(rng));
    if (y + y > x * x) return NORMAL_TAIL + x;
  }
}

double mb_rng_normal(mb_rng *rng) {
  for (;;) { /* bits of a draw: 8 for the strip, 1 for the sign, 52 for the word */
    const uint64_t draw = next(rng), word = draw >> 9 & 0xfffffffffffffULL;
    const Strip *strip = &normal_strips[draw & 0xff];
    const double side = 1 - 2 * (double)(draw >> 8 & 1), x = side * ((double)word * strip->width);
    if (word < strip->inside) return x;
    if (strip == normal_strips) return word & 0x100 ? -normal_tail(rng) : normal_tail(rng);
    if (under(rng, strip, exp(-0.5 * x * x))) return x;
  }
}

double mb_rng_exponential(mb_rng *rng) {
  for (;;) { /* bits of a draw: 3 unused, 8 for the strip, 53 for the word */
    const uint64_t draw = next(rng), word = draw >> 11;
    const Strip *strip = &exponential_strips[draw >> 3 & 0xff];
    const double x = (double)word * strip->width;
    if (word < strip->inside) return x;
    if (strip == exponential_strips) return EXPONENTIAL_TAIL - log1p(-random_double(rng));
    if (under(rng, strip, exp(-x))) return x;
  }
}

/* shape < 1: Ahrens and Dieter 1974, with an exponential in place of a logarithm. */
static double gamma_below_one(mb_rng *rng, double shape) {
  for (;;) {
    const double u = random_double(rng), e = mb_rng_exponential(rng);
    if (u <= 1.0 - shape) {
      const double x = pow(u, 1.0 / shape);
      if (x <= e) return x;
    } else {
      const double y = -log((1.0 - u) / shape), x = pow(1.0 - shape + shape * y, 1.0 / shape);
      if (x <= e + y) return x;
    }
  }
}

double mb_rng_gamma(mb_rng *rng, double shape) {
  if (shape == 0) return 0;
  if (shape == 1) return mb_rng_exponential(rng);
  if (shape < 1) return gamma_below_one(rng, shape);
  const double d = shape - 1.0 / 3.0, c = 1.0 / sqrt(9 * d);
  for (;;) { /* Marsaglia and Tsang 2000 */
    const double x = mb_rng_normal(rng), root = 1.0 + c * x;
    if (root <= 0) continue;
    const double v = root * root * root, u = random_double(rng);
    if (u < 1.0 - 0.0331 * (x * x) * (x * x)) return d * v;
    if (log(u) < 0.5 * x * x + d * (1.0 - v + log(v))) return d * v;
  }
}

/* How many factors keep a product of uniform numbers above exp(-mean). */
static double poisson_small(mb_rng *rng, double mean) {
  const double limit = exp(-mean);
  double count = 0;
  for (double product = random_double(rng); product > limit; product *= random_double(rng)) count++;
  return count;
}

#define LOG_TWO_PI 1.8378770664093453

/* log Gamma(x) of a whole number by Stirling's series from 7 on, in the steps of NumPy: rounded otherwise, as
 * by lgamma, it would accept other draws of large means. */
static double log_gamma(double x) {
  static const double terms[] = {8.333333333333333e-02,  -2.777777777777778e-03, 7.936507936507937e-04,
                                 -5.952380952380952e-04, 8.417508417508418e-04,  -1.917526917526918e-03,
                                 6.410256410256410e-03,  -2.955065359477124e-02, 1.796443723688307e-01,
                                 -1.39243221690590e+00};
  const double from = fmax(x, 7), inverse = 1.0 / from, square = inverse * inverse;
  double series = terms[9];
  if (x <= 2) return 0;
  for (int k = 8; k >= 0; k--) series = series * square + terms[k];
  double value = series / from + 0.5 * LOG_TWO_PI + (from - 0.5) * log(from) - from;
  for (double at = from - 1; at >= x; at--) value -= log(at);
  return value;
}

double mb_rng_poisson(mb_rng *rng, double mean) {
  if (mean == 0) return 0;
  if (mean < 10) return poisson_small(rng, mean);
  const double log_mean = log(mean), b = 0.931 + 2.53 * sqrt(mean), a = -0.059 + 0.02483 * b;
  const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4), squeeze = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const double u = random_double(rng) - 0.5, v = random_double(rng), side = 0.5 - fabs(u);
    const double k = floor((2 * a / side + b) * u + mean + 0.43);
    if (side >= 0.07 && v <= squeeze) return k;
    if (k < 0 || (side < 0.013 && v > side)) continue;
    if (log(v) + log(inverse_alpha) - log(a / (side * side) + b) <= k * log_mean - mean - log_gamma(k + 1))
      return k;
  }
}

/* ---- permutations and samples ---------------------------------------------------------- */

/* NumPy shuffles with masked rejection, but samples with Lemire's method. */
mb_size mb_rng_interval(mb_rng *rng, mb_size last) {
  uint64_t mask = (uint64_t)last, value;
  for (int shift = 1; shift < 64; shift *= 2) mask |= mask >> shift;
  if (last == 0) return 0;
  do value = (mask <= UINT32_MAX ? mb_rng_uint32(rng) : next(rng)) & mask;
  while (value > (uint64_t)last);
  return (mb_size)value;
}

static void swap(mb_size *index, mb_size i, mb_size j) {
  const mb_size kept = index[i];
  index[i] = index[j];
  index[j] = kept;
}

void mb_rng_shuffle(mb_rng *rng, mb_size *index, mb_size count) {
  for (mb_size i = count - 1; i > 0; i--) swap(index, i, mb_rng_interval(rng, i));
}

/* Fisher and Yates from the end, down to position first. */
static void mix_tail(mb_rng *rng, mb_size *index, mb_size count, mb_size first) {
  for (mb_size i = count - 1; i >= first; i--) swap(index, i, (mb_size)bounded(rng, (uint64_t)i));
}

static bool takes_tail(mb_size population, mb_size size, bool shuffle) {
  return population > 10000 && size > population / (shuffle ? 50 : 20);
}

static mb_size table_size(mb_size size) {
  mb_size table = 2;
  while (table <= size + size / 5) table *= 2;
  return table;
}

size_t mb_rng_choice_scratch_bytes(mb_size population, mb_size size) {
  const mb_size table = table_size(size);
  return (size_t)(takes_tail(population, size, true) ? mb_max(population, table) : table) * sizeof(mb_size);
}

static void choose_by_tail(mb_rng *rng, mb_size *index, mb_size *scratch, mb_size population, mb_size size) {
  for (mb_size i = 0; i < population; i++) scratch[i] = i;
  mix_tail(rng, scratch, population, mb_max(population - size, 1));
  for (mb_size i = 0; i < size; i++) index[i] = scratch[population - size + i];
}

/* Adds value to the open-addressed set; false if it was in it. Empty slots are -1. */
static bool insert(mb_size *set, mb_size slots, mb_size value) {
  mb_size slot = value & (slots - 1);
  while (set[slot] >= 0 && set[slot] != value) slot = (slot + 1) & (slots - 1);
  const bool is_new = set[slot] < 0;
  set[slot] = value;
  return is_new;
}

/* Floyd (Bentley 1987): j stands in for a value drawn before. */
static void choose_by_set(mb_rng *rng, mb_size *index, mb_size *set, mb_size population, mb_size size) {
  const mb_size slots = table_size(size);
  for (mb_size i = 0; i < slots; i++) set[i] = -1;
  for (mb_size j = population - size; j < population; j++) {
    const mb_size value = (mb_size)bounded(rng, (uint64_t)j);
    const bool is_new = insert(set, slots, value);
    if (!is_new) insert(set, slots, j);
    *index++ = is_new ? value : j;
  }
}

void mb_rng_choice(mb_rng *rng, mb_size *index, void *scratch, mb_size population, mb_size size,
                   bool shuffle) {
  if (takes_tail(population, size, shuffle)) {
    choose_by_tail(rng, index, scratch, population, size);
  } else {
    choose_by_set(rng, index, scratch, population, size);
    if (shuffle) mix_tail(rng, index, size, 1);
  }
}

static mb_status check_probabilities(const double *p, mb_size K, mb_size needed, double tolerance) {
  double sum = 0;
  mb_size positive = 0;
  for (mb_size i = 0; i < K; i++) {
    if (!(p[i] >= 0))
      return mb_refuse(MB_BAD_VALUE, "probability %td: expected at least 0, got %g", i + 1, p[i]);
    sum += p[i];
    positive += p[i] > 0;
  }
  if (!(fabs(sum - 1) <= tolerance))
    return mb_refuse(MB_BAD_VALUE, "probabilities: expected the sum 1, got %.9g", sum);
  if (positive < needed)
    return mb_refuse(MB_BAD_VALUE,
                     "cannot choose %td without replacement: only %td probabilities are above 0", needed,
                     positive);
  return MB_OK;
}

static void cumulate(double *cdf, const double *p, mb_size K) {
  double sum = 0;
  for (mb_size i = 0; i < K; i++) cdf[i] = sum += p[i];
  for (mb_size i = 0; i < K; i++) cdf[i] /= sum;
}

/* How many of the cdf are at most one uniform draw: a value of probability 0 never comes. */
static mb_size draw_from(mb_rng *rng, const double *cdf, mb_size K) {
  const double u = random_double(rng);
  mb_size low = 0, high = K;
  while (low < high) {
    const mb_size middle = low + (high - low) / 2;
    if (cdf[middle] <= u)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

size_t mb_rng_choice_weighted_scratch_bytes(mb_size population) {
  return (size_t)population * sizeof(double);
}

mb_status mb_rng_choice_weighted(mb_rng *rng, mb_size *index, void *scratch, double *p, mb_size population,
                                 mb_size size, bool replace, double tolerance) {
  double *cdf = scratch;
  const mb_status status = check_probabilities(p, population, replace ? 0 : size, tolerance);
  if (status != MB_OK) return status;
  for (mb_size found = 0; found < size;) {
    cumulate(cdf, p, population);
    for (mb_size missing = size - found; missing > 0; missing--) {
      const mb_size value = draw_from(rng, cdf, population);
      if (p[value] == 0) continue; /* chosen before in this round */
      index[found++] = value;
      if (!replace) p[value] = 0;
    }
  }
  return MB_OK;
}
