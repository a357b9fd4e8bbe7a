/** Sigma rules: whatever a file holds becomes rules or problems with their lines, and rules find the same together as one by one. */
import assert from "node:assert/strict";
import { ColumnBlock, encodeColumns } from "@hosttrail/lib/block";
import { checkRules, type Match, PlainRules, readAuditRules, RuleSet } from "@hosttrail/lib/detect";
import { readRules } from "@hosttrail/lib/sigma";
import { Event } from "@hosttrail/proto/event";
import { mutate, type Random } from "./random.ts";

const RULES = [
  `title: one
id: 11111111-1111-4111-8111-111111111111
name: one
level: high
logsource: { product: linux, category: process_creation }
detection:
  selection_a:
    Image|endswith: ['/sh', '/b*sh']
    CommandLine|contains|all: [cat, 'pass?d']
  selection_b:
    - CommandLine|re|i: 'A+(b|c)'
    - User|windash: ' -x'
  filter:
    ParentImage: null
  condition: 1 of selection_* and not filter
`,
  `title: two
logsource: { product: linux, service: auditd }
detection:
  s: { type: EXECVE, a0|cased: sh, a1|base64offset|contains: x }
  t: { SYSCALL: execve, a0|gte: 1, key|fieldref: comm, exit|exists: true }
  k:
    - passwd
    - 'ca* /etc'
  condition: all of s or t or 1 of k
---
title: three
correlation:
  type: value_count
  rules: [one]
  aliases: { who: { one: User } }
  group-by: [who]
  timespan: 5m
  condition: { field: Image, gte: 3 }
`,
  `title: four
logsource: { product: linux }
filter:
  rules: [one]
  selection: { User|expand: '%adm%', DestinationIp|cidr: 10.0.0.0/8, UtcTime|hour|lt: 7 }
  condition: not selection
`,
];
const TOKENS = [
  ..."|contains |re |all |expand |cidr |neq |fieldref |wide |base64 |cased : - , { } [ ] ( ) * ? \\ ' \" & # ! ~ null '' 1e9 0x1f".split(
    " ",
  ),
  "\n",
  "  ",
  "&a ",
  "*a ",
  "---\n",
  "condition: ",
  "1 of them",
  " and ",
  " or ",
  " not ",
  "type: ",
  "%x%",
  "(?=a)",
  "(.{9}){9}",
  "<<: ",
];
const AUDIT = readAuditRules(["-a always,exit -S execve -k exec\n-w /etc -p wa -k etc\n"]);

const block = new ColumnBlock(
  encodeColumns([
    Event.fromPartial({
      event: { action: "executed", outcome: "success" },
      process: { pid: 7, name: "sh", executable: "/bin/sh", args: ["sh", "-c", "cat /etc/passwd"], parent: { pid: 6 } },
      user: { id: 0, name: "root" },
      files: [{ path: "/bin/sh", name: "sh", nametype: "NORMAL" }],
      audit: {
        keys: ["exec"],
        syscall: { name: "execve", success: "yes", arguments: [1n, 2n, 3n, 4n] },
        records: [{ type: 1300 }, { type: 1309 }, { type: 1302 }],
      },
    }),
  ]),
  { hostId: "0".repeat(32), epoch: 1n, firstSeq: 0n },
);

function shown(matches: readonly Match[]): string[] {
  return matches.map(({ rule, event, record }) => `${rule.line} ${event} ${record}`).sort();
}

export function readMutatedRules(random: Random): void {
  const text = mutate(random, RULES, TOKENS);
  const collection = readRules([{ path: "fuzz.yml", text }], { placeholders: new Map([["adm", ["root", "a*"]]]) });
  const { rules, filters, rejected } = collection;
  assert.ok(rejected.every(({ line, message }) => line > 0 && message !== ""));
  const checks = checkRules(collection, AUDIT);
  assert.equal(checks.length, rules.length + rejected.length);
  assert.ok(filters.length <= text.length);
  const detections = rules.flatMap((rule) => (rule.kind === "detection" ? [rule] : []));
  assert.deepEqual(shown(new RuleSet(detections).match(block)), shown(new PlainRules(detections).match(block)));
}
