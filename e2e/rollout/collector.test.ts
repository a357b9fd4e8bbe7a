/**
 * One's own collectors, with no hand-made one: the generated role sets up NATS, two collectors on a database and a balancer before them on
 * test hosts, and the agents of other hosts reach them through the one address.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { mongodbService, type Service } from "@hosttrail/stack";
import { stringify } from "yaml";
import { eventually } from "../environment.ts";
import { Ansible } from "./ansible.ts";
import { natsVersion, sumOf, VERSIONS } from "./artifacts.ts";
import { whyNoHosts } from "./base.ts";
import { CONTROLLER, TestHosts } from "./hosts.ts";
import { sharedFolders } from "./modules.ts";
import { isOnPath } from "./tools.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const NATS = "c1";
const COLLECTORS = ["c1", "c2"] as const;
const BALANCER = "c3";
const AGENTS = ["c3", "c4"] as const;
const NAMES = ["c1", "c2", "c3", "c4"] as const;
/** The one address, as agents know it. */
const ADDRESS = `${BALANCER}.test`;

const why = whyNoHosts() ?? (isOnPath("ansible-playbook") ? undefined : "ansible-playbook is not installed");

describe("one's own collectors by Ansible", { skip: why ?? false }, () => {
  let hosts: TestHosts;
  let database: Service;
  let ansible: Ansible;
  let secrets: string;
  let authority: string;

  const collectorCommand = (...words: string[]): void =>
    void execFileSync(process.execPath, [join(ROOT, "collector/src/main.ts"), ...words]);
  /** Asks as the administrator, through the one address. */
  const hosttrail = (...words: string[]): string =>
    execFileSync(
      process.execPath,
      [join(ROOT, "cli/src/main.ts"), "--profile", join(hosts.directory, "profile.yaml"), ...words],
      {
        encoding: "utf8",
      },
    );

  before(async () => {
    hosts = await TestHosts.boot(NAMES, sharedFolders());
    const services = join(hosts.directory, "services");
    mkdirSync(services);
    database = await mongodbService({
      directory: services,
      tools: join(ROOT, ".hosttrail/tools"),
      say: () => undefined,
      address: CONTROLLER,
    });
    await database.start();
    authority = join(hosts.directory, "authority");
    collectorCommand("ca", "init", "--directory", authority);
    collectorCommand(
      "ca",
      "server",
      ADDRESS,
      ...NAMES.map((name) => `${name}.test`),
      "--directory",
      authority,
      "--output",
      join(authority, "server"),
    );
    collectorCommand("ca", "user", "alice", "--directory", authority);
    const read = (name: string): string => readFileSync(join(authority, name), "utf8");
    secrets = join(hosts.directory, "secrets.yml");
    const variables = {
      hosttrail_collector_certificate: read("server.crt"),
      vault_hosttrail_collector_key: read("server.key"),
      hosttrail_collector_trust: read("trust.crt"),
      hosttrail_collector_ca_certificate: read("ca.crt"),
      vault_hosttrail_collector_ca_key: read("ca.key"),
      vault_hosttrail_mongodb_url: database.url,
      vault_hosttrail_nats_password: randomBytes(24).toString("base64url"),
    };
    writeFileSync(secrets, stringify(variables), { mode: 0o600 });
    const profile = {
      endpoint: `${ADDRESS}:7444`,
      ca_file: join(authority, "trust.crt"),
      certificate_file: join(authority, "alice.crt"),
      key_file: join(authority, "alice.key"),
    };
    writeFileSync(join(hosts.directory, "profile.yaml"), stringify(profile), { mode: 0o600 });
    ansible = new Ansible(hosts, undefined, "", {
      hosttrail_nats: [NATS],
      hosttrail_collectors: COLLECTORS,
      hosttrail_balancers: [BALANCER],
      agents: AGENTS,
    });
    const version = natsVersion();
    ansible.use({
      ca: read("ca.crt"),
      endpoints: [`${ADDRESS}:7443`],
      enrollEndpoints: [`${ADDRESS}:7445`],
      servers: {
        version: VERSIONS.old,
        sha256: { deb: { x64: sumOf("collector", VERSIONS.old) } },
        nats: { version, sha256: { deb: { x64: sumOf("nats", version) } } },
        admins: ["alice"],
      },
    });
  });
  after(async () => {
    await database?.child?.stop();
    await hosts?.stop();
  });

  it("sets up NATS, two collectors and a balancer, and changes nothing the second time", async () => {
    const fresh = await ansible.play("collector", "--check", "-e", `@${secrets}`);
    assert.ok(fresh.ok, fresh.reasons || fresh.output.slice(-4000));
    const run = await ansible.play("collector", "-e", `@${secrets}`);
    const journal = (): string =>
      NAMES.map(
        (host) =>
          hosts.ssh(host, "journalctl -u nats-server -u hosttrail-collector -u hosttrail-balancer -o cat | tail -n 12")
            .stdout,
      ).join("\n");
    assert.ok(run.ok, `${run.reasons || run.output.slice(-4000)}\n${run.ok ? "" : journal()}`);
    for (const host of COLLECTORS)
      assert.equal(hosts.sure(host, "systemctl is-active hosttrail-collector").trim(), "active");
    const again = await ansible.play("collector", "-e", `@${secrets}`);
    assert.ok(again.ok, again.reasons);
    assert.deepEqual(again.changed, []);
  });

  it("takes hosts that enrol through the one address, and their events", async () => {
    assert.match(hosttrail("whoami"), /alice/);
    ansible.giveToken(hosttrail("token", "create", "--hosts", "10").trim());
    const run = await ansible.play("rollout", "-e", "hosttrail_hosts=agents");
    assert.ok(run.ok, run.reasons || run.output.slice(-4000));
    const listed = hosttrail("hosts");
    for (const name of AGENTS) assert.match(listed, new RegExp(`\\b${name}\\b`));
  });

  it("goes on when one of the two collectors is gone", async () => {
    hosts.sure("c1", "systemctl stop hosttrail-collector");
    for (const host of AGENTS) hosts.sure(host, "hosttrail-agent verify --timeout 60");
    await eventually("an answer", 20_000, async () => /alice/.test(hosttrail("whoami")) || undefined);
    hosts.sure("c1", "systemctl start hosttrail-collector");
    hosts.sure("c2", "systemctl stop hosttrail-collector");
    for (const host of AGENTS) hosts.sure(host, "hosttrail-agent verify --timeout 60");
  });

  it("shows its secrets nobody: not in files for others, not in the journal, not on a command line", () => {
    const variables = readFileSync(secrets, "utf8");
    const password = /nats_password: (\S+)/.exec(variables)?.[1] ?? "";
    assert.ok(password.length >= 32);
    const key = /^[A-Za-z0-9+/]{64}$/m.exec(readFileSync(join(authority, "server.key"), "utf8"))?.[0] ?? "";
    assert.equal(key.length, 64);
    for (const host of NAMES) {
      for (const secret of [password, key]) {
        const found = hosts.ssh(
          host,
          `journalctl -o cat | grep -cF -- '${secret}'; cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -F -- '${secret}' | grep -vcE 'grep|journalctl'; find / -xdev -type f -perm /o=r -not -path '/proc/*' -newer /etc/hostname -print0 2>/dev/null | xargs -0 -r grep -lF -- '${secret}' 2>/dev/null`,
        );
        assert.deepEqual(found.stdout.trim().split("\n"), ["0", "0"], `${host}: ${found.stdout}`);
      }
    }
  });
});
