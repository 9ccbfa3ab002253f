/* pool.h - memory for tensors: blocks that return to a pool and are used again, so that a
 * steady training step touches no new pages. Knows neither Lua nor tensors. */
#ifndef POOL_H
#define POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Pool Pool;

typedef struct Block {
  Pool *pool;
  struct Block *next;  /* in a free list */
  struct Piece *piece; /* of a large block: the piece that it is part of */
  void *data;          /* 64-byte aligned */
  size_t bytes;
  int references;
  uint32_t version; /* counts changes in place */
} Block;

typedef struct {
  size_t live;   /* bytes in blocks that somebody holds */
  size_t cached; /* bytes kept for reuse */
  size_t peak;   /* most bytes live since pool_restart_peak() */
} PoolState;

Pool *pool_new(void);
/* Ends the caller's ownership; the pool is freed with its last block. */
void pool_close(Pool *pool);

/* A block of at least `bytes` from memory that is kept for reuse, or NULL. The caller owns its one reference
 * and ends it with block_release. */
Block *pool_reuse(Pool *pool, size_t bytes);
/* The same, but maps new pages if need be. NULL only if the system has none left, even after the pool has
 * returned all that it keeps. */
Block *pool_take(Pool *pool, size_t bytes);
void block_retain(Block *block);
void block_release(Block *block);

/* Returns the memory that is kept for reuse to the system; false if there was none. */
bool pool_trim(Pool *pool);
void pool_restart_peak(Pool *pool);
PoolState pool_state(const Pool *pool);

/* True if a garbage collection probably frees more than growing by `bytes` would cost: 32 MB were allocated
 * since pool_mark(), and a quarter of the live bytes. */
bool pool_may_hold_garbage(const Pool *pool, size_t bytes);
void pool_mark(Pool *pool);

#endif
