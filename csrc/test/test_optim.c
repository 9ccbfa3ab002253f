/* test_optim.c - optimiser steps against trajectories of PyTorch and against plain loops. */
#include "check.h"

/* Minimises sum(a (w - t)^2) / 2 from w = (1, -2, 0.5). The expected weights after one and after
 * five steps are those of PyTorch 2.15.0 in float64:
 *   w = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64, requires_grad=True)
 *   for step in range(5):
 *     optimizer.zero_grad(); (a * (w - t)**2 / 2).sum().backward(); optimizer.step() */
static const mb_real curvature[3] = {1, 3, (mb_real)0.25}, target[3] = {-1, (mb_real)0.5, 2};

typedef struct {
  mb_real w[3], g[3], m[3], v[3];
} Weights;

typedef void Optimizer(mb_parameter *p, int64_t step);

static void check_trajectory(Optimizer *optimizer, const mb_real after_one[3], const mb_real after_five[3]) {
  Weights s = {.w = {1, -2, (mb_real)0.5}};
  mb_parameter p = {.value = s.w, .gradient = s.g, .m = s.m, .v = s.v, .count = 3};
  for (int64_t step = 1; step <= 5; step++) {
    for (int i = 0; i < 3; i++) s.g[i] = curvature[i] * (s.w[i] - target[i]);
    optimizer(&p, step);
    if (step == 1) check_close(s.w, after_one, 3, CHECK_TOLERANCE);
  }
  check_close(s.w, after_five, 3, CHECK_TOLERANCE);
}

/* torch.optim.SGD([w], lr=0.1); no velocity is kept, so none need be given */
static void plain_sgd(mb_parameter *p, int64_t step) {
  (void)step;
  p->m = p->v = NULL;
  mb_sgd_step(p, 1, 0.1, 0, false, 0);
}

/* torch.optim.SGD([w], lr=0.1, weight_decay=0.2) */
static void decayed_sgd(mb_parameter *p, int64_t step) {
  (void)step;
  mb_sgd_step(p, 1, 0.1, 0, false, 0.2);
}

/* torch.optim.SGD([w], lr=0.1, momentum=0.9) */
static void momentum_sgd(mb_parameter *p, int64_t step) {
  (void)step;
  mb_sgd_step(p, 1, 0.1, 0.9, false, 0);
}

/* torch.optim.SGD([w], lr=0.1, momentum=0.9, weight_decay=0.2) */
static void decayed_momentum_sgd(mb_parameter *p, int64_t step) {
  (void)step;
  mb_sgd_step(p, 1, 0.1, 0.9, false, 0.2);
}

/* torch.optim.SGD([w], lr=0.1, momentum=0.9, weight_decay=0.2, nesterov=True) */
static void nesterov_sgd(mb_parameter *p, int64_t step) {
  (void)step;
  mb_sgd_step(p, 1, 0.1, 0.9, true, 0.2);
}

/* torch.optim.Adam([w], lr=0.1) */
static void adam(mb_parameter *p, int64_t step) {
  mb_adam_step(p, 1, 0.1, 0.9, 0.999, 1e-8, 0, false, step);
}

/* torch.optim.Adam([w], lr=0.1, betas=(0.8, 0.95), eps=1e-2, weight_decay=0.2) */
static void decayed_adam(mb_parameter *p, int64_t step) {
  mb_adam_step(p, 1, 0.1, 0.8, 0.95, 1e-2, 0.2, false, step);
}

/* torch.optim.AdamW([w], lr=0.1, weight_decay=0.2) */
static void adamw(mb_parameter *p, int64_t step) {
  mb_adam_step(p, 1, 0.1, 0.9, 0.999, 1e-8, 0.2, true, step);
}

/* torch.optim.RMSprop([w], lr=0.1) */
static void rmsprop(mb_parameter *p, int64_t step) {
  (void)step;
  mb_rmsprop_step(p, 1, 0.1, 0.99, 0, 1e-8, 0);
}

