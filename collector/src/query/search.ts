/**
 * Finds events, newest first. What holds them comes by the end of its time range; since ranges overlap, an event is given out only when
 * nothing that is still to come can have a later one.
 */
import { BlockError, type ColumnBlock } from "@hosttrail/lib/block";
import type { Filter } from "@hosttrail/lib/predicate";
import type { Event } from "@hosttrail/proto/event";
import type { HistoryQuery, OpenUnit, Reading, Unit } from "../history/index.ts";
import { OUTSIDE, type Place } from "../model/index.ts";
import type { Position } from "./token.ts";

/** What search needs of history. */
export interface SearchSource {
  begin(query: HistoryQuery): Promise<Reading>;
  dayRange(day: Place): { startNano: bigint; endNano: bigint };
  mayMatch(unit: Unit, filter: Filter): Promise<boolean>;
  open(unit: Unit): Promise<OpenUnit>;
}

export interface SearchRequest {
  filter: Filter;
  /** Only of these; undefined for all. */
  hosts: ReadonlySet<string> | undefined;
  /** Inclusive start and exclusive end, nanoseconds since 1970. */
  startNano: bigint;
  endNano: bigint;
  pageSize: number;
  /** Where the page before ended. */
  after: Position | undefined;
}

export interface SearchBounds {
  /** Events that one call looks at, about; a call that reaches it answers with what it has and a token. */
  eventsMax: number;
  /** Told of each payload that is opened. */
  opened: () => void;
}

/** A part of the answer that is damaged where it is kept. */
export interface Unreadable {
  unit: Unit;
  reason: string;
}

export interface SearchResult {
  events: Event[];
  /** Where the next page begins; undefined after the last one. */
  next: Position | undefined;
  unreadable: Unreadable[];
}

/** A search that would have to look at too much before it can give out anything. */
export class SearchTooWideError extends Error {
  override readonly name = "SearchTooWideError";
}

/** Sieves that are asked for at once, and what each counts for beside events. */
const SIEVES_AT_ONCE = 16;
const SIEVE_EVENTS = 64;
/** All that ends in one moment must be looked at in one call, up to so many times the bound. */
const STUCK_FACTOR = 16;
/** Times before all that an event can have. */
const BEFORE_ALL = -(1n << 63n);

interface Candidate {
  timeNano: bigint;
  block: ColumnBlock;
  index: number;
}

/** Runs a search within its bounds. */
export async function searchEvents(
  source: SearchSource,
  request: SearchRequest,
  bounds: SearchBounds,
): Promise<SearchResult> {
  if (request.hosts?.size === 0) return { events: [], next: undefined, unreadable: [] };
  return await new Search(source, request, bounds).run();
}

class Search {
  readonly #source: SearchSource;
  readonly #request: SearchRequest;
  readonly #bounds: SearchBounds;
  readonly #endNano: bigint;
  readonly #page: Candidate[] = [];
  readonly #unreadable: Unreadable[] = [];
  /** Events that match and are not given out yet, latest last; no more than the page has room for. */
  #ready: Candidate[] = [];
  #spent = 0;
  /** What may be given out in this call is later than this: something that ends here was not read. */
  #floorNano = BEFORE_ALL;

  constructor(source: SearchSource, request: SearchRequest, bounds: SearchBounds) {
    this.#source = source;
    this.#request = request;
    this.#bounds = bounds;
    const { after } = request;
    // Events at the position's own time may still be to come.
    this.#endNano = after !== undefined && after.timeNano < request.endNano ? after.timeNano + 1n : request.endNano;
  }

