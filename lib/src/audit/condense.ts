/**
 * Keeping a record without keeping it twice.
 *
 * Most fields of a record have a place of their own in the event (`process.pid`, `file.inode` …). Such a field is
 * only named in the record's layout, if and only if the event gives back exactly the text that the kernel
 * wrote; every other field is kept as it was. So rebuilding is exact by construction, whatever the kernel,
 * a patched distribution or an old log may have written.
 */
import type { AuditField, AuditRecord, Event, User } from "@hosttrail/proto/event";
import { latin1Bytes, utf8OfLatin1 } from "./text.ts";
import { fileOf, typedValue } from "./typed.ts";
import { RECORD, recordTypeName } from "./types.ts";
import { type Actor, ENRICHED_SEPARATOR, type RecordWords } from "./words.ts";

const NO_BYTES = new Uint8Array(0);
/** Ends the name of a field that the event gives back; `=` ends one that is kept. */
const TYPED = "@";

/** The same record is the same object, so that a block finds its row at once: most events of a kind have the same. */
const knownRecords = new Map<string, AuditRecord>();
const KNOWN_RECORDS_MAX = 1024;
const NAME_LENGTH_MAX = 1024;

/** The event's records, each without the fields that the event itself gives back. */
export function condenseRecords(event: Event, records: readonly RecordWords[]): AuditRecord[] {
  // Not push, which would make room for many more than most events have.
  const condensed = new Array<AuditRecord>(records.length);
  for (let at = 0; at < records.length; at++) {
    const record = records[at] as RecordWords;
    let occurrence = 0;
    for (let before = 0; before < at; before++) if (records[before]?.type === record.type) occurrence++;
    condensed[at] = remembered(event, record, occurrence);
  }
  return condensed;
}

/** Uses what was found for the same text before, where all that it was decided by is the same. */
function remembered(event: Event, record: RecordWords, occurrence: number): AuditRecord {
  const { memo, type } = record;
  if (memo === undefined || type === RECORD.SYSCALL) return condense(event, record, occurrence);
  const part = decisivePart(event, type, occurrence);
  const args = type === RECORD.EXECVE || type === RECORD.PROCTITLE ? event.process?.args : undefined;
  const known = memo.condensed;
  if (
    known !== undefined &&
    known.part === part &&
    known.args === args &&
    known.hasProcess === (event.process !== undefined) &&
    known.occurrence === occurrence
  )
    return known.record;
  const condensed = condense(event, record, occurrence);
  memo.condensed = { record: condensed, part, args, hasProcess: event.process !== undefined, occurrence };
  return condensed;
}

/** What `typedValue` looks at for records of this type, beside the process's arguments. Of other types the event gives back nothing. */
function decisivePart(event: Event, type: number, occurrence: number): unknown {
  switch (type) {
    case RECORD.PATH:
      return fileOf(event, occurrence);
    case RECORD.CWD:
      return event.process?.workingDirectory;
    case RECORD.PROCTITLE:
      return event.process?.title;
    case RECORD.EXECVE:
      return event.process?.argsCount;
    case RECORD.SOCKADDR:
      return event.destination ?? event.source;
    default:
      return undefined;
  }
}

/** The records of which the event gives back every field, by their keys: which most are. */
const whole = new WeakMap<readonly string[], AuditRecord>();

function condense(event: Event, record: RecordWords, occurrence: number): AuditRecord {
  const { type, keys } = record;
  const kept =
    record.actor === undefined
      ? keptWords(event, record, occurrence)
      : keptOfCall(event, record, record.actor, occurrence);
  if (kept === undefined) {
    const known = whole.get(keys);
    if (known?.type === type) return known;
  }
  const condensed = withFields(record, kept ?? []);
  if (kept === undefined) whole.set(keys, condensed);
  return condensed;
}

/** Which words the event does not give back. */
function keptWords(event: Event, { type, keys, values }: RecordWords, occurrence: number): number[] | undefined {
  let kept: number[] | undefined;
  for (let at = 0; at < keys.length; at++) {
    const key = keys[at] ?? "";
    if (key === "" || typedValue(event, type, key, occurrence) !== values[at]) (kept ??= []).push(at);
  }
  return kept;
}

