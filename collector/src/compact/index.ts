/**
 * Makes history of what arrived: the small blocks of a host become a part of its segments within about a minute, and are taken away.
 * Several collectors do this side by side: they share the hosts, and where two take the same one, the second changes nothing.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import type { Logger } from "@hosttrail/lib/log";
import { type OpenUnit, type Unit, unitOfEntry } from "../history/index.ts";
import { metrics } from "../metrics/index.ts";
import { type Arrival, type Catalog, type CatalogEntry, OUTSIDE, type Place, RetryableError } from "../model/index.ts";
import { dayOf, forkEpoch, forkId, type HostArchive, HostBook, noticeBlock } from "../trail/index.ts";
import { type CatalogSink, commit, sweep } from "./commit.ts";
import type { Job, Made } from "./job.ts";
import { dueGroups, type EpochPlan, type Group, planFinal, planGroup } from "./plan.ts";
import { CompactWorker, WorkerError } from "./worker.ts";

export { commit } from "./commit.ts";
export { compact } from "./job.ts";

/** What the step needs of the database. */
export interface CompactArchive extends CatalogSink {
  days(): Promise<Place[]>;
  /** True for a server that finds ranges of ids without reading everything. */
  findsRanges(): Promise<boolean>;
  /** Some that wait, of hosts whose ids begin so. */
  waiting(
    prefix: string,
    bounds: { blocksMax: number; bytesMax: number },
  ): Promise<{ arrivals: Arrival[]; isAll: boolean }>;
  insertBlocks(blocks: readonly Arrival[]): Promise<{ failed: { id: string; error: Error }[] }>;
  removeArrivals(ids: readonly string[]): Promise<void>;
  /** Places of which something is about to be dropped. */
  fencedPlaces(): Promise<ReadonlySet<Place>>;
  /** True for the first one that asks. */
  takeTurn(name: string, timeMs: number): Promise<boolean>;
  forgetTurns(beforeMs: number): Promise<void>;
}

/** Opens what is in history already. */
export interface UnitOpener {
  open(unit: Unit): Promise<OpenUnit>;
}

export interface CompactOptions {
  /** Time between turns. */
  turnMs: number;
  /** A block waits for others so long, at most. */
  ageMs: number;
  /** Or until its host has so many on that day. */
  blocksMin: number;
}

/** Groups whose catalogs are read together. */
const GROUPS_AT_ONCE = 64;
const WAITING_BOUNDS = { blocksMax: 16_384, bytesMax: 64 * 1024 * 1024 };
/** Hosts are shared by the first digit of their ids. */
const PREFIXES: readonly string[] = "0123456789abcdef".split("");
const SWEEP_MS = 60_000;
const TURNS_KEPT_MS = 600_000;
/** A day is over some time after its end, and its segments are merged once nothing came for a while. */
const DAY_OVER_MS = 1_800_000;
/** Days that are looked at when a collector starts; later those to which it added something. */
const FINAL_DAYS = 4;
/** Failures of a group after which its blocks are kept as they are, and turns that it waits after one. */
const FAILURES_MAX = 3;
const BACKOFF_TURNS_MAX = 32;
/** Fences are read again after this time: far less than a place has one before anything of it goes. */
const FENCES_MS = 5000;

interface Failure {
  count: number;
  waitTurns: number;
}

export class Compactor {
  readonly #archive: CompactArchive;
  readonly #history: UnitOpener;
  readonly #book: HostBook;
  readonly #options: CompactOptions;
  readonly #logger: Logger;
  readonly #worker = new CompactWorker();
  readonly #failures = new Map<string, Failure>();
  /** Days that may have segments to merge once they are over; undefined until what is there was looked at. */
  #unfinished: Set<Place> | undefined;
  #findsRanges: boolean | undefined;
  /** When this one saw each leftover first, on its monotonic clock. */
  readonly #leftovers = new Map<string, number>();
  #fences: { places: ReadonlySet<Place>; readMs: number } | undefined;
  #sweptMs = Number.NEGATIVE_INFINITY;

  constructor(
    archive: CompactArchive,
    history: UnitOpener,
    hosts: HostArchive,
    options: CompactOptions,
    logger: Logger,
  ) {
    this.#archive = archive;
    this.#history = history;
    this.#book = new HostBook(hosts);
    this.#options = options;
    this.#logger = logger;
  }

