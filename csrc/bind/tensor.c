/* tensor.c - tensors as userdata: memory, making, shapes, views. */
#include "bind.h"

#include <string.h>

static const char pool_key = 0;   /* its address is the registry key of the pool's userdata */
static const char tensor_key = 0; /* of the metatable: a look-up by address is faster than by name */

/* ---- memory ---- */

/* Of a Lua state: the pool of its tensors, its settings, and the allocator that it had before. */
typedef struct {
  Pool *pool;
  Settings settings;
  lua_Alloc allocate;
  void *user;
} Memory;

/* Allocates Lua's own memory: if there is none, the pool first returns its free blocks to the system. */
static __attribute__((noinline)) void *reallocate(const Memory *memory, void *block, size_t before,
                                                  size_t bytes) {
  void *moved = memory->allocate(memory->user, block, before, bytes);
  if (moved != NULL || !pool_trim(memory->pool)) return moved;
  return memory->allocate(memory->user, block, before, bytes);
}

/* A function of its own: calls that free, which are half of all, then save no registers. */
static void *allocate(void *user, void *block, size_t before, size_t bytes) {
  const Memory *memory = user;
  return bytes == 0 ? memory->allocate(memory->user, block, before, 0)
                    : reallocate(memory, block, before, bytes);
}

static int memory_gc(lua_State *L) {
  Memory *memory = lua_touserdata(L, 1);
  if (memory->pool == NULL) return 0;
  lua_setallocf(L, memory->allocate, memory->user);
  pool_close(memory->pool);
  memory->pool = NULL;
  return 0;
}

static Memory *get_memory(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &pool_key);
  Memory *memory = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return memory;
}

static Pool *get_pool(lua_State *L) {
  return get_memory(L)->pool;
}

Settings bind_settings(lua_State *L) {
  return get_memory(L)->settings;
}

void bind_set_settings(lua_State *L, Settings settings) {
  get_memory(L)->settings = settings;
}

/* Copies the settings to this thread, for the kernels that it calls. */
static void use(const Settings *settings) {
  static _Thread_local __attribute__((tls_model("initial-exec"))) Settings used = {0, MB_AUTOMATIC};
  if (used.threads == settings->threads && used.algorithm == settings->algorithm) return;
  mb_set_threads(settings->threads);
  mb_set_conv1d_algorithm(settings->algorithm);
  used = *settings;
}

static void open_pool(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &pool_key) == LUA_TNIL) {
    Memory *memory = lua_newuserdatauv(L, sizeof *memory, 0);
    memory->pool = NULL;
    const int threads = mb_get_threads(), most = mb_most_threads();
    memory->settings = (Settings){threads < most ? threads : most, MB_AUTOMATIC};
    memory->allocate = lua_getallocf(L, &memory->user);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, memory_gc);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    if ((memory->pool = pool_new()) == NULL) luaL_error(L, "moonbow: not enough memory");
    lua_setallocf(L, allocate, memory);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &pool_key);
  }
  lua_pop(L, 1);
}

/* Before the pool grows, Lua collects garbage if enough was handed out since the last collection. Lua alone
 * would wait, because it does not see the memory that tensors hold. */
static Block *take_block(lua_State *L, Pool *pool, const char *operation, size_t bytes) {
  Block *block = pool_reuse(pool, bytes);
  if (block != NULL) return block;
  if (pool_may_hold_garbage(pool, bytes)) {
    lua_gc(L, LUA_GCCOLLECT);
    pool_mark(pool);
  }
  if ((block = pool_take(pool, bytes)) == NULL) {
    lua_gc(L, LUA_GCCOLLECT);
    block = pool_take(pool, bytes);
  }
  if (block == NULL)
    bind_error(L, "%s: not enough memory: %I MB asked for, %I MB in use", operation,
               (LUAI_UACINT)(bytes >> 20), (LUAI_UACINT)(pool_state(pool).live >> 20));
  return block;
}

