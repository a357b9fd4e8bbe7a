/**
 * Blocks on disk until the collector's database has them.
 *
 * A block is written once, when it is sealed, and freed when it is *stored*. Segments go when none of their blocks is
 * needed; the one with the newest block stays, since that block says where the trail goes on after a restart.
 *
 * A block that the collector refuses goes to the quarantine, and may be put back. On the disk it may stand in both for a moment, or for as
 * long as its segment is there; then it is in the quarantine, so whatever ends the agent, it is in one of them.
 */
import {
  closeSync,
  fdatasyncSync,
  ftruncateSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
} from "node:fs";
import { randomInt } from "node:crypto";
import { basename, join } from "node:path";
import { BlockError, type Header, newEpoch, parseBlock, type SealedBlock } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import { makePrivateDirectory, syncDirectory, syncFile, writeFileDurably } from "@hosttrail/lib/files";
import { EvictedRanges } from "./evicted.ts";
import { eventsIn, Quarantine, quarantineOf, type QuarantineSummary, ReturnError, summarize } from "./quarantine.ts";
import { mergedRanges, type NumberRange } from "./ranges.ts";
import { DamagedError, readFrame, writeFrame } from "./frame.ts";
import { blockKey, FRAME_HEADER_BYTES, frameHeader, scanSegment } from "./segment.ts";

export {
  DAMAGED,
  eventsIn,
  listQuarantine,
  type Quarantined,
  type QuarantineSummary,
  quarantineOf,
  ReturnError,
  summarize,
} from "./quarantine.ts";
export { rangesText } from "./ranges.ts";
export { isBlockKey, scanSegment } from "./segment.ts";

/** When blocks are forced to the disk: each one before it is sent, once a second, or as the kernel likes. */
export type SyncPolicy = "always" | "second" | "never";
const SYNC_INTERVAL_MS = 1000;
/** Ranges of what is kept that are told at once; beyond, they become wider. */
const RANGES_TOLD_MAX = 64;

/** Which blocks go first where there is no room for all: a segment holds blocks of one lane. */
export type SpoolLane = "normal" | "low";

export interface SpoolOptions {
  directory: string;
  /** Bytes of all segments, at most; past it the oldest segment is evicted, and counted. */
  bytesMax: number;
  segmentBytes: number;
  /** Hours that a block is kept, at most; 0 for as long as there is room. */
  hoursMax: number;
  sync: SyncPolicy;
  /** Bytes of the quarantine, at most; past it the oldest file goes, and is counted. */
  quarantineBytesMax: number;
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
  lane: SpoolLane | "returned";
  /** When it was begun, milliseconds since 1970. */
  beganMs: number;
  bytes: number;
  /** Blocks in it that are still needed. */
  live: Set<SpooledBlock>;
}

export interface SpoolCounters {
  blocks: number;
  bytes: number;
  /** Events in blocks that are kept now. */
  events: number;
  /** Since the start: events that an earlier life left, that were appended, stored, evicted, put aside, put back. */
  foundEvents: number;
  appendedEvents: number;
  storedEvents: number;
  evictedEvents: number;
  quarantinedEvents: number;
  returnedEvents: number;
  /** Events of blocks that the quarantine had no room for. */
  discardedEvents: number;
  evictedBlocks: number;
  corruptStretches: number;
  quarantinedBlocks: number;
}

/** Where the next block goes. */
export interface TrailPosition {
  epoch: bigint;
  nextSeq: bigint;
  previousHeaderSha256: Uint8Array;
}

export type SpoolEvent = (
  event: "corrupt" | "evicted" | "quarantined" | "returned" | "discarded" | "unsynced" | "unremoved",
  detail: Record<string, unknown>,
) => void;

