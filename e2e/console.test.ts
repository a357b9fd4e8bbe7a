/** The console on a real stack: logins of every way, sessions and their ends, the API as JSON beside gRPC's. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, type MethodDefinition, type ServiceError, status } from "@grpc/grpc-js";
import { Archive } from "@hosttrail/collector/mongodb";
import { AccessServiceService } from "@hosttrail/proto/access";
import { AlertServiceService } from "@hosttrail/proto/alert";
import { AnalysisServiceService } from "@hosttrail/proto/analysis";
import { CoverageServiceService } from "@hosttrail/proto/coverage";
import { DeadBlockServiceService } from "@hosttrail/proto/deadblock";
import { LedgerServiceService } from "@hosttrail/proto/ledger";
import { LogServiceService } from "@hosttrail/proto/log";
import { NotifyServiceService } from "@hosttrail/proto/notify";
import { QueryServiceService, type TailEventsResponse } from "@hosttrail/proto/query";
import { RetentionServiceService } from "@hosttrail/proto/retention";
import { RuleServiceService } from "@hosttrail/proto/rule";
import { VerifyServiceService } from "@hosttrail/proto/verify";
import { Provider } from "oidc-provider";
import { readTrail } from "../bench/trails/trail.ts";
import { Browser, type Got } from "./consolebrowser.ts";
import { DatabaseHand } from "./databasehand.ts";
import { credentialsOf, eventually, openStack, queryClient } from "./environment.ts";
import { passPages } from "./providerpages.ts";
import { openBlockStream, PublishingHost } from "./publisher.ts";

const CLIENT_SECRET = "a-secret-of-this-test";
const MINUTE_MS = 60_000;
const EVENTS = 400;
const TAILED = 100;

let stack: Awaited<ReturnType<typeof openStack>>;
let server: Server;
let issuer: string;
let hand: DatabaseHand;
let stream: Awaited<ReturnType<typeof openBlockStream>>;
const host = new PublishingHost("host-of-a");
const browsers: Browser[] = [];

/** Who logs in at the provider; their groups. */
const GROUPS: Readonly<Record<string, string[]>> = { alice: ["security"], bob: ["sales"] };

before(async () => {
  server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  stack = await openStack({
    collector: {
      access: {
        bindings: [
          { subject: "certificate:dev", role: "admin" },
          { subject: "certificate:of-a", role: "viewer", scope: { team: "a" } },
          { subject: "oidc-group:security", role: "responder" },
        ],
        oidc: { issuer, audience: "hosttrail" },
      },
    },
  });
  const secretFile = join(dirname(stack.profileFile), "client-secret");
  writeFileSync(secretFile, `${CLIENT_SECRET}\n`, { mode: 0o600 });
  stack.changeCollectorConfig({
    console: {
      oidc: { client_id: "console", client_secret_file: secretFile, display_name: "Example" },
      logins_per_minute: 200,
    },
  });
  startProvider();
  await stack.startServices();
  await stack.startCollector();
  await eventually("the console", 60_000, async () => (await browser().get("/session")).status === 401 || undefined);
  hand = await DatabaseHand.open(stack.mongodb.url, stack.database);
  stream = await openBlockStream(stack);
  await publish(EVENTS);
  await eventually("all events being stored", 60_000, async () => (await stream.lag()) === 0 || undefined);
});
after(async () => {
  for (const each of browsers) each.close();
  await stream?.close();
  await hand?.close();
  await stack?.[Symbol.asyncDispose]();
  server.closeAllConnections();
  server.close();
});

function startProvider(): void {
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: "console",
        client_secret: CLIENT_SECRET,
        redirect_uris: [`${stack.consoleUrl}/login/callback`],
        response_types: ["code"],
        grant_types: ["authorization_code"],
      },
    ],
    claims: { openid: ["sub", "groups"] },
    conformIdTokenClaims: false,
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, groups: GROUPS[id] ?? [] }) }),
  });
  const answer = provider.callback();
  server.on("request", (request, response) => void answer(request, response));
}

