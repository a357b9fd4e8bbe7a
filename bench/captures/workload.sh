#!/bin/sh
# What the capture workload.log.gz shows: a day's mix in a minute. Building and packing a small program, shell work
# with pipes, looking around, accounts and files under /etc (all undone again), connections that fail and succeed.
set -u
dir=$(mktemp -d /tmp/app.XXXXXX)
cd "$dir" || exit 1
i=0
while [ $i -lt 12 ]; do
  printf 'int f%d(int x){return x+%d;}\n' $i $i > "part$i.c"
  i=$((i + 1))
done
printf 'int f0(int);int main(void){return f0(-0);}\n' > main.c
for round in 1 2 3 4 5 6; do
  for file in *.c; do gcc -O2 -Wall -c "$file" -o "${file%.c}.o"; done
  gcc -o app ./*.o && ./app
  git init -q . && git add -A && git -c user.name=dev -c user.email=dev@example.org commit -qm "round $round"
  git log --oneline | head -n 3; git status --short | wc -l; git diff HEAD --stat | tail -n 1
  tar czf "app-$round.tar.gz" ./*.c app; sha256sum app-*.tar.gz | sort | cut -c1-12
  find . -name '*.o' -exec stat -c '%n %s' {} \; | awk '{s+=$2} END {print s}'
  for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    id -u; uname -r; date +%s; grep -c root /etc/passwd; basename "/srv/data/$n.csv"; expr $n \* 7
    env printf '%s\n' "item-$n" | sed 's/item/thing/' | tr a-z A-Z
  done
  ps aux | grep -v grep | awk '{print $1}' | sort | uniq -c
  python3 -c 'import socket
for port in range(9000, 9030):
    s = socket.socket(); s.settimeout(1)
    try: s.connect(("127.0.0.1", port))
    except OSError: pass
    s.close()'
  mkdir -p /etc/hosttrail-capture && echo "round=$round" > /etc/hosttrail-capture/app.conf
  chmod 600 /etc/hosttrail-capture/app.conf; mv /etc/hosttrail-capture/app.conf /etc/hosttrail-capture/app.old
  rm -r /etc/hosttrail-capture
done
useradd -M -s /usr/sbin/nologin hosttrailcap && userdel hosttrailcap
su -s /bin/sh nobody -c 'id; whoami'
cd / && rm -rf "$dir"
