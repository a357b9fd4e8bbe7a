import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Alert } from "@hosttrail/proto/alert";
import { Alert as AlertMessage } from "@hosttrail/proto/alert";
import type { ProcessNode } from "@hosttrail/proto/analysis";
import { Event, Process, type ProcessReference } from "@hosttrail/proto/event";
import { allOf, blocksOf, readTrail, ROLES } from "../fixture.ts";
import { ProcessTreeBuilder, type TreeAnswer, type TreePlan } from "./index.ts";

const SECOND = 1_000_000_000n;
const START = 1_800_000_000n * SECOND;

function treeOf(events: readonly Event[], process: Process, changes: Partial<TreePlan> = {}): TreeAnswer {
  const momentNano = events.at(-1)?.event?.timeUnixNano ?? 0n;
  const startNano = events[0]?.event?.timeUnixNano ?? 0n;
  const builder = new ProcessTreeBuilder({
    process,
    momentNano,
    startNano,
    limit: 5000,
    alerts: new Map(),
    ...changes,
  });
  for (const block of blocksOf(events)) builder.add(block, allOf(block));
  return builder.answer();
}

/** What tells one process of recorded events from the others: an execution keeps pid and beginning. */
function processKey({ pid, startUnixNano, entityId }: Process): string {
  return startUnixNano === 0n ? entityId : `${pid} ${startUnixNano}`;
}

/** Processes at and below one, walked from events that are read one by one: entity ids by process. */
function walk(events: readonly Event[], top: string): Map<string, Set<string>> {
  const below = new Map<string, Set<string>>();
  const ids = new Set([top]);
  for (let before = -1; before !== ids.size; ) {
    before = ids.size;
    for (const { process } of events) {
      if (process === undefined) continue;
      const isBelow = ids.has(process.entityId) || process.ancestry.some(({ entityId }) => ids.has(entityId));
      const key = processKey(process);
      if (!isBelow && !below.has(key)) continue;
      ids.add(process.entityId);
      below.set(key, (below.get(key) ?? new Set()).add(process.entityId));
    }
  }
  return below;
}

function sumOf({ files, connections, others, ...left }: ProcessNode): number {
  const counts = [...files, ...connections, ...others].reduce((sum, { count }) => sum + count, 0n);
  return Number(counts + left.filesLeftOut + left.connectionsLeftOut + left.othersLeftOut);
}

describe("The tree of a process", () => {
  for (const role of ROLES) {
    it(`has the processes that a walk through the trail ${role} finds, and all that they did`, () => {
      const events = readTrail(role).slice(0, 2500);
      const counts = Map.groupBy(events, ({ process }) => process?.ancestry[0]?.entityId ?? "");
      const tops = [...counts].filter(([id]) => id !== "").sort(([, a], [, b]) => b.length - a.length);
      for (const [top, [child]] of tops.slice(0, 12)) {
        const parent = child?.process?.parent ?? assert.fail();
        assert.equal(parent.entityId, top);
        const expected = walk(events, top);
        const { nodes, nodesLeftOut } = treeOf(
          events,
          events.find((each) => each.process?.entityId === top)?.process ?? parent,
        );
        assert.equal(nodesLeftOut, 0);
        const images = new Map(nodes.flatMap((node) => node.images.map(({ entityId }) => [entityId, node])));
        for (const ids of expected.values())
          assert.equal(new Set(Array.from(ids, (id) => images.get(id) ?? assert.fail(`${id} is missing`))).size, 1);
        const ids = new Set([...expected.values()].flatMap((each) => [...each]));
        const above = new Set<string>();
        for (
          let node = nodes.find(({ entityId }) => entityId === top);
          node !== undefined && node.parentEntityId !== "";
        ) {
          above.add(node.parentEntityId);
          node = nodes.find(({ entityId }) => entityId === node?.parentEntityId);
        }
        for (const node of nodes) {
          if (above.has(node.entityId) || node.entityId === top) continue;
          assert.ok(
            node.images.some(({ entityId }) => ids.has(entityId)) || node.placeholderReason !== "",
            node.entityId,
          );
          // Everything that it did, but for the programs that it executed.
          const done = events.filter(({ process }) => process && images.get(process.entityId) === node);
          const executed = done.filter(({ event }) => event?.action === "executed" && event.outcome !== "failure");
          assert.equal(sumOf(node), done.length - executed.length, node.entityId);
          assert.equal(node.images.filter(({ eventId }) => eventId !== "").length, executed.length);
        }
        const place = new Map(nodes.map(({ entityId }, at) => [entityId, at]));
        for (const [at, { parentEntityId }] of nodes.entries())
          assert.ok(at === 0 ? parentEntityId === "" : (place.get(parentEntityId) ?? at) < at, "parents come first");
      }
    });
  }
});

