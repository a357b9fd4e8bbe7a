#!/bin/sh
# What the trail admin.zst shows: people and configuration management on a host. Accounts made, changed and removed again, switched users
# with what PAM tells, files under /etc looked at and changed, package queries, the short Python and shell programs of a rollout.
set -u
dir=$(mktemp -d /tmp/ops.XXXXXX)
cd "$dir" || exit 1
for round in $(seq 16); do
  user="hosttrailcap$round"
  groupadd "$user"; useradd -m -d "$dir/$user" -g "$user" -s /bin/bash "$user"
  usermod -c "Operator $round" "$user"; chage -M 90 "$user"; passwd -S "$user"; id "$user"; getent passwd "$user"
  su -s /bin/sh "$user" -c 'whoami; pwd; ls -la; umask; env | sort | head -n 5; cat /etc/os-release'
  su -s /bin/sh "$user" -c 'cat /etc/shadow; touch /etc/hosttrail-denied; ls /root' || true
  su -s /bin/sh nobody -c 'id -un'
  mkdir -p /etc/hosttrail-capture; printf 'PermitRootLogin no\nround %s\n' "$round" > /etc/hosttrail-capture/sshd.conf
  chmod 644 /etc/hosttrail-capture/sshd.conf; chown "$user:" /etc/hosttrail-capture/sshd.conf
  sed -i 's/no/prohibit-password/' /etc/hosttrail-capture/sshd.conf; grep -q prohibit /etc/hosttrail-capture/sshd.conf
  rm -r /etc/hosttrail-capture
  for module in ping setup stat copy file template systemd; do
    task="$dir/.ansible/tmp/ansible-tmp-17000000$round-$module"
    mkdir -p "$task" && echo 'import json; print(json.dumps({"changed": False}))' > "$task/AnsiballZ_$module.py"
    chmod u+rwx "$task/" "$task/AnsiballZ_$module.py"; /bin/sh -c "python3 $task/AnsiballZ_$module.py && sleep 0"; rm -rf "$task"
  done
  dpkg-query -W -f '${Version}\n' openssl; dpkg -s bash | grep -i '^status'; apt-cache policy coreutils | head -n 3
  ip -o addr show | awk '{print $2, $4}'; ss -ltn | wc -l; mount | grep -c ext4; lsmod | head -n 3; sysctl -n kernel.hostname vm.swappiness
  ps -eo pid,ppid,user,comm --sort=pid | tail -n 5; tar cf "backup-$round.tar" /etc/hosts /etc/passwd; ls -l "backup-$round.tar"
  userdel -r "$user" || userdel "$user"; groupdel "$user" || true
done
cd / && rm -rf "$dir"
