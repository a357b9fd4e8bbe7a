/** Records from the kernel, by netlink: as the audit daemon (unicast) or beside one (multicast). */
import { native, type ReaderHandle } from "../kernel/index.ts";
import type { RawRecord } from "../model/index.ts";
import type { Source, SourceCounters, TakeRecord } from "./source.ts";
import { parseStamp } from "./stamp.ts";

const FRAME_HEADER_BYTES = 8;

export interface NetlinkOptions {
  multicast: boolean;
  receiveBufferBytes: number;
  ringBytes: number;
}

/** Opens the reader and hands on every record until it is closed. */
export function openNetlink(options: NetlinkOptions, take: TakeRecord): Source {
  const addon = native();
  let parseFailures = 0;
  const accept = (record: RawRecord | undefined): void => {
    if (record === undefined) parseFailures++;
    else take(record);
  };
  const drain = (): void => {
    for (;;) {
      const frames = addon.drainReader(reader);
      if (frames === null) return;
      for (let at = 0; at < frames.length; ) {
        const type = frames.readUInt16LE(at);
        const start = at + FRAME_HEADER_BYTES;
        const end = start + frames.readUInt32LE(at + 4);
        at = end;
        // A string of its own per record: a slice would keep the whole buffer alive. The kernel ends some
        // records with a NUL or a line feed.
        let last = end;
        while (last > start && (frames[last - 1] === 0 || frames[last - 1] === 0x0a)) last--;
        accept(parseStamp(type, "", frames.toString("latin1", start, last)));
      }
    }
  };
  const reader: ReaderHandle = addon.openReader(
    options.multicast,
    options.receiveBufferBytes,
    options.ringBytes,
    drain,
  );
  return {
    name: options.multicast ? "netlink-multicast" : "netlink-unicast",
    endOfEventExpected: true,
    counters(): SourceCounters {
      const { records, overruns, foreign, ringWaits, receiveBufferBytes } = addon.readerStatistics(reader);
      return { records, overruns, foreign, ringWaits, receiveBufferBytes, parseFailures };
    },
    async close() {
      addon.stopReader(reader);
      drain();
    },
    finished: new Promise<void>(() => undefined),
  };
}
