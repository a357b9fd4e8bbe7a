/** Reads units that may be moved while they are about to be read. */
import type { ColumnBlock } from "@hosttrail/lib/block";
import { MovedError, overlaps, type Unit } from "../history/index.ts";
import { RetryableError, type SequenceRange } from "../model/index.ts";
import type { PartSource } from "./parts.ts";

/** A unit is no longer there, and nothing took its place: its day was removed. */
export class GoneError extends Error {
  override readonly name = "GoneError";
}

/** What was read of a unit or of one that took its place. */
export interface WholeRead<Read> {
  unit: Unit;
  read: Read;
  /** Only the events with these numbers were in the unit that was asked for; undefined for all. */
  only: readonly SequenceRange[] | undefined;
}

/** Times that the catalog is read again for one unit. Each time somebody must have compacted its host anew. */
const ATTEMPTS_MAX = 6;
const RETRY_DELAY_MS = 1000;

/**
 * Reads a unit by `read`; where others took its place, all of these, of which its own events are to be taken. Throws a GoneError where
 * there are none, and a RetryableError where they are moved again and again.
 */
export async function* readWhole<Read>(
  source: Pick<PartSource, "begin">,
  unit: Unit,
  read: (unit: Unit, only: readonly SequenceRange[] | undefined) => Promise<Read>,
): AsyncGenerator<WholeRead<Read>, void, undefined> {
  let left: { unit: Unit; only: readonly SequenceRange[] | undefined }[] = [{ unit, only: undefined }];
  for (let attempts = 0; left.length > 0; ) {
    const next = left[0] as (typeof left)[number];
    let found: Read;
    try {
      found = await read(next.unit, next.only);
    } catch (error) {
      if (!(error instanceof MovedError)) throw error;
      if (++attempts > ATTEMPTS_MAX)
        throw new RetryableError(`${error.message}, and moved again and again`, RETRY_DELAY_MS);
      // The others may have been moved with it.
      const ranges = left.flatMap((each) => each.only ?? each.unit.ranges);
      left = await successorsOf(source, unit, ranges);
      continue;
    }
    left.shift();
    yield { unit: next.unit, read: found, only: next.only };
  }
}

/** What has events with these numbers now, each event in one of them. */
async function successorsOf(
  source: Pick<PartSource, "begin">,
  { hostId, place, epoch, firstTimeNano, lastTimeNano, id }: Unit,
  ranges: readonly SequenceRange[],
): Promise<{ unit: Unit; only: readonly SequenceRange[] }[]> {
  const query = { hosts: new Set([hostId]), startNano: firstTimeNano, endNano: lastTimeNano + 1n };
  const units = await (await source.begin(query)).units(place);
  const found = units.filter((unit) => unit.epoch === epoch && overlaps(unit.ranges, ranges));
  if (found.length === 0) throw new GoneError(`${place} ${id} is no longer kept`);
  return found.map((unit) => ({ unit, only: common(unit.ranges, ranges) }));
}

function common(a: readonly SequenceRange[], b: readonly SequenceRange[]): SequenceRange[] {
  return a.flatMap(({ first, next }) =>
    b
      .filter((other) => other.first < next && first < other.next)
      .map((other) => ({
        first: first > other.first ? first : other.first,
        next: next < other.next ? next : other.next,
      })),
  );
}

/** True for an event of these times and numbers. */
export function isWithin(
  events: ColumnBlock,
  event: number,
  { startNano, endNano }: { startNano: bigint; endNano: bigint },
  only: readonly SequenceRange[] | undefined,
): boolean {
  const timeNano = events.columns.time[event] ?? 0n;
  if (timeNano < startNano || timeNano >= endNano) return false;
  if (only === undefined) return true;
  const seq = events.names.sequenceAt(event);
  return only.some(({ first, next }) => first <= seq && seq < next);
}
