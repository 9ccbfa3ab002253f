/* moonbow_models.h - forests, neighbours and models that are solved. A part of moonbow.h, which
 * states the rules and is what programs include. */
#ifndef MOONBOW_H
#error "include moonbow.h"
#endif
#ifndef MOONBOW_MODELS_H
#define MOONBOW_MODELS_H

/* ---- random forest (forest_ranks.c, forest.c, forest_predict.c): Breiman 2001, on trees as in CART
 *      (Breiman, Friedman, Olshen and Stone 1984) ------------------------------------------ */

/* Each column of x (N, D): code (D, N) is the rank of x[i, d] among the different values of
 * column d, from 0, and value (D, N) has these values in order. Refuses NaN and infinity. */
size_t mb_ranks_scratch_bytes(mb_size N, int threads);
mb_status mb_ranks(uint32_t *code, mb_real *value, void *scratch, const mb_real *x, mb_size N, mb_size D,
                   int threads);

typedef enum { MB_GINI, MB_ENTROPY, MB_SQUARED_ERROR } mb_criterion; /* the last predicts numbers */

typedef struct {
  mb_size N, D, classes; /* spectra, points of each; 1 class for numbers */
  mb_criterion criterion;
  bool bootstrap;       /* each tree sees N spectra drawn with replacement */
  mb_size max_features; /* points that a node tries, more only while all of them are constant */
  mb_size max_depth, max_leaves;
  mb_size min_samples_split, min_samples_leaf; /* different spectra, however often they were drawn */
  uint64_t seed;
} mb_forest;

/* x goes to child where x[feature] <= threshold, else to child + 1; children come after their
 * parent. A leaf is its own child, with feature 0 and threshold infinity. */
typedef struct {
  int32_t feature, child;
  mb_real threshold;
} mb_node;

typedef struct {
  int32_t label;
  mb_real probability;
} mb_share;

/* Node i has the shares first[i]..first[i + 1] - 1: the classes of a leaf that are not 0; or, of numbers,
 * their mean in place of a probability. */
typedef struct {
  mb_node *node;
  int32_t *first;
  mb_share *share;
  mb_size nodes, shares;
} mb_tree;

mb_size mb_forest_leaves(const mb_forest *forest); /* of a tree, at most */
size_t mb_forest_scratch_bytes(const mb_forest *forest, int threads);

/* Grows trees number..number + count - 1 of a forest, each from a stream of its own,
 * SeedSequence(seed, number). The arrays of tree have room for 2 leaves - 1 nodes and N shares.
 * importance (count, D): the decrease of impurity that each point brought, sum 1 (or 0 for a
 * tree without splits). in_bag (count, ceil(N / 64)), or NULL: a bit for each spectrum that the
 * tree has seen. code and value are those of mb_ranks. label (N) for classes; target (N) for SQUARED_ERROR;
 * the other is NULL. */
void mb_forest_grow(mb_tree *tree, double *importance, uint64_t *in_bag, void *scratch, const uint32_t *code,
                    const mb_real *value, const mb_size *label, const mb_real *target,
                    const mb_forest *forest, mb_size number, mb_size count, int threads);

/* probability (N, classes): the mean over the trees of the shares in the leaf of each row of x (N, D).
 * in_bag: as grow left it, to use only the trees that have not seen a row (NaN if all have),
 * or NULL. Refuses NaN and infinity. */
mb_status mb_forest_predict(mb_real *probability, const mb_real *x, const mb_tree *tree, mb_size trees,
                            const uint64_t *in_bag, mb_size N, mb_size D, mb_size classes);

/* ---- dissimilarities and nearest neighbours (distance.c, distance_dtw.c, distance_nearest_dtw.c,
 * distance_nearest.c) --- */

typedef enum {
  MB_EUCLIDEAN,
  MB_MANHATTAN,
  MB_CHEBYSHEV,
  MB_COSINE,         /* 1 - cos of the angle; 1 to a row of zeros */
  MB_PEARSON,        /* 1 - r; 1 to a constant row */
  MB_JENSEN_SHANNON, /* root of the divergence, natural logarithm, of rows divided by their sums */
  MB_EARTH_MOVERS,   /* along the axis, in points, of rows divided by their sums */
  MB_DTW,            /* dynamic time warping: root of the least sum of squares within the window */
  MB_DDTW            /* the same of derivatives (Keogh and Pazzani 2001) */
} mb_metric;

/* y (A, B): the dissimilarity of each row of a (A, L) to each of b (B, L), which hold no NaN or
 * infinity. window: for DTW and DDTW, how many points apart two matched points may be (Sakoe and
 * Chiba 1978). Refuses negative rows and rows of zeros for JENSEN_SHANNON and EARTH_MOVERS, and
 * fewer than 3 points for DDTW. */
