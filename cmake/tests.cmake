# Kernel tests, specs, style, and installing. Labels: guide, kernel, spec, style, install, sanitize, valgrind.
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
find_program(BASH bash REQUIRED)
set(timeout 300)
if(CMAKE_CROSSCOMPILING OR CMAKE_C_FLAGS MATCHES "--coverage")
  set(timeout 3000) # emulation, or counters
endif()
set(wait_briefly GOMP_SPINCOUNT=3000) # as in the Lua module: waiting threads leave the cores to other tests

# Adds a test that needs a tool; if the tool is missing, the test says so and counts as skipped.
function(add_tool_test tool name)
  find_program(TOOL_${tool} ${tool})
  if(TOOL_${tool})
    add_test(NAME ${name} COMMAND ${ARGN} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  else()
    add_test(NAME ${name} COMMAND ${CMAKE_COMMAND} -E echo "skipped: ${tool} is not installed")
    set_tests_properties(${name} PROPERTIES SKIP_REGULAR_EXPRESSION "^skipped:")
  endif()
endfunction()

# Each csrc/test/test_*.c is a cmocka program, built in float and in double.
file(GLOB sources CONFIGURE_DEPENDS csrc/test/test_*.c)
foreach(source ${sources})
  get_filename_component(name ${source} NAME_WE)
  foreach(suffix "" 64)
    add_executable(${name}${suffix} ${source})
    target_compile_options(${name}${suffix} PRIVATE -Wall -Wextra $<$<BOOL:${MOONBOW_WERROR}>:-Werror> -g
      $<$<CONFIG:Debug>:-O2>) # the plain loops of the tests take most of the time
    target_include_directories(${name}${suffix} PRIVATE csrc/test)
    target_link_libraries(${name}${suffix} PRIVATE kernels${suffix} PkgConfig::CMOCKA)
    add_test(NAME ${name}${suffix} COMMAND ${name}${suffix})
    set_tests_properties(${name}${suffix} PROPERTIES LABELS kernel TIMEOUT ${timeout} ENVIRONMENT ${wait_briefly})
    list(APPEND KERNEL_TESTS ${name}${suffix})
  endforeach()
endforeach()

# Each spec/NAME_spec.lua whose name is not in `except` runs under busted, with the module below build_dir and the
# environment in ARGN.
file(GLOB SPECS RELATIVE ${CMAKE_SOURCE_DIR} CONFIGURE_DEPENDS spec/*_spec.lua)
function(add_spec_tests label build_dir except)
  foreach(spec ${SPECS})
    string(REGEX REPLACE "spec/(.*)_spec.lua" "\\1" name ${spec})
    if(name IN_LIST except)
      continue()
    endif()
    string(PREPEND name ${label}.)
    add_test(NAME ${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
      COMMAND ${LUA_INTERPRETER} spec/support/run.lua --ignore-lua --cpath=${build_dir}/lib/?.so ${spec})
    set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT ${timeout})
    set_property(TEST ${name} PROPERTY ENVIRONMENT ${ARGN})
  endforeach()
endfunction()
add_spec_tests(spec ${CMAKE_BINARY_DIR} "")
set_tests_properties(spec.slurm PROPERTIES RUN_SERIAL ON) # its daemons have time limits of their own

# Some calls for memory and on files fail; cmake/nightly.sh makes each of them fail once.
if(NOT MOONBOW_SANITIZE AND NOT CMAKE_CROSSCOMPILING)
  add_library(faults MODULE csrc/test/faults.c)
  target_include_directories(faults SYSTEM PRIVATE ${LUA_INCLUDE_DIRS})
  target_compile_options(faults PRIVATE -Wall -Wextra $<$<BOOL:${MOONBOW_WERROR}>:-Werror> -fno-builtin)
  set_target_properties(faults PROPERTIES PREFIX "" SUFFIX ".so" LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
  add_test(NAME faults WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
    COMMAND ${CMAKE_BINARY_DIR}/lua spec/nightly/faults.lua ${CMAKE_BINARY_DIR}/faults.so)
  set_tests_properties(faults PROPERTIES LABELS faults TIMEOUT ${timeout} ENVIRONMENT FAULTS_MOST=40)
endif()

# Applies the guide's changes in C to a copy of the sources, and tests them.
if(NOT MOONBOW_SANITIZE AND NOT CMAKE_CROSSCOMPILING)
  add_tool_test(patch guide.extending ${BASH} cmake/guide-test.sh ${LUA_INTERPRETER})
  set_tests_properties(guide.extending PROPERTIES LABELS guide TIMEOUT 900)
endif()

# Each reader reads a few hundred files that are changed at random; cmake/nightly.sh takes more.
add_test(NAME fuzz WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
  COMMAND ${CMAKE_BINARY_DIR}/lua spec/nightly/fuzz.lua 300 1)
set_tests_properties(fuzz PROPERTIES LABELS fuzz TIMEOUT ${timeout})

# Runs two Lua states in two threads; cmake/nightly.sh does so under ThreadSanitizer, too.
add_executable(two_states csrc/test/two_states.c)
target_include_directories(two_states SYSTEM PRIVATE ${LUA_INCLUDE_DIRS})
target_link_libraries(two_states PRIVATE ${LUA_LINK_LIBRARIES} OpenMP::OpenMP_C)
add_test(NAME two_states WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} COMMAND ${CMAKE_COMMAND} -E env
  LUA_PATH=lua/?.lua$<SEMICOLON>lua/?/init.lua$<SEMICOLON>$<SEMICOLON>
  LUA_CPATH=${CMAKE_BINARY_DIR}/lib/?.so$<SEMICOLON>$<SEMICOLON>
  $<TARGET_FILE:two_states> spec/nightly/two_states.lua)
set_tests_properties(two_states PROPERTIES LABELS thread TIMEOUT ${timeout})

# The program of docs/embedding.md, which predicts from C.
add_executable(predict_from_c csrc/test/predict_from_c.c)
target_compile_options(predict_from_c PRIVATE -Wall -Wextra $<$<BOOL:${MOONBOW_WERROR}>:-Werror>)
target_include_directories(predict_from_c SYSTEM PRIVATE ${LUA_INCLUDE_DIRS})
target_link_libraries(predict_from_c PRIVATE ${LUA_LINK_LIBRARIES} OpenMP::OpenMP_C)

# Static analysis has no findings, if the tools are installed: apt-get install clang libomp-dev cppcheck.
foreach(tool cppcheck clang)
  add_tool_test(${tool} static.${tool} ${BASH} cmake/static.sh ${tool} ${LUA_INCLUDE_DIRS} ${OPENBLAS_INCLUDE_DIRS}
    ${LIBLINEAR_INCLUDE} ${HDF5_INCLUDE})
  set_tests_properties(static.${tool} PROPERTIES LABELS static TIMEOUT 900 SKIP_REGULAR_EXPRESSION "^skipped:")
endforeach()

add_tool_test(luacheck style.luacheck luacheck -q lua spec experiments bench tools csrc quickstart.lua)
set_tests_properties(style.luacheck PROPERTIES LABELS style)

if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT MOONBOW_SANITIZE)
  set(libraries $<TARGET_FILE:core> $<$<TARGET_EXISTS:hdf5_module>:$<TARGET_FILE:hdf5_module>>
    $<$<TARGET_EXISTS:crystal_module>:$<TARGET_FILE:crystal_module>>)
  if(MOONBOW_C_LIBRARY)
    list(APPEND libraries $<TARGET_FILE:moonbow>)
  endif()
  add_tool_test(readelf style.hardened ${BASH} cmake/hardened.sh ${libraries})
  set_tests_properties(style.hardened PROPERTIES LABELS style)
endif()

add_test(NAME install.prefix WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
  COMMAND ${BASH} cmake/install-test/prefix.sh ${CMAKE_BINARY_DIR} ${LUA_INTERPRETER} ${CMAKE_C_COMPILER})
add_tool_test(luarocks install.luarocks ${BASH} cmake/install-test/rock.sh ${LUA_INTERPRETER})
set_tests_properties(install.prefix install.luarocks PROPERTIES LABELS install)
if(NOT MOONBOW_SANITIZE AND NOT CMAKE_CROSSCOMPILING)
  add_test(NAME install.odd_folder WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
    COMMAND ${BASH} cmake/install-test/odd_folder.sh ${CMAKE_C_COMPILER})
  set_tests_properties(install.odd_folder PROPERTIES LABELS install TIMEOUT 600)
endif()

# Runs each experiment that tests a claim with --quick, and validates its results.json (docs/results.schema.json).
file(GLOB experiments RELATIVE ${CMAKE_SOURCE_DIR}/experiments CONFIGURE_DEPENDS experiments/*.lua)
list(REMOVE_ITEM experiments audit.lua identify_phases.lua own_spectra.lua review.lua sweep.lua)
foreach(script ${experiments})
  get_filename_component(name ${script} NAME_WE)
  add_test(NAME experiment.${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
    COMMAND ${CMAKE_BINARY_DIR}/lua spec/support/run_experiment.lua ${CMAKE_BINARY_DIR}/lua ${name})
  set_tests_properties(experiment.${name} PROPERTIES LABELS experiment TIMEOUT 300)
endforeach()
