import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { collect, onlyRule, rejection, ruleText, shown } from "./fixture.ts";

const one = (line: string, placeholders?: Record<string, string[]>): string =>
  shown(onlyRule(ruleText(`s:\n  ${line}\ncondition: s`), placeholders).condition);

const CASES: [string, string][] = [
  ["F: a", "F=a"],
  ["F: [a, b]", "(F=a or F=b)"],
  ["F|all: [a, b]", "(F=a and F=b)"],
  ["F|contains: a", "F=*a*"],
  ["F|startswith: a", "F=a*"],
  ["F|endswith: '*a'", "F=*a"],
  ["F|contains|all: [a, b]", "(F=*a* and F=*b*)"],
  ["F|all|contains: [a, b]", "(F=*a* and F=*b*)"],
  ["F|cased: Ab", "F==Ab"],
  ["F|contains|cased: Ab", "F==*Ab*"],
  ["F|neq: a", "not F=a"],
  ["F|neq: [a, b]", "not (F=a or F=b)"],
  ["F|contains|neq: a", "not F=*a*"],
  ["F: null", "not F exists"],
  ["F: ''", "F="],
  ["F|exists: true", "F exists"],
  ["F|exists: no", "rejected"],
  ["F|exists: false", "not F exists"],
  ["F: 40000", "F=40000"],
  ["F: 18446744073709551615", "F=18446744073709551615"],
  ["F: 1.5", "F=1.5"],
  ["F: true", "F=true"],
  ["F: yes", "F=yes"],
  ["F|contains: 7", "F=*7*"],
  ["F|gte: 7", "F gte 7"],
  ["F|lt: '7'", "F lt 7"],
  ["F|re: 'a|b'", "F~/a|b/"],
  ["F|re|i: a", "F~/a/i"],
  ["F|re|i|s: a", "F~/a/is"],
  ["F|cidr: 10.0.0.0/8", "F in 10.0.0.0/8"],
  ["F|windash: ' -x'", "(F= -x or F= /x or F= –x or F= —x or F= ―x)"],
  ["F|windash: 'a-b'", "F=a-b"],
  ["F|base64: foo", "F=Zm9v"],
  ["F|wide|base64: foo", "F=ZgBvAG8A"],
  ["F|utf16be|base64: foo", "F=AGYAbwBv"],
  ["F|utf16|base64: foo", "F=//5mAG8AbwA="],
  ["F|base64offset|contains: foobar", "(F=*Zm9vYmFy* or F=*Zvb2Jhc* or F=*mb29iYX*)"],
  ["F|base64offset|contains: foo", "(F=*Zm9v* or F=*Zvb* or F=*mb2*)"],
  ["F|fieldref: G", "F whole @G"],
  ["F|fieldref|endswith: G", "F end @G"],
  ["F|fieldref|neq: G", "not F whole @G"],
  ["F|hour|gte: 22", "hour(F) gte 22"],
  ["F|day: 1", "day(F) eq 1"],
];

describe("modifiers", () => {
  for (const [line, expected] of CASES) {
    it(`reads ${line}`, () => {
      if (expected === "rejected") assert.throws(() => one(line));
      else assert.equal(one(line), expected);
    });
  }

  it("put what is known in a placeholder's place", () => {
    assert.equal(one("F|expand: '%admins%'", { admins: ["root", "adm*"] }), "(F=root or F=adm*)");
    assert.equal(one("F|expand|endswith: 'x%a%-%b%'", { a: ["1"], b: ["2", "3"] }), "(F=*x1-2 or F=*x1-3)");
    assert.equal(one("F|expand: '\\%a%b%'", { b: ["1"] }), "F=%a1");
    assert.equal(one("F: '%a%'"), "F=%a%");
  });

  it("take every value of base64offset at any offset", () => {
    for (const text of ["a", "ab", "abc", "/bin/sh", "http://x"]) {
      const forms = one(`F|base64offset|contains: '${text}'`)
        .replace(/^\(|\)$/g, "")
        .split(" or ")
        .map((part) => part.slice(3, -1));
      for (let before = 0; before < 4; before++) {
        for (let after = 0; after < 4; after++) {
          const encoded = Buffer.from("x".repeat(before) + text + "y".repeat(after)).toString("base64");
          assert.ok(
            forms.some((form) => encoded.includes(form)),
            `${text} ${before} ${after} ${encoded} ${forms.join()}`,
          );
        }
      }
    }
  });

  const refused: [string, RegExp][] = [
    ["F|contians: a", /^5: unknown modifier "contians" of F \(is it "contains"\?\); known are /],
    ["F|expand: '%admin%'", /^5: F: nothing is known for the placeholder %admin%; known are none$/],
    ["F|re: 7", /^5: F: a regular expression is a text$/],
    ["F|i: a", /^5: F: i stands behind re$/],
    ["F|base64: 'a*'", /^5: F: base64 of a value with wildcards/],
    ["F|gt: a", /^5: F: gt needs a number$/],
    ["F|cidr: 7", /^5: F: a network is a text/],
    ["F|windash: '-a -b -c -d -e'", /^5: F: windash with more than 4 dashes$/],
    ["F: {a: b}", /^5: F has a map; allowed is a value or a list of values$/],
    ["F: [[a]]", /^5: F has a list in its list; allowed are values$/],
    ["F: []", /^5: F has an empty list$/],
    ["'|fieldref': G", /^5: keywords: fieldref needs a field to compare with$/],
  ];
  for (const [line, expected] of refused) {
    it(`refuse ${line}`, () => assert.match(rejection(ruleText(`s:\n  ${line}\ncondition: s`)), expected));
  }

  it("warn of all with one value", () => {
    const { rules, warnings } = collect(ruleText("s:\n  F|all: a\ncondition: s"));
    assert.equal(rules.length, 1);
    assert.match(warnings[0]?.message ?? "", /all has no meaning/);
  });
});
