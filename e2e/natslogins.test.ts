/** A process for each role, each with a login of its own that may do what the role does and nothing else; over TLS. A real nats-server. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { BlockStream } from "@hosttrail/collector/jetstream";
import { openLogger } from "@hosttrail/lib/log";
import { stringify } from "yaml";
import { eventually, openStack, queryClient, searchAll } from "./environment.ts";
import { eventsOfLog } from "../bench/rules/replay.ts";
import { executed, PublishingHost } from "./publisher.ts";
import { type HttpReceiver, httpReceiver } from "./receivers.ts";

const COLLECTOR = new URL("../collector/src/main.ts", import.meta.url).pathname;
/** What a rule finds. */
const RECORDED = new URL("../rules/recorded/cgroup_release_agent_set/match-1.log", import.meta.url);
const ROLES = [
  "ingest",
  "store",
  "compact",
  "detect",
  "query",
  "notify",
  "enroll",
  "attest",
  "coverage",
  "export",
  "console",
] as const;

describe("logins of least rights", () => {
  let folder: string;
  let stack: Awaited<ReturnType<typeof openStack>>;
  let queryPort = 0;
  let http: HttpReceiver;

  // The client holds a certificate against a name alone, never against an address.
  const url = (): string => stack.nats.url.replace("127.0.0.1", "localhost");

  /** The part of collector.yaml that makes a process this login. */
  const natsOf = (login: string, authority = "ca.crt"): Record<string, unknown> => ({
    servers: [url()],
    manage: false,
    inbox_prefix: `_INBOX_HOSTTRAIL_${login.toUpperCase()}`,
    tls: {
      enabled: true,
      ca_file: join(folder, "authority", authority),
      certificate_file: join(folder, `hosttrail-${login}.crt`),
      key_file: join(folder, `hosttrail-${login}.key`),
    },
  });

  const connected = async (login: string): Promise<BlockStream> =>
    await BlockStream.open(
      {
        servers: [url()],
        credentials: "",
        inboxPrefix: `_INBOX_HOSTTRAIL_${login.toUpperCase()}`,
        tls: {
          caFile: join(folder, "authority", "ca.crt"),
          certificateFile: join(folder, `hosttrail-${login}.crt`),
          keyFile: join(folder, `hosttrail-${login}.key`),
          handshakeFirst: false,
        },
        publishTimeoutMs: 1000,
        replicas: 1,
        streamBytesMax: 4096 * 1024 * 1024,
        ackWaitMs: 30_000,
        isManaging: false,
      },
      openLogger("test", "error"),
    );

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "hosttrail-logins-"));
    const ca = (...words: string[]): void =>
      void execFileSync(process.execPath, [COLLECTOR, "ca", ...words, "--directory", join(folder, "authority")]);
    ca("init");
    ca("server", "localhost", "--output", join(folder, "nats"));
    for (const login of ["apply", ...ROLES])
      ca("user", `hosttrail-${login}`, "--output", join(folder, `hosttrail-${login}`));
    const minimal = join(folder, "minimal.yaml");
    const tls = {
      ca_file: join(folder, "authority", "ca.crt"),
      certificate_file: join(folder, "nats.crt"),
      key_file: join(folder, "nats.key"),
    };
    writeFileSync(minimal, stringify({ tls }), { mode: 0o600 });
    const rights = execFileSync(
      process.execPath,
      [COLLECTOR, "nats", "rights", "--certificates", "--config", minimal],
      {
        encoding: "utf8",
      },
    );
    stack = await openStack({
      nats: [
        `tls { cert_file: "${tls.certificate_file}", key_file: "${tls.key_file}", ca_file: "${tls.ca_file}", verify_and_map: true }`,
        rights,
      ],
    });
    await stack.startServices();
    const apply = stack.writeCollectorConfig({ nats: natsOf("apply") }, "apply");
    const { status, stdout, stderr } = spawnSync(process.execPath, [COLLECTOR, "nats", "apply", "--config", apply], {
      encoding: "utf8",
    });
    assert.equal(status, 0, stdout + stderr);
    http = await httpReceiver();
    const secret = join(folder, "hook-secret");
    writeFileSync(secret, `whsec_${randomBytes(32).toString("base64")}`, { mode: 0o600 });
    const route = {
      name: "told",
      target: "webhook",
      url: `http://127.0.0.1:${http.port}/told`,
      secret_files: [secret],
    };
    const notify = { allow_addresses: ["127.0.0.0/8"], routes: [route] };
    const keyFile = join(folder, "log.key");
    execFileSync(process.execPath, [COLLECTOR, "log-key", "make", "example.org/log", keyFile]);
    const attest = { origin: "example.org/log", key_file: keyFile, interval_ms: 1000 };
    // A cloud that does not answer: what is asked of NATS is a lease.
    const coverage = { aws: { accounts: ["111122223333"] } };
    const exported = { name: "lines", target: "files", format: "json", compression: "none", every_seconds: 1 };
    const ways = { targets: [{ ...exported, directory: join(folder, "exported"), begin: "stored" }] };
    Object.assign(process.env, {
      AWS_ENDPOINT_URL: "http://127.0.0.1:9",
      AWS_ACCESS_KEY_ID: "x",
      AWS_SECRET_ACCESS_KEY: "x",
    });
    for (const role of ROLES) {
      // Only who gives certificates has the key for them.
      const ca = role === "enroll" ? {} : { ca: { certificate_file: "", key_file: "" } };
      const changes = { roles: [role], nats: natsOf(role), notify, attest, coverage, export: ways, ...ca };
      const started = await stack.startAnotherCollector(changes);
      if (role === "query") queryPort = started.queryPort;
    }
  });
  after(async () => {
    http.close();
    await stack[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  it("are enough: what is published is stored, found, matched, raised and told", async () => {
    const stream = await connected("ingest");
    const client = queryClient(stack, stack.user, queryPort);
    try {
      const suspect = new PublishingHost("suspect");
      const events = eventsOfLog(readFileSync(RECORDED, "latin1"));
      assert.ok(events.length > 0);
      await suspect.publish(stream, suspect.seal(events));
      const host = new PublishingHost("by-role");
      const now = BigInt(Date.now()) * 1_000_000n;
      for (let at = 0; at < 40; at++)
        await host.publish(stream, host.seal([executed(["by-role", String(at)], now + BigInt(at))]));
      const found = await eventually("the events being found", 30_000, async () => {
        const events = await searchAll(client, { filter: 'process.args:"by-role"', pageSize: 100 });
        return events.length === 40 ? events : undefined;
      });
      assert.equal(found.length, 40);
      await eventually("the events being exported", 30_000, async () => {
        const files = readdirSync(join(folder, "exported", "events"), { recursive: true, encoding: "utf8" });
        const lines = files.filter((file) => file.endsWith(".jsonl"));
        const texts = lines.map((file) => readFileSync(join(folder, "exported", "events", file), "utf8")).join("");
        return found.every(({ id }) => texts.includes(id)) || undefined;
      });
      await eventually("the alert being told", 30_000, async () => (http.at("/told").length > 0 ? true : undefined));
    } finally {
      client.close();
      await stream.close();
    }
    const violations = readFileSync(join(stack.agentConfigFile, "..", "nats.log"), "utf8").match(/.*Violation.*/g);
    assert.deepEqual(violations ?? [], []);
  });

  it("may not do what another role does", async () => {
    const store = await connected("store");
    const host = new PublishingHost("forged");
    await assert.rejects(host.publish(store, host.seal([executed(["forged"], 1n)])), /ermission|timeout/i);
    await store.close();
    const ingest = await connected("ingest");
    await assert.rejects(
      ingest.bury(
        { id: "x", headerSha256: "", hostId: host.hostId, hostName: "", signer: "", bytes: new Uint8Array(1) },
        "forged",
        "",
      ),
      /ermission|timeout/i,
    );
    await ingest.close();
  });

  it("need their server's certificate to be one that they trust, and TLS", () => {
    const trusting = stack.writeCollectorConfig(
      { nats: { ...natsOf("apply"), tls: { ...(natsOf("apply")["tls"] as object), ca_file: stack.ca.caFile } } },
      "untrusted",
    );
    const { status, stderr } = spawnSync(process.execPath, [COLLECTOR, "nats", "plan", "--config", trusting], {
      encoding: "utf8",
      timeout: 30_000,
    });
    assert.equal(status, 1, stderr);
    assert.match(stderr, /certificate/);
  });
});