interface Row {
  id: string;
  pid: number;
  start?: bigint;
  exe?: string;
  above?: readonly Row[];
  provenance?: string;
}

function reference({ id, pid, exe = "" }: Row): ProcessReference {
  return { entityId: id, pid, executable: exe, name: exe.slice(exe.lastIndexOf("/") + 1) };
}

function processOf(row: Row): Process {
  const { start = 0n, exe = "", above = [], provenance = "observed" } = row;
  const [parent] = above;
  return Process.fromPartial({
    ...reference(row),
    startUnixNano: start,
    args: exe === "" ? [] : [exe],
    provenance,
    ancestry: above.map(reference),
    ...(parent === undefined
      ? {}
      : {
          parent: {
            ...reference(parent),
            startUnixNano: parent.start ?? 0n,
            provenance: parent.provenance ?? "observed",
          },
        }),
    sessionLeader: above.at(-1) === undefined ? undefined : reference(above.at(-1) as Row),
  });
}

let serial = 0;
function eventOf(row: Row, action: string, changes: Parameters<typeof Event.fromPartial>[0] = {}): Event {
  serial++;
  const category = action === "connected-to" ? ["network"] : action.endsWith("file") ? ["file"] : ["process"];
  const event = {
    timeUnixNano: START + BigInt(serial) * SECOND,
    action,
    category,
    outcome: "success",
    ...changes.event,
  };
  return Event.fromPartial({ ...changes, event, process: processOf(row) });
}

const init: Row = { id: "init", pid: 1, exe: "/sbin/init", start: 1n, provenance: "procfs" };
const sshd: Row = { id: "sshd", pid: 10, exe: "/usr/sbin/sshd", start: 2n, above: [init], provenance: "procfs" };
const fork: Row = { id: "fork", pid: 20, exe: "/usr/sbin/sshd", start: START, above: [sshd, init] };
const bash: Row = { id: "bash", pid: 20, exe: "/bin/bash", start: START, above: [sshd, init] };
const python: Row = { id: "python", pid: 30, exe: "/usr/bin/python3", start: START + 5n, above: [bash, sshd, init] };
const sh: Row = { id: "sh", pid: 30, exe: "/bin/sh", start: START + 5n, above: [bash, sshd, init] };
const gone: Row = { id: "gone", pid: 40, provenance: "inferred" };
const nc: Row = { id: "nc", pid: 41, exe: "/bin/nc", start: START + 9n, above: [gone, sh, bash, sshd, init] };

