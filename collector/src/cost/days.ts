/**
 * What each host stored on a day. Who asks for all hosts does it page by page, and a database that reads all of a day's catalogs for some of
 * them would do so for each page: so a day is read as a whole and kept for a while.
 */
import { setImmediate } from "node:timers/promises";
import type { Catalog, CatalogEntry, Place } from "../model/index.ts";
import { dayHoursOf } from "./hours.ts";

export interface DaySum {
  events: number;
  blocks: number;
  /** Of stored payloads. */
  bytes: number;
  /** Of each of its 24 hours; undefined where they are not known. */
  hourEvents: readonly number[] | undefined;
}

type HostCatalog = Pick<Catalog, "hostId" | "entries">;

/** Each throws a RetryableError where the database is away. */
export interface DaySource {
  catalogs(place: Place, hostIds: readonly string[]): Promise<HostCatalog[]>;
  /** Of all hosts. */
  eachCatalog(place: Place): AsyncIterable<HostCatalog>;
}

/** Hosts that are asked for by themselves: of more, the whole day is read. */
const HOSTS_ALONE_MAX = 16;
/** A day that is over changes where something of it comes late, or is dropped. */
const KEEP_MS = 300_000;
/** Days of hosts that are kept, at most: 31 days of 12,000 hosts. What is beyond is read for each page. */
const HOST_DAYS_MAX = 372_000;
/** What is read from memory would leave no turn to anybody else. */
const BREATH_MS = 20;

export class DaySums {
  readonly #source: DaySource;
  readonly #hostDaysMax: number;
  readonly #kept = new Map<Place, Promise<ReadonlyMap<string, DaySum>>>();
  #hostDays = 0;

  constructor(source: DaySource, hostDaysMax: number = HOST_DAYS_MAX) {
    this.#source = source;
    this.#hostDaysMax = hostDaysMax;
  }

  /** Of those of these hosts that have stored anything; others may be in it. */
  async of(day: Place, hostIds: readonly string[]): Promise<ReadonlyMap<string, DaySum>> {
    const kept = this.#kept.get(day);
    if (kept !== undefined) return await kept;
    if (hostIds.length > HOSTS_ALONE_MAX) return await this.#keep(day);
    const catalogs = await this.#source.catalogs(day, hostIds);
    return new Map(catalogs.map(({ hostId, entries }) => [hostId, sumOf(day, entries)]));
  }

  async #keep(day: Place): Promise<ReadonlyMap<string, DaySum>> {
    const reading = this.#read(day);
    this.#kept.set(day, reading);
    try {
      const sums = await reading;
      this.#hostDays += sums.size;
      const forget = (): void => {
        this.#kept.delete(day);
        this.#hostDays -= sums.size;
      };
      if (this.#hostDays > this.#hostDaysMax) forget();
      else setTimeout(forget, KEEP_MS).unref();
      return sums;
    } catch (error) {
      this.#kept.delete(day);
      throw error;
    }
  }

  async #read(day: Place): Promise<ReadonlyMap<string, DaySum>> {
    const sums = new Map<string, DaySum>();
    let breathedMs = performance.now();
    for await (const { hostId, entries } of this.#source.eachCatalog(day)) {
      sums.set(hostId, sumOf(day, entries));
      if (performance.now() - breathedMs < BREATH_MS) continue;
      await setImmediate();
      breathedMs = performance.now();
    }
    return sums;
  }
}

function sumOf(day: Place, entries: readonly CatalogEntry[]): DaySum {
  const sum = (of: "events" | "blocks" | "bytes"): number => entries.reduce((total, entry) => total + entry[of], 0);
  return { events: sum("events"), blocks: sum("blocks"), bytes: sum("bytes"), hourEvents: dayHoursOf(day, entries) };
}
