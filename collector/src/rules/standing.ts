/**
 * On which hosts rules can fire, by the audit rules that these hosts told. Hosts of a fleet have few sets of audit rules, so rules are
 * held against each set once, and what came of that is kept until rules change.
 */
import { setImmediate as turn } from "node:timers/promises";
import { checkRules, readAuditRules, type RuleCheck } from "@hosttrail/lib/detect";
import type { CheckedRule, MissingAuditRule } from "@hosttrail/proto/rule";
import type { HostSet, Labels } from "../access/index.ts";
import type { ToldProfile } from "../model/index.ts";
import type { RuleBook } from "../rulebook/index.ts";
import type { ShownRule } from "./show.ts";
import type { StandingSource } from "./stores.ts";

/** What rules are held against. */
export interface Surveyed {
  known: number;
  unknown: number;
  /** Of one host that was asked for, where it told something. */
  profile: ToldProfile | undefined;
  /** Sets of audit rules, each with its hosts. */
  sets: readonly { checks: ReadonlyMap<string, RuleCheck>; hostIds: readonly string[] }[];
  labels: ReadonlyMap<string, Labels>;
}

const PAGE_HOSTS = 1000;
/** Sets of audit rules that are looked at, those of most hosts first; hosts with others count as unknown. */
const SETS_MAX = 32;
/** Sets of which it is remembered what came of them; those that were asked for least recently go first. */
const KEPT_MAX = 64;
const REASONS_MAX = 16;
const MISSING_MAX = 32;
const HOSTS_NAMED_MAX = 5;

export class RuleStandings {
  readonly #source: StandingSource;
  /** By the digest of a set of audit rules, for rules of one revision. */
  readonly #kept = new Map<string, { revision: string; checks: ReadonlyMap<string, RuleCheck> }>();

  constructor(source: StandingSource) {
    this.#source = source;
  }

