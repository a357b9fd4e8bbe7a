/** Gathers messages, of one stream or several, to batches, and keeps each of them from being given to somebody else until it is settled. */
import type { JsMsg } from "@nats-io/jetstream";
import type { TakenBlock } from "../model/index.ts";
import { HEADER } from "./headers.ts";

/** Characters of a block's id, which begins a message's; behind it and a dash stands the hash of its header. */
export const BLOCK_ID_LENGTH = 66;

export class Gathering {
  readonly #options: { batchMax: number; lingerMs: number };
  readonly #take: (blocks: TakenBlock[]) => Promise<void>;
  /** Taken and not settled. */
  readonly #open = new Set<JsMsg>();
  #batch: TakenBlock[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isWorking = false;
  #working: Promise<void> = Promise.resolve();

  constructor(options: { batchMax: number; lingerMs: number }, take: (blocks: TakenBlock[]) => Promise<void>) {
    this.#options = options;
    this.#take = take;
  }

  add(message: JsMsg): void {
    this.#open.add(message);
    this.#batch.push(this.#taken(message));
    if (this.#batch.length >= this.#options.batchMax) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), this.#options.lingerMs);
  }

  /** Waits until a whole batch has room. */
  async room(): Promise<void> {
    while (this.#isWorking && this.#batch.length > 0) await this.#working;
  }

  /** Tells the stream that all of them are still being worked on. */
  keep(): void {
    for (const message of this.#open) message.working();
  }

  /** Works on what is left, and waits for it. */
  async end(): Promise<void> {
    while (this.#isWorking || this.#batch.length > 0) {
      this.#flush();
      await this.#working;
    }
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    // One batch at a time: what comes meanwhile gathers to the next one.
    if (this.#isWorking || this.#batch.length === 0) return;
    const blocks = this.#batch.splice(0, this.#options.batchMax);
    this.#isWorking = true;
    this.#working = this.#work(blocks);
  }

  async #work(blocks: TakenBlock[]): Promise<void> {
    try {
      await this.#take(blocks);
    } catch {
      // Whoever takes them settles each; what is left over comes again.
      for (const block of blocks) block.retry(0);
    } finally {
      this.#isWorking = false;
      this.#flush();
    }
  }

  #taken(message: JsMsg): TakenBlock {
    const messageId = message.headers?.get("Nats-Msg-Id") ?? "";
    const offset = Number.parseInt(message.headers?.get(HEADER.clockOffset) ?? "", 10);
    // Settled once: what comes after it says nothing.
    const settle = (how: () => void): void => {
      if (this.#open.delete(message)) how();
    };
    return {
      message: {
        id: messageId.slice(0, BLOCK_ID_LENGTH),
        headerSha256: messageId.slice(BLOCK_ID_LENGTH + 1),
        hostId: message.subject.split(".").at(-1) ?? "",
        hostName: message.headers?.get(HEADER.host) ?? "",
        signer: message.headers?.get(HEADER.signer) ?? "",
        ...(Number.isNaN(offset) ? {} : { clockOffsetMs: offset }),
        bytes: message.data,
      },
      receivedMs: Math.floor(message.info.timestampNanos / 1e6),
      deliveries: message.info.deliveryCount,
      ack: () => settle(() => message.ack()),
      retry: (delayMs) => settle(() => message.nak(delayMs)),
      terminate: (reason) => settle(() => message.term(reason)),
    };
  }
}