async function publish(count: number): Promise<void> {
  const nowNano = BigInt(Date.now()) * 1_000_000n;
  const events = readTrail("web")
    .slice(0, count)
    .map((event, index) => ({
      ...event,
      event: event.event && { ...event.event, timeUnixNano: nowNano + BigInt(index) * 1000n },
    }));
  await host.publish(stream, host.seal(events));
}

function browser(port?: number, identity?: Parameters<typeof credentialsOf>[1]): Browser {
  const made = new Browser(stack, port, identity);
  browsers.push(made);
  return made;
}

/** Somebody who has logged in by certificate: the administrator, if nobody else is named. */
async function loggedIn(identity = stack.user, port?: number): Promise<Browser> {
  const made = browser(port, identity);
  assert.equal((await made.post("/login/certificate", {})).status, 200);
  return made;
}

function keyOf({ cookies }: Browser): string {
  return createHash("sha256")
    .update(cookies.get("__Host-hosttrail") ?? "")
    .digest("hex");
}

async function isNobody(who: Browser): Promise<void> {
  const { status: code, json } = await who.call("AccessService/GetCaller");
  assert.deepEqual([code, json.code], [401, "UNAUTHENTICATED"]);
  assert.equal((await who.get("/session")).status, 401);
}

describe("a person logs in", () => {
  it("by a client certificate, and gets what the contract says of a session", async () => {
    const who = await loggedIn();
    const { status: code, json } = await who.get("/session");
    assert.equal(code, 200);
    const { expires, idleExpires, version: _version, ...rest } = json;
    assert.deepEqual(rest, {
      caller: "certificate:dev",
      role: "admin",
      scope: {},
      ways: ["provider", "token", "certificate", "link"],
      provider: "Example",
    });
    const [idleMs, leftMs] = [Date.parse(idleExpires) - Date.now(), Date.parse(expires) - Date.now()];
    assert.ok(idleMs > 29 * MINUTE_MS && idleMs <= 30 * MINUTE_MS, idleExpires);
    assert.ok(leftMs > 719 * MINUTE_MS && leftMs <= 720 * MINUTE_MS, expires);
  });

  it("by an API token, whose end is the session's end, also of a stream that goes on", async () => {
    const { apiToken, token } = JSON.parse(
      stack.hosttrail("api-token", "create", "test", "--role", "viewer", "--json"),
    );
    const who = browser();
    assert.equal(
      (await who.post("/login/token", { token: token.replace(/.$/, (last: string) => (last === "A" ? "B" : "A")) }))
        .status,
      401,
    );
    assert.equal((await who.post("/login/token", { token })).status, 200);
    assert.equal((await who.call("AccessService/GetCaller")).json.name, `token:${apiToken.id}`);
    assert.equal((await who.call("AccessService/ListApiTokens")).json.code, "PERMISSION_DENIED");
    const tail = who.lines("QueryService/TailEvents");
    assert.equal(await tail.status, 200);
    const ended = drain(tail);
    stack.hosttrail("api-token", "delete", apiToken.id);
    await isNobody(who);
    await ended;
    assert.equal((tail.last as { error: { code: string } }).error.code, "UNAUTHENTICATED");
  });

  it("by a link, once, as whoever made it", async () => {
    const link = new URL(stack.hosttrail("console").trim());
    assert.equal(link.origin + link.pathname, `${stack.consoleUrl}/login`);
    const code = link.hash.slice(1);
    const who = browser();
    const both = await Promise.all([who.post("/login/link", { code }), browser().post("/login/link", { code })]);
    assert.deepEqual(
      both.map(({ status: each }) => each).toSorted((a, b) => a - b),
      [200, 401],
    );
    const { json } = both.find(({ status: each }) => each === 200) as Got;
    assert.deepEqual([json.caller, json.role], ["certificate:dev", "admin"]);
    assert.equal((await browser().post("/login/link", { code })).status, 401);
    assert.equal((await browser().post("/login/link", { code: "A".repeat(43) })).status, 401);
  });

  it("by a link that is over, not at all", async () => {
    const code = new URL(stack.hosttrail("console").trim()).hash.slice(1);
    const id = createHash("sha256").update(code).digest("hex");
    assert.equal(await hand.set("login_links", id, { expireMs: Date.now() - 1 }), true);
    assert.equal((await browser().post("/login/link", { code })).status, 401);
  });

  it("by the identity provider, and comes back to where it was", async () => {
    const who = browser();
    const begin = await who.get("/login/provider?to=/alerts/1%3Fx%3D2");
    assert.equal(begin.status, 303);
    const cookie = String(begin.headers["set-cookie"]);
    assert.match(cookie, /^__Host-hosttrail-login=[\w-]+; Path=\/; Secure; HttpOnly; SameSite=Lax; Max-Age=600$/);
    const to = new URL(String(begin.headers.location));
    assert.deepEqual(
      [to.searchParams.get("code_challenge_method"), to.searchParams.get("response_type")],
      ["S256", "code"],
    );
    const back = new URL(String(await passPages(to.href, "alice", `${stack.consoleUrl}/login/callback`)));
    // Without a page's headers: a provider sends the browser here.
    const atLogin = new Map(who.cookies);
    const end = await who.get(back.pathname + back.search);
    assert.deepEqual([end.status, end.headers.location], [303, "/alerts/1?x=2"]);
    assert.match(
      String(end.headers["set-cookie"]),
      /__Host-hosttrail=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Strict/,
    );
    const { json } = await who.get("/session");
    assert.deepEqual([json.caller, json.role], ["oidc:alice", "responder"]);
    assert.doesNotMatch(JSON.stringify(json), /eyJ/, "a token got to the page");
    // The answer again, by whoever has seen it, with and without what was remembered.
    const thief = browser();
    assert.equal((await thief.get(back.pathname + back.search)).headers.location, "/login?error=expired");
    for (const [name, value] of atLogin) thief.cookies.set(name, value);
    assert.equal((await thief.get(back.pathname + back.search)).headers.location, "/login?error=refused");
    await isNobody(thief);
  });

  it("by the identity provider without a role, or with another login's answer: not at all, and is told why", async () => {
    const [one, other] = [browser(), browser()];
    const begin = async (who: Browser, person: string): Promise<string> => {
      const { headers } = await who.get("/login/provider?to=//evil.example");
      const back = new URL(
        String(await passPages(String(headers.location), person, `${stack.consoleUrl}/login/callback`)),
      );
      return back.pathname + back.search;
    };
    const ofBob = await begin(one, "bob");
    assert.equal((await one.get(ofBob)).headers.location, "/login?error=unknown");
    const [first, second] = [await begin(one, "alice"), await begin(other, "alice")];
    assert.equal((await one.get(second)).headers.location, "/login?error=expired");
    assert.equal(
      (await other.get(second.replace(/code=[^&]+/, "code=made-up"))).headers.location,
      "/login?error=refused",
    );
    assert.notEqual(first, second);
    // A page of another site is none of ours.
    const good = browser();
    assert.equal((await good.get(await begin(good, "alice"))).headers.location, "/");
  });
});