describe("A process in the tree", () => {
  const lookup = (directory: string) => ({
    event: { outcome: "failure" },
    files: [{ path: `${directory}/nc` }],
    audit: { syscall: { name: "execve", exit: -2n } },
  });
  const events = [
    eventOf(fork, "opened-file", { files: [{ path: "/etc/passwd" }] }),
    eventOf(bash, "executed"),
    eventOf(python, "executed"),
    eventOf(python, "connected-to", { destination: { address: "192.0.2.9", ip: "192.0.2.9", port: 443 } }),
    eventOf(python, "connected-to", { destination: { address: "192.0.2.9", ip: "192.0.2.9", port: 443 } }),
    eventOf(sh, "executed"),
    eventOf(sh, "executed", lookup("/usr/local/bin")),
    eventOf(sh, "executed", lookup("/usr/bin")),
    eventOf(nc, "executed"),
    eventOf(nc, "exited", { audit: { syscall: { name: "exit_group", arguments: [0x1_0003n] } } }),
    eventOf({ id: "other", pid: 50, exe: "/bin/ls", above: [sshd, init] }, "executed"),
  ];
  const byId = (answer: TreeAnswer, id: string): ProcessNode =>
    answer.nodes.find(({ entityId }) => entityId === id) ??
    assert.fail(`no ${id} in ${answer.nodes.map((node) => node.entityId).join()}`);

  it("keeps each program that it executed with its time, and stands under the name of the moment", () => {
    const answer = treeOf(events, processOf(python), { startNano: START });
    assert.deepEqual(
      answer.nodes.map(({ entityId }) => entityId),
      ["init", "sshd", "bash", "python", "gone", "nc"],
    );
    const images = (id: string) =>
      byId(answer, id).images.map(({ name, time }) => [
        name,
        time === undefined ? 0n : time.seconds * SECOND + BigInt(time.nanos),
      ]);
    const at = (index: number): bigint => events[index]?.event?.timeUnixNano ?? 0n;
    assert.deepEqual(images("python"), [
      ["python3", at(2)],
      ["sh", at(5)],
    ]);
    assert.deepEqual(images("bash"), [
      ["sshd", START],
      ["bash", at(1)],
    ]);
    const early = treeOf(events, processOf(bash), { momentNano: at(3) });
    assert.ok(
      early.nodes.some(({ entityId }) => entityId === "python") &&
        !early.nodes.some(({ entityId }) => entityId === "sh"),
    );
    const late = treeOf(events, processOf(bash));
    assert.ok(late.nodes.some(({ entityId }) => entityId === "sh"));
  });

  it("shows what it did, folded, and how it ended", () => {
    const answer = treeOf(events, processOf(sh));
    const node = byId(answer, "sh");
    assert.deepEqual(
      node.connections.map(({ object, count }) => [object, count]),
      [["192.0.2.9:443", 2n]],
    );
    assert.deepEqual(
      node.others.map(({ object, count, outcome }) => [object, count, outcome]),
      [["nc (along PATH)", 2n, "failure"]],
    );
    assert.deepEqual([byId(answer, "nc").exitCode, byId(answer, "nc").hasExitCode], [3, true]);
    assert.equal(node.hasExitCode, false);
  });

  it("says of those without an event why there is none", () => {
    const answer = treeOf(events, processOf(python));
    assert.equal(byId(answer, "sshd").placeholderReason, "started before the trail");
    assert.equal(byId(answer, "init").placeholderReason, "no event of it");
    assert.equal(byId(answer, "gone").placeholderReason, "ended before it could be looked at");
    assert.ok(["bash", "python", "nc"].every((id) => byId(answer, id).placeholderReason === ""));
    assert.deepEqual(
      answer.nodes.filter((node) => node.isSessionLeader).map(({ entityId }) => entityId),
      ["init"],
    );
  });

  it("is another one where its pid is used again", () => {
    const first: Row = { id: "first", pid: 60, exe: "/bin/a", start: START + 50n, above: [bash, sshd, init] };
    const again: Row = { id: "again", pid: 60, exe: "/bin/b", start: START + 60n, above: [bash, sshd, init] };
    const stale: Row = {
      id: "stale",
      pid: 60,
      exe: "/bin/c",
      start: START + 60n,
      above: [nc, gone, sh, bash, sshd, init],
    };
    const more = [...events, ...[first, again, stale].map((row) => eventOf(row, "executed"))];
    const { nodes } = treeOf(more, processOf(bash));
    const reused = nodes.filter(({ pid }) => pid === 60);
    assert.deepEqual(
      reused.map(({ images }) => images.map(({ name }) => name)),
      [["c"], ["a"], ["b"]],
    );
    assert.deepEqual(
      reused.map(({ parentEntityId }) => parentEntityId),
      ["nc", "bash", "bash"],
    );
  });

  it("has the alerts whose events it did", () => {
    const id = `${"0".repeat(32)}-${"0".repeat(16)}-${"0".repeat(15)}3`;
    const alert: Alert = AlertMessage.fromPartial({ id: "a", title: "beacon" });
    const answer = treeOf(events, processOf(bash), { alerts: new Map([[id, [alert]]]) });
    assert.deepEqual(
      byId(answer, "sh").alerts.map(({ title }) => title),
      ["beacon"],
    );
    assert.equal(
      answer.nodes.reduce((sum, { alerts }) => sum + alerts.length, 0),
      1,
    );
  });

  it("is left out and counted where there are too many", () => {
    const many = Array.from({ length: 30 }, (_, at) =>
      eventOf(
        { id: `m${at}`, pid: 100 + at, exe: "/bin/true", start: START + BigInt(at), above: [bash, sshd, init] },
        "executed",
      ),
    );
    const answer = treeOf([...events, ...many], processOf(bash), { limit: 10 });
    assert.equal(answer.nodes.length, 10);
    assert.equal(answer.nodes.length + answer.nodesLeftOut, 3 + 3 + 30);
  });

  it("is shown with its first deeds and the number of the others", () => {
    const reads = Array.from({ length: 80 }, (_, at) => eventOf(bash, "opened-file", { files: [{ path: `/f${at}` }] }));
    const node = byId(treeOf([...events, ...reads], processOf(bash)), "bash");
    assert.equal(node.files.length, 50);
    assert.equal(node.filesLeftOut, 31n);
  });
});
