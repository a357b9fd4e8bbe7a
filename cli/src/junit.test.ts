import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, it } from "node:test";
import { junitXml } from "./junit.ts";

/** Reads XML by a parser of others (expat) and gives each element with its attributes and text. */
const READER = `
import json, sys, xml.etree.ElementTree as tree
def show(e):
    return [e.tag, dict(e.attrib), (e.text or "").strip(), [show(c) for c in e]]
print(json.dumps(show(tree.fromstring(sys.stdin.buffer.read()))))
`;

type Element = [string, Record<string, string>, string, Element[]];

function read(xml: string): Element {
  return JSON.parse(execFileSync("python3", ["-c", READER], { input: xml, encoding: "utf8" })) as Element;
}

describe("results as JUnit XML", () => {
  it("tell what passed, what failed and what could not be decided", () => {
    const about = { className: "rules/one.yml" };
    const xml = junitXml("rules", [
      { ...about, name: "passes", failures: [], errors: [] },
      { ...about, name: "fails", failures: ["3 matches", "no match on a"], errors: ["damaged"] },
      { ...about, name: "unknown", failures: [], errors: ["damaged"] },
    ]);
    const counts = { tests: "3", failures: "1", errors: "1", skipped: "0" };
    const cases: Element[] = [
      ["testcase", { name: "passes", classname: "rules/one.yml" }, "", []],
      [
        "testcase",
        { name: "fails", classname: "rules/one.yml" },
        "",
        [["failure", { message: "3 matches" }, "3 matches\nno match on a", []]],
      ],
      [
        "testcase",
        { name: "unknown", classname: "rules/one.yml" },
        "",
        [["error", { message: "damaged" }, "damaged", []]],
      ],
    ];
    assert.deepEqual(read(xml), ["testsuites", counts, "", [["testsuite", { name: "rules", ...counts }, "", cases]]]);
  });

  it("give any text back, and make visible what XML cannot have", () => {
    const hostile = `<a href="x">&amp;]]>'\u{1f600}`;
    const [, , , [suite]] = read(
      junitXml(hostile, [
        { name: `${hostile}\ttab\nline\r`, className: "\u0000\u001b\ud800\uffff", failures: [hostile], errors: [] },
      ]),
    );
    assert.equal(suite?.[1]["name"], hostile);
    const [, attributes, , [failure]] = suite?.[3][0] ?? assert.fail();
    assert.deepEqual(attributes, { name: `${hostile}\ttab\nline\r`, classname: "\\u{0}\\u{1b}\\u{d800}\\u{ffff}" });
    assert.deepEqual(failure, ["failure", { message: hostile }, hostile, []]);
  });
});
