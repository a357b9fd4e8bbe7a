/**
 * Finds events, newest first. Blocks come from the database by the end of their time range; since they overlap, an event
 * is given out only when no block that is still to come can have a later one.
 */
import { BlockError, type ColumnBlock, openBlock, parseBlock, parseEventId } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import type { Filter, Term } from "@hosttrail/lib/filter";
import type { Event } from "@hosttrail/proto/event";
import { OUTSIDE, type Place } from "../model/index.ts";
import type { Position } from "./token.ts";

/** A block from the database. */
export interface FoundBlock {
  id: string;
  lastTimeNano: bigint;
  bytes: Uint8Array;
}

/** What search needs of the database. */
export interface BlockSource {
  /** Days that have blocks, newest first, "YYYYMMDD". */
  days(): Promise<string[]>;
  dayRange(day: string): { startNano: bigint; endNano: bigint };
  findBlocks(query: {
    /** Or OUTSIDE: blocks whose times are of no one day, or cannot be right. */
    day: Place;
    hostIds: readonly string[] | undefined;
    startNano: bigint;
    endNano: bigint;
    terms: readonly Term[];
  }): AsyncGenerator<FoundBlock>;
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
  /** Blocks that one call opens, at most; a call that reaches it answers with what it has and a token. */
  blocksMax: number;
  /** Told of each block that is opened. */
  opened: () => void;
}

export interface SearchResult {
  events: Event[];
  /** Where the next page begins; undefined after the last one. */
  next: Position | undefined;
}

/** Hosts that are named in a query of the database, at most. */
const HOSTS_QUERY_MAX = 500;

/** Blocks of others that are passed over in one call, at most, by those that it may open. */
const PASSED_FACTOR = 4;

interface Candidate {
  timeNano: bigint;
  id: string;
  block: ColumnBlock;
  index: number;
}

/** Runs a search within its bounds. */
export async function searchEvents(
  source: BlockSource,
  request: SearchRequest,
  bounds: SearchBounds,
): Promise<SearchResult> {
  if (request.hosts?.size === 0) return { events: [], next: undefined };
  return await new Search(source, request, bounds).run();
}

/** Times before all that a block can have. */
const BEFORE_ALL = -(1n << 63n);

class Search {
  readonly #source: BlockSource;
  readonly #request: SearchRequest;
  readonly #bounds: SearchBounds;
  readonly #endNano: bigint;
  readonly #page: Candidate[] = [];
  /** Events that match and are not given out yet, latest last. */
  #ready: Candidate[] = [];
  #opened = 0;
  #passed = 0;
  /** What may be given out in this call is later than this: blocks outside of the days that were not read end here. */
  #floorNano = BEFORE_ALL;

  constructor(source: BlockSource, request: SearchRequest, bounds: SearchBounds) {
    this.#source = source;
    this.#request = request;
    this.#bounds = bounds;
    const { after } = request;
    // Events at the position's own time may still be to come.
    this.#endNano = after !== undefined && after.timeNano < request.endNano ? after.timeNano + 1n : request.endNano;
  }

