#!/usr/bin/env bash
# Builds the addon and the keeper with nothing but a C++ compiler: the N-API headers come from npm, and N-API is stable
# over Node versions, so node-gyp and its download of headers are not needed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
headers=$here/../../node_modules/node-api-headers/include
compiler=${CXX:-g++}
flags=(-DNAPI_VERSION=8 -std=c++17 -O2 -g0 -pthread -fvisibility=hidden -Wall -Wextra -Werror -Wno-missing-field-initializers
  -D_GNU_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong -Wl,-z,relro,-z,now -s)
# Another compiler, for another architecture, has an output folder of its own.
out=${HOSTTRAIL_NATIVE_OUT:-$here/build}
mkdir -p "$out"

build() { # OUTPUT SOURCE|FLAG...
  local output=$out/$1 file
  shift
  for file in "$here"/*.cc "$here"/*.h "$0"; do
    if [ ! "$output" -nt "$file" ]; then
      (cd "$here" && "$compiler" "${flags[@]}" -o "$output.new" "$@")
      mv "$output.new" "$output"
      return
    fi
  done
}

build audit.node audit.cc reader.cc control.cc manager.cc process.cc -fPIC -shared -I "$headers"
build hosttrail-agent-keeper keeper.cc -fPIE -pie
