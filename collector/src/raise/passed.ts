/**
 * Blocks that are stored, and that the broker lost before rules were held against them: found by what is stored and what those who match tell,
 * some hosts at a time, and looked at where they are stored. What is found goes through the stream of matches, as if it came late.
 */
import type { Logger } from "@hosttrail/lib/log";
import { type LookedRange, MatchBatch } from "@hosttrail/proto/detection";
import { metrics } from "../metrics/index.ts";
import type { Looked, StoredTrail } from "./looked.ts";

/** Part of a range that was looked at now, or that is not there any more. */
export type Recovered = { range: LookedRange; batch: MatchBatch | undefined } | { range: LookedRange; reason: string };

/** What it needs of others. Each throws where the database or JetStream is away. */
export interface PassedParts {
  /** In the order of their ids, after one of them. */
  listTrails(afterId: string, limit: number): Promise<StoredTrail[]>;
  newestBlocks(): Promise<ReadonlyMap<string, number>>;
  /** True when all blocks up to these were looked at. */
  areMatched(newest: ReadonlyMap<string, number>): Promise<boolean>;
  matchesRange(): Promise<{ last: bigint }>;
  /** Holds the rules against a range as it is stored. */
  recover(range: LookedRange, signal: AbortSignal): AsyncIterable<Recovered>;
  publish(batch: MatchBatch): Promise<void>;
  noteLost(range: LookedRange, nowMs: number): Promise<void>;
}

/** What it needs of the session. */
export interface PassedSession {
  looked: Looked;
  /** The message of matches to take next. */
  next: bigint;
}

const HOSTS_TOGETHER = 1000;
/** The streams may have been made anew, with other places: then these hosts are looked at once more. */
const PATIENCE_MS = 300_000;

/** Hosts as they were, which are judged when all is looked at that had come by then. */
interface Slice {
  trails: StoredTrail[];
  newest: ReadonlyMap<string, number>;
  /** Last message of matches when that was so; undefined before. */
  lastMatch: bigint | undefined;
  takenMs: number;
}

export class Passed {
  readonly #parts: PassedParts;
  readonly #logger: Logger;
  #slice: Slice | undefined;
  #afterId = "";
  #known = new Set<string>();

  constructor(parts: PassedParts, logger: Logger) {
    this.#parts = parts;
    this.#logger = logger;
  }

  /** What is stored now counts as looked at: for a detector that begins to note it. */
  async begin({ looked }: PassedSession, nowMs: number): Promise<void> {
    looked.clear();
    for (let afterId = ""; ; ) {
      const trails = await this.#parts.listTrails(afterId, HOSTS_TOGETHER);
      for (const { hostId, trail } of trails)
        for (const { epoch, ranges } of trail)
          for (const { first, next } of ranges) looked.add({ hostId, epoch, first, next }, nowMs);
      const last = trails.at(-1);
      if (last === undefined) break;
      afterId = last.hostId;
    }
    looked.sinceMs = nowMs;
  }

  /** One step of a round: takes some hosts, or judges those that were taken. */
  async step(session: PassedSession, nowMs: number, signal: AbortSignal): Promise<void> {
    const slice = this.#slice;
    if (slice === undefined) await this.#take(session, nowMs);
    else if (await this.#isTime(slice, session)) {
      this.#slice = undefined;
      for (const trail of slice.trails) await this.#judge(trail, session, nowMs, signal);
    } else if (nowMs - slice.takenMs > PATIENCE_MS) this.#slice = undefined;
  }

  async #take({ looked }: PassedSession, takenMs: number): Promise<void> {
    const trails = await this.#parts.listTrails(this.#afterId, HOSTS_TOGETHER);
    const last = trails.at(-1);
    if (last === undefined) {
      if (this.#afterId !== "") looked.trimHosts(this.#known, takenMs);
      [this.#afterId, this.#known] = ["", new Set()];
      return;
    }
    for (const { hostId } of trails) this.#known.add(hostId);
    this.#afterId = last.hostId;
    // What is stored by now came before these.
    this.#slice = { trails, newest: await this.#parts.newestBlocks(), lastMatch: undefined, takenMs };
  }

  /** True when those who match have told of all that they were given, and the session has it. */
  async #isTime(slice: Slice, { next }: PassedSession): Promise<boolean> {
    if (slice.lastMatch === undefined) {
      if (!(await this.#parts.areMatched(slice.newest))) return false;
      slice.lastMatch = (await this.#parts.matchesRange()).last;
    }
    return next > slice.lastMatch;
  }

  async #judge(trail: StoredTrail, { looked }: PassedSession, nowMs: number, signal: AbortSignal): Promise<void> {
    looked.trim(trail, nowMs);
    for (const range of looked.missing(trail)) {
      if (signal.aborted) return;
      await this.#recover(range, nowMs, signal);
    }
  }

  async #recover(range: LookedRange, nowMs: number, signal: AbortSignal): Promise<void> {
    const { hostId } = range;
    for await (const recovered of this.#parts.recover(range, signal)) {
      const { first, next } = recovered.range;
      const about = { host: hostId, epoch: String(range.epoch), from: String(first), to: String(next) };
      if ("reason" in recovered) {
        this.#logger.error(
          { ...about, reason: recovered.reason },
          "no rule was held against events, and they cannot be read",
        );
        await this.#parts.noteLost(recovered.range, nowMs);
      } else {
        this.#logger.warn(about, "events came past detection and were looked at in history");
        if (recovered.batch !== undefined) await this.#parts.publish(recovered.batch);
      }
      metrics.detectPassedEvents.inc({ result: "reason" in recovered ? "lost" : "recovered" }, Number(next - first));
      await this.#parts.publish({ ...MatchBatch.create(), looked: [recovered.range] });
    }
  }
}
