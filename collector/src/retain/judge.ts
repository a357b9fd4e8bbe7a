/** Whether a day of a host is kept, and by what. Pure. */
import { isWithin, type Labels } from "../access/index.ts";
import type { LegalHold, Place, RetentionPolicy } from "../model/index.ts";
import { DAY_MS, endOf } from "./days.ts";
import type { Policies } from "./policy.ts";

/** What is decided by. */
export interface Rules {
  policies: Policies;
  /** Those that hold. */
  holds: readonly LegalHold[];
  /** Of hosts that enrolled. */
  labels: ReadonlyMap<string, Labels>;
}

export interface Verdict {
  policy: RetentionPolicy;
  /** The policy keeps the day until then, milliseconds since 1970. */
  untilMs: number;
  /** What keeps it however old it is. */
  hold: LegalHold | undefined;
  /** True where nothing keeps it. */
  isDue: boolean;
}

const NO_LABELS: Labels = {};

export function labelsOf({ labels }: Pick<Rules, "labels">, hostId: string): Labels {
  return labels.get(hostId) ?? NO_LABELS;
}

export function judge(rules: Rules, hostId: string, place: Place, nowMs: number): Verdict {
  const policy = rules.policies.ofEvents(labelsOf(rules, hostId));
  const untilMs = endOf(place) + policy.keepDays * DAY_MS;
  const hold = rules.holds.find((each) => holdsDay(each, rules, hostId, place));
  // What is no day has no end: it is never due.
  return { policy, untilMs, hold, isDue: untilMs <= nowMs && hold === undefined };
}

export function holdsDay(hold: LegalHold, rules: Pick<Rules, "labels">, hostId: string, place: Place): boolean {
  return hold.firstDay <= place && place <= hold.lastDay && holdsHost(hold, labelsOf(rules, hostId), hostId);
}

function holdsHost({ hostIds, labels }: LegalHold, own: Labels, hostId: string): boolean {
  return hostIds.includes(hostId) || (Object.keys(labels).length > 0 && isWithin(own, labels));
}
