/** Certificates end and the authority's key changes while events come: none is lost. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { status } from "@grpc/grpc-js";
import { certificateRequest } from "@hosttrail/agent/identity";
import { whyNoAudit } from "@hosttrail/agent/kernel";
import type { Stack } from "@hosttrail/stack";
import { eventually, openStack, queryClient, search, searchAll, startAgent, writeRules } from "./environment.ts";
import { enroll } from "./enrollcalls.ts";

const missing = whyNoAudit();
/** The shortest that the configuration allows: renewed after two thirds of it. */
const CERTIFICATE_MINUTES = 1;
const RENEWAL_TIMEOUT_MS = 90_000;

function read(stack: Stack, name: string): string {
  return readFileSync(join(dirname(stack.host.certificateFile), name), "utf8");
}

/** Whether the authority's present key has signed the agent's certificate. */
function isOfPresentKey(stack: Stack): boolean {
  const authority = new X509Certificate(readFileSync(join(stack.authority, "ca.crt")));
  return new X509Certificate(read(stack, "host.crt")).verify(authority.publicKey);
}

describe("a rotation of the authority's key", () => {
  it("loses no event, with certificates that end meanwhile", { skip: missing ?? false }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "hosttrail-rotation-"));
    const program = join(folder, "marked");
    copyFileSync("/bin/true", program);
    const rules = writeRules(join(folder, "marked.rules"), [
      `-a always,exit -F arch=b64 -S execve -F exe=${program} -k hosttrail_rotation`,
    ]);
    try {
      await using stack = await openStack({
        agent: { audit: { rules_files: [rules] } },
        collector: { ca: { host_certificate_minutes: CERTIFICATE_MINUTES } },
      });
      await stack.startServices();
      await stack.startCollector();
      await startAgent(stack);
      await eventually("the first certificate", 15_000, async () => read(stack, "host.crt") !== "" || undefined);
      const token = stack.hosttrail("token", "create", "--ttl", "60s").trim();
      const first = read(stack, "host.crt");

      let runs = 0;
      const over = new AbortController();
      const load = (async (): Promise<void> => {
        while (!over.signal.aborted) {
          await promisify(execFile)(program, [`run-${runs++}`]);
          await sleep(25);
        }
      })();

      try {
        stack.authorityCommand("rotate", "begin");
        await eventually("the agent's knowing both keys", 20_000, async () => {
          const both = read(stack, "trust.crt") === readFileSync(join(stack.authority, "trust.crt"), "utf8");
          return both || undefined;
        });
        stack.authorityCommand("rotate", "switch");
        stack.authorityCommand("server", "localhost", "127.0.0.1", "--output", stack.serverPath);
        assert.ok(!isOfPresentKey(stack));
        await eventually("the renewal", RENEWAL_TIMEOUT_MS, async () => isOfPresentKey(stack) || undefined);
        assert.notEqual(read(stack, "host.crt"), first);
        stack.authorityCommand("user", "dev", "--output", stack.user.certificateFile.replace(/\.crt$/, ""));
        stack.authorityCommand("rotate", "finish");
        // The first certificate ends, and with it the stream that it opened.
        const end = Date.parse(new X509Certificate(first).validTo);
        await sleep(Math.max(end - Date.now(), 0) + 5000);
      } finally {
        over.abort();
        await load;
      }

      const filter = "audit.key = hosttrail_rotation AND event.action = executed";
      const events = await eventually("all runs being found", 30_000, async () => {
        const client = queryClient(stack);
        try {
          const found = await searchAll(client, { filter, pageSize: 1000 });
          return found.length >= runs ? found : undefined;
        } finally {
          client.close();
        }
      });
      process.stdout.write(`${runs} runs of a marked program, ${events.length} found\n`);
      assert.equal(events.length, runs);
      assert.equal(new Set(events.map((event) => event.process?.args[1])).size, runs, "none stands twice");
      const log = stack.agent.logTail(10_000);
      assert.match(log, /"renewed":true/);
      assert.match(log, /certificate is over/, "the collector ended the stream of the first certificate");

      const old = queryClient(stack, await stack.ca.user("dev"));
      await assert.rejects(search(old, {}), { code: status.UNAUTHENTICATED }, "the old key counts no longer");
      old.close();
      const request = certificateRequest(generateKeyPairSync("ed25519").privateKey);
      await assert.rejects(enroll(stack, request, { $case: "token", value: token }), /is over/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
