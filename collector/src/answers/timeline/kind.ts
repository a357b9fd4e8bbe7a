/** Which part of a host's story an event belongs to, and how it is told in words. */
import { AGENT_ACTIONS } from "@hosttrail/lib/audit";
import { TimelineKind } from "@hosttrail/proto/analysis";
import type { BlockFacts } from "../facts.ts";
import { shownText } from "../shown.ts";

type Kind = ReturnType<BlockFacts["kindOf"]>;

const AGENT: ReadonlySet<string> = new Set(AGENT_ACTIONS);

const BY_CATEGORY: readonly (readonly [category: string, kind: TimelineKind])[] = [
  ["authentication", TimelineKind.LOGIN],
  ["session", TimelineKind.LOGIN],
  ["iam", TimelineKind.ACCOUNT],
  ["network", TimelineKind.CONNECTION],
  ["process", TimelineKind.PROCESS],
  ["file", TimelineKind.FILE],
];

export function timelineKindOf({ kind, category, action }: Kind): TimelineKind {
  // What the agent and the collector tell of themselves and of a trail.
  if (kind !== "event" || AGENT.has(action) || action.includes("audit")) return TimelineKind.AUDIT;
  return BY_CATEGORY.find(([name]) => category.includes(name))?.[1] ?? TimelineKind.OTHER;
}

/** One event in words, for people: without control characters. */
export function summaryOf(facts: BlockFacts, event: number, object: string): string {
  const { action, outcome } = facts.kindOf(event);
  const kind = timelineKindOf(facts.kindOf(event));
  const process = facts.processOf(event);
  const name = process === undefined ? "" : `${process.name || process.executable}[${process.pid}]`;
  const actor = facts.actorOf(event);
  const words = action.replaceAll("-", " ");
  const failed = outcome === "failure" ? ", in vain" : "";
  const by = name === "" ? "" : ` (${name})`;
  if (kind === TimelineKind.LOGIN || kind === TimelineKind.ACCOUNT) {
    const who = kind === TimelineKind.ACCOUNT && actor !== "" ? `${actor} ` : "";
    return shownText(`${who}${words} ${object}${failed}${by}`);
  }
  if (action === "executed") {
    const verb = outcome === "failure" ? "could not run" : "ran";
    return shownText(`${actor || "somebody"} ${verb} ${object}${outcome === "failure" ? by : ""}`);
  }
  const subject = [actor, name].filter((each) => each !== "").join(" ");
  return shownText([subject, words, object].filter((each) => each !== "").join(" ") + failed);
}
