/* args.h - the arguments of a binding, read in order. The name of its operation is said once:
 *
 *   Args a = bind_args(L, "layer_norm");
 *   const Tensor *x = next_tensor(&a, "input");
 *   const mb_real epsilon = next_real(&a, "epsilon");
 *
 * A next_ function reads the next argument and moves on, or raises a message of the form
 * "layer_norm: epsilon: expected a number, got 'x'". Pointers that it returns belong to Lua and live
 * while the argument is on the stack. A push_ function leaves a new value on the stack; the pointer that it
 * returns lives while the value is there. next_indices and next_numbers push, too: call lua_settop first if
 * arguments that may be missing follow. */
#ifndef ARGS_H
#define ARGS_H

#include "bind.h"

typedef struct {
  lua_State *L;
  const char *operation; /* for messages */
  int next;              /* the index of the argument that is read next */
} Args;

static inline Args bind_args(lua_State *L, const char *operation) {
  return (Args){L, operation, 1};
}

/* Reads the value on top of the stack, such as a field of a table, on behalf of the same operation. */
static inline Args bind_top(const Args *a) {
  return (Args){a->L, a->operation, lua_gettop(a->L)};
}

/* Skips an argument and returns its index, for kinds that no function here reads. */
static inline int next_arg(Args *a) {
  return a->next++;
}

/* True, and skips the argument, if the next one is nil or missing. */
static inline bool next_is_nil(Args *a) {
  const bool is_nil = lua_isnoneornil(a->L, a->next);
  a->next += is_nil;
  return is_nil;
}

/* ---- raising ---- */

/* Raises "operation: message". */
int args_error(const Args *a, const char *format, ...) __attribute__((noreturn));
/* Raises "operation: name: expected EXPECTED, got ..." of the argument that was read last. expected must not
 * be on the stack of Lua. */
int args_type_error(const Args *a, const char *name, const char *expected) __attribute__((noreturn));
/* Raises "operation: reason" unless status is MB_OK. */
void args_check(const Args *a, mb_status status);
void args_check_rank(const Args *a, const char *name, const Tensor *x, int rank);
int args_count_error(const Args *a, const char *name, const Tensor *x, mb_size count)
    __attribute__((noreturn));
static inline void args_check_count(const Args *a, const char *name, const Tensor *x, mb_size count) {
  if (x->count != count) args_count_error(a, name, x, count);
}
/* Raises if x (N), (N, L) or (N, L, C) holds NaN or infinity, with its place (finite.c). */
void args_check_finite(const Args *a, const char *name, const Tensor *x);

/* ---- numbers ---- */

double next_number(Args *a, const char *name);
mb_real next_real(Args *a, const char *name);
mb_real next_real_or(Args *a, const char *name, mb_real otherwise); /* for nil */
mb_size next_integer(Args *a, const char *name, mb_size low, mb_size high);
mb_size next_count(Args *a,
                   const char *name); /* at least 1; below 2^31, so that no product of two overflows */
/* The one place where counting from 1 becomes counting from 0: an index of 1..size. */
mb_size next_index(Args *a, const char *name, mb_size size);
/* The way back: pushes an index counted from 0 as one counted from 1. */
void push_index(lua_State *L, mb_size index);
bool next_boolean(Args *a); /* as Lua sees it: all but nil and false is true */

/* ---- text ---- */

const char *next_string(Args *a, const char *name, const char *expected, size_t *length);
/* A text and, in two more arguments, the first and the last byte of the part of it that is meant; nil: all.
 */
const char *next_part(Args *a, size_t *length);
/* The place of the argument among the names, which end with NULL. */
int next_option(Args *a, const char *name, const char *const *names);
/* "same", "valid", "causal", a number of points or a table of two of them, which go to before and after; nil
 * is "valid" (window.c). */
mb_padding next_padding(Args *a, mb_size *before, mb_size *after);

/* ---- tensors ---- */

static inline Tensor *next_tensor(Args *a, const char *name) {
  return bind_tensor(a->L, a->operation, name, a->next++);
}
/* The same, but a product that is kept as its factors stays so: its block may be NULL. */
Tensor *next_tensor_unread(Args *a, const char *name);
Tensor *next_tensor_or_nil(Args *a, const char *name); /* NULL for nil */
Tensor *next_tensor_rank(Args *a, const char *name, int rank);
static inline Tensor *next_tensor_count(Args *a, const char *name, mb_size count) {
  Tensor *x = next_tensor(a, name);
  args_check_count(a, name, x, count);
  return x;
}

/* ---- lists and others ---- */

/* The number of entries of the table at arg, which is an absolute index; raises if it has other keys, too. */
mb_size args_list_size(const Args *a, const char *name, int arg);
/* Reads a tensor (rank 1) or a table of numbers of classes or rows, checks each to be an integer of 1..size,
 * and pushes them, counted from 0. */
const mb_size *next_indices(Args *a, const char *name, mb_size size, mb_size *count);
/* Pushes the numbers of a table, in double; next_numbers_count expects count of them. */
double *next_numbers(Args *a, const char *name, mb_size *count);
double *next_numbers_count(Args *a, const char *name, mb_size count);
mb_shape next_shape(Args *a); /* a table of sizes */

/* A tensor as (outer, D, inner), cut at a dimension. */
typedef struct {
  int dimension;
  mb_size outer, D, inner;
} Cut;

Cut next_cut(Args *a, const mb_shape *x); /* the number of a dimension of x */

/* The sizes that are the remaining arguments, or one table there, behind which there must be none. Their
 * product is at most BIND_MAX_COUNT. At most one size may be -1 if infer is not 0: it follows from the
 * others, which must divide infer. */
mb_shape last_shape(Args *a, mb_size infer);
mb_rng *next_rng(Args *a, const char *name); /* random.c */

/* ---- pushing ---- */

/* A new tensor with undefined contents. Refuses shapes with a dimension below 1 or too large. */
Tensor *push_tensor(const Args *a, int rank, const mb_size *shape);
Tensor *push_vector(const Args *a, mb_size count);
Tensor *push_like(const Args *a, const Tensor *like);
/* Tensors are all of reals: one that holds a byte for each of count elements. */
uint8_t *push_bytes(const Args *a, mb_size count);
/* The product left' right of (depth, rows) and (depth, columns), as a copy of its factors. */
void push_product(const Args *a, const mb_real *left, const mb_real *right, mb_size depth, mb_size rows,
                  mb_size columns);
/* Scratch; the collector frees it, or pop_scratch, which expects it on top of the stack, at once. */
void *push_scratch(const Args *a, size_t bytes);
void pop_scratch(lua_State *L);

/* ---- reuse of the memory of arguments in a backward pass (tape.c) ---- */

/* Pushes a tensor like the gradient dy at arg for dx: dy itself, to be overwritten, if nothing else shares
 * its memory. */
Tensor *push_over_gradient(const Args *a, int arg);
/* Pushes a tensor like the saved one at arg for dx: in its memory if nothing reads it after this pass.
 */
Tensor *push_over_saved(const Args *a, int arg);

#endif
