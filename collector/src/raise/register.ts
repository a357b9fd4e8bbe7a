/**
 * The alerts that are being worked on: read when they are first touched, written at once when they are new and at most each second after
 * that, and told of. What a message added is known by its place in the stream, so that a message that comes again adds nothing.
 */
import type { Logger } from "@hosttrail/lib/log";
import { type Alert, AlertChange, AlertChange_Kind } from "@hosttrail/proto/alert";
import { metrics } from "../metrics/index.ts";
import type { AlertWork } from "../model/index.ts";
import { withWork } from "../work/index.ts";
import { nowTimestamp } from "./fold.ts";
import type { AlertRecord, HeldLease, RaiseArchive, RaiseFeed } from "./ports.ts";

/** Alerts that are kept here; the one that was not touched for longest goes first. */
const KEPT_MAX = 5000;
const WRITE_INTERVAL_MS = 1000;
/** More matches of an alert are told of at most so often. */
const UPDATE_INTERVAL_MS = 10_000;
const WRITTEN_TOGETHER_MAX = 200;
/** Alerts that are written in one turn and were told of before: new ones wait for no more of them than that. */
const GROWN_TOGETHER_MAX = 16;
/** Writing them takes at most this part of the time; where the database is slow, what is new needs the rest. */
const GROWN_PART = 0.1;
const DETECTOR = "detector";
/**
 * An alert that was closed for these reasons stays closed when more comes: it was decided what it is. One that was withdrawn is opened again
 * by what it is of, and not by matches that came before.
 */
const FINAL: ReadonlySet<string> = new Set(["false-positive", "benign", "duplicate", "withdrawn"]);

/** An alert that is being worked on. */
export interface Draft extends AlertRecord {
  isDirty: boolean;
  /** Not in the database yet. */
  isNew: boolean;
  /** Matches came since it was written last. */
  hasMore: boolean;
  /** Whether we said that it is none any more; undefined where that is not known. */
  isWithdrawn: boolean | undefined;
  writtenMs: number;
  updatedMs: number;
}

/** Another process may have the lease. */
class LeaseLostError extends Error {
  override readonly name = "LeaseLostError";
}

export class Register {
  readonly #archive: RaiseArchive;
  readonly #feed: RaiseFeed;
  readonly #lease: HeldLease;
  readonly #logger: Logger;
  /** The one that was touched last is the last. */
  readonly #drafts = new Map<string, Draft>();
  /** Those that a state waits for. */
  #unsaved = new Set<Draft>();
  /** When those that grew are written again. */
  #grownFromMs = 0;

  constructor(archive: RaiseArchive, feed: RaiseFeed, lease: HeldLease, logger: Logger) {
    this.#archive = archive;
    this.#feed = feed;
    this.#lease = lease;
    this.#logger = logger;
  }

