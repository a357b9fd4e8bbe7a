import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readAuditRules, seesAll } from "./auditrules.ts";

function sees(first: string, second: string): boolean {
  const { rules } = readAuditRules([first, second]);
  const [one, other] = rules;
  assert.ok(one !== undefined && other !== undefined && rules.length === 2);
  return seesAll(one, other);
}

describe("what audit rules see", () => {
  const rule = (rest: string): string => `-a always,exit -S openat ${rest}`;

  it("is all of another one's where the first asks for less", () => {
    for (const [first, second] of [
      ["", "-F auid>=1000"],
      ["-F arch=b64", "-F arch=b64 -F uid=0"],
      ["-F auid>=500", "-F auid>=1000"],
      ["-F auid>=500", "-F auid=1000"],
      ["-F auid!=unset", "-F auid=0"],
      ["-F auid!=-1", "-F auid!=4294967295"],
      ["-F dir=/etc", "-F path=/etc/shadow"],
      ["-F dir=/etc", "-F dir=/etc/cron.d"],
      ["-F dir=/", "-F path=/a"],
      ["-F perm=rwa", "-F perm=w"],
      ["", "-F path=/etc/shadow -F perm=r"],
    ] as const)
      assert.ok(sees(rule(first), rule(second)), `${first} sees ${second}`);
    assert.ok(sees("-w /etc -p wa", "-a always,exit -F arch=b32 -F path=/etc/passwd -F perm=a"));
  });

  it("is not where it asks for something else", () => {
    for (const [first, second] of [
      ["-F auid>=1000", ""],
      ["-F arch=b64", ""],
      ["-F arch=b64", "-F arch=b32"],
      ["-F auid>=1000", "-F auid>=500"],
      // The number of nobody is a large one.
      ["-F auid!=unset", "-F auid>=1000"],
      ["-F uid>=1", "-F auid>=1000"],
      ["-F exit=-EACCES", "-F exit=-EPERM"],
      ["-F path=/etc/shadow", ""],
      ["-F path=/etc", "-F path=/etc/shadow"],
      ["-F path=/etc", "-F dir=/etc"],
      ["-F dir=/etc", "-F dir=/etcetera"],
      ["-F perm=w", "-F perm=r"],
      ["-F perm=r", "-F perm=rw"],
    ] as const)
      assert.ok(!sees(rule(first), rule(second)), `${first} does not see ${second}`);
  });
});
