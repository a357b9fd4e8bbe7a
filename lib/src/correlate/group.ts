/** A group of a correlation rule: its events, in the order of their times, and its episodes. */
import { compareEntries, type Entry, Timeline } from "./entry.ts";
import { type Episode, EpisodeBuilder, findCovering, fold, newEpisode, stronger, touchedBy } from "./episode.ts";
import type { GroupKey, Reading } from "./grouping.ts";
import { completionOf } from "./completion.ts";
import { compareMoments, earlier, isInWindow, isTouching, later, type Moment, moved, nanoOf } from "./moment.ts";
import { type Point, Points } from "./points.ts";
import type { Question } from "./question.ts";
import { decideAll, Slider } from "./slider.ts";

/** What all groups of all rules share. */
export interface Ledger extends Reading {
  readonly lateAfterNano: bigint;
  /** Windows that end earlier are not decided any more without history; events that they alone had are dropped. */
  horizon: Moment;
  /** Events older than this are left out. */
  forgotten: Moment;
  /** Events in all groups. */
  events: number;
  groups: number;
}

/** What is new in a group since its changes were told; there while there is something. */
export interface Work {
  /** Events that could not be added at the end. */
  incoming: Entry[];
  removed: Entry[];
  /** Episodes that may be other than told. */
  changed: Set<Episode>;
  /** Episodes that were told and are no more. */
  orphans: Episode[];
  /** Changes whose windows cannot all be decided from what is kept. */
  lost: Span[];
}

/** From the first to the last of some moments. */
export interface Span {
  from: Moment;
  to: Moment;
}

/**
 * The usual event is newer than all others, and costs the same however many there are: it is taken into the window at the end, and
 * the window is decided; where another event of the same time could undo what it says, only once one of another time comes, or once
 * changes are told. An event among older ones waits until then, and the windows that it is in are decided anew. Windows too old to be
 * decided from what is kept stay as they are, and history is asked for.
 */
export class Group {
  readonly key: string;
  readonly values: readonly string[];
  readonly question: Question;
  readonly ledger: Ledger;
  readonly timeline: Timeline = new Timeline();
  /** Satisfying windows that end with an event that is kept. */
  readonly points: Points = new Points();
  episodes: Episode[] = [];
  /** Events up to this time may have been dropped for want of room. */
  sizeFloor: Moment;
  /** What is new; undefined where nothing is. */
  work: Work | undefined;
  /** For the choice which group is forgotten. */
  wasUsed = false;
  #valueCount = 0;
  #isTailDecided = true;
  readonly #slider: Slider;
  /** The groups of the rule that have work. */
  readonly #busy: Group[];

  constructor({ key, values }: GroupKey, question: Question, ledger: Ledger, sizeFloor: Moment, busy: Group[]) {
    this.#busy = busy;
    this.key = key;
    this.values = values;
    this.question = question;
    this.ledger = ledger;
    this.sizeFloor = sizeFloor;
    this.#slider = new Slider(this.timeline, question);
  }

  /** Up to this time events are not kept; beyond it all are, unless `sizeFloor` is the very same time. */
  get floor(): Moment {
    return later(moved(this.ledger.horizon, -this.question.spanS), this.sizeFloor);
  }

  get isEmpty(): boolean {
    return this.timeline.size === 0 && this.episodes.length === 0;
  }

  /** What is new, to be added to; from now on there is something. */
  begin(): Work {
    if (this.work !== undefined) return this.work;
    this.#busy.push(this);
    return (this.work = { incoming: [], removed: [], changed: new Set(), orphans: [], lost: [] });
  }

