/** An alert's state as a word. */
import type { VNode } from "preact";
import type { Alert } from "../api/index.ts";
import { Badge } from "../show/index.ts";
import { wordOf } from "../text/index.ts";

export function stateBadge({ state, closeReason }: Alert): VNode {
  const word = wordOf(state, "ALERT_STATE") || "open";
  if (word === "closed") return <Badge>closed · {wordOf(closeReason, "CLOSE_REASON")}</Badge>;
  return <Badge tone={word === "open" ? "bad" : "info"}>{word}</Badge>;
}
