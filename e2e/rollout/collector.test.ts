/**
 * One's own collectors, with no hand-made one: the generated role, and cookbook, set up NATS, two collectors on a database and a balancer
 * before them on test hosts, and the agents of other hosts reach them through the one address.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import type { IncomingHttpHeaders } from "node:http";
import { get } from "node:https";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { mongodbService, type Service } from "@hosttrail/stack";
import { stringify } from "yaml";
import { eventually } from "../environment.ts";
import { natsVersion, sumOf, VERSIONS } from "./artifacts.ts";
import { CONTROLLER, TestHosts } from "./hosts.ts";
import { sharedFolders } from "./modules.ts";
import { AGENTS, BALANCER, COLLECTORS, NAMES, SERVER_TOOLS, type Servers } from "./servers.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
/** The one address, as agents know it. */
const ADDRESS = `${BALANCER}.test`;

function collectorCommand(...words: string[]): void {
  execFileSync(process.execPath, [join(ROOT, "collector/src/main.ts"), ...words]);
}

function pageAt(url: string, ca: string): Promise<{ status: number | undefined; headers: IncomingHttpHeaders }> {
  return new Promise((resolve, reject) => {
    get(url, { ca }, (response) => {
      response.resume();
      resolve({ status: response.statusCode, headers: response.headers });
    }).on("error", reject);
  });
}

for (const { name: tool, why, open } of SERVER_TOOLS) {
  describe(`one's own collectors by ${tool}`, { skip: why ?? false }, () => {
    let hosts: TestHosts;
    let database: Service;
    let servers: Servers;
    let secrets: Record<string, string>;

    /** Asks as the administrator, through the one address. */
    const hosttrail = (...words: string[]): string => {
      const profile = join(hosts.directory, "profile.yaml");
      const cli = join(ROOT, "cli/src/main.ts");
      return execFileSync(process.execPath, [cli, "--profile", profile, ...words], { encoding: "utf8", stdio: "pipe" });
    };

    before(async () => {
      hosts = await TestHosts.boot(NAMES, { shared: sharedFolders() });
      const directory = join(hosts.directory, "services");
      mkdirSync(directory);
      const tools = join(ROOT, ".hosttrail/tools");
      database = await mongodbService({ directory, tools, say: () => undefined, address: CONTROLLER });
      await database.start();
      const authority = join(hosts.directory, "authority");
      const folder = ["--directory", authority];
      collectorCommand("ca", "init", ...folder);
      collectorCommand("ca", "server", ADDRESS, ...folder, "--output", join(authority, "server"));
      collectorCommand("ca", "user", "alice", ...folder);
      const read = (name: string): string => readFileSync(join(authority, name), "utf8");
      secrets = {
        certificate: read("server.crt"),
        key: read("server.key"),
        trust: read("trust.crt"),
        ca_certificate: read("ca.crt"),
        ca_key: read("ca.key"),
        mongodb_url: database.url,
        nats_password: randomBytes(24).toString("base64url"),
      };
      const profile = {
        endpoint: `${ADDRESS}:7444`,
        ca_file: join(authority, "trust.crt"),
        certificate_file: join(authority, "alice.crt"),
        key_file: join(authority, "alice.key"),
      };
      writeFileSync(join(hosts.directory, "profile.yaml"), stringify(profile), { mode: 0o600 });
      const version = natsVersion();
      const changes = {
        ca: read("ca.crt"),
        endpoints: [`${ADDRESS}:7443`],
        enrollEndpoints: [`${ADDRESS}:7445`],
        servers: {
          version: VERSIONS.old,
          sha256: { deb: { x64: sumOf("collector", VERSIONS.old) } },
          nats: { version, sha256: { deb: { x64: sumOf("nats", version) } } },
          admins: ["alice"],
          console_url: `https://${ADDRESS}:7447`,
        },
      };
      servers = open({ hosts, changes, secrets });
    });
    after(async () => {
      await database?.child?.stop();
      await hosts?.stop();
    });

    it("sets up NATS, two collectors and a balancer, and changes nothing the second time", async () => {
      const run = await servers.setUp();
      const units = ["nats-server", "hosttrail-collector", "hosttrail-balancer"].map((unit) => `-u ${unit}`).join(" ");
      const journal = (): string =>
        NAMES.map((host) => hosts.ssh(host, `journalctl ${units} -o cat | tail -n 12`).stdout).join("\n");
      assert.ok(run.ok, `${run.reasons || run.output.slice(-4000)}\n${run.ok ? "" : journal()}`);
      for (const host of COLLECTORS)
        assert.equal(hosts.sure(host, "systemctl is-active hosttrail-collector").trim(), "active");
      const again = await servers.setUp();
      assert.ok(again.ok, again.reasons.trim() || again.output.slice(-4000));
      assert.deepEqual(again.changed, []);
    });

    it("takes hosts that enrol through the one address, and their events", async () => {
      await eventually("an answer", 30_000, async () => /alice/.test(hosttrail("whoami")) || undefined);
      const run = await servers.rollOut(hosttrail("token", "create", "--hosts", "10").trim());
      assert.ok(run.ok, run.reasons || run.output.slice(-4000));
      const listed = hosttrail("hosts");
      for (const name of AGENTS) assert.match(listed, new RegExp(`\\b${name}\\b`));
    });

    it("serves the console through the one address", async () => {
      const { status, headers } = await pageAt(`https://${ADDRESS}:7447/`, secrets["trust"] ?? "");
      assert.equal(status, 200);
      assert.match(headers["content-type"] ?? "", /^text\/html/);
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
      const { nats_password: password = "", key: pem = "" } = secrets;
      const key = /^[A-Za-z0-9+/]{64}$/m.exec(pem)?.[0] ?? "";
      assert.ok(password.length >= 32 && key.length === 64);
      const open = "find / -xdev -type f -perm /o=r -not -path '/proc/*' -newer /etc/hostname -print0 2>/dev/null";
      const needle = join(hosts.directory, "needle");
      for (const host of NAMES) {
        for (const secret of [password, key]) {
          // From a file: on the command line of the search itself it would be found there.
          writeFileSync(needle, `${secret}\n`, { mode: 0o600 });
          hosts.put(host, needle, "/root/needle");
          // There they are, for the collector alone: what is looked for can be found.
          if (host === "c2") hosts.sure(host, "grep -rqFf /root/needle /etc/hosttrail");
          const found = [
            "journalctl -o cat | grep -Ff /root/needle",
            "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -Ff /root/needle",
            `${open} | xargs -0 -r grep -lFf /root/needle 2>/dev/null`,
          ].map((command) => hosts.ssh(host, command).stdout.trim());
          assert.deepEqual(found, ["", "", ""], host);
        }
      }
    });
  });
}
