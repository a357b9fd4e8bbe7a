/** The role notify against a real NATS, with real servers as targets: what is told, again and again, once, late, in order, or given up. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHmac } from "node:crypto";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { ServiceError } from "@grpc/grpc-js";
import type { BlockStream } from "@hosttrail/collector/jetstream";
import { AlertChange, AlertChange_Kind, AlertState, Severity } from "@hosttrail/proto/alert";
import {
  type DeadLetter,
  ListDeadLettersRequest,
  type ListDeadLettersResponse,
  ListRoutesRequest,
  type ListRoutesResponse,
  type NotifyRoute,
  NotifyServiceClient,
  RedeliverDeadLetterRequest,
  TestNotificationRequest,
} from "@hosttrail/proto/notify";
import { credentialsOf, eventually, openStack } from "./environment.ts";
import { openBlockStream } from "./publisher.ts";
import {
  datagramReceiver,
  type HttpReceiver,
  httpReceiver,
  type MailReceiver,
  mailReceiver,
  type Received,
  type ServerIdentity,
  type SyslogReceiver,
  syslogReceiver,
} from "./receivers.ts";
import { findSecrets, pidsOf, placesOfProcesses, placesOfStack } from "./scanner.ts";

const KEYS = [Buffer.alloc(24, 7), Buffer.alloc(32, 9)];
const ROUTING_KEY = "0123456789abcdef0123456789abcdef";
const PASSWORD = "pass-word-of-mail";
const SLACK_PATH = "/services/T000/B000/slack-secret-path";
/** What an attacker would like to be read as something else. */
const HOSTILE = "`*_<!channel> <b>x</b> & \r\nBcc: x@example.org\u202e\u0007\u001b[31m | = \\ end";
const WAIT_MS = 30_000;

let stack: Awaited<ReturnType<typeof openStack>>;
let http: HttpReceiver;
let mail: MailReceiver;
let plainSyslog: SyslogReceiver;
let tlsSyslog: SyslogReceiver;
let datagrams: SyslogReceiver;
let stream: BlockStream;
let client: NotifyServiceClient;
let secrets: string;
let count = 0;

const CLI = new URL("../cli/src/main.ts", import.meta.url).pathname;

function hosttrail(...words: string[]): Promise<{ stdout: string; status: number }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [CLI, "--profile", stack.profileFile, ...words], (error, stdout) =>
      resolve({ stdout, status: error === null ? 0 : Number(error.code) }),
    );
  });
}

function secretFile(name: string, content: string): string {
  const path = join(secrets, name);
  writeFileSync(path, `${content}\n`, { mode: 0o600 });
  return path;
}

/** A route for the alerts of one rule, which is called as the route is. */
function route(name: string, parts: Record<string, unknown>): Record<string, unknown> {
  const retry = { first_ms: 200, longest_ms: 1000, give_up_ms: 600_000 };
  const match = { rules: [name], ...(parts["match"] as object | undefined) };
  return { name, rate: { per_minute: 6000, burst: 1000 }, retry, timeout_ms: 5000, ...parts, match };
}

function webhook(name: string, parts: Record<string, unknown> = {}): Record<string, unknown> {
  const url = `http://127.0.0.1:${http.port}/${name}`;
  return route(name, { target: "webhook", url, secret_files: [join(secrets, "one"), join(secrets, "two")], ...parts });
}

