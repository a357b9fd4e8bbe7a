/**
 * Reads what is kept of hosts: the blocks that came a moment ago, and the segments that were made of older ones. Who compacts writes
 * the catalog before it removes an arrival; so whoever reads arrivals first, and then the catalog, sees each block at least once. A
 * block that is in both is taken from the catalog.
 */
import { BlockError, type ColumnBlock, epochMs, parseEventId } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import type { SieveAnswers } from "@hosttrail/lib/predicate";
import { Sieve } from "@hosttrail/lib/sieve";
import { type Arrival, type Catalog, type DroppedDay, OUTSIDE, type Place } from "../model/index.ts";
import { dayOf } from "../trail/index.ts";
import { Recent } from "./recent.ts";
import { covers, openPayload, type OpenUnit, overlaps, type Unit, unitOfArrival, unitOfEntry } from "./unit.ts";

export { openPayload, type OpenUnit, overlaps, type Unit, unitOfArrival, unitOfEntry } from "./unit.ts";

/** What reading needs of the database. Each throws a RetryableError where it is away. */
export interface HistorySource {
  /** Days that have history, "YYYYMMDD", newest first. */
  days(): Promise<Place[]>;
  /** Those that end latest, the latest first; `isAll` where there are no more. */
  arrivals(
    query: { hostIds: readonly string[] | undefined; startNano: bigint; endNano: bigint },
    bounds: { blocksMax: number; bytesMax: number },
  ): Promise<{ arrivals: Arrival[]; isAll: boolean }>;
  /** Hashes of the headers of those of these blocks that are among the arrivals, hex, by id. */
  arrivalHashes(ids: readonly string[]): Promise<Map<string, string>>;
  catalogs(place: Place, hostIds: readonly string[] | undefined): Promise<Catalog[]>;
  payload(place: Place, id: string): Promise<Uint8Array | undefined>;
  sieve(place: Place, id: string): Promise<Uint8Array | undefined>;
  /** What retention has dropped of these days (inclusive) and hosts (undefined: of all). Nothing is where this is not there. */
  droppedDays?(firstDay: Place, lastDay: Place, hostIds: ReadonlySet<string> | undefined): Promise<DroppedDay[]>;
}

/** Which part of history is to be read. Times are nanoseconds. */
export interface HistoryQuery {
  /** Undefined for all. */
  hosts: ReadonlySet<string> | undefined;
  startNano: bigint;
  endNano: bigint;
}

/** History as it is while one question is answered. */
export interface Reading {
  /** Places of days, newest first. */
  days: Place[];
  /** Arrivals that end here or before were not read: there were too many. Undefined where all were. */
  floorNano: bigint | undefined;
  /** What came a moment ago and may be in no segment yet, of those arrivals that were read; some of it may be in one by now. */
  arrived: readonly Unit[];
  /** What may hold events of the query, what ends latest first. */
  units(place: Place): Promise<Unit[]>;
  /** What there is of the query's hosts, whatever its time. */
  all(place: Place): Promise<Unit[]>;
}

/** A payload that is no longer there, since newer ones took its place while it was about to be read: begin again. */
export class MovedError extends Error {
  override readonly name = "MovedError";
}

const ARRIVALS_MAX = 20_000;
const ARRIVAL_BYTES_MAX: number = 32 * 1024 * 1024;
/** Hosts that are named in a question to the database, at most. */
const HOSTS_ASKED_MAX = 500;
/** Events of opened payloads and bytes of sieves that are kept for the next question. */
const EVENTS_KEPT_MAX = 131_072;
const SIEVE_BYTES_KEPT_MAX: number = 64 * 1024 * 1024;
/** Days that are looked into at once. */
const DAYS_AT_ONCE = 8;
const TIME_MIN = -(1n << 63n);
const TIME_MAX = (1n << 63n) - 1n;
const DAY_MS = 86_400_000;
/** The last millisecond that a date can have. */
const DATE_MS_MAX = 8.64e15;
const NANOS_OF_MS = 1_000_000n;

export class History {
  readonly #source: HistorySource;
  readonly #opened = new Recent<OpenUnit>(EVENTS_KEPT_MAX);
  readonly #sieves = new Recent<Sieve>(SIEVE_BYTES_KEPT_MAX);
  /** As they are stored: what is asked again and again comes from here ten times as quickly as out of the database. */
  readonly #payloads: Recent<Uint8Array>;

  /** `payloadBytesKept` is how much of what was read is kept for the next question. */
  constructor(source: HistorySource, { payloadBytesKept = 0 }: { payloadBytesKept?: number } = {}) {
    this.#source = source;
    this.#payloads = new Recent(payloadBytesKept);
  }

