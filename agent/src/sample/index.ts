/**
 * `hosttrail-agent cost sample`: what this host's audit events would cost, counted and not kept. Nothing leaves the host: what comes of it is a
 * file of counts. The events go the agent's own way up to the frame that would be sent; see `counter.ts`.
 */
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { type CostSample, SAMPLE_BOUNDS, sampleText } from "@hosttrail/lib/cost";
import { writeFileDurably } from "@hosttrail/lib/files";
import type { AgentConfig } from "../config/index.ts";
import { readBootId } from "../enrich/index.ts";
import { KernelAudit } from "../kernel/index.ts";
import { AUDIT_LIST_RULES, keysOfRules } from "../rules/index.ts";
import { openSource, type Source } from "../source/index.ts";
import { Counter } from "./counter.ts";
import { type HeldRules, loadSampleRules } from "./guard.ts";

export { Counter } from "./counter.ts";
export { guardSample, releaseSample } from "./guard.ts";

const MINUTE_MS = 60_000;
const EXPIRES_A_TIMEOUT = 8;
/** Faults that are told one by one. */
const FAULTS_TOLD = 3;

export interface SampleOptions {
  /** Labels, priorities, redaction, times: as the agent here would have them. */
  config: AgentConfig;
  agentVersion: string;
  /** A recorded log; empty for the kernel. */
  log: string;
  /** Of the kernel. */
  minutes: number;
  /** Rule files to be in the kernel meanwhile; none: the rules that are there. */
  rulesFiles: readonly string[];
  /** Load them although an audit daemon is there, which keeps what they make. */
  besideDaemon: boolean;
  /** Empty for standard output. */
  output: string;
  /** The host's name in the sample; empty for this one's own. */
  host: string;
}

/** Runs a sample to its end, or to the end that a signal makes; writes the file. */
export async function sample(options: SampleOptions): Promise<void> {
  const found = options.log === "" ? await sampleKernel(options) : await sampleLog(options);
  if (options.output === "") process.stdout.write(sampleText(found));
  else writeFileDurably(options.output, sampleText(found));
  tell(found);
}

async function sampleLog(options: SampleOptions): Promise<CostSample> {
  let unread = 0;
  const counter = counterOf(options, false, false);
  const source = openSource(
    { ...options.config.source, mode: "file", path: options.log, ringPath: "", bootId: "" },
    (record, nowMs) => counter.push(record, nowMs),
    undefined,
    ({ file, reason, isLoss }) => {
      if (isLoss && unread++ < FAULTS_TOLD) warn(`${file}: ${reason}`);
    },
  );
  await source.finished;
  counter.finish(undefined);
  const about = { rules: "recorded", ruleKeys: [], memoryBytes: 0 } as const;
  return toSample(options, counter, source, { ...about, kernelLost: 0 });
}

async function sampleKernel(options: SampleOptions): Promise<CostSample> {
  if (process.getuid?.() !== 0)
    throw new Error("a sample of the kernel needs root; --log counts a recorded log without");
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => stopping.abort());
  // A service manager that keeps sockets would keep this one for the agent.
  delete process.env["NOTIFY_SOCKET"];
  const kernel = new KernelAudit();
  const held = options.rulesFiles.length === 0 ? undefined : loadSampleRules(options.rulesFiles, options.besideDaemon);
  try {
    for (const refused of held?.refused ?? []) warn(`the kernel refuses a rule: ${refused}`);
    return await listen(options, kernel, held, stopping.signal);
  } finally {
    held?.release();
  }
}

/** Listens to the multicast group, which takes nothing from anybody who reads the kernel's audit. */
async function listen(
  options: SampleOptions,
  kernel: KernelAudit,
  held: HeldRules | undefined,
  signal: AbortSignal,
): Promise<CostSample> {
  const before = kernel.status();
  if (before.enabled === 0)
    throw new Error(
      "audit is off on this host (enabled 0), so there is nothing to count; --rules FILE switches it on for the time of the sample",
    );
  const ruleKeys = keysOfRules(kernel.request(AUDIT_LIST_RULES, Buffer.alloc(0), true));
  const counter = counterOf(options, true, true);
  const source = openSource(
    { ...options.config.source, mode: "multicast", ringPath: "", bootId: readBootId() },
    (record, nowMs) => counter.push(record, nowMs),
  );
  let memoryBytes = 0;
  const startMs = Date.now();
  const expiry = setInterval(
    () => counter.expire(performance.now()),
    options.config.reassemble.timeoutMs / EXPIRES_A_TIMEOUT,
  );
  const minute = setInterval(() => {
    memoryBytes = Math.max(memoryBytes, process.memoryUsage.rss());
    counter.minute(Date.now());
  }, MINUTE_MS);
  await sleep(options.minutes * MINUTE_MS, undefined, { signal }).catch(() => undefined);
  const endMs = Date.now();
  for (const timer of [expiry, minute]) clearInterval(timer);
  await source.close(true);
  counter.finish(endMs);
  memoryBytes = Math.max(memoryBytes, process.memoryUsage.rss());
  // What comes after it costs time, and the host is not asked to bear the rules meanwhile.
  const lost = (kernel.status().lost - before.lost) >>> 0;
  held?.release();
  const rules = held === undefined ? "found" : "loaded";
  return toSample(options, counter, source, { rules, ruleKeys, memoryBytes, kernelLost: lost, startMs, endMs });
}

function counterOf({ config, agentVersion }: SampleOptions, isLive: boolean, endOfEventExpected: boolean): Counter {
  let faults = 0;
  const onFault = (error: unknown): void => {
    if (faults++ < FAULTS_TOLD)
      warn(`an event could not be counted: ${error instanceof Error ? error.message : String(error)}`);
  };
  const bootId = isLive ? readBootId() : "";
  return new Counter({ config, agentVersion, bootId, isLive, onFault }, endOfEventExpected);
}

interface About {
  rules: CostSample["rules"];
  ruleKeys: readonly string[];
  memoryBytes: number;
  kernelLost: number;
  startMs?: number;
  endMs?: number;
}

function toSample(
  { agentVersion, host }: SampleOptions,
  { tally, scales, gaps, failed }: Counter,
  source: Source,
  { rules, ruleKeys, memoryBytes, kernelLost, startMs, endMs }: About,
): CostSample {
  const { parseFailures, foreign, overruns, unreadFiles } = source.counters();
  if (tally.beyond > 0)
    warn(`${tally.beyond} events are more than ${SAMPLE_BOUNDS.minutes} minutes after the first one and were left out`);
  const between = startMs === undefined || endMs === undefined ? undefined : { startMs, endMs };
  return {
    version: 1,
    host: (host || hostname()).slice(0, SAMPLE_BOUNDS.name),
    agentVersion,
    source: source.name,
    rules,
    ruleKeys: ruleKeys.slice(0, SAMPLE_BOUNDS.keys).map((key) => key.slice(0, SAMPLE_BOUNDS.name)),
    lost: {
      kernel: kernelLost,
      gaps: gaps.missing + overruns,
      unreadable: parseFailures + foreign + failed + unreadFiles,
    },
    ...tally.finish(between),
    weights: scales.weights(),
    memoryBytes,
  };
}

function tell({ minutes, lost }: CostSample): void {
  const events = minutes.reduce((sum, minute) => sum + minute.events, 0);
  const seconds = minutes.reduce((sum, minute) => sum + minute.seconds, 0);
  warn(`${events} events in ${Math.round(seconds)} seconds were counted; ${lost.kernel + lost.gaps} were lost before`);
}

function warn(text: string): void {
  process.stderr.write(`hosttrail-agent: ${text}\n`);
}
