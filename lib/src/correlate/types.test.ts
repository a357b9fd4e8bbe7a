import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Correlator } from "./correlator.ts";
import { type Event, Live, matchOf, rulesOf, testHash } from "./fixture.ts";
import type { RuleMatch } from "./model.ts";

/** What holds in the end, in short; the same in whatever order and however many at a time the events come. */
function shown(correlations: string[], events: Event[]): string[] {
  const rules = rulesOf(...correlations);
  const matches = events.map((event) => matchOf(rules, event));
  const run = (batches: RuleMatch[][]): string[] => {
    const correlator = new Correlator(rules, { hash: testHash });
    const live = new Live();
    for (const batch of batches) live.take(correlator.add(batch));
    return live.shown;
  };
  const singly = matches.map((match) => [match]);
  const [first = [], ...others] = [
    [matches],
    singly,
    singly.toReversed(),
    [...singly, ...singly],
    [matches.toReversed()],
  ].map(run);
  for (const other of others) assert.deepEqual(other, first);
  return first;
}

const events = (text: string): Event[] =>
  text.split(" ").map((word) => ({ rule: word[0] as "a", at: Number(word.slice(1)) }));
const with_ = (field: string, text: string): Event[] =>
  text.split(" ").map((word, number) => {
    const [head = "", value = ""] = word.split("=");
    const fields = value === "" ? {} : { [field]: value.split("+") };
    return { rule: head[0] as "a", at: Number(head.slice(1)), id: `e${number}`, fields };
  });

describe("event_count", () => {
  const count = (condition: string, more = ""): string =>
    `type: event_count\nrules: [a]\ntimespan: 10s\n${more}condition: { ${condition} }`;

  it("is met once enough events are within the timespan", () => {
    assert.deepEqual(shown([count("gte: 3")], events("a1 a5 a9")), ["x[] 1..9@9 ×3 =3"]);
    assert.deepEqual(shown([count("gte: 3")], events("a1 a5")), []);
  });

  it("does not count an event that is a whole timespan older", () => {
    assert.deepEqual(shown([count("gte: 2")], events("a0 a10")), []);
    assert.deepEqual(shown([count("gte: 2")], events("a0.000000001 a10")), ["x[] 1e-9..10@10 ×2 =2"]);
  });

  it("slides, and knows no boundaries of time", () => {
    assert.deepEqual(shown([count("gte: 3")], events("a8 a11 a14 a30 a38")), ["x[] 8..14@14 ×3 =3"]);
  });

  it("folds windows that overlap or touch into one match, and keeps others apart", () => {
    const twoAt = (at: number): Event[] => [
      { rule: "a", at, id: "e" },
      { rule: "a", at, id: "f" },
    ];
    assert.deepEqual(shown([count("gte: 2")], events("a0 a1 a10 a11")), ["x[] 0..11@1 ×4 =2"]);
    assert.deepEqual(shown([count("gte: 2")], [...events("a0 a1"), ...twoAt(11)]), ["x[] 0..11@1 ×4 =2"]);
    assert.deepEqual(shown([count("gte: 2")], [...events("a0 a1"), ...twoAt(11.5)]), [
      "x[] 0..1@1 ×2 =2",
      "x[] 11.5..11.5@11.5 ×2 =2",
    ]);
    assert.deepEqual(shown([count("gte: 2")], events("a0 a1 a21 a22")), ["x[] 0..1@1 ×2 =2", "x[] 21..22@22 ×2 =2"]);
  });

  it("tells the highest count of its windows", () => {
    assert.deepEqual(shown([count("gte: 2")], events("a0 a1 a2 a3 a12")), ["x[] 0..12@1 ×5 =4"]);
  });

  it("counts an event that two rules matched once", () => {
    const both: Event[] = [
      { rule: "a", at: 1, id: "e" },
      { rule: "b", at: 1, id: "e" },
    ];
    const rule = "type: event_count\nrules: [a, b]\ntimespan: 10s\ncondition: { gte: 2 }";
    assert.deepEqual(shown([rule], both), []);
    assert.deepEqual(shown([rule], [...both, { rule: "a", at: 2, id: "f" }]), ["x[] 1..2@2 ×2 =2"]);
  });

  it("has ranges, eq and neq, which a window ceases to meet when more events come", () => {
    assert.deepEqual(shown([count("gte: 2, lt: 4")], events("a1 a2 a3 a4 a5")), ["x[] 1..3@2 ×3 =3"]);
    assert.deepEqual(shown([count("eq: 2")], events("a1 a2 a3")), ["x[] 1..2@2 ×2 =2"]);
    assert.deepEqual(shown([count("neq: 2")], events("a1 a2 a3")), ["x[] 1..3@1 ×3 =3"]);
    assert.deepEqual(shown([count("neq: 1")], events("a1")), []);
  });

  it("sees with lt alone only windows that have an event, and tells the lowest count", () => {
    assert.deepEqual(shown([count("lt: 2")], events("a1 a2 a3")), ["x[] 1..1@1 ×1 =1"]);
  });

  it("takes events of the same time as one moment", () => {
    const same: Event[] = [1, 2, 3].map((number) => ({ rule: "a", at: 1, id: `e${number}` }));
    assert.deepEqual(shown([count("eq: 2")], same), []);
    assert.deepEqual(shown([count("eq: 3")], same), ["x[] 1..1@1 ×3 =3"]);
  });
});

