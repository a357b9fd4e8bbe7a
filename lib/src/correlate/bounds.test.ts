import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { AnyRule } from "../sigma/index.ts";
import { eventArbitrary, rulesArbitrary, stepArbitrary } from "./arbitrary.ts";
import { Correlator } from "./correlator.ts";
import { type Event, Live, matchOf, nanoAt, rulesOf, testHash } from "./fixture.ts";
import type { CorrelateLimits } from "./model.ts";

const RUNS = Number(process.env["CORRELATE_RUNS"] ?? 400);

const count = (number: number, more = ""): string =>
  `type: event_count\nrules: [a]\ntimespan: 10s\n${more}condition: { gte: ${number} }`;

function start(limits: Partial<CorrelateLimits>, ...correlations: string[]): [AnyRule[], Correlator, Live] {
  const rules = rulesOf(...correlations);
  return [rules, new Correlator(rules, { hash: testHash, limits }), new Live()];
}

function add([rules, correlator, live]: [AnyRule[], Correlator, Live], ...events: Event[]): void {
  for (const event of events) live.take(correlator.add([matchOf(rules, event)]));
}

const times = (from: number, to: number): Event[] =>
  Array.from({ length: to - from + 1 }, (_, at) => ({ rule: "a", at: from + at }));

describe("bounds of size", () => {
  it("drop the oldest events of a group, count them, and say so in the match", () => {
    const bench = start({ eventsPerGroupMax: 5 }, count(3));
    add(bench, ...times(1, 8));
    const [, correlator, live] = bench;
    assert.equal(correlator.counters.eventsDropped, 3);
    assert.equal(correlator.sizes.events, 5);
    assert.deepEqual(live.shown, ["x[] 1..8@3 ×8 =5"]);
    assert.ok([...live.matches.values()].every(({ isTruncated }) => isTruncated));
    // One that begins behind the events that were dropped lacks nothing.
    add(bench, ...times(101, 104));
    assert.deepEqual(
      Array.from(live.matches.values(), ({ isTruncated }) => isTruncated),
      [true, false],
    );
  });

  it("keep what a window said before its events were dropped, when a late event comes", () => {
    const bench = start({ eventsPerGroupMax: 5 }, count(5));
    add(bench, ...times(1, 9), { rule: "a", at: 8.5 });
    assert.deepEqual(bench[2].shown, ["x[] 1..9@5 ×10 =5"]);
    assert.deepEqual(bench[2].history, []);
  });

  it("ask for history where a late event is older than all that is kept", () => {
    const bench = start({ eventsPerGroupMax: 3 }, count(3));
    const events: Event[] = [1, 2, 101, 102, 103].map((at) => ({ rule: "a", at }));
    const late: Event = { rule: "a", at: 1.5 };
    add(bench, ...events, late);
    const [rules, correlator, live] = bench;
    assert.equal(live.history.length, 1);
    live.answer(
      correlator,
      [...events, late].map((event) => matchOf(rules, event)),
    );
    assert.deepEqual(live.shown, ["x[] 1..2@2 ×3 =3", "x[] 101..103@103 ×3 =3"]);
    assert.deepEqual(
      Array.from(live.matches.values(), ({ isTruncated }) => isTruncated),
      [false, false],
    );
  });

  it("drop the oldest events of all groups together", () => {
    const bench = start({ eventsMax: 10 }, count(2, "group-by: [user]\n"));
    for (const { rule, at } of times(1, 30)) add(bench, { rule, at, fields: { user: [`u${at % 3}`] } });
    const [, correlator, live] = bench;
    assert.ok(correlator.sizes.events <= 10);
    assert.equal(correlator.counters.eventsDropped, 30 - correlator.sizes.events);
    assert.equal(live.matches.size, 3);
    assert.ok([...live.matches.values()].every(({ count: events }) => events === 10));
  });

  it("forget groups that were not used for long, and those used stay", () => {
    const bench = start({ groupsMax: 10 }, count(3, "group-by: [user]\n"));
    for (const { rule, at } of times(1, 200)) {
      add(bench, { rule, at, fields: { user: [`u${at}`] } }, { rule, at, id: `k${at}`, fields: { user: ["kept"] } });
    }
    const [, correlator, live] = bench;
    assert.equal(correlator.sizes.groups, 10);
    assert.equal(correlator.counters.groupsDropped, 200 + 1 - 10);
    assert.deepEqual(live.shown, ["x[user=kept] 1..200@3 ×200 =10"]);
  });

  it("begin no group where all groups are at work, and count it", () => {
    const [rules, correlator] = start({ groupsMax: 2 }, count(1, "group-by: [user]\n"));
    const changes = correlator.add(
      times(1, 5).map((event) => matchOf(rules, { ...event, fields: { user: [`u${event.at}`] } })),
    );
    assert.equal(changes.length, 2);
    assert.equal(correlator.counters.groupsDropped, 3);
  });

  it("say of a group that was forgotten and comes again that events may be missing", () => {
    const bench = start({ groupsMax: 1 }, count(2, "group-by: [user]\n"));
    for (const [at, user] of ["u", "v", "u", "u"].entries()) add(bench, { rule: "a", at, fields: { user: [user] } });
    const [match] = bench[2].matches.values();
    assert.ok(match?.isTruncated);
    assert.equal(match.count, 2);
  });

  it("leave out groups of a match with very many values, always the same ones", () => {
    const values = ["5", "3", "1", "4", "2"];
    for (const user of [values, values.toReversed()]) {
      const bench = start({ groupsPerMatchMax: 3 }, count(1, "group-by: [user]\n"));
      add(bench, { rule: "a", at: 1, fields: { user } });
      assert.deepEqual(
        bench[2].shown.map((text) => text.slice(0, 9)),
        ["x[user=1]", "x[user=2]", "x[user=3]"],
      );
      assert.equal(bench[1].counters.groupsLeftOut, 2);
    }
  });

  it("leave out values of an event with very many, always the same ones", () => {
    const rule = "type: value_count\nrules: [a]\ntimespan: 10s\ncondition: { gte: 3, field: user }";
    const bench = start({ valuesPerEventMax: 3 }, rule);
    add(bench, { rule: "a", at: 1, fields: { user: ["5", "3", "1", "4", "2", "2"] } });
    assert.deepEqual(bench[2].shown, ["x[] 1..1@1 ×1 =3"]);
    assert.equal(bench[1].counters.valuesLeftOut, 2);
  });

  it("drop events with the values of a group that has too many", () => {
    const rule = "type: value_count\nrules: [a]\ntimespan: 1m\ncondition: { gte: 4, field: user }";
    const bench = start({ valuesPerGroupMax: 6 }, rule);
    for (const { rule: name, at } of times(1, 6))
      add(bench, { rule: name, at, fields: { user: [`u${at}`, `v${at}`] } });
    assert.equal(bench[1].counters.eventsDropped, 3);
    assert.deepEqual(bench[2].shown, ["x[] 1..6@2 ×6 =6"]);
  });

  it("cut long values, and tell those apart that begin alike", () => {
    const bench = start({ textLengthMax: 4 }, count(2, "group-by: [user]\n"));
    const user = (text: string): Event["fields"] => ({ user: [text] });
    add(bench, { rule: "a", at: 1, fields: user("abcdef") }, { rule: "a", at: 2, fields: user("abcdeg") });
    assert.equal(bench[2].matches.size, 0);
    add(bench, { rule: "a", at: 3, fields: user("abcdeg") });
    const [match] = bench[2].matches.values();
    assert.match(match?.group[0]?.value ?? "", /^abcd… \(6 characters, /);
    assert.equal(bench[1].counters.textsCut, 3);
  });

  it("forget the oldest matches of a group", () => {
    const bench = start({ matchesPerGroupMax: 2 }, count(1));
    add(bench, ...[1, 101, 201, 301].map((at): Event => ({ rule: "a", at })));
    assert.equal(bench[1].counters.matchesForgotten, 2);
  });

  it("are warned of where a rule asks for more", () => {
    const [, correlator] = start({ eventsPerGroupMax: 100 }, count(101), count(100));
    assert.deepEqual(
      correlator.warnings.map(({ rule, message }) => `${rule.name}: ${message}`),
      ["x: counts up to 101 events, of which 100 are kept in a group"],
    );
  });
});

describe("any rules and any events under tight bounds", () => {
  const limits = fc.record({
    groupsMax: fc.integer({ min: 1, max: 6 }),
    eventsMax: fc.integer({ min: 1, max: 20 }),
    eventsPerGroupMax: fc.integer({ min: 1, max: 8 }),
    valuesPerGroupMax: fc.integer({ min: 1, max: 8 }),
    valuesPerEventMax: fc.integer({ min: 1, max: 3 }),
    groupsPerMatchMax: fc.integer({ min: 1, max: 3 }),
    matchesPerGroupMax: fc.integer({ min: 1, max: 3 }),
    idsPerMatchMax: fc.integer({ min: 0, max: 4 }),
    textLengthMax: fc.integer({ min: 0, max: 2 }),
    lateAfterMs: fc.constant(5000),
  });

  it("keep within them, do the same after a restart, and ask for no history without end", () => {
    fc.assert(
      fc.property(
        limits,
        rulesArbitrary,
        fc.array(eventArbitrary, { maxLength: 40 }),
        fc.array(stepArbitrary, { maxLength: 40 }),
        (bounds, { rules }, events, steps) => {
          const options = { hash: testHash, limits: bounds };
          const matches = events.map((event) => matchOf(rules, event));
          const correlator = new Correlator(rules, options);
          let other = new Correlator(rules, options);
          const live = new Live();
          let at = 0;
          for (const { take, isRestored, again, expire } of steps) {
            const batch = matches.slice(at, at + take);
            at += batch.length;
            batch.push(...matches.slice(0, at).slice(-(again ?? 0) % 4));
            const changes = correlator.add(batch);
            assert.deepEqual(other.add(batch), changes);
            live.take(changes);
            if (isRestored) other = Correlator.restore(rules, other.snapshot(), options).correlator;
            if (expire !== null) for (const one of [correlator, other]) one.expire(nanoAt(expire), nanoAt(expire - 9));
            const { groups, events: kept } = correlator.sizes;
            assert.ok(groups <= bounds.groupsMax && kept <= bounds.eventsMax);
            // A request that is not answered is as good as none.
            if (again === null) live.answer(correlator, matches.slice(0, at));
            else live.history = [];
            if (again === null) other = Correlator.restore(rules, correlator.snapshot(), options).correlator;
          }
          assert.deepEqual(other.snapshot(), correlator.snapshot());
        },
      ),
      { numRuns: RUNS },
    );
  });
});
