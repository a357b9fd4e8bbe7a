/**
 * Keeps what policies and holds keep, and drops the rest, in two steps: what nothing keeps is marked, and dropped after a time for second
 * thoughts, if nothing keeps it still. One process at a time does this.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "@hosttrail/lib/log";
import { metrics } from "../metrics/index.ts";
import { type Catalog, type DropMark, OUTSIDE, type OutsideSeen, type Place, RetryableError } from "../model/index.ts";
import type { FileAside } from "./aside.ts";
import { clockTrouble } from "./clock.ts";
import { dropDue } from "./drop.ts";
import { DAY_MS, endOf } from "./days.ts";
import { dueOf, judge, type Rules } from "./judge.ts";
import { dropOthers } from "./others.ts";
import { withToday } from "./outside.ts";
import { type RetainArchive, readRules } from "./ports.ts";

export interface RetainOptions {
  /** Time between turns. */
  turnMs: number;
  /** What is marked is dropped after this time. */
  graceMs: number;
  /** From a place's fence until it is dropped: longer than a compactor takes for a commit that it began before. */
  settleMs: number;
  /** Nothing is dropped where the newest event is farther from the clock. */
  clockGapMs: number;
  waitsForLog: boolean;
  /** Where what is dropped is put before; undefined where it is not wanted. */
  aside?: Pick<FileAside, "put"> | undefined;
}

/** The lease while it is held. */
interface Held {
  isHeld: () => boolean;
  signal: AbortSignal;
}

/** A day in which everything is kept by policies is not looked at again before that ends, or before this time: late blocks may come. */
const QUIET_MAX_MS = 6 * 3_600_000;
const HOUR_MS = 3_600_000;
const NOTHING_SEEN: ReadonlyMap<string, readonly OutsideSeen[]> = new Map();
/** What is beside events is looked at so often. */
const OTHERS_MS = HOUR_MS;

interface Quiet {
  /** Holds, policies and labels by which it was judged. */
  rulesKey: string;
  untilMs: number;
}

export class Retainer {
  readonly #archive: RetainArchive;
  readonly #options: RetainOptions;
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #quiet = new Map<Place, Quiet>();
  /** When this process saw each fence first, by the time of the fence, on its monotonic clock. */
  #fences = new Map<number, number>();
  #othersMs = Number.NEGATIVE_INFINITY;

  /** `now` gives milliseconds since 1970. */
  constructor(archive: RetainArchive, options: RetainOptions, logger: Logger, now: () => number = Date.now) {
    this.#archive = archive;
    this.#options = options;
    this.#logger = logger;
    this.#now = now;
  }

