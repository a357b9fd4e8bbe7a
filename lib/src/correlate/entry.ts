/** Events of a group in the order of their times. */
import { compareMoments, type Moment } from "./moment.ts";

/** An event of a group. Never changed: who learns more of an event puts another one in its place. */
export interface Entry extends Moment {
  readonly id: string;
  /** True of a match of another correlation. */
  readonly isInner: boolean;
  readonly hostId: string;
  readonly receivedNano: bigint;
  /** Whether it came much later than it happened. */
  readonly isLate: boolean;
  /** Which of the correlation's rules matched, by their numbers, ascending; empty where it makes no difference. */
  readonly rules: readonly number[];
  /** Different values of the field that the rule is about. */
  readonly values: readonly (string | number)[];
}

/** Order within a group: by time, and by id where the times are equal. */
export function compareEntries(a: Entry, b: Entry): number {
  return a.seconds - b.seconds || a.nanos - b.nanos || (a.id === b.id ? 0 : a.id < b.id ? -1 : 1);
}

/** What is known of an event from two matches; `known` itself where the other one says nothing new. */
function united(known: Entry, other: Entry): Entry {
  const rules = other.rules.every((rule) => known.rules.includes(rule))
    ? known.rules
    : [...new Set([...known.rules, ...other.rules])].sort((a, b) => a - b);
  const values = other.values.every((value) => known.values.includes(value))
    ? known.values
    : [...new Set([...known.values, ...other.values])];
  const isEarlier = other.receivedNano < known.receivedNano;
  if (rules === known.rules && values === known.values && !isEarlier) return known;
  // The earlier arrival counts: a second copy makes nothing late.
  const { receivedNano, isLate } = isEarlier ? other : known;
  return { ...known, rules, values, receivedNano, isLate };
}

/** Below this nothing is moved to free the room of what was dropped. */
const COMPACT_MIN = 64;

/** Entries in their order. What is dropped lies before `start` for a while. */
export class Timeline {
  readonly entries: Entry[] = [];
  start = 0;

  get size(): number {
    return this.entries.length - this.start;
  }

  get last(): Entry | undefined {
    return this.entries.length > this.start ? this.entries[this.entries.length - 1] : undefined;
  }

  at(index: number): Entry {
    return this.entries[index] as Entry;
  }

  push(entry: Entry): void {
    this.entries.push(entry);
  }

  /** Index of the first entry that is later than the moment. */
  after(moment: Moment): number {
    return this.#first((entry) => compareMoments(entry, moment) > 0);
  }

  /** Index of the first entry that is not earlier than the moment. */
  from(moment: Moment): number {
    return this.#first((entry) => compareMoments(entry, moment) >= 0);
  }

  #first(isBehind: (entry: Entry) => boolean): number {
    let low = this.start;
    let high = this.entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBehind(this.at(middle))) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Whether there is an entry of that time. */
  has(moment: Moment): boolean {
    const entry = this.entries[this.from(moment)];
    return entry !== undefined && compareMoments(entry, moment) === 0;
  }

  /** Index of the entry with this time and id; -1 where there is none. */
  find(wanted: Entry): number {
    const index = this.#first((entry) => compareEntries(entry, wanted) >= 0);
    const entry = this.entries[index];
    return entry !== undefined && compareEntries(entry, wanted) === 0 ? index : -1;
  }

  /** Drops the first; says by how much all indexes became smaller. */
  dropFirst(): number {
    this.start++;
    const shift = this.start;
    if (shift < this.entries.length && (shift < COMPACT_MIN || shift * 2 < this.entries.length)) return 0;
    this.entries.splice(0, shift);
    this.start = 0;
    return shift;
  }

  /** The entry that was there; undefined where there was none. */
  remove(wanted: Entry): Entry | undefined {
    const index = this.find(wanted);
    if (index < 0) return undefined;
    return this.entries.splice(index, 1)[0];
  }

  /** Adds entries that come in their order, and tells of each that changed something; of the others it says how many there are. */
  merge(incoming: readonly Entry[], changed: (entry: Entry, before: Entry | undefined) => void): number {
    const [first] = incoming;
    if (first === undefined) return 0;
    const index = this.#first((entry) => compareEntries(entry, first) >= 0);
    const behind = this.entries.splice(index);
    let known = 0;
    let next = 0;
    for (const entry of incoming) {
      let order = -1;
      for (; next < behind.length; next++) {
        order = compareEntries(behind[next] as Entry, entry);
        if (order >= 0) break;
        this.entries.push(behind[next] as Entry);
      }
      const last = this.last;
      if (next < behind.length && order === 0) {
        const before = behind[next] as Entry;
        const after = united(before, entry);
        behind[next] = after;
        if (after === before) known++;
        else changed(after, before);
      } else if (last !== undefined && this.entries.length > index && compareEntries(last, entry) === 0) {
        // Twice in what comes in.
        const after = united(last, entry);
        this.entries[this.entries.length - 1] = after;
        if (after === last) known++;
        else changed(after, last);
      } else {
        this.push(entry);
        changed(entry, undefined);
      }
    }
    for (; next < behind.length; next++) this.entries.push(behind[next] as Entry);
    return known;
  }
}
