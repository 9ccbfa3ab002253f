# Programs that fuzz the parsers in C: clang's libFuzzer runs the scripts of csrc/test/fuzz. cmake/nightly.sh has the
# options; spec/fuzz_corpus_spec.lua reads what they found in every build.
option(MOONBOW_FUZZ "add the target fuzzers; needs clang" OFF)
if(NOT MOONBOW_FUZZ)
  return()
endif()
if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
  message(FATAL_ERROR "MOONBOW_FUZZ: expected clang as CMAKE_C_COMPILER, got ${CMAKE_C_COMPILER_ID}")
endif()

# The parsers alone report which branches they took: libFuzzer looks at all reports after each run.
set_source_files_properties(csrc/kernel/csv.c csrc/kernel/parse_number.c csrc/bind/asdf.c csrc/bind/csv.c
  csrc/bind/csv_lines.c csrc/bind/dtype.c csrc/bind/encoding.c csrc/bind/parse_number.c csrc/bind/words.c csrc/bind/column.c
  PROPERTIES COMPILE_OPTIONS -fsanitize=fuzzer-no-link)
add_library(fuzz_bindings OBJECT EXCLUDE_FROM_ALL ${BIND_SOURCES})
target_compile_options(fuzz_bindings PRIVATE ${MOONBOW_FLAGS})
target_include_directories(fuzz_bindings SYSTEM PRIVATE ${LUA_INCLUDE_DIRS})
target_link_libraries(fuzz_bindings PRIVATE kernels liblinear)
add_custom_target(fuzzers)
file(GLOB scripts CONFIGURE_DEPENDS csrc/test/fuzz/*.lua)
foreach(script ${scripts})
  get_filename_component(name ${script} NAME_WE)
  add_executable(fuzz_${name} EXCLUDE_FROM_ALL csrc/test/fuzz/harness.c $<TARGET_OBJECTS:fuzz_bindings>)
  target_compile_options(fuzz_${name} PRIVATE ${MOONBOW_FLAGS})
  target_compile_definitions(fuzz_${name} PRIVATE FUZZ_SCRIPT="${script}")
  target_include_directories(fuzz_${name} SYSTEM PRIVATE ${LUA_INCLUDE_DIRS})
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  target_link_libraries(fuzz_${name} PRIVATE kernels liblinear ${LUA_LINK_LIBRARIES})
  add_dependencies(fuzzers fuzz_${name})
endforeach()
