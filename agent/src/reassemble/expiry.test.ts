import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MessageChannel } from "node:worker_threads";
import { setTimeout as sleep } from "node:timers/promises";
import { RECORD } from "@hosttrail/lib/audit";
import type { RawRecord, RecordGroup } from "../model/index.ts";
import { Expiry } from "./expiry.ts";
import { Reassembler } from "./index.ts";

const TIMEOUT_MS = 160;

function record(type: number): RawRecord {
  const stamp = { node: "", seconds: 1, milliseconds: 2, serial: 3 };
  return { ...stamp, type, text: "x", actor: "", call: undefined, enriched: "", position: 0 };
}

function open(hasUnread = () => false): {
  push: (type: number) => void;
  expiry: Expiry;
  ended: RecordGroup["partial"][];
} {
  const ended: RecordGroup["partial"][] = [];
  const options = { timeoutMs: TIMEOUT_MS, endOfEventExpected: true, bytesMax: 1_000_000 };
  const reassembler = new Reassembler(options, ({ partial }) => void ended.push(partial));
  const expiry = new Expiry(reassembler, TIMEOUT_MS, hasUnread);
  return {
    ended,
    expiry,
    push(type) {
      reassembler.push(record(type), performance.now());
      expiry.watch();
    },
  };
}

/** Does it where timers have the next turn, and what is to be read the one after that. */
function beforeTimers(act: () => void): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(() => {
      act();
      resolve();
    });
  });
}

/** Nothing of this process goes on. */
function hold(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

describe("waiting for the rest of an event", () => {
  it("ends after its deadline", async () => {
    const { push, ended } = open();
    push(RECORD.SYSCALL);
    await sleep(TIMEOUT_MS * 2);
    assert.deepEqual(ended, ["timeout"]);
  });

  it("goes on where the process was held up and has not read what came meanwhile", async () => {
    const { push, ended } = open();
    const { port1, port2 } = new MessageChannel();
    port1.on("message", () => push(RECORD.EOE));
    await beforeTimers(() => {
      push(RECORD.SYSCALL);
      // It is there at once, and read when timers have had their turn, as what the kernel sends is.
      port2.postMessage("");
      hold(TIMEOUT_MS * 3);
    });
    await sleep(TIMEOUT_MS);
    port1.close();
    assert.deepEqual(ended, [""]);
  });

  it("goes on as long as there is something that was not read, as while the disk takes nothing", async () => {
    let isUnread = true;
    const { push, ended } = open(() => isUnread);
    push(RECORD.SYSCALL);
    await sleep(TIMEOUT_MS * 3);
    assert.deepEqual(ended, []);
    isUnread = false;
    await sleep(TIMEOUT_MS);
    assert.deepEqual(ended, ["timeout"]);
  });

  it("ends where nothing came in all that time either", async () => {
    const { push, ended } = open();
    await beforeTimers(() => {
      push(RECORD.SYSCALL);
      hold(TIMEOUT_MS * 3);
    });
    await sleep(TIMEOUT_MS);
    assert.deepEqual(ended, ["timeout"]);
  });

  it("ends however often the process is held up", async () => {
    const { push, ended } = open();
    push(RECORD.SYSCALL);
    for (let times = 0; times < 3; times++) {
      hold(TIMEOUT_MS);
      await sleep(TIMEOUT_MS / 8 + 5);
    }
    assert.deepEqual(ended, ["timeout"]);
  });
});