/* core.memory() -> bytes held by tensors, bytes kept for reuse, most bytes held since release_memory */
static int memory(lua_State *L) {
  const PoolState state = pool_state(get_pool(L));
  lua_pushinteger(L, (lua_Integer)state.live);
  lua_pushinteger(L, (lua_Integer)state.cached);
  lua_pushinteger(L, (lua_Integer)state.peak);
  return 3;
}

/* core.trim_memory(): collects garbage and gives the kept blocks back to the system */
static int trim_memory(lua_State *L) {
  lua_gc(L, LUA_GCCOLLECT);
  lua_gc(L, LUA_GCCOLLECT);
  pool_trim(get_pool(L));
  return 0;
}

/* core.release_memory(): the same, and the peak starts again */
static int release_memory(lua_State *L) {
  trim_memory(L);
  pool_restart_peak(get_pool(L));
  return 0;
}

static void drop_factors(Tensor *tensor) {
  if (tensor->factors != NULL) block_release(tensor->factors);
  tensor->factors = NULL;
}

void bind_close(Tensor *tensor) {
  if (tensor->block != NULL) block_release(tensor->block);
  tensor->block = NULL;
  tensor->data = NULL;
  drop_factors(tensor);
}

static int tensor_gc(lua_State *L) {
  Tensor *tensor = bind_test_tensor(L, 1);
  if (tensor != NULL) bind_close(tensor);
  return 0;
}

/* ---- arguments ---- */

Tensor *bind_test_tensor(lua_State *L, int arg) {
  Tensor *tensor = lua_touserdata(L, arg);
  if (tensor == NULL || !lua_getmetatable(L, arg)) return NULL;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &tensor_key);
  if (lua_topointer(L, -1) != lua_topointer(L, -2)) tensor = NULL; /* faster than lua_rawequal */
  lua_pop(L, 2);
  return tensor;
}

mb_factors bind_factors(const Tensor *product) {
  return (mb_factors){product->depth, product->shape.shape[0], product->shape.shape[1],
                      product->factors->data};
}

/* Computes the elements of a product that was kept as its factors, and frees these. */
static void compute(lua_State *L, const char *operation, Tensor *product) {
  Block *block = take_block(L, get_pool(L), operation, (size_t)product->count * sizeof(mb_real));
  const mb_factors factors = bind_factors(product);
  mb_factors_multiply(block->data, &factors);
  product->block = block;
  product->data = block->data;
  drop_factors(product);
}

Tensor *bind_tensor_unread(lua_State *L, const char *operation, const char *name, int arg) {
  Tensor *tensor = bind_test_tensor(L, arg);
  if (tensor == NULL) bind_type_error(L, operation, name, arg, "a tensor");
  if (tensor->block == NULL && tensor->factors == NULL)
    bind_error(L, "%s: %s: this tensor has been closed", operation, name);
  use(tensor->settings);
  return tensor;
}

Tensor *bind_tensor(lua_State *L, const char *operation, const char *name, int arg) {
  Tensor *tensor = bind_tensor_unread(L, operation, name, arg);
  if (tensor->block == NULL) compute(L, operation, tensor);
  return tensor;
}

void bind_push_sizes(lua_State *L, const mb_shape *shape) {
  lua_createtable(L, shape->rank, 0);
  for (int d = 0; d < shape->rank; d++) {
    lua_pushinteger(L, shape->shape[d]);
    lua_rawseti(L, -2, d + 1);
  }
}

const char *bind_push_shape(lua_State *L, const mb_shape *shape) {
  luaL_Buffer buffer;
  luaL_buffinit(L, &buffer);
  luaL_addchar(&buffer, '{');
  for (int d = 0; d < shape->rank; d++) {
    if (d > 0) luaL_addstring(&buffer, ", ");
    lua_pushinteger(L, shape->shape[d]);
    luaL_addvalue(&buffer);
  }
  luaL_addchar(&buffer, '}');
  luaL_pushresult(&buffer);
  return lua_tostring(L, -1);
}

/* ---- making tensors ---- */

