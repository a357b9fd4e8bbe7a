/** All that the engine knows, as bytes: `HTC`, a version, the checksum of the rest, and the rest. */
import { ByteReader, ByteWriter, checksum } from "./bytes.ts";
import { compareEntries, type Entry } from "./entry.ts";
import { EntryReader, EntryWriter } from "./entrybytes.ts";
import { type Episode, type Folded, newEpisode, type Told } from "./episode.ts";
import { CorrelateError } from "./error.ts";
import type { Group, Ledger } from "./group.ts";
import { keyOf } from "./grouping.ts";
import { type CorrelateCounters, newCounters } from "./model.ts";
import { compareMoments, isTouching, later, type Moment, moved } from "./moment.ts";
import type { Point } from "./points.ts";
import type { RestoredGroup, RuleGroups } from "./rulegroups.ts";

const MAGIC = [0x48, 0x54, 0x43];
const VERSION = 1;
const HEAD_LENGTH = 8;

/** A rule whose groups were not taken over from a snapshot. */
export interface DroppedRule {
  /** Its id, name or title. */
  name: string;
  /** There is no such rule, or it says something else now, or a rule does that it is about. */
  why: "unknown" | "changed";
}

export function writeSnapshot(rules: readonly RuleGroups[], ledger: Ledger): Uint8Array {
  const writer = new ByteWriter();
  const entries = new EntryWriter(writer);
  for (let at = 0; at < HEAD_LENGTH; at++) writer.count(0);
  writer.moment(ledger.horizon);
  writer.moment(ledger.forgotten);
  writer.list(Object.values(ledger.counters) as number[], (value) => writer.count(value));
  writer.list(rules, ({ key, fingerprint, forgottenUntil, groups }) => {
    writer.text(key);
    writer.text(fingerprint);
    writer.moment(forgottenUntil);
    // In their order, which is that in which they are forgotten.
    writer.list([...groups.values()], (group) => writeGroup(writer, entries, group));
  });
  const bytes = writer.finish();
  bytes.set([...MAGIC, VERSION]);
  new DataView(bytes.buffer).setUint32(4, checksum(bytes, HEAD_LENGTH), true);
  return bytes;
}

function writeGroup(
  writer: ByteWriter,
  entries: EntryWriter,
  { values, wasUsed, sizeFloor, timeline, points, episodes }: Group,
): void {
  writer.list(values, (value) => writer.text(value));
  writer.flag(wasUsed);
  writer.moment(sizeFloor);
  writer.list(timeline.entries.slice(timeline.start), (entry) => entries.write(entry));
  writer.list(points.all(), ({ end, value }) => {
    writer.moment(end);
    writer.number(value);
  });
  writer.list(episodes, (episode) => writeEpisode(writer, entries, episode));
}

function writeEpisode(
  writer: ByteWriter,
  entries: EntryWriter,
  { completed, last, peak, folded, completion, told }: Episode,
): void {
  writer.moment(completed);
  writer.moment(last);
  writer.number(peak);
  writer.nano(completion?.receivedNano ?? 0n);
  writer.nano(completion?.lateNano ?? 0n);
  writer.flag(folded !== undefined);
  if (folded !== undefined) {
    writer.moment(folded.first);
    writer.count(folded.count);
    writer.list(folded.oldest, (entry) => entries.write(entry));
    writer.list(folded.newest, (entry) => entries.write(entry));
    writer.flag(folded.last !== undefined);
    if (folded.last !== undefined) {
      writer.moment(folded.last);
      writer.number(folded.peak);
    }
    writer.flag(folded.isWhole);
  }
  writer.flag(told !== undefined);
  if (told !== undefined) writeTold(writer, told);
}

function writeTold(writer: ByteWriter, told: Told): void {
  writer.text(told.id);
  writer.count(told.count);
  writer.number(told.value);
  for (const nano of [told.firstNano, told.lastNano, told.lateNano, told.receivedNano]) writer.nano(nano);
  writer.flag(told.isTruncated);
  writer.text(told.idsDigest);
}

function readEpisode(reader: ByteReader, entries: EntryReader): Episode {
  const episode = newEpisode(reader.moment(), 0);
  episode.last = reader.moment();
  episode.peak = reader.finite();
  episode.completion = { receivedNano: reader.nano(), lateNano: reader.nano() };
  if (reader.flag()) episode.folded = readFolded(reader, entries);
  if (reader.flag())
    episode.told = {
      id: reader.text(),
      count: reader.count(),
      value: reader.finite(),
      firstNano: reader.nano(),
      lastNano: reader.nano(),
      lateNano: reader.nano(),
      receivedNano: reader.nano(),
      isTruncated: reader.flag(),
      idsDigest: reader.text(),
    };
  return episode;
}

function readFolded(reader: ByteReader, entries: EntryReader): Folded {
  const folded: Folded = {
    first: reader.moment(),
    count: reader.count(),
    oldest: reader.list(() => entries.read()),
    newest: reader.list(() => entries.read()),
    last: undefined,
    peak: Number.NaN,
    isWhole: false,
  };
  if (reader.flag()) {
    folded.last = reader.moment();
    folded.peak = reader.finite();
  }
  folded.isWhole = reader.flag();
  if (folded.count < folded.oldest.length + folded.newest.length) reader.fail("more events than counted");
  return folded;
}

