/* moonbow.h - kernels for 1-D networks on spectra, from real arrays to real arrays. Rules for all of them:
 *
 * Arguments. They are outputs, saved buffers, scratch, inputs, sizes, in this order. Arrays are dense and
 * row-major; spectra are (N batch, L length, C channels), convolution weights (K kernel, C in, F filters).
 * Outputs overlap inputs only if that is said. A batch may be empty (N = 0) unless a function refuses it. A
 * backward function overwrites the gradients it is given.
 *
 * Counting. It begins at 0, for labels and positions in arrays too. Only mb_reason(), which people read,
 * counts rows and columns from 1, and positions of peaks (mb_peak_ranges) are coordinates on an axis from 1
 * to L.
 *
 * NULL. A backward function does not compute a gradient whose pointer is NULL. Any other pointer may be NULL
 * only if that is said.
 *
 * Memory. Functions allocate and keep nothing. Scratch is memory of the caller, aligned as by malloc, with
 * any content. Its size in bytes comes from mb_NAME_scratch_bytes or from the plan of a convolution, and
 * follows from the arguments alone: functions that need scratch for each thread take the number of threads,
 * the same in both calls, or use that of the plan.
 *
 * Stack. Up to MB_STACK_BYTES (1 MiB) in each thread: that of the caller, which has less by default with musl
 * and in further threads of macOS, and those of OpenMP (OMP_STACKSIZE).
 *
 * Threads. All other functions use mb_get_threads() threads. Any thread may call any function on arrays of
 * its own. Results do not depend on the number of threads.
 *
 * Errors. A function that can refuse returns an mb_status, and leaves the reason for mb_reason() of its
 * thread. Pointers and sizes of arrays are not checked.
 *
 * Global to the process. Loading the library sets OpenBLAS to one thread. The number of threads (that of
 * OpenMP) and the algorithm of convolutions are settings of the calling thread.
 *
 * Denormals. On x86, products, convolutions and optimisers flush them (floats below 1.2e-38) to zero, as
 * operands and as results, and restore the mode of the calling thread. */
#ifndef MOONBOW_H
#define MOONBOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default) /* what libmoonbow exports */

#ifdef MB_DOUBLE /* the tests build the same sources in double to check gradients */
typedef double mb_real;
#else
typedef float mb_real;
#endif

typedef ptrdiff_t mb_size; /* signed, so that padding and differences need no casts */

#define MB_STACK_BYTES (((size_t)1 << 18) * sizeof(mb_real))

#define MB_MAX_RANK 4

#define MB_VERSION "0.2.0" /* of libmoonbow, the Lua module and the rock; CMake reads it here */

/* ---- status and threads (status.c) ---------------------------------------------------- */

typedef enum { MB_OK = 0, MB_BAD_SHAPE, MB_BAD_VALUE } mb_status;

const char *mb_reason(void); /* why the last kernel of this thread refused */

/* The number of threads of kernels that the calling thread starts, at least 1. It is OpenMP's own setting,
 * which at first comes from the environment. OpenBLAS itself always runs on one thread. mb_most_threads() is
 * the largest useful number: 64, or the number of processors if that is larger. */
void mb_set_threads(int count);
int mb_get_threads(void);
int mb_most_threads(void);

/* ---- elementwise (elementwise.c) ------------------------------------------------------ */

/* The operations on two arrays, a row each: OP(NAME of the constant MB_NAME, name, result for elements a and
 * b). NaN wins in maximum and minimum; comparisons give 1 or 0. chain and chain_div are for backward passes:
 * a b and a / b of a gradient a, which are 0 if a is 0, or if the factor b or 1 / b is, even if the other is
 * infinite or NaN. mask is b where a is not 0, else -0, whatever b: a sum leaves the other addend as it is.
 */