/* Pushes a tensor without memory. A block is taken only once there is a tensor to own it, so no error leaks
 * one. */
static Tensor *push_closed(lua_State *L, const Settings *settings) {
  Tensor *tensor = lua_newuserdatauv(L, sizeof(Tensor), 1);
  *tensor = (Tensor){.settings = settings};
  use(settings);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &tensor_key);
  lua_setmetatable(L, -2);
  return tensor;
}

void push_product(const Args *a, const mb_real *left, const mb_real *right, mb_size depth, mb_size rows,
                  mb_size columns) {
  Memory *memory = get_memory(a->L);
  Tensor *product = push_closed(a->L, &memory->settings);
  product->shape = (mb_shape){.rank = 2, .shape = {rows, columns}};
  product->count = rows * columns;
  product->depth = depth;
  product->factors = take_block(a->L, memory->pool, a->operation,
                                (size_t)mb_factors_count(depth, rows, columns) * sizeof(mb_real));
  const mb_factors factors = bind_factors(product);
  mb_factors_pack(&factors, left, right);
}

Tensor *push_tensor(const Args *a, int rank, const mb_size *shape) {
  mb_size count = 1;
  if (rank < 1 || rank > MB_MAX_RANK) args_error(a, "expected 1 to %d dimensions, got %d", MB_MAX_RANK, rank);
  for (int d = 0; d < rank; d++) {
    if (shape[d] < 1) args_error(a, "dimension %d would have size %I", d + 1, (LUAI_UACINT)shape[d]);
    if (shape[d] > BIND_MAX_COUNT / count) args_error(a, "the tensor would have too many elements");
    count *= shape[d];
  }
  Memory *memory = get_memory(a->L);
  Tensor *tensor = push_closed(a->L, &memory->settings);
  tensor->block = take_block(a->L, memory->pool, a->operation, (size_t)count * sizeof(mb_real));
  tensor->data = tensor->block->data;
  tensor->count = count;
  tensor->shape.rank = rank;
  memcpy(tensor->shape.shape, shape, (size_t)rank * sizeof *shape);
  return tensor;
}

Tensor *push_vector(const Args *a, mb_size count) {
  return push_tensor(a, 1, &count);
}

Tensor *push_like(const Args *a, const Tensor *like) {
  return push_tensor(a, like->shape.rank, like->shape.shape);
}

uint8_t *push_bytes(const Args *a, mb_size count) {
  const mb_size reals = (count + (mb_size)sizeof(mb_real) - 1) / (mb_size)sizeof(mb_real);
  return (uint8_t *)push_vector(a, reals)->data;
}

mb_size bind_last_size(const Tensor *x) {
  return x->shape.shape[x->shape.rank - 1];
}

void *push_scratch(const Args *a, size_t bytes) {
  return push_vector(a, (mb_size)(bytes / sizeof(mb_real)) + 1)->data;
}

void pop_scratch(lua_State *L) {
  bind_close(lua_touserdata(L, -1));
  lua_pop(L, 1);
}

void bind_mark_changed(Tensor *tensor) {
  tensor->block->version++;
}

/* Pushes a view of this shape from offset on: it shares the block of `of`, by a reference of its own. */
static Tensor *push_view(lua_State *L, const Tensor *of, mb_size offset, int rank, const mb_size *shape) {
  Tensor *view = push_closed(L, of->settings);
  block_retain(view->block = of->block);
  view->data = of->data + offset;
  view->shape.rank = rank;
  memcpy(view->shape.shape, shape, (size_t)rank * sizeof *shape);
  view->count = mb_shape_count(&view->shape);
  return view;
}

/* ---- shape and views ---- */

/* core.is_tensor(value) */
static int is_tensor(lua_State *L) {
  lua_pushboolean(L, bind_test_tensor(L, 1) != NULL);
  return 1;
}

/* core.shape(x) -> {sizes} */
static int shape_of(lua_State *L) {
  Args a = bind_args(L, "shape");
  bind_push_sizes(L, &next_tensor_unread(&a, "x")->shape);
  return 1;
}

