/**
 * The rights that are printed for each role's login, held against what the roles send. A process for each role, each with a recorder between it and
 * the database; what it sends must be allowed, and what is allowed must be sent, but for what is named here with its reason.
 *
 * No mongod was at hand, and the embedded database has no rights: that a server refuses everything else is not shown here.
 */
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { createContext, runInContext } from "node:vm";
import { asideSource, retainArchive } from "@hosttrail/collector/archives";
import type { BlockStream } from "@hosttrail/collector/jetstream";
import { Archive } from "@hosttrail/collector/mongodb";
import { FileAside, Retainer } from "@hosttrail/collector/retain";
import { openLogger } from "@hosttrail/lib/log";
import { IngestServiceClient } from "@hosttrail/proto/ingest";
import { LogServiceClient } from "@hosttrail/proto/log";
import { parse, stringify } from "yaml";
import { Browser } from "./consolebrowser.ts";
import { DatabaseHand } from "./databasehand.ts";
import { DatabaseRecorder } from "./databaserecorder.ts";
import { credentialsOf, eventually, openStack, queryClient, searchAll } from "./environment.ts";
import { malformed } from "./ledgerhost.ts";
import { executed, openBlockStream, PublishingHost } from "./publisher.ts";

const COLLECTOR = new URL("../collector/src/main.ts", import.meta.url).pathname;
const CLI = new URL("../cli/src/main.ts", import.meta.url).pathname;
/** What a rule finds. */
const RECORDED = new URL("../rules/recorded/cgroup_release_agent_set/match-1.log", import.meta.url);
const RULE =
  "title: Kept\nlogsource: { product: linux, category: process_creation }\ndetection: { a: { Image|endswith: /kept }, condition: a }\n";
const ROLES = ["ingest", "store", "compact", "detect", "query", "notify", "enroll", "attest", "console"] as const;
const DAY_MS = 86_400_000;
const ORIGIN = "example.org/log";

type Login = (typeof ROLES)[number] | "apply";

/** The embedded database has no index of it, so nobody looks for one. */
const NO_RANGES = { "listIndexes arrivals": "the embedded database has no index of it" };
/** Allowed, and not sent here: `<action> <collection>` by login, each with the reason. */
const RARE: Readonly<Record<Login, Readonly<Record<string, string>>>> = {
  apply: { ...NO_RANGES, "createIndex arrivals": "the same" },
  enroll: {
    ...NO_RANGES,
    "find cloud_machines": "machines of AWS",
    "insert cloud_machines": "machines of AWS",
    "remove enrollment_token_uses": "two requests of one host at once",
    "find revocations": "a host that is known enrols again",
    "find host_boots": "a host that is known enrols again",
    "find host_certificates": "a host that is known enrols again",
  },
  ingest: {
    ...NO_RANGES,
    "update host_boots": "a host that boots again",
    "find days": "a block that is sent again after it was compacted",
  },
  store: {
    ...NO_RANGES,
    "find arrivals": "a block that comes again after the stream forgot it",
    "find days": "a block that comes again after it was compacted",
    "find drops": "a block that comes again after its day was dropped",
  },
  compact: {
    ...NO_RANGES,
    "insert arrivals": "a fork that is found when blocks are compacted",
    "insert hosts": "a fork that is found when blocks are compacted",
    "update hosts": "a fork that is found when blocks are compacted",
    "remove leftovers": "what somebody left behind goes after minutes",
    "remove days": "what somebody left behind goes after minutes",
    "remove compact_turns": "turns are forgotten after an hour",
    "insert outside_seen": "blocks outside of all days",
    "update outside_seen": "blocks outside of all days",
    "remove drop_batches": "what was noted is not dropped after all",
    "remove drop_batch_hosts": "what was noted is not dropped after all",
    "find drop_batch_hosts": "a process that goes on where another one ended",
    "remove drops_unlogged": "what was noted is not dropped after all",
    "find drops_unlogged": "retention.wait_for_log",
    "remove detection_gaps": "detection that was away",
  },
  detect: {
    ...NO_RANGES,
    "find suppression_ends": "a suppression that is in force",
    "insert suppression_counts": "a suppression that hid something",
    "update suppression_counts": "a suppression that hid something",
    "insert detection_gaps": "detection that was away",
    "find detector_state_pieces": "a process that goes on where another one ended",
    "find alert_work": "an alert that takes the place of others",
    "insert alert_work": "an alert that takes the place of others",
    "update alert_work": "an alert that takes the place of others",
    "find alert_actions": "an alert that takes the place of others",
    "insert alert_actions": "an alert that takes the place of others",
    "find disk_samples": "a server that tells of its disk",
    "insert disk_samples": "a server that tells of its disk",
    "remove disk_samples": "a server that tells of its disk",
  },
  query: {
    ...NO_RANGES,
    "find drop_batch_hosts": "a question of some hosts about days that were dropped",
    "find log_notes": "verification of days that were dropped",
    // e2e/coverage.test.ts asks for them, and holds the rights of the role coverage against what it sends.
    "find coverage_polls": "machines of AWS",
    "find coverage_instances": "machines of AWS",
    "find coverage_changes": "machines of AWS",
  },
  // It asks for labels where a route wants some.
  notify: {
    ...NO_RANGES,
    "find identities": "a route for hosts with a label",
    "find revocations": "a route for hosts with a label",
    "find host_boots": "a route for hosts with a label",
    "find host_certificates": "a route for hosts with a label",
  },
  attest: {
    ...NO_RANGES,
    "find log_batches": "a process that goes on where another one ended",
    "find log_checkpoints": "whoever asks for the log's files",
    "find api_tokens": "whoever asks for the log's files",
  },
  // And whatever query has: it is the same API.
  console: { ...NO_RANGES, "remove login_links": "a link that ended an hour ago" },
};

