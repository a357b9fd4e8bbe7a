/**
 * One fleet spec through each module onto real hosts: installed, run again, changed, upgraded, downgraded, rebooted, taken off. One suite
 * of testinfra judges the hosts whatever tool has built them, and the same spec must give the same hosts.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Stack } from "@hosttrail/stack";
import { queryClient, searchAll } from "../environment.ts";
import { VERSIONS } from "./artifacts.ts";
import { whyNoHosts } from "./base.ts";
import { finished, type TestHosts as Hosts } from "./hosts.ts";
import { type Manifest, manifestOf } from "./manifest.ts";
import type { Module, Run } from "./module.ts";
import { TOOLS } from "./modules.ts";
import { openSite, type Site } from "./site.ts";

const NAMES = ["h1", "h2", "h3"] as const;
/** Two of the hosts differ, by their names. */
const GROUPS: Record<string, unknown>[] = [
  {
    name: "databases",
    match: { hosts: ["h2", "h3"] },
    agent: { labels: { tier: "database" }, budget: { cpu_percent: 5 } },
  },
  {
    name: "third",
    match: { hosts: ["h3*"], labels: { tier: "database" } },
    agent: { rules: { sets: ["baseline"] }, labels: { third: "yes" } },
  },
];
const CLI = new URL("../../cli/src/main.ts", import.meta.url).pathname;
const TESTINFRA = new URL("testinfra_agent.py", import.meta.url).pathname;
/** Where something of the agent or of its installation may lie. */
const FOLDERS = ["/etc", "/usr", "/var", "/opt", "/root", "/home", "/srv", "/boot"];
/** What a host keeps of any package that was there, or writes by itself. */
const LEFT = [
  // Logs, named: of dpkg, of apt, of the journal, of logins.
  /^\/var\/log(\/|$)/,
  // dpkg's own list before the last change, and apt's caches of it.
  /^\/var\/lib\/dpkg\/(status-old|available|lock.*|triggers.*|updates.*|info)$/,
  /^\/var\/cache\/apt(\/|$)/,
  /^\/var\/lib\/apt(\/|$)/,
  // passwd keeps the file before the last change.
  /^\/etc\/(passwd|group|shadow|gshadow|subuid|subgid)-$/,
  // systemd: when it last ran, random seed, lingering sessions.
  /^\/var\/lib\/systemd(\/|$)/,
  /^\/var\/tmp\/systemd-private-/,
  /^\/etc\/machine-id$/,
  // What the tools themselves keep on hosts, whatever they do there.
  /^\/root\/\.(ansible|chef)(\/|$)/,
  /^\/etc\/chef(\/|$)/,
  /^\/var\/lib\/dbus/,
];

const missing = whyNoHosts();
const manifests = new Map<string, Map<string, Manifest>>();

