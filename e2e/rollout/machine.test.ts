/**
 * The rollout onto a host with a kernel of its own: real kernel events reach the collector by every tool, the same audit rules are loaded,
 * and what only a kernel's audit can make go wrong is told.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import type { Stack } from "@hosttrail/stack";
import { eventually, queryClient, searchAll } from "../environment.ts";
import { whyNoMachine } from "../vm/kernel.ts";
import { whyNoHosts } from "./base.ts";
import type { FleetChanges } from "./fleet.ts";
import type { TestHosts } from "./hosts.ts";
import { machine } from "./machine.ts";
import { type Manifest, manifestOf } from "./manifest.ts";
import type { Module, Run } from "./module.ts";
import { TOOLS } from "./modules.ts";
import { openSite, type Site } from "./site.ts";

const HOST = "m1";
const RUNS = 20;
const MARKED = "/usr/local/bin/marked";
/** What tells Debian's boot loader. */
const GRUB_CFG = "/etc/default/grub.d/hosttrail.cfg";
const RULE = `-a always,exit -F arch=b64 -S execve -F exe=${MARKED} -k marked\n`;
const FLEET: FleetChanges = { auditMode: "auto", ownRules: RULE, kernelCommandLine: "set" };
/**
 * What each tool does in containers as well is not done again here, where it takes minutes. The last one's agent stays, and that tool is
 * used where it does not matter which: a shell script is quicker on an emulated machine than many short Python programs.
 */
const LAST = TOOLS.filter(({ why }) => why === undefined).at(-1);

const missing =
  whyNoHosts() ??
  whyNoMachine() ??
  (existsSync("/dev/net/tun") ? undefined : "there is no /dev/net/tun for its network");

