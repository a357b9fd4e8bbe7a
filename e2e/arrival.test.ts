/** The proof of arrival: an agent's canary is read back from the database, or the reason is told. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { credentials, type ServiceError, status } from "@grpc/grpc-js";
import { type Canary, IngestServiceClient } from "@hosttrail/proto/ingest";
import type { Stack } from "@hosttrail/stack";
import { openStack, queryClient, searchAll, startAgent, writeRules } from "./environment.ts";

const AGENT = new URL("../agent/src/main.ts", import.meta.url).pathname;
const OTHER_HOST = "f".repeat(32);

function verify(stack: Stack, seconds: number): { status: number | null; stdout: string; stderr: string } {
  const words = [AGENT, "verify", "--json", "--timeout", String(seconds), "--config", stack.agentConfigFile];
  return spawnSync(process.execPath, words, { encoding: "utf8" });
}

/** Asks as one host or another. */
function getCanary(stack: Stack, identity: { certificateFile: string; keyFile: string }, nonce: string) {
  const files = [join(stack.authority, "trust.crt"), identity.keyFile, identity.certificateFile];
  const [ca, key, certificate] = files.map((file) => readFileSync(file));
  const client = new IngestServiceClient(`localhost:${stack.ingestPort}`, credentials.createSsl(ca, key, certificate));
  return new Promise<Canary>((resolve, reject) => {
    client.getCanary({ nonce }, (error: ServiceError | null, canary) => {
      client.close();
      if (error === null) resolve(canary);
      else reject(error);
    });
  });
}

describe("the proof of arrival", () => {
  it("tells host, version, rules and seconds; is for the host alone; and says why there is none", async () => {
    // Without the kernel: the proof is of the way from the agent on.
    await using stack = await openStack({ agent: { source: { mode: "none" } } });
    await stack.startServices();
    await stack.startCollector();
    await startAgent(stack);
    const proof = verify(stack, 30);
    assert.equal(proof.status, 0, proof.stderr);
    const { host_id, event_id, version, rules_sha256, seconds } = JSON.parse(proof.stdout) as Record<string, string>;
    assert.equal(host_id, stack.hostId);
    assert.match(String(event_id), new RegExp(`^${stack.hostId}-`));
    assert.match(String(version), /^\d+\.\d+\.\d+$/);
    assert.match(String(rules_sha256), /^[0-9a-f]{64}$/);
    assert.ok(Number(seconds) > 0);

    const [event] = await searchAll(queryClient(stack), { filter: "event.action = proved-arrival" });
    const fields = event?.audit?.records[0]?.fields ?? [];
    const nonce = fields.find(({ key }) => key === "nonce")?.value ?? "";
    assert.equal((await getCanary(stack, stack.host, nonce)).eventId, event_id);
    const other = await stack.ca.host(OTHER_HOST);
    for (const [identity, asked, code] of [
      [other, nonce, status.NOT_FOUND],
      [stack.host, randomBytes(16).toString("hex"), status.NOT_FOUND],
      [stack.host, "x", status.INVALID_ARGUMENT],
      [stack.user, nonce, status.PERMISSION_DENIED],
    ] as const) {
      await assert.rejects(getCanary(stack, identity, asked), (error: ServiceError) => error.code === code);
    }

    await stack.mongodb.child?.stop();
    const unstored = verify(stack, 5);
    assert.equal(unstored.status, 1);
    assert.match(unstored.stderr, /within 5 s: the collector .* does not tell: the database does not answer/);

    await stack.collector.stop();
    const alone = verify(stack, 3);
    assert.equal(alone.status, 1);
    assert.match(alone.stderr, /within 3 s: no collector is connected: /);
    assert.match(alone.stderr, /^problem +no collector is connected/m, "with what doctor finds");

    await stack.agent.stop();
    const without = verify(stack, 2);
    assert.match(without.stderr, /no agent answers at .*control\.sock/);
  });

  it("fails where the agent runs with other rules than the files say", async () => {
    await using stack = await openStack({ agent: { source: { mode: "none" } } });
    await stack.startServices();
    await stack.startCollector();
    await startAgent(stack);
    // A new agent.yaml that nobody restarted the agent for.
    const rules = writeRules(`${stack.agentConfigFile}.rules`, ["-w /etc/hostname -p wa -k name"]);
    const file = `${stack.agentConfigFile}.changed`;
    const text = readFileSync(stack.agentConfigFile, "utf8").replace("audit:\n", `audit:\n  rules_files: [${rules}]\n`);
    writeRules(file, [text]);
    const words = [AGENT, "verify", "--timeout", "20", "--config", file];
    const result = spawnSync(process.execPath, words, { encoding: "utf8" });
    // An agent without the kernel reads its files when it is asked; its configuration is that of its start.
    assert.match(result.stderr, /the running agent has rules [0-9a-f]{64} instead of [0-9a-f]{64}: restart it/);
    assert.equal(result.status, 1);
  });
});
