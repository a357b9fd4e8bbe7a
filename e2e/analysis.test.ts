/**
 * Trees, timelines, aggregates and hosts in the past on a real NATS and a real database: the same answers before and after history is
 * compacted, nothing of hosts that are out of a caller's scope, and clear words where a question cannot be answered.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { ServiceError } from "@grpc/grpc-js";
import type { BlockStream } from "@hosttrail/collector/jetstream";
import { Archive } from "@hosttrail/collector/mongodb";
import { AggregateMetric_Kind as Metric, type ProcessTree, TimelineKind } from "@hosttrail/proto/analysis";
import { Alert } from "@hosttrail/proto/alert";
import { Event, type Process, type ProcessReference } from "@hosttrail/proto/event";
import { readTrail } from "../bench/trails/trail.ts";
import { reasonOf, refusal } from "./alerting.ts";
import { AnalysisClient } from "./analysis.ts";
import { compactAll } from "./compacted.ts";
import { eventually, openStack, queryClient, searchAll } from "./environment.ts";
import { openBlockStream, PublishingHost } from "./publisher.ts";

const DAY_MS = 86_400_000;
const SECOND = 1_000_000_000n;
const BLOCK_EVENTS = 400;
/** Noon of yesterday. */
const NOON_MS = Math.floor(Date.now() / DAY_MS) * DAY_MS - DAY_MS / 2;
const NOON: bigint = BigInt(NOON_MS) * 1_000_000n;
const GONE: bigint = NOON - 10n * 86_400n * SECOND;

let stack: Awaited<ReturnType<typeof openStack>>;
let archive: Archive;
let stream: BlockStream;
let admin: AnalysisClient;
let scoped: AnalysisClient;
const web = new PublishingHost("web-1");
const database = new PublishingHost("db-1");
const gone = new PublishingHost("gone-1");

before(async () => {
  const bindings = [
    { subject: "certificate:dev", role: "admin" },
    { subject: "certificate:of-team", role: "viewer", scope: { team: "a" } },
  ];
  // The collector's own compaction is asleep: a test does it.
  const compact = { turn_ms: 600_000, age_ms: 3_600_000, blocks_min: 16_384 };
  stack = await openStack({ collector: { access: { bindings }, compact } });
  await stack.startServices();
  await stack.startCollector();
  archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
  stream = await openBlockStream(stack);
  admin = new AnalysisClient(stack);
  scoped = new AnalysisClient(stack, await stack.ca.user("of-team"));
  for (const [host, team] of [
    [web, "a"],
    [database, "b"],
    [gone, "a"],
  ] as const)
    await archive.identities.insertIdentity(identityOf(host.hostId, team));
  await publish(web, [...story(NOON), ...later(NOON + 3600n * SECOND)]);
  await publish(database, [...story(NOON), ...worked()]);
  await publish(gone, story(GONE));
  await eventually("all events being stored", 60_000, async () => (await stream.lag()) === 0 || undefined);
});
after(async () => {
  admin.close();
  scoped.close();
  await (stream as BlockStream | undefined)?.close();
  await (archive as Archive | undefined)?.close();
  await stack[Symbol.asyncDispose]();
});

function identityOf(hostId: string, team: string): Parameters<Archive["identities"]["insertIdentity"]>[0] {
  const none = { expireMs: 0, revokeMs: 0, revokeReason: "", boots: [], clonedBoots: [] };
  return {
    hostId,
    hostName: team,
    labels: { team },
    proof: "token:test",
    keyFingerprint: hostId,
    enrollMs: NOON_MS,
    ...none,
  };
}

async function publish(host: PublishingHost, events: readonly Event[]): Promise<void> {
  for (let at = 0; at < events.length; at += BLOCK_EVENTS)
    await host.publish(stream, host.seal(events.slice(at, at + BLOCK_EVENTS)));
}

interface Row {
  id: string;
  pid: number;
  exe: string;
  above?: readonly Row[];
}

