/**
 * Cuts the stream of events into blocks and seals each one once.
 *
 * Events of low priority go into blocks of their own, so that the spool can give them up first. While the disk takes
 * nothing, the sealed block waits and is tried again, and events gather behind it up to a bound; then the builder is full and
 * nobody may add: records wait in the source, and what passes that is counted by the kernel.
 */
import {
  BLOCK_BYTES_MAX,
  BLOCK_BYTES_TARGET,
  type EncodedEvents,
  EVENTS_MAX,
  EventEncoder,
  encodeEvents,
  type SealedBlock,
} from "@hosttrail/lib/block";
import type { Event } from "@hosttrail/proto/event";

const DAY_NANO = 86_400_000_000_000n;
/**
 * Distinct strings of a block, at most, in bytes: even where they do not shrink at all the block stays at what it aims for. An
 * event with longer records has a block of its own.
 */
const TEXT_BYTES_MAX = (BLOCK_BYTES_TARGET * 7) / 8;
/** Encoded bytes that wait while the disk takes nothing, at most. */
const WAITING_BYTES_MAX = 8 * 1024 * 1024;
/** Time in which what belongs to one happening comes. */
const QUICK_MS = 50;
/** Characters left of each argument of an event that is too large for any block. */
const TRUNCATED_LENGTH = 1024;

/** Which blocks are given up first where there is no room for all. */
export type Lane = "normal" | "low";
const LANES: readonly Lane[] = ["normal", "low"];

export interface BlockOptions {
  /** Milliseconds that an event waits for others, at most; one that comes after a quiet time waits for less. */
  lingerMs: number;
  /** Milliseconds between two tries to write a block that the disk refused. */
  retryMs: number;
  /** Seals the events as the next block of the trail. */
  seal: (events: EncodedEvents) => SealedBlock;
  /** Takes the sealed block; the next one is sealed only after this. Throws where the disk takes nothing. */
  append: (block: SealedBlock, lane: Lane) => void;
  /** The disk refuses (with its error), or takes blocks again. */
  onStuck: (error: unknown) => void;
  /** There is room again after `isFull`. */
  onRoom: () => void;
}

/** The events of a lane that are gathered for its next block: encoded at once, so that they need not be kept. */
interface Open {
  encoder: EventEncoder;
  /** Where the day of its events begins. */
  dayNano: bigint;
}

/** Cut off, and not sealed yet. */
interface Cut {
  encoded: EncodedEvents;
  lane: Lane;
  /** A single large event, in case even its own block is too large. */
  large: Event | undefined;
}

export class BlockBuilder {
  readonly #options: BlockOptions;
  readonly #open: Record<Lane, Open> = {
    normal: { encoder: new EventEncoder(), dayNano: 0n },
    low: { encoder: new EventEncoder(), dayNano: 0n },
  };
  readonly #cut: Cut[] = [];
  /** Sealed, and refused by the disk. */
  #stuck: { block: SealedBlock; lane: Lane } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #wasFull = false;
  /** When the last block was cut for its time. */
  #flushedMs = Number.NEGATIVE_INFINITY;
  /** Events cut down because they alone passed the block's limit. */
  truncated = 0;

  constructor(options: BlockOptions) {
    this.#options = options;
  }

  /** Events that are not in the spool yet. */
  get pending(): number {
    const cut = this.#cut.reduce((sum, { encoded }) => sum + encoded.count, this.#stuck?.block.header.count ?? 0);
    return cut + LANES.reduce((sum, lane) => sum + this.#open[lane].encoder.count, 0);
  }

  /** True while nothing may be added. */
  get isFull(): boolean {
    this.#wasFull = this.#stuck !== undefined && this.#waitingBytes() >= WAITING_BYTES_MAX;
    return this.#wasFull;
  }

  get isStuck(): boolean {
    return this.#stuck !== undefined;
  }

  #waitingBytes(): number {
    return this.#cut.reduce((sum, { encoded }) => sum + encoded.columns.length, 0);
  }

  /** Adds an event; `recordBytes` is the length of its records as they came. */
  add(event: Event, recordBytes: number, lane: Lane): void {
    const open = this.#open[lane];
    const timeNano = event.event?.timeUnixNano ?? 0n;
    const isSameDay = timeNano >= open.dayNano && timeNano - open.dayNano < DAY_NANO;
    const isFull = open.encoder.textBytes + recordBytes > TEXT_BYTES_MAX || open.encoder.isHeavy;
    if (open.encoder.count > 0 && (!isSameDay || isFull)) this.#cutOff(lane);
    if (recordBytes > TEXT_BYTES_MAX) {
      this.#take(encodeEvents([event]), lane, event);
      this.#sealAll();
      return;
    }
    if (!isSameDay) open.dayNano = timeNano - (timeNano % DAY_NANO);
    open.encoder.add(event);
    if (open.encoder.count >= EVENTS_MAX) this.#cutOff(lane);
    if (this.#cut.length > 0) this.#sealAll();
    if (this.#stuck === undefined) this.#timer ??= setTimeout(() => this.flush(), this.#lingerMs());
  }

  /** What comes after a quiet time goes at once, with what belongs to it; then blocks are as far apart as they linger. */
  #lingerMs(): number {
    const { lingerMs } = this.#options;
    const sinceMs = performance.now() - this.#flushedMs;
    return Math.max(Math.min(QUICK_MS, lingerMs), lingerMs - sinceMs);
  }

  /** Seals what there is. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#flushedMs = performance.now();
    // While the disk refuses, what is open can go on to gather.
    if (this.#retry()) for (const lane of LANES) this.#cutOff(lane);
    this.#sealAll();
  }

  #cutOff(lane: Lane): void {
    const { encoder } = this.#open[lane];
    if (encoder.count > 0) this.#take(encoder.finish(), lane, undefined);
  }

  #take(encoded: EncodedEvents, lane: Lane, large: Event | undefined): void {
    if (encoded.isShortened) this.truncated++;
    this.#cut.push({ encoded, lane, large });
  }

  #sealAll(): void {
    if (!this.#retry()) return;
    for (let next = this.#cut.shift(); next !== undefined; next = this.#cut.shift()) {
      const { encoded, lane, large } = next;
      if (!this.#append(this.#fitting(this.#options.seal(encoded), large), lane)) return;
    }
    if (this.#wasFull && !this.isFull) this.#options.onRoom();
  }

  /** A single event may pass even the limit: what is left of it says so. */
  #fitting(block: SealedBlock, large: Event | undefined): SealedBlock {
    if (block.bytes.length <= BLOCK_BYTES_MAX || large === undefined) return block;
    this.truncated++;
    return this.#options.seal(encodeEvents([truncate(large)]));
  }

  /** Tries the refused block again; true where none is in the way. */
  #retry(): boolean {
    const stuck = this.#stuck;
    if (stuck === undefined) return true;
    // Not more often than its timer says.
    if (this.#timer !== undefined) return false;
    this.#stuck = undefined;
    if (!this.#append(stuck.block, stuck.lane)) return false;
    this.#options.onStuck(undefined);
    return true;
  }

  #append(block: SealedBlock, lane: Lane): boolean {
    try {
      this.#options.append(block, lane);
      return true;
    } catch (error) {
      // The number is not used up, so the trail has no gap whenever it goes on.
      this.#stuck = { block, lane };
      this.#options.onStuck(error);
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.flush(), this.#options.retryMs);
      return false;
    }
  }

  /** Ends the timers; what is not in the spool is given up, and told. */
  close(): number {
    clearTimeout(this.#timer);
    return this.pending;
  }
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
