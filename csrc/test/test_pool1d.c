/* test_pool1d.c - pooling against plain loops, numbers worked out by hand and central differences. */
#include "check.h"

typedef void (*forward_function)(mb_real *y, const mb_real *x, const mb_pool1d *s);
typedef void (*backward_function)(mb_real *dx, const mb_real *dy, const mb_real *x, const mb_pool1d *s);

static void avg_backward(mb_real *dx, const mb_real *dy, const mb_real *x, const mb_pool1d *s) {
  (void)x;
  mb_avg_pool1d_backward(dx, dy, s);
}

static mb_pool1d new_pool(mb_size N, mb_size L, mb_size C, mb_size size, mb_size stride, mb_padding padding,
                          mb_size pad) {
  mb_pool1d s = {.N = N, .L = L, .C = C, .size = size, .stride = stride};
  assert_int_equal(mb_window(&s.L_out, &s.pad_left, &s.pad_right, L, size, stride, 1, padding, pad, pad),
                   MB_OK);
  return s;
}

/* ---- numbers worked out by hand: one sample, one channel ------------------------------- */

static void check_forward_values(forward_function forward, const mb_pool1d *s, const mb_real *x,
                                 const mb_real *expected) {
  mb_real *y = check_zeros(s->L_out);
  forward(y, x, s);
  for (mb_size t = 0; t < s->L_out; t++)
    if (!(y[t] == expected[t] || (isnan(y[t]) && isnan(expected[t]))))
      fail_msg("y %td: %.9g, expected %.9g", t, (double)y[t], (double)expected[t]);
  free(y);
}

static void check_backward_values(backward_function backward, const mb_pool1d *s, const mb_real *dy,
                                  const mb_real *x, const mb_real *expected) {
  mb_real *dx = check_zeros(s->L);
  for (mb_size l = 0; l < s->L; l++) dx[l] = (mb_real)NAN;
  backward(dx, dy, x, s);
  check_close(dx, expected, s->L, CHECK_TOLERANCE);
  free(dx);
}

/* 'same' with size 4 and stride 2 pads one point on the left and two on the right. */
static void padding_same(void **state) {
  (void)state;
  const mb_pool1d s = new_pool(1, 5, 1, 4, 2, MB_SAME, 0);
  const mb_real x[] = {-3, -1, -2, -8, -6}, dy[] = {1, 10, 100};
  check_forward_values(mb_max_pool1d_forward, &s, x, (mb_real[]){-1, -1, -6});
  check_backward_values(mb_max_pool1d_backward, &s, dy, x, (mb_real[]){0, 11, 0, 0, 100});
  check_forward_values(mb_avg_pool1d_forward, &s, x, (mb_real[]){-2, -4.25, -7});
  const mb_real third = (mb_real)1 / 3;
  check_backward_values(avg_backward, &s, dy, x,
                        (mb_real[]){third, third + (mb_real)2.5, third + (mb_real)2.5, 52.5, 52.5});
}

static void gaps_where_stride_exceeds_size(void **state) {
  (void)state;
  const mb_pool1d s = new_pool(1, 9, 1, 2, 4, MB_VALID, 0);
  const mb_real x[] = {1, 3, 9, 9, 6, 4, 9, 9, 9}, dy[] = {5, 7};
  check_forward_values(mb_max_pool1d_forward, &s, x, (mb_real[]){3, 6});
  check_backward_values(mb_max_pool1d_backward, &s, dy, x, (mb_real[]){0, 5, 0, 0, 7, 0, 0, 0, 0});
  check_forward_values(mb_avg_pool1d_forward, &s, x, (mb_real[]){2, 5});
  check_backward_values(avg_backward, &s, dy, x, (mb_real[]){2.5, 2.5, 0, 0, 3.5, 3.5, 0, 0, 0});
}

static void first_of_equal_maxima_takes_the_gradient(void **state) {
  (void)state;
  const mb_pool1d s = new_pool(1, 5, 1, 3, 1, MB_VALID, 0);
  const mb_real x[] = {2, 7, 7, 1, 7}, dy[] = {1, 10, 100};
  check_forward_values(mb_max_pool1d_forward, &s, x, (mb_real[]){7, 7, 7});
  check_backward_values(mb_max_pool1d_backward, &s, dy, x, (mb_real[]){0, 11, 100, 0, 0});
}

