/**
 * attest: puts the heads of chains, and what retention dropped, into the transparency log. One process at a time does so.
 *
 * The steps of a turn, each of which may be the last: entries are kept (batch), the commit is made (insert under its number), its files are
 * written, its checkpoint is anchored in JetStream, witnesses cosign it, it is published, what it told of is marked. A commit that was made
 * is always brought to its end before the next one, and gives the same files and the same checkpoint whoever does it.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "@hosttrail/lib/log";
import { type HeadEntry, LogEntryError } from "@hosttrail/lib/logentry";
import { formatNote, type ReadTile, tilePath } from "@hosttrail/lib/tlog";
import { loggedHeads, logIdOf, LogReader, readFileAt } from "../logbook/index.ts";
import { metrics } from "../metrics/index.ts";
import { KeptLog } from "./grow.ts";
import { type HaltReason, LogHalted } from "./halt.ts";
import { Heads, type NewEntry } from "./heads.ts";
import { dropEntries, dropNote, holdEntries } from "./notes.ts";
import type { AnchorStore, HeadSource, HoldTerm, LogArchive, Term } from "./ports.ts";
import { anchor, Checkpoints, type CosignOptions } from "./sign.ts";

export { chainsOf } from "./chains.ts";

export type { AnchorStore, HeadSource, LogArchive } from "./ports.ts";
export { serveLog } from "./serve.ts";

export interface AttestOptions extends CosignOptions {
  intervalMs: number;
}

/** Entries of a commit. */
const ENTRIES_MAX = 16_384;
/** Drops of a commit. */
const DROPS_MAX = 1024;
/** What could not be done is tried again after this time, or the interval where that is shorter. */
const RETRY_MS = 5000;
/** A log that does not go on is told of so often. */
const TELL_MS = 60_000;

export class Attester {
  readonly #ports: { source: HeadSource; log: LogArchive; anchors: AnchorStore; hold: HoldTerm };
  readonly #options: AttestOptions;
  readonly #logger: Logger;
  /** What was told last of a log that does not go on. */
  #told: { reason: HaltReason; ms: number } | undefined;

  constructor(
    ports: { source: HeadSource; log: LogArchive; anchors: AnchorStore; hold: HoldTerm },
    options: AttestOptions,
    logger: Logger,
  ) {
    this.#ports = ports;
    this.#options = options;
    this.#logger = logger;
  }

  /** Keeps the log whenever this process is the one that does, until the signal ends it. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#ports.hold(signal, (term) => this.#keep(term), this.#logger);
  }

  async #keep(term: Term): Promise<void> {
    metrics.attestIsActive.set(1);
    try {
      // From the beginning after whatever went wrong: what the database has counts, and nothing that is remembered.
      const heads = this.#newHeads();
      while (!term.signal.aborted) {
        try {
          await new Session(this.#ports, this.#options, heads, term, this.#logger).run();
        } catch (error) {
          if (term.signal.aborted || !term.isHeld()) break;
          this.#tell(error);
        }
        await pause(Math.min(RETRY_MS, this.#options.intervalMs), term.signal);
      }
    } finally {
      metrics.attestIsActive.set(0);
      // Whoever keeps it now says how it is.
      metrics.attestHalted.reset();
    }
  }

  #newHeads(): Heads {
    const wentBack = (logged: HeadEntry, now: Pick<HeadEntry, "lastSeq"> | undefined): void => {
      metrics.attestHeadsBack.inc();
      const [hostId, epoch] = [logged.hostId, logged.epoch.toString(16)];
      this.#logger.error(
        { hostId, epoch, lastSeqLogged: String(logged.lastSeq), lastSeq: now && String(now.lastSeq) },
        "the database knows less of a host's chain than the transparency log: it was set back, or changed by hand",
      );
    };
    return new Heads(wentBack, (what, error) => tellMalformed(what, error, this.#logger));
  }

  #tell(error: unknown): void {
    if (error instanceof LogHalted) {
      metrics.attestHalted.set({ reason: error.reason }, 1);
      const isToldLately = this.#told?.reason === error.reason && performance.now() - this.#told.ms < TELL_MS;
      if (isToldLately) return;
      this.#told = { reason: error.reason, ms: performance.now() };
      this.#logger.fatal(
        { reason: error.reason, error: error.message },
        "nothing more is signed for the transparency log until an operator has decided: see docs/security.md",
      );
      return;
    }
    metrics.attestFailures.inc();
    this.#logger.warn({ error: String(error) }, "the transparency log could not be continued; it is tried again");
  }
}

/** From loading the log until something goes wrong. */
class Session {
  readonly #source: HeadSource;
  readonly #archive: LogArchive;
  readonly #anchors: AnchorStore;
  readonly #options: AttestOptions;
  readonly #logId: string;
  readonly #term: Term;
  readonly #logger: Logger;
  readonly #checkpoints: Checkpoints;
  readonly #heads: Heads;

  constructor(
    { source, log, anchors }: { source: HeadSource; log: LogArchive; anchors: AnchorStore },
    options: AttestOptions,
    heads: Heads,
    term: Term,
    logger: Logger,
  ) {
    this.#source = source;
    this.#archive = log;
    this.#anchors = anchors;
    this.#options = options;
    this.#logId = logIdOf(options.signer.key.name);
    this.#term = term;
    this.#logger = logger;
    this.#checkpoints = new Checkpoints(options, logger);
    this.#heads = heads;
  }

