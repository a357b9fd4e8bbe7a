/** Rules as they are tried: what is wrong with them, and what they match in a unit of history. */
import { openPayload, type Unit } from "../history/index.ts";
import { isWithin } from "../scan/index.ts";
import { checkRules, readAuditRules, RuleSet } from "@hosttrail/lib/detect";
import { type DetectionRule, type Placeholders, readRules, type RuleFile, ruleKey } from "@hosttrail/lib/sigma";
import { Sieve } from "@hosttrail/lib/sieve";
import type { RuleProblem } from "@hosttrail/proto/rule";
import type { SequenceRange } from "../model/index.ts";

/** A rule as the answer names it. */
export interface TriedRule {
  key: string;
  title: string;
  /** Serves correlations alone. */
  isSilent: boolean;
}

/** Rules as they are given. */
export interface GivenRules {
  files: readonly RuleFile[];
  placeholders: Placeholders;
}

/** A unit of which the bytes are here, and which of its events are asked for. */
export interface UnitJob {
  unit: Unit;
  bytes: Uint8Array;
  startNano: bigint;
  endNano: bigint;
  only: readonly SequenceRange[] | undefined;
}

/** What a rule, by its number, matched on a UTC day of one host. */
export interface FoundOnDay {
  rule: number;
  /** "2026-01-31". */
  day: string;
  matches: number;
  /** Hours of the day with a match, a bit each. */
  hours: number;
  /** The first of them. */
  eventIds: string[];
}

export const EVENT_IDS_MAX = 5;
const NANOS_OF_MS = 1_000_000n;

/** What hosts are asked to audit is not known here: each rule is checked as if all system calls were. */
const EVERYTHING = ["-a always,exit -S all\n"];

export class TriedRules {
  readonly rules: readonly TriedRule[];
  readonly problems: readonly RuleProblem[];
  readonly #set: RuleSet;
  readonly #numbers: ReadonlyMap<DetectionRule, number>;

  constructor({ files, placeholders }: GivenRules) {
    const collection = readRules(files, { placeholders });
    const detections = collection.rules.flatMap((rule) => (rule.kind === "detection" ? [rule] : []));
    this.#set = new RuleSet(detections);
    const tried = this.#set.rules;
    this.#numbers = new Map(tried.map((rule, number) => [rule, number]));
    this.rules = tried.map((rule) => ({
      key: ruleKey(rule),
      title: rule.title,
      isSilent: collection.silent.has(rule),
    }));
    const checks = checkRules(collection, readAuditRules(EVERYTHING)).flatMap(
      ({ result, file, line, reasons, missing }): RuleProblem[] => {
        if (result === "not compiled") return [{ file, line, message: reasons.join("; "), rejected: true }];
        // Whether an audit rule is missing, only those know who know the hosts.
        if (result === "fires here" || missing.length > 0) return [];
        return [{ file, line, message: `cannot match: ${reasons.join("; ")}`, rejected: false }];
      },
    );
    const correlations = collection.rules
      .filter(({ kind }) => kind === "correlation")
      .map(({ file, line }) => ({ file, line, message: CORRELATION, rejected: false }));
    const warnings = collection.warnings.map((warning) => ({ ...warning, rejected: false }));
    this.problems = [...checks, ...correlations, ...warnings];
  }

  /** False where no sieve can say no. */
  get hasSieve(): boolean {
    return this.#set.sieve !== undefined;
  }

  /** A sieve that cannot be read says nothing. */
  mayMatch(bytes: Uint8Array): boolean {
    try {
      return this.#set.sieve?.mayMatch(new Sieve(bytes)) ?? true;
    } catch (error) {
      if (error instanceof RangeError) return true;
      throw error;
    }
  }

  /** Throws a BlockError where the bytes are damaged. */
  match({ unit, bytes, only, ...range }: UnitJob): FoundOnDay[] {
    const { events } = openPayload(unit, bytes);
    const found = new Map<string, FoundOnDay>();
    for (const { rule, event } of this.#set.match(events)) {
      if (!isWithin(events, event, range, only)) continue;
      const number = this.#numbers.get(rule) as number;
      const time = new Date(Number((events.columns.time[event] ?? 0n) / NANOS_OF_MS));
      const day = time.toISOString().slice(0, 10);
      const key = `${number} ${day}`;
      const known = found.get(key) ?? { rule: number, day, matches: 0, hours: 0, eventIds: [] };
      found.set(key, known);
      known.matches++;
      known.hours |= 1 << time.getUTCHours();
      if (known.eventIds.length < EVENT_IDS_MAX) known.eventIds.push(events.eventId(event));
    }
    return [...found.values()];
  }
}

const CORRELATION =
  "a correlation is not held against history by itself; the rules that it is about are, where they are here";