/** The same for a call whose actor is known, as long as the event is of this call and has this actor. */
function keptOfCall(event: Event, record: RecordWords, words: RecordWords, occurrence: number): number[] | undefined {
  const actor = words.memo?.actor;
  const { call } = record;
  const isOwn = call !== undefined && event.audit?.syscall?.arguments === call.arguments;
  if (actor === undefined || !isOwn || occurrence > 0 || !hasActor(event, actor))
    return keptWords(event, record, occurrence);
  const { process } = event;
  const start = record.keys.length - words.keys.length;
  let kept: number[] | undefined;
  // The words before are those of the event's call, as it would write them; who was its parent may be known better.
  if (process?.parent?.pid !== call.parentPid) (kept ??= []).push(start - 2);
  if (process?.pid !== call.pid) (kept ??= []).push(start - 1);
  actor.kept ??= keptWords(event, words, occurrence) ?? [];
  for (const at of actor.kept) (kept ??= []).push(start + at);
  return kept;
}

/** True where all that the words of the actor are given back from is in the event as the actor says. */
function hasActor({ process, user, audit }: Event, actor: Actor): boolean {
  return (
    process !== undefined &&
    process.name === actor.name &&
    process.executable === actor.executable &&
    process.tty === actor.tty &&
    process.sessionId === actor.sessionId &&
    audit?.keys === actor.keys &&
    (user === actor.user || (user !== undefined && actor.user !== undefined && sameIds(user, actor.user)))
  );
}

/** True where the kernel's ids of both are the same, whatever their names. */
export function sameIds(a: User, b: User): boolean {
  return (
    a.id === b.id &&
    a.auditId === b.auditId &&
    a.effectiveId === b.effectiveId &&
    a.savedId === b.savedId &&
    a.filesystemId === b.filesystemId &&
    a.group?.id === b.group?.id &&
    a.group?.effectiveId === b.group?.effectiveId &&
    a.group?.savedId === b.group?.savedId &&
    a.group?.filesystemId === b.group?.filesystemId
  );
}

/** The record with just these fields kept; the same object for the same one. */
function withFields({ type, keys, values }: RecordWords, kept: readonly number[]): AuditRecord {
  const fields: AuditField[] = [];
  let layout = "";
  let next = 0;
  for (let at = 0; at < keys.length; at++) {
    const key = keys[at] ?? "";
    const typed = kept[next] !== at;
    layout += `${at === 0 ? "" : " "}${key}${typed ? TYPED : "="}`;
    if (typed) continue;
    next++;
    const value = values[at] ?? "";
    const text = utf8OfLatin1(value);
    fields.push(
      text === undefined
        ? { key, value: "", valueBytes: latin1Bytes(value) }
        : { key, value: text, valueBytes: NO_BYTES },
    );
  }
  const name = nameOf(type, layout, fields);
  let known = knownRecords.get(name);
  if (known === undefined) {
    known = { type, typeName: recordTypeName(type), layout, fields };
    if (knownRecords.size >= KNOWN_RECORDS_MAX) knownRecords.clear();
    if (name.length <= NAME_LENGTH_MAX) knownRecords.set(name, known);
  }
  return known;
}

/** The same text for the same record, and for no other one. */
function nameOf(type: number, layout: string, fields: readonly AuditField[]): string {
  let name = `${type} ${layout}`;
  for (const { value, valueBytes } of fields) {
    name += ` ${value.length}:${value}`;
    if (valueBytes.length > 0) name += ` ${valueBytes.join()}`;
  }
  return name;
}

/** Every field of the event's record number `index` as the kernel wrote it; a bare word has an empty key. */
export function recordFields(event: Event, index: number): AuditField[] {
  const records = event.audit?.records ?? [];
  const record = records[index];
  if (record === undefined || record.layout === "") return [];
  const occurrence = records.slice(0, index).filter((other) => other.type === record.type).length;
  let next = 0;
  return record.layout.split(" ").map((word) => {
    const key = word.slice(0, -1);
    if (!word.endsWith(TYPED)) return record.fields[next++] ?? { key, value: "", valueBytes: NO_BYTES };
    return { key, value: typedValue(event, record.type, key, occurrence) ?? "", valueBytes: NO_BYTES };
  });
}

/** A record's text as the kernel wrote it, without its stamp; bytes that are not UTF-8 become U+FFFD. */
export function recordText(event: Event, index: number): string {
  let text = "";
  for (const [at, { key, value, valueBytes }] of recordFields(event, index).entries()) {
    // What auditd added in an ENRICHED log stands behind its separator, and not behind a space.
    if (at > 0 && !key.startsWith(ENRICHED_SEPARATOR)) text += " ";
    text += key === "" ? "" : `${key}=`;
    text += valueBytes.length > 0 ? new TextDecoder().decode(valueBytes) : value;
  }
  return text;
}
