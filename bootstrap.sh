#!/usr/bin/env bash
# Installs missing packages, builds moonbow and installs it. It can be run again, and then takes seconds.
#   ./bootstrap.sh [CMAKE_OPTION...]    e.g. -DMOONBOW_TESTS=OFF
#   PREFIX=DIR          where to install (default /usr/local)
#   OPENBLAS_DIR=DIR    an OpenBLAS of your own instead of the system's
set -euo pipefail
here=$(dirname "$0")
build=$here/build
PATH=$PATH:/usr/sbin:/sbin # ldconfig

tests=ON # in each run: the cache of an earlier one does not decide
for option; do case $option in *MOONBOW_TESTS*=*) tests=${option#*=} ;; esac; done
has_tests() { [[ ! ${tests^^} =~ ^(0|OFF|NO|FALSE|N|)$ ]]; }

packages=(gcc libc6-dev make cmake pkg-config lua5.4 liblua5.4-dev     # to build
  lua-argparse lua-expat lua-filesystem lua-luv lua-readline lua-zlib  # to run
  libhdf5-dev liblinear-dev gnuplot-nox
  g++ gemmi-dev tao-pegtl-dev libstb-dev)                              # crystals (mb.xrd)
[ -n "${OPENBLAS_DIR:-}" ] || packages+=(libopenblas-dev)
! has_tests || packages+=(libcmocka-dev valgrind lua-busted lua-check lua-cjson)

# An installed sudo says nothing of a user's right to it.
can_be_root() { [ "$(id -u)" = 0 ] || { command -v sudo >/dev/null && sudo true; }; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
has_lua54() { lua -v 2>&1 | grep -q 'Lua 5\.4'; }
show() { printf %q "${1#./}"; } # for a shell in the folder of the caller
stop() { echo "bootstrap: $*" >&2; exit 1; }

if ! command -v apt-get >/dev/null; then
  echo "bootstrap: no apt-get here; going on with what there is. Debian's names for what is needed:"
  echo "  ${packages[*]}"
else
  missing=()
  for package in "${packages[@]}"; do
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  if [ ${#missing[@]} -gt 0 ]; then
    echo "bootstrap: installing ${missing[*]}"
    can_be_root || stop "neither root nor sudo; ask for these packages first: ${missing[*]}"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 "${missing[@]}" >/dev/null
  fi
fi

cmake -S "$here" -B "$build" -DCMAKE_INSTALL_PREFIX="${PREFIX:-/usr/local}" -DOPENBLAS_DIR="${OPENBLAS_DIR:-}" \
  -DMOONBOW_TESTS=ON "$@" >/dev/null
prefix=$(sed -n 's/^CMAKE_INSTALL_PREFIX:[A-Z]*=//p' "$build/CMakeCache.txt") # an option may have changed it
cores=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)                     # nproc obeys both
cmake --build "$build" --parallel "$cores"

if mkdir -p "$prefix" 2>/dev/null && [ -w "$prefix" ]; then
  cmake --install "$build" >/dev/null
else
  echo "bootstrap: installing below $prefix"
  can_be_root || stop "cannot write to $prefix; run scripts with $(show "$build/lua"), or set PREFIX to a folder of yours"
  as_root cmake --install "$build" >/dev/null
fi

lua=$build/lua prompt=$prefix/bin/moonbow
if [ "$prefix" -ef /usr/local ]; then
  # Lua searches there by itself, and so does the loader once ldconfig has added libmoonbow to its cache.
  # lua-check brings Lua 5.1, which Debian prefers as plain `lua`.
  if can_be_root; then
    as_root ldconfig || true
    has_lua54 || ! command -v update-alternatives >/dev/null ||
      as_root update-alternatives --quiet --set lua-interpreter /usr/bin/lua5.4 || true
  fi
  lua=lua prompt=moonbow
  has_lua54 || lua=lua5.4
  "$lua" -e 'require "moonbow"' || stop "the installed module does not load"
fi
next="$(show "$prompt") (a prompt); $(show "$lua") $(show "$here/quickstart.lua")"
! has_tests || next+="; ctest --test-dir $(show "$build") --output-on-failure"
echo "moonbow is built and installed below $prefix. Next:"
echo "  $next"
