#!/usr/bin/env bash
# Measures line coverage by kernel tests and specs, and lists the lines that are not covered. Fails below 99 % of csrc
# or 97 % of lua/moonbow.
#   cmake/coverage.sh [CTEST_OPTION...]    default: -L 'kernel|spec' -E '64$'
#   BUILD=DIR    where to build (default build-coverage)
set -euo pipefail
cd "$(dirname "$0")/.."
build=$(realpath -m "${BUILD:-build-coverage}")
[ $# -gt 0 ] || set -- -L 'kernel|spec' -E '64$'

# Threads that count at the same time lose counts, but not the first one, so a covered line never counts as uncovered.
cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Debug -DMOONBOW_C_LIBRARY=OFF -DMOONBOW_WERROR=OFF \
  -DCMAKE_C_FLAGS="--coverage -fprofile-exclude-files=.*/csrc/test/.* -O2 -DMB_NO_CLONES" >/dev/null
cmake --build "$build" --parallel "$(nproc)"
find "$build" -name '*.gcda' -delete
rm -rf "$build/lines"
mkdir "$build/lines"

export COVERAGE_ROOT=$PWD COVERAGE_FOLDER=$build/lines LUA_INIT="@$PWD/spec/nightly/coverage_hook.lua"
ctest --test-dir "$build" --parallel "$(nproc)" "$@" || echo "some tests failed: the figures below are too low"
unset LUA_INIT

# The double build is only for tests.
n=0
while read -r counts; do
  n=$((n + 1))
  mkdir "$build/lines/$n"
  (cd "$build/lines/$n" && gcov --preserve-paths --hash-filenames "$counts" >/dev/null 2>&1)
done < <(find "$build/CMakeFiles" -name '*.gcda' -not -path '*test_*' -not -path '*64.dir/*')
lua5.4 spec/nightly/coverage.lua "$build/lines" 99 97
