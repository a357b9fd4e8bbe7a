/** What blocks come to in the embedded database, by the collector's own store role and the step that compacts. */
import { blockArchive, compactArchive, historySource } from "@hosttrail/collector/archives";
import { Compactor } from "@hosttrail/collector/compact";
import { History } from "@hosttrail/collector/history";
import { Archive } from "@hosttrail/collector/mongodb";
import { onward } from "@hosttrail/collector/receive";
import { Storer } from "@hosttrail/collector/store";
import { hex64, parseBlock, type SealedBlock } from "@hosttrail/lib/block";
import type { Logger } from "@hosttrail/lib/log";
import { BATCH, Feed, type HandedBlock } from "../feed.ts";

const HOUR_MS = 3_600_000;
const SIGNER = "0".repeat(64);

/** As ingest would have published it. */
function handed({ bytes, header, headerSha256 }: SealedBlock): HandedBlock {
  const message = {
    id: `${header.hostId}-${hex64(header.epoch)}-${hex64(header.firstSeq)}`,
    hostId: header.hostId,
    hostName: header.hostId.slice(0, 8),
    headerSha256: Buffer.from(headerSha256).toString("hex"),
    bytes: onward(bytes, parseBlock(bytes)),
    signer: SIGNER,
  };
  return { message, lastTimeNano: header.lastTimeUnixNano };
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
    await feed.hand(blocks.map(handed));
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