/* torch.optim.RMSprop([w], lr=0.1, alpha=0.9, eps=1e-2, momentum=0.9, weight_decay=0.2) */
static void momentum_rmsprop(mb_parameter *p, int64_t step) {
  (void)step;
  mb_rmsprop_step(p, 1, 0.1, 0.9, 0.9, 1e-2, 0.2);
}

static void trajectories_are_those_of_pytorch(void **state) {
  (void)state;
  static const struct {
    Optimizer *optimizer;
    mb_real after_one[3], after_five[3];
  } cases[] = {
      {plain_sgd, {0.8, -1.25, 0.5375}, {0.18098, 0.079825000000000063, 0.67835645996093752}},
      {decayed_sgd, {0.78, -1.21, 0.5275}, {0.1341751808, 0.1098101504, 0.62566945807968743}},
      {momentum_sgd, {0.8, -1.25, 0.5375}, {-1.05832, 2.4457, 0.96443200683593755}},
      {decayed_momentum_sgd, {0.78, -1.21, 0.5275}, {-1.1512107232, 2.4069715184, 0.82450032795468753}},
      {nesterov_sgd,
       {0.582, -0.499, 0.55225},
       {-1.2268004990894079, 1.2448132336616957, 0.88422702808922082}},
      {adam,
       {0.90000000049999995, -1.9000000001333333, 0.59999999733333342},
       {0.50295578259298579, -1.5022246489318043, 0.99564181830900256}},
      {decayed_adam,
       {0.90045248868778283, -1.900126422250316, 0.59649122807017541},
       {0.50726784156740468, -1.5040747178644545, 0.95723546904877543}},
      {adamw,
       {0.88000000049999993, -1.8600000001333332, 0.58999999733333341},
       {0.42712725033254378, -1.3307303775272195, 0.92875826615652501}},
      {rmsprop,
       {4.999999791976961e-08, -1.0000000133333335, 1.499999733333404},
       {-0.9016898815067922, 0.1948775886532093, 1.9912808380924283}},
      {momentum_rmsprop,
       {0.6882532780488746, -1.6850330100288282, 0.7836144027473819},
       {-1.4482905275458922, 0.6599509917620529, 1.5834011846749518}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    check_trajectory(cases[i].optimizer, cases[i].after_one, cases[i].after_five);
}

/* Lion by hand: the sign of a mean of old moment and gradient decides, and the moment moves slower. */
static void lion_steps_by_signs(void **state) {
  mb_real w[3] = {1, -2, 0.5}, g[3] = {0.1, -30, 0}, m[3] = {-1, 1, 0};
  const mb_real w_after[3] = {1 - 0.1 * 0.2 * 1 + 0.1, -2 + 0.1 * 0.2 * 2 + 0.1, 0.5 - 0.1 * 0.2 * 0.5};
  const mb_real m_after[3] = {-0.99 + 0.001, 0.99 - 0.3, 0};
  mb_parameter p = {.value = w, .gradient = g, .m = m, .count = 3};
  (void)state;
  mb_lion_step(&p, 1, 0.1, 0.9, 0.99, 0.2);
  check_close(w, w_after, 3, CHECK_TOLERANCE);
  check_close(m, m_after, 3, CHECK_TOLERANCE);
}

static void averages_move_a_share_of_the_way(void **state) {
  mb_real average[2] = {1, -2}, weights[2] = {3, -2.5};
  mb_parameter p = {.value = average, .gradient = weights, .count = 2};
  (void)state;
  mb_average_step(&p, 1, 0.25);
  check_close(average, (mb_real[]){1.5, -2.125}, 2, CHECK_TOLERANCE);
}

/* ---- many parameters, of one element to several blocks ---- */

enum { PARAMETERS = 4, ELEMENTS = 1 + 5 + 16384 + 40000 };
static const mb_size counts[PARAMETERS] = {1, 5, 16384, 40000};

typedef struct {
  mb_real *w, *g, *m, *v;
  mb_parameter parameters[PARAMETERS];
} Network;

static Network new_network(void) {
  Network n = {check_random(ELEMENTS, 1),
               check_random(ELEMENTS, 2),
               check_random(ELEMENTS, 3),
               check_random(ELEMENTS, 4),
               {{0}}};
  mb_size at = 0;
  for (mb_size i = 0; i < ELEMENTS; i++) n.v[i] *= n.v[i];
  for (int i = 0; i < PARAMETERS; at += counts[i++])
    n.parameters[i] = (mb_parameter){
        .value = n.w + at, .gradient = n.g + at, .m = n.m + at, .v = n.v + at, .count = counts[i]};
  return n;
}

static void free_network(Network *n) {
  free(n->w), free(n->g), free(n->m), free(n->v);
}

static void every_element_takes_one_sgd_step(void **state) {
  (void)state;
  Network n = new_network(), old = new_network();
  mb_sgd_step(n.parameters, PARAMETERS, 0.1, 0.9, true, 0.01);
  for (mb_size i = 0; i < ELEMENTS; i++) {
    const double g = old.g[i] + 0.01 * old.w[i], velocity = 0.9 * old.m[i] + g;
    old.m[i] = (mb_real)velocity;
    old.w[i] = (mb_real)(old.w[i] - 0.1 * (g + 0.9 * velocity));
  }
  check_close(n.w, old.w, ELEMENTS, CHECK_TOLERANCE);
  check_close(n.m, old.m, ELEMENTS, CHECK_TOLERANCE);
  free_network(&n), free_network(&old);
}

static void every_element_takes_one_adam_step(void **state) {
  (void)state;
  Network n = new_network(), old = new_network();
  mb_adam_step(n.parameters, PARAMETERS, 0.01, 0.9, 0.99, 1e-3, 0, false, 3);
  for (mb_size i = 0; i < ELEMENTS; i++) {
    const double m = 0.9 * old.m[i] + 0.1 * old.g[i], v = 0.99 * old.v[i] + 0.01 * old.g[i] * old.g[i];
    old.m[i] = (mb_real)m;
    old.v[i] = (mb_real)v;
    old.w[i] = (mb_real)(old.w[i] - 0.01 * m / (1 - pow(0.9, 3)) / (sqrt(v / (1 - pow(0.99, 3))) + 1e-3));
  }
  check_close(n.w, old.w, ELEMENTS, CHECK_TOLERANCE);
  check_close(n.m, old.m, ELEMENTS, CHECK_TOLERANCE);
  check_close(n.v, old.v, ELEMENTS, CHECK_TOLERANCE);
  free_network(&n), free_network(&old);
}

static void steps_do_not_depend_on_threads(void **state) {
  (void)state;
  Network one = new_network();
  mb_set_threads(1);
  mb_sgd_step(one.parameters, PARAMETERS, 0.1, 0.9, false, 0.01);
  mb_adam_step(one.parameters, PARAMETERS, 0.01, 0.9, 0.999, 1e-8, 0.01, true, 2);
  for (int threads = 2; threads <= 3; threads++) {
    Network many = new_network();
    mb_set_threads(threads);
    mb_sgd_step(many.parameters, PARAMETERS, 0.1, 0.9, false, 0.01);
    mb_adam_step(many.parameters, PARAMETERS, 0.01, 0.9, 0.999, 1e-8, 0.01, true, 2);
    check_same_bits(one.w, many.w, ELEMENTS);
    check_same_bits(one.m, many.m, ELEMENTS);
    check_same_bits(one.v, many.v, ELEMENTS);
    free_network(&many);
  }
  free_network(&one);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(trajectories_are_those_of_pytorch), cmocka_unit_test(lion_steps_by_signs),
      cmocka_unit_test(averages_move_a_share_of_the_way),  cmocka_unit_test(every_element_takes_one_sgd_step),
      cmocka_unit_test(every_element_takes_one_adam_step), cmocka_unit_test(steps_do_not_depend_on_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
