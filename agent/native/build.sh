#!/usr/bin/env bash
# Builds the addon and the keeper with nothing but a C++ compiler: the N-API headers come from npm, and N-API is stable
# over Node versions, so node-gyp and its download of headers are not needed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
headers=$here/../../node_modules/node-api-headers/include
compiler=${CXX:-g++}
flags=(-std=c++17 -O2 -g0 -pthread -fvisibility=hidden -Wall -Wextra -Werror -Wno-missing-field-initializers
  -D_GNU_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong -Wl,-z,relro,-z,now -s)
# Another compiler, for another architecture, has an output folder of its own.
out=${HOSTTRAIL_NATIVE_OUT:-$here/build}
mkdir -p "$out"

build() { # SOURCE OUTPUT FLAG...
  local source=$here/$1 output=$out/$2
  shift 2
  if [ "$output" -nt "$source" ] && [ "$output" -nt "$0" ]; then return; fi
  "$compiler" "${flags[@]}" "$@" -o "$output.new" "$source"
  mv "$output.new" "$output"
}

build audit.cc audit.node -fPIC -shared -I "$headers"
build keeper.cc hosttrail-agent-keeper -fPIE -pie
