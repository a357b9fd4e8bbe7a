import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { AnyRule } from "../sigma/index.ts";
import { Correlator } from "./correlator.ts";
import { CorrelateError } from "./error.ts";
import { type Event, Live, matchOf, nanoAt, rulesOf, SECOND, secondsOf, testHash } from "./fixture.ts";
import type { CorrelationChange, RuleMatch } from "./model.ts";

const HOUR = 3600;
const COUNT = "type: event_count\nrules: [a]\ntimespan: 10s\ncondition: { gte: 3 }";

class Bench {
  readonly rules: AnyRule[];
  readonly live: Live = new Live();
  readonly store: RuleMatch[] = [];
  correlator: Correlator;

  constructor(...correlations: string[]) {
    this.rules = rulesOf(...correlations);
    this.correlator = new Correlator(this.rules, { hash: testHash });
  }

  add(...events: Event[]): CorrelationChange[] {
    const matches = events.map((event) => matchOf(this.rules, event));
    this.store.push(...matches);
    const changes = this.correlator.add(matches);
    this.live.take(changes);
    return changes;
  }

  answer(): void {
    this.live.answer(this.correlator, this.store);
  }
}

const at = (...times: number[]): Event[] => times.map((time) => ({ rule: "a", at: time }));
const kinds = (changes: readonly CorrelationChange[]): string[] => changes.map(({ kind }) => kind);

describe("events that come late", () => {
  it("complete a window that was over hours ago, and the match says how late", () => {
    const bench = new Bench(COUNT);
    bench.add(...at(1, 5));
    bench.add(...at(6 * HOUR));
    const changes = bench.add({ rule: "a", at: 3, received: 6 * HOUR + 3 });
    assert.deepEqual(kinds(changes), ["match"]);
    assert.deepEqual(bench.live.shown, [`x[] 1..5@5 ×3 =3 late ${6 * HOUR}`]);
  });

  it("say of no match that it is late whose condition held before they came", () => {
    const bench = new Bench(COUNT);
    bench.add(...at(1, 2, 3));
    bench.add({ rule: "a", at: 3, id: "late", received: HOUR }, { rule: "a", at: 4, received: HOUR });
    assert.deepEqual(bench.live.shown, ["x[] 1..4@3 ×5 =5"]);
  });

  it("are within time for a minute", () => {
    const bench = new Bench(COUNT);
    bench.add(...at(1, 2), { rule: "a", at: 3, received: 63 });
    assert.deepEqual(bench.live.shown, ["x[] 1..3@3 ×3 =3"]);
    bench.add(...at(101, 102), { rule: "a", at: 103, received: 163.5 });
    assert.equal(bench.live.shown.at(-1), "x[] 101..103@103 ×3 =3 late 60");
  });

  it("make a match begin earlier: the old one is withdrawn, and says what replaces it", () => {
    const bench = new Bench(COUNT);
    const [old] = bench.add(...at(10, 12, 14));
    const [next, gone] = bench.add(...at(11));
    assert.ok(old?.kind === "match" && next?.kind === "match" && gone?.kind === "withdrawn");
    assert.deepEqual([gone.id, gone.replacedBy?.id], [old.id, next.id]);
    assert.deepEqual(bench.live.shown, ["x[] 10..14@12 ×4 =4"]);
  });

  it("join two matches into one", () => {
    const bench = new Bench(COUNT);
    bench.add(...at(1, 2, 3, 19, 20, 21));
    assert.equal(bench.live.shown.length, 2);
    const changes = bench.add(...at(11, 12));
    assert.deepEqual(kinds(changes), ["match", "withdrawn"]);
    assert.deepEqual(bench.live.shown, ["x[] 1..21@3 ×8 =4"]);
  });

  it("withdraw a match, or divide it, where the condition has a bound from above", () => {
    const rule = "type: temporal\nrules: [a, b]\ntimespan: 10s\ncondition: a and not b";
    const bench = new Bench(rule);
    bench.add(...at(5));
    const [gone] = bench.add({ rule: "b", at: 4 });
    assert.ok(gone?.kind === "withdrawn" && gone.replacedBy === undefined);
    assert.deepEqual(bench.live.shown, []);

    const divided = new Bench(rule);
    divided.add(...at(1, 9, 17, 25));
    assert.deepEqual(divided.live.shown, ["x[] 1..25@1 ×4 =1"]);
    divided.add({ rule: "b", at: 8 });
    assert.deepEqual(divided.live.shown, ["x[] 1..1@1 ×1 =1", "x[] 17..25@25 ×2 =1"]);
  });

  it("withdraw matches of chains with those that they are about", () => {
    const bench = new Bench(
      "type: temporal\nrules: [a, b]\ntimespan: 10s\ncondition: a and not b",
      "type: temporal\nrules: [x, c]\ntimespan: 1m",
    );
    bench.add(...at(2), { rule: "c", at: 5 });
    assert.equal(bench.live.shown.length, 2);
    const changes = bench.add({ rule: "b", at: 1 });
    assert.deepEqual(kinds(changes), ["withdrawn", "withdrawn"]);
    assert.deepEqual(bench.live.shown, []);
  });

  it("tell of a match anew that has other events than before, though as many", () => {
    const bench = new Bench(
      "type: temporal\nrules: [a, b]\ntimespan: 10s\ncondition: a and not b",
      "type: event_count\nrules: [x, b]\ntimespan: 10s\ncondition: { gte: 1 }",
    );
    bench.add(...at(2));
    bench.add({ rule: "b", at: 2 });
    const [match] = [...bench.live.matches.values()];
    assert.deepEqual([match?.rule.name, match?.eventIds, match?.innerIds], ["y", ["b2"], []]);
  });

  it("are late in chains, too", () => {
    const bench = new Bench(COUNT, "type: temporal_ordered\nrules: [x, b]\ntimespan: 1m");
    bench.add(...at(1, 3), { rule: "b", at: 9 });
    bench.add({ rule: "a", at: 2, received: HOUR });
    assert.deepEqual(bench.live.shown, [`x[] 1..3@3 ×3 =3 late ${HOUR - 2}`, `y[] 3..9@9 ×2 =2 late ${HOUR - 3}`]);
  });

  it("take a window's bounds from the events' times and not from their arrival, even where order is all", () => {
    const bench = new Bench("type: temporal_ordered\nrules: [a, b]\ntimespan: 10s");
    bench.add({ rule: "b", at: 2, received: 2 });
    bench.add({ rule: "a", at: 3, received: 3 });
    assert.deepEqual(bench.live.shown, []);
    bench.add({ rule: "a", at: 1, received: 200 });
    assert.deepEqual(bench.live.shown, ["x[] 1..3@2 ×3 =2 late 199"]);
  });
});

