import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { looksAtAws } from "./coverage.ts";
import { type CollectorConfig, loadCollectorConfig } from "./index.ts";

function load(text: string): CollectorConfig["coverage"] {
  const folder = mkdtempSync(join(tmpdir(), "hosttrail-coverage-config-"));
  try {
    const file = join(folder, "collector.yaml");
    writeFileSync(file, `tls: { ca_file: /ca, certificate_file: /crt, key_file: /key }\n${text}`, { mode: 0o600 });
    return loadCollectorConfig(file).coverage;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const DECIDED = "name: x, approver: alice, reason: r";

describe("the section coverage", () => {
  it("looks at nothing by default, and at an organisation or at accounts where they are named", () => {
    const { aws, pollMinutes } = load("");
    assert.deepEqual([looksAtAws(aws), pollMinutes, aws.roleName], [false, 10, "hosttrail-coverage"]);
    assert.ok(looksAtAws(load("coverage: { aws: { organization: true } }").aws));
    assert.ok(looksAtAws(load("coverage: { aws: { accounts: ['111122223333'] } }").aws));
  });

  it("keeps keys of tags as they are written", () => {
    const tags = "{ 'aws:cloudformation:stack-name': x, snake_case: y, 'A.b$c': z }";
    const [rule] = load(`coverage: { aws: { exclusions: [{ ${DECIDED}, last_day: '2027-01-31', tags: ${tags} }] } }`)
      .aws.exclusions;
    assert.deepEqual(rule?.tags, { "aws:cloudformation:stack-name": "x", snake_case: "y", "A.b$c": "z" });
    assert.equal(rule?.lastDay, "2027-01-31");
  });

  for (const [text, problem] of [
    ["aws: { accounts: ['12345'] }", /coverage\.aws\.accounts/],
    ["aws: { accounts: [111122223333] }", /coverage\.aws\.accounts/],
    ["aws: { regions: ['eu-west'] }", /coverage\.aws\.regions/],
    ["aws: { except_accounts: ['111122223333'] }", /organization is not true/],
    ["aws: { organization: true, accounts: ['111122223333'], except_accounts: ['111122223333'] }", /both have 1111/],
    [`aws: { exclusions: [{ ${DECIDED}, last_day: '2027-01-31' }] }`, /would exclude everything/],
    [`aws: { exclusions: [{ ${DECIDED}, last_day: '2027-02-30', tags: { a: b } }] }`, /which is no day/],
    [`aws: { exclusions: [{ name: x, reason: r, last_day: '2027-01-31', tags: { a: b } }] }`, /approver/],
    [`aws: { exclusions: [{ ${DECIDED}, last_day: '2027-01-31', instances: ['web1'] }] }`, /instances/],
    ["aws: { secret_access_key: x }", /secret_access_key/],
    ["poll_minutes: 0", /coverage\.poll_minutes/],
  ] as const)
    it(`refuses ${text}`, () => {
      assert.throws(() => load(`coverage: { ${text} }`), problem);
    });
});
