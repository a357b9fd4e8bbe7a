import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ServiceError } from "@grpc/grpc-js";
import { Alert } from "@hosttrail/proto/alert";
import { PutRulesetRequest } from "@hosttrail/proto/rule";
import fc from "fast-check";
import type { CloseReason, RulesetDocument } from "../model/index.ts";
import { RuleBook } from "../rulebook/index.ts";
import { refusalOf } from "./check.ts";
import { recordedRuleset, RulesetParts } from "./gather.ts";
import { documentAt, shownRules } from "./show.ts";
import { precisionOf, RuleTallies } from "./tally.ts";

function part(files: Record<string, string>, name = "own"): PutRulesetRequest {
  const list = Object.entries(files).map(([path, text]) => ({ path, text }));
  return PutRulesetRequest.fromPartial({ ruleset: { name, files: list } });
}

const rule = (name: string): string => `title: Rule ${name}
name: ${name}
logsource: {product: linux, category: process_creation}
detection:
  selection: {Image|endswith: /${name}}
  condition: selection
`;

function bookOf(files: Record<string, string>, enabled = true): RuleBook {
  const list = Object.entries(files).map(([path, text]) => ({ path, text }));
  const about = { description: "", enabled, labels: {}, tags: {}, updateMs: 0, updater: "" };
  const own: RulesetDocument[] = [{ name: "own", files: list, ...about }];
  return new RuleBook({ managed: [], own, settings: { rules: new Map(), managed: new Map() } });
}

describe("a ruleset in parts", () => {
  it("is the same however its files are cut, in the order of their paths", () => {
    const files = fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.string({ maxLength: 40 }), { maxKeys: 8 });
    fc.assert(
      fc.property(files, fc.integer({ min: 1, max: 9 }), (texts, size) => {
        const parts = new RulesetParts();
        const first = part({});
        parts.add(first);
        for (const [name, text] of Object.entries(texts)) {
          for (let at = 0; at === 0 || at < text.length; at += size) {
            parts.add(part({ [`${name}.yml`]: text.slice(at, at + size) }, "ignored"));
          }
        }
        const { ruleset } = parts.finish();
        assert.equal(ruleset?.name, "own");
        const wanted = Object.entries(texts).map(([name, text]) => ({ path: `${name}.yml`, text }));
        wanted.sort((a, b) => (a.path < b.path ? -1 : 1));
        assert.deepEqual(ruleset.files, wanted);
      }),
    );
  });

  it("is recorded without what stands in its files", () => {
    const text = JSON.stringify(recordedRuleset(part({ "a.yml": "secret" })));
    assert.ok(text.includes("a.yml") && !text.includes("secret"), text);
  });
});

describe("a rule that is shown", () => {
  it("has the document that it is written in, of several in a file", () => {
    const texts = [rule("one"), `# about two\n${rule("two")}`, rule("three")];
    const shown = shownRules(bookOf({ "a.yml": texts.join("---\n"), "b.yml": `---\n${rule("four")}---\n` }));
    assert.deepEqual(
      shown.map((each) => documentAt(each)),
      [...texts, rule("four")],
    );
  });

  it("stands in the order of files and lines, also where it is rejected", () => {
    const broken = rule("broken").replace("condition: selection", "condition: none");
    const shown = shownRules(bookOf({ "a.yml": `${rule("one")}---\n${broken}---\n${rule("two")}`, "b.yml": "x: [" }));
    assert.deepEqual(
      shown.map(({ file, isEnabled, problem }) => [file, isEnabled, problem === ""]),
      [
        ["a.yml", true, true],
        ["a.yml", false, false],
        ["a.yml", true, true],
        ["b.yml", false, false],
      ],
    );
    assert.equal(new Set(shown.map(({ key }) => key)).size, 4, "each has a key of its own");
  });

  it("says that its ruleset is disabled", () => {
    const [shown] = shownRules(bookOf({ "a.yml": rule("one") }, false));
    assert.deepEqual([shown?.isEnabled, shown?.problem], [false, 'the ruleset "own" is disabled']);
  });
});

describe("the error that refuses a ruleset", () => {
  it("is small enough for a header, whatever the rules are", () => {
    const problems = Array.from({ length: 1000 }, (_, line) => ({
      file: `own/${"ü".repeat(300)}.yml`,
      line,
      message: "ä".repeat(5000),
      rejected: true,
    }));
    const error = refusalOf(problems) as ServiceError;
    assert.match(error.details, /1000 rules that cannot be used[^]*and 992 more$/);
    const details = error.metadata.get("grpc-status-details-bin")[0]?.length ?? 0;
    // Clients of gRPC take 16 KiB of headers at most; a letter that is not ASCII has 6 bytes in the message.
    assert.ok(encodeURIComponent(error.details).length + details * (4 / 3) < 16 * 1024, `${details} bytes`);
  });
});

describe("how right a rule is", () => {
  it("counts benign alerts as right, and says that nothing is known where nothing was decided", () => {
    const none = { alerts: 5, truePositives: 0, falsePositives: 0, benign: 0 };
    assert.equal(precisionOf(none), -1);
    assert.equal(precisionOf({ ...none, truePositives: 1, benign: 1, falsePositives: 2 }), 0.5);
    assert.equal(precisionOf({ ...none, falsePositives: 2 }), 0);
  });

  it("reads all pages, and once for all who ask at the same time", async () => {
    const ids = Array.from({ length: 2500 }, (_, index) => (9999 - index).toString(16).padStart(12, "0"));
    let asked = 0;
    const tallies = new RuleTallies({
      async listAlerts({ afterId, limit }) {
        asked++;
        const from = afterId === "" ? 0 : ids.indexOf(afterId) + 1;
        return ids
          .slice(from, from + limit)
          .map((id) => Alert.fromPartial({ id, rule: { key: "r" }, hosts: [{ id: "h" }] }));
      },
      closedSince: async () =>
        ids.slice(0, 30).map((alertId, index) => {
          const reasons: CloseReason[] = ["true-positive", "false-positive", "withdrawn"];
          return { alertId, closeReason: reasons[index % 3] as CloseReason };
        }),
    });
    const [all, same, others] = await Promise.all([
      tallies.tallies(undefined, {}),
      tallies.tallies(undefined, {}),
      tallies.tallies(new Set(["x"]), { team: "x" }),
    ]);
    assert.deepEqual(all.get("r"), { alerts: 2500, truePositives: 10, falsePositives: 10, benign: 0 });
    assert.equal(all, same);
    assert.equal(others.get("r"), undefined);
    assert.equal(asked, 6);
  });
});
