#!/usr/bin/env bash
# Builds moonbow for arm64 with Debian's cross compiler and runs kernel tests and specs under qemu's emulation,
# with libraries fetched as arm64 packages into BUILD/sysroot; nothing is installed.
#   cmake/arm64.sh [CTEST_OPTION...]    e.g. -R conv1d
#   BUILD=DIR    where to build (default build-arm64)
# Needs: apt-get install gcc-aarch64-linux-gnu qemu-user, and what bootstrap.sh installs.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$(realpath "${BUILD:-build-arm64}")
sysroot=$build/sysroot

packages=(libc6-dev libgomp1 libopenblas-dev liblinear-dev libcmocka-dev liblua5.4-dev lua5.4
  lua-argparse lua-busted lua-cjson lua-expat lua-filesystem lua-luv lua-zlib)

# Runs apt with a state of its own, in which arm64 is the only architecture and nothing is installed yet.
fetch_packages() {
  local apt=$build/apt
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
  touch "$apt/status"
  local options=(-qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Dir::State="$apt"
    -o Dir::State::status="$apt/status" -o Dir::Cache="$apt/cache" -o APT::Sandbox::User=)
  apt-get "${options[@]}" update
  apt-get "${options[@]}" install --download-only --yes --no-install-recommends "${packages[@]}"
}

unpack_packages() {
  rm -rf "$sysroot.partial"
  mkdir "$sysroot.partial"
  local package link
  for package in "$build"/apt/cache/archives/*.deb; do dpkg-deb --extract "$package" "$sysroot.partial"; done
  find "$sysroot.partial" -type l -lname '/*' | while read -r link; do
    ln -sfn "$sysroot$(readlink "$link")" "$link"
  done
  # update-alternatives does this when the packages are installed.
  (cd "$sysroot.partial/usr/lib/aarch64-linux-gnu" && ln -s openblas-pthread/*.so* .)
  mv "$sysroot.partial" "$sysroot"
}

if [ ! -d "$sysroot" ]; then
  fetch_packages
  unpack_packages
fi

# The tests use it like any other interpreter.
lua=$build/lua5.4
cat >"$lua" <<END
#!/bin/sh
exec qemu-aarch64 -L $sysroot -0 "\$0" $sysroot/usr/bin/lua5.4 "\$@"
END
chmod +x "$lua"

cmake -S . -B "$build" --toolchain "$PWD/cmake/arm64.cmake" -DCMAKE_SYSROOT="$sysroot" \
  -DLUA_INTERPRETER="$lua" >/dev/null
cmake --build "$build" --parallel "$(nproc)"

# Waiting threads would take time from working ones, so they sleep at once.
export OMP_WAIT_POLICY=passive OPENBLAS_NUM_THREADS=1
ctest --test-dir "$build" --parallel "$(nproc)" -L 'kernel|spec' --output-on-failure "$@"
