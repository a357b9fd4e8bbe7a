/** What became of numbers that an agent handed out and that are not in the database. Pure. */
import type { EpochTrail, SequenceRange } from "../model/index.ts";
import { normalized, type Ranges, sizeOf, split } from "../ranges/index.ts";
import type { EpochRange, Numbers } from "./numbers.ts";

/** Events of one block that could not be stored. */
export interface DeadNumbers extends EpochRange {
  /** The code of the dead letter. */
  reason: string;
  /** Dropped from the dead letters by a person. */
  isDropped: boolean;
}

/** Why numbers are not in the database; of "dropped" and "open" nobody need be told. */
export type Fate =
  | "dropped"
  | "open"
  | "evicted"
  | "dead"
  | "dead-dropped"
  | "quarantined"
  | "discarded"
  | "gone"
  | "never-came";

export interface Fated {
  fate: Fate;
  epoch: bigint;
  ranges: Ranges;
  detail: string;
}

export interface FateFacts {
  /** Removed by retention. */
  dropped: Numbers;
  /** In the agent's spool, as it said last. */
  kept: Numbers;
  evicted: Numbers;
  quarantined: Numbers;
  dead: readonly DeadNumbers[];
  trail: readonly EpochTrail[];
  /** Events that were given up without being named: their ranges were too many, or nobody can read what they were. */
  unnamed: { evicted: bigint; discarded: bigint };
}

const NONE: Ranges = [];

/** Decides for each number once; what was given up without a name is taken from a sum that each number makes smaller. */
export class Fates {
  readonly #facts: FateFacts;
  readonly #dead: ReadonlyMap<bigint, readonly DeadNumbers[]>;
  readonly #unnamed: { evicted: bigint; discarded: bigint };

  constructor(facts: FateFacts) {
    this.#facts = facts;
    this.#dead = Map.groupBy(facts.dead, ({ epoch }) => epoch);
    this.#unnamed = { ...facts.unnamed };
  }

  /** `isTold`: the agent said that it handed them out; otherwise those that never came may be under way. */
  of(epoch: bigint, missing: Ranges, isTold: boolean): Fated[] {
    const found: Fated[] = [];
    let left: Ranges = missing;
    const take = (fate: Fate, ranges: Ranges, detail: string): void => {
      const { within, without } = split(left, ranges);
      if (within.length > 0) found.push({ fate, epoch, ranges: within, detail });
      left = without;
    };
    const { dropped, kept, evicted, quarantined, trail } = this.#facts;
    take("dropped", dropped.get(epoch) ?? NONE, "by the rules of retention");
    take("open", kept.get(epoch) ?? NONE, "in the agent's spool, as it said last");
    take("evicted", evicted.get(epoch) ?? NONE, "the agent gave them up for want of room");
    const byWord = Map.groupBy(this.#dead.get(epoch) ?? [], ({ isDropped, reason }) => `${isDropped} ${reason}`);
    for (const [first] of byWord.values()) {
      if (first === undefined) continue;
      const { isDropped, reason } = first;
      const ranges = normalized(byWord.get(`${isDropped} ${reason}`) ?? []);
      take(
        isDropped ? "dead-dropped" : "dead",
        ranges,
        isDropped ? `${reason}; a person dropped them from the dead letters` : reason,
      );
    }
    take("quarantined", quarantined.get(epoch) ?? NONE, "in the agent's quarantine");
    const known = trail.find((each) => each.epoch === epoch);
    take("gone", known?.ranges ?? NONE, "they were stored, and are not in the database any more");
    if (!isTold) {
      if (left.length > 0) found.push({ fate: "open", epoch, ranges: left, detail: "no ledger speaks of them yet" });
      return found;
    }
    left = this.#giveUnnamed("evicted", left, epoch, found);
    left = this.#giveUnnamed("discarded", left, epoch, found);
    const below = [{ first: 0n, next: known?.floor ?? 0n }];
    take("never-came", below, "whether they ever came is not known any more");
    if (left.length > 0) found.push({ fate: "never-came", epoch, ranges: left, detail: "they were never stored" });
    return found;
  }

  #giveUnnamed(kind: "evicted" | "discarded", ranges: Ranges, epoch: bigint, found: Fated[]): Ranges {
    const { within, without } = firstOf(ranges, this.#unnamed[kind]);
    if (within.length === 0) return ranges;
    this.#unnamed[kind] -= sizeOf(within);
    const where = kind === "evicted" ? "its spool" : "its quarantine";
    found.push({
      fate: kind,
      epoch,
      ranges: within,
      detail: `the agent gave up as many of ${where} without naming them`,
    });
    return without;
  }
}

/** So many numbers from the beginning, and the others. */
function firstOf(ranges: Ranges, count: bigint): { within: SequenceRange[]; without: SequenceRange[] } {
  const within: SequenceRange[] = [];
  const without: SequenceRange[] = [];
  let left = count;
  for (const { first, next } of ranges) {
    const middle = next - first <= left ? next : first + left;
    if (middle > first) within.push({ first, next: middle });
    if (middle < next) without.push({ first: middle, next });
    left -= middle - first;
  }
  return { within, without };
}
