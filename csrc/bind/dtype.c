/* dtype.c - the numbers of files: bytes of a type to a tensor and back. Nothing is
 * rounded but reals of 64 bits, which become mb_real. */
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "bind.h"

typedef struct {
  const char *name; /* as in NumPy's headers */
  size_t size;
  char kind; /* f real, t the upper half of a real of 32 bits, i signed, u unsigned, b bool */
} Type;

static const Type types[] = {
    {"b1", 1, 'b'}, {"i1", 1, 'i'}, {"i2", 2, 'i'}, {"i4", 4, 'i'}, {"i8", 8, 'i'},
    {"u1", 1, 'u'}, {"u2", 2, 'u'}, {"u4", 4, 'u'}, {"u8", 8, 'u'}, {"f2", 2, 'f'},
    {"f4", 4, 'f'}, {"f8", 8, 'f'}, {"t2", 2, 't'},
};

static const Type *next_type(Args *a) {
  const char *name = lua_tostring(a->L, next_arg(a));
  for (size_t i = 0; name != NULL && i < sizeof types / sizeof *types; i++)
    if (strcmp(types[i].name, name) == 0) return &types[i];
  args_type_error(a, "type", "a type of numbers, such as 'f4'");
}

static const bool is_big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;

/* One element as its bits in the low end of a word; swap: the file has the big end first. */
static uint64_t load(const unsigned char *bytes, size_t size, bool swap) {
  const bool turn = swap != is_big_endian;
  uint16_t two;
  uint32_t four;
  uint64_t eight;
  switch (size) {
  case 1: return *bytes;
  case 2: return memcpy(&two, bytes, size), turn ? __builtin_bswap16(two) : two;
  case 4: return memcpy(&four, bytes, size), turn ? __builtin_bswap32(four) : four;
  default: return memcpy(&eight, bytes, size), turn ? __builtin_bswap64(eight) : eight;
  }
}

static void store(unsigned char *bytes, size_t size, uint64_t bits) {
  for (size_t i = 0; i < size; i++) bytes[i] = (unsigned char)(bits >> (8 * i));
}

static int64_t as_signed(uint64_t bits, size_t size) {
  const unsigned unused = (64 - 8 * (unsigned)size) & 63;
  return (int64_t)(bits << unused) >> unused;
}

/* True if x, in the range of the type or its upper end, is exactly the integer i. */
static bool is_signed(mb_real x, int64_t i) {
  return x < (mb_real)0x1p63 && (int64_t)x == i;
}
static bool is_unsigned(mb_real x, uint64_t i) {
  return x < (mb_real)0x1p64 && (uint64_t)x == i;
}

/* A real of 16 bits: sign, 5 bits of exponent, 10 of fraction. */
static double read_half(uint64_t bits) {
  const int exponent = (int)(bits >> 10 & 31);
  const double fraction = (double)(bits & 1023), sign = bits >> 15 ? -1 : 1;
  if (exponent == 31) return fraction > 0 ? (double)NAN : sign * (double)INFINITY;
  return sign * (exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, exponent - 25));
}

static double read_single(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return (double)value;
}

