/* test_copy.c - concatenating, splitting, transposing, picking rows. */
#include "check.h"

#define COUNT_OF(array) ((mb_size)(sizeof(array) / sizeof((array)[0])))

static void check_same(const mb_real *a, const mb_real *b, mb_size count) {
  for (mb_size i = 0; i < count; i++)
    if (a[i] != b[i]) fail_msg("element %td: %.9g, expected %.9g", i, (double)a[i], (double)b[i]);
}

/* 1, 2, 3, ...: exact, and no two alike. */
static mb_real *numbered(mb_size count) {
  mb_real *x = check_zeros(count);
  mb_arange(x, 1, 1, count);
  return x;
}

/* ---- blocks ---- */

static void blocks_join_and_split_along_columns(void **state) {
  (void)state;
  const mb_real a[4] = {1, 2, 3, 4}, b[6] = {5, 6, 7, 8, 9, 10};
  const mb_real joined[10] = {1, 2, 5, 6, 7, 3, 4, 8, 9, 10};
  mb_real y[10], part[6];
  mb_copy_blocks(y, 5, a, 2, 2, 2);
  mb_copy_blocks(y + 2, 5, b, 3, 2, 3);
  check_same(y, joined, 10);
  mb_copy_blocks(part, 3, y + 2, 5, 2, 3);
  check_same(part, b, 6);
}

static void blocks_leave_the_gaps_alone(void **state) {
  (void)state;
  enum { ROWS = 5003, WIDTH = 17, FROM = 19, TO = 23 };
  mb_real *src = numbered(ROWS * FROM);
  for (int threads = 1; threads <= 3; threads++) {
    mb_set_threads(threads);
    mb_real *dst = check_zeros(ROWS * TO);
    mb_copy_blocks(dst, TO, src, FROM, ROWS, WIDTH);
    for (mb_size i = 0; i < ROWS * TO; i++)
      assert_true(dst[i] == (i % TO < WIDTH ? src[i / TO * FROM + i % TO] : 0));
    free(dst);
  }
  free(src);
}

/* ---- transposition ---- */

static void transposes_of_literals(void **state) {
  (void)state;
  const mb_real x[6] = {1, 2, 3, 4, 5, 6}, expected[6] = {1, 4, 2, 5, 3, 6};
  const mb_shape matrix = {2, {2, 3}}, box = {3, {1, 3, 2}}, pair = {3, {2, 2, 2}};
  mb_real y[8];
  mb_transpose(y, x, &matrix, 0, 1);
  check_same(y, expected, 6);
  mb_transpose(y, x, &box, 0, 1); /* nothing moves */
  check_same(y, x, 6);
  const mb_real cube[8] = {1, 2, 3, 4, 5, 6, 7, 8}, outer[8] = {1, 2, 5, 6, 3, 4, 7, 8};
  const mb_real ends[8] = {1, 5, 3, 7, 2, 6, 4, 8};
  mb_transpose(y, cube, &pair, 0, 1);
  check_same(y, outer, 8);
  mb_transpose(y, cube, &pair, 2, 0);
  check_same(y, ends, 8);
}

static void check_transpose(const mb_shape *shape, int d1, int d2) {
  const mb_size count = mb_shape_count(shape);
  mb_real *x = numbered(count), *y = check_zeros(count), *expected = check_zeros(count);
  for (mb_size i = 0; i < count; i++) {
    mb_size at[MB_MAX_RANK], rest = i, place = 0;
    for (int d = shape->rank - 1; d >= 0; d--) at[d] = rest % shape->shape[d], rest /= shape->shape[d];
    for (int d = 0; d < shape->rank; d++) {
      const int from = d == d1 ? d2 : d == d2 ? d1 : d; /* dimension d of y is this one of x */
      // cppcheck-suppress uninitvar; ranks are at least 1
      place = place * shape->shape[from] + at[from];
    }
    expected[place] = x[i];
  }
  for (int threads = 1; threads <= 3; threads++) {
    mb_set_threads(threads);
    memset(y, 0, sizeof(mb_real) * (size_t)count);
    mb_transpose(y, x, shape, d1, d2);
    check_same(y, expected, count);
  }
  free(x), free(y), free(expected);
}

static void every_pair_of_dimensions_swaps(void **state) {
  (void)state;
  static const mb_shape shapes[] = {
      {1, {5}},        {2, {1, 7}},        {2, {64, 32}},     {2, {33, 70}},       {2, {400, 301}},
      {3, {3, 40, 5}}, {3, {4, 100, 129}}, {4, {2, 3, 4, 5}}, {4, {3, 35, 2, 34}}, {4, {2, 50, 30, 20}}};
  for (mb_size s = 0; s < COUNT_OF(shapes); s++)
    for (int d1 = 0; d1 < shapes[s].rank; d1++)
      for (int d2 = 0; d2 < shapes[s].rank; d2++) check_transpose(&shapes[s], d1, d2);
}

/* ---- rows by index ---- */

static void gather_picks_and_its_backward_adds(void **state) {
  (void)state;
  const mb_real x[6] = {1, 2, 3, 4, 5, 6}, picked[8] = {5, 6, 1, 2, 5, 6, 5, 6};
  const mb_real dy[8] = {1, 2, 3, 4, 5, 6, 7, 8}, expected[6] = {3, 4, 0, 0, 13, 16};
  const mb_size index[4] = {2, 0, 2, 2};
  mb_real y[8], dx[6] = {9, 9, 9, 9, 9, 9};
  mb_gather(y, x, index, 4, 2);
  check_same(y, picked, 8);
  mb_gather_backward(dx, dy, index, 4, 3, 2);
  check_same(dx, expected, 6);
}