function reference({ id, pid, exe }: Row): ProcessReference {
  return { entityId: id.padStart(16, "0"), pid, executable: exe, name: exe.slice(exe.lastIndexOf("/") + 1) };
}

const sshd: Row = { id: "1", pid: 700, exe: "/usr/sbin/sshd" };
const bash: Row = { id: "2", pid: 801, exe: "/usr/bin/bash", above: [sshd] };
const python: Row = { id: "3", pid: 802, exe: "/usr/bin/python3", above: [bash, sshd] };
/** The same process as the one before. */
const sh: Row = { id: "4", pid: 802, exe: "/bin/sh", above: [bash, sshd] };
const nc: Row = { id: "5", pid: 803, exe: "/usr/bin/nc", above: [sh, bash, sshd] };
const SH = reference(sh).entityId;
const OLD_KERNEL = { kernel: "6.1.0", osName: "Debian GNU/Linux", bootId: "boot-1", ip: ["192.0.2.1"] };

function processOf(row: Row, startNano: bigint): Partial<Process> {
  const { above = [], pid, exe } = row;
  const ancestry = above.map(reference);
  const startUnixNano = startNano + BigInt(pid);
  return {
    ...reference(row),
    startUnixNano,
    args: [exe],
    provenance: "observed",
    ancestry,
    sessionLeader: reference(bash),
  };
}

/** From a login to a socket: an attacker comes in, looks for a program, and connects out. */
function story(startNano: bigint): Event[] {
  let second = 0n;
  const event = (
    row: Row,
    action: string,
    category: string,
    changes: Parameters<typeof Event.fromPartial>[0] = {},
  ): Event => {
    const about = {
      kind: "event",
      action,
      category: [category],
      type: ["start"],
      outcome: "success",
      ...changes.event,
    };
    const timeUnixNano = startNano + second++ * SECOND;
    const user = { id: 1000, name: "alice", auditId: 1000, auditName: "alice" };
    return Event.fromPartial({
      host: OLD_KERNEL,
      user,
      ...changes,
      event: { ...about, timeUnixNano },
      process: processOf(row, startNano),
    });
  };
  const lookup = (path: string) => ({
    event: { outcome: "failure" },
    files: [{ path }],
    audit: { syscall: { name: "execve", exit: -2n } },
  });
  const socket = { address: "203.0.113.9", ip: "203.0.113.9", port: 4444, family: "inet" };
  return [
    event(sshd, "logged-in", "authentication", { source: { address: "198.51.100.7", ip: "198.51.100.7" } }),
    event(bash, "executed", "process"),
    event(python, "executed", "process"),
    event(sh, "executed", "process"),
    event(sh, "executed", "process", lookup("/usr/local/bin/nc")),
    event(sh, "executed", "process", lookup("/usr/games/nc")),
    event(nc, "executed", "process"),
    event(nc, "opened-file", "file", { files: [{ path: "/etc/shadow\u001b[2J" }], event: { outcome: "failure" } }),
    event(nc, "connected-to", "network", { destination: socket }),
    event(nc, "connected-to", "network", { destination: socket }),
    event(nc, "exited", "process", { audit: { syscall: { name: "exit_group", arguments: [7n] } } }),
    event(sh, "added-user-account", "iam", { user: { id: 0, name: "root", targetName: "mallory" } }),
  ];
}

/** After a new kernel was started: the pid is another process's, and another program runs. */
function later(startNano: bigint): Event[] {
  const again: Row = { id: "6", pid: 802, exe: "/usr/bin/vim", above: [bash, sshd] };
  const record = { typeName: "HOSTTRAIL_START", fields: [{ key: "version", value: "9.9.9" }] };
  const host = { ...OLD_KERNEL, kernel: "6.12.0", bootId: "boot-2" };
  const about = { kind: "event", outcome: "success", type: ["start"] };
  return [
    Event.fromPartial({
      host,
      event: { ...about, kind: "state", action: "started-agent", category: ["configuration"], timeUnixNano: startNano },
      audit: { records: [record] },
    }),
    Event.fromPartial({
      host,
      event: { ...about, action: "executed", category: ["process"], timeUnixNano: startNano + SECOND },
      process: processOf(again, startNano),
    }),
  ];
}

