/* logistic.c - multinomial logistic regression with a penalty on the squared weights. */
#include "dense.h"
#include "lbfgs.h"

#include <math.h>
#include <string.h>

#define JITTER 1e-12 /* of the mean square of a row: keeps the Gram matrix positive */

/* The rows of Z (N, n) have classes label; parameters are weights (n, K) and biases (K). */
typedef struct {
  const double *z;
  double *score; /* (N, K) */
  const mb_size *label;
  double penalty;
  mb_size N, n, K;
} Problem;

size_t mb_logistic_scratch_bytes(mb_size N, mb_size D, mb_size K) {
  const mb_size n = mb_min(N, D), parameters = (n + 1) * K;
  return ((size_t)(N * D + n * n + N * K + parameters + D * K) + mb_lbfgs_scratch_count(parameters)) *
         sizeof(double);
}

/* Turns a row of scores into probabilities; returns the cross-entropy of its class. */
static double softmax_row(double *score, mb_size label, mb_size K) {
  double most = score[0], sum = 0;
  for (mb_size k = 1; k < K; k++) most = fmax(most, score[k]);
  const double own = score[label] - most;
  for (mb_size k = 0; k < K; k++) sum += score[k] = exp(score[k] - most);
  for (mb_size k = 0; k < K; k++) score[k] /= sum;
  // cppcheck-suppress invalidFunctionArg; the largest adds 1
  return log(sum) - own;
}

/* The mean cross-entropy and the penalty, and their gradient. */
static double objective(double *g, const double *w, void *context) {
  const Problem *p = context;
  const mb_size N = p->N, n = p->n, K = p->K;
  const double *bias = w + n * K, share = 1 / (double)N;
  double loss = 0, squares = 0, *g_bias = g + n * K;
  mb_product(p->score, false, p->z, n, w, N, K, n);
  memset(g_bias, 0, (size_t)K * sizeof *g_bias);
  for (mb_size i = 0; i < N; i++) {
    double *score = p->score + i * K;
    for (mb_size k = 0; k < K; k++) score[k] += bias[k];
    loss += softmax_row(score, p->label[i], K);
    score[p->label[i]] -= 1;
    for (mb_size k = 0; k < K; k++) g_bias[k] += score[k] *= share;
  }
  mb_product(g, true, p->z, n, p->score, n, K, N);
  for (mb_size i = 0; i < n * K; i++) squares += w[i] * w[i], g[i] += p->penalty * share * w[i];
  return share * (loss + p->penalty * squares / 2);
}

/* With fewer rows than points, Z = L Q' with orthonormal Q, so that weights Q v have the scores L v and the
 * length of v: the search runs in N dimensions. Replaces gram by L; false if it is not positive. */
static bool factor(double *gram, const double *z, mb_size N, mb_size D) {
  double sum = 0;
  mb_gram(gram, false, z, D, N, D);
  for (mb_size i = 0; i < N; i++) sum += gram[i * N + i];
  for (mb_size i = 0; i < N; i++) gram[i * N + i] += JITTER * (sum / (double)N) + 1e-300;
  if (!mb_cholesky(gram, N)) return false;
  for (mb_size i = 0; i < N; i++)
    for (mb_size j = i + 1; j < N; j++) gram[i * N + j] = 0;
  return true;
}

mb_status mb_logistic(double *weight, double *bias, mb_size *iterations, void *scratch, const mb_real *x,
                      const mb_size *label, double C, double tolerance, mb_size most, mb_size N, mb_size D,
                      mb_size K) {
  if (!(C > 0 && C < 1e300)) return mb_refuse(MB_BAD_VALUE, "C: expected a positive number, got %g", C);
  const bool dual = N < D;
  const mb_size n = mb_min(N, D);
  double *z = scratch, *gram = z + N * D, *score = gram + n * n, *w = score + N * K, *mean = w + (n + 1) * K,
         *rest = mean + D * K;
  mb_center(z, mean, x, N, D);
  if (dual && !factor(gram, z, N, D))
    return mb_refuse(MB_BAD_VALUE, "x: its rows are too large for their products");
  Problem problem = {dual ? gram : z, score, label, 1 / C, N, n, K};
  memset(w, 0, (size_t)((n + 1) * K) * sizeof *w);
  *iterations = mb_lbfgs(w, rest, objective, &problem, (n + 1) * K, tolerance, most);
  memcpy(bias, w + n * K, (size_t)K * sizeof *bias);
  if (dual) {
    mb_triangle_solve(gram, w, N, K);
    mb_product(weight, true, z, D, w, D, K, N);
  } else {
    memcpy(weight, w, (size_t)(D * K) * sizeof *weight);
  }
  for (mb_size k = 0; k < K; k++)
    for (mb_size d = 0; d < D; d++) bias[k] -= mean[d] * weight[d * K + k];
  return MB_OK;
}
