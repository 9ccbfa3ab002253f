#!/usr/bin/env bash
# Runs `luarocks make` into an empty tree, from a copy of the sources since it builds in place: rock.sh LUA
set -euo pipefail
lua=$1
here=$PWD/$(dirname "$0")
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
cp -r CMakeLists.txt LICENSE bin cmake csrc lua rockspec tools "$tree"
cd "$tree"
MAKEFLAGS=-j$(nproc); export MAKEFLAGS

# The dependencies are those of the build that is tested; nothing is downloaded.
luarocks --lua-version 5.4 make --deps-mode none --tree "$tree/rocks" >log 2>&1 || { tail -30 log; exit 1; }
rocks=$tree/rocks
LUA_PATH="$rocks/share/lua/5.4/?.lua;$rocks/share/lua/5.4/?/init.lua;;" \
  LUA_CPATH="$rocks/lib/lua/5.4/?.so;;" "$lua" "$here/use.lua" "$rocks"
[ "$("$rocks/bin/moonbow" -e 'print(nn.ReLU {})')" = 'nn.ReLU{}' ]