describe("the same event twice", () => {
  it("changes nothing, at once or hours later", () => {
    const bench = new Bench(COUNT);
    bench.add(...at(1, 2, 2, 3, 100));
    assert.deepEqual(bench.live.shown, ["x[] 1..3@3 ×3 =3"]);
    assert.deepEqual(bench.add(...at(1, 2, 3, 100)), []);
    assert.deepEqual(bench.add({ rule: "a", at: 2, received: HOUR }), []);
    assert.ok(bench.correlator.counters.duplicates >= 6);
  });
});

describe("a match that goes on", () => {
  it("keeps its id, and tells once for all that was added together", () => {
    const bench = new Bench(COUNT);
    const [first] = bench.add(...at(1, 2, 3));
    const changes = bench.add(...at(4, 5, 6));
    const [again] = changes;
    assert.ok(first?.kind === "match" && again?.kind === "match" && changes.length === 1);
    assert.equal(first.id, again.id);
    assert.equal(again.count, 6);
  });

  it("names its oldest and its newest events, and how many are left out", () => {
    const rules = rulesOf(COUNT);
    const correlator = new Correlator(rules, { hash: testHash, limits: { idsPerMatchMax: 5 } });
    const [match] = correlator.add(at(1, 2, 3, 4, 5, 6, 7, 8).map((event) => matchOf(rules, event)));
    assert.ok(match?.kind === "match");
    assert.deepEqual([match.eventIds, match.leftOut], [["a1", "a2", "a3", "a7", "a8"], 3]);
  });
});

