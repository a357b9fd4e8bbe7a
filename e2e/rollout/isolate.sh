#!/usr/bin/env bash
# Runs a command with a network, mounts and processes of its own: whatever it starts and mounts is gone when it ends, however it ends.
# Control groups are the one thing that stays, and are removed here. Usage: isolate.sh COMMAND...
set -uo pipefail
group=hosttrail-rollout-$$
export HOSTTRAIL_ISOLATED=$group
scratch=$(mktemp -d)
made=$([ -d /run/netns ] || echo 1)
mkdir -p /run/netns
# Several may run at once, each with its own there. Whoever removes the folder takes away what others have mounted upon it, in their own view
# as well: so it goes only when nobody else holds the lock. It is a file of its own, since ip locks the folder itself for each network that it makes.
lock=/run/hosttrail-rollout.lock
exec 9>"$lock"
flock --shared 9
# Told to end, it waits for its own end, and cleans up.
trap : INT TERM
# Temporary files are in memory, and names of networks in a folder that nobody else sees.
unshare --net --mount --pid --fork --kill-child --mount-proc --propagation private -- \
  sh -c 'exec 9<&- && mount -t tmpfs -o size=8g,mode=700 tmpfs "$1" && mount -t tmpfs tmpfs /run/netns && ip link set lo up &&
    export TMPDIR="$1" && shift && exec "$@"' sh "$scratch" "$@"
status=$?
rmdir "$scratch"
if flock --exclusive --nonblock 9; then
  rm -f "$lock"
  [ -z "$made" ] || rmdir /run/netns
fi
for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    [ -d "$hierarchy/$group" ] || break
    find "$hierarchy/$group" -depth -type d -exec rmdir {} \; 2>/dev/null
    sleep 0.2
  done
done
exit "$status"
