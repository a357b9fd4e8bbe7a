/** Records from text: log files in the format of audit.log, also rotated and compressed, and auditd's plugin feed. */
import { createReadStream, statSync } from "node:fs";
import type { Readable } from "node:stream";
import { contentOf, DamageError } from "./compressed.ts";
import { type Counts, Gate, readLines } from "./lines.ts";
import { openLog } from "./log.ts";
import type { Source, SourceCounters, TakeRecord, TellFault } from "./source.ts";

function noCounts(): Counts {
  return { records: 0, parseFailures: 0, foreign: 0, unreadFiles: 0 };
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
    counters: (): SourceCounters => ({ ...counts, overruns: 0, ringWaits: 0, receiveBufferBytes: 0 }),
    close,
    pause: () => gate.pause(),
    resume: () => gate.resume(),
    shrink: () => undefined,
    position: () => 0,
    commit: () => undefined,
    spooledBefore: () => [],
    // What it waits for is not here, and ends by what comes after it.
    hasUnread: () => gate.isPaused,
    readBeforeTo: name === "file" ? Number.POSITIVE_INFINITY : 0,
    finished,
  };
}

/**
 * Reads a log from its oldest rotated file to the file itself, once. A file that cannot be read, or not to its end, is told and counted, and
 * the next one is read. Fails where there is nothing to read at all.
 */
export function openFiles(path: string, take: TakeRecord, tell: TellFault = () => undefined): Source {
  const counts = noCounts();
  const gate = new Gate();
  const aborter = new AbortController();
  const { signal } = aborter;
  const whole = (file: string, reason: string, offset?: number): void => {
    counts.unreadFiles++;
    tell({ file, offset, line: undefined, reason, isLoss: true });
  };
  const read = async (file: string, chunks: AsyncIterable<Buffer>): Promise<void> => {
    try {
      await readLines(chunks, { file, take, tell, counts, gate });
    } catch (error) {
      if (gate.closed) return;
      whole(file, messageOf(error), error instanceof DamageError ? error.offset : undefined);
    }
  };
  const readAll = async (): Promise<void> => {
    // A pipe has no siblings, and no beginning to come back to.
    if (isPipe(path)) return read(path, createReadStream(path, { signal }));
    const files = await openLog(
      path,
      (file, { reason, isLoss }) => {
        if (isLoss) whole(file, reason);
        else tell({ file, offset: undefined, line: undefined, reason, isLoss });
      },
      signal,
    );
    if (files.length === 0 && !gate.closed)
      throw new Error(`there is no log ${path} that can be read, nor rotated files of it`);
    for (const { path: file, handle, extension } of files) {
      if (!gate.closed) await read(file, contentOf(handle, extension, signal));
      await handle.close();
    }
  };
  // Nothing is told before whoever opens the source has it.
  const finished = Promise.resolve().then(readAll);
  return sourceOf("file", finished, counts, gate, async () => {
    gate.close();
    aborter.abort();
    await finished.catch(() => undefined);
  });
}

function isPipe(path: string): boolean {
  const status = statSync(path, { throwIfNoEntry: false });
  return status !== undefined && !status.isFile() && !status.isDirectory();
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Reads auditd's feed, as a plugin that auditd runs (`format = string`): it ends when auditd closes it. */
export function openPlugin(stream: Readable, take: TakeRecord, tell: TellFault = () => undefined): Source {
  const counts = noCounts();
  const gate = new Gate();
  const finished = readLines(stream as AsyncIterable<Buffer>, { file: "auditd's feed", take, tell, counts, gate });
  return sourceOf("auditd-plugin", finished, counts, gate, async () => {
    gate.close();
    stream.destroy();
    await finished.catch(() => undefined);
  });
}
