/** Whoever asks wrongly, too much, or to do harm: what is answered, what it costs, and that everybody else is answered as before. */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type ClientReadableStream, status } from "@grpc/grpc-js";
import { DEPTH_MAX, FILTER_LENGTH_MAX, RESTRICTIONS_MAX } from "@hosttrail/lib/predicate";
import { WRONG_FILTERS } from "@hosttrail/lib/predicate/wrong";
import {
  ExplainSearchRequest,
  ExportEventsRequest,
  type ExportEventsResponse,
  ExportFormat,
  GetEventRequest,
  ListHostsRequest,
  ListSavedQueriesRequest,
  PutSavedQueryRequest,
  type QueryServiceClient,
  SearchEventsRequest,
  StreamSearchRequest,
  type StreamSearchResponse,
  TailEventsRequest,
} from "@hosttrail/proto/query";
import { ask, refusal } from "./alerting.ts";
import { AnalysisClient } from "./analysis.ts";
import { type Attacked, BUSY_EVENTS, NOON, openAttacked, YEAR_EVENTS } from "./attacked.ts";
import { eventually, queryClient, search } from "./environment.ts";
import { errorInfoOf } from "./errors.ts";
import { metricsOf } from "./metrics.ts";

const time = (nanos: bigint) => ({ seconds: nanos / 1_000_000_000n, nanos: Number(nanos % 1_000_000_000n) });
const DAY_NANO = 86_400_000_000_000n;
const ALL = { startTime: time(NOON - 400n * DAY_NANO), endTime: time(NOON + DAY_NANO) };

let attacked: Attacked;
let client: QueryServiceClient;
let another: QueryServiceClient;
let scoped: QueryServiceClient;
let analysis: AnalysisClient;

before(async () => {
  attacked = await openAttacked();
  const { stack } = attacked;
  client = queryClient(stack);
  another = queryClient(stack, await stack.ca.user("other"));
  scoped = queryClient(stack, await stack.ca.user("scoped"));
  analysis = new AnalysisClient(stack);
});
after(async () => {
  for (const each of [client, another, scoped, analysis]) (each as { close(): void } | undefined)?.close();
  await (attacked as Attacked | undefined)?.close();
});

/** All that a stream sends. */
async function all<Response>(call: ClientReadableStream<Response>): Promise<Response[]> {
  const responses: Response[] = [];
  for await (const response of call) responses.push(response as Response);
  return responses;
}

function streamed(request: Partial<StreamSearchRequest>, by = client): Promise<StreamSearchResponse[]> {
  return all(by.streamSearch(StreamSearchRequest.fromPartial({ ...ALL, ...request })));
}

function exported(request: Partial<ExportEventsRequest>, by = client): Promise<ExportEventsResponse[]> {
  const format = ExportFormat.JSON_LINES;
  return all(by.exportEvents(ExportEventsRequest.fromPartial({ ...ALL, format, ...request })));
}

type Filtered = (filter: string) => Promise<unknown>;

/** Every method that takes a filter. */
function methodsOf(): [string, Filtered][] {
  const { hostId } = attacked.busy;
  return [
    ["SearchEvents", (filter) => search(client, { filter })],
    ["StreamSearch", (filter) => streamed({ filter })],
    ["ExportEvents", (filter) => exported({ filter })],
    [
      "ExplainSearch",
      (filter) => ask((done) => client.explainSearch(ExplainSearchRequest.fromPartial({ filter }), done)),
    ],
    ["TailEvents", (filter) => all(client.tailEvents(TailEventsRequest.fromPartial({ filter })))],
    ["AggregateEvents", (filter) => analysis.aggregate({ filter })],
    ["GetTimeline", (filter) => analysis.timeline({ hostId, filter })],
    [
      "PutSavedQuery",
      (filter) => {
        const query = { name: "wrong", question: { $case: "search" as const, value: { filter } } };
        return ask((done) => client.putSavedQuery(PutSavedQueryRequest.fromPartial({ query }), done));
      },
    ],
  ];
}

async function gauge(name: string): Promise<number> {
  const metrics = await metricsOf(attacked.stack);
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(metrics)?.[1] ?? Number.NaN);
}

