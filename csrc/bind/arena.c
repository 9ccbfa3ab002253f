/* arena.c - pieces of mappings, in a list by address. Best fit: the smallest free piece that is large enough
 * serves, which keeps large ones for large blocks. There are hundreds of pieces, so a linear search is cheap.
 */
#include "arena.h"

#include "poison.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t min_of(size_t a, size_t b) {
  return a < b ? a : b;
}

static size_t page_size(void) {
  return (size_t)sysconf(_SC_PAGESIZE);
}

static char *map(size_t bytes, int flags) {
  void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
  if (pages == MAP_FAILED) return NULL;
#ifdef MADV_HUGEPAGE
  madvise(pages, bytes, MADV_HUGEPAGE);
#endif
  return pages;
}

/* Adds a mapping of at least `bytes` in front of the list. It reserves as much address space as the machine
 * has memory, if the system allows it: pages that are never written cost nothing. */
static Piece *add_mapping(Arena *arena, size_t bytes) {
  const size_t memory = (size_t)sysconf(_SC_PHYS_PAGES) * page_size();
  Piece *piece = malloc(sizeof *piece);
  if (piece == NULL) return NULL;
  *piece = (Piece){.after = arena->first, .bytes = memory, .is_free = true, .begins_mapping = true};
  if (bytes <= memory) piece->data = map(memory, MAP_NORESERVE);
  if (piece->data == NULL) {
    piece->bytes = bytes;
    piece->data = map(bytes, 0);
  }
  if (piece->data == NULL) {
    free(piece);
    return NULL;
  }
  if (arena->first != NULL) arena->first->before = piece;
  arena->first = piece;
  return piece;
}

/* Shortens a piece to `bytes` and puts the rest behind it as a free piece. False if memory runs out. */
static bool split(Piece *piece, size_t bytes) {
  if (piece->bytes == bytes) return true;
  Piece *rest = malloc(sizeof *rest);
  if (rest == NULL) return false;
  *rest = (Piece){.before = piece,
                  .after = piece->after,
                  .data = piece->data + bytes,
                  .bytes = piece->bytes - bytes,
                  .resident = piece->resident - min_of(piece->resident, bytes),
                  .is_free = true};
  if (rest->after != NULL) rest->after->before = rest;
  piece->after = rest;
  piece->bytes = bytes;
  piece->resident -= rest->resident;
  return true;
}

/* The smallest free piece of at least `bytes`, counted in resident bytes if asked. */
static Piece *find(const Arena *arena, size_t bytes, bool resident) {
  Piece *best = NULL;
  size_t fewest = SIZE_MAX;
  for (Piece *piece = arena->first; piece != NULL; piece = piece->after) {
    const size_t has = resident ? piece->resident : piece->bytes;
    if (piece->is_free && has >= bytes && has < fewest) {
      best = piece;
      fewest = has;
    }
  }
  return best;
}

Piece *arena_take(Arena *arena, size_t bytes, bool grow) {
  const size_t page = page_size();
  bytes = (bytes + page - 1) / page * page;
  Piece *piece = find(arena, bytes, !grow);
  if (piece == NULL && grow) piece = add_mapping(arena, bytes);
  if (piece == NULL || !split(piece, bytes)) return NULL;
  piece->is_free = false;
  arena->resident -= piece->resident;
  UNPOISON(piece->data, piece->bytes);
  return piece;
}

/* Merges a free piece into the one before it, if that is free and of the same mapping; returns the result. */
static Piece *merge(Piece *piece) {
  Piece *before = piece->before;
  if (before == NULL || !before->is_free || piece->begins_mapping) return piece;
  before->bytes += piece->bytes;
  before->resident += piece->resident;
  before->after = piece->after;
  if (piece->after != NULL) piece->after->before = before;
  free(piece);
  return before;
}

void arena_give(Arena *arena, Piece *piece) {
  piece->is_free = true;
  piece->resident = piece->bytes;
  arena->resident += piece->resident;
  POISON(piece->data, piece->bytes);
  piece = merge(piece);
  if (piece->after != NULL && piece->after->is_free) merge(piece->after);
}

static void unmap(Arena *arena, Piece *piece) {
  UNPOISON(piece->data, piece->bytes);
  munmap(piece->data, piece->bytes);
  if (piece->before != NULL)
    piece->before->after = piece->after;
  else
    arena->first = piece->after;
  if (piece->after != NULL) piece->after->before = piece->before;
  free(piece);
}

void arena_trim(Arena *arena) {
  for (Piece *piece = arena->first, *after; piece != NULL; piece = after) {
    after = piece->after;
    if (!piece->is_free) continue;
    if (piece->begins_mapping && (after == NULL || after->begins_mapping)) {
      unmap(arena, piece);
    } else {
      madvise(piece->data, piece->bytes, MADV_DONTNEED);
      piece->resident = 0;
    }
  }
  arena->resident = 0;
}
