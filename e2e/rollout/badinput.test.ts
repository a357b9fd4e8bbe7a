/**
 * What can be wrong with a spec, a package or a host: the run fails early and says why, changes nothing that it could not undo, and the
 * next run, with what was wrong made right, repairs.
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { DevelopmentCa, type Stack } from "@hosttrail/stack";
import { ARTIFACTS, VERSIONS } from "./artifacts.ts";
import { whyNoHosts } from "./base.ts";
import type { FleetChanges } from "./fleet.ts";
import { CONTROLLER_NAME, sha256, type TestHosts } from "./hosts.ts";
import type { Module } from "./module.ts";
import { TOOLS } from "./modules.ts";
import { openSite, type Site } from "./site.ts";

/** A host for each tool, so that they go side by side. */
const HOSTS: readonly string[] = TOOLS.map((_, index) => `b${index + 1}`);
/** What must not change; tools keep things of their own elsewhere. */
const FOLDERS = ["/etc", "/usr", "/var/lib", "/opt"];
const OWN_OF_TOOLS = [/^\/etc\/chef(\/|$)/, /^\/var\/lib\/(systemd|apt)(\/|$)/];

interface Case {
  what: string;
  changes?: () => FleetChanges;
  /** Makes the host wrong, and right again. */
  break?: string;
  mend?: string;
  says: RegExp;
  /** True where the run fails only after something was done that the next run goes on from. */
  late?: boolean;
}