/* clang-format off */
#define MB_BINARY_OPS(OP) \
  OP(ADD, add, a + b) \
  OP(SUB, sub, a - b) \
  OP(MUL, mul, a * b) \
  OP(DIV, div, a / b) \
  OP(POW, pow, pow(a, b)) \
  OP(MAXIMUM, maximum, ((a > b) | (a != a)) ? a : b) \
  OP(MINIMUM, minimum, ((a < b) | (a != a)) ? a : b) \
  OP(EQ, eq, a == b) \
  OP(NE, ne, a != b) \
  OP(LT, lt, a < b) \
  OP(LE, le, a <= b) \
  OP(GT, gt, a > b) \
  OP(GE, ge, a >= b) \
  OP(MASK, mask, a == 0 ? -(mb_real)0 : b) \
  OP(CHAIN, chain, mb_chain(a, b)) \
  OP(CHAIN_DIV, chain_div, ((a == 0) | (fabs(b) == INFINITY)) ? 0 : a / b)
/* clang-format on */

#define MB_OP(NAME, ...) MB_##NAME,
typedef enum { MB_BINARY_OPS(MB_OP) MB_BINARY_COUNT } mb_binary_op;

typedef struct {
  int rank;
  mb_size shape[MB_MAX_RANK];
} mb_shape;

mb_size mb_shape_count(const mb_shape *shape);

/* The shape of a op b: dimensions are aligned at the last one; each pair is equal or 1. */
mb_status mb_broadcast_shape(mb_shape *y, const mb_shape *a, const mb_shape *b);

/* y[i] = a[i] op b[i], a and b broadcast to the shape of y; y may be a or b if they have the same shape. */
void mb_binary(mb_real *y, mb_binary_op op, const mb_real *a, const mb_shape *a_shape, const mb_real *b,
               const mb_shape *b_shape, const mb_shape *y_shape);

/* x (x_shape) = y summed over the dimensions along which x was broadcast to y_shape:
 * the backward pass of broadcasting. Accumulates in double. */
void mb_sum_to(mb_real *x, const mb_shape *x_shape, const mb_real *y, const mb_shape *y_shape);

/* The functions of one array, a row each: OP(NAME of the constant MB_NAME, name, X or Y: the derivative is
 * written in x or in y = f(x), f(x), f'(x)). p is a parameter of some. Each branch keeps NaN. At 0, abs has
 * the derivative 0; if the two sides differ, the left derivative counts: 0 for relu, p for leaky_relu.
 * Functions that rows call are in csrc/kernel/exp.h and simd_unary.h. */
/* clang-format off */
#define MB_UNARY_OPS(OP) \
  OP(NEG, neg, NONE, -x, -1) \
  OP(EXP, exp, Y, mb_exp(x), y) \
  OP(LOG, log, X, log(x), 1 / x) \
  OP(SQRT, sqrt, Y, sqrt(x), (mb_real)0.5 / y) \
  OP(ABS, abs, X, fabs(x), x > 0 ? 1 : x < 0 ? -1 : x) \
  OP(SIGNED_SQRT, signed_sqrt, X, signed_sqrt(x), (mb_real)0.5 / sqrt(fabs(x) + SQRT_SHIFT)) \
  OP(TANH, tanh, Y, mb_tanh(x), 1 - y * y) \
  OP(SIGMOID, sigmoid, Y, mb_sigmoid(x), y * (1 - y)) \
  OP(SIN, sin, X, sin(x), cos(x)) \
  OP(COS, cos, X, cos(x), -sin(x)) \
  OP(LOG1P, log1p, X, log1p(x), 1 / (1 + x)) \
  OP(EXPM1, expm1, Y, expm1(x), y + 1) \
  OP(SIGN, sign, NONE, x == 0 || x != x ? x : (mb_real)((x > 0) - (x < 0)), 0) \
  OP(FLOOR, floor, NONE, floor(x), 0) \
  OP(CEIL, ceil, NONE, ceil(x), 0) \
  OP(ROUND, round, NONE, rint(x), 0) /* halves to even */ \
  OP(RELU, relu, Y, x < 0 ? 0 : x, y > 0 ? 1 : y) \
  OP(LEAKY_RELU, leaky_relu, Y, x < 0 ? mb_below(p, x) : x, y > 0 ? 1 : p) \
  OP(ELU, elu, X, x < 0 ? p * mb_expm1_negative(x) : x, x > 0 ? 1 : p * mb_exp_negative(x)) \
  OP(GELU, gelu, X, gelu(x), gelu_derivative(x)) /* Hendrycks and Gimpel 2016 */ \
  OP(SELU, selu, Y, SELU_SCALE * (x < 0 ? SELU_ALPHA * mb_expm1_negative(x) : x), /* Klambauer et al. 2017 */ \
     y > 0 ? SELU_SCALE : y + SELU_SCALE * SELU_ALPHA) \
  OP(SOFTPLUS, softplus, X, (x < 0 ? 0 : x) + mb_log1p_unit(mb_exp_negative(x < 0 ? x : -x)), mb_sigmoid(x))
