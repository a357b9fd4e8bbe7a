/**
 * `./dev bench fleet [HOSTS [EVENTS [SIZE...]]]`: a fleet's day through the real store role and the step that compacts, into the embedded
 * database, and then questions. `./dev bench fleet grow [HOSTS [EVENTS]]`: at five events a block, that day and others up to ten times the
 * history; beside it in the same run, one JSON document an event in the same database.
 *
 * SIZE is events a block, which is what a host makes in a second (1, 5, 50 and 500 by default), or `bursts`: mostly 1 to 5, and 50 or 500 now and
 * then. For each of them a database of its own. A day has EVENTS events (16,000 by default; 4,000 where history grows) of each of HOSTS
 * hosts (20), spread over it in the order of time; the step runs after each ten minutes of that day, and after each hour of the days before it. Rates
 * are events per CPU second of this process; what the database itself takes stands beside it. Answers are told as the median of five askings,
 * the first by a collector that has nothing in its memory, and by one that has.
 */
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { blockArchive, compactArchive, historySource } from "@hosttrail/collector/archives";
import { Compactor } from "@hosttrail/collector/compact";
import { History } from "@hosttrail/collector/history";
import { Archive, dayRange } from "@hosttrail/collector/mongodb";
import {
  eventsInOrder,
  type Found,
  type Position,
  ScanReport,
  type ScanSource,
  scanSource,
  Spending,
} from "@hosttrail/collector/scan";
import { Storer } from "@hosttrail/collector/store";
import { compileFilter } from "@hosttrail/lib/predicate";
import { signerOf } from "@hosttrail/lib/crypto";
import { openLogger } from "@hosttrail/lib/log";
import { Event } from "@hosttrail/proto/event";
import { mongodbService } from "@hosttrail/stack";
import { BATCH, Feed } from "./feed.ts";
import { type GeneratedBlock, Host, RARE_WORD } from "./fleet/generate.ts";
import { cpuSeconds } from "./process.ts";
import { Peer } from "./fleet/peer.ts";
import { tableBytes } from "./fleet/tables.ts";

const ASKED = process.argv.slice(2);
const GROWS = ASKED[0] === "grow";
const [HOSTS = 20, EVENTS = GROWS ? 4000 : 16_000] = ASKED.filter((each) => each !== "grow").map(Number);
/** The size at which history grows. */
const GROWING = 5;
const SIZES: readonly string[] = GROWS ? [`${GROWING}`] : ASKED.length > 2 ? ASKED.slice(2) : ["1", "5", "50", "500"];
/** Events of a host's blocks, one after the other. */
const BURSTS = [5, 1, 5, 5, 1, 5, 50, 5, 1, 5, 5, 1, 5, 5, 500, 5, 1, 5, 5, 1];
const GROWTH = [1, 3, 10] as const;
/** It reads all of them for each question: a minute for so many. */
const PEER_EVENTS_MAX = 20_000;
const STEPS_A_DAY = 144;
const STEPS_A_PAST_DAY = 24;
const DAY_MS = 86_400_000;
const MARGIN_MS = 300_000;
const HOUR_MS = 3_600_000;
const ASKINGS = 5;
/** The embedded database gives back what nobody needed for 360 looks (stack/services/ferretdb/room.go), an hour; here more often. */
const ROOM_INTERVAL = "100ms";
/** Longer than two times so many looks. */
const SETTLED_MS = 80_000;
const EVENTS_MAX_A_SEARCH = 1_000_000;
const PAGE = 1000;

const logger = openLogger("bench", "error");
const sign = signerOf(generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }).toString());
const say = (text: string): void => void process.stdout.write(`▸ ${text}\n`);
const tools = new URL("../.hosttrail/tools", import.meta.url).pathname;
/** Midnight some days ago, so that all of the days are over. */
const LAST_DAY_MS = Math.floor(Date.now() / DAY_MS) * DAY_MS - DAY_MS;

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

interface Spent {
  blocks: number;
  events: number;
  wireBytes: number;
  storeMs: number;
  compactMs: number;
  storeWallMs: number;
  compactWallMs: number;
}

/** A fleet's database, and what has gone into it. */
class Fleet {
  readonly spent: Spent = {
    blocks: 0,
    events: 0,
    wireBytes: 0,
    storeMs: 0,
    compactMs: 0,
    storeWallMs: 0,
    compactWallMs: 0,
  };
  readonly archive: Archive;
  readonly #feed = new Feed();
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  readonly #compactor: Compactor;

