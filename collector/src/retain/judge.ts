/** Whether a day of a host is kept, and by what. Pure. */
import { isWithin, type Labels } from "../access/index.ts";
import {
  type Catalog,
  type CatalogEntry,
  type LegalHold,
  OUTSIDE,
  type OutsideSeen,
  type Place,
  type RetentionPolicy,
} from "../model/index.ts";
import { DAY_MS, endOf } from "./days.ts";
import { cameBefore } from "./outside.ts";
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

/** What of a catalog is due: all or nothing of a day, and of what is of no day what came long enough ago. */
export function dueOf(
  rules: Rules,
  { hostId, place, entries }: Pick<Catalog, "hostId" | "place" | "entries">,
  seen: readonly OutsideSeen[],
  nowMs: number,
): readonly CatalogEntry[] {
  const { isDue, hold, policy } = judge(rules, hostId, place, nowMs);
  if (place !== OUTSIDE) return isDue ? entries : [];
  return hold === undefined ? cameBefore(entries, seen, policy.keepDays, nowMs) : [];
}

/** Of what is of no day nobody knows of which days it is: any hold of the host holds it. */
export function holdsDay(hold: LegalHold, rules: Pick<Rules, "labels">, hostId: string, place: Place): boolean {
  const isWithinDays = place === OUTSIDE || (hold.firstDay <= place && place <= hold.lastDay);
  return isWithinDays && holdsHost(hold, labelsOf(rules, hostId), hostId);
}

function holdsHost({ hostIds, labels }: LegalHold, own: Labels, hostId: string): boolean {
  return hostIds.includes(hostId) || (Object.keys(labels).length > 0 && isWithin(own, labels));
}
