/**
 * `./dev bench agents [AGENTS [EVENTS_A_SECOND_EACH]]`: what AGENTS (10,000) agents cost one ingest process: memory, CPU of a connect, of an idle
 * minute and of a block, how they come back after it was killed, and how long blocks wait for *received* and *stored*.
 *
 * Real: NATS, the database, one collector with the role ingest, which is measured as users have it, from its package, and one with the role store.
 * Agents are simulated, in processes of their own (bench/agents/): certificate, TLS, HTTP/2, pings, status, linked blocks, backoff are as an
 * agent's. Each sends a block of 5 events as soon as it has as many; 0.5 events a second are a block every 10 s. Times are those of a machine that
 * does all of this on its cores.
 */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { packagedCollector, Stack, waitForPort } from "@hosttrail/stack";
import { Fleet } from "./agents/fleet.ts";
import { cpuSeconds, memoryOf } from "./process.ts";

const [AGENTS = 10_000, EVENTS_A_SECOND = 0.5] = process.argv.slice(2).map(Number);
const TOOLS = new URL("../.hosttrail/tools", import.meta.url).pathname;
const PROCESSES = 2;
const BLOCK = 5;
const INTERVAL_SECONDS = BLOCK / EVENTS_A_SECOND;
const MINUTE = 60;
/** Agents of a process that connect at once at first. */
const PARALLEL = 32;
const HANDSHAKES = 200;
/** Of a process: agents that send as fast as they may, and what each may have that is not freed. */
const BUSY_AGENTS = 32;
const BUSY_HELD = 32;
const BUSY_SECONDS = 20;
const BACK_SECONDS_MAX = 300;
const START_MS_MAX = 120_000;
const MIB = 1024 * 1024;
/** What the way can do is measured, not what a host may send. */
const UNLIMITED = {
  blocks_per_second: 1_000_000,
  bytes_per_second: 1_073_741_824,
  events_per_second: 100_000_000,
  waiting_blocks_max: 1_000_000,
  waiting_bytes_max: 1_073_741_824,
};

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const directory = mkdtempSync(join(tmpdir(), "hosttrail-bench-"));
const stack = await Stack.prepare({
  directory: join(directory, "stack"),
  tools: TOOLS,
  say: (text) => say(`▸ ${text}`),
  collectorProgram: join(packagedCollector(), "bin/hosttrail-collector"),
  collector: {
    roles: ["ingest"],
    log_level: "error",
    ingest: { hosts: "certified", quota: UNLIMITED },
    connections: { max_age_seconds: 0 },
  },
});
const fleet = new Fleet(PROCESSES);
try {
  await stack.startServices();
  stack.collector.start();
  await waitForPort(stack.ingestPort, "the collector", () => stack.collector.assertRunning(), START_MS_MAX);
  await stack.startAnotherCollector({ roles: ["store"] });
  await run();
} finally {
  fleet.stop();
  await stack.stop();
  rmSync(directory, { recursive: true, force: true });
}

async function run(): Promise<void> {
  say(`▸ ${count(AGENTS)} agents in ${PROCESSES} processes, ${cpus().length} cores; certificates are made`);
  await fleet.ask("prepare", (at) => ({
    from: Math.floor((AGENTS * at) / PROCESSES),
    count: Math.floor((AGENTS * (at + 1)) / PROCESSES) - Math.floor((AGENTS * at) / PROCESSES),
    port: stack.ingestPort,
    directory: join(directory, "stack", "certificates"),
    authority: stack.authority,
  }));
  await sleep(2000);
  tell("no agent", memory());
  await handshakes();
  for (const refusal of await fleet.askFirst("shareCertificate", undefined)) tell("one certificate", refusal);
  await connect();
  const idleSecond = await idle();
  await atRate(idleSecond);
  await storm();
  await busy();
}

function pidOf(): number {
  const { pid } = stack.collector;
  if (pid === undefined) throw new Error(`the collector has ended:\n${stack.collector.logTail()}`);
  return pid;
}

async function handshakes(): Promise<void> {
  for (const isResumed of [false, true]) {
    const meter = startMeter();
    const { resumed } = await fleet.askFirst("handshakes", { count: HANDSHAKES, isResumed });
    const used = meter();
    tell(
      isResumed ? "TLS, resumed" : "TLS",
      `${milliseconds(used.server / HANDSHAKES)} CPU each, ${resumed} of ${HANDSHAKES} resumed; agents begin anew each time`,
    );
  }
}

async function connect(): Promise<void> {
  const before = memoryOf(pidOf()).rssBytes;
  const meter = startMeter();
  await fleet.ask("connect", () => ({ parallel: PARALLEL }));
  const used = meter();
  const each = (memoryOf(pidOf()).rssBytes - before) / AGENTS / 1024;
  tell(
    "connect",
    `${used.seconds.toFixed(1)} s, ${milliseconds(used.server / AGENTS)} CPU each (a simulated agent ${milliseconds(used.clients / AGENTS)}); ${memory()}, ${each.toFixed(0)} KiB a stream; ${openFiles()} files`,
  );
}

/** CPU seconds a second of streams that only say that they are there. */
async function idle(): Promise<number> {
  await sleep(5000);
  const meter = startMeter();
  await sleep(MINUTE * 1000);
  const pings = meter();
  tell(
    "idle minute",
    `pings only: ${share(pings)} of a core, ${microseconds(pings.server / AGENTS)} an agent; ${memory()}`,
  );
  const second = startMeter();
  await fleet.ask("tellStatus", () => ({ seconds: MINUTE }));
  const told = second();
  tell(
    "idle minute",
    `pings and one status each: ${share(told)} of a core, ${microseconds((told.server - pings.server) / AGENTS)} a status; ${memory()}`,
  );
  return pings.server / pings.seconds;
}

