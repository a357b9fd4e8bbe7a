/** What people type to work on alerts and rules, against a real collector. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { Archive } from "@hosttrail/collector/mongodb";
import type { Alert } from "@hosttrail/proto/alert";
import { alertOf, type AboutAlert } from "./alerting.ts";
import { eventually, openStack } from "./environment.ts";

const run = promisify(execFile);
const CLI = new URL("../cli/src/main.ts", import.meta.url).pathname;
const HOST = "a".repeat(32);

let stack: Awaited<ReturnType<typeof openStack>>;
let archive: Archive;

before(async () => {
  stack = await openStack({ collector: { roles: ["query", "enroll", "ingest"] } });
  await stack.startServices();
  await stack.startCollector();
  archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
});
after(async () => {
  // Where it did not begin, what has begun must still end.
  await (archive as Archive | undefined)?.close();
  await stack[Symbol.asyncDispose]();
});

async function hosttrail(...args: string[]): Promise<string> {
  const { stdout } = await run(process.execPath, [CLI, "--profile", stack.profileFile, ...args]);
  return stdout;
}

/** What a command that fails says. */
async function failing(...args: string[]): Promise<string> {
  return await hosttrail(...args).then(
    () => assert.fail("it did not fail"),
    ({ stderr }: { stderr: string }) => stderr,
  );
}

let minutes = 0;

async function put(about: Partial<AboutAlert>): Promise<Alert> {
  const alert = alertOf({ timeMs: Date.now() - 3_600_000 + ++minutes * 1000, hosts: [HOST], ...about });
  await archive.alerts.putAlerts([{ alert, sequence: 1n, isTold: true }]);
  return alert;
}

describe("hosttrail alerts and alert", () => {
  it("list, show and work on alerts", async () => {
    const [one, two] = [
      await put({ ruleKey: "listed" }),
      await put({ ruleKey: "listed", processes: ["evil\u001b[2J"] }),
    ];
    const listed = await hosttrail("alerts", "--rule", "listed");
    assert.match(listed, /^LAST EVENT +SEVERITY +STATE +COUNT +HOST +TITLE +ASSIGNEE +ID\n/);
    assert.ok(listed.indexOf(two.id) < listed.indexOf(one.id), "newest first");
    assert.match(listed, new RegExp(`high +open +1 +host-aa +curl ran +${one.id}`));
    assert.ok(!listed.includes("\u001b") && listed.includes("evil\\x1b[2J"), "no byte of an event steers the terminal");
    assert.match(await hosttrail("alerts", "--rule", "listed", "--limit", "1"), /there are more than 1; see --limit/);

    await hosttrail("alert", "ack", one.id, two.id, "--text", "looking");
    await hosttrail("alert", "assign", one.id, "--assignee", "bob");
    await hosttrail("alert", "comment", one.id, "--text", "is this us?");
    await hosttrail("alert", "close", one.id, "--reason", "other", "--text", "a drill");
    const shown = await hosttrail("alert", "show", one.id);
    assert.match(
      shown,
      /STATE +closed as other: a drill\nASSIGNEE +bob\nSEVERITY +high\nRULE +listed \(Title of listed\)/,
    );
    assert.match(
      shown,
      /HISTORY\n.*certificate:dev +acknowledged +looking\n.*assigned +bob\n.*commented +is this us\?\n.*closed as other +a drill\n/,
    );
    assert.match(shown, /EVENTS\nTIME .*\n.*curl.*\n +started by bash\[2\] < sshd\[1\]\n/);
    const json = JSON.parse(await hosttrail("--json", "alert", "show", one.id)) as { state: string; events: unknown[] };
    assert.deepEqual([json.state, json.events.length], ["ALERT_STATE_CLOSED", 1]);

    assert.ok(!(await hosttrail("alerts", "--rule", "listed")).includes(one.id), "closed ones are not in the way");
    assert.match(await hosttrail("alerts", "--state", "closed", "--assignee", "bob"), /closed \(other\)/);
    assert.match(await failing("alert", "ack", one.id), /is closed by certificate:dev; only an open one/);
    await hosttrail("alert", "reopen", one.id);
    assert.equal(
      await hosttrail("alert", "close", "--all", "--rule", "listed", "--reason", "benign"),
      "2 alerts closed\n",
    );
    assert.equal(
      await hosttrail("--json", "alert", "close", "--all", "--rule", "listed", "--reason", "benign"),
      '{"closed":0}\n',
    );
  });

  it("say what is wrong", async () => {
    const wrong: [string[], RegExp][] = [
      [["alerts", "--state", "done"], /--state is "done"; allowed are all, or some of open,acknowledged,closed/],
      [["alerts", "--severity", "bad"], /--severity is "bad"; allowed are informational, low/],
      [["alerts", "--limit", "0"], /--limit is "0"/],
      [["alerts", "--rule", "a", "--rule", "b"], /--rule may be given once/],
      [["alert", "close"], /needs the ids of alerts/],
      [["alert", "close", "x", "--reason", "why"], /--reason is "why"; allowed are true-positive/],
      [["alert", "close", "--all", "--reason", "benign"], /one of rule_key, host_id, start_time and end_time/],
      [["alert", "close", "x", "--all", "--reason", "benign"], /ids, or --all, not both/],
      [["alert", "show", "x"], /id is "x"; allowed are ids of alerts/],
      [["alert", "nonsense"], /is no command; known are .*alert show/],
      [["suppression", "create", "--host", HOST], /--expires must say how long/],
      [["suppression", "create", "--kind", "x", "--host", HOST, "--expires", "1d"], /--kind is "x"/],
      [["rules", "severity", "x", "worst"], /the severity is "worst"; allowed are informational.*author/],
      [["ruleset", "put", "x"], /needs a name and a folder/],
    ];
    for (const [words, message] of wrong) assert.match(await failing(...words), message, words.join(" "));
  });

  it("--watch prints a line for each change", async () => {
    const alert = await put({ ruleKey: "watched" });
    const child = spawn(process.execPath, [
      CLI,
      "--profile",
      stack.profileFile,
      "alerts",
      "--watch",
      "--severity",
      "high",
    ]);
    let printed = "";
    child.stdout.on("data", (data: Buffer) => {
      printed += data.toString();
    });
    const ended = new Promise((resolve) => child.once("exit", resolve));
    try {
      // Until the watch has begun nothing is told, so something is said again and again.
      let said = 0;
      await eventually("a line", 30_000, async () => {
        await hosttrail("alert", "comment", alert.id, "--text", `hello ${++said}`);
        return printed !== "" || undefined;
      });
      await hosttrail("alert", "close", alert.id, "--reason", "duplicate");
      await eventually("the last line", 10_000, async () => printed.includes("closed as duplicate") || undefined);
      assert.match(printed, /noted: commented hello \d+ {2}high {2}host-aa {2}curl ran {2}1× {2}certificate:dev/);
    } finally {
      child.kill("SIGINT");
    }
    assert.equal(await ended, 0);
  });
});

