/**
 * A sample of what auditing would cost, taken by Ansible and by Chef in a dry wave. Hosts in containers share this machine's kernel, whose audit is not
 * theirs: they count a recorded log, and refuse to count the kernel. That rules are loaded and taken back is in e2e/costsample.test.ts.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import { readSample } from "@hosttrail/lib/cost";
import { CAPTURE } from "../../bench/capture.ts";
import { Ansible } from "./ansible.ts";
import { ARTIFACTS, VERSIONS } from "./artifacts.ts";
import { whyNoHosts } from "./base.ts";
import { Chef } from "./chef.ts";
import type { FleetChanges } from "./fleet.ts";
import { TestHosts } from "./hosts.ts";
import type { Run } from "./module.ts";
import { sharedFolders } from "./modules.ts";
import { isOnPath, settingsOf } from "./tools.ts";

/** The second one has the package already, which nobody has started. */
const NAMES = ["h1", "h2"] as const;
const CLI = new URL("../../cli/src/main.ts", import.meta.url).pathname;
const CA = new URL("../../integrations/examples/ca.pem", import.meta.url).pathname;
const LOG = "/var/log/audit/audit.log";
const SAMPLE_FOLDER = "/var/lib/hosttrail-cost-sample";
const SAMPLE_FILE = `${SAMPLE_FOLDER}/sample.json`;
const FOLDERS = ["/etc", "/usr", "/var", "/opt", "/root", "/home", "/srv", "/boot"];
/** Of what any run leaves on a host: logs, lists and caches of package managers, and what the tools keep there. */
const LEFT = [
  /^\/var\/log(\/|$)/,
  /^\/var\/lib\/dpkg\/(status-old|available|lock.*|triggers.*|updates.*|info)$/,
  /^\/var\/cache\/(apt|ldconfig)(\/|$)/,
  /^\/var\/lib\/(apt|systemd)(\/|$)/,
  /^\/etc\/(passwd|group|shadow|gshadow|subuid|subgid)-$/,
  /^\/var\/tmp\/systemd-private-/,
  /^\/root\/\.(ansible|chef)(\/|$)/,
  /^\/etc\/chef(\/|$)/,
];
const missing = whyNoHosts();
const chef = missing ?? settingsOf("chef-client");

