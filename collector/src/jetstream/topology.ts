/** All streams that the collector works with: made where they are missing, or only looked for. */
import type { JetStreamManager } from "@nats-io/jetstream";
import { type BlockStreamsOptions, ensureBlockStreams, listBlockStreams, presentOf } from "./blockstreams.ts";
import { ensureStream, findConsumer, findStream } from "./ensure.ts";
import { isWhole } from "./layout.ts";
import { STORE_CONSUMER } from "./names.ts";
import { sidePlans } from "./plan.ts";

/** Makes what is missing. */
export async function ensureTopology(manager: JetStreamManager, options: BlockStreamsOptions): Promise<void> {
  await ensureBlockStreams(manager, options);
  for (const plan of sidePlans(options)) await ensureStream(manager, plan);
}

/** What is missing, for who may make nothing; none where all is there. */
export async function missingTopology(manager: JetStreamManager, options: BlockStreamsOptions): Promise<string[]> {
  const missing: string[] = [];
  const blocks = await listBlockStreams(manager);
  if (!isWhole(blocks.map(presentOf))) missing.push("streams for all partitions of blocks");
  for (const { config } of blocks) {
    if ((await findConsumer(manager, config.name, STORE_CONSUMER)) === undefined)
      missing.push(`consumer ${STORE_CONSUMER} of stream ${config.name}`);
  }
  for (const { name } of sidePlans(options)) {
    if ((await findStream(manager, name)) === undefined) missing.push(`stream ${name}`);
  }
  return missing;
}
