/* test_random.c - the generator against NumPy 2.4 and against the laws of its distributions.
 *
 * Expected values are those of numpy.random.default_rng(seed). Sums are over 200,000 draws in order, so
 * that they pass through the tails and wedges of the ziggurat: one wrong draw would shift all that follow. */
#include "check.h"
#include "ziggurat.h"

#define COUNT(array) ((mb_size)(sizeof(array) / sizeof *(array)))

static mb_rng rng_2022(void) {
  mb_rng rng;
  mb_rng_seed(&rng, (const uint32_t[]){2022}, 1);
  return rng;
}

static void seeds_give_the_streams_of_numpy(void **state) {
  static const struct {
    mb_size words;
    uint32_t entropy[9];
    double expected[3]; /* default_rng(seed).random(3) */
  } cases[] = {
      {1, {0}, {0.6369616873214543, 0.2697867137638703, 0.04097352393619469}},
      {1, {1}, {0.5118216247002567, 0.9504636963259353, 0.14415961271963373}},
      {1, {2022}, {0.24742606345259932, 0.0929900616754864, 0.6117633730611934}},
      {2,
       {0xffffffff, 0x7fffffff},
       {0.1754661243027813, 0.4699286514015091, 0.8250374441530688}}, /* 2^63-1 */
      {3, {1, 2, 3}, {0.6704722626516632, 0.1110146366693816, 0.5115090823948739}},
      {9, {0, 1, 2, 3, 4, 5, 6, 7, 8}, {0.9744863511440924, 0.4299011591032671, 0.9483064989475566}},
  };
  (void)state;
  for (mb_size c = 0; c < COUNT(cases); c++) {
    mb_rng rng;
    mb_rng_seed(&rng, cases[c].entropy, cases[c].words);
    for (int i = 0; i < 3; i++) assert_true(mb_rng_random(&rng) == cases[c].expected[i]);
  }
}

static double uniform(mb_rng *rng, double shape) {
  (void)shape;
  return mb_rng_uniform(rng, -3, 7);
}

static double normal(mb_rng *rng, double shape) {
  (void)shape;
  return mb_rng_normal(rng);
}

static double exponential(mb_rng *rng, double shape) {
  (void)shape;
  return mb_rng_exponential(rng);
}

typedef struct {
  double (*draw)(mb_rng *rng, double shape);
  double shape, first[3], sum;
  double mean, variance, skewness; /* of the distribution */
} Distribution;

static const Distribution distributions[] = {
    {uniform,
     0,
     {-0.5257393654740068, -2.070099383245136, 3.117633730611934},
     399366.675440229,
     2,
     100 / 12.0,
     0},
    {normal, 0, {2.676415289298492, -0.8427944072394241, 2.0781800337777434}, 585.136637743422, 0, 1, 0},
    {exponential,
     0,
     {0.5149618965599821, 0.06398284717313592, 1.2457570526659425},
     199479.9571637126,
     1,
     1,
     2},
    {mb_rng_gamma,
     0.3,
     {0.00950936429675087, 0.25161975790380847, 0.0006546851270243679},
     60035.222490610526,
     0.3,
     0.3,
     3.6514837167011076},
    {mb_rng_gamma,
     1,
     {0.5149618965599821, 0.06398284717313592, 1.2457570526659425},
     199479.9571637126,
     1,
     1,
     2},
    {mb_rng_gamma,
     1.2,
     {6.50873640404538, 4.598032944843985, 1.2902818279561594},
     240503.91031377602,
     1.2,
     1.2,
     1.8257418583505538},
    {mb_rng_gamma,
     50,
     {71.01707884854501, 65.7993329034671, 52.51136406860363},
     10005020.848545173,
     50,
     50,
     0.28284271247461901},
    {mb_rng_poisson, 3.5, {1, 2, 2}, 700426, 3.5, 3.5, 0.53452248382484879},
    {mb_rng_poisson, 250.5, {238, 256, 258}, 50102070, 250.5, 250.5, 0.063182},
};

static void distributions_are_those_of_numpy(void **state) {
  (void)state;
  for (mb_size d = 0; d < COUNT(distributions); d++) {
    const Distribution *of = &distributions[d];
    mb_rng rng = rng_2022();
    double sum = 0;
    for (int i = 0; i < 200000; i++) {
      const double x = of->draw(&rng, of->shape);
      if (i < 3) assert_true(fabs(x - of->first[i]) <= 1e-14 * fabs(x)); /* libraries differ in exp */
      sum += x;
    }
    assert_true(fabs(sum - of->sum) <= 1e-12 * fabs(of->sum) + 1e-10);
  }
}

