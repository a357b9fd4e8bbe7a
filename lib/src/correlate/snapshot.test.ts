import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { AnyRule } from "../sigma/index.ts";
import { checksum } from "./bytes.ts";
import { Correlator } from "./correlator.ts";
import { CorrelateError } from "./error.ts";
import { type Event, matchOf, nanoAt, rulesOf, testHash } from "./fixture.ts";

const BURST = "type: event_count\nrules: [a]\ngroup-by: [user]\ntimespan: 10s\ncondition: { gte: 2 }";
const USERS = "type: value_count\nrules: [x]\ntimespan: 1m\ncondition: { gte: 2, field: user }";
const options = { hash: testHash };

function filled(rules: readonly AnyRule[]): Correlator {
  const correlator = new Correlator(rules, { ...options, limits: { eventsPerGroupMax: 4 } });
  const events: Event[] = Array.from({ length: 40 }, (_, at) => ({
    rule: "abc"[at % 3] as "a",
    at: at / 2,
    fields: { user: [`u${at % 2}`, at % 5 === 0 ? "\ud800 half" : "ü"] },
  }));
  correlator.add(events.map((event) => matchOf(rules, event)));
  correlator.expire(nanoAt(5), nanoAt(-1000));
  return correlator;
}

describe("snapshots", () => {
  it("make an engine that has the same snapshot, and goes on in the same way", () => {
    const rules = rulesOf(BURST, USERS);
    const correlator = filled(rules);
    const snapshot = correlator.snapshot();
    const { correlator: restored, dropped } = Correlator.restore(rules, snapshot, {
      ...options,
      limits: { eventsPerGroupMax: 4 },
    });
    assert.deepEqual(dropped, []);
    assert.deepEqual(restored.snapshot(), snapshot);
    assert.deepEqual(restored.sizes, correlator.sizes);
    assert.deepEqual(restored.counters, correlator.counters);
    const more = [3, 18.2, 21, 21.5, 40].map((at) => matchOf(rules, { rule: "a", at, fields: { user: ["u0"] } }));
    assert.deepEqual(restored.add(more), correlator.add(more));
    assert.deepEqual(restored.snapshot(), correlator.snapshot());
  });

  it("of large engines are whole", () => {
    const rules = rulesOf(BURST);
    const correlator = new Correlator(rules, options);
    const event = (at: number): Event => ({ rule: "a", at, id: `event ${at}`, fields: { user: [`user ${at % 100}`] } });
    correlator.add(Array.from({ length: 20_000 }, (_, at) => matchOf(rules, event(at))));
    const snapshot = correlator.snapshot();
    assert.deepEqual(Correlator.restore(rules, snapshot, options).correlator.snapshot(), snapshot);
  });

  it("name rules that are no more or say something else, and drop what was kept of them", () => {
    const snapshot = filled(rulesOf(BURST, USERS)).snapshot();
    const changed = Correlator.restore(rulesOf(BURST.replace("10s", "11s"), USERS), snapshot, options);
    assert.deepEqual(changed.dropped, [
      { name: "x", why: "changed" },
      { name: "y", why: "changed" },
    ]);
    assert.deepEqual(changed.correlator.sizes, { groups: 0, events: 0 });
    const outer = Correlator.restore(rulesOf(BURST, USERS.replace("gte: 2", "gte: 3")), snapshot, options);
    assert.deepEqual(outer.dropped, [{ name: "y", why: "changed" }]);
    const gone = Correlator.restore(rulesOf(BURST), snapshot, options);
    assert.deepEqual(gone.dropped, [{ name: "y", why: "unknown" }]);
    assert.ok(gone.correlator.sizes.groups > 0);
  });

  it("do not mind where in its file a rule stands", () => {
    const rules = rulesOf(BURST, USERS);
    const snapshot = filled(rules).snapshot();
    const others = rulesOf(BURST, USERS).map((rule) => ({ ...rule, line: rule.line + 7, description: "another" }));
    // The correlations are about the rules as they were before, which say the same.
    assert.deepEqual(Correlator.restore(others, snapshot, options).dropped, []);
  });

  const codeOf = (bytes: Uint8Array, rules: readonly AnyRule[]): string => {
    try {
      Correlator.restore(rules, bytes, options);
      return "";
    } catch (error) {
      assert.ok(error instanceof CorrelateError, String(error));
      return error.code;
    }
  };

  it("are refused where they are none, or of another version", () => {
    const rules = rulesOf(BURST, USERS);
    const snapshot = filled(rules).snapshot();
    assert.equal(codeOf(new Uint8Array(), rules), "SNAPSHOT_MALFORMED");
    assert.equal(codeOf(new TextEncoder().encode("{}  what is this"), rules), "SNAPSHOT_MALFORMED");
    assert.equal(codeOf(snapshot.subarray(0, -1), rules), "SNAPSHOT_MALFORMED");
    const other = snapshot.slice();
    other[3] = 2;
    assert.equal(codeOf(other, rules), "SNAPSHOT_VERSION");
    for (let at = 8; at < snapshot.length; at += 13) {
      const damaged = snapshot.slice();
      damaged[at] = (damaged[at] as number) ^ 1;
      assert.equal(codeOf(damaged, rules), "SNAPSHOT_MALFORMED");
    }
  });

  it("that were forged are refused, or make an engine that does no harm", () => {
    const rules = rulesOf(BURST, USERS, "type: temporal_ordered\nrules: [a, b, x]\ntimespan: 10s");
    const snapshot = filled(rules).snapshot();
    const events = [0, 2, 3, 9, 18, 40, 41].map((at) => matchOf(rules, { rule: "a", at, fields: { user: ["u0"] } }));
    const change = fc.record({ at: fc.nat(snapshot.length), byte: fc.nat(255), cut: fc.constantFrom(0, 0, 0, 1, 7) });
    let taken = 0;
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        let bytes = snapshot;
        for (const { at, byte, cut } of changes) {
          bytes = Uint8Array.from([...bytes.subarray(0, at), byte, ...bytes.subarray(at + 1 + cut)]);
        }
        if (bytes.length < 8) return;
        bytes.set(snapshot.subarray(0, 4));
        new DataView(bytes.buffer).setUint32(4, checksum(bytes, 8), true);
        let correlator: Correlator;
        try {
          ({ correlator } = Correlator.restore(rules, bytes, options));
        } catch (error) {
          assert.ok(error instanceof CorrelateError, String(error));
          return;
        }
        taken++;
        correlator.add(events);
        correlator.expire(nanoAt(20), nanoAt(10));
        correlator.add(events);
        correlator.snapshot();
      }),
      { numRuns: 2000 },
    );
    assert.ok(taken > 50);
  });
});
