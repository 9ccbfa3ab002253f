/* test_attention.c - attention against plain loops and central differences, for any number of threads. */
#include "check.h"

typedef struct {
  mb_attention s;
  mb_size count;
  mb_real *qkv, *y, *dy, *dqkv;
} Case;

static Case new_case(mb_size N, mb_size L, mb_size C, mb_size heads, bool causal) {
  const mb_size count = N * L * C;
  const mb_attention s = {
      .N = N, .L = L, .C = C, .heads = heads, .causal = causal, .threads = mb_get_threads()};
  return (Case){.s = s,
                .count = count,
                .qkv = check_random(3 * count, 1),
                .y = check_zeros(count),
                .dy = check_random(count, 2),
                .dqkv = check_zeros(3 * count)};
}

static void free_case(Case *c) {
  free(c->qkv), free(c->y), free(c->dy), free(c->dqkv);
}

static void run(mb_real *y, const mb_real *qkv, void *context) {
  const mb_attention *s = &((Case *)context)->s;
  void *scratch = malloc(mb_attention_scratch_bytes(s));
  mb_attention_forward(y, scratch, qkv, s);
  free(scratch);
}

static void run_backward(Case *c) {
  void *scratch = malloc(mb_attention_scratch_bytes(&c->s));
  mb_attention_backward(c->dqkv, scratch, c->dy, c->qkv, &c->s);
  free(scratch);
}

/* Point i of sample n, channel c of queries (0), keys (1) or values (2). */
static double at(const Case *x, mb_size n, mb_size i, int which, mb_size c) {
  return (double)x->qkv[((n * x->s.L + i) * 3 + which) * x->s.C + c];
}

static void plain_row(double *row, const Case *x, mb_size n, mb_size i, mb_size head) {
  const mb_size d = x->s.C / x->s.heads, L = x->s.causal ? i + 1 : x->s.L;
  double *weight = calloc((size_t)L, sizeof *weight), sum = 0;
  for (mb_size j = 0; j < L; j++) {
    double dot = 0;
    for (mb_size c = head * d; c < (head + 1) * d; c++) dot += at(x, n, i, 0, c) * at(x, n, j, 1, c);
    weight[j] = exp(dot / sqrt((double)d));
    sum += weight[j];
  }
  for (mb_size c = 0; c < d; c++) {
    row[c] = 0;
    for (mb_size j = 0; j < L; j++) row[c] += weight[j] / sum * at(x, n, j, 2, head * d + c);
  }
  free(weight);
}

static const mb_size sizes[][4] = {{1, 1, 1, 1},   {2, 5, 6, 2},    {1, 70, 16, 1},
                                   {2, 65, 36, 3}, {1, 400, 40, 2}, {2, 129, 128, 2}};

static void as_plain_loops(void **state) {
  (void)state;
  for (size_t i = 0; i < 2 * sizeof sizes / sizeof *sizes; i++) {
    const mb_size *size = sizes[i / 2];
    Case c = new_case(size[0], size[1], size[2], size[3], i % 2 == 1);
    const mb_size d = c.s.C / c.s.heads;
    run(c.y, c.qkv, &c);
    for (mb_size k = 0; k < c.s.N * c.s.L * c.s.heads; k++) {
      double row[128];
      mb_real expected[128];
      plain_row(row, &c, k / c.s.heads / c.s.L, k / c.s.heads % c.s.L, k % c.s.heads);
      for (mb_size e = 0; e < d; e++) expected[e] = (mb_real)row[e];
      check_close(c.y + k * d, expected, d, CHECK_TOLERANCE);
    }
    free_case(&c);
  }
}

static void central_differences(void **state) {
  (void)state;
  const mb_size small[][4] = {{1, 1, 2, 1}, {2, 5, 6, 2}, {1, 9, 17, 1}, {1, 70, 2, 1}};
  for (size_t i = 0; i < 2 * sizeof small / sizeof *small; i++) {
    const mb_size *size = small[i / 2];
    Case c = new_case(size[0], size[1], size[2], size[3], i % 2 == 1);
    run_backward(&c);
    check_gradient(run, &c, c.qkv, 3 * c.count, c.dy, c.count, c.dqkv);
    free_case(&c);
  }
}

/* Several blocks of rows: the directional derivative along dqkv is its squared norm. */
static void several_blocks(void **state) {
  (void)state;
#ifdef MB_DOUBLE
  Case c = new_case(1, 1500, 8, 1, true);
  run_backward(&c);
  double norm = 0, change = 0;
  mb_real *moved = check_zeros(3 * c.count), *other = check_zeros(c.count);
  for (mb_size i = 0; i < 3 * c.count; i++) norm += c.dqkv[i] * c.dqkv[i];
  for (int sign = -1; sign <= 1; sign += 2) {
    for (mb_size i = 0; i < 3 * c.count; i++) moved[i] = c.qkv[i] + sign * 1e-5 * c.dqkv[i];
    run(other, moved, &c);
    for (mb_size i = 0; i < c.count; i++) change += sign * c.dy[i] * other[i];
  }
  assert_true(fabs(change / 2e-5 - norm) < 1e-6 * norm);
  free(moved), free(other);
  free_case(&c);
#endif
}

static void same_for_any_number_of_threads(void **state) {
  (void)state;
  const int threads = mb_get_threads();
  mb_set_threads(1);
  Case one = new_case(3, 100, 48, 3, true), many = new_case(3, 100, 48, 3, true);
  run(one.y, one.qkv, &one);
  run_backward(&one);
  for (int count = 2; count <= 5; count++) {
    mb_set_threads(many.s.threads = count);
    run(many.y, many.qkv, &many);
    run_backward(&many);
    check_same_bits(many.y, one.y, one.count);
    check_same_bits(many.dqkv, one.dqkv, 3 * one.count);
  }
  mb_set_threads(threads);
  free_case(&one), free_case(&many);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(as_plain_loops),
      cmocka_unit_test(central_differences),
      cmocka_unit_test(several_blocks),
      cmocka_unit_test(same_for_any_number_of_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
