/**
 * `./dev bench load [EVENTS_PER_SECOND [SECONDS]]`: what 100 parallel queries and 20 tails do to the rest. Agents send EVENTS_PER_SECOND (100,000)
 * events through mutual TLS and gRPC to a collector of three processes: one receives and stores, one detects and tells watchers, and one
 * answers and compacts. For SECONDS (30) nothing else happens, and then as long again while people ask. Told of both: how long a block
 * waits for *received*, and how long an event takes to an alert at a client that watches; once a second one matches a rule of its own.
 * Goal: both 99th percentiles within 1.5 times.
 *
 * Where roles have machines of their own, answers cannot take from what agents need but by way of NATS and the database. Here all share
 * the cores, so the process that answers has what the others leave (chrt --idle), which is what comes nearest to it.
 */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AlertChange_Kind, AlertServiceClient, type WatchAlertsResponse } from "@hosttrail/proto/alert";
import { AnalysisServiceClient } from "@hosttrail/proto/analysis";
import { Event } from "@hosttrail/proto/event";
import { TailEventsRequest } from "@hosttrail/proto/query";
import { type Child, Stack } from "@hosttrail/stack";
import { credentialsOf, eventually, queryClient } from "../e2e/environment.ts";
import { executed } from "../e2e/publisher.ts";
import { LoadAgent } from "./load/agents.ts";
import { aggregate, type Clients, search } from "./query/ask.ts";
import { readTrail } from "./trails/trail.ts";

const [PER_SECOND = 100_000, SECONDS = 30] = process.argv.slice(2).map(Number);
const TOOLS = new URL("../.hosttrail/tools", import.meta.url).pathname;
const AGENTS = 8;
const BLOCK = 500;
const QUERIES = 100;
const TAILS = 20;
const SETTLE_MS = 5000;
const TIMEOUT_MS = 120_000;
const UNLIMITED = {
  blocks_per_second: 1_000_000,
  bytes_per_second: 1_073_741_824,
  events_per_second: 100_000_000,
  waiting_blocks_max: 1_000_000,
  waiting_bytes_max: 1_073_741_824,
};
const mark = `load-${randomBytes(4).toString("hex")}`;
const PHASES = ["alone", "asked"] as const;

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const folder = mkdtempSync(join(tmpdir(), "hosttrail-bench-"));
const stack = await Stack.prepare({
  directory: join(folder, "stack"),
  tools: TOOLS,
  say: (text) => say(`▸ ${text}`),
  collector: {
    roles: ["ingest", "enroll", "query", "compact"],
    log_level: "info",
    ingest: { hosts: "certified", quota: UNLIMITED },
  },
});
const agents: LoadAgent[] = [];
let ports = { ingest: 0, watch: 0 };
try {
  await stack.startServices();
  await stack.startCollector();
  const receiving = await stack.startAnotherCollector({ roles: ["ingest", "store"] });
  const detecting = await stack.startAnotherCollector({ roles: ["detect", "query"] });
  ports = { ingest: receiving.ingestPort, watch: detecting.queryPort };
  lowerPriority(stack.collector.pid as number);
  await putRules(detecting.process);
  await run();
} finally {
  for (const agent of agents) agent.end();
  await stack.stop();
  rmSync(folder, { recursive: true, force: true });
}

function nameOf(phase: string, second: number): string {
  return `${mark}-${phase}-${second}`;
}

/** It has what the others leave, as do threads that it begins later. */
function lowerPriority(pid: number): void {
  execFileSync("chrt", ["--all-tasks", "--idle", "--pid", "0", String(pid)]);
  // It is of a session of its own. Where the kernel shares processor time among sessions, what a process has within its own one says nothing to others.
  const group = `/proc/${pid}/autogroup`;
  if (existsSync(group)) writeFileSync(group, "19");
}

