/* bind.h - what the bindings share: tensors as userdata, argument checks, the one index shift. */
#ifndef BIND_H
#define BIND_H

#include <float.h>
#include <lauxlib.h>
#include <lua.h>

#include "moonbow.h"
#include "pool.h"

/* The double build registers its own metatables, so that both builds can live in one state. */
#ifdef MB_DOUBLE
#define BIND_PREFIX "moonbow64."
#define BIND_OPEN   luaopen_moonbow_core64
#else
#define BIND_PREFIX "moonbow."
#define BIND_OPEN   luaopen_moonbow_core
#endif
#define TENSOR_TYPE BIND_PREFIX "tensor"
#define RNG_TYPE    BIND_PREFIX "rng"

#define BIND_MAX_COUNT ((mb_size)1 << 40) /* elements of a tensor */
/* Up to here each whole number is exact in a tensor. */
#define BIND_EXACT ((mb_size)1 << (sizeof(mb_real) == sizeof(float) ? FLT_MANT_DIG : DBL_MANT_DIG))

/* What a Lua state has chosen. Kernels go by the choice of the thread that calls them: looking at a tensor,
 * or making one, makes that of its state the thread's. */
typedef struct {
  int threads;
  mb_conv1d_way way;
} Settings;

typedef struct {
  const Settings *settings; /* of its state */
  Block *block; /* NULL once closed, and while nobody has looked at a product kept as its factors */
  mb_real *data;
  mb_size count;
  mb_shape shape;
  bool tracked;      /* the tape follows this tensor */
  bool dropped;      /* whoever made it has done with it: closed once no record of the tape holds it */
  bool recomputable; /* its record can make it again */
  int holds;         /* records that need it for their backward pass */
  Block *factors;    /* what to compute the elements from when somebody looks; else NULL */
  mb_size terms;     /* that they sum up */
} Tensor;

/* ---- raising (error.c) ---- */

/* Raises "FILE:LINE: message", where the line is the nearest one outside moonbow's own Lua. */
int bind_error(lua_State *L, const char *format, ...) __attribute__((noreturn));
/* Raises "operation: reason" unless status is MB_OK. */
void bind_status(lua_State *L, const char *operation, mb_status status);
/* Pushes an argument as it is shown in messages, and returns that: 'text', 1.5, tensor {2, 3}, a table. */
const char *bind_push_shown(lua_State *L, int arg);
/* Raises "operation: name: expected EXPECTED, got ...". expected must not be on the stack of Lua. */
int bind_type_error(lua_State *L, const char *operation, const char *name, int arg, const char *expected)
    __attribute__((noreturn));

int bind_set_own_source(lua_State *L);
int bind_where(lua_State *L);
int bind_raise(lua_State *L);

/* ---- arguments: operation and name are for the message ---- */

mb_size bind_size(lua_State *L, const char *operation, const char *name, int arg, mb_size low, mb_size high);
double bind_number(lua_State *L, const char *operation, const char *name, int arg);
bool bind_flag(lua_State *L, int arg); /* nil is false */
/* The numbers of the table at arg, in double, on the stack; and the same of a table of count numbers. */
double *bind_numbers(lua_State *L, const char *operation, const char *name, int arg, mb_size *count);
double *bind_numbers_count(lua_State *L, const char *operation, const char *name, int arg, mb_size count);
/* "same", "valid" or a number of points at arg; nil is "valid" (window.c). */
mb_padding bind_padding(lua_State *L, const char *operation, int arg, mb_size *pad);
/* The one helper in: a 1-based Lua index in 1..size to a 0-based one. */
mb_size bind_index_in(lua_State *L, const char *operation, const char *name, int arg, mb_size size);
/* The one helper out: pushes a 0-based index as a 1-based integer. */
void bind_index_out(lua_State *L, mb_size index);

/* ---- tensors (tensor.c) ---- */

Settings bind_settings(lua_State *L);
void bind_set_settings(lua_State *L, Settings settings);
Tensor *bind_test_tensor(lua_State *L, int arg); /* NULL where there is no tensor */
Tensor *bind_tensor(lua_State *L, const char *operation, const char *name, int arg);
/* The same, but without computing the elements of a product kept as its factors: block may be NULL. */
Tensor *bind_tensor_unread(lua_State *L, const char *operation, const char *name, int arg);
Tensor *bind_tensor_or_nil(lua_State *L, const char *operation, const char *name, int arg);
Tensor *bind_tensor_rank(lua_State *L, const char *operation, const char *name, int arg, int rank);
/* A tensor of exactly this many elements, e.g. a bias; what is described in the message. */
Tensor *bind_tensor_count(lua_State *L, const char *operation, const char *name, int arg, mb_size count);
/* Pushes a new tensor with undefined contents. Refuses shapes with a dimension below 1 or too large. */
Tensor *bind_new_tensor(lua_State *L, const char *operation, int rank, const mb_size *shape);
/* Pushes the product left' right of (terms, rows) and (terms, columns), as a copy of its factors. */
Tensor *bind_new_product(lua_State *L, const char *operation, const mb_real *left, const mb_real *right,
                         mb_size terms, mb_size rows, mb_size columns);
