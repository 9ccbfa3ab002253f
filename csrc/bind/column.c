/* column.c - columns of numbers, which readers of text fill and turn into lists and tensors. */
#include "column.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#define COLUMN_TYPE BIND_PREFIX "column"

static const mb_real LARGEST = sizeof(mb_real) == sizeof(float) ? (mb_real)FLT_MAX : (mb_real)DBL_MAX;

Column *column_test(lua_State *L, int arg) {
  return luaL_testudata(L, arg, COLUMN_TYPE);
}

Column *next_column(Args *a) {
  Column *column = column_test(a->L, next_arg(a));
  if (column == NULL) args_type_error(a, "column", "a column of numbers");
  return column;
}

/* By the allocator of Lua, which frees what the pool keeps if memory is short. The collector does not see
 * this memory, so it is told of it: columns that a fault left behind are garbage. */
static void resize(lua_State *L, Column *column, mb_size room) {
  void *user;
  const mb_size kilobytes = (room - column->room) * (mb_size)sizeof(double) >> 10;
  if (kilobytes > 0) lua_gc(L, LUA_GCSTEP, kilobytes < INT_MAX ? (int)kilobytes : INT_MAX);
  const lua_Alloc allocate = lua_getallocf(L, &user);
  double *data =
      allocate(user, column->data, (size_t)column->room * sizeof *data, (size_t)room * sizeof *data);
  if (data == NULL && room > 0) luaL_error(L, "not enough memory");
  column->data = data;
  column->room = room;
}

void column_reserve(lua_State *L, Column *column, mb_size room) {
  const mb_size grown = column->room + column->room / 2;
  if (room > column->room) resize(L, column, room > grown ? room : grown);
}

static void free_data(lua_State *L, Column *column) {
  if (column->data != NULL) resize(L, column, 0);
  *column = (Column){0};
}

/* core.column() -> an empty column; column[i] reads a number, and sets it or adds the next one; #column is
 * their count */
static int column_new(lua_State *L) {
  Column *column = lua_newuserdatauv(L, sizeof *column, 0);
  *column = (Column){0};
  luaL_setmetatable(L, COLUMN_TYPE);
  return 1;
}

static int column_index(lua_State *L) {
  const Column *column = luaL_checkudata(L, 1, COLUMN_TYPE);
  int is_integer;
  const lua_Integer i = lua_tointegerx(L, 2, &is_integer);
  if (!is_integer || i < 1 || i > column->count) return 0;
  lua_pushnumber(L, column->data[i - 1]);
  return 1;
}

static int column_newindex(lua_State *L) {
  Column *column = luaL_checkudata(L, 1, COLUMN_TYPE);
  Args a = {L, "column", 2};
  const mb_size i = next_index(&a, "place", column->count + 1);
  const double number = next_number(&a, "number");
  if (i == column->count)
    column_add(L, column, number);
  else
    column->data[i] = number;
  return 0;
}

static int column_len(lua_State *L) {
  const Column *column = luaL_checkudata(L, 1, COLUMN_TYPE);
  lua_pushinteger(L, column->count);
  return 1;
}

static int column_gc(lua_State *L) {
  free_data(L, luaL_checkudata(L, 1, COLUMN_TYPE));
  return 0;
}

