# OpenBLAS, OpenMP and Lua 5.4. OPENBLAS_DIR wins over pkg-config, so that a private build can be named.
find_package(OpenMP REQUIRED COMPONENTS C)
find_package(PkgConfig REQUIRED)

add_library(openblas INTERFACE)
if(OPENBLAS_DIR)
  find_path(OPENBLAS_INCLUDE cblas.h HINTS ${OPENBLAS_DIR}/include PATH_SUFFIXES openblas NO_DEFAULT_PATH REQUIRED)
  find_library(OPENBLAS_LIBRARY openblas HINTS ${OPENBLAS_DIR}/lib NO_DEFAULT_PATH REQUIRED)
  target_include_directories(openblas SYSTEM INTERFACE ${OPENBLAS_INCLUDE})
  target_link_libraries(openblas INTERFACE ${OPENBLAS_LIBRARY})
else()
  pkg_check_modules(OPENBLAS REQUIRED IMPORTED_TARGET openblas)
  target_link_libraries(openblas INTERFACE PkgConfig::OPENBLAS)
endif()

pkg_search_module(LUA REQUIRED lua5.4 lua-5.4 lua54 lua>=5.4)
find_program(LUA_INTERPRETER NAMES lua5.4 lua54 lua REQUIRED)
