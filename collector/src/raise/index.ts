/**
 * Raises alerts of what rules matched. Of all processes with the role one does it at a time; the others wait for its lease. What it goes on
 * from is saved with its place in the stream of matches, so that whoever comes next comes to the same alerts (decision 0027).
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { HistoryNeeded } from "@hosttrail/lib/correlate";
import type { Logger } from "@hosttrail/lib/log";
import { metrics } from "../metrics/index.ts";
import { messagesOf } from "../match/index.ts";
import { Correlations } from "./correlations.ts";
import type { HostInfo } from "../rulebook/index.ts";
import type { Found } from "./look.ts";
import { MatchBatch } from "@hosttrail/proto/detection";
import type { HeldLease, RaiseArchive, RaiseFeed, RaiseHistory, RaiseOptions, RaiseRules } from "./ports.ts";
import { Passed } from "./passed.ts";
import { Session } from "./session.ts";
import { type InTurn, inTurn } from "./turn.ts";

export { fullAt } from "./disk.ts";
export { type FindingSource, Look } from "./look.ts";
export { Past } from "./past.ts";

const FLUSH_MS = 500;
const HISTORY_MS = 250;
const COMPLETE_MS = 1000;
const EXPIRE_MS = 60_000;
/** A state tells until when blocks were looked at, also where nothing matches. */
const STATE_AGE_MAX_MS = 600_000;
/** A block that came late is waited for so long, until it is stored with all before it. */
const STORED_WAIT_MS = 60_000;
/** Saving takes at most this part of the time. */
const SAVE_PART = 0.05;

export interface RaiserParts {
  feed: RaiseFeed;
  archive: RaiseArchive;
  rules: RaiseRules;
  history: RaiseHistory;
  hostOf: (hostId: string) => Promise<HostInfo>;
  /** Looks what is wrong now. Made anew whenever this process is the one. */
  newLook: () => { look(isOpen: (key: string) => boolean, nowMs: number): Promise<Found> };
}

export class Raiser {
  readonly #parts: RaiserParts;
  readonly #options: RaiseOptions;
  readonly #logger: Logger;

  constructor(parts: RaiserParts, options: RaiseOptions, logger: Logger) {
    this.#parts = parts;
    this.#options = options;
    this.#logger = logger;
  }

  /** Works whenever it is the one, until the signal ends it. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#parts.feed.hold(signal, (lease) => this.#work(lease), this.#logger);
  }

  async #work(lease: HeldLease): Promise<void> {
    const { newLook, ...own } = this.#parts;
    const parts = { ...own, lease, options: this.#options, logger: this.#logger };
    const look = newLook();
    const passed = this.#newPassed();
    const session = await Session.begin(parts);
    // What changes the session.
    const serial = inTurn();
    const failed = new AbortController();
    const signal = AbortSignal.any([lease.signal, failed.signal]);
    let failure: unknown;
    const loop = async (everyMs: number, step: () => Promise<number | void>): Promise<void> => {
      try {
        for (let waitMs = everyMs; ; ) {
          await sleep(waitMs, undefined, { signal }).catch(() => undefined);
          if (signal.aborted) return;
          waitMs = (await step()) ?? everyMs;
        }
      } catch (error) {
        failure ??= error;
        failed.abort();
      }
    };
    metrics.raiseIsActive.set(1);
    try {
      // Also where nothing ever matched it is known that and when somebody detected.
      await session.checkpoint(true);
      await Promise.all([
        this.#follow(session, serial, signal).catch((error: unknown) => {
          failure ??= error;
          failed.abort();
        }),
        loop(FLUSH_MS, () => serial(() => session.flush())),
        loop(this.#options.checkpointMs, () => this.#checkpoint(session, serial)),
        loop(HISTORY_MS, () => this.#answer(session, serial, signal)),
        loop(COMPLETE_MS, () => session.completeSome(signal, serial)),
        loop(this.#options.findingsMs, () => this.#find(session, look, serial)),
        loop(this.#options.findingsMs, () => this.#lookPast(session, passed, serial, signal)),
        loop(STATE_AGE_MAX_MS, () => session.checkpoint(true, serial)),
        loop(EXPIRE_MS, () => serial(async () => session.expire())),
      ]);
      if (failure !== undefined) throw failure;
      if (lease.isHeld()) await session.checkpoint(false, serial);
    } finally {
      metrics.raiseIsActive.set(0);
    }
  }

  async #follow(session: Session, serial: InTurn, signal: AbortSignal): Promise<void> {
    const { first } = await this.#parts.feed.matchesRange();
    if (first > session.next && session.next > 1n) await session.missed(first);
    const from = first > session.next ? first : session.next;
    await this.#parts.feed.followMatches(
      { from, signal },
      (messages) => serial(() => session.take(messages)),
      this.#logger,
    );
  }

  /** Gives the time to the next one. */
  async #checkpoint(session: Session, serial: InTurn): Promise<number> {
    const beganMs = performance.now();
    await session.checkpoint(false, serial);
    return Math.max(this.#options.checkpointMs, (performance.now() - beganMs) / SAVE_PART);
  }