/** Fills rules that have no groups yet. Says of which rules nothing was taken. Where it throws, nothing was taken of any. */
export function readSnapshot(bytes: Uint8Array, rules: readonly RuleGroups[], ledger: Ledger): DroppedRule[] {
  if (bytes.length < HEAD_LENGTH || MAGIC.some((byte, at) => bytes[at] !== byte))
    throw new CorrelateError("SNAPSHOT_MALFORMED", "these bytes are no snapshot");
  if (bytes[3] !== VERSION) throw new CorrelateError("SNAPSHOT_VERSION", `version ${bytes[3]}; known is ${VERSION}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (view.getUint32(4, true) !== checksum(bytes, HEAD_LENGTH))
    throw new CorrelateError("SNAPSHOT_MALFORMED", "the checksum is another one");
  const reader = new ByteReader(bytes, HEAD_LENGTH);
  const entries = new EntryReader(reader);
  const horizon = reader.momentOrNever();
  const forgotten = reader.momentOrNever();
  const counters = readCounters(reader);
  const byKey = new Map(rules.map((groups) => [groups.key, groups]));
  const dropped: DroppedRule[] = [];
  const seen = new Set<string>();
  const read = reader.list(() => {
    const name = reader.text();
    if (seen.has(name)) reader.fail(`the rule "${name}" twice`);
    seen.add(name);
    const known = byKey.get(name);
    const rule = reader.text() === known?.fingerprint ? known : undefined;
    if (rule === undefined) dropped.push({ name, why: known === undefined ? "unknown" : "changed" });
    const forgottenUntil = reader.momentOrNever();
    const groups = reader.list(() => readGroup(reader, entries, rule));
    const keys = new Set(groups.map(({ values }) => keyOf(values)));
    if (keys.size < groups.length) reader.fail("a group twice");
    return { rule, forgottenUntil, groups };
  });
  reader.end();
  Object.assign(ledger.counters, counters);
  ledger.horizon = horizon;
  ledger.forgotten = forgotten;
  for (const { rule, forgottenUntil, groups } of read) if (rule !== undefined) rule.restored(forgottenUntil, groups);
  return dropped;
}

function readCounters(reader: ByteReader): CorrelateCounters {
  const counters = newCounters();
  const names = Object.keys(counters) as (keyof CorrelateCounters)[];
  const values = reader.list(() => reader.count());
  if (values.length !== names.length) reader.fail("other counters");
  for (const [at, name] of names.entries()) counters[name] = values[at] ?? 0;
  return counters;
}

function readGroup(reader: ByteReader, entryReader: EntryReader, rule: RuleGroups | undefined): RestoredGroup {
  const values = reader.list(() => reader.text());
  const wasUsed = reader.flag();
  const sizeFloor = reader.momentOrNever();
  const entries = reader.list(() => entryReader.read());
  const points = reader.list(() => ({ end: reader.moment(), value: reader.finite() }));
  const episodes = reader.list(() => readEpisode(reader, entryReader));
  const group = { values, wasUsed, sizeFloor, entries, points, episodes };
  if (rule !== undefined) checkGroup(reader, group, rule);
  return group;
}

/** What the rest of the engine takes for granted. */
function checkGroup(reader: ByteReader, { values, entries, points, episodes }: RestoredGroup, rule: RuleGroups): void {
  const { question, rule: correlation } = rule;
  if (values.length !== correlation.groupBy.length) reader.fail("a group of other fields");
  let before: Entry | undefined;
  for (const entry of entries) {
    if (before !== undefined && compareEntries(before, entry) >= 0) reader.fail("events out of order");
    before = entry;
  }
  const type = question.values === "texts" ? "string" : "number";
  const isValid = (entry: Entry): boolean =>
    entry.values.length > 0 === (question.values !== "none") &&
    entry.values.every((value) => typeof value === type) &&
    entry.rules.length > 0 === question.isAboutRules &&
    entry.rules.every((number, at) => number < correlation.rules.length && number > (entry.rules[at - 1] ?? -1));
  if (!entries.every(isValid)) reader.fail("an event that is not the rule's");
  checkPoints(reader, points, entries);
  let last: Moment | undefined;
  for (const episode of episodes) {
    if (last !== undefined && isTouching(last, episode.completed, question.spanS)) reader.fail("two matches in one");
    last = later(episode.last, episode.completed);
    if (compareMoments(episode.last, episode.completed) < 0) reader.fail("a match that ends before it begins");
    if (!hasEvents(episode, entries, question.spanS)) reader.fail("a match without events");
    const headEnd = episode.folded?.last;
    if (headEnd !== undefined && (compareMoments(headEnd, episode.completed) < 0 || compareMoments(headEnd, last) > 0))
      reader.fail("a match whose beginning is not in it");
  }
}

function hasEvents({ folded, completed, last }: Episode, entries: readonly Entry[], spanS: number): boolean {
  if (folded !== undefined) return folded.count > 0;
  const begin = moved(completed, -spanS);
  return entries.some((entry) => compareMoments(entry, begin) > 0 && compareMoments(entry, last) <= 0);
}

/** Each satisfying window ends with an event. */
function checkPoints(reader: ByteReader, points: readonly Point[], entries: readonly Entry[]): void {
  let next = 0;
  let before: Moment | undefined;
  for (const { end } of points) {
    if (before !== undefined && compareMoments(before, end) >= 0) reader.fail("windows out of order");
    before = end;
    while (next < entries.length && compareMoments(entries[next] as Entry, end) < 0) next++;
    const entry = entries[next];
    if (entry === undefined || compareMoments(entry, end) !== 0) reader.fail("a window without its event");
  }
}
