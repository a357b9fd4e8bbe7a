/**
 * `./dev bench console [--peer] [EVENTS [HOSTS]]`: the console in Debian's Chromium on a whole collector with a made history of EVENTS (1,000,000 by
 * default) of HOSTS (100) in the embedded database. Told are the bytes of the first load by file, as they went over the wire; the time from a
 * link to the first useful picture, with nothing in the browser's cache; and the time from a link of a search to its first rows, and to its
 * whole picture, histogram and facets. Of ROUNDS askings each: the median and the slowest.
 *
 * Then the table of all events is walked from its newest row down, by the key End, to its last row or for SCROLL_MS: how far it came, how long a
 * page of rows took at the beginning and at the end, and what the tab holds, after its garbage is collected, before and after.
 *
 * With --peer, instead of that, it is held against VictoriaLogs with the same events (bench/console/compare.ts), which wants Go.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Archive } from "@hosttrail/collector/mongodb";
import { type Child, mongodbService, Stack } from "@hosttrail/stack";
import type { CDPSession, Page } from "playwright-core";
import { logIn, openBrowser, whyNoBrowser } from "../e2e/console/browser.ts";
import { RARE_WORD } from "./fleet/generate.ts";
import { compare } from "./console/compare.ts";
import { firstLoad } from "./console/firstload.ts";
import { isAnswer } from "./console/sides.ts";
import { fill } from "./query/fill.ts";
import { putHosts } from "./query/hosts.ts";
import { planHistory } from "./query/plan.ts";

const words = process.argv.slice(2);
const withPeer = words.includes("--peer");
const [EVENTS = 1_000_000, HOSTS = 100] = words.filter((word) => word !== "--peer").map(Number);
if (!(Number.isSafeInteger(EVENTS) && EVENTS > 0 && Number.isSafeInteger(HOSTS) && HOSTS > 0))
  throw new Error(`./dev bench console takes --peer, a number of events and one of hosts, not "${words.join(" ")}"`);
const TOOLS = new URL("../.hosttrail/tools", import.meta.url).pathname;
const DATABASE = "bench";
const DAY_MS = 86_400_000;
const BLOCK_EVENTS = 500;
const ROUNDS = 7;
const SCROLL_MS = 120_000;
const STANDING_MS = 10_000;
/** Stretches of the walk that are compared, in moves. */
const STRETCH = 20;
const MIB = 1_048_576;

if (whyNoBrowser !== false) throw new Error(whyNoBrowser);
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const folder = mkdtempSync(join(tmpdir(), "hosttrail-bench-"));
// Whatever ends this process, nothing of it stays: what runs is killed, and folders of browsers lie in this one.
process.env["TMPDIR"] = folder;
const started: (Child | undefined)[] = [];
for (const [signal, code] of Object.entries({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }))
  process.once(signal, () => process.exit(code));
