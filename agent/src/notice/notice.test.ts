import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type ImdsStandIn, startImds } from "../imds/fixture.ts";
import { Ending, type EndNotice, EndWatch } from "./index.ts";

const SPOT = "meta-data/spot/instance-action";
const GROUP = "meta-data/autoscaling/target-lifecycle-state";
const LIFE = "meta-data/instance-life-cycle";

type Said = Omit<EndNotice, "by"> | undefined;

/** A watch of a stand-in that asks every 10 ms, and what each of the two said last. */
async function watched(
  instance: Readonly<Record<string, string>>,
  run: (service: ImdsStandIn, said: Map<string, Said>, turns: (count: number) => Promise<void>) => Promise<void>,
): Promise<void> {
  const service = await startImds(instance);
  const said = new Map<string, Said>();
  const watch = new EndWatch({
    mode: "aws",
    endpoint: service.url,
    intervalMs: 10,
    see: (by, notice) => void said.set(by, notice),
  });
  const turns = async (count: number): Promise<void> => {
    const until = watch.counters.turns + count;
    for (let tries = 0; watch.counters.turns < until; tries++) {
      assert.ok(tries < 500, "nothing is asked any more");
      await sleep(10);
    }
  };
  try {
    await run(service, said, turns);
  } finally {
    watch.close();
    await service.stop();
  }
}

describe("the watch for an end", () => {
  it("asks a spot instance, and tells when it ends and that it does not", async () => {
    await watched({ [LIFE]: "spot" }, async (service, said, turns) => {
      await turns(3);
      assert.deepEqual([said.has("spot"), said.get("spot")], [true, undefined]);
      service.values.set(SPOT, '{"action": "terminate", "time": "2026-01-31T12:00:00Z"}');
      await turns(3);
      assert.deepEqual(said.get("spot"), { action: "terminate", timeMs: Date.parse("2026-01-31T12:00:00Z") });
      service.values.set(SPOT, '{"action": "hibernate"}');
      await turns(3);
      assert.deepEqual(said.get("spot"), { action: "hibernate", timeMs: undefined });
      service.values.delete(SPOT);
      // As after a hibernation.
      service.forgetTokens();
      await turns(3);
      assert.equal(said.get("spot"), undefined);
      assert.equal(service.asked.get(`GET /latest/${LIFE}`), 1, "what never changes is asked once");
      assert.equal(service.asked.get("PUT /latest/api/token"), 2, "a token is kept as long as it is good");
      // It is in no group, so that is asked once in a long time.
      assert.equal(service.asked.get(`GET /latest/${GROUP}`), 1);
    });
  });

  it("asks an instance of a group for the state that it is on its way to", async () => {
    await watched({ [LIFE]: "on-demand", [GROUP]: "InService" }, async (service, said, turns) => {
      for (const [state, action] of [
        ["InService", undefined],
        ["Terminated", "terminate"],
        ["Standby", undefined],
        ["Warmed:Stopped", "stop"],
        ["Warmed:Hibernated", "hibernate"],
        ["Detached", undefined],
      ] as const) {
        service.values.set(GROUP, state);
        await turns(3);
        assert.equal(said.get("autoscaling")?.action, action, state);
      }
      assert.equal(service.asked.get(`GET /latest/${SPOT}`), undefined, "it is no spot instance");
    });
  });

  it("leaves an instance that is neither alone", async () => {
    await watched({ [LIFE]: "on-demand" }, async (service) => {
      await sleep(300);
      assert.equal(service.asked.get(`GET /latest/${LIFE}`), 1);
      assert.equal(service.asked.get(`GET /latest/${GROUP}`), 1);
    });
  });

  it("takes back nothing because a question fails, whatever the answer is", async () => {
    await watched({ [LIFE]: "spot" }, async (service, said, turns) => {
      service.values.set(SPOT, '{"action": "stop", "time": "soon"}');
      await turns(3);
      assert.deepEqual(said.get("spot"), { action: "stop", timeMs: undefined });
      for (const text of ["", "{}", "[]", "null", '{"action": "a b"}', "x".repeat(100_000)]) {
        service.values.set(SPOT, text);
        await turns(1);
        await sleep(5);
        assert.equal(said.get("spot")?.action, "stop", text.slice(0, 20));
      }
      assert.ok((service.asked.get(`GET /latest/${SPOT}`) ?? 0) >= 7);
    });
  });

  it("asks less and less often where nothing answers, and says nothing", async () => {
    const said: string[] = [];
    const watch = new EndWatch({
      mode: "aws",
      endpoint: "http://127.0.0.1:9",
      intervalMs: 20,
      see: (by) => void said.push(by),
    });
    // Pauses of 40, 80, 160 and 320 ms at least.
    await sleep(590);
    const { turns, failures } = watch.counters;
    watch.close();
    assert.ok(turns <= 5 && failures >= turns - 1, `${turns} looks, ${failures} failed`);
    assert.deepEqual(said, []);
  });

  it("is asked nothing where this is no instance, and where nobody is to be asked", async () => {
    const service = await startImds({ [LIFE]: "spot" });
    const options = { endpoint: service.url, intervalMs: 10, see: () => assert.fail("nobody said anything") };
    const watch = new EndWatch({ ...options, mode: "none" });
    await sleep(50);
    watch.close();
    await service.stop();
    assert.equal(service.asked.size, 0);
  });
});

