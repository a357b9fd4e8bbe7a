/**
 * What a caller of one team finds out of another team's hosts: nothing, by no method of the query services. Whatever is asked about a host of
 * another team is answered as if the host had never been: the same code, reason and words, the same counts, and as little work.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type ChannelCredentials, Client, type MethodDefinition, type ServiceError, status } from "@grpc/grpc-js";
import { Archive } from "@hosttrail/collector/mongodb";
import {
  AggregateEventsRequest,
  AnalysisServiceService,
  DiffHostRequest,
  GetHostAtRequest,
  GetProcessTreeRequest,
  GetTimelineRequest,
} from "@hosttrail/proto/analysis";
import { CostServiceService, ListHostCostsRequest } from "@hosttrail/proto/cost";
import { DeadBlockServiceService, ListDeadBlocksRequest } from "@hosttrail/proto/deadblock";
import { GetLedgerRequest, LedgerServiceService, ListLedgersRequest } from "@hosttrail/proto/ledger";
import { LogServiceService } from "@hosttrail/proto/log";
import {
  ExplainSearchRequest,
  ExportEventsRequest,
  ExportFormat,
  ListHostsRequest,
  PutSavedQueryRequest,
  QueryServiceService,
  SearchEventsRequest,
  StreamSearchRequest,
} from "@hosttrail/proto/query";
import type { HostSelector } from "@hosttrail/proto/scan";
import { ExportEvidenceRequest, VerifyServiceService, VerifyTrailRequest } from "@hosttrail/proto/verify";
import { readTrail } from "../bench/trails/trail.ts";
import { credentialsOf, eventually, openStack } from "./environment.ts";
import { openBlockStream, PublishingHost } from "./publisher.ts";

type Method = MethodDefinition<unknown, unknown>;

/** A host as somebody may ask about it. */
interface Target {
  hostId: string;
  name: string;
  instanceId: string;
  label: string;
  eventId: string;
  entityId: string;
  /** Of its dead letter. */
  letterId: string;
}

interface Outcome {
  code: status;
  reason: string;
  words: string;
  messages: unknown[];
}

const TEAMS = ["a", "b"] as const;
const HOUR_NANO = 3_600_000_000_000n;
const START: bigint = BigInt(Date.now()) * 1_000_000n - 2n * HOUR_NANO;
const QUIET_MS = 1500;
const TIMES = {
  startTime: { seconds: START / 1_000_000_000n, nanos: 0 },
  endTime: { seconds: (START + 2n * HOUR_NANO) / 1_000_000_000n, nanos: 0 },
};

let stack: Awaited<ReturnType<typeof openStack>>;
let client: Record<string, { channel: ChannelCredentials; client: Client }>;
const targets: Record<string, Target> = {};

before(async () => {
  const bindings = [
    { subject: "certificate:dev", role: "admin" },
    ...TEAMS.map((team) => ({ subject: `certificate:of-${team}`, role: "responder", scope: { team } })),
  ];
  stack = await openStack({ collector: { access: { bindings } } });
  await stack.startServices();
  await stack.startCollector();
  const archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
  const stream = await openBlockStream(stack);
  try {
    for (const [at, team] of TEAMS.entries()) await publish(archive, stream, team, at);
    await eventually("all events being stored", 60_000, async () => (await stream.lag()) === 0 || undefined);
  } finally {
    await stream.close();
    await archive.close();
  }
  const channels = await Promise.all(
    TEAMS.map(async (team) => [team, credentialsOf(stack, await stack.ca.user(`of-${team}`))] as const),
  );
  client = Object.fromEntries(
    channels.map(([team, channel]) => [team, { channel, client: new Client(`localhost:${stack.queryPort}`, channel) }]),
  );
});
after(async () => {
  for (const each of Object.values(client ?? {})) each.client.close();
  await stack[Symbol.asyncDispose]();
});

