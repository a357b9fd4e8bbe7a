import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type CloudInstance, COVERAGE_STATES, type CoveredInstance } from "../model/index.ts";
import { MachineHosts } from "./hosts.ts";
import { judge, type JudgeOptions } from "./judge.ts";
import { judgePlace } from "./place.ts";
import type { KnownHost } from "./ports.ts";
import { unsupportedBy } from "./support.ts";

const NOW = Date.UTC(2026, 0, 31, 12);
const MINUTE = 60_000;
const ACCOUNT = "111122223333";
const OTHER = "444455556666";
const OPTIONS: JudgeOptions = { exclusions: [], groupTag: "team", graceMs: 15 * MINUTE, silentMs: 15 * MINUTE };

function machine(changes: Partial<CloudInstance> = {}): CloudInstance {
  return {
    account: ACCOUNT,
    region: "eu-west-1",
    instanceId: "i-1",
    name: "",
    tags: {},
    platform: "Linux/UNIX",
    architecture: "x86_64",
    imageId: "ami-1",
    launchMs: NOW - 60 * MINUTE,
    power: "running",
    ...changes,
  };
}

function host(changes: Partial<KnownHost> = {}): KnownHost {
  return {
    hostId: "a",
    name: "one",
    proven: undefined,
    claimed: { account: ACCOUNT, instanceId: "i-1" },
    isRevoked: false,
    lastReceivedMs: NOW - MINUTE,
    goodbye: "",
    missingEvents: 0,
    ...changes,
  };
}

function hostsOf(...hosts: readonly KnownHost[]): MachineHosts {
  const known = new MachineHosts(new Map());
  for (const each of hosts) known.add(each);
  return known;
}

function found(
  instance: CloudInstance,
  hosts: MachineHosts,
  changes: Partial<JudgeOptions> = {},
  imageName = "",
): CoveredInstance | undefined {
  const claims = hosts.of(instance.account, instance.instanceId);
  return judge(instance, claims, undefined, imageName, { ...OPTIONS, ...changes }, NOW);
}

function exclusion(lastDay: string): JudgeOptions["exclusions"] {
  const about = { name: "x", approver: "alice", reason: "r", lastDay };
  return [{ ...about, accounts: [], regions: [], instances: [], tags: { appliance: "yes" } }];
}

