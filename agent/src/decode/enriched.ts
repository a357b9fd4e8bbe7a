/**
 * ENRICHED logs: behind the kernel's text auditd wrote names for its numbers, as its own host knew them. They are kept with
 * their record, apart from the kernel's fields, and name users where this host cannot.
 */
import { ENRICHED_SEPARATOR, RECORD, type RecordWords, splitWords, unquote } from "@hosttrail/lib/audit";
import type { Event } from "@hosttrail/proto/event";

/** Adds the words of the enrichment; the first one carries the separator in its key. */
export function appendEnriched({ type, keys, values }: RecordWords, enriched: string): RecordWords {
  const more = splitWords(type, enriched);
  const [first = "", ...others] = more.keys;
  return {
    type,
    keys: [...keys, `${ENRICHED_SEPARATOR}${first}`, ...others],
    values: [...values, ...more.values],
  };
}

/** A name from the enrichment, which begins at its separator; a key of the same name before it is none. */
function nameIn({ keys, values }: RecordWords, key: string): string {
  const start = keys.findIndex((name) => name.startsWith(ENRICHED_SEPARATOR));
  if (start < 0) return "";
  for (let at = start; at < keys.length; at++) {
    const name = at === start ? keys[at]?.slice(ENRICHED_SEPARATOR.length) : keys[at];
    if (name !== key) continue;
    const text = unquote(values[at] ?? "");
    return text === "unset" || text === "unknown" ? "" : text;
  }
  return "";
}

/** Fills in the names of the users, groups and owners that the log itself has. */
export function enrichedNames(event: Event, words: readonly RecordWords[]): void {
  const actor = words.find(({ type }) => type === RECORD.SYSCALL) ?? words[0];
  const { user } = event;
  if (actor !== undefined && user !== undefined) {
    user.name = nameIn(actor, "UID");
    user.effectiveName = nameIn(actor, "EUID");
    user.auditName = nameIn(actor, "AUID");
    if (user.group !== undefined) user.group.name = nameIn(actor, "GID");
  }
  const paths = words.filter(({ type }) => type === RECORD.PATH);
  for (const file of event.files) {
    const record = paths.find(({ keys, values }) => values[keys.indexOf("item")] === String(file.item));
    if (record === undefined) continue;
    file.owner = nameIn(record, "OUID");
    file.group = nameIn(record, "OGID");
  }
}
