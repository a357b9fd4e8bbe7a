/** What the API of rules needs of others. */
import type { Level } from "@hosttrail/lib/sigma";
import type { Alert } from "@hosttrail/proto/alert";
import type { Labels } from "../access/index.ts";
import type { CloseReason, ManagedRulesetSetting, RulesetDocument, RuleSettings, ToldProfile } from "../model/index.ts";

interface RulesetStore {
  readSettings(): Promise<RuleSettings>;
  putRuleset(ruleset: RulesetDocument): Promise<void>;
  deleteRuleset(name: string): Promise<boolean>;
  putManaged(setting: ManagedRulesetSetting): Promise<void>;
  putEnabled(ruleKey: string, enabled: boolean): Promise<void>;
  /** Undefined: as the author wrote it. */
  putSeverity(ruleKey: string, severity: Level | undefined): Promise<void>;
}

/** Alerts, as far as they are counted. */
export interface CountedAlerts {
  /** Newest first. */
  listAlerts(query: {
    startMs: number;
    endMs: number;
    afterId: string;
    severityMin: number;
    ruleKey: string;
    ruleset: string;
    hostId: string;
    limit: number;
  }): Promise<Alert[]>;
  closedSince(timeMs: number): Promise<{ alertId: string; closeReason: CloseReason }[]>;
}

/** What hosts told of their audit rules. Each throws where that is away. */
export interface StandingSource {
  /** Hosts in the order of their ids. */
  listProfiles(afterId: string, limit: number): Promise<ToldProfile[]>;
  getProfiles(hostIds: readonly string[]): Promise<Map<string, ToldProfile>>;
  auditRulesOf(hostId: string): Promise<string[] | undefined>;
  /** Hosts in the order of their ids, also those that told nothing. */
  listHostIds(afterId: string, limit: number): Promise<string[]>;
  hasHost(hostId: string): Promise<boolean>;
  allLabels(): Promise<ReadonlyMap<string, Labels>>;
}

export interface RuleStores {
  rulesets: RulesetStore;
  standing: StandingSource;
  alerts: CountedAlerts;
}
