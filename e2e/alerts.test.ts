/** The API of alerts and its commands, on a real NATS and a real database: two teams, alerts of both, and people who work on them at once. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type ServiceError, status } from "@grpc/grpc-js";
import { Archive } from "@hosttrail/collector/mongodb";
import {
  type Alert,
  AlertChange_Kind as Change,
  type AlertServiceClient,
  AlertState,
  CloseAlertsRequest,
  CloseReason,
  CreateSuppressionRequest,
  ListAlertsRequest,
  type ListAlertsResponse,
  ListSuppressionsRequest,
  PreviewSuppressionRequest,
  type PreviewSuppressionResponse,
  Severity,
  Suppression,
  Suppression_Kind as Kind,
  WatchAlertsRequest,
  type WatchAlertsResponse,
} from "@hosttrail/proto/alert";
import { alertClient, alertOf, type AboutAlert, ask, reasonOf, refusal } from "./alerting.ts";
import { eventually, openStack } from "./environment.ts";

const A = "a".repeat(32);
const B = "b".repeat(32);
/** Has no alerts: what is said of it would have hidden none. */
const QUIET = "c".repeat(32);
const NOW_MS = Date.now();
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

let stack: Awaited<ReturnType<typeof openStack>>;
let archive: Archive;
/** Who works: an administrator, a responder, a viewer, and a responder and a viewer of team a. */
let admin: AlertServiceClient;
let responder: AlertServiceClient;
let viewer: AlertServiceClient;
let ofTeam: AlertServiceClient;
const clients: AlertServiceClient[] = [];

before(async () => {
  const scope = { team: "a" };
  const bindings = [
    { subject: "certificate:dev", role: "admin" },
    { subject: "certificate:responder", role: "responder" },
    { subject: "certificate:viewer", role: "viewer" },
    { subject: "certificate:of-team", role: "responder", scope },
  ];
  stack = await openStack({ collector: { roles: ["query", "enroll", "ingest"], access: { bindings } } });
  await stack.startServices();
  await stack.startCollector();
  archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
  for (const [hostId, team] of [
    [A, "a"],
    [B, "b"],
  ] as const) {
    await archive.identities.insertIdentity({
      hostId,
      hostName: `host-${team}`,
      labels: { team, env: "prod" },
      proof: "token:test",
      keyFingerprint: hostId,
      enrollMs: NOW_MS,
      expireMs: 0,
      revokeMs: 0,
      revokeReason: "",
      boots: [],
      clonedBoots: [],
    });
  }
  const open = async (name: string): Promise<AlertServiceClient> => {
    const client = alertClient(stack, await stack.ca.user(name));
    clients.push(client);
    return client;
  };
  admin = alertClient(stack);
  clients.push(admin);
  [responder, viewer, ofTeam] = await Promise.all([open("responder"), open("viewer"), open("of-team")]);
});
after(async () => {
  for (const client of clients) client.close();
  // Where it did not begin, what has begun must still end.
  await (archive as Archive | undefined)?.close();
  await stack[Symbol.asyncDispose]();
});

/** Puts alerts as the detector does; the times differ, so that their order is known. */
async function put(...about: Partial<AboutAlert>[]): Promise<Alert[]> {
  const alerts = about.map((each, index) => alertOf({ timeMs: next() + index, hosts: [A], ...each }));
  await archive.alerts.putAlerts(alerts.map((alert) => ({ alert, sequence: 1n, isTold: true })));
  return alerts;
}

let times = 0;
/** Each test has a minute of its own. */
function next(): number {
  return NOW_MS - DAY_MS + ++times * MINUTE_MS;
}

function at(timeMs: number): { seconds: bigint; nanos: number } {
  return { seconds: BigInt(Math.floor(timeMs / 1000)), nanos: (timeMs % 1000) * 1_000_000 };
}

function list(client: AlertServiceClient, request: Partial<ListAlertsRequest>): Promise<ListAlertsResponse> {
  return ask((done) => client.listAlerts(ListAlertsRequest.fromPartial(request), done));
}

