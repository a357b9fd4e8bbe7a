/**
 * What the database must have: planned, made, waited for, and looked at when somebody else changed it; over TLS. The embedded database, since no other
 * one is at hand; what only a mongod tells is held against its manual in collector/src/mongodb/standing.test.ts.
 */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { mongodbService, type Service } from "@hosttrail/stack";
import { eventually, openStack } from "./environment.ts";
import { DatabaseHand } from "./databasehand.ts";

const COLLECTOR = new URL("../collector/src/main.ts", import.meta.url).pathname;
const TOOLS = new URL("../.hosttrail/tools", import.meta.url).pathname;

function command(config: string, ...words: string[]): { code: number | null; text: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [COLLECTOR, ...words, "--config", config], {
    encoding: "utf8",
    timeout: 60_000,
  });
  return { code: status, text: stdout + stderr };
}

describe("what the database must have", () => {
  let stack: Awaited<ReturnType<typeof openStack>>;
  let config: string;
  before(async () => {
    stack = await openStack({ collector: { mongodb: { manage: false } } });
    config = join(stack.agentConfigFile, "..", "collector.yaml");
    await stack.startServices();
  });
  after(() => stack[Symbol.asyncDispose]());

  it("is waited for by a collector that may not make it, which says what is missing and is not ready", async () => {
    await stack.startCollector();
    await eventually("the collector saying what is missing", 20_000, async () =>
      /index labels of identities.*mongodb apply/.test(stack.collector.logTail()) ? true : undefined,
    );
    const { status, text } = await readiness(stack.metricsPort);
    assert.equal(status, 503, text);
    assert.match(text, /database/);
  });

  it("is planned, made once, and then as planned but for what one server is", async () => {
    const plan = command(config, "mongodb", "plan");
    assert.equal(plan.code, 1, plan.text);
    assert.match(plan.text, /change {2}identities: index labels on \{"labels":1\} is to be made/);
    assert.match(plan.text, /warning FerretDB, one server/);
    assert.match(plan.text, /ok {6}a write with w: majority and j: true is acknowledged/);
    assert.match(plan.text, /ok {6}collections: \d+ of \d+ are there/);
    const apply = command(config, "mongodb", "apply");
    assert.match(apply.text, /enrollment_token_uses: index token made/);
    assert.equal(apply.code, 1, "what the server is stays a warning");
    const again = command(config, "mongodb", "apply");
    assert.match(again.text, /^nothing to do\nwarning FerretDB/);
    const after = command(config, "mongodb", "plan");
    assert.doesNotMatch(after.text, /^(?:change|failed)/m);
    assert.match(after.text, /ok {6}indexes: all 5 are as planned/);
    await eventually("the collector being ready", 20_000, async () =>
      (await readiness(stack.metricsPort)).status === 200 ? true : undefined,
    );
  });

  it("differs where somebody changed it: said, with what follows", async () => {
    const hand = await DatabaseHand.open(stack.mongodb.url, stack.database);
    try {
      await hand.dropIndex("identities", "labels");
      await hand.createIndex("identities", { hostName: 1 }, "by_name");
      await hand.dropIndex("host_boots", "changed");
      await hand.createIndex("host_boots", { boots: 1 }, "changed");
      await hand.insert("of_somebody", { _id: "1" });
    } finally {
      await hand.close();
    }
    const plan = command(config, "mongodb", "plan");
    assert.equal(plan.code, 2, plan.text);
    assert.match(plan.text, /change {2}identities: index labels/);
    assert.match(plan.text, /warning index identities by_name on \{"hostName":1\} is none of ours: each write pays/);
    assert.match(
      plan.text,
      /failed {2}host_boots: index changed on \{"boots":1\}, planned is changed on \{"changed":1\}/,
    );
    assert.match(plan.text, /warning collections of somebody else: of_somebody/);
    const apply = command(config, "mongodb", "apply");
    assert.equal(apply.code, 2, apply.text);
    assert.match(apply.text, /identities: index labels made\n/);
    assert.match(apply.text, /failed {2}host_boots/);
  });

  it("is not looked at where the server is away, and the reason is said", () => {
    const away = stack.writeCollectorConfig({ mongodb: { url: "mongodb://127.0.0.1:9" } }, "away");
    const plan = command(away, "mongodb", "plan");
    assert.equal(plan.code, 2, plan.text);
    assert.match(plan.text, /failed {2}the database: connect ECONNREFUSED 127\.0\.0\.1:9/);
    assert.match(
      command(config, "mongodb", "rights", "everything").text,
      /"everything" is no login; allowed are apply/,
    );
    assert.match(command(config, "mongodb", "drop").text, /"drop" is no command; allowed are plan, apply, rights/);
  });

  it("is reached by a password that stands in a file of its owner alone, and is told nowhere", () => {
    const password = join(dirname(config), "password");
    writeFileSync(password, "s3cret\n", { mode: 0o644 });
    const login = { mongodb: { user: "hosttrail-store", password_file: password } };
    const open = command(stack.writeCollectorConfig(login, "login"), "mongodb", "plan");
    assert.match(open.text, /mongodb\.password_file: .* is a secret and has mode 0644/);
    execFileSync("chmod", ["600", password]);
    // The embedded database has no logins: that it refuses one is how we see that one came.
    const refused = command(stack.writeCollectorConfig(login, "login"), "mongodb", "plan");
    assert.equal(refused.code, 2, refused.text);
    assert.match(
      refused.text,
      /the database: the server does not take the login: mongodb\.user and mongodb\.password_file/,
    );
    assert.doesNotMatch(open.text + refused.text, /s3cret/);
  });
});

