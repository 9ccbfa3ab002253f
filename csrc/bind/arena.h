/* arena.h - memory for large blocks: pieces cut from a few mappings, so that memory that was freed in one
 * size serves another. Knows neither Lua nor tensors. */
#ifndef ARENA_H
#define ARENA_H

#include <stdbool.h>
#include <stddef.h>

typedef struct Piece {
  struct Piece *before, *after; /* neighbours, by address within a mapping */
  char *data;                   /* aligned to pages */
  size_t bytes;
  size_t resident; /* of a free piece: bytes that have pages */
  bool is_free, begins_mapping;
} Piece;

typedef struct {
  Piece *first;
  size_t resident; /* bytes of free pieces that have pages */
} Arena;

/* The smallest free piece that is large enough, or NULL. The caller owns it until arena_give. Without grow
 * only resident memory counts; with grow a piece may get new pages, or a new mapping. */
Piece *arena_take(Arena *arena, size_t bytes, bool grow);
void arena_give(Arena *arena, Piece *piece);
/* Returns the pages of free pieces to the system, and unmaps mappings that are free as a whole. */
void arena_trim(Arena *arena);

#endif