describe("a rollout that cannot succeed", { skip: whyNoHosts() ?? false, concurrency: true }, () => {
  let site: Site | undefined;
  let hosts: TestHosts;
  let stack: Stack;
  let token: string;
  let strangersCa: string;
  let corrupted: { folder: string; sum: string };

  before(async () => {
    site = await openSite(HOSTS);
    ({ hosts, stack, token } = site);
    const stranger = join(hosts.directory, "stranger");
    mkdirSync(stranger);
    strangersCa = readFileSync((await DevelopmentCa.create(stranger)).caFile, "utf8");
    // On the hosts as well: Chef reads packages there.
    const folder = join(ARTIFACTS, "corrupted");
    mkdirSync(folder, { recursive: true });
    const content = "!<arch>\nthis was a package once\n".repeat(1000);
    writeFileSync(join(folder, `hosttrail-agent_${VERSIONS.old}_amd64.deb`), content);
    corrupted = { folder, sum: sha256(content) };
  });
  after(async () => {
    await site?.[Symbol.asyncDispose]();
  });

  const cases: Case[] = [
    {
      what: "a package that is not the one of the spec",
      changes: () => ({ sha256: "0".repeat(64) }),
      says: /has sha256 [0-9a-f]{64}; the fleet spec wants sha256 0{64}\. Nothing was changed/,
    },
    {
      what: "a package that is none, though the spec names it",
      changes: () => ({ directory: corrupted.folder, sha256: corrupted.sum }),
      says: /(could not be installed|unable to install|is corrupt)/i,
    },
    {
      what: "no package for the host's format",
      changes: () => ({ sums: { rpm: { x64: "1".repeat(64) } } }),
      says: /the fleet spec has no agent\.artifact\.sha256\.deb\.x64/i,
    },
    {
      what: "a collector that cannot be reached",
      changes: () => ({ endpoints: [`${CONTROLLER_NAME}:9`] }),
      says: /(none of controller\.test:9 can be reached|no collector can be reached).*Nothing was changed/i,
    },
    {
      what: "a container where the kernel's events are wanted",
      changes: () => ({ auditMode: "auto" }),
      says: /this is a container \(systemd-nspawn\).*Nothing was changed/i,
    },
    {
      what: "auditd running where the spec forbids it",
      changes: () => ({ auditMode: "fail-if-auditd" }),
      // The kernel's audit cannot be had in here, so it is a unit of that name.
      break:
        "printf '[Service]\\nExecStart=/bin/sleep infinity\\n' > /run/systemd/system/auditd.service && systemctl daemon-reload && systemctl start auditd",
      mend: "systemctl stop auditd; rm /run/systemd/system/auditd.service; systemctl daemon-reload",
      says: /auditd runs here and audit_mode is fail-if-auditd.*Nothing was changed/i,
    },
    {
      what: "a read-only /usr",
      break: "mount --bind -o ro /usr /usr && mount -o remount,bind,ro /usr",
      mend: "umount -l /usr",
      says: /\/usr cannot be written to \(read-only\?\).*Nothing was changed/,
    },
    {
      what: "a disk without room",
      break:
        "mkdir -p /mnt/small && mount -t tmpfs -o size=250m tmpfs /mnt/small && cp -a /var/. /mnt/small && mount --bind /mnt/small /var",
      mend: "umount -l /var; umount -l /mnt/small",
      says: /ha(ve|s) .*left; installing the agent takes 300 MiB.*Nothing was changed/i,
    },
    {
      what: "no systemd",
      break: "mount -t tmpfs tmpfs /run/systemd",
      mend: "umount -l /run/systemd",
      says: /the agent is run by systemd.*/i,
    },
    {
      what: "an authority that is not the collector's",
      changes: () => ({ ca: strangersCa, verifyTimeoutSeconds: 5 }),
      says: /no event of this host was proved.*certificate|certificate.*no event of this host was proved/is,
      late: true,
    },
    {
      what: "a token that is over",
      changes: () => ({ verifyTimeoutSeconds: 5 }),
      says: /no event of this host was proved.*token/is,
      late: true,
    },
  ];

  for (const [index, { name, open, why }] of TOOLS.entries()) {
    const host = HOSTS[index] ?? "";
    describe(`by ${name}`, { skip: why ?? false, concurrency: false }, () => {
      let module: Module;
      const files = (): Map<string, string> => hosts.files(host, FOLDERS, OWN_OF_TOOLS);
      /** As the host was after the case before, where that one has looked and changed nothing. */
      let known: Map<string, string> | undefined;

      before(() => {
        module = open(hosts, stack, token, [host]);
      });
      after(async () => {
        await module.remove();
      });

      for (const about of cases) {
        it(`fails and says why: ${about.what}`, async () => {
          module.use(about.changes?.() ?? {});
          const isToken = about.what.includes("token");
          if (isToken) module.giveToken(`hte_${"0".repeat(16)}_${"A".repeat(43)}`);
          const was = known ?? files();
          known = undefined;
          if (about.break !== undefined) hosts.sure(host, about.break);
          try {
            const run = await module.apply();
            assert.ok(!run.ok, `it succeeded:\n${run.output.slice(-3000)}`);
            assert.match(run.reasons.replaceAll(/\s+/g, " "), about.says, run.output.slice(-3000));
          } finally {
            if (about.mend !== undefined) hosts.sure(host, about.mend);
            if (isToken) module.giveToken(token);
          }
          if (about.late !== true) {
            const now = files();
            assert.deepEqual(
              [...now].filter(([path, fact]) => was.get(path) !== fact),
              [],
            );
            known = now;
            return;
          }
          module.use({});
          const repaired = await module.apply();
          assert.ok(repaired.ok, repaired.reasons || repaired.output.slice(-3000));
          assert.deepEqual((await module.predict()).changed, []);
          assert.ok((await module.remove()).ok);
        });
      }

      it("goes on where a run was cut off: unpacked, half configured, with what it left", async () => {
        const deb = join(ARTIFACTS, `hosttrail-agent_${VERSIONS.new}_amd64.deb`);
        hosts.sure(host, `dpkg --unpack ${deb} 2>&1`);
        hosts.sure(host, "echo 'half: [' > /etc/hosttrail-agent/agent.yaml");
        module.use({});
        const run = await module.apply();
        assert.ok(run.ok, run.reasons || run.output.slice(-3000));
        hosts.sure(host, "hosttrail-agent --check-config");
        assert.equal(hosts.sure(host, "hosttrail-agent --version").trim(), `hosttrail-agent ${VERSIONS.old}`);
        assert.deepEqual((await module.predict()).changed, []);
        assert.ok((await module.remove()).ok);
      });
    });
  }
});