/* How the logarithm of the gamma function is rounded decides which draws of large means are accepted. */
static void poisson_of_large_means_is_numpys(void **state) {
  (void)state;
  const struct {
    double mean, sum_off; /* sum of the draws, each less the mean */
  } numpy[] = {{10, -368}, {1e9, -5204800}, {1e14, -2845960240}, {1e15, -13241276086}};
  for (mb_size m = 0; m < COUNT(numpy); m++) {
    mb_rng rng = rng_2022();
    double sum = 0;
    for (int i = 0; i < 40000; i++) sum += mb_rng_poisson(&rng, numpy[m].mean) - numpy[m].mean;
    assert_true(sum == numpy[m].sum_off);
  }
}

static void distributions_have_their_moments(void **state) {
  enum { n = 400000 };
  (void)state;
  for (mb_size d = 0; d < COUNT(distributions); d++) {
    const Distribution *of = &distributions[d];
    mb_rng rng = rng_2022();
    double sums[4] = {0};
    mb_rng_advance(&rng, 1u << 30);
    for (int i = 0; i < n; i++) {
      double power = 1;
      const double z = (of->draw(&rng, of->shape) - of->mean) / sqrt(of->variance);
      for (int k = 1; k < 4; k++) sums[k] += power *= z;
    }
    assert_true(fabs(sums[1] / n) < 0.008);
    assert_true(fabs(sums[2] / n - 1) < 0.03);
    assert_true(fabs(sums[3] / n - of->skewness) < 0.01 + 0.1 * of->skewness);
  }
}

static void gamma_of_shape_zero_is_zero(void **state) {
  mb_rng rng = rng_2022();
  (void)state;
  assert_true(mb_rng_gamma(&rng, 0) == 0);
  assert_true(mb_rng_random(&rng) == 0.24742606345259932); /* and makes no draw */
}

static void ziggurat_strips_have_equal_areas(void **state) {
  const double words[2] = {0x1p52, 0x1p53};
  const Strip *const tables[2] = {normal_strips, exponential_strips};
  (void)state;
  for (int t = 0; t < 2; t++) {
    const double area = tables[t][0].width * words[t] * tables[t][255].height;
    for (int i = 1; i < 256; i++) {
      const double x = tables[t][i].width * words[t], density = exp(t == 0 ? -x * x / 2 : -x);
      assert_true(fabs(tables[t][i].height - density) < 1e-15);
      assert_true(fabs(x * (tables[t][i - 1].height - tables[t][i].height) / area - 1) < 1e-11);
      if (i > 1)
        assert_true(fabs(tables[t][i].inside / words[t] - tables[t][i - 1].width / tables[t][i].width) <
                    1e-14);
    }
  }
}

/* Draws of default_rng(2022).integers(low, high, 4, endpoint=True), then .random(). */
static void integers_are_those_of_numpy(void **state) {
  static const struct {
    int64_t low, high, expected[4];
    double then;
  } cases[] = {
      {0, 0, {0, 0, 0, 0}, 0.24742606345259932},
      {0, 1, {1, 0, 1, 0}, 0.6117633730611934},
      {0, 9, {7, 2, 7, 0}, 0.6117633730611934},
      {-5, 4294967290, {3036263660, 1062686845, 3217948992, 399389268}, 0.6117633730611934},
      {0, 4294967296, {1062686850, 399389273, 2627503680, 260541621}, 0.661033428056487},
      {0, 2147483648, {199694636, 404743789, 1313751840, 130270810}, 0.661033428056487},
      {0, 3221225472, {2277197749, 797015137, 2413461748, 299541954}, 0.6117633730611934},
      {0,
       6917529027641081856,
       {1711576976128320474, 643261450922311801, 4231890891198426322, 4572717926821842087},
       0.7551577777762973},
      {INT64_MIN,
       INT64_MAX,
       {-4659166767179254543, -7508008167728611003, 2061670339674361051, -8104354291390829061},
       0.661033428056487},
  };
  (void)state;
  for (mb_size c = 0; c < COUNT(cases); c++) {
    mb_rng rng = rng_2022();
    for (int i = 0; i < 4; i++)
      assert_int_equal(mb_rng_integer(&rng, cases[c].low, cases[c].high), cases[c].expected[i]);
    assert_true(mb_rng_random(&rng) == cases[c].then);
  }
}

static void integers_are_uniform(void **state) {
  mb_rng rng = rng_2022();
  int counts[7] = {0};
  (void)state;
  for (int i = 0; i < 70000; i++) counts[mb_rng_integer(&rng, -3, 3) + 3]++;
  double chi2 = 0;
  for (int k = 0; k < 7; k++) chi2 += (counts[k] - 1e4) * (counts[k] - 1e4) / 1e4;
  assert_true(chi2 < 22.5); /* 0.1 % of 6 degrees of freedom */
}

