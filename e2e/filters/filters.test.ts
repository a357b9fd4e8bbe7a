/**
 * Random filters over stored events find what a look at each event finds, in the same order, while their blocks lie as they came and
 * after they were compacted, at once and in pieces. HOSTTRAIL_FILTERS is how many; HOSTTRAIL_SEED gives others.
 */
import assert from "node:assert/strict";
import { after, before, describe, it, type TestContext } from "node:test";
import { historySource } from "@hosttrail/collector/archives";
import { History } from "@hosttrail/collector/history";
import { Archive, dayRange } from "@hosttrail/collector/mongodb";
import {
  eventsInOrder,
  type Position,
  ScanPool,
  ScanReport,
  type ScanSource,
  scanSource,
  Spending,
} from "@hosttrail/collector/scan";
import { Event } from "@hosttrail/proto/event";
import { type QueryServiceClient, StreamSearchRequest, type StreamSearchResponse } from "@hosttrail/proto/query";
import { compactAll } from "../compacted.ts";
import { eventually, openStack, queryClient, search } from "../environment.ts";
import { openBlockStream } from "../publisher.ts";
import { type HostPlan, MixedHistory } from "./history.ts";
import { keptArrivals } from "./kept.ts";
import { type Question, questions, type Way } from "./questions.ts";

const COUNT = Number(process.env["HOSTTRAIL_FILTERS"] ?? 200);
const SEED = Number(process.env["HOSTTRAIL_SEED"] ?? 20);
/** Events that are stored, by how many filters there are. */
const SHARE = COUNT >= 2000 ? 1 : 0.2;
const PLANS: readonly HostPlan[] = [
  { name: "small-1", env: "prod", work: "admin", events: 8000 * SHARE, blockEvents: 5 },
  { name: "small-2", env: "test", work: "recorded", events: 8000 * SHARE, blockEvents: 5 },
  { name: "web-1", env: "prod", work: "web", events: 50_000 * SHARE, blockEvents: 500 },
  { name: "web-2", env: "prod", work: "web", events: 40_000 * SHARE, blockEvents: 500 },
  { name: "build-1", env: "", work: "build", events: 50_000 * SHARE, blockEvents: 500 },
  { name: "jump-1", env: "test", work: "admin", events: 50_000 * SHARE, blockEvents: 500 },
];
const NO_BOUND = Number.MAX_SAFE_INTEGER;
/** Pieces of one answer, at most. */
const PIECES_MAX = 2000;
const PAGE_EVENTS_MAX = 1000;
/** Questions that are put to the database, and to the API, while it has all blocks as they came: each takes a second and more. */
const SLOW_MAX = 5;
/** Events that are compared as a whole, for each question to the API. */
const WHOLE_EVENTS = 20;

let stack: Awaited<ReturnType<typeof openStack>>;
let archive: Archive;
let client: QueryServiceClient;
let pool: ScanPool;
let history: MixedHistory;
let asked: Question[];

before(async () => {
  // The collector's own compacting is asleep.
  const compact = { turn_ms: 600_000, age_ms: 3_600_000, blocks_min: 16_384 };
  stack = await openStack({ collector: { compact } });
  await stack.startServices();
  await stack.startCollector();
  archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
  client = queryClient(stack);
  pool = new ScanPool(1);
  pool.start();
  history = new MixedHistory(PLANS, SEED);
  const stream = await openBlockStream(stack);
  try {
    await history.publish(stream, async () => {
      await eventually("all blocks being stored", 300_000, async () => (await stream.lag()) === 0 || undefined);
    });
  } finally {
    await stream.close();
  }
  asked = [...questions(history.rows, history.hostIds, { seed: SEED, count: COUNT })];
});
after(async () => {
  client.close();
  await pool.close();
  await archive.close();
  await stack[Symbol.asyncDispose]();
});

/** With nothing in memory of what was read before. */
function freshSource(): ScanSource {
  return scanSource(new History(historySource(archive)), dayRange, pool);
}

async function found(source: ScanSource, question: Question, way: Way): Promise<string[]> {
  switch (way) {
    case "stream":
      return await streamed(question);
    case "pages":
      return await paged(question);
    default:
      return await scanned(source, question);
  }
}

/** Pieces until there are no more. Where a budget does not get over the first moment, more is spent, as callers are told to. */
async function inPieces<Token>(
  ask: (after: Token | undefined, budget: number) => Promise<{ ids: string[]; next: Token | undefined }>,
  piece: number,
): Promise<string[]> {
  const ids: string[] = [];
  let after: Token | undefined;
  for (let [pieces, budget] = [0, piece]; pieces < PIECES_MAX; pieces++) {
    try {
      const { ids: more, next } = await ask(after, budget);
      ids.push(...more);
      if (next === undefined) return ids;
      after = next;
    } catch (error) {
      if (!/too much must be looked at for the first event/.test(String(error)) || budget > history.rows.length)
        throw error;
      budget *= 4;
    }
  }
  throw new Error(`more than ${PIECES_MAX} pieces`);
}

async function scanned(source: ScanSource, question: Question): Promise<string[]> {
  const { filter, hosts, startNano, endNano, order, way, piece } = question;
  const { signal } = new AbortController();
  return await inPieces(
    async (after: Position | undefined, budget) => {
      const report = new ScanReport();
      const request = { filter, hosts, startNano, endNano, order, after, eventsMax: NO_BOUND, signal };
      const spending = new Spending({ timeMs: NO_BOUND, bytes: NO_BOUND, events: budget });
      const events = eventsInOrder(source, request, spending, report);
      const ids: string[] = [];
      for (;;) {
        const { value, done } = await events.next();
        if (done !== true) {
          for (const each of value) ids.push(each.id());
          continue;
        }
        assert.deepEqual([...report.lacks], value === undefined ? [] : ["budget"]);
        return { ids, next: value };
      }
    },
    way === "pieces" ? piece : NO_BOUND,
  );
}

