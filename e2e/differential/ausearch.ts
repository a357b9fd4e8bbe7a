/** What Debian's ausearch says of a log: an independent reader of the same bytes. */
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";

/** Lines that ausearch is given at once: its time grows with their square. */
const LINES_AT_ONCE = 10_000;

/** Cuts a log into files of some thousand lines, none inside of an event; returns their paths. */
export function partsOf(log: string): string[] {
  const lines = readFileSync(log, "latin1").trimEnd().split("\n");
  const events = lines.map((line) => /msg=audit\([^)]*\)/.exec(line)?.[0] ?? "");
  const lastLine = new Map(events.map((event, at) => [event, at]));
  const parts: string[] = [];
  let begin = 0;
  let open = 0;
  for (const [at, event] of events.entries()) {
    open = Math.max(open, lastLine.get(event) ?? at);
    const isLast = at === lines.length - 1;
    if (open > at || (at - begin < LINES_AT_ONCE && !isLast)) continue;
    const part = `${log}.part${parts.length}`;
    writeFileSync(part, `${lines.slice(begin, at + 1).join("\n")}\n`, "latin1");
    parts.push(part);
    begin = at + 1;
  }
  return parts;
}

/** Lines of ausearch's output, one after the other, so that a large log needs no large memory. */
export async function* ausearch(parts: readonly string[], ...options: string[]): AsyncGenerator<string> {
  for (const part of parts) {
    const child = spawn("ausearch", ["-if", part, ...options], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, TZ: "UTC", LC_ALL: "C.UTF-8" },
    });
    child.stdout.setEncoding("latin1");
    yield* createInterface({ input: child.stdout, crlfDelay: Number.POSITIVE_INFINITY });
  }
}

/** One record as `ausearch -i` writes it. */
export interface InterpretedRecord {
  type: string;
  text: string;
}

/** The interpreted records of each event, by serial, in the order of the log. */
export async function* interpretedEvents(
  parts: readonly string[],
): AsyncGenerator<{ serial: number; records: InterpretedRecord[] }> {
  let serial = -1;
  let records: InterpretedRecord[] = [];
  for await (const line of ausearch(parts, "-i")) {
    if (line === "----") {
      // ausearch turns the records of an event around.
      if (records.length > 0) yield { serial, records: records.reverse() };
      records = [];
      continue;
    }
    const match = /^(?:node=\S+ )?type=(\S+) msg=audit\([^)]*:(\d+)\) : (.*)$/.exec(line);
    if (match === null) {
      // A line feed inside of a value goes on in the next line.
      const last = records[0];
      if (last !== undefined && line !== "") records[records.length - 1]!.text += `\n${line}`;
      continue;
    }
    serial = Number(match[2]);
    records.push({ type: match[1] ?? "", text: (match[3] ?? "").replace(/ $/, "") });
  }
  if (records.length > 0) yield { serial, records: records.reverse() };
}

/** Takes an interpreted text apart by the keys that the raw record has, in their order. */
export function valuesOf(text: string, keys: readonly string[]): Map<string, string> {
  const values = new Map<string, string>();
  let at = 0;
  let key = "";
  let start = 0;
  for (const next of keys) {
    const found = at === 0 && text.startsWith(`${next}=`) ? 0 : text.indexOf(` ${next}=`, at);
    if (found < 0) continue;
    if (key !== "") values.set(key, text.slice(start, found));
    key = next;
    start = found + next.length + (found === 0 && text.startsWith(`${next}=`) ? 1 : 2);
    at = start;
  }
  if (key !== "") values.set(key, text.slice(start));
  return values;
}

/** One event as `ausearch --format csv` writes it. */
export interface CsvEvent {
  serial: number;
  event: string;
  action: string;
  result: string;
  object: string;
  how: string;
}

export async function* csvEvents(parts: readonly string[]): AsyncGenerator<CsvEvent> {
  for await (const line of ausearch(parts, "--format", "csv")) {
    const fields = line.split(",");
    if (fields[0] === "NODE" || fields.length < 16) continue;
    yield {
      serial: Number(fields[4]),
      event: fields[1] ?? "",
      action: fields[10] ?? "",
      result: fields[11] ?? "",
      object: fields[12] ?? "",
      how: fields[15] ?? "",
    };
  }
}