  /** Of one host, or of all that are visible. Undefined where there is no such host. Throws where the database is away. */
  async survey(book: RuleBook, hostId: string, visible: HostSet): Promise<Surveyed | undefined> {
    const one = hostId === "" ? undefined : await this.#one(hostId, visible);
    if (hostId !== "" && one === undefined) return undefined;
    const { hosts, profiles } = one ?? (await this.#all(visible));
    const told = profiles.filter(({ auditProblem }) => auditProblem === "");
    const groups = [...Map.groupBy(told, ({ auditRulesSha256 }) => auditRulesSha256)]
      .sort(([, some], [, others]) => others.length - some.length)
      .slice(0, SETS_MAX);
    const sets: Surveyed["sets"][number][] = [];
    for (const [digest, of] of groups) {
      const checks = await this.#checks(book, digest, of[0]?.hostId ?? "");
      if (checks !== undefined) sets.push({ checks, hostIds: of.map((each) => each.hostId) });
      // Others are answered between two sets.
      await turn();
    }
    const known = sets.reduce((sum, { hostIds }) => sum + hostIds.length, 0);
    const hasLabels = book.rulesets.some(({ labels }) => Object.keys(labels).length > 0);
    return {
      known,
      unknown: hosts - known,
      profile: hostId === "" ? undefined : profiles[0],
      sets,
      labels: hasLabels ? await this.#source.allLabels() : new Map(),
    };
  }

  async #one(hostId: string, visible: HostSet): Promise<{ hosts: number; profiles: ToldProfile[] } | undefined> {
    // Another team's host is as one that does not exist.
    if (visible?.has(hostId) === false) return undefined;
    const profile = (await this.#source.getProfiles([hostId])).get(hostId);
    if (profile === undefined && !(await this.#source.hasHost(hostId))) return undefined;
    return { hosts: 1, profiles: profile === undefined ? [] : [profile] };
  }

  async #all(visible: HostSet): Promise<{ hosts: number; profiles: ToldProfile[] }> {
    const isVisible = (hostId: string): boolean => visible?.has(hostId) !== false;
    const hostIds = await everything(
      (after) => this.#source.listHostIds(after, PAGE_HOSTS),
      (id) => id,
    );
    const profiles = await everything(
      (after) => this.#source.listProfiles(after, PAGE_HOSTS),
      ({ hostId }) => hostId,
    );
    const seen = profiles.filter(({ hostId }) => isVisible(hostId));
    const all = new Set([...hostIds.filter(isVisible), ...seen.map(({ hostId }) => hostId)]);
    return { hosts: all.size, profiles: seen };
  }

  /** Undefined where the host has told others meanwhile, or none. */
  async #checks(book: RuleBook, digest: string, hostId: string): Promise<ReadonlyMap<string, RuleCheck> | undefined> {
    let kept = this.#kept.get(digest);
    if (kept?.revision !== book.revision) {
      const auditRules = await this.#source.auditRulesOf(hostId);
      if (auditRules === undefined) return undefined;
      kept = { revision: book.revision, checks: check(book, auditRules) };
    }
    this.#kept.delete(digest);
    this.#kept.set(digest, kept);
    if (this.#kept.size > KEPT_MAX) this.#kept.delete(this.#kept.keys().next().value ?? "");
    return kept.checks;
  }
}

async function everything<Item>(
  read: (after: string) => Promise<Item[]>,
  idOf: (item: Item) => string,
): Promise<Item[]> {
  const all: Item[] = [];
  for (;;) {
    const last = all.at(-1);
    const page = await read(last === undefined ? "" : idOf(last));
    all.push(...page);
    if (page.length < PAGE_HOSTS) return all;
  }
}

/** By the place of each rule. */
function check(book: RuleBook, auditRules: readonly string[]): ReadonlyMap<string, RuleCheck> {
  const rules = book.rules.map(({ rule }) => rule);
  const collection = { rules, rejected: [], warnings: [] };
  return new Map(checkRules(collection, readAuditRules(auditRules)).map((each) => [placeOf(each), each]));
}

function placeOf({ file, line }: Pick<RuleCheck, "file" | "line">): string {
  return `${file}:${line}`;
}

/** Where one rule can fire, of what was surveyed. */
export function standingOf({ about, file, line, problem, ruleset }: ShownRule, surveyed: Surveyed): CheckedRule {
  let firing = 0;
  let mute = 0;
  const reasons = new Set<string>();
  const missing = new Map<string, MissingAuditRule>();
  for (const { checks, hostIds } of surveyed.sets) {
    const found = checks.get(`${about.ruleset}/${file}:${line}`);
    if (found === undefined || found.result === "not compiled") continue;
    const meant = hostIds.filter((id) => isMeant(ruleset?.labels ?? {}, surveyed.labels.get(id)));
    if (meant.length === 0) continue;
    const fires = found.result === "fires here";
    if (fires) firing += meant.length;
    else mute += meant.length;
    for (const reason of found.reasons) reasons.add(reason);
    for (const lacking of found.missing) {
      const key = `${lacking}\0${fires}`;
      const before = missing.get(key) ?? { line: lacking, hosts: 0n, hostIds: [], required: !fires };
      const named = [...before.hostIds, ...meant].slice(0, HOSTS_NAMED_MAX);
      missing.set(key, { ...before, hosts: before.hosts + BigInt(meant.length), hostIds: named });
    }
  }
  return {
    key: about.key,
    title: about.title,
    ruleset: about.ruleset,
    file,
    line,
    problem,
    hostsFiring: BigInt(firing),
    hostsMute: BigInt(mute),
    reasons: [...reasons].slice(0, REASONS_MAX),
    missing: [...missing.values()]
      .sort((some, others) => Number(others.required) - Number(some.required) || Number(others.hosts - some.hosts))
      .slice(0, MISSING_MAX),
  };
}

/** Tags of clouds are not looked at: only events tell them. */
function isMeant(wanted: Labels, has: Labels = {}): boolean {
  return Object.entries(wanted).every(([key, value]) => has[key] === value);
}