describe("a session", () => {
  it("ends with its logout, on every collector", async () => {
    const other = await stack.startAnotherCollector({ roles: ["console"] });
    const who = await loggedIn();
    const elsewhere = browser(other.consolePort);
    for (const [name, value] of who.cookies) elsewhere.cookies.set(name, value);
    assert.equal((await elsewhere.call("AccessService/GetCaller")).json.name, "certificate:dev");
    assert.equal((await elsewhere.call("QueryService/SearchEvents", { pageSize: 5 })).json.events.length, 5);
    assert.equal((await who.post("/logout", {})).status, 200);
    assert.equal(who.cookies.has("__Host-hosttrail"), false);
    await isNobody(elsewhere);
    await other.process.stop();
  });

  it("ends when nobody used it for its idle time, which looks of the page itself do not put off", async () => {
    const who = await loggedIn();
    const id = keyOf(who);
    assert.equal(await hand.set("console_sessions", id, { usedMs: Date.now() - 28 * MINUTE_MS }), true);
    who.headers = { ...who.headers, "x-hosttrail-background": "1" };
    assert.equal((await who.call("AccessService/GetCaller")).status, 200);
    const idle = async (): Promise<number> => Date.parse((await who.get("/session")).json.idleExpires) - Date.now();
    assert.ok((await idle()) < 3 * MINUTE_MS);
    const { "x-hosttrail-background": _gone, ...page } = who.headers;
    who.headers = page;
    assert.equal((await who.call("AccessService/GetCaller")).status, 200);
    assert.ok((await idle()) > 29 * MINUTE_MS);
    await hand.set("console_sessions", id, { usedMs: Date.now() - 31 * MINUTE_MS });
    await isNobody(who);
    assert.equal(await hand.set("console_sessions", id, { usedMs: Date.now() }), false, "it is still there");
  });

  it("ends at its absolute end, however busy", async () => {
    const who = await loggedIn();
    await hand.set("console_sessions", keyOf(who), { endMs: Date.now() + 500 });
    assert.equal((await who.call("AccessService/GetCaller")).status, 200);
    await sleep(600);
    await isNobody(who);
  });

  it("that has ended is swept, and one that goes on is not; links are kept for an hour more", async () => {
    const archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
    try {
      const nowMs = Date.now();
      const about = { subjects: ["certificate:swept"], way: "link", createMs: nowMs, usedMs: nowMs } as const;
      await archive.console.insertSession({ ...about, id: "going-on", endMs: nowMs + MINUTE_MS });
      await archive.console.insertSession({ ...about, id: "over", endMs: nowMs });
      await archive.console.insertSession({
        ...about,
        id: "idle",
        endMs: nowMs + MINUTE_MS,
        usedMs: nowMs - MINUTE_MS,
      });
      const link = { subjects: about.subjects, identityEndMs: Infinity };
      await archive.console.insertLink({ ...link, id: "old", expireMs: nowMs - 61 * MINUTE_MS });
      await archive.console.insertLink({ ...link, id: "new", expireMs: nowMs + MINUTE_MS });
      assert.ok((await archive.console.sweep(nowMs, nowMs - MINUTE_MS, 1000)) >= 3);
      const left = await archive.console.sessionsOf("certificate:swept");
      assert.deepEqual(
        left.map(({ id }) => id),
        ["going-on"],
      );
      const takes = await Promise.all(Array.from({ length: 8 }, () => archive.console.takeLink("new", nowMs)));
      assert.deepEqual(
        takes.filter((each) => each !== undefined),
        [{ ...link, subjects: ["certificate:swept"], id: "new", expireMs: nowMs + MINUTE_MS }],
      );
      assert.equal(await archive.console.takeLink("old", nowMs - 120 * MINUTE_MS), undefined);
    } finally {
      await archive.close();
    }
  });

  it("goes on when the collector starts again", async () => {
    const who = await loggedIn();
    const tail = who.lines("QueryService/TailEvents");
    assert.equal(await tail.status, 200);
    const ended = drain(tail);
    await stack.collector.stop();
    await ended;
    await stack.startCollector();
    const again = browser();
    for (const [name, value] of who.cookies) again.cookies.set(name, value);
    await eventually("the console again", 60_000, async () => {
      const { status: code } = await again.call("AccessService/GetCaller");
      return code === 200 || undefined;
    });
  });
});