static void gathers_do_not_depend_on_threads(void **state) {
  (void)state;
  enum { ROWS = 211, COUNT = 4001, WIDTH = 33 };
  mb_size index[COUNT];
  mb_rng rng;
  mb_rng_seed(&rng, (const uint32_t[]){1}, 1);
  for (mb_size i = 0; i < COUNT; i++)
    index[i] = (mb_size)mb_rng_integer(&rng, 0, ROWS - 2); /* one row is never picked */
  mb_real *x = check_random(ROWS * WIDTH, 2), *dy = check_random(COUNT * WIDTH, 3);
  mb_real *y = check_zeros(COUNT * WIDTH), *dx = check_zeros(ROWS * WIDTH),
          *expected = check_zeros(ROWS * WIDTH);
  for (mb_size i = 0; i < COUNT * WIDTH; i++) expected[index[i / WIDTH] * WIDTH + i % WIDTH] += dy[i];
  for (int threads = 1; threads <= 3; threads++) {
    mb_set_threads(threads);
    mb_gather(y, x, index, COUNT, WIDTH);
    for (mb_size i = 0; i < COUNT * WIDTH; i++) assert_true(y[i] == x[index[i / WIDTH] * WIDTH + i % WIDTH]);
    mb_fill(dx, 7, ROWS * WIDTH);
    mb_gather_backward(dx, dy, index, COUNT, ROWS, WIDTH);
    check_same(dx, expected, ROWS * WIDTH);
  }
  free(x), free(dy), free(y), free(dx), free(expected);
}

typedef struct {
  const mb_size *index;
  mb_size count, width;
} context;

static void forward(mb_real *y, const mb_real *x, void *argument) {
  const context *c = argument;
  mb_gather(y, x, c->index, c->count, c->width);
}

static void the_gradient_of_gather_agrees_with_differences(void **state) {
  (void)state;
  const mb_size index[6] = {0, 3, 3, 1, 0, 3};
  context c = {index, 6, 5};
  mb_real *x = check_random(20, 4), *dy = check_random(30, 5), dx[20];
  mb_gather_backward(dx, dy, index, 6, 4, 5);
  check_gradient(forward, &c, x, 20, dy, 30, dx);
  free(x), free(dy);
}

static void nothing_is_moved_from_nothing(void **state) {
  (void)state;
  const mb_shape none = {2, {0, 3}};
  mb_real dx[3] = {7, 7, 7};
  const mb_real zeros[3] = {0, 0, 0};
  mb_copy_blocks(NULL, 0, NULL, 0, 0, 5);
  mb_transpose(NULL, NULL, &none, 0, 1);
  mb_transpose(NULL, NULL, &none, 1, 1);
  mb_gather(NULL, NULL, NULL, 0, 3);
  mb_gather_backward(dx, NULL, NULL, 0, 1, 3);
  check_same(dx, zeros, 3);
  mb_gather_backward(NULL, NULL, NULL, 0, 0, 3);
}

/* ---- along the middle dimension ---- */

static void entries_are_taken_and_picked(void **state) {
  (void)state;
  const mb_size rows[] = {2, 0, 2};
  const mb_real x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, at[] = {3, 1, 1, 3};
  const mb_real taken[] = {5, 6, 1, 2, 5, 6, 11, 12, 7, 8, 11, 12}, picked[] = {5, 2, 7, 12};
  mb_real y[12];
  mb_take(y, x, rows, 2, 3, 3, 2);
  check_same(y, taken, 12);
  mb_pick(y, x, at, 2, 3, 1, 2);
  check_same(y, picked, 4);
}

static void gradients_of_entries_add_up(void **state) {
  (void)state;
  const mb_size rows[] = {2, 0, 2};
  const mb_real dy[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, at[] = {3, 1, 1, 3, 3, 3, 2, 2};
  const mb_real of_take[] = {3, 4, 0, 0, 6, 8, 9, 10, 0, 0, 18, 20};
  const mb_real of_pick[] = {3, 2, 0, 0, 1, 4, 0, 0, 7, 8, 5, 6};
  mb_real dx[12];
  mb_take_backward(dx, dy, rows, 2, 3, 3, 2);
  check_same(dx, of_take, 12);
  mb_pick_backward(dx, dy, at, 2, 3, 2, 2);
  check_same(dx, of_pick, 12);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(blocks_join_and_split_along_columns),
      cmocka_unit_test(blocks_leave_the_gaps_alone),
      cmocka_unit_test(transposes_of_literals),
      cmocka_unit_test(every_pair_of_dimensions_swaps),
      cmocka_unit_test(gather_picks_and_its_backward_adds),
      cmocka_unit_test(gathers_do_not_depend_on_threads),
      cmocka_unit_test(the_gradient_of_gather_agrees_with_differences),
      cmocka_unit_test(nothing_is_moved_from_nothing),
      cmocka_unit_test(entries_are_taken_and_picked),
      cmocka_unit_test(gradients_of_entries_add_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
