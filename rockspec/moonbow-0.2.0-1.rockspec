rockspec_format = "3.0"
package = "moonbow"
version = "0.2.0-1"
source = { url = "file://." } -- built where it stands: `luarocks make` in a checkout
description = {
  summary = "1-D neural networks on spectra",
  detailed = "A C11 tensor and layer library with automatic differentiation, exposed as a Lua 5.4 module.",
  license = "MIT",
}
supported_platforms = { "linux" }
-- libhdf5, if CMake finds it, reads HDF5 (.h5, .nxs, .mat of version 7.3).
-- gemmi and PEGTL (headers) and a C++ compiler, if CMake finds them, read crystals (mb.xrd).
-- luaexpat as well reads spectra in XML (xrdml, brml, rasx, xlsx, LabSpec); it needs expat's headers.
dependencies = { "lua >= 5.4, < 5.5", "argparse", "lua-zlib", "luafilesystem", "luv" }
build = {
  type = "cmake",
  variables = {
    CMAKE_INSTALL_PREFIX = "$(PREFIX)",
    MOONBOW_LUADIR = "$(LUADIR)",
    MOONBOW_LIBDIR = "$(LIBDIR)",
    LUA_INCDIR = "$(LUA_INCDIR)",
    LUA_INTERPRETER = "$(LUA)",
    MOONBOW_TESTS = "OFF",
    MOONBOW_C_LIBRARY = "OFF",
    MOONBOW_WERROR = "OFF",
  },
}
