/**
 * `./dev bench query [EVENTS [HOSTS [SIZE]]]`: questions to a whole collector by its API, over a made history in the embedded database: EVENTS (2,000,000
 * by default) of HOSTS (200) that make 1 to 100 events a second, sealed SIZE (500) a block. Where $HOSTTRAIL_BENCH_DATA names a folder, the
 * history stays there for the next time. Beside it, in the same run: ausearch over the same events of one host, and grep over compressed
 * JSON lines.
 *
 * Each question is asked of other hosts and hours each time; told are the first answer of a collector that has just started, the median
 * and the 99th percentile of all, and rows a second: events that were looked at for each CPU second of the collector. Goals: 5,000,000
 * rows a second, a rare word over everything below 2 s, an hour of a host below 100 ms, a tree below 300 ms, a hundred times ausearch.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Archive } from "@hosttrail/collector/mongodb";
import { AnalysisServiceClient } from "@hosttrail/proto/analysis";
import type { Event } from "@hosttrail/proto/event";
import { mongodbService, Stack } from "@hosttrail/stack";
import { credentialsOf, queryClient } from "../e2e/environment.ts";
import { RARE_WORD } from "./fleet/generate.ts";
import { cpuSeconds } from "./process.ts";
import { aggregate, type Answer, type Clients, search, timeline, tree } from "./query/ask.ts";
import { fill } from "./query/fill.ts";
import { putHosts } from "./query/hosts.ts";
import { hostIdOf, type HistoryPlan, type HostPlan, planHistory } from "./query/plan.ts";
import { askAusearch, askGrep, writeLines, writeLog } from "./query/peers.ts";

const [EVENTS = 2_000_000, HOSTS = 200, SIZE = 500] = process.argv.slice(2).map(Number);
const TOOLS = new URL("../.hosttrail/tools", import.meta.url).pathname;
const DATABASE = "bench";
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const ASKINGS = 31;
/** Of questions that look at everything. */
const WIDE_ASKINGS = 3;
/** The collector's query.cache_bytes: its default, unless $HOSTTRAIL_BENCH_CACHE says so many MiB. */
const CACHE_BYTES = Number(process.env["HOSTTRAIL_BENCH_CACHE"] ?? 64) * 1024 * 1024;
/** Askings beside ausearch, of which the median is told. */
const PEER_ASKINGS = 5;
/** Of whom there is an hour, a day, a tree and a timeline. */
const USUAL_RATE = 5;
/** Of whom there is a log for ausearch. */
const BUSY_RATE = 20;

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const kept = process.env["HOSTTRAIL_BENCH_DATA"];
const folder = kept ?? mkdtempSync(join(tmpdir(), "hosttrail-bench-"));
mkdirSync(folder, { recursive: true });
const scratch = mkdtempSync(join(tmpdir(), "hosttrail-bench-"));
const progress = (text: string): void => say(`▸ ${text}`);
const database = await mongodbService({ directory: folder, tools: TOOLS, say: progress });
const stack = await Stack.prepare({
  directory: join(scratch, "stack"),
  tools: TOOLS,
  say: progress,
  collector: {
    mongodb: { url: database.url, database: DATABASE },
    log_level: "warn",
    query: { cache_bytes: CACHE_BYTES, time_max_ms: 600_000 },
  },
});
try {
  await Promise.all([database.start(), stack.nats.start()]);
  const plan = await history();
  await stack.startCollector();
  const credentials = credentialsOf(stack, stack.user);
  const clients: Clients = {
    query: queryClient(stack),
    analysis: new AnalysisServiceClient(`localhost:${stack.queryPort}`, credentials, {
      "grpc.max_receive_message_length": 256 * 1024 * 1024,
    }),
  };
  await askAll(clients, plan);
  await askPeers(clients, plan);
  clients.query.close();
  clients.analysis.close();
} finally {
  await stack.stop();
  await database.child?.stop();
  rmSync(scratch, { recursive: true, force: true });
  if (kept === undefined) rmSync(folder, { recursive: true, force: true });
}

/** What there is, or is made now. */
async function history(): Promise<HistoryPlan> {
  const file = join(folder, "history.json");
  const asked = { events: EVENTS, hosts: HOSTS, size: SIZE };
  const isThere = existsSync(file);
  const known: Partial<typeof asked & { endMs: number }> = isThere ? JSON.parse(readFileSync(file, "utf8")) : asked;
  const { endMs = Math.floor(Date.now() / DAY_MS) * DAY_MS, ...made } = known;
  if (JSON.stringify(made) !== JSON.stringify(asked))
    throw new Error(`${folder} has another history: ${JSON.stringify(made)}`);
  const plan = planHistory(HOSTS, EVENTS, endMs);
  const archive = Archive.open({ url: database.url, database: DATABASE });
  if (!isThere) await make(archive, plan);
  await putHosts(archive, plan);
  await archive.close();
  writeFileSync(file, JSON.stringify({ ...asked, endMs }));
  return plan;
}