  async #find(session: Session, look: ReturnType<RaiserParts["newLook"]>, serial: InTurn): Promise<void> {
    let found: Found;
    try {
      found = await look.look((key) => session.isOpen(key), Date.now());
    } catch (error) {
      this.#logger.warn({ error: String(error) }, "whether hosts are silent or else wrong cannot be looked at");
      return;
    }
    await serial(() => session.findings(found));
  }

  #newPassed(): Passed {
    const { feed, archive, history } = this.#parts;
    return new Passed(
      {
        listTrails: (afterId, limit) => archive.listTrails(afterId, limit),
        newestBlocks: () => feed.newestBlocks(),
        areMatched: (newest) => feed.areMatched(newest),
        matchesRange: () => feed.matchesRange(),
        recover: (range, signal) => history.recover(range, signal),
        publish: (batch) => this.#publish(batch),
        noteLost: (range, nowMs) => archive.noteLost(range, nowMs),
      },
      this.#logger,
    );
  }

  async #publish(batch: MatchBatch): Promise<void> {
    const { feed } = this.#parts;
    if (batch.looked.length > 0) await feed.publishLooked(MatchBatch.encode(batch).finish());
    else
      for (const [index, bytes] of messagesOf(batch, feed.messageBytesMax()).entries()) {
        const id = `${batch.blockId}-${batch.headerSha256}-${batch.revision}-${index}`;
        await feed.publishMatches(batch.hostId, bytes, id);
      }
  }

  /** Looks at what the broker lost before it was looked at. */
  async #lookPast(session: Session, passed: Passed, serial: InTurn, signal: AbortSignal): Promise<void> {
    try {
      const { sinceMs } = session.looked;
      // What came in such a time is told of already.
      const isToldOf = (await this.#parts.archive.listGaps()).some(({ toMs, lost }) => !lost && toMs > sinceMs);
      if (sinceMs === 0 || isToldOf) {
        await passed.begin(session, Date.now());
        // Whoever comes next would begin as well, and take what was lost meanwhile for looked at.
        await session.checkpoint(true, serial);
      } else await passed.step(session, Date.now(), signal);
    } catch (error) {
      this.#logger.warn({ error: String(error) }, "whether blocks came past detection cannot be looked at");
    }
  }

  /** Answers what correlations ask of history, some questions of one rule at a time. */
  async #answer(session: Session, serial: InTurn, signal: AbortSignal): Promise<number | undefined> {
    const asked = session.correlations.together;
    const [first] = asked;
    if (first === undefined || !(await this.#areStored(signal))) return undefined;
    const fromNano = asked.reduce((least, { fromNano }) => earlier(least, fromNano), first.fromNano);
    const toNano = asked.reduce((most, { toNano }) => later(most, toNano), first.toNano);
    const rules = Correlations.rulesOf(first.rule);
    const matches = await this.#parts.history.matchesIn({ rules, hosts: hostsOf(asked), fromNano, toNano }, signal);
    if (signal.aborted) return undefined;
    await serial(() => session.answer(asked, matches));
    await session.checkpoint(true, serial);
    // The next ones need not wait.
    return 0;
  }

  /** Waits until what came so far is stored, of all hosts: an answer may be about any of them. False where the signal ends it. */
  async #areStored(signal: AbortSignal): Promise<boolean> {
    const { feed } = this.#parts;
    const newest = await feed.newestBlocks();
    const endMs = performance.now() + STORED_WAIT_MS;
    while (!signal.aborted) {
      if (await feed.areStored(newest)) return true;
      if (performance.now() > endMs) {
        this.#logger.warn("an event that came late is looked at before all is stored");
        return true;
      }
      await sleep(HISTORY_MS, undefined, { signal }).catch(() => undefined);
    }
    return false;
  }
}

/** Hosts that the questions are about, where their groups say so. */
function hostsOf(asked: readonly HistoryNeeded[]): ReadonlySet<string> | undefined {
  const hosts = asked.map(({ group }) => group.find(({ field }) => field === "host.id")?.value);
  return hosts.every((host) => host !== undefined) ? new Set(hosts) : undefined;
}

function earlier(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function later(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
