# Kernel tests: each csrc/test/test_*.c is a cmocka program, built in float and in double.
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)

file(GLOB KERNEL_TESTS CONFIGURE_DEPENDS csrc/test/test_*.c)
foreach(source ${KERNEL_TESTS})
  get_filename_component(name ${source} NAME_WE)
  foreach(suffix "" 64)
    add_executable(${name}${suffix} ${source})
    target_compile_options(${name}${suffix} PRIVATE -Wall -Wextra -Werror -g)
    target_include_directories(${name}${suffix} PRIVATE csrc/test)
    target_link_libraries(${name}${suffix} PRIVATE kernels${suffix} PkgConfig::CMOCKA)
    add_test(NAME ${name}${suffix} COMMAND ${name}${suffix})
  endforeach()
endforeach()