/** All routes of these tests. */
function routes(): Record<string, unknown>[] {
  const local = `127.0.0.1:${http.port}`;
  const ca_file = join(secrets, "trust.crt");
  const summary = { per_minute: 1, burst: 3, summary_ms: 1500 };
  return [
    webhook("hook"),
    webhook("healthy"),
    webhook("hanging", { timeout_ms: 1000, concurrency: 1 }),
    webhook("redirecting", { retry: { first_ms: 100, longest_ms: 1000, give_up_ms: 1000 } }),
    webhook("limited", { rate: summary, concurrency: 1 }),
    webhook("slow"),
    webhook("narrow", { waiting_max: 3, timeout_ms: 2000, rate: { ...summary, burst: 100 } }),
    webhook("ordered"),
    webhook("shared"),
    webhook("severe", { match: { rules: ["mixed"], severity_min: "high", changes: ["opened"] } }),
    webhook("labelled", { match: { rules: ["mixed"], labels: { env: "dev" } } }),
    webhook("elsewhere", { match: { rules: ["mixed"], labels: { env: "another" } } }),
    { ...webhook("ocsf"), target: "ocsf" },
    route("slack", { target: "slack", url_file: secretFile("slack-url", `http://${local}${SLACK_PATH}`) }),
    route("pager", {
      target: "pagerduty",
      url: `http://${local}/pager`,
      key_file: secretFile("pager-key", ROUTING_KEY),
    }),
    route("mail", {
      target: "smtp",
      address: `localhost:${mail.port}`,
      ca_file,
      user: "sender",
      password_file: secretFile("mail-password", PASSWORD),
      from: "hosttrail@example.org",
      to: ["a@example.org", "b@example.org"],
    }),
    route("log-tls", { target: "syslog", address: `tls://localhost:${tlsSyslog.port}`, ca_file }),
    route("untrusted", { target: "syslog", address: `tls://localhost:${tlsSyslog.port}` }),
    route("log-tcp", { target: "syslog", address: `tcp://127.0.0.1:${plainSyslog.port}` }),
    route("log-udp", { target: "syslog", address: `udp://127.0.0.1:${datagrams.port}` }),
  ];
}

before(async () => {
  secrets = mkdtempSync(join(tmpdir(), "hosttrail-secrets-"));
  const identity: ServerIdentity = () => ({
    key: readFileSync(`${stack.serverPath}.key`, "utf8"),
    cert: readFileSync(`${stack.serverPath}.crt`, "utf8"),
  });
  http = await httpReceiver();
  mail = await mailReceiver(identity);
  tlsSyslog = await syslogReceiver(identity);
  plainSyslog = await syslogReceiver();
  datagrams = await datagramReceiver();
  for (const [at, key] of KEYS.entries()) secretFile(at === 0 ? "one" : "two", `whsec_${key.toString("base64")}`);
  stack = await openStack({
    collector: {
      notify: {
        link: "https://siem.example.org/alerts/",
        allow_addresses: ["127.0.0.0/8", "::1/128"],
        routes: routes(),
      },
      nats: { ack_wait_ms: 1000 },
    },
  });
  copyFileSync(join(stack.authority, "trust.crt"), join(secrets, "trust.crt"));
  await stack.startServices();
  await stack.startCollector();
  // A host with the label env=dev.
  await stack.enroll();
  stream = await openBlockStream(stack);
  client = new NotifyServiceClient(`localhost:${stack.queryPort}`, credentialsOf(stack, stack.user));
  await eventually("the routes", WAIT_MS, async () => (await listRoutes()).length === routes().length || undefined);
});

after(async () => {
  client.close();
  await stream.close();
  const places = [...placesOfProcesses(pidsOf(stack)), ...placesOfStack(stack)];
  for (const receiver of [http, mail, plainSyslog, tlsSyslog, datagrams]) receiver.close();
  await stack[Symbol.asyncDispose]();
  rmSync(secrets, { recursive: true, force: true });
  const kept = new Map([
    ["routing key", ROUTING_KEY],
    ["password", PASSWORD],
    ["Slack's path", SLACK_PATH],
    ...KEYS.map((key, at): [string, string] => [`webhook key ${at}`, key.toString("base64")]),
  ]);
  assert.deepEqual(findSecrets(kept, places), []);
});

interface About {
  kind?: AlertChange_Kind;
  severity?: Severity;
  id?: string;
  hostId?: string;
  silencedBy?: string;
  history?: number;
}

