#!/usr/bin/env bash
# Installs missing packages, builds moonbow and installs it. It can be run again, and then takes seconds.
#   ./bootstrap.sh [CMAKE_OPTION...]    e.g. -DMOONBOW_TESTS=OFF
#   PREFIX=DIR          where to install (default /usr/local)
#   OPENBLAS_DIR=DIR    an OpenBLAS of your own instead of the system's
set -euo pipefail
cd "$(dirname "$0")"
prefix=${PREFIX:-/usr/local}
PATH=$PATH:/usr/sbin:/sbin # ldconfig

packages=(gcc libc6-dev make cmake pkg-config lua5.4 liblua5.4-dev     # to build
  lua-argparse lua-expat lua-filesystem lua-luv lua-readline           # to run
  lua-zlib
  libhdf5-dev liblinear-dev gnuplot-nox
  g++ gemmi-dev tao-pegtl-dev libstb-dev                               # crystals (mb.xrd)
  libcmocka-dev valgrind lua-busted lua-check lua-cjson)               # to test
[ -n "${OPENBLAS_DIR:-}" ] || packages+=(libopenblas-dev)

can_be_root() { [ "$(id -u)" = 0 ] || command -v sudo >/dev/null; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
has_lua54() { lua -v 2>&1 | grep -q 'Lua 5\.4'; }
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
    can_be_root || stop "neither root nor sudo; ask for these packages first: ${missing[*]}"
    echo "bootstrap: installing ${missing[*]}"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 "${missing[@]}" >/dev/null
  fi
fi

# lua-check brings Lua 5.1, which Debian prefers as plain `lua`.
if ! has_lua54 && command -v update-alternatives >/dev/null && can_be_root; then
  as_root update-alternatives --quiet --set lua-interpreter /usr/bin/lua5.4 || true
fi
lua=lua
has_lua54 || lua=lua5.4

cores=$(nproc)
cmake -S . -B build -DCMAKE_INSTALL_PREFIX="$prefix" -DOPENBLAS_DIR="${OPENBLAS_DIR:-}" "$@" >/dev/null
cmake --build build --parallel "$cores"

if mkdir -p "$prefix" 2>/dev/null && [ -w "$prefix" ]; then
  cmake --install build >/dev/null
else
  can_be_root || stop "cannot write to $prefix; run scripts with build/lua, or set PREFIX to a folder of yours"
  as_root cmake --install build >/dev/null
fi

# Lua searches /usr/local by itself, and so does the loader once ldconfig has added libmoonbow to its cache.
if [ "$prefix" = /usr/local ]; then
  ! can_be_root || as_root ldconfig || true
  "$lua" -e 'require "moonbow"' || stop "the installed module does not load"
  prompt=moonbow
else
  lua=build/lua prompt=$prefix/bin/moonbow
fi
echo "moonbow is built and installed below $prefix. Next:"
echo "  $prompt (a prompt); $lua quickstart.lua; ctest --test-dir build --output-on-failure"
