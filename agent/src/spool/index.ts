/**
 * Blocks on disk until the collector's database has them.
 *
 * A block is written once, when it is sealed, and freed when it is *stored*. Segments go when none of their blocks is
 * needed; the newest one stays, since its last block says where the trail goes on after a restart.
 */
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  ftruncateSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { randomInt } from "node:crypto";
import { join } from "node:path";
import { BlockError, hex64, newEpoch, parseBlock, type SealedBlock } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import { makePrivateDirectory, syncDirectory } from "@hosttrail/lib/files";
import type { BlockHeader } from "@hosttrail/proto/block";
import { FRAME_HEADER_BYTES, frameHeader, scanSegment } from "./segment.ts";

export { scanSegment } from "./segment.ts";

/** When blocks are forced to the disk: each one before it is sent, or as the kernel likes. */
export type SyncPolicy = "always" | "never";

export interface SpoolOptions {
  directory: string;
  /** Bytes of all segments, at most; past it the oldest segment is evicted, and counted. */
  bytesMax: number;
  segmentBytes: number;
  sync: SyncPolicy;
  bootId: string;
}

/** Where a block lies, and what the shipper needs to know of it. */
export interface SpooledBlock {
  key: string;
  epoch: bigint;
  firstSeq: bigint;
  count: number;
  length: number;
  segment: Segment;
  offset: number;
}

interface Segment {
  path: string;
  bytes: number;
  /** Blocks in it that are still needed. */
  live: Set<SpooledBlock>;
}

export interface SpoolCounters {
  blocks: number;
  bytes: number;
  evictedBlocks: number;
  evictedEvents: number;
  corruptStretches: number;
  quarantinedBlocks: number;
}

/** Where the next block goes. */
export interface TrailPosition {
  epoch: bigint;
  nextSeq: bigint;
  previousHeaderSha256: Uint8Array;
}

export type SpoolEvent = (event: "corrupt" | "evicted" | "quarantined", detail: Record<string, unknown>) => void;

export class Spool {
  readonly #options: SpoolOptions;
  readonly #report: SpoolEvent;
  readonly #segments: Segment[] = [];
  readonly #blocks = new Map<string, SpooledBlock>();
  #active: { segment: Segment; file: number } | undefined;
  /** The newest block of an earlier life; undefined where there is none. */
  lastBlock: Uint8Array | undefined;
  #position: TrailPosition;
  #evictedBlocks = 0;
  #evictedEvents = 0;
  #corruptStretches = 0;
  #quarantinedBlocks = 0;

  constructor(options: SpoolOptions, report: SpoolEvent) {
    this.#options = options;
    this.#report = report;
    makePrivateDirectory(options.directory);
    makePrivateDirectory(this.#quarantine);
    this.#position = this.#load();
  }

  get #quarantine(): string {
    return join(this.#options.directory, "quarantine");
  }

  get position(): Readonly<TrailPosition> {
    return this.#position;
  }

  /** Blocks that are not stored yet, oldest first. */
  get blocks(): IterableIterator<SpooledBlock> {
    return this.#blocks.values();
  }

  counters(): SpoolCounters {
    return {
      blocks: this.#blocks.size,
      bytes: this.#segments.reduce((sum, segment) => sum + segment.bytes, 0),
      evictedBlocks: this.#evictedBlocks,
      evictedEvents: this.#evictedEvents,
      corruptStretches: this.#corruptStretches,
      quarantinedBlocks: this.#quarantinedBlocks,
    };
  }

  /** Reads what an earlier life left; returns where the trail goes on. */
  #load(): TrailPosition {
    let last: { header: BlockHeader; headerSha256: Uint8Array } | undefined;
    const damagedBefore = this.#corruptStretches;
    for (const name of readdirSync(this.#options.directory).sort()) {
      if (!name.endsWith(".segment")) continue;
      last = this.#loadSegment(join(this.#options.directory, name)) ?? last;
    }
    // A new life of the trail begins where its end is not certain: on a new spool, after damage, and after a
    // reboot, when blocks that were sent may never have reached the disk and their numbers must not come twice.
    const certain = this.#corruptStretches === damagedBefore && last?.header.bootId === this.#options.bootId;
    return {
      epoch: certain && last !== undefined ? last.header.epoch : newEpoch(Date.now(), randomInt(0x10000)),
      nextSeq: certain && last !== undefined ? last.header.firstSeq + BigInt(last.header.count) : 0n,
      previousHeaderSha256: last?.headerSha256 ?? new Uint8Array(0),
    };
  }

  #loadSegment(path: string): { header: BlockHeader; headerSha256: Uint8Array } | undefined {
    const content = readFileSync(path);
    const segment: Segment = { path, bytes: content.length, live: new Set() };
    this.#segments.push(segment);
    let last: { header: BlockHeader; headerSha256: Uint8Array } | undefined;
    for (const stretch of scanSegment(content)) {
      if (stretch.kind === "corrupt") {
        this.#setAside(path, content, stretch.offset, stretch.length);
        continue;
      }
      try {
        const { block, header } = parseBlock(stretch.bytes);
        this.lastBlock = Uint8Array.from(stretch.bytes);
        last = { header, headerSha256: nodePrimitives.sha256(block.header) };
        this.#keep(segment, stretch.offset, stretch.bytes.length, header);
      } catch (error) {
        if (!(error instanceof BlockError)) throw error;
        this.#setAside(path, content, stretch.offset, FRAME_HEADER_BYTES + stretch.bytes.length);
      }
    }
    return last;
  }

