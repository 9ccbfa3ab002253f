# The kernel tests and the specs once more under AddressSanitizer and UndefinedBehaviorSanitizer, in a
# build of their own; and the kernel tests under valgrind.
set(sanitized ${CMAKE_BINARY_DIR}/sanitize)
cmake_host_system_information(RESULT cores QUERY NUMBER_OF_LOGICAL_CORES)
add_test(NAME sanitize.build COMMAND ${CMAKE_CTEST_COMMAND}
  --build-and-test ${CMAKE_SOURCE_DIR} ${sanitized} --build-generator ${CMAKE_GENERATOR} --build-noclean
  --build-options -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_COMPILER=${CMAKE_C_COMPILER} -DOPENBLAS_DIR=${OPENBLAS_DIR}
  -DMOONBOW_SANITIZE=address,undefined -DMOONBOW_WERROR=${MOONBOW_WERROR} -DMOONBOW_C_LIBRARY=OFF)
set_tests_properties(sanitize.build PROPERTIES LABELS sanitize FIXTURES_SETUP sanitized
  ENVIRONMENT MAKEFLAGS=-j${cores})

foreach(name ${KERNEL_TESTS})
  add_test(NAME sanitize.${name} COMMAND ${sanitized}/${name})
  set_tests_properties(sanitize.${name} PROPERTIES LABELS sanitize FIXTURES_REQUIRED sanitized TIMEOUT 300)
endforeach()

# The interpreter is not instrumented, so the runtime has to be there before the module.
execute_process(COMMAND ${CMAKE_C_COMPILER} -print-file-name=libasan.so
  OUTPUT_VARIABLE libasan OUTPUT_STRIP_TRAILING_WHITESPACE)
add_spec_tests(sanitize ${sanitized} FIXTURES_REQUIRED sanitized ENVIRONMENT LD_PRELOAD=${libasan})

# Valgrind hides AVX-512, which it does not know, from the resolvers of target_clones and from OpenBLAS.
set(valgrind valgrind --quiet --leak-check=full --errors-for-leak-kinds=definite,indirect,possible
  --error-exitcode=1 --suppressions=${CMAKE_SOURCE_DIR}/cmake/valgrind.supp)
foreach(name ${KERNEL_TESTS})
  if(NOT name MATCHES "64$") # the same memory accesses, twice as wide
    add_tool_test(valgrind valgrind.${name} ${valgrind} $<TARGET_FILE:${name}>)
    set_tests_properties(valgrind.${name} PROPERTIES LABELS valgrind TIMEOUT 300 ENVIRONMENT OMP_NUM_THREADS=2)
  endif()
endforeach()
