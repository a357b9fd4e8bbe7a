/** What blocks come to in the embedded database, by the collector's own store role and the step that compacts. */
import { blockArchive, compactArchive, historySource } from "@hosttrail/collector/archives";
import { Compactor } from "@hosttrail/collector/compact";
import { History } from "@hosttrail/collector/history";
import { Archive } from "@hosttrail/collector/mongodb";
import { onward } from "@hosttrail/collector/receive";
import { type BlockFeed, Storer } from "@hosttrail/collector/store";
import { hex64, parseBlock, type SealedBlock } from "@hosttrail/lib/block";
import type { Logger } from "@hosttrail/lib/log";

const BATCH = 64;
const HOUR_MS = 3_600_000;
const SIGNER = "0".repeat(64);

/** What JetStream would hand out. */
class Feed implements BlockFeed {
  #take: Parameters<BlockFeed["consume"]>[1] = async () => undefined;
  stored = 0;

  consume({ signal }: { signal: AbortSignal }, take: Parameters<BlockFeed["consume"]>[1]): Promise<void> {
    this.#take = take;
    return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
  }

  async hand(blocks: readonly SealedBlock[]): Promise<void> {
    const batch = blocks.map(({ bytes, header, headerSha256 }) => ({
      message: {
        id: `${header.hostId}-${hex64(header.epoch)}-${hex64(header.firstSeq)}`,
        hostId: header.hostId,
        hostName: header.hostId.slice(0, 8),
        headerSha256: Buffer.from(headerSha256).toString("hex"),
        bytes: onward(bytes, parseBlock(bytes)),
        signer: SIGNER,
      },
      receivedMs: Number(header.lastTimeUnixNano / 1_000_000n) + 1000,
      deliveries: 1,
      ack: () => void this.stored++,
      retry: () => undefined,
      terminate: () => undefined,
    }));
    await this.#take(batch);
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

/** Stores and compacts as a day that is over; gives the bytes of all segments. */
export async function storedBytes(
  url: string,
  database: string,
  blocks: readonly SealedBlock[],
  logger: Logger,
): Promise<number> {
  const archive = Archive.open({ url, database });
  const history = new History(historySource(archive));
  const feed = new Feed();
  const options = { batchMax: BATCH, lingerMs: 1, deliveriesMax: 5, daysBackMax: 400, hoursAheadMax: 24 };
  const storer = new Storer(feed, blockArchive(archive, history), archive.hosts, options, logger);
  const stopping = new AbortController();
  const running = storer.run(stopping.signal);
  const compact = { turnMs: 1, ageMs: 0, blocksMin: 1 };
  const compactor = new Compactor(compactArchive(archive), history, archive.hosts, compact, logger);
  try {
    for (let at = 0; at < blocks.length; at += BATCH) await feed.hand(blocks.slice(at, at + BATCH));
    if (feed.stored !== blocks.length) throw new Error(`${feed.stored} of ${blocks.length} blocks were stored`);
    while (await compactor.compactWaiting());
    await compactor.finish();
    await compactor.sweep(performance.now() + HOUR_MS);
    let bytes = 0;
    for (const place of await archive.history.days())
      for (const { entries } of await archive.history.catalogs(place, undefined))
        bytes += entries.reduce((sum, entry) => sum + entry.bytes, 0);
    return bytes;
  } finally {
    stopping.abort();
    await running;
    await compactor.close();
    await archive.close();
  }
}
