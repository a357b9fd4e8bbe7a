/** Records from text: log files in the format of audit.log, also rotated and compressed, and auditd's plugin feed. */
import { createReadStream, existsSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { parseLogLine } from "./line.ts";
import type { Source, SourceCounters, TakeRecord } from "./source.ts";

/** Longer than anything that the kernel or auditd writes (MAX_AUDIT_MESSAGE_LENGTH is 8,970 bytes). */
const LINE_BYTES_MAX = 1 << 20;
const LINE_FEED = 0x0a;

interface Counts {
  records: number;
  parseFailures: number;
}

/** Whether to go on reading: closed for good, or only for now. */
class Gate {
  closed = false;
  #open: Promise<void> | undefined;
  #letGo: (() => void) | undefined;

  pause(): void {
    this.#open ??= new Promise((resolve) => {
      this.#letGo = resolve;
    });
  }

  resume(): void {
    this.#letGo?.();
    this.#open = undefined;
  }

  close(): void {
    this.closed = true;
    this.resume();
  }

  /** True when reading goes on; waits while it is paused. */
  async passes(): Promise<boolean> {
    await this.#open;
    return !this.closed;
  }
}

/** Reads lines until the stream ends or the gate is closed. */
async function readLines(stream: Readable, take: TakeRecord, counts: Counts, gate: Gate): Promise<void> {
  let rest: Buffer[] = [];
  let length = 0;
  const accept = (line: Buffer): void => {
    if (line.length === 0) return;
    const end = line.at(-1) === 0x0d ? line.length - 1 : line.length;
    const record = line.length > LINE_BYTES_MAX ? undefined : parseLogLine(line.toString("latin1", 0, end));
    if (record === undefined) counts.parseFailures++;
    else {
      counts.records++;
      take(record, performance.now());
    }
  };
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    if (!(await gate.passes())) return;
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      accept(length === 0 ? chunk.subarray(start, end) : Buffer.concat([...rest, chunk.subarray(start, end)]));
      rest = [];
      length = 0;
      start = end + 1;
    }
    // Of a line without end only so much is kept that it is seen to be too long.
    if (length <= LINE_BYTES_MAX) rest.push(Buffer.from(chunk.subarray(start)));
    length += chunk.length - start;
  }
  accept(Buffer.concat(rest));
}

function sourceOf(
  name: string,
  finished: Promise<void>,
  counts: Counts,
  gate: Gate,
  close: () => Promise<void>,
): Source {
  return {
    name,
    endOfEventExpected: name === "auditd-plugin",
    counters: (): SourceCounters => ({ ...counts, overruns: 0, foreign: 0, ringWaits: 0, receiveBufferBytes: 0 }),
    close,
    pause: () => gate.pause(),
    resume: () => gate.resume(),
    shrink: () => undefined,
    position: () => 0,
    commit: () => undefined,
    spooledBefore: () => [],
    finished,
  };
}

/** Reads a log from its oldest rotated file (`audit.log.4`, also `.gz` and `.zst`) to the file itself. */
export function openFiles(path: string, take: TakeRecord): Source {
  const counts: Counts = { records: 0, parseFailures: 0 };
  const gate = new Gate();
  let current: Readable | undefined;
  const read = async (file: string): Promise<void> => {
    const plain = createReadStream(file);
    current = plain;
    const decompressor = file.endsWith(".gz")
      ? createGunzip()
      : file.endsWith(".zst")
        ? createZstdDecompress()
        : undefined;
    if (decompressor === undefined) return readLines(plain, take, counts, gate);
    await Promise.all([pipeline(plain, decompressor), readLines(decompressor, take, counts, gate)]);
  };
  const finished = (async (): Promise<void> => {
    for (const file of logFiles(path)) if (!gate.closed) await read(file);
  })();
  return sourceOf("file", finished, counts, gate, async () => {
    gate.close();
    current?.destroy();
    await finished.catch(() => undefined);
  });
}

/** The file and its rotated siblings, oldest first. */
export function logFiles(path: string): string[] {
  const folder = dirname(path);
  const name = basename(path);
  const rotated = (existsSync(folder) ? readdirSync(folder) : [])
    .map((file) => ({
      file,
      match: file.startsWith(`${name}.`) ? /^(\d{1,6})(?:\.gz|\.zst)?$/.exec(file.slice(name.length + 1)) : null,
    }))
    .filter(({ match }) => match !== null)
    .map(({ file, match }) => ({ file: join(folder, file), number: Number(match?.[1]) }))
    .sort((a, b) => b.number - a.number);
  return [...rotated.map(({ file }) => file), path];
}

/** Reads auditd's feed, as a plugin that auditd runs (`format = string`): it ends when auditd closes it. */
export function openPlugin(stream: Readable, take: TakeRecord): Source {
  const counts: Counts = { records: 0, parseFailures: 0 };
  const gate = new Gate();
  const finished = readLines(stream, take, counts, gate);
  return sourceOf("auditd-plugin", finished, counts, gate, async () => {
    gate.close();
    stream.destroy();
    await finished.catch(() => undefined);
  });
}