  /** Works until the signal ends it, which may be at any moment. */
  async run(signal: AbortSignal): Promise<void> {
    const { turnMs } = this.#options;
    try {
      while (!signal.aborted) {
        let isMore = false;
        try {
          isMore = await this.turn(signal);
        } catch (error) {
          const isAway = error instanceof RetryableError;
          this.#logger[isAway ? "warn" : "error"]({ error: String(error) }, "a turn of compacting ended early");
        }
        if (!isMore) await sleep(turnMs, undefined, { signal }).catch(() => undefined);
      }
    } finally {
      await this.close();
    }
  }

  /** One turn; true where more is waiting. */
  async turn(signal: AbortSignal = new AbortController().signal): Promise<boolean> {
    const nowMs = Date.now();
    this.#findsRanges ??= await this.#archive.findsRanges();
    const window = Math.floor(nowMs / this.#options.turnMs);
    let isMore = false;
    for (const prefix of this.#findsRanges ? PREFIXES : [""]) {
      if (signal.aborted) return false;
      if (await this.#archive.takeTurn(`${prefix || "all"}-${window}`, nowMs)) {
        isMore = (await this.compactWaiting(prefix, signal)) || isMore;
      }
    }
    const sinceMs = performance.now();
    if (sinceMs - this.#sweptMs >= SWEEP_MS && (await this.#archive.takeTurn(`sweep-${window}`, nowMs))) {
      this.#sweptMs = sinceMs;
      await this.finish(signal);
      await this.sweep(sinceMs);
      await this.#archive.forgetTurns(nowMs - TURNS_KEPT_MS);
    }
    return isMore;
  }

  /** Removes payloads that no catalog has listed since this saw them long ago; gives how many. `nowMs` is monotonic. */
  async sweep(nowMs: number): Promise<number> {
    return await sweep(this.#archive, this.#leftovers, nowMs);
  }

  /** Ends its thread. */
  async close(): Promise<void> {
    await this.#worker.close();
  }

  /** Compacts what is due of hosts whose ids begin so; true where something was done and more is waiting. */
  async compactWaiting(prefix = "", signal: AbortSignal = new AbortController().signal): Promise<boolean> {
    const { arrivals, isAll } = await this.#archive.waiting(prefix, WAITING_BOUNDS);
    metrics.arrivedBlocks.set(arrivals.length);
    const oldestMs = arrivals.reduce((least, { receivedMs }) => Math.min(least, receivedMs), Date.now());
    metrics.compactLagSeconds.set((Date.now() - oldestMs) / 1000);
    const fenced = await this.#fencedPlaces();
    const groups = dueGroups(arrivals, this.#options, Date.now()).filter(
      (group) => !fenced.has(group.place) && !this.#isWaiting(group),
    );
    if (groups.length === 0) return false;
    const done = metrics.compactSeconds.startTimer();
    let removed = 0;
    for (let at = 0; at < groups.length && !signal.aborted; at += GROUPS_AT_ONCE) {
      const some = groups.slice(at, at + GROUPS_AT_ONCE);
      const catalogs = await this.#catalogsOf(some);
      for (const group of some) {
        if (signal.aborted) break;
        removed += await this.#compactGroup(group, catalogs.get(keyOf(group)));
      }
    }
    done();
    return removed > 0 && !isAll;
  }

  /** Places that stay as they are, since something of them is being dropped. */
  async #fencedPlaces(): Promise<ReadonlySet<Place>> {
    const nowMs = performance.now();
    if (this.#fences === undefined || nowMs - this.#fences.readMs >= FENCES_MS)
      this.#fences = { places: await this.#archive.fencedPlaces(), readMs: nowMs };
    return this.#fences.places;
  }

  #isWaiting(group: Group): boolean {
    const failure = this.#failures.get(keyOf(group));
    if (failure === undefined) return false;
    failure.waitTurns--;
    return failure.waitTurns > 0;
  }

  /** Gives how many arrivals were taken away. A host that makes trouble does not stop the others. */
  async #compactGroup(group: Group, found: Catalog | undefined): Promise<number> {
    const { hostId, place } = group;
    try {
      const catalog = await this.#tidied(hostId, place, found);
      const removed = await this.#change(catalog, planGroup(group, catalog.entries));
      this.#failures.delete(keyOf(group));
      this.#unfinished?.add(place);
      return removed;
    } catch (error) {
      if (error instanceof RetryableError) throw error;
      const count = (this.#failures.get(keyOf(group))?.count ?? 0) + 1;
      this.#failures.set(keyOf(group), { count, waitTurns: Math.min(2 ** count, BACKOFF_TURNS_MAX) });
      this.#logger.error({ host: hostId, place, error: String(error), failures: count }, "blocks cannot be compacted");
      return 0;
    }
  }

  /** Catalogs of these groups' hosts by `keyOf`, read together: the embedded database reads all of a place for each question. */
  async #catalogsOf(groups: readonly Group[]): Promise<Map<string, Catalog>> {
    const found = new Map<string, Catalog>();
    for (const [place, list] of Map.groupBy(groups, (group) => group.place)) {
      const hostIds = list.map(({ hostId }) => hostId);
      for (const catalog of await this.#archive.catalogs(place, hostIds)) found.set(keyOf(catalog), catalog);
    }
    return found;
  }

  async #tidied(hostId: string, place: Place, catalog: Catalog | undefined): Promise<Catalog> {
    for (const version of catalog?.older ?? []) await this.#archive.removeCatalog(place, hostId, version);
    return catalog ?? { hostId, place, version: 0, older: [], entries: [] };
  }

