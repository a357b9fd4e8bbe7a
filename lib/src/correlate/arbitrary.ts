/** Any rules, and any events for them; for tests. */
import fc from "fast-check";
import type { AnyRule } from "../sigma/index.ts";
import { type Event, NAMES, rulesOf } from "./fixture.ts";

const bound = fc.constantFrom(
  "gte: 1",
  "gte: 2",
  "gt: 2",
  "gte: 3",
  "lt: 3",
  "lte: 1",
  "eq: 2",
  "neq: 2",
  "gte: 2, lt: 4",
  "gt: 1, neq: 3",
);
const span = fc.constantFrom("1s", "3s", "10s");
const grouping = fc.constantFrom(
  "",
  "group-by: [user]\n",
  "group-by: [user, ip]\n",
  "group-by: [who]\naliases: { who: { a: user, b: ip } }\n",
);

/** A correlation of detection rules, or of those and of one before it. */
function correlation(inner: string[]): fc.Arbitrary<string> {
  const rules = fc
    .shuffledSubarray([...NAMES, ...inner], { minLength: 1 })
    .map((names) => (inner.length > 0 && !names.some((name) => inner.includes(name)) ? [...names, ...inner] : names));
  return fc
    .record({
      rules,
      span,
      grouping,
      bound,
      type: fc.constantFrom(
        "event_count",
        "value_count",
        "value_sum",
        "value_avg",
        "value_median",
        "value_percentile",
        "temporal",
        "temporal_ordered",
        "extended",
      ),
      fields: fc.constantFrom("[user]", "[ip]", "[user, ip]"),
      percentile: fc.constantFrom(0, 25, 90, 100),
      extended: fc.constantFrom("and", "or", "and not", "or not"),
    })
    .map(({ rules, span, grouping, bound, type, fields, percentile, extended }) => {
      const used = grouping.includes("who") ? [...new Set([...rules, "a", "b"])] : rules;
      const condition =
        type === "extended"
          ? used.join(` ${extended} `)
          : type === "value_count"
            ? `{ ${bound}, field: ${fields} }`
            : type === "value_percentile"
              ? `{ ${bound}, field: number, percentile: ${percentile} }`
              : type.startsWith("value_")
                ? `{ ${bound}, field: number }`
                : `{ ${bound} }`;
      return `type: ${type === "extended" ? "temporal" : type}\nrules: [${used.join()}]\n${grouping}timespan: ${span}\ncondition: ${condition}`;
    });
}

export const rulesArbitrary: fc.Arbitrary<{ texts: string[]; rules: AnyRule[] }> = fc
  .tuple(correlation([]), correlation(["x"]), correlation(["x", "y"]))
  .map((texts) => ({ texts, rules: rulesOf(...texts) }));

const values = (...texts: string[]): fc.Arbitrary<string[]> =>
  fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(...texts).map((text) => [text]) },
    { weight: 1, arbitrary: fc.subarray(texts) },
  );

/** Times in a raster, so that windows touch and events have the same time. */
export const eventArbitrary: fc.Arbitrary<Event> = fc
  .record({
    rule: fc.constantFrom(...NAMES),
    tick: fc.nat(60),
    number: fc.nat(5),
    delay: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(40) }),
    host: fc.constantFrom("h1", "h2"),
    user: values("u", "v"),
    ip: values("u", "1"),
    numbers: values("0", "1", "2", "2.5", "-3", "x"),
  })
  .map(({ rule, tick, number, delay, host, user, ip, numbers }) => ({
    rule,
    at: tick / 2,
    id: `${tick}-${number}`,
    received: tick / 2 + delay,
    host,
    fields: { user, ip, number: numbers },
  }));

/** What one does with an engine besides adding. */
export interface Step {
  /** How many events are added. */
  take: number;
  isRestored: boolean;
  /** One that was there before is added again. */
  again: number | null;
  /** How far behind the newest event everything is dropped. */
  expire: number | null;
}

export const stepArbitrary: fc.Arbitrary<Step> = fc.record({
  take: fc.nat(6),
  isRestored: fc.nat(9).map((number) => number === 0),
  again: fc.option(fc.nat(1000), { freq: 3 }),
  expire: fc.option(fc.nat(30), { freq: 4 }),
});
