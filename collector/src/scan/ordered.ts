/**
 * Events by their time, ties by their id. What holds them comes by the beginning or the end of its time range; since ranges overlap, an
 * event is given out only when nothing that is still to come can be before it.
 */
import type { ColumnBlock } from "@hosttrail/lib/block";
import type { Filter } from "@hosttrail/lib/predicate";
import type { Event } from "@hosttrail/proto/event";
import { readAhead, type ScanPart, wholeParts } from "./ahead.ts";
import type { Spending } from "./budget.ts";
import type { Order } from "./parts.ts";
import type { ScanReport } from "./report.ts";
import type { ScanSource } from "./source.ts";

/** Where an answer ended: it goes on with the events after this place, in its order. */
export interface Position {
  timeNano: bigint;
  /** Empty: all events of that time are still to come. */
  id: string;
}

export interface EventsRequest {
  filter: Filter;
  /** Only of these; undefined for all. */
  hosts: ReadonlySet<string> | undefined;
  /** Inclusive start and exclusive end, nanoseconds since 1970. */
  startNano: bigint;
  endNano: bigint;
  order: Order;
  /** Where an answer before ended. */
  after: Position | undefined;
  /** Events that the caller takes, at most; of more, none need be kept. */
  eventsMax: number;
  signal: AbortSignal;
}

/** An event that was found and need not be built yet. */
export interface Found {
  timeNano: bigint;
  id(): string;
  event(): Event;
}

/** Events that are kept until they are given out, at most. What does not fit is read again when its turn comes. */
const KEPT_MAX = 262_144;
/** Where the blocks that they are in hold more events than this, fewer are kept, and without their blocks. */
const HELD_EVENTS_MAX = 1_000_000;
const KEPT_ALONE_MAX = 32_768;

/**
 * Gives events in their order, those that are certain together. Returns where to go on where it ended early; the report says why.
 * Throws a ScanTooWideError, and a RetryableError where the database is away before anything was read.
 */
export async function* eventsInOrder(
  source: ScanSource,
  request: EventsRequest,
  spending: Spending,
  report: ScanReport,
): AsyncGenerator<Found[], Position | undefined, undefined> {
  for (let { after } = request; ; ) {
    const pass = new Pass(source, { ...request, after }, spending, report);
    yield* pass.run();
    const { next } = pass;
    if (next === undefined || pass.hasEnded) return next;
    report.forgetLeft();
    after = next;
  }
}

/** One event of a block. The block is let go of where too many are held. */
class Candidate implements Found {
  readonly timeNano: bigint;
  #block: ColumnBlock | undefined;
  readonly #index: number;
  #id: string | undefined;
  #event: Event | undefined;

  constructor(timeNano: bigint, block: ColumnBlock, index: number) {
    this.timeNano = timeNano;
    this.#block = block;
    this.#index = index;
  }

  get block(): ColumnBlock | undefined {
    return this.#block;
  }

