/**
 * `./dev bench peers [EVENTS [HOSTS]]`: questions that look at everything, to one query process alone and with another one beside it, over a
 * made history in the embedded database: EVENTS (1,000,000 by default) of HOSTS (100). Told are, for each, the median time, rows a second,
 * CPU seconds of each process for one asking, and how many of the segments that were looked at the other one read for one.
 *
 * Both are on this machine and share its cores with the database: a shorter time is to be expected only where there are more than the three of
 * them need. What it tells on fewer is what sharing costs in CPU, and that the work is shared.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Archive } from "@hosttrail/collector/mongodb";
import { AnalysisServiceClient } from "@hosttrail/proto/analysis";
import { Stack } from "@hosttrail/stack";
import { credentialsOf, queryClient } from "../e2e/environment.ts";
import { metricsOf } from "../e2e/metrics.ts";
import { cpuSeconds } from "./process.ts";
import { aggregate, type Answer, type Clients, search } from "./query/ask.ts";
import { fill } from "./query/fill.ts";
import { putHosts } from "./query/hosts.ts";
import { planHistory } from "./query/plan.ts";

const [EVENTS = 1_000_000, HOSTS = 100] = process.argv.slice(2).map(Number);
const TOOLS = new URL("../.hosttrail/tools", import.meta.url).pathname;
const DAY_MS = 86_400_000;
const BLOCK_EVENTS = 500;
const ASKINGS = 5;
/** Another process is not asked any more when it has offered nothing for so long. */
const OFFER_MS = 3500;
/** No sieve knows numbers of arguments, so that all segments are looked into. */
const QUESTIONS: readonly {
  name: string;
  filter: string;
  ask: (clients: Clients, filter: string) => Promise<Answer>;
}[] = [
  { name: "search for what is nowhere", filter: "process.args_count > 100000", ask: searchFor },
  { name: "search for what is in few segments", filter: "process.args_count > 60", ask: searchFor },
  { name: "count of it", filter: "process.args_count > 60", ask: countOf },
  { name: "top 10 executables of everything", filter: "", ask: topOf },
];

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const folder = mkdtempSync(join(tmpdir(), "hosttrail-bench-"));
const stack = await Stack.prepare({
  directory: folder,
  tools: TOOLS,
  say: (text) => say(`▸ ${text}`),
  // What was read is not kept, so that each asking does the same work.
  collector: { log_level: "warn", query: { cache_bytes: 0, time_max_ms: 600_000 } },
});
try {
  await stack.startServices();
  const plan = planHistory(HOSTS, EVENTS, Math.floor(Date.now() / DAY_MS) * DAY_MS);
  const archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
  const { events, segments } = await fill(archive, plan, BLOCK_EVENTS, () => undefined);
  await putHosts(archive, plan);
  await archive.close();
  await stack.startCollector();
  say(`${number(events)} events in ${number(segments)} segments, ${availableParallelism()} cores\n`);
  const clients: Clients = {
    query: queryClient(stack),
    analysis: new AnalysisServiceClient(`localhost:${stack.queryPort}`, credentialsOf(stack, stack.user)),
  };
  const asked = stack.collector.pid as number;
  say(row("", ["processes", "p50", "rows/s", "CPU s asked", "CPU s other", "read by other"]));
  const { process: other } = await stack.startAnotherCollector({ roles: ["ingest", "enroll", "query"] });
  // Both have been asked before anything is told: what runs often is compiled again while it runs.
  for (const { filter, ask } of QUESTIONS) for (let round = 0; round < ASKINGS; round++) await ask(clients, filter);
  for (const question of QUESTIONS) await tell(clients, question, [asked, other.pid as number]);
  await other.stop();
  await sleep(OFFER_MS);
  for (const question of QUESTIONS) await tell(clients, question, [asked]);
  clients.query.close();
  clients.analysis.close();
} finally {
  await stack.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function searchFor(clients: Clients, filter: string): Promise<Answer> {
  return await search(clients, { filter });
}

async function countOf(clients: Clients, filter: string): Promise<Answer> {
  return await aggregate(clients, { filter });
}

async function topOf(clients: Clients, filter: string): Promise<Answer> {
  return await aggregate(clients, { filter, groupBy: ["process.executable"], limit: 10 });
}

async function tell(
  clients: Clients,
  { name, filter, ask: asking }: (typeof QUESTIONS)[number],
  pids: readonly number[],
) {
  const [before, readBefore] = [pids.map(cpuSeconds), await readByOthers()];
  const times: number[] = [];
  let [rows, segments] = [0, 0n];
  for (let round = 0; round < ASKINGS; round++) {
    const startMs = performance.now();
    const { completeness } = await asking(clients, filter);
    times.push((performance.now() - startMs) / 1000);
    rows = Number(completeness?.scanned?.events ?? 0n);
    segments = completeness?.scanned?.segments ?? 0n;
    if (completeness?.complete !== true) throw new Error(`${name}: not complete`);
  }
  const spent = pids.map((pid, at) => (cpuSeconds(pid) - (before[at] ?? 0)) / ASKINGS);
  const median = times.toSorted((a, b) => a - b)[times.length >> 1] ?? 0;
  const [own = 0, others] = spent;
  say(
    row(name, [
      String(pids.length),
      `${median.toFixed(2)} s`,
      number(Math.round(rows / median)),
      own.toFixed(2),
      others?.toFixed(2) ?? "",
      `${(((await readByOthers()) - readBefore) / ASKINGS).toFixed(0)} of ${segments}`,
    ]),
  );
}

/** Segments that others have read for the process that is asked, until now. */
async function readByOthers(): Promise<number> {
  const line = /^hosttrail_query_peer_units_total\{result="read"\} (\d+)$/m.exec(await metricsOf(stack));
  return Number(line?.[1] ?? 0);
}

function row(name: string, cells: readonly string[]): string {
  return `${name.padEnd(36)}${cells.map((cell) => cell.padStart(15)).join("")}`;
}

function number(value: number): string {
  return value.toLocaleString("en");
}
