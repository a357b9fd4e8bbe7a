/**
 * docs/grafana.md and its dashboard on a real stack: each request of them is made as Grafana or a person makes it, and tables are taken out of
 * the answers by what Grafana's Infinity is made of. `HOSTTRAIL_GRAFANA=write` writes what the document's commands print into it.
 */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Archive } from "@hosttrail/collector/mongodb";
import { parse } from "yaml";
import { checker, whyNoCheckers } from "../checkers.ts";
import { blocksOf, type Step, withOutputs } from "../cookbook/document.ts";
import { publishFleet } from "../cookbook/fleet.ts";
import { eventually, openStack, queryClient, searchAll } from "../environment.ts";
import { detectionSettled, openBlockStream } from "../publisher.ts";

interface Target {
  url: string;
  format: string;
  parser: string;
  source: string;
  root_selector: string;
  columns: { selector: string; text: string; type: string }[];
  url_options: { method: string; data: string; headers: { key: string; value: string }[]; body_content_type: string };
}

interface Asked {
  status: number;
  text: string;
}

type Row = Record<string, unknown>;

const FOLDER = new URL("../../integrations/monitoring/", import.meta.url);
const DASHBOARD = readFileSync(new URL("grafana-events.json", FOLDER), "utf8");
const DOCUMENT = new URL("../../docs/grafana.md", import.meta.url).pathname;
const PUBLIC_URL = "https://hosttrail.example.org:7447";
const FROM = "2026-11-24T00:00:00.000Z";
const TO = "2026-11-25T00:00:00.000Z";
const FILTER = '(event.action = connected-to OR event.category = file) AND NOT process.name = "no such"';
const text = readFileSync(DOCUMENT, "utf8");
const blocks = blocksOf(text);
const panels = (JSON.parse(DASHBOARD) as { panels: { title: string; targets: Target[] }[] }).panels;

let stack: Awaited<ReturnType<typeof openStack>>;
let folder: string;
let token: string;
let tokenId: string;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "hosttrail-grafana-"));
  stack = await openStack({
    collector: {
      store: { days_back_max: 36_500 },
      detect: { checkpoint_ms: 500, silent_minutes: 1440 },
    },
  });
  await stack.startServices();
  await stack.startCollector();
  const archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
  const stream = await openBlockStream(stack);
  try {
    await publishFleet(stream, archive);
    await detectionSettled(stream, archive);
    await eventually("all events being stored", 60_000, async () => (await stream.lag()) === 0 || undefined);
  } finally {
    await stream.close();
    await archive.close();
  }
  ({ token, id: tokenId } = makeToken("--role", "viewer"));
});
after(async () => {
  rmSync(folder, { recursive: true });
  await (stack as typeof stack | undefined)?.[Symbol.asyncDispose]();
});

function makeToken(...words: string[]): { token: string; id: string } {
  const made = JSON.parse(stack.hosttrail("api-token", "create", "grafana", ...words, "--json")) as {
    token: string;
    apiToken: { id: string };
  };
  return { token: made.token, id: made.apiToken.id };
}

/** A request as a program makes it, by HTTP/1.1. */
function post(path: string, body: string, headers: Readonly<Record<string, string>>): Promise<Asked> {
  const ca = readFileSync(join(stack.authority, "trust.crt"));
  const sent = { "content-type": "application/json", ...headers };
  return new Promise((resolve, reject) => {
    const asking = request(`${stack.consoleUrl}${path}`, { method: "POST", ca, headers: sent }, (response) => {
      let got = "";
      response.setEncoding("utf8");
      response.on("data", (piece: string) => (got += piece));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text: got }));
    });
    asking.on("error", reject);
    asking.end(body);
  });
}

function bearer(secret: string = token): { authorization: string } {
  return { authorization: `Bearer ${secret}` };
}

