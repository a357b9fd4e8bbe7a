/**
 * A backup as docs/operate.md tells to make it, and what is left when all else is gone: the servers' folders are copied while nothing runs,
 * hosts go on, everything is destroyed and the copies are put back.
 */
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { waitForPort } from "@hosttrail/stack";
import { eventually, openStack, queryClient, searchAll } from "./environment.ts";
import { ShippingAgent } from "./shippingagent.ts";

const AGENTS = 4;
const BLOCK_INTERVAL_MS = 200;
/** What the servers have on disk, in the stack's folder. */
const DATA = ["nats", "mongodb"];

describe("a backup of database and stream", { timeout: 240_000 }, () => {
  let stack: Awaited<ReturnType<typeof openStack>>;
  let folder: string;
  let copies: string;
  const agents: ShippingAgent[] = [];

  before(async () => {
    stack = await openStack({ collector: { ingest: { hosts: "certified" } } });
    folder = dirname(stack.profileFile);
    copies = mkdtempSync(join(tmpdir(), "hosttrail-backup-"));
    await stack.startServices();
    await startCollector();
    for (let at = 0; at < AGENTS; at++) agents.push(await ShippingAgent.open(stack, [`localhost:${stack.ingestPort}`]));
  });
  after(async () => {
    await Promise.all(agents.map((agent) => agent.close()));
    rmSync(copies, { recursive: true, force: true });
    await stack[Symbol.asyncDispose]();
  });

  async function startCollector(): Promise<void> {
    stack.collector.start();
    for (const port of [stack.ingestPort, stack.queryPort])
      await waitForPort(port, "the collector", () => stack.collector.assertRunning());
  }

  /** Numbers of the events that are found, by host, sorted; each stands once. */
  async function found(): Promise<Map<string, number[]>> {
    const client = queryClient(stack);
    const events = await searchAll(client, { filter: "event.action : shipped-", pageSize: 1000 });
    client.close();
    assert.equal(new Set(events.map(({ id }) => id)).size, events.length, "no id stands twice");
    const numbers = new Map<string, number[]>(agents.map(({ hostId }) => [hostId, []]));
    for (const { id, event } of events)
      numbers.get(id.slice(0, 32))?.push(Number(event?.action.slice("shipped-".length)));
    for (const list of numbers.values()) {
      list.sort((a, b) => a - b);
      assert.equal(new Set(list).size, list.length, "no event stands twice");
    }
    return numbers;
  }

  async function settled(): Promise<void> {
    for (const agent of agents) agent.quieten();
    await eventually("all blocks being stored", 90_000, async () =>
      agents.every(({ unstored }) => unstored === 0) ? true : undefined,
    );
  }

  it("gives back all that was stored until then, hosts fill in what was not, and what is missing is just what was stored in between", async (context) => {
    if (stack.nats.child === undefined || stack.mongodb.child === undefined)
      return context.skip("NATS and the database are not ours to stop");
    for (const agent of agents) agent.start(BLOCK_INTERVAL_MS);
    await sleep(3000);

    // The backup: collectors stop, so that nothing moves between the two copies; hosts go on, and keep what they have.
    await stack.collector.stop();
    await Promise.all([stack.nats.child.stop(), stack.mongodb.child.stop()]);
    for (const name of DATA) cpSync(join(folder, name), join(copies, name), { recursive: true });
    const storedThen = agents.map(({ stored }) => stored);
    await Promise.all([stack.nats.start(), stack.mongodb.start()]);
    await startCollector();
    await sleep(3000);
    await settled();
    assert.deepEqual(
      [...(await found()).values()].map(({ length }) => length),
      agents.map(({ events }) => events),
    );

    // The disaster, in the middle of work.
    for (const agent of agents) agent.resume(BLOCK_INTERVAL_MS);
    await sleep(1000);
    await Promise.all([
      stack.collector.kill("SIGKILL"),
      stack.nats.child.kill("SIGKILL"),
      stack.mongodb.child.kill("SIGKILL"),
    ]);
    for (const name of DATA) rmSync(join(folder, name), { recursive: true });
    await sleep(500);
    const storedAtEnd = agents.map(({ stored }) => stored);

    // Restored, while hosts go on.
    for (const name of DATA) cpSync(join(copies, name), join(folder, name), { recursive: true });
    await Promise.all([stack.nats.start(), stack.mongodb.start()]);
    await startCollector();
    await sleep(2000);
    await settled();
    const restored = await found();
    let missing = 0;
    for (const [at, { hostId, events }] of agents.entries()) {
      const there = new Set(restored.get(hostId));
      const lost = Array.from({ length: events }, (_, number) => number).filter((number) => !there.has(number));
      assert.equal(there.size + lost.length, events);
      const [then = 0, end = 0] = [storedThen[at], storedAtEnd[at]];
      assert.ok((lost[0] ?? then) >= then, `${lost[0]} was stored when the backup was made, ${then} were`);
      assert.ok((lost.at(-1) ?? 0) < end, `${lost.at(-1)} was at its host when all was lost, which had freed ${end}`);
      missing += lost.length;
    }
    const total = agents.reduce((sum, { events }) => sum + events, 0);
    process.stdout.write(
      `${total} events were made; ${total - missing} are there, each once; ${missing} were stored after the backup and went with the disaster\n`,
    );
    assert.ok(missing > 0, "something was stored after the backup");
  });

  it("is not needed for what only the stream had: hosts send it again", async (context) => {
    if (stack.nats.child === undefined) return context.skip("NATS is not ours to stop");
    const before = await found();
    for (const agent of agents) agent.resume(BLOCK_INTERVAL_MS);
    const made = agents.map(({ events }) => events);
    await sleep(500);
    await stack.nats.child.kill("SIGKILL");
    rmSync(join(folder, "nats"), { recursive: true });
    await stack.collector.stop();
    await stack.nats.start();
    await startCollector();
    await sleep(1500);
    await settled();
    const after = await found();
    for (const [at, { hostId, events }] of agents.entries())
      assert.equal(after.get(hostId)?.length, (before.get(hostId)?.length ?? 0) + events - (made[at] ?? 0));
  });
});
