/** The CLI's commands on a replayed capture, with a real NATS and a real database. */
import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { ProcessTree } from "@hosttrail/proto/analysis";
import { Event } from "@hosttrail/proto/event";
import { CAPTURE_EVENTS, openReplay } from "./replay.ts";

const CLI = new URL("../cli/src/main.ts", import.meta.url).pathname;

let stack: Awaited<ReturnType<typeof openReplay>>;
let folder: string;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "hosttrail-cli-"));
  stack = await openReplay();
});
after(async () => {
  rmSync(folder, { recursive: true });
  await stack[Symbol.asyncDispose]();
});

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

const environment = { ...process.env, TZ: "UTC" };

function hosttrail(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const command = [CLI, "--profile", stack.profileFile, ...args];
    execFile(process.execPath, command, { maxBuffer: 64 * 1024 * 1024, env: environment }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === "number" ? error.code : error === null ? 0 : -1, stdout, stderr }),
    );
  });
}

/** What a command that goes well prints. */
async function printed(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await hosttrail(...args);
  assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
  return stdout;
}

function rows(text: string): string[] {
  return text.trimEnd().split("\n");
}

function objects(text: string): Record<string, unknown>[] {
  return rows(text).map((line) => JSON.parse(line) as Record<string, unknown>);
}

function events(text: string): Event[] {
  return objects(text).map((json) => Event.fromJSON(json));
}

/** When an event happened, nanoseconds since 1970. */
function timeOf(event: Event | undefined): bigint {
  return event?.event?.timeUnixNano ?? 0n;
}

describe("hosttrail search", () => {
  it("finds all in either order, each once, and says nothing where the answer is whole", async () => {
    const { code, stdout, stderr } = await hosttrail("search", "--limit", "5000", "--order", "oldest", "--json");
    assert.equal(code, 0);
    assert.equal(stderr, "");
    const times = objects(stdout).map((json) => Event.fromJSON(json).event?.timeUnixNano ?? 0n);
    assert.equal(times.length, CAPTURE_EVENTS);
    assert.deepEqual(
      times,
      times.toSorted((a, b) => Number(a - b)),
    );
    const newest = objects(await printed("search", "--limit", "5000", "--ndjson")).map(({ id }) => id);
    assert.equal(new Set(newest).size, CAPTURE_EVENTS);
    assert.equal(newest.at(-1), objects(stdout)[0]?.["id"]);
  });

  it("takes hosts by name and id, and tells that there are more than the limit", async () => {
    const [host] = objects(await printed("hosts", "--json"));
    for (const name of [String(host?.["name"]), stack.hostId]) {
      const { code, stdout, stderr } = await hosttrail("search", "--host", name, "--limit", "3");
      assert.equal(code, 0, stderr);
      assert.equal(rows(stdout).length, 4);
      assert.match(stderr, /^hosttrail: there are more than 3; see --limit\n$/);
    }
    const nobody = await hosttrail("search", "--host", "nobody");
    assert.equal(nobody.code, 1);
    assert.match(nobody.stderr, /no host .*"nobody"/);
  });

  it("shows the columns that are asked for", async () => {
    const shown = rows(
      await printed("search", "process.name = tar", "--columns", "process.parent.name,object,file.path"),
    );
    assert.match(shown[0] ?? "", /^process\.parent\.name +OBJECT +file\.path$/);
    assert.match(shown.join("\n"), /tar czf app-6\.tar\.gz/);
    const { code, stderr } = await hosttrail("search", "--columns", "time,nonsense");
    assert.equal(code, 2);
    assert.match(stderr, /"nonsense" is no column/);
  });

  it("takes a filter that begins with a minus, and OR", async () => {
    const all = rows(await printed("count", "event.outcome = success OR -event.outcome = success"))[0];
    assert.equal(all, String(CAPTURE_EVENTS));
    const failed = Number(await printed("count", "-event.outcome = success"));
    assert.ok(failed > 0 && failed < CAPTURE_EVENTS, String(failed));
  });

  it("reads and shows times by the clocks of a zone", async () => {
    const [first = ""] = rows(await printed("search", "--limit", "1", "--columns", "time")).slice(1);
    const tokyo = rows(await printed("search", "--limit", "1", "--columns", "time", "--zone", "Asia/Tokyo"))[1] ?? "";
    assert.match(tokyo, /\+09:00$/);
    assert.equal(Date.parse(tokyo), Date.parse(first));
    const until = await printed("count", "--until", tokyo);
    const all = await printed("count");
    assert.ok(Number(until) < Number(all));
    assert.equal((await hosttrail("search", "--zone", "Mars/Olympus")).code, 2);
  });

  it("ends with 3 where the budget ended it, tells how to go on, and goes on", async () => {
    const { code, stdout, stderr } = await hosttrail("search", "--limit", "5000", "--budget", "events=500", "--json");
    assert.equal(code, 3, stderr);
    assert.match(stderr, /the answer is not complete: it would have taken more than it may/);
    const token = /--resume (\S+)/.exec(stderr)?.[1] ?? "";
    assert.notEqual(token, "");
    const rest = await hosttrail("search", "--limit", "5000", "--resume", token, "--json");
    assert.equal(rest.code, 0, rest.stderr);
    const ids = [stdout, rest.stdout].flatMap((text) => (text === "" ? [] : objects(text).map(({ id }) => id)));
    assert.equal(ids.length, CAPTURE_EVENTS);
    assert.equal(new Set(ids).size, CAPTURE_EVENTS);
  });

  it("ends quietly where its reader leaves", async () => {
    const child = spawn(
      "bash",
      [
        "-c",
        `set -o pipefail; "$0" "$@" | head -n 1`,
        process.execPath,
        CLI,
        "--profile",
        stack.profileFile,
        "search",
        "--limit",
        "5000",
        "--json",
      ],
      { env: environment },
    );
    const [code, output, errors] = await ended(child);
    assert.equal(errors, "");
    assert.equal(rows(output).length, 1);
    assert.equal(code, 0);
  });
});