/** A change of an alert of this rule; a new alert where no id is given. */
function change(rule: string, about: About = {}): AlertChange {
  const { kind = AlertChange_Kind.OPENED, severity = Severity.HIGH, hostId = "a".repeat(32), silencedBy = "" } = about;
  const now = BigInt(Math.floor(Date.now() / 1000));
  const time = { seconds: now, nanos: 0 };
  const process = { pid: 4711, name: HOSTILE, executable: "/bin/sh", args: ["sh", "-c", HOSTILE] };
  const event = { timeUnixNano: now * 1_000_000_000n, action: "executed", outcome: "success" };
  return AlertChange.fromPartial({
    kind,
    time,
    actor: "detector",
    alert: {
      id: about.id ?? `${Date.now().toString(16).padStart(12, "0")}-${(count++).toString(16).padStart(32, "0")}`,
      rule: { key: rule, title: `Rule ${HOSTILE}`, severity, ruleset: "baseline", tags: ["attack.t1059.004"] },
      title: `Shell ${HOSTILE}`,
      hosts: [{ id: hostId, name: "web-1" }],
      firstEventTime: time,
      lastEventTime: time,
      createTime: time,
      updateTime: time,
      count: 1n,
      state: kind === AlertChange_Kind.CLOSED ? AlertState.CLOSED : AlertState.OPEN,
      events: [{ id: "e1", event, process, host: { id: hostId, name: "web-1" }, user: { id: 0, name: "root" } }],
      silencedBy,
      history: Array.from({ length: about.history ?? 0 }, () => ({ action: "commented", actor: "x" })),
    },
  });
}

async function tell(one: AlertChange): Promise<string> {
  await stream.alerts.publishAlert(one);
  return one.alert?.id ?? "";
}

function arrived(path: string, least: number): Promise<Received[]> {
  return eventually(`${least} at ${path}`, WAIT_MS, async () => {
    const found = http.at(path);
    return found.length >= least ? found : undefined;
  });
}

function until<Value>(what: string, find: () => Value | undefined): Promise<Value> {
  return eventually(what, WAIT_MS, async () => find());
}

type Done<Response> = (error: ServiceError | null, response: Response) => void;

function call<Response>(start: (done: Done<Response>) => unknown): Promise<Response> {
  return new Promise((resolve, reject) => {
    start((error, response) => (error === null ? resolve(response) : reject(error)));
  });
}

async function listRoutes(): Promise<NotifyRoute[]> {
  return (await call((done: Done<ListRoutesResponse>) => client.listRoutes(ListRoutesRequest.fromPartial({}), done)))
    .routes;
}

async function routeNow(name: string): Promise<NotifyRoute> {
  const found = (await listRoutes()).find((one) => one.name === name);
  assert.ok(found !== undefined, name);
  return found;
}

async function deadLetters(name: string): Promise<DeadLetter[]> {
  const request = ListDeadLettersRequest.fromPartial({ route: name });
  return (await call((done: Done<ListDeadLettersResponse>) => client.listDeadLetters(request, done))).deadLetters;
}

interface Body {
  type: string;
  data: { id: string; title: string; events: unknown[]; link: string };
  held_back?: { count: number; by_severity: Record<string, number> };
}

function bodyOf({ body }: Received): Body {
  return JSON.parse(body) as Body;
}

/** What a receiver does by the specification of Standard Webhooks, with one of its keys. */
function isSigned({ headers, body }: Received, key: Buffer): boolean {
  const signed = createHmac("sha256", key)
    .update(`${String(headers["webhook-id"])}.${String(headers["webhook-timestamp"])}.${body}`)
    .digest("base64");
  return String(headers["webhook-signature"]).split(" ").includes(`v1,${signed}`);
}

