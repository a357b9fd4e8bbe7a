/**
 * How old what lies outside of all days is. Its own times cannot be believed, so what counts is when it came: once a day it is noted up to
 * which number each epoch is there. Pure.
 */
import type { CatalogEntry, OutsideSeen } from "../model/index.ts";
import { DAY_MS } from "./days.ts";

/** Notes of one host, the newest; without one, what came then counts as if it had come later. */
const SEEN_MAX = 10_000;

/** The notes of a host with those of today, and without those of which nothing is left. The same ones where nothing is new. */
export function withToday(
  seen: readonly OutsideSeen[],
  entries: readonly CatalogEntry[],
  nowMs: number,
): readonly OutsideSeen[] {
  const epochs = Map.groupBy(entries, ({ epoch }) => epoch);
  const left = seen.filter(({ epoch, next }) => (epochs.get(epoch) ?? []).some((entry) => firstOf(entry) < next));
  const fresh = Array.from(epochs).flatMap(([epoch, list]): OutsideSeen[] => {
    const next = list.map(nextOf).reduce((a, b) => (b > a ? b : a));
    const newest = left.findLast((each) => each.epoch === epoch);
    const isNew = newest === undefined || (newest.next < next && nowMs - newest.timeMs >= DAY_MS);
    return isNew ? [{ epoch, next, timeMs: nowMs }] : [];
  });
  if (fresh.length === 0 && left.length === seen.length) return seen;
  return [...left, ...fresh].slice(-SEEN_MAX);
}

/** Those that had come so many days ago. */
export function cameBefore(
  entries: readonly CatalogEntry[],
  seen: readonly OutsideSeen[],
  keepDays: number,
  nowMs: number,
): CatalogEntry[] {
  const old = seen.filter(({ timeMs }) => timeMs + keepDays * DAY_MS <= nowMs);
  return entries.filter((entry) => old.some(({ epoch, next }) => epoch === entry.epoch && nextOf(entry) <= next));
}

function nextOf({ ranges }: CatalogEntry): bigint {
  return ranges.at(-1)?.next ?? 0n;
}

function firstOf({ ranges }: CatalogEntry): bigint {
  return ranges[0]?.first ?? 0n;
}
