/* encoding.c - text of any of the usual encodings as UTF-8 with line breaks of Unix. */
#include <string.h>

#include "bind.h"

typedef struct {
  const unsigned char *next, *end;
} Bytes;

#define MARK  "\xEF\xBB\xBF"
#define LARGE ((size_t)16 << 20) /* bytes whose memory is worth a collection of garbage */

/* Moves past ASCII characters, eight at a time. */
static const unsigned char *skip_ascii(const unsigned char *text, const unsigned char *end) {
  for (uint64_t word; end - text >= (ptrdiff_t)sizeof word; text += sizeof word) {
    memcpy(&word, text, sizeof word);
    if (word & 0x8080808080808080u) break;
  }
  while (text < end && *text < 0x80) text++;
  return text;
}

/* The bytes of the character in UTF-8 at text; 0 if there is none. */
static int utf8_length(const unsigned char *text, const unsigned char *end) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const int length = *text < 0x80   ? 1
                     : *text < 0xC2 ? 0
                     : *text < 0xE0 ? 2
                     : *text < 0xF0 ? 3
                     : *text < 0xF5 ? 4
                                    : 0;
  if (length < 2 || end - text < length) return length == 1;
  uint32_t code = *text & (0x7Fu >> length);
  for (int i = 1; i < length; i++) {
    if ((text[i] & 0xC0) != 0x80) return 0;
    code = code << 6 | (text[i] & 0x3Fu);
  }
  const bool is_surrogate = code >= 0xD800 && code < 0xE000;
  return code < least[length] || code > 0x10FFFF || is_surrogate ? 0 : length;
}

static bool is_utf8(const unsigned char *text, const unsigned char *end) {
  while ((text = skip_ascii(text, end)) < end) {
    const int length = utf8_length(text, end);
    if (length == 0) return false;
    text += length;
  }
  return true;
}

/* Where the next byte goes; there is room for all. */
typedef struct {
  char *next;
} Out;

static void add(Out *out, uint32_t byte) {
  *out->next++ = (char)byte;
}

static void add_bytes(Out *out, const unsigned char *text, const unsigned char *end) {
  memcpy(out->next, text, (size_t)(end - text));
  out->next += end - text;
}

static void add_code(Out *out, uint32_t code) {
  if (code < 0x80) {
    add(out, code);
    return;
  }
  const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  add(out, (0xFF00u >> (more + 1) & 0xFF) | code >> (6 * more));
  for (int i = more - 1; i >= 0; i--) add(out, 0x80u | (code >> (6 * i) & 0x3F));
}

/* Where Windows-1252 differs from Latin-1: 0x80 to 0x9F. */
static const uint16_t windows[] = {0x20AC, 0x81,   0x201A, 0x192,  0x201E, 0x2026, 0x2020, 0x2021,
                                   0x2C6,  0x2030, 0x160,  0x2039, 0x152,  0x8D,   0x17D,  0x8F,
                                   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                   0x2DC,  0x2122, 0x161,  0x203A, 0x153,  0x9D,   0x17E,  0x178};

static void add_windows(Out *out, const unsigned char *text, const unsigned char *end) {
  for (; text < end; text++) add_code(out, *text >= 0x80 && *text < 0xA0 ? windows[*text - 0x80] : *text);
}

static const unsigned char *find_mark(const unsigned char *text, const unsigned char *end) {
  const unsigned char *first = text;
  while ((first = memchr(first, 0xEF, (size_t)(end - first))) != NULL)
    if (end - first >= 3 && memcmp(first, MARK, 3) == 0)
      return first;
    else
      first++;
  return NULL;
}

/* Adds bytes in UTF-8 without marks, which also files that were concatenated hold. */
static void add_unmarked(Out *out, const unsigned char *text, const unsigned char *end) {
  const unsigned char *mark;
  while ((mark = find_mark(text, end)) != NULL) {
    add_bytes(out, text, mark);
    text = mark + 3;
  }
  add_bytes(out, text, end);
}

static const unsigned char *end_of_line(const unsigned char *text, const unsigned char *end) {
  while (text < end && *text != '\n' && *text != '\r') text++;
  return text;
}

/* Adds the text with "\n" for its line breaks; returns the number of lines that are not UTF-8, which are
 * taken for Windows-1252, of which Latin-1 is a part. */
static lua_Integer add_lines(Out *out, Bytes bytes) {
  lua_Integer others = 0;
  while (bytes.next < bytes.end) {
    const unsigned char *stop = end_of_line(bytes.next, bytes.end);
    if (is_utf8(bytes.next, stop)) {
      add_unmarked(out, bytes.next, stop);
    } else {
      others++;
      add_windows(out, bytes.next, stop);
    }
    if (stop < bytes.end) add(out, '\n');
    bytes.next = stop + (stop + 1 < bytes.end && stop[0] == '\r' && stop[1] == '\n' ? 2 : 1);
  }
  return others;
}

static uint32_t next_unit(Bytes *bytes, int high) {
  const uint32_t unit = (uint32_t)bytes->next[high] << 8 | bytes->next[1 - high];
  bytes->next += 2;
  return unit;
}

