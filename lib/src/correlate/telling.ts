/** What is told of a group's changes. */
import type { CorrelationRule } from "../sigma/index.ts";
import type { Entry } from "./entry.ts";
import { type Episode, extentOf, findCompleted, shownOf, type Told, touchedBy } from "./episode.ts";
import type { Group, Work } from "./group.ts";
import type { CorrelationChange, CorrelationMatch, GroupValue } from "./model.ts";
import { compareMoments, type Moment, nanoOf } from "./moment.ts";

/** A match as an event of an outer correlation. */
export interface InnerEvent {
  completed: Moment;
  id: string;
  receivedNano: bigint;
}

export interface Telling {
  changes: CorrelationChange[];
  /** Matches that an outer correlation has as events, and has them no more. */
  removed: InnerEvent[];
  added: InnerEvent[];
}

export function groupValues(rule: CorrelationRule, values: readonly string[]): GroupValue[] {
  return rule.groupBy.map((field, at) => ({ field, value: values[at] ?? "" }));
}

/**
 * Tells of matches that are new or others than told, and of those that are no more.
 *
 * An id is made of the rule, the group and the end of the first satisfying window. Two episodes of a group never have the same such
 * end, and it is known from the set of events alone. An event's id would not do as well: events of the same time have one window, and
 * of a burst within a millisecond the last event would be another one with each that is added, and with it the match.
 */
export function tell(rule: CorrelationRule, group: Group, idOf: (completed: Moment) => string, work: Work): Telling {
  const telling: Telling = { changes: [], removed: [], added: [] };
  const gone: Episode[] = [];
  for (const orphan of work.orphans) {
    const episode = findCompleted(group.episodes, orphan.completed);
    if (episode === undefined) gone.push(orphan);
    else if (episode.told === undefined) episode.told = orphan.told;
  }
  const changed = [...work.changed].filter(({ isLive }) => isLive);
  if (changed.length > 1) changed.sort((a, b) => compareMoments(a.completed, b.completed));
  for (const episode of changed) tellMatch(rule, group, episode, idOf, telling);
  for (const orphan of gone) {
    const { id, receivedNano } = orphan.told as Told;
    const other = replacementOf(group, orphan);
    const replacedBy =
      other?.told === undefined ? undefined : { id: other.told.id, completedNano: nanoOf(other.completed) };
    telling.changes.push({ kind: "withdrawn", rule, id, completedNano: nanoOf(orphan.completed), replacedBy });
    telling.removed.push({ completed: orphan.completed, id, receivedNano });
  }
  return telling;
}

/** The first episode whose satisfying windows are among the orphan's; else the first that is near. */
function replacementOf({ episodes, question }: Group, { completed, last }: Episode): Episode | undefined {
  const [begin, end] = touchedBy(episodes, completed, last, question.spanS);
  const near = episodes.slice(begin, end);
  return (
    near.find((other) => compareMoments(other.completed, last) <= 0 && compareMoments(other.last, completed) >= 0) ??
    near[0]
  );
}

function tellMatch(
  rule: CorrelationRule,
  group: Group,
  episode: Episode,
  idOf: (completed: Moment) => string,
  telling: Telling,
): void {
  const { completed, told } = episode;
  const { receivedNano, lateNano } = group.complete(episode);
  const { limits, hash } = group.ledger;
  const extent = extentOf(episode, group.timeline, group.question.spanS);
  const shownEntries = (): Entry[] => shownOf(episode, group.timeline, extent, limits.idsPerMatchMax);
  const isOuter = rule.rules.some(({ kind }) => kind === "correlation");
  const next: Told = {
    id: told?.id ?? idOf(completed),
    count: extent.count,
    value: episode.peak,
    firstNano: nanoOf(extent.first),
    lastNano: nanoOf(episode.last),
    lateNano,
    isTruncated: group.isTruncated(episode),
    receivedNano,
    idsDigest: isOuter ? hash(JSON.stringify(shownEntries().map(({ id }) => id))) : "",
  };
  episode.told = next;
  if (told === undefined || told.receivedNano !== receivedNano) {
    if (told !== undefined) telling.removed.push({ completed, id: told.id, receivedNano: told.receivedNano });
    telling.added.push({ completed, id: next.id, receivedNano });
  }
  if (told === undefined || isOther(told, next))
    telling.changes.push(matchOf(rule, group, completed, next, shownEntries()));
}

function isOther(told: Told, next: Told): boolean {
  return (
    told.count !== next.count ||
    told.value !== next.value ||
    told.lastNano !== next.lastNano ||
    told.firstNano !== next.firstNano ||
    told.lateNano !== next.lateNano ||
    told.isTruncated !== next.isTruncated ||
    told.idsDigest !== next.idsDigest
  );
}

function matchOf(
  rule: CorrelationRule,
  group: Group,
  completed: Moment,
  told: Told,
  shown: readonly Entry[],
): CorrelationMatch {
  const { id, firstNano, lastNano, count, value, lateNano, isTruncated } = told;
  const eventIds: string[] = [];
  const innerIds: string[] = [];
  const hostIds = new Set<string>();
  for (const entry of shown) {
    (entry.isInner ? innerIds : eventIds).push(entry.id);
    if (!entry.isInner) hostIds.add(entry.hostId);
  }
  return {
    kind: "match",
    rule,
    id,
    group: groupValues(rule, group.values),
    firstNano,
    completedNano: nanoOf(completed),
    lastNano,
    count,
    value,
    eventIds,
    innerIds,
    leftOut: count - shown.length,
    hostIds: [...hostIds].sort(),
    lateNano,
    isTruncated,
  };
}
