/** What the agent tells of itself: by these actions its own events are known. No audit rule makes them. */
export const AGENT_ACTIONS = [
  "started-agent",
  "stopped-agent",
  "loaded-audit-rules",
  "found-audit-rules-changed",
  "reported-ledger",
  "changed-governor-level",
  "missed-source-data",
  "proved-arrival",
  "announced-end",
  "withdrew-end",
  "changed-cloud-tags",
] as const;

export type AgentAction = (typeof AGENT_ACTIONS)[number];
