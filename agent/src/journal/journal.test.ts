import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type EventKey, Journal } from "./index.ts";

/** One event of a made-up source: its records lie from `first` to `last`; it is complete at `last`. */
interface Made {
  key: EventKey;
  first: number;
  last: number;
}

describe("the journal", () => {
  it("makes a crash at any moment lose nothing and repeat nothing", () => {
    const plan = fc.record({
      /** The source's records in order: each names its event, so that events interleave. */
      source: fc.array(fc.nat(12), { minLength: 1, maxLength: 60 }),
      blockSize: fc.integer({ min: 1, max: 5 }),
      /** A life ends after so many records more than the one before it; the last one does not crash. */
      crashes: fc.array(fc.nat(30), { minLength: 1, maxLength: 4 }),
      /** The crash falls between the write of a block and its commit. */
      beforeCommit: fc.boolean(),
      twoWays: fc.boolean(),
      /** Of each event: the clock may have been set meanwhile, also back. */
      timesMs: fc.array(fc.nat(10_000_000), { minLength: 13, maxLength: 13 }),
    });
    fc.assert(
      fc.property(plan, ({ source, blockSize, crashes, beforeCommit, twoWays, timesMs }) => {
        const made: Made[] = [...new Set(source)].map((serial) => ({
          key: { timeMs: timesMs[serial] ?? 0, serial },
          first: source.indexOf(serial),
          last: source.lastIndexOf(serial),
        }));
        const end = source.length;
        const spooled: EventKey[] = [];
        let committed = 0;
        let readTo = 0;
        let beyond: EventKey[] = [];
        let lastBlock: EventKey[] = [];

        const live = (known: EventKey[], from: number, to: number): void => {
          // As the agent does before it reads.
          beyond = known;
          const journal = new Journal(known, readTo);
          const blocks: Made[][] = [[], []];
          const flush = (way: number, crashes: boolean): void => {
            const block = blocks[way] ?? [];
            lastBlock = block.map((event) => event.key);
            spooled.push(...lastBlock);
            const openEvents = made.filter(
              (event) => event.last >= position && source.slice(from, position).includes(event.key.serial),
            );
            const open = Math.min(position, ...openEvents.map((event) => source.indexOf(event.key.serial, from)));
            const commit = journal.spooled(block.length, open, String(way));
            blocks[way] = [];
            if (crashes) return;
            committed = commit.position;
            beyond = [...commit.beyond];
          };
          readTo = Math.max(readTo, to);
          let position = from;
          while (position < to) {
            position++;
            for (const event of made.filter(({ last }) => last === position - 1)) {
              // As the source gives it: of one that begins before, what is left.
              const first = source.findIndex((serial, at) => at >= from && serial === event.key.serial);
              const at = { first, last: event.last };
              if (journal.isKnown(event.key, at)) continue;
              const way = twoWays ? event.key.serial % 2 : 0;
              journal.add(event.key, at, String(way));
              blocks[way]?.push(event);
              if ((blocks[way]?.length ?? 0) >= blockSize) flush(way, false);
            }
          }
          for (const way of [0, 1]) {
            if ((blocks[way]?.length ?? 0) === 0) continue;
            if (to === end) flush(way, false);
            else if (beforeCommit) {
              flush(way, true);
              return;
            }
          }
        };

        let crashAt = 0;
        for (const more of crashes) {
          // A life may also end before it comes to where the one before it was.
          crashAt = Math.max(committed, crashAt + more - 15);
          live([...beyond, ...lastBlock], committed, Math.min(crashAt, end - 1));
        }
        live([...beyond, ...lastBlock], committed, end);
        const names = spooled.map((key) => key.serial).sort((a, b) => a - b);
        assert.deepEqual(
          names,
          made.map((event) => event.key.serial).sort((a, b) => a - b),
        );
      }),
      { numRuns: 2000 },
    );
  });

  it("knows an event whose last record is after the commit, since it comes again without the first ones", () => {
    const journal = new Journal([], 0);
    const [mixed, other] = [
      { timeMs: 1, serial: 1 },
      { timeMs: 1, serial: 2 },
    ];
    // Records: of the one at 100, of the other at 200, of the one again at 300.
    journal.add(mixed, { first: 100, last: 300 }, "normal");
    journal.add(other, { first: 200, last: 200 }, "low");
    const before = journal.spooled(1, 400, "normal");
    assert.equal(before.position, 200);
    assert.deepEqual(
      before.beyond.map(({ serial }) => serial),
      [1],
    );
    const next = new Journal([mixed], 400);
    assert.equal(next.isKnown(mixed, { first: 300, last: 300 }), true, "what is left of it is no event of its own");
    assert.deepEqual(journal.spooled(1, 400, "low"), { position: 400, beyond: [] });
  });

  it("holds as many as gather while the disk takes nothing, in their order, and few again afterwards", () => {
    const journal = new Journal([], 0);
    const count = 50_000;
    for (let at = 0; at < count; at++)
      journal.add({ timeMs: 1.7e12 + at, serial: at }, { first: at * 1000, last: at * 1000 + 7 }, "normal");
    assert.equal(journal.spooled(10_000, count * 1000, "normal").position, 10_000 * 1000);
    assert.equal(journal.spooled(39_999, count * 1000, "normal").position, 49_999 * 1000);
    // One stands before those that are spooled: they are known by their keys.
    journal.add({ timeMs: 1, serial: 1 }, { first: 7, last: 9 }, "low");
    const last = journal.spooled(1, count * 1000, "normal");
    assert.deepEqual([last.position, last.beyond.length], [7, 1]);
    assert.deepEqual(
      last.beyond.map(({ timeMs, serial }) => [timeMs, serial]),
      [[1.7e12 + 49_999, 49_999]],
    );
    assert.equal(journal.spooled(1, count * 1000, "low").position, count * 1000);
  });
});
