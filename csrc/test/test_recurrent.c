/* test_recurrent.c - LSTM and GRU against plain loops and central differences, for any number of threads. */
#include "check.h"

typedef struct {
  mb_recurrent s;
  mb_size z_count, h_count, R_count;
  mb_real *x, *W, *z, *R, *b, *h, *c, *gates, *dh, *dz, *dR, *db;
} Net;

static mb_size gates_of(mb_recurrent_kind kind) {
  return kind == MB_LSTM ? 4 : 3;
}

#define CHANNELS 3 /* channels of the input */

static Net new_net(mb_recurrent_kind kind, mb_size L, mb_size N, mb_size U) {
  const mb_size h = L * N * U, z = h * gates_of(kind), R = U * U * gates_of(kind);
  Net n = {
      .s = {.kind = kind, .L = L, .N = N, .C = CHANNELS, .U = U, .threads = mb_get_threads(), .keeps = true},
      .z_count = z,
      .h_count = h,
      .R_count = R,
      .x = check_random(L * N * CHANNELS, 1),
      .W = check_random(CHANNELS * gates_of(kind) * U, 5),
      .z = check_random(gates_of(kind) * U, 6),
      .R = check_random(R, 2),
      .b = check_random(U, 3),
      .h = check_zeros(h),
      .c = check_zeros(h),
      .gates = check_zeros(4 * h),
      .dh = check_random(h, 4),
      .dz = check_zeros(z),
      .dR = check_zeros(R),
      .db = check_zeros(U)};
  for (mb_size i = 0; i < R; i++) n.R[i] *= (mb_real)(1 / sqrt((double)U));
  return n;
}

static void free_net(Net *n) {
  mb_real *arrays[] = {n->x, n->W, n->z, n->R, n->b, n->h, n->c, n->gates, n->dh, n->dz, n->dR, n->db};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) free(arrays[i]);
}

static void run(mb_real *h, Net *n, const mb_real *z, const mb_real *R, const mb_real *b) {
  void *scratch = malloc(mb_recurrent_scratch_bytes(&n->s));
  mb_recurrent_forward(h, n->s.kind == MB_LSTM ? n->c : NULL, n->gates, scratch, n->x, n->W, z, R, b, &n->s);
  free(scratch);
}

static void run_backward(Net *n) {
  void *scratch = malloc(mb_recurrent_scratch_bytes(&n->s));
  mb_recurrent_backward(n->dz, n->dR, n->db, scratch, n->dh, n->h, n->s.kind == MB_LSTM ? n->c : NULL,
                        n->gates, n->R, &n->s);
  free(scratch);
}

/* ---- plain loops ------------------------------------------------------------------------------- */

static double sigmoid(double x) {
  return 1 / (1 + exp(-x));
}

/* Gate g of unit u: the product with the input and its bias; and the product with the state before. */
static double input(const Net *n, const mb_real *x, mb_size g, mb_size u) {
  const mb_size column = g * n->s.U + u;
  double sum = (double)n->z[column];
  for (mb_size k = 0; k < CHANNELS; k++)
    sum += (double)x[k] * (double)n->W[k * gates_of(n->s.kind) * n->s.U + column];
  return sum;
}

static double product(const Net *n, const double *state, mb_size g, mb_size u) {
  double sum = 0;
  for (mb_size k = 0; k < n->s.U; k++)
    sum += state[k] * (double)n->R[(k * gates_of(n->s.kind) + g) * n->s.U + u];
  return sum;
}

static void plain_row(double *h, const Net *n, mb_size row) {
  const mb_size U = n->s.U, gates = gates_of(n->s.kind);
  double state[64] = {0}, cell[64] = {0}, next[64];
  for (mb_size t = 0; t < n->s.L; t++) {
    const mb_real *x = n->x + (t * n->s.N + row) * CHANNELS;
    for (mb_size u = 0; u < U; u++) {
      double z[4] = {0}, p[4] = {0};
      for (mb_size g = 0; g < gates; g++) p[g] = product(n, state, g, u), z[g] = input(n, x, g, u) + p[g];
      if (n->s.kind == MB_LSTM) {
        cell[u] = sigmoid(z[1]) * cell[u] + sigmoid(z[0]) * tanh(z[2]);
        next[u] = sigmoid(z[3]) * tanh(cell[u]);
      } else {
        const double value = tanh(input(n, x, 2, u) + sigmoid(z[1]) * (p[2] + (double)n->b[u]));
        next[u] = sigmoid(z[0]) * state[u] + (1 - sigmoid(z[0])) * value;
      }
    }
    for (mb_size u = 0; u < U; u++) h[(t * n->s.N + row) * U + u] = state[u] = next[u];
  }
}

