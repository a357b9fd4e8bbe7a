/**
 * Takes blocks from the stream, holds the rules against each, and hands on what they find. It keeps nothing: any number of processes
 * share the blocks, in whatever order, since whoever alerts decides by the times of events (decision 0027). A block is acknowledged when
 * what was found in it is in the stream of matches, and that it was looked at: so whoever alerts knows what the broker lost before.
 */
import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import { openBlock, parseBlock } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import type { Logger } from "@hosttrail/lib/log";
import { type LookedRange, MatchBatch } from "@hosttrail/proto/detection";
import { metrics } from "../metrics/index.ts";
import type { TakenBlock } from "../model/index.ts";
import type { HostInfo, RuleBook } from "../rulebook/index.ts";
import type { Suppressions } from "../suppress/index.ts";
import { batchOf } from "./batch.ts";
import { joined, rangeOf } from "./looked.ts";
import { messagesOf } from "./parts.ts";

export { batchOf } from "./batch.ts";
export { messagesOf } from "./parts.ts";

/** What the step needs of the streams. */
export interface MatchFeed {
  consume(
    options: { batchMax: number; lingerMs: number; signal: AbortSignal; consumer: "detect" },
    take: (blocks: TakenBlock[]) => Promise<void>,
    logger: Logger,
  ): Promise<void>;
  publishMatches(hostId: string, bytes: Uint8Array, id: string): Promise<void>;
  publishLooked(bytes: Uint8Array): Promise<void>;
  messageBytesMax(): number;
}

/** What rules there are now, and what is hidden. Both change while they are in use. */
export interface MatchRules {
  book(): RuleBook;
  suppressions(): Suppressions;
}

export interface MatchOptions {
  batchMax: number;
  lingerMs: number;
}

const RETRY_MIN_MS = 200;
const RETRY_MAX_MS = 5000;
/** A block that was delivered so often may be what ends the process: it is looked at no more, and told of. */
const DELIVERIES_MAX = 10;

/** Ranges of one message, each of 70 bytes at most. */
const RANGES_TOGETHER = 1000;
const TROUBLE = "matches cannot be handed on yet";

/** A block that was looked at, and how it leaves the stream once that is told. */
interface Looked {
  taken: TakenBlock;
  /** Undefined where it cannot be read. */
  range: LookedRange | undefined;
  settle: () => void;
}

export class Matcher {
  readonly #feed: MatchFeed;
  readonly #rules: MatchRules;
  readonly #hostOf: (hostId: string) => Promise<HostInfo>;
  readonly #options: MatchOptions;
  readonly #logger: Logger;
  #signal: AbortSignal = new AbortController().signal;

  constructor(
    feed: MatchFeed,
    rules: MatchRules,
    hostOf: (hostId: string) => Promise<HostInfo>,
    options: MatchOptions,
    logger: Logger,
  ) {
    this.#feed = feed;
    this.#rules = rules;
    this.#hostOf = hostOf;
    this.#options = options;
    this.#logger = logger;
  }

