/** The keys of what a sieve is asked for. They are a part of the format: other keys would be other questions. */
import type { TextHash } from "./hash.ts";

/** Groups are numbered from 0 to 30. */
export const GROUPS_MAX = 31;

const TERM_SEED = 0x7e24;

/** The key of a field's whole value, in `hash`. No field's name has a "=". */
export function hashTerm(hash: TextHash, field: string, value: string): TextHash {
  return hash.begin(TERM_SEED).add(field).add("=").add(value).end();
}

/** The high half of a trigram's key, whose low half is the trigram's rest: these keys are the trigrams themselves, no two alike. */
export function gramHigh(group: number, first: number): number {
  return ((group << 16) | first) >>> 0;
}

/** Refuses what is no group: this is a mistake of ours. */
export function checkGroup(group: number): void {
  if (!Number.isInteger(group) || group < 0 || group >= GROUPS_MAX) {
    throw new RangeError(`group ${group}; groups are numbered from 0 to ${GROUPS_MAX - 1}`);
  }
}
