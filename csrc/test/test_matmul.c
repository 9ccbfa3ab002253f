/* test_matmul.c - matrix products against a plain triple loop. */
#include "check.h"
#include "simd_table.h" /* mb_use_simd */

#define COUNT_OF(array) ((mb_size)(sizeof(array) / sizeof((array)[0])))

typedef struct {
  bool transpose_a, transpose_b;
  mb_size M, N, K;
  mb_real alpha, beta;
} product;

static void multiply(mb_real *C, const product *p, const mb_real *A, const mb_real *B) {
  mb_matmul(C, p->transpose_a, p->transpose_b, p->M, p->N, p->K, p->alpha, A, B, p->beta);
}

static void multiply_plainly(mb_real *C, const product *p, const mb_real *A, const mb_real *B) {
  for (mb_size i = 0; i < p->M; i++)
    for (mb_size j = 0; j < p->N; j++) {
      double sum = 0;
      for (mb_size k = 0; k < p->K; k++) {
        const mb_real a = p->transpose_a ? A[k * p->M + i] : A[i * p->K + k];
        const mb_real b = p->transpose_b ? B[j * p->K + k] : B[k * p->N + j];
        sum += (double)a * (double)b;
      }
      const double kept = p->beta == 0 ? 0 : (double)p->beta * (double)C[i * p->N + j];
      C[i * p->N + j] = (mb_real)((double)p->alpha * sum + kept);
    }
}

static void products_of_literals(void **state) {
  (void)state;
  const mb_real A[6] = {1, 2, 3, 4, 5, 6}, B[6] = {7, 8, 9, 10, 11, 12};
  const mb_real AB[4] = {58, 64, 139, 154}, AtBt[4] = {76, 103, 100, 136}, ABt[4] = {50, 68, 122, 167};
  const mb_real AtB[4] = {89, 98, 116, 128};
  mb_real C[4];
  mb_matmul(C, false, false, 2, 2, 3, 1, A, B, 0);
  check_close(C, AB, 4, 0);
  mb_matmul(C, false, true, 2, 2, 3, 1, A, B, 0);
  check_close(C, ABt, 4, 0);
  mb_matmul(C, true, false, 2, 2, 3, 1, A, B, 0);
  check_close(C, AtB, 4, 0);
  mb_matmul(C, true, true, 2, 2, 3, 1, A, B, 0);
  check_close(C, AtBt, 4, 0);
}

/* Tiles are up to 384 x 256, in panels of 64 columns and a depth of 128; up to 8 rows have algorithms of
 * their own, for up to 16384 columns. */
static const struct {
  mb_size M, N, K;
} sizes[] = {{1, 1, 1},    {3, 5, 7},     {1, 40, 30},     {40, 1, 30},    {257, 3, 20},
             {4, 513, 20}, {300, 530, 9}, {515, 17, 33},   {1, 300, 999},  {8, 37, 203},
             {37, 300, 8}, {2, 9000, 5},  {400, 310, 300}, {130, 125, 260}};

static void every_transpose_agrees_with_plain_loops_on_any_number_of_threads(void **state) {
  (void)state;
  for (mb_size s = 0; s < 4 * COUNT_OF(sizes); s++) {
    product p = {s & 1, s & 2, sizes[s / 4].M, sizes[s / 4].N, sizes[s / 4].K, s % 3 ? 1 : (mb_real)-0.5, 0};
    p.beta = s % 5 ? 1 : (mb_real)0.25;
    mb_real *A = check_random(p.M * p.K, 1), *B = check_random(p.K * p.N, 2);
    mb_real *expected = check_random(p.M * p.N, 3), *C[3];
    multiply_plainly(expected, &p, A, B);
    for (int t = 0; t < 3; t++) {
      mb_set_threads(t + 1);
      C[t] = check_random(p.M * p.N, 3);
      multiply(C[t], &p, A, B);
      check_same_bits(C[t], C[0], p.M * p.N);
    }
    check_close(C[0], expected, p.M * p.N, CHECK_TOLERANCE);
    free(A), free(B), free(expected), free(C[0]), free(C[1]), free(C[2]);
  }
}

/* Several tiles, panels and slices of the depth, all partial, with the vectors of each instruction set. */
static void large_products_on_every_instruction_set(void **state) {
  (void)state;
  const mb_size shapes[][3] = {{401, 331, 531}, {150, 1300, 1100}};
  int first = -1;
  for (int set = 0; set < 3; set++) {
    if (!mb_use_simd(set)) continue;
    if (first < 0) first = set;
    for (int variant = 0; variant < 8; variant++)
      for (int add = 0; add < 2; add++) {
        const mb_size *size = shapes[variant / 4];
        const product p = {variant & 1, variant & 2, size[0], size[1], size[2], 1, add};
        mb_real *A = check_random(p.M * p.K, 1), *B = check_random(p.K * p.N, 2);
        mb_real *C = check_random(p.M * p.N, 3), *expected = check_random(p.M * p.N, 3);
        multiply(C, &p, A, B);
        multiply_plainly(expected, &p, A, B);
        check_close(C, expected, p.M * p.N, 2 * CHECK_TOLERANCE); /* depth 1000 */
        free(A), free(B), free(C), free(expected);
      }
  }
  mb_use_simd(first);
}