describe("TLS to the database", () => {
  let stack: Awaited<ReturnType<typeof openStack>>;
  let database: Service;
  let folder: string;

  const files = (authority = stack.authority): Record<string, unknown> => ({
    enabled: true,
    ca_file: join(authority, "ca.crt"),
    certificate_file: stack.user.certificateFile,
    key_file: stack.user.keyFile,
  });
  const url = (): string => database.url.replace("127.0.0.1", "localhost");
  const plan = (mongodb: Record<string, unknown>, name: string): { code: number | null; text: string } =>
    command(stack.writeCollectorConfig({ mongodb }, name), "mongodb", "plan");

  before(async () => {
    stack = await openStack();
    folder = join(dirname(stack.agentConfigFile), "tls");
    mkdirSync(folder);
    stack.authorityCommand("server", "localhost", "--output", join(folder, "database"));
    const other = join(folder, "other");
    execFileSync(process.execPath, [COLLECTOR, "ca", "init", "--directory", other]);
    execFileSync(process.execPath, [COLLECTOR, "ca", "user", "stranger", "--directory", other]);
    database = await mongodbService({
      directory: folder,
      tools: TOOLS,
      say: () => undefined,
      databaseTls: {
        certificateFile: join(folder, "database.crt"),
        keyFile: join(folder, "database.key"),
        authoritiesFile: join(stack.authority, "ca.crt"),
      },
    });
    await database.start();
    await stack.startServices();
  });
  after(async () => {
    await database.child?.stop();
    await stack[Symbol.asyncDispose]();
  });

  it("is spoken with the right files, by plan, doctor and a collector, which stores its tokens so", async () => {
    const right = plan({ url: url(), tls: files() }, "right");
    assert.match(right.text, /ok {6}a write with w: majority and j: true is acknowledged/, right.text);
    const doctor = command(stack.writeCollectorConfig({ mongodb: { url: url(), tls: files() } }, "right"), "doctor");
    assert.match(doctor.text, /a document was written \(majority, journal\), read and removed/);
    const { queryPort } = await stack.startAnotherCollector({ mongodb: { url: url(), tls: files() } });
    const profile = join(folder, "profile.json");
    writeFileSync(profile, JSON.stringify({ ...stack.profile(stack.user), endpoint: `localhost:${queryPort}` }), {
      mode: 0o600,
    });
    await eventually("a token being made", 30_000, async () => {
      stack.hosttrail(
        "--profile",
        profile,
        "api-token",
        "create",
        "kept",
        "--role",
        "viewer",
        "--output",
        join(folder, "token"),
      );
      return true;
    });
    assert.match(stack.hosttrail("--profile", profile, "api-token", "list"), /kept/);
  });

  for (const [name, settings, expected] of [
    [
      "a server of another authority",
      () => ({ tls: files(join(folder, "other")) }),
      /none of the authorities of mongodb\.tls\.ca_file \(.*other\/ca\.crt\)/,
    ],
    [
      "plain text to a server that speaks TLS",
      () => ({}),
      /the server hangs up: if it speaks TLS only, set mongodb\.tls\.enabled/,
    ],
    [
      "a client without a certificate",
      () => ({ tls: { enabled: true, ca_file: join(stack.authority, "ca.crt") } }),
      /mongodb\.tls\.certificate_file/,
    ],
    [
      "a client with a certificate of another authority",
      () => ({
        tls: {
          ...files(),
          certificate_file: join(folder, "other", "stranger.crt"),
          key_file: join(folder, "other", "stranger.key"),
        },
      }),
      /mongodb\.tls\.certificate_file/,
    ],
    [
      "a server by another name",
      () => ({ url: database.url, tls: files() }),
      /not for the name by which the URL of MongoDB \(mongodb\.url, mongodb\.url_file\) calls it/,
    ],
    [
      "TLS to a server of plain text",
      () => ({ url: stack.mongodb.url, tls: files() }),
      /the server does not speak TLS, and mongodb\.tls\.enabled is true/,
    ],
    [
      "files without TLS",
      () => ({ tls: { ...files(), enabled: false } }),
      /mongodb\.tls\.enabled is not true: it would be plain text/,
    ],
    [
      "a file that is not there",
      () => ({ tls: { ...files(), key_file: "/nowhere/key" } }),
      /mongodb\.tls\.key_file: .*ENOENT/,
    ],
  ] as const)
    it(`refuses ${name}, and names the setting`, () => {
      const { code, text } = plan({ url: url(), ...settings() }, "wrong");
      assert.notEqual(code, 0, text);
      assert.match(text, expected);
    });

  it("that fails is said by a collector that waits for its database", async () => {
    const child = await stack.startAnotherCollector({
      roles: ["store"],
      mongodb: { url: url(), tls: files(join(folder, "other")) },
    });
    const said = await eventually("the collector saying so", 30_000, async () => {
      const log = readFileSync(child.process.logFile, "utf8");
      return log.includes("mongodb.tls.ca_file") ? log : undefined;
    });
    assert.match(said, /the database cannot be reached/);
  });
});

async function readiness(port: number): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://127.0.0.1:${port}/readyz`);
  return { status: response.status, text: await response.text() };
}
