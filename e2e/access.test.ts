/** Every method times every kind of caller: allowed or refused exactly as docs/security.md says. */
import assert from "node:assert/strict";
import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type ChannelCredentials,
  Client,
  type ClientReadableStream,
  credentials,
  Metadata,
  type MethodDefinition,
  status,
} from "@grpc/grpc-js";
import { certificateRequest } from "@hosttrail/agent/identity";
import { AccessServiceClient, AccessServiceService } from "@hosttrail/proto/access";
import {
  AlertServiceService,
  ListAlertsRequest,
  ListSuppressionsRequest,
  Severity,
  Suppression,
  Suppression_Kind,
  WatchAlertsRequest,
} from "@hosttrail/proto/alert";
import {
  AggregateEventsRequest,
  AnalysisServiceService,
  DiffHostRequest,
  GetHostAtRequest,
  GetProcessTreeRequest,
  GetTimelineRequest,
} from "@hosttrail/proto/analysis";
import { DeadBlockServiceService } from "@hosttrail/proto/deadblock";
import { EnrollmentServiceService } from "@hosttrail/proto/enrollment";
import { IngestServiceService } from "@hosttrail/proto/ingest";
import { sealBlock } from "@hosttrail/lib/block";
import { nodePrimitives, signerOf } from "@hosttrail/lib/crypto";
import { Event } from "@hosttrail/proto/event";
import { GetLedgerRequest, LedgerServiceService, ListLedgersRequest } from "@hosttrail/proto/ledger";
import { LogServiceService } from "@hosttrail/proto/log";
import { NotifyServiceService } from "@hosttrail/proto/notify";
import {
  ExportEventsRequest,
  ExportFormat,
  ListHostsRequest,
  PutSavedQueryRequest,
  QueryServiceClient,
  QueryServiceService,
  TailEventsRequest,
  type TailEventsResponse,
} from "@hosttrail/proto/query";
import {
  CreateHoldRequest,
  PutRetentionPolicyRequest,
  RetentionKind,
  RetentionServiceService,
} from "@hosttrail/proto/retention";
import { ListRulesRequest, Ruleset, RuleServiceService } from "@hosttrail/proto/rule";
import { CostServiceService } from "@hosttrail/proto/cost";
import { CoverageServiceService } from "@hosttrail/proto/coverage";
import { ExportEvidenceRequest, VerifyServiceService } from "@hosttrail/proto/verify";
import { DevelopmentCa, type Identity } from "@hosttrail/stack";
import { credentialsOf, eventually, type openStack, queryClient, search } from "./environment.ts";
import { HostStream } from "./hoststream.ts";
import { openReplay } from "./replay.ts";

let stack: Awaited<ReturnType<typeof openStack>>;
let folder: string;
let hostId: string;

before(async () => {
  stack = await openReplay({
    collector: {
      // A log that nobody keeps: there is no checkpoint.
      attest: { origin: "log.example/access" },
      access: {
        bindings: [
          { subject: "certificate:dev", role: "admin" },
          { subject: "certificate:viewer", role: "viewer" },
          { subject: "certificate:responder", role: "responder" },
          { subject: "certificate:scoped", role: "admin", scope: { team: "b" } },
          { subject: "certificate:within", role: "viewer", scope: { env: "dev" } },
        ],
      },
    },
  });
  folder = dirname(stack.agentConfigFile);
  hostId = stack.hostId;
});
after(() => stack[Symbol.asyncDispose]());

/** How somebody calls. */
interface Caller {
  channel: ChannelCredentials;
  metadata: Metadata;
}

function byCertificate(identity: Identity): Caller {
  return { channel: credentialsOf(stack, identity), metadata: new Metadata() };
}

