/** What is found of a host's trail, and what that comes to. */
import type { SequenceRange } from "../model/index.ts";

/** What can be said of a trail: just one of these. */
export type Verdict = "verified" | "incomplete" | "altered" | "not checked";

/** Why something is not verified. */
type FindingReason =
  | "BLOCKS_MISSING"
  | "DOCUMENT_DIFFERS"
  | "PAYLOAD_DIFFERS"
  | "SIGNATURE_INVALID"
  | "LINK_DIFFERS"
  | "HEAD_DIFFERS"
  | "REPEATED"
  | "UNSIGNED"
  | "CERTIFICATE_MISSING"
  | "CERTIFICATE_INVALID"
  | "BUDGET_ENDED"
  | "NO_BLOCKS"
  | "LOG_UNAVAILABLE";

/** Who says that there was more than there is. */
export type Evidence = "chain" | "ledger" | "host document" | "log" | "link";

export interface Finding {
  verdict: Exclude<Verdict, "verified">;
  reason: FindingReason;
  /** In words. */
  detail: string;
  /** Id of the block or payload that it is about; empty where something is missing. */
  subject: string;
  /** Numbers that are missing, or of what could not be read. */
  epoch?: bigint;
  range?: SequenceRange;
  /** No event of it is before or after, nanoseconds. */
  earliestNano?: bigint;
  latestNano?: bigint;
  evidence?: Evidence;
  /** The host's own ledger says that it gave these numbers up. */
  isAdmitted?: boolean;
}

/** What is right and worth knowing. */
export interface TrailNote {
  reason: "FORK" | "COLLECTOR_EVENT" | "DROPPED" | "ON_ITS_WAY";
  detail: string;
}

/** The worst first: what was altered is worse than what nobody knows, and that is worse than a hole. */
const ORDER = ["altered", "not checked", "incomplete"] as const;

function verdictOf(findings: readonly Pick<Finding, "verdict">[]): Verdict {
  return ORDER.find((verdict) => findings.some((finding) => finding.verdict === verdict)) ?? "verified";
}

/** Findings that are kept of one host; the others are counted. */
const FINDINGS_MAX = 100;

/** Findings as they come. The worst are kept where there are too many. */
export class Findings {
  /** Certificates fail for many blocks at once: one finding stands for them. */
  readonly #alike = new Map<string, { finding: Finding; blocks: number }>();
  readonly #lists = new Map<Finding["verdict"], Finding[]>(ORDER.map((verdict) => [verdict, []]));
  #count = 0;

  add(finding: Finding): void {
    this.#count++;
    const list = this.#lists.get(finding.verdict);
    if (list !== undefined && list.length < FINDINGS_MAX) list.push(finding);
  }

  /** Adds what is found of many blocks for the same reason. */
  addAlike(finding: Finding): void {
    const before = this.#alike.get(finding.reason);
    if (before !== undefined) before.blocks++;
    else this.#alike.set(finding.reason, { finding, blocks: 1 });
  }

  /** Ends what is added alike. */
  finish(): void {
    for (const { finding, blocks } of this.#alike.values()) {
      const detail = blocks === 1 ? finding.detail : `${finding.detail}; it is one of ${blocks} blocks`;
      this.add({ ...finding, detail });
    }
    this.#alike.clear();
  }

  /** The worst first. */
  get kept(): Finding[] {
    return ORDER.flatMap((verdict) => this.#lists.get(verdict) ?? []).slice(0, FINDINGS_MAX);
  }

  /** How many there are beyond those that are kept. */
  get more(): number {
    return this.#count - this.kept.length;
  }

  get verdict(): Verdict {
    return verdictOf(this.kept);
  }
}
