/**
 * The findings that alerts tell of. Which alert a finding has is kept in the detector's state before the alert is written: whoever goes on
 * from there makes the alert, or ends it.
 */
import { type Alert, type AlertRule, Severity } from "@hosttrail/proto/alert";
import type { DetectorState } from "@hosttrail/proto/detection";
import { metrics } from "../metrics/index.ts";
import { FINDING_KINDS, FINDINGS, FINDINGS_RULESET } from "../model/index.ts";
import { type HostInfo, severityOf } from "../rulebook/index.ts";
import type { Suppressions } from "../suppress/index.ts";
import { type Finding, kindOf } from "./findings.ts";
import { alertId, hashOf, newAlert, nowTimestamp, timestampOf } from "./fold.ts";
import type { Found } from "./look.ts";
import type { RaiseRules } from "./ports.ts";
import type { Draft, Register } from "./register.ts";

/** Findings at once; those beyond are counted, and told when there is room. */
const KNOWN_MAX = 100_000;
/** Hosts whose labels are asked for at once. */
const HOSTS_TOGETHER = 50;
const MS_NANO = 1_000_000n;
/** Stands for the alert of what happened while an exception hid it: it is not told afterwards. */
const HIDDEN = "";

export interface KnownParts {
  register: Register;
  rules: RaiseRules;
  hostOf: (hostId: string) => Promise<HostInfo>;
  /** Counts what suppressions hide. */
  hide: (suppressionId: string) => void;
  /** Keeps the state. */
  save: () => Promise<void>;
}

export class KnownFindings {
  readonly #parts: KnownParts;
  /** Alert ids by keys of findings, as in DetectorState. */
  readonly state: DetectorState["findings"];
  /** What this process made sure of: that the alert is there, and says this. */
  readonly #sure = new Map<string, { title: string; silencedBy: string }>();
  /** Findings that an exception hides, and were counted. */
  #hidden = new Set<string>();

  constructor(parts: KnownParts, state: DetectorState["findings"]) {
    this.#parts = parts;
    this.state = state;
  }

  isOpen(key: string): boolean {
    return Object.hasOwn(this.state, key);
  }

  /** Makes alerts of what is new, and withdraws those of what is over. */
  async take({ findings, unjudged }: Found): Promise<void> {
    const hidden = new Map<string, string>();
    const wanted = new Map<string, { finding: Finding; silencedBy: string }>();
    const { rules } = this.#parts;
    const [suppressions, book] = [rules.suppressions(), rules.book()];
    const isOn = book.rulesets.find(({ name }) => name === FINDINGS_RULESET)?.enabled !== false;
    const isOff = ({ kind }: Finding): boolean =>
      !isOn || book.settings.rules.get(`finding:${kind}`)?.enabled === false;
    const off = new Set(findings.filter(isOff).map(({ key }) => key));
    const asked = findings.filter(({ key }) => !off.has(key));
    for (let at = 0; at < asked.length; at += HOSTS_TOGETHER) {
      const some = asked.slice(at, at + HOSTS_TOGETHER);
      const covers = await Promise.all(some.map((finding) => this.#covers(suppressions, finding)));
      for (const [index, finding] of some.entries()) {
        const { exception, silence = "" } = covers[index] ?? {};
        if (exception === undefined) wanted.set(finding.key, { finding, silencedBy: silence });
        else hidden.set(finding.key, exception);
      }
    }
    this.#countHidden(hidden);
    const isChanged = this.#open(wanted, hidden);
    const ended = Object.keys(this.state).filter(
      (key) => !wanted.has(key) && !hidden.has(key) && !unjudged.has(kindOf(key)),
    );
    const withdrawn = Object.keys(this.state).filter((key) => hidden.has(key) && this.state[key] !== HIDDEN);
    if (isChanged) await this.#parts.save();
    await this.#keep(wanted);
    for (const key of ended)
      await this.#end(key, off.has(key) ? "findings of this kind are switched off" : "it is over", wanted);
    for (const key of withdrawn) await this.#end(key, "an exception hides it", wanted);
    await this.#parts.register.write();
    if (ended.length + withdrawn.length > 0) await this.#parts.save();
    this.#tell();
  }

  async #covers(suppressions: Suppressions, finding: Finding): Promise<{ exception?: string; silence?: string }> {
    const { hostId } = finding;
    const host = hostId === "" ? { id: "", labels: {} } : await this.#parts.hostOf(hostId);
    return suppressions.hiddenWithoutEvents(ruleKeyOf(finding), host);
  }

  #countHidden(hidden: ReadonlyMap<string, string>): void {
    for (const [key, suppressionId] of hidden) {
      if (this.#hidden.has(key) || this.state[key] === HIDDEN) continue;
      metrics.raiseHidden.inc();
      this.#parts.hide(suppressionId);
    }
    this.#hidden = new Set(hidden.keys());
  }

  /** Gives what is new its alert; true where something is. */
  #open(wanted: ReadonlyMap<string, { finding: Finding }>, hidden: ReadonlyMap<string, string>): boolean {
    let isChanged = false;
    let count = Object.keys(this.state).length;
    for (const [key, { finding }] of wanted) {
      if (this.isOpen(key)) continue;
      if (count >= KNOWN_MAX) {
        metrics.raiseFindingsUntold.inc();
        continue;
      }
      this.state[key] = alertIdOfFinding(finding);
      count++;
      isChanged = true;
    }
    for (const key of hidden.keys()) {
      if (this.isOpen(key) || !FINDINGS[kindOf(key)].isMoment || count >= KNOWN_MAX) continue;
      this.state[key] = HIDDEN;
      count++;
      isChanged = true;
    }
    return isChanged;
  }

