/** What was found so far, by rule, host and day; given out in parts of which the sums are the answer. */
import type { TestedRule } from "@hosttrail/proto/rule";
import { EVENT_IDS_MAX, type FoundOnDay, type TriedRule } from "./rules.ts";

/** Rules, hosts and days together. */
const ENTRIES_MAX = 500_000;
const TITLE_LENGTH_MAX = 200;

/** The answer would be too large for anybody. */
export class TrialTooWideError extends Error {
  override readonly name = "TrialTooWideError";
}

interface Entry {
  rule: number;
  hostId: string;
  day: string;
  hours: number;
  ids: number;
  /** What was not given out yet. */
  matches: number;
  alerts: number;
  eventIds: string[];
}

export class Tally {
  readonly #rules: readonly TriedRule[];
  readonly #entries = new Map<string, Entry>();
  readonly #changed = new Set<Entry>();
  /** Matches of all so far. */
  matches = 0;

  constructor(rules: readonly TriedRule[]) {
    this.#rules = rules;
  }

  add(hostId: string, found: readonly FoundOnDay[]): void {
    for (const { rule, day, matches, hours, eventIds } of found) {
      const key = `${rule} ${hostId} ${day}`;
      const entry = this.#entries.get(key) ?? this.#open(key, { rule, hostId, day });
      entry.matches += matches;
      this.matches += matches;
      if (this.#rules[rule]?.isSilent === false) entry.alerts += countBits(hours & ~entry.hours);
      entry.hours |= hours;
      const more = eventIds.slice(0, EVENT_IDS_MAX - entry.ids);
      entry.ids += more.length;
      entry.eventIds.push(...more);
      this.#changed.add(entry);
    }
  }

  #open(key: string, about: Pick<Entry, "rule" | "hostId" | "day">): Entry {
    if (this.#entries.size >= ENTRIES_MAX)
      throw new TrialTooWideError(
        `rules matched on more than ${ENTRIES_MAX} hosts and days; ask for one host, or for less time`,
      );
    const entry = { ...about, hours: 0, ids: 0, matches: 0, alerts: 0, eventIds: [] };
    this.#entries.set(key, entry);
    return entry;
  }

  /** What was not given out yet, at most so much. */
  take(max: number): TestedRule[] {
    const taken: TestedRule[] = [];
    for (const entry of this.#changed) {
      if (taken.length >= max) break;
      const { rule, hostId, day, matches, alerts, eventIds } = entry;
      const { key, title } = this.#rules[rule] as TriedRule;
      taken.push({
        ruleKey: key,
        title: title.slice(0, TITLE_LENGTH_MAX),
        hostId,
        day,
        matches: BigInt(matches),
        alerts: BigInt(alerts),
        eventIds,
      });
      entry.matches = entry.alerts = 0;
      entry.eventIds = [];
      this.#changed.delete(entry);
    }
    return taken;
  }
}

function countBits(bits: number): number {
  let count = 0;
  for (let left = bits; left !== 0; left &= left - 1) count++;
  return count;
}