async function publish(
  archive: Archive,
  stream: Awaited<ReturnType<typeof openBlockStream>>,
  team: string,
  at: number,
): Promise<void> {
  const host = new PublishingHost(`host-of-${team}`);
  const instanceId = `i-0123456789abcde${at}`;
  const events = readTrail("web")
    .slice(0, 200)
    .map((event, index) => ({
      ...event,
      event: event.event && { ...event.event, timeUnixNano: START + BigInt(index) * 1_000_000_000n },
      process: event.process && { ...event.process, entityId: `${team}${event.process.entityId.slice(1)}` },
      cloud: {
        provider: "aws",
        accountId: "1",
        region: "r",
        availabilityZone: "z",
        machineType: "m",
        tags: [],
        instanceId,
      },
    }));
  const none = { expireMs: 0, revokeMs: 0, revokeReason: "", boots: [], clonedBoots: [] };
  await archive.identities.insertIdentity({
    hostId: host.hostId,
    hostName: `host-of-${team}`,
    labels: { team },
    proof: "token:test",
    keyFingerprint: host.hostId,
    enrollMs: Date.now(),
    ...none,
  });
  const block = host.seal(events);
  await host.publish(stream, block);
  const dead = { ...host.seal(events), hostId: host.hostId, hostName: `host-of-${team}`, signer: "" };
  await stream.bury(dead, "DELIVERIES_EXHAUSTED", "by a test", 30);
  const [letter] = await stream.deadLetters.letters({ hostId: host.hostId, reason: "" }, 0, 1);
  targets[team] = {
    hostId: host.hostId,
    name: `host-of-${team}`,
    instanceId,
    label: `team=${team}`,
    eventId: block.id,
    entityId: events[0]?.process?.entityId ?? "",
    letterId: String(letter?.sequence),
  };
}

/** One of which nothing was ever heard. */
function nobody(): Target {
  return {
    hostId: "f".repeat(32),
    name: "host-of-z",
    instanceId: "i-0123456789abcdef",
    label: "team=z",
    eventId: `${"f".repeat(32)}-${"1".padStart(16, "0")}-${"0".repeat(16)}`,
    entityId: "e".repeat(16),
    // As many digits as those that are there.
    letterId: "9",
  };
}

/** All ways to ask about a host. */
function selectors({ hostId, name, instanceId, label }: Target): Partial<HostSelector>[] {
  return [{ hostIds: [hostId] }, { names: [name] }, { instanceIds: [instanceId] }, { labels: [label] }];
}

const BY_TARGET: Readonly<Record<string, (target: Target) => unknown[]>> = {
  SearchEvents: (target) => [
    SearchEventsRequest.fromPartial({ hostId: target.hostId }),
    ...selectors(target).map((hosts) => SearchEventsRequest.fromPartial({ hosts })),
    SearchEventsRequest.fromPartial({ filter: `host.id = ${target.hostId}` }),
    SearchEventsRequest.fromPartial({ filter: `host.name = ${target.name} OR process.entity_id = ${target.entityId}` }),
  ],
  StreamSearch: (target) => [
    StreamSearchRequest.fromPartial({ hostId: target.hostId }),
    ...selectors(target).map((hosts) => StreamSearchRequest.fromPartial({ hosts })),
    StreamSearchRequest.fromPartial({ filter: `process.entity_id = ${target.entityId}` }),
  ],
  ExplainSearch: (target) => [
    ExplainSearchRequest.fromPartial({ hostId: target.hostId, analyze: true }),
    ...selectors(target).map((hosts) => ExplainSearchRequest.fromPartial({ hosts, analyze: true })),
  ],
  ExportEvents: (target) => [
    ExportEventsRequest.fromPartial({ hostId: target.hostId, format: ExportFormat.JSON_LINES }),
    ...selectors(target).map((hosts) => ExportEventsRequest.fromPartial({ hosts, format: ExportFormat.CSV })),
  ],
  GetEvent: ({ eventId }) => [{ id: eventId }],
  TailEvents: (target) => [{ filter: "", hostId: target.hostId, hosts: undefined }],
  ListHosts: (target) => selectors(target).map((hosts) => ListHostsRequest.fromPartial({ hosts })),
  GetHost: ({ hostId }) => [{ hostId }],
  ListSavedQueries: () => [{ pageSize: 0, pageToken: "" }],
  GetSavedQuery: ({ name }) => [{ name: `${name}-question` }],
  DeleteSavedQuery: ({ name }) => [{ name: `${name}-question` }],
  // Who puts one under a name that others have too puts one of the own team's.
  PutSavedQuery: () => [],
  GetTimeline: ({ hostId }) => [GetTimelineRequest.fromPartial({ hostId, ...TIMES })],
  GetProcessTree: ({ hostId, eventId, entityId }) => [
    GetProcessTreeRequest.fromPartial({ hostId, process: { $case: "eventId", value: eventId } }),
    GetProcessTreeRequest.fromPartial({ process: { $case: "eventId", value: eventId } }),
    GetProcessTreeRequest.fromPartial({
      hostId,
      process: { $case: "entityId", value: entityId },
      time: TIMES.startTime,
    }),
    GetProcessTreeRequest.fromPartial({ hostId, process: { $case: "pid", value: 1 }, time: TIMES.startTime }),
  ],
  AggregateEvents: (target) => [
    AggregateEventsRequest.fromPartial({ hostId: target.hostId, groupBy: ["host.name"] }),
    ...selectors(target).map((hosts) => AggregateEventsRequest.fromPartial({ hosts, groupBy: ["host.name"] })),
  ],
  GetHostAt: ({ hostId }) => [GetHostAtRequest.fromPartial({ hostId, time: TIMES.startTime })],
  VerifyTrail: (target) => selectors(target).map((hosts) => VerifyTrailRequest.fromPartial({ hosts })),
  ExportEvidence: ({ hostId }) => [ExportEvidenceRequest.fromPartial({ hostId })],
  GetCheckpoint: () => [{}],
  GetTile: () => [{ level: 0, index: 0n, width: 1 }],
  ListLogEntries: () => [{ firstIndex: 0n, pageSize: 0 }],
  GetLedger: ({ hostId }) => [GetLedgerRequest.fromPartial({ hostId })],
  ListHostCosts: (target) => selectors(target).map((hosts) => ListHostCostsRequest.fromPartial({ hosts })),
  ListLedgers: (target) => selectors(target).map((hosts) => ListLedgersRequest.fromPartial({ hosts })),
  ListDeadBlocks: ({ hostId }) => [ListDeadBlocksRequest.fromPartial({ hostId })],
  GetDeadBlock: ({ letterId }) => [{ id: letterId }],
  ReplayDeadBlock: ({ letterId }) => [{ id: letterId, waitMs: 0 }],
  DropDeadBlock: ({ letterId }) => [{ id: letterId, reason: "for tests" }],
  DiffHost: ({ hostId }) => [DiffHostRequest.fromPartial({ hostId, fromTime: TIMES.startTime, toTime: TIMES.endTime })],
};