static void nan_counts_as_the_maximum(void **state) {
  (void)state;
  const mb_pool1d s = new_pool(1, 9, 1, 3, 3, MB_VALID, 0);
  const mb_real nan = (mb_real)NAN, inf = (mb_real)INFINITY;
  const mb_real x[] = {1, nan, inf, nan, 4, nan, inf, 2, nan}, dy[] = {1, 10, 100};
  check_forward_values(mb_max_pool1d_forward, &s, x, (mb_real[]){nan, nan, nan});
  check_backward_values(mb_max_pool1d_backward, &s, dy, x, (mb_real[]){0, 1, 0, 10, 0, 0, 0, 0, 100});
}

static void minus_infinity_is_a_value(void **state) {
  (void)state;
  const mb_pool1d s = new_pool(1, 3, 1, 3, 2, MB_SAME, 0);
  const mb_real low = -(mb_real)INFINITY, x[] = {low, low, low}, dy[] = {1, 10};
  check_forward_values(mb_max_pool1d_forward, &s, x, (mb_real[]){low, low});
  check_backward_values(mb_max_pool1d_backward, &s, dy, x, (mb_real[]){1, 10, 0});
}

/* ---- against plain loops --------------------------------------------------------------- */

typedef struct {
  mb_pool1d s;
  mb_size x_count, y_count;
  mb_real *x, *dy, *y, *dx, *plain_y, *plain_dx;
} Pool;

/* Few different values, so that maxima are often equal. */
static Pool pool_arrays(mb_pool1d s) {
  const mb_size x = s.N * s.L * s.C, y = s.N * s.L_out * s.C;
  Pool p = {s,
            x,
            y,
            check_random(x, 1),
            check_random(y, 2),
            check_zeros(y),
            check_zeros(x),
            check_zeros(y),
            check_zeros(x)};
  for (mb_size i = 0; i < x; i++) p.x[i] = (mb_real)floor(p.x[i] * 20);
  return p;
}

static void free_pool(Pool *p) {
  mb_real *arrays[] = {p->x, p->dy, p->y, p->dx, p->plain_y, p->plain_dx};
  for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) free(arrays[i]);
}

static void plain_window(const Pool *p, bool is_max, mb_size n, mb_size t, mb_size c) {
  const mb_pool1d *s = &p->s;
  const mb_size out = (n * s->L_out + t) * s->C + c;
  mb_size inside[512], count = 0, argmax = -1;
  double sum = 0;
  for (mb_size l = t * s->stride - s->pad_left; l < t * s->stride - s->pad_left + s->size; l++) {
    if (l < 0 || l >= s->L) continue;
    const mb_size i = (n * s->L + l) * s->C + c;
    if (argmax < 0 || p->x[i] > p->x[argmax]) argmax = i;
    sum += p->x[i];
    inside[count++] = i;
  }
  p->plain_y[out] = is_max ? p->x[argmax] : (mb_real)(sum / (double)count);
  if (is_max) p->plain_dx[argmax] += p->dy[out];
  for (mb_size i = 0; !is_max && i < count; i++) p->plain_dx[inside[i]] += p->dy[out] / (mb_real)count;
}

static void run(Pool *p, bool is_max) {
  for (mb_size i = 0; i < p->x_count; i++) p->dx[i] = (mb_real)NAN;
  (is_max ? mb_max_pool1d_forward : mb_avg_pool1d_forward)(p->y, p->x, &p->s);
  (is_max ? mb_max_pool1d_backward : avg_backward)(p->dx, p->dy, p->x, &p->s);
}

static void check_pool(mb_pool1d s, bool is_max) {
  Pool p = pool_arrays(s);
  for (mb_size n = 0; n < s.N; n++)
    for (mb_size t = 0; t < s.L_out; t++)
      for (mb_size c = 0; c < s.C; c++) plain_window(&p, is_max, n, t, c);
  run(&p, is_max);
  check_close(p.y, p.plain_y, p.y_count, CHECK_TOLERANCE);
  check_close(p.dx, p.plain_dx, p.x_count, CHECK_TOLERANCE);
  free_pool(&p);
}

