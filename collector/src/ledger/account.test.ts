import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { EpochTrail } from "../model/index.ts";
import {
  accountOf,
  byInterval,
  firstFault,
  type HostPast,
  judgedUntilMs,
  type ReasonKind,
  type Stretch,
  stateOf,
  sumOf,
  unreported,
} from "./account.ts";
import { type EpochRange, numbersOf } from "./numbers.ts";
import { FLOWS, type Flow, type LedgerReport, type Level, LEVELS } from "./report.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const EPOCH = 7n;

function range(first: number, next: number, epoch = EPOCH): EpochRange {
  return { epoch, first: BigInt(first), next: BigInt(next) };
}

interface Changes {
  epoch?: bigint;
  next: number;
  kept?: EpochRange[];
  evicted?: EpochRange[];
  quarantined?: EpochRange[];
  counts?: Partial<Record<Flow | Level, number>>;
  unbalanced?: number;
}

/** A run whose agent makes ten events a minute; what is not said otherwise balances. */
function run(minutes: readonly Changes[], startMs = 0): LedgerReport[] {
  let before = 0;
  return minutes.map(
    ({ epoch = EPOCH, next, kept = [], evicted = [], quarantined = [], counts = {}, unbalanced = 0 }, at) => {
      const made = next - before;
      before = next;
      const usual = { events: made, accepted: made, spooled: made, stored: made };
      const all = Object.fromEntries([...FLOWS, ...LEVELS].map((name) => [name, 0n]));
      for (const [name, value] of Object.entries({ ...usual, ...counts })) all[name] = BigInt(value);
      return {
        epoch,
        seq: BigInt(next),
        fromMs: startMs + at * MINUTE_MS,
        toMs: startMs + (at + 1) * MINUTE_MS,
        counts: all as LedgerReport["counts"],
        unbalanced: BigInt(unbalanced),
        position: { epoch, next: BigInt(next) },
        kept,
        evicted,
        quarantined,
      };
    },
  );
}

function trailOf(...ranges: EpochRange[]): EpochTrail[] {
  const parts = ranges.map(({ first, next }) => ({ first, next, previous: "", last: "", holeMs: 0 }));
  return [{ epoch: EPOCH, usedMs: 0, floor: 0n, missing: 0n, ranges: parts }];
}

function account(changes: Partial<HostPast> & { reports: LedgerReport[] }): Stretch[] {
  const nothing = new Map();
  const usual = { later: [], stored: nothing, compacted: nothing, dead: [], dropped: nothing, trail: [] };
  return accountOf({
    ...usual,
    startMs: 0,
    endMs: HOUR_MS,
    isToNow: true,
    isComplete: true,
    isWhole: false,
    ...changes,
  }).stretches;
}

function kindsOf(stretches: readonly Stretch[]): [at: number, kind: ReasonKind, count: bigint][] {
  return stretches.flatMap(({ reasons }, at) =>
    reasons.map(({ kind, count }) => [at, kind, count] as [number, ReasonKind, bigint]),
  );
}

const USUAL = [{ next: 10 }, { next: 20 }, { next: 30 }];

