/** Agents move from collector to collector: when one stops, and when one came that has no agents yet. Nothing is lost and no stream is cut. */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { waitForPort } from "@hosttrail/stack";
import { Balancer } from "./balancer.ts";
import { eventually, openStack, queryClient, searchAll } from "./environment.ts";
import { HostStream } from "./hoststream.ts";
import { ShippingAgent } from "./shippingagent.ts";

const AGENTS = 16;
const BLOCK_INTERVAL_MS = 150;
const AGE_SECONDS = 4;

type Collector = Awaited<ReturnType<Awaited<ReturnType<typeof openStack>>["startAnotherCollector"]>>;

describe("agents", { timeout: 240_000 }, () => {
  let stack: Awaited<ReturnType<typeof openStack>>;
  let agents: ShippingAgent[] = [];
  let collectors: Collector[] = [];
  let balancer: Balancer | undefined;

  before(async () => {
    stack = await openStack({
      collector: { roles: ["store", "query"], ingest: { hosts: "certified" }, shutdown_deadline_ms: 4000 },
    });
    await stack.startServices();
    stack.collector.start();
    await waitForPort(stack.queryPort, "the collector", () => stack.collector.assertRunning());
  });
  after(() => stack[Symbol.asyncDispose]());
  afterEach(async () => {
    await Promise.all(agents.map((agent) => agent.close()));
    agents = [];
    balancer?.close();
    balancer = undefined;
    await Promise.all(collectors.map(({ process: child }) => child.stop()));
    collectors = [];
  });

  async function startIngest(connections: Record<string, unknown> = {}): Promise<Collector> {
    const collector = await stack.startAnotherCollector({ roles: ["ingest"], connections });
    collectors.push(collector);
    return collector;
  }

  /** Every second one comes through a balancer, the others know both. */
  async function startAgents(ports: readonly number[]): Promise<void> {
    balancer = await Balancer.open(ports);
    const own = ports.map((port) => `localhost:${port}`);
    const balanced = [`localhost:${balancer.port}`];
    for (let at = 0; at < AGENTS; at++) agents.push(await ShippingAgent.open(stack, at % 2 === 0 ? own : balanced));
    for (const agent of agents) agent.start(BLOCK_INTERVAL_MS);
  }

  async function allConnected(): Promise<void> {
    await eventually("all agents being connected", 30_000, async () =>
      agents.every(({ endpoint }) => endpoint !== "") ? true : undefined,
    );
  }

  /** All that was made is stored, once, and each host's numbers have no hole. */
  async function assertNothingLost(): Promise<void> {
    for (const agent of agents) agent.quieten();
    await eventually("all blocks being stored", 60_000, async () =>
      agents.every(({ unstored }) => unstored === 0) ? true : undefined,
    );
    const client = queryClient(stack);
    const stored = await searchAll(client, { filter: "event.action : shipped-", pageSize: 1000 });
    client.close();
    let made = 0;
    for (const { hostId, events } of agents) {
      const own = stored.filter(({ id }) => id.startsWith(`${hostId}-`));
      assert.equal(own.length, events, `events of ${hostId}`);
      assert.equal(new Set(own.map(({ event }) => event?.action)).size, events, `different events of ${hostId}`);
      made += events;
    }
    process.stdout.write(`${agents.length} agents made ${made} events; each is stored once\n`);
  }

  it("move when their collector stops, none of their streams being cut, and lose nothing while both collectors are restarted", async () => {
    await startIngest();
    await startIngest();
    await startAgents(collectors.map(({ ingestPort }) => ingestPort));
    await allConnected();
    await sleep(1000);
    for (const [at, { process: child, ingestPort }] of collectors.entries()) {
      let endedMs = 0;
      const before = agents.map(({ counters }) => counters.connects);
      const beganMs = performance.now();
      const moved: number[] = [];
      const stopping = child.stop();
      const isSettled = (): boolean =>
        !child.running && agents.every(({ counters }) => counters.connects === counters.goodbyes + 1);
      while (!isSettled() && performance.now() - beganMs < 20_000) {
        for (const [each, { counters }] of agents.entries()) {
          if (counters.connects === before[each]) continue;
          before[each] = counters.connects;
          moved.push(performance.now() - beganMs);
        }
        await sleep(10);
        if (child.running) endedMs = performance.now() - beganMs;
      }
      await stopping;
      process.stdout.write(
        `collector ${at + 1}: ${moved.length} agents moved after ${Math.round(moved[0] ?? 0)} to ${Math.round(moved.at(-1) ?? 0)} ms; it ended after ${Math.round(endedMs)} ms\n`,
      );
      assert.ok(moved.length > 0, "somebody was there");
      assert.ok(endedMs < 6000, "it does not take longer than it may");
      child.start();
      await waitForPort(ingestPort, "the collector", () => child.assertRunning());
    }
    // A collector that is back is given some of the agents: those are on their way for a moment.
    await eventually("each stream but the last having ended by a goodbye", 60_000, async () =>
      agents.every(({ counters }) => counters.connects === counters.goodbyes + 1) ? true : undefined,
    );
    for (const { counters } of agents) assert.equal(counters.blocksRejected, 0);
    await assertNothingLost();
  });

  it("spread over a collector that comes later, not all at once, and lose nothing", async () => {
    const connections = { max_age_seconds: AGE_SECONDS };
    const first = await startIngest(connections);
    const second = await startIngest(connections);
    await second.process.stop();
    await startAgents([first.ingestPort, second.ingestPort]);
    await allConnected();
    const beganMs = performance.now();
    second.process.start();
    // When each went first: they are asked at once, and each goes at a time of its own.
    const gone = new Map<ShippingAgent, number>();
    const direct = agents.filter((_, at) => at % 2 === 0);
    const atSecond = (): number => direct.filter(({ endpoint }) => endpoint.endsWith(`:${second.ingestPort}`)).length;
    while ((gone.size < AGENTS || atSecond() === 0) && performance.now() - beganMs < 60_000) {
      for (const agent of agents)
        if (agent.counters.connects > 1 && !gone.has(agent)) gone.set(agent, performance.now() - beganMs);
      await sleep(10);
    }
    const moves = [...gone.values()].map(Math.round);
    process.stdout.write(
      `${moves.length} agents went after ${Math.min(...moves)} to ${Math.max(...moves)} ms; ${atSecond()} of the ${direct.length} that know both are at the second\n`,
    );
    assert.equal(gone.size, AGENTS);
    assert.ok(atSecond() > 0, "some have moved");
    assert.ok(new Set(moves).size > AGENTS / 2, "not all at once");
    // One that is just asked to go has not connected again yet; a stream that was cut would be one connection more.
    for (const { counters } of agents) assert.ok(counters.connects <= counters.goodbyes + 1, JSON.stringify(counters));
    await assertNothingLost();
  });

  it("that do not go are cut off when the time is over, and new streams are refused meanwhile", async () => {
    const { process: child, ingestPort } = await startIngest();
    const hostId = "5".repeat(32);
    const identity = await stack.ca.host(hostId, "stubborn");
    const stubborn = new HostStream(stack, identity, ingestPort);
    stubborn.hello(hostId);
    await stubborn.answer("welcome");
    const beganMs = performance.now();
    const stopped = child.stop();
    const { spreadMs } = await stubborn.answer("goodbye");
    assert.equal(spreadMs, 1200);
    // The connection that is there can be used for another stream.
    const late = stubborn.again();
    late.hello(hostId);
    const failure = await late.failure();
    assert.match(failure.details, /this collector stops: it takes no new streams/);
    await stopped;
    const tookMs = performance.now() - beganMs;
    assert.ok(tookMs > 2000 && tookMs < 6000, `it took ${tookMs} ms`);
    late.close();
    stubborn.close();
  });
});
