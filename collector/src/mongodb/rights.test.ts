import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createContext, runInContext } from "node:vm";
import { indexPlans } from "./indexes.ts";
import { lacking, type Privilege } from "./privileges.ts";
import { type DatabaseLogin, knownCollections, privilegesOf } from "./rights.ts";
import { databaseRightsText } from "./rightstext.ts";

const LOGINS: readonly DatabaseLogin[] = [
  "apply",
  "enroll",
  "ingest",
  "store",
  "compact",
  "detect",
  "query",
  "notify",
  "attest",
  "coverage",
  "export",
  "console",
];
const TWO = { database: "trail", historyDatabase: "trail_days" };

interface Made {
  roles: { role: string; privileges: Privilege[] }[];
  users: { user: string; roles: unknown; pwd?: unknown }[];
}

/** Runs a script as mongosh would: with what it has of mongosh, which takes down what is made. */
function run(script: string): Made {
  const made: Made = { roles: [], users: [] };
  const database = {
    getRole: () => null,
    getUser: () => null,
    createRole: (role: Made["roles"][number]) => made.roles.push(role),
    createUser: (user: Made["users"][number]) => made.users.push(user),
  };
  const context = { db: { getSiblingDB: () => database }, print: () => undefined, passwordPrompt: () => "asked" };
  runInContext(script, createContext(context));
  return JSON.parse(JSON.stringify(made)) as Made;
}

describe("rights in the database", () => {
  it("are what the script makes, one role and one user for each login", () => {
    const { roles, users } = run(databaseRightsText(LOGINS, TWO, false));
    assert.deepEqual(
      roles.map(({ role, privileges }) => [role, privileges]),
      LOGINS.map((login) => [`trail-${login}`, privilegesOf(login, TWO)]),
    );
    assert.deepEqual(
      users.map(({ user, pwd, roles: granted }) => [user, pwd, granted]),
      LOGINS.map((login) => [`trail-${login}`, "asked", [{ role: `trail-${login}`, db: "admin" }]]),
    );
  });

  it("are for the subjects of certificates where logins have these, and then nothing is asked", () => {
    const { users } = run(databaseRightsText(["store"], TWO, true));
    assert.deepEqual(users, [{ user: "CN=trail-store", roles: [{ role: "trail-store", db: "admin" }] }]);
  });

  it("name each collection but for those of days, which have a database of their own", () => {
    for (const login of LOGINS)
      for (const { resource, actions } of privilegesOf(login, TWO)) {
        if ("cluster" in resource || resource.db === "trail_days") continue;
        if (resource.collection === "")
          assert.ok(actions.every((action) => ["listCollections", "dbStats"].includes(action)));
        else assert.ok(knownCollections().has(resource.collection), resource.collection);
      }
  });

  it("say where one database makes them wider than they need to be", () => {
    assert.match(
      databaseRightsText(["compact"], { database: "trail", historyDatabase: "" }, false),
      /history_database/,
    );
    assert.doesNotMatch(databaseRightsText(["compact"], TWO, false), /history_database/);
    const wide = privilegesOf("compact", { database: "trail", historyDatabase: "" });
    assert.deepEqual(
      lacking(wide, [{ resource: { db: "trail", collection: "certificates" }, actions: ["remove"] }]),
      [],
    );
    const narrow = privilegesOf("compact", TWO);
    assert.deepEqual(
      lacking(narrow, [{ resource: { db: "trail", collection: "certificates" }, actions: ["remove"] }]),
      ["remove on trail.certificates"],
    );
  });

  it("let nobody but who stores and who compacts write what is stored, and nobody change it", () => {
    const may = (login: DatabaseLogin, action: string, db: string, collection: string): boolean =>
      lacking(privilegesOf(login, TWO), [{ resource: { db, collection }, actions: [action] }]).length === 0;
    const writers = LOGINS.filter((login) => may(login, "insert", "trail", "arrivals"));
    assert.deepEqual(writers, ["store", "compact"]);
    assert.deepEqual(
      LOGINS.filter((login) => may(login, "insert", "trail_days", "segments_20260101")),
      ["compact"],
    );
    for (const login of LOGINS) {
      assert.equal(may(login, "update", "trail", "arrivals"), false, login);
      assert.equal(may(login, "update", "trail_days", "segments_20260101"), false, login);
      assert.equal(may(login, "update", "trail", "log_tiles"), false, login);
    }
  });

  it("of apply are enough for each index", () => {
    const needed = indexPlans(true).map(({ collection }) => ({
      resource: { db: "trail", collection },
      actions: ["createIndex", "listIndexes"],
    }));
    assert.deepEqual(lacking(privilegesOf("apply", TWO), needed), []);
  });
});

describe("what is lacking", () => {
  const needed: Privilege[] = [{ resource: { db: "a", collection: "b" }, actions: ["find", "insert"] }];
  for (const [name, granted, expected] of [
    ["nothing where all is granted", [{ resource: { db: "a", collection: "b" }, actions: ["insert", "find"] }], []],
    ["nothing by rights on a database", [{ resource: { db: "a", collection: "" }, actions: ["insert", "find"] }], []],
    [
      "nothing by rights on a name in any",
      [{ resource: { db: "", collection: "b" }, actions: ["insert", "find"] }],
      [],
    ],
    ["nothing by rights on anything", [{ resource: { anyResource: true }, actions: ["insert", "find"] }], []],
    ["an action", [{ resource: { db: "a", collection: "b" }, actions: ["find"] }], ["insert on a.b"]],
    [
      "all by rights elsewhere",
      [{ resource: { db: "c", collection: "" }, actions: ["find", "insert"] }],
      ["find on a.b", "insert on a.b"],
    ],
    [
      "all by rights on the cluster",
      [{ resource: { cluster: true }, actions: ["find", "insert"] }],
      ["find on a.b", "insert on a.b"],
    ],
  ] as const)
    it(`is ${name}`, () => assert.deepEqual(lacking(granted as unknown as Privilege[], needed), expected));
});