/* core.column_list(column) -> a list of its numbers; the column is empty then */
static int column_list(lua_State *L) {
  Args a = bind_args(L, "column_list");
  Column *column = next_column(&a);
  lua_createtable(L, column->count < INT_MAX ? (int)column->count : INT_MAX, 0);
  for (mb_size i = 0; i < column->count; i++) {
    lua_pushnumber(L, column->data[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  free_data(L, column);
  return 1;
}

/* The first number that is beyond the reals of tensors; -1 if there is none. NaN is not. */
static mb_size find_beyond(const Column *column) {
  for (mb_size i = 0; i < column->count; i++)
    if (fabs(column->data[i]) > LARGEST) return i;
  return -1;
}

/* core.column_beyond(column) -> the place of the first number that is too large for a tensor; nil if all fit
 */
static int column_beyond(lua_State *L) {
  Args a = bind_args(L, "column_beyond");
  const mb_size beyond = find_beyond(next_column(&a));
  if (beyond < 0) return 0;
  push_index(L, beyond);
  return 1;
}

/* core.column_tensor(column) -> its numbers as a tensor (N); the column is empty then */
static int column_tensor(lua_State *L) {
  Args a = bind_args(L, "column_tensor");
  Column *column = next_column(&a);
  Tensor *x = push_vector(&a, column->count);
  for (mb_size i = 0; i < x->count; i++) x->data[i] = (mb_real)column->data[i];
  free_data(L, column);
  return 1;
}

/* core.columns_tensor(columns) -> the numbers of columns of a list, of equal length, as a tensor (columns,
 * numbers); the columns are empty then */
static int columns_tensor(lua_State *L) {
  Args a = bind_args(L, "columns_tensor");
  luaL_checktype(L, next_arg(&a), LUA_TTABLE);
  const mb_size width = (mb_size)lua_rawlen(L, 1);
  Tensor *x = NULL;
  for (mb_size c = 0; c < width; c++) {
    lua_rawgeti(L, 1, (lua_Integer)c + 1);
    Args top = bind_top(&a);
    Column *column = next_column(&top);
    if (c == 0) {
      x = push_tensor(&a, 2, (mb_size[]){width, column->count});
      lua_insert(L, 2);
    }
    if (column->count * width != x->count) args_error(&a, "columns of different lengths");
    for (mb_size i = 0; i < column->count; i++) x->data[c * column->count + i] = (mb_real)column->data[i];
    free_data(L, column);
    lua_settop(L, 2);
  }
  return width > 0;
}

/* core.column_keep(column, first, count): leaves these numbers alone */
static int column_keep(lua_State *L) {
  Args a = bind_args(L, "column_keep");
  Column *column = next_column(&a);
  const mb_size first = next_integer(&a, "first", 1, column->count + 1) - 1,
                count = next_integer(&a, "count", 0, column->count - first);
  if (count > 0) memmove(column->data, column->data + first, (size_t)count * sizeof *column->data);
  column->count = count;
  return 0;
}

/* core.column_copy(column, first, count) -> a column of these numbers */
static int column_copy(lua_State *L) {
  Args a = bind_args(L, "column_copy");
  const Column *column = next_column(&a);
  const mb_size first = next_integer(&a, "first", 1, column->count + 1) - 1,
                count = next_integer(&a, "count", 0, column->count - first);
  column_new(L);
  Column *copy = lua_touserdata(L, -1);
  column_reserve(L, copy, count);
  if (count > 0) memcpy(copy->data, column->data + first, (size_t)count * sizeof *copy->data);
  copy->count = count;
  return 1;
}

/* core.column_multiply(column, by): multiplies the numbers by one number, or each by that of another column
 */
static int column_multiply(lua_State *L) {
  Args a = bind_args(L, "column_multiply");
  const Column *column = next_column(&a), *by = column_test(L, a.next);
  if (by != NULL && by->count != column->count)
    args_error(&a, "%I numbers by %I", (LUAI_UACINT)column->count, (LUAI_UACINT)by->count);
  const double factor = by == NULL ? next_number(&a, "by") : 0;
  for (mb_size i = 0; i < column->count; i++) column->data[i] *= by == NULL ? factor : by->data[i];
  return 0;
}

/* core.column_divide(column, by) */
static int column_divide(lua_State *L) {
  Args a = bind_args(L, "column_divide");
  const Column *column = next_column(&a);
  const double by = next_number(&a, "by");
  for (mb_size i = 0; i < column->count; i++) column->data[i] /= by;
  return 0;
}

/* core.column_is(column, number) -> true if all its numbers are this one */
static int column_is(lua_State *L) {
  Args a = bind_args(L, "column_is");
  const Column *column = next_column(&a);
  const double number = next_number(&a, "number");
  mb_size i = 0;
  while (i < column->count && column->data[i] == number) i++;
  lua_pushboolean(L, i == column->count);
  return 1;
}

typedef struct {
  double *x, *y;
} Points;

static Points points_at(Points points, mb_size at) {
  return (Points){points.x + at, points.y + at};
}

static void copy_point(Points to, mb_size i, Points from, mb_size j) {
  to.x[i] = from.x[j];
  to.y[i] = from.y[j];
}

/* Sorts points by x; those of the same x stay in order. spare holds half of them. */
static void sort_points(Points points, mb_size count, Points spare) {
  if (count < 2) return;
  const mb_size half = count / 2;
  sort_points(points, half, spare);
  sort_points(points_at(points, half), count - half, spare);
  for (mb_size i = 0; i < half; i++) copy_point(spare, i, points, i);
  for (mb_size left = 0, right = half, i = 0; left < half; i++)
    if (right < count && points.x[right] < spare.x[left])
      copy_point(points, i, points, right++);
    else
      copy_point(points, i, spare, left++);
}

/* core.column_sort(x, y): sorts points by x, in half their size beside them. qsort takes more, and changes
 * the order of equal ones. */
static int column_sort(lua_State *L) {
  Args a = bind_args(L, "column_sort");
  const Column *x = next_column(&a), *y = next_column(&a);
  if (y->count != x->count)
    args_error(&a, "%I numbers beside %I", (LUAI_UACINT)y->count, (LUAI_UACINT)x->count);
  column_new(L);
  Column *spare = lua_touserdata(L, -1);
  column_reserve(L, spare, x->count + 1);
  if (spare->data == NULL) return luaL_error(L, "not enough memory");
  sort_points((Points){x->data, y->data}, x->count, (Points){spare->data, spare->data + (x->count + 1) / 2});
  free_data(L, spare);
  return 0;
}

/* core.even_list(first, last, count) -> a list of evenly spaced numbers, both ends exactly; count may be 0 */
static int even_list(lua_State *L) {
  Args a = bind_args(L, "even_list");
  const double first = next_number(&a, "first"), last = next_number(&a, "last");
  const mb_size count = next_integer(&a, "count", 0, INT_MAX);
  lua_createtable(L, (int)count, 0);
  for (mb_size i = 0; i < count; i++) {
    const double number = first + (last - first) * ((double)i / (double)(count - 1));
    lua_pushnumber(L, i == 0 && count == 1 ? first : i == count - 1 ? last : number);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

static const luaL_Reg functions[] = {
    {"column", column_new},
    {"column_list", column_list},
    {"column_beyond", column_beyond},
    {"column_tensor", column_tensor},
    {"column_keep", column_keep},
    {"column_multiply", column_multiply},
    {"column_divide", column_divide},
    {"column_is", column_is},
    {"column_copy", column_copy},
    {"columns_tensor", columns_tensor},
    {"column_sort", column_sort},
    {"even_list", even_list},
    {NULL, NULL},
};

static const luaL_Reg methods[] = {{"__index", column_index}, {"__newindex", column_newindex},
                                   {"__len", column_len},     {"__gc", column_gc},
                                   {"__close", column_gc},    {NULL, NULL}};

void bind_open_column(lua_State *L) {
  luaL_newmetatable(L, COLUMN_TYPE);
  luaL_setfuncs(L, methods, 0);
  lua_pop(L, 1);
  luaL_setfuncs(L, functions, 0);
}
