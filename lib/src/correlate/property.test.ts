import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { AnyRule } from "../sigma/index.ts";
import { Correlator } from "./correlator.ts";
import { eventArbitrary, rulesArbitrary, stepArbitrary } from "./arbitrary.ts";
import { Live, matchOf, nanoAt, testHash } from "./fixture.ts";
import type { CorrelateOptions, CorrelationMatch, RuleMatch } from "./model.ts";
import { type ReferenceMatch, referenceMatches } from "./reference.ts";

const LATE_AFTER_MS = 5000;
const IDS_MAX = 3;
const options: CorrelateOptions = { hash: testHash, limits: { lateAfterMs: LATE_AFTER_MS, idsPerMatchMax: IDS_MAX } };

function comparable(match: CorrelationMatch): ReferenceMatch {
  const { kind: _kind, isTruncated, rule, group, ...rest } = match;
  assert.equal(isTruncated, false);
  return { ...rest, rule: rule.name, group: group.map(({ value }) => value) };
}

function sorted(matches: Iterable<ReferenceMatch>): ReferenceMatch[] {
  return [...matches].sort((a, b) => (a.id < b.id ? -1 : 1));
}

function assertReference(rules: readonly AnyRule[], live: Live, matches: readonly RuleMatch[]): void {
  const expected = referenceMatches(rules, matches, BigInt(LATE_AFTER_MS) * 1_000_000n, IDS_MAX);
  assert.deepEqual(sorted(Array.from(live.matches.values(), comparable)), sorted(expected));
}

const RUNS = Number(process.env["CORRELATE_RUNS"] ?? 600);

describe("any rules and any events", () => {
  it("make the same matches in every order, with duplicates and restarts, as all of them worked out at once", () => {
    fc.assert(
      fc.property(
        rulesArbitrary,
        fc.array(eventArbitrary, { maxLength: 40 }),
        fc.array(stepArbitrary, { maxLength: 40 }),
        ({ rules }, events, steps) => {
          const matches = events.map((one) => matchOf(rules, one));
          let correlator = new Correlator(rules, options);
          const live = new Live();
          let at = 0;
          for (const { take, isRestored, again } of steps) {
            const batch = matches.slice(at, at + take);
            at += batch.length;
            if (again !== null && at > 0) batch.push(matches[again % at] as RuleMatch);
            live.take(correlator.add(batch));
            if (isRestored) correlator = Correlator.restore(rules, correlator.snapshot(), options).correlator;
          }
          live.take(correlator.add(matches.slice(at)));
          assert.deepEqual(live.history, []);
          assertReference(rules, live, matches);
          assert.deepEqual(correlator.add(matches), []);
        },
      ),
      { numRuns: RUNS },
    );
  });

  it("make the same matches when they come in their order", () => {
    fc.assert(
      fc.property(rulesArbitrary, fc.array(eventArbitrary, { maxLength: 40 }), fc.nat(5), ({ rules }, events, size) => {
        const matches = events
          .map((one) => matchOf(rules, one))
          .sort((a, b) => Number(a.timeNano - b.timeNano) || (a.eventId < b.eventId ? -1 : 1));
        const correlator = new Correlator(rules, options);
        const live = new Live();
        for (let at = 0; at < matches.length; at += size + 1)
          live.take(correlator.add(matches.slice(at, at + size + 1)));
        assertReference(rules, live, matches);
      }),
      { numRuns: RUNS },
    );
  });

  it("make the same matches where events are dropped and history is given", () => {
    fc.assert(
      fc.property(
        rulesArbitrary,
        fc.array(eventArbitrary, { maxLength: 40 }),
        fc.array(stepArbitrary, { maxLength: 40 }),
        ({ rules }, events, steps) => {
          const matches = events.map((one) => matchOf(rules, one));
          let correlator = new Correlator(rules, options);
          const live = new Live();
          let at = 0;
          let newest = 0;
          for (const { take, isRestored, again, expire } of steps) {
            const batch = matches.slice(at, at + take);
            for (const one of events.slice(at, at + take)) newest = Math.max(newest, one.at);
            at += batch.length;
            if (again !== null && at > 0) batch.push(matches[again % at] as RuleMatch);
            live.take(correlator.add(batch));
            // Now and then the answer comes only when more has happened.
            if (take % 3 > 0) live.answer(correlator, matches.slice(0, at));
            if (expire !== null) correlator.expire(nanoAt(newest - expire));
            if (isRestored) correlator = Correlator.restore(rules, correlator.snapshot(), options).correlator;
          }
          live.take(correlator.add(matches.slice(at))).answer(correlator, matches);
          assertReference(rules, live, matches);
        },
      ),
      { numRuns: RUNS },
    );
  });
});