function byToken(token: string): Caller {
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${token}`);
  return { channel: credentials.createSsl(readFileSync(stack.ca.caFile)), metadata };
}

/** A token of a role; `ttl` as on the command line. */
function apiToken(role: string, ...more: string[]): string {
  return stack.hosttrail("api-token", "create", `for tests: ${role}`, "--role", role, ...more).trim();
}

type Method = MethodDefinition<unknown, unknown>;
const METHODS: readonly Method[] = [
  ...Object.values(QueryServiceService),
  ...Object.values(AnalysisServiceService),
  ...Object.values(AccessServiceService),
  ...Object.values(AlertServiceService),
  ...Object.values(RuleServiceService),
  ...Object.values(NotifyServiceService),
  ...Object.values(LedgerServiceService),
  ...Object.values(LogServiceService),
  ...Object.values(DeadBlockServiceService),
  ...Object.values(RetentionServiceService),
  ...Object.values(VerifyServiceService),
  ...Object.values(CostServiceService),
  ...Object.values(CoverageServiceService),
] as unknown as Method[];

const RULE = `
title: made by a test
logsource: {product: linux, category: process_creation}
detection:
  selection: {Image: /no/such/program}
  condition: selection
`;

/** What alerts and rules are asked; the alert is one that is not there. */
function alertRequestOf(method: string): object | undefined {
  const id = `${"0".repeat(12)}-${"0".repeat(32)}`;
  const files = [{ path: "a.yml", text: RULE }];
  const ruleset = Ruleset.fromPartial({ name: "made-by-a-test", enabled: true, files });
  const expireTime = { seconds: BigInt(Math.floor(Date.now() / 1000) + 60), nanos: 0 };
  const suppression = Suppression.fromPartial({
    kind: Suppression_Kind.SILENCE,
    reason: "for tests",
    hostIds: ["0".repeat(32)],
    expireTime,
  });
  const requests: Readonly<Record<string, object>> = {
    ListAlerts: ListAlertsRequest.create(),
    GetAlert: { id },
    WatchAlerts: WatchAlertsRequest.create(),
    AcknowledgeAlert: { id, text: "" },
    CloseAlert: { id, reason: 1, text: "" },
    CloseAlerts: { ruleKey: "", hostId: "0".repeat(32), reason: 1, text: "" },
    ReopenAlert: { id, text: "" },
    AssignAlert: { id, assignee: "" },
    CommentAlert: { id, text: "x" },
    CreateSuppression: { suppression, allowTruePositives: true },
    PreviewSuppression: { suppression, days: 0 },
    ListSuppressions: ListSuppressionsRequest.create(),
    ExpireSuppression: { id: `${"0".repeat(12)}-${"0".repeat(12)}` },
    ListRules: ListRulesRequest.create(),
    GetRule: { key: "nobody-has-this" },
    UpdateRule: { key: "nobody-has-this", severity: Severity.LOW },
    GetRuleset: { name: "nobody-has-this" },
    DeleteRuleset: { name: "nobody-has-this" },
    PutRuleset: { ruleset, allowRejected: false, keepFiles: false },
    TestNotification: { route: "" },
    ListDeadLetters: { pageSize: 0, pageToken: "", route: "" },
    RedeliverDeadLetter: { id: "999999999" },
    GetCheckpoint: {},
    GetTile: { level: 0, index: 0n, width: 1 },
    ListLogEntries: { firstIndex: 0n, pageSize: 0 },
    GetLedger: GetLedgerRequest.fromPartial({ hostId }),
    ListLedgers: ListLedgersRequest.create(),
    GetDeadBlock: { id: "999999999" },
    ReplayDeadBlock: { id: "999999999", waitMs: 0 },
    DropDeadBlock: { id: "999999999", reason: "for tests" },
    PutRetentionPolicy: PutRetentionPolicyRequest.fromPartial({
      policy: { name: "made-by-a-test", kind: RetentionKind.EVENTS, labels: { env: "x" }, keepDays: 4000 },
    }),
    DeleteRetentionPolicy: { name: "nobody-has-this", confirmPercent: 0 },
    CreateHold: CreateHoldRequest.fromPartial({ hostIds: ["0".repeat(32)], reason: "for tests" }),
    ReleaseHold: { id: `${"0".repeat(12)}-${"0".repeat(12)}`, reason: "for tests" },
    ExportEvidence: ExportEvidenceRequest.fromPartial({ hostId }),
    TestRules: { files, hostId: "", placeholders: [] },
  };
  return requests[method];
}

/** Requests that would do something, so that a refusal is not one of the request. */
function requestOf({ path, requestDeserialize }: Method): unknown {
  const asked = alertRequestOf(path.split("/").at(-1) ?? "");
  if (asked !== undefined) return asked;
  switch (path.split("/").at(-1)) {
    case "CreateEnrollmentToken":
      return { hostsMax: 1, ttlSeconds: 60n, labels: {} };
    case "CreateApiToken":
      return { displayName: "made by a test", role: 1, scope: {}, ttlSeconds: 60n };
    case "DeleteEnrollmentToken":
    case "DeleteApiToken":
      return { id: "0000000000000000" };
    case "RevokeHost":
      return { hostId: "0".repeat(32), reason: "" };
    case "GetHost":
      return { hostId };
    case "GetTimeline":
      return GetTimelineRequest.fromPartial({ hostId });
    case "GetProcessTree":
      return GetProcessTreeRequest.fromPartial({ hostId, process: { $case: "pid", value: 1 } });
    case "AggregateEvents":
      return AggregateEventsRequest.fromPartial({});
    case "GetHostAt":
      return GetHostAtRequest.fromPartial({ hostId });
    case "DiffHost":
      return DiffHostRequest.fromPartial({ hostId, fromTime: { seconds: 1n, nanos: 0 } });
    case "GetEvent":
      return { id: `${hostId}-0000000000000001-0000000000000001` };
    case "ExportEvents":
      return ExportEventsRequest.fromPartial({ format: ExportFormat.JSON_LINES, limit: 1n });
    case "PutSavedQuery":
      return PutSavedQueryRequest.fromPartial({
        query: { name: "made-by-a-test", question: { $case: "timeline", value: { hostId } } },
      });
    case "GetSavedQuery":
    case "DeleteSavedQuery":
      return { name: "no-such" };
    default:
      // A message with nothing in it.
      return requestDeserialize(Buffer.alloc(0));
  }
}

/** The code that a call of a method ends with; a stream is over when it has begun. */
function codeOf({ channel, metadata }: Caller, method: Method): Promise<status> {
  const client = new Client(`localhost:${stack.queryPort}`, channel);
  return new Promise<status>((resolve) => {
    const request = requestOf(method);
    const { path, requestSerialize, responseDeserialize } = method;
    if (method.requestStream && !method.responseStream) {
      const call = client.makeClientStreamRequest(path, requestSerialize, responseDeserialize, metadata, (error) =>
        resolve(error?.code ?? status.OK),
      );
      call.end(request);
      return;
    }
    if (method.responseStream) {
      let call: ClientReadableStream<unknown>;
      if (method.requestStream) {
        const both = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata);
        // One that takes parts answers when it has them all, and ends by itself.
        both.end(request);
        call = both;
      } else call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, metadata);
      call.on("end", () => resolve(status.OK));
      call.on("metadata", (headers: Metadata) => {
        assert.deepEqual(headers.get("authorization"), [], "what the caller sent does not come back");
        resolve(status.OK);
        call.cancel();
      });
      call.on("data", () => undefined);
      call.on("error", (error: { code: status }) => resolve(error.code));
      return;
    }
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata, (error) =>
      resolve(error?.code ?? status.OK),
    );
  }).finally(() => client.close());
}

/** docs/security.md's table: the least role of each method. */
function documentedRoles(): Map<string, string> {
  const text = readFileSync(new URL("../docs/security.md", import.meta.url), "utf8");
  return new Map(
    Array.from(
      text.matchAll(/^\| `(\w+Service\/\w+)` +\| (viewer|responder|admin) +\|/gm),
      ([, method = "", role = ""]) => [`/hosttrail.v1.${method}`, role],
    ),
  );
}

const RANK = ["viewer", "responder", "admin"];
/** What a call that was let in may end with: the thing that was asked for need not be there. */
const LET_IN = [status.OK, status.NOT_FOUND];

describe("access to the API", () => {
  it("is documented for every method", () => {
    assert.deepEqual([...documentedRoles().keys()].sort(), METHODS.map(({ path }) => path).sort());
  });

  it("is what the documentation says, for every method and every kind of caller", async () => {
    const [viewer, responder, stranger] = await Promise.all([
      stack.ca.user("viewer"),
      stack.ca.user("responder"),
      stack.ca.user("nobody-bound-this"),
    ]);
    const callers: { name: string; caller: Caller; role: string | undefined }[] = [
      { name: "a viewer's certificate", caller: byCertificate(viewer), role: "viewer" },
      { name: "a responder's certificate", caller: byCertificate(responder), role: "responder" },
      { name: "an administrator's certificate", caller: byCertificate(stack.user), role: "admin" },
      { name: "a viewer's token", caller: byToken(apiToken("viewer")), role: "viewer" },
      { name: "a responder's token", caller: byToken(apiToken("responder")), role: "responder" },
      { name: "an administrator's token", caller: byToken(apiToken("admin")), role: "admin" },
      { name: "a user without a binding", caller: byCertificate(stranger), role: undefined },
      { name: "a host's certificate", caller: byCertificate(stack.host), role: undefined },
      {
        name: "nobody",
        caller: { channel: credentials.createSsl(readFileSync(stack.ca.caFile)), metadata: new Metadata() },
        role: undefined,
      },
      { name: "an invented token", caller: byToken(`hta_${"0".repeat(16)}_${"A".repeat(43)}`), role: undefined },
      { name: "a malformed token", caller: byToken("hta_x"), role: undefined },
      {
        name: "a wrong token beside an administrator's certificate",
        caller: { channel: credentialsOf(stack, stack.user), metadata: byToken("hta_x").metadata },
        role: undefined,
      },
    ];
    const least = documentedRoles();
    let checked = 0;
    for (const { name, caller, role } of callers) {
      for (const method of METHODS) {
        const code = await codeOf(caller, method);
        const needed = least.get(method.path) ?? "";
        const what = `${name}: ${method.path} ended with ${status[code]}`;
        if (role === undefined) assert.equal(code, status.UNAUTHENTICATED, what);
        else if (RANK.indexOf(role) < RANK.indexOf(needed)) assert.equal(code, status.PERMISSION_DENIED, what);
        else assert.ok(LET_IN.includes(code), what);
        checked++;
      }
    }
    assert.equal(checked, callers.length * METHODS.length);
    process.stdout.write(`${checked} pairs of a caller and a method\n`);
  });

  it("ends with a token that is deleted or over", async () => {
    const method = METHODS.find(({ path }) => path.endsWith("/GetCaller"));
    assert.ok(method);
    const token = apiToken("viewer");
    assert.equal(await codeOf(byToken(token), method), status.OK);
    stack.hosttrail("api-token", "delete", token.split("_")[1] ?? "");
    assert.equal(await codeOf(byToken(token), method), status.UNAUTHENTICATED);
  });

  it("refuses certificates that are over, not valid yet, of another authority or self-signed", async () => {
    const method = METHODS.find(({ path }) => path.endsWith("/GetCaller"));
    assert.ok(method);
    const foreign = await DevelopmentCa.create(join(folder, "certificates"), "foreign");
    const day = 86_400_000;
    const bad: Record<string, Identity> = {
      over: await stack.ca.user("dev", { notBefore: -2 * day, notAfter: -day }),
      "not valid yet": await stack.ca.user("dev", { notBefore: day, notAfter: 2 * day }),
      "of another authority": await foreign.user("dev"),
      "self-signed": await foreign.selfSigned("dev"),
    };
    for (const [name, identity] of Object.entries(bad)) {
      assert.equal(await codeOf(byCertificate(identity), method), status.UNAUTHENTICATED, name);
    }
  });
});

describe("what hosts call", () => {
  it("is for hosts alone, as documented, for every kind of caller", async () => {
    const text = readFileSync(new URL("../docs/security.md", import.meta.url), "utf8");
    const documented = Array.from(
      text.matchAll(/^\| `((?:Ingest|Enrollment)Service\/\w+)`/gm),
      ([, name = ""]) => name,
    );
    const methods = [
      ...Object.values(IngestServiceService).map((method) => ({ method, port: stack.ingestPort })),
      ...Object.values(EnrollmentServiceService).map((method) => ({ method, port: stack.enrollPort })),
    ] as unknown as { method: Method; port: number }[];
    assert.deepEqual(documented.sort(), methods.map(({ method }) => method.path.replace("/hosttrail.v1.", "")).sort());
    const foreign = await DevelopmentCa.create(join(folder, "certificates"), "foreign-host");
    const none = { channel: credentials.createSsl(readFileSync(stack.ca.caFile)), metadata: new Metadata() };
    const { UNAVAILABLE, PERMISSION_DENIED, UNAUTHENTICATED, NOT_FOUND, OK } = status;
    const enrolled = byCertificate(stack.host);
    const never = byCertificate(await stack.ca.host("d".repeat(32), "never-enrolled"));
    // Without a certificate of ours nobody gets through the handshake of the ingest port.
    const table: [string, Caller, Record<"Stream" | "GetCanary" | "EnrollHost" | "RenewHostCertificate", status>][] = [
      ["an enrolled host", enrolled, { Stream: OK, GetCanary: NOT_FOUND, EnrollHost: OK, RenewHostCertificate: OK }],
      [
        "a host that never enrolled",
        never,
        {
          Stream: PERMISSION_DENIED,
          GetCanary: NOT_FOUND,
          EnrollHost: PERMISSION_DENIED,
          RenewHostCertificate: PERMISSION_DENIED,
        },
      ],
      [
        "an administrator",
        byCertificate(stack.user),
        {
          Stream: PERMISSION_DENIED,
          GetCanary: PERMISSION_DENIED,
          EnrollHost: PERMISSION_DENIED,
          RenewHostCertificate: UNAUTHENTICATED,
        },
      ],
      [
        "an administrator's token",
        byToken(apiToken("admin")),
        {
          Stream: UNAVAILABLE,
          GetCanary: UNAVAILABLE,
          EnrollHost: PERMISSION_DENIED,
          RenewHostCertificate: UNAUTHENTICATED,
        },
      ],
      [
        "a host of another authority",
        byCertificate(await foreign.host(hostId)),
        {
          Stream: UNAVAILABLE,
          GetCanary: UNAVAILABLE,
          EnrollHost: PERMISSION_DENIED,
          RenewHostCertificate: UNAUTHENTICATED,
        },
      ],
      [
        "nobody",
        none,
        {
          Stream: UNAVAILABLE,
          GetCanary: UNAVAILABLE,
          EnrollHost: PERMISSION_DENIED,
          RenewHostCertificate: UNAUTHENTICATED,
        },
      ],
    ];
    for (const [name, caller, expected] of table) {
      const isNever = name.includes("never");
      const key = isNever
        ? createPrivateKey(readFileSync(join(folder, "certificates", "never-enrolled.key")))
        : name === "an enrolled host"
          ? createPrivateKey(readFileSync(stack.host.keyFile))
          : generateKeyPairSync("ed25519").privateKey;
      for (const { method, port } of methods) {
        const code = await hostCode(caller, method, port, key, isNever ? "d".repeat(32) : hostId);
        const wanted = expected[method.path.split("/").at(-1) as keyof typeof expected];
        assert.equal(status[code], status[wanted], `${name}: ${method.path}`);
      }
    }
  });
});

/** The code that a call of a host's method ends with; a stream is over when the collector welcomes it. */
function hostCode(
  { channel, metadata }: Caller,
  method: Method,
  port: number,
  key: KeyObject,
  id: string,
): Promise<status> {
  const client = new Client(`localhost:${port}`, channel);
  const { path, requestSerialize, responseDeserialize } = method;
  return new Promise<status>((resolve) => {
    if (method.responseStream) {
      const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata);
      call.on("data", () => {
        resolve(status.OK);
        call.cancel();
      });
      call.on("error", (error: { code: status }) => resolve(error.code));
      const value = { hostId: id, hostName: "x", agentVersion: "0", bootId: "", epoch: 1n };
      call.write({ message: { $case: "hello", value } });
      return;
    }
    const nonce = "0".repeat(32);
    const certificateSigningRequest = certificateRequest(key);
    const request = { certificateSigningRequest, proof: undefined, hostName: "", bootId: "", nonce };
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata, (error) =>
      resolve(error?.code ?? status.OK),
    );
  }).finally(() => client.close());
}

describe("a scope", () => {
  it("hides hosts of others in every method, and page tokens do not carry over", async () => {
    const [scoped, within] = await Promise.all([stack.ca.user("scoped"), stack.ca.user("within")]);
    const own = queryClient(stack, within);
    const page = await search(own, { pageSize: 1 });
    assert.equal(page.events.length, 1, "a host of the scope is there");
    const other = queryClient(stack);
    const carried = search(other, { pageSize: 1, pageToken: page.nextPageToken });
    await assert.rejects(carried, { code: status.INVALID_ARGUMENT }, "a page token of other rights");
    const id = page.events[0]?.id ?? "";
    for (const each of [own, other]) each.close();
    const client = queryClient(stack, scoped);
    const access = new AccessServiceClient(`localhost:${stack.queryPort}`, credentialsOf(stack, scoped));
    try {
      const { events } = await search(client, {});
      assert.deepEqual(events, []);
      assert.deepEqual((await search(client, { hostId })).events, []);
      const notFound = { code: status.NOT_FOUND };
      await assert.rejects(
        unary((done) => client.getHost({ hostId }, done)),
        notFound,
      );
      await assert.rejects(
        unary((done) => client.getEvent({ id }, done)),
        notFound,
      );
      await assert.rejects(
        unary((done) => access.revokeHost({ hostId, reason: "" }, done)),
        notFound,
      );
      const { hosts } = await unary<{ hosts: unknown[] }>((done) =>
        client.listHosts(ListHostsRequest.fromPartial({}), done),
      );
      assert.deepEqual(hosts, []);
      const tooSmall = { code: status.PERMISSION_DENIED };
      const token = { hostsMax: 1, ttlSeconds: 60n };
      await assert.rejects(
        unary((done) => access.createEnrollmentToken({ ...token, labels: {} }, done)),
        tooSmall,
      );
      await unary((done) => access.createEnrollmentToken({ ...token, labels: { team: "b" } }, done));
      await assert.rejects(
        unary((done) => access.listAuditEntries({ pageSize: 0, pageToken: "" }, done)),
        tooSmall,
      );
    } finally {
      client.close();
      access.close();
    }
  });
});

/** Watches as somebody; what came, and how it ended. */
function watch({ channel, metadata }: Caller): {
  actions: string[];
  ended: Promise<status>;
  begun: Promise<void>;
  close: () => void;
} {
  const client = new QueryServiceClient(`localhost:${stack.queryPort}`, channel);
  const call = client.tailEvents(TailEventsRequest.fromPartial({}), metadata);
  const actions: string[] = [];
  call.on("data", ({ events }: TailEventsResponse) => actions.push(...events.map(({ event }) => event?.action ?? "")));
  const ended = new Promise<status>((resolve) => {
    call.on("error", (error: { code: status }) => resolve(error.code));
    call.on("end", () => resolve(status.OK));
  });
  const begun = new Promise<void>((resolve) => call.once("metadata", () => resolve()));
  const close = (): void => {
    call.cancel();
    client.close();
  };
  return { actions, ended, begun, close };
}

/** Sends one event in the host's name. */
async function sendEvent(action: string): Promise<void> {
  const event = Event.fromPartial({ event: { action, timeUnixNano: BigInt(Date.now()) * 1_000_000n } });
  const place = {
    hostId,
    epoch: BigInt(Date.now()),
    firstSeq: 0n,
    bootId: "5b2f0c1e-8d3a-4f60-9a71-0c4d2e6f8b13",
    agentVersion: "0",
    flags: 0,
  };
  const sign = signerOf(readFileSync(stack.host.keyFile, "utf8"));
  const { bytes } = sealBlock([event], { ...place, previousHeaderSha256: new Uint8Array(0) }, nodePrimitives, sign);
  const stream = new HostStream(stack, stack.host);
  stream.hello(hostId, "");
  await stream.answer("welcome");
  stream.block(bytes);
  await stream.answer("stored");
  stream.close();
}

describe("a watch", () => {
  it("shows hosts of the scope alone", async () => {
    const [scoped, within] = await Promise.all([stack.ca.user("scoped"), stack.ca.user("within")]);
    const watchers = [byCertificate(stack.user), byCertificate(within), byCertificate(scoped)].map((each) =>
      watch(each),
    );
    await Promise.all(watchers.map(({ begun }) => begun));
    await sendEvent("watched");
    const [all, own, others] = watchers;
    await eventually(
      "the event",
      5000,
      async () => (all?.actions.includes("watched") && own?.actions.includes("watched")) || undefined,
    );
    assert.deepEqual(others?.actions, []);
    for (const each of watchers) each.close();
  });

  it("ends within seconds when the token that opened it is deleted", async () => {
    const token = apiToken("viewer");
    const watcher = watch(byToken(token));
    await watcher.begun;
    stack.hosttrail("api-token", "delete", token.split("_")[1] ?? "");
    const code = await Promise.race([watcher.ended, sleep(8000, undefined, { ref: false })]);
    assert.equal(code, status.UNAUTHENTICATED);
    watcher.close();
  });
});

describe("the record of calls", () => {
  it("tells who asked what, how many results came and how it ended, and nothing secret", async () => {
    const token = apiToken("viewer");
    const { metadata, channel } = byToken(token);
    const client = queryClient(stack);
    await search(client, { filter: "process.name = recorded" });
    client.close();
    const method = METHODS.find(({ path }) => path.endsWith("/ListAuditEntries"));
    assert.ok(method);
    assert.equal(await codeOf({ metadata, channel }, method), status.PERMISSION_DENIED);
    const lines = await eventually("the record", 5000, async () =>
      stack
        .hosttrail("audit", "--limit", "1000", "--json")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Record<string, string>),
    );
    const asked = lines.find(({ request = "" }) => request.includes("process.name = recorded"));
    assert.equal(asked?.["caller"], "certificate:dev");
    assert.equal(asked?.["status"], "OK");
    assert.match(asked?.["peerAddress"] ?? "", /^127\.0\.0\.1:\d+$/);
    const change = lines.filter(({ method = "" }) => method.endsWith("/CreateApiToken"));
    assert.deepEqual(
      change.slice(0, 2).map(({ status: code }) => code),
      ["OK", "STARTED"],
      "newest first",
    );
    // The secret itself may have underscores.
    const [, id, ...secret] = token.split("_");
    assert.ok(lines.some(({ caller, status: code }) => caller === `token:${id}` && code === "PERMISSION_DENIED"));
    assert.ok(!JSON.stringify(lines).includes(secret.join("_")));
  });
});

type Done<Response> = (error: Error | null, response: Response) => void;

function unary<Response = unknown>(start: (done: Done<Response>) => unknown): Promise<Response> {
  return new Promise((resolve, reject) => {
    start((error, response) => (error === null ? resolve(response) : reject(error)));
  });
}
