/** Events as they arrive. */
import { openBlock, parseBlock } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import type { Filter } from "@hosttrail/lib/predicate";
import type { TailEventsResponse } from "@hosttrail/proto/query";

/** Blocks remembered, so that one that is sent again is not shown again. */
const SEEN_MAX = 4096;

/** Where an answer goes; `full` says that the caller reads too slowly for more. */
export interface TailSink {
  full(): boolean;
  write(response: TailEventsResponse): void;
}

/** Turns blocks to answers: filters, drops repetitions, and counts what a slow caller misses. */
export class Tail {
  readonly #filter: Filter;
  readonly #sink: TailSink;
  readonly #isVisible: (hostId: string) => boolean;
  readonly #seen = new Set<string>();
  #dropped = 0n;

  /** `isVisible` says whether a host is there for who watches. */
  constructor(filter: Filter, sink: TailSink, isVisible: (hostId: string) => boolean) {
    this.#filter = filter;
    this.#sink = sink;
    this.#isVisible = isVisible;
  }

  take(bytes: Uint8Array): void {
    try {
      const parsed = parseBlock(bytes);
      const { hostId, epoch, firstSeq, count } = parsed.header;
      if (!this.#isVisible(hostId)) return;
      const id = `${hostId} ${epoch} ${firstSeq}`;
      if (this.#seen.has(id)) return;
      this.#remember(id);
      if (this.#sink.full()) {
        this.#dropped += BigInt(count);
        return;
      }
      const block = openBlock(parsed, nodePrimitives);
      const events = this.#filter.match(block).map((index) => block.event(index));
      if (events.length === 0 && this.#dropped === 0n) return;
      this.#sink.write({ events, dropped: this.#dropped });
      this.#dropped = 0n;
    } catch {
      // The store role buries such a block with its reason; who watches loses nothing that could be shown.
    }
  }

  #remember(id: string): void {
    this.#seen.add(id);
    if (this.#seen.size <= SEEN_MAX) return;
    const [oldest] = this.#seen;
    if (oldest !== undefined) this.#seen.delete(oldest);
  }
}
