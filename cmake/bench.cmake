# Speed of the kernels: cmake --build BUILD --target conv1d_bench (or kernels_bench), then BUILD/conv1d_bench.
foreach(name conv1d_bench kernels_bench)
  add_executable(${name} EXCLUDE_FROM_ALL bench/${name}.c)
  target_compile_options(${name} PRIVATE ${MOONBOW_FLAGS})
  target_link_libraries(${name} PRIVATE kernels)
endforeach()
