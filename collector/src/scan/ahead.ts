/** Reads the parts of a scan in their order, some of them ahead, until the budget is spent or the database is away for too long. */
import { setTimeout as sleep } from "node:timers/promises";
import { BlockError, type ColumnBlock } from "@hosttrail/lib/block";
import type { Filter } from "@hosttrail/lib/predicate";
import type { Unit } from "../history/index.ts";
import { RetryableError } from "../model/index.ts";
import type { Reduce, Reduced } from "../reduce/index.ts";
import type { Spending } from "./budget.ts";
import { type Order, type Part, partsOf, ScanTooWideError } from "./parts.ts";
import type { ScanReport } from "./report.ts";
import { bytesOf, type ScanSource, type UnitRead } from "./source.ts";
import { GoneError, readWhole } from "./whole.ts";

/** Events of one unit that are asked for. */
export interface ScanPart {
  unit: Unit;
  events: ColumnBlock;
  /** Their numbers in `events`, ascending. */
  matches: readonly number[];
}

/** What was made of the events of one unit that are asked for. */
export interface ReducedPart {
  unit: Unit;
  reduced: Reduced;
}

export interface ReadRequest {
  filter: Filter;
  hosts: ReadonlySet<string> | undefined;
  startNano: bigint;
  endNano: bigint;
  order: Order;
  /** Whether it may end before it came beyond its first moment. */
  mayEndAtStart: boolean;
  /** What is to be made of the events: then parts have that, but where it is more than the events. */
  reduce?: Reduce | undefined;
  signal: AbortSignal;
}

/** A part that is being read. */
export interface Coming {
  part: Part;
  read(): Promise<(ScanPart | ReducedPart)[]>;
}

/** Parts of a request that makes nothing of events. */
export function wholeParts(parts: readonly (ScanPart | ReducedPart)[]): ScanPart[] {
  return parts.map((part) => {
    if ("reduced" in part) throw new Error("events were made into something that nobody asked for");
    return part;
  });
}

/** Parts that are read ahead, at most, and their bytes; few at first, since the first ones are often enough. */
const AHEAD_MAX = 8;
const AHEAD_BYTES_MAX: number = 32 * 1024 * 1024;
/** Parts beyond these that are begun where other processes read some of them: they wait in line, and are not in memory. */
const LENT_MAX = 64;
/** A scan is large, so that others may read for it, after so many parts. */
const LENT_AFTER = 16;
/**
 * What is shown must be opened here as well, and so must what others do not read: nothing is lent while more parts than this share are
 * such. Newer parts weigh more.
 */
const OPENED_SHARE_MAX = 0.5;
const OPENED_WEIGHT = 1 / 8;
/** A scan that ends where it began would be asked again for ever: it may take so many times its budget to get on. */
const STUCK_FACTOR = 8;
/** Waits before what is unreachable is tried again, milliseconds. */
const RETRIES_MS: readonly number[] = [50, 200, 800];

type Outcome = { reads: { unit: Unit; read: UnitRead }[] } | { error: unknown };

interface Pending {
  part: Part;
  outcome: Promise<Outcome>;
}

/**
 * Gives the parts that are read. Where it ends early, the report says why and up to which time all was looked at. Throws a
 * ScanTooWideError, and a RetryableError where the database is away before anything was read.
 */
export async function* readAhead(
  source: ScanSource,
  request: ReadRequest,
  spending: Spending,
  report: ScanReport,
): AsyncGenerator<Coming, void, undefined> {
  const ahead = new Ahead(source, request, spending, report);
  try {
    yield* ahead.run();
  } finally {
    await ahead.settle();
  }
}

class Ahead {
  readonly #source: ScanSource;
  readonly #request: ReadRequest;
  readonly #spending: Spending;
  readonly #report: ScanReport;
  readonly #parts: AsyncGenerator<Part, void, undefined>;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #pending: Pending[] = [];
  readonly #started = new Set<Promise<Outcome>>();
  #pendingBytes = 0;
  #lanes = 1;
  #taken = 0;
  #openedShare = 0;
  /** Where the scan ends early, once what is pending was given. */
  #end: { lack: "budget" | "unreachable"; edgeNano: bigint } | undefined;
  #isAtEnd = false;
  #edgeNano: bigint;