interface Privilege {
  resource: { db?: string; collection?: string; cluster?: boolean };
  actions: string[];
}

describe("rights in the database", () => {
  let stack: Awaited<ReturnType<typeof openStack>>;
  let stream: BlockStream;
  let folder: string;
  let days: string;
  let profile: string;
  const recorders = new Map<Login, DatabaseRecorder>();
  const ports = new Map<Login, { ingest: number; query: number; enroll: number; console: number }>();
  const configs = new Map<Login, string>();

  /** What the command prints. The recorders are in this process, so nobody must wait for a command without them. */
  const ask = async (...words: string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)(process.execPath, [CLI, "--profile", profile, ...words]);
    return stdout;
  };
  /** The same, where a rule or an answer may lack what it is asked for: then the command ends with 1, 2 or 3. */
  const tried = async (...words: string[]): Promise<void> => {
    try {
      await ask(...words);
    } catch (error) {
      const { code, stderr } = error as { code?: number; stderr?: string };
      assert.ok(code === 1 || code === 2 || code === 3, `${words.join(" ")}: ${String(stderr)}`);
    }
  };
  const command = async (login: Login, ...words: string[]): Promise<string> => {
    const given = [COLLECTOR, ...words, "--config", configs.get(login) ?? ""];
    try {
      return (await promisify(execFile)(process.execPath, given)).stdout;
    } catch (error) {
      const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
      return stdout + stderr;
    }
  };

  before(async () => {
    stack = await openStack();
    folder = dirname(stack.agentConfigFile);
    days = `${stack.database}_days`;
    await stack.startServices();
    stream = await openBlockStream(stack);
    const keyFile = join(folder, "log.key");
    execFileSync(process.execPath, [COLLECTOR, "log-key", "make", ORIGIN, keyFile]);
    for (const login of ["apply", ...ROLES] as const) {
      const recorder = await DatabaseRecorder.open(stack.mongodb.url);
      recorders.set(login, recorder);
      const changes = {
        roles: [login === "apply" ? "query" : login],
        mongodb: { url: recorder.url, history_database: days, manage: false },
        compact: { turn_ms: 100, age_ms: 0, blocks_min: 1 },
        detect: { findings_ms: 500, checkpoint_ms: 200 },
        attest: { origin: ORIGIN, key_file: keyFile, interval_ms: 500 },
        ...(login === "enroll" ? {} : { ca: { certificate_file: "", key_file: "" } }),
      };
      configs.set(login, stack.writeCollectorConfig(changes, login));
      if (login === "apply") continue;
      const planned = await stack.planAnotherCollector(changes);
      ports.set(login, planned.ports);
      planned.child.start();
    }
    profile = join(folder, "profile.json");
    const endpoint = `localhost:${String(ports.get("query")?.query)}`;
    writeFileSync(profile, JSON.stringify({ ...stack.profile(stack.user), endpoint }), { mode: 0o600 });
  });
  after(async () => {
    await stream?.close();
    for (const recorder of recorders.values()) recorder.close();
    await stack[Symbol.asyncDispose]();
  });

  it("of apply are used by plan and apply", async () => {
    assert.match(await command("apply", "mongodb", "apply"), /index labels made/);
    assert.match(await command("apply", "mongodb", "plan"), /indexes: all/);
    assert.match(await command("apply", "doctor"), /a document was written/);
  });

  it("are used by an agent that enrols, and is found, matched and raised", async () => {
    const agent = parse(readFileSync(stack.agentConfigFile, "utf8")) as Record<string, Record<string, unknown>>;
    const capture = join(folder, "capture.log");
    writeFileSync(capture, readFileSync(RECORDED));
    const at = (login: Login, port: "ingest" | "enroll"): string[] => [`localhost:${String(ports.get(login)?.[port])}`];
    Object.assign(agent["collector"] ?? {}, { endpoints: at("ingest", "ingest") });
    Object.assign(agent["enroll"] ?? {}, { endpoints: at("enroll", "enroll") });
    writeFileSync(stack.agentConfigFile, stringify({ ...agent, source: { mode: "file", path: capture } }));
    await eventually("the query role", 30_000, async () => {
      await ask("token", "create", "--output", join(folder, "enrollment-token"));
      return true;
    });
    stack.startAgent();
    await eventually(
      "an event of it being found",
      60_000,
      async () => (await ask("search", "--last", "9999d", "--json")) || undefined,
    );
    await askForCanary();
    const [old, other] = [new PublishingHost("old"), new PublishingHost("old")];
    for (const [host, daysAgo] of [
      [old, 45],
      [old, 33],
      // It has the number of another block.
      [other, 44],
    ] as const) {
      const timeNano = BigInt(Date.now() - daysAgo * DAY_MS) * 1_000_000n;
      await host.publish(stream, host.seal([executed(["old", String(daysAgo)], timeNano)]));
      await eventually("a block being stored", 30_000, async () => ((await stream.lag()) === 0 ? true : undefined));
    }
    const bad = new PublishingHost("bad");
    for (const at of [1, 2]) {
      const block = bad.seal([executed(["bad", String(at)], BigInt(Date.now()) * 1_000_000n)]);
      await bad.publish(stream, { ...block, bytes: malformed(block.bytes) });
    }
    await eventually("an alert", 60_000, async () => ((await alertIds()).length > 0 ? true : undefined));
    await eventually("dead letters", 30_000, async () => ((await letterIds()).length === 2 ? true : undefined));
  });

  /** As `hosttrail-agent verify` does, of an event that never was. */
  async function askForCanary(): Promise<void> {
    const address = `localhost:${String(ports.get("ingest")?.ingest)}`;
    const client = new IngestServiceClient(address, credentialsOf(stack, stack.host));
    const nonce = Buffer.alloc(16, 1).toString("hex");
    await new Promise((resolve) => client.getCanary({ nonce }, resolve));
    client.close();
  }

  async function alertIds(): Promise<string[]> {
    return idsOf(await ask("alerts", "--json", "--last", "9999d"));
  }

  async function letterIds(): Promise<string[]> {
    return idsOf(await ask("dlq", "list", "--json"));
  }

  it("are used by people who ask and decide", async () => {
    const [event = ""] = idsOf(await ask("search", "--last", "9999d", "--json"));
    const [alert = ""] = await alertIds();
    const [letter = "", other = ""] = await letterIds();
    for (const words of [
      ["get", event],
      ["hosts"],
      ["ledger"],
      ["verify"],
      ["alert", "show", alert],
      ["alert", "ack", alert],
      ["alert", "close", alert, "--reason", "benign"],
      ["dlq", "replay", letter],
      ["dlq", "drop", other, "--reason", "test"],
      ["notify", "routes"],
      ["audit"],
    ])
      await tried(...words);
    await tried("evidence", "export", "--host", "old", "--output", join(folder, "old.tar"));
    await ask("query", "save", "kept", "event.action = executed");
    await ask("query", "run", "kept", "--last", "1d");
    await ask("query", "delete", "kept");
    await ask("api-token", "create", "kept", "--role", "viewer", "--output", join(folder, "api-token"));
    const token = readFileSync(join(folder, "api-token"), "utf8");
    await tried("--token-file", join(folder, "api-token"), "hosts");
    for (const id of idsOf(await ask("api-token", "list", "--json"))) await ask("api-token", "delete", id);
    assert.ok(token.length > 0);
    for (const id of idsOf(await ask("token", "list", "--json"))) await ask("token", "delete", id);
    await ask("retention", "set", "kept", "--label", "a=b", "--keep", "90d");
    await ask("retention", "plan");
    await ask("retention", "remove", "kept");
    await ask("hold", "create", "--host", "old", "--from", "2020-01-01", "--to", "2020-01-02", "--reason", "test");
    for (const id of idsOf(await ask("hold", "list", "--json"))) await ask("hold", "release", id, "--reason", "over");
    mkdirSync(join(folder, "rules"));
    writeFileSync(join(folder, "rules", "kept.yml"), RULE);
    await tried("ruleset", "put", "mine", join(folder, "rules"));
    await tried("ruleset", "disable", "baseline");
    const [, rule = ""] =
      /"key":"([^"]+)"/.exec(await ask("alerts", "--json", "--last", "9999d", "--state", "all")) ?? [];
    for (const words of [
      ["disable", rule],
      ["severity", rule, "low"],
      ["severity", rule, "author"],
    ])
      await tried("rules", ...words);
    await tried("ruleset", "delete", "mine");
    await tried(
      "suppression",
      "create",
      "--rule",
      rule,
      "--filter",
      "process.executable = /opt/x",
      "--reason",
      "test",
      "--expires",
      "1d",
    );
    for (const id of idsOf(await ask("suppression", "list", "--json"))) await tried("suppression", "expire", id);
    const client = new LogServiceClient(
      `localhost:${String(ports.get("query")?.query)}`,
      credentialsOf(stack, stack.user),
    );
    await new Promise((resolve) =>
      client.listLogEntries({ startIndex: 0n, pageSize: 10, pageToken: "" } as never, resolve),
    );
    client.close();
    await ask("host", "revoke", stack.hostId, "--reason", "test");
    const events = queryClient(stack, stack.user, ports.get("query")?.query);
    // Tokens of pages are sealed with a secret that all share.
    await searchAll(events, { filter: "", pageSize: 3 });
    events.close();
  });

  it("are used by people at the console", async () => {
    const who = new Browser(stack, ports.get("console")?.console);
    const hand = await DatabaseHand.open(stack.mongodb.url, stack.database);
    try {
      const code = new URL((await ask("console")).trim()).hash.slice(1);
      assert.equal((await who.post("/login/link", { code })).status, 200);
      const id = createHash("sha256")
        .update(who.cookies.get("__Host-hosttrail") ?? "")
        .digest("hex");
      assert.ok(await hand.set("console_sessions", id, { usedMs: Date.now() - 120_000 }));
      assert.ok((await who.call("QueryService/SearchEvents")).json.events.length > 0);
      assert.equal((await who.get("/login/provider")).status, 303);
      assert.equal((await who.post("/logout", {})).status, 200);
    } finally {
      who.close();
      await hand.close();
    }
  });

  it("are used by retention, which drops all that there is", async () => {
    const url = recorders.get("compact")?.url ?? "";
    const archive = Archive.open({ url, database: stack.database, historyDatabase: days });
    try {
      await eventually("the old days being compacted", 60_000, async () => {
        const places = await archive.history.days();
        return places.length >= 2 && (await archive.arrivals.waitingDays()).size === 0 ? true : undefined;
      });
      const aside = new FileAside(join(folder, "aside"), asideSource(archive));
      const options = { turnMs: 1, graceMs: 0, settleMs: 0, clockGapMs: 9999 * DAY_MS, waitsForLog: false, aside };
      const retainerAt = (ahead: number): Retainer =>
        new Retainer(retainArchive(archive), options, openLogger("test", "error"), () => Date.now() + ahead * DAY_MS);
      for (const ahead of [0, 1, 1, 2, 900, 901, 901, 902, 902]) await retainerAt(ahead).turn();
      assert.ok((await archive.drops.listDrops("", "", 10)).length > 0, "something was dropped");
    } finally {
      await archive.close();
    }
    // What was dropped goes into the log.
    await eventually("drops in the log", 30_000, async () =>
      seenOf("attest").has("remove drops_unlogged") ? true : undefined,
    );
  });

  /** `<action> <collection>`; collections of days without their day. */
  function seenOf(login: Login): Set<string> {
    const seen = new Set<string>();
    for (const [key, actions] of recorders.get(login)?.seen ?? []) {
      const [database = "", collection = ""] = key.split(".");
      const where = database === days ? "days" : collection;
      for (const action of actions) seen.add(`${action} ${where}`);
    }
    return seen;
  }

  function allowedTo(login: Login, roles: ReadonlyMap<string, Privilege[]>): Set<string> {
    const allowed = new Set<string>();
    for (const { resource, actions } of roles.get(`${stack.database}-${login}`) ?? []) {
      const where = resource.cluster === true ? "cluster" : resource.db === days ? "days" : (resource.collection ?? "");
      for (const action of actions) allowed.add(`${action} ${where}`);
    }
    return allowed;
  }

  it("are all that is sent, and no more than that", async () => {
    const roles = rolesMadeBy(await command("apply", "mongodb", "rights"));
    const beyond: string[] = [];
    const unused: string[] = [];
    for (const login of ["apply", ...ROLES] as const) {
      assert.deepEqual([...(recorders.get(login)?.unknown ?? [])], [], login);
      const [seen, allowed] = [seenOf(login), allowedTo(login, roles)];
      assert.ok(seen.size > 0, `${login} sent something`);
      const rare = RARE[login];
      const shared = login === "console" ? allowedTo("query", roles) : new Set<string>();
      for (const each of seen) if (!allowed.has(each)) beyond.push(`${login}: ${each}`);
      for (const each of allowed)
        if (!seen.has(each) && !shared.has(each) && rare[each] === undefined && !/ (?:doctor|cluster)$/.test(each))
          unused.push(`${login}: ${each}`);
      for (const each of Object.keys(rare)) assert.ok(allowed.has(each), `${login}: ${each} is rare and not allowed`);
    }
    assert.deepEqual({ beyond, unused }, { beyond: [], unused: [] });
  });
});

/** Runs the script as mongosh would, with as much of mongosh as it takes. */
function rolesMadeBy(script: string): Map<string, Privilege[]> {
  const roles = new Map<string, Privilege[]>();
  const database = {
    getRole: () => null,
    getUser: () => null,
    createRole: ({ role, privileges }: { role: string; privileges: Privilege[] }) => roles.set(role, privileges),
    createUser: () => undefined,
  };
  const around = { db: { getSiblingDB: () => database }, print: () => undefined, passwordPrompt: () => "" };
  runInContext(script, createContext(around));
  return roles;
}

function valuesOf(json: string, key: string): string[] {
  return json
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => (JSON.parse(line) as Record<string, unknown>)[key])
    .filter((value) => typeof value === "string");
}

function idsOf(json: string): string[] {
  return valuesOf(json, "id");
}
