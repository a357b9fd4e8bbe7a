/**
 * Blocks as a hostile host would send them: honest columns whose numbers were changed, opened as all readers do. Beside a
 * crash, an input is a find where it costs more time or memory than its bytes allow.
 */
import assert from "node:assert/strict";
import nodeProcess from "node:process";
import { getHeapStatistics } from "node:v8";
import { BlockError, ColumnBlock, decompressedBytesMax, encodeColumns, scanPayload } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import { compileFilter, tellSieve } from "@hosttrail/lib/predicate";
import { SieveBuilder } from "@hosttrail/lib/sieve";
import { Event } from "@hosttrail/proto/event";
import type { Random } from "./random.ts";

/** Opening a payload takes so long at most: columns, every row and event, a sieve, a filter. */
const TIME_FREE_MS = 40;
const TIME_EACH_BYTE_MS = 0.004;
/** And so much memory, garbage included. */
const MEMORY_FREE_BYTES = 16 * 1024 * 1024;
const MEMORY_EACH_BYTE = 512;
/** Compiled or collected meanwhile is no find: too slow is what is too slow each time. */
const TRIES = 5;

const POSITION = { hostId: "0".repeat(32), epoch: 1n, firstSeq: 0n };

const FILTERS = [
  "process.command_line : zz",
  "process.title : zz",
  "process.parent.executable : zz",
  "process.ancestry.executable = zz",
  "process.session_leader.name : zz",
  "file.path : zz",
  "file.hash.sha256 : ab",
  "group.name : zz",
  "audit.key = zz",
  "audit.record_type = SYSCALL",
].map(compileFilter);

/** A message taken apart: its bytes fields and numbers by field number, an inner message as the same again. */
type Tree = Map<number, number | Uint8Array | Tree>;

/** Tables are messages of the payload, and an Int64Column (time, start time) is one of its table. */
const isMessage = (path: readonly number[]): boolean =>
  (path.length === 1 && path[0] !== undefined && path[0] >= 2 && path[0] <= 17) ||
  (path.length === 2 && (path.join() === "3,1" || path.join() === "6,10"));

function parse(bytes: Uint8Array, path: readonly number[] = []): Tree {
  const tree: Tree = new Map();
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = number();
    const field = tag >> 3;
    if ((tag & 7) === 0) {
      tree.set(field, number());
      continue;
    }
    const length = number();
    const inner = bytes.subarray(at, at + length);
    tree.set(field, isMessage([...path, field]) ? parse(inner, [...path, field]) : inner);
    at += length;
  }
  return tree;
}

function writeNumber(bytes: number[], value: number): void {
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  bytes.push(rest);
}

/** The tree as bytes. Most of them are columns that nobody changed: they are copied as they are. */
function write(tree: Tree): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [field, value] of tree) {
    const head: number[] = [];
    if (typeof value === "number") {
      writeNumber(head, field * 8);
      writeNumber(head, value);
      parts.push(Uint8Array.from(head));
      continue;
    }
    const inner = value instanceof Uint8Array ? value : write(value);
    writeNumber(head, field * 8 + 2);
    writeNumber(head, inner.length);
    parts.push(Uint8Array.from(head), inner);
  }
  return Buffer.concat(parts);
}

const process = (pid: number): object => ({
  entityId: `entity-${pid >> 1}`,
  pid,
  name: "ls",
  executable: "/usr/bin/ls",
  args: ["ls", "-l", `${pid}`],
  workingDirectory: "/root",
  startUnixNano: 1_700_000_000_000_000_000n + BigInt(pid),
});
const reference = (pid: number): object => ({ entityId: `entity-${pid}`, pid, name: "bash", executable: "/bin/bash" });

