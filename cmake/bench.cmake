# Speed of the kernels: cmake --build BUILD --target conv1d_bench, then BUILD/conv1d_bench.
add_executable(conv1d_bench EXCLUDE_FROM_ALL bench/conv1d_bench.c)
target_compile_options(conv1d_bench PRIVATE ${MOONBOW_FLAGS})
target_link_libraries(conv1d_bench PRIVATE kernels)
