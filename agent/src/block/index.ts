/** Cuts the stream of events into blocks and seals each one once. */
import { BLOCK_BYTES_MAX, BLOCK_BYTES_TARGET, EVENTS_MAX, type SealedBlock } from "@hosttrail/lib/block";
import type { Event } from "@hosttrail/proto/event";

const DAY_NANO = 86_400_000_000_000n;
/** Text bytes of the records in a block, at most; they shrink some thirty times. */
const RECORD_BYTES_MAX = 6 * 1024 * 1024;
/** Characters left of each argument of an event that is too large for any block. */
const TRUNCATED_LENGTH = 1024;

export interface BlockOptions {
  /** Milliseconds that an event waits for others, at most. */
  lingerMs: number;
  /** Seals the events as the next block of the trail. */
  seal: (events: readonly Event[]) => SealedBlock;
  /** Takes the sealed block; the next one is sealed only after this. */
  append: (block: SealedBlock) => void;
}

export class BlockBuilder {
  readonly #options: BlockOptions;
  #events: Event[] = [];
  #recordBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Events cut down because they alone passed the block's limit. */
  truncated = 0;

  constructor(options: BlockOptions) {
    this.#options = options;
  }

  /** Adds an event; `recordBytes` is the length of its records as they came. */
  add(event: Event, recordBytes: number): void {
    const first = this.#events[0];
    if (first !== undefined && dayOf(first) !== dayOf(event)) this.flush();
    this.#events.push(event);
    this.#recordBytes += recordBytes;
    if (this.#events.length >= EVENTS_MAX || this.#recordBytes >= RECORD_BYTES_MAX) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), this.#options.lingerMs);
  }

  /** Seals what there is. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const events = this.#events;
    this.#events = [];
    this.#recordBytes = 0;
    if (events.length > 0) this.#seal(events);
  }

  #seal(events: Event[]): void {
    const block = this.#options.seal(events);
    if (block.bytes.length > BLOCK_BYTES_TARGET && events.length > 1) {
      const middle = events.length >> 1;
      this.#seal(events.slice(0, middle));
      this.#seal(events.slice(middle));
      return;
    }
    if (block.bytes.length <= BLOCK_BYTES_MAX) {
      this.#options.append(block);
      return;
    }
    this.truncated++;
    this.#options.append(this.#options.seal(events.map(truncate)));
  }
}

function dayOf(event: Event): bigint {
  return (event.event?.timeUnixNano ?? 0n) / DAY_NANO;
}

/** Two megabytes of random arguments fit no block: keep the beginning of each, and say so. */
function truncate(event: Event): Event {
  const cut = (text: string): string => text.slice(0, TRUNCATED_LENGTH);
  const { process, audit } = event;
  return {
    ...event,
    process: process && { ...process, args: process.args.slice(0, TRUNCATED_LENGTH).map((text) => text.slice(0, 64)) },
    audit: audit && {
      ...audit,
      partial: "oversized",
      records: audit.records.map((record) => ({
        ...record,
        layout: cut(record.layout),
        fields: record.fields.slice(0, TRUNCATED_LENGTH).map((field) => ({
          key: cut(field.key),
          value: field.value.slice(0, 64),
          valueBytes: field.valueBytes.slice(0, 64),
        })),
      })),
    },
  };
}