async function atRate(idleSecond: number): Promise<void> {
  const meter = startMeter();
  const answers = await fleet.ask("send", () => ({
    seconds: MINUTE,
    intervalSeconds: INTERVAL_SECONDS,
    events: BLOCK,
  }));
  const used = meter();
  const sent = sum(answers.map((each) => each.sent));
  const received = answers.flatMap((each) => each.received);
  const stored = answers.flatMap((each) => each.stored);
  const forBlocks = Math.max(0, used.server - idleSecond * used.seconds);
  tell(
    "at rate",
    `${count(Math.round(sent / MINUTE))} blocks of ${BLOCK} events a second for a minute: ${microseconds(forBlocks / sent)} CPU a block beside idling, ${share(used)} of a core; ${memory()}`,
  );
  tell("", `received ${quantiles(received)}; stored ${quantiles(stored)}; ${sent - stored.length} not stored`);
}

/** The process dies and comes back at once, while all agents go on making blocks. */
async function storm(): Promise<void> {
  await fleet.ask("keepSending", () => ({ intervalSeconds: INTERVAL_SECONDS, events: BLOCK }));
  await sleep(5000);
  const before = await look();
  await stack.collector.kill("SIGKILL");
  const beganMs = performance.now();
  stack.collector.start();
  let now = before;
  const secondsSince = (): number => (performance.now() - beganMs) / 1000;
  let halfSeconds = 0;
  for (;;) {
    await sleep(100);
    now = await look();
    if (halfSeconds === 0 && now.open >= AGENTS / 2 && secondsSince() > 1) halfSeconds = secondsSince();
    if ((now.open === AGENTS && now.attempts - before.attempts >= AGENTS) || secondsSince() > BACK_SECONDS_MAX) break;
  }
  const seconds = secondsSince();
  const pid = pidOf();
  tell(
    "storm",
    `killed and started: half of them back after ${halfSeconds.toFixed(1)} s, ${count(now.open)} after ${seconds.toFixed(1)} s; ${((now.attempts - before.attempts) / AGENTS).toFixed(2)} attempts each; ${cpuSeconds(pid).toFixed(1)} s CPU since its start; ${memory()}`,
  );
  const causes = [...now.failures].filter(([, times]) => times > 0).sort(([, a], [, b]) => b - a);
  tell(
    "",
    causes
      .map(([cause, times]) => `${count(times)} × ${cause}`)
      .slice(0, 8)
      .join("; "),
  );
  const beganSettlingMs = performance.now();
  const held = sum((await fleet.ask("stopSending", () => undefined)).map((each) => each.held));
  tell(
    "",
    `what they had kept meanwhile is stored ${((performance.now() - beganSettlingMs) / 1000).toFixed(1)} s later, ${held} blocks are not; ${memory()}`,
  );
}

/** The price of freeing a block when the database has it, and not when the broker says so. */
async function busy(): Promise<void> {
  for (const free of ["received", "stored"] as const) {
    const meter = startMeter();
    const about = { agents: BUSY_AGENTS, seconds: BUSY_SECONDS, heldMax: BUSY_HELD, events: BLOCK, free };
    const answers = await fleet.ask("flood", () => about);
    const used = meter();
    const freed = sum(answers.map((each) => each.freed));
    const most = sum(answers.map((each) => each.heldMost));
    const left = sum(answers.map((each) => each.held));
    tell(
      `freed on ${free}`,
      `${count(Math.round(freed / BUSY_SECONDS))} blocks a second by ${PROCESSES * BUSY_AGENTS} agents with ${BUSY_HELD} in hand; at most ${count(most)} were not stored, all were after ${used.seconds.toFixed(0)} s (${left} not); ${memory()}`,
    );
  }
}

async function look(): Promise<{ open: number; attempts: number; failures: Map<string, number> }> {
  const looks = await fleet.ask("look", () => undefined);
  const failures = new Map<string, number>();
  for (const [cause, times] of looks.flatMap((each) => each.failures))
    failures.set(cause, (failures.get(cause) ?? 0) + times);
  return { open: sum(looks.map((each) => each.open)), attempts: sum(looks.map((each) => each.attempts)), failures };
}

interface Used {
  seconds: number;
  /** CPU seconds of the ingest process, and of the processes of agents. */
  server: number;
  clients: number;
}

function startMeter(): () => Used {
  const beganMs = performance.now();
  const pid = pidOf();
  const clients = (): number => sum(fleet.pids.map(cpuSeconds));
  const [serverBefore, clientsBefore] = [cpuSeconds(pid), clients()];
  return () => ({
    seconds: (performance.now() - beganMs) / 1000,
    server: cpuSeconds(pid) - serverBefore,
    clients: clients() - clientsBefore,
  });
}

function tell(what: string, text: string): void {
  say(`${what.padEnd(18)} ${text}`);
}

function memory(): string {
  const { rssBytes, peakBytes } = memoryOf(pidOf());
  return `${Math.round(rssBytes / MIB)} MiB (peak ${Math.round(peakBytes / MIB)})`;
}

function openFiles(): number {
  return readdirSync(`/proc/${pidOf()}/fd`).length;
}

function share({ server, seconds }: Used): string {
  return `${((100 * server) / seconds).toFixed(1)} %`;
}

function milliseconds(seconds: number): string {
  return `${(seconds * 1000).toFixed(2)} ms`;
}

function microseconds(seconds: number): string {
  return `${(seconds * 1e6).toFixed(0)} µs`;
}

function count(value: number): string {
  return value.toLocaleString("en");
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function quantiles(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number): string => (sorted[Math.ceil(sorted.length * part) - 1] ?? 0).toFixed(0);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`;
}
