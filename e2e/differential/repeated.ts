/** The agent against itself: what it makes of events that repeat others, and what it makes of the same events' records. */
import { inspect } from "node:util";
import { makeEvents } from "@hosttrail/agent/traps/bothways";
import { frameOf } from "@hosttrail/agent/traps/ring";
import { parseLogLine } from "@hosttrail/agent/source";
import { textOf } from "@hosttrail/agent/model";
import { Event } from "@hosttrail/proto/event";

const SHOWN_MAX = 5;

export interface Repeated {
  events: number;
  repeated: number;
  /** The first ones that are not the same both ways. */
  differing: string[];
}

/** Gives the log's records to the agent's reader both ways, and compares every event. */
export async function compareRepeated(lines: readonly string[]): Promise<Repeated> {
  const serials = new Set<number>();
  const frames = lines.map((line) => {
    const record = parseLogLine(line);
    if (record === undefined) throw new Error(`no record: ${line}`);
    serials.add(record.serial);
    const stamp = `audit(${record.seconds}.${String(record.milliseconds).padStart(3, "0")}:${record.serial}): `;
    return frameOf(record.type, stamp + textOf(record));
  });
  const isOurs = (serial: number): boolean => serials.has(serial);
  const alone = await makeEvents(frames, false, isOurs);
  const both = await makeEvents(frames, true, isOurs);
  const differing = alone.events.flatMap((event, at) => {
    const other = both.events[at];
    return other !== undefined && event.equals(other) ? [] : [`${show(event)}\nbut repeated ${show(other)}`];
  });
  return { events: both.events.length, repeated: both.repeated, differing: differing.slice(0, SHOWN_MAX) };
}

function show(bytes: Buffer | undefined): string {
  return bytes === undefined ? "not at all" : inspect(Event.decode(bytes), { depth: 6 });
}