  constructor(url: string, database: string) {
    this.archive = Archive.open({ url, database });
    const history = new History(historySource(this.archive));
    const options = { batchMax: BATCH, lingerMs: 1, deliveriesMax: 5, daysBackMax: 400, hoursAheadMax: 24 };
    const storer = new Storer(this.#feed, blockArchive(this.archive, history), this.archive.hosts, options, logger);
    this.#running = storer.run(this.#stopping.signal);
    const compact = { turnMs: 1, ageMs: 0, blocksMin: 1 };
    this.#compactor = new Compactor(compactArchive(this.archive), history, this.archive.hosts, compact, logger);
  }

  /** A day of all hosts, from its midnight on. */
  async live(hosts: readonly Host[], sizes: readonly number[], dayMs: number, steps: number): Promise<void> {
    const mean = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
    const blocksEach = Math.max(1, Math.floor(EVENTS / mean));
    const stepMs = (DAY_MS - 2 * MARGIN_MS) / blocksEach;
    for (let step = 0; step < steps; step++) {
      const from = Math.floor((blocksEach * step) / steps);
      const to = Math.floor((blocksEach * (step + 1)) / steps);
      const blocks: GeneratedBlock[] = [];
      for (let at = from; at < to; at++) {
        for (const [index, host] of hosts.entries()) {
          const timeNano = BigInt(Math.floor(dayMs + MARGIN_MS + stepMs * (at + index / hosts.length))) * 1_000_000n;
          const isRare = index === 0 && at === blocksEach >> 1;
          // No two hosts have their bursts at once.
          blocks.push(host.block(sizes[(at + index) % sizes.length] ?? 1, timeNano, isRare));
        }
      }
      await this.#take(blocks);
    }
    await this.#compact(true);
  }

  async #take(blocks: readonly GeneratedBlock[]): Promise<void> {
    const { spent } = this;
    let [cpu, wall] = [cpuMs(), performance.now()];
    const signer = "0".repeat(64);
    await this.#feed.hand(blocks.map((block) => ({ message: { ...block, signer }, lastTimeNano: block.lastTimeNano })));
    spent.storeMs += cpuMs() - cpu;
    spent.storeWallMs += performance.now() - wall;
    for (const { events, wireBytes } of blocks) {
      spent.blocks++;
      spent.events += events;
      spent.wireBytes += wireBytes;
    }
    await this.#compact(false);
  }

  async #compact(isOver: boolean): Promise<void> {
    const { spent } = this;
    const [cpu, wall] = [cpuMs(), performance.now()];
    while (await this.#compactor.compactWaiting());
    if (isOver) await this.#compactor.finish();
    spent.compactMs += cpuMs() - cpu;
    spent.compactWallMs += performance.now() - wall;
    // Ten minutes later, as far as this fleet is concerned.
    await this.#compactor.sweep(performance.now());
    await this.#compactor.sweep(performance.now() + HOUR_MS);
  }

  async documents(): Promise<{ segments: number; catalogs: number; arrivals: number }> {
    let [segments, catalogs] = [0, 0];
    for (const place of await this.archive.history.days()) {
      const listed = await this.archive.history.catalogs(place, undefined);
      catalogs += listed.length;
      segments += listed.reduce((sum, { entries }) => sum + entries.length, 0);
    }
    const { arrivals } = await this.archive.arrivals.waiting("", { blocksMax: 100_000, bytesMax: 1 << 30 });
    return { segments, catalogs, arrivals: arrivals.length };
  }

  async close(): Promise<void> {
    if (this.#feed.stored !== this.spent.blocks) {
      throw new Error(`${this.#feed.stored} of ${this.spent.blocks} blocks were stored`);
    }
    this.#stopping.abort();
    await this.#running;
    await this.#compactor.close();
    await this.archive.close();
  }
}

interface Question {
  name: string;
  filter: string;
  hosts?: ReadonlySet<string>;
  startMs: number;
  endMs: number;
  /** Pages; all of them by default. */
  pages?: number;
  pageSize?: number;
}

