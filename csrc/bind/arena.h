/* arena.h - memory for large blocks: pieces cut from a few mappings, so that what was freed in one size is
 * used again in another. Knows neither Lua nor tensors. */
#ifndef ARENA_H
#define ARENA_H

#include <stdbool.h>
#include <stddef.h>

typedef struct Piece {
  struct Piece *before, *after; /* neighbours, by address within a mapping */
  char *data;                   /* aligned to pages */
  size_t bytes;
  size_t touched; /* of a free piece: how many bytes the system has given pages for */
  bool is_free, begins_mapping;
} Piece;

typedef struct {
  Piece *first;
  size_t touched; /* bytes of free pieces that have pages */
} Arena;

/* The smallest piece that is large enough, or NULL. Without grow it has pages already; with grow, new ones or
 * a new mapping if need be. */
Piece *arena_take(Arena *arena, size_t bytes, bool grow);
void arena_give(Arena *arena, Piece *piece);
/* Gives the pages of free pieces back to the system, and mappings without others. */
void arena_trim(Arena *arena);

#endif
