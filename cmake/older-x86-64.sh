#!/usr/bin/env bash
# Runs the kernel tests of a build on older processors, emulated by qemu: one without AVX, one with AVX2 and
# without AVX-512. An instruction that such a processor lacks ends the test.
#   cmake/older-x86-64.sh [TEST...]    e.g. test_matmul; default: all that were built
#   BUILD=DIR        the build (default build)
#   PROCESSORS=...   default "core2duo Haswell"; others: qemu-x86_64 -cpu help
# Needs: apt-get install qemu-user.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build}
tests=("$@")
[ $# -gt 0 ] || for test in "$build"/test_*; do [ -d "$test" ] || tests+=("$(basename "$test")"); done

# Waiting threads would take time from working ones, so they sleep at once.
# OpenBLAS's automatic choice of its kernels fails in the emulation on some hosts.
export OMP_WAIT_POLICY=passive OPENBLAS_NUM_THREADS=1 OPENBLAS_CORETYPE=Prescott
for processor in ${PROCESSORS:-core2duo Haswell}; do
  for test in "${tests[@]}"; do
    printf '%s %s: ' "$processor" "$test"
    start=$SECONDS
    qemu-x86_64 -cpu "$processor" "$build/$test" >"$build/$test.log" 2>&1 || { cat "$build/$test.log"; exit 1; }
    echo "passed in $((SECONDS - start)) s"
  done
done