/** Recorded work, an hour before noon. */
function worked(): Event[] {
  const trail = readTrail("admin").slice(0, 3000);
  const first = trail[0]?.event?.timeUnixNano ?? 0n;
  return trail.map((each) => {
    const { event } = each;
    if (event === undefined) throw new Error("an event without a time");
    return { ...each, event: { ...event, timeUnixNano: event.timeUnixNano - first + NOON - 3600n * SECOND } };
  });
}

function time(nano: bigint): { seconds: bigint; nanos: number } {
  return { seconds: nano / SECOND, nanos: Number(nano % SECOND) };
}

function eventIdOf(host: PublishingHost, seq: number): string {
  return `${host.hostId}-${"1".padStart(16, "0")}-${seq.toString(16).padStart(16, "0")}`;
}

const HOUR = { startTime: time(NOON - 1800n * SECOND), endTime: time(NOON + 1800n * SECOND) };

/** Each question, as it is asked before and after compaction. */
async function answers(): Promise<Record<string, unknown>> {
  const at = { hostId: web.hostId, time: time(NOON + 60n * SECOND) };
  const trees = await Promise.all([
    admin.tree({ ...at, process: { $case: "entityId", value: SH } }),
    admin.tree({ process: { $case: "eventId", value: eventIdOf(web, 8) } }),
    admin.tree({ ...at, process: { $case: "pid", value: 802 } }),
    admin.tree({ hostId: gone.hostId, time: time(GONE + 60n * SECOND), process: { $case: "pid", value: 801 } }),
  ]);
  const aggregates = await Promise.all([
    admin.aggregate({ groupBy: ["process.executable", "event.outcome"], limit: 10_000 }),
    admin.aggregate({
      ...HOUR,
      hosts: { names: ["web-1", "db-1"], hostIds: [], instanceIds: [], labels: [] },
      groupBy: ["host.name"],
      intervalSeconds: 60n,
      metrics: [{ kind: Metric.DISTINCT, field: "process.entity_id" }],
    }),
  ]);
  const diff = await admin.diff({
    hostId: web.hostId,
    fromTime: time(NOON - SECOND),
    toTime: time(NOON + 7200n * SECOND),
  });
  const bare = (answer: object): object => ({ ...answer, completeness: undefined });
  return {
    trees: trees.map(bare),
    timeline: bare(await admin.timeline({ hostId: web.hostId, ...HOUR })),
    pieces: bare(await admin.timeline({ hostId: database.hostId, ...HOUR, limit: 3 })),
    aggregates: aggregates.map((list) => bare(list.at(-1) ?? {})),
    hostAt: bare(await admin.hostAt({ hostId: web.hostId, time: time(NOON + 600n * SECOND) })),
    diff: { facts: diff.facts, changes: diff.changes },
  };
}

const namesOf = (tree: ProcessTree): string[] =>
  tree.nodes.map(({ images }) => images.map(({ name }) => name).join(" > "));

