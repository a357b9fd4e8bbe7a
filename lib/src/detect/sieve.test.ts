import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Event } from "@hosttrail/proto/event";
import fc from "fast-check";
import { ColumnBlock, encodeColumns } from "../block/index.ts";
import { tellSieve } from "../predicate/index.ts";
import { Sieve, SieveBuilder } from "../sieve/index.ts";
import { readRules } from "../sigma/index.ts";
import { RuleSet } from "./index.ts";

const PLACE = { hostId: "0".repeat(32), epoch: 1n, firstSeq: 0n };

function ruleSet(detection: string, logsource = "category: process_creation"): RuleSet {
  const text = `title: one\nlogsource: {product: linux, ${logsource}}\ndetection: ${detection}\n`;
  const { rules, rejected } = readRules([{ path: "one.yml", text }]);
  assert.deepEqual(rejected, [], text);
  const set = new RuleSet(rules.flatMap((rule) => (rule.kind === "detection" ? [rule] : [])));
  assert.deepEqual(set.notCompiled, [], text);
  return set;
}

function blockOf(events: readonly Parameters<typeof Event.fromPartial>[0][]): ColumnBlock {
  return new ColumnBlock(encodeColumns(events.map((event) => Event.fromPartial(event))), PLACE);
}

function sieveOf(block: ColumnBlock): Sieve {
  const builder = new SieveBuilder();
  tellSieve(block, builder);
  return new Sieve(builder.finish());
}

const executed = { action: "executed", category: ["process"], type: ["start"] };
const nmap = blockOf([
  {
    event: executed,
    process: { args: ["NMap", "-sS", "10.0.0.0/8"], executable: "/usr/bin/nmap", name: "nmap" },
    user: { name: "Eve" },
  },
  { event: { action: "deleted" }, files: [{ path: "/var/log/auth.log", nametype: "DELETE" }] },
  {
    event: { action: "connected-to" },
    destination: { address: "203.0.113.9", ip: "203.0.113.9", port: 4444, family: "ipv4" },
  },
]);

describe("what a rule set asks a sieve", () => {
  const sieve = sieveOf(nmap);

  it("may be there where a rule matches, whatever the case", () => {
    for (const [detection, logsource] of [
      ["{s: {CommandLine|contains: nmap}, condition: s}"],
      ["{s: {Image|endswith: /NMAP, User: eve}, condition: s}"],
      ["{s: {CommandLine|re: '(?i)n[a-m]ap -s'}, condition: s}"],
      ["{s: {Image: never-seen}, t: {CommandLine|cased|contains: NMap}, condition: s or t}"],
      ["{s: {Image|contains: bin}, t: {CommandLine|contains: never-seen}, condition: s and not t}"],
      ["{s: {TargetFilename|startswith: /var/LOG}, condition: s}", "category: file_delete"],
      ["{s: {DestinationPort: 4444, DestinationIp: 203.0.113.9}, condition: s}", "category: network_connection"],
      ["{s: {DestinationIp|cidr: 203.0.113.0/24}, condition: s}", "category: network_connection"],
      ["{k: [nmap], condition: k}"],
    ] as const) {
      const set = ruleSet(detection, logsource);
      assert.equal(set.match(nmap).length, 1, detection);
      assert.ok(set.sieve?.mayMatch(sieve), detection);
    }
  });

  it("is not there where a text, a value or the kind of event is not", () => {
    for (const [detection, logsource] of [
      ["{s: {CommandLine|contains: masscan}, condition: s}"],
      ["{s: {Image|endswith: /nmap, CommandLine|contains: masscan}, condition: s}"],
      ["{s: {Image|endswith: [/masscan, /zmap]}, condition: s}"],
      ["{s: {CommandLine|re: 'masscan.*'}, condition: s}"],
      ["{s: {CommandLine|exists: true}, condition: s}", "category: file_event"],
      ["{s: {TargetFilename|startswith: /etc/cron}, condition: s}", "category: file_delete"],
      ["{s: {DestinationPort: 4445}, condition: s}", "category: network_connection"],
    ] as const)
      assert.equal(ruleSet(detection, logsource).sieve?.mayMatch(sieve), false, detection);
  });

  it("is nothing where a rule is about records, which may say anything", () => {
    assert.equal(ruleSet("{s: {type: EXECVE, a0: nmap}, condition: s}", "service: auditd").sieve, undefined);
  });

  it("may be there where a letter of another alphabet has that lower case", () => {
    // The sign of Kelvin; the dotted capital, whose lower case ends in a combining dot.
    for (const [text, asked] of [
      ["/opt/\u212aali", "kali"],
      ["/opt/ba\u0130", "bai"],
      ["/opt/\u0130ba", "\u0307ba"],
    ] as const) {
      const block = blockOf([{ event: executed, process: { executable: text } }]);
      const set = ruleSet(`{s: {Image|contains: ${asked}}, condition: s}`);
      assert.equal(set.match(block).length, 1, asked);
      assert.ok(set.sieve?.mayMatch(sieveOf(block)), asked);
    }
  });

  it("never misses a match, also of letters of which the case is another one's", () => {
    const unit = fc.constantFrom(
      "a",
      "A",
      "i",
      "I",
      "\u0130",
      "\u0131",
      "k",
      "K",
      "\u212a",
      "\u03c3",
      "\u03a3",
      "/",
      "1",
    );
    const word = fc.string({ unit, minLength: 1, maxLength: 6 });
    const event = fc.record({ args: fc.array(word, { minLength: 1, maxLength: 2 }), path: word, user: word });
    const field = fc.constantFrom("CommandLine", "Image", "User", "ParentCommandLine", "CurrentDirectory");
    const modifier = fc.constantFrom("", "|contains", "|startswith", "|endswith", "|cased", "|contains|cased", "|re");
    const item = fc.record({ field, modifier, word });
    let found = 0;
    fc.assert(
      fc.property(
        fc.array(event, { minLength: 1, maxLength: 3 }),
        fc.array(item, { minLength: 1, maxLength: 3 }),
        fc.constantFrom("all of them", "1 of them", "not s0"),
        (events, items, condition) => {
          const block = blockOf(
            events.map(({ args, path, user }) => ({
              event: executed,
              process: { args, executable: path, workingDirectory: path, parent: { args: [...args, path] } },
              user: { name: user },
            })),
          );
          const searches = items.map(
            ({ field: name, modifier: how, word: text }, at) =>
              `s${at}: {${JSON.stringify(name + how)}: ${JSON.stringify(text)}}`,
          );
          const set = ruleSet(`{${searches.join(", ")}, condition: ${condition}}`);
          if (set.match(block).length === 0) return;
          found++;
          assert.ok(set.sieve?.mayMatch(sieveOf(block)));
        },
      ),
      { numRuns: 4000 },
    );
    assert.ok(found > 200, `only ${found} matches`);
  });
});