  id(): string {
    return (this.#id ??= this.#block?.eventId(this.#index) ?? "");
  }

  event(): Event {
    return (this.#event ??= (this.#block as ColumnBlock).event(this.#index));
  }

  letGo(): void {
    this.id();
    this.event();
    this.#block = undefined;
  }
}

/** From a position on, as far as what is kept reaches. */
class Pass {
  readonly #source: ScanSource;
  readonly #request: EventsRequest;
  readonly #spending: Spending;
  readonly #report: ScanReport;
  /** 1 or -1: how times compare in the order. */
  readonly #sign: number;
  /** What was found and is not given out yet; the next one is the last. */
  #kept: Candidate[] = [];
  #keptMax: number;
  /** The first in order of those that were not kept: nothing from here on may be given out. */
  #horizon: Candidate | undefined;
  #last: Position | undefined;
  /** Where to go on; undefined at the end. */
  next: Position | undefined;
  /** True where it must not go on now. */
  hasEnded = false;

  constructor(source: ScanSource, request: EventsRequest, spending: Spending, report: ScanReport) {
    this.#source = source;
    this.#request = request;
    this.#spending = spending;
    this.#report = report;
    this.#sign = request.order === "ascending" ? 1 : -1;
    this.#keptMax = Math.max(1, Math.min(request.eventsMax, KEPT_MAX));
    this.#last = request.after;
  }

  /** Events at the position's own time may still be to come. */
  get #range(): { startNano: bigint; endNano: bigint } {
    const { order, after, startNano, endNano } = this.#request;
    if (after === undefined) return { startNano, endNano };
    if (order === "ascending") return { startNano: after.timeNano > startNano ? after.timeNano : startNano, endNano };
    return { startNano, endNano: after.timeNano < endNano ? after.timeNano + 1n : endNano };
  }

  async *run(): AsyncGenerator<Found[], void, undefined> {
    const { filter, hosts, order, signal } = this.#request;
    const request = { filter, hosts, order, ...this.#range, mayEndAtStart: false, signal };
    for await (const coming of readAhead(this.#source, request, this.#spending, this.#report)) {
      const certain = this.#giveBefore(coming.part.edgeNano);
      if (certain.length > 0) yield certain;
      if (this.#isBeyondHorizon(coming.part.edgeNano)) {
        this.next = this.#last;
        return;
      }
      for (const part of wholeParts(await coming.read())) this.#add(part);
    }
    yield* this.#finish();
  }

  *#finish(): Generator<Found[], void, undefined> {
    const { untilNano } = this.#report;
    const certain = this.#giveBefore(untilNano);
    if (certain.length > 0) yield certain;
    if (this.#horizon !== undefined && (untilNano === undefined || this.#isBeyondHorizon(untilNano))) {
      // What was not kept comes with the next pass, or with the next call where this one must end.
      this.next = this.#last;
      this.hasEnded = untilNano !== undefined;
      if (untilNano !== undefined) this.#report.untilNano = this.#horizon.timeNano;
    } else if (untilNano !== undefined) {
      this.next = { timeNano: untilNano, id: "" };
      this.hasEnded = true;
    } else {
      this.hasEnded = true;
    }
  }

  /** How two places compare in the order. */
  #compare(a: Candidate, b: Candidate): number {
    if (a.timeNano !== b.timeNano) return a.timeNano < b.timeNano ? -this.#sign : this.#sign;
    const [one, other] = [a.id(), b.id()];
    if (one === other) return 0;
    return one < other ? -this.#sign : this.#sign;
  }

  #isBefore(timeNano: bigint, otherNano: bigint): boolean {
    return this.#sign === 1 ? timeNano < otherNano : timeNano > otherNano;
  }

  /** True where going on finds nothing more that may be given out. */
  #isBeyondHorizon(edgeNano: bigint): boolean {
    return this.#horizon !== undefined && this.#isBefore(this.#horizon.timeNano, edgeNano);
  }

  /** Takes what is before a time, or all, and before the horizon. */
  #giveBefore(edgeNano: bigint | undefined): Found[] {
    const horizon = this.#horizon;
    const given: Found[] = [];
    for (let next = this.#kept.at(-1); next !== undefined; next = this.#kept.at(-1)) {
      if (edgeNano !== undefined && !this.#isBefore(next.timeNano, edgeNano)) break;
      if (horizon !== undefined && this.#compare(next, horizon) >= 0) break;
      given.push(next);
      this.#kept.pop();
      this.#last = { timeNano: next.timeNano, id: next.id() };
    }
    return given;
  }

  #add({ events, matches }: ScanPart): void {
    const more = this.#candidates(events, matches);
    if (more.length === 0) return;
    this.#kept = [...this.#kept, ...more].sort((a, b) => this.#compare(b, a));
    if (this.#heldEvents() > HELD_EVENTS_MAX) {
      this.#keptMax = Math.min(this.#keptMax, KEPT_ALONE_MAX);
      this.#trim();
      for (const candidate of this.#kept) candidate.letGo();
    } else this.#trim();
  }

  #trim(): void {
    const extra = this.#kept.length - this.#keptMax;
    if (extra <= 0) return;
    this.#horizon = this.#kept[extra - 1];
    this.#kept.splice(0, extra);
  }

  #heldEvents(): number {
    const blocks = new Set<ColumnBlock>();
    for (const { block } of this.#kept) if (block !== undefined) blocks.add(block);
    let events = 0;
    for (const { count } of blocks) events += count;
    return events;
  }

  /** Those that may have to be given out in this pass. */
  #candidates(events: ColumnBlock, matches: readonly number[]): Candidate[] {
    const times = events.columns.time;
    const { after } = this.#request;
    const list: Candidate[] = [];
    for (const index of matches) {
      const timeNano = times[index] ?? 0n;
      if (this.#horizon !== undefined && this.#isBefore(this.#horizon.timeNano, timeNano)) continue;
      const candidate = new Candidate(timeNano, events, index);
      if (this.#horizon !== undefined && this.#compare(candidate, this.#horizon) >= 0) continue;
      // The position's own event and those before it in the answer are out already.
      if (after !== undefined && after.id !== "" && timeNano === after.timeNano) {
        const id = candidate.id();
        if (this.#sign === 1 ? id <= after.id : id >= after.id) continue;
      }
      list.push(candidate);
    }
    return list;
  }
}
