#!/usr/bin/env bash
# Checks that shared objects are hardened: cmake/hardened.sh FILE...
# Addresses are bound at load and then read-only, nothing is both writable and executable, and the compiler's checks of
# stack and copies are there.
set -euo pipefail
for file in "$@"; do
  headers=$(readelf --wide --segments "$file")
  dynamic=$(readelf --wide --dynamic "$file")
  symbols=$(readelf --wide --dyn-syms "$file")
  missing=()
  grep -q GNU_RELRO <<<"$headers" || missing+=("RELRO")
  grep -qE 'BIND_NOW|FLAGS_1.*NOW' <<<"$dynamic" || missing+=("binding at load")
  ! grep -qE '(LOAD|GNU_STACK).* (RWE|WE) ' <<<"$headers" || missing+=("memory that is not both writable and executable")
  ! grep -q TEXTREL <<<"$dynamic" || missing+=("code without relocations")
  grep -q __stack_chk_fail <<<"$symbols" || missing+=("stack protector")
  # A library that copies nothing has nothing to check.
  ! grep -qE ' (mem(cpy|move|set)|str(cpy|cat))(@|$)' <<<"$symbols" || grep -q '_chk@' <<<"$symbols" ||
    missing+=("checked copies (FORTIFY)")
  [ ${#missing[@]} = 0 ] || { printf '%s has no %s\n' "$file" "${missing[0]}"; exit 1; }
  echo "$file: hardened"
done
