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
