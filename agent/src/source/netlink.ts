/** Records from the kernel, by netlink: as the audit daemon (unicast) or beside one (multicast). */
import type { Call } from "@hosttrail/lib/audit";
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
import type { Source, SourceCounters, SpooledEvent, TakeRecord } from "./source.ts";

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

/** Opens the reader and hands on every record until it is closed. */
export function openNetlink(options: NetlinkOptions, take: TakeRecord): Source {
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
  };
  /** Hands on what one drain gives; false where there is nothing. */
  const drainOnce = (): boolean => {
    draining = true;
    const base = addon.readerPosition(reader);
    const count = addon.drainReader(reader, heads, texts);
    const nowMs = performance.now();
    for (let at = 0; at < count * RECORD_HEAD.words; at += RECORD_HEAD.words) {
      const from = position;
      position = base + (heads[at + RECORD_HEAD.end] as number);
      if (heads[at + RECORD_HEAD.readable] === 0) {
        parseFailures++;
        continue;
      }
      const isCall = heads[at + RECORD_HEAD.call] !== 0;
      const time = heads[at + RECORD_HEAD.milliseconds] as number;
      const record = {
        type: heads[at + RECORD_HEAD.type] as number,
        node: "",
        seconds: (heads[at + RECORD_HEAD.seconds] as number) + (time >>> 16) * 0x1_0000_0000,
        milliseconds: time & 0xffff,
        serial: heads[at + RECORD_HEAD.serial] as number,
        text: textAt(at + RECORD_HEAD.text),
        actor: textAt(at + RECORD_HEAD.actor),
        call: isCall ? callAt(heads, at) : undefined,
        enriched: "",
        position: from,
      };
      take(record, nowMs);
    }
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
  const before = readSpooled(addon.readerCommitted(reader));
  const kept = stored !== undefined || storeSocket(reader, multicast);
  return {
    name: multicast ? "netlink-multicast" : "netlink-unicast",
    endOfEventExpected: true,
    counters(): SourceCounters {
      const { records, overruns, foreign, ringWaits, receiveBufferBytes } = addon.readerStatistics(reader);
      return { records, overruns, foreign, ringWaits, receiveBufferBytes, parseFailures };
    },
    position: () => position,
    commit: (to, spooled) => addon.commitReader(reader, to, writeSpooled(spooled)),
    spooledBefore: () => before,
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

// Low half first: every platform that Node runs this on is little-endian.
const halves = new Uint32Array(2);
const unsigned = new BigUint64Array(halves.buffer);
const signed = new BigInt64Array(halves.buffer);

function unsignedAt(heads: Uint32Array, at: number): bigint {
  halves[0] = heads[at] as number;
  halves[1] = heads[at + 1] as number;
  return unsigned[0] as bigint;
}

/** The call of the record whose head begins there. */
function callAt(heads: Uint32Array, at: number): Call {
  halves[0] = heads[at + RECORD_HEAD.exit] as number;
  halves[1] = heads[at + RECORD_HEAD.exit + 1] as number;
  const exit = signed[0] as bigint;
  const first = at + RECORD_HEAD.arguments;
  return {
    arch: heads[at + RECORD_HEAD.arch] as number,
    number: heads[at + RECORD_HEAD.number] as number,
    success: heads[at + RECORD_HEAD.success] === 1 ? "yes" : "no",
    exit,
    arguments: [
      unsignedAt(heads, first),
      unsignedAt(heads, first + 2),
      unsignedAt(heads, first + 4),
      unsignedAt(heads, first + 6),
    ],
    items: heads[at + RECORD_HEAD.items] as number,
    parentPid: heads[at + RECORD_HEAD.parentPid] as number,
    pid: heads[at + RECORD_HEAD.pid] as number,
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
