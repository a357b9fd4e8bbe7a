import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Event } from "@hosttrail/proto/event";
import { ColumnBlock, encodeColumns } from "../block/index.ts";
import { formatFilter } from "./format.ts";
import { compileFilter, FilterError, parseFilter } from "./index.ts";

/** Examples of https://google.aip.dev/160 and of its grammar, as far as they say something about how a filter is read. */
const READ: [text: string, understood: string][] = [
  // Literals
  ["Victor Hugo", '"Victor" AND "Hugo"'],
  ["Victor AND Hugo", '"Victor" AND "Hugo"'],
  ["42", '"42"'],
  ['"Hugo"', '"Hugo"'],
  // Logical operators: OR has the higher precedence.
  ["a AND b", '"a" AND "b"'],
  ["a OR b OR c", '"a" OR "b" OR "c"'],
  ["a AND b OR c", '"a" AND ("b" OR "c")'],
  // Negation operators
  ["NOT a", 'NOT "a"'],
  ["-a", 'NOT "a"'],
  // Comparison operators
  ["a = true", "a = true"],
  ["a != 42", "a != 42"],
  ["a < 42", "a < 42"],
  ['a > "foo"', "a > foo"],
  ['a <= "foo"', "a <= foo"],
  ["a >= 42", "a >= 42"],
  ['a = "*.foo"', "a = *.foo"],
  // Traversal
  ["a.b = true", "a.b = true"],
  ["a.b > 42", "a.b > 42"],
  ['a.b.c = "foo"', "a.b.c = foo"],
  // Has
  ["r:42", "r : 42"],
  ["r.foo:42", "r.foo : 42"],
  ["m:foo", "m : foo"],
  ["m.foo:*", "m.foo : *"],
  ["m.foo:42", "m.foo : 42"],
  // The grammar's own
  ["a b AND c AND d", '("a" AND "b") AND "c" AND "d"'],
  ["(a b) AND c AND d", '("a" AND "b") AND "c" AND "d"'],
  ["New York Giants OR Yankees", '"New" AND "York" AND ("Giants" OR "Yankees")'],
  ["New York (Giants OR Yankees)", '"New" AND "York" AND ("Giants" OR "Yankees")'],
  ["a < 10 OR a >= 100", "a < 10 OR a >= 100"],
  ["NOT (a OR b)", 'NOT ("a" OR "b")'],
  ['-file:".java"', "NOT file : .java"],
  ["-30", 'NOT "30"'],
  ["package=com.google", "package = com.google"],
  ["msg != 'hello'", "msg != hello"],
  ["1 > 0", "1 > 0"],
  ["2.5 >= 2.4", "2.5 >= 2.4"],
  ["yesterday < request.time", "yesterday < request.time"],
  ["map:key", "map : key"],
  ["(msg.endsWith('world') AND retries < 10)", 'endsWith(msg, "world") AND retries < 10'],
  ["matches(m.key, '^.*prod.*$')", 'matches(m.key, "^.*prod.*$")'],
];

describe("AIP-160's examples are read as its text says:", () => {
  for (const [text, understood] of READ) it(text, () => assert.equal(formatFilter(parseFilter(text)), understood));
});

const events = [
  Event.fromPartial({
    event: { action: "executed", outcome: "success", timeUnixNano: 1_335_020_400_000_000_000n },
    host: {
      labels: [
        { key: "env", value: "prod" },
        { key: "k8s.io/app", value: "42" },
      ],
    },
    process: {
      pid: 42,
      name: "a.foo",
      args: ["Victor", "Hugo"],
      parent: { pid: 1, name: "systemd" },
      startUnixNano: 1_335_020_390_000_000_000n,
    },
    user: { id: 0, name: "root" },
  }),
  Event.fromPartial({
    event: { action: "executed", outcome: "failure", timeUnixNano: 1_335_020_401_000_000_000n },
    host: { labels: [{ key: "env", value: "test" }] },
    process: { pid: 43, name: "foo", args: ["Hugo"] },
    user: { id: 1000, name: "bob" },
    audit: { keys: ["x", "y"] },
  }),
  Event.fromPartial({ event: { action: "booted" }, user: { id: 1001 }, files: [{ path: "/a" }, { path: "/b" }] }),
  Event.fromPartial({ audit: { serial: 5 } }),
];
const block = new ColumnBlock(encodeColumns(events), { hostId: "0".repeat(32), epoch: 1n, firstSeq: 0n });
const match = (text: string): number[] => compileFilter(text).match(block);