describe("groups", () => {
  const count = (groupBy: string): string =>
    `type: event_count\nrules: [a, b]\ntimespan: 10s\n${groupBy}condition: { gte: 2 }`;

  it("are apart: events with different values do not correlate", () => {
    assert.deepEqual(shown([count("group-by: [user]\n")], with_("user", "a1=u a2=v a3=w")), []);
    assert.deepEqual(shown([count("group-by: [user]\n")], with_("user", "a1=u a2=v a3=u")), ["x[user=u] 1..3@3 ×2 =2"]);
  });

  it("are one without group-by", () => {
    assert.deepEqual(shown([count("")], with_("user", "a1=u a2=v")), ["x[] 1..2@2 ×2 =2"]);
  });

  it("are not for events that lack a field", () => {
    assert.deepEqual(shown([count("group-by: [user]\n")], with_("user", "a1 a2 a3")), []);
    const rules = rulesOf(count("group-by: [user, ip]\n"));
    const correlator = new Correlator(rules, { hash: testHash });
    correlator.add([matchOf(rules, { rule: "a", at: 1, fields: { user: ["u"] } })]);
    assert.equal(correlator.counters.matchesWithoutGroup, 1);
    assert.equal(correlator.sizes.groups, 0);
  });

  it("are several for an event with several values", () => {
    assert.deepEqual(shown([count("group-by: [user]\n")], with_("user", "a1=u+v a2=u a3=v")), [
      "x[user=u] 1..2@2 ×2 =2",
      "x[user=v] 1..3@3 ×2 =2",
    ]);
  });

  it("are told apart by all fields", () => {
    const fields = (user: string, ip: string): Event["fields"] => ({ user: [user], ip: [ip] });
    const rule = count("group-by: [user, ip]\n");
    const some: Event[] = [
      { rule: "a", at: 1, fields: fields("u", "vw") },
      { rule: "a", at: 2, fields: fields("uv", "w") },
    ];
    assert.deepEqual(shown([rule], some), []);
    assert.deepEqual(shown([rule], [...some, { rule: "a", at: 3, fields: fields("uv", "w") }]), [
      "x[user=uv,ip=w] 2..3@3 ×2 =2",
    ]);
  });

  it("have by an alias another field of each rule", () => {
    const rule = count("group-by: [who]\naliases: { who: { a: user, b: name } }\n");
    const some: Event[] = [
      { rule: "a", at: 1, fields: { user: ["u"], name: ["v"] } },
      { rule: "b", at: 2, fields: { user: ["v"], name: ["u"] } },
    ];
    assert.deepEqual(shown([rule], some), ["x[who=u] 1..2@2 ×2 =2"]);
  });
});

describe("value_count", () => {
  const count = (bounds: string, field = "user"): string =>
    `type: value_count\nrules: [a]\ntimespan: 10s\ncondition: { ${bounds}, field: ${field} }`;

  it("counts different values, and no event without the field", () => {
    assert.deepEqual(shown([count("gte: 3")], with_("user", "a1=u a2=v a3=u a4 a5")), []);
    assert.deepEqual(shown([count("gte: 3")], with_("user", "a1=u a2=v a3=u a4 a5=w")), ["x[] 1..5@5 ×4 =3"]);
  });

  it("counts all values of an event", () => {
    assert.deepEqual(shown([count("gte: 3")], with_("user", "a1=u+v a2=v+w")), ["x[] 1..2@2 ×2 =3"]);
  });

  it("counts a value no more when its last event leaves the window", () => {
    assert.deepEqual(shown([count("gte: 2")], with_("user", "a0=u a1=v a2=v a11=v a12=w")), ["x[] 0..12@1 ×5 =2"]);
    assert.deepEqual(shown([count("gte: 3")], with_("user", "a0=u a1=v a11=w")), []);
  });

  it("counts several fields together", () => {
    const some: Event[] = [
      { rule: "a", at: 1, fields: { user: ["u"], ip: ["1", "2"] } },
      { rule: "a", at: 2, fields: { user: ["u"], ip: ["1"] } },
      { rule: "a", at: 3, fields: { user: ["v"] } },
    ];
    assert.deepEqual(shown([count("gte: 2", "[user, ip]")], some), ["x[] 1..2@1 ×2 =2"]);
  });

  it("tells few values with lt", () => {
    assert.deepEqual(shown([count("lt: 2")], with_("user", "a1=u a2=v")), ["x[] 1..1@1 ×1 =1"]);
  });
});

