/** The engine: correlation rules over events by the time at which they happened. */
import type { AnyRule } from "../sigma/index.ts";
import type { Entry } from "./entry.ts";
import { CorrelateError } from "./error.ts";
import type { Group, Ledger } from "./group.ts";
import { type GroupKey, groupsOf, keyOf, type Reading } from "./grouping.ts";
import { reopen, requestsFor } from "./history.ts";
import { baseOf, innerEntry, innerEvents, textsOfGroup } from "./inner.ts";
import {
  type CorrelateCounters,
  type CorrelateOptions,
  type CorrelationChange,
  DEFAULT_LIMITS,
  type HistoryNeeded,
  newCounters,
  type RuleMatch,
  type Texts,
} from "./model.ts";
import { compareMoments, earlier, isNano, later, type Moment, momentOf, moved, nanoOf, NEVER } from "./moment.ts";
import { type LimitWarning, type Plan, planOf } from "./plan.ts";
import type { RuleGroups, Use } from "./rulegroups.ts";
import { type DroppedRule, readSnapshot, writeSnapshot } from "./snapshot.ts";
import { type InnerEvent, tell } from "./telling.ts";

/** An engine as it was when the snapshot was made, but for rules that are others now. */
export interface Restored {
  correlator: Correlator;
  /** Rules of the snapshot of which nothing was taken over. */
  dropped: readonly DroppedRule[];
}

/** Where more than `eventsMax` events are kept, as many more are dropped as this part of it, so that it is not done all the time. */
const SHRINK_PART = 0.1;
const SAMPLES_MAX = 100_000;

/**
 * What is matched depends on the set of matches that were added, and neither on their order nor on how often each came: that is what
 * withdrawals and requests for history are for. A window is the time of one event and `timespan` before it, its beginning not
 * included, so that a window ends with each event, and none without one: `event_count` with `lt` alone can only be seen where there
 * is at least one event. Satisfying windows that overlap or touch are one match.
 */
export class Correlator {
  readonly #plan: Plan;
  readonly #ledger: Ledger;