describe("the state of a machine", () => {
  it("is that of the host that the cloud signed for, whatever others say", () => {
    const proven = host({
      hostId: "b",
      proven: { account: ACCOUNT, instanceId: "i-1" },
      lastReceivedMs: NOW - 60 * MINUTE,
    });
    const one = found(machine(), hostsOf(host(), proven));
    assert.deepEqual([one?.hostId, one?.isVerified, one?.hosts, one?.state], ["b", true, 2, "silent"]);
    const revoked = { ...proven, isRevoked: true };
    assert.equal(found(machine(), hostsOf(host(), revoked))?.hostId, "a");
  });

  it("is not that of a host of another account, or of one that is another machine by its identity", () => {
    const elsewhere = hostsOf(host({ claimed: { account: OTHER, instanceId: "i-1" } }));
    assert.equal(found(machine(), elsewhere)?.reason, "no-agent");
    const liar = hostsOf(host({ proven: { account: OTHER, instanceId: "i-2" } }));
    assert.equal(found(machine(), liar)?.reason, "claim-refused");
    assert.deepEqual(
      liar.refused.map(({ claimed, own }) => [claimed.instanceId, own.instanceId]),
      [["i-1", "i-2"]],
    );
    assert.equal(found(machine({ account: OTHER, instanceId: "i-2" }), liar)?.state, "covered");
  });

  it("is that of a host that does not know its account, as agents of before do not", () => {
    assert.equal(found(machine(), hostsOf(host({ claimed: { account: "", instanceId: "i-1" } })))?.state, "covered");
  });

  it("goes from covered over late to silent as nothing comes", () => {
    const after = (minutes: number): unknown =>
      found(machine(), hostsOf(host({ lastReceivedMs: NOW - minutes * MINUTE })))?.state;
    assert.deepEqual([3, 4, 15, 16].map(after), ["covered", "late", "late", "silent"]);
  });

  it("is starting for a while, and then missed", () => {
    const launched = (minutes: number): unknown =>
      found(machine({ launchMs: NOW - minutes * MINUTE }), hostsOf())?.state;
    assert.deepEqual([14, 15].map(launched), ["starting", "never-enrolled"]);
    const enrolled = hostsOf(host({ proven: { account: ACCOUNT, instanceId: "i-1" }, lastReceivedMs: 0 }));
    const said = (minutes: number): unknown => found(machine({ launchMs: NOW - minutes * MINUTE }), enrolled)?.reason;
    assert.deepEqual([14, 15].map(said), ["launched-lately", "never-reported"]);
  });

  it("is excluded through the last day, and covered where its host reports nevertheless", () => {
    const appliance = machine({ tags: { appliance: "yes" } });
    const of = (lastDay: string): unknown => found(appliance, hostsOf(), { exclusions: exclusion(lastDay) })?.reason;
    assert.deepEqual([of("2026-01-31"), of("2026-01-30")], ["excluded", "exclusion-over"]);
    const exclusions = exclusion("2026-01-31");
    assert.equal(found(appliance, hostsOf(host()), { exclusions })?.state, "covered");
    const silent = hostsOf(host({ lastReceivedMs: NOW - 60 * MINUTE }));
    assert.equal(found(appliance, silent, { exclusions })?.state, "excluded");
    assert.equal(found(machine({ tags: { appliance: "no" } }), hostsOf(), { exclusions })?.reason, "no-agent");
    const windows = machine({ tags: { appliance: "yes" }, platform: "Windows" });
    assert.equal(found(windows, hostsOf(), { exclusions })?.state, "excluded");
  });

  it("does not take a tag of a prototype for one of the machine", () => {
    const exclusions = [{ ...exclusion("2026-02-01")[0], tags: { toString: "x" } }] as JudgeOptions["exclusions"];
    assert.equal(found(machine(), hostsOf(), { exclusions })?.state, "never-enrolled");
  });

  it("is died-unseen where it ended and nobody ever heard of it, and nothing where somebody did", () => {
    assert.equal(found(machine({ power: "ended" }), hostsOf())?.state, "died-unseen");
    assert.equal(found(machine({ power: "ended" }), hostsOf(host())), undefined);
    assert.equal(found(machine({ power: "ended", platform: "windows" }), hostsOf()), undefined);
    const enrolled = host({ proven: { account: ACCOUNT, instanceId: "i-1" }, lastReceivedMs: 0 });
    assert.equal(found(machine({ power: "ended" }), hostsOf(enrolled))?.state, "died-unseen");
  });
});

describe("where an agent can run", () => {
  it("is told by platform, architecture and the publishers' names of images", () => {
    const linux = { platform: "Linux/UNIX", architecture: "x86_64" };
    const old = [
      "amzn-ami-hvm-2018.03.0.20231218.0-x86_64-gp2",
      "amzn2-ami-kernel-5.10-hvm-2.0.20260930.0-x86_64-gp2",
      "RHEL-7.4_HVM_GA-20170808-x86_64-2-Hourly2-GP2",
      "ubuntu/images/hvm-ssd/ubuntu-trusty-14.04-amd64-server-20170727",
      "suse-sles-12-sp3-v20170907-hvm-ssd-x86_64",
      "debian-stretch-hvm-x86_64-gp2-2018-11-10-63975",
    ];
    for (const name of old) assert.equal(unsupportedBy(linux, name), "system-too-old", name);
    const new_ = [
      "al2023-ami-2023.12.20260930.0-kernel-6.12-x86_64",
      "RHEL-9.4.0_HVM-20240605-x86_64-82-Hourly2-GP3",
      "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20240423",
      "debian-12-amd64-20240717-1811",
      "suse-sles-15-sp6-v20240808-hvm-ssd-x86_64",
      "my own amzn2-ami-like image",
      "",
    ];
    for (const name of new_) assert.equal(unsupportedBy(linux, name), undefined, name);
    assert.equal(unsupportedBy({ ...linux, platform: "Windows with SQL Server Standard" }, ""), "windows");
    assert.equal(unsupportedBy({ ...linux, architecture: "i386" }, ""), "architecture");
    assert.equal(unsupportedBy({ ...linux, architecture: "arm64" }, ""), undefined);
  });
});