describe("a webhook", () => {
  it("gets the alert with its events, signed with each of the secrets", async () => {
    const id = await tell(change("hook"));
    const [one] = await arrived("/hook", 1);
    assert.ok(one !== undefined);
    const { type, data, held_back } = bodyOf(one);
    assert.equal(type, "alert.opened");
    assert.equal(data.id, id);
    assert.equal(data.title, `Shell ${HOSTILE}`);
    assert.equal(data.events.length, 1);
    assert.equal(data.link, `https://siem.example.org/alerts/${id}`);
    assert.equal(held_back, undefined);
    for (const key of KEYS) assert.ok(isSigned(one, key));
    assert.ok(!isSigned(one, Buffer.alloc(24, 1)));
    assert.ok(Math.abs(Number(one.headers["webhook-timestamp"]) - Date.now() / 1000) < 60);
  });

  it("gets a change once, however often it is told, and a silenced alert never", async () => {
    const silenced = await tell(change("hook", { silencedBy: "s1" }));
    const one = change("hook");
    for (let times = 0; times < 3; times++) await tell(one);
    const last = await tell(change("hook"));
    await until("the last one", () => http.at("/hook").find((each) => bodyOf(each).data.id === last));
    const ids = http.at("/hook").map((each) => bodyOf(each).data.id);
    assert.equal(ids.filter((id) => id === one.alert?.id).length, 1);
    assert.ok(!ids.includes(silenced));
  });

  it("is tried again after a failure, under the same id", async () => {
    http.answer("/hook", { status: 500 });
    const id = await tell(change("hook"));
    const tries = await until("three tries", () => {
      const found = http.at("/hook").filter((each) => bodyOf(each).data.id === id);
      return found.length >= 3 ? found : undefined;
    });
    http.answer("/hook", { status: 204 });
    assert.equal(new Set(tries.map(({ headers }) => headers["webhook-id"])).size, 1);
    for (const each of tries) assert.ok(isSigned(each, KEYS[0] ?? Buffer.alloc(0)));
    await eventually("the delivery", WAIT_MS, async () => (await routeNow("hook")).waiting === 0n || undefined);
    const { failed, lastError } = await routeNow("hook");
    assert.ok(failed >= 3n);
    assert.equal(lastError, "HTTP 500");
  });

  it("waits as long as the target asks for", async () => {
    http.answer("/hook", { status: 429, headers: { "retry-after": "3" } });
    const id = await tell(change("hook"));
    const find = (): Received[] => http.at("/hook").filter((each) => bodyOf(each).data.id === id);
    await until("a try", () => find()[0]);
    http.answer("/hook", { status: 204 });
    const [first, second] = await until("the next try", () => (find().length > 1 ? find() : undefined));
    assert.ok((second?.timeMs ?? 0) - (first?.timeMs ?? 0) >= 2900);
  });

  it("is told of the changes of an alert in their order, also where the first one fails", async () => {
    http.answer("/ordered", { status: 503 });
    const id = await tell(change("ordered"));
    await arrived("/ordered", 1);
    await tell(change("ordered", { kind: AlertChange_Kind.CLOSED, id, history: 1 }));
    await arrived("/ordered", 3);
    assert.ok(http.at("/ordered").every((each) => bodyOf(each).type === "alert.opened"));
    const before = http.at("/ordered").length;
    http.answer("/ordered", { status: 204 });
    await arrived("/ordered", before + 2);
    assert.deepEqual(
      http
        .at("/ordered")
        .slice(before)
        .map((each) => bodyOf(each).type),
      ["alert.opened", "alert.closed"],
    );
  });
});

