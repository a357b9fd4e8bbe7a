#!/bin/sh
# Lays the root of an image: the collector of an unpacked package, and the libraries that its Node is linked to. Nothing else is in it.
# usage: root.sh UNPACKED ROOT
set -eu
unpacked=$1 root=$2
mkdir -p "$root/app" "$root/etc/hosttrail" "$root/tmp" "$root/run/hosttrail"
cp -a "$unpacked/lib/." "$root/app/"
rm -rf "$root/app/templates" "$root/app/cli.cjs"
cp "$(dirname "$0")/secrets.mjs" "$root/app/"
ldd "$unpacked/lib/node" | grep -o '/[^ ]*' | sort -u | while read -r library; do
  mkdir -p "$root$(dirname "$library")"
  cp -L "$library" "$root$library"
done
printf 'hosttrail:x:65532:65532:Hosttrail:/:/none\n' >"$root/etc/passwd"
printf 'hosttrail:x:65532:\n' >"$root/etc/group"
# Names are looked up in files, then in DNS.
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
chmod 1777 "$root/tmp"
# Secrets are put there by whoever runs it, as the one user that there is.
chmod 0700 "$root/run/hosttrail"
if [ "$(id -u)" = 0 ]; then chown 65532:65532 "$root/run/hosttrail"; fi