  constructor(source: ScanSource, request: ReadRequest, spending: Spending, report: ScanReport) {
    this.#source = timing(source, report);
    this.#request = request;
    this.#spending = spending;
    this.#report = report;
    this.#signal = AbortSignal.any([request.signal, this.#stop.signal]);
    this.#edgeNano = startOf(request);
    const { filter, hosts, startNano, endNano, order } = request;
    this.#parts = partsOf(this.#source, {
      hosts,
      startNano,
      endNano,
      order,
      sieve: filter,
      signal: this.#signal,
      known: (units) => report.noteKnown(units),
    });
  }

  async *run(): AsyncGenerator<Coming, void, undefined> {
    while (!this.#request.signal.aborted) {
      await this.#fill();
      const next = this.#pending[0];
      if (next === undefined) break;
      yield { part: next.part, read: () => this.#take(next) };
      if (this.#pending[0] === next) throw new Error("a part was passed over");
      this.#lanes = Math.min(this.#lanes + 1, AHEAD_MAX) + this.#lendableMax();
    }
    if (this.#end !== undefined) this.#report.noteEnd(this.#end.lack, this.#end.edgeNano);
    await this.#noteDropped();
  }

  /** What was dropped until now, since it may have been while we read. */
  async #noteDropped(): Promise<void> {
    const { hosts, startNano, endNano } = this.#request;
    if (hosts?.size === 0) return;
    try {
      this.#report.noteDropped((await this.#source.dropped?.({ hosts, startNano, endNano })) ?? []);
    } catch (error) {
      if (!(error instanceof RetryableError) || !this.#hasGotOn()) throw error;
      this.#report.lacks.add("unreachable");
    }
  }

  get #mayLend(): boolean {
    return this.#taken >= LENT_AFTER && this.#openedShare <= OPENED_SHARE_MAX;
  }

  #lendableMax(): number {
    return this.#mayLend ? Math.min(this.#source.lendableMax?.() ?? 0, LENT_MAX) : 0;
  }

  async #fill(): Promise<void> {
    while (!this.#isAtEnd && this.#pending.length < this.#lanes && this.#pendingBytes < AHEAD_BYTES_MAX) {
      const part = await this.#next();
      if (part === undefined || this.#signal.aborted) {
        this.#isAtEnd = true;
        return;
      }
      this.#edgeNano = part.edgeNano;
      if (this.#isSpent(part)) {
        this.#endAt("budget", part.edgeNano);
        return;
      }
      if (!part.isWanted) {
        this.#report.notePruned(part.unit);
        continue;
      }
      const bytes = bytesOf(part.unit);
      this.#spending.add(part.unit.events, bytes);
      this.#pendingBytes += bytes;
      const outcome: Promise<Outcome> = this.#read(part).then(
        (reads) => ({ reads }),
        (error: unknown) => ({ error }),
      );
      this.#started.add(outcome);
      void outcome.then(() => this.#started.delete(outcome));
      this.#pending.push({ part, outcome });
    }
  }

  async #next(): Promise<Part | undefined> {
    try {
      const { value, done } = await this.#parts.next();
      return done === true ? undefined : value;
    } catch (error) {
      if (!(error instanceof RetryableError) || !this.#hasGotOn()) throw error;
      this.#endAt("unreachable", this.#edgeNano);
      return undefined;
    }
  }

  #endAt(lack: "budget" | "unreachable", edgeNano: bigint): void {
    this.#isAtEnd = true;
    this.#end = { lack, edgeNano };
  }

  #hasGotOn(): boolean {
    return this.#report.scanned.units + this.#report.pruned.units > 0;
  }

  /** True where the scan has done enough, and whoever goes on from here does not begin where this one began. */
  #isSpent({ edgeNano }: Part): boolean {
    const { share } = this.#spending;
    if (share < 1) return false;
    if (this.#request.mayEndAtStart || edgeNano !== startOf(this.#request)) return true;
    if (share < STUCK_FACTOR) return false;
    throw new ScanTooWideError(
      "too much must be looked at for the first event of the answer; ask for fewer hosts, or with a filter",
    );
  }

  /** All of a part, or nothing. */
  async #read({ unit, startNano, endNano }: Part): Promise<{ unit: Unit; read: UnitRead }[]> {
    const { filter, reduce } = this.#request;
    const asking = { signal: this.#signal, mayLend: this.#mayLend };
    for (let attempt = 0; ; attempt++) {
      try {
        const reads: { unit: Unit; read: UnitRead }[] = [];
        const whole = readWhole(this.#source, unit, (each, only) =>
          this.#source.read(each, { filter, startNano, endNano, only, reduce }, asking),
        );
        for await (const { unit: each, read } of whole) reads.push({ unit: each, read });
        return reads;
      } catch (error) {
        const delayMs = RETRIES_MS[attempt];
        if (!(error instanceof RetryableError) || delayMs === undefined || this.#signal.aborted) throw error;
        await sleep(delayMs, undefined, { signal: this.#signal }).catch(() => undefined);
      }
    }
  }

  /** What came of a part that was next. */
  async #take({ part, outcome }: Pending): Promise<(ScanPart | ReducedPart)[]> {
    const { unit } = part;
    const result = await outcome;
    this.#pending.shift();
    this.#pendingBytes -= bytesOf(unit);
    if ("error" in result) {
      await this.#fail(part, result.error);
      return [];
    }
    const matched = result.reads.reduce((sum, { read }) => sum + (read.reduced?.events ?? read.matches.length), 0);
    const bytes = result.reads.reduce((sum, { read }) => sum + read.bytes, 0);
    this.#taken++;
    const isOpened = result.reads.some(({ read }) => read.events !== undefined || read.isReturned);
    this.#openedShare += ((isOpened ? 1 : 0) - this.#openedShare) * OPENED_WEIGHT;
    this.#report.noteScanned(unit, matched, bytes);
    for (const { read } of result.reads)
      for (const [step, milliseconds] of read.times) this.#report.noteTime(step, milliseconds);
    return result.reads.flatMap<ScanPart | ReducedPart>(({ unit: each, read: { events, matches, reduced } }) => {
      if (reduced !== undefined) return [{ unit: each, reduced }];
      return events === undefined ? [] : [{ unit: each, events, matches }];
    });
  }

  async #fail({ unit, edgeNano }: Part, error: unknown): Promise<void> {
    if (error instanceof GoneError && (await this.#isDropped(unit))) return;
    if (error instanceof BlockError || error instanceof GoneError) {
      this.#report.noteUnreadable({ unit, reason: error.message });
      return;
    }
    if (this.#signal.aborted) return;
    if (!(error instanceof RetryableError) || !this.#hasGotOn()) throw error;
    // What was read ahead of it is not given out: whoever goes on begins here.
    this.#pending.length = 0;
    this.#endAt("unreachable", edgeNano);
  }

  /** True where the unit's day was dropped while we read it; then the report tells. */
  async #isDropped({ hostId, firstTimeNano, lastTimeNano }: Unit): Promise<boolean> {
    const query = { hosts: new Set([hostId]), startNano: firstTimeNano, endNano: lastTimeNano + 1n };
    const days = (await this.#source.dropped?.(query)) ?? [];
    this.#report.noteDropped(days);
    return days.length > 0;
  }

  /** Waits for what began, so that nothing goes on behind the back of whoever ended the scan. */
  async settle(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#started);
    await this.#parts.return();
  }
}

/** The first time that the answer may have. */
function startOf({ order, startNano, endNano }: ReadRequest): bigint {
  return order === "descending" ? endNano - 1n : startNano;
}

function timing(source: ScanSource, report: ScanReport): ScanSource {
  return {
    begin: async (query) => {
      const reading = await report.timed("catalog", () => source.begin(query));
      return { ...reading, units: (place) => report.timed("catalog", () => reading.units(place)) };
    },
    dayRange: (day) => source.dayRange(day),
    mayMatch: (unit, question) => report.timed("sieve", () => source.mayMatch(unit, question)),
    read: (unit, job, asking) => source.read(unit, job, asking),
    lendableMax: () => source.lendableMax?.() ?? 0,
    dropped: async (query) => (await source.dropped?.(query)) ?? [],
  };
}