describe("numbers", () => {
  const value = (type: string, bounds: string): string =>
    `type: ${type}\nrules: [a]\ntimespan: 10s\ncondition: { ${bounds}, field: size }`;

  it("are summed up by value_sum", () => {
    assert.deepEqual(shown([value("value_sum", "gt: 100")], with_("size", "a1=60 a2=40.5 a30=99")), [
      "x[] 1..2@2 ×2 =100.5",
    ]);
  });

  it("have an average by value_avg", () => {
    assert.deepEqual(shown([value("value_avg", "gte: 5")], with_("size", "a1=1 a2=9 a3=2")), ["x[] 1..2@2 ×2 =5"]);
  });

  it("have a median by value_median", () => {
    assert.deepEqual(shown([value("value_median", "gte: 4")], with_("size", "a1=1 a2=100 a3=4")), [
      "x[] 1..3@2 ×3 =50.5",
    ]);
  });

  it("have percentiles by linear interpolation between closest ranks", () => {
    assert.deepEqual(
      shown([value("value_percentile", "gte: 37, percentile: 90")], with_("size", "a1=10 a2=20 a3=30 a4=40")),
      ["x[] 1..4@4 ×4 =37"],
    );
  });

  it("are left out, and counted, where they are none", () => {
    const rules = rulesOf(value("value_sum", "gte: 1"));
    const correlator = new Correlator(rules, { hash: testHash });
    const live = new Live();
    for (const [at, size] of ["0x10", "1e400", "", "Infinity", "many", " 7 "].entries())
      live.take(correlator.add([matchOf(rules, { rule: "a", at, fields: { size: [size] } })]));
    assert.deepEqual(live.shown, ["x[] 5..5@5 ×1 =7"]);
    assert.equal(correlator.counters.valuesNotNumeric, 5);
    assert.equal(correlator.counters.matchesWithoutValue, 5);
  });

  it("are no less exact for those that were in the window before", () => {
    const some = with_("size", "a1=1e17 a2=0.1 a12=0.2 a13=0.3");
    assert.deepEqual(shown([value("value_sum", "lt: 1")], some), ["x[] 12..13@12 ×2 =0.2"]);
  });
});

describe("temporal", () => {
  const rule = (condition = ""): string => `type: temporal\nrules: [a, b, c]\ntimespan: 10s\n${condition}`;

  it("is met where all rules matched, in whatever order", () => {
    assert.deepEqual(shown([rule()], events("c1 a2 b3")), ["x[] 1..3@3 ×3 =3"]);
    assert.deepEqual(shown([rule()], events("a1 a2 b3")), []);
    assert.deepEqual(shown([rule()], events("c1 a5 b11")), []);
  });

  it("is met where enough of them did", () => {
    assert.deepEqual(shown([rule("condition: { gte: 2 }")], events("c1 c2 b3")), ["x[] 1..3@3 ×3 =2"]);
    assert.deepEqual(shown([rule("condition: { gte: 2, lt: 3 }")], events("c1 b2 a3")), ["x[] 1..2@2 ×2 =2"]);
  });

  it("is met by one event that all rules matched", () => {
    const all: Event[] = [
      { rule: "a", at: 1, id: "e" },
      { rule: "b", at: 1, id: "e" },
      { rule: "c", at: 1, id: "e" },
    ];
    assert.deepEqual(shown([rule()], all), ["x[] 1..1@1 ×1 =3"]);
  });

  it("has conditions that name rules", () => {
    assert.deepEqual(shown([rule("condition: a and not b")], events("a1")), ["x[] 1..1@1 ×1 =1"]);
    assert.deepEqual(shown([rule("condition: a and not b")], events("b1 a2 a12")), ["x[] 12..12@12 ×1 =1"]);
    assert.deepEqual(shown([rule("condition: a and (b or c)")], events("a1 c2")), ["x[] 1..2@2 ×2 =2"]);
  });

  it("does not correlate across groups", () => {
    const grouped = rule("group-by: [user]\n");
    assert.deepEqual(shown([grouped], with_("user", "a1=u b2=v c3=u")), []);
    assert.deepEqual(shown([grouped], with_("user", "a1=u b2=v c3=u b4=u")), ["x[user=u] 1..4@4 ×3 =3"]);
  });
});

