import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Event } from "@hosttrail/proto/event";
import fc from "fast-check";
import { ColumnBlock, encodeColumns } from "../block/index.ts";
import { compileFilter, FilterError, parseFilter, termsOf } from "./index.ts";

const events = [
  Event.fromPartial({
    event: { action: "executed", category: ["process"], outcome: "success", kind: "event" },
    process: {
      pid: 7,
      name: "ls",
      executable: "/bin/ls",
      args: ["ls", "-l", "*"],
      executableSha256: "ab".repeat(32),
      sessionLeader: { pid: 3, name: "bash" },
    },
    user: { id: 0, name: "root", group: { id: 0 } },
    host: { labels: [{ key: "env", value: "prod" }] },
    container: { systemdUnit: "ssh.service" },
    targets: [
      { pid: 70, name: "sshd" },
      { pid: 71, name: "bash" },
    ],
    audit: { redacted: 2, serial: 5, keys: ["exec", "other"], records: [{ type: 1300, typeName: "SYSCALL" }] },
  }),
  Event.fromPartial({
    event: { action: "connected-to", category: ["network"], outcome: "failure" },
    process: { pid: 8, name: "curl", args: ["curl"] },
    destination: { ip: "2001:db8::1", port: 443, address: "2001:db8::1" },
    audit: { serial: 6 },
  }),
  Event.fromPartial({
    event: { action: "deleted" },
    files: [
      { path: "/etc/a b", before: { exists: true, size: 9n, sha256: "cd".repeat(32) }, after: { exists: false } },
      { path: "/etc/" },
    ],
  }),
];
const position = { hostId: "0".repeat(32), epoch: 1n, firstSeq: 0n };
const block = new ColumnBlock(encodeColumns(events), position);
const match = (filter: string): number[] => compileFilter(filter).match(block);

describe("a filter", () => {
  const cases: [string, number[]][] = [
    ["", [0, 1, 2]],
    ["event.action = executed", [0]],
    ['event.action = "executed" AND process.pid = 7', [0]],
    ["event.action = executed AND process.pid = 8", []],
    ["event.category : process", [0]],
    ["process.executable : /bin", [0]],
    ["process.executable = /bin", []],
    ["process.args : -l", [0]],
    ["process.args : l", []],
    ['process.args : "*"', [0]],
    ["process.args : *", [0, 1]],
    ['process.command_line : "ls -l"', [0]],
    ["destination.ip = 2001:db8::1", [1]],
    ["destination.port=443", [1]],
    ["file.path = '/etc/a b'", [2]],
    ["file.path : /etc", [2]],
    ["file.path = /etc/", [2]],
    ["audit.key = other", [0]],
    ["audit.record_type = SYSCALL", [0]],
    ["event.outcome : *", [0, 1]],
    ["user.id = 0", [0]],
    ["group.id = 0", [0]],
    ["audit.serial = 6", [1]],
    ["audit.redacted = 2", [0]],
    [`process.hash.sha256 = ${"ab".repeat(32)}`, [0]],
    ["process.hash.sha256 : abab", [0]],
    ["process.session_leader.name = bash", [0]],
    ["process.session_leader.pid = 3", [0]],
    ["target.process.name = bash", [0]],
    ["target.process.pid = 70", [0]],
    ['host.labels : "env=prod"', [0]],
    ["container.systemd_unit = ssh.service", [0]],
    [`file.before.hash.sha256 = ${"CD".repeat(32)}`, [2]],
    ["file.before.size = 9", [2]],
    ["file.hash.sha256 : *", []],
    ["file.size : *", []],
  ];
  for (const [filter, expected] of cases) {
    it(`"${filter}" matches ${JSON.stringify(expected)}`, () => assert.deepEqual(match(filter), expected));
  }

  const wrong: [string, number, RegExp][] = [
    ["nope = 1", 1, /unknown field "nope"; known are event\.action, /],
    ["event.action", 13, /ends where = or : is expected/],
    ["event.action =", 15, /ends where a value is expected/],
    ["event.action > 1", 14, /">" where = or : is expected/],
    ["event.action = a OR event.action = b", 18, /"OR" where AND is expected/],
    ["NOT event.action = a", 1, /"NOT" where a field is expected/],
    ['event.action = "a', 16, /a quote that is never closed/],
    ["event.action = a AND", 21, /ends where a field is expected/],
    ["event.action = = a", 16, /"=" where a value is expected/],
    [`event.action = ${"a".repeat(5000)}`, 1, /at most 4096/],
  ];
  for (const [filter, column, pattern] of wrong) {
    it(`"${filter.slice(0, 40)}" is refused, with the place`, () => {
      assert.throws(
        () => compileFilter(filter),
        (error) => {
          assert.ok(error instanceof FilterError);
          assert.equal(error.column, column);
          assert.match(error.message, pattern);
          return true;
        },
      );
    });
  }

  it("takes any value in quotes and gives it back", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 30 }), (value) => {
        const escaped = value.replaceAll(/[\\"]/g, (character) => `\\${character}`);
        assert.equal(parseFilter(`a = "${escaped}"`)[0]?.value, value);
      }),
    );
  });

  it("throws nothing but FilterErrors, whatever the text", () => {
    const unit = fc.constantFrom("event.action", "=", ":", " ", "AND", '"', "'", "\\", "(", "a", "<", "\u00e9", "*");
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 20 }), (text) => {
        try {
          compileFilter(text);
        } catch (error) {
          assert.ok(error instanceof FilterError, String(error));
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe("the terms of a block", () => {
  it("name what a filter of equality asks for", () => {
    const { terms, overflow } = termsOf(block);
    for (const filter of ["event.action = executed", "destination.ip = 2001:db8::1", "audit.key = other"]) {
      for (const { term } of compileFilter(filter).terms) assert.ok(terms.includes(term), term);
    }
    assert.deepEqual(overflow, []);
  });

  it("say of which field there are more than are kept", () => {
    const many = Array.from({ length: 300 }, (_, index) => Event.fromPartial({ files: [{ path: `/x/${index}` }] }));
    const { terms, overflow } = termsOf(new ColumnBlock(encodeColumns(many), position));
    assert.deepEqual(overflow, ["file.path"]);
    assert.ok(terms.length <= 256);
  });
});
