#!/usr/bin/env bash
# Runs static analysis of csrc; any finding is a failure: cmake/static.sh clang|cppcheck LUA_INCLUDE_FOLDER [FOLDER...]
# A false finding is suppressed where it occurs, with the reason.
set -euo pipefail
cd "$(dirname "$0")/.."
tool=$1
includes=(-Icsrc/kernel -Icsrc/bind -Icsrc/hdf5 -Icsrc/test)
for folder in "${@:2}"; do [ "$folder" = /usr/include ] || includes+=(-isystem "$folder"); done

if [ "$tool" = cppcheck ]; then
  # invalidPointerCast: scratch is handed out as bytes or in another real type, aligned for all of them.
  exec cppcheck --quiet --std=c11 --enable=warning,portability,performance --inline-suppr --error-exitcode=1 \
    --suppress=missingIncludeSystem --suppress=invalidPointerCast -D__GNUC__=12 -D__x86_64__ -DBIND_LIBLINEAR \
    "${includes[@]:0:3}" csrc
fi

if ! clang -fopenmp -fsyntax-only -x c - <<<'#include <omp.h>' 2>/dev/null; then
  echo "skipped: clang finds no omp.h (Debian: libomp-dev)"
  exit
fi

# The analyser does not know that sizes are at least 1, and assumes that loops may not run at all: its findings of unset
# values in the kernels and their tests would be false. These run under valgrind, which finds unset values.
unset_values=(core.uninitialized.Assign core.uninitialized.Branch core.CallAndMessage
  core.UndefinedBinaryOperatorResult)
analyse() {
  local options=(--analyze -Xclang -analyzer-output=text -std=gnu11 -fopenmp -DBIND_LIBLINEAR "${includes[@]}")
  if [[ $1 != csrc/bind/* ]]; then
    for checker in "${unset_values[@]}"; do options+=(-Xclang -analyzer-disable-checker="$checker"); done
  fi
  clang "${options[@]}" -o /dev/null "$1" 2>&1
}
files=(csrc/kernel/*.c csrc/bind/*.c csrc/test/*.c)
for folder in "${@:2}"; do [ ! -e "$folder/hdf5.h" ] || files+=(csrc/hdf5/*.c); done
found=$(for file in "${files[@]}"; do analyse "$file"; done)
if grep -qE 'warning:|error:' <<<"$found"; then
  echo "$found"
  exit 1
fi
