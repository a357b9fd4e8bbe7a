/** How a good host fares beside a hostile one: latencies of *stored*, and the collector's memory. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Identity, Stack } from "@hosttrail/stack";
import { blockOf } from "./blocks.ts";
import { eventually } from "./environment.ts";
import type { Flood } from "./flood.ts";
import { HostStream } from "./hoststream.ts";

const FLOOD = new URL("flood.ts", import.meta.url).pathname;

/** Sends blocks of five events at a steady pace and gives the milliseconds until each was told as stored, ascending. */
export async function measureStored(
  stack: Stack,
  host: { hostId: string; identity: Identity },
  { count, everyMs }: { count: number; everyMs: number },
): Promise<number[]> {
  const epoch = BigInt(Date.now()) * 1000n + BigInt(Math.floor(Math.random() * 1000));
  const stream = new HostStream(stack, host.identity);
  const sent = new Map<bigint, number>();
  const latencies: number[] = [];
  stream.onAnswer = (answer) => {
    if (answer.$case !== "stored") return;
    for (const { epoch: of, firstSeq } of answer.value.blocks) {
      const sentMs = of === epoch ? sent.get(firstSeq) : undefined;
      if (sentMs !== undefined && sent.delete(firstSeq)) latencies.push(performance.now() - sentMs);
    }
  };
  try {
    stream.hello(host.hostId);
    await stream.answer("welcome");
    let previous: Uint8Array = new Uint8Array(0);
    for (let at = 0; at < count; at++) {
      const firstSeq = BigInt(at * 5);
      const events = Array.from({ length: 5 }, (_, number) => ({ action: `steady-${number}` }));
      const block = blockOf(host.identity.keyFile, { hostId: host.hostId, epoch, firstSeq, previous }, events);
      previous = block.headerSha256;
      sent.set(firstSeq, performance.now());
      stream.block(block.bytes);
      await sleep(everyMs);
    }
    await eventually("all of the good host's being stored", 30_000, async () => {
      if (stream.error !== undefined) throw stream.error;
      return latencies.length === count || undefined;
    });
  } finally {
    stream.close();
  }
  return latencies.toSorted((a, b) => a - b);
}

export function percentile(ascending: readonly number[], share: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * share))] ?? 0;
}

/** Resident memory of the collector, bytes. */
export function collectorMemory(stack: Stack): number {
  const status = readFileSync(`/proc/${stack.collector.pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
}

export interface Outcome {
  offered: number;
  received: number;
  stored: number;
  rejected: number;
  throttled: number;
  streams: number;
  ended: Record<string, number>;
}

/** Runs a flood while something else goes on; the flood begins with it and is ended with it. */
export async function whileFlooded<Result>(
  stack: Stack,
  host: { hostId: string; identity: Identity },
  about: Pick<Flood, "kind" | "perSecond" | "seconds">,
  run: () => Promise<Result>,
): Promise<{ result: Result; outcome: Outcome; memoryMax: number }> {
  const flood: Flood = {
    port: stack.ingestPort,
    trust: join(stack.authority, "trust.crt"),
    hostId: host.hostId,
    ...host.identity,
    ...about,
  };
  const child = spawn(process.execPath, [FLOOD, JSON.stringify(flood)], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  const ended = once(child, "exit");
  let memoryMax = 0;
  const watch = setInterval(() => {
    memoryMax = Math.max(memoryMax, collectorMemory(stack));
  }, 100);
  try {
    await eventually("the flood's start", 60_000, async () => output.includes("ready") || undefined);
    const result = await run();
    await ended;
    const outcome = JSON.parse(output.slice(output.indexOf("{"))) as Outcome;
    return { result, outcome, memoryMax };
  } finally {
    clearInterval(watch);
    child.kill("SIGKILL");
  }
}