/* Returns true if index holds different numbers below population. */
static bool all_different(const mb_size *index, mb_size size, mb_size population) {
  bool *seen = calloc((size_t)population, sizeof *seen), different = true;
  for (mb_size i = 0; i < size; i++) {
    different = different && index[i] >= 0 && index[i] < population && !seen[index[i]];
    if (different) seen[index[i]] = true;
  }
  free(seen);
  return different;
}

static mb_size weighted_sum(const mb_size *index, mb_size size) {
  mb_size sum = 0;
  for (mb_size i = 0; i < size; i++) sum += (i + 1) * index[i];
  return sum;
}

/* default_rng(2022).permutation(n), then .random() */
static void permutations_are_those_of_numpy(void **state) {
  static const struct {
    mb_size n, expected[2], sum;
    double then;
  } cases[] = {
      {2, {0, 1}, 2, 0.0929900616754864},
      {10, {8, 4}, 211, 0.7551577777762973},
      {70000, {3600, 1225}, 85716096063166, 0.9890125265945896},
  };
  (void)state;
  for (mb_size c = 0; c < COUNT(cases); c++) {
    mb_rng rng = rng_2022();
    const mb_size n = cases[c].n;
    mb_size *index = malloc((size_t)n * sizeof *index);
    for (mb_size i = 0; i < n; i++) index[i] = i;
    mb_rng_shuffle(&rng, index, n);
    assert_true(all_different(index, n, n));
    for (int i = 0; i < 2; i++) assert_int_equal(index[i], cases[c].expected[i]);
    assert_int_equal(weighted_sum(index, n), cases[c].sum);
    assert_true(mb_rng_random(&rng) == cases[c].then);
    free(index);
  }
}

static void all_permutations_come_equally_often(void **state) {
  mb_rng rng = rng_2022();
  int counts[27] = {0};
  (void)state;
  for (int i = 0; i < 60000; i++) {
    mb_size index[3] = {0, 1, 2};
    mb_rng_shuffle(&rng, index, 3);
    counts[index[0] * 9 + index[1] * 3 + index[2]]++;
  }
  double chi2 = 0;
  for (int k = 0; k < 27; k++) chi2 += counts[k] > 0 ? (counts[k] - 1e4) * (counts[k] - 1e4) / 1e4 : 0;
  assert_true(chi2 < 20.5); /* 0.1 % of 5 degrees of freedom */
}

/* default_rng(2022).choice(population, size, replace=False, shuffle=shuffle), then .random() */
static void choices_are_those_of_numpy(void **state) {
  static const struct {
    mb_size population, size;
    bool shuffle;
    mb_size expected[3], sum;
    double then;
  } cases[] = {
      {10, 3, true, {2, 7, 5}, 31, 0.06066207353409203},
      {10, 3, false, {5, 2, 7}, 30, 0.6117633730611934},
      {10, 10, true, {1, 4, 3}, 290, 0.9886292556467801},
      {10000, 10000, true, {5436, 6650, 2707}, 249974565993, 0.7118822289056398},
      {10001, 300, false, {6858, 2400, 7270}, 227858152, 0.8031351769999945},
      {10001, 200, true, {9544, 2697, 1510}, 97771732, 0.20127735001555314},
      {10001, 201, true, {6571, 8880, 7446}, 95619562, 0.7455602210417925},
      {10001, 501, false, {6839, 580, 1675}, 622187368, 0.12402184086686086},
      {10001, 10001, true, {7919, 865, 6745}, 249073461454, 0.2618149577960688},
  };
  (void)state;
  for (mb_size c = 0; c < COUNT(cases); c++) {
    mb_rng rng = rng_2022();
    const mb_size population = cases[c].population, size = cases[c].size;
    mb_size *index = malloc((size_t)size * sizeof *index);
    mb_size *scratch = malloc(mb_rng_choice_scratch_bytes(population, size));
    mb_rng_choice(&rng, index, scratch, population, size, cases[c].shuffle);
    assert_true(all_different(index, size, population));
    for (int i = 0; i < 3; i++) assert_int_equal(index[i], cases[c].expected[i]);
    assert_int_equal(weighted_sum(index, size), cases[c].sum);
    assert_true(mb_rng_random(&rng) == cases[c].then);
    free(index);
    free(scratch);
  }
}

