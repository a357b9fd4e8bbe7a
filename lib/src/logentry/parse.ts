/** Text to entries: only what formatLogEntry gives, byte for byte. */
import { LogEntryError, type LogEntry } from "./entry.ts";
import { ENTRY_HEADER, ENTRY_VERSION, HOSTS_MAX, LABELS_MAX, LOG_ENTRY_BYTES_MAX } from "./format.ts";
import {
  dayForm,
  epochForm,
  hostIdForm,
  numberForm,
  rangesForm,
  sha256Form,
  textForm,
  timeForm,
  type ValueForm,
} from "./value.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Throws a LogEntryError that names the line. */
export function parseLogEntry(bytes: Uint8Array): LogEntry {
  if (bytes.length > LOG_ENTRY_BYTES_MAX) {
    throw new LogEntryError(0, `it has ${String(bytes.length)} bytes; ${String(LOG_ENTRY_BYTES_MAX)} are allowed`);
  }
  const reader = new LineReader(linesOf(bytes));
  const entry = readEntry(reader);
  reader.finish();
  return entry;
}

function linesOf(bytes: Uint8Array): string[] {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    throw new LogEntryError(0, "it is not UTF-8");
  }
  if (!text.endsWith("\n")) throw new LogEntryError(0, "it does not end with a newline");
  return text.slice(0, -1).split("\n");
}

function readEntry(reader: LineReader): LogEntry {
  const kind = reader.kind();
  switch (kind) {
    case "head":
      return {
        kind,
        hostId: reader.take("host", hostIdForm),
        epoch: reader.take("epoch", epochForm),
        lastSeq: reader.take("last", numberForm),
        headerSha256: reader.take("header", sha256Form),
        missing: reader.take("missing", numberForm),
        timeMs: reader.take("time", timeForm),
      };
    case "dropped":
      return {
        kind,
        hostId: reader.take("host", hostIdForm),
        epoch: reader.take("epoch", epochForm),
        day: reader.take("day", dayForm),
        ranges: reader.take("ranges", rangesForm),
        blocks: reader.take("blocks", numberForm),
        events: reader.take("events", numberForm),
        policy: reader.take("policy", textForm),
        actor: reader.take("actor", textForm),
        timeMs: reader.take("time", timeForm),
      };
    case "hold":
    case "release":
      return {
        kind,
        hold: reader.take("hold", textForm),
        hostIds: reader.takeAll("host", hostIdForm, HOSTS_MAX),
        labels: reader.takeAll("label", textForm, LABELS_MAX),
        firstDay: reader.take("from", dayForm),
        lastDay: reader.take("until", dayForm),
        actor: reader.take("actor", textForm),
        reason: reader.take("reason", textForm),
        timeMs: reader.take("time", timeForm),
      };
    default:
      throw new LogEntryError(
        1,
        `it is none of head, dropped, hold and release, each as ${ENTRY_HEADER}KIND/${ENTRY_VERSION}`,
      );
  }
}

class LineReader {
  readonly #lines: readonly string[];
  #at = 0;

  constructor(lines: readonly string[]) {
    this.#lines = lines;
  }

  /** Empty where the first line is not one of this version. */
  kind(): string {
    const line = this.#lines[this.#at++] ?? "";
    const end = `/${ENTRY_VERSION}`;
    return line.startsWith(ENTRY_HEADER) && line.endsWith(end) ? line.slice(ENTRY_HEADER.length, -end.length) : "";
  }

  take<Value>(key: string, form: ValueForm<Value>): Value {
    if (!this.#isNext(key)) throw new LogEntryError(this.#at + 1, `it must begin with "${key} "`);
    const value = form.parse((this.#lines[this.#at++] ?? "").slice(key.length + 1));
    if (value === undefined) throw new LogEntryError(this.#at, `${key} is not ${form.allowed}`);
    return value;
  }

  /** As many as there are, each above the one before. */
  takeAll(key: string, form: ValueForm<string>, max: number): string[] {
    const values: string[] = [];
    while (this.#isNext(key)) {
      const value = this.take(key, form);
      if (values.length >= max || value <= (values.at(-1) ?? "")) {
        throw new LogEntryError(this.#at, `${key} is there up to ${String(max)} times, in order and once each`);
      }
      values.push(value);
    }
    return values;
  }

  #isNext(key: string): boolean {
    return (this.#lines[this.#at] ?? "").startsWith(`${key} `);
  }

  finish(): void {
    if (this.#at < this.#lines.length) throw new LogEntryError(this.#at + 1, "nothing may follow the time");
  }
}