  constructor(rules: readonly AnyRule[], { hash, limits: given }: CorrelateOptions) {
    const limits = { ...DEFAULT_LIMITS, ...given };
    this.#ledger = {
      limits,
      hash,
      counters: newCounters(),
      lateAfterNano: BigInt(limits.lateAfterMs) * 1_000_000n,
      horizon: NEVER,
      forgotten: NEVER,
      events: 0,
      groups: 0,
    };
    this.#plan = planOf(rules, this.#ledger);
  }

  /** Goes on where a snapshot was made. Throws a CorrelateError where the bytes are none. */
  static restore(rules: readonly AnyRule[], snapshot: Uint8Array, options: CorrelateOptions): Restored {
    const correlator = new Correlator(rules, options);
    const dropped = readSnapshot(snapshot, correlator.#plan.rules, correlator.#ledger);
    return { correlator, dropped };
  }

  /** All that is needed to go on elsewhere. */
  snapshot(): Uint8Array {
    return writeSnapshot(this.#plan.rules, this.#ledger);
  }

  get counters(): Readonly<CorrelateCounters> {
    return this.#ledger.counters;
  }

  get warnings(): readonly LimitWarning[] {
    return this.#plan.warnings;
  }

  /** How much is kept. An event counts in each of its groups. */
  get sizes(): { groups: number; events: number } {
    const { groups, events } = this.#ledger;
    return { groups, events };
  }

  /** Takes matches in, in any order, and says what is other than before; of inner correlations before it tells of outer ones. */
  add(matches: readonly RuleMatch[]): CorrelationChange[] {
    const { counters, forgotten, lateAfterNano } = this.#ledger;
    for (const match of matches) {
      const all = this.#plan.uses.get(match.rule);
      if (all === undefined) continue;
      const base = baseOf(match, lateAfterNano);
      if (base === undefined || !isNano(match.receivedNano)) counters.timesOutOfRange++;
      if (base === undefined) continue;
      if (compareMoments(base, forgotten) < 0) counters.matchesTooLate++;
      else for (const { fields, uses } of all) this.#take(base, match, groupsOf(match, fields, this.#ledger), uses);
    }
    return this.#finish([], new Map());
  }

  #take(base: Entry, match: Texts, keys: readonly GroupKey[], uses: readonly Use[]): void {
    if (keys.length === 0) {
      this.#ledger.counters.matchesWithoutGroup += uses.length;
      return;
    }
    for (const use of uses) {
      const { outer } = use;
      const entry = outer.entryOf(base, use, match, this.#ledger);
      if (entry === undefined) continue;
      for (const key of keys) {
        outer.groupFor(key, this.#makeRoom)?.take(entry);
      }
    }
  }

  /** Forgets a group of the rule that has most. */
  readonly #makeRoom = (): boolean => {
    let largest: RuleGroups | undefined;
    for (const groups of this.#plan.rules)
      if (largest === undefined || groups.groups.size > largest.groups.size) largest = groups;
    return largest?.forgetOne() ?? false;
  };

  /**
   * Decides anew what changes of kind history asked for. `matches` are all matches of the rules' rules in the requests' times, of
   * whatever group, and also those that were added just now; matches of inner correlations are known here. May ask again, for more, or
   * since a match of an inner correlation is another one now: so call it until nothing is asked any more.
   */
  reopen(requests: readonly HistoryNeeded[], matches: readonly RuleMatch[]): CorrelationChange[] {
    const asked = new Map<RuleGroups, HistoryNeeded[]>();
    for (const request of requests) {
      const groups = this.#plan.byRule.get(request.rule);
      if (groups === undefined) throw new CorrelateError("RULE_UNKNOWN", `"${request.rule.title}" is no rule of these`);
      asked.set(groups, [...(asked.get(groups) ?? []), request]);
    }
    return this.#finish(matches, asked);
  }

  /** Settles and tells, inner correlations first, so that outer ones have their matches. */
  #finish(
    matches: readonly RuleMatch[],
    asked: ReadonlyMap<RuleGroups, readonly HistoryNeeded[]>,
  ): CorrelationChange[] {
    const changes: CorrelationChange[] = [];
    for (const groups of this.#plan.rules) {
      for (const request of asked.get(groups) ?? []) this.#reopen(groups, request, matches);
      for (const group of groups.busy.splice(0)) this.#tell(groups, group, changes);
    }
    if (this.#ledger.events > this.#ledger.limits.eventsMax) this.#shrink();
    return changes;
  }

  #tell(groups: RuleGroups, group: Group, changes: CorrelationChange[]): void {
    const { hash, counters } = this.#ledger;
    const work = group.begin();
    group.settle();
    const idOf = (completed: Moment): string =>
      hash(JSON.stringify([groups.key, ...group.values, String(nanoOf(completed))]));
    const { changes: told, removed, added } = tell(groups.rule, group, idOf, work);
    for (const change of told) changes.push(change);
    if (work.lost.length > 0) {
      const requests = requestsFor(groups.rule, group, work.lost);
      counters.historyNeeded += requests.length;
      for (const request of requests) changes.push(request);
    }
    group.work = undefined;
    if (group.isEmpty) groups.delete(group);
    for (const use of groups.uses) {
      const texts = textsOfGroup(groups.rule, group.values);
      for (const event of removed) this.#pass(event, texts, use, true);
      for (const event of added) this.#pass(event, texts, use, false);
    }
  }

  /** Gives a match of an inner correlation to an outer one, or takes it away. */
  #pass(event: InnerEvent, texts: Texts, use: Use, isRemoved: boolean): void {
    const { outer } = use;
    const entry = outer.entryOf(innerEntry(event, this.#ledger.lateAfterNano), use, texts, this.#ledger);
    if (entry === undefined) return;
    for (const key of outer.keysOf(texts, use)) {
      const group = outer.groupFor(key, this.#makeRoom);
      if (isRemoved) group?.remove(entry);
      else group?.take(entry);
    }
  }

  #reopen(groups: RuleGroups, request: HistoryNeeded, matches: readonly RuleMatch[]): void {
    const values = groups.rule.groupBy.map((_, at) => request.group[at]?.value ?? "");
    const key = { key: keyOf(values), values };
    const group = groups.groupFor(key, this.#makeRoom);
    if (group === undefined) return;
    // What is left out of events was counted when they came first.
    const reading: Reading = { ...this.#ledger, counters: newCounters() };
    const { lateAfterNano } = this.#ledger;
    const given: Entry[] = [];
    const take = (base: Entry, use: Use, texts: Texts): void => {
      const nano = nanoOf(base);
      if (use.outer !== groups || nano < request.fromNano || nano > request.toNano) return;
      if (!groupsOf(texts, use.groupFields, reading).some((other) => other.key === key.key)) return;
      const entry = groups.entryOf(base, use, texts, reading);
      if (entry !== undefined) given.push(entry);
    };
    for (const match of matches) {
      const base = baseOf(match, lateAfterNano);
      if (base === undefined) continue;
      for (const { uses } of this.#plan.uses.get(match.rule) ?? []) for (const use of uses) take(base, use, match);
    }
    for (const inner of this.#plan.rules)
      for (const use of inner.uses)
        if (use.outer === groups) for (const [base, texts] of innerEvents(inner, lateAfterNano)) take(base, use, texts);
    reopen(group, request, given);
  }

  /**
   * Drops events that are older than `beforeNano` by more than their rule's timespan: windows that end from then on are decided as
   * before, older ones only with history. Forgets matches, and from now on leaves out events, that are older than `forgetBeforeNano`:
   * what was told of that time is final. The times are those of events: who catches up with days gone by must not go by the clock.
   */
  expire(beforeNano: bigint, forgetBeforeNano?: bigint): void {
    const ledger = this.#ledger;
    ledger.horizon = later(ledger.horizon, momentOf(beforeNano));
    if (forgetBeforeNano !== undefined)
      ledger.forgotten = earlier(later(ledger.forgotten, momentOf(forgetBeforeNano)), ledger.horizon);
    for (const groups of this.#plan.rules) {
      const floor = moved(ledger.horizon, -groups.question.spanS);
      for (const group of groups.groups.values()) {
        group.dropUntil(floor, false);
        group.forget();
        if (group.isEmpty) groups.delete(group);
      }
    }
  }

  /** Drops the oldest events of all groups. */
  #shrink(): void {
    const { events, limits } = this.#ledger;
    const all = this.#plan.rules.flatMap((groups) =>
      Array.from(groups.groups.values(), (group) => ({ groups, group })),
    );
    const step = Math.ceil(events / SAMPLES_MAX);
    const samples: Moment[] = [];
    let at = 0;
    for (const { group } of all)
      for (let index = group.timeline.start; index < group.timeline.entries.length; index++)
        if (at++ % step === 0) samples.push(group.timeline.at(index));
    samples.sort(compareMoments);
    const part = 1 - (limits.eventsMax * (1 - SHRINK_PART)) / events;
    const until = samples[Math.floor((samples.length - 1) * part)] ?? NEVER;
    for (const { groups, group } of all) {
      group.dropUntil(until, true);
      if (group.isEmpty) groups.delete(group);
    }
  }
}