/* clang-format on */

typedef enum { MB_UNARY_OPS(MB_OP) MB_UNARY_COUNT } mb_unary_op;
#undef MB_OP

void mb_unary(mb_real *y, mb_unary_op op, mb_real p, const mb_real *x, mb_size count);

/* The array that the backward pass reads: x need not be kept for Y, nor anything for NONE. LEAKY_RELU reads x
 * if p <= 0. */
typedef enum { MB_READS_NONE, MB_READS_X, MB_READS_Y } mb_reads;
mb_reads mb_unary_reads(mb_unary_op op);
/* dx = dy * f'(x), 0 if dy is 0; kept is x or f(x), as above, and may be NULL for NONE. */
void mb_unary_backward(mb_real *dx, mb_unary_op op, mb_real p, const mb_real *dy, const mb_real *kept,
                       mb_size count);

void mb_fill(mb_real *y, mb_real value, mb_size count);
void mb_arange(mb_real *y, double first, double step, mb_size count); /* first + i * step in double */
/* z = a + b, y = z < 0 ? slope z : z: a sum and the (leaky) ReLU after it */
void mb_add_activate(mb_real *y, mb_real slope, const mb_real *a, const mb_real *b, mb_size count);
void mb_add_scaled(mb_real *y, mb_real scale, const mb_real *x, mb_size count); /* y += scale x */

/* ---- reductions (reduce.c): x is (outer, D, inner), the result (outer, inner) --------- */

typedef enum { MB_SUM, MB_MEAN, MB_VAR, MB_STD, MB_MIN, MB_MAX, MB_ARGMIN, MB_ARGMAX } mb_reduce_op;

/* Sums accumulate in double. VAR divides by D - ddof; STD is its root, whose gradient is 0 for equal values.
 * MIN, MAX: NaN wins. ARG*: position of the first extreme (or of the first NaN), as a real. */
void mb_reduce(mb_real *y, mb_reduce_op op, const mb_real *x, mb_size outer, mb_size D, mb_size inner,
               mb_size ddof);

/* dx of SUM, MEAN, VAR, STD, MIN, MAX; for MIN and MAX the first extreme takes all of dy. */
void mb_reduce_backward(mb_real *dx, mb_reduce_op op, const mb_real *dy, const mb_real *x, mb_size outer,
                        mb_size D, mb_size inner, mb_size ddof);

double mb_sum_squares(const mb_real *x, mb_size count);

typedef struct {
  mb_size nan_count, inf_count;
  double min, max, mean; /* of the finite values; NaN if there is none */
} mb_stats;

void mb_describe(mb_stats *stats, const mb_real *x, mb_size count);

/* ---- NaN and infinity (finite.c) -------------------------------------------------------- */

/* Position of the first NaN or infinity, -1 if there is none. */
mb_size mb_find_non_finite(const mb_real *x, mb_size count);
/* Is the sum of the squares finite, in the precision of the array? Near its end it depends on the threads. */
bool mb_has_finite_squares(const mb_real *x, mb_size count);

/* ---- copies (copy.c) ------------------------------------------------------------------ */

/* rows blocks of width reals from src (src_stride apart) to dst (dst_stride apart): joins
 * or splits tensors along any dimension. */
void mb_copy_blocks(mb_real *dst, mb_size dst_stride, const mb_real *src, mb_size src_stride, mb_size rows,
                    mb_size width);