describe("GetProcessTree", () => {
  const at = (nano: bigint): { hostId: string; time: ReturnType<typeof time> } => ({
    hostId: web.hostId,
    time: time(nano),
  });

  it("tells the story from the login to the socket, by whatever the process is named", async () => {
    const tree = await admin.tree({ ...at(NOON + 60n * SECOND), process: { $case: "entityId", value: SH } });
    assert.deepEqual(namesOf(tree), ["sshd", "bash", "python3 > sh", "nc"]);
    assert.equal(tree.entityId, SH);
    assert.ok(tree.completeness?.complete === true && tree.nodesLeftOut === 0n);
    const [, , shell, last] = tree.nodes;
    assert.deepEqual(
      shell?.others.map(({ object, count }) => `${object} ${count}`),
      ["nc (along PATH) 2", "mallory 1"],
    );
    assert.deepEqual(
      last?.connections.map(({ object, count }) => `${object} ${count}`),
      ["203.0.113.9:4444 2"],
    );
    assert.deepEqual([last?.hasExitCode, last?.exitCode], [true, 7]);
    for (const process of [
      { $case: "eventId", value: eventIdOf(web, 4) },
      { $case: "pid", value: 802 },
    ] as const) {
      const same = await admin.tree({ ...at(NOON + 60n * SECOND), process });
      assert.deepEqual(same.nodes, tree.nodes, process.$case);
    }
  });

  it("knows which process had a pid at a time", async () => {
    const early = await admin.tree({ ...at(NOON + 2n * SECOND), process: { $case: "pid", value: 802 } });
    assert.equal(early.entityId, reference(python).entityId);
    const late = await admin.tree({ ...at(NOON + 3700n * SECOND), process: { $case: "pid", value: 802 } });
    assert.equal(late.nodes.find(({ entityId }) => entityId === late.entityId)?.images.at(-1)?.name, "vim");
    const ended = refusal(admin.tree({ ...at(NOON + 3000n * SECOND), process: { $case: "pid", value: 803 } }));
    assert.equal(reasonOf(await ended), "PROCESS_NOT_FOUND");
    const none = refusal(
      admin.tree({ ...at(NOON - 3000n * SECOND), process: { $case: "pid", value: 802 }, afterSeconds: 60n }),
    );
    assert.equal(reasonOf(await none), "PROCESS_NOT_FOUND");
  });

  it("shows alerts at the processes of their events, and finds a process by its alert", async () => {
    const ids = [eventIdOf(web, 8), eventIdOf(web, 9)];
    const events = (
      await searchAll(queryClient(stack), { hostId: web.hostId, filter: "destination.port = 4444" })
    ).reverse();
    assert.deepEqual(
      events.map(({ id }) => id),
      ids,
    );
    const id = `${NOON_MS.toString(16).padStart(12, "0")}-${"ab".repeat(16)}`;
    const firstEventTime = time(NOON + 8n * SECOND);
    const about = { id, title: "beacon\n", hosts: [{ id: web.hostId, name: "web-1" }], count: 2n, firstEventTime };
    const alert = Alert.fromPartial({ ...about, eventIds: ids, events, lastEventTime: firstEventTime });
    await archive.alerts.putAlerts([{ alert, sequence: 1n, isTold: true }]);
    for (const client of [admin, scoped]) {
      // The detector has some of its own, when it has come to it.
      await eventually("alerts at the process", 60_000, async () => {
        const tree = await client.tree({ process: { $case: "alertId", value: id } });
        assert.equal(tree.entityId, reference(nc).entityId);
        const shown = tree.nodes.find(({ entityId }) => entityId === tree.entityId)?.alerts ?? [];
        assert.ok(shown.some((each) => each.title === "beacon\n") && shown.length > 1, String(shown.length));
        return true;
      });
      const { entries } = await client.timeline({ hostId: web.hostId, ...HOUR, kinds: [TimelineKind.ALERT] });
      assert.ok(entries.some(({ summary, alertId }) => summary === "alert: beacon\\x0a" && alertId === id));
      assert.ok(entries.every(({ kind }) => kind === TimelineKind.ALERT));
    }
  });
});

