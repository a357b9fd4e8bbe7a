/** What the agent adds to the kernel's words, from a real change on this kernel to the answer of the query API. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { whyNoAudit } from "@hosttrail/agent/kernel";
import type { Event } from "@hosttrail/proto/event";
import type { Stack } from "@hosttrail/stack";
import { eventually, openStack, queryClient, search, startAgent, writeRules } from "./environment.ts";

const missing = whyNoAudit();
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const run = promisify(execFile);

/** The newest event that a filter finds and that is as it should be. */
async function found(stack: Stack, filter: string, isIt: (event: Event) => boolean): Promise<Event> {
  const client = queryClient(stack);
  try {
    return await eventually(filter, 20_000, async () => (await search(client, { filter })).events.find(isIt));
  } finally {
    client.close();
  }
}

describe("an event of this kernel", { skip: missing ?? false }, () => {
  it("has the file before and after, no secret, the program's hash and what became of all events", async () => {
    const folder = mkdtempSync(join(tmpdir(), "hosttrail-agent-"));
    const watched = join(folder, "etc");
    mkdirSync(watched);
    const config = join(watched, "app.conf");
    writeFileSync(config, "old");
    const program = join(folder, "marked");
    copyFileSync("/bin/true", program);
    const rules = writeRules(join(folder, "some.rules"), [
      `-w ${watched} -p wa -k hosttrail_integrity`,
      `-a always,exit -F arch=b64 -S execve -F exe=${program} -k hosttrail_secret`,
    ]);
    try {
      await using stack = await openStack({
        agent: {
          audit: { rules_files: [rules] },
          integrity: { paths: [watched], settle_ms: 100 },
          ledger_interval_ms: 1000,
        },
      });
      await stack.startServices();
      await stack.startCollector();
      await startAgent(stack);

      await run("sh", ["-c", `printf newer > ${config}; chmod 600 ${config}`]);
      const written = await found(
        stack,
        `file.path = "${config}" AND event.action = "opened-file"`,
        ({ files }) => files[0]?.after !== undefined,
      );
      const [file] = written.files;
      assert.equal(file?.before?.sha256, sha256("old"));
      assert.equal(file.after?.sha256, sha256("newer"));
      assert.equal(written.process?.name, "sh");
      assert.deepEqual(written.event?.type, ["change"]);
      const changed = await found(
        stack,
        `file.path = "${config}" AND event.action = "changed-file-permissions-of"`,
        () => true,
      );
      assert.equal((changed.files[0]?.after?.mode ?? 0) & 0o777, 0o600);

      await run(program, ["--password", "S3cr3tCanary", "API_TOKEN=S3cr3tCanary", "plain"]);
      const executed = await found(stack, 'audit.key = "hosttrail_secret" AND event.action = executed', () => true);
      const [, , secret = "", assigned = "", plain] = executed.process?.args ?? [];
      assert.match(secret, /^\[redacted:[0-9a-f]{12}\]$/);
      assert.equal(assigned, `API_TOKEN=${secret}`);
      assert.equal(plain, "plain");
      assert.equal(executed.audit?.redacted, 4, "two in the arguments and the same two in the title");
      assert.match(executed.process?.executableSha256 ?? "", /^[0-9a-f]{64}$/);
      assert.ok((executed.process?.ancestryCount ?? 0) > 0);

      const rulesReport = await found(stack, 'event.action = "loaded-audit-rules"', () => true);
      assert.equal(rulesReport.event?.outcome, "success");
      const ledger = await found(stack, 'event.action = "reported-ledger"', () => true);
      const field = (name: string): string | undefined =>
        ledger.audit?.records[0]?.fields.find(({ key }) => key === name)?.value;
      assert.equal(field("unbalanced"), "0");
      assert.ok(Number(field("events")) > 0);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