async function drain(lines: AsyncIterable<unknown>): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const each of lines) found.push(each);
  return found;
}

type Method = MethodDefinition<unknown, unknown>;

const METHODS = [
  AccessServiceService,
  AlertServiceService,
  AnalysisServiceService,
  CoverageServiceService,
  DeadBlockServiceService,
  LedgerServiceService,
  LogServiceService,
  NotifyServiceService,
  QueryServiceService,
  RetentionServiceService,
  RuleServiceService,
  VerifyServiceService,
].flatMap((service) => Object.values(service)) as unknown as Method[];

/** These say nothing until something happens. */
const ENDLESS = /\/(?:TailEvents|WatchAlerts)$/;

describe("the API as JSON", () => {
  it("answers a caller with few rights by every method as gRPC does", async () => {
    const identity = await stack.ca.user("of-a");
    const who = await loggedIn(identity);
    const client = new Client(`localhost:${stack.queryPort}`, credentialsOf(stack, identity));
    let refused = 0;
    for (const method of METHODS.filter(({ path }) => !ENDLESS.test(path))) {
      const expected = await callByGrpc(client, method);
      const name = method.path.replace("/hosttrail.v1.", "");
      const body = method.requestStream ? { parts: [] } : {};
      const found = method.responseStream ? await endOf(who, name, body) : outcomeOf(await who.call(name, body));
      assert.deepEqual(found, expected, name);
      if (expected.code === "PERMISSION_DENIED") refused++;
    }
    client.close();
    assert.ok(refused > 20, `${refused}`);
  });

  it("says what is wrong with a request, and lets nothing through that gRPC could not say", async () => {
    const who = await loggedIn();
    const wrong: [string, unknown, number, RegExp][] = [
      ["QueryService/SearchEvents", { fliter: "x" }, 400, /key "fliter" is unknown/],
      ["QueryService/SearchEvents", { pageSize: "many" }, 400, /page_size/],
      ["QueryService/SearchEvents", { pageSize: 1e99 }, 400, /page_size/],
      ["QueryService/SearchEvents", { filter: "process.pid = abc" }, 400, /process\.pid/],
      ["QueryService/SearchEvents", [], 400, /cannot decode message/],
      ["QueryService/GetEvent", { id: "nonsense" }, 400, /./],
      ["QueryService/Nothing", {}, 501, /no method/],
      ["IngestService/Stream", {}, 501, /no method/],
      ["RuleService/PutRuleset", {}, 400, /parts/],
      ["AlertService/GetAlert", { id: "x".repeat(70_000) }, 400, /65536 bytes/],
    ];
    for (const [method, body, code, words] of wrong) {
      const { status: found, json } = await who.call(method, body);
      assert.equal(found, code, `${method} ${JSON.stringify(json)}`);
      assert.match(json.message, words);
    }
    const { json } = await who.call("QueryService/SearchEvents", { filter: "process.pid = abc" });
    assert.equal(json.details[0]["@type"], "type.googleapis.com/google.rpc.ErrorInfo");
    assert.deepEqual([json.details[0].reason, json.details[0].metadata.column], ["FILTER_INVALID", "15"]);
  });

  it("brings the same events as gRPC as they come, and stops when the browser goes", async () => {
    const who = await loggedIn();
    const client = queryClient(stack);
    const byGrpc: string[] = [];
    const call = client.tailEvents({ filter: "", hostId: host.hostId, hosts: undefined });
    call.on("data", ({ events }: TailEventsResponse) => byGrpc.push(...events.map(({ id }) => id)));
    call.on("error", () => undefined);
    await once(call, "metadata");
    const tail = who.lines("QueryService/TailEvents", { hostId: host.hostId });
    assert.equal(await tail.status, 200);
    const byJson: string[] = [];
    const reading = (async () => {
      for await (const result of tail) {
        const { events = [] } = result as { events?: { id: string }[] };
        byJson.push(...events.map(({ id }) => id));
      }
    })();
    for (let block = 0; block < 5; block++) await publish(TAILED / 5);
    await eventually(
      "all of them",
      20_000,
      async () => (byGrpc.length >= TAILED && byJson.length >= TAILED) || undefined,
    );
    assert.deepEqual(byJson.toSorted(), byGrpc.toSorted());
    tail.close();
    call.cancel();
    await reading.catch(() => undefined);
    client.close();
    await eventually(
      "the end of the stream in the metrics",
      10_000,
      async () => (await streamsNow()) === 0 || undefined,
    );
  });

  it("holds a large answer back while its browser does not read, and loses nothing of it", async () => {
    const who = await loggedIn();
    const search = who.lines("QueryService/StreamSearch", { hostId: host.hostId });
    assert.equal(await search.status, 200);
    search.stream.pause();
    await sleep(2000);
    const found = (await drain(search)).flatMap((result) => (result as { events?: { id: string }[] }).events ?? []);
    assert.deepEqual(search.last, { end: {} });
    assert.ok(found.length >= EVENTS, `${found.length}`);
    assert.equal(new Set(found.map(({ id }) => id)).size, found.length);
  });

  it("is in the record of calls, with logins and logouts", async () => {
    const who = await loggedIn();
    await who.call("QueryService/SearchEvents", { filter: "process.name = told-in-the-record" });
    await who.post("/logout", {});
    const { json } = await (await loggedIn()).call("AccessService/ListAuditEntries", { pageSize: 20 });
    const told = json.auditEntries.map(
      ({ caller, method, request }: Record<string, string>) => `${caller} ${method} ${request}`,
    );
    const search = told.find((each: string) => each.includes("told-in-the-record"));
    assert.match(search, /^certificate:dev \/hosttrail\.v1\.QueryService\/SearchEvents \{/);
    assert.ok(told.some((each: string) => each.startsWith("certificate:dev /console/Logout")));
    assert.ok(told.includes('certificate:dev /console/Login {"way":"certificate","role":"admin"}'));
    assert.doesNotMatch(JSON.stringify(json), /login#/);
  });

  it("is refused to pages of other sites, whatever cookie comes with them", async () => {
    const who = await loggedIn();
    const { headers } = who;
    for (const foreign of [
      {},
      { "x-hosttrail-console": "1", "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-origin" },
      { "x-hosttrail-console": "1", origin: "https://evil.example" },
    ]) {
      who.headers = foreign;
      assert.equal((await who.call("AccessService/GetCaller")).json.details[0].reason, "ORIGIN_FOREIGN");
      assert.equal((await who.post("/logout", {})).status, 403);
      assert.equal((await who.post("/login/certificate", {})).status, 403);
    }
    who.headers = headers;
    assert.equal((await who.call("AccessService/GetCaller")).status, 200);
  });
});

async function streamsNow(): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${stack.metricsPort}/metrics`)).text();
  return Number(/^hosttrail_console_streams (\d+)$/m.exec(text)?.[1]);
}

interface Outcome {
  code: string;
  words: string;
}

function outcomeOf({ status: code, json }: Got): Outcome {
  return code === 200 ? { code: "OK", words: "" } : { code: json.code, words: json.message };
}

async function endOf(who: Browser, name: string, body: unknown): Promise<Outcome> {
  const lines = who.lines(name, body);
  await drain(lines);
  const last = lines.last as {
    end?: object;
    error?: { code: string; message: string };
    code?: string;
    message?: string;
  };
  if (last.end !== undefined) return { code: "OK", words: "" };
  const { code = "", message = "" } = last.error ?? last;
  return { code, words: message };
}

/** With an empty request, or none at all where it comes in parts. */
function callByGrpc(
  client: Client,
  { path, requestSerialize, responseDeserialize, requestStream, responseStream, requestDeserialize }: Method,
): Promise<Outcome> {
  const request = requestDeserialize(Buffer.alloc(0));
  return new Promise((resolve) => {
    const end = (error: ServiceError | null): void =>
      resolve(error === null ? { code: "OK", words: "" } : { code: status[error.code] ?? "", words: error.details });
    if (requestStream && responseStream) {
      const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
      call.on("data", () => undefined);
      call.on("error", (error: ServiceError) => end(error));
      call.on("end", () => end(null));
      call.end();
    } else if (requestStream)
      client.makeClientStreamRequest(path, requestSerialize, responseDeserialize, (error) => end(error)).end();
    else if (responseStream) {
      const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request);
      call.on("data", () => undefined);
      call.on("error", (error: ServiceError) => end(error));
      call.on("end", () => end(null));
    } else client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error) => end(error));
  });
}
