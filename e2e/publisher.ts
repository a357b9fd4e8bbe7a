/** Hosts of a test's own making, whose blocks go into the stream as ingest puts them there. */
import { createHash, generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { BlockStream } from "@hosttrail/collector/jetstream";
import type { Archive } from "@hosttrail/collector/mongodb";
import { eventId, sealBlock } from "@hosttrail/lib/block";
import { nodePrimitives, signerOf } from "@hosttrail/lib/crypto";
import { openLogger } from "@hosttrail/lib/log";
import { DetectorState } from "@hosttrail/proto/detection";
import { Event } from "@hosttrail/proto/event";
import type { Stack } from "@hosttrail/stack";
import { eventsOfLog } from "../bench/rules/replay.ts";
import { eventually } from "./environment.ts";

const sign = signerOf(generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }).toString());

/** A connection to the stack's NATS as the collector has one. */
export async function openBlockStream(stack: Stack): Promise<BlockStream> {
  return await BlockStream.open(
    {
      servers: stack.nats.url.split(","),
      credentials: "",
      publishTimeoutMs: 5000,
      replicas: 1,
      streamBytesMax: 4096 * 1024 * 1024,
      ackWaitMs: 30_000,
    },
    openLogger("test", "error"),
  );
}

/** The same host id for the same name. */
export function hostIdOf(name: string): string {
  return createHash("sha256").update(name).digest("hex").slice(0, 32);
}

/** A sealed block that can be published, also more than once. */
export interface SealedForStream {
  id: string;
  headerSha256: string;
  bytes: Uint8Array;
}

export class PublishingHost {
  readonly hostId: string;
  readonly #name: string;
  readonly #epoch: bigint;
  readonly #agentVersion: string;
  #seq = 0n;
  #previous: Uint8Array = new Uint8Array(0);

  constructor(name: string, epoch = 1n, hostId: string = hostIdOf(name), agentVersion = "0") {
    this.hostId = hostId;
    this.#name = name;
    this.#epoch = epoch;
    this.#agentVersion = agentVersion;
  }

  /** The next block of the host; its events keep their times. */
  seal(events: readonly Event[], flags = 0): SealedForStream {
    const own = events.map((event) => ({
      ...event,
      host: Event.fromPartial({ host: { ...event.host, id: this.hostId, name: this.#name } }).host,
    }));
    const firstSeq = this.#seq;
    const about = {
      hostId: this.hostId,
      epoch: this.#epoch,
      firstSeq,
      bootId: "",
      agentVersion: this.#agentVersion,
      flags,
    };
    const block = sealBlock(own, { ...about, previousHeaderSha256: this.#previous }, nodePrimitives, sign);
    this.#seq += BigInt(events.length);
    this.#previous = block.headerSha256;
    return {
      id: eventId(this.hostId, this.#epoch, firstSeq),
      headerSha256: Buffer.from(block.headerSha256).toString("hex"),
      bytes: block.bytes,
    };
  }

  /** `clockOffsetMs` is what ingest found when the host said hello. */
  async publish(stream: BlockStream, block: SealedForStream, clockOffsetMs = 0): Promise<void> {
    const { hostId } = this;
    await stream.publish({ ...block, hostId, hostName: this.#name, signer: "", clockOffsetMs });
  }
}

const RECORDED = new URL("../rules/recorded/discovery_command/match-1.log", import.meta.url);
let template: Event | undefined;

/** The start of a program, as a kernel told of one, with other arguments and at another time. */
export function executed(args: readonly string[], timeNano: bigint): Event {
  template ??= eventsOfLog(readFileSync(RECORDED, "latin1")).find(({ event }) => event?.action === "executed");
  const { event, process } = template ?? {};
  if (template === undefined || event === undefined || process === undefined) throw new Error("nothing was executed");
  return {
    ...template,
    event: { ...event, timeUnixNano: timeNano },
    process: { ...process, args: [...args], argsCount: args.length },
  };
}

/** Waits until all that was published is matched and raised, and what correlations ask of history is answered. */
export async function detectionSettled(stream: BlockStream, archive: Archive): Promise<void> {
  await eventually("detection of all blocks", 240_000, async () => {
    const lag = await stream.matches.lag();
    if (lag > 0) throw new Error(`${lag} blocks are not looked at`);
    const { first, last } = await stream.matches.matchesRange();
    // What was taken is forgotten with the checkpoint.
    if (last > 0n && first <= last) throw new Error(`matches ${first} to ${last} are not in a checkpoint`);
    const saved = await archive.detector.loadState();
    const { requests } = DetectorState.decode(saved?.bytes ?? new Uint8Array());
    if (requests.length > 0) throw new Error(`${requests.length} questions for history are open`);
    return true;
  });
}
