/**
 * `node bench/hostcosts.ts [HOSTS [DAYS]]`: what `hosttrail cost forecast` asks of a collector, of HOSTS (1,000 by default) with DAYS (14) whole
 * days of catalogs in the embedded database: all hosts, page by page, of a collector that has just started, then while it still knows the days,
 * with their hours and without them. Told are the time and CPU seconds of collector and database for all pages, the largest answer, the
 * collector's memory, and what hours take in the catalogs.
 *
 * Hosts make 1 to 100 events a second, as those of the other benches; only their catalogs are made, no segments.
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Archive } from "@hosttrail/collector/mongodb";
import { Catalog } from "@hosttrail/proto/catalog";
import { CostServiceClient, ListHostCostsResponse } from "@hosttrail/proto/cost";
import { Stack } from "@hosttrail/stack";
import { credentialsOf } from "../e2e/environment.ts";
import { cpuSeconds, memoryOf } from "./process.ts";
import { putHosts } from "./query/hosts.ts";
import { hostIdOf, type HostPlan, planHistory, type SegmentPlan, segmentsOf } from "./query/plan.ts";

type Entry = Parameters<Archive["history"]["replaceCatalog"]>[0]["entries"][number];

const [HOSTS = 1000, DAYS = 14] = process.argv.slice(2).map(Number);
const TOOLS = new URL("../.hosttrail/tools", import.meta.url).pathname;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const PAGE_SIZE = 200;
const AT_ONCE = 32;
/** Of a hundred hosts together, as the plan has them. */
const EVENTS_A_SECOND = 570;
/** A payload's, for each of its events. */
const EVENT_BYTES = 8;
const ANSWER_MS = 600_000;

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const number = (value: number): string => Math.round(value).toLocaleString("en");

