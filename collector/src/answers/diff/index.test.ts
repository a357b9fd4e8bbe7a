import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Event, Host } from "@hosttrail/proto/event";
import { allOf, blocksOf, readTrail } from "../fixture.ts";
import { ChangeGatherer, changedFacts, HabitGatherer } from "./index.ts";

type Changes = Parameters<typeof Event.fromPartial>[0];

let second = 0n;
function eventOf(action: string, type: string, changes: Changes = {}): Event {
  second += 1_000_000_000n;
  const event = {
    timeUnixNano: second,
    action,
    category: ["file"],
    type: [type],
    outcome: "success",
    ...changes.event,
  };
  return Event.fromPartial({ ...changes, event });
}

function changesOf(events: readonly Event[], limit = 1000): ReturnType<ChangeGatherer["answer"]> {
  const gatherer = new ChangeGatherer();
  for (const block of blocksOf(events)) gatherer.add(block, allOf(block));
  return gatherer.answer(limit);
}

function shortly({ changes }: ReturnType<ChangeGatherer["answer"]>): string[] {
  return changes.map(({ kind, object, change, count }) => `${kind} ${object} ${change} ${count}`);
}

describe("What changed on a host", () => {
  it("tells accounts and groups that came and went, of recorded work", () => {
    const told = shortly(changesOf(readTrail("admin")));
    assert.ok(
      told.some((line) => /^account \S+ deleted \d+$/.test(line)),
      told.slice(0, 20).join("\n"),
    );
    assert.ok(
      told.some((line) => /^group \S+ deleted \d+$/.test(line)),
      told.slice(0, 20).join("\n"),
    );
    assert.ok(
      told.some((line) => /^file \/etc\/group changed \d+$/.test(line)),
      "renamed onto the old one",
    );
    const ranked = told.map((line) => line.startsWith("file "));
    assert.ok(ranked.indexOf(true) > ranked.lastIndexOf(false), "files come last");
  });

  it("tells what a file comes to, and nothing of one that came and went", () => {
    const file = (path: string, nametype: string): Changes => ({ files: [{ path, nametype }] });
    const events = [
      eventOf("opened-file", "creation", file("/a", "CREATE")),
      eventOf("wrote-to-file", "change", file("/a", "NORMAL")),
      eventOf("opened-file", "creation", file("/b", "CREATE")),
      eventOf("deleted", "deletion", file("/b", "DELETE")),
      eventOf("deleted", "deletion", file("/c", "DELETE")),
      eventOf("opened-file", "creation", file("/c", "CREATE")),
      eventOf("opened-file", "access", file("/d", "NORMAL")),
      eventOf("deleted", "deletion", { ...file("/e", "DELETE"), event: { outcome: "failure" } }),
    ];
    assert.deepEqual(shortly(changesOf(events)), ["file /a created 2", "file /c changed 2"]);
    assert.deepEqual(shortly(changesOf(events.toReversed())), ["file /a created 2", "file /c changed 2"]);
  });

  it("tells a watched file by what it was before and after", () => {
    const state = (sha256: string) => ({ exists: sha256 !== "", size: 1n, sha256 });
    const write = (path: string, before: string, after: string): Event =>
      eventOf("wrote-to-file", "change", {
        files: [{ path, nametype: "NORMAL", before: state(before), after: state(after) }],
      });
    const events = [write("/x", "1", "2"), write("/x", "2", "1"), write("/y", "1", "2"), write("/z", "1", "")];
    assert.deepEqual(shortly(changesOf(events)), ["file /y changed 1", "file /z deleted 1"]);
  });

  it("tells rules, modules, packages and services", () => {
    const record = (typeName: string, fields: Record<string, string>): Changes => ({
      audit: {
        records: [{ type: 1, typeName, fields: Object.entries(fields).map(([key, value]) => ({ key, value })) }],
      },
    });
    const other = { category: ["configuration"], type: ["info"] };
    const events = [
      eventOf("added-audit-rule", "creation", { event: other, audit: { keys: ["sudoers"] } }),
      eventOf("loaded-kernel-module", "start", {
        ...record("KERN_MODULE", { name: '"dummy"' }),
        event: { category: ["driver"] },
      }),
      eventOf("installed-software", "installation", {
        ...record("SOFTWARE_UPDATE", { msg: "'op=install sw=\"vim-9.1\" sw_type=rpm res=success'" }),
        event: { category: ["package"] },
      }),
      eventOf("stopped-service", "end", {
        ...record("SERVICE_STOP", { msg: "'unit=auditd comm=\"systemd\" res=success'" }),
        event: { category: ["process"] },
      }),
    ];
    assert.deepEqual(shortly(changesOf(events)), [
      "audit-rule sudoers created 1",
      "module dummy loaded 1",
      "package vim-9.1 created 1",
      "service auditd stopped 1",
    ]);
    const { changes, leftOut } = changesOf(events, 3);
    assert.deepEqual([changes.length, leftOut], [3, 1]);
  });

  it("tells programs, listeners and destinations that only one of two stretches has", () => {
    const ran = (executable: string): Event =>
      eventOf("executed", "start", { event: { category: ["process"] }, process: { executable } });
    const net = (action: string, ip: string, port: number): Event =>
      eventOf(action, "start", { event: { category: ["network"] }, destination: { address: ip, ip, port } });
    const gather = (events: readonly Event[]): HabitGatherer => {
      const habits = new HabitGatherer();
      for (const block of blocksOf(events)) habits.add(block, allOf(block));
      return habits;
    };
    const before = gather([ran("/bin/a"), ran("/bin/b"), net("connected-to", "192.0.2.1", 443)]);
    const after = gather([
      ran("/bin/b"),
      ran("/bin/c"),
      ran("/bin/c"),
      net("bound-socket", "::", 4444),
      net("bound-socket", "::", 0),
      net("connected-to", "192.0.2.1", 443),
    ]);
    const told = (habits: ReturnType<HabitGatherer["without"]>): string[] =>
      habits.map(({ kind, object, change, count }) => `${kind} ${object} ${change} ${count}`);
    assert.deepEqual(told(after.without(before, "appeared")), [
      "program /bin/c appeared 2",
      "listener [::]:4444 appeared 1",
    ]);
    assert.deepEqual(told(before.without(after, "gone")), ["program /bin/a gone 1"]);
  });

  it("tells facts that differ by their names", () => {
    const host = (changes: Partial<Host>): Host =>
      Host.fromPartial({ name: "web", kernel: "6.1", ip: ["b", "a"], ...changes });
    const from = { host: host({}), cloud: undefined, agentVersion: "1" };
    assert.deepEqual(changedFacts(from, { ...from, host: host({ ip: ["a", "b"] }) }), []);
    const to = {
      host: host({
        kernel: "6.2",
        labels: [
          { key: "b", value: "2" },
          { key: "a", value: "1" },
        ],
      }),
      cloud: undefined,
      agentVersion: "2",
    };
    assert.deepEqual(changedFacts(from, to), [
      { field: "agent.version", from: "1", to: "2" },
      { field: "host.labels", from: "", to: "a=1, b=2" },
      { field: "host.os.kernel", from: "6.1", to: "6.2" },
    ]);
  });
});