async function make(archive: Archive, plan: HistoryPlan): Promise<void> {
  const startMs = performance.now();
  let saidMs = startMs;
  const filled = await fill(archive, plan, SIZE, ({ events }) => {
    if (performance.now() - saidMs < 10_000) return;
    saidMs = performance.now();
    say(`▸ ${number(events)} of ${number(EVENTS)} events made`);
  });
  const seconds = (performance.now() - startMs) / 1000;
  say(
    `▸ ${number(filled.events)} events in ${number(filled.segments)} segments, ${(filled.bytes / filled.events).toFixed(1)} bytes an event, made in ${seconds.toFixed(0)} s`,
  );
}

interface Question {
  name: string;
  askings: number;
  ask: (round: number) => Promise<Answer>;
}

async function askAll(clients: Clients, plan: HistoryPlan): Promise<void> {
  const usual = plan.hosts.filter(({ perSecond }) => perSecond === USUAL_RATE);
  const hostOf = (round: number): HostPlan => usual[round % usual.length] as HostPlan;
  const spanMs = plan.endMs - plan.startMs;
  const hourOf = (round: number): { startTime: Time; endTime: Time } => {
    const lengthMs = Math.min(HOUR_MS, spanMs);
    const startMs = plan.startMs + ((round * 0.618_034) % 1) * (spanMs - lengthMs);
    return { startTime: timeOf(startMs), endTime: timeOf(startMs + lengthMs) };
  };
  const all = { startTime: timeOf(plan.startMs), endTime: timeOf(plan.endMs) };
  const day = { startTime: timeOf(Math.max(plan.startMs, plan.endMs - DAY_MS)), endTime: timeOf(plan.endMs) };
  const processes = await someProcesses(clients, usual.slice(0, 8), hourOf);
  const questions: Question[] = [
    {
      name: "a host's hour: the newest 100 of its events",
      askings: ASKINGS,
      ask: (round) => search(clients, { hostId: hostIdOf(hostOf(round)), ...hourOf(round), limit: 100n }),
    },
    {
      name: "a host's hour: all that it executed",
      askings: ASKINGS,
      ask: (round) =>
        search(clients, { filter: "event.action = executed", hostId: hostIdOf(hostOf(round)), ...hourOf(round) }),
    },
    {
      name: "a host's day: logins that failed",
      askings: ASKINGS,
      ask: (round) =>
        search(clients, {
          filter: "event.category : authentication AND event.outcome = failure",
          hostId: hostIdOf(hostOf(round)),
          ...day,
        }),
    },
    {
      name: "an exact term, all hosts, all times",
      askings: ASKINGS,
      ask: (round) => {
        const { entityId } = processes[round % processes.length] as SomeProcess;
        return search(clients, { filter: `process.entity_id = "${entityId}"`, ...all, limit: 100n });
      },
    },
    {
      name: "a rare word, all hosts, all times",
      askings: WIDE_ASKINGS,
      ask: () => search(clients, { filter: `process.command_line : ${RARE_WORD}`, ...all }),
    },
    {
      name: "a tree of a process",
      askings: ASKINGS,
      ask: (round) => tree(clients, { ...(processes[round % processes.length] as SomeProcess).tree }),
    },
    {
      name: "a host's hour as a timeline",
      askings: ASKINGS,
      ask: (round) => timeline(clients, { hostId: hostIdOf(hostOf(round)), ...hourOf(round) }),
    },
    {
      name: "top 10 executables, all hosts, all times",
      askings: WIDE_ASKINGS,
      ask: () => aggregate(clients, { groupBy: ["process.executable"], ...all, limit: 10 }),
    },
    {
      name: "count of what no sieve knows, all hosts, all times",
      askings: WIDE_ASKINGS,
      ask: () => aggregate(clients, { filter: "process.args_count > 7 AND event.outcome = failure", ...all }),
    },
  ];
  say(
    `\n${"".padEnd(52)}${["first", "p50", "p99"].map((head) => head.padStart(10)).join("")}${"found".padStart(9)}${"segments".padStart(10)}${"pruned".padStart(8)}${"rows/CPU s".padStart(13)}`,
  );
  for (const question of questions) await tell(question);
}