describe("GetTimeline", () => {
  it("tells each event once, in pieces that follow each other, and nothing that steers a terminal", async () => {
    const { entries, completeness } = await admin.timeline({ hostId: web.hostId, ...HOUR });
    assert.ok(completeness?.complete);
    const events = entries.filter(({ kind }) => kind !== TimelineKind.ALERT);
    assert.equal(
      events.reduce((sum, { count }) => sum + Number(count), 0),
      story(NOON).length,
    );
    assert.equal(events[0]?.summary, "logged in alice from 198.51.100.7 (sshd[700])");
    assert.ok(events.some(({ summary }) => summary.includes("/etc/shadow\\x1b[2J")));
    let counted = 0;
    let pieces = 0;
    for (
      let startTime: typeof HOUR.startTime | undefined = time(NOON - 2n * 3600n * SECOND);
      startTime !== undefined;
      pieces++
    ) {
      const endTime = HOUR.endTime;
      const piece = await admin.timeline({ hostId: database.hostId, startTime, endTime, limit: 100 });
      for (const { kind, count } of piece.entries) if (kind !== TimelineKind.ALERT) counted += Number(count);
      startTime = piece.completeness?.completeUntilTime;
      assert.equal(piece.completeness?.complete, startTime === undefined);
      assert.deepEqual(piece.completeness?.reasons, startTime === undefined ? [] : ["limit"]);
    }
    assert.ok(pieces > 5, `${pieces} pieces`);
    assert.equal(counted, worked().length + story(NOON).length);
  });

  it("tells a part where its budget is spent, and says so", async () => {
    const budget = { timeMs: 0n, bytes: 0n, events: 1n };
    const { entries, completeness } = await admin.timeline({
      hostId: database.hostId,
      startTime: time(NOON - 7200n * SECOND),
      endTime: HOUR.endTime,
      budget,
    });
    assert.ok(
      completeness?.complete === false &&
        completeness.reasons.includes("budget") &&
        completeness.completeUntilTime !== undefined,
    );
    const until = completeness.completeUntilTime;
    assert.ok(entries.every(({ firstTime }) => (firstTime?.seconds ?? 0n) <= until.seconds));
    const counted = (await admin.aggregate({ budget })).at(-1);
    assert.ok(counted?.done === true && counted.completeness?.complete === false);
  });
});

describe("AggregateEvents", () => {
  it("counts what searches find", async () => {
    const found = await searchAll(queryClient(stack), { pageSize: 1000 });
    const expected = new Map<string, number>();
    for (const { process } of found) {
      const name = process?.executable || "unset";
      expected.set(name, (expected.get(name) ?? 0) + 1);
    }
    const last = (await admin.aggregate({ groupBy: ["process.executable"], limit: 10_000 })).at(-1);
    assert.ok(last?.done === true && last.completeness?.complete === true && !last.approximate);
    assert.equal(Number(last.events), found.length);
    assert.deepEqual(
      new Map(last.groups.map(({ values, count }) => [values[0]?.text ?? "unset", Number(count)])),
      expected,
    );
    const top = (await admin.aggregate({ groupBy: ["process.executable"], limit: 1 })).at(-1);
    assert.equal(Number(top?.groupsLeftOut), expected.size - 1);
    assert.equal(Number(top?.eventsLeftOut) + Number(top?.groups[0]?.count), found.length);
  });

  it("makes a histogram", async () => {
    const asked = { hostId: web.hostId, ...HOUR, filter: "event.category = process", intervalSeconds: 3n };
    const [group] = (await admin.aggregate(asked)).at(-1)?.groups ?? [];
    const buckets = group?.buckets.map(({ startTime, count }) => [(startTime?.seconds ?? 0n) - NOON / SECOND, count]);
    assert.deepEqual(buckets, [
      [0n, 2n],
      [3n, 3n],
      [6n, 1n],
      [9n, 1n],
    ]);
  });
});