  /** An event. */
  take(entry: Entry): void {
    if (!this.#append(entry)) this.begin().incoming.push(entry);
  }

  /** An event that is one no more: a match of an inner correlation that was withdrawn. */
  remove(entry: Entry): void {
    this.begin().removed.push(entry);
  }

  /** Adds an event that is newer than all others; says no where it is not. */
  #append(entry: Entry): boolean {
    const { timeline, question } = this;
    const { last } = timeline;
    let isTie = false;
    if (last === undefined) {
      if (compareMoments(entry, this.sizeFloor) <= 0) return false;
    } else {
      const order = compareMoments(entry, last);
      if (order < 0) return false;
      isTie = order === 0;
      if (isTie && (entry.id <= last.id || (this.#isTailDecided && !question.isRising))) return false;
    }
    if (compareMoments(entry, this.ledger.horizon) < 0) return false;
    if (!isTie) this.#decideTail();
    timeline.push(entry);
    this.#slider.step(entry);
    this.#count(1, entry.values.length);
    this.#trim();
    if (question.isRising) this.#decide(entry);
    else {
      this.#isTailDecided = false;
      // Decides it before changes are told.
      this.begin();
    }
    return true;
  }

  #count(events: number, values: number): void {
    this.ledger.events += events;
    this.#valueCount += values;
  }

  #decideTail(): void {
    if (this.#isTailDecided) return;
    this.#isTailDecided = true;
    const { last } = this.timeline;
    if (last !== undefined) this.#decide(last);
  }

  /** Decides the window of the newest event. */
  #decide(entry: Entry): void {
    const value = this.#slider.decide();
    if (Number.isNaN(value)) return;
    const { episodes, question } = this;
    this.points.push({ end: entry, value });
    let episode = episodes.at(-1);
    if (episode !== undefined && isTouching(episode.last, entry, question.spanS)) {
      episode.last = entry;
      episode.peak = stronger(question, episode.peak, value);
      // The first window has one event more, if it is of the same time.
      if (episode.folded === undefined && compareMoments(episode.completed, entry) === 0)
        episode.completion = undefined;
    } else {
      episode = newEpisode(entry, value);
      episodes.push(episode);
      this.#forgetBeyond(this.ledger.limits.matchesPerGroupMax);
    }
    this.begin().changed.add(episode);
  }

  /** Takes in what came out of order, so that all episodes are what they should be. */
  settle(): void {
    this.#decideTail();
    const work = this.begin();
    const { incoming, removed } = work;
    if (incoming.length === 0 && removed.length === 0) return;
    const changed = this.#mergeAll(incoming, removed).sort(compareMoments);
    work.incoming = [];
    work.removed = [];
    const [first] = changed;
    const last = changed.at(-1);
    if (first === undefined || last === undefined) return;
    const { horizon, limits } = this.ledger;
    const decidedFrom = later(horizon, this.#isTolerant ? this.sizeFloor : moved(this.sizeFloor, this.question.spanS));
    for (const moment of changed)
      if (compareMoments(moment, decidedFrom) < 0 || compareMoments(moment, this.sizeFloor) <= 0)
        work.lost.push({ from: moment, to: moment });
    this.#decideAround(changed);
    this.#rebuild(first, last);
    this.#trim();
    this.#forgetBeyond(limits.matchesPerGroupMax);
  }

  /**
   * Whether windows that had events which are dropped for want of room are decided from what is kept. They are of conditions that more
   * events can only help to hold; and of all conditions where there is not even room for the newest window, since the store would be
   * asked for as much with each event that is a little late.
   */
  get #isTolerant(): boolean {
    const { last } = this.timeline;
    const { isRising, spanS } = this.question;
    return isRising || (last !== undefined && isInWindow(this.sizeFloor, last, spanS));
  }

  /** Says at which times there is something new. */
  #mergeAll(incoming: readonly Entry[], removed: readonly Entry[]): Moment[] {
    const { timeline, points, floor, ledger } = this;
    const changed: Moment[] = [];
    for (const entry of removed) {
      const before = timeline.remove(entry);
      if (!timeline.has(entry)) points.remove(entry);
      if (before !== undefined) this.#count(-1, -before.values.length);
      // One that is not kept any more had its part in windows all the same.
      if (before !== undefined || compareMoments(entry, floor) <= 0) changed.push(entry);
    }
    const kept: Entry[] = [];
    for (const entry of incoming) {
      if (compareMoments(entry, floor) > 0) kept.push(entry);
      else changed.push(entry);
    }
    kept.sort(compareEntries);
    const known = timeline.merge(kept, (entry, before) => {
      changed.push(entry);
      this.#count(before === undefined ? 1 : 0, entry.values.length - (before?.values.length ?? 0));
    });
    ledger.counters.duplicates += known;
    ledger.counters.outOfOrder += incoming.length - known;
    return changed;
  }

