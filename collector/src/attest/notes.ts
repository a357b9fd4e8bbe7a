/** What retention did, as entries: what it dropped, and holds that were set or released. */
import {
  formatLogEntry,
  HOSTS_MAX,
  LABELS_MAX,
  type LoggedRange,
  type HoldEntry,
  RANGES_MAX,
} from "@hosttrail/lib/logentry";
import type { Drop, LegalHold } from "../model/index.ts";
import type { NewEntry } from "./heads.ts";

const TEXT_LENGTH_MAX = 512;

/** Entries of a drop: one, or several where it has many ranges. The first one is found again by the drop's id. */
export function dropEntries(drop: Drop, nowMs: number): NewEntry[] {
  const ranges = drop.ranges.map(({ first, next }): LoggedRange => ({ first, last: next - 1n }));
  return chunks(mergedRanges(ranges), RANGES_MAX).map((part, at) => ({
    bytes: formatLogEntry({
      kind: "dropped",
      hostId: drop.hostId,
      epoch: drop.epoch,
      day: drop.place,
      ranges: part,
      blocks: BigInt(drop.blocks),
      events: BigInt(drop.events),
      policy: oneLine(drop.policy),
      actor: oneLine(drop.actor),
      timeMs: nowMs,
    }),
    ...(at === 0 ? { noteId: dropNote(drop.id) } : {}),
    logged: () => undefined,
  }));
}

export function dropNote(dropId: string): string {
  return `drop-${dropId}`;
}

/** Entries of a hold, and of its release where it was released, by the ids under which each is found again. */
export function holdEntries(hold: LegalHold, nowMs: number): Map<string, NewEntry[]> {
  const all = new Map([[`hold-${hold.id}`, entriesOf("hold", hold, hold.creator, hold.reason, nowMs)]]);
  if (hold.releaseMs > 0)
    all.set(`release-${hold.id}`, entriesOf("release", hold, hold.releaser, hold.releaseReason, nowMs));
  return all;
}

function entriesOf(
  kind: HoldEntry["kind"],
  { id, hostIds, labels, firstDay, lastDay }: LegalHold,
  actor: string,
  reason: string,
  nowMs: number,
): NewEntry[] {
  const pairs = Object.entries(labels).map(([key, value]) => oneLine(`${key}=${value}`));
  const sorted = (values: readonly string[]): string[] => [...new Set(values)].sort();
  const parts = hostIds.length === 0 ? [[]] : chunks(sorted(hostIds), HOSTS_MAX);
  return parts.map((hosts, at) => ({
    bytes: formatLogEntry({
      kind,
      hold: oneLine(id),
      hostIds: hosts,
      labels: sorted(pairs).slice(0, LABELS_MAX),
      firstDay,
      lastDay,
      actor: oneLine(actor),
      reason: oneLine(reason),
      timeMs: nowMs,
    }),
    ...(at === 0 ? { noteId: `${kind}-${id}` } : {}),
    logged: () => undefined,
  }));
}

/** Ranges that touch are one. */
function mergedRanges(ranges: readonly LoggedRange[]): LoggedRange[] {
  const merged: LoggedRange[] = [];
  for (const range of ranges) {
    const before = merged.at(-1);
    if (before !== undefined && range.first <= before.last + 1n) {
      merged[merged.length - 1] = { first: before.first, last: range.last > before.last ? range.last : before.last };
    } else merged.push(range);
  }
  return merged;
}

function chunks<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, at) => items.slice(at * size, (at + 1) * size));
}

/** What people wrote, as an entry takes it. */
function oneLine(text: string): string {
  const line = text
    .toWellFormed()
    .replaceAll(/[\p{Cc}\u2028\u2029\ufeff]+/gu, " ")
    .slice(0, TEXT_LENGTH_MAX)
    .toWellFormed()
    .trim();
  return line === "" ? "-" : line;
}