/** Asked of everything that there is. */
const OF_ALL: Readonly<Record<string, unknown[]>> = {
  SearchEvents: [SearchEventsRequest.fromPartial({ pageSize: 1000 })],
  StreamSearch: [StreamSearchRequest.fromPartial({})],
  ExplainSearch: [ExplainSearchRequest.fromPartial({ analyze: true })],
  ExportEvents: [ExportEventsRequest.fromPartial({ format: ExportFormat.ECS })],
  ListHosts: [ListHostsRequest.fromPartial({})],
  ListSavedQueries: [{ pageSize: 0, pageToken: "" }],
  VerifyTrail: [VerifyTrailRequest.fromPartial({})],
  ListHostCosts: [ListHostCostsRequest.fromPartial({})],
  ListLedgers: [ListLedgersRequest.fromPartial({})],
  ListDeadBlocks: [ListDeadBlocksRequest.fromPartial({})],
  AggregateEvents: [
    AggregateEventsRequest.fromPartial({ groupBy: ["host.id", "host.name"] }),
    AggregateEventsRequest.fromPartial({ metrics: [{ kind: 1, field: "host.id" }] }),
  ],
};

const METHODS = [
  ...Object.values(QueryServiceService),
  ...Object.values(AnalysisServiceService),
  ...Object.values(VerifyServiceService),
  ...Object.values(LedgerServiceService),
  ...Object.values(CostServiceService),
  ...Object.values(LogServiceService),
  ...Object.values(DeadBlockServiceService),
] as unknown as Method[];

function nameOf({ path }: Method): string {
  return path.split("/").at(-1) ?? "";
}

/** Calls as a team; a call that would go on for ever is broken off after a while. */
function call(team: string, method: Method, request: unknown): Promise<Outcome> {
  const messages: unknown[] = [];
  const { path, requestSerialize, responseDeserialize } = method;
  const { client: connected } = client[team] as { client: Client };
  return new Promise((resolve) => {
    const end = (error: ServiceError | null): void =>
      resolve({
        code: error?.code ?? status.OK,
        reason: String(error?.metadata.get("grpc-status-details-bin")[0] ?? ""),
        words: error?.details ?? "",
        messages,
      });
    if (!method.responseStream) {
      connected.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error, response) => {
        if (response !== undefined) messages.push(response);
        end(error);
      });
      return;
    }
    const stream = connected.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request);
    stream.on("data", (message: unknown) => messages.push(message));
    stream.on("error", (error: ServiceError) => end(error));
    stream.on("end", () => end(null));
    if (path.endsWith("/TailEvents")) setTimeout(() => stream.cancel(), QUIET_MS);
  });
}