  /** Decides the windows anew that have events of these times, which are in their order; the slider ends where the newest event is. */
  #decideAround(changed: readonly Moment[]): void {
    const { timeline, points } = this;
    const { horizon } = this.ledger;
    const { spanS } = this.question;
    const isTolerant = this.#isTolerant;
    const slider = this.#slider;
    slider.seek(timeline.start);
    const truncatedUntil = moved(this.sizeFloor, spanS);
    for (let at = 0; at < changed.length; at++) {
      const from = changed[at] as Moment;
      let until = moved(from, spanS);
      for (; at + 1 < changed.length && isTouching(changed[at] as Moment, changed[at + 1] as Moment, spanS); at++)
        until = moved(changed[at + 1] as Moment, spanS);
      const begin = later(from, isTolerant ? horizon : later(horizon, truncatedUntil));
      const decided = decideAll(timeline, slider, timeline.from(begin), timeline.from(until));
      // Where events of a window are no longer kept, what it said when they were is not undone for want of them.
      const before = points.between(begin, earlier(until, truncatedUntil));
      points.replace(begin, until, before.length === 0 ? decided : joined(before, decided));
    }
    slider.seekEnd();
  }

  /** Makes episodes anew around windows that were decided anew: those with changes at times from `from` to `to`. */
  #rebuild(from: Moment, to: Moment): void {
    const { points, episodes, question } = this;
    const until = moved(to, question.spanS);
    const [begin, end] = touchedBy(episodes, from, until, question.spanS);
    const before = episodes.slice(begin, end);
    const first = before[0] === undefined ? from : earlier(from, before[0].completed);
    const last = before.reduce((latest, { last }) => later(latest, last), until);
    const builder = new EpisodeBuilder(before, question);
    for (const episode of before) if (episode.folded !== undefined) builder.head(episode, episode.folded);
    for (const point of points.upTo(first, last)) builder.point(point);
    for (const episode of builder.episodes) {
      // Where events were dropped the first window is as it was, and who completed it; and where it has nothing new.
      const isBefore = compareMoments(episode.completed, from) < 0;
      if (episode.folded === undefined && !isBefore && isInWindow(to, episode.completed, question.spanS))
        episode.completion = undefined;
    }
    this.replace(begin, before, builder.episodes);
  }

  /** Puts episodes in the place of others. */
  replace(begin: number, before: readonly Episode[], after: readonly Episode[]): void {
    const work = this.begin();
    for (const episode of before) episode.isLive = false;
    for (const episode of after) {
      episode.isLive = true;
      work.changed.add(episode);
    }
    for (const episode of before) if (!episode.isLive && episode.told !== undefined) work.orphans.push(episode);
    this.episodes.splice(begin, before.length, ...after);
  }

  /** Drops the oldest events until the group is as small as it must be. */
  #trim(): void {
    const { eventsPerGroupMax, valuesPerGroupMax } = this.ledger.limits;
    while (this.timeline.size > eventsPerGroupMax || (this.#valueCount > valuesPerGroupMax && this.timeline.size > 1))
      this.#dropFirst(true, this.work);
  }

  #dropFirst(isForSize: boolean, work: Work | undefined): void {
    const { timeline, question, ledger } = this;
    const at = timeline.start;
    const entry = timeline.at(at);
    const next = timeline.entries[at + 1];
    // A window goes with the last event of its time.
    const isLast = next === undefined || compareMoments(next, entry) !== 0;
    const value = isLast ? this.points.dropFirst(entry) : Number.NaN;
    const episode = findCovering(this.episodes, entry, question.spanS);
    if (episode !== undefined) {
      this.complete(episode);
      const folded = fold(episode, entry, value, question, ledger.limits.idsPerMatchMax);
      if (isForSize) {
        folded.isWhole = false;
        work?.changed.add(episode);
      }
    }
    this.#slider.leave(at);
    this.#slider.shift(timeline.dropFirst());
    this.#count(-1, -entry.values.length);
    if (!isForSize) return;
    this.sizeFloor = later(this.sizeFloor, entry);
    ledger.counters.eventsDropped++;
  }

  /** Works out which event completed an episode, while its first window's events are there. */
  complete(episode: Episode): NonNullable<Episode["completion"]> {
    if (episode.completion !== undefined) return episode.completion;
    const { timeline, question } = this;
    const begin = timeline.after(moved(episode.completed, -question.spanS));
    const window = timeline.entries.slice(begin, timeline.after(episode.completed));
    return (episode.completion = completionOf(window, question));
  }

  /** Drops events up to a time; for want of room, where it is not the horizon that demands it. Not while there is work. */
  dropUntil(time: Moment, isForSize: boolean): void {
    for (;;) {
      const first = this.timeline.entries[this.timeline.start];
      if (first === undefined || compareMoments(first, time) > 0) return;
      this.#dropFirst(isForSize, undefined);
    }
  }

  /** Forgets episodes that no event from `forgotten` on can touch. */
  forget(): void {
    const { ledger, question } = this;
    const index = this.episodes.findIndex(({ last }) => isTouching(last, ledger.forgotten, question.spanS));
    this.#forgetFirst(index < 0 ? this.episodes.length : index);
  }

  #forgetBeyond(most: number): void {
    const count = this.episodes.length - most;
    if (count <= 0) return;
    this.ledger.counters.matchesForgotten += count;
    this.#forgetFirst(count);
  }

  #forgetFirst(count: number): void {
    for (const episode of this.episodes.splice(0, count)) {
      episode.isLive = false;
      this.points.dropUpTo(episode.last);
    }
  }

  /** Whether events are missing in the episode, or may be. */
  isTruncated({ completed, folded }: Episode): boolean {
    if (folded?.isWhole === true) return false;
    return compareMoments(moved(completed, -this.question.spanS), this.sizeFloor) < 0;
  }

  /** Goes on where a group was before; of one that is new. */
  restore(entries: readonly Entry[], points: readonly Point[], episodes: readonly Episode[]): void {
    for (const entry of entries) {
      this.timeline.push(entry);
      this.#count(1, entry.values.length);
    }
    for (const point of points) this.points.push(point);
    this.episodes = [...episodes];
    this.#slider.seek(this.timeline.start);
    this.#slider.seekEnd();
  }

  /** No longer in the ledger. */
  dropped(): void {
    this.ledger.events -= this.timeline.size;
  }
}

/** Points in their order; of two with the same end the first. */
function joined(some: readonly Point[], others: readonly Point[]): Point[] {
  const all = [...some];
  const known = new Set(some.map(({ end }) => nanoOf(end)));
  for (const point of others) if (!known.has(nanoOf(point.end))) all.push(point);
  return all.sort((a, b) => compareMoments(a.end, b.end));
}
