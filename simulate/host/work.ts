/** What happens on a simulated machine: events, as the kernel tells them, whole or cut, alone or between each other's records. */
import type { Random } from "../schedule/index.ts";
import type { GivenRecord } from "./ring.ts";

/** Record types; include/uapi/linux/audit.h. */
const TYPE = { userLogin: 1112, syscall: 1300, path: 1302, cwd: 1307, eoe: 1320, proctitle: 1327 } as const;
/** The key of rules whose events go first where there is no room. */
export const LOW_KEY = "low";

export function eventRecords(random: Random, timeMs: number, serial: number, isLow: boolean): GivenRecord[] {
  const stamp = { timeMs, serial };
  const pid = random.whole(2, 30_000);
  if (!isLow && random.chance(0.5)) {
    const text = `pid=${pid} uid=0 auid=1000 ses=3 msg='op=login id=1000 exe="/usr/sbin/sshd" hostname=? addr=192.0.2.7 terminal=ssh res=success'`;
    return [{ ...stamp, type: TYPE.userLogin, text }];
  }
  const key = isLow ? `"${LOW_KEY}"` : "(null)";
  const call = `arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=7ffe a2=0 a3=0 items=1 ppid=1 pid=${pid} auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=3 comm="cat" exe="/usr/bin/cat" key=${key}`;
  const name = `/srv/${random.whole(0, 50)}/${"x".repeat(random.whole(1, 60))}`;
  const records = [
    { ...stamp, type: TYPE.syscall, text: call },
    { ...stamp, type: TYPE.cwd, text: 'cwd="/srv"' },
    {
      ...stamp,
      type: TYPE.path,
      text: `item=0 name="${name}" inode=${pid} dev=08:01 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0`,
    },
    { ...stamp, type: TYPE.proctitle, text: "proctitle=636174002F737276" },
    { ...stamp, type: TYPE.eoe, text: "" },
  ];
  // Where the end does not come the event goes on after its time.
  return random.chance(0.05) ? records.slice(0, -1) : records;
}