function questionsOf(hosts: readonly Host[], dayMs: number): Question[] {
  const noonMs = dayMs + 12 * HOUR_MS;
  const day = { startMs: dayMs, endMs: dayMs + DAY_MS };
  const one = new Set([hosts[3 % hosts.length]?.hostId ?? ""]);
  return [
    {
      name: "one host, one hour, an action",
      filter: "event.action = executed",
      hosts: one,
      startMs: noonMs,
      endMs: noonMs + HOUR_MS,
    },
    { name: "one host, one day, an action", filter: "event.action = executed", hosts: one, ...day },
    { name: "a rare word, all hosts, the day", filter: `process.command_line : ${RARE_WORD}`, ...day },
    { name: "a term that is nowhere, all hosts, the day", filter: "user.name = nobody-has-this-name", ...day },
    { name: "the newest 100 of all hosts", filter: "", ...day, pages: 1, pageSize: 100 },
  ];
}

async function ask(history: History, question: Question): Promise<number> {
  let found = 0;
  let after: Position | undefined;
  const source = scanSource(history, dayRange);
  for (let page = 0; page < (question.pages ?? Number.POSITIVE_INFINITY); page++) {
    const pageSize = question.pageSize ?? PAGE;
    const next = await askPage(source, question, pageSize, after, (count) => {
      found += count;
    });
    after = next;
    if (next === undefined) break;
  }
  return found;
}