describe("the rollout onto a machine with a kernel of its own", { skip: missing ?? false }, () => {
  let site: Site | undefined;
  let hosts: TestHosts;
  let stack: Stack;
  let token: string;
  const manifests = new Map<string, Manifest>();

  before(async () => {
    site = await openSite([HOST], machine);
    ({ hosts, stack, token } = site);
    hosts.sure(HOST, `cp /bin/true ${MARKED}`);
  });
  after(async () => {
    await site?.[Symbol.asyncDispose]();
  });

  /** Runs the marked program on the host. */
  const mark = (word: string): void => {
    hosts.sure(HOST, `for n in $(seq ${RUNS}); do ${MARKED} ${word}-$n; done`);
  };
  /** Waits until all its runs are in the trail. */
  const arrived = async (word: string): Promise<void> => {
    const client = queryClient(stack);
    const filter = "audit.key = marked AND event.action = executed";
    const wanted = Array.from({ length: RUNS }, (_, count) => `${word}-${count + 1}`).sort();
    let found: string[] = [];
    try {
      await eventually(`all of ${word}`, 60_000, async () => {
        const events = await searchAll(client, { filter, pageSize: 1000 });
        found = events.map(({ process }) => process?.args[1] ?? "").filter((each) => each.startsWith(`${word}-`));
        return found.length >= RUNS || undefined;
      });
    } finally {
      client.close();
    }
    assert.deepEqual(found.sort(), wanted);
  };
  const source = (): string =>
    hosts.sure(HOST, "hosttrail-agent status | awk '$1 == \"source.name\" { print $2 }'").trim();
  const applied = async (module: Module): Promise<Run> => {
    const run = await module.apply();
    assert.ok(run.ok, `${run.reasons}\n${run.output.slice(-4000)}`);
    return run;
  };

  for (const { name, open, why } of TOOLS) {
    describe(`by ${name}`, { skip: why ?? false }, () => {
      let module: Module;

      before(() => {
        module = open(hosts, stack, token);
      });
      after(() => {
        if (name !== LAST?.name)
          hosts.sure(HOST, `apt-get -q -y purge hosttrail-agent; rm -rf ${GRUB_CFG} /boot/grub/grub.cfg`);
      });

      it("brings its kernel's events to the collector, and proves it", async () => {
        module.use(FLEET);
        const run = await applied(module);
        assert.equal(source(), "netlink-unicast");
        mark(name);
        await arrived(name);
        manifests.set(name, manifestOf(hosts, HOST, true));
        process.stdout.write(
          `  ${name}: ${RUNS} of ${RUNS} programs found; ${run.seconds.toFixed(0)} s with the proof\n`,
        );
      });
    });
  }

  it("loads the same rules by every tool", () => {
    const [first, ...others] = [...manifests];
    assert.ok(first !== undefined);
    for (const [name, manifest] of others) assert.deepEqual(manifest, first[1], `${name} and ${first[0]}`);
    const rules = first[1].audit.split("\n").filter((line) => line.startsWith("-")).length;
    assert.ok(rules > 20 && first[1].audit.includes("key=marked"), first[1].audit);
    assert.match(first[1].audit, /^audit=1 audit_backlog_limit=8192$/m);
    process.stdout.write(`  ${[...manifests.keys()].join(", ")}: the same ${rules} audit rules in the kernel\n`);
  });

  describe("where its audit or its collector is not as it should be", () => {
    let module: Module;
    const fails = (run: Run, says: RegExp): void => {
      assert.ok(!run.ok, `it succeeded:\n${run.output.slice(-3000)}`);
      assert.match(run.reasons.replaceAll(/\s+/g, " "), says, run.output.slice(-3000));
    };
    /** What every tool runs last; that each hands its words on is seen on hosts in containers, where that takes seconds. */
    const verifyFails = (says: RegExp): void => {
      const { status, stderr } = hosts.ssh(HOST, "hosttrail-agent verify --timeout 5");
      assert.notEqual(status, 0);
      assert.match(stderr.replaceAll(/\s+/g, " "), says);
    };

    before(() => {
      assert.ok(LAST !== undefined);
      module = LAST.open(hosts, stack, token);
    });

    it("fails while the database is away, says so, and loses nothing", async () => {
      await stack.mongodb.child?.stop();
      mark("stored-late");
      verifyFails(/no event of this host was proved to be stored within 5 s: .*database/);
      await stack.mongodb.start();
      await arrived("stored-late");
    });

    it("fails while the collector is stopped, and says so before anything is changed", async () => {
      const configuration =
        "sha256sum /etc/hosttrail-agent/*.* /etc/hosttrail-agent/rules.d/*; systemctl show -P ActiveEnterTimestamp hosttrail-agent";
      await stack.collector.stop();
      mark("sent-late");
      const was = hosts.sure(HOST, configuration);
      module.use({ ...FLEET, labels: { env: "never" }, verifyTimeoutSeconds: 5 });
      fails(await module.apply(), /none of controller\.test:\d+ can be reached from this host.*Nothing was changed/i);
      assert.equal(hosts.sure(HOST, configuration), was);
      verifyFails(/no event of this host was proved.*no collector is connected/i);
      await stack.startCollector();
      await arrived("sent-late");
    });

    it("says that locked rules want a reboot, and is whole after it, beside auditd and leaving that alone", async () => {
      hosts.sure(HOST, "auditctl -e 2 && systemctl enable auditd");
      const added = "-w /etc/hostname -p wa -k added\n";
      module.use({ ...FLEET, ownRules: RULE + added });
      fails(await module.apply(), /events arrive, but.*audit is locked \(enabled 2\).*reboot/);
      mark("locked");
      await arrived("locked");
      await hosts.reboot(HOST);
      hosts.sure(HOST, "hosttrail-agent verify --timeout 60");
      assert.match(hosts.sure(HOST, "auditctl -l"), /-w \/etc\/hostname -p wa -k added/);
      assert.equal(source(), "netlink-multicast");
      mark("rebooted");
      await arrived("rebooted");
      const daemon = hosts.sure(HOST, "cat /proc/$(auditctl -s | awk '$1 == \"pid\" { print $2 }')/comm");
      assert.equal(daemon.trim(), "auditd");
      hosts.sure(HOST, "grep -q rebooted- /var/log/audit/audit.log");
    });

    it("leaves no rule, no daemon and the boot loader as it was when it is taken off", async () => {
      hosts.sure(HOST, "systemctl disable --now auditd; systemctl restart hosttrail-agent");
      const run = await module.remove();
      assert.ok(run.ok, run.reasons || run.output.slice(-4000));
      assert.equal(hosts.sure(HOST, "auditctl -l; auditctl -s | grep ^pid"), "No rules\npid 0\n");
      assert.equal(hosts.ssh(HOST, `grep audit= /boot/grub/grub.cfg; ls ${GRUB_CFG} 2>/dev/null`).stdout, "");
    });
  });
});
