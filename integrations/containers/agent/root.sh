#!/bin/sh
# Lays the root of an image: the agent of an unpacked package, and the libraries that its Node is linked to. Nothing else is in it.
# usage: root.sh UNPACKED ROOT
set -eu
unpacked=$1 root=$2
mkdir -p "$root/app" "$root/etc/hosttrail-agent" "$root/tmp" "$root/run/hosttrail-agent" "$root/var/lib/hosttrail-agent" \
  "$root/usr/share/hosttrail-agent"
cp -a "$unpacked/lib/." "$root/app/"
cp "$unpacked/bin/hosttrail-agent-keeper" "$root/app/"
cp "$(dirname "$0")/settings.mjs" "$(dirname "$0")/probe.mjs" "$root/app/"
# Where the package has them, so that one configuration is right in both.
cp -a "$unpacked/share/rules" "$root/usr/share/hosttrail-agent/"
ldd "$unpacked/lib/node" | grep -o '/[^ ]*' | sort -u | while read -r library; do
  mkdir -p "$root$(dirname "$library")"
  cp -L "$library" "$root$library"
done
printf 'root:x:0:0:root:/:/none\n' >"$root/etc/passwd"
printf 'root:x:0:\n' >"$root/etc/group"
# Names are looked up in files, then in DNS.
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
if [ "$(id -u)" = 0 ]; then chown -R 0:0 "$root"; fi
chmod -R go-w "$root"
chmod 1777 "$root/tmp"
chmod 0700 "$root/etc/hosttrail-agent" "$root/run/hosttrail-agent" "$root/var/lib/hosttrail-agent"
