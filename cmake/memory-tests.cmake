# Runs the kernel tests and the specs under AddressSanitizer and UndefinedBehaviorSanitizer, in a build of their
# own, and the kernel tests under valgrind.
set(sanitized ${CMAKE_BINARY_DIR}/sanitize)
cmake_host_system_information(RESULT cores QUERY NUMBER_OF_LOGICAL_CORES)
add_test(NAME build.sanitize COMMAND ${CMAKE_CTEST_COMMAND}
  --build-and-test ${CMAKE_SOURCE_DIR} ${sanitized} --build-generator ${CMAKE_GENERATOR} --build-noclean
  --build-options -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_COMPILER=${CMAKE_C_COMPILER} -DOPENBLAS_DIR=${OPENBLAS_DIR}
  -DMOONBOW_SANITIZE=address,undefined -DMOONBOW_WERROR=${MOONBOW_WERROR} -DMOONBOW_C_LIBRARY=OFF)
set_tests_properties(build.sanitize PROPERTIES LABELS sanitize FIXTURES_SETUP sanitized
  ENVIRONMENT MAKEFLAGS=-j${cores})

set(sanitized_arguments_test_conv1d64 random_shapes*) # large ones in float alone
set(sanitized_arguments_test_conv1d_groups64 depthwise)
foreach(name ${KERNEL_TESTS})
  add_test(NAME sanitize.${name} COMMAND ${sanitized}/${name} ${sanitized_arguments_${name}})
  set_tests_properties(sanitize.${name} PROPERTIES ENVIRONMENT ${wait_briefly})
endforeach()

# Specs of what is written in Lua alone, which reach C through functions that other specs test: a sanitizer makes them
# 1.6 to 4 times as long and has nothing to find there. A spec that is not named here is sanitized.
set(specs_of_lua
  bootstrap dependencies guide help how_to_call paths reference version text_table # documentation and names
  audit audit_flow audit_networks audit_outcome audit_rules audit_samples bench benchmark benchmark_data border_peaks
  experiment explain explain_inputs explain_maps identify_phases kept minirocket own_spectra own_spectra_refused reach results review_page trained
  single_peak slurm plot plot_charts plot_lines
  sweep sweep_claims sweep_examples sweep_late_start sweep_launchers sweep_page sweep_run sweep_statistics
  sweep_strategies sweep_version
  # readers; those of HDF5, JCAMP-DX, MATLAB, NumPy and text have C of their own, and writing has
  spectra_brml spectra_images spectra_index spectra_labspec_xml spectra_omnic spectra_optical_texts spectra_opus
  spectra_perkinelmer spectra_rasx spectra_raw spectra_read spectra_spc spectra_wdf spectra_xlsx spectra_xml
  spectra_xrd_texts spectra_xrdml)

# The interpreter is not instrumented, so gcc's runtime has to be there before the module. Programs that a
# spec starts (gnuplot) inherit it; leaks are checked in the interpreter alone, by its name. Memory that runs out is
# NULL, as from malloc: gcc 12's report of it waits for its own lock in a child process without room for the report.
# The runtime finds the functions that throw in C++ only if their library is there from the start. It must not follow
# __tls_get_addr: gcc 12 takes a thread-local block of a loaded library that begins 16 bytes behind a page for one of
# glibc 2.19, reads its bounds from what is before it, and its search for leaks crashes there ("Tracer caught signal
# 11"; about one of 150 small blocks). Such blocks are searched for pointers all the same, as ld.so allocates them.
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  execute_process(COMMAND ${CMAKE_C_COMPILER} -print-file-name=libasan.so
    OUTPUT_VARIABLE libasan OUTPUT_STRIP_TRAILING_WHITESPACE)
  execute_process(COMMAND ${CMAKE_C_COMPILER} -print-file-name=libstdc++.so.6
    OUTPUT_VARIABLE libstdcxx OUTPUT_STRIP_TRAILING_WHITESPACE)
  file(REAL_PATH ${LUA_INTERPRETER} interpreter)
  get_filename_component(interpreter ${interpreter} NAME)
  file(WRITE ${CMAKE_BINARY_DIR}/asan.${interpreter} "detect_leaks=1:intercept_tls_get_addr=0")
  add_spec_tests(sanitize ${sanitized} "${specs_of_lua}" LD_PRELOAD=${libasan}:${libstdcxx}
    ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:include_if_exists=${CMAKE_BINARY_DIR}/asan.%b)
endif()

get_property(tests DIRECTORY PROPERTY TESTS)
list(FILTER tests INCLUDE REGEX "^sanitize")
set_tests_properties(${tests} PROPERTIES LABELS sanitize FIXTURES_REQUIRED sanitized TIMEOUT 600)

# Valgrind hides AVX-512, which it does not know, from the resolvers of target_clones and from OpenBLAS. Nor does its
# arithmetic flush denormals.
set(valgrind valgrind --quiet --leak-check=full --errors-for-leak-kinds=definite,indirect,possible
  --error-exitcode=1 --suppressions=${CMAKE_SOURCE_DIR}/cmake/valgrind.supp)
# The large shapes would take minutes.
set(arguments_test_conv1d random_shapes*) # these alone
set(arguments_test_conv1d_groups depthwise)
set(arguments_test_conv1d_flat as_plain_loops*direct)
set(arguments_test_matmul large_*) # all but these
foreach(name ${KERNEL_TESTS})
  # 64: the same memory accesses, twice as wide; stack: it reads the stack of a thread that has ended
  if(NOT name MATCHES "64$|denormals|stack")
    add_tool_test(valgrind valgrind.${name} ${valgrind} $<TARGET_FILE:${name}> ${arguments_${name}})
    set_tests_properties(valgrind.${name} PROPERTIES LABELS valgrind TIMEOUT 300 ENVIRONMENT OMP_NUM_THREADS=2)
  endif()
endforeach()