mb_factors bind_factors(const Tensor *product);
/* Lets go of the memory; using the tensor afterwards raises. */
void bind_close(Tensor *tensor);
/* Tensors are all of reals: pushes one that holds a byte for each of count elements. */
Tensor *bind_new_bytes(lua_State *L, const char *operation, mb_size count);
mb_size bind_last_size(const Tensor *x); /* of its last dimension; all before it are rows */
Tensor *bind_new_like(lua_State *L, const char *operation, const Tensor *like);
/* Scratch of count reals, on the stack as a tensor; the collector or bind_free_scratch frees it. */
mb_real *bind_scratch(lua_State *L, const char *operation, mb_size count);
void bind_free_scratch(lua_State *L, int index);
/* Pushes a view of all of x, which the tape does not follow. */
void bind_push_alias(lua_State *L, const Tensor *x);
bool bind_same_shape(const Tensor *a, const Tensor *b);
/* Raises where x (N), (N, L) or (N, L, C) holds NaN or infinity, and says where (finite.c). */
void bind_check_finite(lua_State *L, const char *operation, const char *name, const Tensor *x);
/* Marks data as changed in place, so that a tape that saved it notices. */
void bind_touch(Tensor *tensor);
/* Reads sizes from the arguments first..top, or from one table there, behind which there must be none, into
 * shape; returns the rank. Their product is at most BIND_MAX_COUNT. At most one size may be -1 where infer is
 * not 0: it follows from the others, which must divide infer. */
int bind_read_shape(lua_State *L, const char *operation, int first, mb_size *shape, mb_size infer);
/* The shape in the table of sizes at arg. */
mb_shape bind_shape(lua_State *L, const char *operation, int arg);
void bind_push_sizes(lua_State *L, const mb_shape *shape); /* the table {2, 3} */
/* "{2, 3}" on the stack; returns it. */
const char *bind_push_shape(lua_State *L, const mb_shape *shape);

/* Reads a tensor (rank 1) or a table of class or row numbers at arg, checks each to be an
 * integer in 1..size, and gives them 0-based, in a scratch userdata pushed on the stack. */
const mb_size *bind_indices(lua_State *L, const char *operation, const char *name, int arg, mb_size size,
                            mb_size *count);

/* Ctrl-C came and is to be answered: loops that take long may end. Cheap. */
bool bind_interrupted(void);

mb_rng *bind_rng(lua_State *L, const char *operation, const char *name, int arg); /* random.c */

/* ---- what a backward pass may do with the memory of its arguments (tape.c) ---- */

/* Pushes a tensor like the gradient dy at arg for dx: dy itself, to be overwritten, if nothing else shares
 * its memory. */
Tensor *bind_over_gradient(lua_State *L, const char *operation, int arg);
/* Pushes a tensor like the saved one at arg for dx: in its memory if nobody will look at it after this pass.
 */
Tensor *bind_over_saved(lua_State *L, const char *operation, int arg);
/* The pass has done with a saved tensor: its memory is free already if nobody else will look at it. */
void bind_let_go(Tensor *saved);

/* ---- variables of each coroutine (scope.c); scope is the index of one, and an upvalue's ---- */

void bind_push_scope(lua_State *L);
/* Pushes the value in this coroutine, nil where it has none; returns its type. */
int bind_scope_value(lua_State *L, int scope);
/* To be returned by a C function of the arguments (value, f, ...): its results are those of f(...), which
 * is called with the variable set to value, not nil. */
int bind_call_in_scope(lua_State *L, int scope);

/* Adds a closure of function over each operation, under its name and a suffix, to the table on top. */
void bind_add_family(lua_State *L, lua_CFunction function, const char *const *names, int count,
                     const char *suffix);

/* ---- the files that add their functions to the table on top of the stack, in this order ---- */

/* clang-format off */
#define BIND_FILES(FILE) \
  FILE(tensor) FILE(tensor_elements) FILE(tape) FILE(scope) FILE(elementwise) FILE(reduce) FILE(matmul) \
  FILE(factors) FILE(copy) FILE(window) FILE(conv1d) FILE(pool1d) FILE(norm) FILE(dropout) FILE(loss) \
  FILE(optim) FILE(random) FILE(spectra) FILE(spikes) FILE(scale) FILE(savitzky_golay) FILE(als_baseline) \
  FILE(resample) FILE(finite) FILE(forest) FILE(distance) FILE(linear) FILE(csv) FILE(dtype) FILE(digest) \
  FILE(files) FILE(locale) FILE(terminal) FILE(interrupt)
/* clang-format on */

#define BIND_DECLARE(file) void bind_open_##file(lua_State *L);
BIND_FILES(BIND_DECLARE)

#endif