async function tell({ name, askings, ask }: Question): Promise<void> {
  const times: number[] = [];
  let last: Answer = { found: 0, completeness: undefined };
  let events = 0;
  const cpu = cpuSeconds(stack.collector.pid as number);
  for (let round = 0; round < askings; round++) {
    const startMs = performance.now();
    last = await ask(round);
    times.push(performance.now() - startMs);
    events += Number(last.completeness?.scanned?.events ?? 0n);
    if (last.completeness?.complete === false && !last.completeness.reasons.includes("limit"))
      throw new Error(`${name}: not complete: ${last.completeness.reasons.join()}`);
  }
  const spent = cpuSeconds(stack.collector.pid as number) - cpu;
  const [first = 0] = times;
  const sorted = times.toSorted((a, b) => a - b);
  const at = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
  const cells = [first, at(0.5), at(0.99)].map((ms) => `${ms.toFixed(0)} ms`.padStart(10)).join("");
  const { scanned, pruned } = last.completeness ?? {};
  say(
    `${name.padEnd(52)}${cells}${number(last.found).padStart(9)}${String(scanned?.segments ?? 0n).padStart(10)}${String(pruned?.segments ?? 0n).padStart(8)}${number(Math.round(events / Math.max(spent, 0.01))).padStart(13)}`,
  );
}

type Time = { seconds: bigint; nanos: number };

interface SomeProcess {
  entityId: string;
  tree: { hostId: string; process: { $case: "eventId"; value: string } };
}

async function someProcesses(
  clients: Clients,
  hosts: readonly HostPlan[],
  hourOf: (round: number) => { startTime: Time; endTime: Time },
): Promise<SomeProcess[]> {
  const processes: SomeProcess[] = [];
  for (const [round, host] of hosts.entries()) {
    const hostId = hostIdOf(host);
    await search(clients, { filter: "event.action = executed", hostId, ...hourOf(round), limit: 1n }, (events) => {
      for (const { id, process } of events)
        processes.push({
          entityId: process?.entityId ?? "",
          tree: { hostId, process: { $case: "eventId", value: id } },
        });
    });
  }
  if (processes.length === 0) throw new Error("no process was found");
  return processes;
}

async function askPeers(clients: Clients, plan: HistoryPlan): Promise<void> {
  const hostOf = (rate: number): string =>
    hostIdOf(plan.hosts.find(({ perSecond }) => perSecond === rate) ?? (plan.hosts[0] as HostPlan));
  await besideAusearch(clients, hostOf(BUSY_RATE));
  const lines = await writeLines(clients, hostOf(USUAL_RATE), scratch);
  const grep = askGrep(lines, RARE_WORD);
  if (grep === undefined) return say("zstdcat or grep is not here");
  const whole = (grep.seconds * EVENTS) / lines.events;
  say(
    `grep over ${number(lines.events)} events as JSON lines, ${number(grep.bytes)} bytes by zstd: ${grep.seconds.toFixed(2)} s; at that rate ${whole.toFixed(0)} s for all ${number(EVENTS)}`,
  );
}

/** Two questions about one host, to us and to ausearch on its log: what one process did, and each run of an executable. */
async function besideAusearch(clients: Clients, hostId: string): Promise<void> {
  const log = await writeLog(clients, hostId, scratch);
  const top = await aggregate(clients, { hostId, groupBy: ["process.executable"], limit: 20 });
  // One that is neither everywhere nor nowhere.
  const executable = top.response.groups.findLast(({ values }) => values[0]?.text !== undefined)?.values[0]?.text ?? "";
  const some: Event[] = [];
  await search(clients, { filter: "event.action = executed", hostId, limit: 1n }, (events) => some.push(...events));
  const { pid = 0, entityId = "" } = some[0]?.process ?? {};
  say(
    `\nOne host's ${number(log.events)} events, ours beside ausearch on ${number(statSync(log.path).size)} bytes of log:`,
  );
  for (const { what, filter, words } of [
    { what: "one process", filter: `process.entity_id = "${entityId}"`, words: ["-p", String(pid)] },
    { what: executable, filter: `process.executable = "${executable}"`, words: ["-x", executable] },
  ]) {
    let ours: Answer = { found: 0, completeness: undefined };
    const times: number[] = [];
    for (let round = 0; round < PEER_ASKINGS; round++) {
      const startMs = performance.now();
      ours = await search(clients, { filter, hostId });
      times.push((performance.now() - startMs) / 1000);
    }
    const seconds = times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
    const theirs = askAusearch(log, words);
    const told =
      theirs === undefined
        ? "ausearch is not here"
        : `ausearch ${theirs.seconds.toFixed(2)} s, ${number(theirs.found)} lines: ${(theirs.seconds / seconds).toFixed(0)} times as long`;
    say(`${what}: ours ${seconds.toFixed(3)} s, ${number(ours.found)} events; ${told}`);
  }
  rmSync(log.path);
}

function timeOf(timeMs: number): Time {
  return { seconds: BigInt(Math.floor(timeMs / 1000)), nanos: 0 };
}

function number(value: number): string {
  return value.toLocaleString("en");
}
