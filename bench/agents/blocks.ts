/** The blocks of a host that nobody watches: what recorded events say, under the host's own numbers, chain and signature. */
import { createHash } from "node:crypto";
import { encodeHeader, type Header, sealBlock } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import { Block } from "@hosttrail/proto/block";
import type { Event } from "@hosttrail/proto/event";
import { readTrail } from "../trails/trail.ts";

const DOMAIN = Buffer.from("hosttrail-block-v2\0");
const NO_HASH = new Uint8Array(0);
/** Different contents that all hosts of a client process send, one after the other. */
const CONTENTS = 400;

/** What a block has in it, sealed once: what differs from host to host is its header only. */
export interface Content {
  header: Header;
  payload: Uint8Array;
  codec: Block["codec"];
  events: number;
}

/** Contents of `size` events each, which happened just now. */
export function makeContents(size: number, sign: (bytes: Uint8Array) => Uint8Array): Content[] {
  const trail = readTrail("web");
  const nowNano = BigInt(Date.now()) * 1_000_000n;
  const about = { hostId: "0".repeat(32), epoch: 0n, firstSeq: 0n, bootId: "", agentVersion: "bench", flags: 0 };
  return Array.from({ length: Math.min(CONTENTS, Math.floor(trail.length / size)) }, (_, at) => {
    const events = trail.slice(at * size, (at + 1) * size).map((each, index) => recent(each, nowNano + BigInt(index)));
    const sealed = sealBlock(events, { ...about, previousHeaderSha256: NO_HASH }, nodePrimitives, sign);
    const { payload, codec } = Block.decode(sealed.bytes);
    return { header: sealed.header, payload, codec, events: size };
  });
}

/** Hosts are told apart by the header: an event that names another host would not be theirs. */
function recent(event: Event, timeUnixNano: bigint): Event {
  return { ...event, host: undefined, event: event.event && { ...event.event, timeUnixNano } };
}

/** One host's chain. */
export class Chain {
  readonly epoch: bigint;
  readonly #hostId: string;
  readonly #sign: (bytes: Uint8Array) => Uint8Array;
  #firstSeq = 0n;
  #previous: Uint8Array = NO_HASH;

  constructor(hostId: string, epoch: bigint, sign: (bytes: Uint8Array) => Uint8Array) {
    this.epoch = epoch;
    this.#hostId = hostId;
    this.#sign = sign;
  }

  /** The next block, serialized. */
  next({ header, payload, codec, events }: Content): { firstSeq: bigint; bytes: Uint8Array } {
    const firstSeq = this.#firstSeq;
    const bytes = encodeHeader({
      ...header,
      hostId: this.#hostId,
      epoch: this.epoch,
      firstSeq,
      previousHeaderSha256: this.#previous,
    });
    this.#firstSeq += BigInt(events);
    this.#previous = createHash("sha256").update(bytes).digest();
    const signature = this.#sign(Buffer.concat([DOMAIN, bytes]));
    return { firstSeq, bytes: Block.encode({ header: bytes, signature, payload, codec }).finish() };
  }
}