function ended(child: ChildProcess): Promise<[number | null, string, string]> {
  let [output, errors] = ["", ""];
  child.stdout?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  return new Promise((resolve) => child.once("close", (code) => resolve([code, output, errors])));
}

describe("what is typed wrong", () => {
  it("is told with what is allowed, and ends with 2", async () => {
    const wrong: [string[], RegExp][] = [
      [["dance"], /"dance" is no command; known are search, tail/],
      [["serch"], /\(Did you mean search\?\)/],
      [["search", "--since", "tomorrow"], /^hosttrail: --since: "tomorrow" is no time; allowed are 90s/],
      [["search", "--since", "1h", "--until", "2h"], /nothing is between --since 1h and --until 2h/],
      [["search", "--since", "1h", "--last", "2h"], /cannot be used with/],
      [["search", "--limit", "none"], /--limit is "none"; it must be a whole number from 1/],
      [["search", "--order", "random"], /newest, oldest/],
      [["search", "--budget", "5"], /--budget is "5"; allowed are time=10s/],
      [["search", "a = 1", "b = 2"], /too many arguments/],
      [["search", "--nonsense"], /unknown option '--nonsense'/],
      [["top"], /missing required argument 'FIELD'/],
      [["top", "a.b", "c.d", "e.f", "g.h", "i.j"], /at most 4 can be counted together/],
      [["top", "not a field", "x = 1"], /"not a field" is no field/],
      [["count", "--every", "1m"], /--every needs to know from when on/],
      [["count", "--every", "0s"], /--every must be at least 1s/],
      [["count", "--metric", "median:process.pid"], /allowed are distinct/],
      [["tree"], /which process\? give --event, --alert, --entity or --pid/],
      [["tree", "--pid", "1"], /--pid is of one host/],
      [["tree", "--event", "a", "--alert", "b"], /cannot be used with/],
      [["timeline"], /'--host <HOST>' not specified/],
      [["timeline", "--host", "x", "--kinds", "nonsense"], /allowed are some of login,process/],
      [["report", "nonsense"], /anomaly/],
      [["export", "--format", "xml"], /jsonl, ecs, ocsf, csv, parquet, cef/],
      [["export", "--fields", "process.name"], /--fields goes with --format csv and parquet/],
      [["completion", "tcsh"], /bash, zsh, fish/],
      [["query", "save", "x", "--timeline"], /--timeline is of one --host/],
      [["query", "save", "x", "--metric", "most:user.name"], /allowed are distinct, min, max, sum, average/],
      [["query", "save", "x", "--by", "user.name", "--order", "oldest"], /--order is of a search/],
    ];
    for (const [words, message] of wrong) {
      const { code, stderr, stdout } = await hosttrail(...words);
      assert.match(stderr, message, words.join(" "));
      assert.equal(code, 2, words.join(" "));
      assert.equal(stdout, "", words.join(" "));
    }
  });

  it("is told by the collector where only it can tell, and ends with 1", async () => {
    const wrong: [string[], RegExp][] = [
      [["search", "nope = 1"], /unknown field "nope"/],
      [["search", "event.outcome = maybe"], /success, failure, unknown/],
      [["search", "(process.name = x"], /column/],
      [["count", "nope = 1"], /unknown field "nope"/],
      [["top", "no.such"], /no\.such/],
      [["search", "--since", "boot"], /give --host/],
      [["timeline", "--host", "nobody"], /no host .*"nobody"/],
      [["host", "show", "nobody"], /no host .*"nobody"/],
      [["query", "run", "nothing-of-the-kind"], /nothing-of-the-kind/],
      [["get", "x"], /id must be/],
    ];
    for (const [words, message] of wrong) {
      const { code, stderr } = await hosttrail(...words);
      assert.match(stderr, message, words.join(" "));
      assert.equal(code, 1, words.join(" "));
    }
  });
});

