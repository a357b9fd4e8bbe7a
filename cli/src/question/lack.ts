/** What an answer lacks, for people. */
import type { Completeness, DroppedEvents, Looked, UnreadableEvents } from "@hosttrail/proto/scan";
import type { Output } from "../output/index.ts";
import { printable, timeOf } from "../text.ts";

/** A part of the history that is damaged where it is kept. */
function lackOf({ hostId, firstEventTime, lastEventTime, events, reason }: UnreadableEvents): string {
  const [first, last] = [firstEventTime, lastEventTime].map(timeOf);
  return printable(`up to ${events} events of host ${hostId} from ${first} to ${last} cannot be read: ${reason}`);
}

/** What retention dropped, in one line: from the oldest to the newest day. */
function droppedOf(dropped: readonly DroppedEvents[]): string {
  const day = (each: DroppedEvents | undefined): string =>
    printable((each?.day ?? "").replace(/^(\d{4})(\d{2})(\d{2})$/, "$1-$2-$3"));
  const events = dropped.reduce((sum, each) => sum + each.events, 0n);
  const oldest = day(dropped.at(-1));
  const days = dropped.length === 1 ? oldest : `${dropped.length} days from ${oldest} to ${day(dropped[0])}`;
  return `${events} events of ${days} (UTC) were dropped by retention`;
}

export interface LackOptions {
  /** Asked for by whoever asks: then it is no lack that there are more. */
  limit?: number | undefined;
  /** The newest events were looked at first: then it is the newer part that is complete. */
  newestFirst?: boolean;
  /** How to go on where the budget ended the answer; empty where that cannot be. */
  resume?: string;
}

/** Tells what is not in the answer: on standard error, and by the exit status where it is not what was asked for. */
export function tellLack(completeness: Completeness | undefined, output: Output, options: LackOptions = {}): void {
  if (completeness === undefined) {
    output.lack("the collector did not say how complete its answer is");
    return;
  }
  const { complete, reasons, unreadable, moreUnreadable, completeUntilTime, left } = completeness;
  for (const part of unreadable) output.lack(lackOf(part));
  if (moreUnreadable > 0n) output.lack(`and ${moreUnreadable} more parts of the history cannot be read`);
  if (completeness.dropped.length > 0) output.lack(droppedOf(completeness.dropped));
  if (complete) return;
  const time = timeOf(completeUntilTime);
  const part = options.newestFirst === true ? `from ${time} on` : `until ${time}`;
  const until = completeUntilTime === undefined ? "" : `; it is complete ${part}`;
  const others = reasons.filter((reason) => !TOLD.has(reason));
  if (others.length > 0 || (reasons.length === 0 && unreadable.length === 0)) {
    const goOn = options.resume === undefined || options.resume === "" ? "" : `. Go on with --resume ${options.resume}`;
    output.lack(`the answer is not complete: ${whyNot(others, left)}${until}${goOn}`);
  } else if (reasons.includes("limit") && options.limit !== undefined) {
    output.note(`there are more than ${options.limit}; see --limit`);
  }
}

/** Reasons that are told in lines of their own, or only where somebody asked for so many. */
const TOLD: ReadonlySet<string> = new Set(["limit", "unreadable", "dropped"]);

const REASONS: Readonly<Record<string, string>> = {
  budget: "it would have taken more than it may (--budget, or the collector's own bounds)",
  unreachable: "a part of the history cannot be reached",
};

function whyNot(reasons: readonly string[], left: Looked | undefined): string {
  const why = reasons.map((reason) => REASONS[reason] ?? printable(reason)).join(", ") || "no reason was given";
  return left === undefined || left.events === 0n ? why : `${why}, and ${left.events} events were not looked at`;
}

/** How many events are done with, and how many there are in all. */
export function lookedAt({ scanned, pruned, left }: Completeness): [done: bigint, all: bigint] {
  const done = (scanned?.events ?? 0n) + (pruned?.events ?? 0n);
  return [done, done + (left?.events ?? 0n)];
}