describe("temporal_ordered", () => {
  const rule = (condition = ""): string => `type: temporal_ordered\nrules: [a, b, c]\ntimespan: 10s\n${condition}`;

  it("is met where the rules matched in their order, whatever is between", () => {
    assert.deepEqual(shown([rule()], events("a1 b2 c3")), ["x[] 1..3@3 ×3 =3"]);
    assert.deepEqual(shown([rule()], events("a1 c2 b3 a4 c5")), ["x[] 1..5@5 ×5 =3"]);
  });

  it("is not met in any other order, the first rule first or not", () => {
    for (const text of ["a1 c2 b3", "b1 a2 c3", "b1 c2 a3", "c1 a2 b3", "c1 b2 a3"])
      assert.deepEqual(shown([rule()], events(text)), [], text);
  });

  it("is met by the latest first rule, where an earlier one is too old", () => {
    assert.deepEqual(shown([rule()], events("a1 b2 a8 b9 c12")), ["x[] 8..12@12 ×3 =3"]);
    assert.deepEqual(shown([rule()], events("a1 b2 a8 c12")), []);
  });

  it("needs an event for each rule", () => {
    const both: Event[] = [
      { rule: "a", at: 1, id: "e" },
      { rule: "b", at: 1, id: "e" },
      { rule: "c", at: 2, id: "f" },
    ];
    assert.deepEqual(shown([rule()], both), []);
  });

  it("takes ids for the order of events of the same time", () => {
    const same = (a: string, b: string): Event[] => [
      { rule: "a", at: 1, id: a },
      { rule: "b", at: 1, id: b },
      { rule: "c", at: 2 },
    ];
    assert.deepEqual(shown([rule()], same("1", "2")), ["x[] 1..2@2 ×3 =3"]);
    assert.deepEqual(shown([rule()], same("2", "1")), []);
  });

  it("holds its bounds against how many rules, from the first on, are in order", () => {
    assert.deepEqual(shown([rule("condition: { gte: 2 }")], events("b1 a2 c3 b4")), ["x[] 1..4@4 ×4 =2"]);
  });
});

describe("chains", () => {
  const burst = "type: event_count\nrules: [a]\ngroup-by: [user]\ntimespan: 10s\ncondition: { gte: 2 }";

  it("take a match for an event at the time at which it was completed, once", () => {
    const after = "type: temporal_ordered\nrules: [x, b]\ngroup-by: [user]\ntimespan: 10s";
    assert.deepEqual(shown([burst, after], with_("user", "a1=u a2=u a3=u b12=u")), ["x[user=u] 1..3@2 ×3 =3"]);
    assert.deepEqual(shown([burst, after], with_("user", "a1=u a2=u a3=u b11=u")), [
      "x[user=u] 1..3@2 ×3 =3",
      "y[user=u] 2..11@11 ×2 =2",
    ]);
    assert.deepEqual(shown([burst, after], with_("user", "a1=u a2=u b3=v")), ["x[user=u] 1..2@2 ×2 =2"]);
  });

  it("have the values of the inner group, and its aliases' names", () => {
    const users = "type: value_count\nrules: [x]\ntimespan: 1m\ncondition: { gte: 2, field: user }";
    assert.deepEqual(shown([burst, users], with_("user", "a1=u a2=u a3=v a4=v")), [
      "x[user=u] 1..2@2 ×2 =2",
      "x[user=v] 3..4@4 ×2 =2",
      "y[] 2..4@4 ×2 =2",
    ]);
  });

  it("may be longer", () => {
    const twice = "type: event_count\nrules: [x]\ntimespan: 1m\ncondition: { gte: 2 }";
    const then = "type: temporal\nrules: [y, c]\ntimespan: 1m";
    assert.deepEqual(shown([burst, twice, then], with_("user", "a1=u a2=u a3=v a4=v c9")).slice(2), [
      "y[] 2..4@4 ×2 =2",
      "z[] 4..9@9 ×2 =2",
    ]);
  });
});
