/** What a running collector shows of itself, held against what the documentation, the alert rules and the dashboard say of it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { blockOf } from "./blocks.ts";
import { eventually, openStack } from "./environment.ts";
import { HostStream } from "./hoststream.ts";
import { metricsOf } from "./metrics.ts";

const STORE = "hosttrail_store_lag";
const DETECT = "hosttrail_detect_lag";
const DOCUMENT = new URL("../docs/metrics.md", import.meta.url);

describe("metrics", { timeout: 120_000 }, () => {
  let stack: Awaited<ReturnType<typeof openStack>>;

  before(async () => {
    stack = await openStack({ collector: { ingest: { hosts: "certified" } } });
    await stack.startServices();
    await stack.startCollector();
  });
  after(() => stack[Symbol.asyncDispose]());

  const valueOf = (text: string, name: string): number | undefined => {
    const line = text.split("\n").find((each) => each.startsWith(`${name} `));
    return line === undefined ? undefined : Number(line.slice(name.length + 1));
  };

  it("are those of docs/metrics.md, each of its type", async () => {
    const text = await metricsOf(stack);
    const shown = Array.from(text.matchAll(/^# TYPE (\S+) (\w+)$/gm), ([, name, type]) => `${name} ${type}`);
    const documented = Array.from(
      readFileSync(DOCUMENT, "utf8").matchAll(/^\| `(hosttrail_\w+)` \| (\w+) \|/gm),
      ([, name, type]) => `${name} ${type}`,
    );
    assert.ok(shown.length > 80);
    assert.deepEqual(documented.toSorted(), shown.toSorted());
  });

  it("tell which roles are ready, and until when the certificate is valid", async () => {
    const text = await eventually("all roles being ready", 20_000, async () => {
      const now = await metricsOf(stack);
      return now.includes('hosttrail_role_ready{role="detect"} 1') ? now : undefined;
    });
    for (const role of ["enroll", "ingest", "store", "compact", "notify", "query"])
      assert.match(text, new RegExp(`^hosttrail_role_ready\\{role="${role}"\\} 1$`, "m"));
    const days = ((valueOf(text, "hosttrail_certificate_expiry_timestamp_seconds") ?? 0) - Date.now() / 1000) / 86_400;
    assert.ok(days > 80 && days < 100, `${days} days`);
  });

  it("tell of agents' credit while they are connected, and of none afterwards", async () => {
    const hostId = "7".repeat(32);
    const stream = new HostStream(stack, await stack.ca.host(hostId, "metrics"));
    stream.hello(hostId);
    const { credit } = await stream.answer("welcome");
    const during = await metricsOf(stack);
    assert.equal(valueOf(during, "hosttrail_ingest_credit_blocks"), credit);
    assert.equal(valueOf(during, "hosttrail_ingest_credit_used_blocks"), 0);
    stream.close();
    await eventually("its end", 10_000, async () =>
      valueOf(await metricsOf(stack), "hosttrail_ingest_credit_blocks") === 0 ? true : undefined,
    );
  });

  it("tell how far storing is behind while the database is away, in blocks and seconds", async (context) => {
    if (stack.mongodb.child === undefined) return context.skip("the database is not ours to stop");
    const hostId = "8".repeat(32);
    const identity = await stack.ca.host(hostId, "lagging");
    const stream = new HostStream(stack, identity);
    stream.hello(hostId);
    await stream.answer("welcome");
    await stack.mongodb.child.kill("SIGKILL");
    stream.block(blockOf(identity.keyFile, { hostId, epoch: 1n, firstSeq: 0n }, [{ action: "waits" }]).bytes);
    await stream.answer("received");
    await eventually("a lag", 30_000, async () => {
      const text = await metricsOf(stack);
      const [blocks, seconds] = [valueOf(text, `${STORE}_blocks`) ?? 0, valueOf(text, `${STORE}_seconds`) ?? 0];
      return blocks === 1 && seconds > 0 && seconds < 40 ? true : undefined;
    });
    await stack.mongodb.start();
    await stream.answer("stored");
    await eventually("no lag", 30_000, async () => {
      const text = await metricsOf(stack);
      const names = [`${STORE}_blocks`, `${STORE}_seconds`, `${DETECT}_blocks`, `${DETECT}_seconds`];
      return names.every((name) => valueOf(text, name) === 0) ? true : undefined;
    });
    stream.close();
  });
});
