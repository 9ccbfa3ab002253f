/* linear.c - logistic regression and linear support vector machines, by liblinear (Fan et al. 2008). */
#include "bind.h"

#ifdef BIND_LIBLINEAR
#include <linear.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_ITERATIONS 1000 /* liblinear's, which it says nothing of but in what it prints */

static _Thread_local bool has_ended_early;

/* Takes what liblinear prints, which begins with "iter" and the number of an iteration after each. */
static void look_for_end(const char *text) {
  int iteration;
  if (sscanf(text, "iter %d", &iteration) == 1 && iteration >= MOST_ITERATIONS) has_ended_early = true;
}

/* Rows of x in liblinear's form, each with the intercept's constant after its points, and ended by -1.
 */
static struct feature_node **push_nodes(lua_State *L, const Tensor *x, double intercept) {
  const mb_size N = x->shape.shape[0], D = x->shape.shape[1], width = D + 1 + (intercept > 0);
  struct feature_node **rows = lua_newuserdatauv(L, (size_t)N * sizeof *rows, 0);
  struct feature_node *node = lua_newuserdatauv(L, (size_t)(N * width) * sizeof *node, 0);
  for (mb_size i = 0; i < N; i++) {
    rows[i] = node;
    for (mb_size d = 0; d < D; d++) *node++ = (struct feature_node){(int)d + 1, (double)x->data[i * D + d]};
    if (intercept > 0) *node++ = (struct feature_node){(int)D + 1, intercept};
    *node++ = (struct feature_node){-1, 0};
  }
  return rows;
}

/* One column of weights per class against the others. Of two classes liblinear gives the first alone. */
static void copy_weights(Tensor *weight, Tensor *bias, const struct model *model, double intercept) {
  const mb_size D = weight->shape.shape[0], K = weight->shape.shape[1];
  const int columns = model->nr_class == 2 ? 1 : model->nr_class;
  memset(weight->data, 0, (size_t)weight->count * sizeof(mb_real));
  for (mb_size k = 0; k < K; k++) bias->data[k] = (mb_real)-1e30; /* a class that never came */
  for (int c = 0; c < model->nr_class; c++) {
    const mb_size k = model->label[c];
    const double sign = c < columns ? 1 : -1, *w = model->w + c % columns;
    for (mb_size d = 0; d < D; d++) weight->data[d * K + k] = (mb_real)(sign * w[d * columns]);
    bias->data[k] = intercept > 0 ? (mb_real)(sign * intercept * w[D * columns]) : 0;
  }
}

/* liblinear does not check its allocations. This asks for an upper bound of the memory of its rows, weights
 * and vectors beforehand. */
static void ask_for_memory(const Args *a, mb_size rows, mb_size columns, mb_size classes) {
  const size_t bytes = (size_t)rows * 64 + (size_t)columns * 8 * (16 + (size_t)classes) + (1 << 16);
  void *volatile memory = malloc(bytes); /* volatile: else compilers drop the call */
  if (memory == NULL) args_error(a, "not enough memory: %I MB asked for", (LUAI_UACINT)(bytes >> 20));
  free(memory);
}

/* core.linear_fit(x (N, D), y, classes, svm, C, tol, intercept_scaling or 0) -> weight (D, classes),
 * bias (classes), true if the search ended at its last iteration */
static int linear_fit(lua_State *L) {
  Args a = bind_args(L, "linear.fit");
  mb_size labels;
  lua_settop(L, 7);
  const Tensor *x = next_tensor_rank(&a, "x", 2);
  const mb_size N = x->shape.shape[0], D = x->shape.shape[1];
  Args y_argument = a; /* its labels are checked against the classes */
  next_arg(&a);
  const mb_size K = next_count(&a, "classes");
  /* The solvers in the primal: they draw no random numbers. */
  struct parameter parameter = {.solver_type = next_boolean(&a) ? L2R_L2LOSS_SVC : L2R_LR};
  parameter.C = next_number(&a, "C");
  parameter.eps = next_number(&a, "tol");
  const double intercept = next_number(&a, "intercept_scaling");
  args_check_finite(&a, "x", x);
  if (N > INT32_MAX / 2 || D > INT32_MAX / 2) args_error(&a, "x: expected at most 2^30 rows and points");
  const mb_size *label = next_indices(&y_argument, "y", K, &labels);
  if (labels != N)
    args_error(&a, "y: expected %I labels, one per row of x, got %I", (LUAI_UACINT)N, (LUAI_UACINT)labels);
  double *y = lua_newuserdatauv(L, (size_t)N * sizeof *y, 0);
  bool one_class = true;
  for (mb_size i = 0; i < N; i++) y[i] = (double)label[i], one_class &= label[i] == label[0];
  if (one_class)
    args_error(&a, "y: expected at least 2 classes, all labels are %I", (LUAI_UACINT)(label[0] + 1));
  const struct problem problem = {.l = (int)N,
                                  .n = (int)D + (intercept > 0),
                                  .y = y,
                                  .x = push_nodes(L, x, intercept),
                                  .bias = intercept > 0 ? intercept : -1};
  const char *reason = check_parameter(&problem, &parameter);
  if (reason != NULL) args_error(&a, "%s", reason);
  Tensor *weight = push_tensor(&a, 2, (mb_size[]){D, K}), *bias = push_vector(&a, K);
  set_print_string_function(look_for_end);
  has_ended_early = false;
  ask_for_memory(&a, N, D + 1, K);
  struct model *model = train(&problem, &parameter); /* nothing raises before it is freed */
  copy_weights(weight, bias, model, intercept);
  free_and_destroy_model(&model);
  lua_pushboolean(L, has_ended_early);
  return 3;
}

#else

static int linear_fit(lua_State *L) {
  return bind_error(L, "linear.fit: moonbow was built without liblinear (Debian: liblinear-dev)");
}

#endif

static const luaL_Reg functions[] = {{"linear_fit", linear_fit}, {NULL, NULL}};

void bind_open_linear(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
