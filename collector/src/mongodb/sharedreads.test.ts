import assert from "node:assert/strict";
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Arrival } from "../model/index.ts";
import type { ArrivalQuery, FoundArrivals, ReadingBounds } from "./reading.ts";
import { SharedReads } from "./sharedreads.ts";

const BOUNDS: ReadingBounds = { blocksMax: 12, bytesMax: 1_000_000 };

function arrivalOf(id: number, host: number, startNano: number, lengthNano: number): Arrival {
  return {
    id: String(id),
    hostId: `h${host}`,
    firstTimeNano: BigInt(startNano),
    lastTimeNano: BigInt(startNano + lengthNano),
    bytes: new Uint8Array(0),
  } as Arrival;
}

/** As the database finds them. */
function find(stored: readonly Arrival[], query: ArrivalQuery, { blocksMax }: ReadingBounds): FoundArrivals {
  const { hostIds, startNano, endNano } = query;
  const found = stored
    .filter(({ firstTimeNano, lastTimeNano }) => firstTimeNano < endNano && lastTimeNano >= startNano)
    .filter(({ hostId }) => hostIds?.includes(hostId) !== false)
    .sort((a, b) => Number(b.lastTimeNano - a.lastTimeNano) || Number(b.id) - Number(a.id));
  return { arrivals: found.slice(0, blocksMax), isAll: found.length <= blocksMax };
}

const step = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(fc.constant("store" as const), fc.nat(3), fc.nat(40), fc.nat(5)) },
  {
    weight: 4,
    arbitrary: fc.tuple(
      fc.constant("ask" as const),
      fc.option(fc.uniqueArray(fc.nat(3), { minLength: 1 }), { nil: undefined }),
      fc.nat(40),
      fc.integer({ min: 1, max: 20 }),
    ),
  },
  { weight: 2, arbitrary: fc.tuple(fc.constant("turn" as const)) },
);

describe("shared reads of what arrived", () => {
  it("give each asker what was stored before it asked, as its own read would, and never two at once but for what is too much", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
        const stored: Arrival[] = [];
        let reads = 0;
        const shared = new SharedReads(async (query, bounds) => {
          reads++;
          await turn();
          const found = find(stored, query, bounds);
          await turn();
          return found;
        });
        const answers: Promise<void>[] = [];
        let asked = 0;
        for (const each of steps) {
          if (each[0] === "store") stored.push(arrivalOf(stored.length, each[1], each[2], each[3]));
          else if (each[0] === "turn") await turn();
          else {
            const [, hosts, start, length] = each;
            const query: ArrivalQuery = {
              hostIds: hosts?.map((host) => `h${host}`),
              startNano: BigInt(start),
              endNano: BigInt(start + length),
            };
            const before = find([...stored], query, BOUNDS);
            asked++;
            const check = async (): Promise<void> => {
              const found = await shared.find(query, BOUNDS);
              const after = find([...stored], query, { ...BOUNDS, blocksMax: 1000 });
              const ids = new Set(found.arrivals.map(({ id }) => id));
              const possible = new Set(after.arrivals.map(({ id }) => id));
              assert.ok([...ids].every((id) => possible.has(id)));
              const ends = found.arrivals.map(({ lastTimeNano }) => lastTimeNano);
              assert.deepEqual(
                ends,
                ends.toSorted((a, b) => Number(b - a)),
              );
              const floor = found.isAll ? undefined : ends.at(-1);
              for (const { id, lastTimeNano } of before.arrivals)
                if (floor === undefined || lastTimeNano > floor) assert.ok(ids.has(id), `${id} was there`);
            };
            answers.push(check());
          }
        }
        await Promise.all(answers);
        assert.ok(reads <= asked * 2);
      }),
      { numRuns: 1000 },
    );
  });

  it("are few however many ask, and fail for those alone who share one that fails", async () => {
    const stored = [arrivalOf(1, 1, 5, 1)];
    let reads = 0;
    let fails = false;
    const shared = new SharedReads(async (query, bounds) => {
      reads++;
      await turn();
      if (fails) throw new Error("away");
      return find(stored, query, bounds);
    });
    const query = { hostIds: undefined, startNano: 0n, endNano: 100n };
    const all = await Promise.all(Array.from({ length: 100 }, () => shared.find(query, BOUNDS)));
    assert.ok(all.every(({ arrivals }) => arrivals.length === 1));
    assert.equal(reads, 2);
    fails = true;
    const failed = await Promise.allSettled(Array.from({ length: 3 }, () => shared.find(query, BOUNDS)));
    assert.ok(failed.every(({ status }) => status === "rejected"));
    fails = false;
    assert.equal((await shared.find(query, BOUNDS)).arrivals.length, 1);
  });

  it("leave the database to others for as long as a long one took, where somebody waits for the next", async () => {
    const readMs = 300;
    const began: number[] = [];
    const shared = new SharedReads(async (query, bounds) => {
      began.push(performance.now());
      await sleep(readMs);
      return find([], query, bounds);
    });
    const query = { hostIds: undefined, startNano: 0n, endNano: 1n };
    await Promise.all(Array.from({ length: 3 }, () => shared.find(query, BOUNDS)));
    // A timer may end a millisecond early.
    assert.ok((began[1] ?? 0) - (began[0] ?? 0) >= 2 * readMs - 5, String(began));
  });
});
