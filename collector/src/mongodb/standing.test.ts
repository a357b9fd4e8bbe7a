import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { privilegesOf } from "./rights.ts";
import { type ServerAnswers, standingOf } from "./standing.ts";
import { judgeRights } from "./survey.ts";
import { mongodProblems } from "./versions.ts";

const SET = { setName: "rs0", hosts: ["a:1", "b:1", "c:1"] };
const CONFIG = { config: { writeConcernMajorityJournalDefault: true } };
const ENGINE = { storageEngine: { name: "wiredTiger", persistent: true } };

/** Answers as they are documented in MongoDB's manual: no server of its own was at hand. */
function standing(answers: Partial<ServerAnswers>): string[] {
  const whole = {
    buildInfo: { version: "8.0.4" },
    hello: SET,
    replSetGetConfig: CONFIG,
    serverStatus: ENGINE,
    ...answers,
  };
  return standingOf(whole).map(({ level, text }) => `${level}: ${text}`);
}

describe("what a database is", () => {
  it("is in order: three members, journals waited for", () => {
    assert.deepEqual(standing({}), [
      "ok: MongoDB 8.0.4",
      "ok: replica set rs0: 3 members; stored means in the journals of 2 of them",
      "ok: a majority acknowledges what is in its journals (w: majority, j: true)",
    ]);
  });
  for (const [name, answers, expected] of [
    ["one server", { hello: {} }, /warning: one server, no replica set: stored means on one disk/],
    ["a set of one", { hello: { setName: "rs0", hosts: ["a:1"] } }, /warning: replica set rs0: 1 members.*on one disk/],
    [
      "a set of two",
      { hello: { setName: "rs0", hosts: ["a:1", "b:1"] } },
      /warning: .*where one is away, nothing becomes stored/,
    ],
    ["an arbiter", { hello: { ...SET, hosts: ["a:1", "b:1"], arbiters: ["c:1"] } }, /warning: .*\(arbiters\)/],
    [
      "no journal",
      { replSetGetConfig: { config: { writeConcernMajorityJournalDefault: false } } },
      /warning: writeConcernMajorityJournalDefault is false/,
    ],
    [
      "a login that may not ask",
      { replSetGetConfig: undefined },
      /ok: whether a majority waits for its journal: not told/,
    ],
    [
      "memory alone",
      { serverStatus: { storageEngine: { name: "inMemory", persistent: false } } },
      /failed: the storage engine inMemory keeps nothing/,
    ],
    ["a router", { hello: { msg: "isdbgrid" } }, /ok: it routes to shards/],
    ["an old version", { buildInfo: { version: "4.2.1" } }, /failed: MongoDB 4\.2\.1 is too old; 4\.4\.0/],
    [
      "FerretDB",
      { buildInfo: { version: "7.0.42", ferretdbVersion: "v1.24.2" } },
      /warning: FerretDB v1\.24\.2, one server/,
    ],
  ] as const)
    it(`is said of ${name}`, () => assert.match(standing(answers).join("\n"), expected));

  it("has versions that lose what they acknowledged", () => {
    assert.deepEqual(mongodProblems("8.0.4"), []);
    assert.equal(mongodProblems("4.4.5")[0]?.isFatal, true);
    assert.match(mongodProblems("4.4.10")[0]?.what ?? "", /WT-8395/);
    assert.match(mongodProblems("5.0.5-rc1")[0]?.what ?? "", /5\.0\.6/);
    assert.deepEqual(mongodProblems("4.4.11"), []);
    assert.match(mongodProblems("vNext")[0]?.what ?? "", /cannot be read/);
  });
});

describe("a login's rights", () => {
  const names = { database: "trail", historyDatabase: "trail_days" };
  const store = privilegesOf("store", names);
  const judged = (granted: typeof store, isLeast = true): string[] =>
    judgeRights({ user: "somebody", granted }, ["store"], names, isLeast).map(({ level, text }) => `${level}: ${text}`);

  it("are enough, and no more than that", () => {
    assert.deepEqual(judged(store), ["ok: the login somebody may do what store must"]);
  });
  it("are named where they are not enough", () => {
    const less = store.map(({ resource, actions }) => ({
      resource,
      actions: actions.filter((each) => each !== "insert"),
    }));
    assert.match(judged(less)[0] ?? "", /^failed: .*: insert on trail\.arrivals, insert on trail\.hosts/);
    assert.match(judged([])[0] ?? "", /and \d+ more$/);
  });
  it("are warned of where they are more, if they are to be the least", () => {
    const more = [...store, { resource: { db: "trail", collection: "identities" }, actions: ["remove"] }];
    assert.equal(judged(more)[1], "warning: the login somebody may do more than that: remove on trail.identities");
    assert.match(judged(more, false)[1] ?? "", /^ok: /);
  });
  it("of somebody who may do everything are seen as that", () => {
    const root = [{ resource: { anyResource: true }, actions: ["find", "insert", "update", "remove", "listIndexes"] }];
    assert.match(judged(root as unknown as typeof store)[1] ?? "", /^warning: .*find on every database/);
  });
  it("on what is no collection count for nothing", () => {
    const buckets = { resource: { db: "trail", system_buckets: "x" }, actions: ["find"] };
    const all = [...store, buckets as unknown as (typeof store)[number]];
    assert.deepEqual(judged(all), ["ok: the login somebody may do what store must"]);
  });
  it("may be those of apply", () => {
    assert.deepEqual(judged(privilegesOf("apply", names)), ["ok: the login somebody may do what apply must"]);
  });
});
