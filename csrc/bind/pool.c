/* pool.c - free lists by size class. A class is a quarter of an octave, so that a block wastes
 * at most a fifth, and what was never touched of it costs nothing. */
#include "pool.h"

#include <stdlib.h>
#include <sys/mman.h>

#define HEADER     64 /* keeps the data behind the Block aligned for vectors */
#define CLASSES    256
#define MAPPED_MIN ((size_t)1 << 20)  /* from here on blocks are mapped, and returned, by themselves */
#define SLACK      ((size_t)64 << 20) /* free memory that is always worth keeping */

struct Pool {
  Block *free[CLASSES];
  PoolState state;
  size_t blocks; /* live and free; the pool goes with the last once closed */
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

static Block *map_block(size_t bytes) {
  if (bytes < MAPPED_MIN) return aligned_alloc(HEADER, (bytes + HEADER - 1) / HEADER * HEADER);
  void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) return NULL;
#ifdef MADV_HUGEPAGE
  madvise(pages, bytes, MADV_HUGEPAGE);
#endif
  return pages;
}

static void unmap_block(Block *block) {
  Pool *pool = block->pool;
  pool->blocks--;
  if (block->bytes < MAPPED_MIN)
    free(block);
  else
    munmap(block, block->bytes);
  if (pool->closed && pool->blocks == 0) free(pool);
}

static Block *hand_out(Pool *pool, Block *block) {
  block->references = 1;
  block->version = 0;
  pool->state.live += block->bytes;
  pool->state.allocated_since_mark += block->bytes;
  if (pool->state.live > pool->state.peak) pool->state.peak = pool->state.live;
  return block;
}

Block *pool_reuse(Pool *pool, size_t bytes) {
  bytes += HEADER;
  const int class = size_class(&bytes);
  Block *block = pool->free[class];
  if (block == NULL) return NULL;
  pool->free[class] = block->next;
  pool->state.cached -= block->bytes;
  return hand_out(pool, block);
}

/* Unmaps free blocks, the largest first, until at most this many bytes are cached. */
static void shrink_cache(Pool *pool, size_t keep) {
  for (int class = CLASSES - 1; class >= 0 && pool->state.cached > keep; class --) {
    while (pool->free[class] != NULL && pool->state.cached > keep) {
      Block *block = pool->free[class];
      pool->free[class] = block->next;
      pool->state.cached -= block->bytes;
      unmap_block(block);
    }
  }
}

Block *pool_take(Pool *pool, size_t bytes) {
  Block *block = pool_reuse(pool, bytes);
  if (block != NULL) return block;
  bytes += HEADER;
  size_class(&bytes);
  /* Blocks of other sizes may stay cached, but in all at most half more than was ever in use. */
  const size_t limit = pool->state.peak + pool->state.peak / 2 + SLACK, live = pool->state.live + bytes;
  shrink_cache(pool, limit > live ? limit - live : 0);
  block = map_block(bytes);
  if (block == NULL) {
    shrink_cache(pool, 0);
    block = map_block(bytes);
  }
  if (block == NULL) return NULL;
  *block = (Block){.pool = pool, .data = (char *)block + HEADER, .bytes = bytes};
  pool->blocks++;
  return hand_out(pool, block);
}

void block_retain(Block *block) {
  block->references++;
}

void block_release(Block *block) {
  Pool *pool = block->pool;
  if (--block->references > 0) return;
  pool->state.live -= block->bytes;
  if (pool->closed) {
    unmap_block(block);
    return;
  }
  size_t bytes = block->bytes;
  const int class = size_class(&bytes);
  block->next = pool->free[class];
  pool->free[class] = block;
  pool->state.cached += block->bytes;
}

void pool_close(Pool *pool) {
  pool->closed = true;
  pool->blocks++; /* the pool outlives the loop */
  shrink_cache(pool, 0);
  if (--pool->blocks == 0) free(pool);
}

void pool_trim(Pool *pool) {
  shrink_cache(pool, 0);
  pool->state.peak = pool->state.live;
}

PoolState pool_state(const Pool *pool) {
  return pool->state;
}

void pool_mark(Pool *pool) {
  pool->state.allocated_since_mark = 0;
}
