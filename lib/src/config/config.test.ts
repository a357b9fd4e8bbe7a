import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ConfigError, choice, integer, mapOf, parseConfig } from "./index.ts";

const schema = mapOf(
  {
    name: { type: "string" },
    labels: { type: "object", default: {}, additionalProperties: { type: "string" } },
    spool: mapOf({ bytes_max: integer(1, 100, 50), sync: choice(["always", "never"], "always") }),
    endpoints: { type: "array", items: { type: "string", pattern: ":" }, default: [] },
  },
  ["name"],
);

function problems(text: string): readonly string[] {
  try {
    parseConfig(text, "a.yaml", schema);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems;
  }
  return [];
}

describe("parseConfig", () => {
  it("fills in all defaults, makes keys camelCase but for the user's own, and freezes", () => {
    const config = parseConfig<Record<string, unknown>>("name: x\nlabels: {my_key: v}\n", "a.yaml", schema);
    assert.deepEqual(config, {
      name: "x",
      labels: { my_key: "v" },
      spool: { bytesMax: 50, sync: "always" },
      endpoints: [],
    });
    assert.throws(() => Object.assign(config, { name: "y" }), TypeError);
  });

  it("names file, line, key, value and what is allowed, for all problems at once", () => {
    const text = "name: x\nspool:\n  bytes_max: 500\n  sync: sometimes\n  colour: red\nendpoints:\n  - a:1\n  - b\n";
    assert.deepEqual(problems(text), [
      'a.yaml:5:3: unknown key "spool.colour"; allowed are bytes_max, sync',
      "a.yaml:3:3: spool.bytes_max is 500; it must be <= 100",
      'a.yaml:4:3: spool.sync is "sometimes"; allowed are always, never',
      'a.yaml:8:5: endpoints.1 is "b"; it must match pattern ":"',
    ]);
  });

  it("shows no secret of a URL that is refused", () => {
    const urls = [
      "nats://user:secret@host",
      "https://secret@host",
      "user:se@secret@host",
      "https://host/path?key=secret",
    ];
    const text = `name: x\nspool:\n  sync:\n${urls.map((url) => `    - ${url}\n`).join("")}`;
    const [problem = ""] = problems(text);
    assert.match(problem, /^a\.yaml:3:3: spool\.sync is /);
    assert.ok(problem.includes('["nats://…@host","https://…@host","…@host","https://host/path?…"]'), problem);
    assert.match(problems("name: x\nspool: {sync: me@example.org}\n")[0] ?? "", /"me@example\.org"/);
  });

  it("says what is missing", () => {
    assert.deepEqual(problems("spool: {}\n"), ['a.yaml: the file lacks "name"']);
  });

  it("says where YAML is wrong", () => {
    assert.match(problems("name: [1,\n")[0] ?? "", /^a\.yaml:\d+:\d+: /);
    assert.match(problems("name: x\nname: y\n")[0] ?? "", /^a\.yaml:2:1: Map keys must be unique/);
  });

  it("throws nothing but ConfigErrors, whatever the text", () => {
    const unit = fc.constantFrom(
      "a",
      ":",
      " ",
      "\n",
      "-",
      "{",
      "}",
      "[",
      "]",
      "&",
      "*",
      "!",
      "|",
      ">",
      '"',
      "name: x\n",
    );
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 40 }), (text) => {
        problems(text);
      }),
      { numRuns: 2000 },
    );
  });
});
