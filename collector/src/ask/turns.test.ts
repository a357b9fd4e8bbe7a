import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { type ServiceError, status } from "@grpc/grpc-js";
import type { Visit } from "../serve/index.ts";
import { Turns } from "./turns.ts";

function visitOf(name: string): Visit {
  return {
    caller: { name, role: "viewer", scope: {}, identity: { subjects: [name], endMs: Infinity } },
    hosts: undefined,
  };
}

/** Asks many questions that end when they are told to, and knows which of them have begun, in order. */
class Asking {
  readonly begun: string[] = [];
  readonly ends: (() => void)[] = [];
  readonly answers: Promise<string>[] = [];
  readonly #turns: Turns;

  constructor(turns: Turns) {
    this.#turns = turns;
  }

  ask(caller: string, signal: AbortSignal = new AbortController().signal): Promise<string> {
    const answer = this.#turns.take(visitOf(caller), signal, async () => {
      this.begun.push(caller);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.ends.push(resolve);
      await promise;
      return caller;
    });
    answer.catch(() => undefined);
    this.answers.push(answer);
    return answer;
  }

  async endNext(): Promise<void> {
    this.ends.shift()?.();
    for (let turn = 0; turn < 3; turn++) await setImmediate();
  }
}

describe("turns", () => {
  it("let so many questions run at once, of one caller half of them, and all others after them", async () => {
    const asking = new Asking(new Turns({ runningMax: 4 }));
    for (let at = 0; at < 6; at++) void asking.ask("much");
    await setImmediate();
    assert.deepEqual(asking.begun, ["much", "much"]);
    for (const other of ["a", "b", "c"]) void asking.ask(other);
    await setImmediate();
    assert.deepEqual(asking.begun, ["much", "much", "a", "b"]);
    // Whoever has none comes before one who has some and waits longer.
    await asking.endNext();
    assert.equal(asking.begun.at(-1), "c");
    while (asking.ends.length > 0) await asking.endNext();
    assert.equal((await Promise.all(asking.answers)).length, 9);
  });

  it("are given back by whoever fails, and left by whoever goes away", async () => {
    const turns = new Turns({ runningMax: 1 });
    await assert.rejects(
      turns.take(visitOf("a"), new AbortController().signal, async () => {
        throw new RangeError("failed");
      }),
      RangeError,
    );
    const asking = new Asking(turns);
    void asking.ask("a");
    const leaving = new AbortController();
    const left = asking.ask("b", leaving.signal);
    void asking.ask("c");
    await setImmediate();
    leaving.abort();
    await assert.rejects(left, (error: ServiceError) => error.code === status.CANCELLED);
    await asking.endNext();
    assert.deepEqual(asking.begun, ["a", "c"]);
    await asking.endNext();
    await assert.rejects(asking.ask("d", leaving.signal), /ended the call/);
    void asking.ask("e");
    await setImmediate();
    assert.equal(asking.begun.at(-1), "e");
    await asking.endNext();
  });

  it("are refused where too many wait, and where they do not come in time", async () => {
    const asking = new Asking(new Turns({ runningMax: 1, waitMaxMs: 50 }));
    void asking.ask("a");
    const late = asking.ask("b");
    await assert.rejects(
      late,
      (error: ServiceError) =>
        error.code === status.RESOURCE_EXHAUSTED && /none ended within 0.05 s/.test(error.details),
    );
    const full = new Asking(new Turns({ runningMax: 1 }));
    for (let caller = 0; caller < 5; caller++) for (let at = 0; at < 257; at++) void full.ask(`c${caller}`);
    const outcomes = full.answers.map((answer) =>
      answer.then(
        () => "answered",
        ({ details }: ServiceError) => details.replace(/c\d/, "one").replace(/^\d+/, "N"),
      ),
    );
    await setImmediate();
    while (full.ends.length > 0) await full.endNext();
    const counts = Map.groupBy(await Promise.all(outcomes), (outcome) => outcome);
    assert.deepEqual(Object.fromEntries(Array.from(counts, ([outcome, { length }]) => [outcome, length])), {
      answered: 1025,
      "N questions of one wait for their turn already; ask again later": 3,
      "N questions wait for their turn already; ask again later": 257,
    });
    await asking.endNext();
  });
});