/* y = x with dimensions d1 and d2 swapped; x has the given shape. */
void mb_transpose(mb_real *y, const mb_real *x, const mb_shape *x_shape, int d1, int d2);
/* y[i] = x[index[i]]: rows of width reals. */
void mb_gather(mb_real *y, const mb_real *x, const mb_size *index, mb_size count, mb_size width);
/* dx[index[i]] += dy[i] after dx (rows x width) = 0: the backward pass of gather. */
void mb_gather_backward(mb_real *dx, const mb_real *dy, const mb_size *index, mb_size count, mb_size rows,
                        mb_size width);

/* The same along the middle dimension: y (outer, count, inner) from x (outer, D, inner). */
void mb_take(mb_real *y, const mb_real *x, const mb_size *index, mb_size outer, mb_size D, mb_size count,
             mb_size inner);
void mb_take_backward(mb_real *dx, const mb_real *dy, const mb_size *index, mb_size outer, mb_size D,
                      mb_size count, mb_size inner);
/* y[o, i, n] = x[o, at[o, i, n] - 1, n]: at holds whole numbers of 1..D and has the shape of y. */
void mb_pick(mb_real *y, const mb_real *x, const mb_real *at, mb_size outer, mb_size D, mb_size count,
             mb_size inner);
void mb_pick_backward(mb_real *dx, const mb_real *dy, const mb_real *at, mb_size outer, mb_size D,
                      mb_size count, mb_size inner);

/* ---- running sums and products (cumulative.c): x is (outer, D, inner) ------------------- */

/* Running sums along D, which accumulate in double. backward: a point counts in all sums from its own on. */
void mb_cumsum(mb_real *y, const mb_real *x, mb_size outer, mb_size D, mb_size inner);
void mb_cumsum_backward(mb_real *dx, const mb_real *dy, mb_size outer, mb_size D, mb_size inner);
/* The product along D, as precise as in double but of any size in between: y (outer, inner). The gradient of
 * a point is the product of all others. */
void mb_prod(mb_real *y, const mb_real *x, mb_size outer, mb_size D, mb_size inner);
void mb_prod_backward(mb_real *dx, const mb_real *dy, const mb_real *x, mb_size outer, mb_size D,
                      mb_size inner);

/* ---- sorting (sort.c) ------------------------------------------------------------------- */

/* Bytes of scratch for mb_argsort by that many threads. */
size_t mb_argsort_scratch_bytes(mb_size D, int threads);
/* at (outer, D, inner) = the positions, from 1, that sort x along D, NaN last; equal elements, to which 0 and
 * -0 belong, keep their order. D is below 2^32. */
void mb_argsort(mb_real *at, void *scratch, const mb_real *x, bool descending, mb_size outer, mb_size D,
                mb_size inner, int threads);

/* ---- matrix product (matmul.c) -------------------------------------------------------- */

/* C (M x N) = alpha op(A) op(B) + beta C; op transposes if its flag is set. */
void mb_matmul(mb_real *C, bool transpose_a, bool transpose_b, mb_size M, mb_size N, mb_size depth,
               mb_real alpha, const mb_real *A, const mb_real *B, mb_real beta);

/* ---- products kept as their factors (factors.c) ---------------------------------------- */

/* left' right, of left (depth, rows) and right (depth, columns), which need less memory than their product:
 * the gradient of the weights of a dense layer, a sum over the samples of the batch. */
typedef struct {
  mb_size depth, rows, columns;
  mb_real *packed; /* mb_factors_count reals */
} mb_factors;

mb_size mb_factors_count(mb_size depth, mb_size rows, mb_size columns);
/* Copies both factors to f->packed. */
void mb_factors_pack(const mb_factors *f, const mb_real *left, const mb_real *right);
/* y (rows, columns) = the product. */
void mb_factors_multiply(mb_real *y, const mb_factors *f);

/* ---- convolution (conv1d.c) ----------------------------------------------------------- */

typedef enum { MB_VALID, MB_SAME, MB_CAUSAL, MB_EXPLICIT } mb_padding;

/* Fills pad_left, pad_right and L_out of a window from L, K, stride and dilation.
 * SAME: L_out = ceil(L / stride), the smaller half of the padding on the left (Keras); CAUSAL: all padding on
 * the left, so that windows end at the points 0, stride, ...; EXPLICIT: `before` and `after` points, of which
 * there may be more than a window has. Refuses windows that do not fit. No other function computes output
 * lengths. */
