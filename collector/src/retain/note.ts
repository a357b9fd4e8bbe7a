/** What a drop tells of what goes. Pure. */
import { hex64 } from "@hosttrail/lib/block";
import type { Catalog, CatalogEntry, Drop, RetentionPolicy, SequenceRange } from "../model/index.ts";

/** Ranges of an epoch's day that are told apart: a host that sends all has one. */
const RANGES_MAX = 1000;

/** The drops of a host's day, one for each epoch, by the go that began at `timeMs`. */
export function dropsOf({ hostId, place, entries }: Catalog, policy: RetentionPolicy, timeMs: number): Drop[] {
  return Array.from(
    Map.groupBy(entries, ({ epoch }) => epoch),
    ([epoch, list]) => ({
      id: `${hostId}-${place}-${hex64(epoch)}-${timeMs.toString(16)}`,
      hostId,
      place,
      epoch,
      ranges: joined(
        list.flatMap(({ ranges }) => ranges),
        RANGES_MAX,
      ),
      firstTimeNano: least(list.map(({ firstTimeNano }) => firstTimeNano)),
      lastTimeNano: -least(list.map(({ lastTimeNano }) => -lastTimeNano)),
      ...sizeOf(list),
      policy: policy.name,
      keepDays: policy.keepDays,
      actor: policy.author === "" ? "default" : policy.author,
      timeMs,
      state: "noted",
    }),
  );
}

export interface Size {
  blocks: number;
  events: number;
  /** Of stored payloads. */
  bytes: number;
}

export function sizeOf(entries: readonly Pick<CatalogEntry, "blocks" | "events" | "bytes">[]): Size {
  const size = { blocks: 0, events: 0, bytes: 0 };
  for (const { blocks, events, bytes } of entries) {
    size.blocks += blocks;
    size.events += events;
    size.bytes += bytes;
  }
  return size;
}

/** Ascending, those that touch as one; where there are more than `max`, those with the smallest holes between them, too. */
export function joined(ranges: readonly SequenceRange[], max: number): SequenceRange[] {
  const touching = joinedWithin(ranges, 0n);
  if (touching.length <= max) return touching;
  const holes = touching.slice(1).map(({ first }, at) => first - (touching[at]?.next ?? 0n));
  const widest = holes.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))[touching.length - max - 1] ?? 0n;
  return joinedWithin(touching, widest);
}

function joinedWithin(ranges: readonly SequenceRange[], hole: bigint): SequenceRange[] {
  const found: SequenceRange[] = [];
  for (const { first, next } of ranges.toSorted((a, b) => (a.first < b.first ? -1 : 1))) {
    const last = found.at(-1);
    if (last === undefined || first - last.next > hole) found.push({ first, next });
    else if (next > last.next) last.next = next;
  }
  return found;
}

function least(values: readonly bigint[]): bigint {
  return values.reduce((a, b) => (b < a ? b : a), values[0] ?? 0n);
}
