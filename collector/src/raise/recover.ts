/** Rules held against events where they are stored, as those who match would have done when they came. */
import { BlockError, type ColumnBlock, eventId, parseEventId } from "@hosttrail/lib/block";
import type { LookedRange } from "@hosttrail/proto/detection";
import { batchOf } from "../match/index.ts";
import type { HostInfo, RuleBook } from "../rulebook/index.ts";
import type { Suppressions } from "../suppress/index.ts";
import type { Recovered } from "./passed.ts";

export interface RecoverParts {
  /** Some events of a host, among them that of this number; undefined where it is not stored. Throws where the database is away. */
  find: (hostId: string, epoch: bigint, seq: bigint) => Promise<{ events: ColumnBlock } | undefined>;
  hostOf: (hostId: string) => Promise<HostInfo>;
  rules: { book(): RuleBook; suppressions(): Suppressions };
}

/** What stands where those who match name a block's hash: no two messages of it are the same. */
const RECOVERED = "recovered";

/** What rules match of a range, one piece of history after the other. */
export async function* recover(
  { find, hostOf, rules }: RecoverParts,
  { hostId, epoch, first, next }: LookedRange,
  signal: AbortSignal,
): AsyncGenerator<Recovered, void, undefined> {
  for (let at = first; at < next && !signal.aborted; ) {
    let events: ColumnBlock | undefined;
    let reason = "it is not stored any more";
    try {
      ({ events } = (await find(hostId, epoch, at)) ?? { events });
    } catch (error) {
      if (!(error instanceof BlockError)) throw error;
      reason = error.message;
    }
    const numbers = events && numbersOf(events, { hostId, epoch, first: at, next });
    if (events === undefined || numbers === undefined) {
      yield { range: { hostId, epoch, first: at, next }, reason };
      return;
    }
    const end = endOf(numbers, at);
    const context = {
      book: rules.book(),
      suppressions: rules.suppressions(),
      host: await hostOf(hostId),
      receivedMs: Date.now(),
    };
    const hostName = events.event(numbers.keys().next().value ?? 0).host?.name ?? "";
    const block = { id: eventId(hostId, epoch, at), hostId, hostName, headerSha256: RECOVERED };
    const isOurs = (event: number): boolean => (numbers.get(event) ?? end) < end;
    yield { range: { hostId, epoch, first: at, next: end }, batch: batchOf(block, events, context, isOurs) };
    at = end;
  }
}

/** Numbers of those events that are in the range; undefined where its first is not among them. */
function numbersOf(events: ColumnBlock, { hostId, epoch, first, next }: LookedRange): Map<number, bigint> | undefined {
  const numbers = new Map<number, bigint>();
  let hasFirst = false;
  for (let event = 0; event < events.count; event++) {
    const id = parseEventId(events.eventId(event));
    if (id?.hostId !== hostId || id.epoch !== epoch || id.seq < first || id.seq >= next) continue;
    numbers.set(event, id.seq);
    hasFirst ||= id.seq === first;
  }
  return hasFirst ? numbers : undefined;
}

/** The first number that is not there. */
function endOf(numbers: ReadonlyMap<number, bigint>, first: bigint): bigint {
  const known = new Set(numbers.values());
  let end = first;
  while (known.has(end)) end++;
  return end;
}