describe("routes", () => {
  it("go by severity, change, and labels of hosts", async () => {
    const { hostId } = stack;
    const high = await tell(change("mixed", { hostId }));
    const low = await tell(change("mixed", { severity: Severity.LOW, hostId: "b".repeat(32) }));
    const noted = await tell(change("mixed", { kind: AlertChange_Kind.CLOSED, id: high, history: 1, hostId }));
    assert.equal(noted, high);
    await arrived("/labelled", 2);
    await arrived("/severe", 1);
    const last = await tell(change("hook"));
    await until("a later one", () => http.at("/hook").find((each) => bodyOf(each).data.id === last));
    assert.deepEqual(
      http.at("/severe").map((each) => bodyOf(each).data.id),
      [high],
    );
    assert.ok(http.at("/labelled").every((each) => bodyOf(each).data.id === high));
    assert.equal(http.at("/elsewhere").length, 0);
    assert.ok(!http.received.some(({ body }) => body.includes(low)));
  });

  it("do not wait for one whose target hangs", async () => {
    http.answer("/hanging", "never");
    for (let at = 0; at < 5; at++) await tell(change("hanging"));
    await arrived("/hanging", 1);
    for (let at = 0; at < 20; at++) await tell(change("healthy"));
    await arrived("/healthy", 20);
    assert.equal((await routeNow("hanging")).delivered, 0n);
    await eventually(
      "the reason",
      WAIT_MS,
      async () => /no answer within 1000 ms/.test((await routeNow("hanging")).lastError) || undefined,
    );
    http.answer("/hanging", { status: 200 });
    await eventually("all five", WAIT_MS, async () => (await routeNow("hanging")).delivered === 5n || undefined);
  });

  it("do not follow a redirect; what was given up is listed, and sent again under its id", async () => {
    http.answer("/redirecting", { status: 302, headers: { location: `http://127.0.0.1:${http.port}/inside` } });
    const id = await tell(change("redirecting"));
    const [letter] = await eventually("a dead letter", WAIT_MS, async () => {
      const found = await deadLetters("redirecting");
      return found.length > 0 ? found : undefined;
    });
    assert.ok(letter !== undefined);
    assert.equal(letter.alertId, id);
    assert.equal(letter.reason, `HTTP 302: it redirects to http://127.0.0.1:${http.port}; redirects are not followed`);
    assert.equal(http.at("/inside").length, 0);
    const ids = new Set(http.at("/redirecting").map(({ headers }) => headers["webhook-id"]));
    assert.deepEqual([...ids], [letter.notificationId]);

    http.answer("/redirecting", { status: 200 });
    const before = http.at("/redirecting").length;
    const request = RedeliverDeadLetterRequest.fromPartial({ id: letter.id });
    await call((done: Done<object>) => client.redeliverDeadLetter(request, done));
    const again = (await arrived("/redirecting", before + 1)).at(-1);
    assert.equal(again?.headers["webhook-id"], letter.notificationId);
    assert.deepEqual(await deadLetters("redirecting"), []);
    await assert.rejects(
      call((done: Done<object>) => client.redeliverDeadLetter(request, done)),
      /no dead letter/,
    );
  });

  it("tell of what their limit holds back, in the next message and when it is quiet, each once", async () => {
    for (let at = 0; at < 10; at++)
      await tell(change("limited", { severity: at % 2 === 0 ? Severity.HIGH : Severity.LOW }));
    const told = await until("all that was held back", () => {
      const counts = http.at("/limited").flatMap((each) => bodyOf(each).held_back ?? []);
      return counts.reduce((sum, { count: held }) => sum + held, 0) === 7 ? counts : undefined;
    });
    const sum = (name: string): number => told.reduce((all, each) => all + (each.by_severity[name] ?? 0), 0);
    assert.equal(sum("high") + sum("low"), 7);
    assert.equal(http.at("/limited").at(-1)?.body.includes("notification.held_back"), true);
    assert.equal(http.at("/limited").filter((each) => bodyOf(each).type === "alert.opened").length, 3);
    assert.equal((await routeNow("limited")).heldBack, 7n);
    // Nothing is told again.
    const before = http.at("/limited").length;
    const last = await tell(change("hook"));
    await until("a later one", () => http.at("/hook").find((each) => bodyOf(each).data.id === last));
    assert.equal(http.at("/limited").length, before);
  });
});