  async #keep(wanted: ReadonlyMap<string, { finding: Finding; silencedBy: string }>): Promise<void> {
    const due = [...wanted].filter(([key, { finding, silencedBy }]) => {
      const id = this.state[key];
      if (id === undefined || id === HIDDEN) return false;
      const sure = this.#sure.get(key);
      return sure === undefined || sure.title !== finding.title || (sure.silencedBy !== "" && silencedBy === "");
    });
    await this.#parts.register.load(due.map(([key]) => this.state[key] ?? ""));
    for (const [key, { finding, silencedBy }] of due) {
      await this.#update(this.state[key] ?? "", finding, silencedBy);
      this.#sure.set(key, { title: finding.title, silencedBy });
    }
  }

  async #update(id: string, finding: Finding, silencedBy: string): Promise<void> {
    const { register } = this.#parts;
    const known = register.get(id);
    const draft = known ?? register.make(this.#newAlert(id, finding, silencedBy));
    const { alert } = draft;
    if (known === undefined && silencedBy !== "") this.#parts.hide(silencedBy);
    if (alert.title !== finding.title) this.#describe(draft, finding);
    // It goes on, and is not silenced any more.
    if (alert.silencedBy !== "" && silencedBy === "") {
      alert.silencedBy = "";
      draft.isTold = false;
      draft.isDirty = true;
    }
    if (known !== undefined && !FINDINGS[finding.kind].isMoment) await register.reopenWithdrawn(draft);
  }

  #describe(draft: Draft, finding: Finding): void {
    const { alert } = draft;
    alert.title = finding.title;
    alert.rule = this.#ruleOf(finding);
    alert.lastEventTime = nowTimestamp();
    alert.updateTime = nowTimestamp();
    draft.isDirty = true;
  }

  #newAlert(id: string, finding: Finding, silencedBy: string): Alert {
    const { hostId, hostName, sinceMs, title } = finding;
    const since = timestampOf(BigInt(Math.floor(sinceMs)) * MS_NANO);
    return {
      ...newAlert(id, this.#ruleOf(finding), hostId === "" ? [] : [{ field: "host.id", value: hostId }]),
      title,
      hosts: hostId === "" ? [] : [{ id: hostId, name: hostName }],
      firstEventTime: since,
      lastEventTime: since,
      count: 1n,
      silencedBy,
    };
  }

  #ruleOf(finding: Finding): AlertRule {
    const { title, description } = FINDINGS[finding.kind];
    const key = ruleKeyOf(finding);
    const severity: Severity = severityOf(this.#parts.rules.book().settings.rules.get(key)?.severity ?? finding.level);
    const about = { tags: [], falsePositives: [], references: [] };
    return { key, title, description, severity, ...about, ruleset: FINDINGS_RULESET, kind: "finding" };
  }

  async #end(key: string, text: string, wanted: ReadonlyMap<string, { finding: Finding }>): Promise<void> {
    const { register } = this.#parts;
    const id = this.state[key] ?? HIDDEN;
    if (id !== HIDDEN && !FINDINGS[kindOf(key)].isMoment) {
      await register.load([id]);
      const draft = register.get(id);
      if (draft?.isNew === true) await register.write();
      const next = this.#sameKind(key, wanted);
      if (draft !== undefined) await register.withdraw(draft, next === "" ? text : "there is more of it", next);
    }
    delete this.state[key];
    this.#sure.delete(key);
  }

  /** The alert of a newer finding of the same kind and host; empty where there is none. */
  #sameKind(key: string, wanted: ReadonlyMap<string, { finding: Finding }>): string {
    const about = `${key.split("/").slice(0, 2).join("/")}/`;
    const next = [...wanted.keys()].find((other) => other !== key && other.startsWith(about));
    return next === undefined ? "" : (this.state[next] ?? "");
  }

  #tell(): void {
    const counts = new Map<string, number>(FINDING_KINDS.map((kind) => [kind, 0]));
    for (const [key, id] of Object.entries(this.state))
      if (id !== HIDDEN) counts.set(kindOf(key), (counts.get(kindOf(key)) ?? 0) + 1);
    for (const [kind, count] of counts) metrics.raiseFindings.set({ kind }, count);
  }
}

function ruleKeyOf({ kind }: Finding): string {
  return `finding:${kind}`;
}

function alertIdOfFinding({ kind, hostId, sinceMs }: Finding): string {
  return alertId(sinceMs, hashOf(kind, hostId, String(sinceMs)));
}
