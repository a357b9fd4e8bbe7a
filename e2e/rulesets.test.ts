/** The API of rules on a real NATS and a real database: rulesets of one's own and of the product, what is decided of rules, and how right they are. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { status } from "@grpc/grpc-js";
import { Archive } from "@hosttrail/collector/mongodb";
import { CloseReason, Severity } from "@hosttrail/proto/alert";
import {
  ListRulesRequest,
  type ListRulesResponse,
  type ListRulesetsResponse,
  PutRulesetRequest,
  type PutRulesetResponse,
  type Rule,
  Ruleset,
  type RuleServiceClient,
  UpdateRuleRequest,
} from "@hosttrail/proto/rule";
import { alertClient, alertOf, ask, putRuleset, reasonOf, refusal, ruleClient } from "./alerting.ts";
import { openStack } from "./environment.ts";

let stack: Awaited<ReturnType<typeof openStack>>;
let archive: Archive;
let admin: RuleServiceClient;
let scoped: RuleServiceClient;

before(async () => {
  const bindings = [
    { subject: "certificate:dev", role: "admin" },
    { subject: "certificate:scoped", role: "admin", scope: { team: "a" } },
  ];
  stack = await openStack({ collector: { roles: ["query", "enroll", "ingest"], access: { bindings } } });
  await stack.startServices();
  await stack.startCollector();
  archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
  admin = ruleClient(stack);
  scoped = ruleClient(stack, await stack.ca.user("scoped"));
});
after(async () => {
  // Where it did not begin, what has begun must still end.
  for (const client of [admin, scoped] as (RuleServiceClient | undefined)[]) client?.close();
  await (archive as Archive | undefined)?.close();
  await stack[Symbol.asyncDispose]();
});

function ruleText(name: string, more = ""): string {
  return `title: Rule ${name}
name: ${name}
level: high
logsource: {product: linux, category: process_creation}
detection:
  selection: {Image|endswith: /${name}}
  condition: selection
${more}`;
}

interface Asked {
  name: string;
  files?: Record<string, string>;
  allowRejected?: boolean;
  keepFiles?: boolean;
  about?: Partial<Ruleset>;
}

function requestOf({
  name,
  files = {},
  allowRejected = false,
  keepFiles = false,
  about = {},
}: Asked): PutRulesetRequest {
  const ruleset = Ruleset.fromPartial({
    name,
    enabled: true,
    ...about,
    files: Object.entries(files).map(([path, text]) => ({ path, text })),
  });
  return PutRulesetRequest.fromPartial({ ruleset, allowRejected, keepFiles });
}

function put(asked: Asked, client: RuleServiceClient = admin): Promise<PutRulesetResponse> {
  return putRuleset(client, requestOf(asked));
}

async function rulesOf(ruleset: string, pageSize = 0): Promise<Rule[]> {
  const rules: Rule[] = [];
  let pageToken = "";
  do {
    const page = await ask<ListRulesResponse>((done) =>
      admin.listRules(ListRulesRequest.fromPartial({ ruleset, pageSize, pageToken }), done),
    );
    rules.push(...page.rules);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return rules;
}

function getRule(key: string): Promise<Rule> {
  return ask((done) => admin.getRule({ key }, done));
}

function update(request: Partial<UpdateRuleRequest>, client: RuleServiceClient = admin): Promise<Rule> {
  return ask((done) => client.updateRule(UpdateRuleRequest.fromPartial(request), done));
}

describe("rules that come with the product", () => {
  it("are listed once each, in small pages as in large ones, in the order of their files", async () => {
    const all = await rulesOf("");
    assert.ok(all.length >= 200, String(all.length));
    assert.ok(all.every(({ managed, enabled, problem }) => managed && enabled && problem === ""));
    const keys = all.map(({ rule }) => rule?.key ?? "");
    assert.equal(new Set(keys).size, keys.length);
    assert.deepEqual(
      (await rulesOf("", 17)).map(({ rule }) => rule?.key),
      keys,
    );
    const places = all.map(({ rule, file, line }) => `${rule?.ruleset}\0${file}\0${String(line).padStart(6, "0")}`);
    assert.deepEqual(places, [...places].sort());
  });

  it("are shown with their text, and as what the operator decides of them", async () => {
    const [{ rule, authorSeverity }] = (await rulesOf("baseline", 1)) as [Rule];
    const key = rule?.key ?? "";
    const shown = await getRule(key);
    assert.ok(shown.text.startsWith("title: ") && shown.text.includes(key), shown.text);
    const wanted = authorSeverity === Severity.CRITICAL ? Severity.LOW : Severity.CRITICAL;
    const changed = await update({ key, severity: wanted, enabled: false });
    assert.deepEqual(
      [changed.rule?.severity, changed.authorSeverity, changed.enabled],
      [wanted, authorSeverity, false],
    );
    // Two fields at once, each by somebody else: neither is lost.
    await Promise.all([update({ key, enabled: true }), update({ key, severity: Severity.UNSPECIFIED })]);
    const back = await getRule(key);
    assert.deepEqual([back.rule?.severity, back.enabled], [authorSeverity, true]);
  });

  it("can be disabled as a whole and bound to hosts, and not be changed or deleted", async () => {
    const { ruleset } = await put({ name: "baseline", about: { enabled: false, labels: { env: "prod" } } });
    assert.deepEqual(
      [ruleset?.enabled, ruleset?.labels, ruleset?.updater],
      [false, { env: "prod" }, "certificate:dev"],
    );
    const [first] = await rulesOf("baseline", 1000);
    assert.deepEqual([first?.enabled, first?.problem], [false, 'the ruleset "baseline" is disabled']);
    for (const wrong of [
      () => put({ name: "baseline", files: { "a.yml": ruleText("a") } }),
      () => put({ name: "baseline", about: { description: "mine" } }),
      () => ask((done) => admin.deleteRuleset({ name: "baseline" }, done)),
    ]) {
      const error = await refusal(wrong());
      assert.deepEqual([error.code, reasonOf(error)], [status.FAILED_PRECONDITION, "RULESET_MANAGED"]);
    }
    await put({ name: "baseline" });
    assert.ok((await rulesOf("baseline")).every(({ enabled }) => enabled));
  });
});

describe("a ruleset of one's own", () => {
  it("is put, shown, changed without its files, and deleted; each change is seen by its revision", async () => {
    const seen = new Set([await archive.rulesets.revision()]);
    const files = { "b/two.yml": ruleText("two"), "a.yml": `${ruleText("one")}---\n${ruleText("three")}` };
    const { ruleset, problems } = await put({
      name: "own",
      files,
      about: { description: "mine", tags: { tier: "web" } },
    });
    assert.deepEqual([ruleset?.rules, ruleset?.managed, problems], [3, false, []]);
    seen.add(await archive.rulesets.revision());
    assert.deepEqual(
      (await rulesOf("own")).map(({ rule, file, line }) => [rule?.key, file, line]),
      [
        ["one", "a.yml", 1],
        ["three", "a.yml", 9],
        ["two", "b/two.yml", 1],
      ],
    );
    assert.equal((await getRule("three")).text, ruleText("three"));
    const whole = await ask<Ruleset>((done) => admin.getRuleset({ name: "own" }, done));
    assert.deepEqual(
      whole.files.map(({ path, text }) => [path, text]),
      [
        ["a.yml", files["a.yml"]],
        ["b/two.yml", files["b/two.yml"]],
      ],
    );
    await put({ name: "own", keepFiles: true, about: { enabled: false } });
    seen.add(await archive.rulesets.revision());
    assert.deepEqual(
      (await rulesOf("own")).map(({ enabled }) => enabled),
      [false, false, false],
    );
    const { rulesets } = await ask<ListRulesetsResponse>((done) => admin.listRulesets({}, done));
    assert.ok(rulesets.every(({ files: none }) => none.length === 0));
    assert.deepEqual([rulesets[0]?.name, rulesets.at(-1)?.name], ["baseline", "own"], "managed ones are first");
    await ask((done) => admin.deleteRuleset({ name: "own" }, done));
    seen.add(await archive.rulesets.revision());
    assert.equal(seen.size, 4);
    const error = await refusal(ask((done) => admin.getRuleset({ name: "own" }, done)));
    assert.deepEqual([error.code, reasonOf(error)], [status.NOT_FOUND, "RULESET_NOT_FOUND"]);
  });

  it("may be larger than a message: its files come in parts", async () => {
    const text = ruleText("large", `description: ${"long ".repeat(40_000)}\n`);
    const half = text.length >> 1;
    const parts = [text.slice(0, half), text.slice(half)].flatMap((piece) => piece.match(/[^]{1,50000}/g) ?? []);
    assert.ok(parts.length > 3);
    const first = requestOf({ name: "large" });
    const others = parts.map((piece) => requestOf({ name: "large", files: { "l.yml": piece } }));
    const { ruleset } = await putRuleset(admin, first, ...others);
    assert.equal(ruleset?.rules, 1);
    const { files } = await ask<Ruleset>((done) => admin.getRuleset({ name: "large" }, done));
    assert.equal(files[0]?.text, text);
    await ask((done) => admin.deleteRuleset({ name: "large" }, done));
  });

  it("with rules that cannot be used is refused with their files and lines, unless that is wanted", async () => {
    const files = {
      "good.yml": ruleText("good"),
      "broken.yml": ruleText("broken").replace("condition: selection", "condition: selektion"),
      "mute.yml": ruleText("mute").replace("process_creation", "dns_query"),
    };
    const error = await refusal(put({ name: "mixed", files }));
    assert.deepEqual([error.code, reasonOf(error)], [status.INVALID_ARGUMENT, "RULES_REJECTED"]);
    assert.match(error.details, /2 rules that cannot be used:\nmixed\/broken.yml:\d+: .*selektion/);
    assert.match(error.details, /mixed\/mute.yml:1: .*dns_query/);
    assert.equal((await refusal(ask((done) => admin.getRuleset({ name: "mixed" }, done)))).code, status.NOT_FOUND);
    const { problems } = await put({ name: "mixed", files, allowRejected: true });
    assert.deepEqual(
      problems.map(({ file, rejected }) => [file, rejected]),
      [
        ["mixed/broken.yml", true],
        ["mixed/mute.yml", true],
      ],
    );
    const rules = await rulesOf("mixed");
    assert.deepEqual(
      rules.map(({ file, problem, enabled }) => [file, problem === "", enabled]),
      [
        ["broken.yml", false, false],
        ["good.yml", true, true],
        ["mute.yml", false, true],
      ],
    );
    // A rule whose name another ruleset has is one that cannot be used.
    const twice = await refusal(put({ name: "more", files: { "good.yml": ruleText("good") } }));
    assert.match(twice.details, /"good" is the name or id of another rule/);
    await ask((done) => admin.deleteRuleset({ name: "mixed" }, done));
  });
});

describe("how right a rule is", () => {
  it("is counted from the reasons of the last 30 days, for hosts that the caller may see", async () => {
    await put({ name: "counted", files: { "a.yml": ruleText("counted") } });
    const [a, b] = ["a".repeat(32), "b".repeat(32)];
    const identity = {
      hostName: "h",
      proof: "p",
      enrollMs: 1,
      expireMs: 0,
      revokeMs: 0,
      revokeReason: "",
      boots: [],
      clonedBoots: [],
    };
    await archive.identities.insertIdentity({ ...identity, hostId: a, labels: { team: "a" }, keyFingerprint: a });
    await archive.identities.insertIdentity({ ...identity, hostId: b, labels: { team: "b" }, keyFingerprint: b });
    const day = 86_400_000;
    const days = [1, 2, 3, 4, 5, 6, 40];
    const alerts = days.map((ago, index) =>
      alertOf({ timeMs: Date.now() - ago * day, hosts: [index < 2 ? a : b], ruleKey: "counted" }),
    );
    await archive.alerts.putAlerts(alerts.map((alert) => ({ alert, sequence: 1n, isTold: true })));
    const { TRUE_POSITIVE, FALSE_POSITIVE, BENIGN, DUPLICATE } = CloseReason;
    const reasons = [TRUE_POSITIVE, FALSE_POSITIVE, BENIGN, TRUE_POSITIVE, DUPLICATE, undefined, FALSE_POSITIVE];
    const client = alertClient(stack);
    for (const [index, reason] of reasons.entries()) {
      if (reason !== undefined)
        await ask((done) => client.closeAlert({ id: alerts[index]?.id ?? "", reason, text: "" }, done));
    }
    client.close();
    // Counts are at most half a minute old: another collector has none yet.
    const { queryPort } = await stack.startAnotherCollector();
    const counts = async (of: RuleServiceClient): Promise<unknown> => {
      const {
        alerts: all,
        truePositives,
        falsePositives,
        benign,
        precision,
      } = await ask<Rule>((done) => of.getRule({ key: "counted" }, done));
      of.close();
      return [all, truePositives, falsePositives, benign, precision];
    };
    assert.deepEqual(await counts(ruleClient(stack, stack.user, queryPort)), [6n, 2n, 1n, 1n, 0.75]);
    const team = ruleClient(stack, await stack.ca.user("scoped"), queryPort);
    assert.deepEqual(await counts(team), [2n, 1n, 1n, 0n, 0.5]);
  });

  it("is not known where nothing was decided", async () => {
    const [rule] = await rulesOf("baseline", 1000);
    assert.deepEqual([rule?.alerts, rule?.precision], [0n, -1]);
  });
});

describe("an administrator of some hosts", () => {
  it("reads rules and decides nothing, since rules run on the hosts of all", async () => {
    const [rule] = (await ask<ListRulesResponse>((done) => scoped.listRules(ListRulesRequest.create(), done))).rules;
    const key = rule?.rule?.key ?? "";
    for (const call of [
      () => update({ key, enabled: false }, scoped),
      () => put({ name: "theirs", files: { "a.yml": ruleText("a") } }, scoped),
      () => ask((done) => scoped.deleteRuleset({ name: "baseline" }, done)),
    ]) {
      const error = await refusal(call());
      assert.deepEqual([error.code, reasonOf(error)], [status.PERMISSION_DENIED, "SCOPE_TOO_SMALL"]);
    }
  });
});

describe("bad input", () => {
  const files = { "a.yml": ruleText("a") };
  const tooMany = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`t${index}`, "x"]));
  type Calls = () => Promise<unknown>;
  const invalid: [string, Calls, RegExp][] = [
    ["a name with capitals", () => put({ name: "Own", files }), /ruleset.name is "Own"; allowed are 1 to 63/],
    ["no name", () => put({ name: "", files }), /ruleset.name/],
    ["no ruleset", () => putRuleset(admin, PutRulesetRequest.create()), /ruleset is ""/],
    ["nothing at all", () => putRuleset(admin), /ruleset is ""/],
    ["no files", () => put({ name: "own" }), /the number of ruleset.files is 0; allowed are 1 to 10000/],
    [
      "files that leave the ruleset",
      () => put({ name: "own", files: { "../a.yml": "" } }),
      /files.path is "..\/a.yml"/,
    ],
    ["files from the root", () => put({ name: "own", files: { "/a.yml": "" } }), /files.path/],
    ["files that are no rules", () => put({ name: "own", files: { "a.txt": "" } }), /end in .yml or .yaml/],
    [
      "a file twice",
      () =>
        putRuleset(
          admin,
          ...["a.yml", "b.yml", "a.yml"].map((path) => requestOf({ name: "own", files: { [path]: "x" } })),
        ),
      /each path once/,
    ],
    [
      "a description that is too long",
      () => put({ name: "own", files, about: { description: "x".repeat(2000) } }),
      /description/,
    ],
    ["a wrong label", () => put({ name: "own", files, about: { labels: { "1": "x" } } }), /label key "1"/],
    ["too many tags", () => put({ name: "own", files, about: { tags: tooMany } }), /the number of ruleset.tags is 60/],
    ["an update of nothing", () => update({ key: "x" }), /one of enabled and severity/],
    ["a severity that is none", () => update({ key: "x", severity: 9 as Severity }), /severity is 9/],
    ["no key", () => getRule(""), /key is ""/],
    ["broken YAML", () => put({ name: "own", files: { "a.yml": "a: [" } }), /own\/a.yml:1: /],
  ];
  for (const [what, call, message] of invalid) {
    it(`is refused: ${what}`, async () => {
      const error = await refusal(call());
      assert.equal(error.code, status.INVALID_ARGUMENT, error.details);
      assert.match(error.details, message);
    });
  }

  it("is refused: more than 8 MiB of rules", async () => {
    const piece = { "a.yml": "#".repeat(60_000) };
    const parts = Array.from({ length: 150 }, () => requestOf({ name: "own", files: piece }));
    const error = await refusal(putRuleset(admin, ...parts));
    assert.deepEqual([error.code, reasonOf(error)], [status.INVALID_ARGUMENT, "RULESET_TOO_LARGE"]);
  });

  it("names what is near where there is no such rule or ruleset", async () => {
    await put({ name: "near", files: { "a.yml": ruleText("suspicious_curl") } });
    assert.match(
      (await refusal(getRule("suspicious_crul"))).details,
      /no rule "suspicious_crul" \(is it "suspicious_curl"\?\)/,
    );
    const error = await refusal(put({ name: "naer", keepFiles: true }));
    assert.deepEqual([error.code, reasonOf(error)], [status.NOT_FOUND, "RULESET_NOT_FOUND"]);
    await ask((done) => admin.deleteRuleset({ name: "near" }, done));
  });
});