/** An event that has a row in every table, and bytes that are no text where `hasBytes`: those are not for the scan. */
function full(pid: number, hasBytes: boolean): Event {
  return Event.fromPartial({
    event: {
      timeUnixNano: 1_700_000_000_000_000_000n + BigInt(pid) * 1_000_000n,
      action: "executed",
      category: ["process"],
    },
    host: { id: "h", name: "n", ip: ["192.0.2.1"], labels: [{ key: "env", value: "prod" }] },
    process: {
      ...process(pid),
      parent: { ...process(pid - 1), parent: process(1) },
      ancestry: [reference(pid - 1), reference(1)],
      sessionLeader: reference(pid - 2),
    },
    user: { id: pid, name: "root", group: { id: 1, name: "wheel" } },
    files: [
      {
        path: "/etc/passwd",
        name: "passwd",
        inode: BigInt(pid),
        after: { exists: true, size: 5n, sha256: "ab".repeat(32) },
      },
      { path: `/tmp/${pid}`, before: { exists: false } },
    ],
    source: { address: "192.0.2.2", port: pid },
    destination: { address: "é", port: 443 },
    container: { id: "c", runtime: "docker" },
    cloud: { provider: "aws", tags: [{ key: "k", value: "v" }] },
    audit: {
      serial: pid,
      keys: ["exec", "k2"],
      syscall: { arch: 1, number: 59, name: "execve", success: "yes", exit: -2n, arguments: [1n, 1n << 40n] },
      records: [
        { type: 1300, layout: "arch syscall", fields: [{ key: "a", value: "b" }] },
        {
          type: 1309,
          layout: "argc",
          fields: [
            { key: "a0", ...(hasBytes ? { valueBytes: Uint8Array.of(0xff, pid & 127) } : { value: `v${pid}` }) },
          ],
        },
      ],
    },
    targets: [process(pid + 5)],
  });
}

const SEEDS_EVENTS_MAX = 5;
const TIME_MAX = (1n << 63n) - 1n;
const SEEDS = [1, 2, SEEDS_EVENTS_MAX].flatMap((count) =>
  [true, false].map((hasBytes) => encodeColumns(Array.from({ length: count }, (_, at) => full(100 + at, hasBytes)))),
);
const TREES = SEEDS.map((payload) => parse(payload));
const COMPRESSED = SEEDS.map((payload) => nodePrimitives.compress(payload));

/** Numbers that counts, lengths and references are changed to. */
function anyNumber(random: Random): number {
  switch (random.next(6)) {
    case 0:
      return random.next(4);
    case 1:
      return random.next(200);
    case 2:
      return 2 ** random.next(32) - random.next(2);
    case 3:
      return 1 << 20;
    case 4:
      return 2 ** random.next(64);
    default:
      return random.next(5000);
  }
}

function anyColumn(random: Random, old: Uint8Array): Uint8Array {
  const bytes: number[] = [];
  switch (random.next(7)) {
    case 0:
      return old.subarray(0, random.next(old.length + 1));
    case 1: {
      const changed = Uint8Array.from(old);
      if (old.length > 0) changed[random.next(old.length)] = random.next(256);
      return changed;
    }
    case 2: {
      // Long columns are rare, since they are slow to make.
      const count = random.next(random.next(64) === 0 ? 6000 : 40);
      return new Uint8Array(count).fill(random.next(6));
    }
    case 3:
      for (const byte of old) bytes.push(byte);
      for (let times = random.next(8); times > 0; times--) bytes.push(...old);
      return Uint8Array.from(bytes);
    case 4:
      return new Uint8Array(0);
    default:
      for (let count = random.next(8); count > 0; count--) writeNumber(bytes, anyNumber(random));
      return Uint8Array.from(bytes);
  }
}

/** The tree with one of its parts changed, taken away, put elsewhere or in a second time (by another field's number). */
function changed(random: Random, tree: Tree): Tree {
  // All of it was taken away before.
  if (tree.size === 0) return tree;
  const copy = new Map(tree);
  const fields = [...tree.keys()];
  const field = random.pick(fields);
  const value = tree.get(field);
  if (random.next(12) === 0) copy.delete(field);
  else if (random.next(11) === 0) copy.set(random.next(40) + 1, value ?? 0);
  else if (random.next(16) === 0) copy.set(1, anyNumber(random));
  else if (typeof value === "number") copy.set(field, anyNumber(random));
  else if (value instanceof Uint8Array) copy.set(field, anyColumn(random, value));
  else if (value !== undefined) copy.set(field, changed(random, value));
  return copy;
}

