/** A collector says by HTTP that it lives, and which of its roles can work: without NATS, without the database, while it stops. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { eventually, openStack } from "./environment.ts";
import { HostStream } from "./hoststream.ts";
import { fetchPath } from "./http.ts";

interface Answer {
  status: number;
  roles: Record<string, string>;
}

describe("a collector's health", { timeout: 180_000 }, () => {
  let stack: Awaited<ReturnType<typeof openStack>>;

  before(async () => {
    stack = await openStack({ collector: { ingest: { hosts: "certified" }, shutdown_deadline_ms: 4000 } });
    await stack.startServices();
    await stack.startCollector();
  });
  after(() => stack[Symbol.asyncDispose]());

  async function ready(): Promise<Answer> {
    const { status, body, type } = await fetchPath(stack.metricsPort, "/readyz");
    assert.equal(type, "application/json");
    const said = JSON.parse(body) as { ready: boolean; roles: Record<string, string> };
    assert.equal(said.ready, status === 200);
    assert.doesNotMatch(body, /localhost|127\.0\.0\.1|mongodb:|nats:\/\//, "no addresses");
    return { status, roles: said.roles };
  }

  async function until(what: string, isIt: (answer: Answer) => boolean): Promise<Answer> {
    return await eventually(what, 60_000, async () => {
      const answer = await ready();
      if (isIt(answer)) return answer;
      throw new Error(JSON.stringify(answer));
    });
  }

  const roles = ["enroll", "ingest", "store", "compact", "detect", "notify", "query", "console"];
  const allReady = Object.fromEntries(roles.map((role) => [role, "ready"]));

  it("is there when all is there, role by role", async () => {
    assert.deepEqual((await until("readiness", ({ status }) => status === 200)).roles, allReady);
    assert.deepEqual(await fetchPath(stack.metricsPort, "/livez"), { status: 200, body: "ok\n", type: "text/plain" });
    assert.equal((await fetchPath(stack.metricsPort, "/livez", "HEAD")).status, 200);
    assert.equal((await fetchPath(stack.metricsPort, "/readyz", "POST")).status, 405);
    assert.equal((await fetchPath(stack.metricsPort, "/")).status, 404);
  });

  it("names roles that lack NATS, and lives meanwhile", async (context) => {
    if (stack.nats.child === undefined) return context.skip("NATS is not ours to stop");
    await stack.nats.child.kill("SIGKILL");
    const { roles: states } = await until("the loss of NATS", ({ status }) => status === 503);
    assert.equal(states["ingest"], "lacks nats");
    assert.equal(states["store"], "lacks nats, consumer");
    assert.equal(states["detect"], "lacks nats, consumer, lease");
    assert.equal(states["query"], "ready", "the past is told without NATS");
    assert.equal((await fetchPath(stack.metricsPort, "/livez")).status, 200);
    await stack.nats.start();
    assert.deepEqual((await until("its return", ({ status }) => status === 200)).roles, allReady);
  });

  it("names roles that lack the database", async (context) => {
    if (stack.mongodb.child === undefined) return context.skip("the database is not ours to stop");
    await stack.mongodb.child.kill("SIGKILL");
    const { roles: states } = await until("the loss of the database", ({ status }) => status === 503);
    for (const role of roles) assert.equal(states[role], "lacks database", role);
    await stack.mongodb.start();
    assert.deepEqual((await until("its return", ({ status }) => status === 200)).roles, allReady);
  });

  it("is gone from the moment on in which it is told to stop", async () => {
    const hostId = "6".repeat(32);
    const stream = new HostStream(stack, await stack.ca.host(hostId, "health"));
    stream.hello(hostId);
    await stream.answer("welcome");
    const stopped = stack.collector.stop();
    await stream.answer("goodbye");
    const { status, roles: states } = await ready();
    assert.equal(status, 503);
    assert.deepEqual(new Set(Object.values(states)), new Set(["stopping"]));
    await stopped;
    stream.close();
  });

  it("ends in time though NATS and the database are away", async (context) => {
    if (stack.nats.child === undefined || stack.mongodb.child === undefined)
      return context.skip("NATS and the database are not ours to stop");
    stack.collector.start();
    await until("readiness", ({ status }) => status === 200);
    await Promise.all([stack.nats.child.kill("SIGKILL"), stack.mongodb.child.kill("SIGKILL")]);
    await until("their loss", ({ status }) => status === 503);
    const beganMs = performance.now();
    const { pid = 0 } = stack.collector;
    process.kill(pid, "SIGTERM");
    await eventually("its end", 20_000, async () => (stack.collector.running ? undefined : true));
    // Its deadline, and the time in which connections are left.
    assert.ok(performance.now() - beganMs < 4000 + 3000 + 2000, "within its deadline");
    assert.match(stack.collector.logTail(1), /"collector stopped"/);
    await Promise.all([stack.nats.start(), stack.mongodb.start()]);
  });

  it("says that roles start while NATS is awaited", async (context) => {
    if (stack.nats.child === undefined) return context.skip("NATS is not ours to stop");
    await stack.nats.child.stop();
    stack.collector.start();
    const { roles: states } = await until("an answer", ({ status }) => status === 503);
    assert.deepEqual(new Set(Object.values(states)), new Set(["starting"]));
    assert.equal((await fetchPath(stack.metricsPort, "/livez")).status, 200);
    await stack.nats.start();
    await until("readiness", ({ status }) => status === 200);
  });
});
