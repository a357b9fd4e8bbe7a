/** Entries to text. */
import { LogEntryError, type LogEntry } from "./entry.ts";
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

/** Bytes of an entry. */
export const LOG_ENTRY_BYTES_MAX = 60_000;
/** What the first line begins with. */
export const ENTRY_HEADER = "hosttrail/";
export const ENTRY_VERSION = "v1";
/** Of a hold. */
export const HOSTS_MAX = 1000;
export const LABELS_MAX = 64;

/** Throws a LogEntryError for an entry that could not be read again. */
export function formatLogEntry(entry: LogEntry): Uint8Array {
  const lines = [`${ENTRY_HEADER}${entry.kind}/${ENTRY_VERSION}`];
  const add = <Value>(key: string, form: ValueForm<Value>, value: Value): void => {
    const text = form.format(value);
    if (form.parse(text) === undefined) {
      throw new LogEntryError(lines.length + 1, `${key} is ${JSON.stringify(text.slice(0, 80))}, not ${form.allowed}`);
    }
    lines.push(`${key} ${text}`);
  };
  const addAll = (key: string, form: ValueForm<string>, values: readonly string[], max: number): void => {
    if (values.length > max || values.some((value, at) => at > 0 && value <= (values[at - 1] ?? ""))) {
      throw new LogEntryError(lines.length + 1, `${key} is there up to ${String(max)} times, in order and once each`);
    }
    for (const value of values) add(key, form, value);
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
      add("ranges", rangesForm, entry.ranges);
      add("blocks", numberForm, entry.blocks);
      add("events", numberForm, entry.events);
      add("policy", textForm, entry.policy);
      add("actor", textForm, entry.actor);
      break;
    case "hold":
    case "release":
      add("hold", textForm, entry.hold);
      addAll("host", hostIdForm, entry.hostIds, HOSTS_MAX);
      addAll("label", textForm, entry.labels, LABELS_MAX);
      add("from", dayForm, entry.firstDay);
      add("until", dayForm, entry.lastDay);
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