async function nothingRuns(): Promise<void> {
  await eventually("the end of all questions", 30_000, async () => {
    const [running, waiting] = [await gauge("hosttrail_queries_running"), await gauge("hosttrail_queries_waiting")];
    return (running === 0 && waiting === 0) || undefined;
  });
}

describe("a filter that is wrong", { timeout: 300_000 }, () => {
  it("is refused by every method, with its place", async () => {
    for (const [text, column, message] of WRONG_FILTERS) {
      for (const [method, call] of methodsOf()) {
        const error = await refusal(call(text));
        const shown = `${method} ${text.slice(0, 60)}: ${error.message}`;
        assert.equal(error.code, status.INVALID_ARGUMENT, shown);
        assert.match(error.details, message, shown);
        const { reason, metadata } = errorInfoOf(error);
        assert.deepEqual([reason, metadata["column"]], ["FILTER_INVALID", String(column)], shown);
      }
    }
  });

  it("is refused also where it is as long or as deep as a message can be", async () => {
    for (const text of [
      "(".repeat(60_000),
      "-".repeat(60_000),
      `${"NOT (".repeat(10_000)}a`,
      `a${" OR a".repeat(12_000)}`,
      '"'.repeat(60_000),
      "\u{1f600}".repeat(15_000),
    ]) {
      const error = await refusal(search(client, { filter: text }));
      assert.equal(errorInfoOf(error).reason, "FILTER_INVALID", text.slice(0, 20));
      assert.ok(error.details.length < 300, "what was sent is not sent back");
    }
    const error = await refusal(search(client, { filter: "a".repeat(70_000) }));
    assert.equal(error.code, status.RESOURCE_EXHAUSTED);
  });

  it("is none where it is just not too long, too deep or too much", async () => {
    const { hostId } = attacked.other;
    const filters = [
      `${"(".repeat(DEPTH_MAX)}evil${")".repeat(DEPTH_MAX)}`,
      Array.from({ length: RESTRICTIONS_MAX }, (_, at) => `evil${at === 0 ? "" : at}`).join(" OR "),
      `process.name = "evil" OR file.path : "${"x".repeat(FILTER_LENGTH_MAX - 39)}"`,
    ];
    for (const filter of filters) {
      assert.ok(filter.length <= FILTER_LENGTH_MAX, `${filter.length}`);
      const { events, completeness } = await search(client, { ...ALL, hostId, filter });
      assert.deepEqual([events.length, completeness?.complete], [1, true], filter.slice(0, 40));
    }
  });
});

describe("a regular expression that engines choke on which go back", { timeout: 120_000 }, () => {
  for (const expression of [
    "(a+)+$",
    "(a|aa)+$",
    "(a*)*b",
    "(.*a){12}b",
    "^(([a-z])+.)+[A-Z]([a-z])+$",
    "(a?){900}c",
  ]) {
    it(`is answered: ${expression}`, async () => {
      const { hostId } = attacked.other;
      const filter = `process.name = evil AND matches(process.args, "${expression}")`;
      const { events, completeness } = await search(client, { ...ALL, hostId, filter });
      assert.deepEqual([events.length, completeness?.complete], [0, true]);
    });
  }
});

describe("a time range that cannot be", { timeout: 60_000 }, () => {
  const wrong = [
    { startTime: ALL.endTime, endTime: ALL.startTime },
    { startTime: { seconds: 1n << 62n, nanos: 0 } },
    { endTime: { seconds: -(1n << 62n), nanos: 0 } },
    { startTime: { seconds: 0n, nanos: -1 } },
    { endTime: { seconds: 0n, nanos: 1_000_000_000 } },
  ];
  it("is refused by every method", async () => {
    const { hostId } = attacked.busy;
    for (const range of wrong) {
      const asked = { ...ALL, ...range };
      for (const call of [
        () => search(client, asked),
        () => streamed(asked),
        () => exported(asked),
        () => ask((done) => client.explainSearch(ExplainSearchRequest.fromPartial(asked), done)),
        () => analysis.aggregate(asked),
        () => analysis.timeline({ ...asked, hostId }),
      ]) {
        const error = await refusal(call());
        assert.equal(error.code, status.INVALID_ARGUMENT, error.message);
        assert.match(errorInfoOf(error).reason, /^TIME(?:_RANGE)?_INVALID$/);
      }
    }
  });
});