/** Reads a page as the API does, with its events; gives where the next one begins. */
async function askPage(
  source: ScanSource,
  question: Question,
  pageSize: number,
  after: Position | undefined,
  took: (count: number) => void,
): Promise<Position | undefined> {
  const request = {
    filter: compileFilter(question.filter),
    hosts: question.hosts,
    startNano: BigInt(question.startMs) * 1_000_000n,
    endNano: BigInt(question.endMs) * 1_000_000n,
    order: "descending" as const,
    after,
    eventsMax: pageSize + 1,
    signal: new AbortController().signal,
  };
  const spending = new Spending({ timeMs: 600_000, bytes: 2 ** 40, events: EVENTS_MAX_A_SEARCH });
  const found = eventsInOrder(source, request, spending, new ScanReport());
  const taken: Found[] = [];
  for (;;) {
    const { value, done } = await found.next();
    if (done === true) return value;
    const some = value.slice(0, pageSize - taken.length);
    for (const each of some) each.event();
    took(some.length);
    taken.push(...some);
    const last = taken.at(-1);
    if (some.length === value.length || last === undefined) continue;
    await found.return(undefined);
    return { timeNano: last.timeNano, id: last.id() };
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}

async function tellAnswers(archive: Archive, hosts: readonly Host[], dayMs: number): Promise<void> {
  for (const question of questionsOf(hosts, dayMs)) {
    const cold: number[] = [];
    const warm: number[] = [];
    let found = 0;
    for (let time = 0; time < ASKINGS; time++) {
      const history = new History(historySource(archive));
      for (const times of [cold, warm]) {
        const start = performance.now();
        found = await ask(history, question);
        times.push(performance.now() - start);
      }
    }
    const cells = [median(cold), median(warm)].map((ms) => `${ms.toFixed(0).padStart(6)} ms`);
    process.stdout.write(`    ${question.name.padEnd(44)} ${cells.join("")}   ${found} events\n`);
  }
}

function rate(events: number, ms: number): string {
  return `${Math.round(events / (ms / 1000)).toLocaleString("en")}/s`;
}

/** Waits until the database has given back what it does not need. */
async function settled(directory: string): Promise<void> {
  let bytes = -1;
  for (let since = Date.now(); Date.now() - since < SETTLED_MS; await sleep(1000)) {
    const now = diskBytes(directory);
    if (now !== bytes) since = Date.now();
    bytes = now;
  }
}

function diskBytes(directory: string): number {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

async function tell(
  fleet: Fleet,
  directory: string,
  database: string,
  before: number,
  databaseSeconds: number,
): Promise<void> {
  const { spent } = fleet;
  const each = (bytes: number): string => (bytes / spent.events).toFixed(1);
  await settled(directory);
  const documents = await fleet.documents();
  const out = (text: string): void => void process.stdout.write(`    ${text}\n`);
  out(
    `${spent.events.toLocaleString("en")} events in ${spent.blocks.toLocaleString("en")} blocks; now ${JSON.stringify(documents)}`,
  );
  out(
    `bytes an event: ${each(spent.wireBytes)} on the wire, ${each(diskBytes(directory) - before)} on disk with everything`,
  );
  const tables = tableBytes(join(directory, "mongodb"), database);
  if (tables !== undefined) {
    out(
      `  of these ${Object.entries(tables)
        .map(([name, bytes]) => `${each(bytes)} ${name}`)
        .join(", ")}`,
    );
  }
  out(`store: ${rate(spent.events, spent.storeMs)} of CPU, ${rate(spent.events, spent.storeWallMs)} with the database`);
  out(
    `compact: ${rate(spent.events, spent.compactMs)} of CPU, ${rate(spent.events, spent.compactWallMs)} with the database`,
  );
  out(`the database's own CPU: ${databaseSeconds.toFixed(1)} s`);
}

async function run(asked: string): Promise<void> {
  const sizes = asked === "bursts" ? BURSTS : [Number(asked)];
  const directory = mkdtempSync(join(tmpdir(), "hosttrail-fleet-"));
  const service = await mongodbService({ directory, tools, say, roomInterval: ROOM_INTERVAL });
  await service.start();
  const end = (): void => {
    void Promise.resolve(service.child?.stop()).then(() => {
      rmSync(directory, { recursive: true, force: true });
      process.exit(1);
    });
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, end);
  try {
    const database = "fleet";
    const pid = service.child?.pid;
    const cpu = (): number => (pid === undefined ? 0 : cpuSeconds(pid));
    const hosts = Array.from({ length: HOSTS }, (_, at) => new Host(at, LAST_DAY_MS, sign));
    process.stdout.write(
      `\n${asked === "bursts" ? "1 to 500" : asked} events a block, ${HOSTS} hosts, in ${service.what}\n`,
    );
    const before = diskBytes(directory);
    const cpuBefore = cpu();
    const fleet = new Fleet(service.url, database);
    await fleet.live(hosts, sizes, LAST_DAY_MS, STEPS_A_DAY);
    await tell(fleet, directory, database, before, cpu() - cpuBefore);
    process.stdout.write(`    answers, by a collector that knows nothing, and by one that was asked before\n`);
    await tellAnswers(fleet.archive, hosts, LAST_DAY_MS);
    if (GROWS) {
      let days = 1;
      for (const times of GROWTH.slice(1)) {
        for (; days < times; days++) {
          await fleet.live(hosts, sizes, LAST_DAY_MS - days * DAY_MS, STEPS_A_PAST_DAY);
        }
        process.stdout.write(`    ${times} times the history: ${fleet.spent.events.toLocaleString("en")} events\n`);
        await tellAnswers(fleet.archive, hosts, LAST_DAY_MS);
      }
      await tell(fleet, directory, database, before, cpu() - cpuBefore);
      await tellPeer(service.url, hosts, GROWING);
    }
    await fleet.close();
  } finally {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, end);
    await service.child?.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The same events as one document each. */
async function tellPeer(url: string, hosts: readonly Host[], size: number): Promise<void> {
  const events: Event[] = [];
  const eachHost = Math.floor(PEER_EVENTS_MAX / hosts.length);
  const dayMs = LAST_DAY_MS;
  for (const host of hosts) {
    for (let at = 0; at < eachHost; at += size) {
      events.push(...host.events(size, BigInt(Math.floor(dayMs + (DAY_MS * at) / eachHost)) * 1_000_000n));
    }
  }
  const peer = await Peer.open(url, "peer");
  const start = performance.now();
  await peer.insert(events);
  const insertMs = performance.now() - start;
  const bytes = await peer.bytes();
  process.stdout.write(`    beside it, ${events.length.toLocaleString("en")} events as JSON, a document each: `);
  process.stdout.write(
    `${(bytes / events.length).toFixed(0)} bytes an event, ${rate(events.length, insertMs)} with the database\n`,
  );
  const noonNano = BigInt(dayMs + 12 * HOUR_MS) * 1_000_000n;
  const hostId = hosts[3 % hosts.length]?.hostId ?? "";
  const begin = performance.now();
  await peer.ask(hostId, noonNano, noonNano + BigInt(HOUR_MS) * 1_000_000n, "executed");
  const askMs = performance.now() - begin;
  process.stdout.write(
    `    ${"one host, one hour, an action, of these".padEnd(44)} ${askMs.toFixed(0).padStart(6)} ms\n`,
  );
  await peer.close();
}

for (const asked of SIZES) await run(asked);