static void what_was_there_does_not_leak_when_beta_is_zero(void **state) {
  (void)state;
  for (mb_size s = 0; s < 4 * COUNT_OF(sizes); s++) {
    const product p = {s & 1, s & 2, sizes[s / 4].M, sizes[s / 4].N, sizes[s / 4].K, 1, 0};
    mb_real *A = check_random(p.M * p.K, 1), *B = check_random(p.K * p.N, 2);
    mb_real *C = check_zeros(p.M * p.N), *expected = check_zeros(p.M * p.N);
    mb_fill(C, (mb_real)NAN, p.M * p.N);
    multiply(C, &p, A, B);
    multiply_plainly(expected, &p, A, B);
    check_close(C, expected, p.M * p.N, CHECK_TOLERANCE);
    free(A), free(B), free(C), free(expected);
  }
}

/* At depth 1000 a single sample and a batch take different algorithms. */
static void rows_agree_with_those_of_a_larger_product(void **state) {
  (void)state;
  enum { M = 20, N = 70, K = 1001 };
  mb_real *A = check_random(M * K, 1), *B = check_random(K * N, 2), *C = check_zeros(M * N),
          *row = check_zeros(N);
  for (int transpose_b = 0; transpose_b < 2; transpose_b++) {
    mb_matmul(C, false, transpose_b, M, N, K, 1, A, B, 0);
    for (mb_size i = 0; i < M; i++) {
      mb_matmul(row, false, transpose_b, 1, N, K, 1, A + i * K, B, 0);
      check_close(row, C + i * N, N, CHECK_TOLERANCE);
    }
  }
  free(A), free(B), free(C), free(row);
}

static void nan_in_a_factor_reaches_its_row_alone(void **state) {
  (void)state;
  mb_real A[6] = {1, 2, (mb_real)NAN, 4, 5, 6}, B[2] = {0, 1}, C[3];
  mb_matmul(C, false, false, 3, 1, 2, 1, A, B, 0);
  assert_true(C[0] == 2 && isnan(C[1]) && C[2] == 6);
}

typedef struct {
  product p;
  const mb_real *other;
  bool of_a;
} context;

static void forward(mb_real *C, const mb_real *x, void *argument) {
  const context *c = argument;
  multiply(C, &c->p, c->of_a ? x : c->other, c->of_a ? c->other : x);
}

/* Widths are those of vectors and parts of vectors, on every instruction set, the best one last: memory after
 * the columns stays unchanged. */
static void products_of_every_width(void **state) {
  (void)state;
  enum { ROWS = 13, DEPTH = 7, WIDEST = 150, LD = 160 };
  mb_real *A = check_random(ROWS * DEPTH, 1), *B = check_random(DEPTH * LD, 2);
  mb_real *before = check_random(ROWS * LD, 3), C[ROWS * LD], expected[ROWS * LD];
  for (int set = 2; set >= 0; set--)
    for (mb_size N = 1; mb_use_simd(set) && N <= WIDEST; N++)
      for (int add = 0; add < 2; add++) {
        memcpy(C, before, sizeof C);
        memcpy(expected, before, sizeof expected);
        mb_simd_here()->product(C, LD, A, DEPTH, 1, B, LD, ROWS, N, DEPTH, add);
        for (mb_size i = 0; i < ROWS; i++)
          for (mb_size j = 0; j < N; j++) {
            double sum = add ? (double)expected[i * LD + j] : 0;
            for (mb_size k = 0; k < DEPTH; k++) sum += (double)A[i * DEPTH + k] * (double)B[k * LD + j];
            expected[i * LD + j] = (mb_real)sum;
          }
        check_close(C, expected, ROWS * LD, CHECK_TOLERANCE);
      }
  free(A), free(B), free(before);
}

/* dA = dC B' and dB = A' dC, themselves products. */
static void gradients_are_products(void **state) {
  (void)state;
  enum { M = 5, N = 4, K = 6 };
  mb_real *A = check_random(M * K, 1), *B = check_random(K * N, 2), *dC = check_random(M * N, 3), dA[M * K],
          dB[K * N];
  mb_matmul(dA, false, true, M, K, N, 1, dC, B, 0);
  mb_matmul(dB, true, false, K, N, M, 1, A, dC, 0);
  context c = {{false, false, M, N, K, 1, 0}, B, true};
  check_gradient(forward, &c, A, M * K, dC, M * N, dA);
  c.other = A, c.of_a = false;
  check_gradient(forward, &c, B, K * N, dC, M * N, dB);
  free(A), free(B), free(dC);
}

static void products_of_nothing(void **state) {
  (void)state;
  mb_real C[4] = {7, 7, 7, 7};
  mb_matmul(C, false, false, 0, 2, 2, 1, NULL, NULL, 0);
  assert_true(C[0] == 7);
  mb_matmul(C, false, false, 2, 2, 0, 1, C, C, 0); /* an empty sum */
  const mb_real zeros[4] = {0, 0, 0, 0};
  check_close(C, zeros, 4, 0);
}

/* The argument is a pattern of tests to skip: valgrind takes too long for all. */
int main(int count, char **arguments) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(products_of_literals),
      cmocka_unit_test(every_transpose_agrees_with_plain_loops_on_any_number_of_threads),
      cmocka_unit_test(large_products_on_every_instruction_set),
      cmocka_unit_test(what_was_there_does_not_leak_when_beta_is_zero),
      cmocka_unit_test(rows_agree_with_those_of_a_larger_product),
      cmocka_unit_test(nan_in_a_factor_reaches_its_row_alone),
      cmocka_unit_test(products_of_every_width),
      cmocka_unit_test(gradients_are_products),
      cmocka_unit_test(products_of_nothing),
  };
  if (count > 1) cmocka_set_skip_filter(arguments[1]);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