  async begin(query: HistoryQuery): Promise<Reading> {
    const hostIds = query.hosts !== undefined && query.hosts.size <= HOSTS_ASKED_MAX ? [...query.hosts] : undefined;
    const { startNano, endNano } = query;
    const bounds = { blocksMax: ARRIVALS_MAX, bytesMax: ARRIVAL_BYTES_MAX };
    const read = await this.#source.arrivals({ hostIds, startNano, endNano }, bounds);
    const arrivals = Map.groupBy(read.arrivals.map(unitOfArrival), ({ place }) => place);
    const known = await this.#source.days();
    const days = [...new Set([...known, ...arrivals.keys()])].filter((place) => place !== OUTSIDE);
    const all = async (place: Place): Promise<Unit[]> => {
      const catalogs = await this.#source.catalogs(place, hostIds);
      const kept = catalogs.flatMap(({ hostId, entries }) => entries.map((entry) => unitOfEntry(place, hostId, entry)));
      return [...kept, ...unmasked(arrivals.get(place) ?? [], kept)].filter(
        ({ hostId }) => query.hosts?.has(hostId) !== false,
      );
    };
    return {
      days: days.sort().reverse(),
      floorNano: read.isAll ? undefined : read.arrivals.at(-1)?.lastTimeNano,
      arrived: [...arrivals.values()].flat(),
      all,
      units: async (place) =>
        (await all(place))
          .filter(({ firstTimeNano, lastTimeNano }) => firstTimeNano < endNano && lastTimeNano >= startNano)
          .sort(latestFirst),
    };
  }

