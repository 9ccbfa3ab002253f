#!/usr/bin/env bash
# Runs checks that take too long for every change: at night, or before a release.
#   cmake/nightly.sh [PART...]    parts: faults fuzz parsers lua threads vectors static coverage; default: all
# Needs what bootstrap.sh installs, a build in build/, and: apt-get install clang libomp-dev cppcheck; for the part lua,
# apt-get source lua5.4 has to work (a deb-src line), or LUA_SOURCE=FOLDER names an unpacked Lua 5.4.
set -euo pipefail
cd "$(dirname "$0")/.."
cores=$(nproc)
[ $# -gt 0 ] || set -- faults fuzz parsers lua threads vectors static coverage

# Makes every allocation and every call on files fail once.
faults() { build/lua spec/nightly/faults.lua "$PWD/build/faults.so"; }

# Runs readers on randomly changed files, with another seed every night, with the address sanitizer.
fuzz() {
  sanitized
  local seed=${SEED:-$(date +%Y%m%d)}
  echo "fuzz: seed $seed"
  LD_PRELOAD=$(gcc -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 \
    build/sanitize/lua spec/nightly/fuzz.lua "${FILES:-20000}" "$seed"
}

# Runs libFuzzer with both sanitizers on the parsers in C, each for ten minutes; the corpus in build-fuzz grows every
# night. A finding is a file in build-fuzz: mend it, and move it to csrc/test/fuzz/corpus. Leaks are not looked for: Lua
# frees later than libFuzzer expects, and the specs look for them.
parsers() {
  cmake -S . -B build-fuzz -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Debug -DMOONBOW_SANITIZE=address,undefined \
    -DMOONBOW_FUZZ=ON -DMOONBOW_C_LIBRARY=OFF -DMOONBOW_TESTS=OFF >/dev/null
  cmake --build build-fuzz --target fuzzers --parallel "$cores" >/dev/null
  local script name
  for script in csrc/test/fuzz/*.lua; do
    name=$(basename "$script" .lua)
    mkdir -p "build-fuzz/corpus/$name"
    ASAN_OPTIONS=allocator_may_return_null=1 "build-fuzz/fuzz_$name" -detect_leaks=0 -timeout=60 -rss_limit_mb=3000 \
      -max_len=8192 "-max_total_time=${SECONDS_EACH:-600}" -verbosity=0 -print_final_stats=1 \
      "-artifact_prefix=build-fuzz/$name." "build-fuzz/corpus/$name" "csrc/test/fuzz/corpus/$name"
  done
}

# The build of the tests labelled sanitize.
sanitized() { ctest --test-dir build -R '^build.sanitize$' --output-on-failure >/dev/null; }

# Builds Lua with its own checks, which collects all garbage and moves its stack whenever it may.
lua() {
  sanitized
  local source=${LUA_SOURCE:-}
  if [ -z "$source" ]; then
    mkdir -p build/lua-source
    (cd build/lua-source && apt-get source --download-only -qq lua5.4 && tar xf lua5.4_*.orig.tar.gz)
    source=$(echo build/lua-source/lua-5.4*/)
  fi
  local files=()
  for file in "$source"/src/*.c; do [ "${file##*/}" = luac.c ] || files+=("$file"); done
  gcc -O1 -g -std=gnu99 -DLUA_USE_LINUX -DLUAI_ASSERT -DLUA_USE_APICHECK -DHARDSTACKTESTS -DHARDMEMTESTS \
    -fsanitize=address,undefined -fno-sanitize=shift -fno-sanitize-recover=all "${files[@]}" -o build/lua-checked -Wl,-E -ldl -lm
  LUA_PATH="lua/?.lua;lua/?/init.lua;/usr/share/lua/5.4/?.lua;/usr/share/lua/5.4/?/init.lua" \
    LUA_CPATH="build/sanitize/lib/?.so;/usr/lib/$(gcc -print-multiarch)/lua/5.4/?.so" \
    ASAN_OPTIONS=detect_leaks=0 OMP_NUM_THREADS=1 build/lua-checked spec/nightly/collections.lua
}

# Uses ThreadSanitizer with an OpenMP that reports synchronisation to it (libarcher, in libomp-dev).
threads() {
  cmake -S . -B build-thread -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Debug -DMOONBOW_SANITIZE=thread \
    -DMOONBOW_C_LIBRARY=OFF >/dev/null
  cmake --build build-thread --parallel "$cores"
  TSAN_OPTIONS=ignore_noninstrumented_modules=1 OMP_NUM_THREADS=3 OPENBLAS_NUM_THREADS=1 \
    ctest --test-dir build-thread -L 'kernel|thread' -E '64$' --timeout 3000 --output-on-failure
}

# Runs the address sanitizer on each version that target_clones makes of the kernels and this processor supports.
vectors() {
  local level
  for level in x86-64-v3 x86-64-v4; do
    /lib64/ld-linux-x86-64.so.2 --help | grep -q "$level (supported" || { echo "vectors: no $level here"; continue; }
    cmake -S . -B "build-$level" -DCMAKE_BUILD_TYPE=Debug -DMOONBOW_SANITIZE=address,undefined \
      -DMOONBOW_C_LIBRARY=OFF -DCMAKE_C_FLAGS="-march=$level" >/dev/null
    cmake --build "build-$level" --parallel "$cores"
    ctest --test-dir "build-$level" -L kernel -E '64$' --timeout 3000 --output-on-failure
  done
}

static() { ctest --test-dir build -L static --output-on-failure; }

coverage() { cmake/coverage.sh; }

failed=()
for part in "$@"; do
  echo
  echo "== $part"
  # In a shell of its own, so that it ends at its first failure.
  if ! bash -c "set -euo pipefail; cores=$cores; $(declare -f faults fuzz parsers sanitized lua threads vectors static coverage); $part"
  then
    failed+=("$part")
  fi
done
echo
echo "ran: $*; failed: ${failed[*]:-none}"
[ ${#failed[@]} = 0 ]
