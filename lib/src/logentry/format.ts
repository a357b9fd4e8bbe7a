/** Entries to text. */
import { LogEntryError, type LogEntry } from "./entry.ts";
import { dayForm, epochForm, hostIdForm, numberForm, sha256Form, textForm, timeForm, type ValueForm } from "./value.ts";

/** Bytes of an entry. */
export const LOG_ENTRY_BYTES_MAX = 4096;
/** What the first line begins with. */
export const ENTRY_HEADER = "hosttrail/";
export const ENTRY_VERSION = "v1";

/** Throws a LogEntryError for an entry that could not be read again. */
export function formatLogEntry(entry: LogEntry): Uint8Array {
  const lines = [`${ENTRY_HEADER}${entry.kind}/${ENTRY_VERSION}`];
  const add = <Value>(key: string, form: ValueForm<Value>, value: Value | undefined): void => {
    if (value === undefined) return;
    const text = form.format(value);
    if (form.parse(text) === undefined) {
      throw new LogEntryError(lines.length + 1, `${key} is ${JSON.stringify(text.slice(0, 80))}, not ${form.allowed}`);
    }
    lines.push(`${key} ${text}`);
  };
  switch (entry.kind) {
    case "head":
      add("host", hostIdForm, entry.hostId);
      add("epoch", epochForm, entry.epoch);
      add("last", numberForm, entry.lastSeq);
      add("header", sha256Form, entry.headerSha256);
      add("missing", numberForm, entry.missing);
      break;
    case "dropped":
      add("host", hostIdForm, entry.hostId);
      add("epoch", epochForm, entry.epoch);
      add("day", dayForm, entry.day);
      add("first", numberForm, entry.firstSeq);
      add("last", numberForm, entry.lastSeq);
      add("blocks", numberForm, entry.blocks);
      add("events", numberForm, entry.events);
      add("header", sha256Form, entry.headerSha256);
      add("policy", textForm, entry.policy);
      break;
    case "hold":
    case "release":
      add("hold", textForm, entry.hold);
      if ("hostId" in entry.scope) add("host", hostIdForm, entry.scope.hostId);
      else add("label", textForm, entry.scope.label);
      add("from", timeForm, entry.fromMs);
      add("until", timeForm, entry.untilMs);
      add("actor", textForm, entry.actor);
      add("reason", textForm, entry.reason);
      break;
  }
  add("time", timeForm, entry.timeMs);
  const bytes = new TextEncoder().encode(lines.map((line) => `${line}\n`).join(""));
  if (bytes.length > LOG_ENTRY_BYTES_MAX) {
    throw new LogEntryError(0, `it has ${String(bytes.length)} bytes; ${String(LOG_ENTRY_BYTES_MAX)} are allowed`);
  }
  return bytes;
}