const MEANT: [text: string, rule: string, expected: number[]][] = [
  ["Victor Hugo", "literals separated by white space are joined by AND", [0]],
  ["42", "a literal alone may stand anywhere in the texts that are considered; numbers are none", []],
  ["Hugo AND Victor OR bob", "a AND b OR c is a AND (b OR c)", [0, 1]],
  ["(Hugo AND Victor) OR bob", "brackets say otherwise", [0, 1]],
  ["bob OR Victor AND booted", "(bob OR Victor) AND booted", []],
  ["NOT Hugo", "true if it is not true", [2, 3]],
  ["-Hugo", "the same", [2, 3]],
  ["process.pid = 42", "true if it is 42", [0]],
  ["process.pid != 42", "true unless it equals 42; entries whose parent is not there are skipped", [1]],
  ["NOT process.pid = 42", "a negation skips nothing", [1, 2, 3]],
  ["user.name != root", "a user whose name is empty is there, and is not root; no user is skipped", [1, 2]],
  ["process.parent.name != systemd", "a parent that is not there is skipped, also for !=", []],
  ["process.pid < 43", "a numeric value below 43", [0]],
  ["process.pid >= 43", "43 or higher", [1]],
  ["process.pid <= 4.2e1", "exponents are supported", [0]],
  ['process.name > "e"', "lexically ordered after", [1]],
  ['process.name <= "foo"', "it or lexically before it", [0, 1]],
  ['process.name = "*.foo"', "ends with .foo", [0]],
  ['process.name = "*foo"', "ends with foo", [0, 1]],
  ['process.name != "*.foo"', "the same, unless", [1]],
  ["event.time = 2012-04-21T11:00:00-04:00", "timestamps of RFC 3339, with offsets", [0]],
  ["event.time > 2012-04-21T15:00:00Z", "in UTC", [1]],
  ["process.uptime < 20s", "durations are seconds with an s", [0]],
  ["process.uptime >= 10.0s AND process.uptime < 10.5s", "with a fraction", [0]],
  ["process.args:Hugo", "r:42 is true if r contains 42", [0, 1]],
  ["audit.key:y", "r:42, again", [1]],
  ["file.path:/b", "r.foo:42 is true if r contains an element e such that e.foo = 42", [2]],
  ["file.path != /b", "of a list none may be it", []],
  ["file.path != /c", "of a list none may be it", [2]],
  ["host.labels:env", "m:foo is true if m contains the key foo", [0, 1]],
  ["host.labels.env:*", "m.foo:* as well", [0, 1]],
  ["host.labels.env:prod", "m.foo:42 is true if m.foo is 42; of a text its parts are enough", [0]],
  ["host.labels.env = prod", "traversal of a map", [0]],
  ["host.labels.env != prod", "a map without the key is skipped", [1]],
  ["host.labels.k8s.io/app = 42", "keys that have dots", [0]],
  ['host.labels."k8s.io/app" = 42', "keys in quotes", [0]],
  ["host.labels.gone:*", "a key that no map has", []],
  ["user:*", "a message that is there with something in it", [0, 1, 2]],
  ["user:name", "a field of a message that has another value than its default", [0, 1]],
  ["process.args:*", "r:* is presence", [0, 1]],
  ["event.outcome = success", "enums by their string", [0]],
  ["event.action = (executed OR booted)", "the right-hand side accepts literals and logical operators", [0, 1, 2]],
  ["process.args = (Victor AND Hugo)", "an element is the one, an element is the other", [0]],
  ["event.action = (NOT executed)", "and negations, which skip nothing", [2, 3]],
  ["process.name.endsWith('.foo')", "functions", [0]],
  ["", "an empty filter matches everything", [0, 1, 2, 3]],
];

describe("AIP-160's rules hold:", () => {
  for (const [text, rule, expected] of MEANT) it(`${text}: ${rule}`, () => assert.deepEqual(match(text), expected));
});

const REFUSED: [text: string, rule: string, pattern: RegExp][] = [
  ["e.0.foo = 42", "no element of a list by its number", /unknown field "e\.0\.foo"/],
  [
    "process.args.0 = ls",
    "no element of a list by its number",
    /process\.args has no fields in it; an item of it is asked for by process\.args : value/,
  ],
  ["e[0].foo = 42", "no element of a list by its number", /unknown field/],
  ["process.nam = ls", "a field that is not defined", /\(is it "process\.name"\?\)/],
  ["event.outcome = SUCCESS", "enums are case-sensitive", /allowed is success, failure, unknown$/],
  ["event.outcome > failure", "no order of enums", /values have no order; allowed are =, != and :$/],
  ["42 = process.pid", "field names stand on the left", /unknown field "42"/],
  ["retries < 10", "a field that is not defined", /unknown field "retries"/],
  ["process.pid = 2.5", "a number that it never is", /whole number/],
  ["regex(process.name, 'a')", "functions are documented ones", /unknown function "regex"; known are cidr, startsWith/],
];

describe("what AIP-160 asks to be refused is refused, with the place:", () => {
  for (const [text, rule, message] of REFUSED)
    it(`${text}: ${rule}`, () =>
      assert.throws(
        () => compileFilter(text),
        (error) => error instanceof FilterError && message.test(error.message),
      ));
});
