/**
 * Takes blocks from the stream in batches, verifies and indexes them, writes them, and tells *stored*.
 *
 * A batch that the database does not take is held until it does; what is the fault of one block is found by taking the batch apart, host
 * by host and then block by block, and ends in the dead letters: a bad block costs its own host only. *Stored* is told of a block
 * only where the database has these very bytes.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { BlockError, eventId, parseEventId } from "@hosttrail/lib/block";
import type { Logger } from "@hosttrail/lib/log";
import { type BlockReference, type Rejected, StoredNotice, StoredQuestion } from "@hosttrail/proto/ingest";
import { metrics } from "../metrics/index.ts";
import { type BlockMessage, OUTSIDE, PermanentError, RetryableError, type TakenBlock } from "../model/index.ts";
import { type HostArchive, type PlaceOptions, placesOf } from "../trail/index.ts";
import { indexBlock } from "./document.ts";
import { type BlockArchive, type Prepared, Writer } from "./write.ts";

export type { BlockArchive } from "./write.ts";

/** What the step needs of the stream. */
export interface BlockFeed {
  consume(
    options: { batchMax: number; lingerMs: number; signal: AbortSignal },
    take: (blocks: TakenBlock[]) => Promise<void>,
    logger: Logger,
  ): Promise<void>;
  bury(block: BlockMessage, reason: string, detail: string, deliveries: number): Promise<void>;
  tellStored(hostId: string, notice: Uint8Array): void;
  onAskStored(take: (hostId: string, question: Uint8Array) => void): { close: () => void };
}

export interface StoreOptions extends PlaceOptions {
  batchMax: number;
  lingerMs: number;
  /** Times that a block is delivered, at most, where it is its own fault that it is not stored. */
  deliveriesMax: number;
}

const RETRY_MIN_MS = 200;
const RETRY_MAX_MS = 30_000;
/** A batch that is held is tried again at least this often. */
const HOLD_MAX_MS = 5000;
/** A block that comes back this often is worked on alone: it might be what ends the process. */
const SUSPECT_DELIVERIES = 3;
/** Time for which a host whose block was refused is kept apart from others, and how many hosts are. */
const SUSPECT_MS = 60_000;
const SUSPECTS_MAX = 1000;
/** Blocks that one question may ask for. */
const QUESTION_BLOCKS_MAX = 1024;

/** A block that will never be stored, and why. */
interface DeadLetter {
  taken: TakenBlock;
  code: string;
  detail: string;
}

export class Storer {
  readonly #feed: BlockFeed;
  readonly #writer: Writer;
  readonly #options: StoreOptions;
  readonly #logger: Logger;
  /** Hosts of which the database refused a block, and when; the oldest first. */
  readonly #refused = new Map<string, number>();
  /** Dead letters that are being kept, one batch after the other. */
  #burying: Promise<void> = Promise.resolve();
  #signal: AbortSignal = new AbortController().signal;

  constructor(feed: BlockFeed, archive: BlockArchive, hosts: HostArchive, options: StoreOptions, logger: Logger) {
    this.#feed = feed;
    this.#writer = new Writer(archive, hosts, logger);
    this.#options = options;
    this.#logger = logger;
  }

