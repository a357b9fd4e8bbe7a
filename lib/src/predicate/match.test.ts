import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Event } from "@hosttrail/proto/event";
import fc from "fast-check";
import { ColumnBlock, encodeColumns } from "../block/index.ts";
import { compileFilter, FilterError, parseFilter, type SieveAnswers, tellSieve } from "./index.ts";

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
  ['process.args : "\\*"', [0]],
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

describe("a filter", () => {
  for (const [filter, expected] of cases) {
    it(`"${filter}" matches ${JSON.stringify(expected)}`, () => assert.deepEqual(match(filter), expected));
  }

  const wrong: [string, number, RegExp][] = [
    ["nope = 1", 1, /unknown field "nope"; fields begin with event, @timestamp, host, /],
    ["event.action", 1, /event\.action is a field, without a comparison; .* event\.action:\*/],
    ["event.action =", 15, /ends where a value is expected/],
    ['event.action = "a', 16, /a quote that is never closed/],
    ["event.action = a AND", 21, /ends where a field, a function or a word is expected/],
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
        const escaped = value.replaceAll(/[\\"*]/g, (character) => `\\${character}`);
        const tree = parseFilter(`a = "${escaped}"`);
        assert.ok(tree?.kind === "restriction");
        assert.deepEqual(tree.value.parts, [value]);
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

/** A sieve of everything that it is told: it has no doubts. */
function exactSieve(block: ColumnBlock): SieveAnswers {
  const terms = new Set<string>();
  const texts = new Map<number, string[]>();
  tellSieve(block, {
    addTerm: (field, value) => terms.add(`${field}=${value}`),
    addText: (group, text) => texts.set(group, [...(texts.get(group) ?? []), text]),
  });
  return {
    mayHaveTerm: (field, value) => terms.has(`${field}=${value}`),
    mayHavePart: (group, part) => (texts.get(group) ?? []).some((text) => text.includes(part)),
  };
}

describe("a block's sieve", () => {
  const sieve = exactSieve(block);

  it("may have whatever a filter finds", () => {
    for (const [filter, expected] of cases) {
      if (expected.length > 0) assert.ok(compileFilter(filter).mayMatch(sieve), filter);
    }
  });

  it("has neither values nor parts that no event has", () => {
    for (const filter of [
      "event.action = never-seen",
      "process.command_line : never-seen",
      "process.args = never-seen",
      "file.path : /never/seen",
      "file.name = never-seen",
      "process.parent.executable : never-seen",
      "process.hash.sha256 = 00000000000000000000000000000000000000000000000000000000000000ff",
      "destination.ip = 198.51.100.250",
      "event.action = executed AND user.name = never-seen",
    ]) {
      assert.ok(!compileFilter(filter).mayMatch(sieve), filter);
    }
  });

  it("is not asked for values that are not there", () => {
    assert.ok(compileFilter('user.name = ""').mayMatch(sieve));
    assert.ok(
      compileFilter("event.outcome = success").mayMatch(exactSieve(new ColumnBlock(encodeColumns([]), position))),
    );
  });

  it("never says no to what a filter of any word finds", () => {
    const word = fc.stringMatching(/^[a-c/ .=]{1,4}$/);
    const event = fc.record({ args: fc.array(word, { maxLength: 3 }), path: word, name: word, user: word });
    const fields = [
      "process.args",
      "process.command_line",
      "process.title",
      "process.executable",
      "process.name",
      "file.path",
      "file.name",
      "user.name",
      "process.parent.executable",
      "process.working_directory",
    ];
    const question = fc.record({ field: fc.constantFrom(...fields), operator: fc.constantFrom("=", ":"), word });
    fc.assert(
      fc.property(
        fc.array(event, { minLength: 1, maxLength: 4 }),
        question,
        (list, { field, operator, word: asked }) => {
          const made = list.map(({ args, path, name, user }) =>
            Event.fromPartial({
              process: { args, executable: path, name, workingDirectory: path, parent: { executable: name } },
              files: [{ path }],
              user: { name: user },
            }),
          );
          const some = new ColumnBlock(encodeColumns(made), position);
          const filter = compileFilter(`${field} ${operator} "${asked}"`);
          if (filter.match(some).length > 0) assert.ok(filter.mayMatch(exactSieve(some)));
        },
      ),
    );
  });
});