/* default_rng(2022).choice(5, size, replace=replace, p=[.1, .4, 0, .2, .3]), then .random() */
static void weighted_choices_are_those_of_numpy(void **state) {
  static const mb_size with[8] = {1, 0, 3, 0, 3, 4, 1, 0}, without[4] = {1, 0, 3, 4};
  double p[5] = {0.1, 0.4, 0, 0.2, 0.3}, cdf[5];
  mb_size index[8];
  mb_rng rng = rng_2022();
  (void)state;
  assert_int_equal(mb_rng_choice_weighted(&rng, index, cdf, p, 5, 8, true, 1e-8), MB_OK);
  assert_memory_equal(index, with, sizeof with);
  assert_true(mb_rng_random(&rng) == 0.41441747385528926);
  rng = rng_2022();
  assert_int_equal(mb_rng_choice_weighted(&rng, index, cdf, p, 5, 4, false, 1e-8), MB_OK);
  assert_memory_equal(index, without, sizeof without);
  assert_true(mb_rng_random(&rng) == 0.7551577777762973);
}

static void bad_probabilities_are_refused(void **state) {
  double cdf[2];
  mb_size index[2];
  mb_rng rng = rng_2022();
  (void)state;
  assert_int_equal(mb_rng_choice_weighted(&rng, index, cdf, (double[]){1.5, -0.5}, 2, 1, true, 1e-8),
                   MB_BAD_VALUE);
  assert_string_equal(mb_reason(), "probability 2: expected at least 0, got -0.5");
  assert_int_equal(mb_rng_choice_weighted(&rng, index, cdf, (double[]){NAN, 1}, 2, 1, true, 1e-8),
                   MB_BAD_VALUE);
  assert_int_equal(mb_rng_choice_weighted(&rng, index, cdf, (double[]){0.5, 0.4}, 2, 1, true, 1e-8),
                   MB_BAD_VALUE);
  assert_string_equal(mb_reason(), "probabilities: expected the sum 1, got 0.9");
  assert_int_equal(mb_rng_choice_weighted(&rng, index, cdf, (double[]){1, 0}, 2, 2, false, 1e-8),
                   MB_BAD_VALUE);
  assert_string_equal(mb_reason(), "cannot choose 2 without replacement: only 1 probabilities are above 0");
}

static void halves_of_a_draw_come_low_first(void **state) {
  mb_rng rng = rng_2022(), whole = rng;
  (void)state;
  for (int i = 0; i < 10; i++) {
    const uint64_t draw = mb_rng_uint64(&whole);
    assert_int_equal(mb_rng_uint32(&rng), (uint32_t)draw);
    assert_int_equal(mb_rng_uint32(&rng), (uint32_t)(draw >> 32));
  }
}

static void jumping_ahead_equals_stepping(void **state) {
  static const uint64_t jumps[] = {0, 1, 2, 3, 63, 64, 1000, 12345};
  (void)state;
  for (mb_size j = 0; j < COUNT(jumps); j++) {
    mb_rng jumped = rng_2022(), stepped = jumped;
    mb_rng_uint32(&jumped); /* its other half is dropped */
    mb_rng_uint64(&stepped);
    mb_rng_advance(&jumped, jumps[j]);
    for (uint64_t i = 0; i < jumps[j]; i++) mb_rng_uint64(&stepped);
    assert_int_equal(mb_rng_uint32(&jumped), mb_rng_uint32(&stepped));
  }
  mb_rng once = rng_2022(), twice = once;
  mb_rng_advance(&once, UINT64_MAX);
  mb_rng_advance(&twice, UINT64_MAX / 3);
  mb_rng_advance(&twice, UINT64_MAX / 3 * 2);
  assert_int_equal(mb_rng_uint64(&once), mb_rng_uint64(&twice));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(seeds_give_the_streams_of_numpy),
      cmocka_unit_test(distributions_are_those_of_numpy),
      cmocka_unit_test(poisson_of_large_means_is_numpys),
      cmocka_unit_test(distributions_have_their_moments),
      cmocka_unit_test(gamma_of_shape_zero_is_zero),
      cmocka_unit_test(ziggurat_strips_have_equal_areas),
      cmocka_unit_test(integers_are_those_of_numpy),
      cmocka_unit_test(integers_are_uniform),
      cmocka_unit_test(permutations_are_those_of_numpy),
      cmocka_unit_test(all_permutations_come_equally_often),
      cmocka_unit_test(choices_are_those_of_numpy),
      cmocka_unit_test(weighted_choices_are_those_of_numpy),
      cmocka_unit_test(bad_probabilities_are_refused),
      cmocka_unit_test(halves_of_a_draw_come_low_first),
      cmocka_unit_test(jumping_ahead_equals_stepping),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