function requestOf({ text, hosts, startNano, endNano, order }: Question) {
  const time = (nanos: bigint) => ({ seconds: nanos / 1_000_000_000n, nanos: Number(nanos % 1_000_000_000n) });
  return {
    filter: text,
    hosts: { hostIds: [...hosts], names: [], instanceIds: [], labels: [] },
    startTime: time(startNano),
    endTime: time(endNano),
    orderBy: order === "ascending" ? "time" : "time desc",
  };
}

async function streamed(question: Question): Promise<string[]> {
  let before = 0;
  return await inPieces(async (resumeToken: string | undefined, events) => {
    const budget = { timeMs: 0n, bytes: 0n, events: BigInt(events) };
    const request = StreamSearchRequest.fromPartial({ ...requestOf(question), budget, resumeToken: resumeToken ?? "" });
    const ids: string[] = [];
    let last: StreamSearchResponse | undefined;
    for await (const response of client.streamSearch(request)) {
      last = response as StreamSearchResponse;
      checkWhole(question, before + ids.length, last.events);
      ids.push(...last.events.map(({ id }) => id));
    }
    before += ids.length;
    const next = last?.resumeToken === "" ? undefined : last?.resumeToken;
    assert.equal(last?.completeness?.complete, next === undefined);
    return { ids, next };
  }, question.piece);
}

async function paged(question: Question): Promise<string[]> {
  let before = 0;
  return await inPieces(async (pageToken: string | undefined) => {
    const pageSize = Math.min(question.piece, PAGE_EVENTS_MAX);
    const { events, nextPageToken } = await search(client, {
      ...requestOf(question),
      pageSize,
      pageToken: pageToken ?? "",
    });
    checkWhole(question, before, events);
    before += events.length;
    return { ids: events.map(({ id }) => id), next: nextPageToken === "" ? undefined : nextPageToken };
  }, NO_BOUND);
}

/** The first events come with all that was stored of them. */
function checkWhole({ expected, text }: Question, from: number, events: readonly Event[]): void {
  for (const [at, event] of events.slice(0, Math.max(0, WHOLE_EVENTS - from)).entries()) {
    const row = history.rows[expected[from + at] ?? -1];
    if (row?.id === event.id) assert.deepEqual(event, Event.decode(Event.encode(row).finish()), text);
  }
}

interface Figures {
  filters: number;
  matching: number;
  matches: number;
}

/** Of those that are for the API the first `apiMax` are put to it, the others at once. */
async function compareAll(source: ScanSource, some: readonly Question[], apiMax: number = NO_BOUND): Promise<Figures> {
  const figures = { filters: 0, matching: 0, matches: 0 };
  let api = 0;
  for (const question of some) {
    const isForApi = question.way === "stream" || question.way === "pages";
    const ids = await found(source, question, isForApi && ++api > apiMax ? "whole" : question.way);
    const expected = Array.from(question.expected, (at) => history.rows[at]?.id ?? "");
    const { text, way, order, piece, startNano, endNano, hosts } = question;
    const shown = { text, way, order, piece, startNano, endNano, hosts: [...hosts] };
    if (ids.length !== expected.length || ids.some((id, at) => id !== expected[at])) {
      const [missing, extra] = [expected.filter((id) => !ids.includes(id)), ids.filter((id) => !expected.includes(id))];
      assert.fail(
        `${JSON.stringify(shown, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value))}: ` +
          `${ids.length} found, ${expected.length} expected; missing ${missing.slice(0, 3).join()}, not expected ${extra.slice(0, 3).join()}`,
      );
    }
    figures.filters++;
    figures.matches += ids.length;
    if (ids.length > 0) figures.matching++;
  }
  return figures;
}

function tell(context: TestContext, when: string, { filters, matching, matches }: Figures): void {
  const { rows, blocks, forks } = history;
  context.diagnostic(
    `${when}: ${filters} filters over ${rows.length} events in ${blocks} blocks, ${forks} of them forks: ` +
      `${matching} match some, ${matches} matches compared, 0 differ`,
  );
}

describe("random filters find what a look at each event finds", { timeout: 3_600_000 }, () => {
  it("while blocks lie as they came", async (context) => {
    const kept = scanSource(new History(await keptArrivals(historySource(archive))), dayRange, pool);
    const figures = await compareAll(kept, asked, SLOW_MAX);
    await compareAll(freshSource(), asked.slice(0, SLOW_MAX), 0);
    tell(context, "as they came", figures);
    assert.ok(figures.matching > asked.length / 5, JSON.stringify(figures));
  });

  it("while they are compacted", async (context) => {
    const state = { isCompacting: true };
    const compacting = compactAll(archive, 300_000).finally(() => {
      state.isCompacting = false;
    });
    const figures = { filters: 0, matching: 0, matches: 0 };
    const source = freshSource();
    try {
      for (let at = 0; state.isCompacting; at = (at + 1) % asked.length) {
        const some = await compareAll(source, asked.slice(at, at + 1));
        for (const key of ["filters", "matching", "matches"] as const) figures[key] += some[key];
      }
    } finally {
      await compacting;
    }
    tell(context, "meanwhile", figures);
    assert.ok(figures.filters > 0);
  });

  it("after they were compacted", async (context) => {
    const days = await archive.history.days();
    assert.ok(days.length >= 4, days.join());
    tell(context, "compacted", await compareAll(freshSource(), asked));
  });
});
