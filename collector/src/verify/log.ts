/**
 * What the transparency log says of hosts. It lies in the same database as what it vouches for, so nothing of it is believed that its
 * checkpoint does not prove: not an entry, and not that there is none.
 */
import { type HeadEntry, type Logged, parseLogEntry } from "@hosttrail/lib/logentry";
import {
  type Checkpoint,
  encodeTile,
  leafHash,
  parseCheckpoint,
  parseNote,
  proveConsistency,
  proveInclusion,
  type ReadTile,
  TILE_WIDTH,
  verifyInclusion,
} from "@hosttrail/lib/tlog";
import { type LogFiles, loggedHeads, LogReader } from "../logbook/index.ts";
import type { Drop, LoggedNote } from "../model/index.ts";
import type { LoggedDrop, LoggedTrail, LoggedTrails, ProvenEntry } from "./source.ts";

/** What reading the log needs. Each throws a RetryableError where the database is away. */
export interface LogPorts {
  origin: string;
  files: LogFiles;
  /** In the order of days and epochs, after one of them. */
  listDrops: (hostId: string, afterId: string, limit: number) => Promise<Drop[]>;
  /** Where in the log a drop is; by its id. Nobody signed this. */
  findDrops: (dropIds: readonly string[]) => Promise<Map<string, LoggedNote>>;
}

const PAGE = 500;
/** Bundles that are known to be right, at most. */
const BUNDLES_MAX = 1024;
/** Ranges that one entry has, at most: a drop of more has several entries. */
const RANGES_OF_ENTRY = 64;

/** The log as of its newest published checkpoint; undefined where none was published yet. */
export async function openLoggedTrails(
  { origin, files, listDrops, findDrops }: LogPorts,
  hostIds: readonly string[] | undefined,
): Promise<LoggedTrails | undefined> {
  const published = await new LogReader(files, origin).published();
  if (published === undefined) return undefined;
  const checkpoint = parseCheckpoint(parseNote(published.note).text);
  const reader = new ProvenReader(files, origin, checkpoint);
  const { size } = checkpoint;
  const heads = await loggedHeads(reader, size, hostIds && new Set(hostIds));
  const byHost = Map.groupBy(heads.values(), ({ entry }) => entry.hostId);
  return {
    checkpoint: Buffer.from(published.note).toString(),
    hostIds: () => [...byHost.keys()],
    async consistencyProof(seenSize) {
      if (seenSize > BigInt(size)) return [];
      return await proveConsistency(Number(seenSize), size, reader.readTile);
    },
    async of(hostId) {
      const drops = await dropsOf(reader, size, { hostId, listDrops, findDrops });
      return await trailOf(reader, size, byHost.get(hostId) ?? [], drops);
    },
  };
}

/** Reads bundles of which it is shown that they are those of the checkpoint. */
class ProvenReader extends LogReader {
  readonly #checkpoint: Checkpoint;
  readonly #proven = new Map<number, Uint8Array[]>();

  constructor(files: LogFiles, origin: string, checkpoint: Checkpoint) {
    super(files, origin);
    this.#checkpoint = checkpoint;
  }

  /** The proof of one entry goes over all hashes of its tile: with a tile made of the entries, it is the proof of all of them. */
  override async bundle(index: number, size: number): Promise<Uint8Array[]> {
    const known = this.#proven.get(index);
    if (known !== undefined) return known;
    const entries = await super.bundle(index, size);
    const leaves = entries.map((entry) => leafHash(entry));
    const own = encodeTile(leaves);
    const readTile: ReadTile = async (name) =>
      name.level === 0 && name.index === index ? own : await this.readTile(name);
    const [first] = leaves;
    if (first !== undefined) {
      const at = index * TILE_WIDTH;
      verifyInclusion(this.#checkpoint, at, first, await proveInclusion(size, at, readTile));
    }
    this.#proven.set(index, entries);
    const [oldest] = this.#proven.keys();
    if (this.#proven.size > BUNDLES_MAX && oldest !== undefined) this.#proven.delete(oldest);
    return entries;
  }
}

interface DropQuestion extends Pick<LogPorts, "listDrops" | "findDrops"> {
  hostId: string;
}

/** Numbers of the entries that say what was dropped of a host. */
async function dropsOf(
  reader: LogReader,
  size: number,
  { hostId, listDrops, findDrops }: DropQuestion,
): Promise<number[]> {
  const indexes: number[] = [];
  for (let afterId = ""; ; ) {
    const page = await listDrops(hostId, afterId, PAGE);
    const notes = await findDrops(page.map(({ id }) => id));
    for (const { id, ranges } of page) {
      const index = notes.get(id)?.index;
      if (index === undefined) continue;
      const parts = Math.max(1, Math.ceil(ranges.length / RANGES_OF_ENTRY));
      for (let at = index; at < Math.min(index + parts, size); at++)
        if (await isDropOf(reader, at, size, hostId)) indexes.push(at);
    }
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return indexes;
    afterId = last.id;
  }
}

async function isDropOf(reader: LogReader, index: number, size: number, hostId: string): Promise<boolean> {
  const entry = parseLogEntry(await reader.entry(index, size));
  return entry.kind === "dropped" && entry.hostId === hostId;
}

async function trailOf(
  reader: LogReader,
  size: number,
  heads: readonly Logged<HeadEntry>[],
  dropIndexes: readonly number[],
): Promise<LoggedTrail> {
  const proofs: ProvenEntry[] = [];
  const drops: LoggedDrop[] = [];
  for (const index of [...heads.map((head) => head.index), ...dropIndexes]) {
    const bytes = await reader.entry(index, size);
    proofs.push({
      entry: bytes,
      index: BigInt(index),
      inclusionProof: await proveInclusion(size, index, reader.readTile),
    });
    const entry = parseLogEntry(bytes);
    if (entry.kind !== "dropped") continue;
    const ranges = entry.ranges.map(({ first, last }) => ({ first, next: last + 1n }));
    drops.push({ epoch: entry.epoch, ranges, policy: entry.policy, timeMs: entry.timeMs });
  }
  return {
    heads: heads.map(({ entry: { epoch, lastSeq, headerSha256: hash, missing, timeMs } }) => ({
      epoch,
      next: lastSeq + 1n,
      hash,
      isWhole: missing === 0n,
      timeMs,
    })),
    drops,
    proofs,
  };
}
