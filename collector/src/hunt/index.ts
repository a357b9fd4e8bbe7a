/**
 * Rules held against stored history. What is stored is read as it is when the hunt comes to it: every event once, also where compacting
 * puts it elsewhere meanwhile.
 */
import { BlockError, type ColumnBlock } from "@hosttrail/lib/block";
import type { Match, RuleSet } from "@hosttrail/lib/detect";
import type { OpenUnit, Unit } from "../history/index.ts";
import { GoneError, isWithin, type Part, type PartSource, partsOf, readWhole } from "../scan/index.ts";

/** What a hunt needs of history. */
export interface HuntSource extends PartSource {
  open(unit: Unit): Promise<OpenUnit>;
}

export interface HuntRequest {
  rules: RuleSet;
  /** Only of these; undefined for all. */
  hosts: ReadonlySet<string> | undefined;
  /** Inclusive start and exclusive end, nanoseconds since 1970. */
  startNano: bigint;
  endNano: bigint;
  /** Ends the hunt early, without an error. */
  signal: AbortSignal;
}

/** What became of a part of history: rules matched in it, or it cannot be read. */
export type HuntFinding =
  | { kind: "matches"; unit: Unit; events: ColumnBlock; matches: Match[] }
  | { kind: "unreadable"; unit: Unit; reason: string };

/** Told of each part that was looked at: its events, and whether it had to be opened. */
export type HuntWatch = (looked: { events: number; isOpened: boolean }) => void;

/**
 * Gives what the rules match in the time range, what ends latest first, and what cannot be read. Throws a RetryableError where the database
 * is away, and a ScanTooWideError.
 */
export async function* hunt(
  source: HuntSource,
  request: HuntRequest,
  watch: HuntWatch = () => undefined,
): AsyncGenerator<HuntFinding, void, undefined> {
  const { rules, signal } = request;
  if (rules.rules.length === 0) return;
  for await (const part of partsOf(source, { ...request, sieve: rules.sieve })) {
    if (signal.aborted) return;
    if (part.isWanted) yield* huntIn(source, part, rules);
    watch({ events: part.unit.events, isOpened: part.isWanted });
  }
}

async function* huntIn(source: HuntSource, part: Part, rules: RuleSet): AsyncGenerator<HuntFinding, void, undefined> {
  try {
    for await (const { unit, read, only } of readWhole(source, part.unit, (each) => source.open(each))) {
      const { events } = read;
      const matches = rules.match(events).filter(({ event }) => isWithin(events, event, part, only));
      if (matches.length > 0) yield { kind: "matches", unit, events, matches };
    }
  } catch (error) {
    if (!(error instanceof BlockError || error instanceof GoneError)) throw error;
    yield { kind: "unreadable", unit: part.unit, reason: error.message };
  }
}
