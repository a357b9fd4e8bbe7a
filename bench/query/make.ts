/**
 * A thread that makes segments as the collector does, from sealed blocks; and the same segments once more for hosts that lived as this one
 * did, under their own names, which takes a tenth of the time.
 */
import { generateKeyPairSync } from "node:crypto";
import { parentPort } from "node:worker_threads";
import { compact } from "@hosttrail/collector/compact";
import { sealBlock } from "@hosttrail/lib/block";
import { nodePrimitives, signerOf } from "@hosttrail/lib/crypto";
import { Event } from "@hosttrail/proto/event";
import { renamed } from "./rename.ts";
import { Host, RARE_WORD } from "../fleet/generate.ts";
import { type HostPlan, type SegmentPlan, segmentsOf } from "./plan.ts";

export interface MakeTask {
  host: HostPlan;
  copies: readonly HostPlan[];
  startMs: number;
  blockEvents: number;
}

export type MakeAnswer =
  | { kind: "segment"; hostId: string; place: string; made: ReturnType<typeof compact> }
  | { kind: "done" };

const NO_HASH = new Uint8Array(0);
const BOOT_ID = "5b2f0c1e-8d3a-4f60-9a71-0c4d2e6f8b13";
const sign = signerOf(generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }).toString());

/** The blocks of a host, one after the other. */
class Blocks {
  readonly #host: Host;
  readonly #epoch: bigint;
  readonly #blockEvents: number;
  #seq = 0n;
  #previous: Uint8Array = NO_HASH;

  constructor(host: Host, epoch: bigint, blockEvents: number) {
    this.#host = host;
    this.#epoch = epoch;
    this.#blockEvents = blockEvents;
  }

  segment({ events, startMs, stepNano, isRare }: SegmentPlan): ReturnType<typeof compact> {
    const blocks = [];
    let timeNano = BigInt(Math.round(startMs * 1000)) * 1000n;
    for (let left = events; left > 0; ) {
      const count = Math.min(left, this.#blockEvents);
      left -= count;
      const isRareHere = isRare && left === 0;
      blocks.push({
        receivedMs: Number(timeNano / 1_000_000n) + 1000,
        signer: "0".repeat(64),
        status: this.#seq === 0n ? "first" : "continues",
        bytes: this.#block(count, timeNano, stepNano, isRareHere),
      });
      timeNano += stepNano * BigInt(count);
    }
    return compact({ hostId: this.#host.hostId, epoch: this.#epoch, blocks, segments: [] });
  }

  #block(count: number, timeNano: bigint, stepNano: bigint, isRare: boolean): Uint8Array {
    const events = this.#host.events(count, timeNano);
    for (const [at, { event }] of events.entries())
      if (event !== undefined) event.timeUnixNano = timeNano + BigInt(at) * stepNano;
    const [first] = events;
    if (isRare && first !== undefined)
      first.process = Event.fromPartial({ process: { ...first.process, args: ["scp", RARE_WORD] } }).process;
    const about = { hostId: this.#host.hostId, epoch: this.#epoch, firstSeq: this.#seq, bootId: BOOT_ID };
    const sealed = sealBlock(
      events,
      { ...about, agentVersion: "0.1.0", flags: 0, previousHeaderSha256: this.#previous },
      nodePrimitives,
      sign,
    );
    this.#seq += BigInt(count);
    this.#previous = sealed.headerSha256;
    return sealed.bytes;
  }
}

parentPort?.on("message", ({ host: plan, copies, startMs, blockEvents }: MakeTask) => {
  const host = new Host(plan.number, startMs, sign);
  const others = copies.map(({ number }) => new Host(number, startMs, sign));
  const blocks = new Blocks(host, epochOf(startMs, plan), blockEvents);
  const post = (answer: MakeAnswer): void => parentPort?.postMessage(answer);
  for (const segment of segmentsOf(plan, startMs)) {
    const { place } = segment;
    const made = blocks.segment(segment);
    post({ kind: "segment", hostId: host.hostId, place, made });
    for (const [at, other] of others.entries()) {
      const epoch = epochOf(startMs, copies[at] as HostPlan);
      post({
        kind: "segment",
        hostId: other.hostId,
        place,
        made: made.map((each) => renamed(each, host, other, epoch)),
      });
    }
  }
  post({ kind: "done" });
});

function epochOf(startMs: number, { number }: HostPlan): bigint {
  return (BigInt(startMs) << 16n) + BigInt(number);
}
