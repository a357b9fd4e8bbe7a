/** The stack with a small fleet in it, as the console's tests look at it: the incident of docs/query.md, and a host whose name and commands are meant to do harm. */
import { createHash } from "node:crypto";
import { allAuditRules } from "@hosttrail/integrations/spec";
import { Archive } from "@hosttrail/collector/mongodb";
import type { BlockStream } from "@hosttrail/collector/jetstream";
import type { Stack } from "@hosttrail/stack";
import { publishFleet } from "../cookbook/fleet.ts";
import { eventually, openStack } from "../environment.ts";
import { detectionSettled, executed, hostIdOf, openBlockStream, PublishingHost } from "../publisher.ts";

/** The incident is of this day; all questions about it are about its times. */
export const INCIDENT = { from: "2026-11-24T02:00:00.000Z", to: "2026-11-24T05:00:00.000Z" } as const;

/** A name that would be a picture, a script and a text that reads backwards, if it were anything but text. */
export const HOSTILE_HOST = `<img src=x onerror="window.planted=1">\u202eevil`;
const HOSTILE_ARGUMENT = `<script>window.planted=2</script>\u200b\u202etxt.exe\u0007`;

export interface World extends AsyncDisposable {
  stack: Stack;
  /** API tokens by role; "scoped" is a viewer of hosts with env=ci. */
  tokens: Readonly<Record<"admin" | "responder" | "viewer" | "scoped", string>>;
  stream: BlockStream;
}

export async function openWorld(): Promise<World> {
  const stack = await openStack({
    collector: {
      // The story's times are fixed, and go on being further back.
      store: { days_back_max: 36_500 },
      // What days took is told of what is compacted.
      compact: { turn_ms: 500, age_ms: 1000, blocks_min: 1 },
      detect: { checkpoint_ms: 500, silent_minutes: 1440 },
      ingest: { hosts: "certified" },
    },
  });
  try {
    await stack.startServices();
    await stack.startCollector();
    const stream = await openBlockStream(stack);
    const archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
    try {
      await publishFleet(stream, archive);
      await publishHostile(stream);
      await putProfiles(archive);
      await putCoverage(archive);
      await detectionSettled(stream, archive);
      await eventually("all events being stored", 60_000, async () => (await stream.lag()) === 0 || undefined);
    } finally {
      await archive.close();
    }
    return {
      stack,
      stream,
      tokens: {
        admin: tokenOf(stack, "admin"),
        responder: tokenOf(stack, "responder"),
        viewer: tokenOf(stack, "viewer"),
        scoped: tokenOf(stack, "viewer", "env=ci"),
      },
      async [Symbol.asyncDispose]() {
        await stream.close();
        await stack[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await stack[Symbol.asyncDispose]();
    throw error;
  }
}

/** What agents would have told: web1 has all audit rules that its detections need, db1 none about executed programs. */
async function putProfiles(archive: Archive): Promise<void> {
  const about = { version: "0".repeat(64), auditRulesLeftOut: 0, auditProblem: "", receivedMs: Date.now() };
  const mine: readonly (readonly [string, readonly string[], string])[] = [
    ["web1", allAuditRules().flatMap((text) => text.split("\n").filter((line) => line.startsWith("-"))), "example@2"],
    ["db1", ["-w /etc/passwd -p wa -k identity"], "example@1"],
  ];
  for (const [name, auditRules, spec] of mine)
    await archive.profiles.putProfile({
      ...about,
      hostId: hostIdOf(name),
      auditRules,
      auditRulesSha256: createHash("sha256").update(auditRules.join("\n")).digest("hex"),
      spec,
    });
}

/** What a look at a cloud would have found: web1's machine, one without an agent whose name means harm, and one that somebody excluded. */
async function putCoverage(archive: Archive): Promise<void> {
  const nowMs = Date.now();
  const machine = {
    account: "111122223333",
    region: "eu-central-1",
    name: "",
    tags: {},
    platform: "Linux/UNIX",
    architecture: "x86_64",
    imageId: "ami-1",
    imageName: "",
    launchMs: nowMs - 3_600_000,
    power: "running",
    group: "",
    sinceMs: nowMs - 600_000,
    firstSeenMs: nowMs - 600_000,
    endMs: 0,
    wasHeard: false,
    hostId: "",
    hostName: "",
    isVerified: false,
    hosts: 0,
    exclusion: undefined,
  } as const;
  await archive.coverage.putInstances([
    {
      ...machine,
      instanceId: "i-0000000000000web1",
      name: "web1",
      state: "covered",
      reason: "reporting",
      hostId: hostIdOf("web1"),
      hostName: "web1",
      hosts: 1,
    },
    { ...machine, instanceId: "i-0000000000000evil", name: HOSTILE_HOST, state: "never-enrolled", reason: "no-agent" },
    {
      ...machine,
      account: "444455556666",
      region: "eu-west-1",
      instanceId: "i-0000000000000lab1",
      state: "excluded",
      reason: "excluded",
      exclusion: { name: "lab", approver: "sam", reason: "no data of customers", lastDay: "2027-12-31" },
    },
  ]);
  await archive.coverage.putPoll({
    startMs: nowMs - 60_000,
    endMs: nowMs - 50_000,
    accounts: [
      { account: "111122223333", name: "shop", seenMs: nowMs - 60_000, instances: 2 },
      { account: "444455556666", name: "lab", seenMs: nowMs - 60_000, instances: 1 },
    ],
    problems: [
      {
        account: "444455556666",
        region: "us-east-1",
        operation: "DescribeInstances",
        code: "UnauthorizedOperation",
        message: "You are not authorized",
      },
    ],
    stale: [],
    calls: [{ operation: "DescribeInstances", calls: 12, throttled: 1 }],
    leftOutInstances: 0,
    leftOutHosts: 0,
    counts: { covered: 1, "never-enrolled": 1, excluded: 1 },
    refusedClaims: [],
    blindStartMs: 0,
  });
}

/** Just now, so that the host reports. */
async function publishHostile(stream: BlockStream): Promise<void> {
  const host = new PublishingHost(HOSTILE_HOST, 1n, hostIdOf("hostile"), "1.0.0");
  const nowNano = BigInt(Date.now()) * 1_000_000n;
  const events = Array.from({ length: 40 }, (_, at) =>
    executed(["/bin/echo", HOSTILE_ARGUMENT, String(at)], nowNano - BigInt(40 - at) * 1_000_000_000n),
  );
  await host.publish(stream, host.seal(events));
}

function tokenOf(stack: Stack, role: string, scope?: string): string {
  const words = [
    "api-token",
    "create",
    `console-${role}`,
    "--role",
    role,
    ...(scope === undefined ? [] : ["--scope", scope]),
  ];
  return stack.hosttrail(...words).trim();
}