  async run(): Promise<SearchResult> {
    const { hosts, startNano } = this.#request;
    const reading = await this.#source.begin({ hosts, startNano, endNano: this.#endNano });
    this.#floorNano = reading.floorNano ?? BEFORE_ALL;
    if (this.#floorNano >= this.#endNano - 1n) {
      throw new SearchTooWideError("too many blocks came in the same moment; ask for fewer hosts");
    }
    await this.#readOutside(reading);
    for (const day of reading.days) {
      const range = this.#source.dayRange(day);
      if (range.startNano >= this.#endNano || range.endNano <= startNano) continue;
      for await (const { unit, isWanted } of this.#judged(await reading.units(day))) {
        const { lastTimeNano } = unit;
        if (this.#give(lastTimeNano)) return this.#full();
        if (this.#isAtFloor(lastTimeNano)) return this.#upTo(this.#floorNano);
        if (this.#isSpent(lastTimeNano)) return this.#upTo(lastTimeNano);
        if (isWanted) await this.#add(unit);
      }
      // All events of a day's payloads are of that day.
      if (this.#give(range.startNano - 1n)) return this.#full();
      if (this.#isAtFloor(range.startNano - 1n)) return this.#upTo(this.#floorNano);
    }
    if (this.#give(BEFORE_ALL)) return this.#full();
    return this.#isAtFloor(BEFORE_ALL) ? this.#upTo(this.#floorNano) : this.#result(undefined);
  }

  /** What is of no day lies beside all of them, and so is read first; of these only some, so that others have their turn. */
  async #readOutside(reading: Reading): Promise<void> {
    const spentMax = Math.ceil(this.#bounds.eventsMax / 2);
    for await (const { unit, isWanted } of this.#judged(await reading.units(OUTSIDE))) {
      if (this.#spent >= spentMax && unit.lastTimeNano < this.#endNano - 1n) {
        if (unit.lastTimeNano > this.#floorNano) this.#floorNano = unit.lastTimeNano;
        return;
      }
      if (isWanted) await this.#add(unit);
    }
  }

  /** Units in their order, each with what its sieve says. */
  async *#judged(units: readonly Unit[]): AsyncGenerator<{ unit: Unit; isWanted: boolean }> {
    for (let at = 0; at < units.length; at += SIEVES_AT_ONCE) {
      const some = units.slice(at, at + SIEVES_AT_ONCE);
      const wanted = await Promise.all(some.map((unit) => this.#source.mayMatch(unit, this.#request.filter)));
      for (const [index, unit] of some.entries()) {
        this.#spent += SIEVE_EVENTS;
        yield { unit, isWanted: wanted[index] ?? true };
      }
    }
  }

  /** True where this call has done enough and the next one goes on from here, which is not where this one began. */
  #isSpent(lastTimeNano: bigint): boolean {
    const { eventsMax } = this.#bounds;
    if (this.#spent < eventsMax) return false;
    if (lastTimeNano < this.#endNano - 1n) return true;
    if (this.#spent < eventsMax * STUCK_FACTOR) return false;
    throw new SearchTooWideError(
      `more than ${eventsMax * STUCK_FACTOR} events must be looked at for the first one of this page; ask for fewer hosts, or with a filter`,
    );
  }

  async #add(unit: Unit): Promise<void> {
    this.#spent += unit.events;
    this.#bounds.opened();
    let block: ColumnBlock;
    let more: Candidate[];
    try {
      block = (await this.#source.open(unit)).events;
      more = candidates(block, this.#request, this.#endNano);
    } catch (error) {
      if (!(error instanceof BlockError)) throw error;
      this.#unreadable.push({ unit, reason: error.message });
      return;
    }
    if (more.length === 0) return;
    const room = this.#request.pageSize + 1 - this.#page.length;
    this.#ready = [...this.#ready, ...more].sort(compare).slice(-room);
  }

  /** Gives out what is later than a time and than the floor; true once the page is full. */
  #give(lowerNano: bigint): boolean {
    const lower = lowerNano > this.#floorNano ? lowerNano : this.#floorNano;
    for (let last = this.#ready.at(-1); last !== undefined && last.timeNano > lower; last = this.#ready.at(-1)) {
      if (this.#page.length >= this.#request.pageSize) return true;
      this.#page.push(last);
      this.#ready.pop();
    }
    return false;
  }

  #isAtFloor(timeNano: bigint): boolean {
    return this.#floorNano > BEFORE_ALL && timeNano <= this.#floorNano;
  }

  #full(): SearchResult {
    const last = this.#page.at(-1);
    return this.#result(last && { timeNano: last.timeNano, id: idOf(last) });
  }

  /** The next call goes on at a time, of which nothing was given out. */
  #upTo(timeNano: bigint): SearchResult {
    return this.#result({ timeNano, id: "" });
  }

  #result(next: Position | undefined): SearchResult {
    return {
      events: this.#page.map(({ block, index }) => block.event(index)),
      next,
      unreadable: this.#unreadable,
    };
  }
}

function idOf({ block, index }: Candidate): string {
  return block.eventId(index);
}

/** Ascending by time, then by id. */
function compare(a: Candidate, b: Candidate): number {
  if (a.timeNano !== b.timeNano) return a.timeNano < b.timeNano ? -1 : 1;
  const [one, other] = [idOf(a), idOf(b)];
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

/** The events of a block that belong to the answer. */
function candidates(block: ColumnBlock, request: SearchRequest, endNano: bigint): Candidate[] {
  const times = block.columns.time;
  const { after, startNano } = request;
  const list: Candidate[] = [];
  for (const index of request.filter.match(block)) {
    const timeNano = times[index] ?? 0n;
    if (timeNano < startNano || timeNano >= endNano) continue;
    // The position's own event and those before it in the answer are out already.
    const isAtPosition = after !== undefined && after.id !== "" && timeNano === after.timeNano;
    if (isAtPosition && block.eventId(index) >= after.id) continue;
    list.push({ timeNano, block, index });
  }
  return list;
}
