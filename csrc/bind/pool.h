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
  struct Piece *piece; /* of a large block: where it lies */
  void *data;          /* 64-byte aligned */
  size_t bytes;
  int references;
  uint32_t version; /* counts changes in place */
} Block;

typedef struct {
  size_t live;   /* bytes in blocks that somebody holds */
  size_t cached; /* bytes kept for others */
  size_t peak;   /* most bytes ever live */
} PoolState;

Pool *pool_new(void);
/* Lets go of the pool; it is freed with its last block. */
void pool_close(Pool *pool);

/* A block with one reference of memory that is there already, or NULL if there is none. */
Block *pool_reuse(Pool *pool, size_t bytes);
/* A block with one reference, new pages if need be, or NULL if the system has none even when what is kept for
 * others has gone back to it. */
Block *pool_take(Pool *pool, size_t bytes);
void block_retain(Block *block);
void block_release(Block *block);

/* Gives what is kept for others back to the system; returns whether there was something. */
bool pool_trim(Pool *pool);
PoolState pool_state(const Pool *pool);

/* Whether enough was handed out since the last mark that a collection of garbage is worth its time before the
 * pool grows by a block of this size. */
bool pool_may_hold_garbage(const Pool *pool, size_t bytes);
void pool_mark(Pool *pool);

#endif