static double read_real(const Type *type, uint64_t bits) {
  double value;
  if (type->kind == 't') return read_single((uint32_t)bits << 16);
  if (type->size == 2) return read_half(bits);
  if (type->size == 4) return read_single((uint32_t)bits);
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* False if a tensor cannot hold the number: integers must stay exact, finite reals finite. */
static bool decode_one(mb_real *x, const Type *type, uint64_t bits) {
  if (type->kind == 'f' || type->kind == 't') {
    const double value = read_real(type, bits);
    *x = (mb_real)value;
    return isfinite(*x) || !isfinite(value);
  }
  if (type->kind == 'i') {
    const int64_t value = as_signed(bits, type->size);
    *x = (mb_real)value;
    return is_signed(*x, value);
  }
  *x = type->kind == 'b' ? (mb_real)(bits != 0) : (mb_real)bits;
  return type->kind == 'b' || is_unsigned(*x, bits);
}

/* Rounds reals of 64 bits in this processor's byte order, without a branch for each; false if one is too
 * large. */
static bool round_doubles(mb_real *x, const unsigned char *bytes, mb_size count) {
  const double most = sizeof(mb_real) == sizeof(float) ? 0x1.ffffffp127 : DBL_MAX; /* rounds to infinity */
  mb_size beyond = 0;
  for (mb_size i = 0; i < count; i++) {
    double value;
    memcpy(&value, bytes + (size_t)i * sizeof value, sizeof value);
    x[i] = (mb_real)value;
    beyond += fabs(value) >= most && fabs(value) <= DBL_MAX;
  }
  return beyond == 0 || sizeof(mb_real) == sizeof(double);
}

/* False if the type cannot hold x. */
static bool encode_one(uint64_t *bits, const Type *type, mb_real x) {
  if (type->kind == 'f') {
    const double value = (double)x;
    const float narrow = (float)x;
    uint32_t low;
    memcpy(&low, &narrow, sizeof low);
    memcpy(bits, &value, sizeof value);
    if (type->size == sizeof narrow) *bits = low;
    return true;
  }
  if (type->kind == 'b') return *bits = x != 0, x == 0 || x == 1;
  if (type->kind == 'u') {
    if (!(x >= 0 && x < (mb_real)0x1p64)) return false;
    *bits = (uint64_t)x;
    return (mb_real)*bits == x && (type->size == 8 || *bits >> (8 * type->size) == 0);
  }
  if (!(x >= (mb_real)-0x1p63 && x < (mb_real)0x1p63)) return false;
  const int64_t value = (int64_t)x;
  *bits = (uint64_t)value;
  return (mb_real)value == x && as_signed(*bits, type->size) == value;
}

static int refuse(lua_State *L, mb_size element) {
  lua_pushnil(L);
  push_index(L, element);
  return 2;
}

/* core.decode(bytes, first, type, swap, shape [, round]) -> the tensor whose numbers begin at the byte first
 * (from 1); or nil and the number of the element that a tensor cannot hold. round: it may round integers, as
 * it rounds reals of 64 bits. */
static int decode(lua_State *L) {
  size_t length;
  Args a = bind_args(L, "decode");
  const unsigned char *bytes = (const unsigned char *)next_string(&a, "bytes", "a string", &length);
  const size_t first = (size_t)next_index(&a, "first", (mb_size)length + 1);
  const Type *type = next_type(&a);
  const bool swap = next_boolean(&a);
  const mb_shape shape = next_shape(&a);
  const bool exact = type->kind == 'f' || type->kind == 't' || !next_boolean(&a);
  const size_t needed = (size_t)mb_shape_count(&shape) * type->size;
  if (needed > length - first)
    args_error(&a, "expected %I bytes for the shape, got %I", (LUAI_UACINT)needed,
               (LUAI_UACINT)(length - first));
  Tensor *x = push_tensor(&a, shape.rank, shape.shape);
  bytes += first;
  if (type->kind == 'f' && type->size == sizeof(mb_real) && !swap) return memcpy(x->data, bytes, needed), 1;
  if (type->kind == 'f' && type->size == sizeof(double) && swap == is_big_endian &&
      round_doubles(x->data, bytes, x->count))
    return 1;
  for (mb_size i = 0; i < x->count; i++)
    if (!decode_one(&x->data[i], type, load(bytes + (size_t)i * type->size, type->size, swap)) && exact)
      return refuse(L, i);
  return 1;
}

/* core.encode(x, type) -> little-endian bytes; or nil and the number of the element that the type cannot hold
 */
static int encode(lua_State *L) {
  Args a = bind_args(L, "encode");
  const Tensor *x = next_tensor(&a, "x");
  const Type *type = next_type(&a);
  luaL_Buffer buffer;
  unsigned char *bytes = (unsigned char *)luaL_buffinitsize(L, &buffer, (size_t)x->count * type->size);
  for (mb_size i = 0; i < x->count; i++) {
    uint64_t bits;
    if (!encode_one(&bits, type, x->data[i])) return refuse(L, i);
    store(bytes + (size_t)i * type->size, type->size, bits);
  }
  luaL_pushresultsize(&buffer, (size_t)x->count * type->size);
  return 1;
}

static const luaL_Reg functions[] = {{"decode", decode}, {"encode", encode}, {NULL, NULL}};

void bind_open_dtype(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