  /**
   * What retention has dropped of the query's days and hosts. To be asked after they were read: whatever was missing then because it was
   * dropped is told now.
   */
  async dropped({ hosts, startNano, endNano }: HistoryQuery): Promise<DroppedDay[]> {
    const startMs = Number(startNano / NANOS_OF_MS);
    // No policy keeps a day for less than a day after its end.
    if (endNano <= startNano || startMs > Date.now() - DAY_MS) return [];
    const day = (timeMs: number): Place => dayOf(Math.min(Math.max(0, timeMs), DATE_MS_MAX));
    const lastDay = day(Number((endNano - 1n) / NANOS_OF_MS));
    return (await this.#source.droppedDays?.(day(startMs), lastDay, hosts)) ?? [];
  }

  /** False where the unit's sieve says that nothing in it can match. A sieve that is not there or is damaged says nothing. */
  async mayMatch(unit: Unit, filter: { mayMatch(sieve: SieveAnswers): boolean }): Promise<boolean> {
    const key = keyOf(unit);
    let sieve = this.#sieves.get(key);
    if (sieve === undefined) {
      const bytes = await this.sieveOf(unit);
      if (bytes === undefined) return true;
      try {
        sieve = new Sieve(bytes);
      } catch (error) {
        if (error instanceof RangeError) return true;
        throw error;
      }
      this.#sieves.set(key, sieve, bytes.length);
    }
    return filter.mayMatch(sieve);
  }

  /** The bytes of the unit's sieve; undefined where it has none, or one that is not what was stored. */
  async sieveOf(unit: Unit): Promise<Uint8Array | undefined> {
    if (!("entry" in unit.from)) return undefined;
    const bytes = await this.#source.sieve(unit.place, unit.id);
    if (bytes === undefined || !isSame(nodePrimitives.sha256(bytes), unit.from.entry.sieveSha256)) return undefined;
    return bytes;
  }

  /** Throws a BlockError where the unit is damaged, and a MovedError where others took its place. */
  async open(unit: Unit): Promise<OpenUnit> {
    const known = this.opened(unit);
    if (known !== undefined) return known;
    const opened = openPayload(unit, await this.payloadOf(unit));
    this.keep(unit, opened);
    return opened;
  }

  /** A segment that was opened lately. */
  opened(unit: Unit): OpenUnit | undefined {
    return "entry" in unit.from ? this.#opened.get(keyOf(unit)) : undefined;
  }

  /** Remembers a segment that somebody opened. */
  keep(unit: Unit, opened: OpenUnit): void {
    if ("entry" in unit.from) this.#opened.set(keyOf(unit), opened, unit.events);
  }

  /** The unit's bytes, which nobody has looked into. Throws as `open` does. */
  async payloadOf(unit: Unit): Promise<Uint8Array> {
    if ("arrival" in unit.from) return unit.from.arrival.bytes;
    const known = this.#payloads.get(keyOf(unit));
    if (known !== undefined) return known;
    const bytes = (await this.#source.payload(unit.place, unit.id)) ?? (await this.#missing(unit));
    this.#payloads.set(keyOf(unit), bytes, bytes.length);
    return bytes;
  }

  async #missing(unit: Unit): Promise<never> {
    const catalogs = await this.#source.catalogs(unit.place, [unit.hostId]);
    const isListed = catalogs.some(({ entries }) => entries.some(({ id }) => id === unit.id));
    if (!isListed) throw new MovedError(`${unit.place} ${unit.id} is elsewhere now`);
    throw new BlockError("SEGMENT_MALFORMED", `${unit.place} ${unit.id}`, "its payload is not there");
  }

  /** One event, and the block of events that it is in; undefined where there is none of this number. */
  async find(hostId: string, epoch: bigint, seq: bigint): Promise<{ events: ColumnBlock; index: number } | undefined> {
    const bounds = { blocksMax: ARRIVALS_MAX, bytesMax: ARRIVAL_BYTES_MAX };
    const { arrivals } = await this.#source.arrivals(
      { hostIds: [hostId], startNano: TIME_MIN, endNano: TIME_MAX },
      bounds,
    );
    const isIt = (unit: Unit): boolean => unit.epoch === epoch && covers(unit.ranges, seq);
    const arrived = arrivals.map(unitOfArrival).find(isIt);
    const places = arrived === undefined ? orderedPlaces(await this.#source.days(), epoch) : [arrived.place];
    for (let at = 0; at < places.length; at += DAYS_AT_ONCE) {
      const some = places.slice(at, at + DAYS_AT_ONCE);
      const found = (await Promise.all(some.map((place) => this.#unitsOf(place, hostId)))).flat().find(isIt);
      if (found !== undefined) return await this.#eventOf(found, seq);
    }
    return arrived && (await this.#eventOf(arrived, seq));
  }

  async #unitsOf(place: Place, hostId: string): Promise<Unit[]> {
    const catalogs = await this.#source.catalogs(place, [hostId]);
    return catalogs.flatMap(({ entries }) => entries.map((entry) => unitOfEntry(place, hostId, entry)));
  }

  async #eventOf(unit: Unit, seq: bigint): Promise<{ events: ColumnBlock; index: number } | undefined> {
    const opened = await this.open(unit);
    const index = opened.eventAt(seq);
    return index === undefined ? undefined : { events: opened.events, index };
  }

  /** `<id> <header hash, hex>` of those of these blocks that are kept, as they arrived or in history. */
  async hashesOf(blocks: readonly { id: string; place: Place }[]): Promise<Set<string>> {
    const arrived = await this.#source.arrivalHashes([...new Set(blocks.map(({ id }) => id))]);
    const hashes = new Set(Array.from(arrived, ([id, hash]) => `${id} ${hash}`));
    for (const [place, inPlace] of Map.groupBy(blocks, (block) => block.place)) {
      for (const [hostId, list] of Map.groupBy(inPlace, ({ id }) => hostOf(id))) {
        const units = await this.#unitsOf(place, hostId);
        if (units.length > 0) for (const { id } of list) await this.#hashIn(units, id, hashes);
      }
    }
    return hashes;
  }

  async #hashIn(units: readonly Unit[], id: string, hashes: Set<string>): Promise<void> {
    const { epoch, seq } = parseEventId(id) ?? { epoch: 0n, seq: 0n };
    const unit = units.find((each) => each.epoch === epoch && covers(each.ranges, seq));
    if (unit === undefined) return;
    const hash = (await this.open(unit)).headerHashOf(seq);
    if (hash !== undefined) hashes.add(`${id} ${hash}`);
  }
}

function keyOf({ place, id }: Unit): string {
  return `${place} ${id}`;
}

/** Arrivals whose numbers no entry has: the others are about to be removed, or to be kept as forks. */
function unmasked(arrivals: readonly Unit[], kept: readonly Unit[]): Unit[] {
  const trails = Map.groupBy(kept, ({ hostId, epoch }) => `${hostId} ${epoch}`);
  return arrivals.filter(({ hostId, epoch, ranges }) => {
    const others = trails.get(`${hostId} ${epoch}`) ?? [];
    return !others.some((other) => overlaps(other.ranges, ranges));
  });
}

function latestFirst(a: Unit, b: Unit): number {
  if (a.lastTimeNano !== b.lastTimeNano) return a.lastTimeNano > b.lastTimeNano ? -1 : 1;
  return a.id === b.id ? 0 : a.id > b.id ? -1 : 1;
}

/** An epoch begins with the time at which its agent started, where it is not that of a fork: its events are of that day or later. */
function orderedPlaces(days: readonly Place[], epoch: bigint): Place[] {
  const startMs = epochMs(epoch);
  const first = startMs < 8.64e15 ? dayBefore(startMs) : "";
  const likely = days.filter((day) => day >= first).sort();
  return [...likely, OUTSIDE, ...days.filter((day) => day < first)];
}

function dayBefore(timeMs: number): Place {
  return new Date(Math.max(0, timeMs - DAY_MS)).toISOString().slice(0, 10).replaceAll("-", "");
}

function hostOf(blockId: string): string {
  return blockId.slice(0, blockId.indexOf("-"));
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
