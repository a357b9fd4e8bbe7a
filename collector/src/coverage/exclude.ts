/** Machines that somebody decided need no agent. */
import type { CloudInstance, Exclusion } from "../model/index.ts";

/** An exclusion, and the machines that it is about: those that fit to all that is not empty. */
export interface ExclusionRule extends Exclusion {
  accounts: readonly string[];
  regions: readonly string[];
  instances: readonly string[];
  tags: Readonly<Record<string, string>>;
}

const DAY_LENGTH = 10;

/** The exclusion of a machine that holds longest; `isOver` where none holds any more. */
export function exclusionOf(
  rules: readonly ExclusionRule[],
  instance: Pick<CloudInstance, "account" | "region" | "instanceId" | "tags">,
  nowMs: number,
): { exclusion: Exclusion; isOver: boolean } | undefined {
  const today = new Date(nowMs).toISOString().slice(0, DAY_LENGTH);
  const [longest] = rules.filter((rule) => fits(rule, instance)).sort((a, b) => (a.lastDay < b.lastDay ? 1 : -1));
  if (longest === undefined) return undefined;
  const { name, approver, reason, lastDay } = longest;
  return { exclusion: { name, approver, reason, lastDay }, isOver: lastDay < today };
}

function fits(
  { accounts, regions, instances, tags }: ExclusionRule,
  instance: Pick<CloudInstance, "account" | "region" | "instanceId" | "tags">,
): boolean {
  const isIn = (list: readonly string[], text: string): boolean => list.length === 0 || list.includes(text);
  return (
    isIn(accounts, instance.account) &&
    isIn(regions, instance.region) &&
    isIn(instances, instance.instanceId) &&
    Object.entries(tags).every(([key, value]) => Object.hasOwn(instance.tags, key) && instance.tags[key] === value)
  );
}
