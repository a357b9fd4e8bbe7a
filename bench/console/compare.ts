/**
 * The console beside the page of a public peer, VictoriaLogs, over the same events: bytes of the first load, time to the first useful picture and
 * to the first rows of the same questions, memory of the servers. They take turns in one browser, on one machine in one state, and whoever was
 * first in one round is second in the next. Each question is asked cold (the servers have just started, the browser's cache is empty) and warm
 * (it was asked before, the cache is kept).
 */
import { readdirSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Child, type Stack, waitForPort } from "@hosttrail/stack";
import { ExportEventsRequest, type ExportEventsResponse, ExportFormat } from "@hosttrail/proto/query";
import type { CDPSession, Page } from "playwright-core";
import { logIn, openBrowser } from "../../e2e/console/browser.ts";
import { queryClient } from "../../e2e/environment.ts";
import { RARE_WORD } from "../fleet/generate.ts";
import { cpuSeconds, memoryOf } from "../process.ts";
import { hostIdOf, hostNameOf, type HistoryPlan } from "../query/plan.ts";
import { firstLoad } from "./firstload.ts";
import {
  type Asked,
  hosttrailSide,
  type Question,
  QUESTIONS,
  type Side,
  type Sign,
  SIGNS,
  victoriaSide,
} from "./sides.ts";
import { Victoria } from "./victoria.ts";

const COLD_ROUNDS = 5;
const WARM_ROUNDS = 7;
const ANSWER_MS_MAX = 120_000;
const TEN_MINUTES_MS = 600_000;
/** Servers are quiet when all together have used less than this of one core for a while; they merge what they have just taken. */
const QUIET_SHARE = 0.05;
const QUIET_MS = 2000;
const QUIET_CHECKS = 3;
const QUIET_MS_MAX = 180_000;
const MIB = 1_048_576;

type Say = (text: string) => void;

export interface Compared {
  stack: Stack;
  /** The database of the stack's collector. */
  database: { child: Child | undefined; start: () => Promise<void> };
  plan: HistoryPlan;
  events: number;
  directory: string;
  tools: string;
  say: Say;
  /** Programs that are killed where this one ends before its time. */
  started: (Child | undefined)[];
}

/** A side with its servers. */
interface Contestant extends Side {
  programs: readonly { what: string; child: Child | undefined }[];
  restart: () => Promise<void>;
  times: Map<string, number[]>;
}

export async function compare({
  stack,
  database,
  plan,
  events,
  directory,
  tools,
  say,
  started,
}: Compared): Promise<void> {
  const [certificateFile, keyFile] = [`${stack.serverPath}.crt`, `${stack.serverPath}.key`];
  const authorityFile = join(stack.authority, "trust.crt");
  const victoria = await Victoria.prepare({
    directory,
    tools,
    certificateFile,
    keyFile,
    authorityFile,
    say: (text) => say(`▸ ${text}`),
  });
  started.push(victoria.child);
  try {
    await victoria.start();
    await copy(stack, victoria, plan, events);
    say(`▸ the same ${events.toLocaleString("en")} events in VictoriaLogs ${victoria.version}, as ECS documents`);
    const asked = askedOf(plan);
    const contestants: Contestant[] = [
      {
        ...hosttrailSide(stack.consoleUrl, asked),
        programs: [
          { what: "collector", child: stack.collector },
          { what: "database", child: database.child },
          { what: "NATS", child: stack.nats.child },
        ],
        restart: async () => await restartHosttrail(stack, database),
        times: new Map(),
      },
      {
        ...victoriaSide(victoria.url, asked),
        programs: [{ what: "the whole", child: victoria.child }],
        async restart() {
          await victoria.child.stop();
          await victoria.start();
        },
        times: new Map(),
      },
    ];
    await quiet(contestants);
    await measure(contestants, stack, say);
    tellServers(
      contestants,
      [["mongodb"], ["victorialogs"]].map((names) => names.map((name) => join(directory, name))),
      say,
    );
  } finally {
    await victoria.child.stop();
  }
}