describe("a token", { timeout: 120_000 }, () => {
  type Go = (by: QueryServiceClient, token: string) => Promise<string>;
  const methods: [string, Go][] = [
    ["SearchEvents", async (by, pageToken) => (await search(by, { ...ALL, pageSize: 1, pageToken })).nextPageToken],
    [
      "StreamSearch",
      async (by, resumeToken) => (await streamed({ limit: 1n, resumeToken }, by)).at(-1)?.resumeToken ?? "",
    ],
    [
      "ListHosts",
      async (by, pageToken) =>
        (
          await ask<{ nextPageToken: string }>((done) =>
            by.listHosts(ListHostsRequest.fromPartial({ pageSize: 1, pageToken }), done),
          )
        ).nextPageToken,
    ],
    [
      "ListSavedQueries",
      async (by, pageToken) =>
        (
          await ask<{ nextPageToken: string }>((done) =>
            by.listSavedQueries(ListSavedQueriesRequest.fromPartial({ pageSize: 1, pageToken }), done),
          )
        ).nextPageToken,
    ],
  ];

  before(async () => {
    for (const name of ["one", "two", "three"]) {
      const query = { name, question: { $case: "search" as const, value: { filter: "" } } };
      await ask((done) => client.putSavedQuery(PutSavedQueryRequest.fromPartial({ query }), done));
    }
  });

  /** The token, made at another time, or by somebody who does not know the key. */
  async function forged(token: string, { ageMs = 0, key }: { ageMs?: number; key?: Uint8Array }): Promise<string> {
    const body = JSON.parse(Buffer.from(token, "base64url").subarray(16).toString()) as [
      number,
      string,
      number,
      string,
    ];
    body[2] -= ageMs;
    const text = JSON.stringify(body);
    const own = key ?? (await attacked.archive.secrets.key("page tokens"));
    const mac = createHmac("sha256", own).update(`hosttrail-page-token ${text}`).digest().subarray(0, 16);
    return Buffer.concat([mac, Buffer.from(text)]).toString("base64url");
  }

  for (const [method, go] of methods) {
    it(`of ${method} goes on for its own caller alone, for a day, and as it was given out`, async () => {
      const token = await go(client, "");
      assert.notEqual(token, "", "there is more than one");
      await go(client, token);
      await go(client, await forged(token, { ageMs: 23 * 3_600_000 }));
      const refused = async (by: QueryServiceClient, wrong: string, message: RegExp): Promise<void> => {
        const error = await refusal(go(by, wrong));
        assert.deepEqual([error.code, errorInfoOf(error).reason], [status.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID"]);
        assert.match(error.details, message);
      };
      await refused(client, await forged(token, { ageMs: 25 * 3_600_000 }), /has expired: tokens are good for 24 h/);
      await refused(client, await forged(token, { ageMs: -3_600_000 }), /has expired/);
      await refused(client, await forged(token, { key: new Uint8Array(32) }), /not one that this API gave out/);
      await refused(another, token, /of another caller/);
      await refused(scoped, token, /of another caller/);
      const bytes = Buffer.from(token, "base64url");
      for (let at = 0; at < bytes.length; at += 3) {
        const wrong = Buffer.from(bytes);
        wrong[at] = (wrong[at] ?? 0) ^ 1;
        await refused(client, wrong.toString("base64url"), /not one that this API gave out/);
      }
      for (const wrong of ["A", "=", token.slice(0, -1), token.slice(1), "x".repeat(5000), "\u{1f600}", `${token}AAAA`])
        await refused(client, wrong, /not one that this API gave out/);
    });
  }
});

describe("a question over a year on little budget", { timeout: 300_000 }, () => {
  for (const orderBy of ["time", "time desc"]) {
    it(`gives a part that says so, and goes on to its end: ${orderBy}`, async () => {
      const budget = { timeMs: 0n, bytes: 0n, events: 3000n };
      const asked = { hostId: attacked.year.hostId, orderBy, budget };
      let [events, pieces, resumeToken] = [0, 0, ""];
      let until: bigint | undefined;
      do {
        const responses = await streamed({ ...asked, resumeToken });
        events += responses.reduce((sum, response) => sum + response.events.length, 0);
        const last = responses.at(-1);
        resumeToken = last?.resumeToken ?? "";
        const { complete, reasons, completeUntilTime } = last?.completeness ?? {};
        assert.deepEqual([complete, reasons], resumeToken === "" ? [true, []] : [false, ["budget"]]);
        const now = completeUntilTime?.seconds;
        if (until !== undefined && now !== undefined) assert.ok(orderBy === "time" ? now > until : now < until);
        until = now;
      } while (resumeToken !== "" && ++pieces < 100);
      assert.equal(events, YEAR_EVENTS);
      assert.ok(pieces >= 5, `${pieces} pieces`);
    });
  }
});

describe("callers who ask much", { timeout: 300_000 }, () => {
  const one: Partial<SearchEventsRequest> = { ...ALL, pageSize: 20, filter: "event.category = process" };

  it("wait for their turn, all of them are answered, and others are answered meanwhile", async () => {
    const expected = (await search(client, one)).events.map(({ id }) => id);
    assert.equal(expected.length, 20);
    let left = 200;
    const calls = Array.from({ length: left }, () =>
      search(client, one).finally(() => {
        left--;
      }),
    );
    const [waited] = await Promise.all([
      eventually("calls that wait", 20_000, async () => (await gauge("hosttrail_queries_waiting")) || undefined),
      (async () => {
        await eventually("some of them being answered", 20_000, async () => left < 200 || undefined);
        assert.equal((await search(another, { ...one, pageSize: 1 })).events.length, 1);
        assert.ok(left > 0, "others need not wait for all of them");
      })(),
    ]);
    assert.ok(waited > 0);
    for (const answer of await Promise.all(calls))
      assert.deepEqual(
        answer.events.map(({ id }) => id),
        expected,
      );
    await nothingRuns();
  });

  it("and do not read hold no more than their share, and nothing is left of them when they go", async () => {
    const memory = (): number => {
      const file = readFileSync(`/proc/${attacked.stack.collector.pid}/status`, "utf8");
      return Number(/VmRSS:\s+(\d+)/.exec(file)?.[1] ?? 0) / 1024;
    };
    const round = async (): Promise<void> => {
      const calls = Array.from({ length: 100 }, () => {
        const call = client.streamSearch(StreamSearchRequest.fromPartial({ ...ALL, hostId: attacked.busy.hostId }));
        call.on("error", () => undefined);
        return call;
      });
      // These read one message, and no more.
      await once(calls[0] as ClientReadableStream<StreamSearchResponse>, "readable");
      const running = await gauge("hosttrail_queries_running");
      assert.ok(running > 0 && running <= 16, `${running} run`);
      assert.equal((await search(another, { ...one, pageSize: 1 })).events.length, 1);
      await eventually("their work standing still", 20_000, async () => {
        const payloads = await gauge("hosttrail_query_payloads_total");
        await sleep(500);
        return (await gauge("hosttrail_query_payloads_total")) === payloads || undefined;
      });
      for (const call of calls) call.cancel();
      await nothingRuns();
    };
    // V8 keeps what it once had, and any round may have more in hand at once than those before it. What is left of calls would grow with each
    // round: so some rounds in a row without growth show that nothing is.
    const seen = [memory()];
    do {
      assert.ok(seen.length <= 5, `it grows on: ${seen.map((each) => each.toFixed(0)).join(", ")} MiB`);
      for (let again = 0; again < 4; again++) await round();
      seen.push(memory());
    } while ((seen.at(-1) ?? 0) > (seen.at(-2) ?? 0) + 100);
    assert.equal((await search(client, one)).events.length, 20);
  });

  it("and go away at once end the work for them", async () => {
    const calls = Array.from({ length: 100 }, () =>
      client.searchEvents(SearchEventsRequest.fromPartial(one), () => undefined),
    );
    await sleep(20);
    for (const call of calls) call.cancel();
    await nothingRuns();
    assert.equal((await search(client, one)).events.length, 20);
  });
});

describe("a segment that turns out damaged", { timeout: 300_000 }, () => {
  it("is named, counted and left out by every method, and the rest is told", async () => {
    const { archive, stack, busy } = attacked;
    const { hostId } = busy;
    const place = new Date(Number(NOON / 1_000_000n)).toISOString().slice(0, 10).replaceAll("-", "");
    const [catalog] = await archive.history.catalogs(place, [hostId]);
    const entries = (catalog?.entries ?? []).toSorted((a, b) => (a.firstTimeNano < b.firstTimeNano ? -1 : 1));
    assert.ok(entries.length >= 2, `${entries.length} segments`);
    const entry = entries[0] as (typeof entries)[number];
    const bytes = Uint8Array.from((await archive.history.payload(place, entry.id)) ?? []);
    const middle = bytes.length >> 1;
    bytes[middle] = (bytes[middle] ?? 0) ^ 0x40;
    const sieve = (await archive.history.sieve(place, entry.id)) ?? new Uint8Array(0);
    await archive.history.removePayload(place, entry.id);
    await archive.history.addPayloads(place, [{ id: entry.id, bytes, sieve }]);
    // A collector that has it open still need not look again.
    const { queryPort } = await stack.startAnotherCollector();
    const fresh = Object.assign(Object.create(stack), { queryPort }) as typeof stack;
    const [query, answers] = [queryClient(fresh), new AnalysisClient(fresh)];
    try {
      const rest = BUSY_EVENTS - entry.events;
      const range = { startTime: time(NOON), endTime: time(NOON + DAY_NANO / 2n - 1n) };
      const about = { ...range, hostId };
      const named = (
        completeness: { reasons: string[]; unreadable: { hostId: string; events: bigint }[] } | undefined,
      ): void => {
        assert.deepEqual(
          completeness?.reasons.filter((reason) => reason !== "limit"),
          ["unreadable"],
        );
        assert.deepEqual(
          completeness?.unreadable.map((each) => [each.hostId, each.events]),
          [[hostId, BigInt(entry.events)]],
        );
      };
      const first = { ...about, orderBy: "time", pageSize: 10 };
      const found = await eventually("the collector's first answer", 60_000, async () => await search(query, first));
      named(found.completeness);
      assert.equal(found.events.length, 10);
      assert.equal(found.unreadable.length, 1);
      const messages = await streamed(about, query);
      named(messages.at(-1)?.completeness);
      assert.equal(
        messages.reduce((sum, { events }) => sum + events.length, 0),
        rest,
      );
      const pieces = await exported(about, query);
      named(pieces.at(-1)?.completeness);
      const lines = Buffer.concat(pieces.map(({ data }) => data))
        .toString("utf8")
        .trim()
        .split("\n");
      assert.equal(lines.length, rest);
      const aggregate = (await answers.aggregate({ ...range, hostId })).at(-1);
      named(aggregate?.completeness);
      assert.equal(aggregate?.events, BigInt(rest));
      const timeline = await answers.timeline({ ...about, limit: 10_000 });
      named(timeline.completeness);
      assert.ok(timeline.entries.length > 0);
      const [event] = found.events.filter(({ process }) => (process?.entityId ?? "") !== "");
      const tree = await answers.tree({ process: { $case: "eventId", value: event?.id ?? "" }, hostId });
      named(tree.completeness);
      assert.ok(tree.nodes.length > 0);
      const lostId = `${hostId}-${"1".padStart(16, "0")}-${"0".repeat(16)}`;
      const lost = await refusal(ask((done) => query.getEvent(GetEventRequest.fromPartial({ id: lostId }), done)));
      assert.deepEqual([lost.code, errorInfoOf(lost).reason], [status.DATA_LOSS, "BLOCK_DAMAGED"]);
    } finally {
      query.close();
      answers.close();
    }
  });
});