mb_status mb_window(mb_size *L_out, mb_size *pad_left, mb_size *pad_right, mb_size L, mb_size K,
                    mb_size stride, mb_size dilation, mb_padding padding, mb_size before, mb_size after);

#define MB_MAX_POOL 254 /* rows of a window that a byte can name */

/* A convolution and its epilogue, so that the map before pooling is never written: bias, max-pooling of pool
 * rows, pool_stride apart, then negative values times slope. Set the first part, then let mb_conv1d_plan fill
 * the second, and change neither after that. */
typedef struct {
  mb_size N, L, C, K, F;
  mb_size stride, dilation;
  mb_size groups; /* of channels; 0: one */
  mb_padding padding;
  mb_size before, after;     /* points of padding, for MB_EXPLICIT */
  mb_size pool, pool_stride; /* pool at most MB_MAX_POOL; 0: none */
  mb_real slope;             /* 1: no activation; 0: ReLU; others are leaky, without a backward pass */

  mb_size pad_left, pad_right;
  mb_size L_out, L_pool; /* rows of the convolution; rows of y, after pooling */
  bool has_argmax;       /* the backward pass needs a byte for each element of y */
  int threads;
  /* Rows of the tiles that are transformed for y, for dx alone, dw alone, both; 0: the direct algorithm. */
  int T_y, T_dx, T_dw, T_both;
  size_t scratch_bytes; /* of forward and backward */
} mb_conv1d;

/* The algorithm: direct, products of overlapping rows; or fft, transforms of short tiles (no dilation), which
 * for many channels or long kernels is several times faster and as exact. The default compares their costs
 * for the shape. The setting applies to plans that the calling thread makes from now on. */
typedef enum { MB_AUTOMATIC, MB_DIRECT, MB_FFT } mb_conv1d_algorithm;
void mb_set_conv1d_algorithm(mb_conv1d_algorithm algorithm);

/* Fills the second part, for at most this many threads. Refuses windows that do not fit, and sizes whose
 * products would overflow. */
mb_status mb_conv1d_plan(mb_conv1d *s, int threads);

/* Each thread works in this much of scratch, or a multiple. Convolutions that share one piece of scratch from
 * call to call find it in the caches of their cores. */
#define MB_CONV1D_PART_BYTES (((size_t)1 << 17) * sizeof(mb_real))

/* y (N, L_pool, F) = the epilogue of x (N, L, C) * w (K, C, F) + b (F); b may be NULL, and argmax (like y) if
 * there is none or no backward pass follows. x * w[n,t,f] = sum over k, c of x[n, t stride + k dilation -
 * pad_left, c] w[k,c,f]. With groups, w is (K, C / groups, F), and c counts the channels of the group of f:
 * filters f F / groups .. take channels c C / groups .. */
void mb_conv1d_forward(mb_real *y, uint8_t *argmax, void *scratch, const mb_real *x, const mb_real *w,
                       const mb_real *b, const mb_conv1d *plan);
/* As pooling and ReLU: the first maximum takes the gradient, NaN counts as the maximum, 0 passes none.
 * Without dw, x may be NULL. */
void mb_conv1d_backward(mb_real *dx, mb_real *dw, mb_real *db, void *scratch, const mb_real *dy,
                        const uint8_t *argmax, const mb_real *x, const mb_real *w, const mb_conv1d *plan);

/* ---- upsampling (upsample1d.c) -------------------------------------------------------- */

/* (N, L, C) to (N, factor L, C): points repeated, or on lines between their middles; beyond the first and the
 * last middle the values go on. */
typedef struct {
  mb_size N, L, C;
  mb_size factor;
  bool is_linear;
} mb_upsample1d;

void mb_upsample1d_forward(mb_real *y, const mb_real *x, const mb_upsample1d *s);
void mb_upsample1d_backward(mb_real *dx, const mb_real *dy, const mb_upsample1d *s);

/* ---- pooling (pool1d.c) --------------------------------------------------------------- */

typedef struct {
  mb_size N, L, C;
  mb_size size, stride;
  mb_size pad_left, pad_right; /* padded points never win and are never counted */
  mb_size L_out;
} mb_pool1d;

