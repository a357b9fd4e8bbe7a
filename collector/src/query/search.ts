/**
 * Finds events, newest first. Blocks come from the database by the end of their time range; since they overlap, an event
 * is given out only when no block that is still to come can have a later one.
 */
import { BlockError, checkPayloadHash, type ColumnBlock, openBlock, parseBlock } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import type { Filter, Term } from "@hosttrail/lib/filter";
import type { Event } from "@hosttrail/proto/event";
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
    day: string;
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
  const page: Candidate[] = [];
  if (request.hosts?.size === 0) return { events: [], next: undefined };
  const built = (): Event[] => page.map(({ block, index }) => block.event(index));
  const { after } = request;
  // Events at the position's own time may still be to come.
  const endNano = after !== undefined && after.timeNano < request.endNano ? after.timeNano + 1n : request.endNano;
  let opened = 0;
  let passed = 0;
  for (const day of await source.days()) {
    const range = source.dayRange(day);
    if (range.startNano >= endNano || range.endNano <= request.startNano) continue;
    // Events of this day that match and are not given out yet, latest last.
    let ready: Candidate[] = [];
    const give = (lowerNano: bigint): boolean => {
      for (let last = ready.at(-1); last !== undefined && last.timeNano > lowerNano; last = ready.at(-1)) {
        if (page.length >= request.pageSize) return true;
        page.push(last);
        ready.pop();
      }
      return false;
    };
    const { hosts, startNano, filter } = request;
    // A set that is too large for a query is looked at here.
    const hostIds = hosts !== undefined && hosts.size <= HOSTS_QUERY_MAX ? [...hosts] : undefined;
    for await (const found of source.findBlocks({ day, hostIds, startNano, endNano, terms: filter.terms })) {
      if (hosts?.has(hostOf(found.id)) === false) {
        // Reading over what is of others costs as well, and so has a bound.
        if (++passed < bounds.blocksMax * PASSED_FACTOR) continue;
        return { events: built(), next: { timeNano: found.lastTimeNano, id: "" } };
      }
      if (give(found.lastTimeNano)) return { events: built(), next: positionOf(page) };
      if (opened >= bounds.blocksMax) {
        return { events: built(), next: { timeNano: found.lastTimeNano, id: "" } };
      }
      opened++;
      bounds.opened();
      const more = candidates(found, request, endNano);
      if (more.length > 0) ready = [...ready, ...more].sort(compare);
    }
    if (give(-(1n << 63n))) return { events: built(), next: positionOf(page) };
  }
  return { events: built(), next: undefined };
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
    checkPayloadHash(parsed, nodePrimitives);
    return openBlock(parsed, nodePrimitives);
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