describe("the rollout", { skip: missing ?? false }, () => {
  let site: Site | undefined;
  let hosts: Hosts;
  let stack: Stack;
  let token: string;

  before(async () => {
    site = await openSite(NAMES);
    ({ hosts, stack, token } = site);
  });
  after(async () => {
    await site?.[Symbol.asyncDispose]();
  });

  for (const { name, open, why } of TOOLS) {
    describe(`by ${name}`, { skip: why ?? false }, () => {
      let module: Module;
      let fresh: Map<string, Map<string, string>>;

      const applied = async (what: string): Promise<Run> => {
        const run = await module.apply();
        assert.ok(run.ok, `${what}: ${run.reasons}\n${run.output.slice(-4000)}`);
        return run;
      };
      const each = (command: string): string[] => NAMES.map((host) => hosts.sure(host, command).trim());

      before(() => {
        module = open(hosts, stack, token);
        fresh = new Map(NAMES.map((host) => [host, hosts.files(host, FOLDERS, LEFT)]));
      });

      it("installs on fresh hosts just what it predicts, and each proves that its events arrive", async () => {
        module.use({ groups: GROUPS });
        const predicted = await module.predict();
        assert.ok(predicted.ok, predicted.reasons || predicted.output.slice(-4000));
        assert.match(plan(hosts, module.spec), /^\+ package hosttrail-agent 0\.1\.0$/m);
        for (const host of NAMES) assert.equal(hosts.ssh(host, "test -e /usr/bin/hosttrail-agent").status, 1);
        const start = Date.now();
        const run = await applied("install");
        assert.deepEqual(run.changed, predicted.changed);
        assert.ok(run.changed.length > 0);
        const events = await searchAll(queryClient(stack), { filter: "event.action = proved-arrival" });
        for (const [index, id] of each(
          "cat /var/lib/hosttrail-agent/identity/host.crt | openssl x509 -noout -ext subjectAltName 2>/dev/null | grep -o '[0-9a-f]\\{32\\}'",
        ).entries()) {
          const times = events.filter((event) => event.host?.id === id).map((event) => event.event?.timeUnixNano ?? 0n);
          const first = times.reduce((least, time) => (time < least ? time : least));
          const seconds = (Number(first / 1_000_000n) - start) / 1000;
          process.stdout.write(
            `  ${NAMES[index]}: first stored event ${seconds.toFixed(1)} s after the start of ${name}\n`,
          );
        }
      });

      it("changes nothing the second time, and says so", async () => {
        assert.deepEqual((await module.predict()).changed, []);
        assert.deepEqual((await applied("second run")).changed, []);
        assert.match(plan(hosts, module.spec), /^Nothing would change\.$/m);
      });

      it("gives hosts that testinfra finds right", async () => {
        await judge(hosts, VERSIONS.old);
        manifests.set(name, new Map(NAMES.map((host) => [host, manifestOf(hosts, host, false)])));
      });

      it("gives each host what its groups say", () => {
        assert.deepEqual(each("grep ^labels: /etc/hosttrail-agent/agent.yaml"), [
          'labels: {"env":"test"}',
          'labels: {"env":"test","tier":"database"}',
          'labels: {"env":"test","third":"yes","tier":"database"}',
        ]);
        const sets = each("grep -o '[a-z-]*[.]rules\"' /etc/hosttrail-agent/agent.yaml | tr -d '\"\\n'");
        assert.deepEqual(sets, ["baseline.rulesidentity.rules", "baseline.rulesidentity.rules", "baseline.rules"]);
        const budgets = each("grep cpu_percent /etc/hosttrail-agent/agent.yaml");
        assert.deepEqual([budgets[1], budgets[2]], ["cpu_percent: 5", "cpu_percent: 5"]);
        assert.notEqual(budgets[0], budgets[1]);
      });

      it("restarts once when the configuration changes, and says that before", async () => {
        const before = each(STARTS);
        module.use({ groups: GROUPS, labels: { env: "test", team: "platform" } });
        const predicted = await module.predict();
        const planned = plan(hosts, module.spec);
        assert.match(
          planned,
          /^~ \/etc\/hosttrail-agent\/agent\.yaml\n +-labels: \{"env":"test"\}\n +\+labels: .*platform/m,
        );
        // By which the collector tells which hosts have the new spec; it needs no restart.
        assert.match(planned, /^~ \/etc\/hosttrail-agent\/spec\n/m);
        assert.match(planned, /^2 things would change\.$/m);
        const run = await applied("change");
        assert.deepEqual(run.changed, predicted.changed);
        assert.deepEqual(
          each(STARTS),
          before.map((count) => String(Number(count) + 1)),
        );
        assert.match(each("grep ^labels /etc/hosttrail-agent/agent.yaml")[0] ?? "", /"team":"platform"/);
      });

      it("upgrades and downgrades, and the hosts stay who they are", async () => {
        const identities = each("sha256sum /var/lib/hosttrail-agent/identity/host.key");
        for (const version of [VERSIONS.new, VERSIONS.old]) {
          module.use({ groups: GROUPS, version });
          const predicted = await module.predict();
          const run = await applied(`to ${version}`);
          assert.deepEqual(run.changed, predicted.changed);
          await judge(hosts, version);
          assert.deepEqual((await module.predict()).changed, []);
        }
        assert.deepEqual(each("sha256sum /var/lib/hosttrail-agent/identity/host.key"), identities);
      });

      it("is still there after a reboot", async () => {
        await Promise.all(NAMES.map((host) => hosts.reboot(host)));
        for (const host of NAMES) hosts.sure(host, "hosttrail-agent verify --timeout 60");
        await judge(hosts, VERSIONS.old);
      });

      it("leaves nothing when it is taken off", async () => {
        const run = await module.remove();
        assert.ok(run.ok, run.reasons || run.output.slice(-4000));
        for (const host of NAMES) {
          const now = hosts.files(host, FOLDERS, LEFT);
          assert.deepEqual(differences(fresh.get(host) ?? new Map(), now), [], host);
          const { stdout } = hosts.ssh(
            host,
            "systemctl list-unit-files 'hosttrail*' --no-legend; getent passwd hosttrail-agent",
          );
          assert.equal(stdout, "");
        }
        assert.ok((await module.remove()).ok, "safe twice");
      });
    });
  }

  it("gives the same hosts by every tool", () => {
    const [first, ...others] = [...manifests];
    assert.ok(first !== undefined);
    for (const [name, manifest] of others) {
      for (const host of NAMES)
        assert.deepEqual(manifest.get(host), first[1].get(host), `${host}: ${name} and ${first[0]}`);
    }
    const files = first[1].get("h1")?.files.length ?? 0;
    process.stdout.write(`  ${[...manifests.keys()].join(", ")}: the same ${files} files on each host\n`);
  });
});