  /** Works until the signal ends it; what was taken is settled first. */
  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    const questions = this.#feed.onAskStored((hostId, question) => void this.#confirm(hostId, question));
    const { batchMax, lingerMs } = this.#options;
    try {
      await this.#feed.consume({ batchMax, lingerMs, signal }, (blocks) => this.#store(blocks), this.#logger);
      await this.#burying;
    } finally {
      questions.close();
    }
  }

  async #store(blocks: readonly TakenBlock[]): Promise<void> {
    const done = metrics.storeBatchSeconds.startTimer();
    try {
      const suspects = blocks.filter(({ deliveries }) => deliveries > SUSPECT_DELIVERIES);
      await this.#storeAll(blocks.filter((taken) => !suspects.includes(taken)));
      for (const suspect of suspects) await this.#storeAll([suspect]);
    } finally {
      done();
    }
  }

  async #storeAll(blocks: readonly TakenBlock[]): Promise<void> {
    const prepared: Prepared[] = [];
    const dead: DeadLetter[] = [];
    for (const taken of blocks) {
      const block = this.#prepare(taken);
      if ("code" in block) dead.push(block);
      else prepared.push(block);
    }
    // Whoever was refused or forked lately comes after the others and alone, and what is dead comes last.
    const apart = prepared.filter(({ document }) => this.#isSuspect(document.hostId));
    const together = prepared.filter((block) => !apart.includes(block));
    if (together.length > 0) await this.#settle(together);
    for (const list of Map.groupBy(apart, ({ document }) => document.hostId).values()) await this.#settle(list);
    // Nobody waits for it: how many there can be is bounded by what the stream gives out unacknowledged.
    if (dead.length > 0) this.#burying = this.#burying.then(() => this.#bury(dead));
  }

  #isSuspect(hostId: string): boolean {
    const sinceMs = this.#refused.get(hostId);
    return sinceMs !== undefined && performance.now() - sinceMs < SUSPECT_MS;
  }

  #suspect(hostId: string): void {
    this.#refused.delete(hostId);
    this.#refused.set(hostId, performance.now());
    if (this.#refused.size <= SUSPECTS_MAX) return;
    const [oldest] = this.#refused.keys();
    if (oldest !== undefined) this.#refused.delete(oldest);
  }

  /** Opens a block; a block that cannot be stored is dead. */
  #prepare(taken: TakenBlock): Prepared | DeadLetter {
    const { deliveries, message, receivedMs } = taken;
    if (deliveries > this.#options.deliveriesMax) {
      return { taken, code: "DELIVERIES_EXHAUSTED", detail: `delivered ${deliveries} times and never settled` };
    }
    try {
      return {
        taken,
        isNewFork: false,
        isNoted: false,
        isAdmitted: false,
        ...indexBlock(message, receivedMs, this.#options),
      };
    } catch (error) {
      // Also what we did not foresee: a block that is taken again and again would stop all others.
      const code = error instanceof BlockError ? error.code : "PAYLOAD_MALFORMED";
      return { taken, code, detail: textOf(error) };
    }
  }

  /** Writes blocks, waiting for a database that is away, and takes apart what it refuses. */
  async #settle(prepared: readonly Prepared[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#write(prepared);
        return;
      } catch (error) {
        if (!(error instanceof RetryableError)) {
          await this.#takeApart(prepared, error);
          return;
        }
        this.#logger.warn({ blocks: prepared.length, error: error.message }, "the database does not take blocks");
        metrics.storeBlocks.inc({ result: "retried" }, prepared.length);
      }
      const delayMs = Math.min(RETRY_MIN_MS * 2 ** Math.min(attempt - 1, 10), HOLD_MAX_MS);
      await sleep(delayMs, undefined, { signal: this.#signal }).catch(() => undefined);
      if (this.#signal.aborted) {
        for (const { taken } of prepared) taken.retry(RETRY_MIN_MS);
        return;
      }
    }
  }

  async #write(prepared: readonly Prepared[]): Promise<void> {
    const failed = await this.#writer.write(prepared);
    const stored: Prepared[] = [];
    for (const block of prepared) {
      const error = failed.get(block);
      if (error instanceof RetryableError) block.taken.retry(RETRY_MIN_MS);
      else if (error !== undefined) await this.#refuse(block, error);
      else stored.push(block);
    }
    for (const { taken, document, isNewFork } of stored) {
      taken.ack();
      if (isNewFork) this.#suspect(document.hostId);
      metrics.storeBlocks.inc({ result: isNewFork ? "forked" : "stored" });
      metrics.storeEvents.inc(document.count);
    }
    this.#tell(stored.map(({ taken }) => taken.message.id));
  }

  async #takeApart(prepared: readonly Prepared[], error: unknown): Promise<void> {
    const [first] = prepared;
    if (first === undefined) return;
    const hosts = Map.groupBy(prepared, ({ document }) => document.hostId);
    if (hosts.size > 1) await Promise.all(Array.from(hosts.values(), (blocks) => this.#settle(blocks)));
    else if (prepared.length > 1) for (const block of prepared) await this.#settle([block]);
    else await this.#refuse(first, error);
  }

  /** The database works, and does not take this block. */
  async #refuse({ taken }: Prepared, error: unknown): Promise<void> {
    this.#suspect(taken.message.hostId);
    const detail = textOf(error);
    if (error instanceof PermanentError) await this.#bury([{ taken, code: error.code, detail }]);
    else if (taken.deliveries >= this.#options.deliveriesMax) {
      await this.#bury([{ taken, code: "DELIVERIES_EXHAUSTED", detail }]);
    } else {
      this.#logger.warn({ block: taken.message.id, error: detail }, "the database refuses a block");
      metrics.storeBlocks.inc({ result: "retried" });
      taken.retry(retryDelay(taken.deliveries));
    }
  }

  /** Puts blocks to the dead letters and tells their hosts, which keep them, too: they are not stored. */
  async #bury(letters: readonly DeadLetter[]): Promise<void> {
    const buried = await Promise.all(letters.map((letter) => this.#buryOne(letter)));
    const kept = letters.filter((_letter, at) => buried[at]);
    for (const [hostId, list] of Map.groupBy(kept, ({ taken }) => taken.message.hostId)) {
      await this.#writer.countDead(hostId, list.length).catch((error: unknown) => {
        this.#logger.warn({ host: hostId, error: String(error) }, "dead letters could not be noted with their host");
      });
    }
  }

  async #buryOne({ taken, code, detail }: DeadLetter): Promise<boolean> {
    const { message } = taken;
    try {
      await this.#feed.bury(message, code, detail, taken.deliveries);
    } catch (cause) {
      this.#logger.warn({ block: message.id, error: String(cause) }, "a dead letter could not be kept yet");
      taken.retry(retryDelay(taken.deliveries));
      return false;
    }
    metrics.storeBlocks.inc({ result: "dead" });
    this.#logger.error({ block: message.id, code, detail }, "a block went to the dead letters");
    taken.terminate(code);
    const block = referenceOf(message.id);
    if (block !== undefined) this.#notify(message.hostId, [], [{ block, reason: code, detail: detail.slice(0, 1024) }]);
    return true;
  }

  /** Tells *stored*, host by host. */
  #tell(ids: readonly string[]): void {
    for (const [hostId, list] of Map.groupBy(ids, (id) => parseEventId(id)?.hostId ?? "")) {
      const references = list.map(referenceOf).filter((each) => each !== undefined);
      if (references.length > 0) this.#notify(hostId, references, []);
    }
  }

  #notify(hostId: string, blocks: BlockReference[], rejected: Rejected[]): void {
    this.#feed.tellStored(hostId, StoredNotice.encode({ blocks, rejected }).finish());
  }

  async #confirm(hostId: string, question: Uint8Array): Promise<void> {
    try {
      const claims = StoredQuestion.decode(question).blocks.slice(0, QUESTION_BLOCKS_MAX);
      const asked = claims.map(({ epoch, firstSeq, headerSha256, firstTimeUnixNano }) => ({
        id: eventId(hostId, epoch, firstSeq),
        hostId,
        epoch,
        firstSeq,
        hash: Buffer.from(headerSha256).toString("hex"),
        places: placesOf({ place: OUTSIDE, firstTimeNano: firstTimeUnixNano }),
      }));
      const known = await this.#writer.whichStored(asked);
      const stored = asked.filter(({ id, hash }) => known.has(`${id} ${hash}`));
      this.#tell((await this.#writer.areNoted(stored)).map(({ id }) => id));
    } catch (error) {
      // The agent sends the block again after a while, which leads here again.
      this.#logger.warn({ host: hostId, error: String(error) }, "a question for stored blocks went unanswered");
    }
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function referenceOf(id: string): BlockReference | undefined {
  const parts = parseEventId(id);
  return parts && { epoch: parts.epoch, firstSeq: parts.seq };
}

function retryDelay(deliveries: number): number {
  return Math.min(RETRY_MIN_MS * 2 ** Math.min(deliveries - 1, 10), RETRY_MAX_MS);
}
