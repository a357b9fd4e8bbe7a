/**
 * Counts events by groups, from what each unit came to: a group is found once for each unit that has it. Of more groups than there is room
 * for the rarest are forgotten, and how wrong that can make a count is told.
 */
import type { AggregateEventsResponse, AggregateGroup } from "@hosttrail/proto/analysis";
import { NanoTimes, type Reduced, type ReducedMetric, type ReducePlan } from "../../reduce/index.ts";
import { timestampOf } from "../times.ts";
import { Floats } from "./floats.ts";
import { Histogram } from "./histogram.ts";
import { Keys } from "./keys.ts";
import { type MetricState, stateOf } from "./metric.ts";
import { Moments } from "./moments.ts";
import { mostFrequent } from "./select.ts";

export interface AggregationBounds {
  groupsMax: number;
  /** Groups where different values are counted. */
  distinctGroupsMax: number;
  /** Buckets of all groups. */
  bucketsMax: number;
}

const BOUNDS: AggregationBounds = { groupsMax: 1_000_000, distinctGroupsMax: 20_000, bucketsMax: 2_000_000 };

export class Aggregation {
  /** Groups that are told. */
  readonly #limit: number;
  readonly #groupsMax: number;
  readonly #bucketsMax: number;
  readonly #keys: Keys;
  readonly #counts = new Floats(0);
  readonly #first = new Moments("first");
  readonly #last = new Moments("last");
  readonly #metrics: readonly MetricState[];
  readonly #histogram: Histogram | undefined;
  #events = 0;
  /** Counts of groups that were forgotten, at most that of one of them. */
  #error = 0;
  #forgotten = 0;
  #forgottenEvents = 0;

  constructor(plan: ReducePlan, limit: number, bounds: AggregationBounds = BOUNDS) {
    this.#limit = limit;
    const isDistinct = plan.metrics.some(({ kind }) => kind === "distinct");
    this.#groupsMax = isDistinct ? bounds.distinctGroupsMax : bounds.groupsMax;
    this.#bucketsMax = bounds.bucketsMax;
    this.#keys = new Keys(plan.groupBy.length);
    this.#metrics = plan.metrics.map(stateOf);
    this.#histogram = plan.histogram && new Histogram(plan.histogram.seconds, plan.histogram.firstStretch);
  }

  /** Events that were counted. */
  get events(): number {
    return this.#events;
  }

  /** Adds what some events came to. */
  add(reduced: Reduced): void {
    const [first, last] = [new NanoTimes(reduced.firstNano), new NanoTimes(reduced.lastNano)];
    this.#keys.begin(reduced);
    for (let group = 0; group < reduced.counts.length; group++) {
      const slot = this.#keys.slotOf(group);
      this.#counts.reach(slot);
      this.#counts.values[slot] = this.#counts.at(slot) + (reduced.counts[group] ?? 0);
      this.#first.add(slot, first.high(group), first.low(group));
      this.#last.add(slot, last.high(group), last.low(group));
      for (const [at, metric] of this.#metrics.entries()) metric.add(slot, reduced.metrics[at] as ReducedMetric, group);
      if (reduced.buckets !== undefined) this.#histogram?.add(slot, reduced.buckets, group);
      if (!this.#isFull()) continue;
      this.#forget();
      this.#keys.begin(reduced);
    }
    this.#events += reduced.events;
    // Combinations of these events that are not counted lack them.
    this.#error += reduced.cutEvents;
  }

  #isFull(): boolean {
    if (this.#keys.size > this.#groupsMax) return true;
    return this.#histogram !== undefined && this.#histogram.size > this.#bucketsMax && this.#keys.size > 1;
  }

  /** Forgets the rarer half of all groups. Whatever is forgotten and comes again lacks what it had, which is no more than is noted here. */
  #forget(): void {
    const slots = this.#slots().sort((a, b) => this.#counts.at(b) - this.#counts.at(a));
    const kept = slots.slice(0, Math.ceil(slots.length / 2));
    const left = slots.slice(kept.length);
    this.#error += this.#counts.at(left[0] ?? -1);
    this.#forgotten += left.length;
    for (const slot of left) this.#forgottenEvents += this.#counts.at(slot);
    const moves = this.#keys.keep(kept);
    for (const state of [this.#counts, this.#first, this.#last, ...this.#metrics]) state.move(moves);
    this.#histogram?.move(moves);
  }

  /** Those that have events. */
  #slots(): number[] {
    const slots: number[] = [];
    for (let slot = 0; slot < this.#keys.size; slot++) if (this.#counts.at(slot) > 0) slots.push(slot);
    return slots;
  }

  /** The most frequent group first; of those that are as frequent, by their values, but where `isRough`: then in whatever order. */
  answer(isRough: boolean = false): Omit<AggregateEventsResponse, "completeness" | "done"> {
    const all = this.#slots();
    const countOf = (slot: number): number => this.#counts.at(slot);
    const about = { slots: all, countOf, textsOf: (slot: number) => this.#keys.textsOf(slot) };
    const told = mostFrequent(about, this.#limit, isRough);
    let events = this.#forgottenEvents;
    for (const slot of all) events += this.#counts.at(slot);
    for (const slot of told) events -= this.#counts.at(slot);
    const buckets = this.#histogram?.answers(told);
    return {
      groups: told.map((slot) => ({ ...this.#group(slot), buckets: buckets?.get(slot) ?? [] })),
      groupsLeftOut: BigInt(all.length - told.length + this.#forgotten),
      eventsLeftOut: BigInt(events),
      approximate: this.#error > 0,
      countErrorMax: BigInt(this.#error),
      events: BigInt(this.#events),
    };
  }

  #group(slot: number): Omit<AggregateGroup, "buckets"> {
    return {
      values: this.#keys.textsOf(slot).map((text) => ({ text })),
      count: BigInt(this.#counts.at(slot)),
      metrics: this.#metrics.map((metric) => metric.answer(slot)),
      firstTime: timestampOf(this.#first.at(slot)),
      lastTime: timestampOf(this.#last.at(slot)),
    };
  }
}
