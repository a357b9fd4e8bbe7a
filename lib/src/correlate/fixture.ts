/** Short ways to correlation rules and matches, for tests. */
import { type AnyRule, type DetectionRule, readRules } from "../sigma/index.ts";
import type { Correlator } from "./correlator.ts";
import type { CorrelationChange, CorrelationMatch, HistoryNeeded, RuleMatch } from "./model.ts";

export const NAMES = ["a", "b", "c"] as const;
type Name = (typeof NAMES)[number];

const DETECTIONS = NAMES.map(
  (name) =>
    `title: rule ${name}\nname: ${name}\nlogsource: { product: linux }\ndetection:\n  s:\n    Image: /bin/${name}\n  condition: s\n`,
);

/** Rules a, b and c, and a correlation of each text, named x, y and z in their order. */
export function rulesOf(...correlations: string[]): AnyRule[] {
  const texts = correlations.map((body, at) => {
    const name = "xyz"[at] ?? `x${at}`;
    return `title: correlation ${name}\nname: ${name}\ncorrelation:\n${body.replace(/^(?=.)/gm, "  ")}\n`;
  });
  const { rules, rejected } = readRules([{ path: "1.yml", text: [...DETECTIONS, ...texts].join("---\n") }]);
  const [problem] = rejected;
  if (problem !== undefined) throw new Error(`${problem.line}: ${problem.message}`);
  return [...rules];
}

function detectionOf(rules: readonly AnyRule[], name: string): DetectionRule {
  const rule = rules.find((other) => other.name === name);
  if (rule?.kind !== "detection") throw new Error(`no rule ${name}`);
  return rule;
}

export const SECOND = 1_000_000_000n;
const START = 1_790_000_000n * SECOND;

/** Seconds since the tests' beginning. */
export function nanoAt(seconds: number): bigint {
  return START + BigInt(Math.round(seconds * 1e9));
}

export function secondsOf(nano: bigint): number {
  return Number(nano - START) / 1e9;
}

/** An event as a rule matched it; without an id it has one of the rule and the time. */
export interface Event {
  rule: Name;
  /** In seconds. */
  at: number;
  id?: string;
  /** In seconds; at once where it is not said. */
  received?: number;
  host?: string;
  fields?: Readonly<Record<string, readonly string[]>> | undefined;
}

export function matchOf(rules: readonly AnyRule[], { rule, at, id, received, host, fields }: Event): RuleMatch {
  return {
    rule: detectionOf(rules, rule),
    eventId: id ?? `${rule}${at}`,
    timeNano: nanoAt(at),
    receivedNano: nanoAt(received ?? at),
    hostId: host ?? "h1",
    texts: (field) => fields?.[field] ?? [],
  };
}

/** A digest that is good enough where nobody attacks. */
export function testHash(text: string): string {
  let [a, b] = [0xdead_beef, 0x41c6_ce57];
  for (let at = 0; at < text.length; at++) {
    a = Math.imul(a ^ text.charCodeAt(at), 0x9e37_79b1);
    b = Math.imul(b ^ text.charCodeAt(at), 0x5f35_6495);
  }
  return `${(a >>> 0).toString(16)}-${(b >>> 0).toString(16)}`;
}

/** What holds after changes. Throws where changes contradict what was told before. */
export class Live {
  readonly matches: Map<string, CorrelationMatch> = new Map();
  history: HistoryNeeded[] = [];

  take(changes: readonly CorrelationChange[]): this {
    for (const change of changes) {
      if (change.kind === "match") this.#takeMatch(change);
      else if (change.kind === "history") this.history.push(change);
      else if (!this.matches.delete(change.id)) throw new Error(`${change.id} is withdrawn and was never told`);
    }
    for (const change of changes) {
      if (change.kind !== "withdrawn" || change.replacedBy === undefined) continue;
      if (!this.matches.has(change.replacedBy.id))
        throw new Error(`${change.replacedBy.id} replaces, and is not there`);
    }
    return this;
  }

  #takeMatch(match: CorrelationMatch): void {
    const { id, count, firstNano, completedNano, lastNano, eventIds, innerIds, leftOut } = match;
    if (firstNano > completedNano || completedNano > lastNano) throw new Error(`${id} has times out of order`);
    if (count < 1 || count !== eventIds.length + innerIds.length + leftOut)
      throw new Error(`${id} has ${count} events`);
    this.matches.set(id, match);
  }

  /** Answers requests for history from a store of all matches, until there are none. */
  answer(correlator: Correlator, store: readonly RuleMatch[]): this {
    for (let rounds = 0; this.history.length > 0; rounds++) {
      if (rounds > 100) throw new Error("history is asked for without end");
      const requests = this.history;
      this.history = [];
      const given = store.filter(({ timeNano }) =>
        requests.some(({ fromNano, toNano }) => timeNano >= fromNano && timeNano <= toNano),
      );
      this.take(correlator.reopen(requests, given));
    }
    return this;
  }

  /** In the order of their times, in short. */
  get shown(): string[] {
    return [...this.matches.values()].map(shownMatch).sort();
  }
}

/** `x[User=u] 1..5@3 ×4 =4`: rule, group, first and last time, when completed, count and value. */
function shownMatch({
  rule,
  group,
  firstNano,
  lastNano,
  completedNano,
  count,
  value,
  lateNano,
}: CorrelationMatch): string {
  const values = group.map(({ field, value: text }) => `${field}=${text}`).join();
  const late = lateNano > 0n ? ` late ${Number(lateNano / SECOND)}` : "";
  const times = `${secondsOf(firstNano)}..${secondsOf(lastNano)}@${secondsOf(completedNano)}`;
  return `${rule.name}[${values}] ${times} ×${count} =${value}${late}`;
}
