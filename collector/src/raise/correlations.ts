/** Correlations over what rules matched, and the questions for history that they ask. */
import { createHash } from "node:crypto";
import {
  type CorrelationChange,
  Correlator,
  type CorrelateOptions,
  type HistoryNeeded,
  type RuleMatch,
} from "@hosttrail/lib/correlate";
import type { Logger } from "@hosttrail/lib/log";
import type { CorrelationRule, DetectionRule } from "@hosttrail/lib/sigma";
import type { HistoryRequest, MatchBatch } from "@hosttrail/proto/detection";
import { metrics } from "../metrics/index.ts";
import type { RuleBook } from "../rulebook/index.ts";

/** Questions that wait for an answer, at most. */
const REQUESTS_MAX = 10_000;
/** Questions that are answered together, at most. */
const TOGETHER_MAX = 50;
const OPTIONS: CorrelateOptions = {
  hash: (text) => createHash("sha256").update(text).digest("hex"),
  // What is kept is written with every checkpoint.
  limits: { groupsMax: 100_000, eventsMax: 500_000 },
};

export class Correlations {
  readonly #logger: Logger;
  #book: RuleBook;
  #correlator: Correlator;
  #asked: HistoryNeeded[] = [];

  constructor(book: RuleBook, snapshot: Uint8Array, requests: readonly HistoryRequest[], logger: Logger) {
    this.#logger = logger;
    this.#book = book;
    this.#correlator = this.#restored(snapshot);
    for (const request of requests) {
      const needed = this.#needed(request);
      if (needed !== undefined) this.#asked.push(needed);
    }
  }

  #restored(snapshot: Uint8Array): Correlator {
    const rules = this.#book.correlations;
    if (snapshot.length === 0) return new Correlator(rules, OPTIONS);
    try {
      const { correlator, dropped } = Correlator.restore(rules, snapshot, OPTIONS);
      for (const each of dropped) this.#logger.info({ rule: each }, "a correlation begins anew: its rules changed");
      return correlator;
    } catch (error) {
      this.#logger.error({ error: String(error) }, "what correlations had cannot be read: they begin anew");
      return new Correlator(rules, OPTIONS);
    }
  }

  /** Goes on with other rules; what is kept of those that are the same stays. */
  changeBook(book: RuleBook): void {
    const requests = this.requests();
    const snapshot = this.snapshot();
    this.#book = book;
    this.#correlator = this.#restored(snapshot);
    this.#asked = requests.flatMap((request) => this.#needed(request) ?? []);
  }

  /** Takes the matches of a message in. */
  take(batch: MatchBatch): CorrelationChange[] {
    const matches: RuleMatch[] = [];
    for (const { rule: about, events } of batch.rules) {
      const rule = this.#book.byKey(about?.key ?? "")?.rule;
      if (rule?.kind !== "detection" || !this.#book.fields.has(rule)) continue;
      for (const event of events) {
        if (event.hiddenBy !== "") continue;
        const texts = new Map(event.fields.map((each) => [each.field, each.texts]));
        matches.push({
          rule,
          eventId: event.eventId,
          timeNano: event.timeUnixNano,
          receivedNano: batch.receivedUnixNano,
          hostId: batch.hostId,
          texts: (field) => texts.get(field) ?? [],
        });
      }
    }
    if (matches.length === 0) return [];
    return this.#keep(this.#correlator.add(matches));
  }

  /** Keeps the questions, and gives the rest. */
  #keep(changes: readonly CorrelationChange[]): CorrelationChange[] {
    for (const change of changes) {
      if (change.kind !== "history") continue;
      this.#asked.push(change);
      if (this.#asked.length <= REQUESTS_MAX) continue;
      this.#asked.shift();
      metrics.raiseHistory.inc({ result: "dropped" });
    }
    return changes.filter(({ kind }) => kind !== "history");
  }

  /** Questions that one look into history answers: of one rule, and of times that overlap. */
  get together(): HistoryNeeded[] {
    const [first] = this.#asked;
    if (first === undefined) return [];
    const same = this.#asked
      .filter(({ rule }) => rule === first.rule)
      .sort((a, b) => (a.fromNano < b.fromNano ? -1 : 1));
    let run: HistoryNeeded[] = [];
    let endNano = 0n;
    for (const asked of same) {
      const { fromNano, toNano } = asked;
      if (run.length > 0 && fromNano > endNano) {
        if (run.includes(first)) break;
        run = [];
      }
      endNano = run.length === 0 || toNano > endNano ? toNano : endNano;
      run.push(asked);
    }
    const at = run.indexOf(first);
    return run.length <= TOGETHER_MAX ? run : run.slice(Math.max(0, at - TOGETHER_MAX + 1), at + 1);
  }

  /** Rules about single events of which a correlation, or one within it, is made. */
  static rulesOf(rule: CorrelationRule): DetectionRule[] {
    return rule.rules.flatMap((inner) => (inner.kind === "detection" ? [inner] : Correlations.rulesOf(inner)));
  }

  /** Answers questions with all that their rule's rules match in the times of all of them; those that are none any more are left out. */
  answer(all: readonly HistoryNeeded[], matches: readonly RuleMatch[]): CorrelationChange[] {
    const answered = all.filter((asked) => this.#asked.includes(asked));
    this.#asked = this.#asked.filter((asked) => !answered.includes(asked));
    metrics.raiseHistory.inc({ result: "answered" }, answered.length);
    // One by one: what a question changes of a group is what the next one of that group begins with.
    return answered.flatMap((request) => this.#keep(this.#correlator.reopen([request], matches)));
  }

  expire(beforeNano: bigint, forgetBeforeNano: bigint): void {
    this.#correlator.expire(beforeNano, forgetBeforeNano);
    const { groups, events } = this.#correlator.sizes;
    metrics.raiseCorrelation.set({ kind: "groups" }, groups);
    metrics.raiseCorrelation.set({ kind: "events" }, events);
    for (const [kind, count] of Object.entries(this.#correlator.counters))
      metrics.raiseCorrelation.set({ kind }, count);
  }

  snapshot(): Uint8Array {
    return this.#correlator.snapshot();
  }

  requests(): HistoryRequest[] {
    return this.#asked.map((request) => ({
      ruleKey: this.#book.of(request.rule).key,
      group: request.group.map(({ field, value }) => ({ field, value })),
      fromUnixNano: request.fromNano,
      toUnixNano: request.toNano,
      changedFromUnixNano: request.changedFromNano,
      changedToUnixNano: request.changedToNano,
    }));
  }

  #needed(request: HistoryRequest): HistoryNeeded | undefined {
    const rule = this.#book.byKey(request.ruleKey)?.rule;
    if (rule?.kind !== "correlation" || !this.#book.correlations.includes(rule)) return undefined;
    return {
      kind: "history",
      rule,
      group: request.group,
      fromNano: request.fromUnixNano,
      toNano: request.toUnixNano,
      changedFromNano: request.changedFromUnixNano,
      changedToNano: request.changedToUnixNano,
    };
  }
}
