/**
 * `./dev bench ingest`: pre-encoded blocks through mutual TLS and gRPC to the JetStream acknowledgement.
 *
 * A real nats-server (file store) and a real collector (role ingest), each a process of its own; this process is all
 * agents. Goal: 1,000,000 events/s on two cores. Blocks differ in their numbers only, so that making them takes no time here;
 * the collector checks every hash and signature all the same.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { type ClientDuplexStream, credentials } from "@grpc/grpc-js";
import { encodeHeader, sealBlock } from "@hosttrail/lib/block";
import { nodePrimitives, signerOf } from "@hosttrail/lib/crypto";
import { Block } from "@hosttrail/proto/block";
import { IngestServiceClient, type StreamRequest, type StreamResponse } from "@hosttrail/proto/ingest";
import { type Identity, Stack, waitForPort } from "@hosttrail/stack";
import { captureGroups, eventsOf } from "./capture.ts";
import { cpuSeconds } from "./process.ts";

const AGENTS = 8;
/** Events a block: a quiet fleet's and a busy one's. */
const BLOCK_SIZES = [500, 2000] as const;
const BLOCKS_PER_AGENT = 400;
const ROUNDS = 2;
const DOMAIN = Buffer.from("hosttrail-block-v2\0");

/** The same events again and again, each time as another block of the host's trail. */
function blocksOf(hostId: string, keyFile: string, size: number, round: number): Uint8Array[] {
  const sign = signerOf(readFileSync(keyFile, "utf8"));
  const place = {
    hostId,
    epoch: BigInt(size * 100 + round),
    firstSeq: 0n,
    bootId: "",
    agentVersion: "bench",
    flags: 0,
  };
  const { bytes, header } = sealBlock(
    capture.slice(0, size),
    { ...place, previousHeaderSha256: new Uint8Array(32) },
    nodePrimitives,
    sign,
  );
  const block = Block.decode(bytes);
  return Array.from({ length: BLOCKS_PER_AGENT }, (_, index) => {
    const headerBytes = encodeHeader({ ...header, firstSeq: BigInt(index * size) });
    const signature = sign(Buffer.concat([DOMAIN, headerBytes]));
    return Block.encode({ ...block, header: headerBytes, signature }).finish();
  });
}

/** Sends blocks within the credit until all are received. */
async function send(
  port: number,
  ca: Buffer,
  hostId: string,
  identity: Identity,
  blocks: readonly Uint8Array[],
): Promise<void> {
  const [key, certificate] = [identity.keyFile, identity.certificateFile].map((file) => readFileSync(file));
  const client = new IngestServiceClient(`localhost:${port}`, credentials.createSsl(ca, key, certificate), {
    "grpc.use_local_subchannel_pool": 1,
    "grpc.max_send_message_length": 8 * 1024 * 1024,
  });
  const stream: ClientDuplexStream<StreamRequest, StreamResponse> = client.stream();
  let next = 0;
  let received = 0;
  let credit = 0;
  const pump = (): void => {
    while (next < blocks.length && next - received < credit) {
      const value = blocks[next++] ?? new Uint8Array(0);
      stream.write({ message: { $case: "block", value } });
    }
  };
  await new Promise<void>((resolve, reject) => {
    stream.on("data", ({ message }: StreamResponse) => {
      if (message?.$case === "welcome") credit = message.value.credit;
      else if (message?.$case === "received") received += message.value.blocks.length;
      else if (message?.$case === "rejected") reject(new Error(`rejected: ${message.value.detail}`));
      if (received === blocks.length) resolve();
      else pump();
    });
    stream.on("error", reject);
    const value = { hostId, hostName: "bench", agentVersion: "bench", bootId: "boot", epoch: 1n, clockTime: undefined };
    stream.write({ message: { $case: "hello", value } });
  });
  stream.end();
  client.close();
}

/** What the way can do is measured, not what a host may send. */
const UNLIMITED = {
  blocks_per_second: 1_000_000,
  bytes_per_second: 1_073_741_824,
  events_per_second: 100_000_000,
  waiting_blocks_max: 1_000_000,
  waiting_bytes_max: 1_073_741_824,
};

const capture = eventsOf(captureGroups());
const directory = mkdtempSync(join(tmpdir(), "hosttrail-bench-"));
const say = (text: string): void => void process.stdout.write(`▸ ${text}\n`);
const tools = new URL("../.hosttrail/tools", import.meta.url).pathname;
const stack = await Stack.prepare({
  directory,
  tools,
  say,
  collector: { roles: ["ingest"], log_level: "warn", ingest: { hosts: "certified", quota: UNLIMITED } },
});
try {
  await stack.startServices();
  stack.collector.start();
  await waitForPort(stack.ingestPort, "the collector", () => stack.collector.assertRunning());
  const ca = readFileSync(stack.ca.caFile);
  const agents = await Promise.all(
    Array.from({ length: AGENTS }, async (_, index) => {
      const hostId = index.toString(16).padStart(32, "0");
      return { hostId, identity: await stack.ca.host(hostId, `agent-${index}`) };
    }),
  );
  const pids: [string, number | undefined][] = [
    ["agents (this process)", process.pid],
    ["collector, ingest", stack.collector.pid],
    ["nats-server", stack.nats.child?.pid],
  ];
  say(`${AGENTS} agents, ${BLOCKS_PER_AGENT} blocks each, ${cpus().length} cores`);
  for (const [size, round] of BLOCK_SIZES.flatMap((each) =>
    Array.from({ length: ROUNDS }, (_, at) => [each, at] as const),
  )) {
    const work = agents.map((agent) => ({
      ...agent,
      blocks: blocksOf(agent.hostId, agent.identity.keyFile, size, round),
    }));
    const before = pids.map(([, pid]) => (pid === undefined ? 0 : cpuSeconds(pid)));
    const start = performance.now();
    await Promise.all(work.map(({ hostId, identity, blocks }) => send(stack.ingestPort, ca, hostId, identity, blocks)));
    const seconds = (performance.now() - start) / 1000;
    const total = AGENTS * BLOCKS_PER_AGENT * size;
    const bytes = work.reduce((sum, { blocks }) => sum + blocks.reduce((inner, block) => inner + block.length, 0), 0);
    const rate = Math.round(total / seconds).toLocaleString("en");
    process.stdout.write(
      `${size} events a block, round ${round + 1}: ${rate} events/s, ${(bytes / seconds / 1e6).toFixed(1)} MB/s\n`,
    );
    for (const [index, [name, pid]] of pids.entries()) {
      if (pid === undefined) continue;
      const used = cpuSeconds(pid) - (before[index] ?? 0);
      const perMillion = (used / (total / 1e6)).toFixed(3);
      process.stdout.write(
        `  ${name.padEnd(22)} ${((100 * used) / seconds).toFixed(0).padStart(4)} % of a core, ${perMillion} CPU s per million events\n`,
      );
    }
  }
} finally {
  await stack.stop();
  rmSync(directory, { recursive: true, force: true });
}