const folder = mkdtempSync(join(tmpdir(), "hosttrail-bench-"));
const stack = await Stack.prepare({
  directory: folder,
  tools: TOOLS,
  say: (text) => say(`▸ ${text}`),
  // Nobody merges what has no segments.
  collector: { log_level: "warn", roles: ["ingest", "enroll", "query"] },
});
try {
  await stack.startServices();
  const endMs = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  const plan = planHistory(HOSTS, (HOSTS / 100) * EVENTS_A_SECOND * 86_400 * DAYS, endMs);
  const archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
  await putHosts(archive, plan);
  const waiting = [...plan.hosts];
  const sums = { catalogs: 0, entries: 0, bytes: 0, hourBytes: 0 };
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let host = waiting.pop(); host !== undefined; host = waiting.pop())
        await putCatalogs(archive, host, plan.startMs, sums);
    }),
  );
  await archive.close();
  const share = ((100 * sums.hourBytes) / (sums.bytes - sums.hourBytes)).toFixed(0);
  say(`${number(HOSTS)} hosts, ${DAYS} days, ${number(sums.catalogs)} catalogs with ${number(sums.entries)} entries`);
  say(`bytes of catalogs: ${number(sums.bytes)}; of them hours take ${number(sums.hourBytes)}, ${share} % of the rest`);
  await stack.startCollector();
  const client = new CostServiceClient(`localhost:${stack.queryPort}`, credentialsOf(stack, stack.user));
  say(`first, with hours: ${await told(client, true)}`);
  say(`again, with hours: ${await told(client, true)}`);
  say(`again, without hours: ${await told(client, false)}`);
  client.close();
} finally {
  await stack.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function putCatalogs(
  archive: Archive,
  host: HostPlan,
  startMs: number,
  sums: { catalogs: number; entries: number; bytes: number; hourBytes: number },
): Promise<void> {
  const hostId = hostIdOf(host);
  for (const [place, segments] of Map.groupBy(segmentsOf(host, startMs), (segment) => segment.place)) {
    const entries = segments.map((segment) => entryOf(hostId, segment));
    await archive.history.replaceCatalog({ hostId, place, version: 1, entries });
    const [whole, without] = [bytesOf(entries), bytesOf(entries.map((entry) => ({ ...entry, hourEvents: [] })))];
    sums.catalogs++;
    sums.entries += entries.length;
    sums.bytes += whole;
    sums.hourBytes += whole - without;
  }
}

function entryOf(hostId: string, { startMs, stepNano, events }: SegmentPlan): Entry {
  const stepMs = Number(stepNano) / 1_000_000;
  const lastMs = startMs + (events - 1) * stepMs;
  const [firstHour, lastHour] = [Math.floor(startMs / HOUR_MS), Math.floor(lastMs / HOUR_MS)];
  const before = (hour: number): number =>
    Math.min(events, Math.max(0, Math.ceil((hour * HOUR_MS - startMs) / stepMs)));
  const hours = Array.from({ length: lastHour - firstHour + 1 }, (_, at) => {
    const hour = firstHour + at;
    return before(hour + 1) - before(hour);
  });
  return {
    id: `${hostId}-${randomBytes(12).toString("hex")}`,
    epoch: 1n,
    ranges: [{ first: 0n, next: BigInt(events) }],
    firstTimeNano: BigInt(Math.round(startMs)) * 1_000_000n,
    lastTimeNano: BigInt(Math.floor(lastMs)) * 1_000_000n,
    events,
    blocks: Math.ceil(events / 5),
    bytes: events * EVENT_BYTES,
    sha256: randomBytes(32),
    sieveSha256: randomBytes(32),
    ...(hours.length > 1 ? { hourEvents: hours } : {}),
  };
}

/** As the database has them, before they are text. */
function bytesOf(entries: readonly Entry[]): number {
  return Catalog.encode({
    entries: entries.map(({ firstTimeNano, lastTimeNano, hourEvents = [], ...entry }) => ({
      ...entry,
      block: undefined,
      hourEvents,
      firstTimeUnixNano: firstTimeNano,
      lastTimeUnixNano: lastTimeNano,
    })),
  }).finish().length;
}

async function askAll(client: CostServiceClient, withHours: boolean): Promise<ListHostCostsResponse[]> {
  const pages: ListHostCostsResponse[] = [];
  let pageToken = "";
  do {
    const request = { pageSize: PAGE_SIZE, pageToken, days: DAYS, hosts: undefined, withHours };
    const page = await new Promise<ListHostCostsResponse>((resolve, reject) =>
      client.listHostCosts(request, { deadline: Date.now() + ANSWER_MS } as never, (error, answer) =>
        error === null ? resolve(answer) : reject(error),
      ),
    );
    pages.push(page);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return pages;
}

async function told(client: CostServiceClient, withHours: boolean): Promise<string> {
  const pids = [stack.collector.pid as number, stack.mongodb.child?.pid as number];
  const before = pids.map(cpuSeconds);
  const startMs = performance.now();
  const pages = await askAll(client, withHours);
  const seconds = (performance.now() - startMs) / 1000;
  const [collector = 0, database = 0] = pids.map((pid, at) => cpuSeconds(pid) - (before[at] ?? 0));
  const most = Math.max(...pages.map((page) => ListHostCostsResponse.encode(page).finish().length));
  const days = pages.flatMap(({ hostCosts }) => hostCosts.flatMap((host) => host.days));
  const known = days.filter(({ hourEvents }) => hourEvents.length === 24).length;
  if (days.length < HOSTS * DAYS || known !== (withHours ? days.length : 0))
    throw new Error(`${days.length} days, of them ${known} with hours`);
  return (
    `${pages.length} pages of ${PAGE_SIZE} in ${seconds.toFixed(1)} s, CPU ` +
    `${collector.toFixed(1)} s collector, ${database.toFixed(1)} s database; largest answer ${number(most)} bytes; ` +
    `collector's memory ${number(memoryOf(stack.collector.pid as number).peakBytes / 1024 / 1024)} MiB at most`
  );
}
