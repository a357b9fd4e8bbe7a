/** What JetStream would hand out, without JetStream: its own time is not what is measured. */
import type { BlockFeed } from "@hosttrail/collector/store";

type Take = Parameters<BlockFeed["consume"]>[1];
type Message = Parameters<Take>[0][number]["message"];

/** Blocks that the store role takes at once. */
export const BATCH = 64;
/** From a block's last event until it was received. */
const RECEIVED_AFTER_MS = 1000;

export interface HandedBlock {
  message: Message;
  lastTimeNano: bigint;
}

export class Feed implements BlockFeed {
  #take: Take = async () => undefined;
  stored = 0;

  consume({ signal }: { signal: AbortSignal }, take: Take): Promise<void> {
    this.#take = take;
    return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
  }

  /** Hands blocks in batches, one after the other. */
  async hand(blocks: readonly HandedBlock[]): Promise<void> {
    for (let at = 0; at < blocks.length; at += BATCH) {
      const batch = blocks.slice(at, at + BATCH).map(({ message, lastTimeNano }) => ({
        message,
        receivedMs: Number(lastTimeNano / 1_000_000n) + RECEIVED_AFTER_MS,
        deliveries: 1,
        ack: () => void this.stored++,
        retry: () => undefined,
        terminate: () => undefined,
      }));
      await this.#take(batch);
    }
  }

  async bury(_block: unknown, reason: string, detail: string): Promise<void> {
    throw new Error(`a block went to the dead letters: ${reason}, ${detail}`);
  }

  tellStored(): void {
    // Nobody waits for it.
  }

  onAskStored(): { close: () => void } {
    return { close: () => undefined };
  }
}
