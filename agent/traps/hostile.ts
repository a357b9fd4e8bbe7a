/** Floods of several programs at once, whose events repeat each other nearly, and come in every wrong way. */
import { RECORD } from "@hosttrail/lib/audit";
import type { Random } from "../fuzz/random.ts";
import { frameOf } from "./ring.ts";

const AVC = 1400;
const ACTOR =
  'auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=3 comm="it" exe="/usr/bin/it" key="k"';

interface Call {
  /** Number on x86_64, or on i386 where `arch` says so. */
  number: number;
  records: readonly (readonly [number, string])[];
}
const path = (name: string, nametype: string, item = 0): readonly [number, string] => [
  RECORD.PATH,
  `item=${item} name="${name}" inode=5 dev=08:01 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=${nametype}`,
];
const cwd: readonly [number, string] = [RECORD.CWD, 'cwd="/home/x"'];
const title: readonly [number, string] = [RECORD.PROCTITLE, "proctitle=6974002D2D70617373776F72643D7365637265743132"];
/** Calls whose numbers mean something; then calls about, of and to processes, and those that an argument tells. */
const CALLS: readonly Call[] = [
  { number: 257, records: [cwd, path("etc/passwd", "NORMAL"), title] },
  { number: 2, records: [cwd, path("/tmp/x", "PARENT"), path("/tmp/x", "CREATE", 1), title] },
  { number: 316, records: [cwd, path("a", "DELETE"), path("b", "CREATE", 1)] },
  { number: 42, records: [[RECORD.SOCKADDR, "saddr=020000097F0000010000000000000000"], title] },
  { number: 62, records: [[RECORD.OBJ_PID, 'opid=78 oauid=-1 ouid=0 oses=-1 ocomm="it"'], title] },
  {
    number: 59,
    records: [[RECORD.EXECVE, 'argc=3 a0="it" a1="--password" a2="secret12"'], cwd, path("/usr/bin/it", "NORMAL")],
  },
  { number: 56, records: [title] },
  { number: 57, records: [] },
  { number: 231, records: [] },
  { number: 102, records: [title] },
  { number: 117, records: [] },
];

/** What the events of a burst have in common. */
interface Burst {
  call: Call;
  pid: number;
  actor: string;
  left: number;
}

function burstOf(random: Random): Burst {
  return {
    call: random.pick(CALLS),
    pid: random.pick([77, 78]),
    actor: random.pick([ACTOR, ACTOR, ACTOR.replace('comm="it"', 'comm="other"'), ACTOR.replaceAll("=0 ", "=33 ")]),
    left: 1 + random.next(40),
  };
}

/** The records of one event, without its EOE. */
function recordsOf(random: Random, stamp: string, { call: { number, records }, pid, actor }: Burst): Buffer[] {
  const often = <T>(usual: T, ...others: T[]): T => (random.next(8) === 0 ? random.pick(others) : usual);
  const success = often("yes", "no");
  const exit = success === "yes" ? often("3", "0", "77", "4") : often("-2", "-13", "-115");
  const values = [
    often("5", "ffffff9c", "2", "ffffffffffffff9c", "1200011"),
    often("7ffc0a0b0c0d", "0", "241", "2"),
    often("80000", "1", "241", "ffffff9c", "6"),
    often("0", "1b6", "ffffffffffffffff"),
  ].map((value, at) => `a${at}=${value}`);
  const arch = number === 102 || number === 117 ? "40000003" : "c000003e";
  const head = `arch=${arch} syscall=${number} success=${success} exit=${exit} ${values.join(" ")} items=${records.length} ppid=10 pid=${pid}`;
  const all = [[RECORD.SYSCALL, `${head} ${actor}`] as const, ...records];
  if (random.next(50) === 0) all.splice(random.next(2), 0, [AVC, 'avc:  denied  { read } for pid=77 comm="it"']);
  return all.map(([type, text]) => frameOf(type, stamp + text));
}

/**
 * A stream in which events come again, interleave, come late, twice, without their end, or with a record before their call. Serials are those from
 * `first` on.
 */
export function hostileStream(random: Random, first: number, events: number): Buffer[] {
  const frames: Buffer[] = [];
  const waiting: Buffer[][] = [];
  // Several programs at once, each with its own flood.
  const bursts = [burstOf(random), burstOf(random), burstOf(random)];
  for (let serial = first; serial < first + events; serial++) {
    const stamp = `audit(1700000000.${String(serial % 1000).padStart(3, "0")}:${serial}): `;
    const at = random.next(bursts.length);
    let burst = bursts[at];
    if (burst.left-- === 0) bursts[at] = burst = burstOf(random);
    const records = recordsOf(random, stamp, burst);
    const eoe = frameOf(RECORD.EOE, stamp);
    const whole = random.next(200) === 0 ? records : [...records, eoe];
    switch (random.next(60)) {
      case 0: {
        const cut = random.next(whole.length);
        frames.push(...whole.slice(0, cut));
        waiting.push(whole.slice(cut));
        break;
      }
      case 1:
        frames.push(...whole, ...whole);
        break;
      case 2:
        frames.push(...whole, ...records.slice(-1));
        break;
      default:
        frames.push(...whole);
    }
    if (random.next(10) === 0) frames.push(...(waiting.shift() ?? []));
  }
  return [...frames, ...waiting.flat()];
}