/* core.size(x, dimension) */
static int size_of(lua_State *L) {
  Args a = bind_args(L, "size");
  const Tensor *x = next_tensor_unread(&a, "x");
  lua_pushinteger(L, x->shape.shape[next_index(&a, "dimension", x->shape.rank)]);
  return 1;
}

/* core.rank(x) -> the number of its dimensions */
static int rank_of(lua_State *L) {
  Args a = bind_args(L, "rank");
  lua_pushinteger(L, next_tensor_unread(&a, "x")->shape.rank);
  return 1;
}

/* core.count(x) -> the number of its elements */
static int count_of(lua_State *L) {
  Args a = bind_args(L, "count");
  lua_pushinteger(L, next_tensor_unread(&a, "x")->count);
  return 1;
}

/* core.length(x) -> the number of its rows */
static int length(lua_State *L) {
  Args a = bind_args(L, "#");
  lua_pushinteger(L, next_tensor_unread(&a, "x")->shape.shape[0]);
  return 1;
}

/* core.row(x, i): a view of row i; the number itself if x has one dimension */
static int row(lua_State *L) {
  Args a = bind_args(L, "row");
  const Tensor *x = next_tensor(&a, "x");
  const mb_size i = next_index(&a, "index", x->shape.shape[0]);
  if (x->shape.rank == 1)
    lua_pushnumber(L, x->data[i]);
  else
    push_view(L, x, i * (x->count / x->shape.shape[0]), x->shape.rank - 1, x->shape.shape + 1);
  return 1;
}

/* core.narrow(x, first, count): a view of count rows from first on */
static int narrow(lua_State *L) {
  Args a = bind_args(L, "narrow");
  const Tensor *x = next_tensor(&a, "x");
  mb_shape shape = x->shape;
  const mb_size first = next_index(&a, "first", x->shape.shape[0]);
  shape.shape[0] = next_integer(&a, "count", 1, x->shape.shape[0] - first);
  push_view(L, x, first * (x->count / x->shape.shape[0]), shape.rank, shape.shape);
  return 1;
}

/* core.reshape(x, sizes...): a view; one size may be -1 */
static int reshape(lua_State *L) {
  Args a = bind_args(L, "reshape");
  const Tensor *x = next_tensor(&a, "x");
  const mb_shape shape = last_shape(&a, x->count);
  mb_size count = 1;
  for (int d = 0; d < shape.rank; d++) count = count > x->count ? count : count * shape.shape[d];
  if (count != x->count) {
    const char *from = bind_push_shape(L, &x->shape);
    args_error(&a, "shape %s does not hold the %I elements of shape %s", bind_push_shape(L, &shape),
               (LUAI_UACINT)x->count, from);
  }
  push_view(L, x, 0, shape.rank, shape.shape);
  return 1;
}

/* core.alias(x): a view of all of x, not followed by the tape */
static int alias(lua_State *L) {
  Args a = bind_args(L, "detach");
  bind_push_alias(L, next_tensor(&a, "x"));
  return 1;
}

Tensor *bind_push_alias(lua_State *L, const Tensor *x) {
  return push_view(L, x, 0, x->shape.rank, x->shape.shape);
}

/* core.close(x): releases the memory now; using x afterwards is an error */
static int close_now(lua_State *L) {
  Tensor *x = bind_test_tensor(L, 1);
  if (x == NULL) bind_type_error(L, "close", "x", 1, "a tensor");
  bind_close(x);
  return 0;
}

bool bind_same_shape(const Tensor *a, const Tensor *b) {
  return a->shape.rank == b->shape.rank &&
         memcmp(a->shape.shape, b->shape.shape, (size_t)a->shape.rank * sizeof(mb_size)) == 0;
}

/* core.same_shape(a, b) */
static int same_shape_of(lua_State *L) {
  Args a = bind_args(L, "same_shape");
  const Tensor *left = next_tensor_unread(&a, "a");
  lua_pushboolean(L, bind_same_shape(left, next_tensor_unread(&a, "b")));
  return 1;
}

