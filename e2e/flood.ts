/**
 * A host that sends whatever it is told to, as fast as it can and no faster than it is asked to, in a process of its own. It sends what the
 * collector lets it: reads the answers, never obeys them, and opens a new stream when one is ended.
 *
 * node e2e/flood.ts '{"port", "trust", "keyFile", "certificateFile", "hostId", "kind", "perSecond", "seconds"}'
 */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { credentials } from "@grpc/grpc-js";
import { IngestServiceClient, type StreamRequest } from "@hosttrail/proto/ingest";
import { blockOf } from "./blocks.ts";
import { CRAFTS, type Craft, craft } from "./crafted.ts";

export interface Flood {
  port: number;
  trust: string;
  keyFile: string;
  certificateFile: string;
  hostId: string;
  /** "small": honest blocks of one event. "same": one block again and again. "forks": numbers that are taken. */
  kind: "small" | "same" | "forks" | "days" | Craft;
  perSecond: number;
  seconds: number;
}

const flood = JSON.parse(process.argv[2] ?? "{}") as Flood;
const { hostId, keyFile, kind, perSecond, seconds } = flood;
const DAY_MS = 86_400_000;
/** Blocks made before the first is sent; they are sent again and again, each time as new ones where that is what the kind is about. */
const PREPARED = kind === "small" || kind === "forks" || kind === "days" ? Math.min(perSecond * seconds, 20_000) : 40;
const epoch = BigInt(Date.now());

function prepare(at: number): Uint8Array {
  const about = { hostId, epoch, firstSeq: kind === "forks" || kind === "same" ? 0n : BigInt(at) };
  if ((CRAFTS as readonly string[]).includes(kind)) return craft(kind as Craft, keyFile, about);
  const timeMs = kind === "days" ? at * DAY_MS : Date.now();
  return blockOf(keyFile, about, [{ action: kind === "same" ? "flood" : `flood-${at}`, timeMs }]).bytes;
}

const blocks = Array.from({ length: kind === "same" ? 1 : PREPARED }, (_, at) => prepare(at));
const [trust, key, certificate] = [flood.trust, keyFile, flood.certificateFile].map((file) => readFileSync(file));
const client = new IngestServiceClient(
  `localhost:${flood.port}`,
  credentials.createSsl(trust ?? null, key ?? null, certificate ?? null),
);
const counts = {
  offered: 0,
  received: 0,
  stored: 0,
  rejected: 0,
  throttled: 0,
  streams: 0,
  ended: {} as Record<string, number>,
};
process.stdout.write("ready\n");
const endMs = performance.now() + seconds * 1000;
const startMs = performance.now();
while (performance.now() < endMs) await stream();
client.close();
process.stdout.write(`${JSON.stringify(counts)}\n`);
process.exit(0);

/** One stream, until it is ended or the time is over. */
async function stream(): Promise<void> {
  counts.streams++;
  const call = client.stream();
  const state = { isOpen: true, isWelcome: false };
  call.on("data", ({ message }) => {
    if (message?.$case === "welcome") state.isWelcome = true;
    else if (message?.$case === "received") counts.received += message.value.blocks.length;
    else if (message?.$case === "stored") counts.stored += message.value.blocks.length;
    else if (message?.$case === "rejected") counts.rejected++;
    else if (message?.$case === "throttle") counts.throttled++;
  });
  call.on("error", (error) => {
    state.isOpen = false;
    counts.ended[error.message.slice(0, 80)] = (counts.ended[error.message.slice(0, 80)] ?? 0) + 1;
  });
  call.on("end", () => {
    state.isOpen = false;
  });
  const hello = { hostId, hostName: "loud", agentVersion: "0", bootId: "b", epoch, clockTime: undefined };
  const write = (message: StreamRequest["message"]): boolean => call.write({ message });
  write({ $case: "hello", value: hello });
  while (state.isOpen && !state.isWelcome && performance.now() < endMs) await sleep(5);
  while (state.isOpen && performance.now() < endMs) {
    const due = Math.floor(((performance.now() - startMs) / 1000) * perSecond);
    // Bounded, and never more than the connection takes.
    for (let burst = 0; burst < 500 && counts.offered < due && state.isOpen && !call.writableNeedDrain; burst++) {
      const block = blocks[counts.offered % blocks.length];
      if (block !== undefined) write({ $case: "block", value: block });
      counts.offered++;
    }
    await sleep(call.writableNeedDrain ? 5 : 1);
  }
  call.cancel();
  await sleep(20);
}
