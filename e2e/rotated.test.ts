/** A log whose rotated files are compressed, headed by syslog and damaged: what can be read arrives, and the rest is told in the trail. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { eventually, openStack, queryClient, searchAll } from "./environment.ts";

const SECONDS = Math.floor(Date.now() / 1000) - 60;
const RECORDS = 20_000;

const record = (serial: number, node = ""): string =>
  `${node}type=USER_LOGIN msg=audit(${SECONDS}.${String(serial % 1000).padStart(3, "0")}:${serial}): pid=${serial} uid=0 auid=1000 ses=1 ` +
  `msg='op=login acct="u${(serial * 0x9e3779b1) >>> 0}" exe="/usr/sbin/sshd" hostname=? addr=203.0.113.9 terminal=ssh res=success'\n`;

describe("a rotated log", () => {
  const stack = openStack();
  after(async () => (await stack)[Symbol.asyncDispose]());

  it("with a damaged file gives the records around the damage, and the trail says what is missing", async () => {
    const { agentConfigFile, agent } = await stack;
    const log = join(dirname(agentConfigFile), "audit.log");
    const damaged = gzipSync(Array.from({ length: RECORDS }, (_, at) => record(at + 1)).join(""));
    writeFileSync(`${log}.2.gz`, damaged.subarray(0, damaged.length >> 1));
    writeFileSync(`${log}.1`, `Nov 13 10:00:00 web1 audispd: ${record(RECORDS + 1)}`);
    writeFileSync(log, record(RECORDS + 2));
    const config = readFileSync(agentConfigFile, "utf8");
    writeFileSync(agentConfigFile, `${config}source:\n  mode: file\n  path: ${log}\n`);
    await (await stack).startServices();
    await (await stack).startCollector();
    (await stack).startAgent();
    const client = queryClient(await stack);
    try {
      const [missed] = await eventually("the report", 60_000, async () => {
        const found = await searchAll(client, { filter: "event.action = missed-source-data" });
        return found.length === 1 && !agent.running ? found : undefined;
      });
      assert.equal(missed?.event?.outcome, "failure");
      const fields = Object.fromEntries(missed?.audit?.records[0]?.fields.map(({ key, value }) => [key, value]) ?? []);
      assert.deepEqual(fields, {
        file: `${log}.2.gz`,
        offset: String(damaged.length >> 1),
        reason: "unexpected end of file",
      });
      const logins = await searchAll(client, { filter: "event.action = logged-in" });
      const serials = logins.map(({ audit }) => audit?.serial ?? 0).sort((a, b) => a - b);
      assert.deepEqual(serials.splice(-2), [RECORDS + 1, RECORDS + 2]);
      assert.deepEqual(
        serials,
        serials.map((_, at) => at + 1),
        "all that comes before the damage",
      );
      assert.ok(serials.length > RECORDS / 3, `${serials.length} records`);
      assert.equal(logins.find(({ audit }) => audit?.serial === RECORDS + 1)?.audit?.node, "web1");
      assert.match(
        agent.logTail(50),
        new RegExp(`"file":"${log}.2.gz","offset":${damaged.length >> 1},"msg":"source: unexpected end of file"`),
      );
    } finally {
      client.close();
    }
  });
});