describe("a sample in a dry wave", { skip: missing ?? false }, () => {
  let hosts: TestHosts;
  let fleet: FleetChanges;
  const asBefore = new Map<string, Map<string, string>>();

  before(async () => {
    hosts = await TestHosts.boot(NAMES, { shared: sharedFolders() });
    const log = join(hosts.directory, "audit.log");
    writeFileSync(log, gunzipSync(readFileSync(CAPTURE)));
    for (const name of NAMES) {
      hosts.sure(name, "mkdir -p /var/log/audit");
      hosts.put(name, log, LOG);
    }
    hosts.sure("h2", `dpkg -i ${packageOf(VERSIONS.old)}`);
    // No collector is there, nor is its name known.
    fleet = {
      ca: readFileSync(CA, "utf8"),
      endpoints: ["collector.example.org:7443"],
      enrollEndpoints: ["collector.example.org:7445"],
      groups: [{ name: "second", match: { hosts: ["h2"] }, agent: { labels: { second: "yes" } } }],
    };
    for (const name of NAMES) asBefore.set(name, hosts.files(name, FOLDERS, LEFT));
  });
  after(async () => {
    await hosts?.stop();
  });

  function packageOf(version: string): string {
    return join(ARTIFACTS, `hosttrail-agent_${version}_amd64.deb`);
  }

  /** What is on a host's disk and was not, or is not as it was. */
  function differences(name: string): string[] {
    const was = asBefore.get(name) ?? new Map<string, string>();
    const now = hosts.files(name, FOLDERS, LEFT);
    const paths = new Set([...was.keys(), ...now.keys()]);
    return [...paths].filter((path) => was.get(path) !== now.get(path)).sort();
  }

  function unchanged(): void {
    for (const name of NAMES) assert.deepEqual(differences(name), [], name);
    assert.equal(hosts.ssh("h1", "getent passwd hosttrail-agent").stdout, "");
    assert.match(hosts.sure("h2", "dpkg-query --show hosttrail-agent"), /0\.1\.0/);
  }

  function succeeded(run: Run): void {
    assert.ok(run.ok, `${run.reasons}\n${run.output.slice(-4000)}`);
  }

  describe("by Ansible", { skip: isOnPath("ansible-playbook") ? false : "ansible-playbook is not installed" }, () => {
    let ansible: Ansible;
    let samples: string;

    before(() => {
      ansible = new Ansible(hosts, undefined, "");
      ansible.use(fleet);
      samples = join(hosts.directory, "samples");
    });

    const sample = (variables: Record<string, unknown>, ...options: string[]): Promise<Run> => {
      const all = { hosttrail_agent_cost_sample_directory: samples, ...variables };
      return ansible.play("cost_sample", ...options, "-e", JSON.stringify(all));
    };
    /** Files of a host. */
    const of = (host: string, names: readonly string[]): string[] =>
      names.filter((name) => name.startsWith(`${host}-`));
    const counted = (log: string): Promise<Run> => sample({ hosttrail_agent_cost_sample_log: log });

    it("changes nothing in check mode", async () => {
      const run = await sample({ hosttrail_agent_cost_sample_log: LOG }, "--check", "--limit", "h1");
      succeeded(run);
      assert.deepEqual(run.changed, []);
      unchanged();
    });

    it("brings each host's counts here, and leaves the hosts as they were", async () => {
      succeeded(await counted(LOG));
      unchanged();
      const names = readdirSync(samples).sort();
      assert.deepEqual(
        names.map((name) => name.replace(/-\d{8}T\d{6}Z\.json$/, "")),
        NAMES,
      );
      const text = execFileSync(
        process.execPath,
        [CLI, "--json", "cost", "forecast", "--spec", ansible.spec, "--sample", samples],
        { encoding: "utf8" },
      );
      const forecast = JSON.parse(text) as { hosts: { host: string; groups: string[]; events: { mid: number } }[] };
      assert.deepEqual(
        forecast.hosts.map(({ host, groups }) => [host, groups]),
        [
          ["h1", []],
          ["h2", ["second"]],
        ],
      );
      assert.ok(forecast.hosts.every(({ events }) => events.mid > 0));
    });

    it("says why a host fails, and takes away there what a run that was cut off left; others are counted once more", async () => {
      // As a controller that was switched off in the middle leaves it.
      const brought = "printf '/etc/hosttrail-agent\\n/var/lib/hosttrail-agent\\n'";
      const left = `install -d -m 700 ${SAMPLE_FOLDER} && ${brought} >${SAMPLE_FOLDER}/brought`;
      hosts.sure("h1", `${left} && dpkg -i ${packageOf(VERSIONS.new)} && mv ${LOG} ${LOG}.away`);
      const run = await counted(LOG);
      assert.ok(!run.ok);
      assert.match(run.output, /there is no log/);
      unchanged();
      const names = readdirSync(samples);
      assert.deepEqual([of("h1", names).length, of("h2", names).length], [1, 2]);
    });

    it("refuses what cannot be counted before anything is changed", async () => {
      const kernel = await sample({}, "--limit", "h1");
      assert.match(kernel.reasons, /This is a container .*Nothing was changed/);
      const minutes = await sample({ hosttrail_agent_cost_sample_minutes: 0 }, "--limit", "h1");
      assert.match(minutes.reasons, /cost_sample_minutes is 0; allowed are whole minutes from 1 to 1440/);
      unchanged();
    });
  });

  describe("by Chef", { skip: typeof chef === "string" ? chef : false }, () => {
    const HOST = "h1";
    let client: Chef;

    before(() => {
      hosts.sure(HOST, `[ -e ${LOG} ] || mv ${LOG}.away ${LOG}`);
      client = new Chef(hosts, undefined, "", chef as NodeJS.ProcessEnv, [HOST]);
      client.use(fleet);
    });

    const converged = (attributes: Record<string, unknown>): Promise<Run> =>
      client.converge([HOST], "hosttrail::cost_sample", { hosttrail: { cost_sample: attributes } });

    it("leaves the host's counts for root alone, and nothing else", async () => {
      succeeded(await converged({ log: LOG }));
      assert.deepEqual(differences(HOST), [SAMPLE_FOLDER, SAMPLE_FILE]);
      assert.equal(hosts.sure(HOST, `stat -c '%a %U' ${SAMPLE_FOLDER}`), "700 root\n");
      const file = join(hosts.directory, "sample.json");
      writeFileSync(file, hosts.sure(HOST, `cat ${SAMPLE_FILE}`));
      const sample = readSample(file);
      // The node's name, by which the cookbook finds its groups as well.
      assert.equal(sample.host, `${HOST}.test`);
      assert.ok(sample.minutes.length > 0);
    });

    it("counts no second time, until the sample is taken away", async () => {
      const again = await converged({ log: LOG });
      succeeded(again);
      assert.deepEqual(again.changed, []);
      succeeded(await converged({ state: "absent" }));
      unchanged();
    });

    it("says why it fails, and leaves nothing", async () => {
      const nowhere = await converged({ log: "/var/log/nowhere.log" });
      assert.match(nowhere.output, /there is no log/);
      unchanged();
      const kernel = await converged({});
      assert.match(kernel.reasons, /this is a container .*Nothing was changed/);
      unchanged();
    });
  });
});