void mb_max_pool1d_forward(mb_real *y, const mb_real *x, const mb_pool1d *s);
/* The first maximum of each window takes the gradient; NaN counts as the maximum. */
void mb_max_pool1d_backward(mb_real *dx, const mb_real *dy, const mb_real *x, const mb_pool1d *s);
void mb_avg_pool1d_forward(mb_real *y, const mb_real *x, const mb_pool1d *s);
void mb_avg_pool1d_backward(mb_real *dx, const mb_real *dy, const mb_pool1d *s);

/* ---- normalisation (norm.c) ----------------------------------------------------------- */

/* Batch norm of each channel of x (N, L, C), then an activation, then max-pooling of rows (Ioffe
 * and Szegedy 2015): z = gamma (x - mean) / sqrt(var + epsilon) + beta, and y = z < 0 ? slope z : z, so that
 * slope 1 is batch norm alone, 0 adds a ReLU, any other value a leaky one. */
typedef struct {
  mb_size N, L, C;
  const mb_real *mean, *var;   /* (C), of the batch or running ones */
  const mb_real *gamma, *beta; /* (C), or NULL: 1 and 0 */
  mb_real epsilon, slope;
  mb_size pool, pool_stride, L_pool; /* pool at most MB_MAX_POOL, 0: no windows */
} mb_batch_norm;

/* Mean and variance (population) of rows = N L go to mean (C) and var (C), and if running_mean is not
 * NULL: running = momentum running + (1 - momentum) batch, for the variance with the population variance, as
 * Keras does. Of no rows they are NaN, and the running ones stay. */
void mb_batch_norm_statistics(mb_real *mean, mb_real *var, mb_real *running_mean, mb_real *running_var,
                              const mb_real *x, mb_real momentum, mb_size rows, mb_size C);
/* y is (N, L or L_pool, C); argmax, like y, gets the place in each window of the row that won, or is NULL.
 */
void mb_batch_norm_apply(mb_real *y, uint8_t *argmax, const mb_real *x, const mb_batch_norm *s);
/* train: the statistics are functions of x; otherwise they are constants. dx may be x, or dy if there are
 * no windows. The first maximum takes the gradient, NaN counts as the maximum. */
void mb_batch_norm_backward(mb_real *dx, mb_real *dgamma, mb_real *dbeta, const mb_real *dy,
                            const uint8_t *argmax, const mb_real *x, bool train, const mb_batch_norm *s);

/* Layer norm over the last dimension D of each row (Ba, Kiros and Hinton 2016). In the backward pass gamma
 * may be NULL: 1. */
void mb_layer_norm_forward(mb_real *y, mb_real *mean, mb_real *inv_sd, const mb_real *x, const mb_real *gamma,
                           const mb_real *beta, mb_real epsilon, mb_size rows, mb_size D);
void mb_layer_norm_backward(mb_real *dx, mb_real *dgamma, mb_real *dbeta, const mb_real *dy, const mb_real *x,
                            const mb_real *mean, const mb_real *inv_sd, const mb_real *gamma, mb_size rows,
                            mb_size D);

/* ---- recurrence (recurrent.c) ----------------------------------------------------------- */

/* LSTM and GRU of U units over L steps of N rows. Arrays are by time: (L, N, width). An LSTM has 4 gates
 * (input, forget, cell, output), a GRU 3 (update, reset, candidate): W (C, gates U) multiplies the input, R
 * (U, gates U) the state before, which at first is 0. */
typedef enum { MB_LSTM, MB_GRU } mb_recurrent_kind;
typedef struct {
  mb_recurrent_kind kind;
  mb_size L, N, C, U;
  int threads;
  bool keeps; /* c and gates of all steps, for backward; else of one step */
} mb_recurrent;

size_t mb_recurrent_scratch_bytes(const mb_recurrent *s);
/* h (L, N, U) = the states; c (L or 1, N, U) the cells of an LSTM (NULL: a GRU); gates (L or 1, N, 4 U) what
 * backward reads. b (gates U); product_bias (U), of a GRU alone, is added to the product of the state for the
 * candidate, which then is multiplied by the reset gate (as cuDNN and Keras' reset_after). */
