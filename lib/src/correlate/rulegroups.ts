/** A correlation rule and its groups. */
import type { CorrelationRule, DetectionRule } from "../sigma/index.ts";
import type { Entry } from "./entry.ts";
import type { Episode } from "./episode.ts";
import { Group, type Ledger } from "./group.ts";
import { fieldsFor, type GroupKey, groupsOf, keyOf, numbersOf, type Reading, textsOf } from "./grouping.ts";
import type { Texts } from "./model.ts";
import { later, type Moment, NEVER } from "./moment.ts";
import type { Point } from "./points.ts";
import { type Question, questionOf } from "./question.ts";

/** That a rule is one of a correlation's. */
export interface Use {
  readonly outer: RuleGroups;
  /** Number of the rule in the correlation. */
  readonly rules: readonly number[];
  readonly groupFields: readonly string[];
  readonly valueFields: readonly string[];
}

/** What a group is made of. */
export interface RestoredGroup {
  values: readonly string[];
  wasUsed: boolean;
  sizeFloor: Moment;
  entries: readonly Entry[];
  points: readonly Point[];
  episodes: readonly Episode[];
}

/** What was used since this many others were looked at stays; so that a choice costs little even where all are in use. */
const CHOICE_TRIES = 8;

const NO_RULES: readonly number[] = [];

export class RuleGroups {
  readonly rule: CorrelationRule;
  /** What the rule is known by, in ids and snapshots. */
  readonly key: string;
  /** Of all that decides what the rule matches. */
  readonly fingerprint: string;
  readonly question: Question;
  readonly groups: Map<string, Group> = new Map();
  /** Correlations of which this one is a rule. */
  readonly uses: Use[] = [];
  /** Groups with work. */
  readonly busy: Group[] = [];
  /** Groups with events up to this time were forgotten: what a new group has of that time may be a part. */
  forgottenUntil: Moment = NEVER;
  readonly #ledger: Ledger;

  constructor(rule: CorrelationRule, key: string, fingerprint: string, ledger: Ledger) {
    this.rule = rule;
    this.key = key;
    this.fingerprint = fingerprint;
    this.question = questionOf(rule);
    this.#ledger = ledger;
  }

  useOf(rule: DetectionRule | CorrelationRule): Use {
    return {
      outer: this,
      rules: [this.rule.rules.indexOf(rule)],
      groupFields: fieldsFor(this.rule, rule, this.rule.groupBy),
      valueFields: fieldsFor(this.rule, rule, this.rule.fields),
    };
  }

  /** The entry as this rule keeps it; undefined where it lacks the value that the rule is about. */
  entryOf(base: Entry, use: Use, match: Texts, reading: Reading): Entry | undefined {
    const { isAboutRules, values: kind } = this.question;
    if (!isAboutRules && kind === "none") return base;
    const rules = isAboutRules ? use.rules : NO_RULES;
    if (kind === "none") return { ...base, rules };
    const read = kind === "texts" ? textsOf : numbersOf;
    const values = read(match, use.valueFields, reading);
    if (values.length > 0) return { ...base, rules, values };
    reading.counters.matchesWithoutValue++;
    return undefined;
  }

  /** The groups of a match; counts the match where there is none. */
  keysOf(match: Texts, use: Use): readonly GroupKey[] {
    const keys = groupsOf(match, use.groupFields, this.#ledger);
    if (keys.length === 0) this.#ledger.counters.matchesWithoutGroup++;
    return keys;
  }

  /** The group; undefined where there is no room for one more. */
  groupFor(key: GroupKey, makeRoom: () => boolean): Group | undefined {
    let group = this.groups.get(key.key);
    if (group !== undefined) {
      group.wasUsed = true;
      return group;
    }
    if (this.#ledger.groups >= this.#ledger.limits.groupsMax && !makeRoom()) {
      this.#ledger.counters.groupsDropped++;
      return undefined;
    }
    group = new Group(key, this.question, this.#ledger, this.forgottenUntil, this.busy);
    this.groups.set(key.key, group);
    this.#ledger.groups++;
    return group;
  }

  /** Forgets a group that was not used for long; says no where all have work. */
  forgetOne(): boolean {
    let tries = 0;
    for (const [key, group] of this.groups) {
      if (tries++ >= 2 * CHOICE_TRIES) return false;
      if (group.work === undefined && (!group.wasUsed || tries > CHOICE_TRIES)) {
        const { last } = group.timeline;
        const lastEpisode = group.episodes.at(-1)?.last ?? NEVER;
        this.forgottenUntil = later(this.forgottenUntil, later(last ?? NEVER, lastEpisode));
        this.delete(group);
        this.#ledger.counters.groupsDropped++;
        return true;
      }
      // To the end of the line.
      group.wasUsed = false;
      this.groups.delete(key);
      this.groups.set(key, group);
    }
    return false;
  }

  delete(group: Group): void {
    if (this.groups.get(group.key) !== group) return;
    this.groups.delete(group.key);
    // Who comes next into a group of this key does not know what was dropped.
    this.forgottenUntil = later(this.forgottenUntil, group.sizeFloor);
    group.dropped();
    this.#ledger.groups--;
  }

  /** Takes groups over that were kept elsewhere. */
  restored(forgottenUntil: Moment, groups: readonly RestoredGroup[]): void {
    this.forgottenUntil = forgottenUntil;
    for (const { values, wasUsed, sizeFloor, entries, points, episodes } of groups) {
      const group = new Group({ key: keyOf(values), values }, this.question, this.#ledger, sizeFloor, this.busy);
      group.wasUsed = wasUsed;
      group.restore(entries, points, episodes);
      this.groups.set(group.key, group);
      this.#ledger.groups++;
    }
  }
}