describe("hosttrail suppression", () => {
  it("previews, makes, lists and ends", async () => {
    const alert = await put({ ruleKey: "finding:cli" });
    const scope = ["--rule", "finding:cli", "--filter", "process.name = curl"];
    const preview = await hosttrail("suppression", "preview", ...scope);
    assert.match(preview, /it would have hidden 1 and thinned 0\n/);
    assert.ok(preview.includes(alert.id));
    await hosttrail("alert", "close", alert.id, "--reason", "true-positive");
    assert.match(await hosttrail("suppression", "preview", ...scope), /closed as true positive/);
    const create = ["suppression", "create", ...scope, "--reason", "backup", "--expires", "7d"];
    assert.match(await failing(...create), /would have hidden alerts that were closed as true positives/);
    const made = await hosttrail("--json", ...create, "--kind", "silence", "--allow-true-positives");
    const { id } = JSON.parse(made) as { id: string };
    assert.match(
      await hosttrail("suppression", "list"),
      new RegExp(`${id} +silence .* rule finding:cli; process.name = curl +backup`),
    );
    await hosttrail("suppression", "expire", id);
    assert.ok(!(await hosttrail("suppression", "list")).includes(id));
    assert.ok((await hosttrail("suppression", "list", "--expired")).includes(id));
  });
});

describe("hosttrail rules and ruleset", () => {
  it("put a folder, decide of its rules, and take it away", async () => {
    const folder = join(dirname(stack.profileFile), "own-rules");
    mkdirSync(join(folder, "inner"), { recursive: true });
    const rule = (name: string): string =>
      `title: Rule ${name}\nname: ${name}\nlevel: low\nlogsource: {product: linux, category: process_creation}\n` +
      `detection:\n  selection: {Image|endswith: /${name}}\n  condition: selection\n`;
    writeFileSync(join(folder, "a.yml"), rule("first"));
    // Larger than a message.
    writeFileSync(join(folder, "inner", "b.yml"), `${rule("second")}# ${"x".repeat(150_000)}\n`);
    const text = await hosttrail("ruleset", "put", "mine", folder, "--label", "env=prod", "--description", "ours");
    assert.match(text, /mine +enabled +2 +env=prod +.*certificate:dev +ours/);
    assert.match(await hosttrail("ruleset", "list"), /baseline +enabled, managed +2\d\d/);
    assert.match(
      await hosttrail("rules", "list", "--ruleset", "mine"),
      /first +low +enabled +0 +mine\/a.yml:1 +Rule first\n/,
    );
    await hosttrail("rules", "severity", "first", "critical");
    assert.match(await hosttrail("rules", "disable", "first"), /first +critical +disabled/);
    assert.match(await hosttrail("rules", "severity", "first", "author"), /first +low +disabled/);
    assert.match(await hosttrail("rules", "show", "first"), /STATE +disabled\n[^]*title: Rule first\nname: first\n/);
    await hosttrail("ruleset", "disable", "mine");
    assert.match(await hosttrail("rules", "show", "second"), /PROBLEM +the ruleset "mine" is disabled/);
    assert.match(await hosttrail("ruleset", "enable", "mine"), /mine +enabled +2 +env=prod/);
    assert.match(await hosttrail("ruleset", "show", "mine"), /# inner\/b.yml\ntitle: Rule second/);
    writeFileSync(join(folder, "a.yml"), rule("first").replace("condition: selection", "condition: nothing"));
    assert.match(await failing("ruleset", "put", "mine", folder), /mine\/a.yml:\d+: .*nothing/);
    assert.match(await hosttrail("ruleset", "put", "mine", folder, "--allow-rejected"), /^mine\/a.yml:\d+: /);
    await hosttrail("ruleset", "delete", "mine");
    assert.match(await failing("ruleset", "show", "mine"), /there is no ruleset "mine"/);
    assert.match(await failing("rules", "show", "second"), /there is no rule "second"/);
    assert.match(await hosttrail("ruleset", "disable", "baseline"), /baseline +disabled, managed/);
    await hosttrail("ruleset", "enable", "baseline");
  });
});