/** How often the agent was started. */
const STARTS = "journalctl -u hosttrail-agent -o cat | grep -c '^Started hosttrail-agent'";

/** What `hosttrail plan` says of the first host. */
function plan(hosts: Hosts, spec: string): string {
  const { name, address } = hosts.hosts[0] ?? { name: "", address: "" };
  assert.equal(name, NAMES[0]);
  const ssh = ["ssh", ...hosts.sshOptions].join(" ");
  const words = [CLI, "plan", "--spec", spec, "--host", `root@${address}`, "--as", name, "--ssh", ssh];
  return execFileSync(process.execPath, words, { encoding: "utf8" });
}

/** Runs testinfra's suite on all hosts. */
async function judge(hosts: Hosts, version: string): Promise<void> {
  const config = join(hosts.directory, "ssh_config");
  const options = hosts.sshOptions.slice(4).filter((word) => word !== "-o");
  const lines = options.map((word) => `  ${word.replace("=", " ")}\n`).join("");
  writeFileSync(config, `Host *\n  User root\n  IdentityFile ${hosts.keyFile}\n${lines}`);
  await Promise.all(
    hosts.hosts.map(async ({ name, address }) => {
      const target = [`--hosts=ssh://root@${address}`, `--ssh-config=${config}`];
      const words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", ...target, TESTINFRA];
      const env = { ...process.env, LC_ALL: "C.UTF-8", HOSTTRAIL_VERSION: version, PYTHONDONTWRITEBYTECODE: "1" };
      const { status, stdout, stderr } = await finished(
        spawn("/usr/bin/python3", words, { env, stdio: ["ignore", "pipe", "pipe"] }),
      );
      assert.equal(status, 0, `${name}: ${stdout}${stderr}`);
    }),
  );
}

/** Files that came, went or changed. */
function differences(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  const found: string[] = [];
  for (const [path, fact] of before) if (!after.has(path)) found.push(`- ${path} ${fact}`);
  for (const [path, fact] of after) {
    const was = before.get(path);
    if (was === undefined) found.push(`+ ${path} ${fact}`);
    else if (was !== fact) found.push(`~ ${path} ${was} -> ${fact}`);
  }
  return found;
}
