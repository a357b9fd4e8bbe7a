/** Blocks made by hand, signed by a host of the stack. */
import { readFileSync } from "node:fs";
import { type SealedBlock, sealBlock } from "@hosttrail/lib/block";
import { nodePrimitives, signerOf } from "@hosttrail/lib/crypto";
import { Event } from "@hosttrail/proto/event";

export interface BlockAbout {
  hostId: string;
  epoch: bigint;
  firstSeq: bigint;
  /** Hash of the header before; none by default. */
  previous?: Uint8Array;
}

/** A block of events with these actions and, where given, times in milliseconds. */
export function blockOf(
  keyFile: string,
  { hostId, epoch, firstSeq, previous = new Uint8Array(0) }: BlockAbout,
  events: readonly { action: string; timeMs?: number }[],
): SealedBlock {
  const about = {
    hostId,
    epoch,
    firstSeq,
    bootId: "5b2f0c1e-8d3a-4f60-9a71-0c4d2e6f8b13",
    agentVersion: "0",
    flags: 0,
    previousHeaderSha256: previous,
  };
  return sealBlock(
    events.map(({ action, timeMs = Date.now() }) =>
      Event.fromPartial({ event: { action, timeUnixNano: BigInt(timeMs) * 1_000_000n } }),
    ),
    about,
    nodePrimitives,
    signerOf(readFileSync(keyFile, "utf8")),
  );
}