/** Hands all events on, a host after the other, as `hosttrail export --format ecs` writes them. Throws where one is missing. */
async function copy(stack: Stack, victoria: Victoria, plan: HistoryPlan, events: number): Promise<void> {
  const client = queryClient(stack);
  try {
    for (const host of plan.hosts) {
      const request = ExportEventsRequest.fromPartial({
        hostId: hostIdOf(host),
        format: ExportFormat.ECS,
        orderBy: "time",
      });
      let last: ExportEventsResponse | undefined;
      await victoria.take(
        (async function* pieces() {
          for await (const response of client.exportEvents(request) as AsyncIterable<ExportEventsResponse>) {
            last = response;
            if (response.data.length > 0) yield response.data;
          }
        })(),
      );
      if (last?.completeness?.complete !== true)
        throw new Error(`the events of ${hostNameOf(host)} did not come whole`);
    }
  } finally {
    client.close();
  }
  await victoria.settle(events);
  const rare = await victoria.count(`*:"${RARE_WORD}"`);
  if (rare !== 1) throw new Error(`the rare word is in ${rare} events of VictoriaLogs, and should be in one`);
}

/** The whole history; and ten minutes in its middle of the first host that makes five events a second. */
function askedOf({ hosts, startMs, endMs }: HistoryPlan): Asked {
  const host = hosts.find(({ perSecond }) => perSecond === 5) ?? hosts[0];
  if (host === undefined) throw new Error("there are no hosts to ask about");
  const hostFromMs = Math.max(startMs, Math.floor((startMs + endMs - TEN_MINUTES_MS) / 2));
  return {
    fromMs: startMs,
    toMs: endMs,
    host: { id: hostIdOf(host), name: hostNameOf(host) },
    hostFromMs,
    hostToMs: Math.min(endMs, hostFromMs + TEN_MINUTES_MS),
  };
}

async function restartHosttrail(stack: Stack, database: Compared["database"]): Promise<void> {
  await stack.collector.stop();
  await database.child?.stop();
  await database.start();
  await stack.startCollector();
  await waitForPort(stack.consolePort, "the console", () => stack.collector.assertRunning());
}

async function measure(contestants: readonly Contestant[], stack: Stack, say: Say): Promise<void> {
  const browser = await openBrowser();
  try {
    const page = await browser.context.newPage();
    await logIn(page, stack.consoleUrl, stack.hosttrail("api-token", "create", "bench", "--role", "viewer").trim());
    const session = await browser.context.newCDPSession(page);
    await session.send("Network.enable");
    const { product } = await session.send("Browser.getVersion");
    say(`▸ ${product}, ${availableParallelism()} cores, ${COLD_ROUNDS} cold and ${WARM_ROUNDS} warm rounds\n`);
    for (const contestant of contestants) await tellFirstLoad(page, session, contestant, say);
    for (let round = 0; round < COLD_ROUNDS; round++)
      for (const question of QUESTIONS)
        for (const contestant of turns(contestants, round)) {
          await contestant.restart();
          await session.send("Network.clearBrowserCache");
          await ask(page, contestant, question, "cold");
        }
    await quiet(contestants);
    for (let round = -1; round < WARM_ROUNDS; round++)
      for (const question of QUESTIONS)
        for (const contestant of turns(contestants, round))
          await ask(page, contestant, question, round < 0 ? undefined : "warm");
    tellTimes(contestants, say);
  } finally {
    await browser[Symbol.asyncDispose]();
  }
}

function turns(contestants: readonly Contestant[], round: number): readonly Contestant[] {
  return round % 2 === 0 ? contestants : contestants.toReversed();
}

