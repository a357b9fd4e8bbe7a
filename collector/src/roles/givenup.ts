/** Messages that JetStream delivers no more: ours are delivered without end, so somebody has set a consumer up otherwise. */
import type { Logger } from "@hosttrail/lib/log";
import type { BlockStream } from "../jetstream/index.ts";
import { metrics } from "../metrics/index.ts";

export function watchGivenUp(stream: BlockStream, logger: Logger): { close: () => void } {
  return stream.onMaxDeliveries(({ consumer, blockId, ...about }) => {
    metrics.storeGivenUp.inc({ consumer });
    logger.error(
      { consumer, block: blockId, ...about },
      "JetStream delivers a block no more: its consumer has a max_deliver, which none of ours has; set it to -1",
    );
  });
}
