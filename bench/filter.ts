/**
 * `./dev bench filter`: how many rows a second one core holds filters against, in segments of 16,384 events. The events are the recorded
 * trails (bench/trails), repeated with other processes each time, since a host's day has other processes every hour.
 *
 * Each round opens the columns anew, as a scan does: what a filter needs of them is read in that time. Beside it the same questions put to
 * whole events that are made of the columns first, one after the other; both must find the same.
 */
import { ColumnBlock, EventEncoder, SEGMENT_EVENTS_MAX } from "@hosttrail/lib/block";
import { compileFilter } from "@hosttrail/lib/predicate";
import type { Event, Process } from "@hosttrail/proto/event";
import { readTrail, ROLES } from "./trails/trail.ts";

const ROUNDS = 40;
const WARM_UP_ROUNDS = 20;
const PLACE = { hostId: "0".repeat(32), epoch: 1n, firstSeq: 0n };

const has = (text: string | undefined, part: string): boolean => text?.includes(part) === true;

/** Filters, and the same asked of an event. */
const QUESTIONS: readonly (readonly [filter: string, asks: (event: Event) => boolean])[] = [
  ["event.action = executed", ({ event }) => event?.action === "executed"],
  ["process.name = ls", ({ process }) => process?.name === "ls"],
  ["process.pid = 77", ({ process }) => process?.pid === 77],
  ['process.command_line : "rm -rf"', ({ process }) => has(process?.args.join(" "), "rm -rf")],
  ["file.path : shadow", ({ files }) => files.some(({ path }) => path.includes("shadow"))],
  ["file.path = /etc/*", ({ files }) => files.some(({ path }) => path.startsWith("/etc/"))],
  [
    "process.ancestry.executable = /usr/bin/sudo",
    ({ process }) => process?.ancestry.some(({ executable }) => executable === "/usr/bin/sudo") === true,
  ],
  ["audit.key = exec", ({ audit }) => audit?.keys.includes("exec") === true],
  ['event.time > "2026-01-01T00:00:00Z"', ({ event }) => (event?.timeUnixNano ?? 0n) > 1_767_225_600_000_000_000n],
  [
    String.raw`matches(process.command_line, "curl.*\.sh")`,
    ({ process }) => /curl.*\.sh/.test(process?.args.join(" ") ?? ""),
  ],
  [
    "event.action = executed AND user.name = root AND NOT process.parent.name = bash",
    ({ event, user, process }) =>
      event?.action === "executed" && user?.name === "root" && process?.parent?.name !== "bash",
  ],
  [
    "user.audit.id != 0 AND (file.path : /etc OR destination.port = 443)",
    ({ user, files, destination }) =>
      user !== undefined &&
      user.auditId !== 0 &&
      (files.some(({ path }) => path.includes("/etc")) || (destination?.port === 443 && destination.ip !== "")),
  ],
  [
    "audit.SYSCALL.a1 = 241",
    ({ audit }) => audit?.syscall?.arguments[1] === 0x241n && audit.records.some(({ type }) => type === 1300),
  ],
];
/** A word has no simple question: its fields are many. */
const WORDS = ["zebra", "passwd", '"rm -rf"'] as const;

/** The process once more, as another one. */
function copier(): (process: Process | undefined, turn: number) => Process | undefined {
  const copies = new Map<Process, Map<number, Process>>();
  const copy = (process: Process | undefined, turn: number): Process | undefined => {
    if (process === undefined || turn === 0) return process;
    let own = copies.get(process);
    if (own === undefined) copies.set(process, (own = new Map()));
    let made = own.get(turn);
    if (made === undefined) {
      const entityId = `${process.entityId}${turn}`;
      made = { ...process, pid: process.pid + turn * 100_000, entityId, parent: copy(process.parent, turn) };
      own.set(turn, made);
    }
    return made;
  };
  return copy;
}

function segmentOf(role: string): Uint8Array {
  const trail = readTrail(role);
  const encoder = new EventEncoder(SEGMENT_EVENTS_MAX);
  const copy = copier();
  for (let at = 0; at < SEGMENT_EVENTS_MAX; at++) {
    const event = trail[at % trail.length];
    if (event !== undefined) encoder.add({ ...event, process: copy(event.process, Math.floor(at / trail.length)) });
  }
  return encoder.finish().columns;
}

const openColumns = (columns: Uint8Array): ColumnBlock => new ColumnBlock(columns, PLACE, SEGMENT_EVENTS_MAX);

/** Rows a second of CPU time, in millions. */
function rate(rounds: number, run: () => void): number {
  const before = process.cpuUsage();
  for (let round = 0; round < rounds; round++) run();
  const { user, system } = process.cpuUsage(before);
  return (rounds * SEGMENT_EVENTS_MAX) / (user + system);
}

const segments = ROLES.map((role) => ({ role, columns: segmentOf(role) }));
for (const { role, columns } of segments) {
  const { strings, processes, files, records } = openColumns(columns);
  process.stdout.write(
    `${role}: ${SEGMENT_EVENTS_MAX} events, ${columns.length} bytes, ${strings.count} strings, ${processes.count} processes, ` +
      `${files.count} files, ${records.count} records\n`,
  );
}
process.stdout.write(`\nmillions of rows a second of one core, columns opened anew each time\n`);
const heads = segments.flatMap(({ role }) => [role, "events made"]);
process.stdout.write(`${"filter".padEnd(82)}${heads.map((head) => head.padStart(12)).join("")}\n`);
const opened = segments.flatMap(({ columns }) => {
  rate(WARM_UP_ROUNDS, () => openColumns(columns));
  return [rate(ROUNDS, () => openColumns(columns)).toFixed(1), ""];
});
process.stdout.write(`${"(opening alone)".padEnd(82)}${opened.map((each) => each.padStart(12)).join("")}\n`);
const unequal: string[] = [];
for (const [text, asks] of [...QUESTIONS, ...WORDS.map((word) => [word, undefined] as const)]) {
  const filter = compileFilter(text);
  const cells = segments.flatMap(({ role, columns }) => {
    const match = (): number[] => filter.match(openColumns(columns));
    rate(WARM_UP_ROUNDS, match);
    const own = rate(ROUNDS, match).toFixed(1);
    if (asks === undefined) return [own, "-"];
    const found = (): number[] =>
      openColumns(columns)
        .events()
        .flatMap((event, index) => (asks(event) ? [index] : []));
    if (found().join() !== match().join()) unequal.push(`${role}: ${text}`);
    return [own, rate(5, found).toFixed(2)];
  });
  process.stdout.write(`${text.padEnd(82)}${cells.map((each) => each.padStart(12)).join("")}\n`);
}
if (unequal.length > 0) throw new Error(`not the same events: ${unequal.join("; ")}`);
