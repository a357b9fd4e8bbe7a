/** Windows of a time of which events are no longer kept: what is asked for, and how they are decided from what is given. */
import type { CorrelationRule } from "../sigma/index.ts";
import { completionOf } from "./completion.ts";
import { compareEntries, type Entry, Timeline } from "./entry.ts";
import { type Episode, EpisodeBuilder, findCovering, fold, touchedBy } from "./episode.ts";
import type { Group, Span } from "./group.ts";
import type { HistoryNeeded } from "./model.ts";
import { compareMoments, earlier, later, type Moment, momentOf, moved, nanoOf, NEVER } from "./moment.ts";
import type { Point } from "./points.ts";
import { decideAll, Slider } from "./slider.ts";
import { groupValues } from "./telling.ts";

/** What must be known for windows to be decided anew. */
interface Need {
  /** Ends of the first and the last window. */
  start: Moment;
  end: Moment;
  /** Events later than this, up to the other one, must be given. */
  after: Moment;
  upTo: Moment;
  /** Indexes of the episodes that may be others then. */
  begin: number;
  behind: number;
}

/**
 * The windows that can be others are those that have the changed times. To tell whether they begin an episode, go on with one, or join
 * two, all windows of the episodes that they touch are decided with them.
 */
function needOf(group: Group, { from, to }: Span): Need {
  const { episodes, floor } = group;
  const { spanS } = group.question;
  const until = moved(to, spanS);
  const [begin, behind] = touchedBy(episodes, from, until, spanS);
  const touched = episodes.slice(begin, behind);
  const start = touched[0] === undefined ? from : earlier(from, touched[0].completed);
  const end = touched.reduce((latest, { last }) => later(latest, last), until);
  return { start, end, after: moved(start, -spanS), upTo: earlier(end, floor), begin, behind };
}

/** What to ask for so that what was lost can be decided. Spans that need the same events are asked for together. */
export function requestsFor(rule: CorrelationRule, group: Group, lost: readonly Span[]): HistoryNeeded[] {
  const spans = [...lost].sort((a, b) => compareMoments(a.from, b.from));
  const joined: { span: Span; need: Need }[] = [];
  for (const span of spans) {
    const need = needOf(group, span);
    const last = joined.at(-1);
    if (last !== undefined && compareMoments(need.after, last.need.upTo) <= 0) {
      last.span = { from: last.span.from, to: later(last.span.to, span.to) };
      last.need = needOf(group, last.span);
    } else joined.push({ span, need });
  }
  return joined.map(({ span, need }) => ({
    kind: "history",
    rule,
    group: groupValues(rule, group.values),
    fromNano: nanoOf(need.after) + 1n,
    toNano: nanoOf(need.upTo),
    changedFromNano: nanoOf(span.from),
    changedToNano: nanoOf(span.to),
  }));
}

/**
 * Decides anew what was asked for, from all events of that time. Where meanwhile more is needed than was asked for, nothing is done
 * but to ask again.
 */
export function reopen(group: Group, request: HistoryNeeded, given: readonly Entry[]): void {
  const { question, floor, timeline } = group;
  const { spanS } = question;
  // What was not kept when it was asked for may be now: after a loss of all state, nothing is known that was dropped.
  for (const entry of given) if (compareMoments(entry, floor) > 0) group.take(entry);
  group.settle();
  if (floor.seconds === NEVER.seconds) return;
  const span = { from: momentOf(request.changedFromNano), to: momentOf(request.changedToNano) };
  const need = needOf(group, span);
  if (nanoOf(need.after) + 1n < request.fromNano || nanoOf(need.upTo) > request.toNano) {
    group.begin().lost.push(span);
    return;
  }
  const frozenUntil = moved(floor, spanS);
  const keptEnd = Math.min(timeline.from(frozenUntil), timeline.after(need.end));
  const scratch = new Timeline();
  const past = given.filter((entry) => compareMoments(entry, floor) <= 0).sort(compareEntries);
  scratch.merge(past, () => undefined);
  scratch.merge(timeline.entries.slice(timeline.start, keptEnd), () => undefined);
  const slider = new Slider(scratch, question);
  const decided = decideAll(scratch, slider, scratch.from(need.start), scratch.after(need.end));

  const before = group.episodes.slice(need.begin, need.behind);
  for (const episode of before) episode.folded = episode.completion = undefined;
  const builder = new EpisodeBuilder(before, question);
  for (const point of decided) builder.point(point);
  if (compareMoments(need.end, frozenUntil) >= 0)
    for (const point of group.points.upTo(frozenUntil, need.end)) builder.point(point);
  const kept = decided.filter(({ end }) => timeline.has(end));
  const until = keptEnd < timeline.entries.length ? timeline.at(keptEnd) : frozenUntil;
  group.points.replace(need.start, earlier(until, frozenUntil), kept);
  foldGone(group, scratch, decided, builder.episodes);
  for (const episode of builder.episodes) {
    if (compareMoments(episode.completed, frozenUntil) >= 0) continue;
    const first = scratch.after(moved(episode.completed, -spanS));
    const window = scratch.entries.slice(first, scratch.after(episode.completed));
    episode.completion = completionOf(window, question);
  }
  group.replace(need.begin, before, builder.episodes);
}

/** Remembers in their episodes the events that are not kept. */
function foldGone(
  { timeline, question, ledger, floor }: Group,
  scratch: Timeline,
  decided: readonly Point[],
  episodes: readonly Episode[],
): void {
  let next = 0;
  for (const [at, entry] of scratch.entries.entries()) {
    const order = compareMoments(entry, floor);
    if (order > 0) return;
    if (order === 0 && timeline.find(entry) >= 0) continue;
    const episode = findCovering(episodes, entry, question.spanS);
    if (episode === undefined) continue;
    // A window goes with the last event of its time.
    const behind = scratch.entries[at + 1];
    const isLast = behind === undefined || compareMoments(behind, entry) !== 0;
    while (next < decided.length && compareMoments((decided[next] as Point).end, entry) < 0) next++;
    const point = decided[next];
    const value = isLast && point !== undefined && compareMoments(point.end, entry) === 0 ? point.value : Number.NaN;
    fold(episode, entry, value, question, ledger.limits.idsPerMatchMax).isWhole = true;
  }
}
