/** What the API of rules needs of others. */
import type { Level } from "@hosttrail/lib/sigma";
import type { Alert } from "@hosttrail/proto/alert";
import type { StandingSource } from "./standing.ts";
import type { CloseReason, ManagedRulesetSetting, RulesetDocument, RuleSettings } from "../model/index.ts";

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

export interface RuleStores {
  rulesets: RulesetStore;
  standing: StandingSource;
  alerts: CountedAlerts;
}
