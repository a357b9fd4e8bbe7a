/** Where the package comes from, and what is made of it: a signed repository, the web, and golden images; by every tool, side by side. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Stack } from "@hosttrail/stack";
import { VERSIONS } from "./artifacts.ts";
import { whyNoHosts } from "./base.ts";
import type { TestHosts } from "./hosts.ts";
import type { Module, Run } from "./module.ts";
import { TOOLS } from "./modules.ts";
import { openSite, type Site } from "./site.ts";
import { PackageServer, whyNoRepository, withKey } from "./repository.ts";

/** A host for each tool. */
const HOSTS: readonly string[] = TOOLS.map((_, index) => `s${index + 1}`);
const missing = whyNoHosts() ?? whyNoRepository();

describe("packages from elsewhere", { skip: missing ?? false, concurrency: true }, () => {
  let site: Site | undefined;
  let hosts: TestHosts;
  let stack: Stack;
  let packages: PackageServer;
  let token: string;

  before(async () => {
    site = await openSite(HOSTS);
    ({ hosts, stack, token } = site);
    packages = await PackageServer.open();
  });
  after(async () => {
    packages?.close();
    await site?.[Symbol.asyncDispose]();
  });

  for (const [index, { name, open, why }] of TOOLS.entries()) {
    const host = HOSTS[index] ?? "";
    describe(`by ${name}`, { skip: why ?? false, concurrency: false }, () => {
      let module: Module;
      const version = (): string => hosts.sure(host, "hosttrail-agent --version").trim();
      /** A run that does what it says before, and nothing when it is done again. */
      const predictedRun = async (): Promise<Run> => {
        const predicted = await module.predict();
        const run = await module.apply();
        assert.ok(run.ok, run.reasons || run.output.slice(-4000));
        assert.deepEqual(run.changed, predicted.changed);
        assert.deepEqual((await module.predict()).changed, []);
        return run;
      };

      before(() => {
        module = open(hosts, stack, token, [host]);
      });

      it("installs, upgrades and downgrades from a signed repository, and takes that off again", async () => {
        const artifact = { source: "repo", url: packages.repository, key: packages.key } as const;
        for (const wanted of [VERSIONS.old, VERSIONS.new, VERSIONS.old]) {
          module.use({ artifact, version: wanted });
          await predictedRun();
          assert.equal(version(), `hosttrail-agent ${wanted}`);
        }
        assert.match(hosts.sure(host, "apt-cache policy hosttrail-agent"), /controller\.test/);
        assert.ok((await module.remove()).ok);
        assert.equal(
          hosts.sure(host, "ls /etc/apt/sources.list.d /etc/apt/keyrings | grep -c hosttrail || true"),
          "0\n",
        );
      });

      it("takes nothing from a repository that another key has signed", async () => {
        module.use({ artifact: { source: "repo", url: packages.repository, key: withKey() } });
        const run = await module.apply();
        assert.ok(!run.ok, run.output.slice(-2000));
        assert.match(run.output, /NO_PUBKEY|not signed|signatures? couldn't be verified/);
        assert.equal(hosts.ssh(host, "test -e /usr/bin/hosttrail-agent").status, 1);
        assert.ok((await module.remove()).ok);
      });

      it("installs from the web, and refuses what is not the package of the spec", async () => {
        const artifact = { source: "url", url: packages.url } as const;
        module.use({ artifact, sha256: "0".repeat(64) });
        const refused = await module.apply();
        assert.ok(!refused.ok);
        assert.match(refused.output, /0{64}/);
        assert.equal(hosts.ssh(host, "test -e /usr/bin/hosttrail-agent").status, 1);
        module.use({ artifact });
        await predictedRun();
        assert.equal(version(), `hosttrail-agent ${VERSIONS.old}`);
        assert.ok((await module.remove()).ok);
        assert.equal(hosts.sure(host, "find /var/tmp /tmp -xdev -name 'hosttrail*'"), "");
      });

      it("makes a golden image that has no identity, of which hosts come that have one", async () => {
        module.use({});
        const image = await module.apply({ goldenImage: true });
        assert.ok(image.ok, image.reasons || image.output.slice(-4000));
        assert.equal(hosts.sure(host, "systemctl is-enabled hosttrail-agent").trim(), "enabled");
        assert.equal(hosts.ssh(host, "systemctl is-active hosttrail-agent").stdout.trim(), "inactive");
        assert.equal(hosts.sure(host, "ls -A /var/lib/hosttrail-agent 2>/dev/null || true"), "");
        const run = await module.apply();
        assert.ok(run.ok, run.reasons || run.output.slice(-4000));
        hosts.sure(host, "hosttrail-agent verify --timeout 30");
        assert.ok((await module.remove()).ok);
      });
    });
  }
});