describe("the end of a host", () => {
  function ending(options: { tickMs?: number; commandMs?: number } = {}) {
    const happened: string[] = [];
    const it = new Ending({
      announce: ({ by, action }) => happened.push(`${by} ${action}`),
      withdraw: () => happened.push("withdrawn"),
      tick: () => happened.push("tick"),
      tickMs: 10_000,
      ...options,
    });
    return { it, happened };
  }
  const stop = { action: "stop", timeMs: undefined };
  const terminate = { action: "terminate", timeMs: 1 };

  it("is announced once by each, and again where the word is another one", () => {
    const { it, happened } = ending();
    assert.equal(it.isAnnounced, false);
    it.see("spot", undefined);
    it.see("spot", stop);
    it.see("spot", { ...stop });
    it.see("spot", terminate);
    it.see("autoscaling", terminate);
    assert.deepEqual(happened, ["spot stop", "spot terminate", "autoscaling terminate"]);
    it.see("spot", undefined);
    assert.equal(it.isAnnounced, true, "the group still says so");
    it.see("autoscaling", undefined);
    it.see("autoscaling", undefined);
    assert.equal(it.isAnnounced, false);
    assert.equal(happened.filter((each) => each === "withdrawn").length, 1);
    it.close();
  });

  it("is announced already when it is told", () => {
    const flags: boolean[] = [];
    const it: Ending = new Ending({
      announce: () => flags.push(it.isAnnounced),
      withdraw: () => flags.push(it.isAnnounced),
      tick: () => undefined,
    });
    it.see("spot", stop);
    it.see("spot", undefined);
    it.close();
    assert.deepEqual(flags, [true, false]);
  });

  it("is told of again and again until it is taken back", async () => {
    const { it, happened } = ending({ tickMs: 5 });
    it.see("spot", stop);
    for (let tries = 0; happened.length < 4 && tries < 500; tries++) await sleep(5);
    assert.deepEqual(happened.slice(0, 4), ["spot stop", "tick", "tick", "tick"]);
    it.see("spot", undefined);
    const { length } = happened;
    await sleep(50);
    assert.equal(happened.length, length);
    it.close();
  });

  it("lapses where a command said so, which nobody takes back", async () => {
    const { it, happened } = ending({ commandMs: 20 });
    it.see("command", stop);
    for (let tries = 0; it.isAnnounced && tries < 500; tries++) await sleep(5);
    assert.deepEqual(happened, ["command stop", "withdrawn"]);
    it.close();
    it.see("spot", stop);
    assert.equal(it.isAnnounced, false, "an agent that is stopped hears nothing");
  });
});
