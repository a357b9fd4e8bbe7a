/**
 * `./dev bench retention [EVENTS [HOSTS]]`: two days of HOSTS (200 by default) with EVENTS (2,000,000) each in the embedded database, both older
 * than they are kept. Of the first everything is dropped; of the second all but one host, which is held, so that the others are taken
 * out one by one. Told is how long each step takes, with the drops' documents written durably.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compactArchive, historySource, retainArchive } from "@hosttrail/collector/archives";
import { Compactor } from "@hosttrail/collector/compact";
import { History } from "@hosttrail/collector/history";
import { Archive } from "@hosttrail/collector/mongodb";
import { Retainer } from "@hosttrail/collector/retain";
import { openLogger } from "@hosttrail/lib/log";
import { Stack } from "@hosttrail/stack";
import { fill } from "./query/fill.ts";
import { putHosts } from "./query/hosts.ts";
import { hostIdOf, planHistory } from "./query/plan.ts";

const [EVENTS = 2_000_000, HOSTS = 200] = process.argv.slice(2).map(Number);
const TOOLS = new URL("../.hosttrail/tools", import.meta.url).pathname;
const DAY_MS = 86_400_000;
const BLOCK_EVENTS = 5;
const MIDNIGHT_MS = Math.floor(Date.now() / DAY_MS) * DAY_MS;
const OPTIONS = { turnMs: 1, graceMs: 0, settleMs: 0, clockGapMs: 400 * DAY_MS, waitsForLog: false };

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const logger = openLogger("retention", "error");
const folder = mkdtempSync(join(tmpdir(), "hosttrail-bench-"));
const stack = await Stack.prepare({ directory: folder, tools: TOOLS, say: (text) => say(`▸ ${text}`) });

async function timed(what: string, work: () => Promise<unknown>): Promise<void> {
  const startMs = performance.now();
  await work();
  say(`${what.padEnd(64)}${Math.round(performance.now() - startMs)} ms`);
}

/** Fills the day that was so many days ago; its events end with it. */
async function day(archive: Archive, daysAgo: number): Promise<readonly string[]> {
  const plan = planHistory(HOSTS, EVENTS, MIDNIGHT_MS - (daysAgo - 1) * DAY_MS - 1);
  const { events, segments, bytes } = await fill(archive, plan, BLOCK_EVENTS, () => undefined);
  await putHosts(archive, plan);
  say(`\n${events} events of ${HOSTS} hosts, ${segments} segments, ${bytes} bytes`);
  return plan.hosts.map(hostIdOf);
}

try {
  await stack.startServices();
  const archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
  const retained = retainArchive(archive);
  const turn = (): Promise<void> => new Retainer(retained, OPTIONS, logger).turn();
  await day(archive, 40);
  await timed("a day is looked at, and its hosts are marked", turn);
  await timed("it is looked at again, and gets its fence", turn);
  await timed("all of it is noted and dropped", turn);
  const hosts = await day(archive, 39);
  await archive.retention.insertHold({
    id: "bench",
    hostIds: hosts.slice(0, 1),
    labels: {},
    firstDay: "19700101",
    lastDay: "99991231",
    reason: "bench",
    creator: "",
    createMs: 1,
    releaseMs: 0,
    releaser: "",
    releaseReason: "",
  });
  await turn();
  await turn();
  await timed("all hosts but one are noted and taken out", turn);
  const history = new History(historySource(archive));
  const compactor = new Compactor(
    compactArchive(archive),
    history,
    archive.hosts,
    { turnMs: 1, ageMs: 0, blocksMin: 1 },
    logger,
  );
  // It must have seen them for long.
  await compactor.sweep(performance.now() - DAY_MS);
  await timed("their payloads are swept", () => compactor.sweep(performance.now()));
  await compactor.close();
  await archive.close();
} finally {
  await stack.stop();
  rmSync(folder, { recursive: true, force: true });
}