process.once("exit", () => {
  for (const child of started) if (child?.pid !== undefined) process.kill(child.pid, "SIGKILL");
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});
const progress = (text: string): void => say(`▸ ${text}`);
const database = await mongodbService({ directory: folder, tools: TOOLS, say: progress });
const collector = { mongodb: { url: database.url, database: DATABASE }, log_level: "warn" };
const stack = await Stack.prepare({ directory: join(folder, "stack"), tools: TOOLS, say: progress, collector });
started.push(stack.collector, stack.nats.child, database.child);
try {
  await Promise.all([database.start(), stack.nats.start()]);
  const plan = planHistory(HOSTS, EVENTS, Math.floor(Date.now() / DAY_MS) * DAY_MS);
  const archive = Archive.open({ url: database.url, database: DATABASE });
  const { events } = await fill(archive, plan, BLOCK_EVENTS, () => undefined);
  await putHosts(archive, plan);
  await archive.close();
  say(`▸ ${events.toLocaleString("en")} events of ${HOSTS} hosts`);
  await stack.startCollector();
  if (withPeer) await compare({ stack, database, plan, events, directory: folder, tools: TOOLS, say, started });
  else await measure(new Date(plan.startMs).toISOString(), new Date(plan.endMs).toISOString());
} finally {
  await stack.stop();
  await database.child?.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function measure(from: string, to: string): Promise<void> {
  const browser = await openBrowser();
  try {
    const page = await browser.context.newPage();
    const url = stack.consoleUrl;
    await logIn(page, url, stack.hosttrail("api-token", "create", "bench", "--role", "viewer").trim());
    const session = await browser.context.newCDPSession(page);
    await session.send("Network.enable");
    const forget = async (): Promise<void> => void (await session.send("Network.clearBrowserCache"));
    await forget();
    await page.goto("about:blank");
    await tellFirstLoad(page, url);
    const whole = `from=${from}&to=${to}`;
    const firstRow = async (): Promise<void> => await page.locator("#row-0 time").waitFor({ timeout: 120_000 });
    const all = async (): Promise<void> => {
      await page.locator(".plot-bar").first().waitFor({ timeout: 120_000 });
      await page.locator(".facet").first().waitFor({ timeout: 120_000 });
      for (const facet of await page.locator(".facet").all())
        await facet.locator("li").first().waitFor({ timeout: 120_000 });
    };
    await tell(page, forget, "overview: hosts and alerts counted", `${url}/`, () => hostsCounted(page));
    await tell(page, forget, "search over everything: first rows", `${url}/search?${whole}`, firstRow);
    await tell(page, forget, "search over everything: histogram and facets", `${url}/search?${whole}`, all);
    await tell(page, forget, "search for a rare word: first rows", `${url}/search?${whole}&q=${RARE_WORD}`, firstRow);
    await tellWalk(page, session, `${url}/search?${whole}`);
  } finally {
    await browser[Symbol.asyncDispose]();
  }
}

async function hostsCounted(page: Page): Promise<void> {
  await page.getByRole("link", { name: /^Hosts \d+/ }).waitFor();
}

/** What the browser fetched for the first page, but for answers of the API. */
async function tellFirstLoad(page: Page, url: string): Promise<void> {
  const files = (await firstLoad(page, `${url}/`, async () => await hostsCounted(page))).filter(
    ({ path }) => !isAnswer(path),
  );
  for (const { path, bytes } of files) say(`${String(bytes).padStart(8)} B  ${path}`);
  say(
    `${String(files.reduce((sum, { bytes }) => sum + bytes, 0)).padStart(8)} B  first load in all, compressed; at most 80,000`,
  );
}

/** Bytes of JavaScript's heap that are in use once its garbage is gone. */
async function heapBytes(session: CDPSession): Promise<number> {
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  return usedSize;
}

async function tellWalk(page: Page, session: CDPSession, link: string): Promise<void> {
  await page.goto(link);
  await page.locator("#row-0 time").waitFor({ timeout: 120_000 });
  await page.locator(".facet li").first().waitFor({ timeout: 120_000 });
  const before = await heapBytes(session);
  const grid = page.getByRole("grid", { name: "Events" });
  await grid.focus();
  const times: number[] = [];
  const startMs = performance.now();
  let [last, movedMs] = [-1, startMs];
  // The last row is where it goes no further for a while.
  while (performance.now() - startMs < SCROLL_MS && performance.now() - movedMs < STANDING_MS) {
    await page.keyboard.press("End");
    const row = Number((await grid.getAttribute("aria-activedescendant"))?.slice("row-".length) ?? -1);
    if (row <= last) continue;
    await page.locator(`#row-${row} time`).waitFor({ timeout: 120_000 });
    const nowMs = performance.now();
    times.push(nowMs - movedMs);
    [last, movedMs] = [row, nowMs];
  }
  const seconds = (movedMs - startMs) / 1000;
  const median = (some: readonly number[]): string =>
    (some.toSorted((a, b) => a - b)[some.length >> 1] ?? 0).toFixed(0);
  say(`walked down to row ${(last + 1).toLocaleString("en")} in ${seconds.toFixed(0)} s, ${times.length} moves`);
  say(
    `a move to the end of what is there: median ${median(times.slice(0, STRETCH))} ms at first, ${median(times.slice(-STRETCH))} ms at last`,
  );
  const after = await heapBytes(session);
  say(`the tab's heap: ${(before / MIB).toFixed(1)} MiB with the first rows, ${(after / MIB).toFixed(1)} MiB after`);
}

async function tell(
  page: Page,
  forget: () => Promise<void>,
  name: string,
  link: string,
  isThere: () => Promise<void>,
): Promise<void> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await page.goto("about:blank");
    await forget();
    const startMs = performance.now();
    await page.goto(link, { waitUntil: "commit" });
    await isThere();
    times.push(performance.now() - startMs);
  }
  times.sort((a, b) => a - b);
  const [median = 0, slowest = 0] = [times[ROUNDS >> 1], times.at(-1)];
  say(`${name.padEnd(48)} median ${median.toFixed(0)} ms, slowest ${slowest.toFixed(0)} ms`);
}