describe("the machines of a place", () => {
  const options = { ...OPTIONS, imageNames: new Map<string, string>() };

  it("are written and told of once, and not again while they are as they were", () => {
    const seen = [machine(), machine({ instanceId: "i-2" })];
    const first = judgePlace(seen, [], hostsOf(host()), options, NOW);
    assert.deepEqual(
      first.changed.map(({ instanceId, state }) => `${instanceId} ${state}`),
      ["i-1 covered", "i-2 never-enrolled"],
    );
    assert.deepEqual(
      first.changes.map(({ instanceId, previousState }) => `${instanceId} ${previousState}`),
      ["i-2 undefined"],
    );
    const second = judgePlace(seen, first.changed, hostsOf(host()), options, NOW + MINUTE);
    assert.deepEqual([second.changed, second.gone, second.changes], [[], [], []]);
  });

  it("end where the cloud tells of all of them and no more of these, and not where it tells nothing", () => {
    const known = judgePlace([machine(), machine({ instanceId: "i-2" })], [], hostsOf(host()), options, NOW).changed;
    const none = judgePlace(undefined, known, hostsOf(), options, NOW + MINUTE);
    assert.deepEqual([none.gone, none.changed.map(({ state }) => state)], [[], ["never-enrolled"]], "its host is gone");
    const all = judgePlace([], known, hostsOf(host()), options, NOW + MINUTE);
    assert.deepEqual(
      [all.gone.map(({ instanceId }) => instanceId), all.changed.map(({ state }) => state)],
      [["i-1"], ["died-unseen"]],
    );
    const later = judgePlace([], all.changed, hostsOf(), options, NOW + 29 * 86_400_000);
    assert.deepEqual([later.gone, later.changed, later.changes], [[], [], []], "told for a while");
    const end = judgePlace([], all.changed, hostsOf(), options, NOW + 31 * 86_400_000);
    assert.deepEqual([end.gone.length, end.changes], [1, []], "and then no more");
  });

  it("are each in one state, all are counted, and a second look changes nothing, whatever there is", () => {
    const id = fc.constantFrom("i-1", "i-2", "i-3");
    const account = fc.constantFrom(ACCOUNT, OTHER, "");
    const instances = fc.uniqueArray(
      fc.record({
        instanceId: id,
        platform: fc.constantFrom("Linux/UNIX", "Windows", ""),
        tags: fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 }),
        launchMs: fc.integer({ min: NOW - 60 * MINUTE, max: NOW + MINUTE }),
        power: fc.constantFrom("running" as const, "stopped" as const, "ended" as const),
      }),
      { selector: ({ instanceId }) => instanceId },
    );
    const claim = fc.option(fc.record({ account, instanceId: id }), { nil: undefined });
    const hosts = fc.array(
      fc.record({
        hostId: fc.string(),
        proven: claim,
        claimed: claim,
        isRevoked: fc.boolean(),
        lastReceivedMs: fc.constantFrom(0, NOW - 60 * MINUTE, NOW - 5 * MINUTE, NOW),
        missingEvents: fc.constantFrom(0, 1),
      }),
    );
    fc.assert(
      fc.property(instances, hosts, (some, others) => {
        const seen = some.map((each) => machine(each));
        const known = hostsOf(...others.map((each) => host(each)));
        const first = judgePlace(seen, [], known, options, NOW);
        const total = [...first.counts.values()].reduce((sum, count) => sum + count, 0);
        assert.equal(total, first.changed.length);
        for (const { state, power, hostId } of first.changed) {
          assert.ok(COVERAGE_STATES.includes(state));
          if (power === "running" && state === "covered") assert.notEqual(hostId, undefined);
          if (power === "ended") assert.equal(state, "died-unseen");
        }
        const second = judgePlace(seen, first.changed, known, options, NOW);
        assert.deepEqual([second.changed, second.gone, second.changes], [[], [], []]);
      }),
    );
  });
});