/* high: the byte of a unit that is the high one. What is no character becomes U+FFFD. */
static void add_utf16(Out *out, Bytes bytes, int high) {
  bool after_return = false;
  while (bytes.end - bytes.next >= 2) {
    uint32_t code = next_unit(&bytes, high);
    if (code >= 0xD800 && code < 0xDC00 && bytes.end - bytes.next >= 2) {
      const uint32_t low = next_unit(&bytes, high);
      if (low >= 0xDC00 && low < 0xE000)
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
      else
        bytes.next -= 2;
    }
    if (code >= 0xD800 && code < 0xE000) code = 0xFFFD;
    if (code == '\r' || (code == '\n' && !after_return))
      add(out, '\n');
    else if (code != '\n' && code != 0xFEFF)
      add_code(out, code);
    after_return = code == '\r';
  }
  if (bytes.next < bytes.end) add_code(out, 0xFFFD);
}

static bool is_plain(unsigned char c) {
  return (c >= ' ' && c <= '~') || (c >= '\t' && c <= '\r');
}

/* The place of the high byte in the units of UTF-16: by the mark, or by the first characters if these are
 * ASCII; -1 if the text is not UTF-16. */
static int high_byte(const Bytes *bytes) {
  enum { FIRST = 16 };
  if (bytes->end - bytes->next < 2) return -1;
  if (bytes->next[0] == 0xFE && bytes->next[1] == 0xFF) return 0;
  if (bytes->next[0] == 0xFF && bytes->next[1] == 0xFE) return 1;
  if (bytes->end - bytes->next < FIRST) return -1;
  for (int high = 0; high < 2; high++) {
    int i = 0;
    while (i < FIRST && bytes->next[i + high] == 0 && is_plain(bytes->next[i + 1 - high])) i += 2;
    if (i == FIRST) return high;
  }
  return -1;
}

/* Is the text ASCII without NUL and carriage returns? In blocks, which the compiler vectorises. */
static bool is_plain_ascii(const unsigned char *text, size_t length) {
  enum { BLOCK = 4096 };
  for (size_t first = 0; first < length; first += BLOCK) {
    const size_t count = length - first < BLOCK ? length - first : BLOCK;
    unsigned char found = 0;
    for (size_t i = 0; i < count; i++) {
      const unsigned char c = text[first + i];
      found |= (unsigned char)((c == '\r') | (c == 0) | (c >> 7));
    }
    if (found != 0) return false;
  }
  return true;
}

static bool is_as_wanted(const Bytes *bytes) {
  const size_t length = (size_t)(bytes->end - bytes->next);
  return memchr(bytes->next, '\r', length) == NULL && is_utf8(bytes->next, bytes->end) &&
         find_mark(bytes->next, bytes->end) == NULL;
}

/* Pushes the place of the first NUL, from 1, or nil. */
static void push_nul(lua_State *L, const char *text, size_t length) {
  const char *nul = memchr(text, '\0', length);
  if (nul != NULL)
    lua_pushinteger(L, nul - text + 1);
  else
    lua_pushnil(L);
}

/* core.to_utf8(bytes) -> the text in UTF-8, with line breaks "\n" and without marks of its encoding; the
 * place of its first NUL, or nil; "UTF-16" or "Windows-1252" if it was in one of these; and then the number
 * of lines that are not UTF-8 */
static int to_utf8(lua_State *L) {
  size_t length;
  Args a = bind_args(L, "to_utf8");
  const unsigned char *text = (const unsigned char *)next_string(&a, "bytes", "a string", &length);
  const Bytes bytes = {text, text + length};
  const int high = high_byte(&bytes);
  lua_settop(L, 1);
  if (high < 0 && is_plain_ascii(text, length)) return 1;
  if (high < 0 && is_as_wanted(&bytes)) return push_nul(L, (const char *)text, length), 2;
  const bool grows = high >= 0 || !is_utf8(text, text + length); /* a byte becomes up to three */
  const size_t room = (grows ? 3 : 1) * length + 3;
  char *first = bind_take_pages(room);
  if (first == NULL) args_error(&a, "not enough memory");
  Out out = {first};
  lua_Integer others = 0;
  if (high >= 0)
    add_utf16(&out, bytes, high);
  else
    others = add_lines(&out, bytes);
  const size_t count = (size_t)(out.next - first);
  lua_settop(L, 0); /* the bytes are garbage before their text is copied, if nothing else holds them */
  if (length >= LARGE) lua_gc(L, LUA_GCCOLLECT);
  bind_push_pages(L, first, room, count);
  push_nul(L, lua_tostring(L, 1), count);
  if (high < 0 && others == 0) return 2;
  lua_pushstring(L, high >= 0 ? "UTF-16" : "Windows-1252");
  if (high >= 0) return 3;
  lua_pushinteger(L, others);
  return 4;
}

static const luaL_Reg functions[] = {{"to_utf8", to_utf8}, {NULL, NULL}};

void bind_open_encoding(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