  async run(): Promise<SearchResult> {
    await this.#readOutside();
    for (const day of await this.#source.days()) {
      const range = this.#source.dayRange(day);
      if (range.startNano >= this.#endNano || range.endNano <= this.#request.startNano) continue;
      for await (const found of this.#blocks(day)) {
        const { lastTimeNano } = found;
        if (this.#give(lastTimeNano)) return this.#full();
        if (this.#isAtFloor(lastTimeNano)) return this.#upTo(this.#floorNano);
        if (!this.#add(found)) return this.#upTo(lastTimeNano);
      }
      // All events of a day's blocks are of that day.
      if (this.#give(range.startNano - 1n)) return this.#full();
      if (this.#isAtFloor(range.startNano - 1n)) return this.#upTo(this.#floorNano);
    }
    if (this.#give(BEFORE_ALL)) return this.#full();
    return this.#isAtFloor(BEFORE_ALL) ? this.#upTo(this.#floorNano) : { events: this.#events(), next: undefined };
  }

  /** Blocks of no day lie beside all of them, and so are read first; of these only some, so that others have their turn. */
  async #readOutside(): Promise<void> {
    const openedMax = Math.ceil(this.#bounds.blocksMax / 2);
    for await (const found of this.#blocks(OUTSIDE)) {
      if (this.#opened < openedMax && this.#add(found)) continue;
      this.#floorNano = found.lastTimeNano;
      return;
    }
  }

  #blocks(day: Place): AsyncGenerator<FoundBlock> {
    const { hosts, startNano, filter } = this.#request;
    // A set that is too large for a query is looked at here.
    const hostIds = hosts !== undefined && hosts.size <= HOSTS_QUERY_MAX ? [...hosts] : undefined;
    return this.#source.findBlocks({ day, hostIds, startNano, endNano: this.#endNano, terms: filter.terms });
  }

  /** Takes a block's events up; false where this call may open no more. */
  #add(found: FoundBlock): boolean {
    // Reading over what is of others costs as well, and so has a bound.
    if (this.#request.hosts?.has(hostOf(found.id)) === false)
      return ++this.#passed < this.#bounds.blocksMax * PASSED_FACTOR;
    if (this.#opened >= this.#bounds.blocksMax) return false;
    this.#opened++;
    this.#bounds.opened();
    const more = candidates(found, this.#request, this.#endNano);
    if (more.length > 0) this.#ready = [...this.#ready, ...more].sort(compare);
    return true;
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

  #events(): Event[] {
    return this.#page.map(({ block, index }) => block.event(index));
  }

  #full(): SearchResult {
    return { events: this.#events(), next: positionOf(this.#page) };
  }

  /** The next call goes on at a time, of which nothing was given out. */
  #upTo(timeNano: bigint): SearchResult {
    return { events: this.#events(), next: { timeNano, id: "" } };
  }
}

/** A block's id begins with its host's. */
function hostOf(blockId: string): string {
  return blockId.slice(0, blockId.indexOf("-"));
}

function positionOf(page: readonly Candidate[]): Position | undefined {
  const last = page.at(-1);
  return last && { timeNano: last.timeNano, id: last.id };
}

/** Ascending by time, then by id. */
function compare(a: Candidate, b: Candidate): number {
  if (a.timeNano !== b.timeNano) return a.timeNano < b.timeNano ? -1 : 1;
  if (a.id === b.id) return 0;
  return a.id < b.id ? -1 : 1;
}

/** Opens a stored block whose bytes are what its header says; an error names the block. */
export function openStored(found: FoundBlock): ColumnBlock {
  try {
    const parsed = parseBlock(found.bytes);
    // A fork is kept under an epoch of its own: its events are named by where it lies.
    const epoch = parseEventId(found.id)?.epoch ?? parsed.header.epoch;
    return openBlock({ ...parsed, header: { ...parsed.header, epoch } }, nodePrimitives);
  } catch (error) {
    if (!(error instanceof BlockError)) throw error;
    throw new BlockError(error.code, `block ${found.id}, ${error.place}`, error.message, { cause: error });
  }
}

/** The events of a block that belong to the answer. */
function candidates(found: FoundBlock, request: SearchRequest, endNano: bigint): Candidate[] {
  const block = openStored(found);
  const times = block.columns.time;
  const { after, startNano } = request;
  const list: Candidate[] = [];
  for (const index of request.filter.match(block)) {
    const timeNano = times[index] ?? 0n;
    if (timeNano < startNano || timeNano >= endNano) continue;
    const id = block.eventId(index);
    // The position's own event and those before it in the answer are out already.
    if (after !== undefined && after.id !== "" && timeNano === after.timeNano && id >= after.id) continue;
    list.push({ timeNano, id, block, index });
  }
  return list;
}
