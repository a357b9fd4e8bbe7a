import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Probe, Readiness } from "./index.ts";

const yes = new Probe("nats", async () => undefined);
const no = new Probe("database", async () => {
  throw new Error("mongodb://user:secret@db is away");
});

describe("readiness", () => {
  it("is there when all roles run and have all that they need", async () => {
    const readiness = new Readiness(["ingest", "store"]);
    readiness.runs("ingest", [yes]);
    assert.deepEqual(await readiness.look(), { isReady: false, roles: { ingest: "ready", store: "starting" } });
    readiness.runs("store", [yes]);
    assert.deepEqual(await readiness.look(), { isReady: true, roles: { ingest: "ready", store: "ready" } });
  });

  it("names what a role lacks, and nothing of why", async () => {
    const readiness = new Readiness(["store"]);
    readiness.runs("store", [yes, no, new Probe("consumer", () => Promise.reject(new Error("secret")))]);
    assert.deepEqual(await readiness.look(), { isReady: false, roles: { store: "lacks database, consumer" } });
  });

  it("goes when the process stops, whatever answers", async () => {
    const readiness = new Readiness(["store", "notify"]);
    readiness.runs("store", [yes]);
    readiness.forget("notify");
    assert.equal((await readiness.look()).isReady, true);
    readiness.stop();
    assert.deepEqual(await readiness.look(), { isReady: false, roles: { store: "stopping" } });
  });
});

describe("a probe", () => {
  it("asks one question at a time of who does not answer, and takes it for away", async () => {
    let asked = 0;
    const silent = new Probe(
      "nats",
      () => {
        asked++;
        return new Promise(() => undefined);
      },
      { keptMs: 0, timeoutMs: 10 },
    );
    assert.deepEqual([await silent.look(), await silent.look(), await silent.look()], [false, false, false]);
    assert.equal(asked, 1);
  });

  it("asks again when the last answer is old, and not before", async () => {
    let asked = 0;
    const count = (keptMs: number): Probe =>
      new Probe(
        "nats",
        async () => {
          asked++;
        },
        { keptMs, timeoutMs: 1000 },
      );
    const fresh = count(60_000);
    await Promise.all([fresh.look(), fresh.look()]);
    await fresh.look();
    assert.equal(asked, 1);
    const stale = count(0);
    await stale.look();
    await stale.look();
    assert.equal(asked, 3);
  });
});