  async run(): Promise<void> {
    const log = await KeptLog.load(this.#archive, this.#logId);
    await this.#begin(log);
    while (!this.#term.signal.aborted) {
      const isAll = await this.#turn(log);
      if (isAll) await pause(this.#options.intervalMs, this.#term.signal);
    }
  }

  /** Brings to its end what was begun, and asks others whether the log is the one that they know. */
  async #begin(log: KeptLog): Promise<void> {
    if (log.newest === undefined) {
      await this.#anchor(log, undefined);
    } else {
      await this.#finish(log, []);
      const reader = new LogReader(this.#archive, this.#options.signer.key.name);
      const logged = await loggedHeads(reader, log.size, undefined, this.#term.signal);
      for (const { entry } of logged.values()) this.#heads.know(entry);
    }
    metrics.attestHalted.reset();
    this.#logger.info(
      { origin: this.#options.signer.key.name, size: log.size },
      "the transparency log is kept by this process",
    );
  }

  /** One growth of the log, where there is anything. False where more waits. */
  async #turn(log: KeptLog): Promise<boolean> {
    // The log's time never goes back, whatever clocks do.
    const nowMs = Math.max(Date.now(), log.newest?.timeMs ?? 0);
    const notes = await this.#notes(nowMs);
    const heads = await this.#heads.gather(this.#source, nowMs, Math.max(0, ENTRIES_MAX - notes.entries.length));
    const entries = [...notes.entries, ...heads];
    this.#requireHeld();
    if (entries.length > 0) {
      await log.commit(
        entries.map(({ bytes }) => bytes),
        this.#term.term,
        nowMs,
      );
      await this.#finish(log, entries);
      for (const entry of entries) entry.logged();
    }
    if (notes.dropIds.length > 0) await this.#source.markLogged(notes.dropIds);
    return entries.length < ENTRIES_MAX;
  }

  async #finish(log: KeptLog, entries: readonly NewEntry[]): Promise<void> {
    const commit = log.newest;
    if (commit === undefined) return;
    await log.write();
    const tree = { size: commit.size, root: log.root };
    await this.#anchor(log, formatNote(this.#checkpoints.sign(tree)));
    const readTile = this.#readTile(log);
    // A log that was published is shown to its witnesses again: one that was set back is found here, before anything new is signed.
    for (;;) {
      this.#requireHeld();
      const { note, isEnough } = await this.#checkpoints.cosign(tree, readTile, this.#term.signal);
      if (isEnough) {
        this.#requireHeld();
        await this.#putNotes(commit.previousSize, entries);
        const published = { number: commit.number, size: commit.size, note: formatNote(note), timeMs: Date.now() };
        await this.#archive.putPublished(this.#logId, published);
        break;
      }
      metrics.attestUnwitnessed.set(1);
      this.#logger.error({ size: commit.size }, "too few witnesses cosign: nothing is published until more of them do");
      await pause(Math.min(RETRY_MS, this.#options.intervalMs), this.#term.signal);
      this.#term.signal.throwIfAborted();
    }
    metrics.attestUnwitnessed.set(0);
    metrics.attestSize.set(commit.size);
    metrics.attestPublishedSeconds.set(Date.now() / 1000);
    await log.tidy();
  }

  /** What retention noted and the log does not have. */
  async #notes(nowMs: number): Promise<{ entries: NewEntry[]; dropIds: string[] }> {
    const [drops, holds] = await Promise.all([this.#source.listUnloggedDrops(DROPS_MAX), this.#source.listHolds()]);
    const known = await this.#archive.getNotes(
      this.#logId,
      drops.map(({ id }) => dropNote(id)),
    );
    const made = <Made>(what: string, make: () => Made, none: Made): Made => {
      try {
        return make();
      } catch (error) {
        if (!(error instanceof LogEntryError)) throw error;
        tellMalformed(what, error, this.#logger);
        malformed.add(what);
        return none;
      }
    };
    // What no entry can say is not marked as logged either, and waits for who looks into it.
    const malformed = new Set<string>();
    const entries = drops
      .filter(({ id }) => !known.has(dropNote(id)))
      .flatMap((drop) => made(dropNote(drop.id), () => dropEntries(drop, nowMs), []));
    const all = new Map(
      holds.flatMap((hold) => [
        ...made(`hold ${hold.id}`, () => holdEntries(hold, nowMs), new Map<string, NewEntry[]>()),
      ]),
    );
    const loggedHolds = await this.#archive.getNotes(this.#logId, [...all.keys()]);
    for (const [id, parts] of all) if (!loggedHolds.has(id)) entries.push(...parts);
    return { entries, dropIds: drops.map(({ id }) => id).filter((id) => !malformed.has(dropNote(id))) };
  }

  async #putNotes(from: number, entries: readonly NewEntry[]): Promise<void> {
    const notes = entries.flatMap(({ noteId }, at) => (noteId === undefined ? [] : [{ id: noteId, index: from + at }]));
    await this.#archive.putNotes(this.#logId, notes);
  }

  async #anchor(log: KeptLog, signed: Uint8Array | undefined): Promise<void> {
    this.#requireHeld();
    const { key } = this.#options.signer;
    await anchor(this.#anchors, this.#logId, key, { size: log.size, root: log.root }, this.#readTile(log), signed);
  }

  #readTile(log: KeptLog): ReadTile {
    return async (name) => {
      const bytes = await readFileAt(this.#archive, this.#logId, name, log.size);
      if (bytes === undefined) throw new LogHalted("log-damaged", `the file ${tilePath(name)} is missing`);
      return bytes;
    };
  }

  #requireHeld(): void {
    this.#term.signal.throwIfAborted();
    if (!this.#term.isHeld()) throw new Error("another process may keep the log by now");
  }
}

function tellMalformed(what: string, error: LogEntryError, logger: Logger): void {
  metrics.attestFailures.inc();
  logger.error({ what, error: error.message }, "what the database has of it cannot be put into the transparency log");
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal }).catch(() => undefined);
}