export class Spool {
  readonly #options: SpoolOptions;
  readonly #report: SpoolEvent;
  readonly #segments: Segment[] = [];
  readonly #blocks = new Map<string, SpooledBlock>();
  readonly #active = new Map<Segment["lane"], { segment: Segment; file: number }>();
  readonly #quarantine: Quarantine;
  /** Has the newest block, by which the trail goes on after a restart. */
  #end: Segment | undefined;
  readonly #evicted = new EvictedRanges();
  #unsyncedSince = 0;
  /** Of an earlier life, which may have ended before it forced to the disk what it wrote last. */
  #inherited: Segment[] = [];
  #syncTimer: NodeJS.Timeout | undefined;
  /** The newest block of an earlier life; undefined where there is none. */
  lastBlock: Uint8Array | undefined;
  #position: TrailPosition;
  readonly #counts = {
    events: 0,
    foundEvents: 0,
    appendedEvents: 0,
    storedEvents: 0,
    evictedEvents: 0,
    quarantinedEvents: 0,
    returnedEvents: 0,
    discardedEvents: 0,
    evictedBlocks: 0,
    corruptStretches: 0,
    quarantinedBlocks: 0,
  };

  constructor(options: SpoolOptions, report: SpoolEvent) {
    this.#options = options;
    this.#report = report;
    makePrivateDirectory(options.directory);
    const { directory, quarantineBytesMax } = options;
    this.#quarantine = new Quarantine(quarantineOf(directory), quarantineBytesMax, ({ path, reason }, events) => {
      this.#counts.discardedEvents += events ?? 0;
      this.#report("discarded", { path, events, reason: `${reason}, and the quarantine is full` });
    });
    this.#position = this.#load();
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
      ...this.#counts,
    };
  }

  /** What is in the quarantine, of this life and of earlier ones. */
  quarantined(): QuarantineSummary {
    return summarize(this.#quarantine.files());
  }

  /** Reads what an earlier life left; returns where the trail goes on. */
  #load(): TrailPosition {
    let last: LastBlock | undefined;
    const damagedBefore = this.#counts.corruptStretches;
    const quarantined = new Set(this.#quarantine.files().map(({ key }) => key));
    for (const name of readdirSync(this.#options.directory).sort()) {
      const path = join(this.#options.directory, name);
      // Of a life that ended while it put a block back.
      if (name.endsWith(`${RETURNED_SUFFIX}.new`)) rmSync(path);
      if (!name.endsWith(".segment")) continue;
      // Segments of lanes and of what was put back lie side by side: the last block is the one with the highest number.
      const loaded = this.#loadSegment(path, quarantined);
      if (loaded !== undefined && (last === undefined || isAfter(loaded.header, last.header))) {
        last = loaded;
        this.#end = this.#segments.at(-1);
      }
    }
    // A new life of the trail begins where its end is not certain: on a new spool, after damage, and after a
    // reboot, when blocks that were sent may never have reached the disk and their numbers must not come twice.
    const certain = this.#counts.corruptStretches === damagedBefore && last?.header.bootId === this.#options.bootId;
    // The source takes what is found here for safe, and does not give it again.
    this.#inherited = this.#segments.filter(({ live }) => live.size > 0);
    if (this.#options.sync !== "never") this.#syncAll();
    this.lastBlock = last?.bytes;
    this.#counts.foundEvents = this.#counts.events;
    return {
      epoch:
        certain && last !== undefined
          ? last.header.epoch
          : newEpoch(Date.now(), randomInt(0x10000), last?.header.epoch),
      nextSeq: certain && last !== undefined ? last.header.firstSeq + BigInt(last.header.count) : 0n,
      previousHeaderSha256: last?.headerSha256 ?? new Uint8Array(0),
    };
  }

  /** Gives the segment's newest block. Blocks of the quarantine count for the trail's end, and are not sent. */
  #loadSegment(path: string, quarantined: ReadonlySet<string>): LastBlock | undefined {
    const content = readFileSync(path);
    const segment: Segment = {
      path,
      lane: path.endsWith(LOW_SUFFIX) ? "low" : path.endsWith(RETURNED_SUFFIX) ? "returned" : "normal",
      beganMs: statSync(path).mtimeMs,
      bytes: content.length,
      live: new Set(),
    };
    this.#segments.push(segment);
    let last: LastBlock | undefined;
    for (const stretch of scanSegment(content)) {
      if (stretch.kind === "corrupt") {
        this.#setAside(path, content, stretch.offset, stretch.length);
        continue;
      }
      try {
        const { block, header } = parseBlock(stretch.bytes);
        last = { header, headerSha256: nodePrimitives.sha256(block.header), bytes: Uint8Array.from(stretch.bytes) };
        // One that was put back may stand in its first segment, too.
        const key = blockKey(header.epoch, header.firstSeq);
        if (!quarantined.has(key) && !this.#blocks.has(key))
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
    this.#counts.corruptStretches++;
    this.#quarantine.keepDamaged(basename(path), offset, content.subarray(offset, offset + length));
    // At the end it is a torn write: cut it off. Elsewhere it stays until its segment goes.
    if (offset + length === content.length) truncateSync(path, offset);
    this.#report("corrupt", { path, offset, length });
  }

  #keep(segment: Segment, offset: number, length: number, header: Header): SpooledBlock {
    const { epoch, firstSeq, count } = header;
    const key = blockKey(epoch, firstSeq);
    const block: SpooledBlock = { key, epoch, firstSeq, count, length, segment, offset };
    segment.live.add(block);
    this.#blocks.set(key, block);
    this.#counts.events += count;
    return block;
  }

  /** Appends a sealed block; it is on disk when this returns, by the policy. Throws what the disk says. */
  append(sealed: SealedBlock, lane: SpoolLane = "normal"): SpooledBlock {
    const { segment, file } = this.#openFor(sealed, lane);
    const offset = segment.bytes;
    try {
      writeFrame(file, sealed.bytes);
      this.#sync(file);
    } catch (error) {
      this.#undo(lane, file, offset);
      throw error;
    }
    segment.bytes += FRAME_HEADER_BYTES + sealed.bytes.length;
    const { epoch, firstSeq, count } = sealed.header;
    this.#position = { epoch, nextSeq: firstSeq + BigInt(count), previousHeaderSha256: sealed.headerSha256 };
    const block = this.#keep(segment, offset, sealed.bytes.length, sealed.header);
    this.#counts.appendedEvents += count;
    if (this.#end !== segment) {
      this.#end = segment;
      this.#sweep();
    }
    this.#evict();
    return block;
  }

  /** Leaves no half block behind, so that the next one can be read. */
  #undo(lane: SpoolLane, file: number, offset: number): void {
    try {
      ftruncateSync(file, offset);
    } catch {
      // What is there is cut at the next start. Nothing may come behind it, since it would not lie where it is looked for.
      this.#active.delete(lane);
      closeSync(file);
    }
  }

  #sync(file: number): void {
    const { sync } = this.#options;
    if (sync === "never") return;
    if (sync === "always" || performance.now() - this.#unsyncedSince >= SYNC_INTERVAL_MS) {
      fdatasyncSync(file);
      this.#unsyncedSince = performance.now();
      return;
    }
    this.#syncTimer ??= setTimeout(() => this.#syncAll(), SYNC_INTERVAL_MS);
  }

  /** A disk that refuses is asked again: the blocks are safe no sooner than it agrees. */
  #syncAll(): void {
    this.#syncTimer = undefined;
    try {
      for (const { file } of this.#active.values()) fdatasyncSync(file);
      this.#syncInherited();
      this.#unsyncedSince = performance.now();
    } catch (error) {
      this.#report("unsynced", { error: String(error) });
      this.#syncTimer = setTimeout(() => this.#syncAll(), SYNC_INTERVAL_MS);
    }
  }

  #syncInherited(): void {
    for (let segment = this.#inherited.at(-1); segment !== undefined; segment = this.#inherited.at(-1)) {
      if (this.#segments.includes(segment)) syncFile(segment.path);
      this.#inherited.pop();
    }
  }

  #openFor({ bytes: block, header }: SealedBlock, lane: SpoolLane): { segment: Segment; file: number } {
    const active = this.#active.get(lane);
    if (active !== undefined && active.segment.bytes + block.length <= this.#options.segmentBytes) return active;
    const name = `${blockKey(header.epoch, header.firstSeq)}${lane === "low" ? LOW_SUFFIX : ".segment"}`;
    const path = join(this.#options.directory, name);
    // What was written there is safe before nobody asks for it any more.
    if (active !== undefined && this.#options.sync !== "never") fdatasyncSync(active.file);
    const file = openSync(path, "a", 0o600);
    let bytes: number;
    try {
      syncDirectory(this.#options.directory);
      bytes = fstatSync(file).size;
    } catch (error) {
      closeSync(file);
      throw error;
    }
    const segment: Segment = { path, lane, beganMs: Date.now(), bytes, live: new Set() };
    if (active !== undefined) closeSync(active.file);
    // Opened again after a try that the disk refused, it is known already.
    const known = this.#segments.findIndex((each) => each.path === path);
    if (known >= 0) this.#segments.splice(known, 1);
    this.#segments.push(segment);
    const opened = { segment, file };
    this.#active.set(lane, opened);
    return opened;
  }

  /** The block's bytes. One that the disk has damaged is put aside and given up, which throws a DamagedError; or throws what the disk says. */
  read(block: SpooledBlock): Buffer {
    const { segment, offset, length } = block;
    try {
      return readFrame(segment.path, offset, length);
    } catch (error) {
      if (error instanceof DamagedError) this.#giveUp(block, error.bytes);
      throw error;
    }
  }

  /** Nobody could do anything with it, and whoever it is sent to could not even tell which one it is. */
  #giveUp(block: SpooledBlock, bytes: Buffer): void {
    const { path } = block.segment;
    const { offset, count } = block;
    this.#quarantine.keepDamaged(basename(path), offset, bytes);
    this.#counts.corruptStretches++;
    this.#counts.evictedBlocks++;
    this.#counts.evictedEvents += count;
    this.#evicted.add(block);
    this.#report("corrupt", { path, offset, length: bytes.length, events: count });
    this.#forget(block);
  }

  get(epoch: bigint, firstSeq: bigint): SpooledBlock | undefined {
    return this.#blocks.get(blockKey(epoch, firstSeq));
  }

  /** The block is stored: it need not be kept. */
  free(block: SpooledBlock): void {
    if (this.#forget(block)) this.#counts.storedEvents += block.count;
  }

  #forget(block: SpooledBlock): boolean {
    if (!this.#blocks.delete(block.key)) return false;
    this.#counts.events -= block.count;
    block.segment.live.delete(block);
    if (block.segment.live.size === 0) this.#sweep();
    return true;
  }

  /**
   * The collector does not take this block as things are: it is kept aside, with the reason's code, and not sent any more. Throws what the
   * disk says; then it is in the spool as before.
   */
  quarantine(block: SpooledBlock, reason: string, detail = ""): void {
    if (this.#blocks.get(block.key) !== block) return;
    const path = this.#quarantine.keepBlock(block.key, reason, this.read(block));
    this.#forget(block);
    this.#counts.quarantinedBlocks++;
    this.#counts.quarantinedEvents += block.count;
    this.#report("quarantined", { path, reason, detail });
  }

  /**
   * Puts a block from the quarantine back as it is: it keeps its number, its hash and its signature. It has a segment of its own, since
   * an old block within the others would be taken for the trail's end. Throws a ReturnError where it cannot go, or what the disk says;
   * then it stays in the quarantine.
   */
  putBack(key: string): SpooledBlock {
    const { bytes, header } = this.#quarantine.read(key);
    const present = this.#blocks.get(key);
    const segmentBytes = FRAME_HEADER_BYTES + bytes.length;
    const room = this.#options.bytesMax - this.counters().bytes;
    if (present === undefined && segmentBytes > room) {
      throw new ReturnError(`the spool has room for ${Math.max(room, 0)} bytes, and the block needs ${segmentBytes}`);
    }
    const block = present ?? this.#return(key, bytes, header);
    this.#quarantine.remove(key);
    this.#report("returned", { block: key, events: header.count });
    return block;
  }

  #return(key: string, bytes: Uint8Array, header: Header): SpooledBlock {
    const path = join(this.#options.directory, `${key}${RETURNED_SUFFIX}`);
    writeFileDurably(path, Buffer.concat([frameHeader(bytes), bytes]));
    const size = FRAME_HEADER_BYTES + bytes.length;
    const segment: Segment = { path, lane: "returned", beganMs: Date.now(), bytes: size, live: new Set() };
    // It was put back before, by a life that ended then.
    const known = this.#segments.findIndex((each) => each.path === path);
    if (known >= 0 && this.#segments[known] === this.#end) this.#end = segment;
    if (known >= 0) this.#segments.splice(known, 1);
    this.#segments.push(segment);
    this.#counts.returnedEvents += header.count;
    return this.#keep(segment, 0, bytes.length, header);
  }

  /** Deletes segments that nobody needs. The one with the trail's end and those that are written to stay. */
  #sweep(): void {
    for (let at = this.#segments.length - 1; at >= 0; at--) {
      const segment = this.#segments[at];
      if (segment !== undefined && segment.live.size === 0 && !this.#isHeld(segment)) this.#remove(segment);
    }
  }

  /** False where the disk does not let it go: it has nothing that is needed, and goes with the next sweep. */
  #remove(segment: Segment): boolean {
    try {
      rmSync(segment.path, { force: true });
    } catch (error) {
      this.#report("unremoved", { path: segment.path, error: String(error) });
      return false;
    }
    this.#segments.splice(this.#segments.indexOf(segment), 1);
    return true;
  }

  #isHeld(segment: Segment): boolean {
    return segment === this.#end || this.#active.get(segment.lane)?.segment === segment;
  }

  /** Over the bound the least important segment goes, the oldest first, and what is too old goes anyway. */
  #evict(): void {
    const { bytesMax, hoursMax } = this.#options;
    const oldestMs = hoursMax === 0 ? 0 : Date.now() - hoursMax * 3_600_000;
    for (const segment of this.#segments.filter((each) => each.beganMs < oldestMs)) {
      if (!this.#isHeld(segment)) this.#drop(segment, "older than the spool keeps");
    }
    while (this.#segments.length > 1 && this.counters().bytes > bytesMax) {
      const free = this.#segments.filter((segment) => !this.#isHeld(segment));
      const least = free.find((segment) => segment.lane === "low") ?? free[0];
      // Where the disk lets nothing go, to give up more makes no room.
      if (least === undefined || !this.#drop(least, "the spool is full")) return;
    }
  }

  /** True where there is more room now. */
  #drop(segment: Segment, reason: string): boolean {
    let events = 0;
    for (const block of segment.live) {
      events += block.count;
      this.#blocks.delete(block.key);
      this.#evicted.add(block);
      this.#counts.events -= block.count;
    }
    this.#counts.evictedBlocks += segment.live.size;
    this.#counts.evictedEvents += events;
    if (events > 0) this.#report("evicted", { path: segment.path, blocks: segment.live.size, events, reason });
    segment.live.clear();
    return this.#remove(segment);
  }

  /** What was evicted since this was asked last: gaps of the trail that are no riddle. */
  takeEvicted(): NumberRange[] {
    return this.#evicted.take();
  }

  /** Numbers of the events that are kept until they are stored. */
  keptRanges(): NumberRange[] {
    return mergedRanges(this.#blocks.values(), RANGES_TOLD_MAX);
  }

  /** Numbers of the events in the quarantine: of its newest blocks, where there are more than are told. */
  quarantinedRanges(): NumberRange[] {
    const ranges: NumberRange[] = [];
    for (const file of this.#quarantine.files().slice(-RANGES_TOLD_MAX)) {
      const [, epoch = "", firstSeq = ""] = /^([0-9a-f]{16})-([0-9a-f]{16})$/.exec(file.key) ?? [];
      const count = epoch === "" ? undefined : eventsIn(file);
      if (count !== undefined) ranges.push({ epoch: BigInt(`0x${epoch}`), firstSeq: BigInt(`0x${firstSeq}`), count });
    }
    return mergedRanges(ranges, RANGES_TOLD_MAX);
  }

  close(): void {
    clearTimeout(this.#syncTimer);
    try {
      if (this.#options.sync !== "never") for (const { file } of this.#active.values()) fdatasyncSync(file);
    } catch (error) {
      this.#report("unsynced", { error: String(error) });
    }
    for (const { file } of this.#active.values()) closeSync(file);
    this.#active.clear();
  }
}

/** Where an agent's spool is. */
export function spoolOf({ stateDirectory }: { stateDirectory: string }): string {
  return join(stateDirectory, "spool");
}

/** Ends the name of a segment of the low lane. */
const LOW_SUFFIX = ".low.segment";
/** Ends the name of a segment of one block that was put back from the quarantine. */
const RETURNED_SUFFIX = ".returned.segment";

interface LastBlock {
  header: Header;
  headerSha256: Uint8Array;
  bytes: Uint8Array;
}

function isAfter(a: Header, b: Header): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.firstSeq > b.firstSeq);
}
