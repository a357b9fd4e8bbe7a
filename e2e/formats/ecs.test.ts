import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileWriter } from "@hosttrail/collector/export";
import { EVENT_CATEGORIES } from "@hosttrail/lib/predicate";
import { ExportFormat } from "@hosttrail/proto/query";
import { ECS_VERSION, ecsProblems } from "./ecs.ts";
import { variedEvents } from "./events.ts";
import { claimedEvents, strangeEvents } from "./strange.ts";

/** Fields that are not the schema's; docs/formats.md names them. */
const OWN = ["audit.", "user.audit."];
const DOCUMENT = readFileSync(new URL("../../docs/formats.md", import.meta.url), "utf8");
const events = [...variedEvents(), ...strangeEvents(), ...claimedEvents()];
const documents = Buffer.from(fileWriter(ExportFormat.ECS, [])?.write(events) ?? [])
  .toString()
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as Record<string, Record<string, unknown>>);

describe("events in ECS", () => {
  it("have only fields of the published schema, each of its type, its values and as many of them as it allows", () => {
    assert.equal(documents.length, events.length);
    assert.ok(documents.length > 10_000);
    const problems = documents.flatMap((document, at) =>
      ecsProblems(document, OWN).map((problem) => `${events[at]?.event?.action}: ${problem}`),
    );
    assert.deepEqual([...new Set(problems)].slice(0, 20), []);
    assert.ok(documents.every(({ ecs }) => ecs?.["version"] === ECS_VERSION));
  });

  it("were of all kinds: each category, outcome and part of an event is among them", () => {
    const seen = new Set<string>();
    const walk = (name: string, value: unknown): void => {
      seen.add(name);
      if (typeof value !== "object" || value === null || Array.isArray(value)) return;
      for (const [key, part] of Object.entries(value)) walk(name === "" ? key : `${name}.${key}`, part);
    };
    for (const document of documents) walk("", document);
    const parts = [
      "process.parent.command_line process.session_leader.pid process.hash.sha256 process.tty.name process.start",
      "user.effective.id user.target.name user.audit.name group.id file.inode file.hash.sha256 file.size source.ip",
      "destination.port container.runtime cloud.instance.id cloud.machine.type labels.env related.hosts host.ip host.boot.id",
      "audit.targets audit.ancestry audit.session_id audit.systemd_unit audit.files audit.records",
    ].flatMap((names) => names.split(" "));
    assert.deepEqual(
      parts.filter((name) => !seen.has(name)),
      [],
    );
    const of = (name: string): Set<unknown> => new Set(documents.flatMap(({ event }) => event?.[name] ?? []));
    assert.deepEqual(of("category"), new Set(EVENT_CATEGORIES));
    assert.ok(of("type").size >= 13, [...of("type")].join());
    assert.deepEqual(of("outcome"), new Set(["failure", "success", "unknown"]));
  });

  it("have fields of our own that docs/formats.md names, and no others", () => {
    const own = new Set<string>();
    for (const { audit = {}, user = {} } of documents) {
      for (const name of Object.keys(audit)) own.add(`audit.${name}`);
      for (const name of Object.keys((user["audit"] as object | undefined) ?? {})) own.add(`user.audit.${name}`);
    }
    // Of an event that lacks something, which no recorded one does.
    const rare = ["audit.partial", "audit.redacted"];
    const named = Array.from(DOCUMENT.matchAll(/`((?:user\.)?audit\.\w+)`/g), ([, name = ""]) => name);
    assert.deepEqual([...new Set([...own, ...rare])].sort(), [...new Set(named)].sort());
  });

  it("are found wrong where a wrong field is planted", () => {
    const found = (change: (document: Record<string, Record<string, unknown>>) => void): string[] => {
      const document = structuredClone(documents.find(({ process, host }) => process !== undefined && host?.["ip"]));
      assert.ok(document !== undefined);
      change(document);
      return ecsProblems(document, OWN);
    };
    const plants: readonly [RegExp, (document: Record<string, Record<string, unknown>>) => void][] = [
      [/^process\.pidd: not in the schema/, ({ process }) => void (process && (process["pidd"] = 1))],
      [/^process\.pid: "1" is no long/, ({ process }) => void (process && (process["pid"] = "1"))],
      [/^host\.ip: one value where a list is due/, ({ host }) => void (host && (host["ip"] = "192.0.2.1"))],
      [/^host\.ip: "web1" is no ip/, ({ host }) => void (host && (host["ip"] = ["web1"]))],
      [/^host\.name: a list where one value is due/, ({ host }) => void (host && (host["name"] = ["a"]))],
      [/^host\.name: empty/, ({ host }) => void (host && (host["name"] = ""))],
      [/^event\.outcome: "maybe" is not allowed/, ({ event }) => void (event && (event["outcome"] = "maybe"))],
      [/^event\.category: "files" is not allowed/, ({ event }) => void (event && (event["category"] = ["files"]))],
      [
        /^event\.type: installation does not go with network/,
        ({ event }) => void (event && Object.assign(event, { category: ["network"], type: ["installation"] })),
      ],
      [/^@timestamp: is missing/, (document) => void delete document["@timestamp"]],
      [/^@timestamp: .* is no date/, (document) => void Object.assign(document, { "@timestamp": "yesterday" })],
      [/^ecs\.version: is missing/, (document) => void delete document["ecs"]],
    ];
    assert.deepEqual(
      found(() => {}),
      [],
    );
    for (const [message, change] of plants) {
      const problems = found(change);
      assert.ok(
        problems.some((problem) => message.test(problem)),
        `${message}: ${problems.join()}`,
      );
    }
  });
});