async function listAll(client: AlertServiceClient, request: Partial<ListAlertsRequest>): Promise<string[]> {
  const ids: string[] = [];
  let pageToken = "";
  do {
    const page = await list(client, { ...request, pageToken });
    ids.push(...page.alerts.map(({ id }) => id));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return ids;
}

function get(client: AlertServiceClient, id: string): Promise<Alert> {
  return ask((done) => client.getAlert({ id }, done));
}

function suppression(about: Partial<Suppression>): Suppression {
  return Suppression.fromPartial({
    kind: Kind.EXCEPTION,
    reason: "known",
    expireTime: at(Date.now() + DAY_MS),
    ...about,
  });
}

function create(client: AlertServiceClient, about: Partial<Suppression>, allow = false): Promise<Suppression> {
  const request = CreateSuppressionRequest.fromPartial({ suppression: suppression(about), allowTruePositives: allow });
  return ask((done) => client.createSuppression(request, done));
}

describe("ListAlerts", () => {
  it("gives alerts once, newest first, in small pages as in large ones", async () => {
    const startMs = next();
    const alerts = await put(
      ...Array.from({ length: 25 }, (_, index) => ({ timeMs: startMs + index, ruleKey: "paged" })),
    );
    const newestFirst = alerts.map(({ id }) => id).reverse();
    for (const pageSize of [1, 7, 24, 25, 1000]) {
      assert.deepEqual(await listAll(viewer, { ruleKey: "paged", pageSize }), newestFirst, String(pageSize));
    }
    const {
      alerts: [first],
    } = await list(viewer, { ruleKey: "paged", pageSize: 1 });
    assert.deepEqual(first?.events, []);
    assert.equal(first?.rule?.title, "Title of paged");
    assert.equal(first?.state, AlertState.OPEN);
  });

  it("finds by everything that can be asked for", async () => {
    const startMs = next();
    const ruleset = "found";
    const [low, high, other] = await put(
      { timeMs: startMs, ruleset, severity: Severity.LOW, ruleKey: "r-low" },
      { timeMs: startMs + 1, ruleset, severity: Severity.CRITICAL, ruleKey: "r-high" },
      { timeMs: startMs + 2, ruleset, hosts: [B], ruleKey: "r-high" },
    );
    assert.ok(low && high && other);
    await ask((done) => responder.acknowledgeAlert({ id: low.id, text: "" }, done));
    await ask((done) => responder.assignAlert({ id: high.id, assignee: "bob" }, done));
    await ask((done) => responder.closeAlert({ id: other.id, reason: CloseReason.BENIGN, text: "" }, done));
    const found: [Partial<ListAlertsRequest>, Alert[]][] = [
      [{}, [other, high, low]],
      [{ severityMin: Severity.CRITICAL }, [high]],
      [{ hostId: B }, [other]],
      [{ ruleKey: "r-high" }, [other, high]],
      [{ states: [AlertState.OPEN] }, [high]],
      [{ states: [AlertState.OPEN, AlertState.ACKNOWLEDGED] }, [high, low]],
      [{ states: [AlertState.CLOSED] }, [other]],
      [{ assignee: "bob" }, [high]],
      [{ startTime: at(startMs + 1) }, [other, high]],
      [{ endTime: at(startMs + 1) }, [low]],
      [{ ruleset: "nobody-has-this" }, []],
    ];
    for (const [request, wanted] of found) {
      assert.deepEqual(
        await listAll(viewer, { ruleset, ...request }),
        wanted.map(({ id }) => id),
        JSON.stringify(request, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value)),
      );
    }
  });

  it("refuses the token of another request, or of another caller's scope", async () => {
    await put({ ruleKey: "token" }, { ruleKey: "token" });
    const { nextPageToken: pageToken } = await list(viewer, { ruleKey: "token", pageSize: 1 });
    assert.notEqual(pageToken, "");
    for (const wrong of [
      () => list(viewer, { pageToken }),
      () => list(ofTeam, { ruleKey: "token", pageToken }),
      () => list(viewer, { pageToken: "x" }),
    ]) {
      const error = await refusal(wrong());
      assert.deepEqual([error.code, reasonOf(error)], [status.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID"]);
    }
  });
});

describe("an alert", () => {
  it("comes with its events and their ancestry", async () => {
    const [alert] = await put({ processes: ["curl", "wget"] });
    assert.ok(alert);
    const got = await get(viewer, alert.id);
    assert.deepEqual(
      got.events.map(({ process }) => process?.name),
      ["curl", "wget"],
    );
    assert.deepEqual(
      got.events[0]?.process?.ancestry.map(({ name }) => name),
      ["bash", "sshd"],
    );
    assert.deepEqual([got.state, got.history], [AlertState.OPEN, []]);
  });

  it("goes through its states, and tells in its history who did what", async () => {
    const [alert] = await put({});
    assert.ok(alert);
    const { id } = alert;
    const acknowledged = await ask<Alert>((done) => responder.acknowledgeAlert({ id, text: "looking" }, done));
    assert.equal(acknowledged.state, AlertState.ACKNOWLEDGED);
    await ask((done) => admin.assignAlert({ id, assignee: "bob" }, done));
    await ask((done) => admin.commentAlert({ id, text: "line one\nline two" }, done));
    const closed = await ask<Alert>((done) =>
      responder.closeAlert({ id, reason: CloseReason.OTHER, text: "a drill" }, done),
    );
    assert.deepEqual(
      [closed.state, closed.closeReason, closed.closeText, closed.assignee],
      [AlertState.CLOSED, CloseReason.OTHER, "a drill", "bob"],
    );
    for (const wrong of [
      () => ask((done) => responder.closeAlert({ id, reason: CloseReason.BENIGN, text: "" }, done)),
      () => ask((done) => responder.acknowledgeAlert({ id, text: "" }, done)),
    ]) {
      const error = await refusal(wrong());
      assert.deepEqual([error.code, reasonOf(error)], [status.FAILED_PRECONDITION, "ALERT_STATE"]);
      assert.match(error.details, /is closed by certificate:responder/);
    }
    await ask((done) => admin.reopenAlert({ id, text: "no drill" }, done));
    const last = await get(viewer, id);
    assert.deepEqual([last.state, last.closeReason, last.closeText], [AlertState.OPEN, CloseReason.UNSPECIFIED, ""]);
    assert.deepEqual(
      last.history.map(({ actor, action, text, closeReason }) => [actor, action, text, closeReason]),
      [
        ["certificate:responder", "acknowledged", "looking", 0],
        ["certificate:dev", "assigned", "bob", 0],
        ["certificate:dev", "commented", "line one\nline two", 0],
        ["certificate:responder", "closed", "a drill", CloseReason.OTHER],
        ["certificate:dev", "reopened", "no drill", 0],
      ],
    );
    const error = await refusal(ask((done) => admin.reopenAlert({ id, text: "" }, done)));
    assert.equal(reasonOf(error), "ALERT_STATE");
  });

  it("loses nothing of what two people do at once, on two collectors", async () => {
    const [alert] = await put({});
    assert.ok(alert);
    const { id } = alert;
    const { queryPort } = await stack.startAnotherCollector();
    const other = alertClient(stack, stack.user, queryPort);
    clients.push(other);
    const texts = Array.from({ length: 20 }, (_, index) => `comment ${index}`);
    await Promise.all(
      texts.map((text, index) => ask((done) => (index % 2 === 0 ? admin : other).commentAlert({ id, text }, done))),
    );
    const { history } = await get(admin, id);
    assert.deepEqual(history.map(({ text }) => text).sort(), texts.sort());
    const outcomes = await Promise.allSettled(
      [admin, other, admin, other].map((client) => ask((done) => client.acknowledgeAlert({ id, text: "" }, done))),
    );
    assert.equal(outcomes.filter((outcome) => outcome.status === "fulfilled").length, 1, "one of them was first");
    assert.equal((await get(other, id)).history.length, texts.length + 1);
  });

  it("that is not there is NOT_FOUND", async () => {
    const error = await refusal(get(viewer, `${"0".repeat(12)}-${"0".repeat(32)}`));
    assert.deepEqual([error.code, reasonOf(error)], [status.NOT_FOUND, "ALERT_NOT_FOUND"]);
  });
});

describe("CloseAlerts", () => {
  it("closes every alert that is not closed, and no other one", async () => {
    const ruleKey = "bulk";
    const alerts = await put(...Array.from({ length: 30 }, () => ({ ruleKey })), { ruleKey: "not-bulk" });
    const id = (index: number): string => alerts[index]?.id ?? "";
    await ask((done) => responder.acknowledgeAlert({ id: id(0), text: "" }, done));
    await ask((done) => responder.closeAlert({ id: id(1), reason: CloseReason.TRUE_POSITIVE, text: "" }, done));
    const request = CloseAlertsRequest.fromPartial({ ruleKey, reason: CloseReason.FALSE_POSITIVE, text: "noise" });
    const first = await ask((done) => responder.closeAlerts(request, done));
    assert.deepEqual(first, { closed: 29n, more: false });
    assert.deepEqual(await ask((done) => responder.closeAlerts(request, done)), { closed: 0n, more: false });
    assert.deepEqual(await listAll(viewer, { ruleKey, states: [AlertState.OPEN, AlertState.ACKNOWLEDGED] }), []);
    assert.equal((await get(viewer, id(1))).closeReason, CloseReason.TRUE_POSITIVE);
    assert.equal((await get(viewer, id(0))).closeReason, CloseReason.FALSE_POSITIVE);
    assert.equal((await get(viewer, id(30))).state, AlertState.OPEN);
  });
});

describe("a scope", () => {
  it("shows alerts whose hosts are all within it, and refuses the others as if they were not there", async () => {
    const ruleKey = "scoped";
    const [own, others, mixed] = await put(
      { ruleKey },
      { ruleKey, hosts: [B] },
      { ruleKey, hosts: [A, B], processes: ["curl", "wget"] },
    );
    assert.ok(own && others && mixed);
    assert.deepEqual(await listAll(ofTeam, { ruleKey }), [own.id]);
    assert.equal((await listAll(viewer, { ruleKey })).length, 3);
    for (const { id } of [others, mixed]) {
      const calls = [
        () => get(ofTeam, id),
        () => ask((done) => ofTeam.acknowledgeAlert({ id, text: "" }, done)),
        () => ask((done) => ofTeam.closeAlert({ id, reason: CloseReason.BENIGN, text: "" }, done)),
        () => ask((done) => ofTeam.assignAlert({ id, assignee: "x" }, done)),
        () => ask((done) => ofTeam.commentAlert({ id, text: "x" }, done)),
        () => ask((done) => ofTeam.reopenAlert({ id, text: "" }, done)),
      ];
      for (const call of calls) assert.equal((await refusal(call())).code, status.NOT_FOUND);
    }
    const request = CloseAlertsRequest.fromPartial({ ruleKey, reason: CloseReason.BENIGN });
    assert.deepEqual(await ask((done) => ofTeam.closeAlerts(request, done)), { closed: 1n, more: false });
    assert.equal((await get(viewer, others.id)).state, AlertState.OPEN);
  });

  it("bounds suppressions to itself", async () => {
    for (const labels of [{}, { team: "b" }, { env: "prod" }]) {
      const error = await refusal(create(ofTeam, { hostIds: [A], labels }));
      assert.deepEqual([error.code, reasonOf(error)], [status.PERMISSION_DENIED, "SCOPE_TOO_SMALL"]);
      assert.match(error.details, /must have the labels \{"team":"a"\}/);
    }
    const own = await create(ofTeam, { hostIds: [QUIET], labels: { team: "a", env: "prod" } });
    const others = await create(responder, { hostIds: [B] });
    const listed = await ask<{ suppressions: Suppression[] }>((done) =>
      ofTeam.listSuppressions(ListSuppressionsRequest.create(), done),
    );
    assert.deepEqual(
      listed.suppressions.map(({ id }) => id),
      [own.id],
    );
    const error = await refusal(ask((done) => ofTeam.expireSuppression({ id: others.id }, done)));
    assert.equal(error.code, status.NOT_FOUND);
    for (const { id } of [own, others]) await ask((done) => responder.expireSuppression({ id }, done));
  });
});

describe("a role", () => {
  it("lets a viewer look and not touch", async () => {
    const [alert] = await put({});
    assert.ok(alert);
    const { id } = alert;
    const calls: (() => Promise<unknown>)[] = [
      () => ask((done) => viewer.acknowledgeAlert({ id, text: "" }, done)),
      () => ask((done) => viewer.closeAlert({ id, reason: CloseReason.BENIGN, text: "" }, done)),
      () => create(viewer, { hostIds: [A] }),
    ];
    for (const call of calls) assert.equal((await refusal(call())).code, status.PERMISSION_DENIED);
    assert.deepEqual((await get(viewer, id)).history, []);
  });
});

describe("WatchAlerts", () => {
  it("tells each change to those who may see it, with who did it", async () => {
    const ruleKey = "watched";
    const [own, others] = await put({ ruleKey }, { ruleKey, hosts: [B] });
    assert.ok(own && others);
    const seen = new Map<AlertServiceClient, WatchAlertsResponse[]>();
    const watches = [viewer, ofTeam].map((client) => {
      const told: WatchAlertsResponse[] = [];
      seen.set(client, told);
      const stream = client.watchAlerts(WatchAlertsRequest.create());
      stream.on("data", (response: WatchAlertsResponse) => told.push(response));
      stream.on("error", () => undefined);
      return { stream, begun: new Promise((resolve) => stream.once("metadata", resolve)) };
    });
    try {
      await Promise.all(watches.map(({ begun }) => begun));
      for (const { id } of [own, others]) {
        await ask((done) => responder.acknowledgeAlert({ id, text: "" }, done));
        await ask((done) => responder.assignAlert({ id, assignee: "bob" }, done));
        // Nothing changed, and nothing is told.
        await ask((done) => responder.assignAlert({ id, assignee: "bob" }, done));
        await ask((done) => responder.closeAlert({ id, reason: CloseReason.BENIGN, text: "" }, done));
        await ask((done) => responder.reopenAlert({ id, text: "" }, done));
      }
      await eventually("all changes", 10_000, async () => (seen.get(viewer)?.length ?? 0) >= 8 || undefined);
      await sleep(200);
      const kinds = [Change.ACKNOWLEDGED, Change.NOTED, Change.CLOSED, Change.REOPENED];
      const shown = (client: AlertServiceClient): unknown[] =>
        seen.get(client)?.map(({ change }) => [change?.alert?.id, change?.kind, change?.actor]) ?? [];
      const wanted = (id: string): unknown[] => kinds.map((kind) => [id, kind, "certificate:responder"]);
      assert.deepEqual(shown(ofTeam), wanted(own.id));
      assert.deepEqual(shown(viewer), [...wanted(own.id), ...wanted(others.id)]);
      const closed = seen.get(viewer)?.find(({ change }) => change?.kind === Change.CLOSED)?.change?.alert;
      assert.deepEqual([closed?.state, closed?.closeReason], [AlertState.CLOSED, CloseReason.BENIGN]);
    } finally {
      for (const { stream } of watches) stream.cancel();
    }
  });
});

describe("suppressions", () => {
  it("are made, listed newest first with what they hid, and ended", async () => {
    const first = await create(responder, {
      ruleKeys: ["finding:host-silent"],
      hostIds: [A],
      labels: { env: "prod" },
      tags: { "aws:tier": "web 1" },
      filter: 'process.name = "curl"',
      reason: "backup",
    });
    const second = await create(responder, { kind: Kind.SILENCE, hostIds: [QUIET] });
    await archive.suppressions.putHidden(first.id, { hidden: 7, lastHiddenMs: NOW_MS });
    const all = (showExpired: boolean): Promise<{ suppressions: Suppression[] }> =>
      ask((done) => viewer.listSuppressions(ListSuppressionsRequest.fromPartial({ showExpired }), done));
    const {
      suppressions: [newest, oldest],
    } = await all(false);
    assert.deepEqual([newest?.id, newest?.kind, newest?.hidden], [second.id, Kind.SILENCE, 0n]);
    assert.deepEqual(oldest, { ...first, hidden: 7n, lastHiddenTime: at(NOW_MS) });
    assert.equal(oldest?.owner, "certificate:responder");
    const ended = await ask<Suppression>((done) => responder.expireSuppression({ id: second.id }, done));
    assert.ok((ended.expireTime?.seconds ?? 0n) <= BigInt(Math.ceil(Date.now() / 1000)));
    assert.deepEqual(
      (await all(false)).suppressions.map(({ id }) => id),
      [first.id],
    );
    assert.ok((await all(true)).suppressions.some(({ id }) => id === second.id));
    assert.deepEqual(
      (await archive.suppressions.activeSuppressions(Date.now())).map(({ id }) => id),
      [first.id],
    );
    await ask((done) => responder.expireSuppression({ id: first.id }, done));
    assert.deepEqual(await archive.suppressions.activeSuppressions(Date.now()), []);
  });

  it("are held against the alerts of the last days: wholly hidden, thinned, kept", async () => {
    const ruleKey = "finding:preview";
    const [whole, part, kept, right] = await put(
      { ruleKey, processes: ["curl", "curl"] },
      { ruleKey, processes: ["curl", "wget"] },
      { ruleKey, processes: ["wget"] },
      { ruleKey, processes: ["curl"] },
    );
    assert.ok(whole && part && kept && right);
    await ask((done) => responder.closeAlert({ id: right.id, reason: CloseReason.TRUE_POSITIVE, text: "" }, done));
    const preview = (about: Partial<Suppression>): Promise<PreviewSuppressionResponse> =>
      ask((done) => {
        const request = PreviewSuppressionRequest.fromPartial({
          suppression: suppression({ ruleKeys: [ruleKey], ...about }),
        });
        viewer.previewSuppression(request, done);
      });
    const curl = await preview({ filter: "process.name = curl" });
    assert.deepEqual(
      [curl.hiddenAlerts, curl.thinnedAlerts, curl.truePositiveIds, curl.hiddenIds],
      [2n, 1n, [right.id], [right.id, whole.id]],
    );
    const filtered: [Partial<Suppression>, bigint][] = [
      [{ labels: { team: "a" } }, 4n],
      [{ labels: { team: "b" } }, 0n],
      [{ tags: { tier: "web" } }, 4n],
      [{ tags: { tier: "db" } }, 0n],
      [{ hostIds: [A] }, 4n],
      [{ hostIds: [B] }, 0n],
    ];
    for (const [about, hidden] of filtered) {
      assert.equal((await preview(about)).hiddenAlerts, hidden, JSON.stringify(about));
    }
  });

  it("that would have hidden a true positive are refused with its id, unless that is wanted", async () => {
    const ruleKey = "finding:true";
    const [alert] = await put({ ruleKey });
    assert.ok(alert);
    await ask((done) => responder.closeAlert({ id: alert.id, reason: CloseReason.TRUE_POSITIVE, text: "" }, done));
    const about = { ruleKeys: [ruleKey], filter: "process.name = curl" };
    const error = await refusal(create(responder, about));
    assert.deepEqual([error.code, reasonOf(error)], [status.FAILED_PRECONDITION, "HIDES_TRUE_POSITIVES"]);
    assert.ok(error.details.includes(alert.id));
    assert.deepEqual(await archive.suppressions.activeSuppressions(Date.now()), []);
    const { id } = await create(responder, about, true);
    await ask((done) => responder.expireSuppression({ id }, done));
    const other = await create(responder, { ...about, filter: "process.name = wget" });
    await ask((done) => responder.expireSuppression({ id: other.id }, done));
  });
});

describe("bad input", () => {
  const long = "x".repeat(5000);
  const id = `${"0".repeat(12)}-${"0".repeat(32)}`;
  type Calls = (client: AlertServiceClient) => Promise<unknown>;
  const listing =
    (request: Partial<ListAlertsRequest>): Calls =>
    (client) =>
      list(client, request);
  const making =
    (about: Partial<Suppression>): Calls =>
    (client) =>
      create(client, { hostIds: [A], ...about });
  const wrong: [string, Calls, RegExp][] = [
    ["a negative page size", listing({ pageSize: -1 }), /page_size is -1; allowed are 0 to 1000/],
    ["a state that is none", listing({ states: [9 as AlertState] }), /states is 9/],
    ["a severity that is none", listing({ severityMin: 6 as Severity }), /severity_min is 6; allowed are 0 to 5/],
    ["a host id that is none", listing({ hostId: "zz" }), /host_id is "zz"; allowed are 32 lower case hex digits/],
    ["a key with a control character", listing({ ruleKey: "a\u0007" }), /rule_key .* none of them a control character/],
    ["a key that is too long", listing({ ruleKey: long }), /rule_key/],
    ["an assignee that is too long", listing({ assignee: long }), /assignee/],
    ["a time that cannot be", listing({ startTime: { seconds: 1n << 62n, nanos: 0 } }), /start_time/],
    ["an alert id that is none", (client) => get(client, "x"), /id is "x"; allowed are ids of alerts/],
    ["no reason", (client) => ask((done) => client.closeAlert({ id, reason: 0, text: "" }, done)), /reason is 0/],
    [
      "the detector's reason",
      (client) => ask((done) => client.closeAlert({ id, reason: CloseReason.WITHDRAWN, text: "" }, done)),
      /reason is 6; allowed are TRUE_POSITIVE/,
    ],
    [
      "another reason without a text",
      (client) => ask((done) => client.closeAlert({ id, reason: CloseReason.OTHER, text: " " }, done)),
      /text/,
    ],
    ["a text that is too long", (client) => ask((done) => client.commentAlert({ id, text: long }, done)), /text/],
    ["no text", (client) => ask((done) => client.commentAlert({ id, text: "" }, done)), /text is ""; allowed are 1 to/],
    [
      "closing everything",
      (client) => ask((done) => client.closeAlerts(CloseAlertsRequest.fromPartial({ reason: 1 }), done)),
      /one of rule_key, host_id, start_time and end_time must be there/,
    ],
    [
      "no suppression",
      (client) => ask((done) => client.createSuppression(CreateSuppressionRequest.create(), done)),
      /suppression/,
    ],
    ["a suppression of no kind", making({ kind: 0 }), /kind is 0; allowed are EXCEPTION and SILENCE/],
    ["a suppression without a reason", making({ reason: "" }), /suppression.reason is ""; allowed are 1 to 512/],
    ["a suppression of everything", making({ hostIds: [] }), /nothing may be hidden as a whole/],
    [
      "a suppression of everything, by spaces",
      making({ hostIds: [], filter: "  " }),
      /nothing may be hidden as a whole/,
    ],
    [
      "a suppression without an end",
      making({ expireTime: undefined }),
      /expire_time is ""; allowed are times from now/,
    ],
    ["one that has ended", making({ expireTime: at(NOW_MS - 1) }), /expire_time is "20/],
    ["one that ends too late", making({ expireTime: at(NOW_MS + 400 * DAY_MS) }), /to a year from now/],
    ["one on a host that is none", making({ hostIds: ["x"] }), /host_ids is "x"/],
    [
      "one of a rule that is not there",
      making({ ruleKeys: ["proc_creation_lnx"] }),
      /rule_keys .* there is no such rule/,
    ],
    ["one with a wrong label", making({ labels: { "a b": "c" } }), /label key "a b" is not allowed/],
    ["one with an empty tag", making({ tags: { "": "c" } }), /suppression.tags/],
    ["one with an unknown field", making({ filter: "nope = 1" }), /column 1: unknown field "nope"/],
    ["one with half a filter", making({ filter: 'process.name = "x' }), /column 16/],
    [
      "a suppression id that is none",
      (client) => ask((done) => client.expireSuppression({ id: "x" }, done)),
      /id is "x"/,
    ],
    [
      "more days than a year",
      (client) =>
        ask((done) => client.previewSuppression({ suppression: suppression({ hostIds: [A] }), days: 400 }, done)),
      /days is 400; allowed are 0 to 365/,
    ],
    [
      "a watch of a host that is none",
      (client) =>
        new Promise((resolve, reject) => {
          const stream = client.watchAlerts({ hostId: "x", severityMin: 0 });
          stream.on("data", () => undefined);
          stream.on("error", reject);
          stream.on("end", () => resolve(undefined));
        }),
      /host_id is "x"/,
    ],
  ];
  for (const [what, call, message] of wrong) {
    it(`is refused: ${what}`, async () => {
      const error: ServiceError = await refusal(call(admin));
      assert.equal(error.code, status.INVALID_ARGUMENT, error.details);
      assert.match(error.details, message);
      assert.match(reasonOf(error), /^(FIELD_INVALID|FIELD_MISSING|FILTER_INVALID)$/);
    });
  }
});
