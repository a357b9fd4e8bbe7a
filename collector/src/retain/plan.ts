/** What retention would do, told without doing anything: day by day, and what all comes to. Catalogs of one day are in memory at a time. */
import { type Catalog, OUTSIDE, type Place } from "../model/index.ts";
import { judge, type Rules } from "./judge.ts";
import { type Size, sizeOf } from "./note.ts";
import { readRules, type RuleSource, type StoredDays } from "./ports.ts";

/** A day of a host, and what keeps it. Times are milliseconds since 1970. */
export interface PlannedDay extends Size {
  hostId: string;
  place: Place;
  policy: string;
  /** NaN for what is of no day, which policies keep for good. */
  keepUntilMs: number;
  /** Empty where none does. */
  holdId: string;
  /** When it goes, at the earliest; 0 where something keeps it. */
  dropMs: number;
}

export interface PolicySums {
  policy: string;
  keepDays: number;
  hosts: number;
  events: number;
  bytes: number;
  days: number;
  /** The mean of the last whole days on which anything was stored. */
  bytesADay: number;
  bytesWhenFull: number;
}

export interface PlanOptions {
  graceMs: number;
  nowMs: number;
  /** Ends it early. */
  signal: AbortSignal;
}

/** Whole days of which the mean is made. */
const MEASURED_DAYS = 7;

/** Tells each day, the oldest first, and gives what all comes to. Throws a RetryableError where the database is away. */
export async function plan(
  source: RuleSource & StoredDays,
  { graceMs, nowMs, signal }: PlanOptions,
  tell: (day: PlannedDay) => Promise<void>,
): Promise<{ policies: PolicySums[]; due: Size }> {
  const rules = await readRules(source);
  const marks = new Map((await source.listMarks()).map(({ hostId, place, timeMs }) => [`${hostId} ${place}`, timeMs]));
  const sums = new Sums(rules);
  for (const place of [...(await source.days()).toReversed(), OUTSIDE]) {
    for (const catalog of await source.catalogs(place, undefined)) {
      if (signal.aborted) return sums.all(nowMs);
      const { policy, untilMs, hold, isDue } = judge(rules, catalog.hostId, place, nowMs);
      const size = sizeOf(catalog.entries);
      const day = { hostId: catalog.hostId, place, policy: policy.name, keepUntilMs: untilMs, holdId: hold?.id ?? "" };
      const markedMs = marks.get(`${catalog.hostId} ${place}`);
      sums.add(catalog, policy.name, size, isDue);
      // Of what is of no day, how much is due is known by when it came: it is marked then.
      const goes = isDue || (place === OUTSIDE && markedMs !== undefined && hold === undefined);
      await tell({ ...day, ...size, dropMs: goes ? Math.max(nowMs, (markedMs ?? nowMs) + graceMs) : 0 });
    }
  }
  return sums.all(nowMs);
}

class Sums {
  readonly #rules: Rules;
  readonly #byPolicy = new Map<string, { hosts: Set<string>; size: Size; byDay: Map<Place, number> }>();
  readonly #due: Size = { blocks: 0, events: 0, bytes: 0 };

  constructor(rules: Rules) {
    this.#rules = rules;
  }

  add({ hostId, place }: Catalog, policy: string, size: Size, isDue: boolean): void {
    const own = this.#byPolicy.get(policy) ?? {
      hosts: new Set<string>(),
      size: { blocks: 0, events: 0, bytes: 0 },
      byDay: new Map<Place, number>(),
    };
    this.#byPolicy.set(policy, own);
    own.hosts.add(hostId);
    own.byDay.set(place, (own.byDay.get(place) ?? 0) + size.bytes);
    addTo(own.size, size);
    if (isDue) addTo(this.#due, size);
  }

  all(nowMs: number): { policies: PolicySums[]; due: Size } {
    const today = new Date(nowMs).toISOString().slice(0, 10).replaceAll("-", "");
    const policies = this.#rules.policies.all
      .filter(({ kind }) => kind === "events")
      .map(({ name, keepDays }): PolicySums => {
        const { hosts, size, byDay } = this.#byPolicy.get(name) ?? { hosts: [], size: undefined, byDay: new Map() };
        const whole = Array.from(byDay as ReadonlyMap<Place, number>)
          .filter(([place]) => place < today)
          .sort(([a], [b]) => (a < b ? 1 : -1))
          .slice(0, MEASURED_DAYS);
        const bytesADay = Math.round(whole.reduce((sum, [, bytes]) => sum + bytes, 0) / Math.max(1, whole.length));
        return {
          policy: name,
          keepDays,
          hosts: new Set(hosts).size,
          events: size?.events ?? 0,
          bytes: size?.bytes ?? 0,
          days: byDay.size,
          bytesADay,
          // The day that is not over is there as well.
          bytesWhenFull: bytesADay * (keepDays + 1),
        };
      });
    return { policies, due: this.#due };
  }
}

function addTo(sum: Size, { blocks, events, bytes }: Size): void {
  sum.blocks += blocks;
  sum.events += events;
  sum.bytes += bytes;
}

/** How much of what is stored other policies make due that these do not: whole percent, rounded up, and the events. */
export async function dueByChange(
  source: StoredDays,
  before: Rules,
  after: Rules,
  nowMs: number,
): Promise<{ percent: number; events: number; bytes: number }> {
  const all: Size = { blocks: 0, events: 0, bytes: 0 };
  const due: Size = { blocks: 0, events: 0, bytes: 0 };
  for (const place of await source.days())
    for (const { hostId, entries } of await source.catalogs(place, undefined)) {
      const size = sizeOf(entries);
      addTo(all, size);
      if (judge(after, hostId, place, nowMs).isDue && !judge(before, hostId, place, nowMs).isDue) addTo(due, size);
    }
  const percent = due.bytes === 0 ? 0 : Math.ceil((100 * due.bytes) / all.bytes);
  return { percent, events: due.events, bytes: due.bytes };
}
