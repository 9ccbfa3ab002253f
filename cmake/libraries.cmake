# Each library twice: in float, which is installed, and in double (64), which only the tests use.
# -ffp-contract=off: csrc/kernel/simd_fma.h decides which products and sums are one instruction.
set(MOONBOW_FLAGS -fno-math-errno -fno-trapping-math -ffp-contract=off
  -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes)
if(CMAKE_C_COMPILER_ID MATCHES "Clang")
  list(APPEND MOONBOW_FLAGS -Wno-pass-failed) # a loop that it does not vectorise is still correct
endif()
if(MOONBOW_WERROR)
  list(APPEND MOONBOW_FLAGS -Werror)
endif()
# A write beyond an array on the stack, or beyond the target of a copy, ends the process; the tables of addresses are
# read-only once a library is loaded. cmake/hardened.sh checks this.
if(NOT MOONBOW_SANITIZE)
  list(APPEND MOONBOW_FLAGS -fstack-protector-strong
    $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE> $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=3>)
endif()
add_link_options(LINKER:-z,relro LINKER:-z,now LINKER:-z,noexecstack)
if(MOONBOW_SANITIZE)
  # Resolvers of target_clones run before the sanitizers are ready. The sets of simd.h are chosen later, so they are
  # sanitized nevertheless; cmake/nightly.sh runs the clones.
  list(APPEND MOONBOW_FLAGS -O1 -g -fno-omit-frame-pointer -fsanitize=${MOONBOW_SANITIZE}
    -fno-sanitize-recover=all -DMB_NO_CLONES)
  add_link_options(-fsanitize=${MOONBOW_SANITIZE})
  if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND MOONBOW_SANITIZE MATCHES address)
    # gcc 14's frames on the heap, which tell the use of a variable after its function has returned, are not aligned for
    # vectors of 64 bytes: the kernels crash in them.
    list(APPEND MOONBOW_FLAGS --param asan-use-after-return=0)
  endif()
endif()

