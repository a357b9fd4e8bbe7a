#!/bin/bash
# Real work of many kinds, for the comparison with ausearch: a package's installation, compiler runs, version control, shell
# pipelines, a network client of each kind, accounts, file changes of each kind, and namespaces as containers use them.
# Everything is undone. Usage: workload.sh ROUNDS
set -u
rounds=$1
dir=$(mktemp -d /tmp/hosttrail-work.XXXXXX)
trap 'cd /; rm -rf "$dir" /tmp/hosttrail-nope; userdel hosttraildiff 2>/dev/null; groupdel hosttraildiff 2>/dev/null' EXIT
cd "$dir" || exit 1

package() {
  mkdir -p "pkg$1/DEBIAN" "pkg$1/opt/hosttrail-diff/$1"
  printf 'Package: hosttrail-diff\nVersion: 1.%s\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n' "$1" >"pkg$1/DEBIAN/control"
  for n in $(seq 1 20); do echo "$n" >"pkg$1/opt/hosttrail-diff/$1/file $n"; done
  dpkg-deb --build -Znone "pkg$1" p.deb >/dev/null
  mkdir -p root/var/lib/dpkg/{updates,info}
  : >>root/var/lib/dpkg/status
  dpkg --root="$dir/root" --force-all --log=/dev/null -i p.deb >/dev/null 2>&1
  dpkg --root="$dir/root" --force-all --log=/dev/null -P hosttrail-diff >/dev/null 2>&1
}

compile() {
  for n in 1 2 3 4; do printf '#include <stdio.h>\nint f%d(int x){return x+%d;}\n' "$n" "$n" >"part$n.c"; done
  printf 'int f1(int);int main(void){return f1(-1);}\n' >main.c
  gcc -O1 -o app ./*.c && ./app
  git init -q . 2>/dev/null && git add ./*.c && git -c user.name=dev -c user.email=dev@example.org commit -qm "round $1"
}

files() {
  mkdir -p "a b" deep/er/still; echo x >"a b/ünï"; ln -sf "a b/ünï" link; ln -f "a b/ünï" hard; mv link link2
  chmod 4755 hard; chown 1:1 hard; touch -t 202001010000 hard; truncate -s 10 hard; mkfifo -m 600 pipe; mknod node c 1 3
  cp hard copy; rm -f pipe node copy; setfattr -n user.x -v y hard 2>/dev/null; cat /nope /root/.nope 2>/dev/null
  printf '%s\n' "$(seq 1 2000)" >/dev/null; /bin/echo "$(seq 1 4000 | tr '\n' ' ')" "" "a'b" 'C:\' "3005" >/dev/null
  (cd deep/er && touch ../x ./y && rm ../x y); find . -name '*.c' -exec stat -c %s {} + >/dev/null
  tar czf x.tgz ./*.c && tar xzf x.tgz -C deep; sync -d x.tgz; dd if=/dev/zero of=z bs=1k count=4 2>/dev/null
}

network() {
  python3 - <<'PY'
import os, socket
def attempt(*args):
    try: return args[0](*args[1:])
    except OSError: pass
for family, address in ((socket.AF_INET, ("127.0.0.1", 9)), (socket.AF_INET6, ("::1", 9)), (socket.AF_INET6, ("::ffff:127.0.0.1", 9)),
                        (socket.AF_UNIX, "/tmp/hosttrail-nope"), (socket.AF_UNIX, b"\0hosttrail\0x"), (socket.AF_UNIX, "x")):
    s = socket.socket(family, socket.SOCK_STREAM); s.setblocking(False); attempt(s.connect, address); attempt(s.bind, address); s.close()
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0); s.bind((0, 0)); s.close()
a = socket.socket(); a.bind(("127.0.0.1", 0)); a.listen(); b = socket.create_connection(a.getsockname()); c, _ = a.accept()
b.send(b"x"); b.close(); c.close(); a.close()
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.sendto(b"x", ("127.0.0.1", 9)); u.close()
p = attempt(socket.socket, socket.AF_PACKET, socket.SOCK_RAW)
if p: attempt(p.bind, ("lo", 0)); p.close()
PY
}

namespaces() {
  unshare --mount --pid --fork --uts --ipc sh -c 'hostname inside; mount -t tmpfs none /mnt; mkdir /mnt/x; umount /mnt; kill -0 $$'
  unshare --user --map-root-user sh -c 'id -u; cat /etc/shadow' >/dev/null 2>&1
  chroot / /bin/true
}

accounts() {
  useradd -M -s /usr/sbin/nologin hosttraildiff; usermod -c "x y" hosttraildiff; groupadd hosttraildiff 2>/dev/null
  su -s /bin/sh nobody -c 'id; cat /etc/shadow; kill 1; ls /root' 2>/dev/null
  setpriv --reuid 65534 --regid 65534 --clear-groups true; userdel hosttraildiff; groupdel hosttraildiff 2>/dev/null
}

for round in $(seq 1 "$rounds"); do
  compile "$round"; files; network; namespaces
  if [ $((round % 4)) = 1 ]; then package "$round"; accounts; fi
  sleep 0.01 & kill -TERM $!; wait 2>/dev/null
  for n in $(seq 1 30); do id -u; uname -r; expr "$n" \* 7; basename "/srv/data $n.csv"; done | sort | uniq -c >/dev/null
done
