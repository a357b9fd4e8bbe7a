/** `hosttrail explain`: how a filter is understood, and what answering it takes. */
import {
  ExplainSearchRequest,
  ExplainSearchResponse,
  type PruneStep,
  type QueryServiceClient,
} from "@hosttrail/proto/query";
import type { Budget, Looked } from "@hosttrail/proto/scan";
import { call } from "../call.ts";
import type { Output } from "../output/index.ts";
import { type Scope, tellLack } from "../question/index.ts";
import { printable } from "../text.ts";
import { line } from "./line.ts";

export async function explain(
  client: QueryServiceClient,
  asked: Scope & { filter: string; analyze: boolean; budget: Budget | undefined },
  output: Output,
): Promise<void> {
  const request = ExplainSearchRequest.fromPartial(asked);
  const answer = await call<ExplainSearchResponse>((done) => client.explainSearch(request, done));
  output.print(output.json ? line(ExplainSearchResponse.toJSON(answer)) : shown(answer, asked.analyze, output));
  // Without a search nothing was looked at, which is no lack.
  if (asked.analyze) tellLack(answer.completeness, output, { newestFirst: true });
}

function shown(answer: ExplainSearchResponse, analyze: boolean, { align, table, paint }: Output): string {
  const { parsedFilter, fields, pruned, completeness, steps } = answer;
  const facts: [string, string][] = [
    ["FILTER", parsedFilter || "(all events)"],
    ["FIELDS", fields.join(", ") || "none"],
  ];
  const parts = [align(facts.map(([name, value]) => [paint("bold", name), printable(value)]))];
  const rows = [
    ["PARTS", "SEGMENTS", "EVENTS"],
    ...pruned.map(({ by, segments, events }) => [printable(`left out by ${by}`), String(segments), String(events)]),
    ["left out in all", String(sum(pruned, "segments")), String(sum(pruned, "events"))],
    ...(analyze ? [["decoded and looked at", ...counts(completeness?.scanned)]] : []),
    [analyze ? "not come to" : "would be decoded and looked at", ...counts(completeness?.left)],
  ];
  parts.push(table(rows));
  if (analyze)
    parts.push(`${completeness?.eventsMatched ?? 0n} events match; ${completeness?.bytesRead ?? 0n} bytes were read\n`);
  if (steps.length > 0) {
    const times = steps.map(({ step, micros, times: count }) => [printable(step), ms(micros), String(count)]);
    parts.push(table([["STEP", "MS", "TIMES"], ...times]));
  }
  return parts.join("\n");
}

function sum(pruned: readonly PruneStep[], what: "segments" | "events"): bigint {
  return pruned.reduce((all, step) => all + step[what], 0n);
}

function counts(looked: Looked | undefined): string[] {
  return [String(looked?.segments ?? 0n), String(looked?.events ?? 0n)];
}

function ms(micros: bigint): string {
  return (Number(micros) / 1000).toFixed(1);
}
