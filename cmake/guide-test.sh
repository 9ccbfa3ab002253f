#!/usr/bin/env bash
# Follows the guide's page on extending: applies its parts in C and Lua to a copy of the sources, builds the copy,
# and runs the tests and examples of these parts: guide-test.sh LUA
set -euo pipefail
lua=$1
page=docs/guide/6_extending.md
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
cp -r .busted CMakeLists.txt bench bin cmake csrc docs lua spec tools "$tree"
cd "$tree"

"$lua" spec/support/apply_page.lua "$page" changes.patch
patch -p1 --quiet --no-backup-if-mismatch <changes.patch

cmake -S . -B build -DCMAKE_BUILD_TYPE=Debug -DMOONBOW_C_LIBRARY=OFF -DMOONBOW_WERROR=OFF >log
cmake --build build --parallel "$(nproc)" --target core core64 test_leaky_sum test_leaky_sum64 test_elementwise64 >log 2>&1 ||
  { tail -30 log; exit 1; }
for test in test_leaky_sum test_leaky_sum64 test_elementwise64; do build/$test >log 2>&1 || { cat log; exit 1; }; done
for spec in gradients reference; do
  "$lua" spec/support/run.lua --ignore-lua --cpath="build/lib/?.so" spec/${spec}_spec.lua >log || { cat log; exit 1; }
done
build/lua spec/support/examples.lua "$page" --patched