/** Times each sign of a question from the moment at which its link is opened; kept where it counts. */
async function ask(
  page: Page,
  { links, seen, times }: Contestant,
  question: Question,
  state: "cold" | "warm" | undefined,
): Promise<void> {
  await page.goto("about:blank");
  const startMs = performance.now();
  await page.goto(links[question], { waitUntil: "commit" });
  await Promise.all(
    SIGNS[question].map(async ({ sign, name }) => {
      await waitFor(page, seen, sign);
      const key = `${state} ${name}`;
      times.set(key, [...(times.get(key) ?? []), performance.now() - startMs]);
    }),
  );
}

async function waitFor(page: Page, seen: Side["seen"], sign: Sign): Promise<void> {
  await Promise.all(seen(page, sign).map(async (locator) => await locator.waitFor({ timeout: ANSWER_MS_MAX })));
}

async function tellFirstLoad(
  page: Page,
  session: CDPSession,
  { name, start, seen, isAnswer }: Contestant,
  say: Say,
): Promise<void> {
  await page.goto("about:blank");
  await session.send("Network.clearBrowserCache");
  const fetched = await firstLoad(page, start.link, async () => await waitFor(page, seen, start.sign));
  const [files, answers] = [
    fetched.filter(({ path }) => !isAnswer(path)),
    fetched.filter(({ path }) => isAnswer(path)),
  ];
  const sum = (some: typeof fetched): string =>
    `${some.reduce((total, { bytes }) => total + bytes, 0).toLocaleString("en")} bytes in ${some.length} requests`;
  say(`first load, compressed: ${name}: files ${sum(files)}; answers ${sum(answers)}`);
}

function tellTimes(contestants: readonly Contestant[], say: Say): void {
  const heads = contestants.flatMap(({ name }) => [`${name} cold`, "warm"]);
  say(`\n${row("milliseconds: median (worst)", heads)}`);
  for (const { name } of QUESTIONS.flatMap((question) => SIGNS[question])) {
    const cells = contestants.flatMap(({ times }) =>
      (["cold", "warm"] as const).map((state) => {
        const sorted = (times.get(`${state} ${name}`) ?? []).toSorted((a, b) => a - b);
        return `${sorted[sorted.length >> 1]?.toFixed(0)} (${sorted.at(-1)?.toFixed(0)})`;
      }),
    );
    say(row(name, cells));
  }
}

function tellServers(contestants: readonly Contestant[], stores: readonly (readonly string[])[], say: Say): void {
  say("");
  for (const [at, { name, programs }] of contestants.entries()) {
    const memory = programs.flatMap(({ what, child }) =>
      child?.pid === undefined ? [] : [{ what, ...memoryOf(child.pid) }],
    );
    const mib = (bytes: number): string => (bytes / MIB).toFixed(0);
    const each = memory.map(({ what, rssBytes }) => `${what} ${mib(rssBytes)}`).join(", ");
    const peak = memory.reduce((sum, { peakBytes }) => sum + peakBytes, 0);
    const disk = (stores[at] ?? []).reduce((sum, folder) => sum + diskBytes(folder), 0);
    say(`${name}: MiB of memory: ${each}; at most ${mib(peak)} together; MiB on disk: ${mib(disk)}`);
  }
}

function diskBytes(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}

/** Waits until all servers have little to do, for three minutes at most. */
async function quiet(contestants: readonly Contestant[]): Promise<void> {
  const used = (): number =>
    contestants
      .flatMap(({ programs }) => programs)
      .reduce((sum, { child }) => sum + (child?.pid === undefined ? 0 : cpuSeconds(child.pid)), 0);
  let calm = 0;
  for (const end = performance.now() + QUIET_MS_MAX; calm < QUIET_CHECKS && performance.now() < end; ) {
    const before = used();
    await sleep(QUIET_MS);
    calm = used() - before < (QUIET_SHARE * QUIET_MS) / 1000 ? calm + 1 : 0;
  }
}

function row(name: string, cells: readonly string[]): string {
  return `${name.padEnd(54)}${cells.map((cell) => cell.padStart(18)).join("")}`;
}
