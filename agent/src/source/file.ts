/** Records from a log file in the format of audit.log, for replay. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { recordTypeNumber } from "@hosttrail/lib/audit";
import type { RawRecord } from "../model/index.ts";
import type { Source, SourceCounters, TakeRecord } from "./source.ts";
import { parseStamp } from "./stamp.ts";

/** Divides what auditd adds in ENRICHED logs from the kernel's own text. */
const ENRICHED = "\u001d";

/** One line of a log: `node=… type=SYSCALL msg=audit(…): …`. Undefined where it is none. */
export function parseLogLine(line: string): RawRecord | undefined {
  let at = 0;
  let node = "";
  if (line.startsWith("node=")) {
    at = line.indexOf(" ") + 1;
    if (at === 0) return undefined;
    node = line.slice("node=".length, at - 1);
  }
  if (!line.startsWith("type=", at)) return undefined;
  const space = line.indexOf(" ", at);
  if (space < 0 || !line.startsWith("msg=", space + 1)) return undefined;
  const type = recordTypeNumber(line.slice(at + "type=".length, space));
  if (type === undefined) return undefined;
  const enriched = line.indexOf(ENRICHED);
  return parseStamp(type, node, line.slice(space + 1 + "msg=".length, enriched < 0 ? undefined : enriched), 0);
}

/** Reads a file from start to end. */
export function openFile(path: string, take: TakeRecord): Source {
  const stream = createReadStream(path, { encoding: "latin1" });
  const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
  let records = 0;
  let parseFailures = 0;
  let closed = false;
  const finished = (async (): Promise<void> => {
    for await (const line of lines) {
      // The interface goes on with lines that it has read already.
      if (closed) return;
      if (line === "") continue;
      const record = parseLogLine(line);
      if (record === undefined) parseFailures++;
      else {
        records++;
        take(record);
      }
    }
  })();
  return {
    name: "file",
    endOfEventExpected: false,
    counters: (): SourceCounters => ({
      records,
      parseFailures,
      overruns: 0,
      foreign: 0,
      ringWaits: 0,
      receiveBufferBytes: 0,
    }),
    async close() {
      closed = true;
      // Destroying the stream alone would leave the loop waiting for ever.
      lines.close();
      stream.destroy();
      await finished.catch(() => undefined);
    },
    position: () => 0,
    commit: () => undefined,
    spooledBefore: () => [],
    finished,
  };
}
