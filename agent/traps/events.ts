/** Log lines to events, as the pipeline makes them. */
import { condenseRecords, recordText } from "@hosttrail/lib/audit";
import type { Event } from "@hosttrail/proto/event";
import { decode } from "../src/decode/index.ts";
import type { RecordGroup } from "../src/model/index.ts";
import { Reassembler } from "../src/reassemble/index.ts";
import { parseLogLine } from "../src/source/index.ts";

const OPTIONS = { timeoutMs: 2000, bytesMax: 1 << 24, endOfEventExpected: true };

/** The groups that records make, in the order in which they end. */
export function groupsOf(lines: readonly string[], change: Partial<typeof OPTIONS> = {}): RecordGroup[] {
  const groups: RecordGroup[] = [];
  const reassembler = new Reassembler({ ...OPTIONS, ...change }, (group) => groups.push(group));
  for (const [at, line] of lines.entries()) {
    const record = parseLogLine(line);
    if (record === undefined) throw new Error(`no record: ${line}`);
    reassembler.push(record, at);
  }
  reassembler.flush("");
  return groups;
}

function eventsOf(...lines: string[]): Event[] {
  return groupsOf(lines).map((group) => {
    const { event, words } = decode(group);
    if (event.audit !== undefined) event.audit.records = condenseRecords(event, words);
    for (const [index, { text, enriched }] of group.records.entries()) {
      // Whatever a record looks like, it is given back as it was.
      const whole = enriched === "" ? text : `${text}\u001d${enriched}`;
      const back = recordText(event, index);
      if (back !== whole) throw new Error(`given back as ${back}, not ${whole}`);
    }
    return event;
  });
}

/** The one event of these records: `TYPE text`, each with the same stamp. */
export function eventOf(...records: string[]): Event {
  const [event, ...others] = eventsOf(...records.map(lineOf));
  if (event === undefined || others.length > 0) throw new Error(`${others.length + 1} events`);
  return event;
}

/** A log line of `TYPE text`. */
function lineOf(record: string): string {
  const space = record.indexOf(" ");
  return `type=${record.slice(0, space)} msg=audit(1700000000.123:42): ${record.slice(space + 1)}`;
}

/** A SYSCALL record with what a test changes of it. */
export function syscall(changes: Readonly<Record<string, string | number>> = {}): string {
  const fields = {
    arch: "c000003e",
    syscall: 59,
    success: "yes",
    exit: 0,
    a0: "1",
    a1: "2",
    a2: "3",
    a3: "4",
    items: 2,
    ppid: 10,
    pid: 11,
    auid: 1000,
    uid: 0,
    gid: 0,
    euid: 0,
    suid: 0,
    fsuid: 0,
    egid: 0,
    sgid: 0,
    fsgid: 0,
    tty: "pts0",
    ses: 3,
    comm: '"ls"',
    exe: '"/usr/bin/ls"',
    key: "(null)",
    ...changes,
  };
  return `SYSCALL ${Object.entries(fields)
    .map(([key, value]) => `${key}=${value}`)
    .join(" ")}`;
}
