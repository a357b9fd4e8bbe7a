/** An agent of a test's own making that keeps its ledger as real ones do: blocks go into the stream, or are lost on purpose. */
import type { BlockStream } from "@hosttrail/collector/jetstream";
import { type Report, reportEvent } from "@hosttrail/agent/report";
import { Block } from "@hosttrail/proto/block";
import { Event } from "@hosttrail/proto/event";
import { PublishingHost, type SealedForStream } from "./publisher.ts";

/** What becomes of a block on its way. */
export type Way = "stored" | "evicted" | "malformed" | "never-sent" | "kept";

export interface SentBlock extends SealedForStream {
  first: bigint;
  count: number;
}

const COUNTS = {
  kernelLost: 0,
  serialGaps: 0,
  overruns: 0,
  records: 0,
  unreadable: 0,
  unreadFiles: 0,
  events: 0,
  own: 0,
  repeated: 0,
  shed: 0,
  failed: 0,
  redacted: 0,
  accepted: 0,
  found: 0,
  spooled: 0,
  sent: 0,
  received: 0,
  stored: 0,
  evicted: 0,
  quarantined: 0,
  returned: 0,
  discarded: 0,
};

export class LedgerHost {
  readonly host: PublishingHost;
  readonly epoch: bigint;
  readonly #stream: BlockStream;
  #counts = { ...COUNTS };
  #evicted: string[] = [];
  #quarantined: string[] = [];
  #kept: string[] = [];
  #next = 0n;
  #inSpool = 0;
  #pending = 0;
  #reportedMs: number;

  constructor(stream: BlockStream, name: string, startMs: number) {
    this.epoch = BigInt(startMs) << 16n;
    this.host = new PublishingHost(name, this.epoch);
    this.#stream = stream;
    this.#reportedMs = startMs;
  }

  /** Seals a block of so many events at this time, milliseconds, and has it go its way. */
  async block(count: number, timeMs: number, way: Way = "stored"): Promise<SentBlock> {
    const timeUnixNano = BigInt(timeMs) * 1_000_000n;
    const events = Array.from({ length: count }, (_, at) =>
      Event.fromPartial({ event: { action: `worked-${at}`, timeUnixNano } }),
    );
    this.#counts.events += count;
    this.#counts.accepted += count;
    return await this.#send(events, way);
  }

  async #send(events: readonly Event[], way: Way): Promise<SentBlock> {
    const first = this.#next;
    const sealed = this.host.seal(events);
    const count = events.length;
    this.#next += BigInt(count);
    this.#counts.spooled += count;
    const range = `${this.epoch.toString(16)}-${first}+${count}`;
    const block = { ...sealed, first, count };
    if (way === "evicted") {
      this.#counts.evicted += count;
      this.#evicted.push(range);
    } else if (way === "kept") {
      this.#inSpool += count;
      this.#kept.push(range);
    } else {
      this.#counts.sent += count;
      this.#counts.received += count;
      if (way === "malformed") {
        this.#counts.quarantined += count;
        this.#quarantined.push(range);
        await this.host.publish(this.#stream, { ...sealed, bytes: malformed(sealed.bytes) });
      } else {
        this.#counts.stored += count;
        if (way === "stored") await this.host.publish(this.#stream, sealed);
      }
    }
    return block;
  }

  /** Tells the ledger of the time since the last one; `changes` are counts that it tells beside its own. */
  async report(timeMs: number, changes: Partial<typeof COUNTS> = {}): Promise<SentBlock> {
    const fields: Report["fields"] = {
      from_ms: this.#reportedMs,
      to_ms: timeMs,
      ...this.#counts,
      ...changes,
      held: 0,
      pending: this.#pending,
      inSpool: this.#inSpool,
      epoch: this.epoch.toString(16),
      next_seq: this.#next,
      evicted_ranges: this.#evicted.join(" "),
      kept_ranges: this.#kept.join(" "),
      quarantined_ranges: this.#quarantined.join(" "),
      unbalanced: 0,
    };
    this.#reportedMs = timeMs;
    this.#counts = { ...COUNTS, own: 1, accepted: 1 };
    this.#evicted = [];
    const event = reportEvent({ action: "reported-ledger", name: "LEDGER", outcome: "success", fields }, timeMs);
    return await this.#send([event], "stored");
  }
}

/** The same block with a payload that is not what its header says. */
export function malformed(bytes: Uint8Array): Uint8Array {
  const block = Block.decode(bytes);
  return Block.encode({ ...block, payload: Uint8Array.from(block.payload, (byte) => byte ^ 0x55) }).finish();
}