/** One for each second, so that each makes an alert of its own. */
async function putRules(detector: Child): Promise<void> {
  const documents = PHASES.flatMap((phase) =>
    Array.from({ length: SECONDS }, (_, second) => {
      const name = nameOf(phase, second);
      return `title: ${name}\nname: ${name}\nlevel: high\nlogsource: {product: linux, category: process_creation}\ndetection: {selection: {CommandLine|endswith: " ${name}"}, condition: selection}\n`;
    }),
  );
  const rules = join(folder, "rules");
  mkdirSync(rules);
  writeFileSync(join(rules, "load.yml"), documents.join("---\n"));
  stack.hosttrail("ruleset", "put", "load", rules);
  await eventually("that the detector has the rules", TIMEOUT_MS, async () => {
    const read = detector.logTail(200).split("\n");
    return read.filter((line) => line.includes('"rules are read"')).length > 1 || undefined;
  });
}

async function run(): Promise<void> {
  const alerts = new AlertServiceClient(`localhost:${ports.watch}`, credentialsOf(stack, stack.user));
  const alertMs = watchAlerts(alerts);
  const [marker] = await openAgents();
  const quiet = await phase("alone", marker as LoadAgent, alertMs);
  const asked = await phase("asked", marker as LoadAgent, alertMs);
  for (const what of ["received", "alert"] as const) {
    const ratio = quantile(asked[what], 0.99) / quantile(quiet[what], 0.99);
    say(`${what}: p99 ${ratio.toFixed(2)} times as long while ${QUERIES} queries and ${TAILS} tails go on`);
  }
  for (const agent of agents) agent.end();
  alerts.close();
}

/** Makes what the agents send from now on, and starts them: once all is made, the time of which is guessed before. */
async function startAgents(): Promise<{ sending: Promise<unknown> }> {
  const seconds = SECONDS + (2 * SETTLE_MS) / 1000;
  const [, ...senders] = agents;
  const makingMs = (senders[0]?.makingMs() ?? 0) * (PER_SECOND / BLOCK) * seconds;
  const startMs = Date.now() + 1.2 * makingMs + 1000;
  for (const agent of senders) agent.prepare(startMs, seconds);
  const lateMs = Date.now() - startMs;
  if (lateMs > 0) say(`▸ events are ${(lateMs / 1000).toFixed(1)} s old: making them took longer than was guessed`);
  await sleep(Math.max(0, -lateMs));
  const sending = Promise.all(senders.map((agent) => agent.run()));
  sending.catch(() => undefined);
  return { sending };
}

/** The first one sends what alerts are made of. */
async function openAgents(): Promise<LoadAgent[]> {
  const ca = readFileSync(stack.ca.caFile);
  const events = readTrail("web").slice(0, BLOCK);
  const nowNano = BigInt(Date.now()) * 1_000_000n;
  const recent = events.map((event, at) => ({
    ...event,
    event: event.event && { ...event.event, timeUnixNano: nowNano + BigInt(at) },
  }));
  for (let index = 0; index <= AGENTS; index++) {
    const hostId = (index + 1).toString(16).padStart(32, "0");
    const identity = await stack.ca.host(hostId, `load-${index}`);
    const host = Event.fromPartial({ host: { ...events[0]?.host, id: hostId, name: `load-${index}` } }).host;
    agents.push(
      new LoadAgent({
        port: ports.ingest,
        ca,
        hostId,
        identity,
        events: recent.map((event) => ({ ...event, host })),
        blocksPerSecond: PER_SECOND / BLOCK / AGENTS,
      }),
    );
  }
  return agents;
}

function watchAlerts(alerts: AlertServiceClient): Map<string, number> {
  const seen = new Map<string, number>();
  const call = alerts.watchAlerts({ severityMin: 0, hostId: "" });
  call.on("data", ({ change }: WatchAlertsResponse) => {
    const title = change?.alert?.rule?.title ?? "";
    if (change?.kind === AlertChange_Kind.OPENED && title.startsWith(mark)) seen.set(title, performance.now());
  });
  call.on("error", () => undefined);
  return seen;
}

interface Delays {
  received: number[];
  alert: number[];
}

