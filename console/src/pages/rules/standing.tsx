/** How a rule stands: whether it runs, and how often it was right. */
import type { VNode } from "preact";
import type { Rule } from "../../api/index.ts";
import { Badge } from "../../show/index.ts";
import { countText } from "../../text/index.ts";

/** Alerts of it that somebody closed with a reason that counts. */
export function decidedOf({ truePositives, falsePositives, benign }: Rule): number {
  return Number(truePositives ?? 0) + Number(falsePositives ?? 0) + Number(benign ?? 0);
}

export function stateOf({ enabled, problem, silent }: Rule): VNode {
  if (problem) return <Badge tone="bad">cannot run</Badge>;
  if (enabled !== true) return <Badge>off</Badge>;
  return <Badge tone="good">{silent === true ? "runs, silent" : "runs"}</Badge>;
}

export function Precision({ of: rule }: { of: Rule }): VNode {
  const decided = decidedOf(rule);
  if (decided === 0) return <span class="faint">nobody decided</span>;
  const share = rule.precision ?? 0;
  return (
    <span
      title={`${countText(rule.truePositives)} true, ${countText(rule.benign)} benign, ${countText(rule.falsePositives)} false`}
    >
      <span class="meter" aria-hidden="true">
        <span style={{ width: `${Math.round(share * 100)}%` }} />
      </span>{" "}
      {Math.round(share * 100)} % of {decided}
    </span>
  );
}