static void as_plain_loops(void **state) {
  (void)state;
  const mb_size sizes[][3] = {{1, 1, 1}, {5, 3, 7}, {9, 17, 16}, {4, 2, 33}, {3, 50, 24}};
  for (mb_recurrent_kind kind = MB_LSTM; kind <= MB_GRU; kind++)
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
      Net n = new_net(kind, sizes[i][0], sizes[i][1], sizes[i][2]);
      double *plain = calloc((size_t)n.h_count, sizeof *plain);
      mb_real *expected = check_zeros(n.h_count), *alone = check_zeros(n.h_count);
      for (mb_size row = 0; row < n.s.N; row++) plain_row(plain, &n, row);
      for (mb_size k = 0; k < n.h_count; k++) expected[k] = (mb_real)plain[k];
      run(n.h, &n, n.z, n.R, n.b);
      check_close(n.h, expected, n.h_count, CHECK_TOLERANCE);
      n.s.keeps = false; /* memory of one step only */
      run(alone, &n, n.z, n.R, n.b);
      check_same_bits(alone, n.h, n.h_count);
      free(plain), free(expected), free(alone);
      free_net(&n);
    }
}

/* ---- gradients --------------------------------------------------------------------------------- */

static void forward_of_z(mb_real *h, const mb_real *z, void *n) {
  run(h, n, z, ((Net *)n)->R, ((Net *)n)->b);
}
static void forward_of_R(mb_real *h, const mb_real *R, void *n) {
  run(h, n, ((Net *)n)->z, R, ((Net *)n)->b);
}
static void forward_of_b(mb_real *h, const mb_real *b, void *n) {
  run(h, n, ((Net *)n)->z, ((Net *)n)->R, b);
}

static void central_differences(void **state) {
  (void)state;
  const mb_size sizes[][3] = {{1, 2, 3}, {4, 3, 5}, {6, 1, 18}};
  for (mb_recurrent_kind kind = MB_LSTM; kind <= MB_GRU; kind++)
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
      Net n = new_net(kind, sizes[i][0], sizes[i][1], sizes[i][2]);
      run(n.h, &n, n.z, n.R, n.b);
      run_backward(&n);
      mb_real *sums = check_zeros(gates_of(kind) * n.s.U); /* the bias of the input is the same in all rows */
      for (mb_size k = 0; k < n.z_count; k++) sums[k % (gates_of(kind) * n.s.U)] += n.dz[k];
      check_gradient(forward_of_z, &n, n.z, gates_of(kind) * n.s.U, n.dh, n.h_count, sums);
      free(sums);
      check_gradient(forward_of_R, &n, n.R, n.R_count, n.dh, n.h_count, n.dR);
      if (kind == MB_GRU) check_gradient(forward_of_b, &n, n.b, n.s.U, n.dh, n.h_count, n.db);
      free_net(&n);
    }
}

static void same_for_any_number_of_threads(void **state) {
  (void)state;
  const int threads = mb_get_threads();
  for (mb_recurrent_kind kind = MB_LSTM; kind <= MB_GRU; kind++)
    for (mb_size U = 31; U <= 48; U += 17) {
      mb_set_threads(1);
      Net one = new_net(kind, 12, 23, U), many = new_net(kind, 12, 23, U);
      run(one.h, &one, one.z, one.R, one.b);
      run_backward(&one);
      for (int count = 2; count <= 5; count++) {
        mb_set_threads(many.s.threads = count);
        run(many.h, &many, many.z, many.R, many.b);
        run_backward(&many);
        check_same_bits(many.h, one.h, one.h_count);
        check_same_bits(many.dz, one.dz, one.z_count);
        check_same_bits(many.dR, one.dR, one.R_count);
        if (kind == MB_GRU) check_same_bits(many.db, one.db, U);
      }
      free_net(&one), free_net(&many);
    }
  mb_set_threads(threads);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(as_plain_loops),
      cmocka_unit_test(central_differences),
      cmocka_unit_test(same_for_any_number_of_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
