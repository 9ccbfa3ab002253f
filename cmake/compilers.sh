#!/usr/bin/env bash
# Builds moonbow with every gcc from 12 and clang from 14 that this Debian has, without a warning, and runs the kernel
# tests of each build: results must not depend on how a compiler translates a product and a sum, or a loop.
#   cmake/compilers.sh [CTEST_OPTION...]       e.g. -R conv1d
#   SUITES="bookworm trixie" cmake/compilers.sh   the same in bare systems of these names, made by debootstrap as root
#   COMPILERS="gcc-14 clang-19"    only these
#   BUILD=DIR                      where to build (default build-compilers)
# Needs root, to install compilers; otherwise it uses those that are installed.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$(realpath "${BUILD:-build-compilers}")

# Runs this script in another Debian: the sources are mounted below its root, read-only, and the builds stay there.
in_suite() {
  local root=$build/$1 mirror
  shift
  mkdir -p "$root"
  if [ ! -e "$root.made" ]; then
    # shellcheck disable=SC2016 # apt fills it in
    mirror=$(apt-get indextargets --format '$(REPO_URI)' | grep -v security | sort -u | head -1)
    debootstrap --variant=minbase "$(basename "$root")" "$root" "$mirror" >"$root.log"
    cp /etc/apt/apt.conf.d/* "$root/etc/apt/apt.conf.d/"
    touch "$root.made"
  fi
  cp /etc/hosts /etc/resolv.conf "$root/etc/"
  mkdir -p "$root/moonbow"
  # shellcheck disable=SC2016 # the inner shell expands it
  unshare --mount bash -euc 'mount --bind -o ro . "$0/moonbow"; mount --rbind /dev "$0/dev"
    mount -t proc proc "$0/proc"; exec chroot "$@"' "$root" "$root" \
    env -i HOME=/root PATH="$PATH" BUILD=/builds COMPILERS="${COMPILERS:-}" ${http_proxy:+http_proxy=$http_proxy} \
    ${https_proxy:+https_proxy=$https_proxy} /moonbow/cmake/compilers.sh "$@"
}

if [ -n "${SUITES:-}" ]; then
  for suite in $SUITES; do
    echo "$suite"
    in_suite "$suite" "$@"
  done
  exit
fi

known() { apt-cache --names-only search "$1" | cut -d' ' -f1; }

install() {
  [ "$(id -u)" = 0 ] || return 0
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 \
    -o APT::Sandbox::User=root "$@" >/dev/null
}

export TMPDIR=/tmp
[ "$(id -u)" != 0 ] || apt-get update -qq -o APT::Sandbox::User=root
if [ -z "${COMPILERS:-}" ]; then
  COMPILERS=$(known '^(gcc-1[2-9]|clang-(1[4-9]|2[0-9]))$' | sort -V)
fi
openmp=$(known '^libomp-[0-9]+-dev$' | sort -V | tail -1)
# shellcheck disable=SC2086
install cmake make pkg-config libc6-dev libopenblas-dev libcmocka-dev liblua5.4-dev lua5.4 $openmp $COMPILERS

# One OpenMP serves every clang: its header and its library.
mkdir -p "$build/omp"
for file in /usr/lib/llvm-*/lib/clang/*/include/omp.h; do [ ! -e "$file" ] || cp "$file" "$build/omp"; done
library=$(find /usr/lib/llvm-*/lib -name libomp.so 2>/dev/null | sort -V | tail -1)

failed=
for compiler in $COMPILERS; do
  command -v "$compiler" >/dev/null || { echo "$compiler: not installed"; continue; }
  options=()
  [ "${compiler#clang}" = "$compiler" ] ||
    options=(-DOpenMP_C_FLAGS="-fopenmp=libomp -I$build/omp" -DOpenMP_C_LIB_NAMES=omp -DOpenMP_omp_LIBRARY="$library")
  cmake -S . -B "$build/$compiler" -DCMAKE_C_COMPILER="$compiler" -DMOONBOW_WERROR=ON ${options[@]+"${options[@]}"} >/dev/null
  cmake --build "$build/$compiler" --parallel "$(nproc)" >"$build/$compiler.log" 2>&1 ||
    { grep -E 'error|warning' -A5 "$build/$compiler.log"; failed+=" $compiler"; continue; }
  printf '%s: ' "$compiler"
  ctest --test-dir "$build/$compiler" --parallel "$(nproc)" -L kernel --output-on-failure "$@" >"$build/$compiler.log" ||
    { cat "$build/$compiler.log"; failed+=" $compiler"; continue; }
  grep 'tests passed' "$build/$compiler.log"
done
[ -z "$failed" ] || { echo "failed:$failed"; exit 1; }
