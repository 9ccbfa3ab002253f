#!/usr/bin/env bash
# Static analysis of csrc, without findings: cmake/static.sh clang|cppcheck LUA_INCLUDE_FOLDER [FOLDER...]
# A false finding is suppressed where it is, with the reason.
set -euo pipefail
cd "$(dirname "$0")/.."
tool=$1
includes=(-Icsrc/kernel -Icsrc/bind -Icsrc/test)
for folder in "${@:2}"; do [ "$folder" = /usr/include ] || includes+=(-isystem "$folder"); done

if [ "$tool" = cppcheck ]; then
  # invalidPointerCast: scratch is handed out as bytes or in another real type, aligned for all of them.
  exec cppcheck --quiet --std=c11 --enable=warning,portability,performance --inline-suppr --error-exitcode=1 \
    --suppress=missingIncludeSystem --suppress=invalidPointerCast -D__GNUC__=12 -D__x86_64__ -DBIND_LIBLINEAR \
    "${includes[@]:0:3}" csrc
fi

# The analyser takes loops over sizes of at least 1, which it does not know, for loops that may run no time: what it says
# of values that are not set would be noise in the kernels and their tests, which run under valgrind, which does see them.
unset_values=(core.uninitialized.Assign core.uninitialized.Branch core.CallAndMessage
  core.UndefinedBinaryOperatorResult)
analyse() {
  local options=(--analyze -Xclang -analyzer-output=text -std=gnu11 -fopenmp -DBIND_LIBLINEAR "${includes[@]}")
  if [[ $1 != csrc/bind/* ]]; then
    for checker in "${unset_values[@]}"; do options+=(-Xclang -analyzer-disable-checker="$checker"); done
  fi
  clang "${options[@]}" -o /dev/null "$1" 2>&1
}
found=$(for file in csrc/kernel/*.c csrc/bind/*.c csrc/test/*.c; do analyse "$file"; done)
if grep -qE 'warning:|error:' <<<"$found"; then
  echo "$found"
  exit 1
fi
