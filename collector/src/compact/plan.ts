/** Decides what is merged with what. Pure. */
import { SEGMENT_EVENTS_MAX } from "@hosttrail/lib/block";
import type { Arrival, CatalogEntry, Place, SequenceRange } from "../model/index.ts";

/** Blocks of one host and place that wait. */
export interface Group {
  hostId: string;
  place: Place;
  arrivals: Arrival[];
}

/** When a group's turn is. */
export interface DueOptions {
  /** It waits for so many blocks, at most. */
  blocksMin: number;
  /** Or until its oldest block came so long ago. */
  ageMs: number;
}

/** What becomes of an epoch's blocks. */
export interface EpochPlan {
  epoch: bigint;
  arrivals: Arrival[];
  /** Segments that are merged with them. */
  absorbed: CatalogEntry[];
  /** Blocks whose numbers are taken: they are there already, or they are forks. */
  contested: Arrival[];
}

/** Segments of a size that may be there before they are merged to one of the next size. */
export const FAN_OUT = 16;
/** Bytes of a payload that count as much as a full segment's events. */
const BYTES_FULL = 768 * 1024;
/** A segment that is this full is not merged again. */
const FULL = 0.5;
/** Events of arrivals that are merged in one go. */
const EVENTS_AT_ONCE = 2 * SEGMENT_EVENTS_MAX;
const WEIGHT_AT_ONCE = 3;
/** Compressed, a segment takes about a fourth of what its blocks do. */
const BLOCK_BYTES_FACTOR = 4;

/** The groups of these arrivals whose turn is, what waits longest first. */
export function dueGroups(arrivals: readonly Arrival[], { blocksMin, ageMs }: DueOptions, nowMs: number): Group[] {
  const groups = Map.groupBy(arrivals, ({ hostId, place }) => `${hostId} ${place}`);
  return Array.from(groups.values(), (list) => ({
    list,
    oldestMs: Math.min(...list.map(({ receivedMs }) => receivedMs)),
  }))
    .filter(({ list, oldestMs }) => list.length >= blocksMin || nowMs - oldestMs >= ageMs)
    .sort((a, b) => a.oldestMs - b.oldestMs)
    .flatMap(({ list }) => {
      const [first] = list;
      return first === undefined ? [] : [{ hostId: first.hostId, place: first.place, arrivals: list }];
    });
}

/** What becomes of a group beside what its catalog has. */
export function planGroup(group: Group, entries: readonly CatalogEntry[]): EpochPlan[] {
  return Array.from(
    Map.groupBy(group.arrivals, ({ epoch }) => epoch),
    ([epoch, list]) => {
      const own = entries.filter((entry) => entry.epoch === epoch);
      const { free, contested } = judge(list, own);
      const arrivals = upTo(free);
      return {
        epoch,
        arrivals,
        absorbed: arrivals.length === 0 ? [] : absorb(weightOfBlocks(arrivals), own),
        contested,
      };
    },
  );
}

/** Segments of a day that is over, epoch by epoch, where merging them leaves fewer. */
export function planFinal(entries: readonly CatalogEntry[]): EpochPlan[] {
  const open = entries.filter((entry) => entry.block === undefined && weightOf(entry) < FULL);
  return Array.from(
    Map.groupBy(open, ({ epoch }) => epoch),
    ([epoch, list]) => ({ epoch, arrivals: [], absorbed: upToWeight(list), contested: [] }),
  ).filter(({ absorbed }) => absorbed.length > 1);
}

function judge(list: readonly Arrival[], own: readonly CatalogEntry[]): { free: Arrival[]; contested: Arrival[] } {
  const taken: SequenceRange[] = own.flatMap(({ ranges }) => ranges);
  const free: Arrival[] = [];
  const contested: Arrival[] = [];
  for (const arrival of list.toSorted(byNumber)) {
    const range = { first: arrival.firstSeq, next: arrival.firstSeq + BigInt(arrival.count) };
    const last = free.at(-1);
    const isTaken =
      (last !== undefined && last.firstSeq + BigInt(last.count) > range.first) ||
      taken.some(({ first, next }) => first < range.next && range.first < next);
    if (isTaken) contested.push(arrival);
    else free.push(arrival);
  }
  return { free, contested };
}

/** Of two that begin with the same number, the one that came first has it. */
function byNumber(a: Arrival, b: Arrival): number {
  if (a.firstSeq !== b.firstSeq) return a.firstSeq < b.firstSeq ? -1 : 1;
  return a.receivedMs - b.receivedMs;
}

function upTo(arrivals: readonly Arrival[]): Arrival[] {
  let events = 0;
  const end = arrivals.findIndex(({ count }) => {
    events += count;
    return events > EVENTS_AT_ONCE;
  });
  return arrivals.slice(0, end === -1 ? arrivals.length : Math.max(1, end));
}

/**
 * Smaller segments that are merged with new blocks: all that are no larger, once there are many of them, and so on with what they come to.
 * So an event is written again once for each size, and a host and day has few segments of each.
 */
function absorb(weight: number, own: readonly CatalogEntry[]): CatalogEntry[] {
  let left = own.filter((entry) => entry.block === undefined && weightOf(entry) < FULL);
  const absorbed: CatalogEntry[] = [];
  for (let sum = weight; sum < FULL; ) {
    const size = sizeOf(sum);
    const smaller = left.filter((entry) => sizeOf(weightOf(entry)) <= size);
    if (smaller.length < FAN_OUT - 1) return absorbed;
    absorbed.push(...smaller);
    left = left.filter((entry) => !smaller.includes(entry));
    sum += smaller.reduce((total, entry) => total + weightOf(entry), 0);
  }
  return absorbed;
}

/** As many, the oldest first, as are merged in one go. */
function upToWeight(entries: readonly CatalogEntry[]): CatalogEntry[] {
  let weight = 0;
  const ordered = entries.toSorted((a, b) => ((a.ranges[0]?.first ?? 0n) < (b.ranges[0]?.first ?? 0n) ? -1 : 1));
  return ordered.filter((entry) => {
    weight += weightOf(entry);
    return weight <= WEIGHT_AT_ONCE;
  });
}

/** 1 for a full segment. */
function weightOf({ events, bytes }: { events: number; bytes: number }): number {
  return Math.max(events / SEGMENT_EVENTS_MAX, bytes / BYTES_FULL);
}

function weightOfBlocks(arrivals: readonly Arrival[]): number {
  const events = arrivals.reduce((sum, { count }) => sum + count, 0);
  const bytes = arrivals.reduce((sum, arrival) => sum + arrival.bytes.length, 0);
  return weightOf({ events, bytes: bytes / BLOCK_BYTES_FACTOR });
}

function sizeOf(weight: number): number {
  return Math.floor(Math.log(Math.max(weight * SEGMENT_EVENTS_MAX, 1)) / Math.log(FAN_OUT));
}
