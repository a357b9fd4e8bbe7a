/** Episodes: satisfying windows that overlap or touch, as one. */
import type { Completion } from "./completion.ts";
import { type Entry, Timeline } from "./entry.ts";
import type { CorrelationMatch } from "./model.ts";
import { compareMoments, isInWindow, isTouching, type Moment, moved } from "./moment.ts";
import type { Point } from "./points.ts";
import type { Question } from "./question.ts";

export interface Episode {
  /** End of the first satisfying window: by it an episode is known within its group. */
  readonly completed: Moment;
  /** End of the last satisfying window. */
  last: Moment;
  /** The strongest value of all satisfying windows. */
  peak: number;
  /** What of it is no longer in the timeline. */
  folded: Folded | undefined;
  /** Undefined where it is not worked out yet. */
  completion: Completion | undefined;
  /** What was told of it last; undefined where nothing was. */
  told: Told | undefined;
  /** False of one that is no more, or is forgotten. */
  isLive: boolean;
}

/** The part of an episode whose entries were dropped. */
export interface Folded {
  first: Moment;
  count: number;
  oldest: Entry[];
  /** The newest beyond those, and for a while some more. */
  newest: Entry[];
  /** End and strongest value of the satisfying windows that ended with dropped entries. */
  last: Moment | undefined;
  peak: number;
  /** True where all of it was worked out from the whole history. */
  isWhole: boolean;
}

/** What makes a difference to who was told. */
export type Told = Pick<
  CorrelationMatch,
  "id" | "count" | "value" | "firstNano" | "lastNano" | "lateNano" | "isTruncated"
> & {
  /** Which may make a difference to an outer correlation. */
  receivedNano: bigint;
  /**
   * Digest of the ids, where matches of other correlations may be among them; else empty. Events only become more, so where there are
   * as many as before they are the same ones; but a match may go while another event comes.
   */
  idsDigest: string;
};

export function newEpisode(completed: Moment, value: number): Episode {
  return {
    completed,
    last: completed,
    peak: value,
    folded: undefined,
    completion: undefined,
    told: undefined,
    isLive: true,
  };
}

export function stronger(question: Question, a: number, b: number): number {
  return question.isFromAbove ? Math.min(a, b) : Math.max(a, b);
}

/** The episode of `episodes` that was completed at that time. */
export function findCompleted(episodes: readonly Episode[], completed: Moment): Episode | undefined {
  let low = 0;
  let high = episodes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareMoments((episodes[middle] as Episode).completed, completed) < 0) low = middle + 1;
    else high = middle;
  }
  const episode = episodes[low];
  return episode !== undefined && compareMoments(episode.completed, completed) === 0 ? episode : undefined;
}

/** The episode that has events of that time; windows of two episodes never overlap. */
export function findCovering(episodes: readonly Episode[], time: Moment, spanS: number): Episode | undefined {
  const episode = episodes[firstBehind(episodes, ({ last }) => compareMoments(last, time) >= 0)];
  return episode !== undefined && isInWindow(time, episode.completed, spanS) ? episode : undefined;
}

/** Index of the first for which it holds; it does for all behind. */
function firstBehind(episodes: readonly Episode[], holds: (episode: Episode) => boolean): number {
  let low = 0;
  let high = episodes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(episodes[middle] as Episode)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * Indexes of the episodes, from the first to before the second, that can be others when windows that end from `from` on and up to
 * `until` are decided anew.
 */
export function touchedBy(episodes: readonly Episode[], from: Moment, until: Moment, spanS: number): [number, number] {
  const begin = firstBehind(episodes, ({ last }) => isTouching(last, from, spanS));
  const end = firstBehind(episodes, ({ completed }) => !isTouching(until, completed, spanS));
  return [begin, Math.max(begin, end)];
}

/** Makes episodes of the ends of satisfying windows, which come in their order; those that are still there stay the same objects. */
export class EpisodeBuilder {
  readonly episodes: Episode[] = [];
  readonly #before: readonly Episode[];
  readonly #question: Question;

  constructor(before: readonly Episode[], question: Question) {
    this.#before = before;
    this.#question = question;
  }

  /** The part of an episode that is known without its entries. */
  head(episode: Episode, { last, peak }: Folded): void {
    if (last === undefined) return;
    episode.last = last;
    episode.peak = peak;
    this.episodes.push(episode);
  }

  point({ end, value }: Point): void {
    const current = this.episodes.at(-1);
    if (current !== undefined && isTouching(current.last, end, this.#question.spanS)) {
      current.last = end;
      current.peak = stronger(this.#question, current.peak, value);
      return;
    }
    const known = findCompleted(this.#before, end);
    if (known === undefined) this.episodes.push(newEpisode(end, value));
    else {
      known.last = end;
      known.peak = value;
      this.episodes.push(known);
    }
  }
}

/** Takes an entry that is dropped into what is remembered of its episode; `value` is NaN where no satisfying window ends with it. */
export function fold(episode: Episode, entry: Entry, value: number, question: Question, idsMax: number): Folded {
  const folded = (episode.folded ??= {
    first: entry,
    count: 0,
    oldest: [],
    newest: [],
    last: undefined,
    peak: Number.NaN,
    isWhole: false,
  });
  folded.count++;
  if (folded.oldest.length < oldestMax(idsMax)) folded.oldest.push(entry);
  else {
    folded.newest.push(entry);
    if (folded.newest.length > 2 * idsMax) folded.newest.splice(0, folded.newest.length - idsMax);
  }
  if (!Number.isNaN(value)) {
    folded.peak = folded.last === undefined ? value : stronger(question, folded.peak, value);
    folded.last = entry;
  }
  return folded;
}

function oldestMax(idsMax: number): number {
  return Math.ceil(idsMax / 2);
}

/** Time of the first event of an episode, how many there are, and where in the timeline those are that are kept. */
export interface Extent {
  first: Moment;
  count: number;
  begin: number;
  end: number;
}

export function extentOf({ folded, completed, last }: Episode, timeline: Timeline, spanS: number): Extent {
  const begin = timeline.after(moved(completed, -spanS));
  const end = timeline.after(last);
  const count = (folded?.count ?? 0) + end - begin;
  return { first: folded?.first ?? timeline.at(begin), count, begin, end };
}

/** The oldest and the newest entries of an episode, up to `idsMax`. */
export function shownOf(
  { folded }: Episode,
  { entries }: Timeline,
  { begin, end, count }: Extent,
  idsMax: number,
): Entry[] {
  if (count <= idsMax) {
    const kept = entries.slice(begin, end);
    return folded === undefined ? kept : [...folded.oldest, ...folded.newest, ...kept];
  }
  const oldest = [...(folded?.oldest ?? [])];
  const oldestWanted = oldestMax(idsMax) - oldest.length;
  if (oldestWanted > 0) oldest.push(...entries.slice(begin, Math.min(end, begin + oldestWanted)));
  const newestWanted = idsMax - oldestMax(idsMax);
  const newest = newestWanted > 0 ? entries.slice(Math.max(begin, end - newestWanted), end) : [];
  const more = newestWanted - newest.length;
  if (more > 0 && folded !== undefined) newest.unshift(...folded.newest.slice(-more));
  return [...oldest, ...newest];
}
