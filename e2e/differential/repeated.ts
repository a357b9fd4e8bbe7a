/** The agent against itself: what it makes of events that repeat others, and what it makes of the same events' records. */
import { textOf } from "@hosttrail/agent/model";
import { parseLogLine } from "@hosttrail/agent/source";
import { differing, makeEvents } from "@hosttrail/agent/traps/bothways";
import { frameOf } from "@hosttrail/agent/traps/ring";

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
  return { events: both.events.length, repeated: both.repeated, differing: differing(alone, both) };
}
