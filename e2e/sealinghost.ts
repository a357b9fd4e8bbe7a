/** A host of a test's own making: it seals blocks as an agent does, and sends them as one does. */
import { readFileSync } from "node:fs";
import { eventId, sealBlock } from "@hosttrail/lib/block";
import { nodePrimitives, signerOf } from "@hosttrail/lib/crypto";
import { Event } from "@hosttrail/proto/event";
import type { Identity, Stack } from "@hosttrail/stack";
import { readTrail } from "../bench/trails/trail.ts";
import { eventually } from "./environment.ts";
import { HostStream } from "./hoststream.ts";

/** Blocks that are on their way at once. */
const IN_FLIGHT = 16;

export interface SentBlock {
  id: string;
  epoch: bigint;
  first: bigint;
  next: bigint;
  /** Of its first event. */
  timeMs: number;
  bytes: Uint8Array;
}

export class SealingHost {
  readonly hostId: string;
  /** All that were sealed, in order. */
  readonly blocks: SentBlock[] = [];
  epoch: bigint;
  #bootId: string;
  #seq = 0n;
  #previous: Uint8Array = new Uint8Array(0);
  #events = 0;
  readonly #name: string;
  readonly #sign: ReturnType<typeof signerOf>;
  readonly #trail = readTrail("web");

  constructor(hostId: string, identity: Identity, { name, startMs }: { name: string; startMs: number }) {
    this.hostId = hostId;
    this.#name = name;
    this.#sign = signerOf(readFileSync(identity.keyFile, "utf8"));
    this.epoch = BigInt(startMs) << 16n;
    this.#bootId = bootIdOf(startMs);
  }

  /** A new boot, whose chain goes on behind the one before; or a spool that was lost, behind which nothing is known. */
  begin(startMs: number, why: "boot" | "lost spool"): void {
    this.epoch = BigInt(startMs) << 16n;
    this.#seq = 0n;
    if (why === "lost spool") this.#previous = new Uint8Array(0);
    else this.#bootId = bootIdOf(startMs);
  }

  /** The next block. */
  seal(count: number, timeMs: number): SentBlock {
    const events = Array.from({ length: count }, (_, at) => this.#event(timeMs + at));
    const { hostId, epoch } = this;
    const first = this.#seq;
    const about = { hostId, epoch, firstSeq: first, bootId: this.#bootId, agentVersion: "0", flags: 0 };
    const { bytes, headerSha256 } = sealBlock(
      events,
      { ...about, previousHeaderSha256: this.#previous },
      nodePrimitives,
      this.#sign,
    );
    this.#seq += BigInt(count);
    this.#previous = headerSha256;
    const block = { id: eventId(hostId, epoch, first), epoch, first, next: this.#seq, timeMs, bytes };
    this.blocks.push(block);
    return block;
  }

  #event(timeMs: number): Event {
    const event = this.#trail[this.#events++ % this.#trail.length] as Event;
    return {
      ...event,
      event: { ...Event.fromPartial({ event: {} }).event!, ...event.event, timeUnixNano: BigInt(timeMs) * 1_000_000n },
      host: Event.fromPartial({ host: { ...event.host, id: this.hostId, name: this.#name } }).host,
    };
  }
}

/** Sends blocks through the collector's door, and waits until they are stored. */
export async function deliver(
  stack: Stack,
  identity: Identity,
  hostId: string,
  blocks: readonly SentBlock[],
): Promise<void> {
  const stream = new HostStream(stack, identity);
  const stored = new Set<string>();
  try {
    stream.onAnswer = (answer) => {
      if (answer.$case === "rejected") stream.error ??= Object.assign(new Error(answer.value.detail)) as never;
      if (answer.$case === "stored")
        for (const { epoch, firstSeq } of answer.value.blocks) stored.add(eventId(hostId, epoch, firstSeq));
    };
    stream.hello(hostId);
    await stream.answer("welcome");
    for (let at = 0; at < blocks.length; at += IN_FLIGHT) {
      const some = blocks.slice(at, at + IN_FLIGHT);
      for (const { bytes } of some) stream.block(bytes);
      await eventually("blocks being stored", 30_000, async () => {
        if (stream.error !== undefined) throw stream.error;
        return some.every(({ id }) => stored.has(id)) || undefined;
      });
    }
  } finally {
    stream.close();
  }
}

function bootIdOf(startMs: number): string {
  return `5b2f0c1e-8d3a-4f60-9a71-${startMs.toString(16).padStart(12, "0")}`;
}