describe("a queue that is full", () => {
  it("counts what it does not take, and the counts are told", async () => {
    http.answer("/narrow", "never");
    for (let at = 0; at < 20; at++) await tell(change("narrow"));
    const held = await eventually("what is held back", WAIT_MS, async () => {
      const { heldBack, waiting } = await routeNow("narrow");
      return heldBack + waiting === 20n ? Number(heldBack) : undefined;
    });
    assert.ok(held >= 10, String(held));
    http.answer("/narrow", { status: 200 });
    const told = await until("the counts", () => {
      const counts = http.at("/narrow").flatMap((each) => bodyOf(each).held_back?.count ?? []);
      return counts.length > 0 ? counts : undefined;
    });
    assert.ok(Math.max(...told) <= held);
    await eventually("the end of it", WAIT_MS, async () => (await routeNow("narrow")).waiting === 0n || undefined);
    const opened = http
      .at("/narrow")
      .map(bodyOf)
      .filter(({ type }) => type === "alert.opened");
    assert.equal(new Set(opened.map(({ data }) => data.id)).size, 20 - held);
  });
});

describe("several processes", () => {
  it("share the work: each route is told of each change once, in order", async () => {
    const other = await stack.startAnotherCollector();
    const ids: string[] = [];
    for (let at = 0; at < 30; at++) {
      const id = await tell(change("shared"));
      await tell(change("shared", { kind: AlertChange_Kind.CLOSED, id, history: 1 }));
      ids.push(id);
    }
    await arrived("/shared", 60);
    const told = http.at("/shared").map(bodyOf);
    for (const id of ids) {
      assert.deepEqual(
        told.filter(({ data }) => data.id === id).map(({ type }) => type),
        ["alert.opened", "alert.closed"],
      );
    }
    assert.equal(told.length, 60);
    await eventually("the count", WAIT_MS, async () => (await routeNow("shared")).delivered === 60n || undefined);
    await other.process.stop();
  });
});

describe("a collector that is killed", () => {
  it("has left what was under way to the next one, which sends it under the same id", async () => {
    http.answer("/slow", "never");
    const id = await tell(change("slow"));
    const [first] = await arrived("/slow", 1);
    await stack.collector.kill("SIGKILL");
    http.answer("/slow", { status: 200 });
    await stack.startCollector();
    const all = await arrived("/slow", 2);
    assert.deepEqual(
      all.map((each) => [each.headers["webhook-id"], bodyOf(each).data.id]),
      all.map(() => [first?.headers["webhook-id"], id]),
    );
    await eventually("the delivery", WAIT_MS, async () => (await routeNow("slow")).delivered === 1n || undefined);
  });
});

