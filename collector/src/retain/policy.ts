/** Which policy something is kept by. Pure. */
import { isWithin, type Labels, labelsKey } from "../access/index.ts";
import { RETENTION_KINDS, type RetentionKind, type RetentionPolicy } from "../model/index.ts";

/** Days for which something is kept where nobody set anything else. */
const DEFAULT_DAYS: Readonly<Record<RetentionKind, number>> = {
  events: 30,
  alerts: 365,
  "api-audit": 400,
  "detection-gaps": 400,
};

/** The policy of a kind for all to which no other one applies, as it is where nobody set it. */
export function defaultPolicy(kind: RetentionKind): RetentionPolicy {
  return { name: kind, kind, labels: {}, severityMin: 0, keepDays: DEFAULT_DAYS[kind], author: "", updateMs: 0 };
}

/** True for the name of a policy that is always there. */
export function isDefaultName(name: string): name is RetentionKind {
  return RETENTION_KINDS.some((kind) => kind === name);
}

export class Policies {
  /** All of them, those that are always there first. */
  readonly all: readonly RetentionPolicy[];
  readonly #eventsByLabels = new Map<string, RetentionPolicy>();

  /** `set` are those that somebody set. */
  constructor(set: readonly RetentionPolicy[]) {
    const own = set.filter(({ name }) => !isDefaultName(name)).sort((a, b) => (a.name < b.name ? -1 : 1));
    const defaults = RETENTION_KINDS.map((kind) => set.find(({ name }) => name === kind) ?? defaultPolicy(kind));
    this.all = [...defaults, ...own];
  }

  /** The one that keeps events of a host with these labels. */
  ofEvents(labels: Labels): RetentionPolicy {
    const key = labelsKey(labels);
    const known = this.#eventsByLabels.get(key);
    if (known !== undefined) return known;
    const found = this.#longest("events", (policy) => isWithin(labels, policy.labels));
    this.#eventsByLabels.set(key, found);
    return found;
  }

  /** The one that keeps an alert of this severity about hosts with these labels. */
  ofAlert(hosts: readonly Labels[], severity: number): RetentionPolicy {
    return this.#longest(
      "alerts",
      ({ labels, severityMin }) =>
        severity >= severityMin && (Object.keys(labels).length === 0 || hosts.some((own) => isWithin(own, labels))),
    );
  }

  /** The one of what is of no host. */
  ofKind(kind: RetentionKind): RetentionPolicy {
    return this.#longest(kind, () => true);
  }

  /** No policy of this kind keeps for less. */
  leastDays(kind: RetentionKind): number {
    return Math.min(...this.all.filter((policy) => policy.kind === kind).map(({ keepDays }) => keepDays));
  }

  /** What policies of a kind say, as a text that differs where they do. */
  textOf(kind: RetentionKind): string {
    const own = this.all.filter((policy) => policy.kind === kind);
    return JSON.stringify(
      own.map(({ name, labels, severityMin, keepDays }) => [name, labelsKey(labels), severityMin, keepDays]),
    );
  }

  /** The longest of those that apply, else the one for all others. */
  #longest(kind: RetentionKind, applies: (policy: RetentionPolicy) => boolean): RetentionPolicy {
    const others = this.all.filter((policy) => policy.kind === kind && policy.name !== kind && applies(policy));
    const [first, ...rest] = others;
    if (first === undefined) return this.all.find(({ name }) => name === kind) ?? defaultPolicy(kind);
    return rest.reduce((longest, policy) => (policy.keepDays > longest.keepDays ? policy : longest), first);
  }
}