function textOf(outcome: Outcome): string {
  return JSON.stringify(outcome, function shown(this: Record<string, unknown>, key, value: unknown) {
    // How long it took.
    if (key === "micros" || key === "times") return "…";
    const bytes = this[key];
    // A Buffer has become something else by now.
    if (bytes instanceof Uint8Array) return Buffer.from(bytes).toString("latin1");
    return typeof value === "bigint" ? String(value) : value;
  });
}

/** With one name for whoever was asked about. */
function comparable(outcome: Outcome, target: Target): string {
  let text = textOf(outcome);
  // A letter's id is a number, as others are: it is looked for where it is shown as one.
  const { letterId, ...names } = target;
  for (const [what, value] of Object.entries(names)) text = text.replaceAll(value, `<${what}>`);
  return text.replaceAll(`dead block ${letterId}`, "dead block <letter>");
}

function saysOf(outcome: Outcome, { hostId, name, instanceId, entityId }: Target): string[] {
  const text = textOf(outcome);
  return [hostId, name, instanceId, entityId].filter((each) => text.includes(each));
}

describe("a caller of one team", () => {
  it("is asked by every method that there is", () => {
    assert.deepEqual(Object.keys(BY_TARGET).toSorted(), METHODS.map(nameOf).toSorted());
  });

  it("puts questions under names that are there for the own team alone", async () => {
    const [put] = METHODS.filter((method) => nameOf(method) === "PutSavedQuery");
    for (const team of TEAMS) {
      const query = {
        name: `${targets[team]?.name}-question`,
        question: { $case: "search", value: { filter: `host.name = ${targets[team]?.name}` } },
      } as const;
      const { code } = await call(team, put as Method, PutSavedQueryRequest.fromPartial({ query }));
      assert.equal(code, status.OK);
    }
  });

  for (const method of METHODS) {
    const name = nameOf(method);
    for (const [own, other] of [
      ["a", "b"],
      ["b", "a"],
    ] as const) {
      it(`${own} by ${name} about ${other}'s host: as about one that never was`, async () => {
        const [there, never] = [targets[other] as Target, nobody()];
        const asked = BY_TARGET[name]?.(there) ?? [];
        const absent = BY_TARGET[name]?.(never) ?? [];
        for (const [at, request] of asked.entries()) {
          const found = await call(own, method, request);
          const expected = await call(own, method, absent[at]);
          assert.equal(comparable(found, there), comparable(expected, never), `request ${at}`);
        }
        for (const request of OF_ALL[name] ?? []) {
          const found = await call(own, method, request);
          assert.equal(found.code, status.OK, found.words);
          assert.deepEqual(saysOf(found, there), []);
          if (name !== "ExplainSearch" && name !== "AggregateEvents")
            assert.notDeepEqual(saysOf(found, targets[own] as Target), [], "the own host is there");
        }
      });
    }
  }

  it("goes on with no token of another caller, and with none that was changed", async () => {
    for (const [name, request] of [
      ["SearchEvents", { pageSize: 1 }],
      ["ListHosts", { pageSize: 1 }],
    ] as const) {
      const method = METHODS.find((each) => nameOf(each) === name) as Method;
      const ask = (team: string, pageToken: string): Promise<Outcome> =>
        call(
          team,
          method,
          name === "SearchEvents"
            ? SearchEventsRequest.fromPartial({ ...request, pageToken })
            : ListHostsRequest.fromPartial({ ...request, pageToken }),
        );
      const token = (await ask("a", "")).messages[0] as { nextPageToken: string };
      if (token.nextPageToken === "") continue;
      const foreign = await ask("b", token.nextPageToken);
      const changed = await ask("b", `${token.nextPageToken.slice(0, -2)}AA`);
      for (const outcome of [foreign, changed]) {
        assert.equal(outcome.code, status.INVALID_ARGUMENT);
        assert.deepEqual(saysOf(outcome, targets["a"] as Target), []);
      }
    }
  });
});