describe("GetHostAt and DiffHost", () => {
  it("tell what was true at a time, also of a host that is gone", async () => {
    const at = await admin.hostAt({ hostId: web.hostId, time: time(NOON + 600n * SECOND) });
    assert.deepEqual(
      [at.host?.kernel, at.host?.name, at.labels["team"], at.wasReporting],
      ["6.1.0", "web-1", "a", true],
    );
    assert.deepEqual(at.asOfTime, time(NOON + 11n * SECOND));
    const before = await admin.hostAt({ hostId: web.hostId, time: time(NOON - 86_400n * SECOND) });
    assert.deepEqual([before.host?.kernel, before.asOfTime, before.wasReporting], ["6.1.0", time(NOON), false]);
    const old = await admin.hostAt({ hostId: gone.hostId });
    assert.deepEqual([old.host?.name, old.asOfTime, old.wasReporting], ["gone-1", time(GONE + 11n * SECOND), false]);
    const tree = await admin.tree({
      hostId: gone.hostId,
      time: time(GONE + 60n * SECOND),
      process: { $case: "pid", value: 801 },
    });
    assert.deepEqual(namesOf(tree), ["sshd", "bash", "python3 > sh", "nc"]);
  });

  it("tell what differs", async () => {
    const asked = { hostId: web.hostId, fromTime: time(NOON - SECOND), toTime: time(NOON + 7200n * SECOND) };
    const { facts, changes, from, to, completeness } = await admin.diff(asked);
    assert.ok(completeness?.complete);
    assert.deepEqual(
      facts.map(({ field, from: was, to: is }) => [field, was, is]),
      [
        ["agent.version", "", "9.9.9"],
        ["host.boot.id", "boot-1", "boot-2"],
        ["host.os.kernel", "6.1.0", "6.12.0"],
      ],
    );
    assert.deepEqual([from?.host?.kernel, to?.host?.kernel], ["6.1.0", "6.12.0"]);
    const told = changes.map(({ kind, object, change }) => `${kind} ${object} ${change}`);
    for (const line of [
      "account mallory created",
      "program /usr/bin/nc appeared",
      "destination 203.0.113.9:4444 appeared",
    ])
      assert.ok(told.includes(line), told.join("\n"));
  });
});

describe("History that is compacted", () => {
  it("gives the same answers", async () => {
    const expected = await answers();
    await compactAll(archive);
    assert.deepEqual(await answers(), expected);
  });
});

const NOBODY = "f".repeat(32);
type Call = (client: AnalysisClient, hostId: string) => Promise<unknown>;

