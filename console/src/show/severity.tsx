/** How bad something is: by a shape, a word and a colour, any of which is enough. */
import type { VNode } from "preact";
import type { Severity } from "../api/index.ts";
import { type SeverityName, severityOf } from "../text/index.ts";

/** The more corners, the worse. */
const SHAPES: Readonly<Record<SeverityName, string>> = {
  critical: "M5 1h6l4 4v6l-4 4H5l-4-4V5z",
  high: "M8 1.2 15.2 14H.8z",
  medium: "M8 .8 15.2 8 8 15.2.8 8z",
  low: "M2.5 2.5h11v11h-11z",
  informational: "M8 2a6 6 0 1 0 0 12A6 6 0 1 0 8 2z",
};

export function SeverityMark({ of }: { of: SeverityName }): VNode {
  return (
    <svg class={`severity-mark is-${of}`} viewBox="0 0 16 16" aria-hidden="true">
      <path d={SHAPES[of]} />
    </svg>
  );
}

export function SeverityLabel({ of: severity }: { of: Severity | undefined }): VNode {
  const name = severityOf(severity);
  return (
    <span class={`severity is-${name}`}>
      <SeverityMark of={name} />
      {name === "informational" ? "info" : name}
    </span>
  );
}
