/**
 * A host that is enrolled and means harm, beside one that means none. Each attack runs while the good host's time to *stored* is
 * measured, and is compared with a measurement without it right before. HOSTTRAIL_HOSTILE_SECONDS is how long each attack lasts.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Identity } from "@hosttrail/stack";
import { openStack } from "./environment.ts";
import type { Flood } from "./flood.ts";
import { collectorMemory, measureStored, type Outcome, percentile, whileFlooded } from "./hostile.ts";

const SECONDS = Number(process.env["HOSTTRAIL_HOSTILE_SECONDS"] ?? 7);
const BLOCKS = 150;
/** The good host sends so often, and so long that its blocks are in time before the attack ends. */
const STEADY = { count: BLOCKS, everyMs: ((SECONDS - 1) * 1000) / BLOCKS };
/** Other work on the machine can spoil a measurement: an attack must pass one of these. */
const ATTEMPTS = 6;

let stack: Awaited<ReturnType<typeof openStack>>;
let good: { hostId: string; identity: Identity };
let bad: { hostId: string; identity: Identity };

before(async () => {
  stack = await openStack({ collector: { ingest: { hosts: "certified" } } });
  await stack.startServices();
  await stack.startCollector();
  const host = async (letter: string): Promise<typeof good> => {
    const hostId = letter.repeat(32);
    return { hostId, identity: await stack.ca.host(hostId, `host-${letter}`) };
  };
  [good, bad] = [await host("a"), await host("b")];
  // V8 compiles what is measured first.
  await whileFlooded(stack, bad, { kind: "small", perSecond: 200, seconds: 5 }, () =>
    measureStored(stack, good, { count: 100, everyMs: 40 }),
  );
});
after(() => stack[Symbol.asyncDispose]());

const ATTACKS: [string, Pick<Flood, "kind" | "perSecond">, (outcome: Outcome) => void][] = [
  ["blocks whose tables say a million rows", { kind: "rows", perSecond: 200 }, isBuried],
  ["blocks with a string of 20 MB", { kind: "string", perSecond: 200 }, isBuried],
  ["blocks with 1,500 actions of 12 KB", { kind: "actions", perSecond: 200 }, isSettled],
  ["blocks with a list of a million items", { kind: "lists", perSecond: 200 }, isSettled],
  ["blocks that are no columns at all", { kind: "garbage", perSecond: 2000 }, isBuried],
  ["blocks whose numbers are taken", { kind: "forks", perSecond: 2000 }, isSettled],
  ["one block again and again", { kind: "same", perSecond: 2000 }, () => undefined],
  ["a day for each block", { kind: "days", perSecond: 2000 }, isSettled],
  ["10,000 blocks of one event a second", { kind: "small", perSecond: 10_000 }, isThrottled],
];

/** Refused for what they are, and told so; not one is told as stored. */
function isBuried({ rejected, stored }: Outcome): void {
  assert.ok(rejected > 0, "they are told as rejected");
  assert.equal(stored, 0);
}

function isSettled({ rejected, stored }: Outcome): void {
  assert.ok(rejected + stored > 0);
}

function isThrottled(outcome: Outcome): void {
  isSettled(outcome);
  assert.ok(outcome.throttled > 0);
  // Fifty a second and a second's worth at once, by default.
  assert.ok(outcome.received <= 50 * (SECONDS + 1) + 64, `${outcome.received} were received`);
}

describe("a good host beside a hostile one", { timeout: 900_000 }, () => {
  for (const [what, attack, judge] of ATTACKS) {
    it(`is stored as quickly as alone, beside ${what}`, async () => {
      const failures: string[] = [];
      for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
        const quiet = await measureStored(stack, good, STEADY);
        const memoryBefore = collectorMemory(stack);
        const { result, outcome, memoryMax } = await whileFlooded(stack, bad, { ...attack, seconds: SECONDS }, () =>
          measureStored(stack, good, STEADY),
        );
        judge(outcome);
        const [alone, beside] = [percentile(quiet, 0.99), percentile(result, 0.99)];
        const figures = [
          `alone p50 ${percentile(quiet, 0.5).toFixed(0)} p99 ${alone.toFixed(0)} ms`,
          `beside p50 ${percentile(result, 0.5).toFixed(0)} p99 ${beside.toFixed(0)} ms`,
          `memory ${(memoryBefore / 1e6).toFixed(0)} to ${(memoryMax / 1e6).toFixed(0)} MB`,
          `the other: ${JSON.stringify(outcome)}`,
        ].join("; ");
        process.stdout.write(`${what}: ${figures}\n`);
        if (beside <= alone * 2 && memoryMax <= memoryBefore * 1.5) return;
        failures.push(figures);
        await sleep(1000);
      }
      assert.fail(`more than twice the time, or more than 1.5 times the memory:\n${failures.join("\n")}`);
    });
  }
});
