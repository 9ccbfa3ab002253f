#!/usr/bin/env bash
# Builds moonbow in a folder whose name has blanks and parentheses, installs it into one with a blank, and uses both:
# odd_folder.sh CC
set -euo pipefail
cc=$1
here=$PWD/$(dirname "$0")
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
tree="$root/my spectra (new)" prefix="$root/for me" # pkg-config itself leaves parentheses as they are
mkdir "$tree"
cp -r CMakeLists.txt bin cmake csrc lua tools "$tree"
cd "$tree"

cmake -S . -B build -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_COMPILER="$cc" -DCMAKE_INSTALL_PREFIX="$prefix" \
  -DMOONBOW_TESTS=OFF -DMOONBOW_WERROR=OFF >log
cmake --build build --parallel "$(nproc)" >log 2>&1 || { tail -30 log; exit 1; }
cmake --install build >log
[ "$(build/lua -e 'print(require("moonbow").nn.ReLU {})')" = 'nn.ReLU{}' ]
for moonbow in build/moonbow "$prefix/bin/moonbow"; do
  [ "$("$moonbow" -e 'print(nn.ReLU {})')" = 'nn.ReLU{}' ]
done

PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name moonbow.pc)"); export PKG_CONFIG_PATH
pkg-config --cflags --libs moonbow | xargs "$cc" "$here/embed.c" -o program # xargs reads quotes as a shell does
LD_LIBRARY_PATH=$(pkg-config --variable=libdir moonbow) ./program
