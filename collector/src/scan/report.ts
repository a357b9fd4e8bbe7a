/** What a scan has looked at, and what its answer lacks. */
import { type Completeness, type DroppedEvents, type UnreadableEvents } from "@hosttrail/proto/scan";
import type { Timestamp } from "@hosttrail/proto/timestamp";
import type { Unit } from "../history/index.ts";
import type { DroppedDay } from "../model/index.ts";

/** Why an answer is not all of it. */
export type Lack = "budget" | "limit" | "unreadable" | "unreachable" | "dropped";

/** Where the time of a scan goes. */
export type ScanStep = "catalog" | "sieve" | "peer" | "read" | "open" | "match" | "answer";

/** A part of the answer that is damaged where it is kept. */
export interface Unreadable {
  unit: Unit;
  reason: string;
}

/** Segments, and blocks not yet merged, with their events. */
export interface Looked {
  units: number;
  events: number;
}

/** Damaged ones that are named. */
const UNREADABLE_MAX = 100;

/** Counts while a scan goes on; look at it at any time. One report may be that of several scans after another. */
export class ScanReport {
  /** Of the time range and hosts, as far as catalogs were read. */
  readonly known: Looked = { units: 0, events: 0 };
  readonly scanned: Looked = { units: 0, events: 0 };
  /** Left out since their sieve says that they have none. */
  readonly pruned: Looked = { units: 0, events: 0 };
  readonly unreadable: Unreadable[] = [];
  moreUnreadable = 0;
  /** What retention has dropped, by day. */
  readonly dropped: Map<string, DroppedDay> = new Map();
  matched = 0;
  /** Of stored payloads that were read. */
  bytes = 0;
  readonly lacks: Set<Lack> = new Set();
  /** Of the order asked for: everything up to this time was looked at. Undefined where the scan came to its end. */
  untilNano: bigint | undefined;
  readonly steps: Map<ScanStep, { micros: number; times: number }> = new Map();

  noteKnown(units: readonly Unit[]): void {
    this.known.units += units.length;
    for (const { events } of units) this.known.events += events;
  }

  noteScanned({ events }: Unit, matched: number, bytes: number): void {
    this.scanned.units++;
    this.scanned.events += events;
    this.matched += matched;
    this.bytes += bytes;
  }

  notePruned({ events }: Unit): void {
    this.pruned.units++;
    this.pruned.events += events;
  }

  noteUnreadable(unreadable: Unreadable): void {
    this.lacks.add("unreadable");
    if (this.unreadable.length < UNREADABLE_MAX) this.unreadable.push(unreadable);
    else this.moreUnreadable++;
  }

  /** Told again, as by another scan of the same report, a day stays as it was told last. */
  noteDropped(days: readonly DroppedDay[]): void {
    for (const day of days) this.dropped.set(day.place, day);
    if (days.length > 0) this.lacks.add("dropped");
  }

  /** What was not come to is looked at by another scan of the same report. */
  forgetLeft(): void {
    const { units, events } = this.left;
    this.known.units -= units;
    this.known.events -= events;
  }

  /** The scan ended before all was looked at. */
  noteEnd(lack: Lack, untilNano: bigint): void {
    this.lacks.add(lack);
    this.untilNano = untilNano;
  }

  noteTime(step: ScanStep, milliseconds: number): void {
    const known = this.steps.get(step) ?? { micros: 0, times: 0 };
    this.steps.set(step, { micros: known.micros + Math.round(milliseconds * 1000), times: known.times + 1 });
  }

  /** Does something that is a step. */
  async timed<Value>(step: ScanStep, work: () => Promise<Value>): Promise<Value> {
    const startMs = performance.now();
    try {
      return await work();
    } finally {
      this.noteTime(step, performance.now() - startMs);
    }
  }

  /** Not come to, as far as is known. */
  get left(): Looked {
    const { known, scanned, pruned } = this;
    const bad = this.unreadable.length + this.moreUnreadable;
    return {
      units: Math.max(0, known.units - scanned.units - pruned.units - bad),
      events: Math.max(0, known.events - scanned.events - pruned.events),
    };
  }
}

/** What the API says of it. */
export function completenessOf(report: ScanReport): Completeness {
  const { lacks, untilNano, scanned, pruned, left, unreadable, moreUnreadable, matched, bytes } = report;
  return {
    complete: lacks.size === 0,
    reasons: [...lacks].sort(),
    completeUntilTime: untilNano === undefined ? undefined : timestampOf(untilNano),
    scanned: lookedOf(scanned),
    pruned: lookedOf(pruned),
    left: lookedOf(left),
    unreadable: unreadable.map(unreadableOf),
    moreUnreadable: BigInt(moreUnreadable),
    eventsMatched: BigInt(matched),
    bytesRead: BigInt(bytes),
    dropped: [...report.dropped.values()].sort((a, b) => (a.place < b.place ? 1 : -1)).map(droppedOf),
  };
}

function droppedOf({ place, hosts, events }: DroppedDay): DroppedEvents {
  return { day: place, hosts: BigInt(hosts), events: BigInt(events) };
}

function lookedOf({ units, events }: Looked): { segments: bigint; events: bigint } {
  return { segments: BigInt(units), events: BigInt(events) };
}

export function unreadableOf({ unit, reason }: Unreadable): UnreadableEvents {
  return {
    hostId: unit.hostId,
    firstEventTime: timestampOf(unit.firstTimeNano),
    lastEventTime: timestampOf(unit.lastTimeNano),
    events: BigInt(unit.events),
    reason,
  };
}

const NANOS_OF_SECOND = 1_000_000_000n;

/** Nanoseconds since 1970, also before it: nanos are never negative. */
export function timestampOf(timeNano: bigint): Timestamp {
  const nanos = ((timeNano % NANOS_OF_SECOND) + NANOS_OF_SECOND) % NANOS_OF_SECOND;
  return { seconds: (timeNano - nanos) / NANOS_OF_SECOND, nanos: Number(nanos) };
}