describe("the account of a host", () => {
  it("balances where all that was handed out is stored", () => {
    const stored = numbersOf([range(0, 25), range(25, 30)]);
    const stretches = account({ reports: run(USUAL), stored, compacted: numbersOf([range(0, 25)]) });
    assert.deepEqual(stretches.map(stateOf), ["balanced", "balanced", "balanced"]);
    const { trail } = sumOf(stretches);
    assert.deepEqual([trail.handedOut, trail.stored, trail.compacted, trail.received], [30n, 30n, 25n, 30n]);
    assert.equal(firstFault(stretches), undefined);
    assert.equal(judgedUntilMs(stretches), 3 * MINUTE_MS);
  });

  it("names the first minute of which something was deleted, and that it had been there", () => {
    const stored = numbersOf([range(0, 12), range(15, 30)]);
    const stretches = account({ reports: run(USUAL), stored, trail: trailOf(range(0, 30)) });
    assert.deepEqual(kindsOf(stretches), [[1, "gone", 3n]]);
    assert.deepEqual(firstFault(stretches)?.reasons[0]?.events, [range(12, 15)]);
    assert.equal(stateOf(sumOf(stretches)), "unbalanced");
  });

  it("names what never came", () => {
    const stored = numbersOf([range(0, 12), range(15, 30)]);
    const stretches = account({ reports: run(USUAL), stored, trail: trailOf(range(0, 12), range(15, 30)) });
    assert.deepEqual(kindsOf(stretches), [[1, "never-came", 3n]]);
  });

  it("is open, and no alarm, as long as the agent says that it has them", () => {
    const stored = numbersOf([range(0, 12), range(15, 28)]);
    const reports = run([{ next: 10 }, { next: 20 }, { next: 30, kept: [range(12, 15), range(28, 30)] }]);
    const stretches = account({ reports, stored });
    assert.deepEqual(stretches.map(stateOf), ["balanced", "open", "open"]);
    assert.equal(judgedUntilMs(stretches), MINUTE_MS);
    // What was kept when an earlier ledger was told says nothing: the last word counts.
    const earlier = run([{ next: 10 }, { next: 20, kept: [range(12, 15)] }, { next: 30 }]);
    assert.deepEqual(kindsOf(account({ reports: earlier, stored: numbersOf([range(0, 12), range(15, 30)]) })), [
      [1, "never-came", 3n],
    ]);
  });

  it("says what was given up, and of which minute, also where that was told later", () => {
    const stored = numbersOf([range(10, 30)]);
    const told = run([
      { next: 10 },
      { next: 20 },
      { next: 30, evicted: [range(0, 10)], counts: { evicted: 10, stored: 0 } },
    ]);
    assert.deepEqual(kindsOf(account({ reports: told, stored })).slice(0, 1), [[0, "evicted", 10n]]);
    assert.equal(stateOf(account({ reports: told, stored })[0] as Stretch), "loss");
    const [later] = run([{ next: 40, evicted: [range(0, 10)] }], 3 * MINUTE_MS);
    const stretches = account({ reports: run(USUAL), later: [later as LedgerReport], stored, isToNow: false });
    assert.deepEqual(kindsOf(stretches), [[0, "evicted", 10n]]);
  });

  it("takes what was given up without a name from a sum, and no more than that", () => {
    const stored = numbersOf([range(4, 30)]);
    const told = run([{ next: 10 }, { next: 20 }, { next: 30, counts: { evicted: 3, stored: 7 } }]);
    assert.deepEqual(kindsOf(account({ reports: told, stored })), [
      [0, "evicted", 3n],
      [0, "never-came", 1n],
    ]);
  });

  it("says what is dead, dropped by a person, put aside and removed by retention", () => {
    const reports = run([{ next: 10 }, { next: 20 }, { next: 30, quarantined: [range(22, 24)] }]);
    const stretches = account({
      reports,
      stored: numbersOf([range(5, 10), range(14, 20), range(24, 30)]),
      dropped: numbersOf([range(0, 5)]),
      dead: [
        { ...range(10, 12), reason: "PAYLOAD_MALFORMED", isDropped: false },
        { ...range(12, 14), reason: "TRAIL_IRREGULAR", isDropped: true },
        { ...range(20, 22), reason: "PAYLOAD_MALFORMED", isDropped: false },
      ],
      trail: trailOf(range(0, 10), range(14, 20), range(24, 30)),
    });
    assert.deepEqual(kindsOf(stretches), [
      [1, "dead", 2n],
      [1, "dead-dropped", 2n],
      [2, "quarantined", 2n],
      [2, "dead", 2n],
    ]);
    const { trail } = sumOf(stretches);
    assert.deepEqual([trail.dropped, trail.dead, trail.received, trail.missing], [5n, 6n, 28n, 0n]);
  });

  it("says what was lost before there were numbers, and what does not add up in the agent", () => {
    const reports = run([
      { next: 10, counts: { kernelLost: 3 } },
      { next: 20, counts: { accepted: 9 } },
      { next: 30, unbalanced: 1 },
    ]);
    const stretches = account({ reports, stored: numbersOf([range(0, 30)]) });
    assert.deepEqual(kindsOf(stretches), [
      [0, "kernel-lost", 3n],
      [1, "unbalanced-agent", 1n],
      [1, "unbalanced-agent", 1n],
      [2, "unbalanced-agent", 1n],
    ]);
    assert.deepEqual(stretches.map(stateOf), ["loss", "unbalanced", "unbalanced"]);
  });

  it("takes levels into account: what is held, pending and in the spool is not lost", () => {
    const reports = run([
      { next: 10, counts: { events: 15, held: 2, accepted: 13, pending: 3, inSpool: 4, stored: 6 } },
      { next: 20, counts: { events: 8, accepted: 10, pending: 3, inSpool: 1, stored: 13 } },
    ]);
    assert.deepEqual(kindsOf(account({ reports, stored: numbersOf([range(0, 20)]) })), []);
  });

  it("goes on over the end of a run: what an epoch has beyond its last ledger is told by the next one", () => {
    const first = run([{ next: 10 }]);
    const second = run([{ epoch: 8n, next: 5 }], 10 * MINUTE_MS).map((each) => ({ ...each, epoch: 8n }));
    const reports = [...first, ...second];
    const whole = account({ reports, stored: numbersOf([range(0, 13), range(0, 5, 8n)]), startMs: 0 });
    assert.deepEqual(
      whole.map(({ trail }) => trail.handedOut),
      [10n, 8n],
    );
    // A hole in it, and an end that is known to have been there.
    const stored = numbersOf([range(0, 11), range(12, 13), range(0, 5, 8n)]);
    const holed = account({ reports, stored, trail: trailOf(range(0, 11), range(12, 15)) });
    assert.deepEqual(kindsOf(holed), [
      [1, "gone", 2n],
      [1, "never-came", 1n],
    ]);
  });

  it("does not judge numbers of which no ledger spoke yet, but for those that were there", () => {
    const [report] = run([{ next: 10 }]);
    const stretches = account({
      reports: [report as LedgerReport],
      stored: numbersOf([range(0, 12), range(14, 16)]),
      trail: trailOf(range(0, 12), range(14, 20)),
    });
    assert.deepEqual(kindsOf(stretches), [[1, "gone", 4n]]);
    assert.equal(stretches[1]?.trail.open, 2n);
  });

  it("finds what vanished with the ledgers that spoke of it", () => {
    const reports = run(USUAL).slice(2);
    const stored = numbersOf([range(20, 30)]);
    const trail = trailOf(range(0, 30));
    // Of an epoch that goes on only who has looked at all days can tell.
    assert.deepEqual(kindsOf(account({ reports, stored, trail, startMs: 2 * HOUR_MS })), []);
    const whole = account({ reports, stored, trail, startMs: 2 * HOUR_MS, isWhole: true });
    assert.deepEqual(kindsOf(whole), [[0, "gone", 20n]]);
    assert.equal(stateOf(sumOf(whole)), "unbalanced");
    assert.deepEqual(kindsOf(account({ reports: [], trail })), [[0, "gone", 30n]]);
    assert.deepEqual(kindsOf(account({ reports: [], trail, dropped: numbersOf([range(0, 30)]) })), []);
  });

  it("judges nothing as missing where not all could be read", () => {
    const stretches = account({ reports: run(USUAL), stored: numbersOf([range(0, 12)]), isComplete: false });
    assert.deepEqual(kindsOf(stretches), []);
    assert.equal(sumOf(stretches).trail.open, 18n);
  });

  it("is the same whatever the clock of the host does between two ledgers", () => {
    const reports = run(USUAL);
    const set = reports.map((report, at) => (at === 2 ? { ...report, fromMs: 5000, toMs: 6000 } : report));
    assert.deepEqual(kindsOf(account({ reports: set, stored: numbersOf([range(0, 30)]) })), []);
  });

  it("does not take an epoch for a new one that began at a time that is still to come", () => {
    const epoch = BigInt(10 * HOUR_MS) << 16n;
    const [, , last] = run(USUAL.map((each) => ({ ...each, epoch })));
    const stretches = account({ reports: [last as LedgerReport], stored: numbersOf([range(20, 30, epoch)]) });
    assert.deepEqual(kindsOf(stretches), []);
    assert.equal(stretches[0]?.trail.handedOut, 10n);
  });

  it("counts what no ledger speaks of", () => {
    const stored = numbersOf([range(0, 12), range(0, 3, 99n)]);
    const { told } = accountOf({
      reports: run([{ next: 10 }]),
      later: [],
      stored,
      compacted: new Map(),
      dead: [],
      dropped: new Map(),
      trail: [],
      startMs: 0,
      endMs: HOUR_MS,
      isToNow: false,
      isComplete: true,
      isWhole: true,
    });
    assert.equal(unreported(stored, told), 5n);
  });

  it("has every number at exactly one place, whatever is stored and whatever was told", () => {
    const some = fc
      .array(fc.record({ first: fc.nat(60), size: fc.nat(9) }), { maxLength: 6 })
      .map((list) => list.map(({ first, size }) => range(first, first + size)));
    const reports = fc
      .array(fc.record({ made: fc.nat(20), kept: some, evicted: some, quarantined: some }), {
        minLength: 1,
        maxLength: 5,
      })
      .map((list) => {
        let next = 0;
        return run(list.map(({ made, ...rest }) => ({ ...rest, next: (next += made) })));
      });
    fc.assert(
      fc.property(reports, some, some, some, some, (told, stored, dead, dropped, known) => {
        const stretches = account({
          reports: told,
          stored: numbersOf(stored),
          dead: dead.map((each) => ({ ...each, reason: "X", isDropped: false })),
          dropped: numbersOf(dropped),
          trail: trailOf(...(numbersOf(known).get(EPOCH) ?? []).map((each) => ({ epoch: EPOCH, ...each }))),
          isWhole: true,
        });
        for (const { trail } of [...stretches, sumOf(stretches), ...byInterval(stretches, 3 * MINUTE_MS)]) {
          const { handedOut, ...rest } = trail;
          const parts =
            rest.stored + rest.dropped + rest.dead + rest.quarantined + rest.evicted + rest.open + rest.missing;
          assert.equal(parts, handedOut);
          assert.equal(rest.received, rest.stored + rest.dropped + rest.dead);
        }
      }),
      { numRuns: 500 },
    );
  });
});
