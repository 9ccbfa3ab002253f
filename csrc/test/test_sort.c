/* test_sort.c - the positions that sort, with ties, NaN and infinities. */
#include "check.h"

#define N NAN
#define I INFINITY

static void argsort(mb_real *at, const mb_real *x, bool descending, mb_size outer, mb_size D, mb_size inner,
                    int threads) {
  void *scratch = malloc(mb_argsort_scratch_bytes(D, threads));
  mb_argsort(at, scratch, x, descending, outer, D, inner, threads);
  free(scratch);
}

static void literals_are_sorted(void **state) {
  (void)state;
  const mb_real x[] = {2, N, (mb_real)-0.0, -1, 0, I, -I, 2, N}, rising[] = {7, 4, 3, 5, 1, 8, 6, 2, 9},
                falling[] = {6, 1, 8, 3, 5, 4, 7, 2, 9};
  mb_real at[9];
  argsort(at, x, false, 1, 9, 1, 1);
  check_exact(at, rising, 9);
  argsort(at, x, true, 1, 9, 1, 1);
  check_exact(at, falling, 9);
}

/* Both algorithms: few and many entries, many of them equal. */
static void positions_sort_and_keep_the_order_of_ties(void **state) {
  (void)state;
  enum { OUTER = 3, INNER = 5 };
  const mb_size sizes[] = {1, 2, 40, 48, 49, 300, 5000};
  for (int s = 0; s < 7; s++) {
    const mb_size D = sizes[s], count = OUTER * D * INNER;
    mb_real *x = check_random(count, 3), *at = check_zeros(count), *one = check_zeros(count);
    for (mb_size i = 0; i < count; i++) x[i] = (mb_real)(int)(100 * x[i]);
    argsort(one, x, s % 2 == 1, OUTER, D, INNER, 1);
    for (int threads = 2; threads <= 4; threads++) {
      argsort(at, x, s % 2 == 1, OUTER, D, INNER, threads);
      check_same_bits(at, one, count);
    }
    for (mb_size o = 0; o < OUTER; o++)
      for (mb_size n = 0; n < INNER; n++)
        for (mb_size i = 1; i < D; i++) {
          const mb_real *column = x + o * D * INNER + n, *places = one + o * D * INNER + n;
          const mb_size before = (mb_size)places[(i - 1) * INNER] - 1, here = (mb_size)places[i * INNER] - 1;
          const mb_real step = column[here * INNER] - column[before * INNER];
          assert_true(s % 2 == 1 ? step <= 0 : step >= 0);
          assert_true(step != 0 || before < here);
        }
    free(x), free(at), free(one);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(literals_are_sorted),
      cmocka_unit_test(positions_sort_and_keep_the_order_of_ties),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