  /** Works while the lease is held. */
  async run({ isHeld, signal }: Held): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.turn(isHeld);
      } catch (error) {
        const isAway = error instanceof RetryableError;
        this.#logger[isAway ? "warn" : "error"]({ error: String(error) }, "a turn of retention ended early");
      }
      await sleep(this.#options.turnMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** One turn. Ends early where `mayGoOn` says so. */
  async turn(mayGoOn: () => boolean = () => true): Promise<void> {
    const { clockGapMs, graceMs } = this.#options;
    const archive = this.#archive;
    const nowMs = this.#now();
    const newestEventMs = await archive.newestEventMs();
    // Nothing was ever stored.
    if (newestEventMs === 0) return;
    const trouble = clockTrouble(newestEventMs, nowMs, clockGapMs);
    metrics.retentionPaused.set(trouble === undefined ? 0 : 1);
    if (trouble !== undefined) {
      this.#logger.warn({ reason: trouble }, "nothing is marked or dropped: the clock may be wrong");
      return;
    }
    await this.#goOn(mayGoOn);
    const rules = await readRules(archive);
    await this.#judgeDays(rules, nowMs, mayGoOn);
    if (nowMs - this.#othersMs < OTHERS_MS) return;
    this.#othersMs = nowMs;
    await dropOthers({ archive, rules, graceMs, nowMs, mayGoOn, logger: this.#logger });
  }

  /** Places that have a fence: whoever put it up may have been ended. */
  async #goOn(mayGoOn: () => boolean): Promise<void> {
    const { settleMs, ...options } = this.#options;
    const fences = await this.#archive.listFences();
    const nowMs = performance.now();
    // Clocks differ and jump: how long compactors have left a place alone is measured here, anew by each process.
    this.#fences = new Map(fences.map(({ timeMs }) => [timeMs, this.#fences.get(timeMs) ?? nowMs]));
    for (const fence of fences) {
      if (!mayGoOn()) return;
      const isSettled = nowMs - (this.#fences.get(fence.timeMs) ?? nowMs) >= settleMs;
      if (
        this.#now() - fence.timeMs < -HOUR_MS &&
        (await this.#archive.getBatch(fence.place, fence.timeMs)) === undefined
      ) {
        this.#logger.warn({ place: fence.place }, "a fence of a time to come is taken away: the clock was wrong");
        await this.#archive.removeFence(fence.place);
      } else if (isSettled) {
        const parts = { ...options, archive: this.#archive, mayGoOn, now: this.#now, logger: this.#logger };
        if (await dropDue(parts, fence)) this.#quiet.delete(fence.place);
      }
    }
  }

  async #judgeDays(rules: Rules, nowMs: number, mayGoOn: () => boolean): Promise<void> {
    const archive = this.#archive;
    const marks = Map.groupBy(await archive.listMarks(), ({ place }) => place);
    const leastMs = rules.policies.leastDays("events") * DAY_MS;
    const rulesKey = keyOf(rules);
    const fenced = new Set((await archive.listFences()).map(({ place }) => place));
    let waiting: ReadonlySet<string> | undefined;
    let marked = 0;
    const days = await archive.days();
    for (const place of [...days.toReversed(), OUTSIDE]) {
      if (!mayGoOn()) return;
      if (fenced.has(place)) continue;
      const own = marks.get(place) ?? [];
      if (own.length === 0 && (endOf(place) + leastMs > nowMs || this.#isQuiet(place, rulesKey, nowMs))) continue;
      const catalogs = await archive.catalogs(place, undefined);
      const seen = place === OUTSIDE ? await this.#seenOutside(catalogs, nowMs) : NOTHING_SEEN;
      const { due, keptUntilMs } = this.#dueOf(catalogs, rules, seen, nowMs);
      await this.#remark(place, own, due, nowMs);
      marked += due.length;
      if (due.length === 0) this.#quiet.set(place, { rulesKey, untilMs: Math.min(keptUntilMs, nowMs + QUIET_MAX_MS) });
      const ripe = own.filter(
        ({ hostId, timeMs }) => nowMs - timeMs >= this.#options.graceMs && due.some((mark) => mark.hostId === hostId),
      );
      if (ripe.length === 0) continue;
      waiting ??= await archive.waitingDays();
      if (ripe.every(({ hostId }) => waiting?.has(`${hostId} ${place}`))) continue;
      await archive.addFence({ place, timeMs: await this.#unusedTime(place, nowMs) });
      this.#logger.info({ place, hosts: ripe.length }, "a day is about to be dropped");
    }
    metrics.markedDays.set(marked);
    const known = new Set([...days, OUTSIDE]);
    const lost = Array.from(marks, ([place, list]) => (known.has(place) ? [] : list)).flat();
    await archive.removeMarks(lost.filter(({ place }) => !fenced.has(place)));
  }

  /** A time by which nothing of the place was dropped before: a clock that was set back may come to one again. */
  async #unusedTime(place: Place, nowMs: number): Promise<number> {
    let timeMs = nowMs;
    while ((await this.#archive.getBatch(place, timeMs)) !== undefined) timeMs++;
    return timeMs;
  }

  /** What was noted of what is of no day, with what is there today. */
  async #seenOutside(
    catalogs: readonly Catalog[],
    nowMs: number,
  ): Promise<ReadonlyMap<string, readonly OutsideSeen[]>> {
    const before = await this.#archive.outsideSeen();
    const now = new Map<string, readonly OutsideSeen[]>();
    for (const { hostId, entries } of catalogs) {
      const known = before.get(hostId) ?? [];
      const seen = withToday(known, entries, nowMs);
      now.set(hostId, seen);
      if (seen !== known) await this.#archive.putOutsideSeen(hostId, seen);
    }
    return now;
  }

  #isQuiet(place: Place, rulesKey: string, nowMs: number): boolean {
    const quiet = this.#quiet.get(place);
    return quiet !== undefined && quiet.rulesKey === rulesKey && nowMs < quiet.untilMs;
  }

  #dueOf(
    catalogs: readonly Catalog[],
    rules: Rules,
    seen: ReadonlyMap<string, readonly OutsideSeen[]>,
    nowMs: number,
  ): { due: DropMark[]; keptUntilMs: number } {
    const due: DropMark[] = [];
    let keptUntilMs = Number.POSITIVE_INFINITY;
    for (const catalog of catalogs) {
      const { hostId, place } = catalog;
      const { hold, policy, untilMs } = judge(rules, hostId, place, nowMs);
      const isDue = dueOf(rules, catalog, seen.get(hostId) ?? [], nowMs).length > 0;
      if (isDue) due.push({ hostId, place, policy: policy.name, keepDays: policy.keepDays, timeMs: nowMs });
      else if (hold === undefined && place !== OUTSIDE) keptUntilMs = Math.min(keptUntilMs, untilMs);
    }
    return { due, keptUntilMs };
  }

  /** Marks what is due and is not yet, and takes marks away of what is not due any more. */
  async #remark(place: Place, own: readonly DropMark[], due: readonly DropMark[], nowMs: number): Promise<void> {
    const dueHosts = new Set(due.map(({ hostId }) => hostId));
    // A mark of a time to come was made by a clock that was wrong.
    const isRight = ({ hostId, timeMs }: DropMark): boolean => dueHosts.has(hostId) && timeMs <= nowMs;
    const wrong = own.filter((mark) => !isRight(mark));
    if (wrong.length > 0) await this.#archive.removeMarks(wrong);
    const marked = new Set(own.filter(isRight).map(({ hostId }) => hostId));
    const fresh = due.filter(({ hostId }) => !marked.has(hostId));
    if (fresh.length === 0) return;
    await this.#archive.addMarks(fresh);
    this.#logger.info({ place, hosts: fresh.length }, "days of hosts are marked: they will be dropped");
  }
}

function keyOf({ policies, holds, labels }: Rules): string {
  return JSON.stringify([policies.textOf("events"), holds.map(({ id }) => id), [...labels]]);
}
