/** The audit rules that hosts of a fleet have, as text: those of the sets that come with the agent, and the fleet's own. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Fleet } from "./fleet.ts";
import { RULE_SETS } from "./schema.ts";

/** A package has them beside its templates. */
const TEMPLATES = process.env["HOSTTRAIL_TEMPLATES"];
const FOLDER =
  TEMPLATES === undefined
    ? new URL("../../../packaging/agent/rules", import.meta.url).pathname
    : join(TEMPLATES, "rules");

function textOf(set: string): string {
  return readFileSync(join(FOLDER, `${set}.rules`), "utf8");
}

/** Audit rules of the fleet, one text for each set and one for its own. */
export function auditRulesOf({ agent, ownRules }: Pick<Fleet, "agent" | "ownRules">): string[] {
  return [...agent.rules.sets.map(textOf), ownRules];
}

/** Audit rules of all sets that come with the agent. */
export function allAuditRules(): string[] {
  return RULE_SETS.map(textOf);
}