  /** Works until the signal ends it. */
  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    const { batchMax, lingerMs } = this.#options;
    const options = { batchMax, lingerMs, signal, consumer: "detect" as const };
    await this.#feed.consume(options, (blocks) => this.#take(blocks), this.#logger);
  }

  async #take(blocks: readonly TakenBlock[]): Promise<void> {
    const settling: Promise<Looked | undefined>[] = [];
    for (const taken of blocks) {
      settling.push(this.#takeOne(taken));
      // A large block takes a while: whatever else this process does has its turn between two of them.
      await setImmediate();
    }
    const looked = (await Promise.all(settling)).filter((each) => each !== undefined);
    if (looked.length === 0) return;
    const ranges = looked.flatMap(({ range }) => range ?? []);
    const told = ranges.length === 0 || (await this.#untilDone(TROUBLE, () => this.#tell(ranges))) !== undefined;
    for (const { taken, settle } of looked) {
      if (told) settle();
      else taken.retry(RETRY_MIN_MS);
    }
  }

  /** Undefined where it was given back. */
  async #takeOne(taken: TakenBlock): Promise<Looked | undefined> {
    const { message, deliveries } = taken;
    if (deliveries > DELIVERIES_MAX) return this.#leave(taken, `delivered ${deliveries} times`);
    const host = await this.#untilDone("a host's labels cannot be read yet", () => this.#hostOf(message.hostId));
    if (host === undefined) {
      taken.retry(RETRY_MIN_MS);
      return undefined;
    }
    let matched: { range: LookedRange; batch: MatchBatch | undefined };
    try {
      matched = this.#match(taken, host);
    } catch (error) {
      // The role store says what is wrong with it, to its host as well.
      return this.#leave(taken, error instanceof Error ? error.message : String(error));
    }
    const { range, batch } = matched;
    if (batch !== undefined && (await this.#untilDone(TROUBLE, () => this.#publish(batch))) === undefined) {
      taken.retry(RETRY_MIN_MS);
      return undefined;
    }
    return { taken, range, settle: () => taken.ack() };
  }

  /**
   * Tries again until it is done; undefined where we are to end. A block is not given back meanwhile: how often it was delivered tells
   * whether it ends processes, and not how long a database was away.
   */
  async #untilDone<Answer>(trouble: string, act: () => Promise<Answer>): Promise<Answer | undefined> {
    for (let delayMs = RETRY_MIN_MS; !this.#signal.aborted; delayMs = Math.min(delayMs * 2, RETRY_MAX_MS)) {
      try {
        return await act();
      } catch (error) {
        this.#logger.warn({ error: String(error) }, trouble);
        await sleep(delayMs, undefined, { signal: this.#signal }).catch(() => undefined);
      }
    }
    return undefined;
  }

  #leave(taken: TakenBlock, why: string): Looked {
    metrics.detectBlocks.inc({ result: "unreadable" });
    this.#logger.warn({ block: taken.message.id, error: why }, "rules cannot be held against a block");
    return { taken, range: readable(taken.message.bytes), settle: () => taken.terminate("UNREADABLE") };
  }

  #match({ message, receivedMs }: TakenBlock, host: HostInfo): { range: LookedRange; batch: MatchBatch | undefined } {
    const parsed = parseBlock(message.bytes);
    const block = openBlock(parsed, nodePrimitives);
    const batch = batchOf(message, block, {
      book: this.#rules.book(),
      suppressions: this.#rules.suppressions(),
      host,
      receivedMs,
    });
    metrics.detectBlocks.inc({ result: batch === undefined ? "nothing" : "matched" });
    metrics.detectEvents.inc(block.count);
    return { range: rangeOf(parsed), batch };
  }

  async #tell(ranges: readonly LookedRange[]): Promise<true> {
    const looked = joined(ranges);
    for (let at = 0; at < looked.length; at += RANGES_TOGETHER)
      await this.#feed.publishLooked(
        MatchBatch.encode({ ...MatchBatch.create(), looked: looked.slice(at, at + RANGES_TOGETHER) }).finish(),
      );
    return true;
  }

  async #publish(batch: MatchBatch): Promise<true> {
    const messages = messagesOf(batch, this.#feed.messageBytesMax());
    for (const [index, bytes] of messages.entries()) {
      // Under other rules the same block says something else.
      const id = `${batch.blockId}-${batch.headerSha256}-${batch.revision}-${index}`;
      await this.#feed.publishMatches(batch.hostId, bytes, id);
    }
    for (const { events, more } of batch.rules) metrics.detectMatches.inc(events.length + more);
    return true;
  }
}

/** What ends processes is not to be looked at again from history either. */
function readable(bytes: Uint8Array): LookedRange | undefined {
  try {
    return rangeOf(parseBlock(bytes));
  } catch {
    return undefined;
  }
}