static bool is_open(const Tensor *tensor) {
  return tensor != NULL && (tensor->block != NULL || tensor->factors != NULL);
}

static int equal(lua_State *L) {
  Args args = bind_args(L, "==");
  const bool open = is_open(bind_test_tensor(L, 1)) && is_open(bind_test_tensor(L, 2));
  const Tensor *a = open ? next_tensor(&args, "a") : NULL, *b = open ? next_tensor(&args, "b") : NULL;
  bool same = open && bind_same_shape(a, b);
  for (mb_size i = 0; same && i < a->count; i++) same = a->data[i] == b->data[i];
  lua_pushboolean(L, same);
  return 1;
}

/* ---- indexing ---- */

/* x[{ a, b }] is x:range(a, b). Upvalue 1: the methods. */
static int range(lua_State *L) {
  const int count = (int)luaL_len(L, 2);
  luaL_checkstack(L, count + 2, "index");
  lua_getfield(L, lua_upvalueindex(1), "range");
  lua_pushvalue(L, 1);
  for (int i = 1; i <= count; i++) lua_geti(L, 2, i);
  lua_call(L, count + 1, 1);
  return 1;
}

/* x[i] is row i, and nil behind the last so that ipairs ends; x.name is a method; x.grad the
 * gradient. Rows of a tensor on the tape go through the method, which records them.
 * Upvalue 1: the methods. */
static int index_tensor(lua_State *L) {
  const Tensor *x = bind_test_tensor(L, 1);
  if (x == NULL) bind_type_error(L, "index", "x", 1, "a tensor");
  if (lua_type(L, 2) != LUA_TNUMBER) {
    if (lua_type(L, 2) == LUA_TTABLE) return range(L);
    if (lua_type(L, 2) != LUA_TSTRING)
      bind_type_error(L, "index", "key", 2, "the number of a row, a table of ranges or a name");
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) return 1;
    if (strcmp(lua_tostring(L, 2), "grad") != 0 || lua_getiuservalue(L, 1, 1) != LUA_TTABLE) return 0;
    lua_getfield(L, -1, "grad");
    return 1;
  }
  if (is_open(x) && lua_tonumber(L, 2) == (lua_Number)x->shape.shape[0] + 1) return 0;
  if (!x->tracked) return row(L);
  lua_getfield(L, lua_upvalueindex(1), "row");
  lua_insert(L, 1);
  lua_call(L, 2, 1);
  return 1;
}

/* ---- registration ---- */

static const luaL_Reg functions[] = {
    {"alias", alias},
    {"close", close_now},
    {"count", count_of},
    {"equal", equal},
    {"is_tensor", is_tensor},
    {"length", length},
    {"memory", memory},
    {"narrow", narrow},
    {"rank", rank_of},
    {"release_memory", release_memory},
    {"reshape", reshape},
    {"row", row},
    {"same_shape", same_shape_of},
    {"shape", shape_of},
    {"size", size_of},
    {"trim_memory", trim_memory},
    {NULL, NULL},
};

/* The metatable: memory is handled here, everything else is added by tensor.lua. */
static const luaL_Reg metamethods[] = {
    {"__gc", tensor_gc}, {"__close", tensor_gc}, {"__eq", equal}, {"__len", length}, {NULL, NULL},
};

void bind_open_tensor(lua_State *L) {
  open_pool(L);
  luaL_setfuncs(L, functions, 0);
  /* If the module is opened again, the methods that Lua gave it the first time stay. */
  if (luaL_newmetatable(L, TENSOR_TYPE)) {
    luaL_setfuncs(L, metamethods, 0);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "methods");
    lua_pushcclosure(L, index_tensor, 1);
    lua_setfield(L, -2, "__index");
  }
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &tensor_key);
  lua_getfield(L, -1, "methods");
  lua_setfield(L, -3, "tensor_methods");
  lua_setfield(L, -2, "tensor_metatable");
}