static mb_pool1d draw_pool(mb_rng *rng, mb_size most_channels) {
  const mb_size size = mb_rng_integer(rng, 1, 6), stride = mb_rng_integer(rng, 1, 8);
  const mb_padding padding = (mb_padding)mb_rng_integer(rng, MB_VALID, MB_EXPLICIT);
  const mb_size pad = padding == MB_EXPLICIT ? mb_rng_integer(rng, 0, size - 1) : 0;
  const mb_size least = padding == MB_SAME ? 1 : size - 2 * pad;
  const mb_size L = mb_rng_integer(rng, least > 1 ? least : 1, 30);
  const mb_size N = mb_rng_integer(rng, 1, 3), C = mb_rng_integer(rng, 1, most_channels);
  return new_pool(N, L, C, size, stride, padding, pad);
}

static void random_shapes(void **state) {
  (void)state;
  mb_rng rng;
  mb_rng_seed(&rng, &(uint32_t){5}, 1);
  for (int trial = 0; trial < 700; trial++) {
    const mb_pool1d s = draw_pool(&rng, trial % 3 ? 1 + trial % 5 : 150);
    check_pool(s, true);
    check_pool(s, false);
  }
}

/* Long enough for several blocks of lanes, and for a sample to be shared by threads. */
static mb_pool1d large(int i) {
  switch (i) {
  case 0: return new_pool(1, 70001, 1, 3, 3, MB_VALID, 0);
  case 1: return new_pool(1, 70001, 1, 5, 2, MB_SAME, 0);
  case 2: return new_pool(1, 70001, 1, 4, 1, MB_SAME, 0);
  case 3: return new_pool(1, 2000, 70, 3, 2, MB_SAME, 0);
  case 4: return new_pool(1, 2000, 70, 2, 5, MB_VALID, 0);
  case 5: return new_pool(40, 300, 16, 3, 2, MB_SAME, 0);
  case 6: return new_pool(3, 500, 64, 500, 1, MB_VALID, 0);
  default: return new_pool(2, 500, 64, 300, 7, MB_SAME, 0);
  }
}
#define LARGE 8

static void large_shapes(void **state) {
  (void)state;
  for (int i = 0; i < LARGE; i++) {
    check_pool(large(i), true);
    check_pool(large(i), false);
  }
}

static void check_same_for_threads(mb_pool1d s, bool is_max) {
  Pool one = pool_arrays(s), many = pool_arrays(s);
  mb_set_threads(1);
  run(&one, is_max);
  for (int count = 2; count <= 5; count++) {
    mb_set_threads(count);
    run(&many, is_max);
    assert_memory_equal(many.y, one.y, sizeof(mb_real) * (size_t)one.y_count);
    assert_memory_equal(many.dx, one.dx, sizeof(mb_real) * (size_t)one.x_count);
  }
  free_pool(&one);
  free_pool(&many);
}

static void same_for_any_number_of_threads(void **state) {
  (void)state;
  const int threads = mb_get_threads();
  for (int i = 0; i < LARGE; i++) {
    check_same_for_threads(large(i), true);
    check_same_for_threads(large(i), false);
  }
  mb_set_threads(threads);
}

/* ---- gradients ------------------------------------------------------------------------ */

static void forward_of_max(mb_real *y, const mb_real *x, void *s) {
  mb_max_pool1d_forward(y, x, s);
}
static void forward_of_avg(mb_real *y, const mb_real *x, void *s) {
  mb_avg_pool1d_forward(y, x, s);
}

static void central_differences(void **state) {
  (void)state;
  mb_rng rng;
  mb_rng_seed(&rng, &(uint32_t){6}, 1);
  for (int trial = 0; trial < 60; trial++) {
    Pool p = pool_arrays(draw_pool(&rng, 3));
    for (mb_size i = 0; i < p.x_count; i++) p.x[i] = (mb_real)(i * 7919 % 101); /* no two alike in a window */
    run(&p, true);
    check_gradient(forward_of_max, &p.s, p.x, p.x_count, p.dy, p.y_count, p.dx);
    run(&p, false);
    check_gradient(forward_of_avg, &p.s, p.x, p.x_count, p.dy, p.y_count, p.dx);
    free_pool(&p);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(padding_same),
      cmocka_unit_test(gaps_where_stride_exceeds_size),
      cmocka_unit_test(first_of_equal_maxima_takes_the_gradient),
      cmocka_unit_test(nan_counts_as_the_maximum),
      cmocka_unit_test(minus_infinity_is_a_value),
      cmocka_unit_test(random_shapes),
      cmocka_unit_test(large_shapes),
      cmocka_unit_test(same_for_any_number_of_threads),
      cmocka_unit_test(central_differences),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