file(GLOB KERNEL_SOURCES CONFIGURE_DEPENDS csrc/kernel/*.c)
file(GLOB BIND_SOURCES CONFIGURE_DEPENDS csrc/bind/*.c)
# Warping has no NaN, infinity or -0: with this option a minimum is one instruction.
set_source_files_properties(csrc/kernel/distance_dtw.c
  PROPERTIES COMPILE_OPTIONS "-ffinite-math-only;-fno-signed-zeros")

function(moonbow_build suffix)
  # Symbols are hidden, except those that moonbow.h and its parts declare, which libmoonbow exports.
  add_library(kernels${suffix} OBJECT ${KERNEL_SOURCES})
  set_target_properties(kernels${suffix} PROPERTIES C_VISIBILITY_PRESET hidden)
  target_include_directories(kernels${suffix} PUBLIC csrc/kernel)
  target_compile_options(kernels${suffix} PRIVATE ${MOONBOW_FLAGS})
  target_compile_definitions(kernels${suffix} PUBLIC ${ARGN})
  target_link_libraries(kernels${suffix} PUBLIC openblas OpenMP::OpenMP_C m)

  # Lua's own symbols come from the interpreter that loads the module.
  add_library(core${suffix} MODULE ${BIND_SOURCES})
  target_compile_options(core${suffix} PRIVATE ${MOONBOW_FLAGS})
  target_include_directories(core${suffix} SYSTEM PRIVATE ${LUA_INCLUDE_DIRS})
  target_link_libraries(core${suffix} PRIVATE kernels${suffix} liblinear)
  # nodelete: OpenMP's threads outlive the lua_close that would unload them.
  target_link_options(core${suffix} PRIVATE LINKER:--version-script=${CMAKE_SOURCE_DIR}/cmake/core.map
    LINKER:-z,nodelete)
  set_target_properties(core${suffix} PROPERTIES PREFIX "" SUFFIX ".so"
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib/moonbow LINK_DEPENDS ${CMAKE_SOURCE_DIR}/cmake/core.map)
endfunction()

moonbow_build("")
if(MOONBOW_TESTS)
  moonbow_build(64 MB_DOUBLE)
endif()

# moonbow.hdf5 is a module of its own, which is loaded only when a file in HDF5 is read.
if(HDF5_INCLUDE AND HDF5_LIBRARY)
  file(GLOB HDF5_SOURCES CONFIGURE_DEPENDS csrc/hdf5/*.c)
  add_library(hdf5_module MODULE ${HDF5_SOURCES})
  target_compile_options(hdf5_module PRIVATE ${MOONBOW_FLAGS})
  target_compile_definitions(hdf5_module PRIVATE H5_USE_110_API) # later versions keep these functions
  target_include_directories(hdf5_module SYSTEM PRIVATE ${LUA_INCLUDE_DIRS} ${HDF5_INCLUDE})
  target_link_libraries(hdf5_module PRIVATE ${HDF5_LIBRARY})
  target_link_options(hdf5_module PRIVATE LINKER:--version-script=${CMAKE_SOURCE_DIR}/cmake/core.map)
  set_target_properties(hdf5_module PROPERTIES PREFIX "" SUFFIX ".so" OUTPUT_NAME hdf5
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib/moonbow LINK_DEPENDS ${CMAKE_SOURCE_DIR}/cmake/core.map)
endif()

# moonbow.crystal is a module of its own, which is loaded only when a crystal is read. Its C++ ends at csrc/crystal/crystal.h.
if(MOONBOW_CRYSTAL)
  file(GLOB CRYSTAL_SOURCES CONFIGURE_DEPENDS csrc/crystal/*.c csrc/crystal/*.cpp)
  add_library(crystal_module MODULE ${CRYSTAL_SOURCES})
  set(cxx_flags ${MOONBOW_FLAGS})
  list(REMOVE_ITEM cxx_flags -Wstrict-prototypes -Wmissing-prototypes)
  target_compile_options(crystal_module PRIVATE
    $<$<COMPILE_LANGUAGE:C>:${MOONBOW_FLAGS}> $<$<COMPILE_LANGUAGE:CXX>:${cxx_flags}>)
  set_target_properties(crystal_module PROPERTIES CXX_STANDARD 17 CXX_STANDARD_REQUIRED ON)
  target_include_directories(crystal_module SYSTEM PRIVATE ${LUA_INCLUDE_DIRS} ${GEMMI_INCLUDE} ${PEGTL_INCLUDE})
  target_link_options(crystal_module PRIVATE LINKER:--version-script=${CMAKE_SOURCE_DIR}/cmake/core.map)
  set_target_properties(crystal_module PROPERTIES PREFIX "" SUFFIX ".so" OUTPUT_NAME crystal
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib/moonbow LINK_DEPENDS ${CMAKE_SOURCE_DIR}/cmake/core.map)
endif()

# libmoonbow: the kernels for C programs, without Lua.
if(MOONBOW_C_LIBRARY)
  add_library(moonbow SHARED $<TARGET_OBJECTS:kernels>)
  target_link_libraries(moonbow PRIVATE openblas OpenMP::OpenMP_C m)
  target_link_options(moonbow PRIVATE LINKER:--version-script=${CMAKE_SOURCE_DIR}/cmake/moonbow.map)
  set_target_properties(moonbow PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION 0
    PUBLIC_HEADER "csrc/kernel/moonbow.h;csrc/kernel/moonbow_models.h;csrc/kernel/moonbow_spectra.h;csrc/kernel/moonbow_text.h"
    LINK_DEPENDS ${CMAKE_SOURCE_DIR}/cmake/moonbow.map)
  add_library(moonbow_static STATIC $<TARGET_OBJECTS:kernels>)
  set_target_properties(moonbow_static PROPERTIES OUTPUT_NAME moonbow)
endif()

# build/lua SCRIPT runs a script against this tree without installing anything.
file(CONFIGURE OUTPUT lua @ONLY CONTENT [[#!/bin/sh
LUA_PATH="@CMAKE_SOURCE_DIR@/lua/?.lua;@CMAKE_SOURCE_DIR@/lua/?/init.lua;${LUA_PATH:-;}"
LUA_CPATH="@CMAKE_BINARY_DIR@/lib/?.so;${LUA_CPATH:-;}"
unset LUA_PATH_5_4 LUA_CPATH_5_4
export LUA_PATH LUA_CPATH
exec "@LUA_INTERPRETER@" "$@"
]])
# build/moonbow is the prompt of this tree.
file(CONFIGURE OUTPUT moonbow @ONLY CONTENT [[#!/bin/sh
MOONBOW_LUA="@CMAKE_BINARY_DIR@/lua" exec "@CMAKE_SOURCE_DIR@/bin/moonbow" "$@"
]])
file(CHMOD ${CMAKE_BINARY_DIR}/lua ${CMAKE_BINARY_DIR}/moonbow PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE
  GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