describe("hosttrail explain", () => {
  it("shows the filter with parentheses, and what answering takes", async () => {
    const filter = "process.name = tar AND event.outcome = success OR event.outcome = failure";
    const text = await printed("explain", filter);
    assert.match(text, /FILTER +.*\(.*OR.*\)/);
    assert.match(text, /FIELDS +.*process\.name/);
    const analyzed = await printed("explain", filter, "--analyze");
    assert.match(analyzed, /STEP +MS +TIMES/);
    assert.match(analyzed, /\d+ events match; \d+ bytes were read/);
  });
});

describe("hosttrail count, top and report", () => {
  it("count", async () => {
    assert.equal(await printed("count"), `${CAPTURE_EVENTS}\n`);
    const by = rows(await printed("count", "--by", "event.outcome"));
    assert.match(by[0] ?? "", /^COUNT +event\.outcome/);
    const sum = by.slice(1).reduce((total, row) => total + Number(row.trim().split(/\s+/)[0]), 0);
    assert.equal(sum, CAPTURE_EVENTS);
    const [first] = events(await printed("search", "--order", "oldest", "--limit", "1", "--json"));
    const since = `@${timeOf(first) / 1_000_000_000n}`;
    const bars = await hosttrail(
      "count",
      "--every",
      "1m",
      "--since",
      since,
      "--until",
      `@${timeOf(first) / 1_000_000_000n + 600n}`,
    );
    assert.match(bars.stdout, /Z +\d+ {2}[█▏▎▍▌▋▊▉]+\n/u, bars.stderr);
    const json = objects(await printed("count", "--metric", "distinct:process.name", "--json"))[0];
    assert.equal(json?.["done"], true);
  });

  it("find what is most frequent", async () => {
    const top = rows(await printed("top", "process.name", "event.action = executed", "--limit", "3"));
    assert.equal(top.filter((row) => /^\d/.test(row)).length, 3);
    const counts = top.slice(1, 4).map((row) => Number(row.split(/\s+/)[0]));
    assert.deepEqual(
      counts,
      counts.toSorted((a, b) => b - a),
    );
    assert.match(top.at(-1) ?? "", /more groups with \d+ events; see --limit/);
  });

  it("report as aureport does: of all, of one thing, and its summary", async () => {
    const all = await printed("report");
    assert.match(all, new RegExp(`^ *${CAPTURE_EVENTS} {2}events$`, "m"));
    assert.match(all, /^ *[1-9]\d* {2}changes of accounts and groups$/m);
    const { stdout } = await hosttrail("report", "mods", "--limit", "5");
    assert.match(stdout, /^TIME +HOST +USER +ACTION +user\.target\.name/);
    const summary = await printed("report", "executable", "--summary");
    assert.match(summary, /^COUNT +process\.executable/);
    assert.match(summary, /\/usr\/bin\//);
  });
});

describe("hosttrail tree and timeline", () => {
  it("draws the processes around an event", async () => {
    const [event] = events(
      await printed("search", "process.name = tar AND event.action = executed", "--limit", "1", "--json"),
    );
    const id = event?.id ?? "";
    const text = await printed("tree", "--event", id);
    assert.match(text, /tar .*\[\d+\].* ◀/);
    assert.match(text, /[└├]─ /);
    const pid = event?.process?.pid ?? 0;
    const at = String(timeOf(event));
    const byPid = await hosttrail(
      "tree",
      "--pid",
      String(pid),
      "--host",
      stack.hostId,
      "--at",
      `@${at.slice(0, -9)}.${at.slice(-9)}`,
    );
    assert.match(byPid.stdout, new RegExp(`tar .*\\[${pid}\\].* ◀`), byPid.stderr);
    const json = objects(await printed("tree", "--event", id, "--json"))[0];
    assert.ok(ProcessTree.fromJSON(json).nodes.length > 1);
  });

  it("tells a host's story", async () => {
    const [first] = events(await printed("search", "--order", "oldest", "--limit", "1", "--json"));
    const nanos = timeOf(first);
    const since = `@${nanos / 1_000_000_000n}`;
    const { stdout, stderr } = await hosttrail("timeline", "--host", stack.hostId, "--since", since, "--limit", "200");
    assert.match(stdout, /^TIME +KIND +USER +WHAT/, stderr);
    assert.match(stdout, / process +/);
    const kinds = await hosttrail("timeline", "--host", stack.hostId, "--since", since, "--kinds", "connection");
    assert.match(kinds.stdout, / connection +/);
    assert.doesNotMatch(kinds.stdout, / process +\w+ +executed/);
  });
});

describe("hosttrail host and diff", () => {
  it("shows a host as it is, and as it was", async () => {
    assert.match(await printed("host", "show", stack.hostId), new RegExp(`HOST +${stack.hostId}\nNAME +`));
    const [first] = events(await printed("search", "--limit", "1", "--json"));
    const nanos = timeOf(first);
    const then = await hosttrail("host", "show", stack.hostId, "--at", `@${nanos / 1_000_000_000n}`);
    assert.match(then.stdout, /AS OF +\d{4}-/, then.stderr);
    assert.match(then.stdout, /REPORTING +yes/);
  });

  it("tells what changed between two moments", async () => {
    const [first] = events(await printed("search", "--order", "oldest", "--limit", "1", "--json"));
    const nanos = timeOf(first);
    const { stdout, stderr, code } = await hosttrail("diff", stack.hostId, `@${nanos / 1_000_000_000n}`, "now");
    assert.ok(code === 0 || code === 3, stderr);
    assert.match(stdout, /account/);
  });
});

describe("hosttrail export", () => {
  it("writes a file that is there when it is whole", async () => {
    const path = join(folder, "events.csv");
    const { stderr } = await hosttrail(
      "export",
      "process.name = tar",
      "--format",
      "csv",
      "--fields",
      "process.name,process.pid",
      "--output",
      path,
    );
    assert.match(stderr, /\d+ events in /);
    const lines = readFileSync(path, "utf8").trimEnd().split("\r\n");
    assert.equal(lines[0], "process.name,process.pid");
    assert.ok(lines.length > 1 && lines.slice(1).every((line) => /^tar,\d+$/.test(line)), lines[1]);
    assert.equal(existsSync(`${path}.part`), false);
    const jsonl = await hosttrail("export", "process.name = tar", "--limit", "2");
    assert.equal(objects(jsonl.stdout).length, 2);
    const wrong = join(folder, "none.csv");
    assert.equal((await hosttrail("export", "nope = 1", "--output", wrong)).code, 1);
    assert.equal(existsSync(wrong) || existsSync(`${wrong}.part`), false);
    assert.equal((await hosttrail("export", "--output", join(folder, "no/such/folder"))).code, 1);
  });

  it("writes Parquet", async () => {
    const path = join(folder, "events.parquet");
    const { code, stderr } = await hosttrail("export", "--format", "parquet", "--output", path);
    assert.equal(code, 0, stderr);
    assert.equal(readFileSync(path).subarray(0, 4).toString(), "PAR1");
  });
});

describe("hosttrail query", () => {
  it("keeps questions, asks them with other times, and forgets them", async () => {
    const filter = "event.action = executed AND process.name = tar";
    assert.match(
      await printed("query", "save", "tars", filter, "--description", "archives", "--limit", "7"),
      /tars +search/,
    );
    const counted = ["query", "save", "by-program", "event.action = executed", "--by", "process.name", "--limit", "5"];
    await printed(...counted, "--metric", "distinct:process.pid", "--metric", "max:process.args_count");
    const listed = await printed("query", "list");
    assert.match(listed, /tars +search +event\.action = executed AND process\.name = tar/);
    assert.match(listed, /by-program +aggregate +event\.action = executed by process\.name/);
    const { stdout } = await hosttrail("query", "run", "tars");
    assert.match(stdout, /tar czf/);
    assert.match(
      await printed("query", "run", "by-program"),
      /^COUNT +process\.name +distinct:process\.pid +max:process\.args_count/,
    );
    await printed("query", "save", "first", "event.action = executed", "--order", "oldest", "--limit", "5");
    const ordered = rows(await printed("query", "run", "first", "--json")).map((row) => JSON.parse(row).id as string);
    const searched = ["search", "event.action = executed", "--order", "oldest", "--limit", "5", "--json"];
    assert.equal(ordered.length, 5);
    assert.deepEqual(
      ordered,
      rows(await printed(...searched)).map((row) => JSON.parse(row).id as string),
    );
    assert.equal(
      rows(await printed("query", "run", "tars", "--since", "2020-01-01", "--until", "2020-01-02")).length,
      1,
    );
    await printed("query", "delete", "tars");
    assert.doesNotMatch(await printed("query", "list"), /tars/);
    assert.equal((await hosttrail("query", "save", "Not A Name")).code, 1);
  });
});

describe("on a terminal", () => {
  /** Runs it in a pseudo terminal of so many columns. */
  async function onTerminal(columns: number, ...args: string[]): Promise<string> {
    const words = [process.execPath, CLI, "--profile", stack.profileFile, ...args].map((word) => `'${word}'`).join(" ");
    const child = spawn("script", ["-qec", `stty cols ${columns}; ${words}`, "/dev/null"], {
      env: { ...environment, TERM: "xterm", PAGER: "sed s/^/paged:/" },
    });
    const [, output] = await ended(child);
    // What is told of a question that takes long is wiped away before its answer.
    const wiped = output.split("\r\u001b[K");
    const kept = wiped.map((part, at) => (at === wiped.length - 1 ? part : part.slice(0, part.lastIndexOf("\n") + 1)));
    return kept.join("").replaceAll("\r", "");
  }

  it("tables fit its width, with colours, through the pager; elsewhere nothing is cut", async () => {
    const text = await onTerminal(100, "search", "event.outcome = failure", "--limit", "20");
    const lines = rows(text);
    assert.equal(lines.filter((line) => line.startsWith("paged:")).length, 21, text);
    const bare = lines.map((line) => stripVTControlCharacters(line.replace("paged:", "")));
    assert.ok(
      bare.slice(0, 21).every((line) => line.length <= 100),
      bare.find((line) => line.length > 100),
    );
    assert.ok(text.includes("\u001b[31mfailure\u001b[39m"));
    assert.doesNotMatch(bare[0] ?? "", /ID/);
    const wide = await onTerminal(
      100,
      "search",
      "event.outcome = failure",
      "--limit",
      "1",
      "--wide",
      "--no-pager",
      "--color",
      "never",
    );
    assert.match(wide, /^TIME .* ID$/m);
    assert.ok(!wide.includes("\u001b["));
    assert.match(await printed("search", "--limit", "1"), /^TIME .* ID$/m);
  });
});

describe("hosttrail tail", () => {
  it("ends in order by SIGINT", async () => {
    const child = spawn(process.execPath, [CLI, "--profile", stack.profileFile, "tail", "--host", stack.hostId], {
      env: environment,
    });
    const end = ended(child);
    const timer = setInterval(() => child.kill("SIGINT"), 3000);
    const [code, , errors] = await end;
    clearInterval(timer);
    assert.equal(errors, "");
    assert.equal(code, 0);
  });
});
