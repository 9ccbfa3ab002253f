#!/usr/bin/env bash
# Installs a build into an empty prefix and uses it from Lua and from C: prefix.sh BUILD_DIR LUA CC
set -euo pipefail
build=$1 lua=$2 cc=$3
here=$(dirname "$0")
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT

# A component has a list of files of its own: install_manifest.txt is for uninstalling, and may belong to root.
cmake --install "$build" --component Unspecified --prefix "$prefix" >"$prefix/log"
diff -r lua "$prefix/share/lua/5.4"
LUA_PATH="$prefix/share/lua/5.4/?.lua;$prefix/share/lua/5.4/?/init.lua;;" \
  LUA_CPATH="$prefix/lib/lua/5.4/?.so;;" "$lua" "$here/use.lua" "$prefix"
[ "$("$prefix/bin/moonbow" -e 'print(nn.ReLU {})')" = 'nn.ReLU{}' ]

"$lua" "$prefix/share/moonbow/luacats/moonbow.lua"
grep -q 'mb.fit(model, set, options?)' "$prefix/share/doc/moonbow/index.html"

pc=$(dirname "$(find "$prefix" -name moonbow.pc)")
flags() { PKG_CONFIG_PATH=$pc pkg-config --define-variable=prefix="$prefix" "$@" moonbow; }
libdir=$(flags --variable=libdir)
grep -qx "#define MB_VERSION \"$(flags --modversion)\".*" "$prefix/include/moonbow.h"
# shellcheck disable=SC2046 # several words are meant
"$cc" "$here/embed.c" -o "$prefix/shared" $(flags --cflags --libs)
LD_LIBRARY_PATH=$libdir "$prefix/shared"
# shellcheck disable=SC2046
"$cc" "$here/embed.c" -o "$prefix/static" $(flags --cflags --libs --static | sed 's/-lmoonbow/-l:libmoonbow.a/')
"$prefix/static"

# libmoonbow exports the functions of its header, the module only its entry point.
exports() { nm -D --defined-only "$1" | awk '{ print $3 }'; }
for name in $(exports "$libdir/libmoonbow.so"); do
  grep -qw "$name" "$prefix"/include/moonbow*.h || { echo "libmoonbow.so exports $name"; exit 1; }
done
found=$(exports "$prefix/lib/lua/5.4/moonbow/core.so")
[ "$found" = luaopen_moonbow_core ] || { echo "core.so exports $found"; exit 1; }
for name in hdf5 crystal; do
  [ -e "$prefix/lib/lua/5.4/moonbow/$name.so" ] || continue
  found=$(exports "$prefix/lib/lua/5.4/moonbow/$name.so")
  [ "$found" = "luaopen_moonbow_$name" ] || { echo "$name.so exports $found"; exit 1; }
done
