/** `hosttrail report summary`: as aureport without options. */
import type { AnalysisServiceClient } from "@hosttrail/proto/analysis";
import type { Budget } from "@hosttrail/proto/scan";
import type { Output } from "../output/index.ts";
import { type Scope, tellLack } from "../question/index.ts";
import { aggregate } from "./aggregate.ts";
import { line } from "./line.ts";
import { bothFilters, SUMMARY } from "./reportlist.ts";

/** Counts line by line, each by a question of its own: they have nothing in common that would be read once. */
export async function reportSummary(
  client: AnalysisServiceClient,
  asked: Scope & { filter: string; budget: Budget | undefined },
  signal: AbortSignal,
  output: Output,
): Promise<void> {
  const rows: [string, string][] = [];
  for (const { text, filter, distinct } of SUMMARY) {
    const options = {
      groupBy: [],
      intervalSeconds: 0,
      limit: 1,
      metrics: distinct === undefined ? [] : [`distinct:${distinct}`],
    };
    const about = { ...asked, ...options, filter: bothFilters(filter, asked.filter) };
    const answer = await aggregate(client, about, signal, output);
    if (answer === undefined) return;
    const value = answer.groups[0]?.metrics[0];
    const count = distinct === undefined ? answer.events : value?.value?.$case === "count" ? value.value.value : 0n;
    rows.push([`${value?.estimated === true ? "~" : ""}${count}`, text]);
    if (output.json) output.print(line({ report: text, count: Number(count), estimated: value?.estimated === true }));
    tellLack(answer.completeness, output, { newestFirst: true });
  }
  const digits = Math.max(...rows.map(([count]) => count.length), 1);
  if (!output.json) for (const [count, text] of rows) output.print(`${count.padStart(digits)}  ${text}\n`);
}