  /** Moves damaged bytes out of the way, and tells where they were. */
  #setAside(path: string, content: Buffer, offset: number, length: number): void {
    this.#corruptStretches++;
    const name = `${path.split("/").pop()}.${offset}`;
    writeFileSync(join(this.#quarantine, name), content.subarray(offset, offset + length), { mode: 0o600 });
    // At the end it is a torn write: cut it off. Elsewhere it stays until its segment goes.
    if (offset + length === content.length) truncateSync(path, offset);
    this.#report("corrupt", { path, offset, length });
  }

  #keep(segment: Segment, offset: number, length: number, header: BlockHeader): SpooledBlock {
    const { epoch, firstSeq, count } = header;
    const key = blockKey(epoch, firstSeq);
    const block: SpooledBlock = { key, epoch, firstSeq, count, length, segment, offset };
    segment.live.add(block);
    this.#blocks.set(key, block);
    return block;
  }

  /** Appends a sealed block; it is on disk when this returns, by the policy. Throws what the disk says. */
  append(sealed: SealedBlock): SpooledBlock {
    const { segment, file } = this.#openFor(sealed);
    const offset = segment.bytes;
    try {
      writeAll(file, frameHeader(sealed.bytes));
      writeAll(file, sealed.bytes);
      if (this.#options.sync === "always") fdatasyncSync(file);
    } catch (error) {
      // Leave no half block behind, so that the next one can be read.
      ftruncateSync(file, offset);
      throw error;
    }
    segment.bytes += FRAME_HEADER_BYTES + sealed.bytes.length;
    const { epoch, firstSeq, count } = sealed.header;
    this.#position = { epoch, nextSeq: firstSeq + BigInt(count), previousHeaderSha256: sealed.headerSha256 };
    const block = this.#keep(segment, offset, sealed.bytes.length, sealed.header);
    this.#evict();
    return block;
  }

  #openFor({ bytes, header }: SealedBlock): { segment: Segment; file: number } {
    const active = this.#active;
    if (active !== undefined && active.segment.bytes + bytes.length <= this.#options.segmentBytes) return active;
    const name = `${hex64(header.epoch)}-${hex64(header.firstSeq)}.segment`;
    const path = join(this.#options.directory, name);
    const file = openSync(path, "a", 0o600);
    syncDirectory(this.#options.directory);
    const opened = { segment: { path, bytes: fstatSync(file).size, live: new Set<SpooledBlock>() }, file };
    if (active !== undefined) closeSync(active.file);
    this.#segments.push(opened.segment);
    this.#active = opened;
    this.#sweep();
    return opened;
  }

  read(block: SpooledBlock): Buffer {
    const buffer = Buffer.alloc(block.length);
    const file = openSync(block.segment.path, "r");
    try {
      const count = readSync(file, buffer, 0, buffer.length, block.offset + FRAME_HEADER_BYTES);
      if (count !== buffer.length) throw new Error(`${block.segment.path} ends inside the block at ${block.offset}`);
      return buffer;
    } finally {
      closeSync(file);
    }
  }

  get(epoch: bigint, firstSeq: bigint): SpooledBlock | undefined {
    return this.#blocks.get(blockKey(epoch, firstSeq));
  }

  /** The block is stored: it need not be kept. */
  free(block: SpooledBlock): void {
    if (!this.#blocks.delete(block.key)) return;
    block.segment.live.delete(block);
    if (block.segment.live.size === 0) this.#sweep();
  }

  /** The collector will never take this block: keep its bytes for a person to look at. */
  quarantine(block: SpooledBlock, reason: string): void {
    const path = join(this.#quarantine, `${block.key}.block`);
    if (existsSync(block.segment.path)) writeFileSync(path, this.read(block), { mode: 0o600 });
    this.#quarantinedBlocks++;
    this.#report("quarantined", { path, reason });
    this.free(block);
  }

  /** Deletes segments that nobody needs; the newest one stays. */
  #sweep(): void {
    const last = this.#segments.length - 1;
    for (let at = last - 1; at >= 0; at--) {
      const segment = this.#segments[at];
      if (segment === undefined || segment.live.size > 0) continue;
      unlinkSync(segment.path);
      this.#segments.splice(at, 1);
    }
  }

  /** Over the bound the oldest segment goes, with what it holds counted. */
  #evict(): void {
    while (this.#segments.length > 1 && this.counters().bytes > this.#options.bytesMax) {
      const oldest = this.#segments.shift();
      if (oldest === undefined) return;
      let events = 0;
      for (const block of oldest.live) {
        events += block.count;
        this.#blocks.delete(block.key);
      }
      this.#evictedBlocks += oldest.live.size;
      this.#evictedEvents += events;
      this.#report("evicted", { path: oldest.path, blocks: oldest.live.size, events });
      rmSync(oldest.path, { force: true });
    }
  }

  close(): void {
    if (this.#active !== undefined) closeSync(this.#active.file);
    this.#active = undefined;
  }
}

function blockKey(epoch: bigint, firstSeq: bigint): string {
  return `${hex64(epoch)}-${hex64(firstSeq)}`;
}

function writeAll(file: number, bytes: Uint8Array): void {
  let at = 0;
  while (at < bytes.length) at += writeSync(file, bytes, at);
}
