/** Records from the kernel, by netlink: as the audit daemon (unicast) or beside one (multicast). */
import {
  native,
  NO_TEXT,
  type ReaderHandle,
  RECORD_HEAD,
  type StoredSocket,
  storeSocket,
  TEXTS_MAX,
  unstoreSocket,
} from "../kernel/index.ts";
import type { RawRecord, Repetition } from "../model/index.ts";
import { callAt, millisecondsAt, secondsAt } from "./head.ts";
import { type KnownShape, Shapes } from "./shapes.ts";
import type { Source, SourceCounters, SpooledEvent, TakeRecord, TakeRepetition } from "./source.ts";

/** Taken from the ring at once, at most: records, and bytes of texts that did not come before. */
const RECORDS_MAX = 1024;
const TEXTS_BYTES = 256 * 1024;
const SPOOLED_EVENT_BYTES = 16;

export interface NetlinkOptions {
  multicast: boolean;
  receiveBufferBytes: number;
  ringBytes: number;
  ringPath: string;
  bootId: string;
  /** The socket of an earlier process. */
  stored: StoredSocket | undefined;
}

/** Opens the reader and hands on every record, or the event that repeats one before, until it is closed. */
export function openNetlink(options: NetlinkOptions, take: TakeRecord, takeAgain?: TakeRepetition): Source {
  const addon = native();
  const { multicast, stored, ringPath } = options;
  let parseFailures = 0;
  let position = 0;
  let closed = false;
  let paused = false;
  let again: NodeJS.Immediate | undefined;
  const heads = new Uint32Array(RECORDS_MAX * RECORD_HEAD.words);
  const texts = Buffer.alloc(TEXTS_BYTES);
  /** Texts that came before, by their numbers. */
  const known = new Array<string>(TEXTS_MAX).fill("");
  const shapes = takeAgain && new Shapes(known);
  /** The text that is described at this word of the heads. */
  const textAt = (at: number): string => {
    const number = heads[at] as number;
    const length = heads[at + 2] as number;
    if (length === 0) return number === NO_TEXT ? "" : (known[number] as string);
    const start = heads[at + 1] as number;
    // A string of its own: a slice would keep the whole buffer alive.
    const text = texts.toString("latin1", start, start + length);
    if (number !== NO_TEXT) known[number] = text;
    return text;
  };
  /** While records are handed on that name texts by their numbers. */
  let draining = false;
  let forgetting = false;
  const forget = (): void => {
    forgetting = false;
    addon.forgetTexts(reader);
    known.fill("");
    shapes?.clear();
  };
  const takeRecord = (at: number, from: number, shape: KnownShape | undefined, nowMs: number): void => {
    const record: RawRecord = {
      type: heads[at + RECORD_HEAD.type] as number,
      node: "",
      seconds: secondsAt(heads, at),
      milliseconds: millisecondsAt(heads, at),
      serial: heads[at + RECORD_HEAD.serial] as number,
      text: textAt(at + RECORD_HEAD.text),
      actor: textAt(at + RECORD_HEAD.actor),
      call: heads[at + RECORD_HEAD.call] === 0 ? undefined : callAt(heads, at),
      enriched: "",
      position: from,
      shape,
    };
    take(record, nowMs);
  };
  /** False where the event's records must be handed on. */
  const takeRepeated = (at: number, from: number, shape: KnownShape, nowMs: number): boolean => {
    if (takeAgain === undefined || shape.memory === undefined) return false;
    const repetition: Repetition = {
      shape,
      node: "",
      seconds: secondsAt(heads, at),
      milliseconds: millisecondsAt(heads, at),
      serial: heads[at + RECORD_HEAD.serial] as number,
      call: shape.callAt(heads, at),
      position: from,
    };
    return takeAgain(repetition, nowMs);
  };
  /** Hands on the event or the record whose head begins there, of a drain that began at `base`; returns where the next one begins. */
  const takeAt = (at: number, end: number, base: number, nowMs: number): number => {
    const from = position;
    const shape = shapes?.find(heads, at, end);
    if (shape !== undefined) {
      const last = at + shape.count * RECORD_HEAD.words;
      position = base + (heads[last + RECORD_HEAD.end] as number);
      if (takeRepeated(at, from, shape, nowMs)) return last + RECORD_HEAD.words;
    }
    position = base + (heads[at + RECORD_HEAD.end] as number);
    if (heads[at + RECORD_HEAD.readable] === 0) parseFailures++;
    else takeRecord(at, from, shape, nowMs);
    return at + RECORD_HEAD.words;
  };
  /** Hands on what one drain gives; false where there is nothing. */
  const drainOnce = (): boolean => {
    draining = true;
    const base = addon.readerPosition(reader);
    const count = addon.drainReader(reader, heads, texts);
    const nowMs = performance.now();
    const end = count * RECORD_HEAD.words;
    for (let at = 0; at < end; ) at = takeAt(at, end, base, nowMs);
    draining = false;
    if (forgetting) forget();
    return count > 0;
  };
  const drain = (): void => {
    again = undefined;
    if (paused || closed) return;
    // One portion a turn: blocks are shipped meanwhile.
    if (drainOnce()) again = setImmediate(drain);
  };
  const drainAll = (): void => {
    while (drainOnce()) continue;
  };
  const reader: ReaderHandle = addon.openReader(
    multicast,
    stored?.fd ?? -1,
    options.receiveBufferBytes,
    ringPath,
    options.bootId,
    options.ringBytes,
    () => {
      if (again === undefined) drain();
    },
  );
  position = addon.readerPosition(reader);
  const readBeforeTo = addon.readerEnd(reader);
  const before = readSpooled(addon.readerCommitted(reader));
  const kept = stored !== undefined || storeSocket(reader, multicast);
  return {
    name: multicast ? "netlink-multicast" : "netlink-unicast",
    endOfEventExpected: true,
    counters(): SourceCounters {
      const { records, overruns, foreign, ringWaits, receiveBufferBytes } = addon.readerStatistics(reader);
      return { records, overruns, foreign, ringWaits, receiveBufferBytes, parseFailures, unreadFiles: 0 };
    },
    position: () => position,
    commit: (to, spooled) => addon.commitReader(reader, to, writeSpooled(spooled)),
    spooledBefore: () => before,
    readBeforeTo,
    hasUnread: () => addon.readerEnd(reader) > position,
    pause() {
      paused = true;
    },
    resume() {
      paused = false;
      // A drain that is under way goes on by itself.
      if (again === undefined && !draining) drain();
    },
    shrink() {
      if (draining) forgetting = true;
      else forget();
    },
    async close(release) {
      if (closed) return;
      closed = true;
      clearImmediate(again);
      // With a manager that keeps the socket the next agent goes on with it.
      if (release && kept) unstoreSocket(multicast, stored?.pid ?? process.pid);
      addon.stopReader(reader, release || !kept);
      // While the disk takes nothing it is the ring that keeps them.
      if (!paused) drainAll();
    },
    finished: new Promise<void>(() => undefined),
  };
}

function writeSpooled(events: readonly SpooledEvent[]): Buffer {
  const buffer = Buffer.alloc(events.length * SPOOLED_EVENT_BYTES);
  for (const [index, { timeMs, serial }] of events.entries()) {
    buffer.writeBigUInt64LE(BigInt(timeMs), index * SPOOLED_EVENT_BYTES);
    buffer.writeUInt32LE(serial, index * SPOOLED_EVENT_BYTES + 8);
  }
  return buffer;
}

function readSpooled(buffer: Buffer): SpooledEvent[] {
  return Array.from({ length: buffer.length / SPOOLED_EVENT_BYTES }, (_, index) => ({
    timeMs: Number(buffer.readBigUInt64LE(index * SPOOLED_EVENT_BYTES)),
    serial: buffer.readUInt32LE(index * SPOOLED_EVENT_BYTES + 8),
  }));
}