async function phase(
  name: (typeof PHASES)[number],
  marker: LoadAgent,
  alertMs: ReadonlyMap<string, number>,
): Promise<Delays> {
  const { sending } = await startAgents();
  const people = name === "asked" ? ask() : undefined;
  await sleep(SETTLE_MS);
  for (const agent of agents) agent.takeDelays();
  const sentMs = new Map<string, number>();
  const beganMs = performance.now();
  for (let second = 0; second < SECONDS; second++) {
    const rule = nameOf(name, second);
    sentMs.set(rule, performance.now());
    await marker.sendEvents([executed(["/bin/true", rule], BigInt(Date.now()) * 1_000_000n)]);
    await sleep(Math.max(0, (second + 1) * 1000 - (performance.now() - beganMs)));
  }
  const seconds = (performance.now() - beganMs) / 1000;
  const received = agents.slice(1).flatMap((agent) => agent.takeDelays());
  await eventually(
    "all alerts",
    TIMEOUT_MS,
    async () => [...sentMs.keys()].every((rule) => alertMs.has(rule)) || undefined,
  );
  const alert = Array.from(sentMs, ([rule, ms]) => (alertMs.get(rule) ?? 0) - ms);
  const unanswered = agents.reduce((sum, agent) => sum + agent.unanswered, 0);
  say(
    `${name.padEnd(6)} ${Math.round((received.length * BLOCK) / seconds).toLocaleString("en")} events/s received, ${unanswered} blocks not yet; received ${quantiles(received)}; alert ${quantiles(alert)}`,
  );
  await people?.end();
  await sending;
  return { received, alert };
}

/** People who ask as soon as they have an answer, and others who watch. */
function ask(): { end: () => Promise<void> } {
  const clients: Clients = {
    query: queryClient(stack),
    analysis: new AnalysisServiceClient(`localhost:${stack.queryPort}`, credentialsOf(stack, stack.user)),
  };
  const times: number[] = [];
  const errors = new Map<string, number>();
  const ending = new AbortController();
  let watched = 0;
  const recent = { startTime: { seconds: BigInt(Math.floor(Date.now() / 1000)) - 60n, nanos: 0 } };
  const questions = [
    () => search(clients, { filter: "event.action = executed", ...recent, limit: 100n }),
    () => search(clients, { filter: "process.command_line : zanzibar", ...recent }),
    () => search(clients, { hostId: "2".padStart(32, "0"), ...recent, limit: 50n }),
    () => aggregate(clients, { groupBy: ["process.executable"], ...recent, budget: { events: 1_000_000n } }),
  ];
  const person = async (number: number): Promise<void> => {
    for (let turn = number; !ending.signal.aborted; turn++) {
      const startMs = performance.now();
      try {
        await questions[turn % questions.length]?.();
        times.push(performance.now() - startMs);
      } catch (error) {
        if (ending.signal.aborted) return;
        const what = error instanceof Error ? error.message.slice(0, 80) : String(error);
        errors.set(what, (errors.get(what) ?? 0) + 1);
        await sleep(100);
      }
    }
  };
  const people = Promise.all(Array.from({ length: QUERIES }, (_, number) => person(number)));
  const tails = Array.from({ length: TAILS }, () => {
    const call = clients.query.tailEvents(TailEventsRequest.fromPartial({ filter: "event.outcome = failure" }));
    call.on("data", ({ events }: { events: unknown[] }) => {
      watched += events.length;
    });
    call.on("error", () => undefined);
    return call;
  });
  return {
    async end() {
      ending.abort();
      for (const call of tails) call.cancel();
      // Whoever still waits for an answer waits no longer.
      clients.query.close();
      clients.analysis.close();
      await people;
      say(
        `       ${times.length} questions answered, ${quantiles(times)}; ${watched.toLocaleString("en")} events watched`,
      );
      for (const [what, count] of errors) say(`       ${count} times: ${what}`);
    },
  };
}

function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * part) - 1] ?? 0;
}

function quantiles(values: readonly number[]): string {
  return `p50 ${quantile(values, 0.5).toFixed(0)} ms, p99 ${quantile(values, 0.99).toFixed(0)} ms`;
}
