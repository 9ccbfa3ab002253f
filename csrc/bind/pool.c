/* pool.c - small blocks go to free lists by size class, large ones back to the arena. A class is a quarter of
 * an octave, so that a block wastes at most a fifth. */
#include "pool.h"

#include "arena.h"
#include "poison.h"

#include <stdlib.h>
#include <string.h>

#define HEADER    64 /* keeps the data behind the Block aligned for vectors */
#define CLASSES   64
#define LARGE_MIN ((size_t)1 << 20)
#define SLACK     ((size_t)64 << 20) /* free memory that is always worth keeping */
#define GARBAGE   ((size_t)32 << 20) /* allocated since the mark, in all, and in the size class asked for: */
#define OF_CLASS  ((size_t)256 << 10)

struct Pool {
  Block *free[CLASSES];
  Arena arena;
  size_t listed; /* bytes in free lists */
  PoolState state;
  size_t handed_out;             /* bytes since the mark */
  size_t handed_out_of[CLASSES]; /* of these in small blocks */
  size_t blocks;                 /* live and in free lists; the pool goes with the last once closed */
  bool closed;
};

_Static_assert(sizeof(Block) <= HEADER, "the data must start behind the Block");

Pool *pool_new(void) {
  return calloc(1, sizeof(Pool));
}

/* The class of a block of this many bytes, header included; *bytes becomes the class's size. */
static int size_class(size_t *bytes) {
  size_t octave = 128;
  int class = 0;
  for (; octave * 2 < *bytes; octave *= 2) class += 4;
  for (size_t quarter = 0; quarter <= 4; quarter++) {
    const size_t size = octave + octave / 4 * quarter;
    if (size >= *bytes) {
      *bytes = size;
      return class + (int)quarter;
    }
  }
  return class + 4; /* not reached: octave * 2 >= bytes */
}

/* Only the bytes that were asked for are accessible under the address sanitizer. */
static void expose(Block *block, size_t bytes) {
  POISON(block->data, block->bytes - HEADER);
  UNPOISON(block->data, bytes);
}

static Block *hand_out(Pool *pool, Block *block) {
  block->references = 1;
  block->version = 0;
  pool->state.live += block->bytes;
  pool->handed_out += block->bytes;
  if (block->piece == NULL) {
    size_t bytes = block->bytes;
    pool->handed_out_of[size_class(&bytes)] += bytes;
  }
  if (pool->state.live > pool->state.peak) pool->state.peak = pool->state.live;
  return block;
}

static Block *start_block(Pool *pool, void *memory, size_t bytes, Piece *piece) {
  if (memory == NULL) return NULL;
  Block *block = memory;
  *block = (Block){.pool = pool, .data = (char *)memory + HEADER, .bytes = bytes, .piece = piece};
  pool->blocks++;
  return hand_out(pool, block);
}

static Block *take_large(Pool *pool, size_t bytes, bool grow) {
  Piece *piece = arena_take(&pool->arena, bytes, grow);
  return piece == NULL ? NULL : start_block(pool, piece->data, piece->bytes, piece);
}

/* Takes a block off the free list of a class; NULL if it is empty. */
static Block *unlist(Pool *pool, int class) {
  Block *block = pool->free[class];
  if (block == NULL) return NULL;
  pool->free[class] = block->next;
  pool->listed -= block->bytes;
  return block;
}

Block *pool_reuse(Pool *pool, size_t bytes) {
  size_t whole = bytes + HEADER;
  Block *block = NULL;
  if (whole >= LARGE_MIN)
    block = take_large(pool, whole, false);
  else if ((block = unlist(pool, size_class(&whole))) != NULL)
    hand_out(pool, block);
  if (block != NULL) expose(block, bytes);
  return block;
}

/* Frees small blocks, the largest first, until at most this many bytes are in free lists. */
static void shrink_lists(Pool *pool, size_t keep) {
  for (int class = CLASSES - 1; class >= 0; class --) {
    while (pool->listed > keep && pool->free[class] != NULL) {
      free(unlist(pool, class));
      pool->blocks--;
    }
  }
}

static Block *take_small(Pool *pool, size_t bytes) {
  size_class(&bytes);
  /* Blocks of other sizes may stay, but in all at most half more than was ever in use. */
  const size_t limit = pool->state.peak + pool->state.peak / 2 + SLACK, live = pool->state.live + bytes;
  shrink_lists(pool, limit > live ? limit - live : 0);
  return start_block(pool, aligned_alloc(HEADER, (bytes + HEADER - 1) / HEADER * HEADER), bytes, NULL);
}

static void trim(Pool *pool) {
  shrink_lists(pool, 0);
  arena_trim(&pool->arena);
}

static Block *take_new(Pool *pool, size_t whole) {
  return whole >= LARGE_MIN ? take_large(pool, whole, true) : take_small(pool, whole);
}

Block *pool_take(Pool *pool, size_t bytes) {
  Block *block = pool_reuse(pool, bytes);
  if (block != NULL) return block;
  block = take_new(pool, bytes + HEADER);
  if (block == NULL) {
    trim(pool);
    block = take_new(pool, bytes + HEADER);
  }
  if (block != NULL) expose(block, bytes);
  return block;
}

void block_retain(Block *block) {
  block->references++;
}

/* Returns an unreferenced block to its free list or to the arena. */
static void recycle(Pool *pool, Block *block) {
  size_t bytes = block->bytes;
  POISON(block->data, bytes - HEADER);
  if (block->piece != NULL) {
    arena_give(&pool->arena, block->piece);
    pool->blocks--;
  } else {
    const int class = size_class(&bytes);
    block->next = pool->free[class];
    pool->free[class] = block;
    pool->listed += bytes;
  }
}

static void free_if_unused(Pool *pool) {
  if (!pool->closed) return;
  trim(pool);
  if (pool->blocks == 0) free(pool);
}

void block_release(Block *block) {
  Pool *pool = block->pool;
  if (--block->references > 0) return;
  pool->state.live -= block->bytes;
  recycle(pool, block);
  free_if_unused(pool);
}

void pool_close(Pool *pool) {
  pool->closed = true;
  free_if_unused(pool);
}

bool pool_trim(Pool *pool) {
  const bool had_some = pool_state(pool).cached > 0;
  trim(pool);
  return had_some;
}

void pool_restart_peak(Pool *pool) {
  pool->state.peak = pool->state.live;
}

PoolState pool_state(const Pool *pool) {
  PoolState state = pool->state;
  state.cached = pool->listed + pool->arena.resident;
  return state;
}

bool pool_may_hold_garbage(const Pool *pool, size_t bytes) {
  bytes += HEADER;
  if (bytes < LARGE_MIN && pool->handed_out_of[size_class(&bytes)] < OF_CLASS) return false;
  return pool->handed_out >= GARBAGE && pool->handed_out >= pool->state.live / 4;
}

void pool_mark(Pool *pool) {
  pool->handed_out = 0;
  memset(pool->handed_out_of, 0, sizeof pool->handed_out_of);
}