describe("A caller with a scope", () => {
  const pid = { $case: "pid", value: 802 } as const;
  const about = { time: time(NOON + 60n * SECOND) };
  const calls: [string, Call][] = [
    ["a timeline", (client, hostId) => client.timeline({ hostId, ...HOUR })],
    ["a tree by pid", (client, hostId) => client.tree({ hostId, ...about, process: pid })],
    [
      "a tree by entity id",
      (client, hostId) => client.tree({ hostId, ...about, process: { $case: "entityId", value: SH } }),
    ],
    [
      "a tree by event, with its host",
      (client, hostId) =>
        client.tree({
          hostId,
          process: { $case: "eventId", value: `${hostId}-${"1".padStart(16, "0")}-${"4".padStart(16, "0")}` },
        }),
    ],
    [
      "a tree by event",
      (client, hostId) =>
        client.tree({
          process: { $case: "eventId", value: `${hostId}-${"1".padStart(16, "0")}-${"4".padStart(16, "0")}` },
        }),
    ],
    ["a host at a time", (client, hostId) => client.hostAt({ hostId, ...about })],
    ["what differs", (client, hostId) => client.diff({ hostId, fromTime: time(NOON), toTime: time(NOON + SECOND) })],
    [
      "an aggregate by id",
      (client, hostId) => client.aggregate({ hosts: { hostIds: [hostId], names: [], instanceIds: [], labels: [] } }),
    ],
  ];
  const shown = (error: ServiceError, hostId: string): string =>
    `${error.code} ${reasonOf(error)} ${error.details}`.replaceAll(hostId, "HOST");

  for (const [what, call] of calls) {
    it(`gets ${what} of its own host, and of another one what it gets of one that is not there`, async () => {
      await call(scoped, web.hostId);
      await call(admin, database.hostId);
      const [other, nobody] = await Promise.all([
        refusal(call(scoped, database.hostId)),
        refusal(call(scoped, NOBODY)),
      ]);
      assert.equal(shown(other, database.hostId), shown(nobody, NOBODY));
      assert.equal(other.code, 5);
    });
  }

  it("counts and finds only what is its own", async () => {
    const all = (await scoped.aggregate({ groupBy: ["host.id"] })).at(-1);
    assert.deepEqual(new Set(all?.groups.map(({ values }) => values[0]?.text)), new Set([web.hostId, gone.hostId]));
    const none = (await scoped.aggregate({ hostId: database.hostId })).at(-1);
    const nobody = (await scoped.aggregate({ hostId: NOBODY })).at(-1);
    assert.deepEqual(none, nobody);
    const id = `${NOON_MS.toString(16).padStart(12, "0")}-${"cd".repeat(16)}`;
    const [event] = await searchAll(queryClient(stack), { hostId: database.hostId, filter: "destination.port = 4444" });
    const hosts = [web, database].map(({ hostId }) => ({ id: hostId, name: "" }));
    const about = { id, title: "both", hosts, firstEventTime: time(NOON), events: event === undefined ? [] : [event] };
    await archive.alerts.putAlerts([{ alert: Alert.fromPartial(about), sequence: 2n, isTold: true }]);
    const unknown = `${"0".repeat(12)}-${"0".repeat(32)}`;
    const [other, nothing] = await Promise.all(
      [id, unknown].map((value) => refusal(scoped.tree({ process: { $case: "alertId", value } }))),
    );
    assert.equal(other?.details.replaceAll(id, "ID"), nothing?.details.replaceAll(unknown, "ID"));
    assert.equal((await admin.tree({ process: { $case: "alertId", value: id } })).hostId, database.hostId);
    const { entries } = await scoped.timeline({ hostId: web.hostId, ...HOUR, kinds: [TimelineKind.ALERT] });
    assert.ok(!entries.some(({ alertId }) => alertId === id));
  });
});

