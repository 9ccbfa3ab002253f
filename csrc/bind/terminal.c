/* terminal.c - the width of the terminal. */
#include "bind.h"

#include <sys/ioctl.h>
#include <unistd.h>

/* core.terminal_columns() -> columns of the terminal behind standard error, or nil */
static int terminal_columns(lua_State *L) {
  struct winsize size;
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 0;
  lua_pushinteger(L, size.ws_col);
  return 1;
}

void bind_open_terminal(lua_State *L) {
  lua_pushcfunction(L, terminal_columns);
  lua_setfield(L, -2, "terminal_columns");
}