/** What Grafana puts in the place of its variables. */
function filledIn(data: string, from: string = FROM, to: string = TO): string {
  return data
    .replaceAll("${__from:date:iso}", from)
    .replaceAll("${__to:date:iso}", to)
    .replaceAll("${interval}", "3600")
    .replaceAll("${filter:doublequote}", `"${FILTER.replaceAll('"', String.raw`\"`)}"`);
}

/** The answer to a panel's request, and the table that Infinity takes out of it. */
async function asked(
  { url, url_options: options, root_selector: root, columns }: Target,
  from = FROM,
  to = TO,
): Promise<Row[]> {
  const headers = Object.fromEntries(options.headers.map(({ key, value }) => [key, value]));
  const { status, text: answer } = await post(url, filledIn(options.data, from, to), { ...headers, ...bearer() });
  assert.equal(status, 200, answer);
  const input = JSON.stringify([{ answer: JSON.parse(answer), root, columns }]);
  const [table = []] = JSON.parse(
    execFileSync(checker("infinity"), { input, maxBuffer: 1 << 28 }).toString(),
  ) as Row[][];
  return table;
}

function panel(title: string): Target {
  const [target] = panels.find((each) => each.title === title)?.targets ?? [];
  assert.ok(target !== undefined, title);
  return target;
}

function isOfType(type: string, value: unknown): boolean {
  if (type === "number") return Number.isFinite(Number(value)) && value !== "";
  if (type === "timestamp") return !Number.isNaN(Date.parse(String(value)));
  if (type === "timestamp_epoch") return Number.isSafeInteger(value);
  return type === "string" && typeof value === "string";
}

describe("the dashboard", { skip: whyNoCheckers() ?? false, timeout: 900_000 }, () => {
  it("is one by Grafana's own types", () => {
    execFileSync(checker("dashboard"), { input: DASHBOARD, stdio: "pipe" });
  });

  it("has panels whose requests are answered with the columns that they select, each of its type", async () => {
    assert.ok(panels.length >= 6);
    for (const { title, targets } of panels)
      for (const target of targets) {
        assert.deepEqual([target.source, target.parser, target.url_options.method], ["url", "backend", "POST"], title);
        const table = await asked(target);
        assert.ok(table.length > 0, title);
        for (const { text: name, type } of target.columns) {
          const values = table.map((row) => row[name]).filter((value) => value !== null && value !== undefined);
          // Nobody has taken an alert yet.
          assert.ok(values.length > 0 || name === "assignee", `${title}: ${name}`);
          for (const value of values) assert.ok(isOfType(type, value), `${title}: ${name} is ${JSON.stringify(value)}`);
        }
      }
  });

  it("shows what gRPC answers", async () => {
    const client = queryClient(stack);
    const range = {
      startTime: { seconds: BigInt(Date.parse(FROM) / 1000), nanos: 0 },
      endTime: { seconds: BigInt(Date.parse(TO) / 1000), nanos: 0 },
    };
    const events = await searchAll(client, { ...range, filter: FILTER, pageSize: 1000 });
    const failed = await searchAll(client, {
      ...range,
      filter: "event.action = logged-in AND event.outcome = failure",
    });
    client.close();
    const listed = await asked(panel("Events"));
    assert.deepEqual(
      listed.map(({ id }) => id),
      events.slice(0, 200).map(({ id }) => id),
    );
    assert.deepEqual(
      listed.map(({ time }) => BigInt(time as number)),
      events.slice(0, 200).map(({ event }) => (event?.timeUnixNano ?? 0n) / 1_000_000n),
    );
    const sum = (rows: Row[], name: string): number => rows.reduce((all, row) => all + Number(row[name]), 0);
    assert.equal(sum(await asked(panel("Events over time")), "events"), events.length);
    assert.equal(sum(await asked(panel("Logins that failed")), "failed logins"), failed.length);
    const alerts = stack.hosttrail("alerts", "--since", FROM, "--until", TO, "--json").trim().split("\n");
    const ids = alerts.map((line) => (JSON.parse(line) as { id: string }).id);
    assert.ok(ids.length > 0);
    assert.deepEqual(new Set((await asked(panel("Alerts that nobody has closed"))).map(({ id }) => id)), new Set(ids));
  });

  it("is empty, and no error, where nothing happened", async () => {
    for (const { title, targets } of panels)
      for (const target of targets) {
        if (title === "Hosts") continue;
        assert.deepEqual(await asked(target, "2001-01-01T00:00:00.000Z", "2001-01-02T00:00:00.000Z"), [], title);
      }
  });

  it("is found wrong where a column is planted that no answer has", async () => {
    const target = panel("Events");
    const table = await asked({ ...target, columns: [{ selector: "hostname", text: "host", type: "string" }] });
    assert.ok(table.length > 0 && table.every((row) => row["host"] === null));
  });
});

describe("a program at the API as JSON", () => {
  const SEARCH = "/api/hosttrail.v1.QueryService/SearchEvents";
  const AGGREGATE = "/api/hosttrail.v1.AnalysisService/AggregateEvents";
  const LAST = { "x-hosttrail-answer": "last" };

  it("is let in by its token alone: not without, with a wrong one, or with one that is gone", async () => {
    assert.equal((await post(SEARCH, "{}", bearer())).status, 200);
    const wrong = [
      {},
      bearer(`${token.slice(0, -1)}${token.endsWith("A") ? "B" : "A"}`),
      bearer("x"),
      { authorization: "Basic YTpi" },
      { authorization: "" },
    ];
    for (const headers of wrong) assert.match(String((await post(SEARCH, "{}", headers)).status), /^40[13]$/);
    const gone = makeToken("--role", "viewer");
    assert.equal((await post(SEARCH, "{}", bearer(gone.token))).status, 200);
    stack.hosttrail("api-token", "delete", gone.id);
    assert.equal((await post(SEARCH, "{}", bearer(gone.token))).status, 401);
  });

  it("has its role and its scope, and stands in the record of calls", async () => {
    const { status, text: refusal } = await post("/api/hosttrail.v1.AccessService/ListApiTokens", "{}", bearer());
    assert.deepEqual([status, (JSON.parse(refusal) as Row)["code"]], [403, "PERMISSION_DENIED"]);
    const scoped = makeToken("--role", "viewer", "--scope", "env=ci");
    const { text: hosts } = await post("/api/hosttrail.v1.QueryService/ListHosts", "{}", bearer(scoped.token));
    assert.deepEqual(
      (JSON.parse(hosts) as { hosts: { name: string }[] }).hosts.map(({ name }) => name),
      ["ci7"],
    );
    const record = stack.hosttrail("audit", "--json");
    assert.ok(record.split("\n").some((line) => line.includes(`token:${tokenId}`) && line.includes("SearchEvents")));
  });

  it("gets the last of many answers as one, and errors by their status", async () => {
    const good = await post(AGGREGATE, '{"groupBy": ["host.name"]}', { ...bearer(), ...LAST });
    assert.equal(good.status, 200);
    assert.equal((JSON.parse(good.text) as Row)["done"], true);
    const lines = await post(AGGREGATE, '{"groupBy": ["host.name"]}', bearer());
    assert.ok(lines.text.trim().split("\n").length > 1);
    const refusals: [string, string, Record<string, string>, number][] = [
      [AGGREGATE, '{"filter": "nope = 1"}', LAST, 400],
      [AGGREGATE, '{"no": 1}', LAST, 400],
      [AGGREGATE, "{}", { "x-hosttrail-answer": "first" }, 400],
      [SEARCH, "{}", LAST, 400],
    ];
    for (const [path, body, headers, status] of refusals) {
      const got = await post(path, body, { ...headers, ...bearer() });
      assert.deepEqual([got.status, (JSON.parse(got.text) as Row)["code"]], [status, "INVALID_ARGUMENT"], got.text);
    }
  });
});

describe("docs/grafana.md", () => {
  it("sets up a data source by keys that Infinity has, for the address that it asks", () => {
    const [, yaml = ""] = /```yaml\n([\s\S]*?)```/.exec(text) ?? [];
    const { datasources } = parse(yaml) as { datasources: Record<string, unknown>[] };
    const [source] = datasources;
    assert.ok(source !== undefined);
    assert.deepEqual([source["type"], source["url"]], ["yesoreyeram-infinity-datasource", PUBLIC_URL]);
    assert.deepEqual((source["jsonData"] as Row)["allowedHosts"], [PUBLIC_URL]);
  });

  const whyNot = ["curl", "jq"].find((program) => spawnSync(program, ["--version"]).status !== 0);
  it("has commands that print what it shows", { skip: whyNot && `there is no ${whyNot}` }, () => {
    copyFileSync(join(stack.authority, "trust.crt"), join(folder, "ca.crt"));
    writeFileSync(join(folder, "headers"), `Authorization: Bearer ${token}\n`, { mode: 0o600 });
    assert.ok(blocks.length >= 4);
    const printed = blocks.map(({ steps }) =>
      steps.map(({ command }): Step => {
        const real = command.replaceAll(PUBLIC_URL, stack.consoleUrl);
        const output = execFileSync("bash", ["-o", "pipefail", "-c", real], { cwd: folder }).toString();
        return { command, output: output.split("\n").filter((line) => line !== "") };
      }),
    );
    if (process.env["HOSTTRAIL_GRAFANA"] === "write") writeFileSync(DOCUMENT, withOutputs(text, blocks, printed));
    else
      assert.deepEqual(
        printed,
        blocks.map(({ steps }) => steps),
      );
  });
});
