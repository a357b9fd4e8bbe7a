/** The site's sections and their pages, in the order in which they are read. Every page of docs/ is in exactly one; one page is made (unrun.ts). */

export interface Section {
  title: string;
  pages: readonly string[];
}

export const SECTIONS: readonly Section[] = [
  {
    title: "Start",
    pages: [
      "README.md",
      "docs/start.md",
      "docs/rollout.md",
      "docs/aws.md",
      "docs/kubernetes.md",
      "docs/images.md",
      "docs/cost.md",
    ],
  },
  {
    title: "Operate",
    pages: [
      "docs/operate.md",
      "docs/security.md",
      "docs/retention.md",
      "docs/notify.md",
      "docs/export.md",
      "docs/coverage.md",
      "docs/metrics.md",
      "docs/reliability.md",
    ],
  },
  {
    title: "Respond",
    pages: [
      "docs/respond.md",
      "docs/console.md",
      "docs/query.md",
      "docs/alerts.md",
      "docs/ledger.md",
      "docs/verify.md",
    ],
  },
  {
    title: "Reference",
    pages: [
      "docs/filter.md",
      "docs/detection.md",
      "docs/formats.md",
      "docs/grafana.md",
      "docs/redaction.md",
      "docs/unrun.md",
    ],
  },
];

/** Pages behind the sections, with the decisions, whose names are taken from their folder. */
export const MADE: Section = {
  title: "How it is made",
  pages: ["docs/ARCHITECTURE.md", "docs/DEPENDENCIES.md"],
};
/** For those who work on it; it changes with each piece of work. */
export const LEFT_OUT: readonly string[] = ["docs/STATUS.md"];
export const DECISIONS = "docs/decisions";
