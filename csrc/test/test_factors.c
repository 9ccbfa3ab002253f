/* test_factors.c - products kept as their factors against plain loops, and optimiser steps on them against
 * steps on the product. */
#include "check.h"
#include "simd_table.h" /* mb_use_simd */

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))

typedef struct {
  mb_factors factors;
  mb_real *left, *right;
} Product;

static Product new_product(mb_size depth, mb_size rows, mb_size columns, uint32_t seed) {
  Product p = {{depth, rows, columns, NULL},
               check_random(depth * rows, seed),
               check_random(depth * columns, seed + 1)};
  p.factors.packed = malloc(sizeof(mb_real) * (size_t)mb_factors_count(depth, rows, columns));
  mb_factors_pack(&p.factors, p.left, p.right);
  return p;
}

static void free_product(Product *p) {
  free(p->factors.packed), free(p->left), free(p->right);
}

static mb_real *multiplied(const Product *p) {
  mb_real *y = check_random(p->factors.rows * p->factors.columns, 9);
  mb_factors_multiply(y, &p->factors);
  return y;
}

static mb_real *multiplied_plainly(const Product *p) {
  const mb_size M = p->factors.rows, N = p->factors.columns;
  mb_real *y = check_zeros(M * N);
  for (mb_size i = 0; i < M; i++)
    for (mb_size j = 0; j < N; j++) {
      double sum = 0;
      for (mb_size k = 0; k < p->factors.depth; k++)
        sum += (double)p->left[k * M + i] * (double)p->right[k * N + j];
      y[i * N + j] = (mb_real)sum;
    }
  return y;
}

/* Tiles, strips, panels, groups and runs, complete and partial. */
static mb_size draw_size(mb_rng *rng, mb_size most) {
  return 1 + (mb_size)(mb_rng_uniform(rng, 0, 1) * (double)most);
}

static void products_agree_with_plain_loops(void **state) {
  (void)state;
  mb_rng rng;
  mb_rng_seed(&rng, &(uint32_t){5}, 1);
  for (int i = 0; i < 40; i++) {
    const mb_size depth = draw_size(&rng, i % 4 ? 40 : 300), rows = draw_size(&rng, i % 3 ? 130 : 500);
    Product p = new_product(depth, rows, draw_size(&rng, i % 5 ? 130 : 700), (uint32_t)i);
    mb_real *expected = multiplied_plainly(&p);
    for (int set = 2; set >= 0; set--) {
      if (!mb_use_simd(set)) continue;
      mb_real *y[3];
      for (int t = 0; t < 3; t++) {
        mb_set_threads(t + 1);
        y[t] = multiplied(&p);
        check_same_bits(y[t], y[0], p.factors.rows * p.factors.columns);
      }
      check_close(y[0], expected, p.factors.rows * p.factors.columns, CHECK_TOLERANCE);
      free(y[0]), free(y[1]), free(y[2]);
    }
    free(expected);
    free_product(&p);
  }
}

/* ---- steps ---- */

static void sgd(mb_parameter *p, mb_size count) {
  for (mb_size i = 0; i < count; i++) p[i].m = p[i].v = NULL;
  mb_sgd_step(p, count, 0.1, 0, false, 0.2);
}
static void momentum(mb_parameter *p, mb_size count) {
  for (mb_size i = 0; i < count; i++) p[i].v = NULL;
  mb_sgd_step(p, count, 0.1, 0.9, false, 0.2);
}
static void nesterov(mb_parameter *p, mb_size count) {
  mb_sgd_step(p, count, 0.1, 0.9, true, 0);
}
static void adam(mb_parameter *p, mb_size count) {
  mb_adam_step(p, count, 0.01, 0.9, 0.999, 1e-8, 0, false, 1);
}
static void decayed_adam(mb_parameter *p, mb_size count) {
  mb_adam_step(p, count, 0.01, 0.8, 0.95, 1e-2, 0.2, false, 3);
}
static void adamw(mb_parameter *p, mb_size count) {
  mb_adam_step(p, count, 0.01, 0.9, 0.999, 1e-8, 0.2, true, 2);
}

enum { PARAMETERS = 3 };
static const mb_size shapes[PARAMETERS][3] = {
    {20, 401, 333}, {1, 7, 5}, {128, 50, 260}}; /* depth, rows, columns */

/* Two products, and between them a gradient as usual. */
typedef struct {
  Product products[PARAMETERS];
  mb_real *w[PARAMETERS], *g[PARAMETERS], *m[PARAMETERS], *v[PARAMETERS];
} Network;

/* The weights and moments after one step. */
static Network stepped(void (*step)(mb_parameter *, mb_size), bool fused) {
  Network n;
  mb_parameter parameters[PARAMETERS];
  for (int i = 0; i < PARAMETERS; i++) {
    const mb_size count = shapes[i][1] * shapes[i][2];
    n.products[i] = new_product(shapes[i][0], shapes[i][1], shapes[i][2], (uint32_t)i);
    n.g[i] = multiplied(&n.products[i]);
    n.w[i] = check_random(count, 11), n.m[i] = check_random(count, 12), n.v[i] = check_random(count, 13);
    for (mb_size k = 0; k < count; k++) n.v[i][k] *= n.v[i][k];
    parameters[i] =
        (mb_parameter){.value = n.w[i], .gradient = n.g[i], .m = n.m[i], .v = n.v[i], .count = count};
    if (fused && i != 1) parameters[i].gradient = NULL, parameters[i].factors = n.products[i].factors;
  }
  step(parameters, PARAMETERS);
  return n;
}

static void free_network(Network *n) {
  for (int i = 0; i < PARAMETERS; i++) {
    free(n->w[i]), free(n->g[i]), free(n->m[i]), free(n->v[i]);
    free_product(&n->products[i]);
  }
}

static void check_same(const Network *a, const Network *b) {
  for (int i = 0; i < PARAMETERS; i++) {
    const size_t bytes = sizeof(mb_real) * (size_t)(shapes[i][1] * shapes[i][2]);
    assert_memory_equal(a->w[i], b->w[i], bytes);
    assert_memory_equal(a->m[i], b->m[i], bytes);
    assert_memory_equal(a->v[i], b->v[i], bytes);
  }
}

static void steps_on_factors_are_steps_on_their_product(void **state) {
  (void)state;
  void (*const steps[])(mb_parameter *, mb_size) = {sgd, momentum, nesterov, adam, decayed_adam, adamw};
  for (int s = 0; s < COUNT_OF(steps); s++)
    for (int set = 2; set >= 0; set--) {
      if (!mb_use_simd(set)) continue;
      mb_set_threads(1);
      Network expected = stepped(steps[s], false);
      for (int threads = 1; threads <= 3; threads++) {
        mb_set_threads(threads);
        Network n = stepped(steps[s], true);
        check_same(&n, &expected);
        free_network(&n);
      }
      free_network(&expected);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(products_agree_with_plain_loops),
      cmocka_unit_test(steps_on_factors_are_steps_on_their_product),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