  /** Carries plans out; gives how many arrivals were taken away. */
  async #change(catalog: Catalog, plans: readonly EpochPlan[]): Promise<number> {
    const { hostId, place } = catalog;
    const failures = this.#failures.get(`${hostId} ${place}`)?.count ?? 0;
    const made: Made[] = [];
    const replaced: CatalogEntry[] = [];
    const covered: string[] = [];
    for (const { epoch, arrivals, absorbed } of plans) {
      if (arrivals.length === 0 && absorbed.length === 0) continue;
      // Whatever failed before may be the fault of what is merged with it, and then of a block.
      const { entries, segments } = await this.#payloads(catalog, failures > 0 ? [] : absorbed);
      const isCareful = failures >= FAILURES_MAX;
      const blocks = arrivals.map(({ receivedMs, signer, bytes, chain }) => ({
        receivedMs,
        signer,
        bytes,
        status: chain.status,
      }));
      const results = await this.#merge({ hostId, epoch, blocks, segments, isCareful });
      if (arrivals.length === 0 && results.length >= entries.length) continue;
      made.push(...results);
      replaced.push(...entries);
      covered.push(...arrivals.map(({ id }) => id));
    }
    // Merging may have taken long.
    if ((await this.#fencedPlaces()).has(place)) return 0;
    if (made.length > 0) {
      if (!(await commit(this.#archive, catalog, { made, replaced }))) {
        metrics.compactConflicts.inc(made.length);
        return 0;
      }
      this.#tell(catalog, made);
    }
    const settled = await this.#settle(
      catalog,
      plans.flatMap(({ contested }) => contested),
    );
    await this.#archive.removeArrivals([...covered, ...settled]);
    return covered.length + settled.length;
  }

  #tell({ hostId, place }: Catalog, made: readonly Made[]): void {
    for (const { entry } of made) {
      metrics.compactedEvents.inc(entry.events);
      metrics.compactedBlocks.inc({ result: entry.block === undefined ? "segment" : "apart" }, entry.blocks);
      if (entry.block === undefined) continue;
      const { reason } = entry.block;
      this.#logger.warn({ host: hostId, place, epoch: String(entry.epoch), reason }, "a block stays by itself");
    }
  }

  async #merge(job: Job): Promise<Made[]> {
    try {
      return await this.#worker.run(job);
    } catch (error) {
      if (error instanceof WorkerError)
        this.#logger.error({ host: job.hostId, error: error.message }, "merging failed");
      throw error;
    }
  }

