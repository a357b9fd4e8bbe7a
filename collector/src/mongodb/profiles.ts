/** What hosts told of their set-up: one document each, the newest. */
import { type Db, Long } from "mongodb";
import type { KeptProfile, ToldProfile } from "../model/index.ts";
import { classify } from "./failure.ts";
import { number, type Row, Rows, storable, text, texts } from "./rows.ts";

/** All but the audit rules themselves. */
const TOLD = { version: 1, rules_sha256: 1, rules: 1, left_out: 1, problem: 1, spec: 1, received_ms: 1 } as const;

export class ProfileStore {
  readonly #profiles: Rows;

  constructor(database: Db) {
    this.#profiles = new Rows(database, "host_profiles");
  }

  /** Empty where the host has told none. Throws a RetryableError where the database is away, as all of these. */
  async profileVersion(hostId: string): Promise<string> {
    try {
      const row = await this.#profiles.all.findOne({ _id: hostId }, { projection: { version: 1 } });
      return text(row ?? undefined, "version");
    } catch (error) {
      throw classify(error);
    }
  }

  async putProfile(profile: KeptProfile): Promise<void> {
    const { hostId, version, auditRules, auditRulesSha256, auditRulesLeftOut, auditProblem, spec, receivedMs } =
      profile;
    const about = { version, rules_sha256: auditRulesSha256, left_out: auditRulesLeftOut, spec: storable(spec) };
    const rules = { rules: auditRules.length, audit_rules: auditRules.map(storable), problem: storable(auditProblem) };
    try {
      await this.#profiles.put({ _id: hostId, ...about, ...rules, received_ms: Long.fromNumber(receivedMs) });
    } catch (error) {
      throw classify(error);
    }
  }

  /** In the order of hosts, after one of them. */
  async listProfiles(afterId: string, limit: number): Promise<ToldProfile[]> {
    try {
      const rows = await this.#profiles.all
        .find({ _id: { $gt: afterId } }, { projection: TOLD })
        .sort({ _id: 1 })
        .limit(limit)
        .toArray();
      return rows.map(toTold);
    } catch (error) {
      throw classify(error);
    }
  }

  async getProfiles(hostIds: readonly string[]): Promise<Map<string, ToldProfile>> {
    if (hostIds.length === 0) return new Map();
    try {
      const rows = await this.#profiles.all.find({ _id: { $in: [...hostIds] } }, { projection: TOLD }).toArray();
      return new Map(rows.map((row) => [row._id, toTold(row)]));
    } catch (error) {
      throw classify(error);
    }
  }

  /** Audit rules of a host; undefined where it has told none. */
  async auditRulesOf(hostId: string): Promise<string[] | undefined> {
    try {
      const row = await this.#profiles.all.findOne({ _id: hostId }, { projection: { audit_rules: 1 } });
      return row === null ? undefined : texts(row["audit_rules"]);
    } catch (error) {
      throw classify(error);
    }
  }
}

function toTold(row: Row): ToldProfile {
  return {
    hostId: row._id,
    version: text(row, "version"),
    auditRulesSha256: text(row, "rules_sha256"),
    auditRuleCount: number(row, "rules"),
    auditRulesLeftOut: number(row, "left_out"),
    auditProblem: text(row, "problem"),
    spec: text(row, "spec"),
    receivedMs: number(row, "received_ms"),
  };
}