size_t mb_distances_scratch_bytes(mb_size A, mb_size B, mb_size L, mb_metric metric, int threads);
mb_status mb_distances(mb_real *y, void *scratch, const mb_real *a, const mb_real *b, mb_metric metric,
                       mb_size window, mb_size A, mb_size B, mb_size L, int threads);

/* The k smallest values, 0 to B, of each row of matrix (A, B), in order, and their positions; of equal ones
 * the first. */
void mb_nearest(mb_real *distance, mb_size *index, const mb_real *matrix, mb_size A, mb_size B, mb_size k);

/* The same of the matrix of MB_DTW or MB_DDTW, without computing all of it: rows whose lower
 * bound (LB_Keogh, Keogh and Ratanamahatana 2005) is too large are left out, and rows that have
 * become too far are abandoned. */
size_t mb_dtw_nearest_scratch_bytes(mb_size A, mb_size B, mb_size L, int threads);
mb_status mb_dtw_nearest(mb_real *distance, mb_size *index, void *scratch, const mb_real *a, const mb_real *b,
                         mb_metric metric, mb_size window, mb_size A, mb_size B, mb_size L, mb_size k,
                         int threads);

/* The same of the matrix of MB_EUCLIDEAN, by products in mb_real and exact comparisons of the rows that these
 * leave. False, without a result, if these would be too many, so that the matrix is faster. */
size_t mb_euclidean_nearest_scratch_bytes(mb_size A, mb_size B, mb_size L);
bool mb_euclidean_nearest(mb_real *distance, mb_size *index, void *scratch, const mb_real *a,
                          const mb_real *b, mb_size A, mb_size B, mb_size L, mb_size k, int threads);

/* probability (A, classes): the share of each class among the k neighbours; by_distance: each weighs
 * 1 / distance, and if some have distance 0, only they count. NaN without neighbours. */
void mb_vote(mb_real *probability, const mb_real *distance, const mb_size *index, const mb_size *label,
             bool by_distance, mb_size A, mb_size k, mb_size classes);

/* ---- models that are solved (pca.c, pls.c, ridge.c, logistic.c): sums are in double ------ */

/* The k first principal components of x (N, D), N > k: component (k, D), orthonormal, the largest element of
 * each positive; mean (D); the variance along each (k), and the total of all points. */
size_t mb_pca_scratch_bytes(mb_size N, mb_size D, mb_size k);
mb_status mb_pca(double *component, double *mean, double *variance, double *total, void *scratch,
                 const mb_real *x, mb_size N, mb_size D, mb_size k);

/* q (N): the squared distance of each row of x (N, D) from the plane through mean (D) along component (k, D).
 */
size_t mb_pca_residuals_scratch_bytes(mb_size D, mb_size k, int threads);
void mb_pca_residuals(mb_real *q, void *scratch, const mb_real *x, const mb_real *mean,
                      const mb_real *component, mb_size N, mb_size D, mb_size k, int threads);

/* Partial least squares of y (N, M) on x (N, D) by SIMPLS with at most A < N components: rotation (A, D),
 * whose products with centred x are the scores; loading (A, D) of x and y_loading (A, M); the means. The
 * prediction of a components is y_mean + sum of score y_loading. Fewer components are found if nothing is
 * left to fit. */
size_t mb_pls_scratch_bytes(mb_size N, mb_size D, mb_size M, mb_size A);
mb_status mb_pls(double *rotation, double *loading, double *y_loading, double *x_mean, double *y_mean,
                 mb_size *components, void *scratch, const mb_real *x, const mb_real *y, mb_size N, mb_size D,
                 mb_size M, mb_size A);

/* The minimum of |y - x coefficient - intercept|^2 + alpha |coefficient|^2: coefficient (D, M), intercept
 * (M). */
size_t mb_ridge_scratch_bytes(mb_size N, mb_size D, mb_size M);
mb_status mb_ridge(double *coefficient, double *intercept, void *scratch, const mb_real *x, const mb_real *y,
                   double alpha, mb_size N, mb_size D, mb_size M);

/* The minimum of C times the sum of the cross-entropies of the classes label (N) of the rows of x (N, D), and
 * half the sum of the squared weights: weight (D, K), bias (K). Searches until no element of the gradient of
 * the mean is larger than tolerance, or `most` iterations; their number is returned. */
size_t mb_logistic_scratch_bytes(mb_size N, mb_size D, mb_size K);
mb_status mb_logistic(double *weight, double *bias, mb_size *iterations, void *scratch, const mb_real *x,
                      const mb_size *label, double C, double tolerance, mb_size most, mb_size N, mb_size D,
                      mb_size K);

/* y (N, M) = (x - mean) weight + bias (affine.c); mean (D) and bias (M) may be NULL. */
void mb_affine(mb_real *y, const mb_real *x, const mb_real *mean, const mb_real *weight, const mb_real *bias,
               mb_size N, mb_size D, mb_size M);

#endif