void mb_recurrent_forward(mb_real *h, mb_real *c, mb_real *gates, void *scratch, const mb_real *x,
                          const mb_real *W, const mb_real *b, const mb_real *R, const mb_real *product_bias,
                          const mb_recurrent *s);
/* dz (L, N, gates U), not NULL, is the gradient of x W + b; db that of product_bias. */
void mb_recurrent_backward(mb_real *dz, mb_real *dR, mb_real *db, void *scratch, const mb_real *dh,
                           const mb_real *h, const mb_real *c, const mb_real *gates, const mb_real *R,
                           const mb_recurrent *s);

/* ---- attention (attention.c) ------------------------------------------------------------ */

/* Scaled dot-product attention (Vaswani et al. 2017) of N samples of L points: qkv (N, L, 3 C) has queries,
 * keys and values side by side, in each of which the heads have C / heads channels. y (N, L, C) = for each
 * head softmax(q k' / sqrt(C / heads)) v; causal: over the keys up to the point itself. Scratch of a thread
 * grows with L, not with its square. */
typedef struct {
  mb_size N, L, C, heads;
  bool causal;
  int threads;
} mb_attention;

size_t mb_attention_scratch_bytes(const mb_attention *s);
void mb_attention_forward(mb_real *y, void *scratch, const mb_real *qkv, const mb_attention *s);
/* dqkv may not be NULL. */
void mb_attention_backward(mb_real *dqkv, void *scratch, const mb_real *dy, const mb_real *qkv,
                           const mb_attention *s);

/* ---- softmax and losses (loss.c): x is (rows, D) --------------------------------------- */

void mb_softmax(mb_real *y, const mb_real *x, mb_size rows, mb_size D);
void mb_softmax_backward(mb_real *dx, const mb_real *dy, const mb_real *y, mb_size rows, mb_size D);
void mb_log_softmax(mb_real *y, const mb_real *x, mb_size rows, mb_size D);
void mb_log_softmax_backward(mb_real *dx, const mb_real *dy, const mb_real *y, mb_size rows, mb_size D);

/* Mean of -weight[label] log softmax(x)[label], divided by the sum of the weights of the
 * rows (PyTorch), or 0 if that is 0. weight (D) may be NULL. A row of weight 0 takes no
 * part, whatever its logits. Refuses labels outside 0..D-1. */
mb_status mb_cross_entropy_forward(mb_real *loss, const mb_real *x, const mb_size *label,
                                   const mb_real *weight, mb_size rows, mb_size D);
void mb_cross_entropy_backward(mb_real *dx, mb_real dloss, const mb_real *x, const mb_size *label,
                               const mb_real *weight, mb_size rows, mb_size D);

double mb_mse_forward(const mb_real *prediction, const mb_real *target, mb_size count);
void mb_mse_backward(mb_real *dprediction, mb_real dloss, const mb_real *prediction, const mb_real *target,
                     mb_size count);

/* ---- random numbers (random.c, dropout.c): NumPy's default_rng, draw for draw ---------- */

typedef struct {
  uint64_t state[2], increment[2]; /* 128-bit PCG64 (XSL-RR), low word first */
  bool has_uint32;                 /* half of a 64-bit draw kept for the next 32-bit one */
  uint32_t uinteger;
} mb_rng;

/* SeedSequence(entropy) of NumPy, entropy given as 32-bit words, least significant first. */
void mb_rng_seed(mb_rng *rng, const uint32_t *entropy, mb_size words);
void mb_rng_advance(mb_rng *rng, uint64_t draws); /* skips 64-bit draws; drops the kept half */
uint64_t mb_rng_uint64(mb_rng *rng);
uint32_t mb_rng_uint32(mb_rng *rng);
double mb_rng_random(mb_rng *rng);                              /* [0, 1) */
int64_t mb_rng_integer(mb_rng *rng, int64_t low, int64_t high); /* low..high, both included */
double mb_rng_uniform(mb_rng *rng, double low, double high);
double mb_rng_normal(mb_rng *rng);               /* standard, ziggurat */
double mb_rng_exponential(mb_rng *rng);          /* standard, ziggurat */
double mb_rng_gamma(mb_rng *rng, double shape);  /* standard, finite shape >= 0; Marsaglia and Tsang 2000 */
double mb_rng_poisson(mb_rng *rng, double mean); /* 0 <= mean <= 1e15; PTRS of Hoermann 1993 from 10 on */
mb_size mb_rng_interval(mb_rng *rng, mb_size last); /* 0..last, as each step of a shuffle draws it */
void mb_rng_shuffle(mb_rng *rng, mb_size *index, mb_size count); /* Generator.shuffle of an array */

