#!/bin/bash
# Runs inside of the virtual machine, once for each boot; prints RESULT lines for the test outside.
exec >/dev/ttyS0 2>&1
cd /opt/scenario || exit 1
stage=$(cat /var/lib/scenario/stage 2>/dev/null || echo 1)
result() { # NAME CONDITION-STATUS DETAIL
  if [ "$2" = 0 ]; then echo "RESULT ok $1: $3"; else echo "RESULT fail $1: $3"; fi
}
agent() { /usr/bin/hosttrail-agent "$@"; }
# Asked of marks.service, which stays: under emulation a start of Node takes seconds.
marks() { (exec 3<>/dev/tcp/127.0.0.1/7444 && echo "$1" >&3 && cat <&3) 2>/dev/null; }
value() { marks "status $1"; }
field() { grep -o "\"$1\":[0-9]*" | cut -d: -f2; }
run_marked() { # MARKER COUNT
  for n in $(seq 1 "$2"); do /opt/scenario/marked "$1-$n"; done
}
wait_for() { # MARKER COUNT
  for _ in $(seq 1 60); do
    [ "$(marks "$1" | field found)" = "$2" ] && return 0
    sleep 1
  done
  return 1
}
ready() { for _ in $(seq 1 480); do [ -n "$(value pid)" ] && return 0; sleep 0.5; done; return 1; }

