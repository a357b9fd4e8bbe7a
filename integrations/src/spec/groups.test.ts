import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ConfigError } from "@hosttrail/lib/config";
import { hostFiles } from "../render/index.ts";
import { type Fleet, fleetOfHost, hostExpression, loadFleet, settingsWithOrigin } from "./index.ts";

const EXAMPLES = new URL("../../examples", import.meta.url).pathname;
const SUM = "a".repeat(64);

describe("groups of a fleet spec", () => {
  let folder: string;
  let file: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "hosttrail-groups-"));
    file = join(folder, "fleet.yaml");
    writeFileSync(join(folder, "ca.pem"), readFileSync(join(EXAMPLES, "ca.pem")));
    writeFileSync(join(folder, "own.rules"), "-w /etc/x -p wa -k x\n");
  });
  after(() => rmSync(folder, { recursive: true }));

  /** A spec with this at its end. */
  function load(rest: string): Fleet {
    writeFileSync(
      file,
      `version: 1
name: grouped
collector: { endpoints: ["c:1"], enroll_endpoints: ["c:2"], ca_file: ca.pem }
agent:
  version: 0.1.0
  artifact: { source: file, directory: /srv, sha256: { deb: { x64: ${SUM} } } }
  labels: { env: test }
  budget: &budget { cpu_percent: 10 }
${rest}`,
    );
    return loadFleet(file);
  }

  function problems(rest: string): string {
    try {
      load(rest);
    } catch (error) {
      assert.ok(error instanceof ConfigError, String(error));
      return error.message;
    }
    return "";
  }

  it("change what they say, in their order, and nothing else", () => {
    const fleet = load(`groups:
  - { name: a, match: { hosts: ["web*"] }, agent: { labels: { tier: a, env: a }, budget: { cpu_percent: 20 }, rules: { sets: [baseline] } } }
  - { name: b, match: { labels: { tier: a } }, agent: { labels: { tier: b }, budget: { memory_bytes: 134217728 }, rules: { own_files: [own.rules] } } }
  - { name: c, match: { tags: [x], labels: { tier: a } }, agent: { proxy: "http://p:1" } }
`);
    const { fleet: web, groups } = fleetOfHost(fleet, "web1", { tags: ["x"] });
    assert.deepEqual(groups, ["a", "b"], "by then the label is another");
    assert.deepEqual(web.agent.labels, { env: "a", tier: "b" });
    assert.deepEqual(web.agent.budget, { cpuPercent: 20, memoryBytes: 134_217_728 });
    assert.deepEqual(web.agent.rules.sets, ["baseline"]);
    assert.equal(web.ownRules, "# own.rules\n-w /etc/x -p wa -k x\n");
    assert.equal(web.agent.proxy, "");
    assert.deepEqual(hostFiles(fleetOfHost(fleet, "db1").fleet), hostFiles(fleet));
    assert.equal(fleet.agent.budget.cpuPercent, 10, "the fleet's own stays");
  });

  it("may say that there is nothing, and that is not the fleet's value", () => {
    const fleet = load(`  proxy: http://p:1
  redaction: { patterns: [a] }
groups:
  - { name: a, match: { hosts: ["web*"] }, agent: { proxy: "", redaction: { patterns: [], enabled: false, arguments: none }, spool: { hours_max: 0 } } }
`);
    const { agent } = fleetOfHost(fleet, "web1").fleet;
    assert.deepEqual(
      [agent.proxy, agent.redaction, agent.spool.hoursMax],
      ["", { enabled: false, arguments: "none", patterns: [] }, 0],
    );
  });

  it("know a host by the labels that are its own before any group, and never change those", () => {
    const fleet = load(`groups:
  - { name: a, match: { labels: { tier: own } }, agent: { labels: { tier: a, zone: z } } }
hosts:
  web1: { labels: { tier: own } }
`);
    assert.deepEqual(fleetOfHost(fleet, "web1.example.org").fleet.agent.labels, {
      env: "test",
      tier: "own",
      zone: "z",
    });
    assert.deepEqual(fleetOfHost(fleet, "web2", { labels: { tier: "own" } }).groups, ["a"]);
  });

  it("fit names by patterns, whatever their case and whether a tool knows the domain", () => {
    const fits = (pattern: string, name: string): boolean => new RegExp(hostExpression(pattern), "i").test(name);
    for (const [pattern, name] of [
      ["web*", "web1"],
      ["web*", "WEB1.example.org"],
      ["web?", "web1.example.org"],
      ["*.example.org", "a.b.example.org"],
      ["web1.example.org", "web1.Example.org"],
      ["*", "anything.at.all"],
    ] as const)
      assert.ok(fits(pattern, name), `${pattern} ${name}`);
    for (const [pattern, name] of [
      ["web", "web1"],
      ["web?", "web12"],
      ["*.example.org", "example.org"],
      ["web1.example.org", "web1xexample.org"],
      ["example*", "web1.example.org"],
    ] as const)
      assert.ok(!fits(pattern, name), `${pattern} ${name}`);
  });

  it("take anchors and merge keys, and a map that two places name is each place's own", () => {
    const fleet = load(`x-strict: &strict { audit_mode: unicast, redaction: { patterns: [a] } }
groups:
  - { name: a, match: { hosts: [a] }, agent: { budget: *budget } }
  - { name: b, match: { hosts: [b] }, agent: { <<: *strict, budget: { <<: *budget, memory_bytes: 134217728 } } }
`);
    // Defaults are filled in for the fleet's budget, and must not come to be what the group says.
    assert.deepEqual(fleet.groups[0]?.settings, { budget_cpu_percent: 10 });
    assert.deepEqual(fleet.groups[1]?.settings, {
      audit_mode: "unicast",
      redaction_patterns: ["a"],
      budget_cpu_percent: 10,
      budget_memory_bytes: 134_217_728,
    });
  });

  it("take more uses of one anchor than a fleet has groups", () => {
    const many = Array.from(
      { length: 60 },
      (_, at) => `  - { name: g${at}, match: { tags: [t${at}] }, agent: { budget: *budget, spool: *s } }\n`,
    );
    assert.equal(load(`x-s: &s { sync: always }\ngroups:\n${many.join("")}`).groups.length, 60);
  });

  it("are shown with where each setting comes from", () => {
    const fleet = load(`groups:
  - { name: a, match: { hosts: ["web*"] }, agent: { labels: { tier: a }, budget: { memory_bytes: 134217728 }, rules: { own_files: [own.rules] } } }
hosts:
  web1: { labels: { zone: z } }
`);
    const shown = settingsWithOrigin(file, fleetOfHost(fleet, "web1"));
    const of = (place: string): unknown[] => {
      const { value, origin } = shown.find((each) => each.place === place) ?? { value: undefined, origin: "nowhere" };
      return [value, origin];
    };
    assert.deepEqual(of("agent.labels.env"), ["test", "fleet"]);
    assert.deepEqual(of("agent.labels.tier"), ["a", "group a"]);
    assert.deepEqual(of("agent.labels.zone"), ["z", "host"]);
    assert.deepEqual(of("agent.budget.cpu_percent"), [10, "fleet"]);
    assert.deepEqual(of("agent.budget.memory_bytes"), [134_217_728, "group a"]);
    assert.deepEqual(of("agent.rules.own_files"), [["own.rules"], "group a"]);
    assert.deepEqual(of("agent.spool.sync"), ["always", "default"]);
    assert.deepEqual(of("agent.artifact.sha256.deb.x64"), [SUM, "fleet"]);
  });

  const group = (text: string): string => `groups:\n  - ${text}\n`;
  const bad: [what: string, rest: string, says: RegExp][] = [
    [
      "a key that groups have not",
      group("{ name: a, match: { hosts: [a] }, agent: { version: 0.2.0 } }"),
      /:\d+:\d+: unknown key "groups\.0\.agent\.version"; allowed are audit_mode, rules, labels/,
    ],
    [
      "a kind of match that there is not",
      group("{ name: a, match: { host: [a] }, agent: { proxy: '' } }"),
      /unknown key "groups\.0\.match\.host"; allowed are hosts, labels, tags/,
    ],
    ["no match", group("{ name: a, agent: { proxy: '' } }"), /groups\.0 lacks "match"/],
    [
      "an empty match, which would be everybody",
      group("{ name: a, match: {}, agent: { proxy: '' } }"),
      /groups\.0\.match is \{\}; it must have at least one of hosts, labels, tags/,
    ],
    [
      "an empty list of patterns",
      group("{ name: a, match: { hosts: [] }, agent: { proxy: '' } }"),
      /groups\.0\.match\.hosts is \[\]; it must NOT have fewer than 1 items/,
    ],
    [
      "nothing that it changes",
      group("{ name: a, match: { hosts: [a] }, agent: {} }"),
      /groups\.0\.agent is \{\}; it must have at least one of audit_mode/,
    ],
    [
      "a regular expression as a pattern",
      group("{ name: a, match: { hosts: ['web[12]'] }, agent: { proxy: '' } }"),
      /groups\.0\.match\.hosts\.0 is "web\[12\]"; it must match pattern/,
    ],
    [
      "a value out of bounds",
      group("{ name: a, match: { hosts: [a] }, agent: { budget: { cpu_percent: -1 } } }"),
      /groups\.0\.agent\.budget\.cpu_percent is -1; it must be >= 0/,
    ],
    [
      "a file that is not there",
      group("{ name: a, match: { hosts: [a] }, agent: { rules: { own_files: [none] } } }"),
      /groups\.0\.agent\.rules\.own_files is "none", which cannot be read/,
    ],
    [
      "a secret in a proxy",
      group("{ name: a, match: { hosts: [a] }, agent: { proxy: 'http://u:hidden@p:1' } }"),
      /groups\.0\.agent\.proxy is "http:\/\/…@p:1"; it must match/,
    ],
    [
      "a name twice",
      `groups:\n${'  - { name: a, match: { hosts: [a] }, agent: { proxy: "" } }\n'.repeat(2)}`,
      /groups\.1\.name is "a", which is the name of groups\.0, too/,
    ],
    [
      "a group of no host that is known",
      `${group("{ name: a, match: { hosts: ['db*'] }, agent: { proxy: '' } }")}hosts: { web1: {}, web2: {} }`,
      /groups\.0 \("a"\) matches none of the hosts that are known: web1, web2/,
    ],
    [
      "a tag that no host has",
      `${group("{ name: a, match: { tags: [databses] }, agent: { proxy: '' } }")}hosts: { web1: { tags: [databases] } }`,
      /groups\.0 \("a"\) matches none/,
    ],
    [
      "a host by two names",
      "hosts: { web1: {}, web1.example.org: {} }",
      /hosts has "web1\.example\.org" and "web1", which may be the same host/,
    ],
    ["a host's name that is none", "hosts: { 'a b': {} }", /hosts has "a b"; a name has letters/],
  ];
  for (const [what, rest, says] of bad) {
    it(`refuse ${what}`, () => {
      const said = problems(rest);
      assert.match(said, says);
      assert.doesNotMatch(said, /hidden/);
    });
  }
});