/* size <= population different indices 0..population-1, as Generator.choice(population, size,
 * replace=False): tail shuffle or Floyd's set method by NumPy's own rule. */
size_t mb_rng_choice_scratch_bytes(mb_size population, mb_size size);
void mb_rng_choice(mb_rng *rng, mb_size *index, void *scratch, mb_size population, mb_size size,
                   bool shuffle);
/* size indices, as Generator.choice(population, size, replace, p). p (population) sums to 1 within tolerance;
 * without replacement it comes back with a 0 for each index chosen. */
size_t mb_rng_choice_weighted_scratch_bytes(mb_size population);
mb_status mb_rng_choice_weighted(mb_rng *rng, mb_size *index, void *scratch, double *p, mb_size population,
                                 mb_size size, bool replace, double tolerance);

/* y = x kept with probability 1 - rate and divided by it, else 0: element i is kept if number i of
 * Generator.random(count, dtype=float32) is not below rate; each 64-bit draw makes two. The kept half of an
 * earlier draw, from which NumPy would begin, is left out. kept (NULL or count bytes) gets 1 or 0 for each,
 * for the backward pass. rng does not change: the caller advances it by mb_dropout_draws(count). */
uint64_t mb_dropout_draws(mb_size count);
void mb_dropout(mb_real *y, uint8_t *kept, const mb_real *x, mb_real rate, const mb_rng *rng, mb_size count);
void mb_dropout_backward(mb_real *dx, const mb_real *dy, const uint8_t *kept, mb_real rate, mb_size count);

/* ---- optimisers (optim.c): one pass over all parameters ------------------------------- */

typedef struct {
  mb_real *value;
  const mb_real *gradient; /* NULL: it is the product of factors, which is never written to memory */
  mb_real *m, *v;          /* first and second moment; SGD: m is the velocity, NULL without momentum */
  mb_size count;
  mb_factors factors; /* value is (rows, columns) */
} mb_parameter;

/* PyTorch's SGD: g += decay w; v = momentum v + g; w -= lr (nesterov ? g + momentum v : v). */
void mb_sgd_step(mb_parameter *parameters, mb_size parameter_count, double lr, double momentum, bool nesterov,
                 double weight_decay);
/* Adam (Kingma and Ba 2015), bias-corrected, step counted from 1. decoupled: AdamW
 * (Loshchilov and Hutter 2019), w -= lr decay w; otherwise decay is added to the gradient. */
void mb_adam_step(mb_parameter *parameters, mb_size parameter_count, double lr, double beta1, double beta2,
                  double epsilon, double weight_decay, bool decoupled, int64_t step);
/* RMSprop (Tieleman and Hinton 2012) as PyTorch has it: g += decay w; v = rho v + (1 - rho) g^2;
 * m = momentum m + g / (sqrt(v) + epsilon); w -= lr m. */
void mb_rmsprop_step(mb_parameter *parameters, mb_size parameter_count, double lr, double rho,
                     double momentum, double epsilon, double weight_decay);
/* Lion (Chen et al. 2023): w -= lr (sign(beta1 m + (1 - beta1) g) + decay w); m = beta2 m + (1 - beta2) g. */
void mb_lion_step(mb_parameter *parameters, mb_size parameter_count, double lr, double beta1, double beta2,
                  double weight_decay);
/* Moves averages (the values) by a share of the way to the weights (in the place of gradients). */
void mb_average_step(mb_parameter *averages, mb_size count, double share);

/* ---- not of networks ------------------------------------------------------------------- */

#include "moonbow_models.h"
#include "moonbow_spectra.h"
#include "moonbow_text.h"

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