if [ "$stage" = 1 ]; then
  ready; result "the unit starts the agent" $? "$(systemctl is-active hosttrail-agent)"
  shown=$(agent status | awk '$1 == "source.name" { print $2 }')
  result "unicast without another daemon" "$([ "$shown" = netlink-unicast ]; echo $?)" "$shown"
  run_marked unicast 50; wait_for unicast 50; result "events by unicast" $? "$(marks unicast)"
  exposure=$(systemd-analyze security --no-pager hosttrail-agent.service | tail -n 1)
  result "the unit is hardened" "$(grep -qE 'OK|exposure level.*: [0-4]\.' <<<"$exposure"; echo $?)" "$exposure"
  result "systemd keeps the socket" "$([ "$(systemctl show -P NFileDescriptorStore hosttrail-agent)" = 1 ]; echo $?)" "$(systemctl show -P NFileDescriptorStore hosttrail-agent) descriptors, watchdog $(systemctl show -P WatchdogUSec hosttrail-agent)"

  ( sleep 1; systemctl kill -s KILL hosttrail-agent; sleep 6; systemctl kill -s KILL hosttrail-agent ) &
  for n in $(seq 1 300); do /opt/scenario/marked "killed-$n"; sleep 0.03; done
  wait; ready; wait_for killed 300; result "nothing is lost or doubled when the agent is killed" "$(marks killed | grep -q '"found":300,"twice":0'; echo $?)" "$(marks killed)"

  fallocate -l "$(df --output=avail -B1 /var/lib | tail -n 1)" /var/ballast 2>/dev/null || dd if=/dev/zero of=/var/ballast bs=1M 2>/dev/null
  run_marked full 30; sleep 3; refused=$(value spool.refuses)
  rm -f /var/ballast; sync; wait_for full 30; result "a full disk stops no event" $? "refused: $refused, $(marks full), in parts: $(value ledger.partial)"

  # As after an error of the disk: every file system with one becomes read-only, whoever has files open. ext4 may take writes into memory
  # all the same; whether they are refused is the kernel's choice.
  echo u >/proc/sysrq-trigger; for _ in $(seq 1 20); do grep -q '^/dev/[^ ]* / [^ ]* ro' /proc/mounts && break; sleep 0.5; done
  run_marked readonly 30; sleep 3; refused=$(value spool.refuses); mounted=$(awk '$2 == "/" { print $4 }' /proc/mounts)
  mount -o remount,rw /; wait_for readonly 30; result "a read-only file system stops no event" "$(marks readonly | grep -q '"found":30,"twice":0' && [[ $mounted = ro,* ]]; echo $?)" "refused: $refused, was $mounted, $(marks readonly)"

  systemctl show -P MemoryMax hosttrail-agent >/tmp/max
  before=$(systemctl show -P NRestarts hosttrail-agent)
  /opt/scenario/load open 0 15 >/tmp/load
  sleep 3; peak=$(cat /sys/fs/cgroup/system.slice/hosttrail-agent.service/memory.peak 2>/dev/null || cat /sys/fs/cgroup/system.slice/hosttrail-agent.service/memory.current)
  result "stays within its memory limit under a flood" "$([ "$peak" -le "$(cat /tmp/max)" ] && [ "$before" = "$(systemctl show -P NRestarts hosttrail-agent)" ]; echo $?)" "$peak of $(cat /tmp/max) bytes, load $(cat /tmp/load)"

  systemctl stop hosttrail-agent; agent release; systemctl start auditd; sleep 2; systemctl start hosttrail-agent; ready
  result "multicast beside auditd" "$([ "$(value source.name)" = netlink-multicast ]; echo $?)" "$(value source.name), audit daemon $(auditctl -s | awk '/^pid/ {print $2}') is $(cat "/proc/$(auditctl -s | awk '/^pid/ {print $2}')/comm")"
  run_marked beside 50; wait_for beside 50; result "events by multicast" $? "$(marks beside), in parts: $(value ledger.partial)"
  result "auditd has them too" "$([ "$(grep -c 'a1="beside-' /var/log/audit/audit.log)" -ge 50 ]; echo $?)" "$(grep -c 'a1="beside-' /var/log/audit/audit.log) lines"
  agent doctor | sed 's/^/  doctor: /'

  systemctl stop hosttrail-agent; agent release; auditctl -R rules.d/10.rules >/dev/null
  cp /etc/hosttrail-agent/agent.yaml agent.yaml; useradd --system --user-group --no-create-home hosttrail-agent
  cp agent-multicast.yaml /etc/hosttrail-agent/agent.yaml
  install -D -m 0644 hosttrail-agent-unprivileged.conf /etc/systemd/system/hosttrail-agent.service.d/unprivileged.conf
  systemctl daemon-reload; systemctl start hosttrail-agent; ready
  user=$(stat -c %U "/proc/$(systemctl show -P MainPID hosttrail-agent)")
  result "runs without root beside auditd" "$([ "$(value source.name)" = netlink-multicast ] && [ "$user" = hosttrail-agent ]; echo $?)" "$(value source.name) as $user, $(grep CapEff "/proc/$(systemctl show -P MainPID hosttrail-agent)/status")"
  run_marked rootless 50; wait_for rootless 50; result "events without root" $? "$(marks rootless)"

  systemctl stop hosttrail-agent; rm -r /etc/systemd/system/hosttrail-agent.service.d; systemctl daemon-reload
  install -D -m 0644 auditd.service.conf /etc/systemd/system/auditd.service.d/hosttrail.conf; systemctl daemon-reload
  daemon=$(auditctl -s | awk '/^pid/ {print $2}'); kill "$daemon"; while [ -d "/proc/$daemon" ]; do sleep 0.5; done
  systemctl start auditd; sleep 2; daemon=$(auditctl -s | awk '/^pid/ {print $2}'); auditctl -R rules.d/10.rules >/dev/null
  cp agent-plugin.yaml /etc/hosttrail-agent/agent.yaml
  install -m 0640 hosttrail.conf /etc/audit/plugins.d/hosttrail.conf; kill -HUP "$daemon"; ready
  result "auditd runs the agent as its plugin" "$([ "$(value source.name)" = auditd-plugin ] && [ "$(ps -o ppid= -p "$(value pid)" | tr -d ' ')" = "$daemon" ]; echo $?)" "$(value source.name) below $(cat "/proc/$daemon/comm")"
  run_marked plugin 50; wait_for plugin 50; result "events by auditd's plugin" $? "$(marks plugin)"
  rm /etc/audit/plugins.d/hosttrail.conf; kill -HUP "$daemon"
  for _ in $(seq 1 60); do [ -n "$(value pid)" ] || break; sleep 1; done
  result "the plugin ends with auditd's feed" "$(! agent status >/dev/null 2>&1; echo $?)" "$(agent status 2>&1 | head -n 1)"
  cp agent.yaml /etc/hosttrail-agent/agent.yaml
  systemctl disable auditd >/dev/null 2>&1
  echo 2 >/var/lib/scenario/stage; sync; echo "STAGE 1 done"; systemctl reboot
else
  ready; result "the agent is back after a reboot" $? "$(value source.name)"
  run_marked reboot 50; wait_for reboot 50; result "events after a reboot" $? "$(marks reboot)"
  result "the chain goes on over the reboot" "$(marks reboot | grep -q '"broken":0,"boots":2,"epochs":2'; echo $?)" "$(marks reboot)"
  auditctl -e 2 >/dev/null
  echo '-w /etc/hostname -p wa -k added-when-locked' >/opt/scenario/rules.d/99.rules
  plan=$(agent rules plan); result "trap 27: locked audit says reboot required" "$(grep -q 'reboot required' <<<"$plan"; echo $?)" "$(grep '^!' <<<"$plan" | head -n 1)"
  systemctl reload hosttrail-agent; sleep 2
  result "trap 27: never ok when it is not" "$(agent status | grep -q 'rules.failure.*locked'; echo $?)" "$(agent status | grep rules.failure)"
  run_marked locked 20; wait_for locked 20; result "events go on when locked" $? "$(marks locked)"
  systemctl stop hosttrail-agent; systemctl start hosttrail-agent; ready
  run_marked relocked 20; wait_for relocked 20; result "trap 27: a new agent hears by multicast when locked" $? "$(value source.name) $(marks relocked)"
  echo "STAGE 2 done"; systemctl poweroff
fi
