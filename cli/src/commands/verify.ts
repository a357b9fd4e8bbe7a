/** `hosttrail verify`: whether what is stored of hosts is what they sealed, and all of it. */
import type { Budget } from "@hosttrail/proto/scan";
import {
  type HostVerdict,
  HostVerdict as HostVerdictMessage,
  type TrailFinding,
  Verdict,
  type VerifyServiceClient,
  VerifyTrailRequest,
  type VerifyTrailResponse,
} from "@hosttrail/proto/verify";
import { answers } from "../call.ts";
import type { LogCheck } from "../logcheck/index.ts";
import type { Output } from "../output/index.ts";
import type { Scope } from "../question/index.ts";
import { printable, timeOf } from "../text.ts";

export interface VerifyOptions extends Scope {
  budget: Budget | undefined;
}

/** Exit statuses. What could not be checked is as bad as what was altered: nobody knows. */
const STATUS = { verified: 0, incomplete: 1, failed: 2 } as const;

const WORDS: Readonly<Record<Verdict, string>> = {
  [Verdict.UNSPECIFIED]: "not checked",
  [Verdict.VERIFIED]: "verified",
  [Verdict.INCOMPLETE]: "incomplete",
  [Verdict.ALTERED]: "altered",
  [Verdict.NOT_CHECKED]: "not checked",
};

/** Prints what is found of each host as it comes; gives the exit status. */
export async function verify(
  client: VerifyServiceClient,
  asked: VerifyOptions,
  log: LogCheck,
  signal: AbortSignal,
  output: Output,
): Promise<number> {
  const request = VerifyTrailRequest.fromPartial({ ...asked, seenLogSize: log.seenSize });
  const progress = output.progress();
  const results: HostVerdict[] = [];
  for await (const { answer } of answers<VerifyTrailResponse>(client.verifyTrail(request), signal)) {
    if (answer?.$case === "progress") {
      const { hostsDone, hosts, eventsDone, events } = answer.value;
      progress.say(`host ${hostsDone + 1n} of ${hosts}: ${eventsDone} of ${events} events`);
    } else if (answer?.$case === "checkpoint") log.take(answer.value);
    else if (answer?.$case === "host") {
      const result = log.checked(answer.value);
      results.push(result);
      if (output.json) output.print(`${JSON.stringify({ ...(HostVerdictMessage.toJSON(result) as object) })}\n`);
    }
  }
  progress.clear();
  signal.throwIfAborted();
  const said = log.finish();
  if (!output.json) output.print(results.map((result) => textOf(result)).join(""));
  if (!output.json && results.length > 1) output.print(summaryOf(results));
  for (const note of said.notes) output.note(note);
  for (const problem of said.problems) output.note(`the log: ${problem}`);
  if (results.length === 0) output.note("no host was checked");
  return statusOf(results, said.problems.length === 0);
}

function statusOf(results: readonly HostVerdict[], isLogRight: boolean): number {
  if (!isLogRight || results.length === 0) return STATUS.failed;
  const verdicts = new Set(results.map(({ verdict }) => verdict));
  verdicts.delete(Verdict.VERIFIED);
  if (verdicts.size === 0) return STATUS.verified;
  verdicts.delete(Verdict.INCOMPLETE);
  return verdicts.size === 0 ? STATUS.incomplete : STATUS.failed;
}

/** One host: a line, and a line for each thing that is to be said. */
function textOf(result: HostVerdict): string {
  const { hostId, hostName, verdict, blocks, events, firstEventTime, lastEventTime, findings, moreFindings } = result;
  const name = hostName === "" ? hostId : `${printable(hostName)} (${hostId})`;
  const times = events === 0n ? "" : `, ${timeOf(firstEventTime)} to ${timeOf(lastEventTime)}`;
  const lines = [`${name}: ${WORDS[verdict]}; ${blocks} blocks with ${events} events are as they were sealed${times}`];
  for (const finding of findings) lines.push(`  ${findingText(finding)}`);
  if (moreFindings > 0n) lines.push(`  and ${moreFindings} more`);
  for (const { detail } of result.notes) lines.push(`  note: ${printable(detail)}`);
  return lines.map((line) => `${line}\n`).join("");
}

function findingText({ verdict, subject, detail, earliestTime, latestTime, admitted }: TrailFinding): string {
  const what = subject === "" ? "" : `${printable(subject)}: `;
  const times =
    earliestTime === undefined && latestTime === undefined
      ? ""
      : ` (${timeOrOpen(earliestTime)} to ${timeOrOpen(latestTime)})`;
  return `${WORDS[verdict]}${admitted ? ", admitted" : ""}: ${what}${printable(detail)}${times}`;
}

function timeOrOpen(time: TrailFinding["earliestTime"]): string {
  return time === undefined ? "unknown" : timeOf(time);
}

function summaryOf(results: readonly HostVerdict[]): string {
  const counts = Map.groupBy(results, ({ verdict }) => WORDS[verdict]);
  const words = Array.from(counts, ([word, list]) => `${list.length} ${word}`);
  return `${results.length} hosts: ${words.join(", ")}\n`;
}
