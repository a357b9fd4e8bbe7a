#!/usr/bin/env bash
# Builds the addon with nothing but a C++ compiler: the N-API headers come from npm, and N-API is stable over
# Node versions, so node-gyp and its download of headers are not needed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
headers=$here/../../node_modules/node-api-headers/include
compiler=${CXX:-g++}
output=$here/build/audit.node
mkdir -p "$here/build"
if [ "$output" -nt "$here/audit.cc" ] && [ "$output" -nt "$0" ]; then exit 0; fi
"$compiler" -std=c++17 -O2 -g0 -fPIC -shared -pthread -fvisibility=hidden \
  -Wall -Wextra -Werror -Wno-missing-field-initializers -D_GNU_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong -Wl,-z,relro,-z,now -s \
  -I "$headers" -o "$output.new" "$here/audit.cc"
mv "$output.new" "$output"