describe("each target", () => {
  it("gets a Detection Finding of OCSF", async () => {
    const id = await tell(change("ocsf"));
    const [one] = await arrived("/ocsf", 1);
    const finding = JSON.parse(one?.body ?? "") as Record<string, unknown> & { finding_info: { uid: string } };
    assert.equal(finding["class_uid"], 2004);
    assert.equal(finding.finding_info.uid, id);
    assert.ok(one !== undefined && isSigned(one, KEYS[1] ?? Buffer.alloc(0)));
  });

  it("gets a message of Slack in which nothing is read as markup", async () => {
    await tell(change("slack"));
    const [one] = await arrived(SLACK_PATH, 1);
    const { text } = JSON.parse(one?.body ?? "") as { text: string };
    assert.ok(!text.includes("<!channel>") && text.includes("&lt;!channel&gt;"), text);
    assert.equal(text.split("```").length, 3);
    assert.ok(!/[^\P{Cc}\n]|\p{Cf}/u.test(text) && text.includes("\\x1b"));
  });

  it("gets an incident of PagerDuty that follows the alert", async () => {
    const id = await tell(change("pager"));
    await arrived("/pager", 1);
    await tell(change("pager", { kind: AlertChange_Kind.CLOSED, id, history: 1 }));
    const bodies = (await arrived("/pager", 2)).map(({ body }) => JSON.parse(body) as Record<string, unknown>);
    assert.deepEqual(
      bodies.map(({ event_action, dedup_key, routing_key }) => [event_action, dedup_key, routing_key]),
      [
        ["trigger", id, ROUTING_KEY],
        ["resolve", id, ROUTING_KEY],
      ],
    );
  });

  it("gets a mail within TLS, with no header that the alert made", async () => {
    await tell(change("mail"));
    const one = await until("the mail", () => mail.mails[0]);
    assert.equal(one.isSecure, true);
    assert.equal(one.login, `\0sender\0${PASSWORD}`);
    assert.deepEqual(one.to, ["RCPT TO:<a@example.org>", "RCPT TO:<b@example.org>"]);
    const [head = "", body = ""] = one.text.split("\r\n\r\n");
    assert.ok(!/^bcc:/im.test(head), head);
    const text = Buffer.from(body, "base64").toString();
    assert.match(text, /^Alert opened, high\r\n/);
    assert.ok(text.split("\r\n").every((line) => !line.startsWith("Bcc:")));
  });

  it("gets syslog over TLS, TCP and UDP", async () => {
    for (const name of ["log-tls", "log-tcp", "log-udp"]) await tell(change(name));
    for (const receiver of [tlsSyslog, plainSyslog, datagrams]) {
      const message = await until("a message", () => receiver.messages[0]);
      assert.match(
        message,
        /^<107>1 \d{4}-\d\d-\d\dT[\d:.]+Z - hosttrail - opened - CEF:0\|Hosttrail\|Hosttrail\|\d[\w.]+\|log-/,
      );
      assert.ok(!/\p{Cc}|\p{Cf}/u.test(message), message);
    }
  });
});

describe("hosttrail notify", () => {
  it("lists routes without secrets, and tests one or all", async () => {
    const { stdout, status } = await hosttrail("notify", "routes");
    assert.equal(status, 0);
    assert.match(stdout, /^ROUTE +TARGET +ADDRESS/);
    assert.ok(stdout.includes(`127.0.0.1:${http.port}`) && !stdout.includes(SLACK_PATH));
    const before = http.at("/healthy").length;
    assert.match((await hosttrail("notify", "test", "healthy")).stdout, /^healthy +delivered/m);
    const [last] = (await arrived("/healthy", before + 1)).slice(-1);
    assert.equal(last === undefined ? "" : bodyOf(last).type, "notification.test");
    http.answer("/healthy", { status: 404 });
    const all = await hosttrail("notify", "test");
    assert.equal(all.status, 1);
    assert.match(all.stdout, /^healthy +failed +HTTP 404/m);
    assert.match(all.stdout, /^log-tls +delivered/m);
    assert.match(all.stdout, /^mail +delivered/m);
    assert.match(all.stdout, /^untrusted +failed +the connection failed: .*certificate/m);
    const request = TestNotificationRequest.fromPartial({ route: "nobody" });
    await assert.rejects(
      call((done: Done<object>) => client.testNotification(request, done)),
      /no route "nobody"/,
    );
  });

  it("lists what was given up and sends it again", async () => {
    http.answer("/redirecting", { status: 413 });
    const id = await tell(change("redirecting"));
    await eventually(
      "a dead letter",
      WAIT_MS,
      async () => (await deadLetters("redirecting")).length === 1 || undefined,
    );
    const { stdout } = await hosttrail("notify", "dead-letters", "redirecting");
    assert.ok(stdout.includes("HTTP 413") && stdout.includes("redirecting"), stdout);
    http.answer("/redirecting", { status: 200 });
    const [letter] = await deadLetters("redirecting");
    assert.equal((await hosttrail("notify", "redeliver", letter?.id ?? "")).status, 0);
    await until(
      "it",
      () => http.at("/redirecting").filter((each) => bodyOf(each).data.id === id).length > 1 || undefined,
    );
  });
});
