/** Records from the kernel, by netlink: as the audit daemon (unicast) or beside one (multicast). */
import { native, type ReaderHandle, type StoredSocket, storeSocket, unstoreSocket } from "../kernel/index.ts";
import type { Source, SourceCounters, SpooledEvent, TakeRecord } from "./source.ts";
import { parseStamp } from "./stamp.ts";

const FRAME_HEADER_BYTES = 8;
/** Taken from the ring at once, at most. */
const FRAMES_BYTES = 256 * 1024;
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
  const frames = Buffer.alloc(FRAMES_BYTES);
  /** Hands on what one drain gives; false where there is nothing. */
  const drainOnce = (): boolean => {
    const base = addon.readerPosition(reader);
    const length = addon.drainReader(reader, frames);
    if (length === 0) return false;
    for (let at = 0; at < length; ) {
      const type = frames.readUInt16LE(at);
      const from = base + at;
      const start = at + FRAME_HEADER_BYTES;
      const end = start + frames.readUInt32LE(at + 4);
      at = end;
      position = base + end;
      // The kernel ends some records with a NUL or a line feed.
      let last = end;
      while (last > start && (frames[last - 1] === 0 || frames[last - 1] === 0x0a)) last--;
      // A string of its own per record: a slice would keep the whole buffer alive.
      const record = parseStamp(type, "", frames.toString("latin1", start, last), from);
      if (record === undefined) parseFailures++;
      else take(record);
    }
    return true;
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
      if (again === undefined) drain();
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