  /** Payloads that are what they were when they were written; one that is not stays where it is. */
  async #payloads(
    { place, hostId }: Catalog,
    absorbed: readonly CatalogEntry[],
  ): Promise<{ entries: CatalogEntry[]; segments: Job["segments"] }> {
    const entries: CatalogEntry[] = [];
    const segments: Job["segments"] = [];
    for (const entry of absorbed) {
      const bytes = await this.#archive.payload(place, entry.id);
      const sha256 = bytes && nodePrimitives.sha256(bytes);
      if (bytes === undefined || !entry.sha256.every((byte, at) => byte === sha256?.[at])) {
        this.#logger.error({ host: hostId, place, payload: entry.id }, "history is damaged");
        continue;
      }
      entries.push(entry);
      segments.push(bytes);
    }
    return { entries, segments };
  }

  /** Blocks whose numbers are taken: gives those that are in history or were put there as forks. */
  async #settle(catalog: Catalog, contested: readonly Arrival[]): Promise<string[]> {
    const settled: string[] = [];
    for (const arrival of contested) {
      // A notice is named by its kind and hour: one of a node that did not know it was told already is one too many, and no fork.
      if (arrival.chain.status === "collector" || (await this.#isKept(catalog, arrival))) {
        metrics.compactedBlocks.inc({ result: "known" });
        settled.push(arrival.id);
      } else if (await this.#keepFork(arrival)) settled.push(arrival.id);
    }
    return settled;
  }

  async #isKept({ place, hostId, entries }: Catalog, { epoch, firstSeq, chain }: Arrival): Promise<boolean> {
    for (const entry of entries) {
      if (entry.epoch !== epoch) continue;
      if (!entry.ranges.some(({ first, next }) => first <= firstSeq && firstSeq < next)) continue;
      const opened = await this.#history.open(unitOfEntry(place, hostId, entry));
      if (opened.headerHashOf(firstSeq) === chain.hash) return true;
    }
    return false;
  }

  /** Two collectors took two blocks with the same numbers in the same moment. */
  async #keepFork(arrival: Arrival): Promise<boolean> {
    const { hostId, firstSeq, chain, receivedMs, count } = arrival;
    const id = forkId(hostId, { hash: chain.hash, firstSeq });
    if (id === arrival.id) return false;
    const fork: Arrival = {
      ...arrival,
      id,
      epoch: forkEpoch(chain.hash),
      forkOf: arrival.id,
      chain: { ...chain, status: "forked" },
    };
    let hostName = "";
    await this.#book.change(
      new Map([
        [
          hostId,
          (host) => {
            hostName = host.name;
            return { ...host, faults: { ...host.faults, forkedBlocks: host.faults.forkedBlocks + 1 } };
          },
        ],
      ]),
    );
    const fields = { block: arrival.id, kept_as: id, events: String(count) };
    const notice = noticeBlock({ kind: "forked", hostId, hostName, receivedMs, fields });
    const { failed } = await this.#archive.insertBlocks([fork, notice]);
    metrics.trailFaults.inc({ kind: "forked" });
    this.#logger.warn({ host: hostId, fault: "forked" }, "a host's trail is not as it should be");
    return failed.length === 0;
  }

  /** Merges what is left of days that are over. */
  async finish(signal: AbortSignal = new AbortController().signal): Promise<void> {
    const today = dayOf(Date.now() - DAY_OVER_MS);
    // What a collector before this one may have left.
    this.#unfinished ??= new Set((await this.#archive.days()).slice(0, FINAL_DAYS));
    for (const place of this.#unfinished) {
      if (place === OUTSIDE || place >= today || (await this.#fencedPlaces()).has(place)) continue;
      for (const catalog of await this.#archive.catalogs(place, undefined)) {
        if (signal.aborted) return;
        await this.#finishHost(catalog);
      }
      this.#unfinished.delete(place);
    }
  }

  /** Until there is nothing left to merge, or nothing comes of it. */
  async #finishHost(found: Catalog): Promise<void> {
    const { hostId, place } = found;
    try {
      for (let catalog = found; ; ) {
        const plans = planFinal(catalog.entries);
        if (plans.length === 0) return;
        await this.#change(catalog, plans);
        const [next] = await this.#archive.catalogs(place, [hostId]);
        const after = await this.#tidied(hostId, place, next);
        if (after.entries.length >= catalog.entries.length) return;
        catalog = after;
      }
    } catch (error) {
      if (error instanceof RetryableError) throw error;
      this.#logger.error({ host: hostId, place, error: String(error) }, "segments cannot be merged");
    }
  }
}

function keyOf({ hostId, place }: Pick<Group, "hostId" | "place">): string {
  return `${hostId} ${place}`;
}
