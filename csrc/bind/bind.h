/* bind.h - shared by the bindings: tensors as userdata, argument checks, the one index shift. */
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

/* The settings of a Lua state. Kernels read those of the thread that calls them, so reading or making a
 * tensor copies the settings of its state to the thread. */
typedef struct {
  int threads;
  mb_conv1d_algorithm algorithm;
} Settings;

typedef struct {
  const Settings *settings; /* of its state */
  Block *block; /* a reference that the tensor owns; NULL once closed, and while a product is only factors */
  mb_real *data;
  mb_size count;
  mb_shape shape;
  bool tracked;      /* the tape follows this tensor */
  bool dropped;      /* its maker no longer needs it: closed once no record of the tape holds it */
  bool recomputable; /* its record can make it again */
  int holds;         /* records that need it for their backward pass */
  Block *factors;    /* of a product whose elements were not read yet: owned, too; else NULL */
  mb_size depth;     /* rows of each factor, over which the product sums */
} Tensor;

/* ---- raising (error.c) ---- */

/* Raises "FILE:LINE: message". The line is the innermost one outside moonbow's own Lua files; there is no
 * "FILE:LINE: " if no such line called. */
int bind_error(lua_State *L, const char *format, ...) __attribute__((noreturn));
/* Pushes an argument as messages show it, 'text', 1.5, tensor {2, 3}, a table, and returns the string, which
 * lives while it is on the stack. */
const char *bind_push_shown(lua_State *L, int arg);
/* Raises "operation: name: expected EXPECTED, got ...". expected must not be on the stack of Lua. */
int bind_type_error(lua_State *L, const char *operation, const char *name, int arg, const char *expected)
    __attribute__((noreturn));

int bind_set_own_source(lua_State *L);
int bind_call_site(lua_State *L);
int bind_raise(lua_State *L);

/* ---- tensors (tensor.c) ---- */

Settings bind_settings(lua_State *L);
void bind_set_settings(lua_State *L, Settings settings);
/* The tensor at arg, which belongs to Lua and lives while it is on the stack; NULL if it is none. */
Tensor *bind_test_tensor(lua_State *L, int arg);
/* The same, but raises if it is none or has been closed, and computes a product that is kept as its factors.
 */
Tensor *bind_tensor(lua_State *L, const char *operation, const char *name, int arg);
/* The same without computing the product: its block may be NULL. */
Tensor *bind_tensor_unread(lua_State *L, const char *operation, const char *name, int arg);
mb_size bind_last_size(const Tensor *x);        /* of its last dimension; all before it are rows */
mb_factors bind_factors(const Tensor *product); /* points into the memory of the product */
/* Releases the memory of a tensor now, before Lua collects it; using it afterwards raises. */
void bind_close(Tensor *tensor);
/* Closes a saved tensor early, before this backward step returns, if no other record holds it (tape.c). */
void bind_let_go(Tensor *saved);
/* Pushes a view of all of x that the tape does not follow: it shares the memory, and keeps it alive. */
Tensor *bind_push_alias(lua_State *L, const Tensor *x);
bool bind_same_shape(const Tensor *a, const Tensor *b);
/* Marks data as changed in place, so that a tape that saved it notices. */
void bind_mark_changed(Tensor *tensor);
void bind_push_sizes(lua_State *L, const mb_shape *shape); /* the table {2, 3} */
/* Pushes "{2, 3}" and returns the string, which lives while it is on the stack. */
const char *bind_push_shape(lua_State *L, const mb_shape *shape);

/* Pages for a text that becomes a string, large ones, which go back to the system (files.c): a text that
 * stayed in the pool beside its string would take its size twice. NULL if memory is short. */
char *bind_take_pages(size_t room);
/* Pushes the text at the start of pages, and frees them, also if it raises. */
void bind_push_pages(lua_State *L, char *bytes, size_t room, size_t count);

/* True once Ctrl-C came and no work has answered it yet. Cheap enough to poll in long loops. */
bool bind_interrupted(void);

/* ---- variables of each coroutine (scope.c); scope is the index of one, and an upvalue's ---- */

void bind_push_scope(lua_State *L);
/* Pushes the value in this coroutine, nil if it has none; returns its type. */
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
  FILE(rolling_ball) FILE(despike) FILE(resample) FILE(finite) FILE(forest) FILE(distance) FILE(linear) \
  FILE(affine) FILE(pca) FILE(pls) FILE(ridge) FILE(logistic) FILE(csv) FILE(csv_lines) FILE(asdf) \
  FILE(dtype) FILE(digest) FILE(parse_number) FILE(number_text) FILE(encoding) FILE(files) FILE(locale) \
  FILE(terminal) FILE(interrupt) FILE(xrd) FILE(cumulative) FILE(sort) FILE(warp) FILE(upsample1d) \
  FILE(recurrent) FILE(attention) FILE(column)
/* clang-format on */

#include "args.h"

#define BIND_DECLARE(file) void bind_open_##file(lua_State *L);
BIND_FILES(BIND_DECLARE)

#endif
