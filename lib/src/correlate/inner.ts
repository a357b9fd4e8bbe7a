/** Matches as entries: of rules, and of correlations that another one is about. */
import type { CorrelationRule } from "../sigma/index.ts";
import type { Entry } from "./entry.ts";
import type { RuleMatch, Texts } from "./model.ts";
import { isNano, momentOf, nanoOf } from "./moment.ts";
import type { RuleGroups } from "./rulegroups.ts";
import type { InnerEvent } from "./telling.ts";

const NONE: readonly never[] = [];

/** Undefined where the event's time is beyond what can be; where its arrival is, it counts as come at once. */
export function baseOf(match: RuleMatch, lateAfterNano: bigint): Entry | undefined {
  const { eventId, hostId, timeNano } = match;
  if (!isNano(timeNano)) return undefined;
  const { seconds, nanos } = momentOf(timeNano);
  const receivedNano = isNano(match.receivedNano) ? match.receivedNano : timeNano;
  const isLate = receivedNano > timeNano + lateAfterNano;
  return { seconds, nanos, id: eventId, isInner: false, hostId, receivedNano, isLate, rules: NONE, values: NONE };
}

/** A match of a correlation is an event at the time at which it was completed. */
export function innerEntry({ completed, id, receivedNano }: InnerEvent, lateAfterNano: bigint): Entry {
  const { seconds, nanos } = completed;
  const isLate = receivedNano > nanoOf(completed) + lateAfterNano;
  return { seconds, nanos, id, isInner: true, hostId: "", receivedNano, isLate, rules: NONE, values: NONE };
}

/** The fields of a correlation's match are those of its group. */
export function textsOfGroup({ groupBy }: CorrelationRule, values: readonly string[]): Texts {
  return {
    texts(field) {
      const at = groupBy.indexOf(field);
      const value = at < 0 ? undefined : values[at];
      return value === undefined ? NONE : [value];
    },
  };
}

/** All matches that were told of and hold. */
export function* innerEvents({ rule, groups }: RuleGroups, lateAfterNano: bigint): Generator<[Entry, Texts]> {
  for (const { values, episodes } of groups.values()) {
    const texts = textsOfGroup(rule, values);
    for (const { completed, told } of episodes)
      if (told !== undefined)
        yield [innerEntry({ completed, id: told.id, receivedNano: told.receivedNano }, lateAfterNano), texts];
  }
}