function anyPayload(random: Random): Uint8Array {
  let tree = random.pick(TREES);
  for (let rounds = 1 + random.next(3); rounds > 0; rounds--) tree = changed(random, tree);
  const bytes = Uint8Array.from(write(tree));
  if (random.next(8) === 0 && bytes.length > 0) bytes[random.next(bytes.length)] = random.next(256);
  return random.next(16) === 0 ? bytes.subarray(0, random.next(bytes.length + 1)) : bytes;
}

/** Changed bytes of a zstd frame, decompressed where that goes. */
function anyFrame(random: Random): Uint8Array | undefined {
  const frame = Uint8Array.from(random.pick(COMPRESSED));
  for (let count = 1 + random.next(3); count > 0; count--) frame[random.next(frame.length)] = random.next(256);
  try {
    return nodePrimitives.decompress(frame, decompressedBytesMax(frame.length));
  } catch {
    return undefined;
  }
}

function open(payload: Uint8Array, filter: number): void {
  const isWhole = isRead(() => new ColumnBlock(payload, POSITION).check());
  const isOpened = isRead(() => {
    const block = new ColumnBlock(payload, POSITION);
    block.events();
    tellSieve(block, new SieveBuilder());
    FILTERS[filter]?.match(block);
  });
  assert.ok(isOpened || !isWhole, "the check passed what cannot be read");
  assert.ok(isWhole || !isTaken(payload), "the scan took what the check refuses");
}

/** Whether the scan takes it, with all that must hold beside as it is. */
function isTaken(payload: Uint8Array): boolean {
  for (let count = 1; count <= SEEDS_EVENTS_MAX; count++) {
    const scanned = scanPayload(payload, {
      hostId: "h",
      count,
      firstTimeUnixNano: -(1n << 63n),
      lastTimeUnixNano: TIME_MAX,
    });
    if (scanned !== undefined) return true;
  }
  return false;
}

function isRead(read: () => void): boolean {
  try {
    read();
    return true;
  } catch (error) {
    assert.ok(error instanceof BlockError, String(error));
    return false;
  }
}

function memoryBytes(): number {
  const { used_heap_size: heap, external_memory: outside, malloced_memory: native } = getHeapStatistics();
  return heap + outside + native;
}

/** Of this thread's processor time, so that what else the machine does counts for nothing; Node.js below 23.9 leaves the clock's. */
function spentMs(): number {
  if (typeof nodeProcess.threadCpuUsage !== "function") return performance.now();
  const { user, system } = nodeProcess.threadCpuUsage();
  return (user + system) / 1000;
}

/** One input. */
export function openMutatedBlock(random: Random): void {
  const payload = random.next(32) === 0 ? anyFrame(random) : anyPayload(random);
  if (payload === undefined) return;
  const filter = random.next(FILTERS.length);
  const timeMaxMs = TIME_FREE_MS + TIME_EACH_BYTE_MS * payload.length;
  const memoryMax = MEMORY_FREE_BYTES + MEMORY_EACH_BYTE * payload.length;
  const memory = memoryBytes();
  let tookMs = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < TRIES && tookMs > timeMaxMs; tries++) {
    const started = spentMs();
    open(payload, filter);
    tookMs = Math.min(tookMs, spentMs() - started);
    const grown = memoryBytes() - memory;
    if (tries === 0)
      assert.ok(grown <= memoryMax, `${grown} bytes of memory for ${payload.length} bytes; ${memoryMax} are allowed`);
  }
  assert.ok(tookMs <= timeMaxMs, `${tookMs} ms for ${payload.length} bytes; ${timeMaxMs} are allowed`);
}
