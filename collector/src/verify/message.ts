/** What was found, as messages. Pure. */
import type { Timestamp } from "@hosttrail/proto/timestamp";
import { Verdict as VerdictMessage, type HostVerdict, LoggedEntry, type TrailFinding } from "@hosttrail/proto/verify";
import type { Finding, Verdict } from "./finding.ts";
import type { HostResult } from "./host.ts";
import type { ProvenEntry } from "./source.ts";

const VERDICTS: Readonly<Record<Verdict, VerdictMessage>> = {
  verified: VerdictMessage.VERIFIED,
  incomplete: VerdictMessage.INCOMPLETE,
  altered: VerdictMessage.ALTERED,
  "not checked": VerdictMessage.NOT_CHECKED,
};
const SECOND_NANO = 1_000_000_000n;
const DETAIL_LENGTH_MAX = 1000;

export function verdictMessage(result: HostResult, logged: readonly ProvenEntry[]): HostVerdict {
  const { hostId, hostName, verdict, findings, moreFindings, notes, blocks, events } = result;
  return {
    hostId,
    hostName,
    verdict: VERDICTS[verdict],
    findings: findings.map(findingMessage),
    moreFindings: BigInt(moreFindings),
    notes: notes.map(({ reason, detail }) => ({ reason, detail: printable(detail) })),
    blocks: BigInt(blocks),
    events: BigInt(events),
    firstEventTime: timeOf(result.firstTimeNano),
    lastEventTime: timeOf(result.lastTimeNano),
    logged: logged.map(entryMessage),
  };
}

export function entryMessage({ entry, index, inclusionProof }: ProvenEntry): LoggedEntry {
  return LoggedEntry.fromPartial({ entry, index, inclusionProof: [...inclusionProof] });
}

function findingMessage(finding: Finding): TrailFinding {
  const { verdict, reason, detail, subject, epoch = 0n, range, earliestNano, latestNano } = finding;
  return {
    verdict: VERDICTS[verdict],
    reason,
    detail: printable(detail),
    subject: printable(subject),
    epoch,
    firstSeq: range?.first ?? 0n,
    nextSeq: range?.next ?? 0n,
    earliestTime: timeOf(earliestNano),
    latestTime: timeOf(latestNano),
    evidence: finding.evidence ?? "",
    admitted: finding.isAdmitted ?? false,
  };
}

/** Damaged documents hold what nobody wrote. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, "?").slice(0, DETAIL_LENGTH_MAX);
}

/** Also of times before 1970: nanos are never negative. */
export function timeOf(timeNano: bigint | undefined): Timestamp | undefined {
  if (timeNano === undefined) return undefined;
  const nanos = ((timeNano % SECOND_NANO) + SECOND_NANO) % SECOND_NANO;
  return { seconds: (timeNano - nanos) / SECOND_NANO, nanos: Number(nanos) };
}