describe("history", () => {
  it("is asked for where events are no longer kept, and makes what would have been", () => {
    const bench = new Bench(COUNT);
    bench.add(...at(1, 5, 100));
    bench.correlator.expire(nanoAt(90));
    assert.equal(bench.correlator.sizes.events, 1);
    const [request] = bench.add({ rule: "a", at: 3, received: HOUR });
    assert.ok(request?.kind === "history");
    assert.deepEqual([secondsOf(request.fromNano - 1n), secondsOf(request.toNano)], [-7, 13]);
    bench.answer();
    assert.deepEqual(bench.live.shown, [`x[] 1..5@5 ×3 =3 late ${HOUR - 3}`]);
    assert.equal(bench.correlator.counters.historyNeeded, 1);
  });

  it("covers the match that a late event may make longer", () => {
    const bench = new Bench(COUNT);
    bench.add(...at(1, 2, 3, 4, 9, 11, 13, 19, 200));
    assert.deepEqual(bench.live.shown, ["x[] 1..19@3 ×8 =5"]);
    bench.correlator.expire(nanoAt(150));
    bench.add(...at(2.5));
    assert.deepEqual(
      bench.live.history.map(({ fromNano, toNano }) => [secondsOf(fromNano - 1n), secondsOf(toNano)]),
      [[-7.5, 19]],
    );
    bench.answer();
    assert.deepEqual(bench.live.shown, ["x[] 1..19@2.5 ×9 =6"]);
  });

  it("is asked for once for events that are near each other", () => {
    const bench = new Bench(COUNT);
    bench.add(...at(1, 200));
    bench.correlator.expire(nanoAt(150));
    bench.add(...at(2, 3, 4, 100));
    assert.equal(bench.live.history.length, 2);
    bench.answer();
    assert.deepEqual(bench.live.shown, ["x[] 1..4@3 ×4 =4"]);
  });

  it("is not asked for of what is to be forgotten, which is left out and counted", () => {
    const bench = new Bench(COUNT);
    bench.add(...at(1, 2, 3, 200));
    bench.correlator.expire(nanoAt(150), nanoAt(100));
    assert.deepEqual(bench.add(...at(2.5)), []);
    assert.equal(bench.correlator.counters.matchesTooLate, 1);
    assert.deepEqual(bench.live.shown, ["x[] 1..3@3 ×3 =3"]);
  });

  it("is not needed for a match that goes on over the horizon", () => {
    const bench = new Bench(COUNT);
    const [first] = bench.add(...at(1, 2, 3));
    for (let time = 4; time < 100; time++) {
      bench.add(...at(time));
      bench.correlator.expire(nanoAt(time - 5));
    }
    assert.ok(bench.correlator.sizes.events < 20);
    assert.ok(first?.kind === "match" && bench.live.matches.has(first.id));
    assert.deepEqual(bench.live.shown, ["x[] 1..99@3 ×99 =10"]);
    assert.deepEqual(bench.live.history, []);
  });

  it("is asked for also where a match of a chain is withdrawn of which events are no longer kept", () => {
    for (const horizon of [100, 500]) {
      const bench = new Bench(
        "type: temporal\nrules: [a, b]\ntimespan: 10s\ncondition: a and not b",
        "type: event_count\nrules: [x]\ntimespan: 10s\ncondition: { gte: 1 }",
      );
      bench.add(...at(95, 600));
      assert.equal(bench.live.shown.length, 4);
      bench.correlator.expire(nanoAt(horizon));
      bench.add({ rule: "b", at: 94 });
      bench.answer();
      assert.deepEqual(bench.live.shown, ["x[] 600..600@600 ×1 =1", "y[] 600..600@600 ×1 =1"]);
    }
  });

  it("is asked for again where meanwhile more is needed", () => {
    const bench = new Bench(COUNT);
    bench.add(...at(1, 5, 14, 20, 200));
    bench.correlator.expire(nanoAt(12));
    bench.add(...at(3));
    const requests = bench.live.history;
    bench.live.history = [];
    assert.deepEqual(
      requests.map(({ toNano }) => secondsOf(toNano)),
      [2],
    );
    bench.correlator.expire(nanoAt(100));
    const again = bench.correlator.reopen(requests, bench.store.slice(0, 1));
    assert.deepEqual(kinds(again), ["history"]);
    bench.live.take(again);
    bench.answer();
    assert.deepEqual(bench.live.shown, ["x[] 1..5@5 ×3 =3"]);
  });

  it("is taken by an engine that has lost all it knew", () => {
    const bench = new Bench(COUNT);
    bench.add(...at(1, 5, 100));
    bench.correlator.expire(nanoAt(90));
    bench.add(...at(3));
    const fresh = new Correlator(bench.rules, { hash: testHash });
    const live = new Live().take(fresh.reopen(bench.live.history, bench.store));
    assert.deepEqual(live.shown, ["x[] 1..5@5 ×3 =3"]);
  });

  it("of another engine's rule is refused", () => {
    const bench = new Bench(COUNT);
    bench.add(...at(1, 200));
    bench.correlator.expire(nanoAt(150));
    bench.add(...at(3));
    const other = new Correlator(rulesOf(COUNT), { hash: testHash });
    assert.throws(
      () => other.reopen(bench.live.history, []),
      (error) => error instanceof CorrelateError && error.code === "RULE_UNKNOWN",
    );
  });
});

describe("times that cannot be", () => {
  it("are left out and counted", () => {
    const bench = new Bench(COUNT);
    const match = matchOf(bench.rules, { rule: "a", at: 1 });
    for (const timeNano of [2n ** 63n, -(2n ** 64n)])
      assert.deepEqual(bench.correlator.add([{ ...match, timeNano }]), []);
    assert.equal(bench.correlator.counters.timesOutOfRange, 2);
    assert.deepEqual(bench.correlator.add([{ ...match, receivedNano: 2n ** 70n }]), []);
    assert.equal(bench.correlator.counters.timesOutOfRange, 3);
    assert.equal(bench.correlator.sizes.events, 1);
  });

  it("before 1970 and far ahead are times like others", () => {
    const bench = new Bench(COUNT);
    const match = matchOf(bench.rules, { rule: "a", at: 1 });
    const add = (timeNano: bigint): void => {
      const one = { ...match, timeNano, receivedNano: timeNano, eventId: String(timeNano) };
      bench.live.take(bench.correlator.add([one]));
    };
    for (const base of [-10n * SECOND - 1n, 2n ** 63n - 10n * SECOND])
      for (const seconds of [3n, 1n, 9n]) add(base + seconds * SECOND);
    assert.deepEqual(
      Array.from(bench.live.matches.values(), ({ firstNano, lastNano }) => [firstNano, lastNano]),
      [
        [-9n * SECOND - 1n, -1n * SECOND - 1n],
        [2n ** 63n - 9n * SECOND, 2n ** 63n - 1n * SECOND],
      ],
    );
  });
});