describe("A question that cannot be answered", () => {
  const hostId = web.hostId;
  const pid = { $case: "pid", value: 802 } as const;
  const wrong: [string, (client: AnalysisClient) => Promise<unknown>, string, RegExp][] = [
    ["a host id that is none", (c) => c.timeline({ hostId: "zz" }), "HOST_ID_INVALID", /32 lower case hex digits/],
    ["no host", (c) => c.hostAt({}), "HOST_ID_INVALID", /32 lower case hex digits/],
    [
      "a range that ends before it begins",
      (c) => c.timeline({ hostId, startTime: HOUR.endTime, endTime: HOUR.startTime }),
      "TIME_RANGE_INVALID",
      /start_time is not before end_time/,
    ],
    [
      "a diff of one moment",
      (c) => c.diff({ hostId, fromTime: HOUR.endTime, toTime: HOUR.endTime }),
      "TIME_RANGE_INVALID",
      /from_time is not before to_time/,
    ],
    ["a diff from nowhere", (c) => c.diff({ hostId }), "FIELD_INVALID", /from_time .* must be given/],
    [
      "a time out of range",
      (c) => c.hostAt({ hostId, time: { seconds: 1n << 62n, nanos: 0 } }),
      "TIME_INVALID",
      /time is out of range/,
    ],
    [
      "a limit that is too large",
      (c) => c.timeline({ hostId, limit: 10_001 }),
      "FIELD_INVALID",
      /limit is 10001; allowed are 1 to 10000; 0 is 1000/,
    ],
    [
      "a negative limit",
      (c) => c.tree({ hostId, process: pid, limit: -1 }),
      "FIELD_INVALID",
      /limit is -1; allowed are 1 to 5000/,
    ],
    [
      "a kind that is none",
      (c) => c.timeline({ hostId, kinds: [9 as TimelineKind] }),
      "FIELD_INVALID",
      /kinds is 9; allowed are 1 to 8/,
    ],
    [
      "a filter with an unknown field",
      (c) => c.timeline({ hostId, filter: "proces.pid = 1" }),
      "FILTER_INVALID",
      /proces/,
    ],
    ["a tree of nothing", (c) => c.tree({ hostId }), "FIELD_INVALID", /an entity_id, event_id, alert_id or pid/],
    [
      "an entity id that is none",
      (c) => c.tree({ hostId, process: { $case: "entityId", value: '" OR event.kind = event' } }),
      "FIELD_INVALID",
      /16 lower case hex digits/,
    ],
    [
      "an event id that is none",
      (c) => c.tree({ process: { $case: "eventId", value: "x" } }),
      "FIELD_INVALID",
      /event_id is "x"/,
    ],
    [
      "an alert id that is none",
      (c) => c.tree({ process: { $case: "alertId", value: "x" } }),
      "FIELD_INVALID",
      /alert_id is "x"/,
    ],
    [
      "pid 0",
      (c) => c.tree({ hostId, process: { $case: "pid", value: 0 } }),
      "FIELD_INVALID",
      /pid is 0; allowed are 1 and above/,
    ],
    [
      "a process that is not there",
      (c) => c.tree({ hostId, process: { $case: "entityId", value: "0".repeat(15) + "9" } }),
      "PROCESS_NOT_FOUND",
      /no process with entity id 0000000000000009/,
    ],
    [
      "an event of another host",
      (c) => c.tree({ hostId, process: { $case: "eventId", value: eventIdOf(database, 4) } }),
      "FIELD_INVALID",
      /host_id is .*, of which the event is, or none/,
    ],
    [
      "an event without a process",
      (c) => c.tree({ process: { $case: "eventId", value: eventIdOf(web, 12) } }),
      "PROCESS_NOT_FOUND",
      /tells of no process/,
    ],
    [
      "a window of years",
      (c) => c.tree({ hostId, process: pid, beforeSeconds: 1n << 40n }),
      "FIELD_INVALID",
      /before_seconds is \d+; allowed are 1 to 2678400 \(31 days\)/,
    ],
    [
      "an unknown field to group by",
      (c) => c.aggregate({ groupBy: ["process.executible"] }),
      "FIELD_INVALID",
      /group_by\[0\] is "process.executible".*is it "process.executable"\?/,
    ],
    [
      "five fields to group by",
      (c) => c.aggregate({ groupBy: Array(5).fill("host.id") }),
      "FIELD_INVALID",
      /group_by is 5; allowed are up to 4 fields/,
    ],
    [
      "a sum of texts",
      (c) => c.aggregate({ metrics: [{ kind: Metric.SUM, field: "process.name" }] }),
      "FIELD_INVALID",
      /there is no sum/,
    ],
    [
      "a metric of no kind",
      (c) => c.aggregate({ metrics: [{ kind: Metric.UNSPECIFIED, field: "process.name" }] }),
      "FIELD_INVALID",
      /metrics\[0\].kind is 0/,
    ],
    [
      "too many buckets",
      (c) => c.aggregate({ ...HOUR, startTime: time(NOON - 864_000n * SECOND), intervalSeconds: 1n }),
      "FIELD_INVALID",
      /interval_seconds is 1; allowed are 87 and above for 10000 buckets/,
    ],
    ["a histogram of all times", (c) => c.aggregate({ intervalSeconds: 60n }), "FIELD_INVALID", /or a start_time/],
    [
      "a negative budget",
      (c) => c.timeline({ hostId, budget: { timeMs: -1n, bytes: 0n, events: 0n } }),
      "FIELD_INVALID",
      /budget.time_ms is -1/,
    ],
  ];
  for (const [what, call, reason, message] of wrong) {
    it(`is refused: ${what}`, async () => {
      const error = await refusal(call(admin));
      assert.match(error.details, message);
      assert.equal(reasonOf(error), reason);
    });
  }
});