  /** Reads those of these alerts that are there and not known yet. */
  async load(ids: Iterable<string>): Promise<void> {
    const missing = [...new Set(ids)].filter((id) => !this.#drafts.has(id));
    if (missing.length === 0) return;
    for (const [id, record] of await this.#archive.getAlerts(missing)) {
      const about = { isDirty: !record.isTold, isNew: false, hasMore: false, isWithdrawn: undefined };
      this.#drafts.set(id, { ...record, ...about, writtenMs: 0, updatedMs: 0 });
    }
  }

  /** One that was loaded or made; undefined where there is none. */
  get(id: string): Draft | undefined {
    const draft = this.#drafts.get(id);
    if (draft === undefined) return undefined;
    this.#drafts.delete(id);
    this.#drafts.set(id, draft);
    return draft;
  }

  make(alert: Alert): Draft {
    const draft: Draft = {
      alert,
      sequence: 0n,
      isTold: false,
      isDirty: true,
      isNew: true,
      hasMore: false,
      isWithdrawn: false,
      writtenMs: 0,
      updatedMs: 0,
    };
    this.#drafts.set(alert.id, draft);
    return draft;
  }

  /** Writes what is new, and then some of what grew; tells of it. */
  async write(): Promise<void> {
    const dirty = [...this.#drafts.values()].filter(({ isDirty }) => isDirty);
    const fresh = dirty.filter(({ isNew, isTold }) => isNew || !isTold);
    for (let at = 0; at < fresh.length; at += WRITTEN_TOGETHER_MAX)
      await this.#writeSome(fresh.slice(at, at + WRITTEN_TOGETHER_MAX));
    const beganMs = performance.now();
    if (beganMs >= this.#grownFromMs) {
      await this.#writeSome(grownOf(dirty, beganMs - WRITE_INTERVAL_MS));
      this.#grownFromMs = beganMs + (performance.now() - beganMs) / GROWN_PART;
    }
    this.#shrink();
  }

  /** All that is not written now is to be written by `saveSome`. */
  beginSaving(): void {
    this.#unsaved = new Set([...this.#drafts.values()].filter(({ isDirty }) => isDirty));
  }

  /** Writes some of it, and tells of it; false once all is written. */
  async saveSome(): Promise<boolean> {
    await this.#writeSome([...this.#unsaved].slice(0, GROWN_TOGETHER_MAX));
    return this.#unsaved.size > 0;
  }

  async #writeSome(drafts: readonly Draft[]): Promise<void> {
    if (drafts.length === 0) return;
    this.#check();
    for (const draft of drafts) draft.isDirty = false;
    try {
      await this.#archive.putAlerts(drafts);
      const more = drafts.filter(({ isNew, hasMore }) => !isNew && hasMore);
      const works = new Map((await this.#worksOf(more)).map((work) => [work.alertId, work]));
      this.#check();
      for (const draft of drafts) await this.#tell(draft, works.get(draft.alert.id));
    } catch (error) {
      for (const draft of drafts) draft.isDirty = true;
      throw error;
    }
    const nowMs = performance.now();
    for (const draft of drafts) {
      draft.isNew = false;
      draft.hasMore = false;
      draft.writtenMs = nowMs;
      // That it was told is to be written as well.
      if (!draft.isDirty) this.#unsaved.delete(draft);
    }
  }

  async #worksOf(drafts: readonly Draft[]): Promise<AlertWork[]> {
    return drafts.length === 0 ? [] : await this.#archive.getWorks(drafts.map(({ alert }) => alert.id));
  }

  async #tell(draft: Draft, work: AlertWork | undefined): Promise<void> {
    const { alert } = draft;
    if (!draft.isTold) {
      await this.#publish(AlertChange_Kind.OPENED, alert);
      draft.isTold = true;
      // That it was told is written with the next change, or the next checkpoint.
      draft.isDirty = true;
      draft.updatedMs = performance.now();
      metrics.raiseAlerts.inc({ result: "opened" });
      return;
    }
    if (!draft.hasMore) return;
    if (work?.state === "closed" && !FINAL.has(work.closeReason)) {
      await this.#reopen(alert, "more matches came after it was closed");
      return;
    }
    const nowMs = performance.now();
    if (nowMs - draft.updatedMs < UPDATE_INTERVAL_MS) return;
    draft.updatedMs = nowMs;
    await this.#publish(AlertChange_Kind.UPDATED, work === undefined ? alert : withWork(alert, work));
  }

  /** Takes back that it was withdrawn, where it was. */
  async reopenWithdrawn(draft: Draft): Promise<void> {
    if (draft.isWithdrawn === false) return;
    await this.#reopen(draft.alert, "it holds again", ["withdrawn"]);
    draft.isWithdrawn = false;
  }

  async #reopen(alert: Alert, text: string, reasons?: readonly string[]): Promise<void> {
    let isChanged = false;
    const work = await this.#archive.changeWork(alert.id, ({ state, closeReason }) => {
      isChanged = state === "closed" && reasons?.includes(closeReason) !== false;
      return isChanged ? { timeMs: Date.now(), actor: DETECTOR, action: "reopened", text } : undefined;
    });
    if (!isChanged) return;
    metrics.raiseAlerts.inc({ result: "reopened" });
    await this.#publish(AlertChange_Kind.REOPENED, withWork(alert, work));
  }

  /** Says of an alert that it is none any more, or over. */
  async withdraw(draft: Draft, text: string, replacedBy: string): Promise<void> {
    if (draft.isWithdrawn === true) return;
    const { alert } = draft;
    let isChanged = false;
    const work = await this.#archive.changeWork(alert.id, ({ state }) => {
      isChanged = state !== "closed";
      if (!isChanged) return undefined;
      const about = { timeMs: Date.now(), actor: DETECTOR, action: "closed", text, closeReason: "withdrawn" } as const;
      return replacedBy === "" ? about : { ...about, replacedBy };
    });
    draft.isWithdrawn = true;
    if (!isChanged) return;
    metrics.raiseAlerts.inc({ result: "withdrawn" });
    await this.#publish(AlertChange_Kind.CLOSED, withWork(alert, work));
  }

  async #publish(kind: AlertChange_Kind, alert: Alert): Promise<void> {
    await this.#feed.publishAlert({ ...AlertChange.create(), kind, alert, time: nowTimestamp(), actor: DETECTOR });
  }

  #check(): void {
    if (!this.#lease.isHeld()) throw new LeaseLostError("another detector may have taken over");
  }

  #shrink(): void {
    for (const [id, { isDirty }] of this.#drafts) {
      if (this.#drafts.size <= KEPT_MAX) return;
      if (!isDirty) this.#drafts.delete(id);
    }
    if (this.#drafts.size > KEPT_MAX)
      this.#logger.warn({ alerts: this.#drafts.size }, "many alerts are not written yet");
  }
}

/** Some that were told of and grew since, and were not written since `dueMs`: those that wait for longest. */
function grownOf(dirty: readonly Draft[], dueMs: number): Draft[] {
  return dirty
    .filter(({ isNew, isTold, writtenMs }) => !isNew && isTold && writtenMs <= dueMs)
    .sort((a, b) => a.writtenMs - b.writtenMs)
    .slice(0, GROWN_TOGETHER_MAX);
}
